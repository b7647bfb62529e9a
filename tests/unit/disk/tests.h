#ifndef BARNABAS_TESTS_UNIT_DISK_H
#define BARNABAS_TESTS_UNIT_DISK_H

#include <check.h>

Suite *posix_suite(void);
Suite *fault_disk_suite(void);

#endif
