#include <stdlib.h>

#include "tests.h"

int main(void)
{
    SRunner *runner = srunner_create(loop_suite());
    srunner_add_suite(runner, latch_suite());
    srunner_add_suite(runner, snapshot_suite());
    srunner_add_suite(runner, workers_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
