# base: errors, asserts, log lines, byte views, containers, hashes
noinst_LIBRARIES += src/base/libbase.a
src_base_libbase_a_SOURCES = \
  src/base/arena.c src/base/arena.h \
  src/base/assert.c src/base/assert.h \
  src/base/be.h \
  src/base/buf.c src/base/buf.h \
  src/base/err.c src/base/err.def src/base/err.h \
  src/base/errmsg.c src/base/errmsg.h \
  src/base/hash.c src/base/hash.h \
  src/base/heap.c src/base/heap.h \
  src/base/histogram.c src/base/histogram.h \
  src/base/list.h \
  src/base/log.c src/base/log.h \
  src/base/map.c src/base/map.h \
  src/base/mem.c src/base/mem.h \
  src/base/prng.c src/base/prng.h \
  src/base/properties.c src/base/properties.h \
  src/base/utf8.c src/base/utf8.h \
  src/base/uuid.c src/base/uuid.h \
  src/base/varint.c src/base/varint.h \
  src/base/view.c src/base/view.h

check_PROGRAMS += tests/unit/base/test_base
tests_unit_base_test_base_SOURCES = \
  tests/unit/base/suites.h tests/unit/base/test_base.c \
  tests/unit/base/death.c tests/unit/base/death.h \
  tests/unit/base/test_arena.c \
  tests/unit/base/test_assert.c \
  tests/unit/base/test_be.c \
  tests/unit/base/test_buf.c \
  tests/unit/base/test_err.c \
  tests/unit/base/test_errmsg.c \
  tests/unit/base/test_hash.c \
  tests/unit/base/test_heap.c \
  tests/unit/base/test_histogram.c \
  tests/unit/base/test_list.c \
  tests/unit/base/test_log.c \
  tests/unit/base/test_map.c \
  tests/unit/base/test_mem.c \
  tests/unit/base/test_prng.c \
  tests/unit/base/test_properties.c \
  tests/unit/base/test_utf8.c \
  tests/unit/base/test_uuid.c \
  tests/unit/base/test_varint.c \
  tests/unit/base/test_view.c
tests_unit_base_test_base_LDADD = src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
