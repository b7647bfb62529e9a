/*
 * Snappy has no framing of its own. Java clients write xerial's: a header of 16 bytes, then blocks of
 * {i32 length, raw snappy}. Other clients write one raw block. Concatenated xerial streams occur.
 */
#include <snappy-c.h>

#include "base/assert.h"
#include "base/be.h"
#include "wire/compress_impl.h"

#define XERIAL_HEADER_BYTES 16
#define XERIAL_VERSION      1
#define MAX_BLOCK_BYTES     (512 * 1024 * 1024)
/* A copy element makes at most 64 bytes of 3, so a block that promises more than this lies. */
#define MAX_EXPANSION 22

static const uint8_t xerial_magic[8] = {0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0};

static bool is_xerial(struct view in)
{
    return in.len >= XERIAL_HEADER_BYTES && memcmp(in.ptr, xerial_magic, sizeof xerial_magic) == 0;
}

static void advance(struct view *in, size_t n)
{
    in->ptr += n;
    in->len -= n;
}

enum err snappy_read_begin(struct codec_reader *r)
{
    r->snappy_framed = is_xerial(r->in);
    if (r->in.len == 0)
        return ERR_MALFORMED;
    if (!r->snappy_framed)
        return ERR_NONE;
    /* Two version numbers follow the magic, which Kafka's reader passes over. */
    advance(&r->in, XERIAL_HEADER_BYTES);
    return ERR_NONE;
}

static enum err read_block(struct codec_reader *r, struct view block, struct view *piece)
{
    size_t len;
    if (snappy_uncompressed_length((const char *)block.ptr, block.len, &len) != SNAPPY_OK ||
        len > block.len * MAX_EXPANSION)
        return ERR_MALFORMED;
    enum err err = codec_reader_room(r, len);
    if (err)
        return err;
    if (snappy_uncompress((const char *)block.ptr, block.len, (char *)r->out, &len) != SNAPPY_OK)
        return ERR_MALFORMED;
    *piece = view_of(r->out, len);
    return ERR_NONE;
}

enum err snappy_read_next(struct codec_reader *r, struct view *piece)
{
    if (!r->snappy_framed) {
        r->done = true;
        return read_block(r, r->in, piece);
    }
    for (;;) {
        *piece = VIEW_LIT("");
        r->done = r->in.len < 4;
        if (r->done)
            return ERR_NONE;
        if (memcmp(r->in.ptr, xerial_magic, 4) == 0) {
            if (r->in.len < XERIAL_HEADER_BYTES)
                return ERR_MALFORMED;
            r->done = !is_xerial(r->in);
            if (r->done)
                return ERR_NONE;
            advance(&r->in, XERIAL_HEADER_BYTES);
            continue;
        }
        int32_t size = be_get_i32(r->in.ptr);
        advance(&r->in, 4);
        if (size < 0 || size > MAX_BLOCK_BYTES || (size_t)size > r->in.len)
            return ERR_MALFORMED;
        enum err err = read_block(r, view_of(r->in.ptr, (size_t)size), piece);
        advance(&r->in, (size_t)size);
        if (err || piece->len > 0)
            return err;
    }
}

void snappy_write_begin(struct codec_writer *w)
{
    buf_put(w->out, xerial_magic, sizeof xerial_magic);
    buf_put_i32(w->out, XERIAL_VERSION);
    buf_put_i32(w->out, XERIAL_VERSION); /* the lowest version that can read it */
}

void snappy_write_chunk(struct codec_writer *w, struct view chunk)
{
    size_t len = snappy_max_compressed_length(chunk.len);
    uint8_t *at = buf_reserve(w->out, 4 + len);
    snappy_status status = snappy_compress((const char *)chunk.ptr, chunk.len, (char *)at + 4, &len);
    ASSERT(status == SNAPPY_OK);
    be_put_i32(at, (int32_t)len);
    w->out->len += 4 + len;
}
