#include "core/group/coordinator.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/log.h"
#include "core/group/internal.h"

const struct group_config GROUP_CONFIG_DEFAULT = {
    .min_session_ms = 6000,
    .max_session_ms = 1800000,
    .max_size = INT32_MAX,
    .initial_delay_ms = 3000,
    .metadata_max = 4096,
    .retention_ms = (int64_t)10080 * 60 * 1000,
    .retention_check_ms = 600000,
    .codec = CODEC_NONE,
    .batch_max = (size_t)1 << 30,
    .tombstones_bytes = 500000,
    .offset_version = OFFSET_VALUE_VERSION,
    .group_version = GROUP_VALUE_VERSION,
    .history_count = 10,
};

int32_t group_partition_of(struct view group_id, int32_t partitions)
{
    int32_t hash = hash_java_string(group_id);
    return hash == INT32_MIN ? 0 : (hash < 0 ? -hash : hash) % partitions;
}

struct group_coordinator *group_coordinator_new(const struct group_config *config)
{
    struct group_coordinator *c = MEM_NEW(struct group_coordinator);
    c->config = *config;
    c->phase = GRP_LOADING;
    c->expiry_timer.kind = GRP_TIMER_EXPIRY;
    prng_seed(&c->prng, config->seed);
    /* Far from where other terms count, so that what comes home from one is not taken for ours. */
    c->last_ticket = prng_next(&c->prng) >> 2;
    grp_tables_init(&c->tables);
    return c;
}

/* A loaded group becomes one that lives. */
static void revive(struct group_coordinator *c, struct grp_group *g)
{
    g->c = c;
    GRP_EACH_MEMBER (m, g)
        grp_session_renew(m);
    if (grp_member_count(g) > c->config.max_size)
        grp_rebalance(g, (struct grp_why){.cause = GROUP_CAUSE_OVER_CAPACITY});
}

void group_coordinator_loaded(struct group_coordinator *c, struct group_loader *loader,
                              const struct group_time *now, struct group_effects *out)
{
    if (c->phase != GRP_LOADING)
        return;
    grp_enter(c, now, out);
    grp_tables_move(&c->tables, grp_loader_tables(loader));
    c->phase = GRP_SERVING;
    grp_txn_mark_heard(c);
    LIST_EACH_SAFE (node, &c->tables.list) {
        revive(c, CONTAINER_OF(node, struct grp_group, node));
    }
    grp_timer_arm(c, &c->expiry_timer, c->config.retention_check_ms);
}

/* A commit may be in the log or not: its client asks the next coordinator. */
static void drop_appends(struct group_coordinator *c)
{
    size_t it = 0;
    for (struct map_slot *slot; (slot = map_next(&c->appends, &it));) {
        struct grp_append *a = slot->value;
        if (a->kind == GRP_APPEND_COMMIT) {
            if (a->group)
                list_remove(&a->of_group);
            a->group = NULL;
            grp_commit_stored(c, a, ERR_NOT_LEADER_OR_FOLLOWER, -1);
        }
        grp_append_free(c, a);
    }
}

void group_coordinator_resign(struct group_coordinator *c, const struct group_time *now,
                              struct group_effects *out)
{
    if (c->phase == GRP_RESIGNED)
        return;
    grp_enter(c, now, out);
    c->phase = GRP_RESIGNED;
    c->is_expiring = false;
    drop_appends(c);
    LIST_EACH_SAFE (node, &c->tables.list) {
        struct grp_group *g = CONTAINER_OF(node, struct grp_group, node);
        GRP_EACH_MEMBER (m, g) {
            grp_fail_join(m, ERR_NOT_COORDINATOR);
            grp_fail_sync(m, ERR_NOT_COORDINATOR);
        }
        grp_set_state(g, GROUP_DEAD);
        grp_group_free(&c->tables, g);
    }
    grp_timer_disarm(c, &c->expiry_timer);
    ASSERT(c->timers.count == 0 && c->appends.count == 0 && c->tables.txns.count == 0);
}

void group_coordinator_free(struct group_coordinator *c)
{
    if (!c)
        return;
    struct group_effects nobody = {0};
    group_coordinator_resign(c, &c->now, &nobody);
    group_effects_close(&nobody);
    grp_tables_close(&c->tables);
    free(c->markers);
    map_close(&c->appends);
    heap_close(&c->timers);
    buf_close(&c->key);
    buf_close(&c->value);
    buf_close(&c->batch);
    free(c);
}

enum err grp_check(const struct group_coordinator *c, struct view group_id, bool empty_ok)
{
    if (view_is_null(group_id) || (group_id.len == 0 && !empty_ok))
        return ERR_INVALID_GROUP_ID;
    if (!c || c->phase == GRP_RESIGNED)
        return ERR_NOT_COORDINATOR;
    return c->phase == GRP_LOADING ? ERR_COORDINATOR_LOAD_IN_PROGRESS : ERR_NONE;
}

enum err grp_check_instance(const struct group_coordinator *c, struct view instance_id)
{
    return view_is_null(instance_id) || c->config.group_version >= GROUP_VALUE_INSTANCES
               ? ERR_NONE
               : ERR_UNSUPPORTED_VERSION;
}

/* The generation before becomes the present one again if the broker dies now; its members are gone, so it
 * would time out. */
static void empty_stored(const struct grp_append *a, enum err err)
{
    if (err && a->group)
        log_warn("group", "empty_group_not_stored", "group=\"%.*s\" generation=%d error=%s",
                 VIEW_FMT(a->group->id), a->generation, err_name(err));
}

void group_appended(struct group_coordinator *c, uint64_t ticket, enum err err, int64_t base_offset,
                    const struct group_time *now, struct group_effects *out)
{
    struct grp_append *a = map_get_int(&c->appends, (int64_t)ticket);
    if (!a)
        return;
    grp_enter(c, now, out);
    switch (a->kind) {
    case GRP_APPEND_ASSIGNMENT:
        grp_assignment_stored(a, err);
        break;
    case GRP_APPEND_STATIC:
        grp_static_stored(a, err);
        break;
    case GRP_APPEND_EMPTY:
        empty_stored(a, err);
        break;
    case GRP_APPEND_COMMIT:
        grp_commit_stored(c, a, err, base_offset);
        break;
    }
    grp_append_free(c, a);
}

void group_coordinator_counts(const struct group_coordinator *c, struct group_counts *out)
{
    *out = c->counted;
    memcpy(out->groups, c->tables.counts, sizeof out->groups);
    out->offsets = 0;
    LIST_EACH (node, &c->tables.list)
        out->offsets += (int64_t)CONTAINER_OF(node, struct grp_group, node)->offsets.set_count;
}
