#ifndef BARNABAS_TESTS_UNIT_ZK_H
#define BARNABAS_TESTS_UNIT_ZK_H

#include <check.h>

Suite *znode_json_suite(void);
Suite *znode_schema_suite(void);
Suite *sync_suite(void);
/* Against a real ZooKeeper server; empty where there is none. */
Suite *client_suite(void);

#endif
