/*
 * LeaveGroup (13): of one member, or of several by an administrator.
 */
#include "api/group_call.h"

static bool leave(struct group_call *gc)
{
    const struct wire_leave_group_request *request = gc->request;
    struct wire_leave_group_response *answer = gc->answer;
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    group_leave(turn.coordinator, request, gc->call->version, turn.now, &gc->call->req->arena, answer,
                turn.out);
    group_call_end(gc, &turn);
    group_call_count(gc, answer->error_code);
    for (int32_t i = 0; i < answer->members_count; i++)
        group_call_count(gc, answer->members[i].error_code);
    return true;
}

void api_leave_group(struct api_call *call)
{
    const struct wire_leave_group_request *request = call_decode(call);
    if (request)
        group_call_submit(group_call_new(call, request, leave, NULL));
}
