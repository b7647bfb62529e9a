/*
 * The records of one entry, one at a time: of a v2 batch, of a legacy message
 * (one record), or of a legacy wrapper (its inner messages, offsets made
 * absolute, timestamps overridden where the wrapper says so).
 *
 * Uncompressed entries are read where they are: no allocation, no copy.
 * Compressed ones are decompressed as a stream; memory is bounded by the
 * largest single record (none at all when skimming), never by what a stream
 * expands to.
 *
 *   struct record_iter it;
 *   struct record rec;
 *   record_iter_open(&it, entry, RECORD_VIEW, NULL, ctx);
 *   while (record_iter_next(&it, &rec))
 *       ...
 *   err = record_iter_close(&it);
 *
 * Ownership: borrows the entry's bytes and the codec_ctx until close; views in
 * a record are valid until the next call.
 * Runs on: whoever owns the iterator.
 */
#ifndef BARNABAS_WIRE_RECORD_ITER_H
#define BARNABAS_WIRE_RECORD_ITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"
#include "wire/compress.h"
#include "wire/record_batch.h"

struct record {
    int64_t offset;
    int64_t timestamp; /* -1 none; in a LogAppendTime batch the batch's */
    int32_t sequence;  /* -1 none */
    int8_t attributes; /* v2: unused, 0; legacy: the message's */
    int8_t magic;
    int32_t size_bytes;   /* as stored uncompressed, its length prefix included */
    int32_t key_size;     /* -1 null */
    int32_t value_size;   /* -1 null */
    int32_t header_count; /* 0 in legacy entries */
    /* Null when skimming a compressed entry; else as the record has them. */
    struct view key;
    struct view value;
    struct view headers; /* record_header_next walks them */
};

struct record_header {
    struct view key; /* UTF-8, never null */
    struct view value;
};

enum record_iter_mode {
    RECORD_VIEW, /* keys, values and headers too */
    RECORD_SKIM, /* structure only, the cheaper for compressed entries */
};

struct record_iter_limits {
    /* Largest record that is held in memory; ERR_INVALID_RECORD beyond. Default 2^30. */
    size_t max_record_bytes;
    /* Most bytes that one entry may decompress to; ERR_INVALID_RECORD beyond. Default 2^31-1. */
    uint64_t max_total_bytes;
};

struct record_iter {
    struct batch_info info;
    enum record_iter_mode mode;
    struct record_iter_limits limits;
    enum err err;
    int32_t index;      /* records given so far */
    bool done;          /* end or error */
    bool check_crc;     /* of inner messages */
    bool in_codec;      /* window holds decompressed bytes */
    int64_t inner_base; /* magic 1 wrapper: add to inner offsets */
    struct view body;   /* of the entry: records or wrapper value */
    struct codec_ctx *ctx;
    struct codec_ctx *own_ctx; /* borrowed for it */
    const uint8_t *at;         /* unread bytes: of the body, or of the current piece of output */
    const uint8_t *end;
    uint64_t expanded_bytes; /* decompressed so far */
};

/*
 * Begins with a complete entry whose CRC the caller has checked or does not care for. `limits` NULL:
 * the defaults. `ctx` NULL: the thread's is borrowed if the entry is compressed. Never fails: errors
 * come out of record_iter_close.
 */
void record_iter_open(struct record_iter *it, struct view entry, enum record_iter_mode mode,
                      const struct record_iter_limits *limits, struct codec_ctx *ctx);
/* False at the end and on error. */
bool record_iter_next(struct record_iter *it, struct record *out);
/*
 * What stopped it, then frees what it holds; closing twice is harmless.
 * ERR_INVALID_RECORD: structure of the records (or their number) is wrong. ERR_CORRUPT_MESSAGE:
 * an inner legacy message has a wrong size or CRC. ERR_MALFORMED: the codec failed or does not exist.
 */
enum err record_iter_close(struct record_iter *it);
/* What stopped it, without closing. */
static inline enum err record_iter_error(const struct record_iter *it)
{
    return it->err;
}

/* Takes the next header off the front; false when there is none (iterated records are well-formed). */
bool record_header_next(struct view *headers, struct record_header *out);

#endif
