#include "api/config_alter_call.h"

#include "api/broker_loggers.h"
#include "api/config_resource.h"
#include "api/request_text.h"
#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"

static void settle(struct alter_resource *resource, enum err err, const char *message)
{
    resource->is_settled = true;
    resource->alter.err = err;
    resource->alter.message = message;
}

/* --- from the request -------------------------------------------------------------------------------------
 */

/* In the request's arena; NULL stays NULL. */
static const char *take_text(struct alter_call *alter, struct alter_resource *resource, struct view text)
{
    if (view_is_null(text))
        return NULL;
    if (!request_text_is_storable(text))
        settle(resource, ERR_INVALID_REQUEST, "A name or value holds bytes that are not text.");
    return arena_cstr(&alter->call->req->arena, text);
}

struct alter_call *alter_call_new(struct api_call *call, int32_t count, bool validate_only,
                                  void (*answer)(struct alter_call *alter))
{
    struct alter_call *alter = CALL_ALLOC(call, struct alter_call);
    alter->call = call;
    alter->count = count > 0 ? count : 0;
    alter->resources = arena_zalloc(&call->req->arena, sizeof *alter->resources * ((size_t)alter->count + 1));
    alter->validate_only = validate_only;
    alter->answer = answer;
    return alter;
}

struct alter_resource *alter_call_resource(struct alter_call *alter, int32_t i, int8_t type, struct view name,
                                           int32_t edits_count)
{
    struct alter_resource *resource = &alter->resources[i];
    resource->type = type;
    resource->name = name;
    resource->edits_count = edits_count > 0 ? (size_t)edits_count : 0;
    resource->edits =
        arena_zalloc(&alter->call->req->arena, sizeof *resource->edits * (resource->edits_count + 1));
    return resource;
}

void alter_call_edit(struct alter_call *alter, struct alter_resource *resource, size_t e,
                     enum config_edit_op op, struct view name, struct view value)
{
    resource->edits[e] = (struct config_edit){
        .op = op, .name = take_text(alter, resource, name), .value = take_text(alter, resource, value)};
}

int16_t alter_call_outcome(struct alter_call *alter, int32_t i, int8_t *type, struct view *name,
                           struct view *message)
{
    const struct alter_resource *resource = &alter->resources[i];
    *type = resource->type;
    *name = resource->name;
    *message = view_str(resource->alter.message);
    return call_error(alter->call, resource->alter.err);
}

/* --- checks, in Kafka's order --------------------------------------------------------------------------- */

static void refuse_repeated_resources(struct alter_call *alter)
{
    struct map seen = {0};
    for (int32_t i = 0; i < alter->count; i++) {
        struct alter_resource *resource = &alter->resources[i];
        struct buf key = {0};
        buf_put_i8(&key, resource->type);
        buf_put_view(&key, resource->name);
        struct alter_resource *first = map_get(&seen, buf_view(&key));
        if (first) {
            settle(first, ERR_INVALID_REQUEST, "Each resource must appear at most once.");
            settle(resource, ERR_INVALID_REQUEST, "Each resource must appear at most once.");
        } else {
            map_put(&seen, buf_view(&key), resource);
        }
        buf_close(&key);
    }
    map_close(&seen);
}

static bool has_repeated_names(const struct alter_resource *resource)
{
    struct map seen = {0};
    bool repeated = false;
    for (size_t i = 0; i < resource->edits_count && !repeated; i++)
        repeated = map_put_str(&seen, resource->edits[i].name, &resource->edits[i]) != NULL;
    map_close(&seen);
    return repeated;
}

/* Names with a null value, which only a deletion may have; NULL when there is none. */
static const char *null_names(const struct alter_call *alter, const struct alter_resource *resource)
{
    struct buf names = {0};
    for (size_t i = 0; i < resource->edits_count; i++)
        if (!resource->edits[i].value && resource->edits[i].op != CONFIG_EDIT_DELETE)
            buf_printf(&names, "%s%s", names.len > 0 ? ", " : "", resource->edits[i].name);
    const char *out = names.len == 0 ? NULL
                                     : arena_printf(&alter->call->req->arena,
                                                    "Null value not supported for : %s", buf_cstr(&names));
    buf_close(&names);
    return out;
}

