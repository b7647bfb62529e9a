/*
 * The log of one partition: a row of segments, the last of them active, and what is known about their
 * content (producers, leader epochs, high watermark). Its files are Kafka's, byte for byte.
 *
 *   logStartOffset <= last stable offset <= high watermark <= log end (LEO)
 *
 * Ownership: the log owns its segments and state; it borrows the disk. Slices and flush objects hold shares
 * of file handles, so that they outlive a deletion.
 * Errors: an I/O error is given once as ERR_KAFKA_STORAGE_ERROR with `why`; from then on the log is failed
 * and every call that touches it gives the same. Whoever gets it takes the log directory offline.
 * Loading is in storage/log_load.h, fsync in log_flush.h, shortening in log_trim.h, lookups by time in
 * log_lookup.h.
 * Runs on: the holder of the partition, one thread at a time. No lock, no clock inside.
 */
#ifndef BARNABAS_STORAGE_LOG_H
#define BARNABAS_STORAGE_LOG_H

#include "base/uuid.h"
#include "port/disk.h"
#include "storage/log_position.h"
#include "storage/log_settings.h"
#include "storage/txn_index.h"
#include "wire/record_validate.h"

struct log;
struct leader_epochs;
struct producer_state;

/* --- lifecycle (log_load and log_create make one) --- */

/* Releases everything without writing (after log_close, or after a failure). NULL is a no-op. */
void log_free(struct log *log);

/* --- queries; none of them touches the disk --- */

const char *log_path(const struct log *log); /* path of the partition directory */
const char *log_name(const struct log *log); /* last part of it: "topic-N" or a suffixed form */
struct uuid log_topic_id(const struct log *log);
int64_t log_start_offset(const struct log *log);
struct log_position log_end(const struct log *log);
struct log_position log_high_watermark(const struct log *log);
/* First unstable offset if below the high watermark, else the high watermark. */
struct log_position log_last_stable(const struct log *log);
int64_t log_first_unstable_offset(const struct log *log); /* -1 when there is none */
int64_t log_recovery_point(const struct log *log);
int64_t log_size_bytes(const struct log *log);
int log_segment_count(const struct log *log);
int64_t log_active_base_offset(const struct log *log);
int64_t log_first_base_offset(const struct log *log);
struct leader_epochs *log_leader_epochs(struct log *log);
struct producer_state *log_producers(struct log *log);
const struct log_settings *log_settings(const struct log *log);
/*
 * The lowest offset to which the log was cut at its end since this was asked last, INT64_MAX when it was not;
 * 0 when it began anew. For whoever copies it.
 */
int64_t log_take_cut(struct log *log);
/* How often it was cut at its end or began anew: what was concluded of its content before holds no more. */
uint32_t log_cuts(const struct log *log);
/* The error that the log failed with, ERR_NONE while it is well. */
enum err log_failure(const struct log *log, struct errmsg *why);

/* --- commands --- */

/* The log had no topic id; its directory's partition.metadata has this one now, durably. */
void log_adopt_topic_id(struct log *log, struct uuid id);

/*
 * Sets the high watermark, clamped to [log start, log end]; gives what it became. Transactions whose markers
 * it passes become stable.
 */
struct log_position log_set_high_watermark(struct log *log, struct log_position position);

/* Values take effect with the next append, roll or retention run. */
void log_update_config(struct log *log, const struct log_settings *settings);

struct log_append_args {
    int64_t now_ms;
    uint64_t verification_guard; /* KIP-890; 0: none */
    int32_t leader_epoch;
    enum append_origin origin; /* client or coordinator: decides which producer checks apply */
};

struct log_append_result {
    int64_t first_offset; /* -1 when nothing was appended */
    int64_t last_offset;
    int64_t log_append_time_ms; /* -1 unless stamped by the broker; a duplicate's own time */
    int64_t log_start_offset;
    int64_t max_timestamp_ms;
    int64_t max_timestamp_offset; /* last offset of the batch that carries it */
    struct log_position end;
    int64_t sealed_up_to; /* a segment was rolled: flush up to this offset in the background; else -1 */
    bool duplicate;       /* an answer from memory: offsets of the first time, nothing was written */
    bool flush_due;       /* flush.messages is reached */
    bool moved;           /* the log end moved: the leader's high watermark may */
};

/*
 * Appends a prepared record set (records_prepare succeeded) as leader: producer checks, records_assign at the
 * log end, roll if needed, one pwritev, index, epochs, producers. A duplicate succeeds and writes nothing.
 * ERR_RECORD_LIST_TOO_LARGE, ERR_OUT_OF_ORDER_SEQUENCE_NUMBER, ERR_INVALID_PRODUCER_EPOCH,
 * ERR_INVALID_TXN_STATE, ERR_TRANSACTION_COORDINATOR_FENCED leave the log as it was; so does
 * ERR_WOULD_BLOCK, of either append: no descriptor was to be had, try again.
 */
enum err log_append_as_leader(struct log *log, struct append_plan *plan, const struct log_append_args *args,
                              struct log_append_result *out, struct errmsg *why) MUST_USE;

/*
 * Appends what a leader sent, offsets as they are. A partial batch at the end and batches of an epoch above
 * `leader_epoch` (-1: no limit) are left out; structure and CRCs are checked here (ERR_CORRUPT_MESSAGE for
 * the whole). ERR_OFFSET_OUT_OF_RANGE when the batches begin below the log end, ERR_INVALID_RECORD when their
 * offsets do not rise.
 */
enum err log_append_as_follower(struct log *log, struct view records, int32_t leader_epoch, int64_t now_ms,
                                struct log_append_result *out, struct errmsg *why) MUST_USE;

/* Seals the active segment and begins one at the log end; no-op if the active one is empty. */
enum err log_roll(struct log *log, int64_t now_ms, struct errmsg *why) MUST_USE;

/* --- reading --- */

enum log_bound { LOG_BOUND_END, LOG_BOUND_HIGH_WATERMARK, LOG_BOUND_LAST_STABLE };

struct log_read_args {
    int64_t offset;
    int32_t max_bytes;
    enum log_bound bound;
    bool min_one;      /* at least one whole batch, whatever max_bytes says */
    bool nowait;       /* ERR_WOULD_BLOCK instead of waiting for the disk */
    bool want_aborted; /* fill `aborted` (read_committed) */
};

/*
 * Bytes of a segment file; `file` is NULL when there are none. It is borrowed until the partition is let go:
 * whoever sends it shares it. Zero-initialise before the first use, log_slice_close after the last.
 */
struct log_slice {
    struct disk_file *file;
    int64_t pos;
    int32_t len;
    bool first_entry_incomplete; /* max_bytes is less than the first batch and min_one was not asked */
    struct log_position start;   /* of the batch that holds the offset asked for, or of the bound */
    struct aborted_list aborted; /* transactions whose data a read_committed reader must skip; reused */
};

void log_slice_close(struct log_slice *slice);

/*
 * Finds the bytes from the batch that holds `offset` up to the bound. ERR_OFFSET_OUT_OF_RANGE below the log
 * start or above the log end; an empty slice at or above the bound.
 */
enum err log_read(struct log *log, const struct log_read_args *args, struct log_slice *out,
                  struct errmsg *why) MUST_USE;

#endif
