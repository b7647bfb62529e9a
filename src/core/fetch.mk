# core/fetch: fetch sessions
src_core_libcore_a_SOURCES += \
  src/core/fetch/fetch_sessions.c src/core/fetch/fetch_sessions.h

check_PROGRAMS += tests/unit/core/test_fetch
tests_unit_core_test_fetch_SOURCES = tests/unit/core/fetch/test_fetch_sessions.c
tests_unit_core_test_fetch_LDADD = src/core/libcore.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
