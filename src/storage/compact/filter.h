/*
 * What is kept of a batch: bytes in, bytes out.
 *
 *   record    above what the map knows                          stays
 *             without a key                                     goes
 *             older than the map's offset of its key            goes
 *             tombstone whose batch's delete horizon is past    goes
 *             else                                              stays
 *
 *   batch     all its records stay, no horizon is to be set     as it is, byte for byte
 *             some stay                                         rewritten (storage/compact/rewrite.h)
 *             none stay                                         goes; the head of a producer's last one stays
 *
 * Whatever goes had a CRC that was right: damage is told, not tidied up.
 * Pure but for its scratch memory. Runs on: one thread.
 */
#ifndef BARNABAS_STORAGE_COMPACT_FILTER_H
#define BARNABAS_STORAGE_COMPACT_FILTER_H

#include "base/buf.h"
#include "base/errmsg.h"
#include "storage/compact/record_scan.h"
#include "wire/compress.h"
#include "wire/record_iter.h"

/* A batch with larger records (uncompressed) is not taken apart: its keys are not mapped, it stays as it is.
 */
#define FILTER_RECORD_MAX ((size_t)32 * 1024 * 1024)
/* A batch that decompresses to less is decompressed once, in memory; others are streamed, twice where needed.
 */
#define FILTER_INFLATE_MAX ((size_t)4 * 1024 * 1024)

/* Scratch, kept from batch to batch. Zero-initialised is empty. */
struct filter_scratch {
    struct codec_ctx *codecs;
    struct buf inflated;
    struct buf kept;
    struct record_refs refs;
};

void filter_scratch_close(struct filter_scratch *scratch);
struct codec_ctx *filter_codecs(struct filter_scratch *scratch);

struct filter {
    const struct key_map *map;
    struct filter_scratch *scratch;
    int64_t latest; /* the last offset that the map knows of */
    int64_t now_ms;
    int64_t delete_retention_ms;
    int64_t checked_from;        /* CRCs of batches that end from here to `latest` were checked */
    bool legacy_tombstones_stay; /* of magic 0 and 1, by the age of their segment */
};

/* What is to be done with the batch whatever its records are. */
struct batch_orders {
    bool drop_records;    /* of an aborted transaction, or a marker that nobody needs any more */
    bool needless_marker; /* nothing to mark: it begins to count down */
    bool keep_empty;      /* the last of its producer */
};

enum batch_fate {
    BATCH_STAYS, /* the bytes that came in */
    BATCH_GOES,
    BATCH_REWRITTEN /* what was appended to `out` */
};

struct filtered {
    enum batch_fate fate;
    int64_t max_timestamp; /* of what stays */
    int32_t records_read;
    int32_t records_kept;
    int32_t records_invalid; /* without a key: gone */
};

/*
 * `entry` is a whole batch, `info` its head, with offsets that make sense. ERR_CORRUPT_MESSAGE when it, or
 * what is in it, cannot be right; ERR_NO_MEMORY.
 */
MUST_USE enum err filter_batch(const struct filter *filter, const struct batch_info *info, struct view entry,
                               const struct batch_orders *orders, struct buf *out, struct filtered *result,
                               struct errmsg *why);

/* --- parts, for the map ------------------------------------------------------------------------------- */

/*
 * The records of a v2 batch as they lie in memory, uncompressed; valid until the next call. *in_memory is
 * false for those that are to be streamed: large ones, and all of older magic.
 */
MUST_USE enum err filter_body(struct filter_scratch *scratch, const struct batch_info *info,
                              struct view entry, struct view *body, bool *in_memory);
/* Begins to stream any batch. */
void filter_stream_open(struct filter_scratch *scratch, struct record_iter *it, struct view entry);
/* What a stream ended with: *too_large when nothing is wrong but the size of its records. */
MUST_USE enum err filter_stream_close(struct filter_scratch *scratch, struct record_iter *it,
                                      struct view entry, bool *too_large);

#endif
