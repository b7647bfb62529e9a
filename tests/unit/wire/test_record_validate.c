#include <stdio.h>
#include <stdlib.h>

#include "base/be.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/record_iter.h"
#include "wire/record_validate.h"

#define NOW (T0 + 1000)

struct fixture {
    struct append_rules rules;
    struct records_summary summary;
    struct append_plan plan;
    struct buf records;
    struct errmsg why;
};

static struct fixture fixture_of(const struct record_builder_spec *spec, int32_t count)
{
    struct fixture f = {.rules = APPEND_RULES_DEFAULT};
    f.rules.produce_version = 9;
    f.rules.topic_partition = "orders-0";
    if (spec)
        put_set(&f.records, spec, count);
    return f;
}

static void fixture_close(struct fixture *f)
{
    append_plan_close(&f->plan);
    buf_close(&f->records);
}

static enum err analyze(struct fixture *f)
{
    return records_analyze(buf_view(&f->records), &f->rules, &f->summary, &f->why);
}

/* Both steps, then the assignment at offset 500 in epoch 3. */
static enum err append(struct fixture *f)
{
    enum err err = analyze(f);
    if (err)
        return err;
    err = records_prepare(&f->plan, f->records.data, &f->summary, &f->rules, NOW, NULL, &f->why);
    if (!err)
        records_assign(&f->plan, 500, 3);
    return err;
}

/* What was written must read as `count` records from offset 500 on. */
static void check_stored(struct fixture *f, int32_t count, enum codec codec)
{
    const struct append_info *info = &f->plan.info;
    ck_assert_int_eq(info->first_offset, 500);
    ck_assert_int_eq(info->last_offset, 500 + count - 1);
    ck_assert_int_eq(info->record_count, count);
    ck_assert_int_eq(info->batch.codec, codec);
    ck_assert_int_eq(info->batch.leader_epoch, 3);
    ck_assert_uint_eq(info->bytes.len, (size_t)info->batch.size_bytes);
    ck_assert_int_eq(batch_check_crc(info->bytes), ERR_NONE);
    struct record_iter it;
    struct record rec;
    int32_t i = 0;
    record_iter_open(&it, info->bytes, RECORD_VIEW, NULL, NULL);
    while (record_iter_next(&it, &rec)) {
        char key[16];
        snprintf(key, sizeof key, "k%d", i);
        ck_assert(view_equal_str(rec.key, key));
        ck_assert_int_eq(rec.offset, 500 + i);
        i++;
    }
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    ck_assert_int_eq(i, count);
}

START_TEST(uncompressed_batch_is_stamped_in_place)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 5);
    uint32_t crc = (uint32_t)be_get_i32(f.records.data + 17);
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert(!f.plan.rebuilt && f.plan.info.bytes.ptr == f.records.data);
    ck_assert_uint_eq(f.plan.info.batch.crc, crc);
    ck_assert_int_eq(f.plan.info.max_timestamp, T0 + 4);
    ck_assert_int_eq(f.plan.info.offset_of_max_timestamp, 504);
    ck_assert_int_eq(f.plan.info.log_append_time, -1);
    check_stored(&f, 5, CODEC_NONE);
    fixture_close(&f);
}
END_TEST

START_TEST(compressed_batch_of_the_target_codec_is_kept)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = (enum codec)_i;
    struct fixture f = fixture_of(&spec, 100);
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert(!f.plan.rebuilt);
    check_stored(&f, 100, (enum codec)_i);
    fixture_close(&f);
}
END_TEST

START_TEST(batch_is_rebuilt_with_the_topics_codec)
{
    enum codec from = (enum codec)(_i / CODEC_COUNT), to = (enum codec)(_i % CODEC_COUNT);
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = from;
    spec.producer_id = 77;
    spec.producer_epoch = 5;
    spec.base_sequence = 1000;
    spec.transactional = true;
    struct fixture f = fixture_of(&spec, 64);
    f.rules.target_codec = (int)to;
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert_int_eq(f.plan.rebuilt, from != to);
    ck_assert_int_eq(f.plan.info.batch.producer_id, 77);
    ck_assert_int_eq(f.plan.info.batch.producer_epoch, 5);
    ck_assert_int_eq(f.plan.info.batch.base_sequence, 1000);
    ck_assert(f.plan.info.batch.transactional);
    ck_assert_int_eq(f.plan.info.max_timestamp, T0 + 63);
    check_stored(&f, 64, to);
    fixture_close(&f);
}
END_TEST

