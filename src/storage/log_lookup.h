/*
 * Offsets by timestamp and by leader epoch: what ListOffsets and OffsetsForLeaderEpoch ask.
 * These may wait for the disk (a worker's work), where not said otherwise.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_LOG_LOOKUP_H
#define BARNABAS_STORAGE_LOG_LOOKUP_H

#include "storage/leader_epochs.h"
#include "storage/log.h"

struct log_found {
    int64_t offset; /* -1: none */
    int64_t timestamp_ms;
    int32_t leader_epoch; /* of its batch; -1 unknown */
};

/* The first record with timestamp >= `timestamp_ms` at or above the log start. */
enum err log_find_by_timestamp(struct log *log, int64_t timestamp_ms, struct log_found *out,
                               struct errmsg *why) MUST_USE;
/* The first record that carries the largest timestamp of the log. */
enum err log_find_max_timestamp(struct log *log, struct log_found *out, struct errmsg *why) MUST_USE;

#define LOG_LEGACY_LATEST   (-1)
#define LOG_LEGACY_EARLIEST (-2)
/*
 * ListOffsets v0: up to `max` offsets, newest first: bases of segments whose files were last written at or
 * before `timestamp_ms`, and the log end if that is not before `now_ms`. Gives how many in *count.
 */
enum err log_legacy_offsets_before(struct log *log, int64_t timestamp_ms, int32_t max, int64_t now_ms,
                                   int64_t *out, int32_t *count, struct errmsg *why) MUST_USE;

/*
 * The epoch at or below `leader_epoch` and where it ends, {-1, -1} when that is not known here, for a
 * follower outside the ISR, which cuts its log there or goes on from there. What was compacted before it was
 * copied here tells only that an epoch ended before the first batch that is left of the next; in between the
 * follower may have what a deposed leader wrote. So of a compacted log the end is that of the last batch that
 * is left below. With `nowait` ERR_WOULD_BLOCK instead of waiting for the disk.
 */
enum err log_epoch_end_for_follower(struct log *log, int32_t leader_epoch, bool nowait,
                                    struct leader_epoch *out, struct errmsg *why) MUST_USE;

#endif
