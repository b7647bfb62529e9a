/*
 * Transactions of a partition in order of their first offset. They open at the
 * end and close mostly near the front; one closed in the middle is marked and
 * its place reclaimed later, so that ten thousand open ones cost no more to
 * close than ten.
 *
 * Ownership: owns its items. Zero-initialised is empty and valid.
 * Runs on: whoever holds the partition.
 */
#ifndef BARNABAS_STORAGE_PRODUCER_TXNS_H
#define BARNABAS_STORAGE_PRODUCER_TXNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An open transaction, or a completed one whose marker the high watermark has not passed. */
struct producer_txn {
    int64_t first_offset;
    int64_t producer_id;
    int64_t last_offset;  /* of the marker; -1 while open */
    int64_t segment_base; /* where first_offset lies (log_position.h) */
    int32_t pos;
    bool gone;
};

struct producer_txns {
    struct producer_txn *items;
    size_t begin; /* items before it are gone */
    size_t end;
    size_t cap;
    size_t gone_count; /* in [begin, end) */
};

void producer_txns_close(struct producer_txns *txns);
void producer_txns_clear(struct producer_txns *txns);

/* The one with the lowest first offset, or NULL. Borrowed until the next command. */
const struct producer_txn *producer_txns_first(const struct producer_txns *txns);
/* The first that is not `producer_id`'s, or NULL. */
const struct producer_txn *producer_txns_first_of_others(const struct producer_txns *txns,
                                                         int64_t producer_id);
size_t producer_txns_count(const struct producer_txns *txns);

/* Puts it in its place; one with the same first offset is replaced. */
void producer_txns_put(struct producer_txns *txns, const struct producer_txn *txn);
/* Takes out the one that begins at `first_offset`; false if there is none. */
bool producer_txns_take(struct producer_txns *txns, int64_t first_offset, struct producer_txn *out);
/*
 * Drops those whose marker is below `offset`; returns the lowest marker offset left, or INT64_MAX.
 */
int64_t producer_txns_drop_below(struct producer_txns *txns, int64_t offset);

#endif
