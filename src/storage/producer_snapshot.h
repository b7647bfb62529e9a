/*
 * Producer snapshots: `<offset>.snapshot` in a partition's directory holds the
 * producers as they stood below that offset, so that a start need not read the
 * whole log.
 *
 * File (Kafka's, version 1): i16 version, u32 CRC-32C of what follows it, i32
 * count, then 46 bytes a producer. Written without a temporary file: a torn one
 * has a bad CRC, is deleted, and the next older one is taken.
 *
 * Ownership: the set of files owns its list and its copy of the directory's
 * path; it borrows the disk.
 * Runs on: whoever holds the partition.
 */
#ifndef BARNABAS_STORAGE_PRODUCER_SNAPSHOT_H
#define BARNABAS_STORAGE_PRODUCER_SNAPSHOT_H

#include "base/buf.h"
#include "port/disk.h"
#include "storage/producer_state.h"

#define PRODUCER_SNAPSHOT_SUFFIX ".snapshot"

/* --- codec --- */

/* Appends the file's bytes. */
void producer_snapshot_encode(const struct producer_state *state, struct buf *out);
/*
 * Checks the bytes of a whole file; then producer_snapshot_entry reads one of *count. ERR_CORRUPT_FILE for
 * another version, a bad CRC or too few bytes.
 */
enum err producer_snapshot_decode(struct view bytes, size_t *count, struct errmsg *why) MUST_USE;
void producer_snapshot_entry(struct view bytes, size_t i, struct producer_entry *out);
/*
 * Reads and checks the one at `offset` in a directory that another may hold: its bytes into an empty
 * buffer, for producer_snapshot_entry. ERR_NOT_FOUND: there is none.
 */
enum err producer_snapshot_read(struct disk *disk, const char *dir, int64_t offset, struct buf *bytes,
                                size_t *count, struct errmsg *why) MUST_USE;

/* --- the files of one partition --- */

struct producer_snapshots {
    struct disk *disk;
    char *dir;
    int64_t *offsets; /* ascending */
    size_t count;
    size_t cap;
};

/* Of a directory that holds none yet: touches nothing. */
void producer_snapshots_begin(struct producer_snapshots *files, struct disk *disk, const char *dir);
/* Lists what is there. */
enum err producer_snapshots_init(struct producer_snapshots *files, struct disk *disk, const char *dir,
                                 struct errmsg *why) MUST_USE;
void producer_snapshots_close(struct producer_snapshots *files);
/* Lists anew, after others touched the directory. */
enum err producer_snapshots_reload(struct producer_snapshots *files, struct errmsg *why) MUST_USE;
/* The partition's directory was renamed. */
void producer_snapshots_set_dir(struct producer_snapshots *files, const char *dir);

/* PRODUCER_NONE when there is none. */
int64_t producer_snapshots_newest(const struct producer_snapshots *files);
int64_t producer_snapshots_oldest(const struct producer_snapshots *files);

/*
 * Writes a snapshot at the state's end offset, unless the state has not moved since the last one. `sync`:
 * durable before it returns; else call producer_snapshots_sync later.
 */
enum err producer_snapshots_take(struct producer_snapshots *files, struct producer_state *state, bool sync,
                                 struct errmsg *why) MUST_USE;
/* Makes the snapshot at `offset` durable; ERR_NONE when it has gone meanwhile. */
enum err producer_snapshots_sync(const struct producer_snapshots *files, int64_t offset,
                                 struct errmsg *why) MUST_USE;
/*
 * Before a replay to `end_offset`: deletes snapshots above it and at or below `log_start_offset`, then,
 * unless the state ends there already, empties the state and loads the newest snapshot that is whole,
 * leaving out producers that have expired. Without one the state begins at `log_start_offset`.
 */
enum err producer_snapshots_truncate_and_reload(struct producer_snapshots *files,
                                                struct producer_state *state, int64_t log_start_offset,
                                                int64_t end_offset, int64_t now_ms, int64_t expiration_ms,
                                                struct errmsg *why) MUST_USE;
/* Deletes all and restarts the state at `offset`. */
enum err producer_snapshots_restart_at(struct producer_snapshots *files, struct producer_state *state,
                                       int64_t offset, struct errmsg *why) MUST_USE;
/* Deletes those that belong to no segment base, but keeps the newest when it lies above all bases. */
enum err producer_snapshots_remove_stray(struct producer_snapshots *files, const int64_t *segment_bases,
                                         size_t base_count, struct errmsg *why) MUST_USE;
/* Deletes those below `offset`. */
enum err producer_snapshots_delete_before(struct producer_snapshots *files, int64_t offset,
                                          struct errmsg *why) MUST_USE;
/* Deletes the one at `offset`, if there is one. */
enum err producer_snapshots_delete(struct producer_snapshots *files, int64_t offset,
                                   struct errmsg *why) MUST_USE;
/*
 * Renames the one at `offset` to `.deleted` and forgets it; *renamed says whether there was one (the
 * caller unlinks it when file.delete.delay.ms has passed).
 */
enum err producer_snapshots_mark_deleted(struct producer_snapshots *files, int64_t offset, bool *renamed,
                                         struct errmsg *why) MUST_USE;

#endif
