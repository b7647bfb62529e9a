#include "storage/compact/record_scan.h"

#include "base/varint.h"

void record_scan_open(struct record_scan *scan, const struct batch_info *info, struct view body)
{
    *scan = (struct record_scan){
        .at = body.ptr,
        .end = body.ptr + body.len,
        .base_offset = info->base_offset,
        .last_offset = info->last_offset,
        .prev_offset = (int64_t)((uint64_t)info->base_offset - 1),
        .left = info->record_count,
    };
}

/* Most numbers are of one or two bytes. */
static inline bool take_i32(const uint8_t **p, const uint8_t *end, int32_t *out)
{
    const uint8_t *at = *p;
    uint32_t raw;
    if (at < end && at[0] < 0x80) {
        raw = at[0];
        *p = at + 1;
    } else if (end - at >= 2 && at[1] < 0x80) {
        raw = (at[0] & 0x7fU) | (uint32_t)at[1] << 7;
        *p = at + 2;
    } else {
        return varint_read_i32(p, end, out);
    }
    *out = (int32_t)(raw >> 1) ^ -(int32_t)(raw & 1);
    return true;
}

/* Length-prefixed bytes; a negative length is null. */
static inline bool take_bytes(const uint8_t **p, const uint8_t *end, struct view *out)
{
    int32_t size;
    if (!take_i32(p, end, &size) || size > end - *p)
        return false;
    *out = size < 0 ? VIEW_NULL : view_of(*p, (size_t)size);
    *p += size < 0 ? 0 : size;
    return true;
}

static inline bool take_record(struct record_scan *scan, struct record_ref *ref, struct view *key)
{
    const uint8_t *p = scan->at;
    int32_t length, offset_delta;
    struct view value;
    if (!take_i32(&p, scan->end, &length) || length < 1 || length > scan->end - p)
        return false;
    const uint8_t *end = p + length;
    p++; /* attributes, which nobody uses */
    if (!varint_read_i64(&p, end, &ref->timestamp_delta) || !take_i32(&p, end, &offset_delta) ||
        !take_bytes(&p, end, key) || !take_bytes(&p, end, &value))
        return false;
    ref->offset = (int64_t)((uint64_t)scan->base_offset + (uint64_t)offset_delta);
    if (ref->offset <= scan->prev_offset || ref->offset > scan->last_offset)
        return false;
    ref->at = scan->at;
    ref->len = (uint32_t)(end - scan->at);
    ref->has_key = !view_is_null(*key);
    ref->is_tombstone = view_is_null(value);
    scan->prev_offset = ref->offset;
    scan->at = end;
    return true;
}

enum err record_scan_take(struct record_scan *scan, const struct key_map *map, struct record_refs *refs)
{
    for (; scan->left > 0 && refs->count < RECORD_REFS; scan->left--) {
        struct record_ref *ref = &refs->items[refs->count];
        struct view key;
        if (!take_record(scan, ref, &key))
            return ERR_CORRUPT_MESSAGE;
        if (ref->has_key)
            ref->hash = key_map_hash(map, key);
        refs->count++;
    }
    return scan->left <= 0 && (scan->left < 0 || scan->at != scan->end) ? ERR_CORRUPT_MESSAGE : ERR_NONE;
}
