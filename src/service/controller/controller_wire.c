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

/* What a controller of 3.9 sends (zookeeper-and-controller 3.24). */
#define LEADER_AND_ISR_KEY      4
#define LEADER_AND_ISR_VERSION  7
#define STOP_REPLICA_KEY        5
#define STOP_REPLICA_VERSION    4
#define UPDATE_METADATA_KEY     6
#define UPDATE_METADATA_VERSION 8
#define API_VERSIONS_KEY        18

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

static void *make_leader_and_isr(const struct controller_send *send, const char *listener,
                                 struct arena *arena)
{
    struct wire_leader_and_isr_request *request = wire_new(&wire_leader_and_isr_request_desc, arena, 1);
    PUT_SENDER(request, send);
    PUT_TOPICS(request, &wire_leader_and_isr_request_leader_and_isr_topic_state_desc,
               &wire_leader_and_isr_request_leader_and_isr_partition_state_desc, put_role, send, arena);
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

static void *make_update_metadata(const struct controller_send *send, struct arena *arena)
{
    struct wire_update_metadata_request *request = wire_new(&wire_update_metadata_request_desc, arena, 1);
    PUT_SENDER(request, send);
    PUT_TOPICS(request, &wire_update_metadata_request_update_metadata_topic_state_desc,
               &wire_update_metadata_request_update_metadata_partition_state_desc, put_metadata, send, arena);
    put_live_brokers(request, send, arena);
    return request;
}

/* --- StopReplica -------------------------------------------------------------------------------------------
 */

static void *make_stop_replica(const struct controller_send *send, struct arena *arena)
{
    struct wire_stop_replica_request *request = wire_new(&wire_stop_replica_request_desc, arena, 1);
    PUT_SENDER(request, send);
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
    return request;
}

/* --- frames ------------------------------------------------------------------------------------------------
 */

static const struct wire_api *api_of(enum controller_effect_kind kind, int16_t *version)
{
    if (kind == CONTROLLER_EFFECT_LEADER_AND_ISR) {
        *version = LEADER_AND_ISR_VERSION;
        return wire_api_find(LEADER_AND_ISR_KEY);
    }
    if (kind == CONTROLLER_EFFECT_UPDATE_METADATA) {
        *version = UPDATE_METADATA_VERSION;
        return wire_api_find(UPDATE_METADATA_KEY);
    }
    ASSERT(kind == CONTROLLER_EFFECT_STOP_REPLICA);
    *version = STOP_REPLICA_VERSION;
    return wire_api_find(STOP_REPLICA_KEY);
}

void controller_encode_request(enum controller_effect_kind kind, const struct controller_send *send,
                               const char *listener, int32_t correlation_id, struct arena *arena,
                               struct buf *out)
{
    int16_t version;
    const struct wire_api *api = api_of(kind, &version);
    const void *request = kind == CONTROLLER_EFFECT_LEADER_AND_ISR
                              ? make_leader_and_isr(send, listener, arena)
                          : kind == CONTROLLER_EFFECT_UPDATE_METADATA ? make_update_metadata(send, arena)
                                                                      : make_stop_replica(send, arena);
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

static void take_stop_answer(const struct wire_stop_replica_response *answer, struct arena *arena,
                             struct controller_reply_partition **partitions, int32_t *count)
{
    int32_t total = answer->partition_errors_count > 0 ? answer->partition_errors_count : 0;
    *partitions = arena_zalloc(arena, sizeof(**partitions) * (size_t)(total + 1));
    for (int32_t i = 0; i < total; i++) {
        struct controller_reply_partition *to = &(*partitions)[(*count)++];
        to->topic = arena_cstr(arena, answer->partition_errors[i].topic_name);
        to->partition = answer->partition_errors[i].partition_index;
        to->err = err_of_code(answer->partition_errors[i].error_code);
    }
}

enum err controller_decode_answer(enum controller_effect_kind kind, struct view frame, struct arena *arena,
                                  enum err *top, struct controller_reply_partition **partitions,
                                  int32_t *count, struct errmsg *why)
{
    int16_t version;
    const struct wire_api *api = api_of(kind, &version);
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
        *top = err_of_code(((struct wire_leader_and_isr_response *)answer)->error_code);
        take_role_answer(answer, arena, partitions, count);
    } else if (kind == CONTROLLER_EFFECT_UPDATE_METADATA) {
        *top = err_of_code(((struct wire_update_metadata_response *)answer)->error_code);
    } else {
        *top = err_of_code(((struct wire_stop_replica_response *)answer)->error_code);
        take_stop_answer(answer, arena, partitions, count);
    }
    return ERR_NONE;
}
