# service: the shells between requests, storage, ZooKeeper and the cores
noinst_LIBRARIES += src/service/libservice.a
src_service_libservice_a_SOURCES = \
  src/service/broker.h \
  src/service/count.c src/service/count.h \
  src/service/metadata_cache.c src/service/metadata_cache.h \
  src/service/watch.c src/service/watch.h

# one partition as a monitor, and the work on it
src_service_libservice_a_SOURCES += \
  src/service/partition/append.c src/service/partition/append.h \
  src/service/partition/delete_records.c src/service/partition/delete_records.h \
  src/service/partition/followers.c src/service/partition/followers.h \
  src/service/partition/lookup.c src/service/partition/lookup.h \
  src/service/partition/partition.c src/service/partition/partition.h \
  src/service/partition/partition_call.c src/service/partition/partition_call.h \
  src/service/partition/partition_settings.c src/service/partition/partition_settings.h \
  src/service/partition/producer_list.c src/service/partition/producer_list.h \
  src/service/partition/read.c src/service/partition/read.h

# the partitions of this broker and their directories
src_service_libservice_a_SOURCES += \
  src/service/replica/control_fence.c src/service/replica/control_fence.h \
  src/service/replica/dir_checkpoints.c src/service/replica/dir_checkpoints.h \
  src/service/replica/dir_parts.c src/service/replica/dir_parts.h \
  src/service/replica/hang_patrol.c src/service/replica/hang_patrol.h \
  src/service/replica/hang_watch.c src/service/replica/hang_watch.h \
  src/service/replica/isr_changes.c src/service/replica/isr_changes.h \
  src/service/replica/isr_znodes.c src/service/replica/isr_znodes.h \
  src/service/replica/log_dir_notice.c src/service/replica/log_dir_notice.h \
  src/service/replica/log_dir_report.c src/service/replica/log_dir_report.h \
  src/service/replica/log_dirs.c src/service/replica/log_dirs.h \
  src/service/replica/replica_configs.c \
  src/service/replica/replica_create.c \
  src/service/replica/replica_fetchers.c \
  src/service/replica/replica_load.c \
  src/service/replica/replica_manager.c src/service/replica/replica_manager.h \
  src/service/replica/replica_manager_internal.h \
  src/service/replica/replica_roles.c \
  src/service/replica/replica_stop.c \
  src/service/replica/replica_state.c src/service/replica/replica_state.h \
  src/service/replica/strays.c src/service/replica/strays.h \
  src/service/replica/takeover_sync.c src/service/replica/takeover_sync.h \
  src/service/replica/upkeep.c

# compacting logs
src_service_libservice_a_SOURCES += \
  src/service/cleaner/cleaner.c src/service/cleaner/cleaner.h \
  src/service/cleaner/cleaner_choose.c \
  src/service/cleaner/cleaner_compact.c \
  src/service/cleaner/cleaner_internal.h

# moving replicas between the log directories
src_service_libservice_a_SOURCES += \
  src/service/mover/move.h \
  src/service/mover/move_copy.c \
  src/service/mover/move_plan.c src/service/mover/move_plan.h \
  src/service/mover/move_settle.c src/service/mover/move_settle.h \
  src/service/mover/move_start.c \
  src/service/mover/move_swap.c \
  src/service/mover/mover.c src/service/mover/mover.h

# following: Fetch to the leaders
src_service_libservice_a_SOURCES += \
  src/service/fetcher/fetcher.c \
  src/service/fetcher/fetchers.c src/service/fetcher/fetchers.h \
  src/service/fetcher/fetchers_internal.h \
  src/service/fetcher/follow.c src/service/fetcher/follow.h \
  src/service/fetcher/replication_quotas.c src/service/fetcher/replication_quotas.h

# coordinating groups
src_service_libservice_a_SOURCES += \
  src/service/group/group_append.c \
  src/service/group/group_load.c \
  src/service/group/group_metrics.c \
  src/service/group/groups.c src/service/group/groups.h \
  src/service/group/groups_hold.c src/service/group/groups_hold.h \
  src/service/group/groups_internal.h

