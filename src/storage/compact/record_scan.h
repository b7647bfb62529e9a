/*
 * The records of a v2 batch that lies in memory uncompressed, many at once and no more of each than
 * compaction wants. A record is checked as far as it is read: what stands behind its value is copied, not
 * looked at. Pure. Runs on: any.
 */
#ifndef BARNABAS_STORAGE_COMPACT_RECORD_SCAN_H
#define BARNABAS_STORAGE_COMPACT_RECORD_SCAN_H

#include "base/err.h"
#include "storage/compact/key_map.h"
#include "wire/record_batch.h"

struct record_ref {
    struct hash_wide hash; /* when it has a key */
    int64_t offset;
    int64_t timestamp_delta;
    const uint8_t *at; /* the record, its length prefix included */
    uint32_t len;
    bool has_key;
    bool is_tombstone;
};

/* So many wait for memory at the same time. */
#define RECORD_REFS 128

struct record_refs {
    struct record_ref items[RECORD_REFS];
    int count;
};

struct record_scan {
    const uint8_t *at;
    const uint8_t *end;
    int64_t base_offset;
    int64_t last_offset; /* of the batch */
    int64_t prev_offset;
    int32_t left; /* records */
};

/* `body`: what follows the batch's head. */
void record_scan_open(struct record_scan *scan, const struct batch_info *info, struct view body);
/*
 * Adds records to `refs` until it is full or the batch ends (scan->left is 0). ERR_CORRUPT_MESSAGE: what is
 * there is no record, its offset is not above the last one or not the batch's, or bytes are left behind the
 * last.
 */
MUST_USE enum err record_scan_take(struct record_scan *scan, const struct key_map *map,
                                   struct record_refs *refs);

#endif
