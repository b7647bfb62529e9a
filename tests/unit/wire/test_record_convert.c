#include "base/be.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/record_convert.h"

static void put_batch(struct buf *out, int64_t base_offset, int32_t count, enum codec codec)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = base_offset;
    spec.codec = codec;
    put_set(out, &spec, count);
}

static void check_incomplete(const struct buf *out)
{
    struct view rest = buf_view(out);
    struct batch_info info;
    ck_assert_uint_ge(out->len, 12);
    ck_assert_int_eq(batch_next(&rest, &info, NULL), ERR_WOULD_BLOCK);
    ck_assert_uint_eq(rest.len, out->len);
}

START_TEST(records_below_the_fetch_offset_are_left_out_of_plain_batches_only)
{
    struct buf in = {0}, out = {0};
    struct view rest;
    struct batch_info info;
    put_batch(&in, 10, 5, CODEC_NONE);
    ck_assert(records_need_conversion(buf_view(&in), 1));
    ck_assert(!records_need_conversion(buf_view(&in), 2));
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 13, SIZE_MAX, NULL, &out, NULL, NULL), ERR_NONE);
    rest = buf_view(&out);
    for (int i = 13; i < 15; i++) {
        ck_assert_int_eq(batch_next(&rest, &info, NULL), ERR_NONE);
        ck_assert_int_eq(info.last_offset, i);
        ck_assert_int_eq(info.max_timestamp, T0 + i - 10);
    }
    ck_assert_uint_eq(rest.len, 0);
    buf_clear(&in);
    buf_clear(&out);
    put_batch(&in, 10, 5, CODEC_LZ4);
    ck_assert_int_eq(records_down_convert(buf_view(&in), 0, 13, SIZE_MAX, NULL, &out, NULL, NULL), ERR_NONE);
    rest = buf_view(&out);
    ck_assert_int_eq(batch_next(&rest, &info, NULL), ERR_NONE);
    ck_assert_int_eq(info.last_offset, 14);
    ck_assert_int_eq(info.codec, CODEC_LZ4);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

START_TEST(control_batches_alone_become_an_incomplete_entry)
{
    struct buf in = {0}, out = {0};
    put_hex(&in, HEX_COMMIT_MARKER);
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 42, SIZE_MAX, NULL, &out, NULL, NULL), ERR_NONE);
    check_incomplete(&out);
    ck_assert_int_eq(be_get_i64(out.data), 42);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

START_TEST(nothing_in_nothing_out)
{
    struct buf in = {0}, out = {0};
    put_batch(&in, 0, 2, CODEC_NONE);
    in.len -= 1; /* no complete entry */
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 0, SIZE_MAX, NULL, &out, NULL, NULL), ERR_NONE);
    ck_assert_uint_eq(out.len, 0);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

START_TEST(zstd_cannot_be_converted_and_takes_back_what_was_written)
{
    struct buf in = {0}, out = {0};
    struct errmsg why;
    buf_put_str(&out, "before");
    put_batch(&in, 0, 2, CODEC_GZIP);
    put_batch(&in, 2, 2, CODEC_ZSTD);
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 0, SIZE_MAX, NULL, &out, NULL, &why),
                     ERR_UNSUPPORTED_COMPRESSION_TYPE);
    ck_assert_uint_eq(out.len, 6);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

START_TEST(low_entries_are_copied_and_statistics_count_the_others)
{
    struct buf in = {0}, out = {0};
    struct convert_stats stats;
    put_hex(&in, HEX_MESSAGE_V1);
    put_hex(&in, HEX_MESSAGE_V0);
    size_t low = in.len;
    put_batch(&in, 5, 7, CODEC_SNAPPY);
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 0, SIZE_MAX, NULL, &out, &stats, NULL), ERR_NONE);
    ck_assert(view_equal(view_of(out.data, low), view_of(in.data, low)));
    ck_assert_int_eq(stats.converted_count, 7);
    ck_assert_uint_gt(stats.temporary_bytes, in.len);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

START_TEST(limit_stops_after_the_first_entry_that_reaches_it)
{
    struct buf in = {0}, out = {0};
    struct convert_stats stats;
    for (int i = 0; i < 10; i++)
        put_batch(&in, i * 10, 10, CODEC_GZIP);
    ck_assert_int_eq(records_down_convert(buf_view(&in), 1, 0, 1, NULL, &out, &stats, NULL), ERR_NONE);
    ck_assert_int_eq(stats.converted_count, 10);
    buf_close(&in);
    buf_close(&out);
}
END_TEST

Suite *record_convert_suite(void)
{
    Suite *suite = suite_create("record_convert");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, records_below_the_fetch_offset_are_left_out_of_plain_batches_only);
    tcase_add_test(tcase, control_batches_alone_become_an_incomplete_entry);
    tcase_add_test(tcase, nothing_in_nothing_out);
    tcase_add_test(tcase, zstd_cannot_be_converted_and_takes_back_what_was_written);
    tcase_add_test(tcase, low_entries_are_copied_and_statistics_count_the_others);
    tcase_add_test(tcase, limit_stops_after_the_first_entry_that_reaches_it);
    suite_add_tcase(suite, tcase);
    return suite;
}