START_TEST(legacy_sets_become_one_v2_batch)
{
    static const enum codec codecs[] = {CODEC_NONE, CODEC_GZIP, CODEC_SNAPPY, CODEC_LZ4};
    int8_t magic = (int8_t)(_i / 4);
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = magic;
    spec.codec = codecs[_i % 4];
    struct fixture f = fixture_of(&spec, 10);
    f.rules.produce_version = 2;
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert(f.plan.rebuilt);
    ck_assert_int_eq(f.plan.converted_count, 10);
    ck_assert_int_eq(f.plan.info.max_timestamp, magic == 0 ? -1 : T0 + 9);
    ck_assert_int_eq(f.plan.info.offset_of_max_timestamp, magic == 0 ? -1 : 509);
    check_stored(&f, 10, codecs[_i % 4]);
    fixture_close(&f);
}
END_TEST

START_TEST(log_append_time_overrides_the_timestamps)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 3);
    f.rules.log_append_time = true;
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert(f.plan.info.batch.log_append_time);
    ck_assert_int_eq(f.plan.info.batch.max_timestamp, NOW);
    ck_assert_int_eq(f.plan.info.batch.base_timestamp, T0);
    ck_assert_int_eq(f.plan.info.log_append_time, NOW);
    ck_assert_int_eq(f.plan.info.max_timestamp, NOW);
    check_stored(&f, 3, CODEC_NONE);
    fixture_close(&f);
}
END_TEST

START_TEST(wrong_largest_timestamp_of_a_producer_is_corrected)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 3);
    batch_set_timestamps(f.records.data, false, T0 + 999);
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert_int_eq(f.plan.info.batch.max_timestamp, T0 + 2);
    check_stored(&f, 3, CODEC_NONE);
    fixture_close(&f);
}
END_TEST

/* Changes bytes at `at` of the one batch, renews the CRC, and appends. */
static enum err append_patched(struct fixture *f, size_t at, const char *bytes, size_t len)
{
    memcpy(f->records.data + at, bytes, len);
    batch_seal_crc(f->records.data);
    return append(f);
}

START_TEST(header_that_contradicts_itself_is_invalid)
{
    static const struct {
        size_t at;
        const char *bytes;
        size_t len;
        enum err err;
    } cases[] = {
        {0, "\0\0\0\0\0\0\0\1", 8, ERR_INVALID_RECORD},  /* base offset 1 */
        {23, "\377\377\377\377", 4, ERR_INVALID_RECORD}, /* last offset delta -1 */
        {23, "\0\0\0\4", 4, ERR_INVALID_RECORD},         /* one more than the count */
        {57, "\0\0\0\0", 4, ERR_INVALID_RECORD},         /* no records */
        {57, "\377\377\377\377", 4, ERR_INVALID_RECORD}, /* count -1 */
        {22, "\x20", 1, ERR_INVALID_RECORD},             /* control */
        {43, "\0\0\0\0\0\0\0\1", 8, ERR_INVALID_RECORD}, /* producer without sequence */
        {22, "\5", 1, ERR_MALFORMED},                    /* codecs that do not exist */
        {22, "\6", 1, ERR_MALFORMED},
        {22, "\7", 1, ERR_MALFORMED},
        {22, "\1", 1, ERR_MALFORMED}, /* not a gzip stream */
        {22, "\3", 1, ERR_MALFORMED}, /* not an LZ4 frame */
        {22, "\4", 1, ERR_MALFORMED}, /* not a zstd frame */
    };
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 4);
    enum err err = append_patched(&f, cases[_i].at, cases[_i].bytes, cases[_i].len);
    ck_assert_msg(err == cases[_i].err, "case %d: %s (%s)", _i, err_name(err), f.why.text);
    ck_assert(f.why.text[0]);
    fixture_close(&f);
}
END_TEST

START_TEST(count_and_offsets_must_fit_the_records)
{
    static const int counts[] = {3, 5};
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 4);
    be_put_i32(f.records.data + 23, counts[_i] - 1);
    be_put_i32(f.records.data + 57, counts[_i]);
    batch_seal_crc(f.records.data);
    ck_assert_int_eq(append(&f), ERR_INVALID_RECORD);
    fixture_close(&f);
}
END_TEST

