# storage/compact: of every key only the newest record stays
src_storage_libstorage_a_SOURCES += \
  src/storage/compact/compact.c src/storage/compact/compact.h \
  src/storage/compact/dirt.c \
  src/storage/compact/filter.c src/storage/compact/filter.h \
  src/storage/compact/internal.h \
  src/storage/compact/key_map.c src/storage/compact/key_map.h \
  src/storage/compact/last_batches.c src/storage/compact/last_batches.h \
  src/storage/compact/map.c \
  src/storage/compact/newest.c src/storage/compact/newest.h \
  src/storage/compact/output.c src/storage/compact/output.h \
  src/storage/compact/plan.c src/storage/compact/plan.h \
  src/storage/compact/record_scan.c src/storage/compact/record_scan.h \
  src/storage/compact/rewrite.c src/storage/compact/rewrite.h \
  src/storage/compact/source.c src/storage/compact/source.h \
  src/storage/compact/swap.c \
  src/storage/compact/transactions.c src/storage/compact/transactions.h \
  src/storage/compact/write.c

check_PROGRAMS += tests/unit/storage/compact/test_compact
tests_unit_storage_compact_test_compact_SOURCES = \
  tests/fake/crash_disk.c tests/fake/crash_disk.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h \
  tests/unit/storage/log_rig.c tests/unit/storage/log_rig.h \
  tests/unit/storage/compact/compact_rig.c tests/unit/storage/compact/compact_rig.h \
  tests/unit/storage/compact/test_compact.c \
  tests/unit/storage/compact/test_compact_crash.c \
  tests/unit/storage/compact/test_compact_model.c \
  tests/unit/storage/compact/test_parts.c \
  tests/unit/storage/compact/test_superseded.c \
  tests/unit/storage/compact/test_main.c
tests_unit_storage_compact_test_compact_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_storage_compact_test_compact_LDADD = src/storage/libstorage.a src/disk/libdisk.a src/wire/libwire.a \
  src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_compact_filter
tests_fuzz_fuzz_compact_filter_SOURCES = tests/fuzz/fuzz_compact_filter.c
tests_fuzz_fuzz_compact_filter_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_compact_filter_LDADD = $(FUZZ_DRIVER) src/storage/libstorage.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS)