static bool has_unknown_op(const struct alter_resource *resource)
{
    for (size_t i = 0; i < resource->edits_count; i++)
        if (resource->edits[i].op < CONFIG_EDIT_SET || resource->edits[i].op > CONFIG_EDIT_SUBTRACT)
            return true;
    return false;
}

static void take_broker(struct alter_call *alter, struct alter_resource *resource)
{
    struct api_call *call = alter->call;
    struct errmsg why;
    resource->alter.kind = resource->name.len > 0 ? CONFIG_ALTER_BROKER : CONFIG_ALTER_ALL_BROKERS;
    if (resource->name.len > 0 &&
        config_resource_check_id(call, resource->name, "Node id", ",", &why) != ERR_NONE)
        settle(resource, ERR_INVALID_REQUEST, arena_strdup(&call->req->arena, why.text));
}

static void take_topic(struct alter_call *alter, struct alter_resource *resource)
{
    const struct metadata *metadata = metadata_cache_get(alter->call->broker->metadata);
    resource->alter.kind = CONFIG_ALTER_TOPIC;
    resource->alter.topic = request_topic_name(alter->call, resource->name);
    resource->alter.topic_known = metadata_topic(metadata, resource->name) != NULL;
}

static void take_logger(struct alter_call *alter, struct alter_resource *resource)
{
    struct api_call *call = alter->call;
    struct errmsg why;
    enum err err = config_resource_check_id(call, resource->name, "Node id", "", &why);
    if (err == ERR_NONE)
        err = broker_loggers_alter(resource->edits, resource->edits_count, alter->validate_only, &why);
    settle(resource, err, err == ERR_NONE ? NULL : arena_strdup(&call->req->arena, why.text));
}

static void take_up(struct alter_call *alter, struct alter_resource *resource)
{
    struct arena *arena = &alter->call->req->arena;
    resource->alter.replace = !alter->incremental;
    resource->alter.edits = resource->edits;
    resource->alter.edits_count = resource->edits_count;
    const char *nulls;
    if (has_repeated_names(resource))
        settle(resource, ERR_INVALID_REQUEST, "Error due to duplicate config keys");
    else if ((nulls = null_names(alter, resource)))
        settle(resource, ERR_INVALID_REQUEST, nulls);
    else if (resource->type == CONFIG_RESOURCE_LOGGER && alter->incremental)
        take_logger(alter, resource);
    else if (has_unknown_op(resource))
        settle(resource, ERR_INVALID_REQUEST, "Unknown operations type");
    else if (resource->type == CONFIG_RESOURCE_BROKER)
        take_broker(alter, resource);
    else if (resource->type == CONFIG_RESOURCE_TOPIC)
        take_topic(alter, resource);
    else if (resource->type == CONFIG_RESOURCE_CLIENT_METRICS)
        settle(resource, ERR_INVALID_REQUEST,
               "AlterConfigs is only supported for topics and brokers, but resource type is CLIENT_METRICS");
    else
        settle(resource, ERR_INVALID_REQUEST,
               arena_printf(arena, "Unknown resource type %d", resource->type));
}

/* --- the work ----------------------------------------------------------------------------------------------
 */

static void work_run(struct work *work)
{
    struct alter_call *alter = CONTAINER_OF(work, struct alter_call, work);
    for (int32_t i = 0; i < alter->count; i++)
        if (!alter->resources[i].is_settled)
            config_alter_run(alter->call->broker, &alter->resources[i].alter, alter->validate_only,
                             &alter->call->req->arena);
}

static void work_done(struct work *work, bool discard)
{
    (void)discard;
    struct alter_call *alter = CONTAINER_OF(work, struct alter_call, work);
    alter->answer(alter);
}

void alter_call_run(struct alter_call *alter)
{
    bool any = false;
    refuse_repeated_resources(alter);
    for (int32_t i = 0; i < alter->count; i++) {
        if (!alter->resources[i].is_settled)
            take_up(alter, &alter->resources[i]);
        any |= !alter->resources[i].is_settled;
    }
    if (!any) {
        alter->answer(alter);
        return;
    }
    alter->work = (struct work){
        .home = alter->call->req->loop, .run = work_run, .done = work_done, .label = "alter_configs"};
    workers_submit(alter->call->broker->workers, &alter->work);
}
