/*
 * DeleteGroups (42).
 */
#include "api/group_call.h"
#include "base/map.h"

static bool delete (struct group_call *gc)
{
    struct wire_delete_groups_response *answer = gc->answer;
    for (int32_t i = 0; i < answer->results_count; i++) {
        struct wire_delete_groups_response_deletable_group_result *to = &answer->results[i];
        struct groups_turn turn = group_call_begin(gc, to->group_id);
        to->error_code =
            call_error(gc->call, group_delete(turn.coordinator, to->group_id, turn.now, turn.out));
        group_call_end(gc, &turn);
    }
    return true;
}

void api_delete_groups(struct api_call *call)
{
    const struct wire_delete_groups_request *request = call_decode(call);
    if (!request)
        return;
    struct group_call *gc = group_call_new(call, request, delete, NULL);
    struct wire_delete_groups_response *answer = gc->answer;
    int32_t count = request->groups_names_count > 0 ? request->groups_names_count : 0;
    answer->results =
        wire_new(&wire_delete_groups_response_deletable_group_result_desc, &call->req->arena, (size_t)count);
    struct map listed = {0}; /* each once, whatever was asked */
    for (int32_t i = 0; i < count; i++)
        if (!map_put(&listed, request->groups_names[i], answer))
            answer->results[answer->results_count++].group_id = request->groups_names[i];
    map_close(&listed);
    group_call_submit(gc);
}