START_TEST(wrong_crc_is_corrupt)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 4);
    f.records.data[70] ^= 1;
    ck_assert_int_eq(append(&f), ERR_CORRUPT_MESSAGE);
    fixture_close(&f);
}
END_TEST

START_TEST(produce_v3_takes_exactly_one_v2_batch)
{
    struct record_builder_spec v1 = RECORD_BUILDER_V2;
    v1.magic = 1;
    struct fixture f = fixture_of(&v1, 1);
    f.rules.produce_version = 3;
    ck_assert_int_eq(analyze(&f), ERR_INVALID_RECORD);
    buf_clear(&f.records);
    ck_assert_int_eq(analyze(&f), ERR_INVALID_RECORD);
    put_set(&f.records, &RECORD_BUILDER_V2, 1);
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    put_set(&f.records, &RECORD_BUILDER_V2, 1);
    ck_assert_int_eq(analyze(&f), ERR_INVALID_RECORD);
    f.rules.produce_version = 2;
    ck_assert_int_eq(append(&f), ERR_INVALID_RECORD); /* found by the second step */
    fixture_close(&f);
}
END_TEST

START_TEST(zstd_needs_produce_v7_and_a_late_enough_protocol)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = CODEC_ZSTD;
    struct fixture f = fixture_of(&spec, 1);
    f.rules.produce_version = 6;
    ck_assert_int_eq(analyze(&f), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    f.rules.produce_version = 7;
    f.rules.zstd_allowed = false;
    ck_assert_int_eq(append(&f), ERR_UNSUPPORTED_COMPRESSION_TYPE);
    fixture_close(&f);
}
END_TEST

START_TEST(too_large_a_batch_is_refused_before_and_after_rebuilding)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = CODEC_GZIP;
    struct fixture f = fixture_of(&spec, 2000);
    f.rules.max_message_bytes = (int32_t)f.records.len - 1;
    ck_assert_int_eq(append(&f), ERR_MESSAGE_TOO_LARGE);
    f.rules.max_message_bytes++;
    f.rules.target_codec = CODEC_NONE;
    ck_assert_int_eq(append(&f), ERR_MESSAGE_TOO_LARGE);
    fixture_close(&f);
}
END_TEST

START_TEST(partial_tail_is_cut_and_nothing_else_is_a_success)
{
    struct record_builder_spec v1 = RECORD_BUILDER_V2;
    v1.magic = 1;
    struct fixture f = fixture_of(&v1, 3);
    f.rules.produce_version = 2;
    f.records.len -= 1;
    ck_assert_int_eq(append(&f), ERR_NONE);
    check_stored(&f, 2, CODEC_NONE);
    f.records.len = 20;
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    ck_assert_int_eq(f.summary.entry_count, 0);
    ck_assert_uint_eq(f.summary.bytes.len, 0);
    fixture_close(&f);
}
END_TEST

