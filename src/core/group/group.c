#include <stdlib.h>

#include "base/assert.h"
#include "core/group/internal.h"

const char *group_state_name(enum group_state state)
{
    switch (state) {
    case GROUP_EMPTY:
        return "Empty";
    case GROUP_PREPARING:
        return "PreparingRebalance";
    case GROUP_COMPLETING:
        return "CompletingRebalance";
    case GROUP_STABLE:
        return "Stable";
    case GROUP_DEAD:
        return "Dead";
    }
    UNREACHABLE();
}

/* legal[from] has a bit for each state that may follow. */
static const unsigned legal[GROUP_STATE_COUNT] = {
    [GROUP_EMPTY] = 1u << GROUP_PREPARING | 1u << GROUP_DEAD,
    [GROUP_PREPARING] = 1u << GROUP_COMPLETING | 1u << GROUP_EMPTY | 1u << GROUP_DEAD,
    [GROUP_COMPLETING] = 1u << GROUP_STABLE | 1u << GROUP_PREPARING | 1u << GROUP_DEAD,
    [GROUP_STABLE] = 1u << GROUP_PREPARING | 1u << GROUP_DEAD,
    [GROUP_DEAD] = 0,
};

void grp_set_state(struct grp_group *g, enum group_state state)
{
    ASSERT(legal[g->state] & 1u << state);
    g->c->tables.counts[g->state]--;
    g->c->tables.counts[state]++;
    g->state = state;
    g->state_since_ms = g->c->now.wall_ms;
}

struct view grp_dup(struct view v)
{
    return view_is_null(v) ? VIEW_NULL : view_of(mem_dup(v.ptr, v.len ? v.len : 1), v.len);
}

void grp_drop(struct view *v)
{
    free((void *)(uintptr_t)v->ptr);
    *v = VIEW_NULL;
}

void grp_tables_init(struct grp_tables *tables)
{
    *tables = (struct grp_tables){0};
    list_init(&tables->list);
}

void grp_tables_move(struct grp_tables *to, struct grp_tables *from)
{
    *to = *from;
    if (list_is_empty(&from->list)) {
        list_init(&to->list);
    } else {
        to->list.next->prev = &to->list;
        to->list.prev->next = &to->list;
    }
    grp_tables_init(from);
}

void grp_tables_close(struct grp_tables *tables)
{
    LIST_EACH_SAFE (node, &tables->list) {
        grp_group_free(tables, CONTAINER_OF(node, struct grp_group, node));
    }
    map_close(&tables->groups);
    map_close(&tables->txns);
}

struct grp_group *grp_find(const struct grp_tables *tables, struct view id)
{
    return map_get(&tables->groups, id);
}

struct grp_group *grp_group_new(struct grp_tables *tables, struct view id, int64_t wall_ms)
{
    struct grp_group *g = MEM_NEW(struct grp_group);
    g->id = grp_dup(id);
    g->state = GROUP_EMPTY;
    g->state_since_ms = wall_ms;
    g->join_timer.kind = GRP_TIMER_JOIN;
    g->sync_timer.kind = GRP_TIMER_SYNC;
    list_init(&g->members);
    list_init(&g->txns);
    list_init(&g->appends);
    list_push_back(&tables->list, &g->node);
    map_put(&tables->groups, id, g);
    tables->counts[GROUP_EMPTY]++;
    return g;
}

struct grp_group *grp_find_or_new(struct group_coordinator *c, struct view id)
{
    struct grp_group *g = grp_find(&c->tables, id);
    if (!g) {
        g = grp_group_new(&c->tables, id, c->now.wall_ms);
        g->c = c;
    }
    return g;
}

static void free_members(struct grp_group *g)
{
    for (struct grp_member *m; (m = grp_member_after(g, NULL));)
        grp_member_remove(m);
    size_t it = 0;
    for (struct map_slot *slot; (slot = map_next(&g->pending, &it));) {
        const struct grp_pending_member *p = slot->value;
        grp_pending_remove(g, p->id);
    }
}

void grp_group_free(struct grp_tables *tables, struct grp_group *g)
{
    free_members(g);
    if (g->c) {
        grp_timer_disarm(g->c, &g->join_timer);
        grp_timer_disarm(g->c, &g->sync_timer);
        if (g->c->expiry_at == g)
            g->c->expiry_at =
                g->node.next == &tables->list ? NULL : CONTAINER_OF(g->node.next, struct grp_group, node);
    }
    LIST_EACH_SAFE (node, &g->appends) {
        struct grp_append *a = CONTAINER_OF(node, struct grp_append, of_group);
        list_remove(&a->of_group);
        a->group = NULL;
    }
    LIST_EACH_SAFE (node, &g->txns) {
        grp_txn_part_free(tables, CONTAINER_OF(node, struct grp_txn_part, of_group));
    }
    tables->counts[g->state]--;
    map_remove(&tables->groups, g->id);
    list_remove(&g->node);
    map_close(&g->members_by_id);
    map_close(&g->statics);
    map_close(&g->pending);
    map_close(&g->offered);
    offset_table_close(&g->offsets);
    group_history_close(&g->history);
    grp_drop(&g->id);
    grp_drop(&g->protocol_type);
    grp_drop(&g->protocol_name);
    grp_drop(&g->loaded);
    free(g);
}

bool grp_is_idle(const struct grp_group *g)
{
    return g->state == GROUP_EMPTY && g->offsets.count == 0 && g->pending.count == 0;
}
