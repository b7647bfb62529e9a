/*
 * Writes one record set: a v2 batch, or a legacy message set of magic 0 or 1
 * (one wrapper when compressed). Used for what the broker itself writes, for
 * recompression, conversion between magics, and compaction.
 *
 * Compression is a stream, so memory is what comes out, not what goes in, and
 * the output can be bounded.
 *
 *   record_builder_open(&b, &spec, ctx, &out);
 *   record_builder_append(&b, &rec); ...
 *   record_builder_finish(&b, &built);
 *
 * Ownership: borrows `ctx` and `out` until finish or abort; appends to `out`.
 * Runs on: whoever owns the builder.
 */
#ifndef BARNABAS_WIRE_RECORD_BUILDER_H
#define BARNABAS_WIRE_RECORD_BUILDER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "wire/compress.h"
#include "wire/record_batch.h"
#include "wire/record_iter.h"

struct record_builder_spec {
    int8_t magic; /* 0, 1 or 2 */
    enum codec codec;
    int level; /* CODEC_LEVEL_DEFAULT: the codec's */
    int64_t base_offset;
    bool log_append_time;
    int64_t log_append_ms; /* with log_append_time: every record's timestamp */
    /* v2 only */
    int64_t producer_id; /* -1 none */
    int16_t producer_epoch;
    int32_t base_sequence;
    bool transactional;
    bool control;
    int32_t leader_epoch;
    int64_t delete_horizon_ms; /* -1 none; else the batch's base timestamp (compaction) */
    /* Output beyond this is not kept; record_builder_finish answers ERR_MESSAGE_TOO_LARGE. 0: no limit. */
    size_t max_bytes;
};

/* Magic 2, no codec, no producer, leader epoch -1, CreateTime, base offset 0. */
extern const struct record_builder_spec RECORD_BUILDER_V2;

struct record_builder {
    struct record_builder_spec spec;
    struct codec_ctx *ctx;
    struct codec_ctx *own_ctx; /* borrowed for it */
    struct buf *out;
    struct buf scratch; /* one record before compression */
    size_t start;       /* where this record set begins in out */
    int32_t count;
    int64_t last_offset;
    int64_t base_timestamp;
    int64_t max_timestamp;
    int64_t offset_of_max;
    uint64_t uncompressed_bytes;
    bool overflow;
};

struct record_built {
    int32_t record_count;
    int64_t last_offset;
    int64_t max_timestamp;           /* -1 none */
    int64_t offset_of_max_timestamp; /* shallow: as the time index wants it; -1 none */
    uint64_t uncompressed_bytes;     /* of the records, headers included */
    size_t size_bytes;               /* appended to out */
};

/* `ctx` NULL: borrows the thread's when the codec needs one. */
void record_builder_open(struct record_builder *b, const struct record_builder_spec *spec,
                         struct codec_ctx *ctx, struct buf *out);
/*
 * Appends at an offset above the last one; key, value (ptr NULL is null) and headers are copied,
 * headers only into v2. The sequence, attributes and sizes in `rec` are not looked at.
 */
void record_builder_append(struct record_builder *b, const struct record *rec);
/* A record at the next offset, without headers. */
void record_builder_put(struct record_builder *b, int64_t timestamp, struct view key, struct view value);
/* Compaction: the batch covers offsets up to this one though its records end earlier. v2 only. */
void record_builder_set_last_offset(struct record_builder *b, int64_t last_offset);
/*
 * Completes the set; without a record nothing is written (record_count 0). `built` may be NULL.
 * ERR_MESSAGE_TOO_LARGE: more than max_bytes; `out` is as before record_builder_open.
 */
MUST_USE enum err record_builder_finish(struct record_builder *b, struct record_built *built);
/* Takes back what was written; harmless after finish. */
void record_builder_abort(struct record_builder *b);

/* Appends one header (key not null) to a record's header bytes; the caller counts them. */
void record_headers_put(struct buf *headers, struct view key, struct view value);

/*
 * Appends the 61 bytes that compaction leaves of a v2 batch whose records are all gone, but whose
 * producer is still active: offsets, producer, epoch, flags and largest timestamp of `from`.
 */
void record_empty_batch_build(const struct batch_info *from, struct buf *out);

#endif
