/*
 * What a replica's log holds, batch by batch, apart from the replica.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_MIRROR_H
#define BARNABAS_TESTS_SIM_MIRROR_H

#include "storage/log.h"
#include "wire/record_batch.h"

#define BATCH_KEYS_MAX 8

struct batch {
    int64_t base;
    int64_t last;
    int64_t producer_id;
    int32_t sequence;
    int32_t epoch;
    uint32_t crc;
    bool missing; /* compaction took it: it is what was there */
    uint8_t
        keys[BATCH_KEYS_MAX]; /* of the records of a coordinator, which has no sequences; see compacted.h */
};

struct mirror {
    struct batch *items; /* ascending, without a gap */
    int count;
    int cap;
    int checked; /* of them */
    int64_t start;
    int64_t high_watermark; /* of the running replica */
    int64_t remembers_from; /* where its log ended when it was last loaded or cut */
};

struct batch batch_of(const struct batch_info *info);
bool batch_equal(const struct batch *a, const struct batch *b);

void mirror_close(struct mirror *mirror);
int64_t mirror_end(const struct mirror *mirror);
/* Place of the batch that holds the offset, or of the next one. */
int mirror_find(const struct mirror *mirror, int64_t offset);
bool mirror_equal(const struct mirror *a, const struct mirror *b);
/* What a compacted log was. Both give NULL, and say why, when compaction may not have done that. */
struct mirror_past {
    void *arg;
    /* The batch that began at the offset and is not there any more. */
    const struct batch *(*missing)(void *arg, int64_t offset);
    /* The batch that this is, or is the rest of. */
    const struct batch *(*whole)(void *arg, const struct batch *batch, struct view entry);
};

/* Reads what the log has beyond. False when that is no row of whole batches up to its end; `past` is NULL
 * where nothing is compacted. */
bool mirror_extend(struct mirror *mirror, struct log *log, const struct mirror_past *past);

#endif
