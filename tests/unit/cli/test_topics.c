#include "cli/topics.h"

#include "base/mem.h"
#include "suites.h"

static struct arena arena;
static struct errmsg why;

static void clear(void)
{
    arena_close(&arena);
}

START_TEST(an_assignment_lists_the_brokers_of_each_partition)
{
    struct topics_assignment got;
    ck_assert(topics_parse_assignment("1:2,2:10, 3 : 4", &arena, &got, &why));
    ck_assert_int_eq(got.partitions, 3);
    ck_assert_int_eq(got.replicas, 2);
    ck_assert_int_eq(got.brokers[0], 1);
    ck_assert_int_eq(got.brokers[3], 10);
    ck_assert_int_eq(got.brokers[5], 4);
}
END_TEST

START_TEST(an_empty_broker_at_the_end_of_a_list_is_dropped_as_java_does)
{
    struct topics_assignment got;
    ck_assert(topics_parse_assignment("1:,2", &arena, &got, &why));
    ck_assert_int_eq(got.replicas, 1);
}
END_TEST

START_TEST(an_assignment_that_is_none_is_refused)
{
    static const struct {
        const char *text;
        const char *message;
    } cases[] = {
        {"1:1", "Partition replica lists may not contain duplicate entries: 1"},
        {"1:2,3", "Partition 1 has different replication factor: [3]"},
        {"x", "For input string: \"x\""},
        {"1,,2", "Partition 1 has different"},
        {"99999999999", "For input string"},
    };
    struct topics_assignment got;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        why.text[0] = '\0';
        bool fine = topics_parse_assignment(cases[i].text, &arena, &got, &why);
        ck_assert_msg(!fine, "%s", cases[i].text);
        ck_assert_msg(strstr(why.text, cases[i].message) != NULL, "%s: %s", cases[i].text, why.text);
    }
}
END_TEST

Suite *topics_suite(void)
{
    Suite *suite = suite_create("topics");
    TCase *tc = tcase_create("topics");
    tcase_add_checked_fixture(tc, NULL, clear);
    tcase_add_test(tc, an_assignment_lists_the_brokers_of_each_partition);
    tcase_add_test(tc, an_assignment_that_is_none_is_refused);
    tcase_add_test(tc, an_empty_broker_at_the_end_of_a_list_is_dropped_as_java_does);
    suite_add_tcase(suite, tc);
    return suite;
}
