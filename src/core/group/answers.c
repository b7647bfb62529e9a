/*
 * Answers to JoinGroup and SyncGroup. What they hold is copied: a member may be gone before its answer is
 * sent.
 */
#include "base/assert.h"
#include "core/group/internal.h"

#define PROTOCOL_TYPE_VERSION 7 /* JoinGroup: from here on a name may be null */

static struct wire_join_group_response *new_join(struct group_effects *out, uint64_t token, int16_t version)
{
    struct group_effect *effect = group_effects_add(out, GROUP_EFFECT_JOINED);
    effect->token = token;
    effect->joined = wire_new(&wire_join_group_response_desc, &out->arena, 1);
    effect->joined->protocol_name = version < PROTOCOL_TYPE_VERSION ? VIEW_LIT("") : VIEW_NULL;
    return effect->joined;
}

void grp_answer_join_error(struct group_effects *out, uint64_t token, int16_t version, struct view member_id,
                           enum err err)
{
    struct wire_join_group_response *answer = new_join(out, token, version);
    answer->error_code = err_wire_code(err);
    answer->member_id = arena_dup_view(&out->arena, member_id);
}

static void put_members(struct wire_join_group_response *answer, const struct grp_group *g)
{
    struct arena *arena = &g->c->out->arena;
    answer->members_count = grp_member_count(g);
    answer->members = wire_new(&wire_join_group_response_join_group_response_member_desc, arena,
                               (size_t)answer->members_count);
    int32_t i = 0;
    GRP_EACH_MEMBER (m, g) {
        answer->members[i].member_id = arena_dup_view(arena, m->id);
        answer->members[i].group_instance_id = arena_dup_view(arena, m->instance_id);
        answer->members[i].metadata = arena_dup_view(arena, grp_member_metadata(m, g->protocol_name));
        i++;
    }
}

void grp_answer_join_as(struct grp_member *m, struct grp_parked parked, struct view leader_id,
                        bool with_members, bool skip_assignment)
{
    struct grp_group *g = m->group;
    struct arena *arena = &g->c->out->arena;
    struct wire_join_group_response *answer = new_join(g->c->out, parked.token, parked.version);
    answer->generation_id = g->generation;
    answer->protocol_type = arena_dup_view(arena, g->protocol_type);
    answer->protocol_name = arena_dup_view(arena, g->protocol_name);
    answer->leader = arena_dup_view(arena, leader_id);
    answer->skip_assignment = skip_assignment;
    answer->member_id = arena_dup_view(arena, m->id);
    if (with_members)
        put_members(answer, g);
}

/* Whoever is freed of waiting: the group counts those that wait to join. */
static bool take(struct grp_parked *parked, struct grp_parked *out)
{
    *out = *parked;
    parked->waits = false;
    return out->waits;
}

void grp_answer_join(struct grp_member *m)
{
    struct grp_group *g = m->group;
    struct grp_parked parked;
    if (!take(&m->join, &parked))
        return;
    g->awaiting_join--;
    grp_answer_join_as(m, parked, g->leader->id, g->leader == m, false);
}

void grp_fail_join(struct grp_member *m, enum err err)
{
    struct grp_parked parked;
    if (!take(&m->join, &parked))
        return;
    m->group->awaiting_join--;
    /* Who is told to begin anew is not told its id, as in Kafka; the others are. */
    struct view id = err == ERR_UNKNOWN_MEMBER_ID ? VIEW_LIT("") : m->id;
    grp_answer_join_error(m->group->c->out, parked.token, parked.version, id, err);
}

void grp_park_join(struct grp_member *m, uint64_t token, int16_t version)
{
    /* The client asked again, so it does not wait for the first answer any more. */
    grp_fail_join(m, ERR_REBALANCE_IN_PROGRESS);
    m->join = (struct grp_parked){.token = token, .version = version, .waits = true};
    m->group->awaiting_join++;
}

static struct wire_sync_group_response *new_sync(struct group_effects *out, uint64_t token)
{
    struct group_effect *effect = group_effects_add(out, GROUP_EFFECT_SYNCED);
    effect->token = token;
    effect->synced = wire_new(&wire_sync_group_response_desc, &out->arena, 1);
    return effect->synced;
}

void grp_answer_sync_error(struct group_effects *out, uint64_t token, enum err err)
{
    new_sync(out, token)->error_code = err_wire_code(err);
}

void grp_answer_sync(struct grp_group *g, uint64_t token, struct view assignment)
{
    struct arena *arena = &g->c->out->arena;
    struct wire_sync_group_response *answer = new_sync(g->c->out, token);
    answer->protocol_type = arena_dup_view(arena, g->protocol_type);
    answer->protocol_name = arena_dup_view(arena, g->protocol_name);
    if (assignment.len)
        answer->assignment = arena_dup_view(arena, assignment);
}

void grp_fail_sync(struct grp_member *m, enum err err)
{
    struct grp_parked parked;
    if (take(&m->sync, &parked))
        grp_answer_sync_error(m->group->c->out, parked.token, err);
}

void grp_park_sync(struct grp_member *m, uint64_t token, int16_t version)
{
    grp_fail_sync(m, ERR_REBALANCE_IN_PROGRESS);
    m->sync = (struct grp_parked){.token = token, .version = version, .waits = true};
}
