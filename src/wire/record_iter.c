/*
 * Two sources and two grammars.
 *
 *   sources   memory (uncompressed: at..end is what is left of the body), or a codec's stream
 *             (at..end is what is left of its present piece, refill() gets the next)
 *   grammars  v2 records, or legacy messages inside a wrapper
 *
 * A record that lies whole in at..end is parsed where it is. One that spans pieces is gathered in
 * `carry`, which grows as bytes come, so a length that lies costs nothing; when skimming it is walked
 * field by field instead and nothing is kept.
 */
#include "wire/record_iter.h"

#include <zlib.h>

#include "base/be.h"
#include "base/varint.h"
#include "wire/record_layout.h"

#define DEFAULT_MAX_RECORD_BYTES ((size_t)1 << 30)
#define DEFAULT_MAX_TOTAL_BYTES  ((uint64_t)INT32_MAX)
/* A record below this that spans pieces is gathered even when skimming. */
#define SKIM_GATHER_BYTES 4096

static int64_t add64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static bool fail(struct record_iter *it, enum err err)
{
    it->err = err;
    it->done = true;
    return false;
}

/* Next piece of a stream. False at its end (err is then none) and on error. */
static bool refill(struct record_iter *it)
{
    if (!it->in_codec)
        return false;
    struct view piece;
    enum err err = decompress_next(it->ctx, &piece);
    if (err)
        return fail(it, err);
    it->at = piece.ptr;
    it->end = piece.ptr + piece.len;
    it->expanded_bytes += piece.len;
    if (it->expanded_bytes > it->limits.max_total_bytes)
        return fail(it, ERR_INVALID_RECORD);
    return piece.len > 0;
}

static bool next_byte(struct record_iter *it, uint8_t *out)
{
    if (it->at == it->end && !refill(it))
        return false;
    *out = *it->at++;
    return true;
}

/* Varint that may span pieces; false at the end or when it is too long. */
static bool stream_varlong(struct record_iter *it, size_t max_bytes, uint32_t *left, int64_t *out)
{
    uint8_t bytes[VARLONG_MAX_BYTES];
    for (size_t n = 0; n<max_bytes && * left> 0; n++) {
        if (!next_byte(it, &bytes[n]))
            return false;
        --*left;
        if (bytes[n] < 0x80) {
            const uint8_t *p = bytes;
            int32_t narrow;
            if (max_bytes == VARLONG_MAX_BYTES)
                return varint_read_i64(&p, bytes + n + 1, out);
            if (!varint_read_i32(&p, bytes + n + 1, &narrow))
                return false;
            *out = narrow;
            return true;
        }
    }
    return false;
}

/* Passes over `len` bytes of the stream. */
static bool stream_skip(struct record_iter *it, size_t len)
{
    while (len > 0) {
        if (it->at == it->end && !refill(it))
            return false;
        size_t n = (size_t)(it->end - it->at);
        if (n > len)
            n = len;
        it->at += n;
        len -= n;
    }
    return true;
}

/*
 * `len` bytes in one run, taken off the source; NULL at the end (err none or the codec's) or beyond
 * the limit.
 */
static const uint8_t *take(struct record_iter *it, size_t len)
{
    size_t here = (size_t)(it->end - it->at);
    if (here >= len) {
        const uint8_t *p = it->at;
        it->at += len;
        return p;
    }
    if (!it->in_codec)
        return NULL;
    if (len > it->limits.max_record_bytes) {
        fail(it, ERR_INVALID_RECORD);
        return NULL;
    }
    struct buf *carry = codec_ctx_scratch(it->ctx);
    buf_clear(carry);
    while (carry->len < len) {
        if (it->at == it->end && !refill(it))
            return NULL;
        size_t n = (size_t)(it->end - it->at);
        if (n > len - carry->len)
            n = len - carry->len;
        buf_put(carry, it->at, n);
        it->at += n;
    }
    return carry->data;
}

/* --- v2 ---------------------------------------------------------------------------------------- */

