#include <string.h>

#include "core/controller/topic_name.h"
#include "suites.h"

START_TEST(names_follow_kafkas_rules)
{
    char longest[250];
    memset(longest, 'a', 249);
    longest[249] = '\0';
    ck_assert(topic_name_is_valid("orders.eu_1-x", NULL));
    ck_assert(topic_name_is_valid(longest, NULL));
    ck_assert(!topic_name_is_valid("", NULL));
    ck_assert(!topic_name_is_valid(".", NULL));
    ck_assert(!topic_name_is_valid("..", NULL));
    ck_assert(!topic_name_is_valid("a b", NULL));
    ck_assert(!topic_name_is_valid("a/b", NULL));
    char too_long[251];
    memset(too_long, 'a', 250);
    too_long[250] = '\0';
    ck_assert(!topic_name_is_valid(too_long, NULL));
}
END_TEST

START_TEST(dot_and_underscore_collide)
{
    ck_assert(topic_names_collide("a.b_c", "a_b.c"));
    ck_assert(!topic_names_collide("a.b", "a.bc"));
    ck_assert(topic_name_may_collide("a.b"));
    ck_assert(!topic_name_may_collide("ab"));
}
END_TEST

Suite *topic_name_suite(void)
{
    Suite *suite = suite_create("topic_name");
    TCase *tcase = tcase_create("topic_name");
    tcase_add_test(tcase, names_follow_kafkas_rules);
    tcase_add_test(tcase, dot_and_underscore_collide);
    suite_add_tcase(suite, tcase);
    return suite;
}
