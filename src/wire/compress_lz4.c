/*
 * LZ4 frames, as Kafka's clients write and accept them: independent blocks, no dictionary, content
 * checksums passed over. liblz4's own frame reader is not used because magic 0 data has a header
 * checksum that no frame reader accepts (Kafka's first clients hashed the frame's magic number too).
 */
#include <lz4.h>
#include <lz4hc.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/compress_impl.h"

#define FRAME_MAGIC 0x184d2204u
#define HEADER_MIN  7
/* FLG byte */
#define FLG_VERSION_MASK     0xc0
#define FLG_VERSION          0x40
#define FLG_INDEPENDENT      0x20
#define FLG_BLOCK_CHECKSUM   0x10
#define FLG_CONTENT_SIZE     0x08
#define FLG_CONTENT_CHECKSUM 0x04
#define FLG_RESERVED         0x03 /* bit 0 says that a dictionary is needed */
/* BD byte: block sizes 4 (64 KiB) to 7 (4 MiB) in bits 4-6, the rest reserved. */
#define BD_64_KIB   0x40
#define BD_RESERVED 0x8f

#define BLOCK_STORED 0x80000000u

#define LZ4_DEFAULT_LEVEL 9

static uint32_t get_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

static void put_le32(uint8_t *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(v >> (8 * i));
}

static uint32_t rotl(uint32_t v, int n)
{
    return v << n | v >> (32 - n);
}

/* xxHash32 with seed 0 (xxHash fast digest algorithm, version 0.1.1). */
static uint32_t xxh32(const uint8_t *p, size_t len)
{
    static const uint32_t p1 = 2654435761u, p2 = 2246822519u, p3 = 3266489917u, p4 = 668265263u,
                          p5 = 374761393u;
    const uint8_t *end = p + len;
    uint32_t h = p5;
    if (len >= 16) {
        uint32_t lanes[4] = {p1 + p2, p2, 0, 0u - p1};
        for (; end - p >= 16; p += 16) {
            for (int i = 0; i < 4; i++)
                lanes[i] = rotl(lanes[i] + get_le32(p + 4 * i) * p2, 13) * p1;
        }
        h = rotl(lanes[0], 1) + rotl(lanes[1], 7) + rotl(lanes[2], 12) + rotl(lanes[3], 18);
    }
    h += (uint32_t)len;
    for (; end - p >= 4; p += 4)
        h = rotl(h + get_le32(p) * p3, 17) * p4;
    for (; p < end; p++)
        h = rotl(h + *p * p5, 11) * p1;
    h = (h ^ h >> 15) * p2;
    h = (h ^ h >> 13) * p3;
    return h ^ h >> 16;
}

static uint8_t header_checksum(const uint8_t *p, size_t len)
{
    return (uint8_t)(xxh32(p, len) >> 8);
}

static void advance(struct view *in, size_t n)
{
    in->ptr += n;
    in->len -= n;
}

enum err lz4_read_begin(struct codec_reader *r)
{
    const uint8_t *p = r->in.ptr;
    if (r->in.len < HEADER_MIN || get_le32(p) != FRAME_MAGIC)
        return ERR_MALFORMED;
    uint8_t flg = p[4], bd = p[5];
    int block_size = bd >> 4 & 7;
    if ((flg & FLG_VERSION_MASK) != FLG_VERSION || (flg & FLG_RESERVED) || !(flg & FLG_INDEPENDENT) ||
        (bd & BD_RESERVED) || block_size < 4)
        return ERR_MALFORMED;
    size_t descriptor = flg & FLG_CONTENT_SIZE ? 10 : 2;
    if (r->in.len < 4 + descriptor + 1)
        return ERR_MALFORMED;
    if (r->magic != 0 && p[4 + descriptor] != header_checksum(p + 4, descriptor))
        return ERR_MALFORMED;
    advance(&r->in, 4 + descriptor + 1);
    r->lz4_block_max = (size_t)1 << (2 * block_size + 8);
    r->lz4_block_checksums = flg & FLG_BLOCK_CHECKSUM;
    r->lz4_content_checksum = flg & FLG_CONTENT_CHECKSUM;
    return ERR_NONE;
}

