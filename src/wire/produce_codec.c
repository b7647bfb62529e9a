#include "wire/produce_codec.h"

#include "wire/cursor.h"
#include "wire/walk.h"

#define FIRST_FLEXIBLE        9
#define FIRST_WITH_TXN_ID     3
#define FIRST_WITH_THROTTLE   1
#define FIRST_WITH_APPEND_MS  2
#define FIRST_WITH_LOG_START  5
#define FIRST_WITH_ERROR_TEXT 8

static void read_topic(struct cursor *c, bool compact, struct arena *arena,
                       struct wire_produce_request_topic_produce_data *topic)
{
    topic->name = cursor_string(c, compact, false);
    struct wire_produce_request_partition_produce_data *part =
        cursor_array(c, compact, compact ? 6 : 8, arena, sizeof *part, &topic->partition_data_count);
    topic->partition_data = part;
    for (int32_t i = 0; i < topic->partition_data_count && !c->failed; i++, part++) {
        part->index = cursor_i32(c);
        part->records = cursor_bytes(c, compact, true);
        if (compact)
            cursor_no_tags(c);
    }
    if (compact)
        cursor_no_tags(c);
}

enum err produce_codec_decode_request(int16_t version, struct view bytes, size_t *used, struct arena *arena,
                                      struct wire_produce_request *out, struct errmsg *why)
{
    const struct wire_message *desc = &wire_produce_request_desc;
    if (!wire_has_version(desc, version))
        return wire_decode(desc, version, bytes, used, arena, out, why);
    struct cursor c;
    cursor_init(&c, bytes);
    bool compact = version >= FIRST_FLEXIBLE;
    out->transactional_id = version >= FIRST_WITH_TXN_ID ? cursor_string(&c, compact, true) : VIEW_NULL;
    out->acks = cursor_i16(&c);
    out->timeout_ms = cursor_i32(&c);
    out->topic_data =
        cursor_array(&c, compact, compact ? 3 : 6, arena, sizeof *out->topic_data, &out->topic_data_count);
    for (int32_t i = 0; i < out->topic_data_count && !c.failed; i++)
        read_topic(&c, compact, arena, &out->topic_data[i]);
    if (compact)
        cursor_no_tags(&c);
    if (c.failed)
        return wire_decode(desc, version, bytes, used, arena, out, why);
    if (used)
        *used = bytes.len - cursor_left(&c);
    return ERR_NONE;
}

/* Bytes that a topic and its partitions take at most; 0 when there is something that is not written here. */
static size_t most_bytes(const struct wire_produce_response_topic_produce_response *topic)
{
    if (!topic->name.ptr || topic->name.len > WIRE_STRING_MAX || topic->partition_responses_count < 0)
        return 0;
    for (int32_t i = 0; i < topic->partition_responses_count; i++) {
        const struct wire_produce_response_partition_produce_response *part = &topic->partition_responses[i];
        if (part->record_errors_count != 0 || part->error_message.ptr ||
            part->current_leader.leader_id != -1 || part->current_leader.leader_epoch != -1)
            return 0;
    }
    /* index 4, error 2, offset 8, time 8, log start 8, record errors 4, message 2, tags 1 */
    return topic->name.len + 16 + (size_t)topic->partition_responses_count * 40;
}

static uint8_t *put_count(uint8_t *at, bool compact, int32_t count)
{
    if (compact)
        return at + varint_write_u32(at, (uint32_t)count + 1);
    be_put_i32(at, count);
    return at + 4;
}

static uint8_t *put_partition(uint8_t *at, int16_t version,
                              const struct wire_produce_response_partition_produce_response *part)
{
    be_put_i32(at, part->index);
    be_put_i16(at + 4, part->error_code);
    be_put_i64(at + 6, part->base_offset);
    at += 14;
    if (version >= FIRST_WITH_APPEND_MS) {
        be_put_i64(at, part->log_append_time_ms);
        at += 8;
    }
    if (version >= FIRST_WITH_LOG_START) {
        be_put_i64(at, part->log_start_offset);
        at += 8;
    }
    bool compact = version >= FIRST_FLEXIBLE;
    if (version >= FIRST_WITH_ERROR_TEXT) { /* no record errors, null text */
        at = put_count(at, compact, 0);
        if (compact) {
            *at++ = 0;
        } else {
            be_put_i16(at, -1);
            at += 2;
        }
    }
    if (compact)
        *at++ = 0; /* no tags */
    return at;
}

static uint8_t *put_topic(uint8_t *at, int16_t version,
                          const struct wire_produce_response_topic_produce_response *topic)
{
    bool compact = version >= FIRST_FLEXIBLE;
    if (compact) {
        at += varint_write_u32(at, (uint32_t)topic->name.len + 1);
    } else {
        be_put_i16(at, (int16_t)topic->name.len);
        at += 2;
    }
    if (topic->name.len)
        memcpy(at, topic->name.ptr, topic->name.len);
    at = put_count(at + topic->name.len, compact, topic->partition_responses_count);
    for (int32_t i = 0; i < topic->partition_responses_count; i++)
        at = put_partition(at, version, &topic->partition_responses[i]);
    if (compact)
        *at++ = 0;
    return at;
}

enum err produce_codec_encode_response(int16_t version, const struct wire_produce_response *in,
                                       struct buf *out, struct errmsg *why)
{
    const struct wire_message *desc = &wire_produce_response_desc;
    bool plain = wire_has_version(desc, version) && in->node_endpoints_count == 0 && in->responses_count >= 0;
    size_t room = 16;
    for (int32_t i = 0; i < in->responses_count && plain; i++) {
        size_t most = most_bytes(&in->responses[i]);
        plain = most > 0;
        room += most;
    }
    if (!plain)
        return wire_encode(desc, version, in, out, why);
    bool compact = version >= FIRST_FLEXIBLE;
    uint8_t *begin = buf_reserve(out, room);
    uint8_t *at = put_count(begin, compact, in->responses_count);
    for (int32_t i = 0; i < in->responses_count; i++)
        at = put_topic(at, version, &in->responses[i]);
    if (version >= FIRST_WITH_THROTTLE) {
        be_put_i32(at, in->throttle_time_ms);
        at += 4;
    }
    if (compact)
        *at++ = 0;
    out->len += (size_t)(at - begin);
    return ERR_NONE;
}
