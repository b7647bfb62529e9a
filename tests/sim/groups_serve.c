/*
 * Requests to the coordinator, as src/api has them.
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "sim/groups.h"
#include "sim/groups_check.h"
#include "wire/codec.h"

static void answer_error(struct groups *groups, uint64_t id, enum err err)
{
    struct buf out = {0};
    buf_put_i16(&out, err_wire_code(err));
    net_answer(groups->proc->sim, id, buf_view(&out));
    buf_close(&out);
}

static void answer_message(struct groups *groups, uint64_t id, const struct wire_message *desc,
                           int16_t version, const void *answer)
{
    struct buf out = {0};
    ASSERT(wire_encode(desc, version, answer, &out, NULL) == ERR_NONE);
    net_answer(groups->proc->sim, id, buf_view(&out));
    buf_close(&out);
}

/* --- what waits --------------------------------------------------------------------------------------- */

static struct groups_ask *ask_new(struct groups *groups, uint64_t id, struct view member, int32_t generation)
{
    struct groups_ask *ask = MEM_NEW(struct groups_ask);
    ask->id = id;
    ASSERT(member.len < sizeof ask->member);
    memcpy(ask->member, member.ptr, member.len);
    ask->generation = generation;
    ask->promised = groups_check_generation(groups->proc->sim);
    list_push_back(&groups->asks, &ask->node);
    return ask;
}

static uint64_t token_of(const struct groups_ask *ask)
{
    return (uint64_t)(uintptr_t)ask;
}

void groups_settle(struct groups *groups, struct groups_ask *ask, const struct group_effect *effect)
{
    list_remove(&ask->node);
    switch (effect->kind) {
    case GROUP_EFFECT_JOINED:
        groups_check_joined(groups, ask, effect->joined);
        answer_message(groups, ask->id, &wire_join_group_response_desc, JOIN_VERSION, effect->joined);
        break;
    case GROUP_EFFECT_SYNCED:
        groups_check_synced(groups, ask, effect->synced);
        answer_message(groups, ask->id, &wire_sync_group_response_desc, SYNC_VERSION, effect->synced);
        break;
    case GROUP_EFFECT_COMMITTED:
        groups_check_committed(groups, ask, effect->committed.errs[0]);
        answer_error(groups, ask->id, effect->committed.errs[0]);
        break;
    case GROUP_EFFECT_APPEND:
        break;
    }
    free(ask);
}

/* --- members ------------------------------------------------------------------------------------------ */

static void join(struct groups *groups, uint64_t id, struct view body)
{
    struct arena arena = {0};
    struct wire_join_group_request request;
    const struct group_client client = {.id = VIEW_LIT("m"), .host = VIEW_LIT("/10.0.0.1")};
    ASSERT(wire_decode(&wire_join_group_request_desc, JOIN_VERSION, body, NULL, &arena, &request, NULL) ==
           ERR_NONE);
    const struct groups_ask *ask = ask_new(groups, id, request.member_id, -1);
    group_join(groups->coordinator, &request, JOIN_VERSION, &client, token_of(ask), &groups->now,
               &groups->effects);
    arena_close(&arena);
}

static void sync_group(struct groups *groups, uint64_t id, struct view body)
{
    struct arena arena = {0};
    struct wire_sync_group_request request;
    ASSERT(wire_decode(&wire_sync_group_request_desc, SYNC_VERSION, body, NULL, &arena, &request, NULL) ==
           ERR_NONE);
    const struct groups_ask *ask = ask_new(groups, id, request.member_id, request.generation_id);
    group_sync(groups->coordinator, &request, SYNC_VERSION, token_of(ask), &groups->now, &groups->effects);
    arena_close(&arena);
}

static void heartbeat(struct groups *groups, uint64_t id, struct view body)
{
    struct arena arena = {0};
    struct wire_heartbeat_request request;
    ASSERT(wire_decode(&wire_heartbeat_request_desc, HEARTBEAT_VERSION, body, NULL, &arena, &request, NULL) ==
           ERR_NONE);
    answer_error(groups, id, group_heartbeat(groups->coordinator, &request, &groups->now));
    arena_close(&arena);
}

static void leave(struct groups *groups, uint64_t id, struct view body)
{
    struct arena arena = {0};
    struct wire_leave_group_request_member_identity who = {.member_id = body};
    struct wire_leave_group_request request = {.group_id = GROUP_ID, .members = &who, .members_count = 1};
    struct wire_leave_group_response answer;
    group_leave(groups->coordinator, &request, LEAVE_VERSION, &groups->now, &arena, &answer,
                &groups->effects);
    net_answer(groups->proc->sim, id, VIEW_LIT(""));
    arena_close(&arena);
}

/* --- offsets ------------------------------------------------------------------------------------------ */

static void commit(struct groups *groups, uint64_t id, struct view body)
{
    struct group_commit_offset offsets[SIM_SHARES];
    struct view member = view_of(body.ptr + 4 + 8 * SIM_SHARES, body.len - 4 - 8 * SIM_SHARES);
    struct groups_ask *ask = ask_new(groups, id, member, be_get_i32(body.ptr));
    int32_t count = 0;
    for (int i = 0; i < SIM_SHARES; i++) {
        ask->values[i] = be_get_i64(body.ptr + 4 + (size_t)i * 8);
        if (ask->values[i] >= 0)
            offsets[count++] = (struct group_commit_offset){.topic = GROUP_TOPIC,
                                                            .partition = i,
                                                            .offset = ask->values[i],
                                                            .leader_epoch = -1,
                                                            .commit_ms = -1};
    }
    struct group_commit_request request = {.group_id = GROUP_ID,
                                           .member_id = member,
                                           .generation = ask->generation,
                                           .retention_ms = -1,
                                           .producer_id = -1,
                                           .producer_epoch = -1,
                                           .offsets = offsets,
                                           .offsets_count = count};
    group_commit(groups->coordinator, &request, token_of(ask), &groups->now, &groups->effects);
}

static void fetch(struct groups *groups, uint64_t id)
{
    static const int32_t SHARES[SIM_SHARES] = {0, 1, 2, 3};
    const struct group_topic_partitions topic = {GROUP_TOPIC, SHARES, SIM_SHARES};
    struct arena arena = {0};
    struct buf out = {0};
    struct group_fetched_topic *fetched;
    int32_t count;
    enum err err = group_fetch_offsets(groups->coordinator, GROUP_ID, &topic, 1, false, &arena, SIZE_MAX,
                                       &fetched, &count);
    buf_put_i16(&out, err_wire_code(err));
    for (int i = 0; i < SIM_SHARES && err == ERR_NONE; i++) {
        groups_check_fetched(groups, i, fetched[0].offsets[i].offset);
        buf_put_i64(&out, fetched[0].offsets[i].offset);
    }
    net_answer(groups->proc->sim, id, buf_view(&out));
    buf_close(&out);
    arena_close(&arena);
}

/* --- all ---------------------------------------------------------------------------------------------- */

void groups_serve(struct proc *proc, const struct net_request *request)
{
    struct groups *groups = proc->groups;
    groups_enter(groups);
    if (request->api == NET_JOIN_GROUP)
        join(groups, request->id, request->body);
    else if (request->api == NET_SYNC_GROUP)
        sync_group(groups, request->id, request->body);
    else if (request->api == NET_HEARTBEAT)
        heartbeat(groups, request->id, request->body);
    else if (request->api == NET_LEAVE_GROUP)
        leave(groups, request->id, request->body);
    else if (request->api == NET_OFFSET_COMMIT)
        commit(groups, request->id, request->body);
    else
        fetch(groups, request->id);
    groups_carry_out(groups);
}
