# The deterministic simulator: whole clusters of the real cores and the real storage in one thread
check_PROGRAMS += tests/sim/sim
tests_sim_sim_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_sim_sim_SOURCES = \
  tests/fake/crash_disk.c tests/fake/crash_disk.h \
  tests/fake/fake_zk_tree.c tests/fake/fake_zk_tree.h \
  tests/sim/checker.c tests/sim/checker.h \
  tests/sim/client.h \
  tests/sim/cleaner.c \
  tests/sim/clients.c tests/sim/clients.h \
  tests/sim/compacted.c tests/sim/compacted.h \
  tests/sim/conductor.c \
  tests/sim/consumer.c \
  tests/sim/faults.c tests/sim/faults.h \
  tests/sim/follow.c \
  tests/sim/groups.c tests/sim/groups.h \
  tests/sim/groups_check.c tests/sim/groups_check.h \
  tests/sim/groups_load.c \
  tests/sim/groups_serve.c \
  tests/sim/isr.c \
  tests/sim/main.c \
  tests/sim/member.c tests/sim/member.h \
  tests/sim/members.c tests/sim/members.h \
  tests/sim/minimise.c tests/sim/minimise.h \
  tests/sim/mirror.c tests/sim/mirror.h \
  tests/sim/net.c tests/sim/net.h \
  tests/sim/node.c tests/sim/node.h \
  tests/sim/pipe.c tests/sim/pipe.h \
  tests/sim/plants.c tests/sim/plants.h \
  tests/sim/produce.c tests/sim/produce.h \
  tests/sim/producer.c \
  tests/sim/recovery.c tests/sim/recovery.h \
  tests/sim/register.c \
  tests/sim/replica.c \
  tests/sim/roles.c \
  tests/sim/run.c tests/sim/run.h \
  tests/sim/serve.c \
  tests/sim/suite.c tests/sim/suite.h \
  tests/sim/upkeep.c \
  tests/sim/world.c tests/sim/world.h \
  tests/sim/zk.h \
  tests/sim/zk_client.c \
  tests/sim/zk_ensemble.c tests/sim/zk_ensemble.h
tests_sim_sim_LDADD = \
  src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a src/loop/libloop.a \
  src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) -lpthread -lm
# Functions that a planted mistake may take the place of (plants.c)
tests_sim_sim_LDFLAGS = $(AM_LDFLAGS) \
  -Wl,--wrap=name \
  -Wl,--wrap=ctl_choose \
  -Wl,--wrap=group_commit \
  -Wl,--wrap=grp_store_group \
  -Wl,--wrap=replica_may_join \
  -Wl,--wrap=replica_high_watermark \
  -Wl,--wrap=replica_has_min_isr \
  -Wl,--wrap=replica_has_min_maximal_isr \
  -Wl,--wrap=replica_isr_answered \
  -Wl,--wrap=replica_check_epoch \
  -Wl,--wrap=replica_follower_epoch \
  -Wl,--wrap=leader_epochs_end_offset_for \
  -Wl,--wrap=log_read \
  -Wl,--wrap=leader_epochs_truncate_from_end \
  -Wl,--wrap=producer_append_commit \
  -Wl,--wrap=log_flush_run \
  -Wl,--wrap=log_recovery_point \
  -Wl,--wrap=log_dirt \
  -Wl,--wrap=output_sync \
  -Wl,--wrap=clean_shutdown_take \
  -Wl,--wrap=incarnation_judge \
  -Wl,--wrap=control_fence_check
