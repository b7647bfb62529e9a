/*
 * What producer_state.c lends to producer_append.c: entries that may be written.
 * Runs on: whoever holds the partition.
 */
#ifndef BARNABAS_STORAGE_PRODUCER_INTERNAL_H
#define BARNABAS_STORAGE_PRODUCER_INTERNAL_H

#include "storage/producer_state.h"

/* Borrowed until an entry is added or removed; NULL. */
struct producer_entry *producer_entry_find(const struct producer_state *state, int64_t producer_id);
/* A new one that knows nothing; `producer_id` is not in the state yet. */
struct producer_entry *producer_entry_add(struct producer_state *state, int64_t producer_id);
void producer_entry_forget_batches(struct producer_entry *entry);
/* Remembers a batch, and forgets the oldest when there are five already. */
void producer_entry_add_batch(struct producer_entry *entry, const struct producer_batch_memo *batch);

const struct verification_entry *producer_verification_find(const struct producer_state *state,
                                                            int64_t producer_id);

#endif
