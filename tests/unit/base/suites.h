/* The suites of the room base. */
#ifndef BARNABAS_TESTS_BASE_SUITES_H
#define BARNABAS_TESTS_BASE_SUITES_H

#include <check.h>

Suite *arena_suite(void);
Suite *assert_suite(void);
Suite *be_suite(void);
Suite *buf_suite(void);
Suite *err_suite(void);
Suite *errmsg_suite(void);
Suite *hash_suite(void);
Suite *heap_suite(void);
Suite *histogram_suite(void);
Suite *list_suite(void);
Suite *log_suite(void);
Suite *map_suite(void);
Suite *mem_suite(void);
Suite *prng_suite(void);
Suite *properties_suite(void);
Suite *utf8_suite(void);
Suite *uuid_suite(void);
Suite *varint_suite(void);
Suite *view_suite(void);

#endif
