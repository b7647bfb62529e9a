/*
 * What the tables say of one setting: name, type, default, valid values, who may change it when,
 * what it means, and what we make of it.
 *
 * Ownership: constants; everything here lives as long as the program.
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_SETTING_H
#define BARNABAS_CONFIG_SETTING_H

#include <stdbool.h>
#include <stdint.h>

struct buf;

/* Values are the wire codes of DescribeConfigs v3 (ConfigType). */
enum config_type {
    CONFIG_TYPE_UNKNOWN = 0, /* a name that no table knows */
    CONFIG_TYPE_BOOLEAN = 1,
    CONFIG_TYPE_STRING = 2,
    CONFIG_TYPE_INT = 3,
    CONFIG_TYPE_SHORT = 4,
    CONFIG_TYPE_LONG = 5,
    CONFIG_TYPE_DOUBLE = 6,
    CONFIG_TYPE_LIST = 7,
    CONFIG_TYPE_CLASS = 8,
    CONFIG_TYPE_PASSWORD = 9,
};

enum valid_kind {
    VALID_KIND_ANY,
    VALID_KIND_RANGE,              /* min and, if has_max, max */
    VALID_KIND_RANGE_OR_MINUS_ONE, /* the same, or -1 */
    VALID_KIND_ONE_OF,             /* `choices`; of a list, each element */
    VALID_KIND_ONE_OF_ANY_CASE,
    VALID_KIND_NON_EMPTY,        /* null is fine */
    VALID_KIND_NON_NULL,         /* empty is fine */
    VALID_KIND_METADATA_VERSION, /* "3.9-IV0", "3.9", "0.10.2.1" */
    VALID_KIND_REPLICA_LIST,     /* "0:1,1:2" or "*" */
    VALID_KIND_HOST_PORT,        /* "host:port" or empty */
};

struct valid {
    enum valid_kind kind;
    bool has_max;
    double min; /* compared as doubles, as Kafka does */
    double max;
    const char *choices; /* "a, b, c" */
};

enum setting_update { UPDATE_READ_ONLY, UPDATE_PER_BROKER, UPDATE_CLUSTER_WIDE };

/* Who in Kafka reads it; see config/broker_settings.def. */
enum setting_scope {
    SCOPE_BOTH,
    SCOPE_ZOOKEEPER,
    SCOPE_MIGRATION,
    SCOPE_KRAFT,
    SCOPE_DYNAMIC,
    SCOPE_PLUGIN,
    SCOPE_OURS,
};

enum setting_importance { IMPORTANCE_HIGH, IMPORTANCE_MEDIUM, IMPORTANCE_LOW };

enum setting_effect {
    EFFECT_KIND_HONOURED,
    EFFECT_KIND_NONE,               /* accepted; one line says why it has no effect */
    EFFECT_KIND_REFUSED_IF_SET,     /* a value that is not empty stops the start */
    EFFECT_KIND_REFUSED_IF_TRUE,    /* "true" stops the start */
    EFFECT_KIND_REFUSED_IF_CHANGED, /* a value other than the default stops the start */
};

struct setting {
    const char *name;
    enum config_type type;
    const char *default_text; /* NULL = unset */
    struct valid valid;
    enum setting_update update;
    enum setting_scope scope;
    enum setting_importance importance;
    enum setting_effect effect;
    const char *reason; /* why it has no effect or is refused; NULL when honoured */
    const char *meaning;
    bool internal;
};

/* "int", "password". */
const char *config_type_name(enum config_type type);
/* "read-only", "per-broker", "cluster-wide". */
const char *setting_update_name(enum setting_update update);
const char *setting_importance_name(enum setting_importance importance);
/* Values must not be shown: passwords, and whatever has no known type. */
static inline bool config_type_is_sensitive(enum config_type type)
{
    return type == CONFIG_TYPE_PASSWORD || type == CONFIG_TYPE_UNKNOWN;
}
/* Appends the valid values in Kafka's notation ("[1,...]", "[a, b]"); nothing when only the type counts. */
void valid_put_text(const struct valid *valid, struct buf *out);

#endif
