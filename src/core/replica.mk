# core/replica: a replica's role and what follows from it
src_core_libcore_a_SOURCES += \
  src/core/replica/followers.c \
  src/core/replica/nearest.c src/core/replica/nearest.h \
  src/core/replica/replica.c src/core/replica/replica.h \
  src/core/replica/stray.c src/core/replica/stray.h

check_PROGRAMS += tests/unit/core/test_replica
tests_unit_core_test_replica_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_replica_SOURCES = \
  tests/unit/core/replica/rig.c tests/unit/core/replica/rig.h \
  tests/unit/core/replica/suites.h \
  tests/unit/core/replica/test_followers.c \
  tests/unit/core/replica/test_isr.c \
  tests/unit/core/replica/test_main.c \
  tests/unit/core/replica/test_nearest.c \
  tests/unit/core/replica/test_roles.c \
  tests/unit/core/replica/test_stray.c
tests_unit_core_test_replica_LDADD = src/core/libcore.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
