# loop: event loop, timers, mailbox, worker pool, snapshots
noinst_LIBRARIES += src/loop/libloop.a
src_loop_libloop_a_SOURCES = \
  src/loop/latch.c src/loop/latch.h \
  src/loop/loop.c src/loop/loop.h \
  src/loop/snapshot.c src/loop/snapshot.h \
  src/loop/workers.c src/loop/workers.h

check_PROGRAMS += tests/unit/loop/test_loop
tests_unit_loop_test_loop_SOURCES = \
  tests/unit/loop/test_main.c tests/unit/loop/tests.h \
  tests/unit/loop/test_latch.c \
  tests/unit/loop/test_loop.c \
  tests/unit/loop/test_snapshot.c \
  tests/unit/loop/test_workers.c \
  tests/fake/fake_clock.c tests/fake/fake_clock.h
tests_unit_loop_test_loop_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_loop_test_loop_LDADD = src/loop/libloop.a src/disk/libdisk.a src/base/libbase.a \
  $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)
