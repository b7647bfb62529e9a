#include "base/assert.h"
#include "wire/compress_impl.h"

#define ZSTD_DEFAULT_LEVEL 3
/* Room for output that is asked for at a time. */
#define ZSTD_OUT_BYTES ((size_t)32 * 1024)

enum err zstd_read_begin(struct codec_reader *r)
{
    if (!r->zstd)
        r->zstd = ZSTD_createDCtx();
    if (!r->zstd)
        return ERR_NO_MEMORY;
    ZSTD_DCtx_reset(r->zstd, ZSTD_reset_session_only);
    r->zstd_in_frame = false;
    return codec_reader_room(r, PIECE_BYTES);
}

enum err zstd_read_next(struct codec_reader *r, struct view *piece)
{
    for (;;) {
        if (r->in.len == 0 && !r->zstd_in_frame) {
            r->done = true;
            *piece = VIEW_LIT("");
            return ERR_NONE;
        }
        size_t before = r->in.len;
        ZSTD_inBuffer in = {r->in.ptr, r->in.len, 0};
        ZSTD_outBuffer out = {r->out, r->out_cap, 0};
        size_t rc = ZSTD_decompressStream(r->zstd, &out, &in);
        if (ZSTD_isError(rc))
            return ERR_MALFORMED;
        r->in.ptr += in.pos;
        r->in.len -= in.pos;
        r->zstd_in_frame = rc != 0;
        if (out.pos > 0) {
            *piece = view_of(r->out, out.pos);
            return ERR_NONE;
        }
        if (r->zstd_in_frame && r->in.len == 0 && before == 0)
            return ERR_MALFORMED; /* it ends too early */
    }
}

void zstd_read_trim(struct codec_reader *r, size_t kept_bytes)
{
    if (r->zstd && ZSTD_sizeof_DCtx(r->zstd) > kept_bytes) {
        ZSTD_freeDCtx(r->zstd);
        r->zstd = NULL;
    }
}

void zstd_write_begin(struct codec_writer *w)
{
    if (!w->zstd)
        w->zstd = ZSTD_createCCtx();
    ASSERT(w->zstd);
    int level = w->level == CODEC_LEVEL_DEFAULT ? ZSTD_DEFAULT_LEVEL : w->level;
    if (level < ZSTD_minCLevel())
        level = ZSTD_minCLevel();
    if (level > ZSTD_maxCLevel())
        level = ZSTD_maxCLevel();
    ZSTD_CCtx_reset(w->zstd, ZSTD_reset_session_only);
    size_t rc = ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
    ASSERT(!ZSTD_isError(rc));
    w->zstd_streaming = false;
}

static void write_whole(struct codec_writer *w, struct view data)
{
    size_t room = ZSTD_compressBound(data.len);
    uint8_t *at = buf_reserve(w->out, room);
    size_t n = ZSTD_compress2(w->zstd, at, room, data.ptr, data.len);
    ASSERT(!ZSTD_isError(n));
    w->out->len += n;
}

void zstd_write_chunk(struct codec_writer *w, struct view chunk, bool last)
{
    if (last && !w->zstd_streaming) {
        write_whole(w, chunk);
        return;
    }
    w->zstd_streaming = true;
    ZSTD_inBuffer in = {chunk.ptr, chunk.len, 0};
    size_t left;
    do {
        ZSTD_outBuffer out = {buf_reserve(w->out, ZSTD_OUT_BYTES), ZSTD_OUT_BYTES, 0};
        left = ZSTD_compressStream2(w->zstd, &out, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        ASSERT(!ZSTD_isError(left));
        w->out->len += out.pos;
    } while (last ? left > 0 : in.pos < in.size);
}

void zstd_write_trim(struct codec_writer *w, size_t kept_bytes)
{
    if (w->zstd && ZSTD_sizeof_CCtx(w->zstd) > kept_bytes) {
        ZSTD_freeCCtx(w->zstd);
        w->zstd = NULL;
    }
}
