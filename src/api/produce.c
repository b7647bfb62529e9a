/*
 * Produce (0).
 *
 *   api_produce --> one append_op per partition --> append_submit ... done --> all home --> answer
 *
 * The ops and their results live in the request's arena; nothing is allocated for them
 * elsewhere. A request with acks=all that is not through in time tells its ops so and still
 * waits for each to come home, which happens at once.
 */
#include "api/api.h"

#include "api/leader_hint.h"
#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/count.h"
#include "service/partition/append.h"
#include "service/replica/replica_manager.h"
#include "wire/produce_codec.h"

#define FIRST_VERSION_WITH_LEADER_HINT 10

struct produce_state {
    struct api_call *call;
    const struct wire_produce_request *request;
    struct append_op *ops; /* one per partition, in the order of the request */
    int count;
    int away; /* ops not yet done, and 1 while they are being submitted */
    struct loop_timer timeout;
    bool waits; /* counted among those that wait */
};

static int count_partitions(const struct wire_produce_request *request)
{
    int count = 0;
    for (int32_t t = 0; t < request->topic_data_count; t++)
        if (request->topic_data[t].partition_data_count > 0)
            count += request->topic_data[t].partition_data_count;
    return count;
}

/* --- the answer --------------------------------------------------------------------------------------- */

static void put_record_errors(struct api_call *call, const struct append_op *op,
                              struct wire_produce_response_partition_produce_response *to)
{
    const struct append_plan *plan = &op->plan;
    if (plan->error_count == 0)
        return;
    struct arena *arena = &call->req->arena;
    to->record_errors =
        wire_new(&wire_produce_response_batch_index_and_error_message_desc, arena, (size_t)plan->error_count);
    to->record_errors_count = plan->error_count;
    struct buf text = {0};
    for (int32_t i = 0; i < plan->error_count; i++) {
        buf_clear(&text);
        record_error_text(&plan->errors[i], plan, &op->rules, &text);
        to->record_errors[i].batch_index = plan->errors[i].index;
        to->record_errors[i].batch_index_error_message = arena_dup_view(arena, buf_view(&text));
    }
    buf_close(&text);
    to->error_message = VIEW_LIT("One or more records have been rejected");
}

static void put_partition(struct api_call *call, const struct append_op *op, struct view topic,
                          struct wire_produce_response_partition_produce_response *to)
{
    to->base_offset = op->err == ERR_NONE ? op->base_offset : -1;
    to->log_append_time_ms = op->err == ERR_NONE ? op->log_append_time_ms : -1;
    to->log_start_offset = op->log_start_offset;
    to->error_code = call_error(call, op->err);
    if (op->err == ERR_NONE)
        return;
    if (call->version >= 8)
        put_record_errors(call, op, to);
    if (op->err == ERR_NOT_LEADER_OR_FOLLOWER && call->version >= FIRST_VERSION_WITH_LEADER_HINT) {
        struct leader_hint hint = leader_hint_of(call, topic, to->index);
        to->current_leader.leader_id = hint.leader_id;
        to->current_leader.leader_epoch = hint.leader_epoch;
    }
}

/* The endpoints of the leaders that the answer names, each once. */
static void put_endpoints(struct api_call *call, struct wire_produce_response *answer)
{
    int32_t most = 0;
    for (int32_t t = 0; t < answer->responses_count; t++)
        for (int32_t p = 0; p < answer->responses[t].partition_responses_count; p++)
            most += answer->responses[t].partition_responses[p].current_leader.leader_id >= 0;
    if (most == 0)
        return;
    answer->node_endpoints =
        wire_new(&wire_produce_response_node_endpoint_desc, &call->req->arena, (size_t)most);
    for (int32_t t = 0; t < answer->responses_count; t++)
        for (int32_t p = 0; p < answer->responses[t].partition_responses_count; p++) {
            int32_t id = answer->responses[t].partition_responses[p].current_leader.leader_id;
            bool seen = id < 0;
            for (int32_t i = 0; i < answer->node_endpoints_count; i++)
                seen |= answer->node_endpoints[i].node_id == id;
            struct wire_produce_response_node_endpoint *to =
                &answer->node_endpoints[answer->node_endpoints_count];
            if (seen || !leader_hint_endpoint(call, id, &to->host, &to->port, &to->rack))
                continue;
            to->node_id = id;
            answer->node_endpoints_count++;
        }
}

