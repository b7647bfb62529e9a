#ifndef BARNABAS_TESTS_UNIT_LOOP_H
#define BARNABAS_TESTS_UNIT_LOOP_H

#include <check.h>

Suite *latch_suite(void);
Suite *loop_suite(void);
Suite *snapshot_suite(void);
Suite *workers_suite(void);

#endif
