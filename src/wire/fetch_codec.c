#include "wire/fetch_codec.h"

#include "wire/cursor.h"
#include "wire/walk.h"

#define FIRST_FLEXIBLE            12
#define FIRST_WITH_THROTTLE       1
#define FIRST_WITH_MAX_BYTES      3
#define FIRST_WITH_ISOLATION      4
#define FIRST_WITH_LOG_START      5
#define FIRST_WITH_SESSION        7
#define FIRST_WITH_LEADER_EPOCH   9
#define FIRST_WITH_RACK           11
#define FIRST_WITH_FETCHED_EPOCH  12
#define FIRST_WITH_TOPIC_ID       13
#define FIRST_WITH_REPLICA_STATE  15
#define FIRST_WITH_NODE_ENDPOINTS 16
#define FIRST_WITH_DIRECTORY_ID   17

/* --- requests ------------------------------------------------------------------------------------- */

static struct uuid read_uuid(struct cursor *c)
{
    struct uuid id = {{0}};
    if (cursor_need(c, sizeof id)) {
        memcpy(&id, c->at, sizeof id);
        c->at += sizeof id;
    }
    return id;
}

/* A topic's name or, in newer versions, its id; the other one gets its default. */
static void read_topic_key(struct cursor *c, int16_t version, struct view *name, struct uuid *id)
{
    if (version >= FIRST_WITH_TOPIC_ID) {
        *name = view_of("", 0);
        *id = read_uuid(c);
    } else {
        *name = cursor_string(c, version >= FIRST_FLEXIBLE, false);
        *id = (struct uuid){{0}};
    }
}

/* Followers of version 17 send their directory, everybody else nothing. */
static void read_partition_tags(struct cursor *c, int16_t version,
                                struct wire_fetch_request_fetch_partition *part)
{
    uint32_t count = cursor_uvarint(c);
    if (count == 0)
        return;
    uint32_t tag = cursor_uvarint(c), size = cursor_uvarint(c);
    if (version < FIRST_WITH_DIRECTORY_ID || count != 1 || tag != 0 ||
        size != sizeof part->replica_directory_id)
        cursor_fail(c);
    part->replica_directory_id = read_uuid(c);
}

static void read_partition(struct cursor *c, int16_t version, struct wire_fetch_request_fetch_partition *part)
{
    part->partition = cursor_i32(c);
    part->current_leader_epoch = version >= FIRST_WITH_LEADER_EPOCH ? cursor_i32(c) : -1;
    part->fetch_offset = cursor_i64(c);
    part->last_fetched_epoch = version >= FIRST_WITH_FETCHED_EPOCH ? cursor_i32(c) : -1;
    part->log_start_offset = version >= FIRST_WITH_LOG_START ? cursor_i64(c) : -1;
    part->partition_max_bytes = cursor_i32(c);
    if (version >= FIRST_FLEXIBLE)
        read_partition_tags(c, version, part);
}

static void read_topics(struct cursor *c, int16_t version, struct arena *arena,
                        struct wire_fetch_request *out)
{
    bool compact = version >= FIRST_FLEXIBLE;
    struct wire_fetch_request_fetch_topic *topic =
        cursor_array(c, compact, 3, arena, sizeof *topic, &out->topics_count);
    out->topics = topic;
    for (int32_t i = 0; i < out->topics_count && !c->failed; i++, topic++) {
        read_topic_key(c, version, &topic->topic, &topic->topic_id);
        topic->partitions =
            cursor_array(c, compact, 16, arena, sizeof *topic->partitions, &topic->partitions_count);
        for (int32_t k = 0; k < topic->partitions_count && !c->failed; k++)
            read_partition(c, version, &topic->partitions[k]);
        if (compact)
            cursor_no_tags(c);
    }
}

static void read_forgotten(struct cursor *c, int16_t version, struct arena *arena,
                           struct wire_fetch_request *out)
{
    bool compact = version >= FIRST_FLEXIBLE;
    struct wire_fetch_request_forgotten_topic *topic =
        cursor_array(c, compact, 3, arena, sizeof *topic, &out->forgotten_topics_data_count);
    out->forgotten_topics_data = topic;
    for (int32_t i = 0; i < out->forgotten_topics_data_count && !c->failed; i++, topic++) {
        read_topic_key(c, version, &topic->topic, &topic->topic_id);
        topic->partitions =
            cursor_array(c, compact, 4, arena, sizeof *topic->partitions, &topic->partitions_count);
        for (int32_t k = 0; k < topic->partitions_count; k++)
            topic->partitions[k] = cursor_i32(c);
        if (compact)
            cursor_no_tags(c);
    }
}

