/*
 * DescribeConfigs (32).
 *
 *   what topics set is read from ZooKeeper, all in one go -> the answer is put together, on a
 *   worker when it is about many topics -> answer
 *
 * Topics are shown as ZooKeeper has them, so that who changes a setting finds it changed;
 * brokers are shown as they work now.
 */
#include "api/api.h"

#include "api/broker_loggers.h"
#include "api/config_resource.h"
#include "api/request_text.h"
#include "base/mem.h"
#include "config/describe.h"
#include "core/controller/topic_name.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"
#include "service/settings/config_read.h"

#define SOURCE_BROKER_LOGGER 6

/* More topics than this are described on a worker. */
#define INLINE_TOPICS_MAX 50

typedef struct wire_describe_configs_request_describe_configs_resource asked_resource;
typedef struct wire_describe_configs_response_describe_configs_result answer_resource;
typedef struct wire_describe_configs_response_describe_configs_resource_result answer_config;

struct describe_state {
    struct api_call *call;
    const struct wire_describe_configs_request *request;
    struct wire_describe_configs_response *answer;
    struct config *config; /* shared: the answer borrows from it */
    struct config_read read;
    int32_t *read_of; /* for each item of `read`: the resource it is of */
    struct work work;
};

/* What Kafka says of a request that is refused as a whole. */
static const char SENSELESS[] =
    "This most likely occurs because of a request being malformed by the client library or the message was "
    "sent to an incompatible broker. See the broker logs for more details.";

static void finish(struct describe_state *state)
{
    struct config *config = state->config;
    call_answer(state->call, state->answer); /* the end of `state` */
    config_release(config);
}

/* --- entries -------------------------------------------------------------------------------------------- */

static void put_synonyms(struct describe_state *state, const struct config_entry *from, answer_config *to)
{
    to->synonyms = wire_new(&wire_describe_configs_response_describe_configs_synonym_desc,
                            &state->call->req->arena, from->synonym_count);
    to->synonyms_count = (int32_t)from->synonym_count;
    for (size_t i = 0; i < from->synonym_count; i++) {
        to->synonyms[i].name = view_str(from->synonyms[i].name);
        to->synonyms[i].value = view_str(from->synonyms[i].value);
        to->synonyms[i].source = (int8_t)from->synonyms[i].source;
    }
}

static void put_entry(struct describe_state *state, const struct config_entry *from, answer_config *to)
{
    to->name = view_str(from->name);
    to->value = view_str(from->value);
    to->read_only = from->read_only;
    to->config_source = (int8_t)from->source;
    to->is_sensitive = from->sensitive;
    to->config_type = (int8_t)from->type;
    to->documentation = state->request->include_documentation ? view_str(from->documentation) : VIEW_NULL;
    if (state->request->include_synonyms)
        put_synonyms(state, from, to);
}

/* Entries that are asked for; all of them when no name is given. */
static void put_entries(struct describe_state *state, const asked_resource *asked,
                        struct config_entries entries, answer_resource *to)
{
    struct map names = {0};
    for (int32_t i = 0; i < asked->configuration_keys_count; i++)
        map_put(&names, asked->configuration_keys[i], (void *)(uintptr_t)asked);
    to->configs = wire_new(&wire_describe_configs_response_describe_configs_resource_result_desc,
                           &state->call->req->arena, entries.count);
    for (size_t i = 0; i < entries.count; i++)
        if (asked->configuration_keys_count <= 0 || map_get_str(&names, entries.items[i].name))
            put_entry(state, &entries.items[i], &to->configs[to->configs_count++]);
    map_close(&names);
}

/* --- resources ------------------------------------------------------------------------------------------ */

static void refuse(struct describe_state *state, answer_resource *to, enum err err, const char *message)
{
    to->error_code = call_error(state->call, err);
    if (message)
        to->error_message = view_str(arena_strdup(&state->call->req->arena, message));
}

static void put_broker(struct describe_state *state, const asked_resource *asked, answer_resource *to)
{
    struct arena *arena = &state->call->req->arena;
    struct errmsg why;
    if (asked->resource_name.len == 0)
        put_entries(state, asked, config_describe_cluster_default(state->config, arena), to);
    else if (config_resource_check_id(state->call, asked->resource_name, "Broker id", " or empty string,",
                                      &why) != ERR_NONE)
        refuse(state, to, ERR_INVALID_REQUEST, why.text);
    else
        put_entries(state, asked, config_describe_broker(state->config, arena), to);
}

static void put_loggers(struct describe_state *state, const asked_resource *asked, answer_resource *to)
{
    struct errmsg why;
    struct config_entry root = {.name = BROKER_LOGGER_ROOT, .value = broker_loggers_root_level()};
    if (asked->resource_name.len == 0) {
        refuse(state, to, ERR_INVALID_REQUEST, "Broker id must not be empty");
    } else if (config_resource_check_id(state->call, asked->resource_name, "Broker id", "", &why) !=
               ERR_NONE) {
        refuse(state, to, ERR_INVALID_REQUEST, why.text);
    } else {
        put_entries(state, asked, (struct config_entries){&root, 1}, to);
        if (to->configs_count > 0) {
            to->configs[0].config_source = SOURCE_BROKER_LOGGER;
            to->configs[0].documentation = VIEW_LIT("");
        }
    }
}

