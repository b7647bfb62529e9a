#include "storage/checkpoint_file.h"

#include <stdlib.h>

#include "state_suites.h"
#include "state_vectors.h"
#include "storage/leader_epochs.h"
#include "storage/offset_map.h"

/* What Kafka's own reader made of the text: a number of entries, or BAD. */
static void expect(struct view verdict, enum err err, size_t count, struct view text)
{
    if (view_equal_str(verdict, "BAD")) {
        ck_assert_msg(err == ERR_CORRUPT_FILE, "\"%.*s\" was taken", VIEW_FMT(text));
        return;
    }
    int32_t want;
    ck_assert(checkpoint_parse_i32(verdict, &want));
    ck_assert_msg(err == ERR_NONE, "\"%.*s\" was refused", VIEW_FMT(text));
    ck_assert_uint_eq(count, (size_t)want);
}

START_TEST(texts_are_taken_and_refused_as_by_kafka)
{
    struct buf file = vector_load("checkpoint-texts.tsv");
    struct buf text = {0};
    struct view rest = buf_view(&file);
    struct view line;
    int cases = 0;
    while (vector_line(&rest, &line)) {
        struct view hex, offsets_verdict, epochs_verdict;
        ck_assert(vector_field(&line, &hex) && vector_field(&line, &offsets_verdict) &&
                  vector_field(&line, &epochs_verdict));
        vector_unhex(hex, &text);
        struct errmsg why = {""};
        struct offset_map map = {0};
        enum err err = offset_map_parse(&map, buf_view(&text), "f", &why);
        expect(offsets_verdict, err, map.count, buf_view(&text));
        ck_assert_int_eq(why.text[0] != '\0', err != ERR_NONE);
        offset_map_close(&map);
        struct leader_epochs epochs = {0};
        err = leader_epochs_parse(&epochs, buf_view(&text), "f", &why);
        /* Kafka's file takes a negative epoch, its cache then does not. */
        if (view_equal_str(buf_view(&text), "0\n1\n-1 5\n"))
            ck_assert_int_eq(err, ERR_CORRUPT_FILE);
        else
            expect(epochs_verdict, err, epochs.count, buf_view(&text));
        leader_epochs_close(&epochs);
        cases++;
    }
    ck_assert_int_gt(cases, 30);
    buf_close(&text);
    buf_close(&file);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_make_a_file_corrupt)
{
    struct offset_map map = {0};
    struct errmsg why;
    ck_assert_int_eq(offset_map_parse(&map, VIEW_LIT("0\n1\na\xff 0 5\n"), "f", &why), ERR_CORRUPT_FILE);
    ck_assert_int_eq(offset_map_parse(&map, VIEW_LIT("0\n1\na\xef\xbf\xbd 0 5\n"), "f", &why), ERR_NONE);
    offset_map_close(&map);
}
END_TEST

START_TEST(a_huge_count_is_refused_without_room_for_it)
{
    struct offset_map map = {0};
    struct errmsg why;
    ck_assert_int_eq(offset_map_parse(&map, VIEW_LIT("0\n2147483647\na 0 5\n"), "dir/f", &why),
                     ERR_CORRUPT_FILE);
    ck_assert_str_eq(why.text, "Expected [2147483647] entries in checkpoint file [dir/f], but found [1]");
    offset_map_close(&map);
}
END_TEST

START_TEST(every_cut_of_a_file_is_corrupt_or_empty)
{
    struct view whole = VIEW_LIT("0\n2\norders 0 10\norders 1 20\n");
    for (size_t len = 0; len < whole.len - 1; len++) {
        struct offset_map map = {0};
        enum err err = offset_map_parse(&map, view_of(whole.ptr, len), "f", NULL);
        /* Cut inside the last number it cannot be told from a whole one, by Kafka neither. */
        if (len < whole.len - 2)
            ck_assert(err == ERR_CORRUPT_FILE || map.count == 0);
        offset_map_close(&map);
    }
}
END_TEST

START_TEST(numbers_are_read_as_java_reads_them)
{
    int64_t i64;
    int32_t i32;
    ck_assert(checkpoint_parse_i64(VIEW_LIT("-9223372036854775808"), &i64) && i64 == INT64_MIN);
    ck_assert(checkpoint_parse_i64(VIEW_LIT("+000000000000000000000001"), &i64) && i64 == 1);
    ck_assert(!checkpoint_parse_i64(VIEW_LIT("-9223372036854775809"), &i64));
    ck_assert(!checkpoint_parse_i64(VIEW_LIT("9223372036854775808"), &i64));
    ck_assert(!checkpoint_parse_i64(VIEW_LIT(""), &i64));
    ck_assert(!checkpoint_parse_i64(VIEW_LIT("-"), &i64));
    ck_assert(!checkpoint_parse_i64(VIEW_LIT("+-1"), &i64));
    ck_assert(!checkpoint_parse_i64(VIEW_LIT("1 "), &i64));
    ck_assert(checkpoint_parse_i32(VIEW_LIT("-2147483648"), &i32) && i32 == INT32_MIN);
    ck_assert(!checkpoint_parse_i32(VIEW_LIT("2147483648"), &i32));
}
END_TEST

Suite *checkpoint_file_suite(void)
{
    Suite *suite = suite_create("checkpoint_file");
    TCase *tc = tcase_create("checkpoint_file");
    tcase_add_test(tc, texts_are_taken_and_refused_as_by_kafka);
    tcase_add_test(tc, bytes_that_are_not_utf8_make_a_file_corrupt);
    tcase_add_test(tc, a_huge_count_is_refused_without_room_for_it);
    tcase_add_test(tc, every_cut_of_a_file_is_corrupt_or_empty);
    tcase_add_test(tc, numbers_are_read_as_java_reads_them);
    suite_add_tcase(suite, tc);
    return suite;
}
