/*
 * The time index of a segment (`.timeindex`): 12-byte entries {i64 timestamp, i32 offset - base}. One
 * entry says: `timestamp` is the largest seen in the segment so far, first reached in the batch whose
 * last offset this is. Timestamps rise strictly, offsets do not fall.
 *
 * Tail in memory, ownership, errors: as in storage/offset_index.h.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_TIME_INDEX_H
#define BARNABAS_STORAGE_TIME_INDEX_H

#include "storage/index_file.h"

#define TIME_INDEX_ENTRY_SIZE 12

struct time_index_entry {
    int64_t timestamp_ms;
    int64_t offset;
};

struct time_index {
    struct index_file file;
    struct time_index_entry last; /* {-1, base offset} when empty; meaningful once file.loaded */
};

void time_index_init(struct time_index *index);
void time_index_close(struct time_index *index);

/* Opens the file and reads its last entry; the other calls do it by themselves. */
MUST_USE enum err time_index_load(struct time_index *index, const struct segment_files *files, bool nowait,
                                  struct errmsg *why);
/* The last entry; {-1, base offset} when empty. */
MUST_USE enum err time_index_last(struct time_index *index, const struct segment_files *files,
                                  struct time_index_entry *out, struct errmsg *why);
/* The largest entry with timestamp <= `timestamp_ms`; {-1, base offset} when there is none. */
MUST_USE enum err time_index_lookup(struct time_index *index, const struct segment_files *files,
                                    int64_t timestamp_ms, struct time_index_entry *out, struct errmsg *why);
/* Adds an entry; one whose timestamp does not rise is left out. ERR_CORRUPT_FILE when the offset falls. */
MUST_USE enum err time_index_append(struct time_index *index, const struct segment_files *files,
                                    int64_t timestamp_ms, int64_t offset, struct errmsg *why);
/* Drops all entries. */
MUST_USE enum err time_index_clear(struct time_index *index, const struct segment_files *files,
                                   struct errmsg *why);
/* Drops entries with offset >= `offset`. */
MUST_USE enum err time_index_truncate(struct time_index *index, const struct segment_files *files,
                                      int64_t offset, struct errmsg *why);
/* *ok is false when the last entry is impossible (zero tail of a preallocated file). */
MUST_USE enum err time_index_check(struct time_index *index, const struct segment_files *files, bool *ok,
                                   struct errmsg *why);

#endif
