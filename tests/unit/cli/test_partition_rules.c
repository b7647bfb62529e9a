#include "cli/partition_rules.h"

#include "base/mem.h"
#include "suites.h"

static struct partition_rules rules;
static struct errmsg why;

static void close_rules(void)
{
    partition_rules_close(&rules);
}

static bool matches(const char *topic, int32_t partition)
{
    return partition_rules_match(&rules, view_str(topic), partition);
}

START_TEST(a_rule_is_a_topic_with_a_number_or_a_range)
{
    ck_assert(partition_rules_parse(&rules, "a:1,b:2-4,c:5-,d:-2,e.*", &why));
    ck_assert(matches("a", 1) && !matches("a", 0) && !matches("a", 2));
    ck_assert(!matches("b", 1) && matches("b", 2) && matches("b", 3) && !matches("b", 4));
    ck_assert(!matches("c", 4) && matches("c", 5) && matches("c", 1000));
    ck_assert(matches("d", 0) && matches("d", 1) && !matches("d", 2));
    ck_assert(matches("e2", 7) && !matches("f", 7));
}
END_TEST

START_TEST(a_rule_without_a_topic_means_all_of_them)
{
    ck_assert(partition_rules_parse(&rules, ":3", &why));
    ck_assert(matches("any", 3) && !matches("any", 2));
}
END_TEST

START_TEST(what_is_no_rule_is_refused)
{
    static const char *const bad[] = {"a:x", "a:1:2", "a:1-2-3", "a:99999999999"};
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        ck_assert_msg(!partition_rules_parse(&rules, bad[i], &why), "%s", bad[i]);
        partition_rules_close(&rules);
    }
    ck_assert(!partition_rules_of_lists(&rules, "a", "1,x", &why));
}
END_TEST

START_TEST(lists_of_partitions_count_for_every_topic)
{
    ck_assert(partition_rules_of_lists(&rules, "a|b", "0,2", &why));
    ck_assert(matches("a", 0) && matches("b", 2) && !matches("a", 1) && !matches("c", 0));
    partition_rules_close(&rules);
    ck_assert(partition_rules_of_lists(&rules, NULL, NULL, &why));
    ck_assert(matches("any", 12));
}
END_TEST

Suite *partition_rules_suite(void)
{
    Suite *suite = suite_create("partition_rules");
    TCase *tc = tcase_create("partition_rules");
    tcase_add_checked_fixture(tc, NULL, close_rules);
    tcase_add_test(tc, a_rule_is_a_topic_with_a_number_or_a_range);
    tcase_add_test(tc, a_rule_without_a_topic_means_all_of_them);
    tcase_add_test(tc, what_is_no_rule_is_refused);
    tcase_add_test(tc, lists_of_partitions_count_for_every_topic);
    suite_add_tcase(suite, tc);
    return suite;
}
