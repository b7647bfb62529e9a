# service: the shells between requests, storage, ZooKeeper and the cores
noinst_LIBRARIES += src/service/libservice.a
src_service_libservice_a_SOURCES = \
  src/service/append.c src/service/append.h \
  src/service/broker.h \
  src/service/broker_settings.c src/service/broker_settings.h \
  src/service/cluster_setup.c src/service/cluster_setup.h \
  src/service/config_alter.c src/service/config_alter.h \
  src/service/count.c src/service/count.h \
  src/service/config_changes.c src/service/config_changes.h \
  src/service/config_edit.c src/service/config_edit.h \
  src/service/config_read.c src/service/config_read.h \
  src/service/config_store.c src/service/config_store.h \
  src/service/control_fence.c src/service/control_fence.h \
  src/service/delete_records.c src/service/delete_records.h \
  src/service/hang_watch.c src/service/hang_watch.h \
  src/service/controlled_shutdown.c src/service/controlled_shutdown.h \
  src/service/controller_channel.c src/service/controller_channel.h \
  src/service/followers.c src/service/followers.h \
  src/service/isr_changes.c src/service/isr_changes.h \
  src/service/fetcher.c \
  src/service/fetchers.c src/service/fetchers.h src/service/fetchers_internal.h \
  src/service/follow.c src/service/follow.h \
  src/service/log_dir_report.c src/service/log_dir_report.h \
  src/service/log_dir_notice.c src/service/log_dir_notice.h \
  src/service/log_dirs.c src/service/log_dirs.h \
  src/service/lookup.c src/service/lookup.h \
  src/service/metadata_cache.c src/service/metadata_cache.h \
  src/service/partition.c src/service/partition.h \
  src/service/partition_call.c src/service/partition_call.h \
  src/service/partition_settings.c src/service/partition_settings.h \
  src/service/producer_ids.c src/service/producer_ids.h \
  src/service/producer_list.c src/service/producer_list.h \
  src/service/read.c src/service/read.h \
  src/service/registration.c src/service/registration.h \
  src/service/replica_configs.c \
  src/service/replica_create.c \
  src/service/replica_load.c \
  src/service/replica_manager.c src/service/replica_manager.h src/service/replica_manager_internal.h \
  src/service/replica_roles.c \
  src/service/replication_quotas.c src/service/replication_quotas.h \
  src/service/replica_state.c src/service/replica_state.h \
  src/service/session_record.c src/service/session_record.h \
  src/service/topic_configs.c src/service/topic_configs.h \
  src/service/topic_creation.c src/service/topic_creation.h \
  src/service/upkeep.c \
  src/service/watch.c src/service/watch.h
include src/service/controller.mk

check_PROGRAMS += tests/unit/service/test_service
tests_unit_service_test_service_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_service_test_service_SOURCES = \
  tests/unit/service/fake_controller.c tests/unit/service/fake_controller.h \
  tests/unit/service/rig.c tests/unit/service/rig.h \
  tests/unit/service/suites.h tests/unit/service/test_service.c \
  tests/unit/service/test_append.c \
  tests/unit/service/test_config_edit.c \
  tests/unit/service/test_controlled_shutdown.c \
  tests/unit/service/test_controller_channel.c \
  tests/unit/service/test_flush.c \
  tests/unit/service/test_lookup.c \
  tests/unit/service/test_hang_watch.c \
  tests/unit/service/test_followers.c \
  tests/unit/service/test_isr_changes.c \
  tests/unit/service/test_fetchers.c \
  tests/unit/service/test_follow.c \
  tests/unit/service/test_partition.c \
  tests/unit/service/test_roles.c \
  tests/unit/service/test_session_record.c \
  tests/unit/service/test_settings.c \
  tests/unit/service/test_upkeep.c \
  tests/fake/fake_zk.c tests/fake/fake_zk.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h
tests_unit_service_test_service_LDADD = \
  src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a src/loop/libloop.a \
  src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) $(CHECK_LIBS) -lpthread -lm
