/*
 * The controller's requests to brokers as frames, and their answers.
 */
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "service/controller/controller_translate.h"
#include "wire/api.h"
#include "wire/codec.h"

#define LIST_OFFSETS_KEY    2
#define LEADER_AND_ISR_KEY  4
#define STOP_REPLICA_KEY    5
#define UPDATE_METADATA_KEY 6
#define API_VERSIONS_KEY    18

/* The first versions that do so: before, partitions stood in one list. */
#define LEADER_AND_ISR_BY_TOPIC  2
#define LEADER_AND_ISR_ANSWER_ID 5
#define UPDATE_METADATA_BY_TOPIC 5
#define STOP_REPLICA_BY_TOPIC    1

/* Of the versions that tell the epoch of a log's end, and only a broker of our make is asked for. */
#define LIST_OFFSETS_VERSION 5

/* Who reads a log wherever it is, to its end. */
#define DEBUGGING_CONSUMER (-2)
#define LATEST             (-1)

/* --- what the requests have in common: names of fields, but no type ----------------------------------------
 */

#define PUT_SENDER(to, from)                                                                                 \
    do {                                                                                                     \
        (to)->controller_id = (from)->controller_id;                                                         \
        (to)->controller_epoch = (from)->controller_epoch;                                                   \
        (to)->broker_epoch = (from)->broker_epoch;                                                           \
    } while (0)

#define PUT_LEADERSHIP(to, from)                                                                             \
    do {                                                                                                     \
        (to)->partition_index = (from)->partition;                                                           \
        (to)->controller_epoch = (from)->controller_epoch;                                                   \
        (to)->leader = (from)->leader;                                                                       \
        (to)->leader_epoch = (from)->leader_epoch;                                                           \
        (to)->isr = (from)->isr.ids;                                                                         \
        (to)->isr_count = (from)->isr.count;                                                                 \
        (to)->replicas = (from)->replicas.ids;                                                               \
        (to)->replicas_count = (from)->replicas.count;                                                       \
    } while (0)

/* The topics of a request with their partitions; `put` fills in one partition. */
#define PUT_TOPICS(request, topic_desc, partition_desc, put, send, arena)                                    \
    do {                                                                                                     \
        (request)->topic_states = wire_new(topic_desc, arena, (size_t)(send)->topics_count);                 \
        (request)->topic_states_count = (send)->topics_count;                                                \
        for (int32_t t = 0; t < (send)->topics_count; t++) {                                                 \
            const struct controller_topic_states *from = &(send)->topics[t];                                 \
            (request)->topic_states[t].topic_name = view_str(from->topic);                                   \
            (request)->topic_states[t].topic_id = from->topic_id;                                            \
            (request)->topic_states[t].partition_states =                                                    \
                wire_new(partition_desc, arena, (size_t)from->partitions_count);                             \
            (request)->topic_states[t].partition_states_count = from->partitions_count;                      \
            for (int32_t p = 0; p < from->partitions_count; p++)                                             \
                put(&(request)->topic_states[t].partition_states[p], &from->partitions[p]);                  \
        }                                                                                                    \
    } while (0)

static size_t count_partitions(const struct controller_send *send)
{
    size_t count = 0;
    for (int32_t t = 0; t < send->topics_count; t++)
        count += (size_t)send->topics[t].partitions_count;
    return count;
}

/* The same in one list. */
#define PUT_PARTITIONS(request, partition_desc, put, send, arena)                                            \
    do {                                                                                                     \
        (request)->ungrouped_partition_states = wire_new(partition_desc, arena, count_partitions(send));     \
        for (int32_t t = 0; t < (send)->topics_count; t++) {                                                 \
            const struct controller_topic_states *from = &(send)->topics[t];                                 \
            for (int32_t p = 0; p < from->partitions_count; p++) {                                           \
                int32_t at = (request)->ungrouped_partition_states_count++;                                  \
                put(&(request)->ungrouped_partition_states[at], &from->partitions[p]);                       \
                (request)->ungrouped_partition_states[at].topic_name = view_str(from->topic);                \
            }                                                                                                \
        }                                                                                                    \
    } while (0)

/* --- LeaderAndIsr ------------------------------------------------------------------------------------------
 */

typedef struct wire_leader_and_isr_request_leader_and_isr_partition_state role_state;

