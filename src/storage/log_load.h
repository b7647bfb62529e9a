/*
 * Opening a partition directory: finishes or undoes what a crash left (`.deleted`, `.cleaned`, `.swap`),
 * recovers segments at and above the recovery point after an unclean stop, restores epochs and producers.
 * An empty directory becomes an empty log.
 * Runs on: any thread; the log belongs to nobody else meanwhile.
 */
#ifndef BARNABAS_STORAGE_LOG_LOAD_H
#define BARNABAS_STORAGE_LOG_LOAD_H

#include "storage/log.h"

/* Called after each recovered segment and every few MB inside one; false gives up with ERR_CLOSED. */
typedef bool (*log_load_progress_fn)(void *arg, int64_t bytes_done, int segments_left);

struct log_load_args {
    struct disk *disk;
    const char *dir; /* partition directory; made if missing */
    const struct log_settings *settings;
    int64_t recovery_point; /* from the checkpoint, 0 if absent */
    int64_t log_start_offset;
    int64_t now_ms;
    uint64_t seed; /* for the jitter of segment.ms */
    /* The machine may have restarted since the last run, which was ours: of what that run appended, above the
     * recovery point, tails of segments may be missing. */
    bool power_lost;
    bool clean;                    /* the broker stopped cleanly: nothing is scanned */
    bool skip_recovery;            /* a -delete directory */
    log_load_progress_fn progress; /* NULL: none */
    void *progress_arg;
};

struct log_load_report {
    int64_t bytes_recovered;
    int64_t bytes_cut;
    int segments_recovered;
    int segments_split; /* whose offsets outgrew their base */
};

/* Gives the log (log_free). `report` may be NULL. Errors: ERR_KAFKA_STORAGE_ERROR with why, ERR_CLOSED. */
enum err log_load(const struct log_load_args *args, struct log **out, struct log_load_report *report,
                  struct errmsg *why) MUST_USE;
/*
 * An empty log in a directory that was just made (new_partitions.h) with this topic id and, unless it is
 * LEADER_EPOCH_UNDEFINED, this epoch in its files: they are not read again. Of `args` recovery has no part.
 */
enum err log_create(const struct log_load_args *args, struct uuid topic_id, int32_t leader_epoch,
                    struct log **out, struct errmsg *why) MUST_USE;

#endif
