/*
 * SyncGroup (storage-replication-coordinators 5.6): the leader brings the assignment, which is stored and
 * then given to all.
 */
#include "base/log.h"
#include "core/group/internal.h"

#define PROTOCOL_VERSION 5 /* from here on the request must name the protocol */

/* A name that is given must be the group's. */
static bool agrees(struct view given, struct view ours)
{
    return view_is_null(given) || view_equal(given, ours);
}

static enum err validate(const struct grp_group *g, const struct wire_sync_group_request *request,
                         struct grp_member **m)
{
    enum err err = grp_member_identify(g, request->member_id, request->group_instance_id, m);
    if (err)
        return err;
    if (request->generation_id != g->generation)
        return ERR_ILLEGAL_GENERATION;
    if (!agrees(request->protocol_type, g->protocol_type) ||
        !agrees(request->protocol_name, g->protocol_name))
        return ERR_INCONSISTENT_GROUP_PROTOCOL;
    return ERR_NONE;
}

static void pay_sync(struct grp_member *m)
{
    if (!m->owes_sync)
        return;
    m->owes_sync = false;
    if (--m->group->owing_sync == 0)
        grp_timer_disarm(m->group->c, &m->group->sync_timer);
}

/* Members that the leader did not think of get nothing. Nobody sees it before it is stored. */
static void take_assignment(struct grp_group *g, const struct wire_sync_group_request *request)
{
    GRP_EACH_MEMBER (m, g)
        grp_member_set_assignment(m, VIEW_NULL);
    for (int32_t i = 0; i < request->assignments_count; i++) {
        struct grp_member *m = grp_member_find(g, request->assignments[i].member_id);
        if (m)
            grp_member_set_assignment(m, request->assignments[i].assignment);
    }
}

static void sync_completing(struct grp_member *m, const struct wire_sync_group_request *request,
                            int16_t version, uint64_t token)
{
    struct grp_group *g = m->group;
    grp_park_sync(m, token, version);
    pay_sync(m);
    /* One assignment of a generation is stored: a leader that asks twice waits for the first. */
    if (g->leader != m || g->is_storing)
        return;
    struct group_rebalance *r = group_history_running(&g->history);
    int64_t took = group_history_phase(&g->history, g->c->now.mono_ms);
    if (r)
        r->assign_ms = took;
    take_assignment(g, request);
    g->is_storing = true;
    grp_store_group(grp_append_new(g, GRP_APPEND_ASSIGNMENT, 0));
}

void group_sync(struct group_coordinator *c, const struct wire_sync_group_request *request, int16_t version,
                uint64_t token, const struct group_time *now, struct group_effects *out)
{
    enum err err = grp_check(c, request->group_id, false);
    if (!err)
        err = grp_check_instance(c, request->group_instance_id);
    if (version >= PROTOCOL_VERSION &&
        (view_is_null(request->protocol_type) || view_is_null(request->protocol_name)))
        err = ERR_INCONSISTENT_GROUP_PROTOCOL;
    if (err) {
        /* Old clients know no "loading" here; with the rebalance that the load began in, theirs is over. */
        grp_answer_sync_error(out, token,
                              err == ERR_COORDINATOR_LOAD_IN_PROGRESS ? ERR_REBALANCE_IN_PROGRESS : err);
        return;
    }
    grp_enter(c, now, out);
    struct grp_group *g = grp_find(&c->tables, request->group_id);
    struct grp_member *m = NULL;
    err = g ? validate(g, request, &m) : ERR_UNKNOWN_MEMBER_ID;
    if (err) {
        grp_answer_sync_error(out, token, err);
        return;
    }
    switch (g->state) {
    case GROUP_EMPTY:
    case GROUP_DEAD:
        grp_answer_sync_error(out, token, ERR_UNKNOWN_MEMBER_ID);
        return;
    case GROUP_PREPARING:
        grp_answer_sync_error(out, token, ERR_REBALANCE_IN_PROGRESS);
        return;
    case GROUP_COMPLETING:
        sync_completing(m, request, version, token);
        return;
    case GROUP_STABLE:
        pay_sync(m);
        grp_answer_sync(g, token, m->assignment);
        grp_session_renew(m);
        return;
    }
}

static void give_out(struct grp_group *g)
{
    GRP_EACH_MEMBER (m, g) {
        if (!m->sync.waits)
            continue;
        m->sync.waits = false;
        grp_answer_sync(g, m->sync.token, m->assignment);
        grp_session_renew(m);
    }
}

static void fail_all(struct grp_group *g, enum err err)
{
    GRP_EACH_MEMBER (m, g) {
        grp_member_set_assignment(m, VIEW_NULL);
        if (!m->sync.waits)
            continue;
        grp_fail_sync(m, err);
        grp_session_renew(m);
    }
}

void grp_assignment_stored(struct grp_append *a, enum err err)
{
    struct grp_group *g = a->group;
    if (!g || g->state != GROUP_COMPLETING || g->generation != a->generation || !g->is_storing)
        return;
    struct group_rebalance *r = group_history_running(&g->history);
    int64_t took = group_history_phase(&g->history, g->c->now.mono_ms);
    if (r)
        r->write_ms = took;
    g->is_storing = false;
    if (err) {
        log_warn("group", "assignment_not_stored", "group=\"%.*s\" generation=%d error=%s", VIEW_FMT(g->id),
                 g->generation, err_name(err));
        fail_all(g, grp_store_error(err));
        grp_rebalance(g, (struct grp_why){.cause = GROUP_CAUSE_WRITE_FAILED, .member = g->leader->id});
        return;
    }
    grp_set_state(g, GROUP_STABLE);
    give_out(g);
    g->c->counted.rebalances++;
    grp_rebalance_ended(g, GROUP_OUTCOME_STABLE);
}
