#ifndef BARNABAS_TESTS_UNIT_CLI_SUITES_H
#define BARNABAS_TESTS_UNIT_CLI_SUITES_H

#include <check.h>

Suite *options_suite(void);
Suite *addresses_suite(void);
Suite *line_reader_suite(void);
Suite *formatter_suite(void);
Suite *groups_csv_suite(void);
Suite *groups_zookeeper_suite(void);
Suite *java_suite(void);
Suite *java_time_suite(void);
Suite *topic_filter_suite(void);
Suite *config_edits_suite(void);
Suite *partition_rules_suite(void);
Suite *reassign_suite(void);
Suite *topics_suite(void);
Suite *zk_check_suite(void);
Suite *zk_edits_suite(void);
Suite *zk_findings_suite(void);
Suite *zk_tree_suite(void);

#endif
