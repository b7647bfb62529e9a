#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "base/varint.h"

#define BUF_CAP_MIN 64

void buf_close(struct buf *buf)
{
    free(buf->data);
    *buf = (struct buf){0};
}

static void grow(struct buf *buf, size_t extra)
{
    if (extra > SIZE_MAX / 2 - buf->len)
        mem_fail(extra);
    size_t need = buf->len + extra;
    size_t cap = buf->cap < BUF_CAP_MIN ? BUF_CAP_MIN : buf->cap;
    while (cap < need)
        cap *= 2;
    buf->data = mem_resize(buf->data, cap);
    buf->cap = cap;
}

uint8_t *buf_reserve(struct buf *buf, size_t extra)
{
    if (!buf->data || buf->cap - buf->len < extra)
        grow(buf, extra);
    return buf->data + buf->len;
}

uint8_t *buf_extend(struct buf *buf, size_t extra)
{
    uint8_t *at = buf_reserve(buf, extra);
    buf->len += extra;
    return at;
}

void buf_put(struct buf *buf, const void *ptr, size_t len)
{
    if (len > 0)
        memcpy(buf_extend(buf, len), ptr, len);
}

void buf_put_view(struct buf *buf, struct view v)
{
    buf_put(buf, v.ptr, v.len);
}

void buf_put_str(struct buf *buf, const char *text)
{
    buf_put(buf, text, strlen(text));
}

void buf_printf(struct buf *buf, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    size_t room = buf->cap - buf->len;
    int len = vsnprintf(room ? (char *)buf->data + buf->len : NULL, room, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len >= room) {
        char *at = (char *)buf_reserve(buf, (size_t)len + 1);
        vsnprintf(at, (size_t)len + 1, fmt, again);
    }
    va_end(again);
    buf->len += (size_t)len;
}

void buf_put_i8(struct buf *buf, int8_t v)
{
    *buf_extend(buf, 1) = (uint8_t)v;
}

void buf_put_i16(struct buf *buf, int16_t v)
{
    be_put_i16(buf_extend(buf, 2), v);
}

void buf_put_i32(struct buf *buf, int32_t v)
{
    be_put_i32(buf_extend(buf, 4), v);
}

void buf_put_i64(struct buf *buf, int64_t v)
{
    be_put_i64(buf_extend(buf, 8), v);
}

void buf_put_uvarint(struct buf *buf, uint32_t v)
{
    buf->len += varint_write_u32(buf_reserve(buf, VARINT_MAX_BYTES), v);
}

void buf_put_varint(struct buf *buf, int32_t v)
{
    buf->len += varint_write_i32(buf_reserve(buf, VARINT_MAX_BYTES), v);
}

void buf_put_varlong(struct buf *buf, int64_t v)
{
    buf->len += varint_write_i64(buf_reserve(buf, VARLONG_MAX_BYTES), v);
}

const char *buf_cstr(struct buf *buf)
{
    *buf_reserve(buf, 1) = '\0';
    return (const char *)buf->data;
}
