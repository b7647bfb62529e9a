# The message schema, what is generated of it, and the codec.
src_wire_libwire_a_SOURCES += \
  src/wire/api.c src/wire/api.h \
  src/wire/codec.c src/wire/codec.h \
  src/wire/cursor.h \
  src/wire/decode.c \
  src/wire/encode.c \
  src/wire/fetch_codec.c src/wire/fetch_codec.h \
  src/wire/generated/wire_messages.h src/wire/generated/wire_tables.c \
  src/wire/print.c \
  src/wire/produce_codec.c src/wire/produce_codec.h \
  src/wire/table.h \
  src/wire/walk.h

WIRE_GENERATORS = src/wire/gen_wire.py src/wire/wire_protocol_doc.py src/wire/wire_schema.py
WIRE_SCHEMA = $(top_srcdir)/src/wire/schema/*.schema
EXTRA_DIST += $(WIRE_GENERATORS) src/wire/schema docs/protocol.md
EXTRA_DIST += tests/wire/vectors/MakeVectors.java tests/wire/vectors/make_vectors.sh tests/wire/vectors/vectors.txt

# The generated files are committed, so that a build needs no Python. The stamp is in the build tree: the
# generator leaves alone what is up to date, and may so run on a source tree that is read-only.
BUILT_SOURCES += src/wire/generated.stamp
CLEANFILES += src/wire/generated.stamp
src/wire/generated.stamp: $(WIRE_GENERATORS) $(WIRE_SCHEMA)
	$(AM_V_GEN)$(MKDIR_P) src/wire && if test '$(PYTHON)' != ':'; then \
	  $(PYTHON) -B $(top_srcdir)/src/wire/gen_wire.py; fi && touch $@
src/wire/codec.$(OBJEXT) src/wire/generated/wire_tables.$(OBJEXT): src/wire/generated.stamp

dist_check_SCRIPTS += tests/wire/check_generated.sh tests/wire/check_schema.py

check_PROGRAMS += tests/unit/wire/test_wire_codec
tests_unit_wire_test_wire_codec_SOURCES = \
  tests/unit/wire/codec_suites.h tests/unit/wire/test_wire_codec.c \
  tests/unit/wire/random_message.c tests/unit/wire/random_message.h \
  tests/unit/wire/test_api.c tests/unit/wire/test_codec.c tests/unit/wire/test_hot_codecs.c \
  tests/unit/wire/test_roundtrip.c tests/unit/wire/test_vectors.c \
  tests/unit/wire/vectors.c tests/unit/wire/vectors.h
tests_unit_wire_test_wire_codec_LDADD = src/wire/libwire.a src/base/libbase.a $(ISAL_LIBS) $(CHECK_LIBS)
