#include "base/utf8.h"

#include <check.h>

#include "base/buf.h"
#include "suites.h"

/* Compares the code points of `bytes` with "hex hex ..." */
static void check_decodes(const char *bytes, const char *expected)
{
    struct view v = view_str(bytes);
    struct buf seen = {0};
    for (size_t pos = 0; pos < v.len;)
        buf_printf(&seen, "%s%x", seen.len ? " " : "", (unsigned)utf8_next(v, &pos));
    ck_assert_str_eq(buf_cstr(&seen), expected);
    buf_close(&seen);
}

START_TEST(legal_sequences_are_decoded_at_their_bounds)
{
    check_decodes("a\x7f", "61 7f");
    check_decodes("\xc2\x80\xdf\xbf", "80 7ff");
    check_decodes("\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf", "800 d7ff e000 ffff");
    check_decodes("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf", "10000 10ffff");
}
END_TEST

START_TEST(each_longest_start_of_a_sequence_is_one_replacement)
{
    check_decodes("\x80\xbf", "fffd fffd");
    check_decodes("\xc2", "fffd");
    check_decodes("\xe2\x82", "fffd");
    check_decodes("\xe2\x82x", "fffd 78");
    check_decodes("\xf0\x9f\x98", "fffd");
    check_decodes("\xf0\x9f\xf0\x9f\x98\x80", "fffd 1f600");
}
END_TEST

START_TEST(overlong_and_too_large_forms_are_replaced_byte_by_byte)
{
    check_decodes("\xc0\x80", "fffd fffd");
    check_decodes("\xe0\x9f\xbf", "fffd fffd fffd");
    check_decodes("\xf0\x8f\xbf\xbf", "fffd fffd fffd fffd");
    check_decodes("\xf4\x90\x80\x80", "fffd fffd fffd fffd");
    check_decodes("\xf5\x80\xff", "fffd fffd fffd");
}
END_TEST

START_TEST(surrogate_in_three_bytes_is_one_replacement)
{
    check_decodes("\xed\xa0\x80x", "fffd 78");
    check_decodes("\xed\xbf\xbf", "fffd");
}
END_TEST

Suite *utf8_suite(void)
{
    Suite *suite = suite_create("utf8");
    TCase *tc = tcase_create("utf8");
    tcase_add_test(tc, legal_sequences_are_decoded_at_their_bounds);
    tcase_add_test(tc, each_longest_start_of_a_sequence_is_one_replacement);
    tcase_add_test(tc, overlong_and_too_large_forms_are_replaced_byte_by_byte);
    tcase_add_test(tc, surrogate_in_three_bytes_is_one_replacement);
    suite_add_tcase(suite, tc);
    return suite;
}
