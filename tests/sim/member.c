#include "sim/member.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "sim/groups_check.h"
#include "wire/codec.h"

#define SESSION_MS     2500
#define REBALANCE_MS   3000
#define TIMEOUT_US     (1500 * SIM_MS)
#define JOIN_US        ((REBALANCE_MS + 2000) * SIM_MS)
#define METADATA_BYTES 24 /* of one partition */
#define PROTOCOL_TYPE  VIEW_LIT("sim")
#define PROTOCOL       VIEW_LIT("by turns")

bool member_has_share(struct view assignment, int share)
{
    return assignment.len > 0 && assignment.ptr[0] & 1u << share;
}

/* --- calls -------------------------------------------------------------------------------------------- */

struct call {
    struct member *member;
    uint64_t turn;
    void (*done)(struct member *member, struct view answer);
};

struct net_conn *member_conn(struct member *member, int broker)
{
    if (!member->conns[broker])
        member->conns[broker] = net_conn_new(member->sim, member->endpoint, broker);
    return member->conns[broker];
}

static void set_state(struct member *member, enum member_state state)
{
    member->state = state;
    member->turn++;
    member->beats = member->commits = false;
}

/* --- who coordinates ---------------------------------------------------------------------------------- */

static void told_of_leaders(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct member *member = arg;
    member->asks_metadata = false;
    if (err != ERR_NONE)
        return;
    const uint8_t *at = answer.ptr + 4 + (size_t)sim->shape.offsets * METADATA_BYTES;
    if (be_get_i32(at + 4) < member->coordinator_epoch)
        return; /* somebody who has not heard */
    member->coordinator = be_get_i32(at);
    member->coordinator_epoch = be_get_i32(at + 4);
}

static void find_coordinator(struct member *member)
{
    struct sim *sim = member->sim;
    member->coordinator = -1;
    if (member->asks_metadata)
        return;
    member->asks_metadata = true;
    int broker = (int)sim_between(sim, SIM_RNG_GROUP, 1, sim->shape.brokers);
    net_call(member_conn(member, broker), NET_METADATA, VIEW_LIT(""), TIMEOUT_US, told_of_leaders, member);
}

static void take_error(struct member *member, enum err err)
{
    if (err == ERR_UNKNOWN_MEMBER_ID)
        member->id[0] = '\0';
    else if (err != ERR_ILLEGAL_GENERATION && err != ERR_REBALANCE_IN_PROGRESS &&
             err != ERR_COORDINATOR_LOAD_IN_PROGRESS)
        find_coordinator(member);
    bool is_out =
        err == ERR_UNKNOWN_MEMBER_ID || err == ERR_ILLEGAL_GENERATION || err == ERR_REBALANCE_IN_PROGRESS;
    if (is_out || member->state != MEMBER_IN)
        set_state(member, MEMBER_OUT);
}

static void called(struct sim *sim, void *arg, enum err err, struct view answer)
{
    (void)sim;
    struct call call = *(struct call *)arg;
    free(arg);
    struct member *member = call.member;
    if (err == ERR_CLOSED || call.turn != member->turn)
        return;
    if (err != ERR_NONE)
        member->beats = member->commits = false;
    if (err != ERR_NONE)
        take_error(member, err);
    else
        call.done(member, answer);
}

static void call_coordinator(struct member *member, enum net_api api, struct view body, int64_t timeout_us,
                             void (*done)(struct member *member, struct view answer))
{
    struct call *call = MEM_NEW(struct call);
    *call = (struct call){member, member->turn, done};
    net_call(member_conn(member, member->coordinator), api, body, timeout_us, called, call);
}

static void send_message(struct member *member, enum net_api api, const struct wire_message *desc,
                         int16_t version, const void *request, int64_t timeout_us,
                         void (*done)(struct member *member, struct view answer))
{
    struct buf body = {0};
    ASSERT(wire_encode(desc, version, request, &body, NULL) == ERR_NONE);
    call_coordinator(member, api, buf_view(&body), timeout_us, done);
    buf_close(&body);
}

/* --- SyncGroup ---------------------------------------------------------------------------------------- */

