#include "base/view.h"

#include <check.h>
#include <stdlib.h>

#include "suites.h"

START_TEST(null_and_empty_differ)
{
    ck_assert(view_is_null(VIEW_NULL));
    ck_assert(view_is_null(view_str(NULL)));
    ck_assert(!view_is_null(VIEW_LIT("")));
    ck_assert(!view_equal(VIEW_NULL, VIEW_LIT("")));
    ck_assert(view_equal(VIEW_NULL, VIEW_NULL));
    ck_assert(view_equal(VIEW_LIT(""), view_str("")));
}
END_TEST

START_TEST(equal_compares_bytes)
{
    ck_assert(view_equal_str(VIEW_LIT("abc"), "abc"));
    ck_assert(!view_equal_str(VIEW_LIT("abc"), "abd"));
    ck_assert(!view_equal_str(VIEW_LIT("abc"), "ab"));
    ck_assert(!view_equal(VIEW_LIT("a\0b"), VIEW_LIT("a\0c")));
}
END_TEST

START_TEST(compare_orders_unsigned_bytes_and_shorter_first)
{
    ck_assert_int_lt(view_compare(VIEW_LIT("a"), VIEW_LIT("b")), 0);
    ck_assert_int_lt(view_compare(VIEW_LIT("a"), VIEW_LIT("ab")), 0);
    ck_assert_int_gt(view_compare(VIEW_LIT("\xff"), VIEW_LIT("\x01")), 0);
    ck_assert_int_eq(view_compare(VIEW_LIT("ab"), VIEW_LIT("ab")), 0);
    ck_assert_int_eq(view_compare(VIEW_NULL, VIEW_LIT("")), 0);
}
END_TEST

START_TEST(cstr_is_a_copy_and_null_stays_null)
{
    char *text = view_to_cstr(view_of("orders-3", 6));
    ck_assert_str_eq(text, "orders");
    free(text);
    text = view_to_cstr(VIEW_LIT(""));
    ck_assert_str_eq(text, "");
    free(text);
    ck_assert_ptr_null(view_to_cstr(VIEW_NULL));
}
END_TEST

Suite *view_suite(void)
{
    Suite *suite = suite_create("view");
    TCase *tc = tcase_create("view");
    tcase_add_test(tc, null_and_empty_differ);
    tcase_add_test(tc, equal_compares_bytes);
    tcase_add_test(tc, compare_orders_unsigned_bytes_and_shorter_first);
    tcase_add_test(tc, cstr_is_a_copy_and_null_stays_null);
    suite_add_tcase(suite, tc);
    return suite;
}
