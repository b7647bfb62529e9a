#include "wire/record_builder.h"

#include <zlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/varint.h"
#include "wire/record_layout.h"

const struct record_builder_spec RECORD_BUILDER_V2 = {
    .magic = 2,
    .codec = CODEC_NONE,
    .level = CODEC_LEVEL_DEFAULT,
    .log_append_ms = NO_TIMESTAMP,
    .producer_id = NO_PRODUCER_ID,
    .producer_epoch = NO_PRODUCER_EPOCH,
    .base_sequence = NO_SEQUENCE,
    .leader_epoch = NO_LEADER_EPOCH,
    .delete_horizon_ms = NO_TIMESTAMP,
};

/* Where the records of the set begin: behind the batch header, or behind the wrapper's fields. */
static size_t head_size(const struct record_builder_spec *spec)
{
    if (spec->magic == 2)
        return BATCH_V2_HEADER_SIZE;
    if (spec->codec == CODEC_NONE)
        return 0;
    return BATCH_OVERHEAD + (spec->magic == 0 ? LEGACY_V0_OVERHEAD : LEGACY_V1_OVERHEAD);
}

void record_builder_open(struct record_builder *b, const struct record_builder_spec *spec,
                         struct codec_ctx *ctx, struct buf *out)
{
    ASSERT(spec->magic == 2 || (spec->magic >= 0 && spec->codec != CODEC_ZSTD));
    *b = (struct record_builder){.spec = *spec, .ctx = ctx, .out = out, .start = out->len};
    b->last_offset = spec->base_offset - 1;
    b->base_timestamp = spec->delete_horizon_ms;
    b->max_timestamp = NO_TIMESTAMP;
    b->offset_of_max = -1;
    buf_extend(out, head_size(spec));
    if (spec->codec == CODEC_NONE)
        return;
    if (!ctx)
        b->ctx = b->own_ctx = codec_ctx_borrow();
    compress_begin(b->ctx, spec->codec, spec->level, spec->magic, out);
}

static void put(struct record_builder *b, const void *ptr, size_t len)
{
    if (b->spec.codec == CODEC_NONE)
        buf_put(b->out, ptr, len);
    else
        compress_write(b->ctx, view_of(ptr, len));
}

static size_t varint_bytes_size(struct view v)
{
    return v.ptr ? varint_size_i32((int32_t)v.len) + v.len : 1;
}

static int32_t length_of(struct view v)
{
    return v.ptr ? (int32_t)v.len : -1;
}

static size_t append_v2(struct record_builder *b, const struct record *rec)
{
    int64_t timestamp_delta = (int64_t)((uint64_t)rec->timestamp - (uint64_t)b->base_timestamp);
    int32_t offset_delta = (int32_t)(rec->offset - b->spec.base_offset);
    size_t body = 1 + varint_size_i64(timestamp_delta) + varint_size_i32(offset_delta) +
                  varint_bytes_size(rec->key) + varint_bytes_size(rec->value) +
                  varint_size_i32(rec->header_count) + rec->headers.len;

    uint8_t head[4 * VARINT_MAX_BYTES + VARLONG_MAX_BYTES];
    size_t n = varint_write_i32(head, (int32_t)body);
    size_t total = n + body;
    head[n++] = 0; /* attributes: none is defined */
    n += varint_write_i64(head + n, timestamp_delta);
    n += varint_write_i32(head + n, offset_delta);
    n += varint_write_i32(head + n, length_of(rec->key));
    put(b, head, n);
    put(b, rec->key.ptr, rec->key.len);
    put(b, head, varint_write_i32(head, length_of(rec->value)));
    put(b, rec->value.ptr, rec->value.len);
    put(b, head, varint_write_i32(head, rec->header_count));
    put(b, rec->headers.ptr, rec->headers.len);
    return total;
}

static uint8_t legacy_attributes(const struct record_builder_spec *spec, enum codec codec)
{
    return (uint8_t)(codec | (spec->magic == 1 && spec->log_append_time ? ATTR_LOG_APPEND_TIME : 0));
}

/* The fixed fields of a message in magic 0 or 1 up to its key; returns how many bytes. */
static size_t put_legacy_head(uint8_t *p, const struct record_builder_spec *spec, int64_t offset,
                              size_t size_field, uint8_t attributes, int64_t timestamp)
{
    be_put_i64(p + ENTRY_OFFSET, offset);
    be_put_i32(p + ENTRY_SIZE, (int32_t)size_field);
    p[ENTRY_MAGIC] = (uint8_t)spec->magic;
    p[LEGACY_ATTRIBUTES] = attributes;
    if (spec->magic == 0)
        return LEGACY_V0_KEY;
    be_put_i64(p + LEGACY_TIMESTAMP, timestamp);
    return LEGACY_V1_KEY;
}

