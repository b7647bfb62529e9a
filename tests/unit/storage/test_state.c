/* Runs the suites of the state beside the log: one for each source file, and a model of the producers. */
#include <check.h>
#include <stdlib.h>

#include "state_suites.h"

int main(void)
{
    static Suite *(*const suites[])(void) = {
        atomic_file_suite,    checkpoint_file_suite, id_index_suite,       leader_epochs_suite,
        log_dir_suite,        meta_properties_suite, move_mark_suite,      new_partitions_suite,
        offset_map_suite,     partition_files_suite, producer_model_suite, producer_snapshot_suite,
        producer_state_suite,
    };
    SRunner *runner = srunner_create(NULL);
    for (size_t i = 0; i < sizeof suites / sizeof suites[0]; i++)
        srunner_add_suite(runner, suites[i]());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
