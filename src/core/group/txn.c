/*
 * Offsets that transactions commit: apart, by producer and group, until the transaction's marker is in the
 * log.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "core/group/internal.h"

void grp_offset_install(struct grp_group *g, struct offset_entry *entry, const struct offset_value *value,
                        uint8_t *metadata, int64_t batch_offset)
{
    if (entry->is_set && entry->batch_offset > batch_offset)
        free(metadata);
    else
        offset_entry_set(&g->offsets, entry, value, metadata, batch_offset);
}

static struct grp_txn *txn_of(struct grp_tables *tables, int64_t producer_id)
{
    struct grp_txn *txn = map_get_int(&tables->txns, producer_id);
    if (txn)
        return txn;
    txn = MEM_NEW(struct grp_txn);
    txn->producer_id = producer_id;
    txn->marker_offset = -1;
    list_init(&txn->parts);
    map_put_int(&tables->txns, producer_id, txn);
    return txn;
}

struct grp_txn_part *grp_txn_part_find(const struct grp_tables *tables, int64_t producer_id,
                                       const struct grp_group *g)
{
    const struct grp_txn *txn = map_get_int(&tables->txns, producer_id);
    if (!txn)
        return NULL;
    LIST_EACH (node, &txn->parts) {
        struct grp_txn_part *part = CONTAINER_OF(node, struct grp_txn_part, of_txn);
        if (part->group == g)
            return part;
    }
    return NULL;
}

struct grp_txn_part *grp_txn_part_add(struct grp_tables *tables, int64_t producer_id, struct grp_group *g)
{
    struct grp_txn_part *part = grp_txn_part_find(tables, producer_id, g);
    if (part)
        return part;
    part = MEM_NEW(struct grp_txn_part);
    part->group = g;
    part->txn = txn_of(tables, producer_id);
    list_push_back(&g->txns, &part->of_group);
    list_push_back(&part->txn->parts, &part->of_txn);
    return part;
}

void grp_txn_part_free(struct grp_tables *tables, struct grp_txn_part *part)
{
    list_remove(&part->of_group);
    list_remove(&part->of_txn);
    if (list_is_empty(&part->txn->parts)) {
        map_remove_int(&tables->txns, part->txn->producer_id);
        free(part->txn);
    }
    offset_table_close(&part->offsets);
    free(part);
}

struct offset_entry *grp_txn_entry_add(struct grp_txn_part *part, struct view topic, int32_t partition,
                                       struct offset_topic **topic_out)
{
    size_t before = part->offsets.count;
    struct offset_entry *entry = offset_table_add(&part->offsets, topic, partition, topic_out);
    if (part->offsets.count > before)
        offset_table_add(&part->group->offsets, topic, partition, NULL)->txns++;
    return entry;
}

/* The group's entry hears that one transaction less has an offset for it. */
static void forget_in_group(struct grp_group *g, struct view topic, int32_t partition)
{
    struct offset_topic *of = offset_table_topic(&g->offsets, topic);
    struct offset_entry *entry = of ? offset_topic_entry(of, partition) : NULL;
    ASSERT(entry && entry->txns > 0);
    entry->txns--;
    offset_entry_release(&g->offsets, of, entry);
}

bool grp_txn_entry_release(struct grp_tables *tables, struct grp_txn_part *part, struct offset_topic *topic,
                           struct offset_entry *entry)
{
    if (entry->is_set || entry->appends)
        return false;
    forget_in_group(part->group, topic->name, entry->partition);
    offset_entry_release(&part->offsets, topic, entry);
    if (part->offsets.count > 0)
        return false;
    grp_txn_part_free(tables, part);
    return true;
}

struct marking {
    struct grp_txn_part *part;
    bool committed;
    int64_t marker_offset;
};

/* What is decided leaves the transaction. */
static bool mark_entry(void *arg, const struct offset_topic *topic, struct offset_entry *entry)
{
    const struct marking *marking = arg;
    struct grp_group *g = marking->part->group;
    if (!entry->is_set || entry->batch_offset >= marking->marker_offset)
        return false;
    if (marking->committed) {
        struct offset_value value;
        offset_entry_value(entry, &value);
        struct offset_entry *ours = offset_table_get(&g->offsets, topic->name, entry->partition);
        ASSERT(ours);
        grp_offset_install(g, ours, &value, entry->metadata, entry->batch_offset);
        entry->metadata = NULL;
    }
    offset_entry_unset(&marking->part->offsets, entry);
    if (entry->appends == 0)
        forget_in_group(g, topic->name, entry->partition);
    return true;
}

void grp_txn_mark(struct grp_tables *tables, int64_t producer_id, bool committed, int64_t marker_offset)
{
    struct grp_txn *txn = map_get_int(&tables->txns, producer_id);
    if (!txn)
        return;
    txn->marker_offset = marker_offset;
    txn->marker_committed = committed;
    LIST_EACH_SAFE (node, &txn->parts) {
        struct grp_txn_part *part = CONTAINER_OF(node, struct grp_txn_part, of_txn);
        bool is_last = node_next == &txn->parts;
        struct marking marking = {part, committed, marker_offset};
        offset_table_sweep(&part->offsets, mark_entry, &marking);
        if (part->offsets.count == 0)
            grp_txn_part_free(tables, part);
        if (is_last)
            break; /* the transaction may be gone with it */
    }
}

/* Room doubles at powers of two. */
static void remember(struct group_coordinator *c, struct grp_marker marker)
{
    size_t count = c->markers_count;
    if ((count & (count - 1)) == 0)
        c->markers = mem_resize(c->markers, (count ? count * 2 : 1) * sizeof *c->markers);
    c->markers[c->markers_count++] = marker;
}

/* One that was read, too, decides nothing more. */
void grp_txn_mark_heard(struct group_coordinator *c)
{
    for (size_t i = 0; i < c->markers_count; i++)
        grp_txn_mark(&c->tables, c->markers[i].producer_id, c->markers[i].committed, c->markers[i].offset);
    free(c->markers);
    c->markers = NULL;
    c->markers_count = 0;
}

void group_txn_ended(struct group_coordinator *c, int64_t producer_id, bool committed, int64_t marker_offset)
{
    if (!c)
        return;
    if (c->phase == GRP_LOADING)
        remember(c, (struct grp_marker){producer_id, marker_offset, committed});
    else if (c->phase == GRP_SERVING)
        grp_txn_mark(&c->tables, producer_id, committed, marker_offset);
}