/*
 * Most varints of a record are of one to three bytes: those are read here, zig-zag undone; 0 if it is
 * longer or may run into the end, else the number of bytes.
 */
static inline unsigned get_short(const uint8_t *p, const uint8_t *end, int32_t *out)
{
    if (end - p < 3)
        return 0;
    uint32_t v = p[0];
    unsigned n = 1;
    if (v >= 0x80) {
        v = (v & 0x7f) | (uint32_t)p[1] << 7;
        n = 2;
        if (p[1] >= 0x80) {
            v = (v & 0x3fff) | (uint32_t)p[2] << 14;
            n = 3;
            if (p[2] >= 0x80)
                return 0;
        }
    }
    *out = (int32_t)(v >> 1) ^ -(int32_t)(v & 1);
    return n;
}

static inline bool get_varint(const uint8_t **p, const uint8_t *end, int32_t *out)
{
    unsigned n = get_short(*p, end, out);
    *p += n;
    return n > 0 || varint_read_i32(p, end, out);
}

static inline bool get_varlong(const uint8_t **p, const uint8_t *end, int64_t *out)
{
    int32_t v = 0;
    unsigned n = get_short(*p, end, &v);
    *p += n;
    *out = v;
    return n > 0 || varint_read_i64(p, end, out);
}

/* Length-prefixed bytes; a negative length is null. */
static inline bool get_bytes(const uint8_t **p, const uint8_t *end, int32_t *size, struct view *out)
{
    if (!get_varint(p, end, size))
        return false;
    if (*size < 0) {
        *size = -1;
        *out = VIEW_NULL;
        return true;
    }
    if (end - *p < *size)
        return false;
    *out = view_of(*p, (size_t)*size);
    *p += *size;
    return true;
}

static void set_deltas(const struct batch_info *info, int64_t timestamp_delta, int32_t offset_delta,
                       struct record *out)
{
    out->magic = 2;
    out->offset = add64(info->base_offset, offset_delta);
    out->timestamp =
        info->log_append_time ? info->max_timestamp : add64(info->base_timestamp, timestamp_delta);
    out->sequence =
        info->base_sequence >= 0 ? sequence_increment(info->base_sequence, offset_delta) : NO_SEQUENCE;
}

/* The body of a record, which must fill p..end. */
static bool parse_v2(const struct batch_info *info, const uint8_t *p, const uint8_t *end, struct record *out)
{
    int64_t timestamp_delta;
    int32_t offset_delta;
    if (p == end)
        return false;
    out->attributes = (int8_t)*p++;
    if (!get_varlong(&p, end, &timestamp_delta) || !get_varint(&p, end, &offset_delta) ||
        !get_bytes(&p, end, &out->key_size, &out->key) ||
        !get_bytes(&p, end, &out->value_size, &out->value) || !get_varint(&p, end, &out->header_count))
        return false;
    if (out->header_count < 0 || out->header_count > end - p)
        return false;
    out->headers = view_of(p, (size_t)(end - p));
    for (int32_t i = 0; i < out->header_count; i++) {
        struct view bytes;
        int32_t size;
        if (!get_bytes(&p, end, &size, &bytes) || size < 0 || !get_bytes(&p, end, &size, &bytes))
            return false;
    }
    set_deltas(info, timestamp_delta, offset_delta, out);
    return p == end;
}

/* Passes over length-prefixed bytes of a stream. */
static bool skim_bytes(struct record_iter *it, uint32_t *left, int32_t *size)
{
    int64_t n;
    if (!stream_varlong(it, VARINT_MAX_BYTES, left, &n))
        return false;
    *size = n < 0 ? -1 : (int32_t)n;
    if (*size <= 0)
        return true;
    if ((uint32_t)*size > *left)
        return false;
    *left -= (uint32_t)*size;
    return stream_skip(it, (size_t)*size);
}

