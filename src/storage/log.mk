# storage: the log itself: segments, indexes, appends, reads, recovery
src_storage_libstorage_a_SOURCES += \
  src/storage/index_file.c src/storage/index_file.h \
  src/storage/index_search.c src/storage/index_search.h \
  src/storage/log.c src/storage/log.h \
  src/storage/log_append.c \
  src/storage/log_flush.c src/storage/log_flush.h \
  src/storage/log_internal.h \
  src/storage/log_load.c src/storage/log_load.h \
  src/storage/log_lookup.c src/storage/log_lookup.h \
  src/storage/log_producers.c \
  src/storage/log_read.c \
  src/storage/log_recover.c src/storage/log_recover.h \
  src/storage/log_split.c src/storage/log_split.h \
  src/storage/log_settings.h \
  src/storage/log_trim.c src/storage/log_trim.h \
  src/storage/offset_index.c src/storage/offset_index.h \
  src/storage/partition_files.c src/storage/partition_files.h \
  src/storage/segment.c src/storage/segment.h \
  src/storage/segment_reader.c \
  src/storage/time_index.c src/storage/time_index.h \
  src/storage/txn_index.c src/storage/txn_index.h

check_PROGRAMS += tests/unit/storage/test_log
tests_unit_storage_test_log_SOURCES = \
  tests/fake/crash_disk.c tests/fake/crash_disk.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h \
  tests/unit/storage/log_rig.c tests/unit/storage/log_rig.h \
  tests/unit/storage/test_log.c \
  tests/unit/storage/test_log_append.c \
  tests/unit/storage/test_log_fault.c \
  tests/unit/storage/test_log_index.c \
  tests/unit/storage/test_log_index_search.c \
  tests/unit/storage/test_log_load.c \
  tests/unit/storage/test_log_posix.c \
  tests/unit/storage/test_log_read.c \
  tests/unit/storage/test_log_trim.c
tests_unit_storage_test_log_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_storage_test_log_LDADD = src/storage/libstorage.a src/disk/libdisk.a src/wire/libwire.a \
  src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_log_load
tests_fuzz_fuzz_log_load_SOURCES = tests/fuzz/fuzz_log_load.c tests/fake/crash_disk.c tests/fake/crash_disk.h
tests_fuzz_fuzz_log_load_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_log_load_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_log_load_LDADD = $(FUZZ_DRIVER) src/storage/libstorage.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS)
