#include "storage/compact/last_batches.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/producer_snapshot.h"

void last_batches_close(struct last_batches *last)
{
    free(last->items);
    id_index_close(&last->index);
    *last = (struct last_batches){0};
}

void last_batches_take(struct last_batches *last, const struct producer_state *producers)
{
    const size_t n = producer_state_count(producers);
    if (n == 0)
        return;
    last->items = mem_alloc(n * sizeof *last->items);
    const struct producer_entry *entry;
    for (size_t it = 0; (entry = producer_state_next(producers, &it));)
        last->items[last->count++] = (struct last_batch){
            entry->producer_id, entry->batch_count > 0 ? entry->last.last_offset : PRODUCER_NONE,
            PRODUCER_NONE, entry->epoch};
    id_index_rebuild(&last->index, last->items, sizeof *last->items, last->count);
}

static struct last_batch *find(const struct last_batches *last, int64_t producer_id)
{
    if (last->count == 0)
        return NULL;
    const uint32_t at = id_index_find(&last->index, last->items, sizeof *last->items, producer_id);
    return at == ID_INDEX_NONE ? NULL : &last->items[at];
}

void last_batches_take_below(struct last_batches *last, struct view snapshot, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct producer_entry entry;
        producer_snapshot_entry(snapshot, i, &entry);
        struct last_batch *batch = find(last, entry.producer_id);
        if (batch && entry.batch_count > 0)
            batch->below_offset = entry.last.last_offset;
    }
}

bool last_batches_has(const struct last_batches *last, const struct batch_info *info)
{
    const struct last_batch *batch = info->producer_id < 0 ? NULL : find(last, info->producer_id);
    if (!batch)
        return false;
    if (batch->below_offset >= 0 && batch->below_offset == info->last_offset)
        return true;
    if (batch->last_offset >= 0)
        return batch->last_offset == info->last_offset;
    return info->control && batch->epoch == info->producer_epoch;
}
