#include <stdlib.h>

#include "base/be.h"
#include "base/mem.h"
#include "records_suites.h"
#include "records_support.h"
#include "wire/record_iter.h"

/* Iterates an entry; how many records it gave, and the error. */
static int32_t count_records(struct view entry, enum record_iter_mode mode, enum err *err)
{
    struct record_iter it;
    struct record rec;
    int32_t n = 0;
    record_iter_open(&it, entry, mode, NULL, NULL);
    while (record_iter_next(&it, &rec))
        n++;
    *err = record_iter_close(&it);
    return n;
}

/* A v2 batch with these bytes for records, written by hand. */
static void put_raw(struct buf *out, const char *hex, int32_t count, enum codec codec)
{
    struct codec_ctx *ctx = codec_ctx_new();
    struct buf records = {0};
    put_hex(&records, hex);
    memset(buf_extend(out, BATCH_V2_HEADER_SIZE), 0, BATCH_V2_HEADER_SIZE);
    compress_all(ctx, codec, CODEC_LEVEL_DEFAULT, 2, buf_view(&records), out);
    be_put_i32(out->data + 8, (int32_t)out->len - BATCH_OVERHEAD);
    out->data[16] = 2;
    out->data[22] = (uint8_t)codec;
    be_put_i32(out->data + 23, count - 1);
    be_put_i32(out->data + 57, count);
    be_put_i32(out->data + 53, -1);
    batch_seal_crc(out->data);
    buf_close(&records);
    codec_ctx_free(ctx);
}

START_TEST(records_that_break_their_own_lengths_are_invalid)
{
    static const char *const broken[] = {
        "",                             /* nothing */
        "0e",                           /* the body is missing */
        "0e000000010100",               /* one byte too few */
        "0a00000001010000",             /* bytes after the last record */
        "0c00000001010000",             /* body longer than its fields */
        "0800000001010000",             /* body shorter than its fields */
        "01",                           /* negative length */
        "00",                           /* empty body */
        "feffffff0f",                   /* 2 GiB */
        "ffffffffff0f",                 /* length of six bytes */
        "0c000000026b0100",             /* key swallows the value's length */
        "0a0000007e0101",               /* key beyond the body */
        "0a0000000101ff01",             /* negative header count */
        "0c000000010102010100",         /* null header key */
        "0c00000001017e0000",           /* more headers than bytes */
        "1000000001010202780000",       /* header value missing */
        "0a00ffffffffffffffffff7f0001", /* timestamp delta of too many bytes */
    };
    for (int codec = 0; codec < CODEC_COUNT; codec++) {
        if (codec == CODEC_SNAPPY && !broken[_i][0])
            continue;
        struct buf buf = {0};
        enum err err;
        put_raw(&buf, broken[_i], 1, (enum codec)codec);
        for (int mode = RECORD_VIEW; mode <= RECORD_SKIM; mode++) {
            count_records(buf_view(&buf), (enum record_iter_mode)mode, &err);
            bool endless = strcmp(broken[_i], "ffffffffff0f") == 0;
            enum err expected = endless ? ERR_MALFORMED : ERR_INVALID_RECORD;
            ck_assert_msg(err == expected, "%s: %s", broken[_i], err_name(err));
        }
        buf_close(&buf);
    }
}
END_TEST

START_TEST(negative_lengths_of_key_and_value_mean_null)
{
    struct buf buf = {0};
    struct record_iter it;
    struct record rec;
    put_raw(&buf, "0c000000030500", 1, CODEC_NONE);
    buf.len = 0;
    put_raw(&buf, "0c000000030500", 1, CODEC_NONE);
    record_iter_open(&it, buf_view(&buf), RECORD_VIEW, NULL, NULL);
    ck_assert(record_iter_next(&it, &rec));
    ck_assert(view_is_null(rec.key) && view_is_null(rec.value));
    ck_assert_int_eq(rec.key_size, -1);
    ck_assert(!record_iter_next(&it, &rec));
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    buf_close(&buf);
}
END_TEST

START_TEST(records_larger_than_any_piece_are_read_whole)
{
    struct buf buf = {0}, value = {0};
    struct record_builder b;
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = (enum codec)_i;
    put_text(&value, 400000, 3);
    record_builder_open(&b, &spec, NULL, &buf);
    for (int i = 0; i < 5; i++)
        record_builder_put(&b, T0 + i, view_of(value.data, (size_t)i * 1000),
                           view_of(value.data, 400000 - (size_t)i));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    for (int mode = RECORD_VIEW; mode <= RECORD_SKIM; mode++) {
        struct record_iter it;
        struct record rec;
        record_iter_open(&it, buf_view(&buf), (enum record_iter_mode)mode, NULL, NULL);
        for (int i = 0; i < 5; i++) {
            ck_assert(record_iter_next(&it, &rec));
            ck_assert_int_eq(rec.key_size, i * 1000);
            ck_assert_int_eq(rec.value_size, 400000 - i);
            ck_assert_int_eq(rec.timestamp, T0 + i);
            if (mode == RECORD_VIEW)
                ck_assert(view_equal(rec.value, view_of(value.data, 400000 - (size_t)i)));
        }
        ck_assert(!record_iter_next(&it, &rec));
        ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    }
    buf_close(&buf);
    buf_close(&value);
}
END_TEST

