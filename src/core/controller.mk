# core/controller: sources, headers and tests
src_core_libcore_a_SOURCES += \
  src/core/controller/activity.c \
  src/core/controller/alter_partition.c \
  src/core/controller/answers.c \
  src/core/controller/assign.c src/core/controller/assign.h \
  src/core/controller/brokers.c \
  src/core/controller/context.c src/core/controller/context.h \
  src/core/controller/controlled_shutdown.c \
  src/core/controller/controller.c src/core/controller/controller.h \
  src/core/controller/create_partitions.c \
  src/core/controller/create_topics.c \
  src/core/controller/delete_znodes.c \
  src/core/controller/deletion.c \
  src/core/controller/effects.c src/core/controller/effects.h \
  src/core/controller/elect_leaders.c \
  src/core/controller/election.c src/core/controller/election.h \
  src/core/controller/events.h \
  src/core/controller/failover.c \
  src/core/controller/internal.h \
  src/core/controller/log_dirs.c \
  src/core/controller/outbox.c src/core/controller/outbox.h \
  src/core/controller/outbox_build.c src/core/controller/outbox_build.h \
  src/core/controller/partition_state.c \
  src/core/controller/peers.c \
  src/core/controller/placement.c src/core/controller/placement.h \
  src/core/controller/producer_ids.c \
  src/core/controller/reassign_plan.c \
  src/core/controller/reassign_requests.c \
  src/core/controller/reassign_write.c \
  src/core/controller/reassign_znode.c \
  src/core/controller/reassignment.c src/core/controller/reassignment.h \
  src/core/controller/recovery.c \
  src/core/controller/replica_state.c \
  src/core/controller/requests.h \
  src/core/controller/silence.c \
  src/core/controller/standing.c src/core/controller/standing.h \
  src/core/controller/suspicion.c \
  src/core/controller/term.c \
  src/core/controller/topic_name.c src/core/controller/topic_name.h \
  src/core/controller/topics.c \
  src/core/controller/trust.c \
  src/core/controller/writer.c \
  src/core/controller/zk_ops.h

check_PROGRAMS += tests/unit/core/test_controller
tests_unit_core_test_controller_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_controller_SOURCES = \
  tests/fake/fake_zk_tree.c tests/fake/fake_zk_tree.h \
  tests/unit/core/controller/rig.c tests/unit/core/controller/rig.h \
  tests/unit/core/controller/suites.h \
  tests/unit/core/controller/test_assign.c \
  tests/unit/core/controller/test_brokers.c \
  tests/unit/core/controller/test_controller.c \
  tests/unit/core/controller/test_deletion.c \
  tests/unit/core/controller/test_election.c \
  tests/unit/core/controller/test_failover.c \
  tests/unit/core/controller/test_faults.c \
  tests/unit/core/controller/test_outbox.c \
  tests/unit/core/controller/test_reassignment.c \
  tests/unit/core/controller/test_requests.c \
  tests/unit/core/controller/test_silence.c \
  tests/unit/core/controller/test_suspicion.c \
  tests/unit/core/controller/test_term.c \
  tests/unit/core/controller/test_topic_name.c \
  tests/unit/core/controller/test_topics.c \
  tests/unit/core/controller/test_trust.c
tests_unit_core_test_controller_LDADD = src/core/libcore.a src/config/libconfig.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
