/* Runs the suites of core/fetcher. */
#include <stdlib.h>

#include "base/log.h"
#include "rig.h"

int main(void)
{
    if (!getenv("TEST_LOG"))
        log_set_fd(-1);
    SRunner *runner = srunner_create(session_suite());
    srunner_add_suite(runner, answers_suite());
    srunner_add_suite(runner, epochs_suite());
    srunner_add_suite(runner, throttle_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
