/*
 * ListOffsets (2): earliest, latest, by time, of the largest timestamp.
 */
#include "api/api.h"

#include "base/mem.h"
#include "service/partition/lookup.h"
#include "service/replica/replica_manager.h"
#include "storage/log_lookup.h"

typedef struct wire_list_offsets_request_list_offsets_partition asked_partition;
typedef struct wire_list_offsets_response_list_offsets_partition_response answer_partition;

/* Special timestamps and the version from which each may be asked. */
static const struct {
    int64_t timestamp;
    int16_t first_version;
    enum lookup_kind kind;
} SPECIALS[] = {
    {-1, 1, LOOKUP_LATEST},   {-2, 1, LOOKUP_EARLIEST}, {-3, 7, LOOKUP_MAX_TIMESTAMP},
    {-4, 8, LOOKUP_EARLIEST}, {-5, 9, LOOKUP_TIERED},
};

/* v0 clients name at most this many offsets that they want back; more would only bloat the answer. */
#define LEGACY_OFFSETS_MAX 10000

struct list_offsets_state {
    struct api_call *call;
    struct wire_list_offsets_response *answer;
    struct map seen; /* partitions of the request, once or more often; only while they are asked */
    int away;
};

struct list_offsets_part {
    struct lookup_op op;
    struct list_offsets_state *state;
    answer_partition *answer;
};

/* False when the timestamp means nothing in this version. */
static bool kind_of(const struct api_call *call, int64_t timestamp, enum lookup_kind *kind)
{
    if (call->version == 0) {
        *kind = LOOKUP_LEGACY;
        return timestamp >= -2;
    }
    if (timestamp >= 0) {
        *kind = LOOKUP_TIMESTAMP;
        return true;
    }
    for (size_t i = 0; i < ARRAY_LEN(SPECIALS); i++)
        if (SPECIALS[i].timestamp == timestamp) {
            *kind = SPECIALS[i].kind;
            return call->version >= SPECIALS[i].first_version;
        }
    return false;
}

/* Each version has its fields; one that it lacks must not be set. */
static void put_found(const struct api_call *call, const struct lookup_op *op, answer_partition *to)
{
    if (call->version == 0) {
        to->old_style_offsets = op->legacy_offsets;
        to->old_style_offsets_count = op->legacy_count;
        return;
    }
    to->offset = op->offset;
    to->timestamp = op->result_timestamp;
    if (call->version >= 4)
        to->leader_epoch = op->leader_epoch;
}

static void one_is_done(struct lookup_op *op)
{
    struct list_offsets_part *part = CONTAINER_OF(op, struct list_offsets_part, op);
    struct list_offsets_state *state = part->state;
    enum err err = op->err;
    if (err == ERR_OFFSET_NOT_AVAILABLE && state->call->version < 5)
        err = ERR_LEADER_NOT_AVAILABLE;
    part->answer->error_code = call_error(state->call, err);
    if (err == ERR_NONE)
        put_found(state->call, op, part->answer);
    if (--state->away == 0)
        call_answer(state->call, state->answer);
}

/* Partitions that the request names more than once; keys as in the partition table. */
static void find_repeated(const struct wire_list_offsets_request *request, struct map *seen)
{
    static const char ONCE = 0, TWICE = 1;
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partitions_count; p++) {
            uint8_t key[PARTITION_KEY_MAX];
            struct view name =
                partition_key(key, request->topics[t].name, request->topics[t].partitions[p].partition_index);
            map_put(seen, name, (void *)(uintptr_t)(map_get(seen, name) ? &TWICE : &ONCE));
        }
}

static bool is_repeated(const struct map *seen, struct view topic, int32_t partition)
{
    uint8_t key[PARTITION_KEY_MAX];
    return *(const char *)map_get(seen, partition_key(key, topic, partition)) != 0;
}

static void ask(struct list_offsets_state *state, const struct wire_list_offsets_request *request,
                struct view topic, const asked_partition *asked, answer_partition *answer)
{
    struct api_call *call = state->call;
    struct list_offsets_part *part = CALL_ALLOC(call, struct list_offsets_part);
    answer->partition_index = asked->partition_index;
    struct partition *found = NULL;
    enum err err = ERR_NONE;
    if (!kind_of(call, asked->timestamp, &part->op.kind))
        err = ERR_UNSUPPORTED_VERSION;
    else if (call->version > 0 && is_repeated(&state->seen, topic, asked->partition_index))
        err = ERR_INVALID_REQUEST;
    else
        err = replica_manager_find_or_error(call->broker->replicas, topic, asked->partition_index, &found);
    if (err != ERR_NONE) {
        answer->error_code = call_error(call, err);
        return;
    }
    part->state = state;
    part->answer = answer;
    part->op.broker = call->broker;
    part->op.part = found;
    part->op.timestamp = asked->timestamp;
    part->op.current_leader_epoch = asked->current_leader_epoch;
    part->op.replica_id = request->replica_id;
    part->op.read_committed = request->isolation_level == 1;
    part->op.done = one_is_done;
    if (part->op.kind == LOOKUP_LEGACY) {
        int32_t max = asked->max_num_offsets;
        part->op.legacy_max = max < 0 ? 0 : max > LEGACY_OFFSETS_MAX ? LEGACY_OFFSETS_MAX : max;
        part->op.legacy_offsets =
            arena_alloc(&call->req->arena, sizeof(int64_t) * (size_t)(part->op.legacy_max + 1));
    }
    state->away++;
    lookup_submit(&part->op);
}

void api_list_offsets(struct api_call *call)
{
    const struct wire_list_offsets_request *request = call_decode(call);
    if (!request)
        return;
    struct arena *arena = &call->req->arena;
    struct list_offsets_state *state = CALL_ALLOC(call, struct list_offsets_state);
    state->call = call;
    state->answer = call_new_answer(call);
    state->away = 1;
    find_repeated(request, &state->seen);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    state->answer->topics =
        wire_new(&wire_list_offsets_response_list_offsets_topic_response_desc, arena, (size_t)topics);
    state->answer->topics_count = topics;
    for (int32_t t = 0; t < topics; t++) {
        int32_t partitions =
            request->topics[t].partitions_count > 0 ? request->topics[t].partitions_count : 0;
        state->answer->topics[t].name = request->topics[t].name;
        state->answer->topics[t].partitions = wire_new(
            &wire_list_offsets_response_list_offsets_partition_response_desc, arena, (size_t)partitions);
        state->answer->topics[t].partitions_count = partitions;
        for (int32_t p = 0; p < partitions; p++)
            ask(state, request, request->topics[t].name, &request->topics[t].partitions[p],
                &state->answer->topics[t].partitions[p]);
    }
    map_close(&state->seen);
    if (--state->away == 0)
        call_answer(call, state->answer);
}
