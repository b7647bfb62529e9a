#include "base/errmsg.h"

#include <check.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "suites.h"

START_TEST(layers_prefix_what_they_were_doing)
{
    struct errmsg why;
    errmsg_set_errno(&why, ENOSPC, "read %s", "index");
    errmsg_prefix(&why, "open log %s-%d", "orders", 3);
    ck_assert_str_eq(why.text, "open log orders-3: read index: No space left on device");
    errmsg_set(&why, "%d", 7);
    ck_assert_str_eq(why.text, "7");
}
END_TEST

START_TEST(null_is_accepted)
{
    errmsg_set(NULL, "%d", 1);
    errmsg_prefix(NULL, "%d", 1);
    errmsg_set_errno(NULL, EIO, "%d", 1);
}
END_TEST

START_TEST(long_texts_are_cut_at_the_far_end)
{
    struct errmsg why;
    errmsg_set(&why, "%0300d", 1);
    ck_assert_uint_eq(strlen(why.text), sizeof why.text - 1);
    errmsg_prefix(&why, "here");
    ck_assert_uint_eq(strlen(why.text), sizeof why.text - 1);
    ck_assert_int_eq(strncmp(why.text, "here: 000", 9), 0);
    for (int head = 240; head < 270; head++) {
        errmsg_set(&why, "tail");
        errmsg_prefix(&why, "%0*d", head, 1);
        ck_assert_uint_lt(strlen(why.text), sizeof why.text);
    }
}
END_TEST

START_TEST(argument_may_be_the_present_text)
{
    struct errmsg why;
    errmsg_set(&why, "disk full");
    errmsg_set(&why, "again %s", why.text);
    ck_assert_str_eq(why.text, "again disk full");
    errmsg_prefix(&why, "%s", why.text);
    ck_assert_str_eq(why.text, "again disk full: again disk full");
}
END_TEST

Suite *errmsg_suite(void)
{
    Suite *suite = suite_create("errmsg");
    TCase *tc = tcase_create("errmsg");
    tcase_add_test(tc, layers_prefix_what_they_were_doing);
    tcase_add_test(tc, null_is_accepted);
    tcase_add_test(tc, long_texts_are_cut_at_the_far_end);
    tcase_add_test(tc, argument_may_be_the_present_text);
    suite_add_tcase(suite, tc);
    return suite;
}
