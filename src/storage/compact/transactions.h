/*
 * What compaction must know of transactions: which data was aborted, and which marker has nothing left to
 * mark. Fed with every batch with a producer from the log's beginning on, in order.
 *
 * Data of an aborted transaction goes at once. Its marker stays until a later compaction finds no batch of it
 * any more, and then as long as a tombstone; the same for a commit marker. Pure. Ownership: owns all. Runs
 * on: one thread.
 */
#ifndef BARNABAS_STORAGE_COMPACT_TRANSACTIONS_H
#define BARNABAS_STORAGE_COMPACT_TRANSACTIONS_H

#include "base/map.h"
#include "storage/txn_index.h"
#include "wire/record_batch.h"

struct seen_txn {
    struct aborted_txn txn;
    bool has_data; /* a batch of it was met */
};

/* Zero-initialised is empty. */
struct transactions {
    struct seen_txn *aborted; /* by first offset */
    size_t aborted_count;
    size_t next;          /* of `aborted`: that begins above what was met */
    struct map aborting;  /* producer id -> its open one of `aborted` */
    struct map committed; /* producer ids of transactions whose data was met; the marker will be a commit */
};

void transactions_close(struct transactions *txns);
/* Begins anew with what the transaction indexes say. An entry may be there twice. */
void transactions_begin(struct transactions *txns, const struct aborted_list *aborted);

/* A data batch: is it an aborted transaction's? */
bool transactions_on_data(struct transactions *txns, const struct batch_info *info);
/*
 * A control batch of `type` (CONTROL_OTHER: any that is no marker), with no record in it when `is_empty`.
 * True when it has nothing to mark. *indexed: the aborted transaction that it ends, if that keeps its place
 * in the index.
 */
bool transactions_on_control(struct transactions *txns, const struct batch_info *info, enum control_type type,
                             bool is_empty, struct aborted_txn *indexed, bool *is_indexed);

#endif
