/*
 * Metadata (3): who leads what, and where the brokers are, by the listener that was asked.
 *
 * A broker that has just started knows of nobody until the controller tells it. Kafka answers so; librdkafka
 * then forgets every address that it has, the first ones included, and never asks again. Here the question
 * waits for the controller; where it waits in vain the connection is closed, and the client asks another.
 */
#include "api/api.h"

#include "base/map.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/metadata/metadata.h"
#include "service/controller/topic_creation.h"
#include "service/metadata_cache.h"

typedef struct wire_metadata_request_metadata_request_topic asked_topic;
typedef struct wire_metadata_response_metadata_response_topic answer_topic;
typedef struct wire_metadata_response_metadata_response_partition answer_partition;

struct metadata_state {
    struct api_call *call;
    const struct wire_metadata_request *request;
    const struct metadata *metadata;
    struct wire_metadata_response *answer;
    const char *listener;
};

/* What may be done with a topic or the cluster when there is no authorizer: everything that makes sense. */
#define TOPIC_OPERATIONS     0x0df8 /* READ .. DESCRIBE, DESCRIBE_CONFIGS, ALTER_CONFIGS */
#define CLUSTER_OPERATIONS   0x1fa0 /* CREATE ALTER DESCRIBE CLUSTER_ACTION .. IDEMPOTENT_WRITE */
#define OPERATIONS_NOT_ASKED INT32_MIN

/* So long the controller may take to tell of the cluster. */
#define TOLD_WITHIN_MS 5000

static bool is_internal(struct view name)
{
    return view_equal_str(name, "__consumer_offsets") || view_equal_str(name, "__transaction_state");
}

/* --- partitions ---------------------------------------------------------------------------------------- */

/* Version 0 clients take every id for a live broker: the others are left out. */
static int32_t *live_only(struct metadata_state *state, const int32_t *ids, int32_t count, int32_t *kept)
{
    int32_t *out = arena_alloc(&state->call->req->arena, sizeof *out * (size_t)(count + 1));
    *kept = 0;
    for (int32_t i = 0; i < count; i++)
        if (metadata_broker(state->metadata, ids[i]))
            out[(*kept)++] = ids[i];
    return out;
}

static enum err leader_error(const struct metadata_state *state, const struct metadata_partition *from)
{
    const struct metadata_broker *leader = metadata_broker(state->metadata, from->leader);
    if (from->leader < 0 || !leader)
        return ERR_LEADER_NOT_AVAILABLE;
    if (!metadata_broker_endpoint(leader, state->listener))
        return state->call->version >= 6 ? ERR_LISTENER_NOT_FOUND : ERR_LEADER_NOT_AVAILABLE;
    return ERR_NONE;
}

static void put_partition(struct metadata_state *state, const struct metadata_partition *from, int32_t index,
                          answer_partition *to)
{
    enum err err = leader_error(state, from);
    to->partition_index = index;
    to->leader_id = err == ERR_NONE ? from->leader : -1;
    to->leader_epoch = from->leader_epoch;
    to->replica_nodes = from->replicas;
    to->replica_nodes_count = from->replicas_count;
    to->isr_nodes = from->isr;
    to->isr_nodes_count = from->isr_count;
    to->offline_replicas = from->offline;
    to->offline_replicas_count = from->offline_count;
    if (state->call->version == 0) {
        to->replica_nodes = live_only(state, from->replicas, from->replicas_count, &to->replica_nodes_count);
        to->isr_nodes = live_only(state, from->isr, from->isr_count, &to->isr_nodes_count);
        bool all_live =
            to->replica_nodes_count == from->replicas_count && to->isr_nodes_count == from->isr_count;
        if (err == ERR_NONE && !all_live)
            err = ERR_REPLICA_NOT_AVAILABLE;
    }
    to->error_code = call_error(state->call, err);
}

/* --- topics -------------------------------------------------------------------------------------------- */

static answer_topic *next_topic(struct metadata_state *state)
{
    return &state->answer->topics[state->answer->topics_count++];
}

static int32_t topic_operations(const struct metadata_state *state)
{
    bool asked = state->call->version >= 8 && state->request->include_topic_authorized_operations;
    return asked ? TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED;
}

static void put_topic(struct metadata_state *state, const struct metadata_topic *from)
{
    answer_topic *to = next_topic(state);
    to->name = view_str(from->name);
    to->topic_id = from->id;
    to->is_internal = is_internal(to->name);
    to->topic_authorized_operations = topic_operations(state);
    to->partitions = wire_new(&wire_metadata_response_metadata_response_partition_desc,
                              &state->call->req->arena, (size_t)from->partitions_count);
    for (int32_t p = 0; p < from->partitions_count; p++)
        if (from->partitions[p].known)
            put_partition(state, &from->partitions[p], p, &to->partitions[to->partitions_count++]);
}

static void put_missing(struct metadata_state *state, struct view name, struct uuid id, enum err err)
{
    answer_topic *to = next_topic(state);
    to->name = name;
    to->topic_id = id;
    to->is_internal = !view_is_null(name) && is_internal(name);
    to->topic_authorized_operations = topic_operations(state);
    to->error_code = call_error(state->call, err);
}

/* A name that the cluster does not have: made on the fly if that is allowed. */
static void put_unknown_name(struct metadata_state *state, struct view name)
{
    struct uuid none = {{0}};
    bool may_create = state->call->version < 4 || state->request->allow_auto_topic_creation;
    enum err err = topic_creation_on_demand(state->call->broker, name, may_create);
    put_missing(state, name, none, err);
}