static void answer_produce(struct produce_state *state)
{
    struct api_call *call = state->call;
    const struct wire_produce_request *request = state->request;
    struct wire_produce_response *answer = call_new_answer(call);
    struct arena *arena = &call->req->arena;
    int32_t topics = request->topic_data_count > 0 ? request->topic_data_count : 0;
    answer->responses = wire_new(&wire_produce_response_topic_produce_response_desc, arena, (size_t)topics);
    answer->responses_count = topics;
    const struct append_op *op = state->ops;
    for (int32_t t = 0; t < topics; t++) {
        const struct wire_produce_request_topic_produce_data *from = &request->topic_data[t];
        struct wire_produce_response_topic_produce_response *to = &answer->responses[t];
        int32_t partitions = from->partition_data_count > 0 ? from->partition_data_count : 0;
        to->name = from->name;
        to->partition_responses =
            wire_new(&wire_produce_response_partition_produce_response_desc, arena, (size_t)partitions);
        to->partition_responses_count = partitions;
        for (int32_t p = 0; p < partitions; p++) {
            to->partition_responses[p].index = from->partition_data[p].index;
            put_partition(call, op++, from->name, &to->partition_responses[p]);
        }
    }
    if (call->version >= FIRST_VERSION_WITH_LEADER_HINT)
        put_endpoints(call, answer);
    struct errmsg why;
    enum err err = produce_codec_encode_response(call->version, answer, call_begin_answer(call), &why);
    if (err != ERR_NONE)
        call_fail(call, err, &why);
    else
        call_send(call);
}

static bool any_failed(const struct produce_state *state)
{
    for (int i = 0; i < state->count; i++)
        if (state->ops[i].err != ERR_NONE)
            return true;
    return false;
}

static void finish(struct produce_state *state)
{
    loop_timer_cancel(state->call->req->loop, &state->timeout);
    if (state->waits)
        metrics_add(count_shard(state->call->broker), METRIC_WAITING_PRODUCE, -1);
    for (int i = 0; i < state->count; i++)
        if (state->ops[i].err == ERR_UNKNOWN_SERVER_ERROR || err_wire_code(state->ops[i].err) == -1)
            log_warn("api", "produce_failed", "error=\"%s\"", state->ops[i].why.text);
    if (state->request->acks != 0)
        answer_produce(state);
    for (int i = 0; i < state->count; i++)
        append_op_close(&state->ops[i]);
    if (state->request->acks != 0)
        return;
    /* With acks=0 the only way to tell the client that something failed is to close. */
    if (any_failed(state))
        call_close(state->call, "a produce with acks=0 failed");
    else
        call_answer_nothing(state->call);
}

/* --- the way there ------------------------------------------------------------------------------------- */

static void one_is_done(struct append_op *op)
{
    struct produce_state *state = op->arg;
    if (--state->away == 0)
        finish(state);
}

static void timed_out(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct produce_state *state = CONTAINER_OF(timer, struct produce_state, timeout);
    for (int i = 0; i < state->count; i++)
        if (state->ops[i].part)
            append_time_out(&state->ops[i]);
}

static bool is_internal_topic(struct view topic)
{
    return view_equal_str(topic, "__consumer_offsets") || view_equal_str(topic, "__transaction_state");
}

static enum err find_partition(struct produce_state *state, struct view topic, int32_t index,
                               struct partition **part)
{
    struct api_call *call = state->call;
    int16_t acks = state->request->acks;
    if (acks != -1 && acks != 0 && acks != 1)
        return ERR_INVALID_REQUIRED_ACKS;
    if (is_internal_topic(topic) && !view_equal_str(call->req->client_id, "__admin_client"))
        return ERR_INVALID_TOPIC_EXCEPTION;
    return replica_manager_find_or_error(call->broker->replicas, topic, index, part);
}

static void submit_all(struct produce_state *state)
{
    const struct wire_produce_request *request = state->request;
    struct append_op *op = state->ops;
    for (int32_t t = 0; t < request->topic_data_count; t++) {
        const struct wire_produce_request_topic_produce_data *topic = &request->topic_data[t];
        for (int32_t p = 0; p < topic->partition_data_count; p++, op++) {
            struct partition *part = NULL;
            op->err = find_partition(state, topic->name, topic->partition_data[p].index, &part);
            op->base_offset = -1;
            op->log_start_offset = -1;
            op->broker = state->call->broker;
            if (op->err != ERR_NONE) {
                count_append(op);
                continue;
            }
            op->part = part;
            op->records = topic->partition_data[p].records;
            op->produce_version = state->call->version;
            op->acks = request->acks;
            op->origin = APPEND_CLIENT;
            op->done = one_is_done;
            op->arg = state;
            state->away++;
            append_submit(op);
        }
    }
}

void api_produce(struct api_call *call)
{
    struct wire_produce_request *request = CALL_ALLOC(call, struct wire_produce_request);
    struct errmsg why;
    if (produce_codec_decode_request(call->version, call->body, NULL, &call->req->arena, request, &why) !=
        ERR_NONE) {
        call_close(call, why.text);
        return;
    }
    struct produce_state *state = CALL_ALLOC(call, struct produce_state);
    state->call = call;
    state->request = request;
    state->count = count_partitions(request);
    state->ops = arena_zalloc(&call->req->arena, sizeof *state->ops * (size_t)state->count);
    state->away = 1;
    submit_all(state);
    if (state->away > 1 && request->acks == -1) {
        state->timeout.fire = timed_out;
        loop_timer_arm(call->req->loop, &state->timeout,
                       loop_now_ms(call->req->loop) + (request->timeout_ms > 0 ? request->timeout_ms : 0));
    }
    if (--state->away == 0) {
        finish(state);
        return;
    }
    state->waits = true;
    metrics_add(count_shard(call->broker), METRIC_WAITING_PRODUCE, 1);
}
