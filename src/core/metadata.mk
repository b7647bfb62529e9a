# core/metadata: the cluster as UpdateMetadata told it; core/fetch: fetch sessions
src_core_libcore_a_SOURCES += \
  src/core/fetch/fetch_sessions.c src/core/fetch/fetch_sessions.h \
  src/core/metadata/metadata.c src/core/metadata/metadata.h
