/*
 * What groups of segments become: `.cleaned` segments with their indexes, one a group as a rule; more where
 * offsets or bytes outgrow one (a segment of an old Kafka whose offsets do not fit behind its base,
 * log_split.h).
 *
 *   for every group: output_begin, output_put ..., output_finish
 *   output_sync
 *
 * Batches that lie one behind the other in the caller's memory leave it in one piece. Written is in pieces of
 * the buffer, write-back begins at once, each file is synced once, all of them together. Ownership: owns the
 * segments until they are taken. Runs on: a worker.
 */
#ifndef BARNABAS_STORAGE_COMPACT_OUTPUT_H
#define BARNABAS_STORAGE_COMPACT_OUTPUT_H

#include "storage/compact/source.h"
#include "storage/segment.h"

#define OUTPUT_SUFFIX ".cleaned"

struct output {
    struct disk *disk;
    const char *dir; /* borrowed */
    struct log_settings settings;
    struct io_buffer *buffer;
    struct segment **segments; /* owned; the last is being written */
    int count;
    size_t buffered;
    struct view run;     /* batches in the caller's memory, to be written behind the buffer */
    int64_t written_pos; /* bytes of the last segment in its file */
    int64_t writeback_pos;
    int64_t last_offset;  /* of the last batch; base - 1 at first */
    int32_t leader_epoch; /* of the last batch that the caller met, kept or not */
    int64_t bytes_out;    /* of all segments */
    int64_t mtime_ms;     /* that the files are given */
};

/* What is told of a batch for the indexes. */
struct output_batch {
    int64_t base_offset;
    int64_t last_offset;
    int64_t max_timestamp;
};

/* Begins a group with its first segment. `mtime_ms`: what all its files are given. */
MUST_USE enum err output_begin(struct output *output, int64_t base_offset, int64_t mtime_ms,
                               struct errmsg *why);
/* `bytes` stay where they are until output_settle. */
MUST_USE enum err output_put(struct output *output, const struct output_batch *batch, struct view bytes,
                             struct errmsg *why);
/* Lets go of the caller's memory. */
MUST_USE enum err output_settle(struct output *output, struct errmsg *why);
MUST_USE enum err output_add_aborted(struct output *output, const struct aborted_txn *txn,
                                     struct errmsg *why);
/*
 * Ends the group. A last segment that ends below `next_base` gets an empty batch up to there, so
 * that what compaction took away is no hole in the log (log_load.c); not if its last batch is an old one.
 */
MUST_USE enum err output_finish(struct output *output, int64_t next_base, bool may_fill, struct errmsg *why);
/* Makes all that was finished durable. */
MUST_USE enum err output_sync(struct output *output, struct errmsg *why);
/* Forgets the segments: somebody else has them now. */
void output_drop(struct output *output);
/* Frees the segments, without touching their files. */
void output_abandon(struct output *output);
/* Unlinks the files of the segments and frees them. What cannot be unlinked is removed by the next load. */
void output_remove(struct output *output);
struct segment_files output_files(const struct output *output, const struct segment *seg);

#endif