START_TEST(compacted_topic_lists_every_record_without_a_key)
{
    struct fixture f = fixture_of(NULL, 0);
    struct record_builder b;
    record_builder_open(&b, &RECORD_BUILDER_V2, NULL, &f.records);
    for (int i = 0; i < 6; i++)
        record_builder_put(&b, T0, i % 2 ? VIEW_NULL : VIEW_LIT(""), VIEW_LIT("v"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    f.rules.compacted = true;
    ck_assert_int_eq(append(&f), ERR_INVALID_RECORD);
    ck_assert_int_eq(f.plan.error_count, 3);
    for (int i = 0; i < 3; i++) {
        struct buf text = {0};
        ck_assert_int_eq(f.plan.errors[i].index, 2 * i + 1);
        record_error_text(&f.plan.errors[i], &f.plan, &f.rules, &text);
        ck_assert_ptr_nonnull(strstr(buf_cstr(&text), "orders-0"));
        buf_close(&text);
    }
    f.rules.compacted = false;
    append_plan_close(&f.plan);
    ck_assert_int_eq(append(&f), ERR_NONE);
    fixture_close(&f);
}
END_TEST

START_TEST(timestamps_out_of_range_are_listed)
{
    struct fixture f = fixture_of(NULL, 0);
    struct record_builder b;
    static const int64_t timestamps[] = {NOW - 100, NOW - 101, -1, NOW + 50, NOW + 51};
    record_builder_open(&b, &RECORD_BUILDER_V2, NULL, &f.records);
    for (int i = 0; i < 5; i++)
        record_builder_put(&b, timestamps[i], VIEW_NULL, VIEW_LIT("v"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    f.rules.timestamp_before_max_ms = 100;
    f.rules.timestamp_after_max_ms = 50;
    ck_assert_int_eq(append(&f), ERR_INVALID_TIMESTAMP);
    ck_assert_int_eq(f.plan.error_count, 2);
    ck_assert_int_eq(f.plan.errors[0].index, 1);
    ck_assert_int_eq(f.plan.errors[1].index, 4);
    f.rules.log_append_time = true;
    append_plan_close(&f.plan);
    ck_assert_int_eq(append(&f), ERR_NONE);
    fixture_close(&f);
}
END_TEST

START_TEST(producers_may_not_set_log_append_time)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 2);
    f.rules.log_append_time = _i;
    batch_set_timestamps(f.records.data, true, -1);
    ck_assert_int_eq(append(&f), ERR_INVALID_TIMESTAMP);
    ck_assert_int_eq(f.plan.errors[0].kind, RECORD_ERROR_TIMESTAMP_TYPE);
    fixture_close(&f);
}
END_TEST

START_TEST(record_offsets_must_count_without_gaps)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = (enum codec)_i;
    struct record_builder b;
    struct fixture f = fixture_of(NULL, 0);
    record_builder_open(&b, &spec, NULL, &f.records);
    for (int i = 0; i < 3; i++) {
        struct record rec = {.offset = 2 * i, .timestamp = T0, .key = VIEW_LIT("k")};
        record_builder_append(&b, &rec);
    }
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    be_put_i32(f.records.data + 23, 2);
    batch_seal_crc(f.records.data);
    ck_assert_int_eq(append(&f), ERR_INVALID_RECORD);
    fixture_close(&f);
}
END_TEST

START_TEST(marker_of_a_coordinator_is_never_compressed)
{
    struct fixture f = fixture_of(NULL, 0);
    put_hex(&f.records, HEX_COMMIT_MARKER);
    batch_set_base_offset(f.records.data, 0);
    f.rules.origin = APPEND_COORDINATOR;
    f.rules.produce_version = -1;
    f.rules.target_codec = CODEC_ZSTD;
    ck_assert_int_eq(append(&f), ERR_NONE);
    ck_assert(!f.plan.rebuilt);
    ck_assert_int_eq(f.plan.info.batch.codec, CODEC_NONE);
    ck_assert(f.plan.info.batch.control);
    fixture_close(&f);
}
END_TEST

START_TEST(follower_takes_offsets_as_they_are)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct fixture f = fixture_of(NULL, 0);
    for (int i = 0; i < 3; i++) {
        spec.base_offset = 100 * (i + 1);
        spec.leader_epoch = i;
        put_set(&f.records, &spec, 10);
    }
    f.rules.origin = APPEND_REPLICATION;
    f.rules.produce_version = -1;
    f.rules.max_message_bytes = 1;
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    ck_assert_int_eq(f.summary.entry_count, 3);
    ck_assert_int_eq(f.summary.first_offset, 100);
    ck_assert_int_eq(f.summary.last_offset_of_first_entry, 109);
    ck_assert_int_eq(f.summary.last_offset, 309);
    ck_assert_int_eq(f.summary.last_leader_epoch, 2);
    ck_assert_int_eq(f.summary.max_timestamp, T0 + 9);
    ck_assert_int_eq(f.summary.offset_of_max_timestamp, 109);
    ck_assert(f.summary.offsets_rise);
    f.rules.leader_epoch = 1;
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    ck_assert_int_eq(f.summary.entry_count, 2);
    spec.base_offset = 5;
    spec.leader_epoch = 1;
    f.records.len = f.summary.bytes.len;
    put_set(&f.records, &spec, 1);
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    ck_assert(!f.summary.offsets_rise);
    fixture_close(&f);
}
END_TEST