static enum err read_block(struct codec_reader *r, struct view block, bool stored, struct view *piece)
{
    if (stored) {
        *piece = block;
        return ERR_NONE;
    }
    enum err err = codec_reader_room(r, r->lz4_block_max);
    if (err)
        return err;
    int n =
        LZ4_decompress_safe((const char *)block.ptr, (char *)r->out, (int)block.len, (int)r->lz4_block_max);
    if (n < 0)
        return ERR_MALFORMED;
    *piece = view_of(r->out, (size_t)n);
    return ERR_NONE;
}

enum err lz4_read_next(struct codec_reader *r, struct view *piece)
{
    do {
        if (r->in.len < 4)
            return ERR_MALFORMED;
        uint32_t word = get_le32(r->in.ptr);
        size_t size = word & ~BLOCK_STORED;
        advance(&r->in, 4);
        if (size == 0) {
            r->done = true;
            *piece = VIEW_LIT("");
            return r->lz4_content_checksum && r->in.len < 4 ? ERR_MALFORMED : ERR_NONE;
        }
        size_t trailer = r->lz4_block_checksums ? 4 : 0;
        if (size > r->lz4_block_max || r->in.len < size + trailer)
            return ERR_MALFORMED;
        struct view block = view_of(r->in.ptr, size);
        if (trailer && get_le32(block.ptr + size) != xxh32(block.ptr, size))
            return ERR_MALFORMED;
        advance(&r->in, size + trailer);
        enum err err = read_block(r, block, word & BLOCK_STORED, piece);
        if (err)
            return err;
    } while (piece->len == 0);
    return ERR_NONE;
}

void lz4_write_begin(struct codec_writer *w)
{
    uint8_t header[HEADER_MIN];
    put_le32(header, FRAME_MAGIC);
    header[4] = FLG_VERSION | FLG_INDEPENDENT;
    header[5] = BD_64_KIB;
    header[6] = w->magic == 0 ? header_checksum(header, 6) : header_checksum(header + 4, 2);
    buf_put(w->out, header, sizeof header);
}

static int compress_block(struct codec_writer *w, struct view chunk, uint8_t *at, int room)
{
    const char *src = (const char *)chunk.ptr;
    /* Kafka takes level 9, its default, to mean the fast compressor. */
    if (w->level == CODEC_LEVEL_DEFAULT || w->level == LZ4_DEFAULT_LEVEL) {
        if (!w->lz4_state)
            w->lz4_state = mem_alloc((size_t)LZ4_sizeofState());
        return LZ4_compress_fast_extState(w->lz4_state, src, (char *)at, (int)chunk.len, room, 1);
    }
    if (!w->lz4_hc_state)
        w->lz4_hc_state = mem_alloc((size_t)LZ4_sizeofStateHC());
    int level = w->level < 1 ? 1 : w->level > LZ4HC_CLEVEL_MAX ? LZ4HC_CLEVEL_MAX : w->level;
    return LZ4_compress_HC_extStateHC(w->lz4_hc_state, src, (char *)at, (int)chunk.len, room, level);
}

void lz4_write_chunk(struct codec_writer *w, struct view chunk)
{
    int room = LZ4_compressBound((int)chunk.len);
    uint8_t *at = buf_reserve(w->out, 4 + (size_t)room);
    int n = compress_block(w, chunk, at + 4, room);
    ASSERT(n > 0);
    uint32_t word = (uint32_t)n;
    if (word >= chunk.len) {
        word = (uint32_t)chunk.len | BLOCK_STORED;
        memcpy(at + 4, chunk.ptr, chunk.len);
    }
    put_le32(at, word);
    w->out->len += 4 + (word & ~BLOCK_STORED);
}

void lz4_write_end(struct codec_writer *w)
{
    buf_put_i32(w->out, 0);
}

void lz4_write_close(struct codec_writer *w)
{
    free(w->lz4_state);
    free(w->lz4_hc_state);
    w->lz4_state = w->lz4_hc_state = NULL;
}

size_t lz4_write_bytes(const struct codec_writer *w)
{
    return (w->lz4_state ? (size_t)LZ4_sizeofState() : 0) +
           (w->lz4_hc_state ? (size_t)LZ4_sizeofStateHC() : 0);
}
