/* Runs the suites of wire's record sets. */
#include <check.h>
#include <stdlib.h>

#include "records_suites.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {
        record_batch_suite,    record_builder_suite, record_iter_suite,
        record_validate_suite, record_lookup_suite,  record_convert_suite,
        compress_suite,        record_java_suite,    record_skim_suite,
    };
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
