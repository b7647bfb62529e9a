#include "bench/load_request.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/be.h"
#include "base/hash.h"
#include "base/mem.h"
#include "wire/api.h"
#include "wire/codec.h"
#include "wire/record_builder.h"

/* Stand in the encoded request where a copy's own values go; unlikely to occur anywhere else. */
#define MARK_PARTITION INT32_C(0x5ab07315)
#define MARK_NUMBER    INT64_C(0x1f5ab07315c0ffee)
#define MARK_GROUP     "-000000"

/* In a v2 batch: where the checksum is and what it covers, and the producer's three fields. */
#define BATCH_CRC_POS      17
#define BATCH_CRC_FROM     21
#define BATCH_PRODUCER_POS 43
#define BATCH_LENGTH_POS   8
#define BATCH_LENGTH_FROM  12

static _Noreturn void give_up(const char *what, const struct errmsg *why)
{
    fprintf(stderr, "load: cannot encode %s: %s\n", what, why->text);
    exit(EXIT_FAILURE);
}

static void encode(struct buf *out, const char *api_name, int16_t version, const void *message)
{
    const struct wire_api *api = wire_api_find_name(view_str(api_name));
    struct errmsg why = {{0}};
    buf_put_i32(out, 0);
    wire_encode_request_header(api, version, 0, VIEW_LIT("load"), out);
    if (wire_encode(api->request, version, message, out, &why))
        give_up(api_name, &why);
    be_put_i32(out->data, (int32_t)(out->len - 4));
}

static size_t find(const struct buf *in, const void *what, size_t len)
{
    uint8_t *at = memmem(in->data, in->len, what, len);
    return at ? (size_t)(at - in->data) : LOAD_NOWHERE;
}

static size_t find_i32(const struct buf *in, int32_t value)
{
    uint8_t bytes[4];
    be_put_i32(bytes, value);
    return find(in, bytes, sizeof bytes);
}

static size_t find_i64(const struct buf *in, int64_t value)
{
    uint8_t bytes[8];
    be_put_i64(bytes, value);
    return find(in, bytes, sizeof bytes);
}

static void make_batch(const struct load_spec *spec, struct buf *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    int64_t now_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    size_t len = (size_t)spec->record_bytes;
    uint8_t *value = mem_alloc(len + 1);
    for (size_t i = 0; i < len; i++)
        value[i] = (uint8_t)('a' + i % 26);
    struct record_builder b;
    struct record_builder_spec like = RECORD_BUILDER_V2;
    like.codec = spec->codec;
    record_builder_open(&b, &like, NULL, out);
    for (int32_t i = 0; i < spec->records; i++)
        record_builder_put(&b, now_ms, VIEW_NULL, view_of(value, len));
    if (record_builder_finish(&b, NULL)) {
        fprintf(stderr, "load: cannot build a batch\n");
        exit(EXIT_FAILURE);
    }
    free(value);
}

static void make_produce(struct load_template *out, const struct load_spec *spec)
{
    struct buf batch = {0};
    make_batch(spec, &batch);
    struct wire_produce_request_partition_produce_data partition = {.index = MARK_PARTITION,
                                                                    .records = buf_view(&batch)};
    struct wire_produce_request_topic_produce_data topic = {
        .name = view_str(spec->topic), .partition_data = &partition, .partition_data_count = 1};
    struct wire_produce_request request = {.transactional_id = VIEW_NULL,
                                           .acks = spec->acks,
                                           .timeout_ms = 30000,
                                           .topic_data = &topic,
                                           .topic_data_count = 1};
    encode(&out->bytes, "Produce", 7, &request);
    out->batch_pos = out->bytes.len - batch.len;
    out->error_pos = 4 + 4 + 4 + 2 + topic.name.len + 4 + 4;
    buf_close(&batch);
}

static void make_fetch(struct load_template *out, const struct load_spec *spec)
{
    struct wire_fetch_request_fetch_partition partition;
    struct wire_fetch_request request;
    wire_init(&wire_fetch_request_fetch_partition_desc, &partition);
    wire_init(&wire_fetch_request_desc, &request);
    partition.partition = MARK_PARTITION;
    partition.fetch_offset = MARK_NUMBER;
    partition.partition_max_bytes = spec->fetch_bytes;
    struct wire_fetch_request_fetch_topic topic = {
        .topic = view_str(spec->topic), .partitions = &partition, .partitions_count = 1};
    request.replica_id = -1;
    request.max_wait_ms = 500;
    request.min_bytes = 1;
    request.max_bytes = spec->fetch_bytes;
    request.topics = &topic;
    request.topics_count = 1;
    encode(&out->bytes, "Fetch", 4, &request);
    out->error_pos = 4 + 4 + 4 + 4 + 2 + topic.topic.len + 4 + 4;
}

static void make_list_offsets(struct load_template *out, const struct load_spec *spec)
{
    struct wire_list_offsets_request_list_offsets_partition partition;
    wire_init(&wire_list_offsets_request_list_offsets_partition_desc, &partition);
    partition.partition_index = MARK_PARTITION;
    partition.timestamp = MARK_NUMBER;
    struct wire_list_offsets_request_list_offsets_topic topic = {
        .name = view_str(spec->topic), .partitions = &partition, .partitions_count = 1};
    struct wire_list_offsets_request request = {.replica_id = -1, .topics = &topic, .topics_count = 1};
    encode(&out->bytes, "ListOffsets", 1, &request);
    out->error_pos = 4 + 4 + 4 + 2 + topic.name.len + 4 + 4;
}

