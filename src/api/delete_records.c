/*
 * DeleteRecords (21).
 */
#include "api/api.h"

#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"
#include "service/partition/delete_records.h"
#include "service/replica/replica_manager.h"

typedef struct wire_delete_records_response_delete_records_partition_result answer_partition;

struct delete_records_part {
    struct delete_records_op op;
    struct delete_records_state *state;
    answer_partition *answer;
};

struct delete_records_state {
    struct api_call *call;
    struct wire_delete_records_response *answer;
    struct delete_records_part *parts;
    int32_t count;
    int away; /* ops not yet done, and 1 while they are being submitted */
    struct loop_timer timeout;
};

static void finish(struct delete_records_state *state)
{
    loop_timer_cancel(state->call->req->loop, &state->timeout);
    call_answer(state->call, state->answer);
}

static void one_is_done(struct delete_records_op *op)
{
    struct delete_records_part *part = CONTAINER_OF(op, struct delete_records_part, op);
    struct delete_records_state *state = part->state;
    part->answer->error_code = call_error(state->call, op->err);
    part->answer->low_watermark = op->low_watermark;
    if (--state->away == 0)
        finish(state);
}

static void timed_out(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct delete_records_state *state = CONTAINER_OF(timer, struct delete_records_state, timeout);
    for (int32_t i = 0; i < state->count; i++)
        delete_records_time_out(&state->parts[i].op);
}

static bool is_internal(struct view name)
{
    return view_equal_str(name, "__consumer_offsets") || view_equal_str(name, "__transaction_state");
}

static enum err find(const struct api_call *call, struct view topic, int32_t index, struct partition **part)
{
    if (!metadata_partition(metadata_cache_get(call->broker->metadata), topic, index))
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (is_internal(topic))
        return ERR_INVALID_TOPIC_EXCEPTION;
    return replica_manager_find_or_error(call->broker->replicas, topic, index, part);
}

static void ask(struct delete_records_state *state, struct view topic, int32_t index, int64_t offset,
                answer_partition *answer)
{
    struct api_call *call = state->call;
    struct delete_records_part *part = &state->parts[state->count++];
    struct partition *found = NULL;
    enum err err = find(call, topic, index, &found);
    answer->partition_index = index;
    answer->low_watermark = -1;
    if (err != ERR_NONE) {
        answer->error_code = call_error(call, err);
        return;
    }
    part->state = state;
    part->answer = answer;
    part->op.broker = call->broker;
    part->op.part = found;
    part->op.offset = offset;
    part->op.arena = &call->req->arena;
    part->op.done = one_is_done;
    state->away++;
    delete_records_submit(&part->op);
}

static void ask_topic(struct delete_records_state *state,
                      const struct wire_delete_records_request_delete_records_topic *from,
                      struct wire_delete_records_response_delete_records_topic_result *to)
{
    int32_t count = from->partitions_count > 0 ? from->partitions_count : 0;
    to->name = from->name;
    to->partitions = wire_new(&wire_delete_records_response_delete_records_partition_result_desc,
                              &state->call->req->arena, (size_t)count);
    to->partitions_count = count;
    for (int32_t p = 0; p < count; p++)
        ask(state, from->name, from->partitions[p].partition_index, from->partitions[p].offset,
            &to->partitions[p]);
}

static int32_t count_partitions(const struct wire_delete_records_request *request)
{
    int32_t count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        if (request->topics[t].partitions_count > 0)
            count += request->topics[t].partitions_count;
    return count;
}

void api_delete_records(struct api_call *call)
{
    const struct wire_delete_records_request *request = call_decode(call);
    if (!request)
        return;
    struct arena *arena = &call->req->arena;
    struct delete_records_state *state = CALL_ALLOC(call, struct delete_records_state);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    state->call = call;
    state->answer = call_new_answer(call);
    state->answer->topics =
        wire_new(&wire_delete_records_response_delete_records_topic_result_desc, arena, (size_t)topics);
    state->answer->topics_count = topics;
    state->parts = arena_zalloc(arena, sizeof *state->parts * ((size_t)count_partitions(request) + 1));
    state->away = 1;
    for (int32_t t = 0; t < topics; t++)
        ask_topic(state, &request->topics[t], &state->answer->topics[t]);
    if (--state->away == 0) {
        finish(state);
        return;
    }
    state->timeout.fire = timed_out;
    loop_timer_arm(call->req->loop, &state->timeout,
                   loop_now_ms(call->req->loop) + (request->timeout_ms > 0 ? request->timeout_ms : 0));
}
