#include "wire/record_batch.h"

#include <zlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/hash.h"
#include "wire/record_iter.h"
#include "wire/record_layout.h"

#define CONTROL_KEY_SIZE   4
#define CONTROL_VALUE_SIZE 6

static int64_t add_offset(int64_t base, int64_t delta)
{
    return (int64_t)((uint64_t)base + (uint64_t)delta);
}

enum err batch_size_peek(const uint8_t head[BATCH_PEEK_SIZE], int32_t *size_bytes, int8_t *magic)
{
    int32_t size = be_get_i32(head + ENTRY_SIZE);
    int8_t m = (int8_t)head[ENTRY_MAGIC];
    if (size < BATCH_SIZE_FIELD_MIN || size > INT32_MAX - BATCH_OVERHEAD || m < 0 || m > 2)
        return ERR_CORRUPT_MESSAGE;
    *size_bytes = size + BATCH_OVERHEAD;
    *magic = m;
    return ERR_NONE;
}

static void peek_v2(const uint8_t *p, struct batch_info *out)
{
    uint8_t attributes = p[BATCH_ATTRIBUTES + 1];
    out->base_offset = be_get_i64(p + ENTRY_OFFSET);
    out->last_offset = add_offset(out->base_offset, be_get_i32(p + BATCH_LAST_OFFSET_DELTA));
    out->codec = attributes & ATTR_CODEC_MASK;
    out->log_append_time = attributes & ATTR_LOG_APPEND_TIME;
    out->transactional = attributes & ATTR_TRANSACTIONAL;
    out->control = attributes & ATTR_CONTROL;
    out->has_delete_horizon = attributes & ATTR_DELETE_HORIZON;
    out->base_timestamp = be_get_i64(p + BATCH_BASE_TIMESTAMP);
    out->max_timestamp = be_get_i64(p + BATCH_MAX_TIMESTAMP);
    out->producer_id = be_get_i64(p + BATCH_PRODUCER_ID);
    out->producer_epoch = be_get_i16(p + BATCH_PRODUCER_EPOCH);
    out->base_sequence = be_get_i32(p + BATCH_BASE_SEQUENCE);
    out->last_sequence = NO_SEQUENCE;
    if (out->base_sequence != NO_SEQUENCE)
        out->last_sequence = sequence_increment(out->base_sequence, be_get_i32(p + BATCH_LAST_OFFSET_DELTA));
    out->record_count = be_get_i32(p + BATCH_RECORD_COUNT);
    out->leader_epoch = be_get_i32(p + BATCH_LEADER_EPOCH);
    out->crc = (uint32_t)be_get_i32(p + BATCH_CRC);
}

static void peek_legacy(const uint8_t *p, struct batch_info *out)
{
    uint8_t attributes = p[LEGACY_ATTRIBUTES];
    bool wrapper = attributes & ATTR_CODEC_MASK;
    out->last_offset = be_get_i64(p + ENTRY_OFFSET);
    out->base_offset = wrapper ? -1 : out->last_offset;
    out->codec = attributes & ATTR_CODEC_MASK;
    out->log_append_time = out->magic == 1 && (attributes & ATTR_LOG_APPEND_TIME);
    out->transactional = false;
    out->control = false;
    out->has_delete_horizon = false;
    out->base_timestamp = out->magic == 1 ? be_get_i64(p + LEGACY_TIMESTAMP) : NO_TIMESTAMP;
    out->max_timestamp = out->base_timestamp;
    out->producer_id = NO_PRODUCER_ID;
    out->producer_epoch = NO_PRODUCER_EPOCH;
    out->base_sequence = NO_SEQUENCE;
    out->last_sequence = NO_SEQUENCE;
    out->record_count = wrapper ? -1 : 1;
    out->leader_epoch = NO_LEADER_EPOCH;
    out->crc = (uint32_t)be_get_i32(p + LEGACY_CRC);
}

enum err batch_peek(struct view bytes, struct batch_info *out)
{
    /* What each magic needs, which is also the smallest legal size of its entries. */
    static const size_t need[] = {LEGACY_V0_OVERHEAD + BATCH_OVERHEAD, LEGACY_V1_OVERHEAD + BATCH_OVERHEAD,
                                  BATCH_V2_HEADER_SIZE};

