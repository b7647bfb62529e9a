/*
 * One segment of a log: a file of back-to-back record batches and its three indexes, all named by the
 * base offset. Reading gives places in the file, never bytes.
 *
 * The handles are opened by the first call that needs them; a quiet segment holds a few numbers.
 * Ownership: owns its handles and indexes.
 * Errors: those of the disk port (ERR_WOULD_BLOCK with `nowait`), ERR_CORRUPT_MESSAGE for a batch head that
 * cannot be one, ERR_CORRUPT_FILE for an index that contradicts itself.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_SEGMENT_H
#define BARNABAS_STORAGE_SEGMENT_H

#include "storage/log_settings.h"
#include "storage/offset_index.h"
#include "storage/time_index.h"
#include "storage/txn_index.h"
#include "wire/record_batch.h"

struct segment {
    int64_t base_offset;
    int64_t max_timestamp_ms;     /* -1: no record has one; see timestamps_known */
    int64_t max_timestamp_offset; /* last offset of the batch that carries it */
    int64_t rolling_timestamp_ms; /* largest of the first append; see rolling_known */
    int64_t created_ms;
    int64_t roll_jitter_ms;
    struct disk_file *file; /* NULL until opened */
    int32_t size_bytes;
    int32_t bytes_since_index;
    int32_t writeback_pos;
    bool timestamps_known;
    bool rolling_known;
    bool dirty;        /* .log changed since the last sync */
    bool preallocated; /* the file is longer than size_bytes */
    uint8_t pinned;    /* bit per open file, see segment_pin */
    struct offset_index offsets;
    struct time_index times;
    struct txn_index txns;
};

/* --- lifecycle --- */

struct segment *segment_new(int64_t base_offset, int64_t now_ms, int64_t roll_jitter_ms);
/* Releases the handles without writing. NULL is a no-op. */
void segment_free(struct segment *seg);
/* Makes empty files, whatever lay under their names. */
MUST_USE enum err segment_create(struct segment *seg, const struct segment_files *files,
                                 const struct log_settings *settings, struct errmsg *why);
/* Learns the size of an existing file. */
MUST_USE enum err segment_open(struct segment *seg, const struct segment_files *files, struct errmsg *why);

/* --- appending --- */

struct segment_append {
    struct view bytes;
    int64_t last_offset;
    int64_t max_timestamp_ms;
    int64_t max_timestamp_offset;
};

bool segment_fits_offset(const struct segment *seg, int64_t offset);
/*
 * Whether a batch without records that covers the offsets up to `next_base` has its place at the segment's
 * end: where it has, the cleaner leaves no gap there.
 */
bool segment_has_room_to(const struct segment *seg, int64_t next_base);
/* Whether to begin a new segment before this append. */
MUST_USE enum err segment_must_roll(struct segment *seg, const struct segment_files *files,
                                    const struct log_settings *settings, const struct segment_append *append,
                                    int64_t now_ms, bool *roll, struct errmsg *why);
/* One pwritev at the end; an index entry every index.interval.bytes. */
MUST_USE enum err segment_append(struct segment *seg, const struct segment_files *files,
                                 const struct log_settings *settings, const struct segment_append *append,
                                 struct errmsg *why);
/* It grows no more: closing time-index entry, indexes written, preallocated space cut. */
MUST_USE enum err segment_seal(struct segment *seg, const struct segment_files *files, struct errmsg *why);

/* --- reading --- */

/* Opens the .log; ERR_WOULD_BLOCK with `nowait` when it is not open yet. Borrowed. */
MUST_USE enum err segment_log_file(struct segment *seg, const struct segment_files *files, bool nowait,
                                   struct disk_file **out, struct errmsg *why);
/* Where the first batch with last offset >= `offset` lies; *found false when there is none. */
MUST_USE enum err segment_find(struct segment *seg, const struct segment_files *files, int64_t offset,
                               bool nowait, int32_t *pos, struct batch_info *info, bool *found,
                               struct errmsg *why);