/* A topic that is there is put off until its settings are read. */
static void begin_topic(struct describe_state *state, const asked_resource *asked, answer_resource *to)
{
    const char *name = request_topic_name(state->call, asked->resource_name);
    struct errmsg why;
    if (!topic_name_is_valid(name, &why)) {
        refuse(state, to, ERR_INVALID_TOPIC_EXCEPTION, why.text);
    } else if (!metadata_topic(metadata_cache_get(state->call->broker->metadata), asked->resource_name)) {
        refuse(state, to, ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    } else {
        state->read_of[state->read.count] = (int32_t)(asked - state->request->resources);
        state->read.items[state->read.count++].topic = name;
    }
}

static void begin_resource(struct describe_state *state, const asked_resource *asked, answer_resource *to)
{
    to->resource_type = asked->resource_type;
    to->resource_name = asked->resource_name;
    switch (asked->resource_type) {
    case CONFIG_RESOURCE_TOPIC:
        begin_topic(state, asked, to);
        break;
    case CONFIG_RESOURCE_BROKER:
        put_broker(state, asked, to);
        break;
    case CONFIG_RESOURCE_LOGGER:
        put_loggers(state, asked, to);
        break;
    case CONFIG_RESOURCE_CLIENT_METRICS:
        refuse(state, to, ERR_INVALID_REQUEST,
               asked->resource_name.len == 0
                   ? "Client metrics subscription name must not be empty"
                   : "Config type client-metrics is only supported on KRaft clusters");
        break;
    default:
        break;
    }
}

/* --- topics, once they are read ------------------------------------------------------------------------ */

static void put_topics(struct describe_state *state)
{
    for (size_t i = 0; i < state->read.count; i++) {
        int32_t at = state->read_of[i];
        struct config_entries entries =
            topic_config_describe(state->config, state->read.items[i].pairs, &state->call->req->arena);
        put_entries(state, &state->request->resources[at], entries, &state->answer->results[at]);
    }
}

static void work_run(struct work *work)
{
    put_topics(CONTAINER_OF(work, struct describe_state, work));
}

static void work_done(struct work *work, bool discard)
{
    (void)discard;
    finish(CONTAINER_OF(work, struct describe_state, work));
}

static void topics_read(struct config_read *read)
{
    struct describe_state *state = CONTAINER_OF(read, struct describe_state, read);
    if (read->count <= INLINE_TOPICS_MAX) {
        put_topics(state);
        finish(state);
        return;
    }
    state->work = (struct work){
        .home = state->call->req->loop, .run = work_run, .done = work_done, .label = "describe_configs"};
    workers_submit(state->call->broker->workers, &state->work);
}

/* --- the call --------------------------------------------------------------------------------------------
 */

static bool has_unknown_type(const struct wire_describe_configs_request *request)
{
    for (int32_t i = 0; i < request->resources_count; i++)
        switch (request->resources[i].resource_type) {
        case CONFIG_RESOURCE_TOPIC:
        case CONFIG_RESOURCE_BROKER:
        case CONFIG_RESOURCE_LOGGER:
        case CONFIG_RESOURCE_CLIENT_METRICS:
            break;
        default:
            return true;
        }
    return false;
}

static void refuse_all(struct describe_state *state)
{
    for (int32_t i = 0; i < state->answer->results_count; i++) {
        state->answer->results[i].resource_type = state->request->resources[i].resource_type;
        state->answer->results[i].resource_name = state->request->resources[i].resource_name;
        refuse(state, &state->answer->results[i], ERR_INVALID_REQUEST, SENSELESS);
    }
    finish(state);
}

void api_describe_configs(struct api_call *call)
{
    const struct wire_describe_configs_request *request = call_decode(call);
    if (!request)
        return;
    struct arena *arena = &call->req->arena;
    struct describe_state *state = CALL_ALLOC(call, struct describe_state);
    int32_t count = request->resources_count > 0 ? request->resources_count : 0;
    state->call = call;
    state->request = request;
    state->answer = call_new_answer(call);
    state->config = config_share(snapshot_get(&call->broker->config));
    state->answer->results =
        wire_new(&wire_describe_configs_response_describe_configs_result_desc, arena, (size_t)count);
    state->answer->results_count = count;
    if (has_unknown_type(request)) {
        refuse_all(state);
        return;
    }
    state->read.broker = call->broker;
    state->read.arena = arena;
    state->read.items = arena_zalloc(arena, sizeof *state->read.items * ((size_t)count + 1));
    state->read.done = topics_read;
    state->read_of = arena_alloc(arena, sizeof *state->read_of * ((size_t)count + 1));
    for (int32_t i = 0; i < count; i++)
        begin_resource(state, &request->resources[i], &state->answer->results[i]);
    if (state->read.count == 0)
        finish(state);
    else
        config_read_submit(&state->read);
}
