/* The suites of the room base. */
#ifndef BARNABAS_TESTS_BASE_SUITES_H
#define BARNABAS_TESTS_BASE_SUITES_H

#include <check.h>

Suite *hash_suite(void);

#endif