static void put_role(role_state *to, const struct controller_partition_state *from)
{
    PUT_LEADERSHIP(to, from);
    to->partition_epoch = from->partition_epoch;
    to->adding_replicas = from->adding.ids;
    to->adding_replicas_count = from->adding.count;
    to->removing_replicas = from->removing.ids;
    to->removing_replicas_count = from->removing.count;
    to->is_new = from->is_new;
}

static void put_role_and_recovery(role_state *to, const struct controller_partition_state *from)
{
    put_role(to, from);
    to->leader_recovery_state = (int8_t)from->leader_recovery_state;
}

static const struct znode_endpoint *endpoint_of(const struct controller_live_broker *broker,
                                                const char *listener)
{
    for (int32_t i = 0; i < broker->endpoints_count; i++)
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}

/* Where brokers reach a leader. */
static void put_live_leaders(struct wire_leader_and_isr_request *request, const struct controller_send *send,
                             const char *listener, struct arena *arena)
{
    request->live_leaders = wire_new(&wire_leader_and_isr_request_leader_and_isr_live_leader_desc, arena,
                                     (size_t)send->live_brokers_count);
    for (int32_t i = 0; i < send->live_brokers_count; i++) {
        const struct controller_live_broker *broker = &send->live_brokers[i];
        const struct znode_endpoint *endpoint = endpoint_of(broker, listener);
        if (!endpoint)
            continue;
        struct wire_leader_and_isr_request_leader_and_isr_live_leader *to =
            &request->live_leaders[request->live_leaders_count++];
        to->broker_id = broker->id;
        to->host_name = view_str(endpoint->host);
        to->port = endpoint->port;
    }
}

static void *make_leader_and_isr(const struct controller_send *send, int16_t version, const char *listener,
                                 struct arena *arena)
{
    const struct wire_message *topic = &wire_leader_and_isr_request_leader_and_isr_topic_state_desc;
    const struct wire_message *state = &wire_leader_and_isr_request_leader_and_isr_partition_state_desc;
    struct wire_leader_and_isr_request *request = wire_new(&wire_leader_and_isr_request_desc, arena, 1);
    PUT_SENDER(request, send);
    if (version >= INTER_BROKER_ROLES_RECOVERY)
        PUT_TOPICS(request, topic, state, put_role_and_recovery, send, arena);
    else if (version >= LEADER_AND_ISR_BY_TOPIC)
        PUT_TOPICS(request, topic, state, put_role, send, arena);
    else
        PUT_PARTITIONS(request, state, put_role, send, arena);
    put_live_leaders(request, send, listener, arena);
    return request;
}

/* --- UpdateMetadata ----------------------------------------------------------------------------------------
 */

typedef struct wire_update_metadata_request_update_metadata_partition_state metadata_state;

static void put_metadata(metadata_state *to, const struct controller_partition_state *from)
{
    PUT_LEADERSHIP(to, from);
    to->zk_version = from->partition_epoch;
    to->offline_replicas = from->offline.ids;
    to->offline_replicas_count = from->offline.count;
}