/* As parse_v2 for a record that spans pieces, keeping nothing of it. */
static bool skim_v2(struct record_iter *it, uint32_t left, struct record *out)
{
    uint8_t attributes;
    int64_t timestamp_delta, offset_delta, header_count;
    if (left == 0 || !next_byte(it, &attributes))
        return false;
    left--;
    out->attributes = (int8_t)attributes;
    if (!stream_varlong(it, VARLONG_MAX_BYTES, &left, &timestamp_delta) ||
        !stream_varlong(it, VARINT_MAX_BYTES, &left, &offset_delta) ||
        !skim_bytes(it, &left, &out->key_size) || !skim_bytes(it, &left, &out->value_size) ||
        !stream_varlong(it, VARINT_MAX_BYTES, &left, &header_count))
        return false;
    if (header_count < 0 || header_count > left)
        return false;
    out->header_count = (int32_t)header_count;
    for (int32_t i = 0; i < out->header_count; i++) {
        int32_t size;
        if (!skim_bytes(it, &left, &size) || size < 0 || !skim_bytes(it, &left, &size))
            return false;
    }
    out->key = out->value = out->headers = VIEW_NULL;
    set_deltas(&it->info, timestamp_delta, (int32_t)offset_delta, out);
    return left == 0;
}

/*
 * A length that ends in mid-number is an invalid record; one that never ends is nothing that Kafka has a code
 * for (it answers UNKNOWN_SERVER_ERROR, as for a codec that does not exist).
 */
static enum err bad_length(const uint8_t *from, const uint8_t *end)
{
    return end - from >= VARINT_MAX_BYTES ? ERR_MALFORMED : ERR_INVALID_RECORD;
}

static bool next_v2(struct record_iter *it, struct record *out)
{
    int32_t length = 0;
    size_t prefix;
    if (it->end - it->at >= VARINT_MAX_BYTES || !it->in_codec) {
        const uint8_t *from = it->at;
        if (!get_varint(&it->at, it->end, &length))
            return fail(it, bad_length(from, it->end));
        prefix = (size_t)(it->at - from);
    } else {
        uint32_t left = VARINT_MAX_BYTES;
        int64_t n;
        if (!stream_varlong(it, VARINT_MAX_BYTES, &left, &n))
            return fail(it, it->err ? it->err : left == 0 ? ERR_MALFORMED : ERR_INVALID_RECORD);
        length = (int32_t)n;
        prefix = VARINT_MAX_BYTES - left;
    }
    if (length < 0 || length > INT32_MAX - VARINT_MAX_BYTES)
        return fail(it, ERR_INVALID_RECORD);

    bool ok;
    if (it->mode == RECORD_SKIM && it->in_codec && length > SKIM_GATHER_BYTES && length > it->end - it->at) {
        ok = skim_v2(it, (uint32_t)length, out);
    } else {
        const uint8_t *body = take(it, (size_t)length);
        ok = body && parse_v2(&it->info, body, body + length, out);
    }
    if (!ok)
        return fail(it, it->err ? it->err : ERR_INVALID_RECORD);
    out->size_bytes = (int32_t)prefix + length;
    return true;
}

/* --- legacy ------------------------------------------------------------------------------------ */

/* Fields of one message; what follows the value is ignored, as Kafka does. */
static bool parse_legacy(const uint8_t *p, size_t len, struct record *out)
{
    const uint8_t *end = p + len;
    out->magic = (int8_t)p[ENTRY_MAGIC];
    size_t key_at = out->magic == 0 ? LEGACY_V0_KEY : LEGACY_V1_KEY;
    if (len < key_at + 8)
        return false;
    out->offset = be_get_i64(p + ENTRY_OFFSET);
    out->attributes = (int8_t)p[LEGACY_ATTRIBUTES];
    out->timestamp = out->magic == 0 ? NO_TIMESTAMP : be_get_i64(p + LEGACY_TIMESTAMP);
    out->sequence = NO_SEQUENCE;
    out->size_bytes = (int32_t)len;
    out->header_count = 0;
    out->headers = VIEW_NULL;

    p += key_at;
    struct view *fields[] = {&out->key, &out->value};
    int32_t *sizes[] = {&out->key_size, &out->value_size};
    for (int i = 0; i < 2; i++) {
        if (end - p < 4)
            return false;
        int32_t size = be_get_i32(p);
        p += 4;
        *sizes[i] = size < 0 ? -1 : size;
        *fields[i] = size < 0 ? VIEW_NULL : view_of(p, (size_t)size);
        if (size > end - p)
            return false;
        if (size > 0)
            p += size;
    }
    return true;
}

