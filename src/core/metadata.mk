# core/metadata: the cluster as UpdateMetadata told it
src_core_libcore_a_SOURCES += \
  src/core/metadata/metadata.c src/core/metadata/metadata.h
