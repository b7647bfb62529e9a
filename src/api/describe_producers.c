/*
 * DescribeProducers (61).
 */
#include "api/api.h"

#include "api/request_text.h"
#include "base/mem.h"
#include "core/controller/topic_name.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"
#include "service/partition/producer_list.h"
#include "service/replica/replica_manager.h"

typedef struct wire_describe_producers_response_partition_response answer_partition;

struct describe_producers_state {
    struct api_call *call;
    struct wire_describe_producers_response *answer;
    int away; /* ops not yet done, and 1 while they are being submitted */
};

struct describe_producers_part {
    struct producer_list_op op;
    struct describe_producers_state *state;
    answer_partition *answer;
};

static void one_is_home(struct describe_producers_state *state)
{
    if (--state->away == 0)
        call_answer(state->call, state->answer);
}

static void listed(struct producer_list_op *op)
{
    struct describe_producers_part *part = CONTAINER_OF(op, struct describe_producers_part, op);
    struct describe_producers_state *state = part->state;
    answer_partition *to = part->answer;
    to->error_code = call_error(state->call, op->err);
    to->active_producers =
        wire_new(&wire_describe_producers_response_producer_state_desc, &state->call->req->arena, op->count);
    to->active_producers_count = (int32_t)op->count;
    for (size_t i = 0; i < op->count; i++) {
        const struct producer_list_entry *from = &op->items[i];
        to->active_producers[i] = (struct wire_describe_producers_response_producer_state){
            .producer_id = from->producer_id,
            .producer_epoch = from->epoch,
            .last_sequence = from->last_sequence,
            .last_timestamp = from->last_timestamp_ms,
            .coordinator_epoch = from->coordinator_epoch,
            .current_txn_start_offset = from->txn_start_offset};
    }
    producer_list_op_close(op);
    one_is_home(state);
}

static void ask(struct describe_producers_state *state, struct view topic, answer_partition *answer)
{
    struct api_call *call = state->call;
    struct partition *found;
    enum err err =
        replica_manager_find_or_error(call->broker->replicas, topic, answer->partition_index, &found);
    if (err != ERR_NONE) {
        answer->error_code = call_error(call, err);
        return;
    }
    struct describe_producers_part *part = CALL_ALLOC(call, struct describe_producers_part);
    part->state = state;
    part->answer = answer;
    part->op.part = found;
    part->op.done = listed;
    state->away++;
    producer_list_submit(&part->op);
}

/* What is wrong with the topic as a whole. */
static enum err check_topic(const struct api_call *call, struct view name, struct errmsg *why)
{
    if (!topic_name_is_valid(request_topic_name(call, name), why))
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (metadata_topic(metadata_cache_get(call->broker->metadata), name))
        return ERR_NONE;
    errmsg_set(why, "This server does not host this topic-partition.");
    return ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

static void ask_topic(struct describe_producers_state *state,
                      const struct wire_describe_producers_request_topic_request *from,
                      struct wire_describe_producers_response_topic_response *to)
{
    struct api_call *call = state->call;
    struct errmsg why;
    enum err err = check_topic(call, from->name, &why);
    struct view message = err == ERR_NONE ? VIEW_NULL : view_str(arena_strdup(&call->req->arena, why.text));
    int32_t count = from->partition_indexes_count > 0 ? from->partition_indexes_count : 0;
    to->name = from->name;
    to->partitions =
        wire_new(&wire_describe_producers_response_partition_response_desc, &call->req->arena, (size_t)count);
    to->partitions_count = count;
    for (int32_t p = 0; p < count; p++) {
        to->partitions[p].partition_index = from->partition_indexes[p];
        to->partitions[p].error_code = call_error(call, err);
        to->partitions[p].error_message = message;
        if (err == ERR_NONE)
            ask(state, from->name, &to->partitions[p]);
    }
}

void api_describe_producers(struct api_call *call)
{
    const struct wire_describe_producers_request *request = call_decode(call);
    if (!request)
        return;
    struct describe_producers_state *state = CALL_ALLOC(call, struct describe_producers_state);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    state->call = call;
    state->answer = call_new_answer(call);
    state->answer->topics =
        wire_new(&wire_describe_producers_response_topic_response_desc, &call->req->arena, (size_t)topics);
    state->answer->topics_count = topics;
    state->away = 1;
    for (int32_t t = 0; t < topics; t++)
        ask_topic(state, &request->topics[t], &state->answer->topics[t]);
    one_is_home(state);
}
