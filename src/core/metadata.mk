# core/metadata: the cluster as UpdateMetadata told it
src_core_libcore_a_SOURCES += \
  src/core/metadata/metadata.c src/core/metadata/metadata.h

check_PROGRAMS += tests/unit/core/test_metadata
tests_unit_core_test_metadata_SOURCES = tests/unit/core/metadata/test_metadata.c
tests_unit_core_test_metadata_LDADD = src/core/libcore.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
