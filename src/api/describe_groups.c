/*
 * DescribeGroups (15).
 */
#include "api/group_call.h"

/* What may be done with a group when there is no authorizer: READ, DELETE, DESCRIBE. */
#define GROUP_OPERATIONS 0x0148

/* Our own addition, for who asks for it (`barnabas groups --describe --history`). */
static void add_history(const struct group_coordinator *coordinator, struct arena *arena,
                        struct wire_describe_groups_response_described_group *to)
{
    struct group_rebalance *list;
    int32_t count;
    if (group_history_of(coordinator, to->group_id, arena, &list, &count) != ERR_NONE)
        return;
    to->rebalances =
        wire_new(&wire_describe_groups_response_described_rebalance_desc, arena, (size_t)count + 1);
    to->rebalances_count = count;
    for (int32_t i = 0; i < count; i++)
        to->rebalances[i] = (struct wire_describe_groups_response_described_rebalance){
            .cause = view_str(group_cause_name(list[i].cause)),
            .outcome = view_str(group_outcome_name(list[i].outcome)),
            .member_id = list[i].member,
            .reason = list[i].reason,
            .began_ms = list[i].began_ms,
            .generation = list[i].generation,
            .members_count = list[i].members,
            .join_ms = list[i].join_ms,
            .assign_ms = list[i].assign_ms,
            .write_ms = list[i].write_ms};
}

static bool describe(struct group_call *gc)
{
    const struct wire_describe_groups_request *request = gc->request;
    struct wire_describe_groups_response *answer = gc->answer;
    for (int32_t i = 0; i < answer->groups_count; i++) {
        struct wire_describe_groups_response_described_group *to = &answer->groups[i];
        if (!group_call_has_room(gc)) {
            to->group_id = request->groups[i];
            to->error_code = call_error(gc->call, ERR_INVALID_REQUEST);
            continue;
        }
        struct groups_turn turn = group_call_begin(gc, request->groups[i]);
        group_describe(turn.coordinator, request->groups[i], &gc->call->req->arena, to);
        if (request->rebalances_wanted && to->error_code == ERR_NONE)
            add_history(turn.coordinator, &gc->call->req->arena, to);
        group_call_end(gc, &turn);
        group_call_count(gc, to->error_code);
        if (request->include_authorized_operations && to->error_code == ERR_NONE)
            to->authorized_operations = GROUP_OPERATIONS;
    }
    return true;
}

void api_describe_groups(struct api_call *call)
{
    const struct wire_describe_groups_request *request = call_decode(call);
    if (!request)
        return;
    struct group_call *gc = group_call_new(call, request, describe, NULL);
    struct wire_describe_groups_response *answer = gc->answer;
    answer->groups_count = request->groups_count > 0 ? request->groups_count : 0;
    answer->groups = wire_new(&wire_describe_groups_response_described_group_desc, &call->req->arena,
                              (size_t)answer->groups_count);
    group_call_submit(gc);
}
