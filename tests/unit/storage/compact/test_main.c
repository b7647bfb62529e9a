/* Runs the suites of compaction. */
#include <stdlib.h>

#include "base/log.h"
#include "compact_rig.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {compact_parts_suite, compact_suite, compact_crash_suite,
                                             compact_model_suite, compact_superseded_suite};
    log_set_level(LOG_LEVEL_ERROR);
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
