#ifndef BARNABAS_TESTS_UNIT_CORE_REPLICA_SUITES_H
#define BARNABAS_TESTS_UNIT_CORE_REPLICA_SUITES_H

#include <check.h>

Suite *roles_suite(void);
Suite *followers_suite(void);
Suite *isr_suite(void);
Suite *nearest_suite(void);
Suite *stray_suite(void);

#endif
