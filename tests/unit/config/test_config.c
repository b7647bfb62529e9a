/* Runs the suites of the room config. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "suites.h"

struct config *load_reported(const char *more, struct config_report *report)
{
    struct buf text = {0};
    buf_put_str(&text, MINIMAL);
    buf_put_str(&text, more);
    struct config *config = config_load(buf_view(&text), "server.properties", NULL, 0, report);
    buf_close(&text);
    return config;
}

struct config *load_good(const char *more)
{
    struct config_report report = {0};
    struct config *config = load_reported(more, &report);
    for (size_t i = 0; i < report.count; i++)
        ck_assert_msg(report.items[i].severity != REPORT_ERROR, "%s: %s", report.items[i].name,
                      report.items[i].text);
    ck_assert_ptr_nonnull(config);
    config_report_close(&report);
    return config;
}

const struct config_problem *problem_about(const struct config_report *report, const char *name)
{
    for (size_t i = 0; i < report->count; i++)
        if (strcmp(report->items[i].name, name) == 0)
            return &report->items[i];
    return NULL;
}

void check_refused(const char *more, const char *name, const char *text)
{
    struct config_report report = {0};
    struct config *config = load_reported(more, &report);
    ck_assert_msg(config == NULL, "accepted: %s", more);
    bool found = false;
    for (size_t i = 0; i < report.count; i++) {
        const struct config_problem *problem = &report.items[i];
        found = found || (problem->severity == REPORT_ERROR && strcmp(problem->name, name) == 0 &&
                          strstr(problem->text, text) != NULL);
    }
    ck_assert_msg(found, "no error about %s with '%s' in: %s; there is: %s: %s", name, text, more,
                  report.items[0].name, report.items[0].text);
    config_report_close(&report);
}

int main(void)
{
    static Suite *(*const suites[])(void) = {
        config_table_suite, describe_suite, dynamic_suite,      inter_broker_suite,
        listeners_suite,    load_suite,     topic_config_suite, value_suite,
    };
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
