/*
 * SyncGroup (14): what the leader assigned, for each member; the leader's call brings it.
 */
#include "api/group_call.h"

static bool sync(struct group_call *gc)
{
    const struct wire_sync_group_request *request = gc->request;
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    group_sync(turn.coordinator, request, gc->call->version, groups_token(&gc->ask), turn.now, turn.out);
    group_call_end(gc, &turn);
    return false;
}

static void synced(struct group_call *gc, const struct group_effect *effect)
{
    group_call_count(gc, effect->synced->error_code);
    group_call_encode(gc, effect->synced);
}

void api_sync_group(struct api_call *call)
{
    const struct wire_sync_group_request *request = call_decode(call);
    if (request)
        group_call_submit(group_call_new(call, request, sync, synced));
}
