/* Runs the suites of core/group. */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(records_suite());
    srunner_add_suite(runner, offsets_suite());
    srunner_add_suite(runner, join_suite());
    srunner_add_suite(runner, sync_suite());
    srunner_add_suite(runner, static_suite());
    srunner_add_suite(runner, commit_suite());
    srunner_add_suite(runner, txn_suite());
    srunner_add_suite(runner, loader_suite());
    srunner_add_suite(runner, expiry_suite());
    srunner_add_suite(runner, describe_suite());
    srunner_add_suite(runner, property_suite());
    srunner_add_suite(runner, table_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
