#include "wire/record_skim.h"

#include "base/varint.h"

/* A zig-zag number as it is on the wire: one byte in most records, so that is done here. */
static inline bool take_u64(const uint8_t **p, const uint8_t *end, uint64_t *raw)
{
    const uint8_t *at = *p;
    if (at < end && at[0] < 0x80) {
        *raw = at[0];
        *p = at + 1;
        return true;
    }
    if (end - at >= 2 && at[1] < 0x80) {
        *raw = (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
        *p = at + 2;
        return true;
    }
    int64_t value;
    if (!varint_read_i64(p, end, &value))
        return false;
    *raw = (uint64_t)value << 1 ^ (value < 0 ? UINT64_MAX : 0);
    return true;
}

static inline int64_t zigzag(uint64_t raw)
{
    return (int64_t)(raw >> 1) ^ -(int64_t)(raw & 1);
}

/* Also refuses a number longer than 5 bytes, and one whose 5th byte has bits that are to be dropped. */
static inline bool take_i32(const uint8_t **p, const uint8_t *end, int32_t *out)
{
    const uint8_t *from = *p;
    uint64_t raw;
    if (!take_u64(p, end, &raw) || *p - from > VARINT_MAX_BYTES || raw > UINT32_MAX)
        return false;
    *out = (int32_t)zigzag(raw);
    return true;
}

/* Length-prefixed bytes; a negative length is null. */
static inline bool pass_bytes(const uint8_t **p, const uint8_t *end, int32_t *size)
{
    if (!take_i32(p, end, size) || *size > end - *p)
        return false;
    if (*size > 0)
        *p += *size;
    return true;
}

static bool pass_headers(const uint8_t **p, const uint8_t *end)
{
    int32_t count, size;
    if (!take_i32(p, end, &count) || count < 0 || count > end - *p)
        return false;
    for (int32_t i = 0; i < count; i++) {
        if (!pass_bytes(p, end, &size) || size < 0 || !pass_bytes(p, end, &size))
            return false;
    }
    return true;
}

bool record_skim(struct view body, int32_t count, struct record_skim *out)
{
    const uint8_t *p = body.ptr, *end = body.ptr + body.len;
    *out = (struct record_skim){.min_timestamp_delta = INT64_MAX, .max_timestamp_delta = INT64_MIN};
    while (out->count < count) {
        int32_t length, offset_delta, key_size, value_size;
        uint64_t timestamp;
        if (!take_i32(&p, end, &length) || length < 1 || length > end - p)
            return false;
        const uint8_t *record_end = p + length;
        p++; /* attributes, which nobody uses */
        if (!take_u64(&p, record_end, &timestamp) || !take_i32(&p, record_end, &offset_delta) ||
            offset_delta != out->count || !pass_bytes(&p, record_end, &key_size) ||
            !pass_bytes(&p, record_end, &value_size) || !pass_headers(&p, record_end) || p != record_end)
            return false;
        int64_t delta = zigzag(timestamp);
        if (delta < out->min_timestamp_delta)
            out->min_timestamp_delta = delta;
        if (delta > out->max_timestamp_delta)
            out->max_timestamp_delta = delta;
        out->has_null_key |= key_size < 0;
        out->count++;
    }
    return p == end;
}