    if (bytes.len < BATCH_PEEK_SIZE)
        return ERR_WOULD_BLOCK;
    enum err err = batch_size_peek(bytes.ptr, &out->size_bytes, &out->magic);
    if (err)
        return err;
    if ((size_t)out->size_bytes < need[out->magic])
        return ERR_CORRUPT_MESSAGE;
    if (bytes.len < need[out->magic])
        return ERR_WOULD_BLOCK;
    if (out->magic == 2)
        peek_v2(bytes.ptr, out);
    else
        peek_legacy(bytes.ptr, out);
    return ERR_NONE;
}

enum err batch_next(struct view *rest, struct batch_info *info, struct view *entry)
{
    /* A size field that is wrong is corrupt even if the magic has not arrived. */
    if (rest->len >= BATCH_OVERHEAD && be_get_i32(rest->ptr + ENTRY_SIZE) < BATCH_SIZE_FIELD_MIN)
        return ERR_CORRUPT_MESSAGE;
    enum err err = batch_peek(*rest, info);
    if (err)
        return err;
    size_t size = (size_t)info->size_bytes;
    if (rest->len < size)
        return ERR_WOULD_BLOCK;
    if (entry)
        *entry = view_of(rest->ptr, size);
    rest->ptr += size;
    rest->len -= size;
    return ERR_NONE;
}

static uint32_t compute_crc(const uint8_t *entry, size_t len)
{
    if (entry[ENTRY_MAGIC] == 2)
        return hash_crc32c(0, entry + BATCH_ATTRIBUTES, len - BATCH_ATTRIBUTES);
    return (uint32_t)crc32_z(0, entry + ENTRY_MAGIC, len - ENTRY_MAGIC);
}

enum err batch_check_crc(struct view entry)
{
    if (entry.len < BATCH_OVERHEAD + BATCH_SIZE_FIELD_MIN)
        return ERR_CORRUPT_MESSAGE;
    bool v2 = entry.ptr[ENTRY_MAGIC] == 2;
    if (v2 && entry.len < BATCH_V2_HEADER_SIZE)
        return ERR_CORRUPT_MESSAGE;
    uint32_t stored = (uint32_t)be_get_i32(entry.ptr + (v2 ? BATCH_CRC : LEGACY_CRC));
    return stored == compute_crc(entry.ptr, entry.len) ? ERR_NONE : ERR_CORRUPT_MESSAGE;
}

void batch_set_base_offset(uint8_t *entry, int64_t base_offset)
{
    ASSERT(entry[ENTRY_MAGIC] == 2);
    be_put_i64(entry + ENTRY_OFFSET, base_offset);
}

void batch_set_last_offset(uint8_t *entry, int64_t last_offset)
{
    if (entry[ENTRY_MAGIC] == 2)
        last_offset = add_offset(last_offset, -(int64_t)be_get_i32(entry + BATCH_LAST_OFFSET_DELTA));
    be_put_i64(entry + ENTRY_OFFSET, last_offset);
}

void batch_set_leader_epoch(uint8_t *entry, int32_t leader_epoch)
{
    ASSERT(entry[ENTRY_MAGIC] == 2);
    be_put_i32(entry + BATCH_LEADER_EPOCH, leader_epoch);
}

bool batch_set_timestamps(uint8_t *entry, bool log_append_time, int64_t max_timestamp)
{
    ASSERT(entry[ENTRY_MAGIC] > 0);
    bool v2 = entry[ENTRY_MAGIC] == 2;
    uint8_t *attributes = entry + (v2 ? BATCH_ATTRIBUTES + 1 : LEGACY_ATTRIBUTES);
    uint8_t *timestamp = entry + (v2 ? BATCH_MAX_TIMESTAMP : LEGACY_TIMESTAMP);

    bool now_log_append = *attributes & ATTR_LOG_APPEND_TIME;
    if (now_log_append == log_append_time && be_get_i64(timestamp) == max_timestamp)
        return false;
    *attributes =
        (uint8_t)((*attributes & ~ATTR_LOG_APPEND_TIME) | (log_append_time ? ATTR_LOG_APPEND_TIME : 0));
    be_put_i64(timestamp, max_timestamp);
    batch_seal_crc(entry);
    return true;
}

void batch_set_content(uint8_t *entry, int32_t size_bytes, int32_t record_count, int64_t max_timestamp)
{
    ASSERT(entry[ENTRY_MAGIC] == 2 && size_bytes >= BATCH_V2_HEADER_SIZE);
    be_put_i32(entry + ENTRY_SIZE, size_bytes - BATCH_OVERHEAD);
    be_put_i64(entry + BATCH_MAX_TIMESTAMP, max_timestamp);
    be_put_i32(entry + BATCH_RECORD_COUNT, record_count);
    batch_seal_crc(entry);
}

