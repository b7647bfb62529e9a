#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(options_suite());
    srunner_add_suite(runner, addresses_suite());
    srunner_add_suite(runner, line_reader_suite());
    srunner_add_suite(runner, formatter_suite());
    srunner_add_suite(runner, groups_csv_suite());
    srunner_add_suite(runner, groups_zookeeper_suite());
    srunner_add_suite(runner, java_suite());
    srunner_add_suite(runner, java_time_suite());
    srunner_add_suite(runner, topic_filter_suite());
    srunner_add_suite(runner, config_edits_suite());
    srunner_add_suite(runner, partition_rules_suite());
    srunner_add_suite(runner, reassign_suite());
    srunner_add_suite(runner, topics_suite());
    srunner_add_suite(runner, zk_check_suite());
    srunner_add_suite(runner, zk_edits_suite());
    srunner_add_suite(runner, zk_findings_suite());
    srunner_add_suite(runner, zk_tree_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
