#include "cli/config_edits.h"

#include "suites.h"

static struct arena arena;
static struct config_edits edits;
static struct errmsg why;

static void clear(void)
{
    arena_close(&arena);
    edits = (struct config_edits){0};
}

START_TEST(pairs_are_parted_by_commas_outside_of_brackets)
{
    ck_assert(config_edits_add(&edits, "a=1, b = [x,y=z] ,c=", &arena, &why));
    ck_assert_int_eq(edits.count, 3);
    ck_assert_str_eq(edits.items[0].name, "a");
    ck_assert_str_eq(edits.items[0].value, "1");
    ck_assert_str_eq(edits.items[1].name, "b");
    ck_assert_str_eq(edits.items[1].value, "x,y=z");
    ck_assert_str_eq(edits.items[2].value, "");
}
END_TEST

START_TEST(a_name_given_twice_counts_once)
{
    ck_assert(config_edits_add(&edits, "a=1,a=2", &arena, &why));
    ck_assert_int_eq(edits.count, 1);
    ck_assert_str_eq(edits.items[0].value, "2");
}
END_TEST

START_TEST(what_is_no_pair_is_refused)
{
    ck_assert(!config_edits_add(&edits, "a", &arena, &why));
    ck_assert(!config_edits_add(&edits, "a=b=c", &arena, &why));
    ck_assert_ptr_nonnull(strstr(why.text, "must be in the format \"key=val\""));
    ck_assert(!config_edits_add(&edits, "a b=1", &arena, &why));
    ck_assert_str_eq(why.text, "Invalid character found for config key: a b");
}
END_TEST

START_TEST(names_to_remove_have_no_value)
{
    config_edits_remove(&edits, "a, b,,", &arena);
    ck_assert_int_eq(edits.count, 2);
    ck_assert_str_eq(edits.items[1].name, "b");
    ck_assert_ptr_null(edits.items[1].value);
}
END_TEST

Suite *config_edits_suite(void)
{
    Suite *suite = suite_create("config_edits");
    TCase *tc = tcase_create("config_edits");
    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, pairs_are_parted_by_commas_outside_of_brackets);
    tcase_add_test(tc, a_name_given_twice_counts_once);
    tcase_add_test(tc, what_is_no_pair_is_refused);
    tcase_add_test(tc, names_to_remove_have_no_value);
    suite_add_tcase(suite, tc);
    return suite;
}