/* One past the last offset; the base offset when empty. Reads from the last index entry on. */
MUST_USE enum err segment_next_offset(struct segment *seg, const struct segment_files *files, int64_t *out,
                                      struct errmsg *why);
/* Fills max_timestamp_* from the time index and, with `scan`, from what lies after its last entry. */
MUST_USE enum err segment_learn_timestamps(struct segment *seg, const struct segment_files *files, bool scan,
                                           struct errmsg *why);
/* The age of a segment: its largest timestamp, or its file's time where no record has one. */
MUST_USE enum err segment_largest_timestamp(struct segment *seg, const struct segment_files *files,
                                            int64_t *out, struct errmsg *why);

/* --- shortening and renaming --- */

/* Removes the first batch with last offset >= `offset` and what follows, durably. */
MUST_USE enum err segment_truncate(struct segment *seg, const struct segment_files *files, int64_t offset,
                                   int64_t now_ms, struct errmsg *why);
/* Cuts the file at a batch boundary; indexes are the caller's matter. */
MUST_USE enum err segment_cut_file(struct segment *seg, const struct segment_files *files, int32_t size_bytes,
                                   struct errmsg *why);
/*
 * The same, durable before anything is appended behind it: else a loss of power may bring back what was cut
 * off, beside what came in its place.
 */
MUST_USE enum err segment_cut_file_durably(struct segment *seg, const struct segment_files *files,
                                           int32_t size_bytes, struct errmsg *why);
/* Empties the three indexes, to be built anew. */
MUST_USE enum err segment_reset_indexes(struct segment *seg, const struct segment_files *files,
                                        struct errmsg *why);
/* Its files get `suffix` (NULL: none) behind their names; missing ones are passed over. Open handles follow.
 */
MUST_USE enum err segment_rename_files(struct segment *seg, const struct segment_files *files,
                                       const char *suffix, struct errmsg *why);
/* The largest timestamp of its first batch: when it began. -1: none, or it is empty. */
MUST_USE enum err segment_first_timestamp(struct segment *seg, const struct segment_files *files,
                                          int64_t *out, struct errmsg *why);
/*
 * Open handles follow a renamed directory: pin, rename, set_dir, unpin. Pinned they are not opened anew under
 * the old name by whoever shares them.
 */
void segment_pin(struct segment *seg);
void segment_unpin(struct segment *seg);
void segment_set_dir(struct segment *seg, const struct segment_files *files);

/* Extensions of a segment's files: .log, .index, .timeindex, .txnindex. */
#define SEGMENT_FILE_COUNT 4
extern const char *const segment_extensions[SEGMENT_FILE_COUNT];

/* --- walking batches --- */

/* Reads batches one after another. Bodies only when asked for. */
struct segment_reader {
    struct disk_file *file; /* borrowed from the segment */
    int32_t pos;            /* of the next batch */
    int32_t end;
    bool nowait;
    uint8_t *window; /* caller's scratch, or own */
    size_t window_cap;
    int64_t window_pos;
    size_t window_len;
    uint8_t *own;
};

/* Begins at a batch boundary `pos`, ends at `end`. `scratch` (may be NULL) serves as window. */
MUST_USE enum err segment_reader_open(struct segment_reader *reader, struct segment *seg,
                                      const struct segment_files *files, int32_t pos, int32_t end,
                                      bool nowait, uint8_t *scratch, size_t scratch_cap, struct errmsg *why);
void segment_reader_close(struct segment_reader *reader);
/*
 * Head of the next batch and its position. ERR_NOT_FOUND at the end; a batch that is not whole counts as
 * the end. ERR_CORRUPT_MESSAGE for a head that cannot be one.
 */
MUST_USE enum err segment_reader_next(struct segment_reader *reader, struct batch_info *info, int32_t *pos,
                                      struct errmsg *why);
/* All bytes of the batch at `pos`, borrowed until the next call. */
MUST_USE enum err segment_reader_body(struct segment_reader *reader, int32_t pos, int32_t size_bytes,
                                      struct view *out, struct errmsg *why);

#endif
