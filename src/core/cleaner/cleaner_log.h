/*
 * Which log is compacted next: pure. (storage-replication-coordinators 3.2.)
 *
 * A log wants compaction when more of it is dirty than min.cleanable.dirty.ratio allows, or when a dirty
 * record is older than max.compaction.lag.ms. Of those that do, the dirtiest is next.
 *
 * Ownership: values. Runs on: any.
 */
#ifndef BARNABAS_CORE_CLEANER_CLEANER_LOG_H
#define BARNABAS_CORE_CLEANER_CLEANER_LOG_H

#include <stdbool.h>
#include <stdint.h>

enum cleaner_state {
    CLEANER_IDLE,
    CLEANER_AT_WORK,    /* a thread is compacting it */
    CLEANER_PAUSED,     /* nothing may rewrite it now: it is being moved, or its directory does not answer */
    CLEANER_UNCLEANABLE /* a compaction failed for a reason of the log's own */
};

enum cleaner_reason {
    CLEANER_NOT_NOW,
    CLEANER_BY_RATIO, /* min.cleanable.dirty.ratio */
    CLEANER_BY_LAG    /* max.compaction.lag.ms */
};

/* What is known of one log. Zero-initialised: nothing is dirty. */
struct cleaner_log {
    enum cleaner_state state;
    int64_t clean_bytes;
    int64_t cleanable_bytes;
    int64_t oldest_dirty_ms; /* timestamp; 0 or less: none is known */
    double min_ratio;        /* min.cleanable.dirty.ratio */
    int64_t max_lag_ms;      /* max.compaction.lag.ms */
    int64_t not_before_ms;   /* a compaction that came to nothing is not repeated at once */
    bool ripens;             /* sealed segments are not cleanable yet, and will be without an append */
};

/* 0..1; 0 for an empty log. */
double cleaner_log_ratio(const struct cleaner_log *log);
/* By how much a dirty record is older than max.compaction.lag.ms; 0 when none is. */
int64_t cleaner_log_delay_ms(const struct cleaner_log *log, int64_t now_ms);
/* Whether and why it is to be compacted now, whatever its state. */
enum cleaner_reason cleaner_log_reason(const struct cleaner_log *log, int64_t now_ms);
/*
 * When it has to be looked at again, if neither its sealed segments nor its settings change; INT64_MAX: then
 * never. Not later than `now_ms` when it wants compaction.
 */
int64_t cleaner_log_due_ms(const struct cleaner_log *log, int64_t now_ms);

/* The index of the one to be compacted; -1 when none is. */
int cleaner_log_choose(const struct cleaner_log *const *logs, int count, int64_t now_ms);

#endif
