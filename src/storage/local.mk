# storage: one partition's log and everything beside it on disk
noinst_LIBRARIES += src/storage/libstorage.a
src_storage_libstorage_a_SOURCES =

include src/storage/log.mk
include src/storage/state.mk
include src/storage/compact/local.mk
