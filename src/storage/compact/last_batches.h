/*
 * The newest batch of every producer that the log still remembers: emptied it stays, so that the producer's
 * sequence and epoch can be read from the log again. A producer without data has its marker instead.
 *
 * The newest one below what is compacted to stays, too, where that is another: what lies above may be lost
 * with the power, and then it is the newest. Kafka drops it, and an idempotent producer that goes on hears
 * OUT_OF_ORDER_SEQUENCE_NUMBER.
 * Ownership: owns a copy. Runs on: filled by the holder of the log, asked by a worker.
 */
#ifndef BARNABAS_STORAGE_COMPACT_LAST_BATCHES_H
#define BARNABAS_STORAGE_COMPACT_LAST_BATCHES_H

#include "storage/id_index.h"
#include "storage/producer_state.h"
#include "wire/record_batch.h"

struct last_batch {
    int64_t producer_id;
    int64_t last_offset;  /* PRODUCER_NONE: it has written no data */
    int64_t below_offset; /* of the newest below; PRODUCER_NONE: not known */
    int16_t epoch;
};

/* Zero-initialised is empty. */
struct last_batches {
    struct last_batch *items;
    size_t count;
    struct id_index index;
};

void last_batches_close(struct last_batches *last);
void last_batches_take(struct last_batches *last, const struct producer_state *producers);
/* What a producer snapshot (producer_snapshot_read) at the end of what is compacted says of the same
 * producers. */
void last_batches_take_below(struct last_batches *last, struct view snapshot, size_t count);
bool last_batches_has(const struct last_batches *last, const struct batch_info *info);

#endif