static void synced(struct member *member, struct view answer)
{
    struct arena arena = {0};
    struct wire_sync_group_response response;
    ASSERT(wire_decode(&wire_sync_group_response_desc, SYNC_VERSION, answer, NULL, &arena, &response, NULL) ==
           ERR_NONE);
    if (response.error_code != ERR_NONE) {
        take_error(member, (enum err)response.error_code);
    } else {
        set_state(member, MEMBER_IN);
        member->knows = false;
        member->shares = 0;
        for (int i = 0; i < SIM_SHARES; i++)
            member->shares |= member_has_share(response.assignment, i) ? 1u << i : 0;
    }
    arena_close(&arena);
}

/* The leader gives the shares out by turns; the others bring nothing. */
static void sync_group(struct member *member, const struct wire_join_group_response *joined)
{
    struct wire_sync_group_request_sync_group_request_assignment assignments[2 * SIM_MEMBERS_MAX];
    uint8_t shares[2 * SIM_MEMBERS_MAX] = {0};
    struct wire_sync_group_request request;
    wire_init(&wire_sync_group_request_desc, &request);
    request.group_id = GROUP_ID;
    request.generation_id = member->generation;
    request.member_id = view_str(member->id);
    request.protocol_type = PROTOCOL_TYPE;
    request.protocol_name = PROTOCOL;
    request.assignments = assignments;
    int32_t count = joined->members_count < 2 * SIM_MEMBERS_MAX ? joined->members_count : 2 * SIM_MEMBERS_MAX;
    for (int i = 0; i < SIM_SHARES && count > 0; i++)
        shares[i % count] |= (uint8_t)(1u << i);
    for (int32_t i = 0; i < count; i++)
        assignments[request.assignments_count++] =
            (struct wire_sync_group_request_sync_group_request_assignment){joined->members[i].member_id,
                                                                           view_of(&shares[i], 1)};
    set_state(member, MEMBER_SYNCING);
    send_message(member, NET_SYNC_GROUP, &wire_sync_group_request_desc, SYNC_VERSION, &request, JOIN_US,
                 synced);
}

/* --- JoinGroup ---------------------------------------------------------------------------------------- */

static void join(struct member *member);

static void take_id(struct member *member, struct view id)
{
    ASSERT(id.len < sizeof member->id);
    snprintf(member->id, sizeof member->id, "%.*s", VIEW_FMT(id));
}

static void joined(struct member *member, struct view answer)
{
    struct arena arena = {0};
    struct wire_join_group_response response;
    ASSERT(wire_decode(&wire_join_group_response_desc, JOIN_VERSION, answer, NULL, &arena, &response, NULL) ==
           ERR_NONE);
    if (response.error_code == ERR_MEMBER_ID_REQUIRED) {
        take_id(member, response.member_id);
        join(member);
    } else if (response.error_code != ERR_NONE) {
        take_error(member, (enum err)response.error_code);
    } else {
        take_id(member, response.member_id);
        member->generation = response.generation_id;
        sync_group(member, &response);
    }
    arena_close(&arena);
}

static void join(struct member *member)
{
    struct wire_join_group_request_join_group_request_protocol protocol = {PROTOCOL, VIEW_LIT("")};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = GROUP_ID;
    request.session_timeout_ms = SESSION_MS;
    request.rebalance_timeout_ms = REBALANCE_MS;
    request.member_id = view_str(member->id);
    request.protocol_type = PROTOCOL_TYPE;
    request.protocols = &protocol;
    request.protocols_count = 1;
    set_state(member, MEMBER_JOINING);
    send_message(member, NET_JOIN_GROUP, &wire_join_group_request_desc, JOIN_VERSION, &request, JOIN_US,
                 joined);
}

/* --- Heartbeat, LeaveGroup
 * ---------------------------------------------------------------------------------------- */

static void beaten(struct member *member, struct view answer)
{
    enum err err = (enum err)be_get_i16(answer.ptr);
    member->beats = false;
    if (err != ERR_NONE)
        take_error(member, err);
}

