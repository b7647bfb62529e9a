# wire: the record sets and, beside them, the message schema and codec
noinst_LIBRARIES += src/wire/libwire.a
src_wire_libwire_a_SOURCES =
include src/wire/records.mk
include src/wire/codec.mk
