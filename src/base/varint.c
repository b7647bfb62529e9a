#include "base/varint.h"

/*
 * Bits of the last byte that do not fit are dropped, as Kafka's readers do; a continuation bit there is
 * an error.
 */
static bool read_bits(const uint8_t **cursor, const uint8_t *end, size_t max_bytes, uint64_t *out)
{
    const uint8_t *p = *cursor;
    uint64_t v = 0;
    for (size_t i = 0; i < max_bytes && p < end; i++) {
        uint8_t byte = *p++;
        v |= (uint64_t)(byte & 0x7f) << (7 * i);
        if (byte < 0x80) {
            *cursor = p;
            *out = v;
            return true;
        }
    }
    return false;
}

static size_t write_bits(uint8_t *out, uint64_t v)
{
    size_t n = 0;
    while (v >= 0x80) {
        out[n++] = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    out[n++] = (uint8_t)v;
    return n;
}

static size_t size_bits(uint64_t v)
{
    unsigned bits = 64u - (unsigned)__builtin_clzll(v | 1);
    return (bits + 6) / 7;
}

static uint32_t zigzag32(int32_t v)
{
    return (uint32_t)v << 1 ^ (v < 0 ? UINT32_MAX : 0);
}

static uint64_t zigzag64(int64_t v)
{
    return (uint64_t)v << 1 ^ (v < 0 ? UINT64_MAX : 0);
}

bool varint_read_u32(const uint8_t **cursor, const uint8_t *end, uint32_t *out)
{
    uint64_t v;
    if (!read_bits(cursor, end, VARINT_MAX_BYTES, &v))
        return false;
    *out = (uint32_t)v;
    return true;
}

bool varint_read_i32(const uint8_t **cursor, const uint8_t *end, int32_t *out)
{
    uint32_t v;
    if (!varint_read_u32(cursor, end, &v))
        return false;
    *out = (int32_t)(v >> 1 ^ (0 - (v & 1)));
    return true;
}

bool varint_read_i64(const uint8_t **cursor, const uint8_t *end, int64_t *out)
{
    uint64_t v;
    if (!read_bits(cursor, end, VARLONG_MAX_BYTES, &v))
        return false;
    *out = (int64_t)(v >> 1 ^ (0 - (v & 1)));
    return true;
}

size_t varint_write_u32(uint8_t *out, uint32_t v)
{
    return write_bits(out, v);
}

size_t varint_write_i32(uint8_t *out, int32_t v)
{
    return write_bits(out, zigzag32(v));
}

size_t varint_write_i64(uint8_t *out, int64_t v)
{
    return write_bits(out, zigzag64(v));
}

size_t varint_size_u32(uint32_t v)
{
    return size_bits(v);
}

size_t varint_size_i32(int32_t v)
{
    return size_bits(zigzag32(v));
}

size_t varint_size_i64(int64_t v)
{
    return size_bits(zigzag64(v));
}
