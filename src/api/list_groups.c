/*
 * ListGroups (16): the groups that this broker coordinates.
 */
#include "api/group_call.h"

static bool list(struct group_call *gc)
{
    struct wire_list_groups_response *answer = gc->answer;
    struct group_coordinator *coordinator;
    size_t it = 0;
    while ((coordinator = groups_next(gc->call->broker->groups, &it)))
        group_list(coordinator, gc->request, &gc->call->req->arena, answer);
    group_call_count(gc, answer->error_code);
    return true;
}

void api_list_groups(struct api_call *call)
{
    const struct wire_list_groups_request *request = call_decode(call);
    if (request)
        group_call_submit(group_call_new(call, request, list, NULL));
}