static bool legacy_crc_is_right(const uint8_t *p, size_t len)
{
    return (uint32_t)be_get_i32(p + LEGACY_CRC) == (uint32_t)crc32_z(0, p + ENTRY_MAGIC, len - ENTRY_MAGIC);
}

/*
 * Offset and size of the next inner message. False at the end: a wrapper simply stops, also in the
 * middle of a message.
 */
static bool next_inner_head(struct record_iter *it, uint8_t head[BATCH_OVERHEAD], int32_t *size)
{
    for (size_t i = 0; i < BATCH_OVERHEAD; i++) {
        if (!next_byte(it, &head[i])) {
            it->done = true;
            return false;
        }
    }
    *size = be_get_i32(head + ENTRY_SIZE);
    if (*size < BATCH_SIZE_FIELD_MIN)
        return fail(it, ERR_CORRUPT_MESSAGE);
    return true;
}

static bool next_inner(struct record_iter *it, struct record *out)
{
    uint8_t head[BATCH_OVERHEAD];
    int32_t size;
    if (!next_inner_head(it, head, &size))
        return false;

    /* The fields are read at their places in an entry, so the head goes before the body. */
    struct buf *carry = codec_ctx_scratch(it->ctx);
    if ((size_t)size > it->limits.max_record_bytes)
        return fail(it, ERR_INVALID_RECORD);
    buf_clear(carry);
    buf_put(carry, head, sizeof head);
    size_t len = (size_t)size + BATCH_OVERHEAD;
    while (carry->len < len) {
        if (it->at == it->end && !refill(it)) {
            it->done = true;
            return false;
        }
        size_t n = (size_t)(it->end - it->at);
        if (n > len - carry->len)
            n = len - carry->len;
        buf_put(carry, it->at, n);
        it->at += n;
    }

    int8_t magic = (int8_t)carry->data[ENTRY_MAGIC];
    if (magic < 0 || magic > 1)
        return fail(it, ERR_INVALID_RECORD);
    if (it->check_crc && !legacy_crc_is_right(carry->data, len))
        return fail(it, ERR_CORRUPT_MESSAGE);
    if (!parse_legacy(carry->data, len, out) || (out->attributes & ATTR_CODEC_MASK))
        return fail(it, ERR_INVALID_RECORD);
    if (it->info.magic == 1) {
        out->offset = add64(it->inner_base, out->offset);
        if (it->info.log_append_time && magic == 1)
            out->timestamp = it->info.max_timestamp;
    }
    return true;
}

/*
 * Inner offsets of a magic 1 wrapper count from an unknown base, and the wrapper has the offset of the
 * last one: a first pass over the heads finds it.
 */
static bool find_inner_base(struct record_iter *it)
{
    uint8_t head[BATCH_OVERHEAD];
    int32_t size;
    int64_t last_inner = -1;
    while (next_inner_head(it, head, &size)) {
        if (!stream_skip(it, (size_t)size)) {
            it->done = true;
            break;
        }
        last_inner = be_get_i64(head + ENTRY_OFFSET);
    }
    if (it->err)
        return false;
    it->done = false;
    it->expanded_bytes = 0;
    /* Some producers leave the wrapper's offset at 0: the inner ones are then taken as they are. */
    if (it->info.last_offset == 0)
        it->inner_base = 0;
    else if (it->info.last_offset < last_inner)
        return fail(it, ERR_INVALID_RECORD);
    else
        it->inner_base = add64(it->info.last_offset, -last_inner);
    return true;
}

/* --- lifecycle --------------------------------------------------------------------------------- */

