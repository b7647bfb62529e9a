#include "audit.h"

#include <check.h>

#include "core/group/internal.h"

/* ck_assert for each of so many facts would take its time. */
#define MUST(cond)                                                                                           \
    do {                                                                                                     \
        if (!(cond))                                                                                         \
            ck_abort_msg("audit: %s", #cond);                                                                \
    } while (0)

/* Members and their counts. */
static void audit_members(const struct grp_group *g)
{
    int32_t members = 0, waiting = 0, owing = 0;
    size_t statics = 0;
    GRP_EACH_MEMBER (m, g) {
        members++;
        waiting += m->join.waits;
        owing += m->owes_sync;
        statics += !view_is_null(m->instance_id);
        MUST(m->group == g);
        MUST(grp_member_find(g, m->id) == m);
        MUST(view_is_null(m->instance_id) || grp_static_find(g, m->instance_id) == m);
        MUST(!grp_pending_has(g, m->id));
        MUST(!m->sync.waits || g->state == GROUP_COMPLETING);
        MUST(!m->join.waits || g->state == GROUP_PREPARING || g->state == GROUP_STABLE);
        /* Who need not be waited for is watched. */
        MUST(m->join.waits || m->sync.waits || heap_contains(&m->session.node));
        struct view rest = grp_protocols_view(&m->protocols), name, metadata;
        while (grp_protocols_next(&rest, &name, &metadata))
            MUST(map_get(&g->offered, name) != NULL);
    }
    MUST(members == grp_member_count(g));
    MUST(statics == g->statics.count);
    MUST(waiting == g->awaiting_join);
    MUST(owing == g->owing_sync);
    MUST((g->leader != NULL) == (members > 0));
    MUST(!g->leader || grp_member_find(g, g->leader->id) == g->leader);
}

static void audit_state(const struct grp_group *g)
{
    bool is_join_armed = heap_contains(&g->join_timer.node);
    bool is_sync_armed = heap_contains(&g->sync_timer.node);
    switch (g->state) {
    case GROUP_EMPTY:
        MUST(grp_member_count(g) == 0 && !is_join_armed && !is_sync_armed);
        return;
    case GROUP_PREPARING:
        MUST(is_join_armed && !is_sync_armed && g->owing_sync == 0 && !g->is_storing);
        return;
    case GROUP_COMPLETING:
        MUST(grp_member_count(g) > 0 && !is_join_armed && is_sync_armed == (g->owing_sync > 0));
        return;
    case GROUP_STABLE:
        MUST(grp_member_count(g) > 0 && !is_join_armed && is_sync_armed == (g->owing_sync > 0));
        MUST(!g->is_storing && g->generation > 0);
        return;
    case GROUP_DEAD:
        MUST(!"a dead group is kept");
        return;
    }
}

/* The group's entries know of every transaction, and of every append. */
static void audit_offsets(struct grp_group *g)
{
    size_t entries = 0, set = 0, txns = 0, txn_entries = 0;
    OFFSET_EACH_TOPIC (topic, &g->offsets) {
        OFFSET_EACH_ENTRY (entry, topic) {
            entries++;
            set += entry->is_set;
            txns += entry->txns;
            MUST(entry->is_set || entry->appends || entry->txns);
            MUST(entry->is_set || !entry->metadata);
        }
    }
    LIST_EACH (node, &g->txns) {
        struct grp_txn_part *part = CONTAINER_OF(node, struct grp_txn_part, of_group);
        MUST(part->group == g && part->offsets.count > 0);
        txn_entries += part->offsets.count;
    }
    MUST(entries == g->offsets.count);
    MUST(set == g->offsets.set_count);
    MUST(txns == txn_entries);
}

static size_t armed_of(const struct grp_group *g)
{
    size_t armed = (size_t)heap_contains(&g->join_timer.node) + heap_contains(&g->sync_timer.node);
    GRP_EACH_MEMBER (m, g)
        armed += heap_contains(&m->session.node);
    return armed + g->pending.count;
}

void audit(const struct group_coordinator *c)
{
    size_t armed = heap_contains(&c->expiry_timer.node), groups = 0, appends = 0;
    int64_t counts[GROUP_STATE_COUNT] = {0};
    LIST_EACH (node, &c->tables.list) {
        struct grp_group *g = CONTAINER_OF(node, struct grp_group, node);
        groups++;
        counts[g->state]++;
        MUST(g->c == c && grp_find(&c->tables, g->id) == g);
        audit_members(g);
        audit_state(g);
        audit_offsets(g);
        armed += armed_of(g);
        LIST_EACH (append, &g->appends)
            appends++;
    }
    MUST(armed == c->timers.count); /* nothing is armed for who is gone */
    MUST(groups == c->tables.groups.count);
    MUST(appends <= c->appends.count);
    MUST(memcmp(counts, c->tables.counts, sizeof counts) == 0);
}
