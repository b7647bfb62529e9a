# storage: the state beside the log: producer state, epochs, checkpoints, log directories
src_storage_libstorage_a_SOURCES += \
  src/storage/atomic_file.c src/storage/atomic_file.h \
  src/storage/checkpoint_file.c src/storage/checkpoint_file.h \
  src/storage/clean_shutdown.c src/storage/clean_shutdown.h \
  src/storage/id_index.c src/storage/id_index.h \
  src/storage/leader_epochs.c src/storage/leader_epochs.h \
  src/storage/log_dir.c src/storage/log_dir.h \
  src/storage/log_dirs.c \
  src/storage/log_position.h \
  src/storage/meta_properties.c src/storage/meta_properties.h \
  src/storage/move_mark.c src/storage/move_mark.h \
  src/storage/new_partitions.c src/storage/new_partitions.h \
  src/storage/offset_map.c src/storage/offset_map.h \
  src/storage/partition_dir.c src/storage/partition_dir.h \
  src/storage/partition_metadata.c src/storage/partition_metadata.h \
  src/storage/producer_append.c src/storage/producer_internal.h \
  src/storage/producer_snapshot.c src/storage/producer_snapshot.h \
  src/storage/producer_state.c src/storage/producer_state.h \
  src/storage/producer_txns.c src/storage/producer_txns.h \
  src/storage/sync_set.c src/storage/sync_set.h

check_PROGRAMS += tests/unit/storage/test_state
tests_unit_storage_test_state_SOURCES = \
  tests/fake/crash_disk.c tests/fake/crash_disk.h \
  tests/fake/fault_disk.c tests/fake/fault_disk.h \
  tests/unit/storage/state_suites.h tests/unit/storage/test_state.c \
  tests/unit/storage/state_helpers.c tests/unit/storage/state_helpers.h \
  tests/unit/storage/state_vectors.c tests/unit/storage/state_vectors.h \
  tests/unit/storage/test_atomic_file.c \
  tests/unit/storage/test_checkpoint_file.c \
  tests/unit/storage/test_id_index.c \
  tests/unit/storage/test_leader_epochs.c \
  tests/unit/storage/test_log_dir.c \
  tests/unit/storage/test_meta_properties.c \
  tests/unit/storage/test_move_mark.c \
  tests/unit/storage/test_new_partitions.c \
  tests/unit/storage/test_offset_map.c \
  tests/unit/storage/test_partition_files.c \
  tests/unit/storage/test_producer_model.c \
  tests/unit/storage/test_producer_snapshot.c \
  tests/unit/storage/test_producer_state.c
tests_unit_storage_test_state_CPPFLAGS = $(AM_CPPFLAGS) -I$(top_srcdir)/tests
tests_unit_storage_test_state_LDADD = src/storage/libstorage.a src/disk/libdisk.a src/base/libbase.a \
  $(ISAL_LIBS) $(CHECK_LIBS)

EXTRA_DIST += \
  tests/unit/storage/vectors/MakeVectors.java \
  tests/unit/storage/vectors/checkpoint-texts.tsv \
  tests/unit/storage/vectors/directory-names.tsv \
  tests/unit/storage/vectors/empty.snapshot \
  tests/unit/storage/vectors/kafka_cleanshutdown \
  tests/unit/storage/vectors/leader-epoch-checkpoint \
  tests/unit/storage/vectors/meta-with-directory-id.properties \
  tests/unit/storage/vectors/meta.properties \
  tests/unit/storage/vectors/one.snapshot \
  tests/unit/storage/vectors/partition-metadata-texts.tsv \
  tests/unit/storage/vectors/partition.metadata \
  tests/unit/storage/vectors/recovery-point-offset-checkpoint \
  tests/unit/storage/vectors/three.snapshot
