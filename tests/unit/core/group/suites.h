#ifndef BARNABAS_TESTS_UNIT_CORE_GROUP_SUITES_H
#define BARNABAS_TESTS_UNIT_CORE_GROUP_SUITES_H

#include <check.h>

Suite *records_suite(void);
Suite *offsets_suite(void);
Suite *join_suite(void);
Suite *sync_suite(void);
Suite *static_suite(void);
Suite *commit_suite(void);
Suite *txn_suite(void);
Suite *loader_suite(void);
Suite *expiry_suite(void);
Suite *describe_suite(void);
Suite *property_suite(void);
Suite *table_suite(void);

#endif