# being the controller, and asking it
src_service_libservice_a_SOURCES += \
  src/service/controller/controlled_shutdown.c src/service/controller/controlled_shutdown.h \
  src/service/controller/controller_channel.c src/service/controller/controller_channel.h \
  src/service/controller/controller_loop.c src/service/controller/controller_loop.h \
  src/service/controller/controller_translate.h \
  src/service/controller/controller_wire.c \
  src/service/controller/controller_zk.c \
  src/service/controller/producer_blocks.c src/service/controller/producer_blocks.h \
  src/service/controller/producer_ids.c src/service/controller/producer_ids.h \
  src/service/controller/topic_creation.c src/service/controller/topic_creation.h

# settings that change while the broker runs
src_service_libservice_a_SOURCES += \
  src/service/settings/broker_settings.c src/service/settings/broker_settings.h \
  src/service/settings/config_alter.c src/service/settings/config_alter.h \
  src/service/settings/config_changes.c src/service/settings/config_changes.h \
  src/service/settings/config_edit.c src/service/settings/config_edit.h \
  src/service/settings/config_read.c src/service/settings/config_read.h \
  src/service/settings/config_store.c src/service/settings/config_store.h \
  src/service/settings/topic_configs.c src/service/settings/topic_configs.h

# who this broker is: registration and whose data it has
src_service_libservice_a_SOURCES += \
  src/service/identity/cluster_setup.c src/service/identity/cluster_setup.h \
  src/service/identity/incarnation.c src/service/identity/incarnation.h \
  src/service/identity/registration.c src/service/identity/registration.h \
  src/service/identity/session_record.c src/service/identity/session_record.h \
  src/service/identity/suspected.c src/service/identity/suspected.h

check_PROGRAMS += tests/unit/service/test_service
tests_unit_service_test_service_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/unit/service
tests_unit_service_test_service_SOURCES = \
  tests/unit/service/fake_controller.c tests/unit/service/fake_controller.h \
  tests/unit/service/rig.c tests/unit/service/rig.h \
  tests/unit/service/suites.h tests/unit/service/test_service.c \
  tests/unit/service/cleaner/test_cleaner.c \
  tests/unit/service/controller/test_controlled_shutdown.c \
  tests/unit/service/controller/test_controller_channel.c \
  tests/unit/service/controller/test_controller_wire.c \
  tests/unit/service/fetcher/test_fetchers.c \
  tests/unit/service/fetcher/test_follow.c \
  tests/unit/service/group/asked.c tests/unit/service/group/asked.h \
  tests/unit/service/group/test_group_appends.c \
  tests/unit/service/group/test_groups.c \
  tests/unit/service/group/test_groups_hold.c \
  tests/unit/service/identity/test_incarnation.c \
  tests/unit/service/identity/test_session_record.c \
  tests/unit/service/identity/test_suspected.c \
  tests/unit/service/mover/test_move_plan.c \
  tests/unit/service/mover/test_mover.c \
  tests/unit/service/partition/test_append.c \
  tests/unit/service/partition/test_flush.c \
  tests/unit/service/partition/test_followers.c \
  tests/unit/service/partition/test_lookup.c \
  tests/unit/service/partition/test_partition.c \
  tests/unit/service/replica/test_dir_parts.c \
  tests/unit/service/replica/test_hang_watch.c \
  tests/unit/service/replica/test_control_fence.c \
  tests/unit/service/replica/test_isr_changes.c \
  tests/unit/service/replica/test_isr_znodes.c \
  tests/unit/service/replica/test_roles.c \
  tests/unit/service/replica/test_stop.c \
  tests/unit/service/replica/test_takeover_sync.c \
  tests/unit/service/replica/test_upkeep.c \
  tests/unit/service/settings/test_config_edit.c \
  tests/unit/service/settings/test_settings.c \
  tests/fake/fake_clock.c tests/fake/fake_clock.h \
  tests/fake/fake_zk.c tests/fake/fake_zk.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h
tests_unit_service_test_service_LDADD = \
  src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a src/loop/libloop.a \
  src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) $(CHECK_LIBS) -lpthread -lm
