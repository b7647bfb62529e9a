# api: one file per request
noinst_LIBRARIES += src/api/libapi.a
src_api_libapi_a_SOURCES = \
  src/api/alter_configs.c \
  src/api/alter_replica_log_dirs.c \
  src/api/api.h \
  src/api/api_versions.c \
  src/api/broker_loggers.c src/api/broker_loggers.h \
  src/api/config_alter_call.c src/api/config_alter_call.h \
  src/api/config_resource.c src/api/config_resource.h \
  src/api/control.c \
  src/api/controller_ask.c src/api/controller_ask.h \
  src/api/controller_requests.c \
  src/api/count.c src/api/count.h \
  src/api/create_partitions.c \
  src/api/create_topics.c \
  src/api/delete_groups.c \
  src/api/delete_records.c \
  src/api/delete_topics.c \
  src/api/describe_cluster.c \
  src/api/describe_configs.c \
  src/api/describe_groups.c \
  src/api/describe_log_dirs.c \
  src/api/describe_producers.c \
  src/api/dispatch.c \
  src/api/elect_leaders.c \
  src/api/fetch.c src/api/fetch.h \
  src/api/find_coordinator.c \
  src/api/group_call.c src/api/group_call.h \
  src/api/heartbeat.c \
  src/api/incremental_alter_configs.c \
  src/api/init_producer_id.c \
  src/api/java_address.c src/api/java_address.h \
  src/api/join_group.c \
  src/api/leader_hint.c src/api/leader_hint.h \
  src/api/leave_group.c \
  src/api/list_groups.c \
  src/api/list_offsets.c \
  src/api/metadata.c \
  src/api/new_group_protocol.c \
  src/api/offset_commit.c \
  src/api/offset_delete.c \
  src/api/offset_fetch.c \
  src/api/offset_for_leader_epoch.c \
  src/api/produce.c \
  src/api/reassignments.c \
  src/api/request_text.c src/api/request_text.h \
  src/api/sync_group.c \
  src/api/topic_admin.c src/api/topic_admin.h \
  src/api/update_features.c \
  src/api/zk_offsets.c src/api/zk_offsets.h

check_PROGRAMS += tests/unit/api/test_api
tests_unit_api_test_api_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests -I$(top_srcdir)/tests/unit/service
tests_unit_api_test_api_SOURCES = \
  tests/unit/api/test_api.c \
  tests/unit/service/rig.c tests/unit/service/rig.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h
tests_unit_api_test_api_LDADD = \
  src/api/libapi.a src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a \
  src/loop/libloop.a src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) $(CHECK_LIBS) -lpthread -lm