/* A follower of version 15 and up sends its id and broker epoch in a tag; other tags are rare. */
static void read_request_tags(struct cursor *c, int16_t version, struct wire_fetch_request *out)
{
    uint32_t count = cursor_uvarint(c);
    if (count == 0)
        return;
    uint32_t tag = cursor_uvarint(c), size = cursor_uvarint(c);
    if (version < FIRST_WITH_REPLICA_STATE || count != 1 || tag != 1 || size != 13)
        cursor_fail(c);
    out->replica_state.replica_id = cursor_i32(c);
    out->replica_state.replica_epoch = cursor_i64(c);
    cursor_no_tags(c);
}

enum err fetch_codec_decode_request(int16_t version, struct view bytes, size_t *used, struct arena *arena,
                                    struct wire_fetch_request *out, struct errmsg *why)
{
    const struct wire_message *desc = &wire_fetch_request_desc;
    if (!wire_has_version(desc, version))
        return wire_decode(desc, version, bytes, used, arena, out, why);
    struct cursor c;
    cursor_init(&c, bytes);
    wire_init(desc, out);
    bool compact = version >= FIRST_FLEXIBLE;
    if (version < FIRST_WITH_REPLICA_STATE)
        out->replica_id = cursor_i32(&c);
    out->max_wait_ms = cursor_i32(&c);
    out->min_bytes = cursor_i32(&c);
    if (version >= FIRST_WITH_MAX_BYTES)
        out->max_bytes = cursor_i32(&c);
    if (version >= FIRST_WITH_ISOLATION)
        out->isolation_level = cursor_i8(&c);
    if (version >= FIRST_WITH_SESSION) {
        out->session_id = cursor_i32(&c);
        out->session_epoch = cursor_i32(&c);
    }
    read_topics(&c, version, arena, out);
    if (version >= FIRST_WITH_SESSION)
        read_forgotten(&c, version, arena, out);
    if (version >= FIRST_WITH_RACK)
        out->rack_id = cursor_string(&c, compact, false);
    if (compact)
        read_request_tags(&c, version, out);
    if (c.failed)
        return wire_decode(desc, version, bytes, used, arena, out, why);
    if (used)
        *used = bytes.len - cursor_left(&c);
    return ERR_NONE;
}

/* --- responses ------------------------------------------------------------------------------------ */

struct response_writer {
    int16_t version;
    bool compact;
    struct buf *out;
    struct fetch_holes *holes;
    struct errmsg *why;
};

static enum err refuse(struct response_writer *w, enum err err, const char *what)
{
    errmsg_set(w->why, "FetchResponse v%d: %s", w->version, what);
    return err;
}

static void put_count(struct response_writer *w, int32_t count)
{
    if (w->compact)
        buf_put_uvarint(w->out, (uint32_t)(count + 1));
    else
        buf_put_i32(w->out, count);
}

/* A struct in a tag, if it differs from its default. */
static enum err put_struct_tag(struct response_writer *w, uint32_t tag, const struct wire_message *desc,
                               const void *in, uint32_t *count)
{
    if (wire_equal(desc, in, desc->defaults))
        return ERR_NONE;
    ++*count;
    buf_put_uvarint(w->out, tag);
    buf_put_uvarint(w->out, (uint32_t)wire_encoded_size(desc, w->version, in));
    return wire_encode(desc, w->version, in, w->out, w->why);
}

static bool has_tags(const struct wire_fetch_response_partition_data *part)
{
    return part->diverging_epoch.epoch != -1 || part->diverging_epoch.end_offset != -1 ||
           part->current_leader.leader_id != -1 || part->current_leader.leader_epoch != -1 ||
           part->snapshot_id.end_offset != -1 || part->snapshot_id.epoch != -1;
}

