#include "wire/compress.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/compress_impl.h"

const char *codec_name(int codec)
{
    static const char *const names[CODEC_COUNT] = {"none", "gzip", "snappy", "lz4", "zstd"};
    return codec >= 0 && codec < CODEC_COUNT ? names[codec] : "unknown";
}

struct codec_ctx *codec_ctx_new(void)
{
    return MEM_NEW(struct codec_ctx);
}

void codec_ctx_free(struct codec_ctx *ctx)
{
    if (!ctx)
        return;
    gzip_read_close(&ctx->r);
    gzip_write_close(&ctx->w);
    lz4_write_close(&ctx->w);
    zstd_read_trim(&ctx->r, 0);
    zstd_write_trim(&ctx->w, 0);
    free(ctx->r.out);
    buf_close(&ctx->w.chunk);
    buf_close(&ctx->scratch);
    free(ctx);
}

struct buf *codec_ctx_scratch(struct codec_ctx *ctx)
{
    return &ctx->scratch;
}

/* --- reading ----------------------------------------------------------------------------------- */

enum err codec_reader_room(struct codec_reader *r, size_t size)
{
    if (r->out_cap >= size)
        return ERR_NONE;
    if (size < PIECE_BYTES)
        size = PIECE_BYTES;
    free(r->out);
    r->out = mem_try_alloc(size);
    r->out_cap = r->out ? size : 0;
    return r->out ? ERR_NONE : ERR_NO_MEMORY;
}

enum err decompress_begin(struct codec_ctx *ctx, enum codec codec, int8_t magic, struct view in)
{
    struct codec_reader *r = &ctx->r;
    r->codec = codec;
    r->magic = magic;
    r->in = in;
    r->done = false;
    switch (codec) {
    case CODEC_NONE:
        return ERR_NONE;
    case CODEC_GZIP:
        return gzip_read_begin(r);
    case CODEC_SNAPPY:
        return snappy_read_begin(r);
    case CODEC_LZ4:
        return lz4_read_begin(r);
    case CODEC_ZSTD:
        return zstd_read_begin(r);
    }
    return ERR_MALFORMED;
}

static enum err none_read_next(struct codec_reader *r, struct view *piece)
{
    *piece = r->in;
    r->done = true;
    return ERR_NONE;
}

enum err decompress_next(struct codec_ctx *ctx, struct view *piece)
{
    struct codec_reader *r = &ctx->r;
    *piece = VIEW_LIT("");
    if (r->done)
        return ERR_NONE;
    switch (r->codec) {
    case CODEC_NONE:
        return none_read_next(r, piece);
    case CODEC_GZIP:
        return gzip_read_next(r, piece);
    case CODEC_SNAPPY:
        return snappy_read_next(r, piece);
    case CODEC_LZ4:
        return lz4_read_next(r, piece);
    case CODEC_ZSTD:
        return zstd_read_next(r, piece);
    }
    UNREACHABLE();
}

void decompress_end(struct codec_ctx *ctx)
{
    struct codec_reader *r = &ctx->r;
    r->done = true;
    r->in = VIEW_NULL;
    if (r->out_cap > KEPT_BYTES) {
        free(r->out);
        r->out = NULL;
        r->out_cap = 0;
    }
    zstd_read_trim(r, KEPT_BYTES);
    if (ctx->scratch.cap > KEPT_BYTES)
        buf_close(&ctx->scratch);
}

enum err decompress_all(struct codec_ctx *ctx, enum codec codec, int8_t magic, struct view in, size_t limit,
                        struct buf *out)
{
    size_t start = out->len;
    struct view piece;
    enum err err = decompress_begin(ctx, codec, magic, in);
    while (!err && !(err = decompress_next(ctx, &piece)) && piece.len > 0) {
        if (piece.len > limit - (out->len - start))
            err = ERR_MESSAGE_TOO_LARGE;
        else
            buf_put_view(out, piece);
    }
    decompress_end(ctx);
    return err;
}

/* --- writing ----------------------------------------------------------------------------------- */

void compress_begin(struct codec_ctx *ctx, enum codec codec, int level, int8_t magic, struct buf *out)
{
    struct codec_writer *w = &ctx->w;
    w->codec = codec;
    w->level = level;
    w->magic = magic;
    w->out = out;
    w->chunk_size = 0;
    buf_clear(&w->chunk);
    switch (codec) {
    case CODEC_NONE:
        break;
    case CODEC_GZIP:
        w->chunk_size = GZIP_CHUNK_BYTES;
        gzip_write_begin(w);
        break;
    case CODEC_SNAPPY:
        w->chunk_size = SNAPPY_CHUNK_BYTES;
        snappy_write_begin(w);
        break;
    case CODEC_LZ4:
        w->chunk_size = LZ4_CHUNK_BYTES;
        lz4_write_begin(w);
        break;
    case CODEC_ZSTD:
        w->chunk_size = ZSTD_CHUNK_BYTES;
        zstd_write_begin(w);
        break;
    }
}

/* The last one may be empty, which is nothing to the codecs made of blocks. */
static void write_chunk(struct codec_writer *w, struct view chunk, bool last)
{
    if (w->codec == CODEC_GZIP)
        gzip_write_chunk(w, chunk, last);
    else if (w->codec == CODEC_ZSTD)
        zstd_write_chunk(w, chunk, last);
    else if (w->codec == CODEC_LZ4 && chunk.len > 0)
        lz4_write_chunk(w, chunk);
    else if (w->codec == CODEC_SNAPPY && chunk.len > 0)
        snappy_write_chunk(w, chunk);
}

/*
 * Cuts the data into chunks. A full chunk is written when more data follows it, so that the last one
 * is known as the last.
 */
static void write_chunked(struct codec_writer *w, struct view data)
{
    while (data.len > 0) {
        if (w->chunk.len == w->chunk_size) {
            write_chunk(w, buf_view(&w->chunk), false);
            buf_clear(&w->chunk);
        }
        size_t n = w->chunk_size - w->chunk.len;
        if (n > data.len)
            n = data.len;
        if (n == w->chunk_size && data.len > n)
            write_chunk(w, view_of(data.ptr, n), false);
        else
            buf_put(&w->chunk, data.ptr, n);
        data.ptr += n;
        data.len -= n;
    }
}

void compress_write(struct codec_ctx *ctx, struct view data)
{
    struct codec_writer *w = &ctx->w;
    if (w->codec == CODEC_NONE)
        buf_put_view(w->out, data);
    else
        write_chunked(w, data);
}

void compress_end(struct codec_ctx *ctx)
{
    struct codec_writer *w = &ctx->w;
    write_chunk(w, buf_view(&w->chunk), true);
    if (w->codec == CODEC_LZ4)
        lz4_write_end(w);
    zstd_write_trim(w, ZSTD_WRITER_KEPT_BYTES);
    w->out = NULL;
}

void compress_all(struct codec_ctx *ctx, enum codec codec, int level, int8_t magic, struct view in,
                  struct buf *out)
{
    compress_begin(ctx, codec, level, magic, out);
    compress_write(ctx, in);
    compress_end(ctx);
}