static bool asks_by_id(const struct wire_metadata_request *request)
{
    for (int32_t i = 0; i < request->topics_count; i++)
        if (!uuid_is_zero(request->topics[i].topic_id))
            return true;
    return false;
}

static void put_one(struct metadata_state *state, const asked_topic *asked, bool by_id)
{
    const struct metadata_topic *topic = by_id ? metadata_topic_by_id(state->metadata, asked->topic_id)
                                               : metadata_topic(state->metadata, asked->name);
    if (topic)
        put_topic(state, topic);
    else if (by_id)
        put_missing(state, VIEW_NULL, asked->topic_id, ERR_UNKNOWN_TOPIC_ID);
    else
        put_unknown_name(state, asked->name);
}

/* Each once, however often it is named: a small request could ask for any number of large answers. */
static void put_asked(struct metadata_state *state)
{
    const struct wire_metadata_request *request = state->request;
    bool by_id = asks_by_id(request);
    struct map seen = {0};
    for (int32_t i = 0; i < request->topics_count; i++) {
        asked_topic *asked = &request->topics[i];
        struct view key = by_id ? view_of(&asked->topic_id, sizeof asked->topic_id) : asked->name;
        bool skipped = by_id && uuid_is_zero(asked->topic_id);
        if (!skipped && !map_put(&seen, key, asked))
            put_one(state, asked, by_id);
    }
    map_close(&seen);
}

static void put_all(struct metadata_state *state)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&state->metadata->topics, &it)))
        put_topic(state, slot->value);
}

static void put_topics(struct metadata_state *state)
{
    const struct wire_metadata_request *request = state->request;
    bool all = request->topics_count < 0 || (state->call->version == 0 && request->topics_count == 0);
    size_t most = all ? state->metadata->topics.count : (size_t)request->topics_count;
    state->answer->topics =
        wire_new(&wire_metadata_response_metadata_response_topic_desc, &state->call->req->arena, most);
    if (all)
        put_all(state);
    else
        put_asked(state);
}

/* --- the rest ------------------------------------------------------------------------------------------- */

static void put_brokers(struct metadata_state *state)
{
    const struct metadata *metadata = state->metadata;
    struct wire_metadata_response *answer = state->answer;
    answer->brokers = wire_new(&wire_metadata_response_metadata_response_broker_desc,
                               &state->call->req->arena, (size_t)metadata->brokers_count);
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        const struct metadata_broker *broker = &metadata->brokers[i];
        const struct metadata_endpoint *endpoint = metadata_broker_endpoint(broker, state->listener);
        if (!endpoint)
            continue;
        answer->brokers[answer->brokers_count++] =
            (struct wire_metadata_response_metadata_response_broker){.node_id = broker->id,
                                                                     .host = view_str(endpoint->host),
                                                                     .port = endpoint->port,
                                                                     .rack = view_str(broker->rack)};
    }
}

/* Versions 10 and 11 have the field for a topic's id but may not use it. */
static bool is_misused(const struct api_call *call, const struct wire_metadata_request *request)
{
    if (call->version < 10 || call->version > 11)
        return false;
    for (int32_t i = 0; i < request->topics_count; i++)
        if (view_is_null(request->topics[i].name) || !uuid_is_zero(request->topics[i].topic_id))
            return true;
    return false;
}

static void answer(struct api_call *call, const struct wire_metadata_request *request)
{
    struct metadata_state state = {.call = call,
                                   .request = request,
                                   .metadata = metadata_cache_get(call->broker->metadata),
                                   .answer = call_new_answer(call),
                                   .listener = call_listener(call)};
    put_brokers(&state);
    state.answer->cluster_id = view_str(call->broker->cluster_id);
    state.answer->controller_id = state.metadata->controller_id;
    bool asked = call->version >= 8 && call->version <= 10 && request->include_cluster_authorized_operations;
    state.answer->cluster_authorized_operations = asked ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED;
    if (is_misused(call, request)) {
        state.answer->topics = wire_new(&wire_metadata_response_metadata_response_topic_desc,
                                        &call->req->arena, (size_t)request->topics_count);
        for (int32_t i = 0; i < request->topics_count; i++)
            put_missing(&state,
                        view_is_null(request->topics[i].name) ? VIEW_LIT("") : request->topics[i].name,
                        request->topics[i].topic_id, ERR_INVALID_REQUEST);
    } else {
        put_topics(&state);
    }
    call_answer(call, state.answer);
}

/* --- before the controller has told anything ------------------------------------------------------------ */

struct untold {
    struct metadata_wait wait;
    struct api_call *call;
    const struct wire_metadata_request *request;
};

static bool is_told(struct metadata_wait *wait, const struct metadata *metadata)
{
    (void)wait;
    return metadata->brokers_count > 0;
}

static void waited(struct metadata_wait *wait, bool in_time)
{
    struct untold *untold = CONTAINER_OF(wait, struct untold, wait);
    if (in_time)
        answer(untold->call, untold->request);
    else
        call_close(untold->call, "no controller has told this broker of the cluster yet");
}

void api_metadata(struct api_call *call)
{
    const struct wire_metadata_request *request = call_decode(call);
    if (!request)
        return;
    if (is_told(NULL, metadata_cache_get(call->broker->metadata))) {
        answer(call, request);
        return;
    }
    struct untold *untold = CALL_ALLOC(call, struct untold);
    untold->call = call;
    untold->request = request;
    untold->wait.home = call->req->loop;
    untold->wait.deadline_ms = loop_now_ms(call->req->loop) + TOLD_WITHIN_MS;
    untold->wait.satisfied = is_told;
    untold->wait.done = waited;
    metadata_cache_wait(call->broker->metadata, &untold->wait);
}
