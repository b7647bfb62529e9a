/*
 * OffsetDelete (47): offsets of topics that the group does not consume any more.
 */
#include "api/group_call.h"

typedef struct wire_offset_delete_request_offset_delete_request_topic asked_topic;
typedef struct wire_offset_delete_response_offset_delete_response_topic answer_topic;

/* The partitions that the cluster has, with where each one's error goes. */
struct offset_delete {
    struct group_topic_partitions *topics;
    int32_t topics_count;
    int16_t **codes;
    int32_t codes_count;
};

static bool delete_offsets(struct group_call *gc)
{
    const struct wire_offset_delete_request *request = gc->request;
    struct wire_offset_delete_response *answer = gc->answer;
    const struct offset_delete *known = gc->state;
    enum err *errs = arena_zalloc(&gc->call->req->arena, sizeof *errs * (size_t)(known->codes_count + 1));
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    enum err err = group_delete_offsets(turn.coordinator, request->group_id, known->topics,
                                        known->topics_count, turn.now, errs, turn.out);
    group_call_end(gc, &turn);
    answer->error_code = call_error(gc->call, err);
    if (err != ERR_NONE)
        answer->topics_count = 0;
    for (int32_t i = 0; err == ERR_NONE && i < known->codes_count; i++)
        *known->codes[i] = call_error(gc->call, errs[i]);
    return true;
}

static void put_topic(struct api_call *call, const asked_topic *asked, answer_topic *to,
                      struct offset_delete *known)
{
    struct arena *arena = &call->req->arena;
    int32_t count = asked->partitions_count > 0 ? asked->partitions_count : 0;
    int32_t *partitions = arena_alloc(arena, sizeof *partitions * (size_t)(count + 1));
    int32_t found = 0;
    to->name = asked->name;
    to->partitions =
        wire_new(&wire_offset_delete_response_offset_delete_response_partition_desc, arena, (size_t)count);
    to->partitions_count = count;
    for (int32_t p = 0; p < count; p++) {
        to->partitions[p].partition_index = asked->partitions[p].partition_index;
        if (!group_call_knows(call, asked->name, to->partitions[p].partition_index)) {
            to->partitions[p].error_code = call_error(call, ERR_UNKNOWN_TOPIC_OR_PARTITION);
            continue;
        }
        partitions[found++] = to->partitions[p].partition_index;
        known->codes[known->codes_count++] = &to->partitions[p].error_code;
    }
    if (found > 0)
        known->topics[known->topics_count++] =
            (struct group_topic_partitions){asked->name, partitions, found};
}

static size_t count_partitions(const struct wire_offset_delete_request *request)
{
    size_t count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        if (request->topics[t].partitions_count > 0)
            count += (size_t)request->topics[t].partitions_count;
    return count;
}

void api_offset_delete(struct api_call *call)
{
    const struct wire_offset_delete_request *request = call_decode(call);
    if (!request)
        return;
    struct arena *arena = &call->req->arena;
    struct group_call *gc = group_call_new(call, request, delete_offsets, NULL);
    struct wire_offset_delete_response *answer = gc->answer;
    struct offset_delete *known = CALL_ALLOC(call, struct offset_delete);
    int32_t topics = request->topics_count > 0 ? request->topics_count : 0;
    known->topics = arena_alloc(arena, sizeof *known->topics * (size_t)(topics + 1));
    known->codes = arena_alloc(arena, sizeof *known->codes * (count_partitions(request) + 1));
    answer->topics =
        wire_new(&wire_offset_delete_response_offset_delete_response_topic_desc, arena, (size_t)topics);
    answer->topics_count = topics;
    for (int32_t t = 0; t < topics; t++)
        put_topic(call, &request->topics[t], &answer->topics[t], known);
    gc->state = known;
    group_call_submit(gc);
}