START_TEST(legacy_wrapper_with_a_broken_inner_message_is_refused)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct buf inner = {0};
    spec.magic = 1;
    put_set(&inner, &spec, 3);
    size_t len = inner.len / 3;
    if (_i == 0)
        inner.data[len + 30] ^= 1; /* an inner CRC */
    else if (_i == 1)
        inner.data[len + 17] |= CODEC_GZIP, batch_seal_crc(inner.data + len); /* nested */
    else
        inner.data[len + 16] = 0, batch_seal_crc(inner.data + len); /* inner magic */

    struct fixture f = fixture_of(NULL, 0);
    buf_extend(&f.records, 34);
    struct codec_ctx *ctx = codec_ctx_new();
    compress_all(ctx, CODEC_SNAPPY, CODEC_LEVEL_DEFAULT, 1, buf_view(&inner), &f.records);
    codec_ctx_free(ctx);
    uint8_t *p = f.records.data;
    memset(p, 0, 34);
    be_put_i32(p + 8, (int32_t)f.records.len - 12);
    p[16] = 1;
    p[17] = CODEC_SNAPPY;
    be_put_i32(p + 26, -1);
    be_put_i32(p + 30, (int32_t)f.records.len - 34);
    batch_seal_crc(p);
    f.rules.produce_version = 2;
    static const enum err errs[] = {ERR_CORRUPT_MESSAGE, ERR_INVALID_RECORD, ERR_INVALID_RECORD};
    ck_assert_int_eq(append(&f), errs[_i]);
    buf_close(&inner);
    fixture_close(&f);
}
END_TEST

START_TEST(loop_gives_up_on_a_batch_that_expands_too_far)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = CODEC_ZSTD;
    struct fixture f = fixture_of(&spec, 5000);
    f.rules.inline_bytes_max = 10000;
    ck_assert_int_eq(append(&f), ERR_WOULD_BLOCK);
    append_plan_close(&f.plan);
    f.rules.inline_bytes_max = 0;
    ck_assert_int_eq(append(&f), ERR_NONE);
    check_stored(&f, 5000, CODEC_ZSTD);
    fixture_close(&f);
}
END_TEST

START_TEST(work_is_estimated_by_what_must_be_done)
{
    struct fixture f = fixture_of(&RECORD_BUILDER_V2, 20000);
    ck_assert_int_eq(analyze(&f), ERR_NONE);
    ck_assert(!records_needs_heavy_work(&f.summary, &f.rules));
    f.rules.target_codec = CODEC_GZIP;
    ck_assert(records_needs_heavy_work(&f.summary, &f.rules));
    fixture_close(&f);
}
END_TEST

Suite *record_validate_suite(void)
{
    Suite *suite = suite_create("record_validate");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, uncompressed_batch_is_stamped_in_place);
    tcase_add_loop_test(tcase, compressed_batch_of_the_target_codec_is_kept, 1, CODEC_COUNT);
    tcase_add_loop_test(tcase, batch_is_rebuilt_with_the_topics_codec, 0, CODEC_COUNT * CODEC_COUNT);
    tcase_add_loop_test(tcase, legacy_sets_become_one_v2_batch, 0, 8);
    tcase_add_test(tcase, log_append_time_overrides_the_timestamps);
    tcase_add_test(tcase, wrong_largest_timestamp_of_a_producer_is_corrected);
    tcase_add_loop_test(tcase, header_that_contradicts_itself_is_invalid, 0, 13);
    tcase_add_loop_test(tcase, count_and_offsets_must_fit_the_records, 0, 2);
    tcase_add_test(tcase, wrong_crc_is_corrupt);
    tcase_add_test(tcase, produce_v3_takes_exactly_one_v2_batch);
    tcase_add_test(tcase, zstd_needs_produce_v7_and_a_late_enough_protocol);
    tcase_add_test(tcase, too_large_a_batch_is_refused_before_and_after_rebuilding);
    tcase_add_test(tcase, partial_tail_is_cut_and_nothing_else_is_a_success);
    tcase_add_test(tcase, compacted_topic_lists_every_record_without_a_key);
    tcase_add_test(tcase, timestamps_out_of_range_are_listed);
    tcase_add_loop_test(tcase, producers_may_not_set_log_append_time, 0, 2);
    tcase_add_loop_test(tcase, record_offsets_must_count_without_gaps, 0, CODEC_COUNT);
    tcase_add_test(tcase, marker_of_a_coordinator_is_never_compressed);
    tcase_add_test(tcase, follower_takes_offsets_as_they_are);
    tcase_add_loop_test(tcase, legacy_wrapper_with_a_broken_inner_message_is_refused, 0, 3);
    tcase_add_test(tcase, loop_gives_up_on_a_batch_that_expands_too_far);
    tcase_add_test(tcase, work_is_estimated_by_what_must_be_done);
    suite_add_tcase(suite, tcase);
    return suite;
}