START_TEST(limits_bound_a_record_and_the_whole)
{
    struct buf buf = {0}, value = {0};
    struct record_builder b;
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = CODEC_ZSTD;
    put_text(&value, 400000, 3);
    record_builder_open(&b, &spec, NULL, &buf);
    record_builder_put(&b, T0, VIEW_NULL, buf_view(&value));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    static const struct {
        struct record_iter_limits limits;
        enum record_iter_mode mode;
        enum err err;
    } cases[] = {
        {{399999, 1000000}, RECORD_VIEW, ERR_INVALID_RECORD},
        {{399999, 1000000}, RECORD_SKIM, ERR_NONE},
        {{500000, 399999}, RECORD_VIEW, ERR_INVALID_RECORD},
        {{500000, 399999}, RECORD_SKIM, ERR_INVALID_RECORD},
        {{500000, 500000}, RECORD_VIEW, ERR_NONE},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record_iter it;
        struct record rec;
        record_iter_open(&it, buf_view(&buf), cases[i].mode, &cases[i].limits, NULL);
        while (record_iter_next(&it, &rec))
            ;
        ck_assert_int_eq(record_iter_close(&it), cases[i].err);
    }
    buf_close(&buf);
    buf_close(&value);
}
END_TEST

/* Every magic and codec, small. */
static void put_kind(struct buf *out, int kind)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = (int8_t)(2 - kind / CODEC_COUNT);
    spec.codec = (enum codec)(kind % CODEC_COUNT);
    if (spec.magic < 2 && spec.codec == CODEC_ZSTD)
        spec.codec = CODEC_NONE;
    put_set(out, &spec, spec.magic < 2 && spec.codec == CODEC_NONE ? 1 : 6);
}

START_TEST(body_cut_at_any_byte_is_an_error_and_reads_nothing_beyond)
{
    struct buf buf = {0};
    put_kind(&buf, _i);
    enum err err;
    int32_t all = count_records(buf_view(&buf), RECORD_VIEW, &err);
    ck_assert_int_eq(err, ERR_NONE);
    size_t head = buf.data[16] == 2 ? BATCH_V2_HEADER_SIZE : 34;
    for (size_t len = head; len < buf.len; len++) {
        uint8_t *copy = mem_dup(buf.data, len);
        be_put_i32(copy + 8, (int32_t)len - BATCH_OVERHEAD);
        for (int mode = RECORD_VIEW; mode <= RECORD_SKIM; mode++) {
            int32_t n = count_records(view_of(copy, len), (enum record_iter_mode)mode, &err);
            /* A gzip trailer and the end of a snappy stream may be cut without a record being lost. */
            ck_assert(err || n < all || buf.data[16] < 2);
        }
        free(copy);
    }
    buf_close(&buf);
}
END_TEST

START_TEST(bit_flips_anywhere_are_survived)
{
    struct buf buf = {0};
    put_kind(&buf, _i);
    for (size_t i = 0; i < buf.len; i++) {
        for (int bit = 0; bit < 8; bit++) {
            enum err err;
            uint8_t *copy = mem_dup(buf.data, buf.len);
            copy[i] ^= (uint8_t)(1 << bit);
            count_records(view_of(copy, buf.len), RECORD_VIEW, &err);
            count_records(view_of(copy, buf.len), RECORD_SKIM, &err);
            free(copy);
        }
    }
    buf_close(&buf);
}
END_TEST

START_TEST(empty_batch_has_no_records_and_no_error)
{
    struct buf buf = {0};
    enum err err;
    put_hex(&buf, HEX_EMPTY_BATCH);
    ck_assert_int_eq(count_records(buf_view(&buf), RECORD_VIEW, &err), 0);
    ck_assert_int_eq(err, ERR_NONE);
    buf_close(&buf);
}
END_TEST

START_TEST(wrapper_of_magic_1_counts_inner_offsets_from_its_own)
{
    struct buf buf = {0};
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = 1;
    spec.codec = CODEC_GZIP;
    spec.base_offset = 1000;
    put_set(&buf, &spec, 4);
    static const struct {
        int64_t wrapper, first;
        enum err err;
    } cases[] = {{1003, 1000, ERR_NONE}, {0, 0, ERR_NONE}, {2, 0, ERR_INVALID_RECORD}, {3, 0, ERR_NONE}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct record_iter it;
        struct record rec;
        be_put_i64(buf.data, cases[i].wrapper);
        record_iter_open(&it, buf_view(&buf), RECORD_VIEW, NULL, NULL);
        for (int k = 0; k < 4 && !cases[i].err; k++) {
            ck_assert(record_iter_next(&it, &rec));
            ck_assert_int_eq(rec.offset, cases[i].first + k);
        }
        ck_assert(!record_iter_next(&it, &rec));
        ck_assert_int_eq(record_iter_close(&it), cases[i].err);
    }
    buf_close(&buf);
}
END_TEST

Suite *record_iter_suite(void)
{
    Suite *suite = suite_create("record_iter");
    TCase *tcase = tcase_create("all");
    tcase_set_timeout(tcase, 120);
    tcase_add_loop_test(tcase, records_that_break_their_own_lengths_are_invalid, 0, 17);
    tcase_add_test(tcase, negative_lengths_of_key_and_value_mean_null);
    tcase_add_loop_test(tcase, records_larger_than_any_piece_are_read_whole, 0, CODEC_COUNT);
    tcase_add_test(tcase, limits_bound_a_record_and_the_whole);
    tcase_add_loop_test(tcase, body_cut_at_any_byte_is_an_error_and_reads_nothing_beyond, 0, 3 * CODEC_COUNT);
    tcase_add_loop_test(tcase, bit_flips_anywhere_are_survived, 0, 3 * CODEC_COUNT);
    tcase_add_test(tcase, empty_batch_has_no_records_and_no_error);
    tcase_add_test(tcase, wrapper_of_magic_1_counts_inner_offsets_from_its_own);
    suite_add_tcase(suite, tcase);
    return suite;
}
