#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(znode_json_suite());
    srunner_add_suite(runner, znode_schema_suite());
    srunner_add_suite(runner, sync_suite());
    srunner_add_suite(runner, client_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
