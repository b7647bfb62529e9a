/*
 * One file per request: decode, authorise, ask a service, answer.
 *
 * A call is a request on its way through this room. Its handler ends it exactly once, now
 * or later, on the request's loop: call_answer, call_answer_nothing or call_close.
 *
 * Ownership: the call, what was decoded and the answer's arrays live in the request's
 * arena and end with it.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_API_H
#define BARNABAS_API_API_H

#include "net/server.h"
#include "service/broker.h"
#include "wire/api.h"
#include "wire/codec.h"

struct api_call {
    struct broker *broker;
    struct request *req;
    const struct wire_api *api;
    int16_t version;
    struct view body;
    int errors_count; /* codes that went into the answer, ERR_NONE too */
};

typedef void (*api_handler)(struct api_call *call);

/* net_handler.request of the whole broker; `arg` is the struct broker. */
void api_dispatch(void *arg, struct request *req);

/* True when this broker serves the request: it is in ApiVersions and has a handler. */
bool api_is_served(int16_t key);

/* --- for handlers --- */

/* Decodes the body; NULL when it is malformed: the connection is closed, the call is over. */
void *call_decode(struct api_call *call);
/* A zeroed response with its defaults set. */
void *call_new_answer(struct api_call *call);
/* Encodes and sends. The call is over. */
void call_answer(struct api_call *call, const void *response);
/* The header is written to the reply; the handler appends the body itself and calls call_send. */
struct buf *call_begin_answer(struct api_call *call);
void call_send(struct api_call *call);
/* The answer could not be encoded, which is our fault: logs and closes. The call is over. */
void call_fail(struct api_call *call, enum err err, const struct errmsg *why);
/* No answer is owed (acks=0). The call is over. */
void call_answer_nothing(struct api_call *call);
/* Closes the connection. The call is over. */
void call_close(struct api_call *call, const char *reason);
/* Code for the wire; remembers it for the metrics. */
int16_t call_error(struct api_call *call, enum err err);

#define CALL_ALLOC(call, type) ((type *)arena_zalloc(&(call)->req->arena, sizeof(type)))

/* Name of the listener the request came in by. */
const char *call_listener(const struct api_call *call);

/* --- handlers, by key --- */

void api_produce(struct api_call *call);
void api_fetch(struct api_call *call);
void api_list_offsets(struct api_call *call);
void api_metadata(struct api_call *call);
void api_leader_and_isr(struct api_call *call);
void api_stop_replica(struct api_call *call);
void api_update_metadata(struct api_call *call);
void api_find_coordinator(struct api_call *call);
void api_offset_commit(struct api_call *call);
void api_offset_fetch(struct api_call *call);
void api_join_group(struct api_call *call);
void api_heartbeat(struct api_call *call);
void api_leave_group(struct api_call *call);
void api_sync_group(struct api_call *call);
void api_describe_groups(struct api_call *call);
void api_list_groups(struct api_call *call);
void api_delete_groups(struct api_call *call);
void api_offset_delete(struct api_call *call);
void api_api_versions(struct api_call *call);
void api_create_topics(struct api_call *call);
void api_delete_topics(struct api_call *call);
void api_delete_records(struct api_call *call);
void api_init_producer_id(struct api_call *call);
void api_offset_for_leader_epoch(struct api_call *call);
void api_describe_configs(struct api_call *call);
void api_alter_configs(struct api_call *call);
void api_alter_replica_log_dirs(struct api_call *call);
void api_describe_log_dirs(struct api_call *call);
void api_create_partitions(struct api_call *call);
void api_incremental_alter_configs(struct api_call *call);
void api_describe_cluster(struct api_call *call);
void api_describe_producers(struct api_call *call);
void api_elect_leaders(struct api_call *call);
void api_allocate_producer_ids(struct api_call *call);
void api_consumer_group_heartbeat(struct api_call *call);
void api_consumer_group_describe(struct api_call *call);
void api_alter_partition(struct api_call *call);
void api_controlled_shutdown(struct api_call *call);
void api_alter_partition_reassignments(struct api_call *call);
void api_list_partition_reassignments(struct api_call *call);
void api_update_features(struct api_call *call);

#endif
