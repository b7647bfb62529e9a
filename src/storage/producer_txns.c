#include "storage/producer_txns.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void producer_txns_close(struct producer_txns *txns)
{
    free(txns->items);
    *txns = (struct producer_txns){0};
}

void producer_txns_clear(struct producer_txns *txns)
{
    producer_txns_close(txns);
}

const struct producer_txn *producer_txns_first(const struct producer_txns *txns)
{
    return txns->begin < txns->end ? &txns->items[txns->begin] : NULL;
}

const struct producer_txn *producer_txns_first_of_others(const struct producer_txns *txns,
                                                         int64_t producer_id)
{
    for (size_t i = txns->begin; i < txns->end; i++) {
        const struct producer_txn *txn = &txns->items[i];
        if (!txn->gone && txn->producer_id != producer_id)
            return txn;
    }
    return NULL;
}

size_t producer_txns_count(const struct producer_txns *txns)
{
    return txns->end - txns->begin - txns->gone_count;
}

/* First place in [begin, end] whose first offset is at least `first_offset`; items that are gone keep theirs.
 */
static size_t lower_bound(const struct producer_txns *txns, int64_t first_offset)
{
    size_t low = txns->begin;
    size_t high = txns->end;
    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (txns->items[mid].first_offset < first_offset)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Moves the living to the front of the array. */
static void compact(struct producer_txns *txns)
{
    size_t to = 0;
    for (size_t i = txns->begin; i < txns->end; i++)
        if (!txns->items[i].gone)
            txns->items[to++] = txns->items[i];
    txns->begin = 0;
    txns->end = to;
    txns->gone_count = 0;
}

static void make_room(struct producer_txns *txns)
{
    if (txns->end < txns->cap)
        return;
    if (txns->begin + txns->gone_count > txns->cap / 2) {
        compact(txns);
        return;
    }
    txns->cap = txns->cap ? txns->cap * 2 : 4;
    txns->items = mem_resize(txns->items, txns->cap * sizeof *txns->items);
}

void producer_txns_put(struct producer_txns *txns, const struct producer_txn *txn)
{
    make_room(txns);
    size_t at = lower_bound(txns, txn->first_offset);
    if (at < txns->end && txns->items[at].first_offset == txn->first_offset) {
        txns->gone_count -= txns->items[at].gone;
    } else {
        memmove(&txns->items[at + 1], &txns->items[at], (txns->end - at) * sizeof *txns->items);
        txns->end++;
    }
    txns->items[at] = *txn;
    txns->items[at].gone = false;
}

/* The first item is never a gone one; the array gives its memory back when nothing is left. */
static void settle(struct producer_txns *txns)
{
    while (txns->begin < txns->end && txns->items[txns->begin].gone) {
        txns->begin++;
        txns->gone_count--;
    }
    if (txns->begin == txns->end) {
        if (txns->cap > 64)
            producer_txns_close(txns);
        txns->begin = txns->end = 0;
    } else if (txns->gone_count > 32 && txns->gone_count > (txns->end - txns->begin) / 2) {
        compact(txns);
    }
}

bool producer_txns_take(struct producer_txns *txns, int64_t first_offset, struct producer_txn *out)
{
    size_t at = lower_bound(txns, first_offset);
    if (at == txns->end || txns->items[at].first_offset != first_offset || txns->items[at].gone)
        return false;
    *out = txns->items[at];
    txns->items[at].gone = true;
    txns->gone_count++;
    settle(txns);
    return true;
}

int64_t producer_txns_drop_below(struct producer_txns *txns, int64_t offset)
{
    int64_t lowest = INT64_MAX;
    for (size_t i = txns->begin; i < txns->end; i++) {
        struct producer_txn *txn = &txns->items[i];
        if (txn->gone)
            continue;
        if (txn->last_offset >= 0 && txn->last_offset < offset) {
            txn->gone = true;
            txns->gone_count++;
        } else if (txn->last_offset < lowest) {
            lowest = txn->last_offset;
        }
    }
    settle(txns);
    return lowest;
}
