/*
 * Down-conversion of fetched records for clients that cannot read magic 2:
 * Fetch v0-1 get magic 0, v2-3 at most magic 1.
 * Runs on: any (it decompresses and compresses: a worker for more than a little).
 */
#ifndef BARNABAS_WIRE_RECORD_CONVERT_H
#define BARNABAS_WIRE_RECORD_CONVERT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "base/view.h"
#include "wire/compress.h"

struct convert_stats {
    int32_t converted_count;  /* records that were converted */
    uint64_t temporary_bytes; /* memory that conversion went through, for the metric */
};

/* Whether a complete entry of the slice has a magic above `to_magic`. */
bool records_need_conversion(struct view slice, int8_t to_magic);

/*
 * Appends the records of `slice` in magic `to_magic` (0 or 1) to `out`. Entries that are low enough
 * are copied; control batches, headers, producer fields, records below `fetch_offset` of uncompressed
 * batches, and a partial tail are left out; the codec is kept. After the first entry, stops before one
 * that finds `limit_bytes` already written. If nothing is left an incomplete entry is written, which
 * makes old clients report an oversized message instead of polling for ever.
 * ERR_UNSUPPORTED_COMPRESSION_TYPE: zstd. Others as record_iter_close. On error `out` is unchanged.
 * `stats` may be NULL. `ctx` NULL: the thread's is borrowed.
 */
MUST_USE enum err records_down_convert(struct view slice, int8_t to_magic, int64_t fetch_offset,
                                       size_t limit_bytes, struct codec_ctx *ctx, struct buf *out,
                                       struct convert_stats *stats, struct errmsg *why);

#endif
