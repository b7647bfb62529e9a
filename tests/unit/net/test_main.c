#include <stdlib.h>

#include "tests.h"

int main(void)
{
    SRunner *runner = srunner_create(chunk_suite());
    srunner_add_suite(runner, reply_suite());
    srunner_add_suite(runner, server_suite());
    srunner_add_suite(runner, limits_suite());
    srunner_add_suite(runner, files_suite());
    srunner_add_suite(runner, channel_suite());
    srunner_add_suite(runner, presence_suite());
    srunner_add_suite(runner, threads_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
