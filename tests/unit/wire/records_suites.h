/* The suites of the record-set half of the room wire. */
#ifndef BARNABAS_TESTS_WIRE_RECORDS_SUITES_H
#define BARNABAS_TESTS_WIRE_RECORDS_SUITES_H

#include <check.h>

Suite *compress_suite(void);
Suite *record_batch_suite(void);
Suite *record_builder_suite(void);
Suite *record_convert_suite(void);
Suite *record_iter_suite(void);
Suite *record_java_suite(void);
Suite *record_lookup_suite(void);
Suite *record_skim_suite(void);
Suite *record_validate_suite(void);

#endif
