/*
 * Offsets whose time is over (storage-replication-coordinators 5.10; KIP-211), and groups that nothing is
 * left of. The groups are walked in steps, so that no request waits long for it.
 */
#include "base/log.h"
#include "core/group/internal.h"
#include "wire/record_batch.h"

/* Offsets and groups that one step looks at, about. */
#define STEP_WEIGHT 20000
/* Until the next step of a walk. */
#define STEP_PAUSE_MS 1

enum basis { NEVER, BY_STATE, BY_COMMIT };

struct sweeping {
    struct grp_group *g;
    enum basis basis;
    const struct grp_subscription *subscription; /* NULL = no topic is wanted */
    struct grp_batch *tombstones;
};

static bool is_over(const struct sweeping *s, const struct offset_entry *entry)
{
    const struct group_coordinator *c = s->g->c;
    if (entry->expire_ms != -1)
        return c->now.wall_ms >= entry->expire_ms;
    int64_t since_ms =
        s->basis == BY_STATE && s->g->state_since_ms != -1 ? s->g->state_since_ms : entry->commit_ms;
    int64_t age_ms;
    if (__builtin_sub_overflow(c->now.wall_ms, since_ms, &age_ms))
        return since_ms < 0; /* clients choose these times, too */
    return age_ms >= c->config.retention_ms;
}

/* A commit that is under way keeps its partition; one of an open transaction does not. */
static bool expire(void *arg, const struct offset_topic *topic, struct offset_entry *entry)
{
    const struct sweeping *s = arg;
    if (!entry->is_set || entry->appends || !is_over(s, entry) ||
        (s->subscription && grp_subscription_has(s->subscription, topic->name)))
        return false;
    grp_void_offset(s->g, entry);
    grp_tombstone_offset(s->tombstones, s->g->id, topic->name, entry->partition);
    s->g->c->counted.offsets_expired++;
    return true;
}

static void expire_group(struct grp_group *g, struct grp_batch *tombstones)
{
    struct sweeping s = {.g = g, .tombstones = tombstones};
    struct grp_subscription subscription = {0};
    if (view_is_null(g->protocol_type)) {
        s.basis = BY_COMMIT; /* it only stores offsets */
    } else if (g->state == GROUP_EMPTY) {
        s.basis = BY_STATE;
    } else if (g->state == GROUP_STABLE && g->offsets.set_count > 0) {
        grp_subscription_of(g, &subscription);
        s.basis = subscription.is_known ? BY_COMMIT : NEVER;
        s.subscription = &subscription;
    }
    if (s.basis != NEVER)
        offset_table_sweep(&g->offsets, expire, &s);
    grp_subscription_close(&subscription);
    if (grp_is_idle(g))
        grp_bury(g, tombstones);
}

static struct grp_group *group_at(const struct group_coordinator *c, const struct list *node)
{
    return node == &c->tables.list ? NULL : CONTAINER_OF(node, struct grp_group, node);
}

void grp_expiry_step(struct group_coordinator *c)
{
    struct grp_batch tombstones = {
        .c = c, .producer_id = NO_PRODUCER_ID, .producer_epoch = NO_PRODUCER_EPOCH};
    if (!c->is_expiring) {
        c->is_expiring = true;
        c->expiry_at = group_at(c, c->tables.list.next);
    }
    size_t weight = 0;
    while (c->expiry_at && weight < STEP_WEIGHT) {
        struct grp_group *g = c->expiry_at;
        c->expiry_at = group_at(c, g->node.next);
        weight += 1 + g->offsets.count;
        expire_group(g, &tombstones);
    }
    grp_batch_wish(&tombstones, 0);
    c->is_expiring = c->expiry_at != NULL;
    grp_timer_arm(c, &c->expiry_timer, c->is_expiring ? STEP_PAUSE_MS : c->config.retention_check_ms);
}
