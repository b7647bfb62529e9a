#include "storage/compact/last_batches.h"

#include <stdlib.h>

#include "base/mem.h"

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
            entry->epoch};
    id_index_rebuild(&last->index, last->items, sizeof *last->items, last->count);
}

bool last_batches_has(const struct last_batches *last, const struct batch_info *info)
{
    if (last->count == 0 || info->producer_id < 0)
        return false;
    const uint32_t at = id_index_find(&last->index, last->items, sizeof *last->items, info->producer_id);
    if (at == ID_INDEX_NONE)
        return false;
    const struct last_batch *batch = &last->items[at];
    if (batch->last_offset >= 0)
        return batch->last_offset == info->last_offset;
    return info->control && batch->epoch == info->producer_epoch;
}
