/*
 * From a frame to its handler. What cannot be parsed, is not known or not served in that
 * version closes the connection without an answer, as Kafka does; only ApiVersions answers
 * a version it does not know (wire-protocol 2.5, 2.7).
 */
#include "api/api.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/count.h"

#define API_KEY_API_VERSIONS 18

/* Handlers by key; a request without one here is not advertised. */
static const api_handler HANDLERS[] = {
    [0] = api_produce,
    [1] = api_fetch,
    [2] = api_list_offsets,
    [3] = api_metadata,
    [4] = api_leader_and_isr,
    [5] = api_stop_replica,
    [6] = api_update_metadata,
    [7] = api_controlled_shutdown,
    [8] = api_offset_commit,
    [9] = api_offset_fetch,
    [10] = api_find_coordinator,
    [11] = api_join_group,
    [12] = api_heartbeat,
    [13] = api_leave_group,
    [14] = api_sync_group,
    [15] = api_describe_groups,
    [16] = api_list_groups,
    [18] = api_api_versions,
    [19] = api_create_topics,
    [20] = api_delete_topics,
    [21] = api_delete_records,
    [22] = api_init_producer_id,
    [23] = api_offset_for_leader_epoch,
    [32] = api_describe_configs,
    [33] = api_alter_configs,
    [34] = api_alter_replica_log_dirs,
    [35] = api_describe_log_dirs,
    [37] = api_create_partitions,
    [42] = api_delete_groups,
    [43] = api_elect_leaders,
    [44] = api_incremental_alter_configs,
    [45] = api_alter_partition_reassignments,
    [46] = api_list_partition_reassignments,
    [47] = api_offset_delete,
    [56] = api_alter_partition,
    [57] = api_update_features,
    [60] = api_describe_cluster,
    [61] = api_describe_producers,
    [67] = api_allocate_producer_ids,
    [68] = api_consumer_group_heartbeat,
    [69] = api_consumer_group_describe,
};

static api_handler handler_of(int16_t key)
{
    return key >= 0 && (size_t)key < ARRAY_LEN(HANDLERS) ? HANDLERS[key] : NULL;
}

bool api_is_served(int16_t key)
{
    return handler_of(key) != NULL && wire_api_find(key) != NULL;
}

/* ApiVersions in a version that we do not know: error 35 and our range, in the layout of version 0. */
static void answer_unknown_api_versions(struct broker *broker, struct request *req,
                                        const struct wire_api *api, int32_t correlation_id)
{
    (void)broker;
    struct wire_api_versions_response answer;
    wire_init(&wire_api_versions_response_desc, &answer);
    struct wire_api_versions_response_api_version range = {
        .api_key = api->key, .min_version = api->min_version, .max_version = api->max_version};
    answer.error_code = ERR_UNSUPPORTED_VERSION;
    answer.api_keys = &range;
    answer.api_keys_count = 1;
    wire_encode_response_header(api, 0, correlation_id, &req->reply.bytes);
    if (wire_encode(&wire_api_versions_response_desc, 0, &answer, &req->reply.bytes, NULL) != ERR_NONE)
        UNREACHABLE();
    reply_seal(&req->reply);
    request_reply(req);
}

void api_dispatch(void *arg, struct request *req)
{
    struct broker *broker = arg;
    struct wire_request_header header;
    const struct wire_api *api = NULL;
    size_t used;
    struct errmsg why;
    struct view frame = view_of(req->frame, req->frame_len);
    enum err err = wire_decode_request_header(frame, &header, &api, &used, &why);
    if (err == ERR_UNSUPPORTED_VERSION && api && api->key == API_KEY_API_VERSIONS) {
        answer_unknown_api_versions(broker, req, api, header.correlation_id);
        return;
    }
    if (err != ERR_NONE) {
        request_close(req, why.text);
        return;
    }
    api_handler handler = handler_of(api->key);
    if (!handler) {
        request_close(req, "the request is not served by this broker");
        return;
    }
    req->api_key = header.request_api_key;
    req->api_version = header.request_api_version;
    req->correlation_id = header.correlation_id;
    req->client_id = header.client_id.ptr ? header.client_id : VIEW_LIT("");
    struct api_call *call = arena_zalloc(&req->arena, sizeof *call);
    *call = (struct api_call){.broker = broker,
                              .req = req,
                              .api = api,
                              .version = header.request_api_version,
                              .body = view_of(frame.ptr + used, frame.len - used)};
    handler(call);
}

void *call_decode(struct api_call *call)
{
    struct arena *arena = &call->req->arena;
    void *request = arena_alloc(arena, call->api->request->size);
    struct errmsg why;
    enum err err = wire_decode(call->api->request, call->version, call->body, NULL, arena, request, &why);
    if (err == ERR_NONE)
        return request;
    errmsg_prefix(&why, "%s v%d", call->api->name, call->version);
    call_close(call, why.text);
    return NULL;
}

void *call_new_answer(struct api_call *call)
{
    return wire_new(call->api->response, &call->req->arena, 1);
}

struct buf *call_begin_answer(struct api_call *call)
{
    struct buf *out = &call->req->reply.bytes;
    wire_encode_response_header(call->api, call->version, call->req->correlation_id, out);
    return out;
}

void call_send(struct api_call *call)
{
    if (!reply_fits(&call->req->reply)) {
        const struct errmsg why = {"the answer is larger than a frame can be"};
        call_fail(call, ERR_MESSAGE_TOO_LARGE, &why);
        return;
    }
    if (call->errors_count == 0)
        call_error(call, ERR_NONE); /* an answer without a place for a code, or whose handler saw no error */
    reply_seal(&call->req->reply);
    request_reply(call->req);
}

void call_answer(struct api_call *call, const void *response)
{
    struct buf *out = call_begin_answer(call);
    struct errmsg why;
    enum err err = wire_encode(call->api->response, call->version, response, out, &why);
    if (err != ERR_NONE)
        call_fail(call, err, &why);
    else
        call_send(call);
}

void call_fail(struct api_call *call, enum err err, const struct errmsg *why)
{
    log_error("api", "answer_not_encodable", "api=%s version=%d error=%s why=\"%s\"", call->api->name,
              call->version, err_name(err), why->text);
    call_close(call, "internal error");
}

void call_answer_nothing(struct api_call *call)
{
    request_end(call->req);
}

void call_close(struct api_call *call, const char *reason)
{
    request_close(call->req, reason);
}

int16_t call_error(struct api_call *call, enum err err)
{
    call->errors_count++;
    metrics_count_error(count_shard(call->broker), call->api->key, call->api->name, err);
    return err_wire_code(err);
}

const char *call_listener(const struct api_call *call)
{
    const struct config_listeners *listeners = config_listeners(broker_config(call->broker));
    return listeners->items[call->req->listener].name;
}
