/*
 * OffsetForLeaderEpoch (23): where a leader epoch ends, so that a client or a follower can
 * tell whether its log went the same way (KIP-101, KIP-320).
 */
#include "api/api.h"

#include "base/mem.h"
#include "service/partition/lookup.h"
#include "service/replica/replica_manager.h"

typedef struct wire_offset_for_leader_epoch_request_offset_for_leader_topic asked_topic;
typedef struct wire_offset_for_leader_epoch_response_epoch_end_offset answer_partition;

struct epoch_state {
    struct api_call *call;
    struct wire_offset_for_leader_epoch_response *answer;
    int away;
};

struct epoch_part {
    struct lookup_op op;
    struct epoch_state *state;
    answer_partition *answer;
};

static void one_is_done(struct lookup_op *op)
{
    struct epoch_part *part = CONTAINER_OF(op, struct epoch_part, op);
    struct epoch_state *state = part->state;
    part->answer->error_code = call_error(state->call, op->err);
    if (op->err == ERR_NONE) {
        part->answer->leader_epoch = op->leader_epoch;
        part->answer->end_offset = op->offset;
    }
    if (--state->away == 0)
        call_answer(state->call, state->answer);
}

static void ask(struct epoch_state *state, int32_t replica_id, struct view topic,
                const struct wire_offset_for_leader_epoch_request_offset_for_leader_partition *asked,
                answer_partition *answer)
{
    struct api_call *call = state->call;
    struct partition *found = NULL;
    answer->partition = asked->partition;
    answer->leader_epoch = -1;
    answer->end_offset = -1;
    enum err err = replica_manager_find_or_error(call->broker->replicas, topic, asked->partition, &found);
    if (err != ERR_NONE) {
        answer->error_code = call_error(call, err);
        return;
    }
    struct epoch_part *part = CALL_ALLOC(call, struct epoch_part);
    part->state = state;
    part->answer = answer;
    part->op.broker = call->broker;
    part->op.part = found;
    part->op.kind = LOOKUP_EPOCH_END;
    part->op.epoch = asked->leader_epoch;
    part->op.current_leader_epoch = asked->current_leader_epoch;
    part->op.replica_id = replica_id;
    part->op.done = one_is_done;
    state->away++;
    lookup_submit(&part->op);
}

static void ask_topic(struct epoch_state *state, int32_t replica_id, const asked_topic *asked,
                      struct wire_offset_for_leader_epoch_response_offset_for_leader_topic_result *answer)
{
    int32_t count = asked->partitions_count > 0 ? asked->partitions_count : 0;
    answer->topic = asked->topic;
    answer->partitions = wire_new(&wire_offset_for_leader_epoch_response_epoch_end_offset_desc,
                                  &state->call->req->arena, (size_t)count);
    answer->partitions_count = count;
    for (int32_t p = 0; p < count; p++)
        ask(state, replica_id, asked->topic, &asked->partitions[p], &answer->partitions[p]);
}

void api_offset_for_leader_epoch(struct api_call *call)
{
    const struct wire_offset_for_leader_epoch_request *request = call_decode(call);
    if (!request)
        return;
    struct epoch_state *state = CALL_ALLOC(call, struct epoch_state);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    state->call = call;
    state->answer = call_new_answer(call);
    state->away = 1;
    state->answer->topics =
        wire_new(&wire_offset_for_leader_epoch_response_offset_for_leader_topic_result_desc,
                 &call->req->arena, (size_t)topics);
    state->answer->topics_count = topics;
    for (int32_t t = 0; t < topics; t++)
        ask_topic(state, request->replica_id, &request->topics[t], &state->answer->topics[t]);
    if (--state->away == 0)
        call_answer(call, state->answer);
}
