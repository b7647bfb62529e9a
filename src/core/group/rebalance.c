/*
 * The rebalance: who must join, how long they may take, and what the next generation is.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/group/internal.h"

/* --- what is remembered and logged
 * --------------------------------------------------------------------------- */

void grp_rebalance_ended(struct grp_group *g, enum group_outcome outcome)
{
    struct group_rebalance *r = group_history_running(&g->history);
    if (!r)
        return;
    r->outcome = outcome;
    r->members = grp_member_count(g);
    r->generation = g->generation;
    log_info("group", "rebalanced",
             "group=\"%.*s\" partition=%d outcome=%s generation=%d members=%d cause=%s by=\"%.*s\" "
             "reason=\"%.*s\" protocol=\"%.*s\" join_ms=%lld assign_ms=%lld write_ms=%lld",
             VIEW_FMT(g->id), g->c->config.offsets_partition, group_outcome_name(outcome), g->generation,
             r->members, group_cause_name(r->cause), VIEW_FMT(r->member), VIEW_FMT(r->reason),
             VIEW_FMT(g->protocol_name), (long long)r->join_ms, (long long)r->assign_ms,
             (long long)r->write_ms);
}

static void remember(struct grp_group *g, const struct grp_why *why)
{
    grp_rebalance_ended(g, GROUP_OUTCOME_RESTARTED);
    int32_t limit = g->c->config.history_count > 0 ? g->c->config.history_count : 1;
    group_history_begin(&g->history, limit, why->cause, why->member, why->reason, g->generation,
                        g->c->now.mono_ms, g->c->now.wall_ms);
}

/* --- waiting for joins
 * --------------------------------------------------------------------------------------- */

/* A generation that is not assigned yet is void: who waits for its assignment joins again. */
static void break_off_sync(struct grp_group *g)
{
    GRP_EACH_MEMBER (m, g) {
        grp_member_set_assignment(m, VIEW_NULL);
        if (!m->sync.waits)
            continue;
        grp_fail_sync(m, ERR_REBALANCE_IN_PROGRESS);
        grp_session_renew(m);
    }
}

static void owe_no_sync(struct grp_group *g)
{
    GRP_EACH_MEMBER (m, g)
        m->owes_sync = false;
    g->owing_sync = 0;
    grp_timer_disarm(g->c, &g->sync_timer);
}

static void begin_waiting(struct grp_group *g)
{
    int64_t timeout_ms = grp_rebalance_timeout(g);
    int64_t delay_ms = g->c->config.initial_delay_ms;
    g->is_initial_delay = g->state == GROUP_EMPTY;
    g->has_newcomer = false;
    if (g->is_initial_delay) {
        g->delay_ms = delay_ms;
        g->remaining_ms = timeout_ms > delay_ms ? timeout_ms - delay_ms : 0;
        timeout_ms = delay_ms;
    }
    grp_timer_arm(g->c, &g->join_timer, timeout_ms);
}

void grp_rebalance(struct grp_group *g, struct grp_why why)
{
    if (g->state == GROUP_PREPARING)
        return;
    remember(g, &why);
    if (g->state == GROUP_COMPLETING)
        break_off_sync(g);
    owe_no_sync(g);
    g->is_storing = false;
    begin_waiting(g);
    grp_set_state(g, GROUP_PREPARING);
    grp_try_complete_join(g);
}

/* --- the next generation
 * -------------------------------------------------------------------------------------- */

/* Static members keep their place until their session ends. */
static void remove_absent(struct grp_group *g)
{
    struct grp_member *next;
    for (struct grp_member *m = grp_member_after(g, NULL); m; m = next) {
        next = grp_member_after(g, m);
        if (m->join.waits || !view_is_null(m->instance_id))
            continue;
        log_info("group", "member_absent", "group=\"%.*s\" member=\"%.*s\"", VIEW_FMT(g->id),
                 VIEW_FMT(m->id));
        grp_member_remove(m);
    }
}

/* A leader that has not joined is replaced by the first that has; false when nobody has. */
static bool elect_leader(struct grp_group *g)
{
    if (g->leader && g->leader->join.waits)
        return true;
    GRP_EACH_MEMBER (m, g) {
        if (!m->join.waits)
            continue;
        g->leader = m;
        return true;
    }
    return false;
}

