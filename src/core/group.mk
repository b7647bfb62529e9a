# core/group: the coordinator of consumer groups
src_core_libcore_a_SOURCES += \
  src/core/group/offsets.c src/core/group/offsets.h \
  src/core/group/records.c src/core/group/records.h

check_PROGRAMS += tests/unit/core/test_group
tests_unit_core_test_group_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_core_test_group_SOURCES = \
  tests/unit/core/group/hex.c tests/unit/core/group/hex.h \
  tests/unit/core/group/suites.h \
  tests/unit/core/group/test_main.c \
  tests/unit/core/group/test_offsets.c \
  tests/unit/core/group/test_records.c
tests_unit_core_test_group_LDADD = src/core/libcore.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)
