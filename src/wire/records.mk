# record sets: batches, iteration, codecs, validation, conversion
src_wire_libwire_a_SOURCES += \
  src/wire/compress.c src/wire/compress.h src/wire/compress_impl.h \
  src/wire/compress_gzip.c src/wire/compress_lz4.c src/wire/compress_snappy.c src/wire/compress_zstd.c \
  src/wire/compress_thread.c \
  src/wire/record_analyze.c \
  src/wire/record_batch.c src/wire/record_batch.h \
  src/wire/record_builder.c src/wire/record_builder.h \
  src/wire/record_convert.c src/wire/record_convert.h \
  src/wire/record_iter.c src/wire/record_iter.h src/wire/record_layout.h \
  src/wire/record_lookup.c src/wire/record_lookup.h \
  src/wire/record_skim.c src/wire/record_skim.h \
  src/wire/record_validate.c src/wire/record_validate.h

CODEC_LIBS = $(ZLIB_LIBS) $(ZSTD_LIBS) $(LZ4_LIBS) $(SNAPPY_LIBS)

check_PROGRAMS += tests/unit/wire/test_records
tests_unit_wire_test_records_SOURCES = \
  tests/unit/wire/records_suites.h tests/unit/wire/test_records.c \
  tests/unit/wire/records_support.c tests/unit/wire/records_support.h \
  tests/unit/wire/test_compress.c \
  tests/unit/wire/test_record_batch.c \
  tests/unit/wire/test_record_builder.c \
  tests/unit/wire/test_record_convert.c \
  tests/unit/wire/test_record_iter.c \
  tests/unit/wire/test_record_java.c \
  tests/unit/wire/test_record_lookup.c \
  tests/unit/wire/test_record_skim.c \
  tests/unit/wire/test_record_validate.c
tests_unit_wire_test_records_LDADD = src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS) $(CHECK_LIBS)
EXTRA_DIST += tests/wire/records/RecordVectors.java tests/wire/records/make_vectors.sh \
  tests/wire/records/vectors.txt.gz

# Kafka's classes read what we write.
check_PROGRAMS += tests/wire/records/write_records
tests_wire_records_write_records_SOURCES = tests/wire/records/write_records.c
tests_wire_records_write_records_LDADD = src/wire/libwire.a src/base/libbase.a $(CODEC_LIBS) $(ISAL_LIBS)
dist_check_SCRIPTS += tests/wire/records/check_java_reads.sh
EXTRA_DIST += tests/wire/records/ReadRecords.java