void batch_seal_crc(uint8_t *entry)
{
    size_t len = (size_t)be_get_i32(entry + ENTRY_SIZE) + BATCH_OVERHEAD;
    uint32_t crc = compute_crc(entry, len);
    be_put_i32(entry + (entry[ENTRY_MAGIC] == 2 ? BATCH_CRC : LEGACY_CRC), (int32_t)crc);
}

int32_t sequence_increment(int32_t sequence, int32_t increment)
{
    return (int32_t)(((uint32_t)sequence + (uint32_t)increment) & INT32_MAX);
}

int32_t sequence_decrement(int32_t sequence, int32_t decrement)
{
    return (int32_t)(((uint32_t)sequence - (uint32_t)decrement) & INT32_MAX);
}

static enum err parse_control_record(const struct record *rec, struct control_marker *out)
{
    if (!rec->key.ptr || rec->key.len < CONTROL_KEY_SIZE || be_get_i16(rec->key.ptr) < 0)
        return ERR_INVALID_RECORD;
    out->raw_type = be_get_i16(rec->key.ptr + 2);
    out->type = CONTROL_OTHER;
    out->coordinator_epoch = -1;
    if (out->raw_type != CONTROL_ABORT && out->raw_type != CONTROL_COMMIT)
        return ERR_NONE;
    if (!rec->value.ptr || rec->value.len < CONTROL_VALUE_SIZE || be_get_i16(rec->value.ptr) < 0)
        return ERR_INVALID_RECORD;
    out->type = out->raw_type == CONTROL_ABORT ? CONTROL_ABORT : CONTROL_COMMIT;
    out->coordinator_epoch = be_get_i32(rec->value.ptr + 2);
    return ERR_NONE;
}

enum err control_batch_parse(struct view batch, struct control_marker *out)
{
    struct record_iter it;
    struct record rec;
    record_iter_open(&it, batch, RECORD_VIEW, NULL, NULL);
    enum err parsed = ERR_INVALID_RECORD;
    if (record_iter_next(&it, &rec))
        parsed = parse_control_record(&rec, out);
    enum err err = record_iter_close(&it);
    return err ? err : parsed;
}

void control_batch_build(const struct control_batch *spec, struct buf *out)
{
    ASSERT(spec->type == CONTROL_ABORT || spec->type == CONTROL_COMMIT);
    uint8_t *p = buf_extend(out, CONTROL_BATCH_SIZE);
    be_put_i64(p + ENTRY_OFFSET, spec->base_offset);
    be_put_i32(p + ENTRY_SIZE, CONTROL_BATCH_SIZE - BATCH_OVERHEAD);
    be_put_i32(p + BATCH_LEADER_EPOCH, spec->leader_epoch);
    p[ENTRY_MAGIC] = 2;
    be_put_i16(p + BATCH_ATTRIBUTES, ATTR_TRANSACTIONAL | ATTR_CONTROL);
    be_put_i32(p + BATCH_LAST_OFFSET_DELTA, 0);
    be_put_i64(p + BATCH_BASE_TIMESTAMP, spec->timestamp_ms);
    be_put_i64(p + BATCH_MAX_TIMESTAMP, spec->timestamp_ms);
    be_put_i64(p + BATCH_PRODUCER_ID, spec->producer_id);
    be_put_i16(p + BATCH_PRODUCER_EPOCH, spec->producer_epoch);
    be_put_i32(p + BATCH_BASE_SEQUENCE, NO_SEQUENCE);
    be_put_i32(p + BATCH_RECORD_COUNT, 1);

    /* Length 16, attributes 0, both deltas 0, key of 4 bytes, value of 6, no headers; zig-zag. */
    uint8_t *rec = p + BATCH_V2_HEADER_SIZE;
    static const uint8_t record_head[] = {2 * 16, 0, 0, 0, 2 * CONTROL_KEY_SIZE};
    memcpy(rec, record_head, sizeof record_head);
    rec += sizeof record_head;
    be_put_i16(rec, 0);
    be_put_i16(rec + 2, (int16_t)spec->type);
    rec += CONTROL_KEY_SIZE;
    *rec++ = 2 * CONTROL_VALUE_SIZE;
    be_put_i16(rec, 0);
    be_put_i32(rec + 2, spec->coordinator_epoch);
    rec += CONTROL_VALUE_SIZE;
    *rec = 0;
    batch_seal_crc(p);
}
