/*
 * The newest batch of every producer that the log still remembers: emptied it stays, so that the producer's
 * sequence and epoch can be read from the log again. A producer without data has its marker instead.
 * Ownership: owns a copy. Runs on: filled by the holder of the log, asked by a worker.
 */
#ifndef BARNABAS_STORAGE_COMPACT_LAST_BATCHES_H
#define BARNABAS_STORAGE_COMPACT_LAST_BATCHES_H

#include "storage/id_index.h"
#include "storage/producer_state.h"
#include "wire/record_batch.h"

struct last_batch {
    int64_t producer_id;
    int64_t last_offset; /* PRODUCER_NONE: it has written no data */
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
bool last_batches_has(const struct last_batches *last, const struct batch_info *info);

#endif
