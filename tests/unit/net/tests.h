#ifndef BARNABAS_TESTS_UNIT_NET_H
#define BARNABAS_TESTS_UNIT_NET_H

#include <check.h>

Suite *chunk_suite(void);
Suite *reply_suite(void);
Suite *server_suite(void);
Suite *limits_suite(void);
Suite *files_suite(void);
Suite *channel_suite(void);
Suite *presence_suite(void);
Suite *threads_suite(void);

#endif