static void heartbeat(struct member *member)
{
    struct wire_heartbeat_request request;
    wire_init(&wire_heartbeat_request_desc, &request);
    request.group_id = GROUP_ID;
    request.generation_id = member->generation;
    request.member_id = view_str(member->id);
    member->beats = true;
    send_message(member, NET_HEARTBEAT, &wire_heartbeat_request_desc, HEARTBEAT_VERSION, &request, TIMEOUT_US,
                 beaten);
}

static void left(struct member *member, struct view answer)
{
    (void)member;
    (void)answer;
}

/* Whether it is heard or not, it begins anew. */
static void leave(struct member *member)
{
    call_coordinator(member, NET_LEAVE_GROUP, view_str(member->id), TIMEOUT_US, left);
    member->id[0] = '\0';
    set_state(member, MEMBER_OUT);
}

static bool is_awake(const struct member *member)
{
    return member->sim->healed || member->wakes_us <= member->sim->now_us;
}

static void act(struct sim *sim, void *arg)
{
    struct member *member = arg;
    if (member->state == MEMBER_IN && sim_chance(sim, SIM_RNG_GROUP, 25))
        member->wakes_us = sim->now_us + sim_between(sim, SIM_RNG_GROUP, 200, 2 * SESSION_MS) * SIM_MS;
    if (is_awake(member)) {
        if (member->coordinator < 1)
            find_coordinator(member);
        else if (member->state == MEMBER_OUT)
            join(member);
        else if (member->state == MEMBER_IN && !sim->healed && sim_chance(sim, SIM_RNG_GROUP, 8))
            leave(member);
        else if (member->state == MEMBER_IN && !member->beats)
            heartbeat(member);
    }
    sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 100, 400) * SIM_MS, member->endpoint, "member", act, NULL,
              member);
}

/* --- offsets ------------------------------------------------------------------------------------------ */

static void committed(struct member *member, struct view answer)
{
    enum err err = (enum err)be_get_i16(answer.ptr);
    member->commits = false;
    if (err != ERR_NONE)
        take_error(member, err);
    else if (member->sim->healed)
        member->committed_since_healed++;
}

/* That it is refused is no word about the generation it is in. */
static void refused(struct member *member, struct view answer)
{
    (void)answer;
    member->commits = false;
}

static void commit(struct member *member)
{
    struct sim *sim = member->sim;
    bool is_late = sim_chance(sim, SIM_RNG_GROUP, 30), is_nobody = sim_chance(sim, SIM_RNG_GROUP, 20);
    struct buf body = {0};
    buf_put_i32(&body, member->generation - (is_late ? 1 : 0));
    for (int i = 0; i < SIM_SHARES; i++)
        buf_put_i64(&body, member->shares & 1u << i ? groups_check_value(sim, i) : -1);
    buf_put_str(&body, is_nobody ? MEMBER_NOBODY : member->id);
    call_coordinator(member, NET_OFFSET_COMMIT, buf_view(&body), TIMEOUT_US,
                     is_late || is_nobody ? refused : committed);
    buf_close(&body);
}

static void fetched(struct member *member, struct view answer)
{
    enum err err = (enum err)be_get_i16(answer.ptr);
    member->commits = false;
    member->knows = err == ERR_NONE;
    if (err != ERR_NONE)
        take_error(member, err);
}

static bool may_commit(const struct member *member)
{
    bool rests = member->rests && member->committed_since_healed > 0;
    return is_awake(member) && !rests && member->state == MEMBER_IN && member->shares &&
           member->coordinator > 0 && !member->commits;
}

static void work(struct sim *sim, void *arg)
{
    struct member *member = arg;
    if (may_commit(member)) {
        member->commits = true;
        if (member->knows)
            commit(member);
        else
            call_coordinator(member, NET_OFFSET_FETCH, VIEW_LIT(""), TIMEOUT_US, fetched);
    }
    sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 20, 500) * SIM_MS, member->endpoint, "commit", work, NULL,
              member);
}

void member_begin(struct member *member)
{
    sim_after(member->sim, 0, member->endpoint, "member", act, NULL, member);
    sim_after(member->sim, 0, member->endpoint, "commit", work, NULL, member);
}
