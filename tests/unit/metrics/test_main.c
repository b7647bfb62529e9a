/* Runs the suites of the room metrics, one for each of its source files. */
#include <check.h>
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {exposition_suite, metric_table_suite, metrics_suite};
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
