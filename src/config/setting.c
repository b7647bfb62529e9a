#include "config/setting.h"

#include "base/buf.h"
#include "config/versions.h"

const char *config_type_name(enum config_type type)
{
    switch (type) {
    case CONFIG_TYPE_UNKNOWN:
        break;
    case CONFIG_TYPE_BOOLEAN:
        return "boolean";
    case CONFIG_TYPE_STRING:
        return "string";
    case CONFIG_TYPE_INT:
        return "int";
    case CONFIG_TYPE_SHORT:
        return "short";
    case CONFIG_TYPE_LONG:
        return "long";
    case CONFIG_TYPE_DOUBLE:
        return "double";
    case CONFIG_TYPE_LIST:
        return "list";
    case CONFIG_TYPE_CLASS:
        return "class";
    case CONFIG_TYPE_PASSWORD:
        return "password";
    }
    return "unknown";
}

const char *setting_update_name(enum setting_update update)
{
    switch (update) {
    case UPDATE_READ_ONLY:
        break;
    case UPDATE_PER_BROKER:
        return "per-broker";
    case UPDATE_CLUSTER_WIDE:
        return "cluster-wide";
    }
    return "read-only";
}

const char *setting_importance_name(enum setting_importance importance)
{
    return importance == IMPORTANCE_HIGH ? "high" : importance == IMPORTANCE_MEDIUM ? "medium" : "low";
}

void valid_put_text(const struct valid *valid, struct buf *out)
{
    switch (valid->kind) {
    case VALID_KIND_ANY:
        break;
    case VALID_KIND_RANGE:
        if (valid->has_max)
            buf_printf(out, "[%.15g,...,%.15g]", valid->min, valid->max);
        else
            buf_printf(out, "[%.15g,...]", valid->min);
        break;
    case VALID_KIND_RANGE_OR_MINUS_ONE:
        if (valid->has_max)
            buf_printf(out, "[%.15g,...,%.15g] or -1", valid->min, valid->max);
        else
            buf_printf(out, "[-1] or [%.15g,...]", valid->min);
        break;
    case VALID_KIND_ONE_OF:
        buf_printf(out, "[%s]", valid->choices);
        break;
    case VALID_KIND_ONE_OF_ANY_CASE:
        buf_printf(out, "(case insensitive) [%s]", valid->choices);
        break;
    case VALID_KIND_NON_EMPTY:
        buf_put_str(out, "non-empty string");
        break;
    case VALID_KIND_NON_NULL:
        buf_put_str(out, "non-null string");
        break;
    case VALID_KIND_METADATA_VERSION:
        buf_put_str(out, "[");
        metadata_version_put_all(out);
        buf_put_str(out, "]");
        break;
    case VALID_KIND_REPLICA_LIST:
        buf_put_str(out, "[partitionId]:[brokerId],[partitionId]:[brokerId],... or *");
        break;
    case VALID_KIND_HOST_PORT:
        buf_put_str(out, "host:port, :port or empty");
        break;
    }
}
