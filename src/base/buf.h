/*
 * A byte buffer that grows, written at its end, numbers in network order.
 *
 * Ownership: the buf owns its bytes; buf_close frees them. Zero-initialised is
 * empty and valid. Growing aborts when memory is gone, so whatever a peer can
 * make large is bounded before it is written here.
 * Runs on: whoever owns the buf.
 */
#ifndef BARNABAS_BASE_BUF_H
#define BARNABAS_BASE_BUF_H

#include <stdint.h>

#include "base/view.h"

struct buf {
    uint8_t *data;
    size_t len;
    size_t cap;
};

void buf_close(struct buf *buf);
/* Empties it and keeps the memory. */
static inline void buf_clear(struct buf *buf)
{
    buf->len = 0;
}
/* Room for `extra` more bytes; returns where they begin. Does not change len. */
uint8_t *buf_reserve(struct buf *buf, size_t extra);
/* Lengthens by `extra` uninitialised bytes; returns where they begin. */
uint8_t *buf_extend(struct buf *buf, size_t extra);

void buf_put(struct buf *buf, const void *ptr, size_t len);
void buf_put_view(struct buf *buf, struct view v);
void buf_put_str(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_put_i8(struct buf *buf, int8_t v);
void buf_put_i16(struct buf *buf, int16_t v);
void buf_put_i32(struct buf *buf, int32_t v);
void buf_put_i64(struct buf *buf, int64_t v);
/* Unsigned varint (KIP-482), zig-zag varint and varlong (record batches). */
void buf_put_uvarint(struct buf *buf, uint32_t v);
void buf_put_varint(struct buf *buf, int32_t v);
void buf_put_varlong(struct buf *buf, int64_t v);

static inline struct view buf_view(const struct buf *buf)
{
    return view_of(buf->data ? buf->data : (const uint8_t *)"", buf->len);
}
/* Ends the bytes with a NUL that is not counted; the pointer is valid until the next write. */
const char *buf_cstr(struct buf *buf);

#endif