static bool begin_stream(struct record_iter *it)
{
    it->in_codec = true;
    it->at = it->end = NULL;
    enum err err = decompress_begin(it->ctx, (enum codec)it->info.codec, it->info.magic, it->body);
    return err ? fail(it, err) : true;
}

static void open_wrapper(struct record_iter *it, struct view entry)
{
    struct record wrapper;
    if (!parse_legacy(entry.ptr, entry.len, &wrapper) || view_is_null(wrapper.value) ||
        it->info.codec == CODEC_ZSTD) {
        fail(it, ERR_INVALID_RECORD);
        return;
    }
    it->body = wrapper.value;
    if (!begin_stream(it))
        return;
    if (it->info.magic == 1 && (!find_inner_base(it) || !begin_stream(it)))
        return;
}

void record_iter_open(struct record_iter *it, struct view entry, enum record_iter_mode mode,
                      const struct record_iter_limits *limits, struct codec_ctx *ctx)
{
    *it = (struct record_iter){.mode = mode, .ctx = ctx};
    it->limits.max_record_bytes = limits ? limits->max_record_bytes : DEFAULT_MAX_RECORD_BYTES;
    it->limits.max_total_bytes = limits ? limits->max_total_bytes : DEFAULT_MAX_TOTAL_BYTES;

    enum err err = batch_peek(entry, &it->info);
    if (err || entry.len < (size_t)it->info.size_bytes) {
        fail(it, ERR_CORRUPT_MESSAGE);
        return;
    }
    entry.len = (size_t)it->info.size_bytes;
    if (it->info.magic == 2 && it->info.record_count <= 0) {
        if (it->info.record_count < 0)
            fail(it, ERR_INVALID_RECORD);
        it->done = true;
        return;
    }
    if (it->info.codec != CODEC_NONE && !it->ctx)
        it->ctx = it->own_ctx = codec_ctx_borrow();
    if (it->info.magic < 2) {
        it->body = entry;
        if (it->info.codec != CODEC_NONE)
            open_wrapper(it, entry);
        return;
    }
    it->body = view_of(entry.ptr + BATCH_V2_HEADER_SIZE, entry.len - BATCH_V2_HEADER_SIZE);
    if (it->info.codec != CODEC_NONE) {
        begin_stream(it);
        return;
    }
    it->at = it->body.ptr;
    it->end = it->body.ptr + it->body.len;
}

/* After the last declared record nothing may be left. */
static bool end_v2(struct record_iter *it)
{
    if (it->at != it->end || refill(it))
        return fail(it, ERR_INVALID_RECORD);
    it->done = true;
    return false;
}

bool record_iter_next(struct record_iter *it, struct record *out)
{
    if (it->done)
        return false;
    bool ok;
    if (it->info.magic == 2) {
        if (it->index == it->info.record_count)
            return end_v2(it);
        ok = next_v2(it, out);
    } else if (it->in_codec) {
        ok = next_inner(it, out);
        if (!ok && !it->err && it->index == 0)
            return fail(it, ERR_INVALID_RECORD);
    } else {
        it->done = true;
        ok = parse_legacy(it->body.ptr, it->body.len, out) || fail(it, ERR_INVALID_RECORD);
    }
    if (ok)
        it->index++;
    return ok;
}

enum err record_iter_close(struct record_iter *it)
{
    if (it->in_codec)
        decompress_end(it->ctx);
    it->in_codec = false;
    codec_ctx_return(it->own_ctx);
    it->own_ctx = NULL;
    it->ctx = NULL;
    it->done = true;
    return it->err;
}

bool record_header_next(struct view *headers, struct record_header *out)
{
    const uint8_t *p = headers->ptr, *end = headers->ptr + headers->len;
    int32_t size;
    if (headers->len == 0 || !get_bytes(&p, end, &size, &out->key) || size < 0 ||
        !get_bytes(&p, end, &size, &out->value))
        return false;
    *headers = view_of(p, (size_t)(end - p));
    return true;
}
