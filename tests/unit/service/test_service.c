#include <stdlib.h>

#include "suites.h"

int main(void)
{
    SRunner *runner = srunner_create(append_suite());
    srunner_add_suite(runner, cleaner_suite());
    srunner_add_suite(runner, config_edit_suite());
    srunner_add_suite(runner, controlled_shutdown_suite());
    srunner_add_suite(runner, controller_channel_suite());
    srunner_add_suite(runner, controller_wire_suite());
    srunner_add_suite(runner, flush_suite());
    srunner_add_suite(runner, lookup_suite());
    srunner_add_suite(runner, hang_watch_suite());
    srunner_add_suite(runner, control_fence_suite());
    srunner_add_suite(runner, dir_parts_suite());
    srunner_add_suite(runner, followers_suite());
    srunner_add_suite(runner, group_appends_suite());
    srunner_add_suite(runner, groups_hold_suite());
    srunner_add_suite(runner, groups_suite());
    srunner_add_suite(runner, incarnation_suite());
    srunner_add_suite(runner, isr_changes_suite());
    srunner_add_suite(runner, isr_znodes_suite());
    srunner_add_suite(runner, fetchers_suite());
    srunner_add_suite(runner, follow_suite());
    srunner_add_suite(runner, move_plan_suite());
    srunner_add_suite(runner, mover_suite());
    srunner_add_suite(runner, partition_suite());
    srunner_add_suite(runner, roles_suite());
    srunner_add_suite(runner, session_record_suite());
    srunner_add_suite(runner, settings_suite());
    srunner_add_suite(runner, stop_suite());
    srunner_add_suite(runner, suspected_suite());
    srunner_add_suite(runner, takeover_sync_suite());
    srunner_add_suite(runner, upkeep_suite());
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
