/*
 * AlterPartitionReassignments (45), ListPartitionReassignments (46): answered by the controller's
 * core on this broker, if it is active. The first is answered when the moves have begun.
 */
#include "api/controller_ask.h"

#include "base/mem.h"

static int32_t at_least_none(int32_t count)
{
    return count > 0 ? count : 0;
}

/* The partitions from `first` on that are of one topic; the core answers them together. */
static int32_t same_topic(const struct controller_partition_answer *first, int32_t left)
{
    int32_t count = 1;
    while (count < left && view_equal_str(view_str(first[count].topic), first->topic))
        count++;
    return count;
}

/* --- AlterPartitionReassignments ---------------------------------------------------------------------- */

typedef struct wire_alter_partition_reassignments_response_reassignable_topic_response moved_topic;

static void put_moved(struct api_call *call, const struct controller_partition_answer *from, int32_t count,
                      moved_topic *to)
{
    to->name = view_str(from->topic);
    to->partitions =
        wire_new(&wire_alter_partition_reassignments_response_reassignable_partition_response_desc,
                 &call->req->arena, (size_t)count);
    to->partitions_count = count;
    for (int32_t i = 0; i < count; i++) {
        to->partitions[i].partition_index = from[i].partition;
        to->partitions[i].error_code = call_error(call, from[i].err);
        to->partitions[i].error_message = from[i].message ? view_str(from[i].message) : VIEW_NULL;
    }
}

static void answer_alter(struct controller_ask *ask)
{
    const struct controller_answer *from = &ask->controller.answer;
    struct api_call *call = ask->call;
    struct wire_alter_partition_reassignments_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, from->err);
    answer->error_message = view_str(from->err == ERR_NONE ? "" : err_meaning(from->err));
    answer->responses =
        wire_new(&wire_alter_partition_reassignments_response_reassignable_topic_response_desc,
                 &call->req->arena, (size_t)from->partitions_count);
    for (int32_t i = 0; i < from->partitions_count;) {
        int32_t count = same_topic(&from->partitions[i], from->partitions_count - i);
        put_moved(call, &from->partitions[i], count, &answer->responses[answer->responses_count++]);
        i += count;
    }
    call_answer(call, answer);
}

static void take_moves(struct api_call *call,
                       const struct wire_alter_partition_reassignments_request *request,
                       struct controller_alter_reassignments *to)
{
    struct arena *arena = &call->req->arena;
    int32_t count = 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count += at_least_none(request->topics[t].partitions_count);
    struct controller_move *moves = arena_zalloc(arena, sizeof *moves * ((size_t)count + 1));
    int32_t n = 0;
    for (int32_t t = 0; t < request->topics_count; t++) {
        const char *name = arena_cstr(arena, request->topics[t].name);
        for (int32_t p = 0; p < request->topics[t].partitions_count; p++) {
            const struct wire_alter_partition_reassignments_request_reassignable_partition *from =
                &request->topics[t].partitions[p];
            moves[n++] = (struct controller_move){
                .topic = name,
                .partition = from->partition_index,
                .cancel = from->replicas_count < 0,
                .replicas = {from->replicas, at_least_none(from->replicas_count)},
            };
        }
    }
    to->moves = moves;
    to->moves_count = n;
}

void api_alter_partition_reassignments(struct api_call *call)
{
    const struct wire_alter_partition_reassignments_request *request = call_decode(call);
    if (!request)
        return;
    struct controller_ask *ask = controller_ask_new(call, CONTROLLER_ALTER_REASSIGNMENTS, answer_alter);
    take_moves(call, request, &ask->controller.request.alter_reassignments);
    controller_ask_submit(ask);
}

/* --- ListPartitionReassignments ----------------------------------------------------------------------- */

typedef struct wire_list_partition_reassignments_response_ongoing_topic_reassignment moving_topic;

static void put_moving(struct api_call *call, const struct controller_partition_answer *from, int32_t count,
                       moving_topic *to)
{
    to->name = view_str(from->topic);
    to->partitions = wire_new(&wire_list_partition_reassignments_response_ongoing_partition_reassignment_desc,
                              &call->req->arena, (size_t)count);
    to->partitions_count = count;
    for (int32_t i = 0; i < count; i++) {
        const struct znode_assignment *lists = &from[i].assignment;
        to->partitions[i].partition_index = from[i].partition;
        to->partitions[i].replicas = lists->replicas.ids;
        to->partitions[i].replicas_count = lists->replicas.count;
        to->partitions[i].adding_replicas = lists->adding.ids;
        to->partitions[i].adding_replicas_count = lists->adding.count;
        to->partitions[i].removing_replicas = lists->removing.ids;
        to->partitions[i].removing_replicas_count = lists->removing.count;
    }
}

static void answer_list(struct controller_ask *ask)
{
    const struct controller_answer *from = &ask->controller.answer;
    struct api_call *call = ask->call;
    struct wire_list_partition_reassignments_response *answer = call_new_answer(call);
    answer->error_code = call_error(call, from->err);
    answer->error_message = view_str(from->err == ERR_NONE ? "" : err_meaning(from->err));
    answer->topics = wire_new(&wire_list_partition_reassignments_response_ongoing_topic_reassignment_desc,
                              &call->req->arena, (size_t)from->partitions_count);
    for (int32_t i = 0; i < from->partitions_count;) {
        int32_t count = same_topic(&from->partitions[i], from->partitions_count - i);
        put_moving(call, &from->partitions[i], count, &answer->topics[answer->topics_count++]);
        i += count;
    }
    call_answer(call, answer);
}

static void take_wanted(struct api_call *call,
                        const struct wire_list_partition_reassignments_request *request,
                        struct controller_list_reassignments *to)
{
    struct arena *arena = &call->req->arena;
    int32_t count = 0;
    to->all = request->topics_count < 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count += at_least_none(request->topics[t].partition_indexes_count);
    to->partitions.items = arena_zalloc(arena, sizeof *to->partitions.items * ((size_t)count + 1));
    for (int32_t t = 0; t < request->topics_count; t++) {
        const char *name = arena_cstr(arena, request->topics[t].name);
        for (int32_t p = 0; p < request->topics[t].partition_indexes_count; p++)
            to->partitions.items[to->partitions.count++] =
                (struct znode_partition){.topic = name, .partition = request->topics[t].partition_indexes[p]};
    }
}

void api_list_partition_reassignments(struct api_call *call)
{
    const struct wire_list_partition_reassignments_request *request = call_decode(call);
    if (!request)
        return;
    struct controller_ask *ask = controller_ask_new(call, CONTROLLER_LIST_REASSIGNMENTS, answer_list);
    take_wanted(call, request, &ask->controller.request.list_reassignments);
    controller_ask_submit(ask);
}
