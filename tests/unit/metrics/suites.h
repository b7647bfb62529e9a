/* The suites of the room metrics. */
#ifndef BARNABAS_TESTS_METRICS_SUITES_H
#define BARNABAS_TESTS_METRICS_SUITES_H

#include <check.h>

Suite *exposition_suite(void);
Suite *metric_table_suite(void);
Suite *metrics_suite(void);

#endif
