#include "base/assert.h"
#include "wire/compress_impl.h"

/* zlib: windows of 32 KiB, gzip header and trailer. */
#define GZIP_WINDOW_BITS (15 + 16)
#define GZIP_MEM_LEVEL   8
/* Room for output that is asked for at a time. */
#define GZIP_OUT_BYTES ((size_t)16 * 1024)

enum err gzip_read_begin(struct codec_reader *r)
{
    if (r->gzip_ready)
        inflateReset(&r->gzip);
    else if (inflateInit2(&r->gzip, GZIP_WINDOW_BITS) != Z_OK)
        return ERR_NO_MEMORY;
    r->gzip_ready = true;
    return codec_reader_room(r, PIECE_BYTES);
}

/* Whether another member follows; anything else behind a member is ignored, as Java does. */
static bool member_follows(struct view rest)
{
    return rest.len >= 3 && memcmp(rest.ptr, "\x1f\x8b\x08", 3) == 0;
}

enum err gzip_read_next(struct codec_reader *r, struct view *piece)
{
    z_stream *z = &r->gzip;
    for (;;) {
        z->next_in = (Bytef *)(uintptr_t)r->in.ptr;
        z->avail_in = (uInt)r->in.len;
        z->next_out = r->out;
        z->avail_out = (uInt)r->out_cap;
        int rc = inflate(z, Z_NO_FLUSH);
        r->in = view_of(z->next_in, z->avail_in);
        size_t n = r->out_cap - z->avail_out;
        /* Broken, or (Z_BUF_ERROR) it ends too early. What came out before is given first. */
        if (rc != Z_OK && rc != Z_STREAM_END && n == 0)
            return ERR_MALFORMED;
        if (rc == Z_STREAM_END) {
            if (member_follows(r->in))
                inflateReset(z);
            else
                r->done = true;
        }
        *piece = view_of(r->out, n);
        if (n > 0 || r->done)
            return ERR_NONE;
    }
}

void gzip_read_close(struct codec_reader *r)
{
    if (r->gzip_ready)
        inflateEnd(&r->gzip);
    r->gzip_ready = false;
}

static int gzip_level(int level)
{
    if (level == CODEC_LEVEL_DEFAULT || level == Z_DEFAULT_COMPRESSION)
        return Z_DEFAULT_COMPRESSION;
    return level < Z_BEST_SPEED ? Z_BEST_SPEED : level > Z_BEST_COMPRESSION ? Z_BEST_COMPRESSION : level;
}

void gzip_write_begin(struct codec_writer *w)
{
    int level = gzip_level(w->level);
    if (w->gzip_ready && w->gzip_level == level) {
        deflateReset(&w->gzip);
        return;
    }
    gzip_write_close(w);
    int rc = deflateInit2(&w->gzip, level, Z_DEFLATED, GZIP_WINDOW_BITS, GZIP_MEM_LEVEL, Z_DEFAULT_STRATEGY);
    ASSERT(rc == Z_OK); /* 256 KiB were not to be had */
    w->gzip_ready = true;
    w->gzip_level = level;
}

void gzip_write_chunk(struct codec_writer *w, struct view chunk, bool last)
{
    z_stream *z = &w->gzip;
    z->next_in = (Bytef *)(uintptr_t)chunk.ptr;
    z->avail_in = (uInt)chunk.len;
    do {
        z->next_out = buf_reserve(w->out, GZIP_OUT_BYTES);
        z->avail_out = (uInt)GZIP_OUT_BYTES;
        int rc = deflate(z, last ? Z_FINISH : Z_NO_FLUSH);
        ASSERT(rc == Z_OK || rc == Z_STREAM_END || rc == Z_BUF_ERROR);
        w->out->len += GZIP_OUT_BYTES - z->avail_out;
    } while (z->avail_out == 0);
}

void gzip_write_close(struct codec_writer *w)
{
    if (w->gzip_ready)
        deflateEnd(&w->gzip);
    w->gzip_ready = false;
}
