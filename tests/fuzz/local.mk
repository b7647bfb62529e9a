# Fuzz targets: one per parser of foreign bytes. Each is linked with libFuzzer (configure --enable-fuzzing), else
# with a driver of ours that makes a bounded number of mutations, so that they run in `make check`.
if FUZZING
FUZZ_DRIVER =
FUZZ_LINK = -fsanitize=fuzzer
else
check_LIBRARIES = tests/fuzz/libfuzz_driver.a
tests_fuzz_libfuzz_driver_a_SOURCES = tests/fuzz/fuzz_driver.c
FUZZ_DRIVER = tests/fuzz/libfuzz_driver.a
FUZZ_LINK =
endif

check_PROGRAMS += tests/fuzz/fuzz_wire
tests_fuzz_fuzz_wire_SOURCES = tests/fuzz/fuzz_wire.c tests/unit/wire/vectors.c tests/unit/wire/vectors.h
tests_fuzz_fuzz_wire_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_wire_LDADD = $(FUZZ_DRIVER) src/wire/libwire.a src/base/libbase.a $(ISAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_config
tests_fuzz_fuzz_config_SOURCES = tests/fuzz/fuzz_config.c
tests_fuzz_fuzz_config_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_config_LDADD = $(FUZZ_DRIVER) src/config/libconfig.a src/base/libbase.a $(ISAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_state_files
tests_fuzz_fuzz_state_files_SOURCES = tests/fuzz/fuzz_state_files.c
tests_fuzz_fuzz_state_files_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_state_files_LDADD = $(FUZZ_DRIVER) src/storage/libstorage.a src/base/libbase.a $(ISAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_decompress tests/fuzz/fuzz_records
tests_fuzz_fuzz_decompress_SOURCES = tests/fuzz/fuzz_decompress.c
tests_fuzz_fuzz_decompress_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_decompress_LDADD = $(FUZZ_DRIVER) src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)
tests_fuzz_fuzz_records_SOURCES = tests/fuzz/fuzz_records.c
tests_fuzz_fuzz_records_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_records_LDADD = $(FUZZ_DRIVER) src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_znodes
tests_fuzz_fuzz_znodes_SOURCES = tests/fuzz/fuzz_znodes.c
tests_fuzz_fuzz_znodes_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_znodes_LDADD = $(FUZZ_DRIVER) src/zk/libzk.a src/base/libbase.a $(JANSSON_LIBS) $(ISAL_LIBS)

check_PROGRAMS += tests/fuzz/fuzz_frames
tests_fuzz_fuzz_frames_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_fuzz_fuzz_frames_SOURCES = tests/fuzz/fuzz_frames.c \
  tests/unit/wire/random_message.c tests/unit/wire/random_message.h tests/fake/fake_clock.c tests/fake/fake_clock.h
tests_fuzz_fuzz_frames_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_frames_LDADD = $(FUZZ_DRIVER) \
  src/api/libapi.a src/service/libservice.a src/zk/libzk.a src/net/libnet.a src/disk/libdisk.a \
  src/loop/libloop.a src/core/libcore.a src/storage/libstorage.a src/wire/libwire.a src/config/libconfig.a \
  src/metrics/libmetrics.a src/base/libbase.a \
  $(ZOOKEEPER_LIBS) $(EVENT_EXTRA_LIBS) $(EVENT_PTHREADS_LIBS) $(EVENT_LIBS) $(JANSSON_LIBS) $(ZSTD_LIBS) \
  $(SNAPPY_LIBS) $(LZ4_LIBS) $(ZLIB_LIBS) $(ISAL_LIBS) -lpthread -lm

check_PROGRAMS += tests/fuzz/fuzz_dump_log
tests_fuzz_fuzz_dump_log_SOURCES = tests/fuzz/fuzz_dump_log.c
tests_fuzz_fuzz_dump_log_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_dump_log_LDADD = $(FUZZ_DRIVER) $(cli_libs)

check_PROGRAMS += tests/fuzz/fuzz_zk_check
tests_fuzz_fuzz_zk_check_SOURCES = tests/fuzz/fuzz_zk_check.c
tests_fuzz_fuzz_zk_check_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_zk_check_LDADD = $(FUZZ_DRIVER) $(cli_libs)

check_PROGRAMS += tests/fuzz/fuzz_group_load
tests_fuzz_fuzz_group_load_SOURCES = tests/fuzz/fuzz_group_load.c
tests_fuzz_fuzz_group_load_LDFLAGS = $(AM_LDFLAGS) $(FUZZ_LINK)
tests_fuzz_fuzz_group_load_LDADD = $(FUZZ_DRIVER) src/core/libcore.a src/wire/libwire.a src/base/libbase.a \
  $(CODEC_LIBS) $(ISAL_LIBS)
