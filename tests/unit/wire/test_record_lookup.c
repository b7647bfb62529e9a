#include "records_suites.h"
#include "records_support.h"
#include "wire/record_lookup.h"

/* Timestamps 30, 10, 50, 50, 20 at offsets 100..104. */
static void put_timed(struct buf *out, int8_t magic, enum codec codec)
{
    static const int64_t timestamps[] = {30, 10, 50, 50, 20};
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct record_builder b;
    spec.magic = magic;
    spec.codec = codec;
    spec.base_offset = 100;
    record_builder_open(&b, &spec, NULL, out);
    for (int i = 0; i < 5; i++)
        record_builder_put(&b, timestamps[i], VIEW_LIT("k"), VIEW_LIT("v"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
}

START_TEST(first_record_at_or_after_a_timestamp_is_found)
{
    struct buf buf = {0};
    struct record_place place;
    put_timed(&buf, _i == CODEC_COUNT ? 1 : 2, _i == CODEC_COUNT ? CODEC_LZ4 : (enum codec)_i);
    static const struct {
        int64_t timestamp, min_offset, offset;
    } cases[] = {{0, 0, 100},    {30, 0, 100}, {31, 0, 102},  {10, 101, 101}, {50, 103, 103},
                 {20, 104, 104}, {51, 0, -1},  {21, 104, -1}, {0, 105, -1}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum err err =
            batch_find_timestamp(buf_view(&buf), cases[i].timestamp, cases[i].min_offset, NULL, &place);
        ck_assert_int_eq(err, cases[i].offset < 0 ? ERR_NOT_FOUND : ERR_NONE);
        if (!err)
            ck_assert_int_eq(place.offset, cases[i].offset);
    }
    ck_assert_int_eq(batch_find_max_timestamp(buf_view(&buf), NULL, &place), ERR_NONE);
    ck_assert_int_eq(place.offset, 102);
    ck_assert_int_eq(place.timestamp, 50);
    buf_close(&buf);
}
END_TEST

START_TEST(magic_0_has_no_timestamps_to_find)
{
    struct buf buf = {0};
    struct record_place place;
    put_timed(&buf, 0, CODEC_SNAPPY);
    ck_assert_int_eq(batch_find_timestamp(buf_view(&buf), 0, 0, NULL, &place), ERR_NOT_FOUND);
    ck_assert_int_eq(batch_find_max_timestamp(buf_view(&buf), NULL, &place), ERR_NOT_FOUND);
    buf_close(&buf);
}
END_TEST

START_TEST(broken_batches_are_an_error_not_a_miss)
{
    struct buf buf = {0};
    struct record_place place;
    put_timed(&buf, 2, CODEC_NONE);
    buf.data[BATCH_V2_HEADER_SIZE] = 0x7e;
    ck_assert_int_eq(batch_find_timestamp(buf_view(&buf), 0, 0, NULL, &place), ERR_INVALID_RECORD);
    ck_assert_int_eq(batch_find_max_timestamp(view_of(buf.data, 30), NULL, &place), ERR_CORRUPT_MESSAGE);
    buf_close(&buf);
}
END_TEST

Suite *record_lookup_suite(void)
{
    Suite *suite = suite_create("record_lookup");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, first_record_at_or_after_a_timestamp_is_found, 0, CODEC_COUNT + 1);
    tcase_add_test(tcase, magic_0_has_no_timestamps_to_find);
    tcase_add_test(tcase, broken_batches_are_an_error_not_a_miss);
    suite_add_tcase(suite, tcase);
    return suite;
}
