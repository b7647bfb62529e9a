/*
 * Inside of a codec_ctx, for compress*.c only.
 *
 * One reader and one writer. A reader's function gives the next piece of output
 * (empty at the end); a writer's takes whole chunks, or the last shorter one.
 * Runs on: whoever owns the codec_ctx.
 */
#ifndef BARNABAS_WIRE_COMPRESS_IMPL_H
#define BARNABAS_WIRE_COMPRESS_IMPL_H

#include <zlib.h>
#include <zstd.h>

#include "wire/compress.h"

/* Output piece of gzip and zstd, and the smallest buffer. */
#define PIECE_BYTES ((size_t)64 * 1024)
/* What a quiet ctx keeps of each kind. */
#define KEPT_BYTES ((size_t)4 * 1024 * 1024)

/* High levels of zstd take hundreds of megabytes; the default one takes less than this. */
#define ZSTD_WRITER_KEPT_BYTES ((size_t)8 * 1024 * 1024)

#define GZIP_CHUNK_BYTES   ((size_t)16 * 1024)
#define SNAPPY_CHUNK_BYTES ((size_t)32 * 1024)
#define LZ4_CHUNK_BYTES    ((size_t)64 * 1024)
/* What is gathered before zstd starts a stream: smaller inputs are compressed with their size known. */
#define ZSTD_CHUNK_BYTES ((size_t)128 * 1024)

struct codec_reader {
    enum codec codec;
    int8_t magic;
    bool done;
    struct view in; /* not yet read */
    uint8_t *out;
    size_t out_cap;

    z_stream gzip;
    bool gzip_ready; /* inflateInit was done */

    bool snappy_framed;

    size_t lz4_block_max;
    bool lz4_block_checksums;
    bool lz4_content_checksum;

    ZSTD_DCtx *zstd;
    bool zstd_in_frame;
};

struct codec_writer {
    enum codec codec;
    int level;
    int8_t magic;
    struct buf *out;
    struct buf chunk; /* gathered, less than a chunk */
    size_t chunk_size;

    z_stream gzip;
    bool gzip_ready;
    int gzip_level;

    void *lz4_state;
    void *lz4_hc_state;

    ZSTD_CCtx *zstd;
    bool zstd_streaming;
};

struct codec_ctx {
    struct codec_reader r;
    struct codec_writer w;
    struct buf scratch;
};

/* Makes r->out at least `size` bytes; ERR_NO_MEMORY. */
MUST_USE enum err codec_reader_room(struct codec_reader *r, size_t size);

MUST_USE enum err gzip_read_begin(struct codec_reader *r);
MUST_USE enum err gzip_read_next(struct codec_reader *r, struct view *piece);
void gzip_read_close(struct codec_reader *r);
void gzip_write_begin(struct codec_writer *w);
void gzip_write_chunk(struct codec_writer *w, struct view chunk, bool last);
void gzip_write_close(struct codec_writer *w);

MUST_USE enum err snappy_read_begin(struct codec_reader *r);
MUST_USE enum err snappy_read_next(struct codec_reader *r, struct view *piece);
void snappy_write_begin(struct codec_writer *w);
void snappy_write_chunk(struct codec_writer *w, struct view chunk);

MUST_USE enum err lz4_read_begin(struct codec_reader *r);
MUST_USE enum err lz4_read_next(struct codec_reader *r, struct view *piece);
void lz4_write_begin(struct codec_writer *w);
void lz4_write_chunk(struct codec_writer *w, struct view chunk);
void lz4_write_end(struct codec_writer *w);
void lz4_write_close(struct codec_writer *w);
size_t lz4_write_bytes(const struct codec_writer *w);

MUST_USE enum err zstd_read_begin(struct codec_reader *r);
MUST_USE enum err zstd_read_next(struct codec_reader *r, struct view *piece);
void zstd_read_trim(struct codec_reader *r, size_t kept_bytes);
void zstd_write_begin(struct codec_writer *w);
void zstd_write_chunk(struct codec_writer *w, struct view chunk, bool last);
void zstd_write_trim(struct codec_writer *w, size_t kept_bytes);

#endif
