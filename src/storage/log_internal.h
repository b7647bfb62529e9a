/*
 * The inside of a log, shared by the log_*.c files of this room and nobody else.
 * Runs on: the holder of the partition.
 */
#ifndef BARNABAS_STORAGE_LOG_INTERNAL_H
#define BARNABAS_STORAGE_LOG_INTERNAL_H

#include "storage/leader_epochs.h"
#include "storage/log.h"
#include "storage/log_trim.h"
#include "storage/producer_snapshot.h"
#include "storage/producer_state.h"
#include "storage/segment.h"

/*
 * Where the newest appends lie, so that followers and consumers at the end of the log are answered without
 * touching a file. Each item is the first batch of one append.
 */
#define LOG_RECENT_COUNT 16

struct log_recent {
    struct {
        int64_t base_offset;
        int64_t last_offset;
        int64_t segment_base;
        int32_t pos;
        int32_t size_bytes;
    } items[LOG_RECENT_COUNT];
    uint32_t next; /* items[(next - 1) % COUNT] is the newest */
};

struct log {
    struct disk *disk;
    char *path;
    struct segment **segments; /* by base offset, never empty; the last is active */
    int segment_count;
    int segment_cap;
    int64_t start_offset;
    struct log_position end;
    struct log_position hw;
    struct log_position unstable; /* first unstable offset; offset -1 when there is none */
    int64_t recovery_point;
    uint64_t seed;             /* of the jitter */
    int64_t unsynced_snapshot; /* offset of a snapshot taken at a roll, to be synced; -1 none */
    uint32_t truncations;      /* counts what takes away from the end: a flush in flight is void */
    int64_t cut_to;            /* the lowest end since log_take_cut; INT64_MAX: not cut */
    enum err failed;           /* sticky */
    struct errmsg *failed_why; /* NULL until failed */
    struct uuid topic_id;      /* zero: none */
    struct log_recent *recent; /* NULL until the first append */
    struct log_settings settings;
    struct leader_epochs epochs;
    struct producer_state producers;
    struct producer_snapshots snapshots;
    struct producer_append append; /* scratch */
};

static inline struct segment *log_active(const struct log *log)
{
    return log->segments[log->segment_count - 1];
}

static inline struct segment_files log_files(const struct log *log, const struct segment *seg)
{
    return (struct segment_files){log->disk, log->path, seg->base_offset, NULL};
}

/* --- failure --- */

/* Makes the log failed with `why` and gives ERR_KAFKA_STORAGE_ERROR. */
enum err log_fail(struct log *log, enum err err, struct errmsg *why);
/* What a failed log answers; ERR_NONE while it is well. */
enum err log_check(const struct log *log, struct errmsg *why);
/* Passes what a reader may get and what is no failure of the disk; makes anything else a failure. */
enum err log_read_error(struct log *log, enum err err, struct errmsg *why);

/* --- segments --- */

/* Index of the segment with the greatest base <= offset; -1 when all begin above it. */
int log_floor_segment(const struct log *log, int64_t offset);
/* Takes the segment as the new last one. */
void log_add_segment(struct log *log, struct segment *seg);
int64_t log_next_jitter(struct log *log);
/* Seals the active segment, takes a producer snapshot, begins a segment at max(min_base, log end). */
enum err log_roll_to(struct log *log, int64_t min_base, int64_t now_ms, struct errmsg *why) MUST_USE;
/* Makes the first segment of an empty log, or the one after everything was dropped. */
enum err log_create_segment(struct log *log, int64_t base_offset, int64_t now_ms,
                            struct errmsg *why) MUST_USE;

/* Lets go the segments [first, first + n): renames their files to `.deleted`, adds them to `doomed`. */
enum err log_doom_segments(struct log *log, int first, int n, struct log_doomed *doomed,
                           struct errmsg *why) MUST_USE;
/* Renames the producer snapshot at `offset`, if there is one, likewise. */
enum err log_doom_snapshot(struct log *log, int64_t offset, struct log_doomed *doomed,
                           struct errmsg *why) MUST_USE;

/* --- positions --- */

void log_recent_add(struct log *log, int64_t base_offset, int64_t last_offset, int64_t segment_base,
                    int32_t pos, int32_t size_bytes);
void log_recent_clear(struct log *log);
/* Sets the log end; a high watermark at or above it follows. */
void log_set_end(struct log *log, int64_t offset);
void log_update_unstable(struct log *log);
/*
 * Where the first batch that ends at or above `offset` begins, with its size (0 when it was not looked at).
 * The log end when there is none. Errors as log_read.
 */
enum err log_locate(struct log *log, int64_t offset, bool nowait, struct log_position *out,
                    int32_t *size_bytes, struct errmsg *why) MUST_USE;

/* --- producers --- */

/* Reads batch and marker of `entry` into what the producer state wants. False: no producer is named. */
bool log_producer_batch(const struct batch_info *info, struct view entry, struct log_position first,
                        struct producer_batch *out);
/*
 * Applies what lies between the state's end offset and `to`, with replication's leniency. At the beginning of
 * segments whose base is one of the two `snapshot_bases` (NULL: none) a snapshot is taken.
 */
enum err log_replay_producers(struct log *log, struct producer_state *state, struct producer_append *scratch,
                              int64_t to, const int64_t *snapshot_bases, struct errmsg *why) MUST_USE;
/* Restores producers to `end_offset`: newest snapshot, then replay, then a snapshot there. */
enum err log_rebuild_producers(struct log *log, int64_t end_offset, int64_t now_ms, bool clean,
                               struct errmsg *why) MUST_USE;

#endif