static size_t append_legacy(struct record_builder *b, const struct record *rec, int64_t timestamp)
{
    const struct record_builder_spec *spec = &b->spec;
    bool relative = spec->magic == 1 && spec->codec != CODEC_NONE;
    int64_t offset = relative ? rec->offset - spec->base_offset : rec->offset;
    size_t size_field =
        (spec->magic == 0 ? LEGACY_V0_OVERHEAD : LEGACY_V1_OVERHEAD) + rec->key.len + rec->value.len;

    struct buf *to = spec->codec == CODEC_NONE ? b->out : &b->scratch;
    if (to == &b->scratch)
        buf_clear(to);
    size_t at = to->len;
    size_t len = size_field + BATCH_OVERHEAD;
    uint8_t *p = buf_extend(to, len);
    p += put_legacy_head(p, spec, offset, size_field, legacy_attributes(spec, CODEC_NONE), timestamp);
    struct view fields[] = {rec->key, rec->value};
    for (int i = 0; i < 2; i++) {
        be_put_i32(p, length_of(fields[i]));
        if (fields[i].len > 0)
            memcpy(p + 4, fields[i].ptr, fields[i].len);
        p += 4 + fields[i].len;
    }
    batch_seal_crc(to->data + at);
    if (to == &b->scratch)
        compress_write(b->ctx, buf_view(to));
    return len;
}

static bool is_too_long(const struct record_builder *b)
{
    return b->spec.max_bytes > 0 && b->out->len - b->start > b->spec.max_bytes;
}

void record_builder_append(struct record_builder *b, const struct record *rec)
{
    ASSERT(rec->offset > b->last_offset && rec->offset - b->spec.base_offset <= INT32_MAX);
    if (b->count == 0 && b->spec.delete_horizon_ms == NO_TIMESTAMP)
        b->base_timestamp = rec->timestamp;

    int64_t timestamp = rec->timestamp;
    if (b->spec.magic < 2 && b->spec.log_append_time)
        timestamp = b->spec.log_append_ms;
    if (!b->overflow)
        b->uncompressed_bytes += b->spec.magic == 2 ? append_v2(b, rec) : append_legacy(b, rec, timestamp);
    b->overflow = b->overflow || is_too_long(b);

    b->count++;
    b->last_offset = rec->offset;
    if (b->spec.magic > 0 && timestamp > b->max_timestamp) {
        b->max_timestamp = timestamp;
        b->offset_of_max = rec->offset;
    }
}

void record_builder_put(struct record_builder *b, int64_t timestamp, struct view key, struct view value)
{
    struct record rec = {.offset = b->last_offset + 1, .timestamp = timestamp, .key = key, .value = value};
    record_builder_append(b, &rec);
}

void record_builder_set_last_offset(struct record_builder *b, int64_t last_offset)
{
    ASSERT(b->spec.magic == 2 && last_offset >= b->last_offset);
    b->last_offset = last_offset;
}

static void put_v2_header(uint8_t *p, const struct batch_info *info)
{
    int16_t attributes =
        (int16_t)(info->codec | (info->log_append_time ? ATTR_LOG_APPEND_TIME : 0) |
                  (info->transactional ? ATTR_TRANSACTIONAL : 0) | (info->control ? ATTR_CONTROL : 0) |
                  (info->has_delete_horizon ? ATTR_DELETE_HORIZON : 0));
    be_put_i64(p + ENTRY_OFFSET, info->base_offset);
    be_put_i32(p + ENTRY_SIZE, info->size_bytes - BATCH_OVERHEAD);
    be_put_i32(p + BATCH_LEADER_EPOCH, info->leader_epoch);
    p[ENTRY_MAGIC] = 2;
    be_put_i16(p + BATCH_ATTRIBUTES, attributes);
    be_put_i32(p + BATCH_LAST_OFFSET_DELTA,
               (int32_t)((uint64_t)info->last_offset - (uint64_t)info->base_offset));
    be_put_i64(p + BATCH_BASE_TIMESTAMP, info->base_timestamp);
    be_put_i64(p + BATCH_MAX_TIMESTAMP, info->max_timestamp);
    be_put_i64(p + BATCH_PRODUCER_ID, info->producer_id);
    be_put_i16(p + BATCH_PRODUCER_EPOCH, info->producer_epoch);
    be_put_i32(p + BATCH_BASE_SEQUENCE, info->base_sequence);
    be_put_i32(p + BATCH_RECORD_COUNT, info->record_count);
    batch_seal_crc(p);
}

