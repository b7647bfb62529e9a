/* Runs the suites of core/controller. */
#include <stdlib.h>

#include "base/log.h"
#include "suites.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {
        assign_suite, election_suite,     topic_name_suite, term_suite,      failover_suite,
        topics_suite, deletion_suite,     brokers_suite,    outbox_suite,    requests_suite,
        faults_suite, reassignment_suite, silence_suite,    suspicion_suite, trust_suite,
    };
    if (!getenv("TEST_LOG"))
        log_set_fd(-1);
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
