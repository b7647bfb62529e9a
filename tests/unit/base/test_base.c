/* Runs the suites of the room base, one for each of its source files. */
#include <check.h>
#include <stdlib.h>

#include "suites.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {
        arena_suite,      assert_suite,    be_suite,   buf_suite,    err_suite,  errmsg_suite, hash_suite,
        heap_suite,       histogram_suite, list_suite, log_suite,    map_suite,  mem_suite,    prng_suite,
        properties_suite, utf8_suite,      uuid_suite, varint_suite, view_suite,
    };
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
