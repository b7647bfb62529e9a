/* The suites of the state beside the log. */
#ifndef BARNABAS_TESTS_STORAGE_STATE_SUITES_H
#define BARNABAS_TESTS_STORAGE_STATE_SUITES_H

#include <check.h>

Suite *atomic_file_suite(void);
Suite *checkpoint_file_suite(void);
Suite *id_index_suite(void);
Suite *leader_epochs_suite(void);
Suite *log_dir_suite(void);
Suite *meta_properties_suite(void);
Suite *move_mark_suite(void);
Suite *new_partitions_suite(void);
Suite *offset_map_suite(void);
Suite *partition_files_suite(void);
Suite *producer_model_suite(void);
Suite *producer_snapshot_suite(void);
Suite *producer_state_suite(void);

#endif
