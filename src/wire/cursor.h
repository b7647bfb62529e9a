/*
 * Reading for the straight-line codecs: a cursor that fails once and for all.
 *
 * A failed cursor stands at its end and gives zeroes, so a decoder need not
 * check after each field, only before it allocates and when it is done. The
 * codecs then leave the message to the interpreter, which says what is wrong.
 * Inside wire/ only. Runs on: any.
 */
#ifndef BARNABAS_WIRE_CURSOR_H
#define BARNABAS_WIRE_CURSOR_H

#include "base/arena.h"
#include "base/be.h"
#include "base/varint.h"
#include "base/view.h"

struct cursor {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static inline void cursor_init(struct cursor *c, struct view bytes)
{
    c->at = bytes.ptr ? bytes.ptr : (const uint8_t *)"";
    c->end = c->at + bytes.len;
    c->failed = false;
}

static inline void cursor_fail(struct cursor *c)
{
    c->at = c->end;
    c->failed = true;
}

static inline size_t cursor_left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static inline bool cursor_need(struct cursor *c, size_t bytes)
{
    if (cursor_left(c) >= bytes)
        return true;
    cursor_fail(c);
    return false;
}

static inline int8_t cursor_i8(struct cursor *c)
{
    return cursor_need(c, 1) ? (int8_t)*c->at++ : 0;
}

static inline int16_t cursor_i16(struct cursor *c)
{
    if (!cursor_need(c, 2))
        return 0;
    c->at += 2;
    return be_get_i16(c->at - 2);
}

static inline int32_t cursor_i32(struct cursor *c)
{
    if (!cursor_need(c, 4))
        return 0;
    c->at += 4;
    return be_get_i32(c->at - 4);
}

static inline int64_t cursor_i64(struct cursor *c)
{
    if (!cursor_need(c, 8))
        return 0;
    c->at += 8;
    return be_get_i64(c->at - 8);
}

static inline uint32_t cursor_uvarint(struct cursor *c)
{
    if (c->at < c->end && *c->at < 0x80)
        return *c->at++;
    uint32_t v;
    if (varint_read_u32(&c->at, c->end, &v))
        return v;
    cursor_fail(c);
    return 0;
}

/* Length or count; -1 is null. */
static inline int32_t cursor_compact_length(struct cursor *c)
{
    uint32_t raw = cursor_uvarint(c);
    if (raw > INT32_MAX)
        cursor_fail(c);
    return c->failed ? 0 : (int32_t)raw - 1;
}

/* `len` bytes; -1 gives null, which fails unless it is allowed. */
static inline struct view cursor_view(struct cursor *c, int32_t len, bool nullable)
{
    if (len < 0) {
        if (!nullable)
            cursor_fail(c);
        return VIEW_NULL;
    }
    if (!cursor_need(c, (size_t)len))
        return VIEW_NULL;
    c->at += len;
    return view_of(c->at - len, (size_t)len);
}

static inline struct view cursor_string(struct cursor *c, bool compact, bool nullable)
{
    int32_t len = compact ? cursor_compact_length(c) : cursor_i16(c);
    if (len > INT16_MAX)
        cursor_fail(c);
    return cursor_view(c, c->failed ? 0 : len, nullable);
}

static inline struct view cursor_bytes(struct cursor *c, bool compact, bool nullable)
{
    int32_t len = compact ? cursor_compact_length(c) : cursor_i32(c);
    return cursor_view(c, len, nullable);
}

/*
 * An array's count, held against the bytes left, and zeroed memory for it. NULL with count 0 when it is
 * empty or the cursor failed.
 */
static inline void *cursor_array(struct cursor *c, bool compact, size_t least_bytes, struct arena *arena,
                                 size_t item_size, int32_t *count)
{
    *count = compact ? cursor_compact_length(c) : cursor_i32(c);
    if (*count < 0 || (size_t)*count > cursor_left(c) / least_bytes)
        cursor_fail(c);
    void *items = !c->failed && *count > 0 ? arena_try_zalloc(arena, (size_t)*count, item_size) : NULL;
    if (!items && *count > 0)
        cursor_fail(c);
    if (c->failed)
        *count = 0;
    return items;
}

/* The end of a struct in a flexible version; any tag fails. */
static inline void cursor_no_tags(struct cursor *c)
{
    if (cursor_uvarint(c) != 0)
        cursor_fail(c);
}

#endif