static void make_api_versions(struct load_template *out)
{
    struct wire_api_versions_request request;
    wire_init(&wire_api_versions_request_desc, &request);
    encode(&out->bytes, "ApiVersions", 0, &request);
    out->error_pos = 4 + 4;
}

static void make_offset_commit(struct load_template *out, const struct load_spec *spec, struct view group)
{
    struct wire_offset_commit_request request;
    wire_init(&wire_offset_commit_request_desc, &request);
    struct wire_offset_commit_request_offset_commit_request_partition *partitions =
        mem_zalloc(sizeof *partitions * (size_t)spec->offsets);
    for (int32_t i = 0; i < spec->offsets; i++) {
        wire_init(&wire_offset_commit_request_offset_commit_request_partition_desc, &partitions[i]);
        partitions[i].partition_index = i == 0 ? MARK_PARTITION : i;
        partitions[i].committed_offset = i == 0 ? MARK_NUMBER : i;
        partitions[i].committed_metadata = VIEW_LIT("");
    }
    struct wire_offset_commit_request_offset_commit_request_topic topic = {
        .name = view_str(spec->topic), .partitions = partitions, .partitions_count = spec->offsets};
    request.group_id = group;
    request.generation_id_or_member_epoch = spec->generation;
    request.member_id = view_str(spec->member);
    request.topics = &topic;
    request.topics_count = 1;
    encode(&out->bytes, "OffsetCommit", 7, &request);
    out->partitions = spec->offsets;
    out->partition_len = 4 + 8 + 4 + 2;
    out->error_pos = 4 + 4 + 4 + 4 + 2 + topic.name.len + 4 + 4;
    free(partitions);
}

static void make_heartbeat(struct load_template *out, const struct load_spec *spec, struct view group)
{
    struct wire_heartbeat_request request = {
        .group_id = group, .generation_id = spec->generation, .member_id = view_str(spec->member)};
    encode(&out->bytes, "Heartbeat", 3, &request);
    out->error_pos = 4 + 4 + 4;
}

/* What a member asks of its coordinator. */
static void make_of_group(struct load_template *out, const struct load_spec *spec)
{
    struct buf group = {0};
    buf_put_str(&group, spec->group);
    if (spec->numbers_groups)
        buf_put_str(&group, MARK_GROUP);
    if (spec->kind == LOAD_OFFSET_COMMIT)
        make_offset_commit(out, spec, buf_view(&group));
    else
        make_heartbeat(out, spec, buf_view(&group));
    if (spec->numbers_groups)
        out->group_pos = find(&out->bytes, group.data, group.len) + group.len - LOAD_GROUP_DIGITS;
    buf_close(&group);
}

void load_template_make(struct load_template *out, const struct load_spec *spec)
{
    *out = (struct load_template){
        .partitions = 1, .batch_pos = LOAD_NOWHERE, .group_pos = LOAD_NOWHERE, .error_pos = LOAD_NOWHERE};
    switch (spec->kind) {
    case LOAD_PRODUCE:
        make_produce(out, spec);
        break;
    case LOAD_FETCH:
        make_fetch(out, spec);
        break;
    case LOAD_LIST_OFFSETS:
        make_list_offsets(out, spec);
        break;
    case LOAD_API_VERSIONS:
        make_api_versions(out);
        break;
    case LOAD_OFFSET_COMMIT:
    case LOAD_HEARTBEAT:
        make_of_group(out, spec);
        break;
    }
    out->partition_pos = find_i32(&out->bytes, MARK_PARTITION);
    out->number_pos = find_i64(&out->bytes, MARK_NUMBER);
}

void load_template_close(struct load_template *t)
{
    buf_close(&t->bytes);
}

void load_set_partition(const struct load_template *t, uint8_t *frame, int32_t partition)
{
    for (int32_t i = 0; t->partition_pos != LOAD_NOWHERE && i < t->partitions; i++)
        be_put_i32(frame + t->partition_pos + t->partition_len * (size_t)i, partition + i);
}

void load_set_group(const struct load_template *t, uint8_t *frame, int32_t group)
{
    for (size_t i = LOAD_GROUP_DIGITS; t->group_pos != LOAD_NOWHERE && i-- > 0; group /= 10)
        frame[t->group_pos + i] = (uint8_t)('0' + group % 10);
}

void load_set_number(const struct load_template *t, uint8_t *frame, int64_t number)
{
    if (t->number_pos != LOAD_NOWHERE)
        be_put_i64(frame + t->number_pos, number);
}

void load_set_producer(const struct load_template *t, uint8_t *frame, int64_t producer_id)
{
    uint8_t *batch = frame + t->batch_pos;
    be_put_i64(batch + BATCH_PRODUCER_POS, producer_id);
    be_put_i16(batch + BATCH_PRODUCER_POS + 8, 0);
    be_put_i32(batch + BATCH_PRODUCER_POS + 10, 0);
    size_t end = BATCH_LENGTH_FROM + (size_t)be_get_i32(batch + BATCH_LENGTH_POS);
    uint32_t crc = hash_crc32c(0, batch + BATCH_CRC_FROM, end - BATCH_CRC_FROM);
    be_put_i32(batch + BATCH_CRC_POS, (int32_t)crc);
}
