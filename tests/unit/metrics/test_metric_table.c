#include "metrics/metric_table.h"

#include <check.h>
#include <ctype.h>
#include <stdbool.h>
#include <string.h>

#include "suites.h"

START_TEST(names_are_what_prometheus_takes)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const char *name = metric_info((enum metric)i)->name;
        ck_assert_msg(islower((unsigned char)name[0]), "%s", name);
        for (const char *at = name; *at; at++)
            ck_assert_msg(islower((unsigned char)*at) || isdigit((unsigned char)*at) || *at == '_', "%s",
                          name);
    }
}
END_TEST

START_TEST(counters_and_only_they_end_in_total)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_info *info = metric_info((enum metric)i);
        size_t len = strlen(info->name);
        bool total = len > 6 && strcmp(info->name + len - 6, "_total") == 0;
        ck_assert_msg(total == (info->kind == METRIC_COUNTER), "%s", info->name);
    }
}
END_TEST

START_TEST(rows_of_one_name_stand_together_and_the_first_has_the_help)
{
    for (int i = 0; i < METRIC_COUNT; i++) {
        const struct metric_info *info = metric_info((enum metric)i);
        bool first = true;
        for (int j = 0; j < i; j++)
            if (strcmp(metric_info((enum metric)j)->name, info->name) == 0) {
                first = false;
                ck_assert_msg(strcmp(metric_info((enum metric)(i - 1))->name, info->name) == 0, "%s",
                              info->name);
            }
        ck_assert_msg(first == (*info->help != '\0'), "%s", info->name);
    }
}
END_TEST

START_TEST(metrics_with_a_series_for_each_topic_come_first)
{
    for (int i = 0; i < METRIC_COUNT; i++)
        ck_assert_int_eq(metric_info((enum metric)i)->kept == METRIC_KEPT_TOPIC, i < METRIC_TOPIC_COUNT);
}
END_TEST

START_TEST(every_heading_stands_before_a_row)
{
    ck_assert_ptr_nonnull(metric_heading(METRIC_MESSAGES_IN));
    ck_assert_ptr_nonnull(metric_heading(METRIC_REQUESTS));
    ck_assert_ptr_null(metric_heading(METRIC_ERRORS));
}
END_TEST

Suite *metric_table_suite(void)
{
    Suite *suite = suite_create("metric_table");
    TCase *tcase = tcase_create("all");
    tcase_add_test(tcase, names_are_what_prometheus_takes);
    tcase_add_test(tcase, counters_and_only_they_end_in_total);
    tcase_add_test(tcase, rows_of_one_name_stand_together_and_the_first_has_the_help);
    tcase_add_test(tcase, metrics_with_a_series_for_each_topic_come_first);
    tcase_add_test(tcase, every_heading_stands_before_a_row);
    suite_add_tcase(suite, tcase);
    return suite;
}
