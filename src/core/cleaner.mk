# core/cleaner: which log is compacted next, and how fast
src_core_libcore_a_SOURCES += \
  src/core/cleaner/cleaner_log.c src/core/cleaner/cleaner_log.h \
  src/core/cleaner/cleaner_rate.c src/core/cleaner/cleaner_rate.h

check_PROGRAMS += tests/unit/core/test_cleaner
tests_unit_core_test_cleaner_SOURCES = tests/unit/core/cleaner/test_cleaner.c
tests_unit_core_test_cleaner_LDADD = src/core/libcore.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
