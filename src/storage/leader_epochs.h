/*
 * The leader epochs of one partition: from which offset on each leader wrote.
 * Replicas compare them to find where their logs part (KIP-101, KIP-279).
 *
 * Epochs and start offsets both strictly rise. Mirrored in the file
 * `leader-epoch-checkpoint`: a new epoch is durable before it is used; what
 * truncation removes may stay in the file for a while, for loading trims again and
 * believes the batches it reads.
 *
 * The list itself is pure; leader_epochs_load/save are the only calls that
 * touch the disk.
 * Ownership: owns its entries. Zero-initialised is empty and valid.
 * Runs on: whoever holds the partition.
 */
#ifndef BARNABAS_STORAGE_LEADER_EPOCHS_H
#define BARNABAS_STORAGE_LEADER_EPOCHS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "port/disk.h"

#define LEADER_EPOCH_FILE_NAME "leader-epoch-checkpoint"

/* Undefined epoch and offset of an answer (OffsetForLeaderEpoch). */
#define LEADER_EPOCH_UNDEFINED (-1)

struct leader_epoch {
    int32_t epoch;
    int64_t start_offset;
};

struct leader_epochs {
    struct leader_epoch *items; /* ascending */
    size_t count;
    size_t cap;
    bool dirty; /* differs from the file */
};

void leader_epochs_close(struct leader_epochs *epochs);

/* --- queries --- */

/* NULL when empty. Borrowed until the next command. */
const struct leader_epoch *leader_epochs_latest(const struct leader_epochs *epochs);
const struct leader_epoch *leader_epochs_earliest(const struct leader_epochs *epochs);
/* Epoch of the latest entry, or LEADER_EPOCH_UNDEFINED. */
int32_t leader_epochs_latest_epoch(const struct leader_epochs *epochs);
/* The entry of exactly this epoch, or NULL. */
const struct leader_epoch *leader_epochs_find(const struct leader_epochs *epochs, int32_t epoch);
/* The last entry with an epoch below `epoch`, or NULL. */
const struct leader_epoch *leader_epochs_previous(const struct leader_epochs *epochs, int32_t epoch);
/*
 * The largest epoch at or below `requested` and where it ends: the start of the next higher one, or
 * `log_end_offset` for the latest. {-1, -1} when it is not known.
 */
struct leader_epoch leader_epochs_end_offset_for(const struct leader_epochs *epochs, int32_t requested,
                                                 int64_t log_end_offset);
/* Epoch of the leader that wrote `offset`, or LEADER_EPOCH_UNDEFINED. */
int32_t leader_epochs_epoch_for_offset(const struct leader_epochs *epochs, int64_t offset);

/* Where a follower's log is to be cut. */
struct truncation_point {
    int64_t offset;
    bool final; /* false: the logs may part below it, the leader is to be asked again */
};

/*
 * Where a follower cuts, told by the leader that its `leader_epoch` (the largest at or below our latest) ends
 * at `leader_end`; either may be undefined. `fallback`: where to, if the leader knows nothing.
 * (storage-replication-coordinators 4.7.)
 */
struct truncation_point leader_epochs_truncation_point(const struct leader_epochs *epochs,
                                                       int32_t leader_epoch, int64_t leader_end,
                                                       int64_t log_end_offset, int64_t fallback);

/* --- commands on the list; each says in `dirty` and its result whether it changed something --- */

/*
 * A leader of `epoch` writes from `start_offset` on. Entries that contradict it go. Both must be >= 0.
 * Does nothing when the latest entry has this epoch and begins no later.
 */
bool leader_epochs_assign(struct leader_epochs *epochs, int32_t epoch, int64_t start_offset);
/*
 * Recovery read [base_offset, last_offset] in the log, written by a leader of `epoch`, or of none that is
 * known (LEADER_EPOCH_UNDEFINED). Entries that this contradicts go; the epoch begins there at the latest, but
 * stays where it began if that was earlier: its first batches may be gone by compaction. An epoch that lies
 * between what is read stays as well.
 */
bool leader_epochs_reconcile(struct leader_epochs *epochs, int32_t epoch, int64_t base_offset,
                             int64_t last_offset);
/* Drops entries that begin at or after `end_offset`. */
bool leader_epochs_truncate_from_end(struct leader_epochs *epochs, int64_t end_offset);
/* Drops entries that end at or before `start_offset`; the one that covers it now begins there. */
bool leader_epochs_truncate_from_start(struct leader_epochs *epochs, int64_t start_offset);
bool leader_epochs_clear(struct leader_epochs *epochs);
/* Becomes what `from` is. */
bool leader_epochs_copy(struct leader_epochs *epochs, const struct leader_epochs *from);

/* --- the file --- */

/*
 * Reads the file of partition directory `dir` into the empty list. ERR_NOT_FOUND: no file, list empty.
 * ERR_CORRUPT_FILE: not what the format demands, list empty.
 */
enum err leader_epochs_load(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                            struct errmsg *why) MUST_USE;
/* Writes the file durably and clears `dirty`. ERR_NOT_FOUND: the directory is gone (renamed for deletion). */
enum err leader_epochs_save(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                            struct errmsg *why) MUST_USE;
/* leader_epochs_assign, then leader_epochs_save if it changed something. */
enum err leader_epochs_assign_durably(struct leader_epochs *epochs, struct disk *disk, const char *dir,
                                      int32_t epoch, int64_t start_offset, struct errmsg *why) MUST_USE;
/* The file's text, for a batched write (atomic_file.h). */
void leader_epochs_format(const struct leader_epochs *epochs, struct buf *out);
/* Parses the file's text; `location` names it in errors. */
enum err leader_epochs_parse(struct leader_epochs *epochs, struct view text, const char *location,
                             struct errmsg *why) MUST_USE;

#endif