static void finish_v2(struct record_builder *b, size_t size, int64_t max_timestamp)
{
    const struct record_builder_spec *spec = &b->spec;
    struct batch_info info = {
        .base_offset = spec->base_offset,
        .last_offset = b->last_offset,
        .size_bytes = (int32_t)size,
        .codec = (uint8_t)spec->codec,
        .log_append_time = spec->log_append_time,
        .transactional = spec->transactional,
        .control = spec->control,
        .has_delete_horizon = spec->delete_horizon_ms != NO_TIMESTAMP,
        .base_timestamp = b->base_timestamp,
        .max_timestamp = max_timestamp,
        .producer_id = spec->producer_id,
        .producer_epoch = spec->producer_epoch,
        .base_sequence = spec->base_sequence,
        .record_count = b->count,
        .leader_epoch = spec->leader_epoch,
    };
    put_v2_header(b->out->data + b->start, &info);
}

static void finish_wrapper(struct record_builder *b, size_t size, int64_t max_timestamp)
{
    uint8_t *p = b->out->data + b->start;
    size_t n = put_legacy_head(p, &b->spec, b->last_offset, size - BATCH_OVERHEAD,
                               legacy_attributes(&b->spec, b->spec.codec), max_timestamp);
    be_put_i32(p + n, -1);
    be_put_i32(p + n + 4, (int32_t)(size - head_size(&b->spec)));
    batch_seal_crc(p);
}

/* The time index wants the last offset of the earliest entry that has the largest timestamp. */
static int64_t shallow_offset_of_max(const struct record_builder *b, int64_t max_timestamp)
{
    if (max_timestamp == NO_TIMESTAMP)
        return -1;
    if (b->spec.magic == 2 || b->spec.codec != CODEC_NONE)
        return b->last_offset;
    return b->offset_of_max;
}

static void release(struct record_builder *b)
{
    codec_ctx_return(b->own_ctx);
    b->own_ctx = NULL;
    b->out = NULL;
    buf_close(&b->scratch);
}

enum err record_builder_finish(struct record_builder *b, struct record_built *built)
{
    struct record_built result = {
        .last_offset = b->last_offset, .max_timestamp = NO_TIMESTAMP, .offset_of_max_timestamp = -1};
    if (b->count == 0) {
        record_builder_abort(b);
        if (built)
            *built = result;
        return ERR_NONE;
    }
    if (b->spec.codec != CODEC_NONE && !b->overflow)
        compress_end(b->ctx);
    size_t size = b->out->len - b->start;
    if (b->overflow || is_too_long(b) || size > INT32_MAX) {
        record_builder_abort(b);
        return ERR_MESSAGE_TOO_LARGE;
    }
    int64_t max_timestamp = b->max_timestamp;
    if (b->spec.log_append_time && b->spec.magic > 0)
        max_timestamp = b->spec.log_append_ms;
    if (b->spec.magic == 2)
        finish_v2(b, size, max_timestamp);
    else if (b->spec.codec != CODEC_NONE)
        finish_wrapper(b, size, max_timestamp);

    result.record_count = b->count;
    result.max_timestamp = max_timestamp;
    result.offset_of_max_timestamp = shallow_offset_of_max(b, max_timestamp);
    result.uncompressed_bytes = b->uncompressed_bytes;
    result.size_bytes = size;
    if (built)
        *built = result;
    release(b);
    return ERR_NONE;
}

void record_builder_abort(struct record_builder *b)
{
    if (b->out)
        b->out->len = b->start;
    release(b);
}

void record_headers_put(struct buf *headers, struct view key, struct view value)
{
    buf_put_varint(headers, (int32_t)key.len);
    buf_put_view(headers, key);
    buf_put_varint(headers, length_of(value));
    buf_put_view(headers, value);
}

void record_empty_batch_build(const struct batch_info *from, struct buf *out)
{
    struct batch_info info = *from;
    info.size_bytes = BATCH_V2_HEADER_SIZE;
    info.codec = CODEC_NONE;
    info.has_delete_horizon = false;
    info.base_timestamp = NO_TIMESTAMP;
    info.record_count = 0;
    put_v2_header(buf_extend(out, BATCH_V2_HEADER_SIZE), &info);
}
