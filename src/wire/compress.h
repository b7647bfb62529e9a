/*
 * The five codecs of record batches, in the framings that Java clients write
 * and with the ones that other clients are known to send.
 *
 * A codec_ctx keeps the libraries' contexts and the buffers between uses, so
 * that a thread that keeps one does not allocate in the steady state. It serves
 * one reader and one writer at a time. Whoever has none borrows the thread's.
 *
 * Reading is a stream: output comes in pieces of at most 64 KiB, or one block of
 * the stream where that is larger (LZ4: at most 4 MiB; raw snappy: at most 22
 * times its compressed size), whatever the input promises to become.
 * Ownership: the ctx owns contexts and buffers; input is borrowed until the
 * reading ends.
 * Runs on: whoever owns the codec_ctx.
 */
#ifndef BARNABAS_WIRE_COMPRESS_H
#define BARNABAS_WIRE_COMPRESS_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/view.h"

enum codec { CODEC_NONE = 0, CODEC_GZIP = 1, CODEC_SNAPPY = 2, CODEC_LZ4 = 3, CODEC_ZSTD = 4 };

#define CODEC_COUNT 5
/* compression.type=producer: keep what the producer chose. */
#define CODEC_PRODUCER (-1)
/* The codec's own default: gzip -1, lz4 9, zstd 3. */
#define CODEC_LEVEL_DEFAULT INT_MIN

/* "none", "gzip", "snappy", "lz4", "zstd"; "unknown" for other numbers. */
const char *codec_name(int codec);

struct codec_ctx;

/* Gives an empty ctx (codec_ctx_free); contexts are made when first needed. */
struct codec_ctx *codec_ctx_new(void);
void codec_ctx_free(struct codec_ctx *ctx);
/* A buffer for the reader's own use: where a record that spans pieces is gathered. */
struct buf *codec_ctx_scratch(struct codec_ctx *ctx);

/* --- one for each thread ----------------------------------------------------------------------- */

/* A thread keeps its ctx for the next use up to this size; what a rare input made larger is freed after it.
 */
#define CODEC_THREAD_BYTES ((size_t)8 * 1024 * 1024)

/* Gives the calling thread's ctx, or a fresh one while that is on loan; codec_ctx_return on the same thread.
 */
struct codec_ctx *codec_ctx_borrow(void);
/* Takes it back; the thread's goes with the thread. NULL is a no-op. */
void codec_ctx_return(struct codec_ctx *ctx);
/* Memory that the ctx holds now, roughly. */
size_t codec_ctx_bytes(const struct codec_ctx *ctx);

/* --- reading ----------------------------------------------------------------------------------- */

/*
 * Begins to read `in`. `magic` is that of the enclosing entry: LZ4 header checksums are not verified
 * in magic 0, where Kafka's clients computed them wrongly. ERR_MALFORMED: no such codec, or the
 * stream's head is wrong.
 */
MUST_USE enum err decompress_begin(struct codec_ctx *ctx, enum codec codec, int8_t magic, struct view in);
/*
 * The next piece of output, valid until the next call; an empty view at the end of the stream.
 * ERR_MALFORMED: the stream is broken or ends early.
 */
MUST_USE enum err decompress_next(struct codec_ctx *ctx, struct view *piece);
/* Ends the reading, at the end of the stream or before, and gives back buffers grown large. */
void decompress_end(struct codec_ctx *ctx);

/*
 * Appends all of it to `out`. ERR_MESSAGE_TOO_LARGE when it would be more than `limit` bytes; `out`
 * then holds a prefix.
 */
MUST_USE enum err decompress_all(struct codec_ctx *ctx, enum codec codec, int8_t magic, struct view in,
                                 size_t limit, struct buf *out);

/* --- writing ----------------------------------------------------------------------------------- */

/*
 * Begins a stream that is appended to `out` (borrowed until compress_end). `level` is ignored where
 * the codec has none; outside the codec's range it is brought into it.
 */
void compress_begin(struct codec_ctx *ctx, enum codec codec, int level, int8_t magic, struct buf *out);
void compress_write(struct codec_ctx *ctx, struct view data);
void compress_end(struct codec_ctx *ctx);

/* The three above in one. */
void compress_all(struct codec_ctx *ctx, enum codec codec, int level, int8_t magic, struct view in,
                  struct buf *out);

#endif