static int16_t protocol_id(const char *name)
{
    static const char *const NAMES[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (view_equal_str(view_str(name), NAMES[i]))
            return (int16_t)i;
    return 0;
}

static void put_live_brokers(struct wire_update_metadata_request *request, const struct controller_send *send,
                             struct arena *arena)
{
    request->live_brokers = wire_new(&wire_update_metadata_request_update_metadata_broker_desc, arena,
                                     (size_t)send->live_brokers_count);
    request->live_brokers_count = send->live_brokers_count;
    for (int32_t i = 0; i < send->live_brokers_count; i++) {
        const struct controller_live_broker *from = &send->live_brokers[i];
        struct wire_update_metadata_request_update_metadata_broker *to = &request->live_brokers[i];
        to->id = from->id;
        to->rack = view_str(from->rack);
        to->endpoints = wire_new(&wire_update_metadata_request_update_metadata_endpoint_desc, arena,
                                 (size_t)from->endpoints_count);
        to->endpoints_count = from->endpoints_count;
        for (int32_t e = 0; e < from->endpoints_count; e++) {
            to->endpoints[e].port = from->endpoints[e].port;
            to->endpoints[e].host = view_str(from->endpoints[e].host);
            to->endpoints[e].listener = view_str(from->endpoints[e].listener);
            to->endpoints[e].security_protocol = protocol_id(from->endpoints[e].protocol);
        }
    }
}

static void *make_update_metadata(const struct controller_send *send, int16_t version, struct arena *arena)
{
    const struct wire_message *state = &wire_update_metadata_request_update_metadata_partition_state_desc;
    struct wire_update_metadata_request *request = wire_new(&wire_update_metadata_request_desc, arena, 1);
    PUT_SENDER(request, send);
    if (version >= UPDATE_METADATA_BY_TOPIC)
        PUT_TOPICS(request, &wire_update_metadata_request_update_metadata_topic_state_desc, state,
                   put_metadata, send, arena);
    else
        PUT_PARTITIONS(request, state, put_metadata, send, arena);
    put_live_brokers(request, send, arena);
    return request;
}

/* --- StopReplica -------------------------------------------------------------------------------------------
 */

static void put_stops_by_epoch(struct wire_stop_replica_request *request, const struct controller_send *send,
                               struct arena *arena)
{
    request->topic_states =
        wire_new(&wire_stop_replica_request_stop_replica_topic_state_desc, arena, (size_t)send->stops_count);
    request->topic_states_count = send->stops_count;
    for (int32_t t = 0; t < send->stops_count; t++) {
        const struct controller_topic_stops *from = &send->stops[t];
        struct wire_stop_replica_request_stop_replica_topic_state *to = &request->topic_states[t];
        to->topic_name = view_str(from->topic);
        to->partition_states = wire_new(&wire_stop_replica_request_stop_replica_partition_state_desc, arena,
                                        (size_t)from->partitions_count);
        to->partition_states_count = from->partitions_count;
        for (int32_t p = 0; p < from->partitions_count; p++) {
            to->partition_states[p].partition_index = from->partitions[p].partition;
            to->partition_states[p].leader_epoch = from->partitions[p].leader_epoch;
            to->partition_states[p].delete_partition = from->partitions[p].delete_partition;
        }
    }
}

static void put_stops_by_topic(struct wire_stop_replica_request *request, const struct controller_send *send,
                               struct arena *arena)
{
    request->topics =
        wire_new(&wire_stop_replica_request_stop_replica_topic_v1_desc, arena, (size_t)send->stops_count);
    request->topics_count = send->stops_count;
    for (int32_t t = 0; t < send->stops_count; t++) {
        const struct controller_topic_stops *from = &send->stops[t];
        struct wire_stop_replica_request_stop_replica_topic_v1 *to = &request->topics[t];
        to->name = view_str(from->topic);
        to->partition_indexes =
            arena_alloc(arena, sizeof *to->partition_indexes * (size_t)(from->partitions_count + 1));
        to->partition_indexes_count = from->partitions_count;
        for (int32_t p = 0; p < from->partitions_count; p++)
            to->partition_indexes[p] = from->partitions[p].partition;
    }
}

static void put_stops_in_one_list(struct wire_stop_replica_request *request,
                                  const struct controller_send *send, struct arena *arena)
{
    size_t count = 0;
    for (int32_t t = 0; t < send->stops_count; t++)
        count += (size_t)send->stops[t].partitions_count;
    request->ungrouped_partitions =
        wire_new(&wire_stop_replica_request_stop_replica_partition_v0_desc, arena, count);
    for (int32_t t = 0; t < send->stops_count; t++)
        for (int32_t p = 0; p < send->stops[t].partitions_count; p++) {
            struct wire_stop_replica_request_stop_replica_partition_v0 *to =
                &request->ungrouped_partitions[request->ungrouped_partitions_count++];
            to->topic_name = view_str(send->stops[t].topic);
            to->partition_index = send->stops[t].partitions[p].partition;
        }
}

/* The core sends none that deletes some and not others where there is one flag for all. */
static bool deletes(const struct controller_send *send)
{
    bool first = send->stops_count > 0 && send->stops[0].partitions[0].delete_partition;
    for (int32_t t = 0; t < send->stops_count; t++)
        for (int32_t p = 0; p < send->stops[t].partitions_count; p++)
            ASSERT(send->stops[t].partitions[p].delete_partition == first);
    return first;
}

static void *make_stop_replica(const struct controller_send *send, int16_t version, struct arena *arena)
{
    struct wire_stop_replica_request *request = wire_new(&wire_stop_replica_request_desc, arena, 1);
    PUT_SENDER(request, send);
    if (version >= INTER_BROKER_STOPS_EACH) {
        put_stops_by_epoch(request, send, arena);
        return request;
    }
    request->delete_partitions = deletes(send);
    if (version >= STOP_REPLICA_BY_TOPIC)
        put_stops_by_topic(request, send, arena);
    else
        put_stops_in_one_list(request, send, arena);
    return request;
}

/* --- ListOffsets -------------------------------------------------------------------------------------------
 */

static void *make_list_offsets(const struct controller_send *send, struct arena *arena)
{
    struct wire_list_offsets_request *request = wire_new(&wire_list_offsets_request_desc, arena, 1);
    request->replica_id = DEBUGGING_CONSUMER;
    request->topics =
        wire_new(&wire_list_offsets_request_list_offsets_topic_desc, arena, (size_t)send->topics_count);
    request->topics_count = send->topics_count;
    for (int32_t t = 0; t < send->topics_count; t++) {
        const struct controller_topic_states *from = &send->topics[t];
        struct wire_list_offsets_request_list_offsets_topic *to = &request->topics[t];
        to->name = view_str(from->topic);
        to->partitions = wire_new(&wire_list_offsets_request_list_offsets_partition_desc, arena,
                                  (size_t)from->partitions_count);
        to->partitions_count = from->partitions_count;
        for (int32_t p = 0; p < from->partitions_count; p++) {
            to->partitions[p].partition_index = from->partitions[p].partition;
            to->partitions[p].current_leader_epoch = -1;
            to->partitions[p].timestamp = LATEST;
        }
    }
    return request;
}

/* --- frames ------------------------------------------------------------------------------------------------
 */

static const struct wire_api *api_of(enum controller_effect_kind kind, const struct inter_broker *versions,
                                     int16_t *version)
{
    if (kind == CONTROLLER_EFFECT_LEADER_AND_ISR) {
        *version = versions->leader_and_isr;
        return wire_api_find(LEADER_AND_ISR_KEY);
    }
    if (kind == CONTROLLER_EFFECT_UPDATE_METADATA) {
        *version = versions->update_metadata;
        return wire_api_find(UPDATE_METADATA_KEY);
    }
    if (kind == CONTROLLER_EFFECT_LOG_ENDS) {
        *version = LIST_OFFSETS_VERSION;
        return wire_api_find(LIST_OFFSETS_KEY);
    }
    ASSERT(kind == CONTROLLER_EFFECT_STOP_REPLICA);
    *version = versions->stop_replica;
    return wire_api_find(STOP_REPLICA_KEY);
}

void controller_encode_request(enum controller_effect_kind kind, const struct controller_send *send,
                               const struct inter_broker *versions, const char *listener,
                               int32_t correlation_id, struct arena *arena, struct buf *out)
{
    int16_t version;
    const struct wire_api *api = api_of(kind, versions, &version);
    const void *request =
        kind == CONTROLLER_EFFECT_LEADER_AND_ISR    ? make_leader_and_isr(send, version, listener, arena)
        : kind == CONTROLLER_EFFECT_UPDATE_METADATA ? make_update_metadata(send, version, arena)
        : kind == CONTROLLER_EFFECT_LOG_ENDS        ? make_list_offsets(send, arena)
                                                    : make_stop_replica(send, version, arena);
    size_t begin = out->len;
    buf_put_i32(out, 0);
    char *client_id = arena_printf(arena, "%d", send->controller_id);
    wire_encode_request_header(api, version, correlation_id, view_str(client_id), out);
    ASSERT(wire_encode(api->request, version, request, out, NULL) == ERR_NONE);
    be_put_i32(out->data + begin, (int32_t)(out->len - begin - 4));
}

void controller_encode_question(struct buf *out)
{
    size_t begin = out->len;
    buf_put_i32(out, 0);
    wire_encode_request_header(wire_api_find(API_VERSIONS_KEY), 0, 0, view_str("presence"), out);
    be_put_i32(out->data + begin, (int32_t)(out->len - begin - 4));
}

/* --- answers -----------------------------------------------------------------------------------------------
 */

/* Errors of Kafka's have the same numbers here. */
static enum err err_of_code(int16_t code)
{
    return (enum err)code;
}

/* An answer that names partitions in one list. */
#define TAKE_BY_NAME(answer, reply_partitions, count, arena)                                                 \
    do {                                                                                                     \
        int32_t total = (answer)->partition_errors_count > 0 ? (answer)->partition_errors_count : 0;         \
        *(reply_partitions) = arena_zalloc(arena, sizeof(**(reply_partitions)) * (size_t)(total + 1));       \
        for (int32_t i = 0; i < total; i++) {                                                                \
            struct controller_reply_partition *to = &(*(reply_partitions))[(*(count))++];                    \
            to->topic = arena_cstr(arena, (answer)->partition_errors[i].topic_name);                         \
            to->partition = (answer)->partition_errors[i].partition_index;                                   \
            to->err = err_of_code((answer)->partition_errors[i].error_code);                                 \
        }                                                                                                    \
    } while (0)

static void take_role_answer(const struct wire_leader_and_isr_response *answer, struct arena *arena,
                             struct controller_reply_partition **partitions, int32_t *count)
{
    int32_t total = 0;
    for (int32_t t = 0; t < answer->topics_count; t++)
        total += answer->topics[t].partition_errors_count > 0 ? answer->topics[t].partition_errors_count : 0;
    *partitions = arena_zalloc(arena, sizeof(**partitions) * (size_t)(total + 1));
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partition_errors_count; p++) {
            struct controller_reply_partition *to = &(*partitions)[(*count)++];
            to->topic_id = answer->topics[t].topic_id;
            to->partition = answer->topics[t].partition_errors[p].partition_index;
            to->err = err_of_code(answer->topics[t].partition_errors[p].error_code);
        }
}

