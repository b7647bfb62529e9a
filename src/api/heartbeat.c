/*
 * Heartbeat (12): a member lives, and hears whether its group is about to change.
 */
#include "api/group_call.h"

static bool heartbeat(struct group_call *gc)
{
    const struct wire_heartbeat_request *request = gc->request;
    struct wire_heartbeat_response *answer = gc->answer;
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    answer->error_code = call_error(gc->call, group_heartbeat(turn.coordinator, request, turn.now));
    group_call_end(gc, &turn);
    return true;
}

void api_heartbeat(struct api_call *call)
{
    const struct wire_heartbeat_request *request = call_decode(call);
    if (request)
        group_call_submit(group_call_new(call, request, heartbeat, NULL));
}
