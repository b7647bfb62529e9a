# core/fetcher: what a follower asks of a leader
src_core_libcore_a_SOURCES += \
  src/core/fetcher/answer.c \
  src/core/fetcher/fetch_link.c src/core/fetcher/fetch_link.h \
  src/core/fetcher/link_internal.h \
  src/core/fetcher/plan.c

check_PROGRAMS += tests/unit/core/test_fetcher
tests_unit_core_test_fetcher_SOURCES = \
  tests/unit/core/fetcher/rig.c tests/unit/core/fetcher/rig.h \
  tests/unit/core/fetcher/test_answers.c \
  tests/unit/core/fetcher/test_epochs.c \
  tests/unit/core/fetcher/test_fetcher.c \
  tests/unit/core/fetcher/test_session.c \
  tests/unit/core/fetcher/test_throttle.c
tests_unit_core_test_fetcher_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_fetcher_LDADD = src/core/libcore.a src/config/libconfig.a src/wire/libwire.a \
  src/base/libbase.a \
  $(ISAL_LIBS) $(CHECK_LIBS)
