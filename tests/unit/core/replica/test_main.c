/* Runs the suites of core/replica. */
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(roles_suite());
    srunner_add_suite(runner, followers_suite());
    srunner_add_suite(runner, isr_suite());
    srunner_add_suite(runner, nearest_suite());
    srunner_add_suite(runner, stray_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
