#include "records_suites.h"
#include "records_support.h"
#include "wire/record_iter.h"

START_TEST(known_batch_is_built_to_the_byte)
{
    struct buf out = {0}, headers = {0};
    struct record_builder b;
    struct record_built built;
    record_headers_put(&headers, VIEW_LIT("h"), VIEW_LIT("x"));
    record_builder_open(&b, &RECORD_BUILDER_V2, NULL, &out);
    struct record rec = {.offset = 0,
                         .timestamp = T0,
                         .key = VIEW_LIT("k"),
                         .value = VIEW_LIT("v"),
                         .header_count = 1,
                         .headers = buf_view(&headers)};
    record_builder_append(&b, &rec);
    record_builder_put(&b, T0 + 5, VIEW_NULL, VIEW_LIT("w"));
    ck_assert_int_eq(record_builder_finish(&b, &built), ERR_NONE);
    check_hex(buf_view(&out), HEX_BATCH_V2);
    ck_assert_int_eq(built.record_count, 2);
    ck_assert_int_eq(built.max_timestamp, T0 + 5);
    ck_assert_int_eq(built.offset_of_max_timestamp, 1);
    ck_assert_uint_eq(built.size_bytes, out.len);
    buf_close(&headers);
    buf_close(&out);
}
END_TEST

START_TEST(known_messages_are_built_to_the_byte)
{
    static const char *const hex[] = {HEX_MESSAGE_V0, HEX_MESSAGE_V1};
    for (int8_t magic = 0; magic < 2; magic++) {
        struct buf out = {0};
        struct record_builder b;
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        spec.magic = magic;
        record_builder_open(&b, &spec, NULL, &out);
        record_builder_put(&b, T0, VIEW_LIT("k"), VIEW_LIT("v"));
        ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
        check_hex(buf_view(&out), hex[magic]);
        buf_close(&out);
    }
}
END_TEST

START_TEST(empty_batch_of_compaction_is_built_to_the_byte)
{
    struct buf out = {0}, from = {0};
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct batch_info info;
    spec.base_offset = 10;
    spec.codec = CODEC_GZIP;
    spec.leader_epoch = 7;
    spec.producer_id = 1000;
    spec.producer_epoch = 2;
    spec.base_sequence = 20;
    spec.delete_horizon_ms = T0 + 5;
    put_set(&from, &spec, 5);
    batch_set_timestamps(from.data, false, T0);
    ck_assert_int_eq(batch_peek(buf_view(&from), &info), ERR_NONE);
    ck_assert(info.has_delete_horizon);
    record_empty_batch_build(&info, &out);
    check_hex(buf_view(&out), HEX_EMPTY_BATCH);
    buf_close(&from);
    buf_close(&out);
}
END_TEST

START_TEST(nothing_is_written_without_a_record)
{
    struct buf out = {0};
    struct record_builder b;
    struct record_built built;
    for (int codec = 0; codec < CODEC_COUNT; codec++) {
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        spec.codec = (enum codec)codec;
        record_builder_open(&b, &spec, NULL, &out);
        ck_assert_int_eq(record_builder_finish(&b, &built), ERR_NONE);
        ck_assert_int_eq(built.record_count, 0);
        ck_assert_uint_eq(out.len, 0);
    }
    buf_close(&out);
}
END_TEST

START_TEST(output_beyond_the_limit_is_taken_back)
{
    for (int codec = 0; codec < CODEC_COUNT; codec++) {
        struct buf out = {0}, value = {0};
        struct record_builder b;
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        put_text(&value, 1000, 1);
        buf_put_str(&out, "before");
        spec.codec = (enum codec)codec;
        spec.max_bytes = 100000;
        record_builder_open(&b, &spec, NULL, &out);
        size_t largest = 0;
        for (int i = 0; i < 5000; i++) {
            value.data[i % 1000] = (uint8_t)(i * 7);
            record_builder_put(&b, T0, VIEW_NULL, buf_view(&value));
            largest = out.len > largest ? out.len : largest;
        }
        enum err err = record_builder_finish(&b, NULL);
        if (codec == CODEC_NONE || out.len == 6) {
            ck_assert_int_eq(err, ERR_MESSAGE_TOO_LARGE);
            ck_assert_uint_eq(out.len, 6);
        }
        ck_assert_uint_le(largest, spec.max_bytes + 200000);
        buf_close(&out);
        buf_close(&value);
    }
}
END_TEST

START_TEST(compaction_keeps_offsets_horizon_and_last_offset)
{
    struct buf out = {0};
    struct record_builder b;
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct batch_info info;
    spec.base_offset = 100;
    spec.delete_horizon_ms = T0 + 86400000;
    record_builder_open(&b, &spec, NULL, &out);
    struct record rec = {.offset = 103, .timestamp = T0, .key = VIEW_LIT("a")};
    record_builder_append(&b, &rec);
    rec = (struct record){.offset = 107, .timestamp = T0 - 4, .key = VIEW_LIT("b"), .value = VIEW_LIT("v")};
    record_builder_append(&b, &rec);
    record_builder_set_last_offset(&b, 109);
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    ck_assert_int_eq(batch_peek(buf_view(&out), &info), ERR_NONE);
    ck_assert_int_eq(info.base_offset, 100);
    ck_assert_int_eq(info.last_offset, 109);
    ck_assert_int_eq(info.record_count, 2);
    ck_assert_int_eq(info.base_timestamp, T0 + 86400000);
    ck_assert_int_eq(info.max_timestamp, T0);
    struct record_iter it;
    record_iter_open(&it, buf_view(&out), RECORD_VIEW, NULL, NULL);
    ck_assert(record_iter_next(&it, &rec));
    ck_assert_int_eq(rec.offset, 103);
    ck_assert_int_eq(rec.timestamp, T0);
    ck_assert(record_iter_next(&it, &rec));
    ck_assert_int_eq(rec.offset, 107);
    ck_assert_int_eq(rec.timestamp, T0 - 4);
    ck_assert(!record_iter_next(&it, &rec));
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    buf_close(&out);
}
END_TEST

Suite *record_builder_suite(void)
{
    Suite *suite = suite_create("record_builder");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, known_batch_is_built_to_the_byte);
    tcase_add_test(tcase, known_messages_are_built_to_the_byte);
    tcase_add_test(tcase, empty_batch_of_compaction_is_built_to_the_byte);
    tcase_add_test(tcase, nothing_is_written_without_a_record);
    tcase_add_test(tcase, output_beyond_the_limit_is_taken_back);
    tcase_add_test(tcase, compaction_keeps_offsets_horizon_and_last_offset);
    suite_add_tcase(suite, tcase);
    return suite;
}
