#include "storage/compact/transactions.h"

#include <stdlib.h>

#include "base/mem.h"

void transactions_close(struct transactions *txns)
{
    free(txns->aborted);
    map_close(&txns->aborting);
    map_close(&txns->committed);
    *txns = (struct transactions){0};
}

static int by_first_offset(const void *a, const void *b)
{
    const struct aborted_txn *x = &((const struct seen_txn *)a)->txn, *y = &((const struct seen_txn *)b)->txn;
    if (x->first_offset != y->first_offset)
        return x->first_offset < y->first_offset ? -1 : 1;
    return (x->last_offset > y->last_offset) - (x->last_offset < y->last_offset);
}

void transactions_begin(struct transactions *txns, const struct aborted_list *aborted)
{
    transactions_close(txns);
    if (aborted->count == 0)
        return;
    txns->aborted = mem_zalloc(aborted->count * sizeof *txns->aborted);
    for (size_t i = 0; i < aborted->count; i++)
        txns->aborted[i].txn = aborted->items[i];
    qsort(txns->aborted, aborted->count, sizeof *txns->aborted, by_first_offset);
    size_t n = 1;
    for (size_t i = 1; i < aborted->count; i++)
        if (by_first_offset(&txns->aborted[n - 1], &txns->aborted[i]) != 0)
            txns->aborted[n++] = txns->aborted[i];
    txns->aborted_count = n;
}

/* Opens what begins at or below `offset`. */
static void open_up_to(struct transactions *txns, int64_t offset)
{
    for (; txns->next < txns->aborted_count; txns->next++) {
        struct seen_txn *seen = &txns->aborted[txns->next];
        if (seen->txn.first_offset > offset)
            return;
        (void)map_put_int(&txns->aborting, seen->txn.producer_id, seen);
    }
}

bool transactions_on_data(struct transactions *txns, const struct batch_info *info)
{
    open_up_to(txns, info->last_offset);
    if (!info->transactional)
        return false;
    struct seen_txn *seen = map_get_int(&txns->aborting, info->producer_id);
    if (seen && info->last_offset < seen->txn.last_offset) {
        seen->has_data = true;
        return true;
    }
    (void)map_put_int(&txns->committed, info->producer_id, txns);
    return false;
}

bool transactions_on_control(struct transactions *txns, const struct batch_info *info, enum control_type type,
                             bool is_empty, struct aborted_txn *indexed, bool *is_indexed)
{
    *is_indexed = false;
    open_up_to(txns, info->last_offset);
    if (is_empty)
        return true;
    switch (type) {
    case CONTROL_ABORT: {
        const struct seen_txn *seen = map_remove_int(&txns->aborting, info->producer_id);
        *is_indexed = seen && seen->has_data;
        if (*is_indexed)
            *indexed = seen->txn;
        return !*is_indexed;
    }
    case CONTROL_COMMIT:
        return map_remove_int(&txns->committed, info->producer_id) == NULL;
    case CONTROL_OTHER:
        return false;
    }
    return false;
}
