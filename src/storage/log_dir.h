/*
 * A log directory: one entry of log.dirs, usually one disk. It holds a lock,
 * a few checkpoint files and a directory for each partition.
 *
 * A directory goes offline with its first failed call and stays so until the
 * next start (sticky, with the first reason).
 *
 * Ownership: a log_dir owns its path, lock and maps; it borrows the disk.
 * Runs on: log_dir_is_offline and log_dir_fail on any thread; the rest on start,
 * or on whoever serialises work on the directory (control loop, a worker).
 */
#ifndef BARNABAS_STORAGE_LOG_DIR_H
#define BARNABAS_STORAGE_LOG_DIR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "base/uuid.h"
#include "port/disk.h"
#include "storage/offset_map.h"
#include "storage/partition_dir.h"

#define LOG_DIR_LOCK_NAME ".lock"

enum log_dir_checkpoint {
    LOG_DIR_RECOVERY_POINT, /* recovery-point-offset-checkpoint: below it everything is synced */
    LOG_DIR_LOG_START,      /* log-start-offset-checkpoint */
    LOG_DIR_HIGH_WATERMARK, /* replication-offset-checkpoint */
    LOG_DIR_CLEANER,        /* cleaner-offset-checkpoint: first dirty offset of compacted partitions */
    LOG_DIR_CHECKPOINT_COUNT
};

/* A partition's directory that was found. */
struct log_dir_found {
    char *name;
    struct partition_dir_name parsed; /* borrows from `name` */
};

struct log_dir {
    struct disk *disk;
    char *path;
    struct disk_file *lock;
    size_t log_count; /* current and future logs in it; whoever creates and drops logs counts */
    struct offset_map checkpoints[LOG_DIR_CHECKPOINT_COUNT];
    _Atomic int state; /* live, failing, offline */
    enum err offline_err;
    struct errmsg offline_why; /* valid when offline */
};

/* --- lifecycle --- */

/* Takes note of the path; touches nothing. */
void log_dir_init(struct log_dir *dir, struct disk *disk, const char *path);
/* Unlocks (and removes the lock file) if it is locked; writes nothing else. */
void log_dir_close(struct log_dir *dir);
/*
 * Creates the directory if it is missing (with its parents), checks that it is one and can be listed, and
 * takes its lock. ERR_LOCKED is fatal for the start: another process uses it. Any other error: the caller
 * takes the directory offline.
 */
enum err log_dir_open(struct log_dir *dir, struct errmsg *why) MUST_USE;

/* --- state --- */

bool log_dir_is_offline(const struct log_dir *dir);
/* Takes it offline; true for the first caller, whose reason stays. */
bool log_dir_fail(struct log_dir *dir, enum err err, const struct errmsg *why);
/* Why it is offline; NULL while it is live. */
const char *log_dir_offline_reason(const struct log_dir *dir);

/* --- what is in it --- */

/*
 * Lists the partitions' directories, sorted by name. ERR_INVALID_ARGUMENT for a directory that is no
 * partition's: fatal for the start, the message says which. Files, the cache of tiered storage and KRaft's
 * metadata log are passed over. Gives `out` (log_dir_found_free).
 */
enum err log_dir_scan(struct log_dir *dir, struct log_dir_found **out, size_t *count,
                      struct errmsg *why) MUST_USE;
void log_dir_found_free(struct log_dir_found *found, size_t count);

/* --- partitions' directories --- */

/* Full path of a name in it, a fresh heap string. */
char *log_dir_join(const struct log_dir *dir, const char *name);
/*
 * Renames partition directory `name` to `new_name` (partition_dir_format), durably. Deleting a partition
 * begins with this; its files follow later.
 */
enum err log_dir_rename_partition(struct log_dir *dir, const char *name, const char *new_name,
                                  struct errmsg *why) MUST_USE;
/* Deletes a directory with all that is in it, or a link to one; one that is gone is fine. */
enum err log_dir_delete_tree(struct disk *disk, const char *path, struct errmsg *why) MUST_USE;
/* Deletes directory `name` so. */
enum err log_dir_delete_partition(struct log_dir *dir, const char *name, struct errmsg *why) MUST_USE;

/* --- checkpoint files --- */

const char *log_dir_checkpoint_name(enum log_dir_checkpoint kind);
/*
 * Reads one into its map. A missing file is an empty one. ERR_CORRUPT_FILE leaves the map empty: for
 * recovery point and log start that only costs time (scan from the beginning), for the cleaner too
 * (compaction from the beginning). Kafka takes the directory offline for the cleaner's and for high
 * watermarks.
 */
enum err log_dir_load_checkpoint(struct log_dir *dir, enum log_dir_checkpoint kind,
                                 struct errmsg *why) MUST_USE;
/* Writes one map out, durably. */
enum err log_dir_save_checkpoint(struct log_dir *dir, enum log_dir_checkpoint kind,
                                 struct errmsg *why) MUST_USE;
/* Writes several (a bit per kind: 1u << kind) together. */
enum err log_dir_save_checkpoints(struct log_dir *dir, unsigned kinds, struct errmsg *why) MUST_USE;

/* --- several directories --- */

/*
 * Two entries that lead to the same directory (text or links), among those that are live.
 * ERR_INVALID_ARGUMENT: fatal for the start.
 */
enum err log_dirs_check_distinct(struct log_dir *const *dirs, size_t dir_count, struct errmsg *why) MUST_USE;
/*
 * The same partition in two places: ERR_INVALID_ARGUMENT with both paths, fatal for the start. (Of future
 * logs one too many is no harm, Kafka refuses them, too.) found[i] belongs to dirs[i].
 */
enum err log_dirs_check_duplicates(struct log_dir *const *dirs, struct log_dir_found *const *found,
                                   const size_t *found_counts, size_t dir_count, struct errmsg *why) MUST_USE;
/* The live directory with the fewest logs, the first of equals; NULL when none is live. */
struct log_dir *log_dirs_choose(struct log_dir *const *dirs, size_t dir_count);

#endif
