# storage: the state beside the log: producer state, epochs, checkpoints, log directories
src_storage_libstorage_a_SOURCES += \
  src/storage/log_position.h
