/*
 * Deleting groups and offsets (storage-replication-coordinators 5.7). Tombstones follow whatever is on its
 * way to the log, so what they are about is gone for the next coordinator, too.
 */
#include "base/log.h"
#include "core/group/internal.h"
#include "wire/record_batch.h"

static struct grp_batch tombstones_of(struct group_coordinator *c)
{
    return (struct grp_batch){.c = c, .producer_id = NO_PRODUCER_ID, .producer_epoch = NO_PRODUCER_EPOCH};
}

void grp_void_offset(struct grp_group *g, struct offset_entry *entry)
{
    offset_entry_unset(&g->offsets, entry);
    entry->fence = g->c->last_ticket;
}

void grp_void_txn_offsets(struct grp_group *g, struct view topic, int32_t partition)
{
    LIST_EACH_SAFE (node, &g->txns) {
        struct grp_txn_part *part = CONTAINER_OF(node, struct grp_txn_part, of_group);
        struct offset_topic *of = offset_table_topic(&part->offsets, topic);
        struct offset_entry *entry = of ? offset_topic_entry(of, partition) : NULL;
        if (!entry)
            continue;
        offset_entry_unset(&part->offsets, entry);
        entry->fence = g->c->last_ticket;
        grp_txn_entry_release(&g->c->tables, part, of, entry);
    }
}

/* True if there was something. */
static bool delete_offset(struct grp_group *g, struct view topic, int32_t partition, struct grp_batch *batch)
{
    grp_void_txn_offsets(g, topic, partition);
    struct offset_topic *of = offset_table_topic(&g->offsets, topic);
    struct offset_entry *entry = of ? offset_topic_entry(of, partition) : NULL;
    if (!entry || (!entry->is_set && !entry->appends))
        return false;
    grp_void_offset(g, entry);
    grp_tombstone_offset(batch, g->id, topic, partition);
    offset_entry_release(&g->offsets, of, entry);
    return true;
}

void grp_bury(struct grp_group *g, struct grp_batch *tombstones)
{
    OFFSET_EACH_TOPIC (topic, &g->offsets) {
        OFFSET_EACH_ENTRY (entry, topic)
            if (entry->is_set || entry->appends)
                grp_tombstone_offset(tombstones, g->id, topic->name, entry->partition);
    }
    /* A group of generation 0 only stored offsets: it has no record. */
    if (g->generation > 0)
        grp_tombstone_group(tombstones, g->id);
    log_info("group", "removed", "group=\"%.*s\" generation=%d", VIEW_FMT(g->id), g->generation);
    grp_set_state(g, GROUP_DEAD);
    grp_group_free(&g->c->tables, g);
}

enum err group_delete(struct group_coordinator *c, struct view group_id, const struct group_time *now,
                      struct group_effects *out)
{
    enum err err = grp_check(c, group_id, true);
    if (err)
        return err;
    grp_enter(c, now, out);
    struct grp_group *g = grp_find(&c->tables, group_id);
    if (!g)
        return ERR_GROUP_ID_NOT_FOUND;
    if (g->state != GROUP_EMPTY)
        return ERR_NON_EMPTY_GROUP;
    struct grp_batch batch = tombstones_of(c);
    grp_bury(g, &batch);
    grp_batch_wish(&batch, 0);
    return ERR_NONE;
}

/* One error for each partition of the topics in turn. */
static void delete_listed(struct grp_group *g, const struct group_topic_partitions *topics,
                          int32_t topics_count, enum err *errs, struct grp_batch *batch)
{
    struct grp_subscription subscription = {.is_known = true}; /* an empty group wants nothing */
    if (g->state != GROUP_EMPTY)
        grp_subscription_of(g, &subscription);
    for (int32_t t = 0; t < topics_count; t++) {
        bool is_wanted = grp_subscription_has(&subscription, topics[t].name);
        for (int32_t p = 0; p < topics[t].partitions_count; p++) {
            *errs++ = is_wanted ? ERR_GROUP_SUBSCRIBED_TO_TOPIC : ERR_NONE;
            if (!is_wanted && delete_offset(g, topics[t].name, topics[t].partitions[p], batch))
                g->c->counted.offsets_deleted++;
        }
    }
    grp_subscription_close(&subscription);
}

enum err group_delete_offsets(struct group_coordinator *c, struct view group_id,
                              const struct group_topic_partitions *topics, int32_t topics_count,
                              const struct group_time *now, enum err *errs, struct group_effects *out)
{
    enum err err = grp_check(c, group_id, false);
    if (err)
        return err;
    grp_enter(c, now, out);
    struct grp_group *g = grp_find(&c->tables, group_id);
    if (!g)
        return ERR_GROUP_ID_NOT_FOUND;
    if (g->state != GROUP_EMPTY && !grp_is_consumer(g))
        return ERR_NON_EMPTY_GROUP;
    struct grp_batch batch = tombstones_of(c);
    delete_listed(g, topics, topics_count, errs, &batch);
    if (topics_count > 0 && grp_is_idle(g))
        grp_bury(g, &batch);
    grp_batch_wish(&batch, 0);
    return ERR_NONE;
}

void group_partitions_gone(struct group_coordinator *c, const struct group_topic_partitions *topics,
                           int32_t topics_count, const struct group_time *now, struct group_effects *out)
{
    if (!c || c->phase != GRP_SERVING)
        return;
    grp_enter(c, now, out);
    struct grp_batch batch = tombstones_of(c);
    LIST_EACH_SAFE (node, &c->tables.list) {
        struct grp_group *g = CONTAINER_OF(node, struct grp_group, node);
        bool is_touched = false;
        for (int32_t t = 0; t < topics_count; t++)
            for (int32_t p = 0; p < topics[t].partitions_count; p++)
                is_touched |= delete_offset(g, topics[t].name, topics[t].partitions[p], &batch);
        if (is_touched && grp_is_idle(g))
            grp_bury(g, &batch);
    }
    grp_batch_wish(&batch, 0);
}
