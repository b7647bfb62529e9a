/*
 * A static member comes back without its member id, as after a restart: it gets a new id and the old one is
 * fenced at once. In a stable group that would choose the same protocol nobody else is troubled; the new id
 * is written to the log before it is told.
 */
#include "base/log.h"
#include "core/group/internal.h"

/* JoinGroup: from here on a leader can be told that there is nothing to assign (KIP-814). */
#define SKIP_ASSIGNMENT_VERSION 9

/* Another member id takes the place; whoever waited under the old one is told so. */
static void replace(struct grp_member *m, struct view new_id)
{
    grp_fail_join(m, ERR_FENCED_INSTANCE_ID);
    grp_fail_sync(m, ERR_FENCED_INSTANCE_ID);
    grp_member_rename(m, new_id);
}

/* Keeps in `a` what must be known to go back; the protocols change owner. */
static void keep_old(struct grp_append *a, struct grp_member *m)
{
    a->fixed.old_id = grp_dup(m->id);
    a->fixed.rebalance_timeout_ms = m->rebalance_timeout_ms;
    a->fixed.session_timeout_ms = m->session_timeout_ms;
    struct view bytes = grp_protocols_view(&m->protocols);
    a->fixed.protocols = (struct grp_protocols){mem_dup(bytes.ptr, bytes.len), bytes.len};
}

static void take_over(struct grp_member *m, const struct wire_join_group_request *request, int16_t version,
                      uint64_t token)
{
    struct group_coordinator *c = m->group->c;
    struct view id = grp_member_id_new(c, VIEW_NULL, m->instance_id);
    log_info("group", "static_member_replaced", "group=\"%.*s\" instance=\"%.*s\" old=\"%.*s\" new=\"%.*s\"",
             VIEW_FMT(m->group->id), VIEW_FMT(m->instance_id), VIEW_FMT(m->id), VIEW_FMT(id));
    replace(m, id);
    grp_drop(&id);
    grp_member_update(m, grp_protocols_of(request),
                      version == 0 ? request->session_timeout_ms : request->rebalance_timeout_ms,
                      request->session_timeout_ms);
    grp_session_renew(m);
    grp_park_join(m, token, version);
}

static void join_stable(struct grp_member *m, const struct wire_join_group_request *request, int16_t version,
                        uint64_t token)
{
    struct grp_group *g = m->group;
    struct grp_append *a = grp_append_new(g, GRP_APPEND_STATIC, 0);
    keep_old(a, m);
    take_over(m, request, version, token);
    if (!view_equal(grp_protocols_vote(g), g->protocol_name)) {
        grp_append_free(g->c, a);
        grp_rebalance(g, (struct grp_why){GROUP_CAUSE_STATIC_MEMBER, m->id, request->reason});
        return;
    }
    a->fixed.new_id = grp_dup(m->id);
    a->fixed.token = token;
    grp_store_group(a);
}

void grp_join_static(struct grp_member *m, const struct wire_join_group_request *request, int16_t version,
                     uint64_t token)
{
    struct grp_group *g = m->group;
    if (g->state == GROUP_STABLE) {
        join_stable(m, request, version, token);
        return;
    }
    take_over(m, request, version, token);
    /* The leader may have been told of the old id already: what it assigns would miss the new one. */
    if (g->state == GROUP_COMPLETING)
        grp_rebalance(g, (struct grp_why){GROUP_CAUSE_STATIC_MEMBER, m->id, request->reason});
}

static void go_back(struct grp_append *a, struct grp_member *m, enum err err)
{
    struct grp_group *g = m->group;
    struct grp_parked parked = m->join;
    m->join.waits = false;
    g->awaiting_join--;
    struct view old_leader = g->leader == m ? a->fixed.old_id : g->leader->id;
    grp_member_rename(m, a->fixed.old_id);
    grp_member_update(m, a->fixed.protocols, a->fixed.rebalance_timeout_ms, a->fixed.session_timeout_ms);
    a->fixed.protocols = (struct grp_protocols){0};
    grp_session_renew(m);
    grp_answer_join_as(m, parked, old_leader, false, false);
    struct group_effects *out = g->c->out;
    struct wire_join_group_response *answer = out->items[out->count - 1].joined;
    answer->error_code = err_wire_code(err);
    answer->member_id = VIEW_LIT("");
}

void grp_static_stored(struct grp_append *a, enum err err)
{
    struct grp_group *g = a->group;
    struct grp_member *m = g ? grp_member_find(g, a->fixed.new_id) : NULL;
    /* Whoever waits in a rebalance that began meanwhile is answered by that, and so is who was replaced
     * again. */
    if (!m || g->state != GROUP_STABLE || g->generation != a->generation || !m->join.waits ||
        m->join.token != a->fixed.token)
        return;
    if (err) {
        log_warn("group", "static_member_not_stored", "group=\"%.*s\" instance=\"%.*s\" error=%s",
                 VIEW_FMT(g->id), VIEW_FMT(m->instance_id), err_name(err));
        go_back(a, m, grp_store_error(err));
        return;
    }
    struct grp_parked parked = m->join;
    m->join.waits = false;
    g->awaiting_join--;
    grp_session_renew(m);
    bool leads = g->leader == m;
    /* An older client that leads is told that its old self does, or it would assign what nobody fetches. */
    if (parked.version >= SKIP_ASSIGNMENT_VERSION)
        grp_answer_join_as(m, parked, g->leader->id, leads, leads);
    else
        grp_answer_join_as(m, parked, leads ? a->fixed.old_id : g->leader->id, false, false);
}
