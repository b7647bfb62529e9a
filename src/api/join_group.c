/*
 * JoinGroup (11): waits for the other members of the group's next generation.
 */
#include "api/group_call.h"
#include "api/java_address.h"

static bool join(struct group_call *gc)
{
    const struct wire_join_group_request *request = gc->request;
    struct groups_turn turn = group_call_begin(gc, request->group_id);
    group_join(turn.coordinator, request, gc->call->version, gc->state, groups_token(&gc->ask), turn.now,
               turn.out);
    group_call_end(gc, &turn);
    return false;
}

static void joined(struct group_call *gc, const struct group_effect *effect)
{
    group_call_count(gc, effect->joined->error_code);
    group_call_encode(gc, effect->joined);
}

void api_join_group(struct api_call *call)
{
    const struct wire_join_group_request *request = call_decode(call);
    if (!request)
        return;
    struct group_call *gc = group_call_new(call, request, join, joined);
    struct group_client *client = CALL_ALLOC(call, struct group_client);
    client->id = call->req->client_id;
    client->host = java_address(request_peer_addr(call->req), &call->req->arena);
    gc->state = client;
    group_call_submit(gc);
}