static enum err put_partition_tags(struct response_writer *w,
                                   const struct wire_fetch_response_partition_data *part)
{
    if (!has_tags(part)) {
        if (w->compact)
            buf_put_i8(w->out, 0);
        return ERR_NONE;
    }
    if (!w->compact)
        return refuse(w, ERR_UNSUPPORTED_VERSION,
                      "diverging epoch, leader and snapshot are not in this version");
    size_t place = w->out->len;
    uint32_t count = 0;
    buf_put_i8(w->out, 0);
    enum err err =
        put_struct_tag(w, 0, &wire_fetch_response_epoch_end_offset_desc, &part->diverging_epoch, &count);
    if (!err)
        err = put_struct_tag(w, 1, &wire_fetch_response_leader_id_and_epoch_desc, &part->current_leader,
                             &count);
    if (!err)
        err = put_struct_tag(w, 2, &wire_fetch_response_snapshot_id_desc, &part->snapshot_id, &count);
    w->out->data[place] = (uint8_t)count;
    return err;
}

static void put_aborted(struct response_writer *w, const struct wire_fetch_response_partition_data *part)
{
    int32_t count = part->aborted_transactions_count;
    put_count(w, count);
    for (int32_t i = 0; i < count; i++) {
        buf_put_i64(w->out, part->aborted_transactions[i].producer_id);
        buf_put_i64(w->out, part->aborted_transactions[i].first_offset);
        if (w->compact)
            buf_put_i8(w->out, 0);
    }
}

/* Where the records go; `at` is behind their length. */
static void add_hole(struct response_writer *w, struct view records, int32_t topic, int32_t partition)
{
    if (!records.ptr || records.len == 0)
        return;
    struct fetch_holes *holes = w->holes;
    holes->items[holes->count++] = (struct fetch_hole){w->out->len, records.len, topic, partition};
    holes->bytes += records.len;
}

/* Most bytes of a partition but for aborted transactions and tags: 4+2+8+8+8, count 5, replica 4, length 5,
 * tags 1 */
#define PARTITION_MOST 48

static uint8_t *put_partition_head(uint8_t *at, int16_t version,
                                   const struct wire_fetch_response_partition_data *part)
{
    be_put_i32(at, part->partition_index);
    be_put_i16(at + 4, part->error_code);
    be_put_i64(at + 6, part->high_watermark);
    at += 14;
    if (version >= FIRST_WITH_ISOLATION) {
        be_put_i64(at, part->last_stable_offset);
        at += 8;
    }
    if (version >= FIRST_WITH_LOG_START) {
        be_put_i64(at, part->log_start_offset);
        at += 8;
    }
    return at;
}

static uint8_t *put_small_count(uint8_t *at, bool compact, int32_t count)
{
    if (compact)
        return at + varint_write_u32(at, (uint32_t)(count + 1));
    be_put_i32(at, count);
    return at + 4;
}

static enum err put_partition(struct response_writer *w,
                              const struct wire_fetch_response_fetchable_topic_response *topic, int32_t t,
                              int32_t p)
{
    const struct wire_fetch_response_partition_data *part = &topic->partitions[p];
    size_t records_len = part->records.ptr ? part->records.len : 0;
    if (records_len >= INT32_MAX)
        return refuse(w, ERR_INVALID_ARGUMENT, "records are too long");
    if (w->version < FIRST_WITH_RACK && part->preferred_read_replica != -1)
        return refuse(w, ERR_UNSUPPORTED_VERSION, "preferred_read_replica is not in this version");
    uint8_t *at = put_partition_head(buf_reserve(w->out, PARTITION_MOST), w->version, part);
    if (w->version >= FIRST_WITH_ISOLATION) {
        if (part->aborted_transactions_count > 0) {
            w->out->len = (size_t)(at - w->out->data);
            put_aborted(w, part);
            at = buf_reserve(w->out, PARTITION_MOST);
        } else {
            at = put_small_count(at, w->compact, part->aborted_transactions_count < 0 ? -1 : 0);
        }
    }
    if (w->version >= FIRST_WITH_RACK) {
        be_put_i32(at, part->preferred_read_replica);
        at += 4;
    }
    at = put_small_count(at, w->compact, part->records.ptr ? (int32_t)records_len : -1);
    w->out->len = (size_t)(at - w->out->data);
    add_hole(w, part->records, t, p);
    return put_partition_tags(w, part);
}

