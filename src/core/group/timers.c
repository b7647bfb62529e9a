#include "base/assert.h"
#include "core/group/internal.h"

void grp_timer_arm(struct group_coordinator *c, struct grp_timer *timer, int64_t delay_ms)
{
    /* Settings may ask for a time that never comes. */
    if (__builtin_add_overflow(c->now.mono_ms, delay_ms, &timer->deadline_ms))
        timer->deadline_ms = INT64_MAX;
    if (heap_contains(&timer->node)) {
        if (timer->node.key <= timer->deadline_ms)
            return; /* found to be early when it comes up */
        heap_remove(&c->timers, &timer->node);
    }
    heap_push(&c->timers, &timer->node, timer->deadline_ms);
}

void grp_timer_disarm(struct group_coordinator *c, struct grp_timer *timer)
{
    heap_remove(&c->timers, &timer->node);
}

void grp_session_renew(struct grp_member *m)
{
    grp_timer_arm(m->group->c, &m->session, m->session_timeout_ms);
}

static void session_over(struct grp_member *m)
{
    /* A member that waits for others is not expected to speak; its answer arms the session again. Only who
     * came into a rebalance new may be gone for all we know. */
    if (!m->is_new && (m->join.waits || m->sync.waits))
        return;
    grp_remove_and_rebalance(m, (struct grp_why){.cause = GROUP_CAUSE_SESSION_TIMEOUT, .member = m->id});
}

static void fire(struct group_coordinator *c, struct grp_timer *timer)
{
    switch (timer->kind) {
    case GRP_TIMER_SESSION:
        session_over(CONTAINER_OF(timer, struct grp_member, session));
        return;
    case GRP_TIMER_PENDING: {
        const struct grp_pending_member *p = CONTAINER_OF(timer, struct grp_pending_member, timer);
        grp_remove_pending(p->group, p->id);
        return;
    }
    case GRP_TIMER_JOIN:
        grp_join_time_over(CONTAINER_OF(timer, struct grp_group, join_timer));
        return;
    case GRP_TIMER_SYNC:
        grp_sync_time_over(CONTAINER_OF(timer, struct grp_group, sync_timer));
        return;
    case GRP_TIMER_EXPIRY:
        grp_expiry_step(c);
        return;
    }
    UNREACHABLE();
}

void group_tick(struct group_coordinator *c, const struct group_time *now, struct group_effects *out)
{
    grp_enter(c, now, out);
    for (;;) {
        struct heap_node *node = heap_peek(&c->timers);
        if (!node || node->key > now->mono_ms)
            return;
        heap_pop(&c->timers);
        struct grp_timer *timer = CONTAINER_OF(node, struct grp_timer, node);
        if (timer->deadline_ms > now->mono_ms)
            heap_push(&c->timers, node, timer->deadline_ms);
        else
            fire(c, timer);
    }
}

int64_t group_coordinator_deadline(const struct group_coordinator *c)
{
    const struct heap_node *node = heap_peek(&c->timers);
    return node ? node->key : INT64_MAX;
}
