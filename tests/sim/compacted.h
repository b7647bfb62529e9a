/*
 * What compaction may take away of a partition, told from what is committed: records that a later committed
 * one of the same key has superseded, and nothing else. Keys follow from producer and sequence, so that they
 * are known of records that are gone; those of the groups' coordinator are noted in the batch.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_COMPACTED_H
#define BARNABAS_TESTS_SIM_COMPACTED_H

#include "sim/mirror.h"

#define COMPACTED_KEYS 12

/* The newest committed offset of each key. */
struct newest {
    int64_t offsets[COMPACTED_KEYS];
};

void newest_init(struct newest *newest);
/* Batches come in the order of their offsets. */
void newest_note(struct newest *newest, const struct batch *batch);

int compacted_key(int64_t producer_id, int32_t sequence);
/* Of a batch without a producer, as it was written. */
void compacted_note_keys(struct batch *batch, struct view entry);
/* All records of it are superseded. */
bool compacted_may_miss(const struct newest *newest, const struct batch *batch);
/* The entry is this batch without some records that are superseded; the others lie where they lay. */
bool compacted_is_rest(const struct newest *newest, const struct batch *batch, struct view entry);
/* It holds nothing and is of nobody: it stands for the offsets up to its own. */
bool compacted_is_filler(const struct batch_info *info);

#endif
