#ifndef BARNABAS_TESTS_UNIT_SERVICE_H
#define BARNABAS_TESTS_UNIT_SERVICE_H

#include <check.h>

Suite *append_suite(void);
Suite *cleaner_suite(void);
Suite *config_edit_suite(void);
Suite *control_fence_suite(void);
Suite *controlled_shutdown_suite(void);
Suite *controller_channel_suite(void);
Suite *controller_wire_suite(void);
Suite *flush_suite(void);
Suite *lookup_suite(void);
Suite *dir_parts_suite(void);
Suite *hang_watch_suite(void);
Suite *followers_suite(void);
Suite *group_appends_suite(void);
Suite *groups_hold_suite(void);
Suite *groups_suite(void);
Suite *incarnation_suite(void);
Suite *isr_changes_suite(void);
Suite *isr_znodes_suite(void);
Suite *fetchers_suite(void);
Suite *follow_suite(void);
Suite *move_plan_suite(void);
Suite *mover_suite(void);
Suite *partition_suite(void);
Suite *roles_suite(void);
Suite *session_record_suite(void);
Suite *settings_suite(void);
Suite *stop_suite(void);
Suite *suspected_suite(void);
Suite *takeover_sync_suite(void);
Suite *upkeep_suite(void);

#endif