static void take_ends_answer(const struct wire_list_offsets_response *answer, struct arena *arena,
                             struct controller_reply_partition **partitions, int32_t *count)
{
    int32_t total = 0;
    for (int32_t t = 0; t < answer->topics_count; t++)
        total += answer->topics[t].partitions_count > 0 ? answer->topics[t].partitions_count : 0;
    *partitions = arena_zalloc(arena, sizeof(**partitions) * (size_t)(total + 1));
    for (int32_t t = 0; t < answer->topics_count; t++)
        for (int32_t p = 0; p < answer->topics[t].partitions_count; p++) {
            struct controller_reply_partition *to = &(*partitions)[(*count)++];
            to->topic = arena_cstr(arena, answer->topics[t].name);
            to->partition = answer->topics[t].partitions[p].partition_index;
            to->err = err_of_code(answer->topics[t].partitions[p].error_code);
            to->end_epoch = answer->topics[t].partitions[p].leader_epoch;
            to->end_offset = answer->topics[t].partitions[p].offset;
        }
}

enum err controller_decode_answer(enum controller_effect_kind kind, const struct inter_broker *versions,
                                  struct view frame, struct arena *arena, enum err *top,
                                  struct controller_reply_partition **partitions, int32_t *count,
                                  struct errmsg *why)
{
    int16_t version;
    const struct wire_api *api = api_of(kind, versions, &version);
    int32_t correlation_id;
    size_t used;
    *partitions = NULL;
    *count = 0;
    enum err err = wire_decode_response_header(api, version, frame, &correlation_id, &used, why);
    if (err != ERR_NONE)
        return err;
    void *answer = arena_alloc(arena, api->response->size);
    err = wire_decode(api->response, version, view_of(frame.ptr + used, frame.len - used), NULL, arena,
                      answer, why);
    if (err != ERR_NONE)
        return err;
    if (kind == CONTROLLER_EFFECT_LEADER_AND_ISR) {
        const struct wire_leader_and_isr_response *roles = answer;
        *top = err_of_code(roles->error_code);
        if (version >= LEADER_AND_ISR_ANSWER_ID)
            take_role_answer(roles, arena, partitions, count);
        else
            TAKE_BY_NAME(roles, partitions, count, arena);
    } else if (kind == CONTROLLER_EFFECT_UPDATE_METADATA) {
        *top = err_of_code(((struct wire_update_metadata_response *)answer)->error_code);
    } else if (kind == CONTROLLER_EFFECT_LOG_ENDS) {
        *top = ERR_NONE;
        take_ends_answer(answer, arena, partitions, count);
    } else {
        const struct wire_stop_replica_response *stops = answer;
        *top = err_of_code(stops->error_code);
        TAKE_BY_NAME(stops, partitions, count, arena);
    }
    return ERR_NONE;
}