static enum err put_topic(struct response_writer *w,
                          const struct wire_fetch_response_fetchable_topic_response *topic, int32_t t)
{
    if (w->version >= FIRST_WITH_TOPIC_ID) {
        buf_put(w->out, &topic->topic_id, sizeof topic->topic_id);
    } else {
        if (!topic->topic.ptr || topic->topic.len > WIRE_STRING_MAX)
            return refuse(w, ERR_INVALID_ARGUMENT, "topic name is null or too long");
        if (w->compact)
            buf_put_uvarint(w->out, (uint32_t)topic->topic.len + 1);
        else
            buf_put_i16(w->out, (int16_t)topic->topic.len);
        buf_put_view(w->out, topic->topic);
    }
    if (topic->partitions_count < 0)
        return refuse(w, ERR_INVALID_ARGUMENT, "partitions are null");
    put_count(w, topic->partitions_count);
    for (int32_t p = 0; p < topic->partitions_count; p++) {
        enum err err = put_partition(w, topic, t, p);
        if (err)
            return err;
    }
    if (w->compact)
        buf_put_i8(w->out, 0);
    return ERR_NONE;
}

/* New leaders' addresses, in tag 0 of the response. */
static enum err put_response_tags(struct response_writer *w, const struct wire_fetch_response *in)
{
    int32_t count = in->node_endpoints_count;
    if (count != 0 && w->version < FIRST_WITH_NODE_ENDPOINTS)
        return refuse(w, ERR_UNSUPPORTED_VERSION, "node_endpoints is not in this version");
    if (count < 0)
        return refuse(w, ERR_INVALID_ARGUMENT, "node_endpoints is null");
    if (!w->compact)
        return ERR_NONE;
    buf_put_i8(w->out, count > 0);
    if (count == 0)
        return ERR_NONE;
    const struct wire_message *desc = &wire_fetch_response_node_endpoint_desc;
    size_t size = varint_size_u32((uint32_t)count + 1);
    for (int32_t i = 0; i < count; i++)
        size += wire_encoded_size(desc, w->version, &in->node_endpoints[i]);
    buf_put_uvarint(w->out, 0);
    buf_put_uvarint(w->out, (uint32_t)size);
    put_count(w, count);
    enum err err = ERR_NONE;
    for (int32_t i = 0; i < count && !err; i++)
        err = wire_encode(desc, w->version, &in->node_endpoints[i], w->out, w->why);
    return err;
}

static enum err put_response(struct response_writer *w, const struct wire_fetch_response *in)
{
    if (w->version >= FIRST_WITH_THROTTLE)
        buf_put_i32(w->out, in->throttle_time_ms);
    if (w->version >= FIRST_WITH_SESSION) {
        buf_put_i16(w->out, in->error_code);
        buf_put_i32(w->out, in->session_id);
    } else if (in->session_id != 0) {
        return refuse(w, ERR_UNSUPPORTED_VERSION, "session_id is not in this version");
    }
    if (in->responses_count < 0)
        return refuse(w, ERR_INVALID_ARGUMENT, "responses are null");
    put_count(w, in->responses_count);
    for (int32_t t = 0; t < in->responses_count; t++) {
        enum err err = put_topic(w, &in->responses[t], t);
        if (err)
            return err;
    }
    return put_response_tags(w, in);
}

/* Partitions with records: the number of holes. */
static size_t count_holes(const struct wire_fetch_response *in)
{
    size_t count = 0;
    for (int32_t t = 0; t < in->responses_count; t++)
        for (int32_t p = 0; p < in->responses[t].partitions_count; p++)
            count +=
                in->responses[t].partitions[p].records.ptr && in->responses[t].partitions[p].records.len > 0;
    return count;
}

enum err fetch_codec_encode_response(int16_t version, const struct wire_fetch_response *in, struct buf *out,
                                     struct arena *arena, struct fetch_holes *holes, struct errmsg *why)
{
    struct response_writer w = {version, version >= FIRST_FLEXIBLE, out, holes, why};
    if (!wire_has_version(&wire_fetch_response_desc, version))
        return refuse(&w, ERR_UNSUPPORTED_VERSION, "no such version");
    *holes = (struct fetch_holes){.items = arena_alloc(arena, count_holes(in) * sizeof(struct fetch_hole))};
    size_t before = out->len;
    enum err err = put_response(&w, in);
    if (err)
        out->len = before;
    return err;
}