static void set_protocol(struct grp_group *g, struct view name)
{
    struct view owned = grp_dup(name);
    grp_drop(&g->protocol_name);
    g->protocol_name = owned;
}

static void begin_generation(struct grp_group *g)
{
    g->generation = (int32_t)((uint32_t)g->generation + 1);
    set_protocol(g, grp_protocols_vote(g));
    g->had_member_commit = g->had_txn_commit = false;
}

static void become_empty(struct grp_group *g)
{
    begin_generation(g);
    grp_set_state(g, GROUP_EMPTY);
    grp_rebalance_ended(g, GROUP_OUTCOME_EMPTY);
    grp_store_group(grp_append_new(g, GRP_APPEND_EMPTY, 0));
}

static void become_completing(struct grp_group *g)
{
    begin_generation(g);
    grp_set_state(g, GROUP_COMPLETING);
    GRP_EACH_MEMBER (m, g) {
        grp_answer_join(m);
        m->is_new = false;
        m->owes_sync = true;
        grp_session_renew(m);
    }
    g->owing_sync = grp_member_count(g);
    grp_timer_arm(g->c, &g->sync_timer, grp_rebalance_timeout(g));
}

static void complete_join(struct grp_group *g)
{
    grp_timer_disarm(g->c, &g->join_timer);
    remove_absent(g);
    if (grp_member_count(g) > 0 && !elect_leader(g)) {
        /* Static members only, and none has come back: their sessions decide. */
        g->is_initial_delay = false;
        grp_timer_arm(g->c, &g->join_timer, grp_rebalance_timeout(g));
        return;
    }
    struct group_rebalance *r = group_history_running(&g->history);
    int64_t took = group_history_phase(&g->history, g->c->now.mono_ms);
    if (r)
        r->join_ms = took;
    if (grp_member_count(g) > 0)
        become_completing(g);
    else
        become_empty(g);
}

void grp_try_complete_join(struct grp_group *g)
{
    if (g->state == GROUP_PREPARING && !g->is_initial_delay && g->awaiting_join == grp_member_count(g) &&
        g->pending.count == 0)
        complete_join(g);
}

void grp_join_time_over(struct grp_group *g)
{
    if (g->is_initial_delay && g->has_newcomer && g->remaining_ms > 0) {
        int64_t passed = g->delay_ms;
        int64_t delay_ms = g->c->config.initial_delay_ms;
        g->has_newcomer = false;
        g->delay_ms = delay_ms < g->remaining_ms ? delay_ms : g->remaining_ms;
        g->remaining_ms = g->remaining_ms > passed ? g->remaining_ms - passed : 0;
        grp_timer_arm(g->c, &g->join_timer, g->delay_ms);
        return;
    }
    complete_join(g);
}

/* --- members that do not fetch their assignment
 * ---------------------------------------------------------------- */

void grp_sync_time_over(struct grp_group *g)
{
    if (g->owing_sync == 0)
        return;
    struct grp_member *next;
    struct view first = VIEW_NULL;
    for (struct grp_member *m = grp_member_after(g, NULL); m; m = next) {
        next = grp_member_after(g, m);
        if (!m->owes_sync)
            continue;
        if (view_is_null(first))
            first = arena_dup_view(&g->c->out->arena, m->id);
        grp_member_remove(m);
    }
    grp_rebalance(g, (struct grp_why){.cause = GROUP_CAUSE_SYNC_TIMEOUT, .member = first});
}

/* --- members that go
 * -------------------------------------------------------------------------------------------- */

void grp_remove_and_rebalance(struct grp_member *m, struct grp_why why)
{
    struct grp_group *g = m->group;
    why.member = arena_dup_view(&g->c->out->arena, m->id);
    grp_member_remove(m);
    if (g->state == GROUP_PREPARING)
        grp_try_complete_join(g);
    else
        grp_rebalance(g, why);
}

void grp_remove_pending(struct grp_group *g, struct view id)
{
    grp_pending_remove(g, id);
    grp_try_complete_join(g);
}
