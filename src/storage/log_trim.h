/*
 * Making a log shorter: at its end (a follower's divergence), at its beginning (retention, DeleteRecords,
 * the leader's start), or as a whole (deletion).
 *
 * Removed files are renamed to `.deleted` at once and handed back in a list; they are unlinked after
 * file.delete.delay.ms, or at the next load.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_LOG_TRIM_H
#define BARNABAS_STORAGE_LOG_TRIM_H

#include "storage/log.h"

/* Paths to unlink later; owned. Zero-initialised is empty and valid. */
struct log_doomed {
    char **paths;
    size_t count;
    size_t cap;
    int64_t size_bytes; /* of the `.log` files among them */
};

void log_doomed_close(struct log_doomed *doomed);
/* Unlinks all and empties the list. Needs no log. */
enum err log_doomed_unlink(struct log_doomed *doomed, struct disk *disk, struct errmsg *why) MUST_USE;

/*
 * Drops everything at and above `offset` (a batch that straddles it goes whole). *truncated is false when the
 * log ended there already; the recovery-point checkpoint is to be rewritten when it is true.
 */
enum err log_truncate_to(struct log *log, int64_t offset, int64_t now_ms, struct log_doomed *doomed,
                         bool *truncated, struct errmsg *why) MUST_USE;
/* Drops everything and goes on at `offset`, with the log start at `new_start` (-1: `offset`). */
enum err log_truncate_fully_and_start_at(struct log *log, int64_t offset, int64_t new_start, int64_t now_ms,
                                         struct log_doomed *doomed, struct errmsg *why) MUST_USE;

/* Raises the log start; ERR_OFFSET_OUT_OF_RANGE above the high watermark, no-op at or below the present one.
 */
enum err log_raise_start_offset(struct log *log, int64_t offset, bool *raised, struct errmsg *why) MUST_USE;

struct log_retention_result {
    int segments_by_start;
    int segments_by_size;
    int segments_by_time;
};

/* Retention: segments below the log start, then by size, then by age; the last two only with cleanup
 * "delete". */
enum err log_delete_old_segments(struct log *log, int64_t now_ms, struct log_doomed *doomed,
                                 struct log_retention_result *out, struct errmsg *why) MUST_USE;

/* Drops idle producers (producer.id.expiration.ms). */
void log_expire_producers(struct log *log, int64_t now_ms);

/* Renames the partition directory (deletion, future replica becoming current); the log goes on under
 * `new_dir`. */
enum err log_rename_dir(struct log *log, const char *new_dir, struct errmsg *why) MUST_USE;

#endif
