# core/group: the coordinator of consumer groups
src_core_libcore_a_SOURCES += \
  src/core/group/answers.c \
  src/core/group/commit.c \
  src/core/group/coordinator.c src/core/group/coordinator.h \
  src/core/group/delete.c \
  src/core/group/describe.c \
  src/core/group/effects.c src/core/group/effects.h \
  src/core/group/expiry.c \
  src/core/group/fetch_offsets.c \
  src/core/group/group.c \
  src/core/group/heartbeat.c \
  src/core/group/history.c src/core/group/history.h \
  src/core/group/internal.h \
  src/core/group/join.c \
  src/core/group/join_static.c \
  src/core/group/leave.c \
  src/core/group/loader.c src/core/group/loader.h \
  src/core/group/member.c \
  src/core/group/offsets.c src/core/group/offsets.h \
  src/core/group/protocols.c \
  src/core/group/rebalance.c \
  src/core/group/records.c src/core/group/records.h \
  src/core/group/store.c \
  src/core/group/subscription.c \
  src/core/group/sync.c \
  src/core/group/timers.c \
  src/core/group/txn.c

check_PROGRAMS += tests/unit/core/test_group
tests_unit_core_test_group_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_group_SOURCES = \
  tests/unit/core/group/audit.c tests/unit/core/group/audit.h \
  tests/unit/core/group/hex.c tests/unit/core/group/hex.h \
  tests/unit/core/group/rig.c tests/unit/core/group/rig.h \
  tests/unit/core/group/suites.h \
  tests/unit/core/group/test_join.c \
  tests/unit/core/group/test_sync.c \
  tests/unit/core/group/test_static.c \
  tests/unit/core/group/test_commit.c \
  tests/unit/core/group/test_txn.c \
  tests/unit/core/group/test_loader.c \
  tests/unit/core/group/test_expiry.c \
  tests/unit/core/group/test_describe.c \
  tests/unit/core/group/test_property.c \
  tests/unit/core/group/test_table.c \
  tests/unit/core/group/test_main.c \
  tests/unit/core/group/test_offsets.c \
  tests/unit/core/group/test_records.c
tests_unit_core_test_group_LDADD = src/core/libcore.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)
