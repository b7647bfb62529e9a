/*
 * The offset index of a segment (`.index`): 8-byte entries {i32 offset - base, i32 position}. One
 * entry says: the append that begins at `position` ends with this offset. Both columns rise strictly.
 *
 * The file is exactly as long as its entries; entries of the active segment wait in memory and are
 * written a page at a time (recovery rebuilds what a crash loses). Read and written by calls, never
 * mapped. A file that Kafka left preallocated (zero tail) is to be rebuilt, see offset_index_check.
 *
 * Ownership: the index owns its handle and its tail. Zero-cost until used: the file is opened by the
 * first call that needs it, the tail is allocated by the first append.
 * Errors: those of the disk port; a lookup with `nowait` gives ERR_WOULD_BLOCK.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_OFFSET_INDEX_H
#define BARNABAS_STORAGE_OFFSET_INDEX_H

#include "storage/index_file.h"

#define OFFSET_INDEX_ENTRY_SIZE 8

struct offset_index {
    struct index_file file;
    int64_t last_offset; /* of the last entry; -1 when empty; meaningful once file.loaded */
};

struct offset_index_entry {
    int64_t offset;
    int32_t pos;
};

/* Where an offset lies: at or behind the floor, before or in the append at next_pos. */
struct offset_index_place {
    struct offset_index_entry floor; /* the largest with offset <= the one asked for, else {base offset, 0} */
    int32_t next_pos;                /* of the entry after it */
};
#define OFFSET_INDEX_NO_POS (-1) /* next_pos of the last entry */

void offset_index_init(struct offset_index *index);
void offset_index_close(struct offset_index *index);

/* Opens the file and reads its last entry; the other calls do it by themselves. */
MUST_USE enum err offset_index_load(struct offset_index *index, const struct segment_files *files,
                                    bool nowait, struct errmsg *why);

MUST_USE enum err offset_index_lookup(struct offset_index *index, const struct segment_files *files,
                                      int64_t offset, bool nowait, struct offset_index_place *out,
                                      struct errmsg *why);
/*
 * The first entry whose position is >= `pos`; *found false when there is none. The upper end of what a
 * fetch returned, for the list of aborted transactions.
 */
MUST_USE enum err offset_index_first_at_or_after(struct offset_index *index,
                                                 const struct segment_files *files, int32_t pos, bool nowait,
                                                 struct offset_index_entry *out, bool *found,
                                                 struct errmsg *why);
/* The last entry; {base offset, 0} when empty. */
MUST_USE enum err offset_index_last(struct offset_index *index, const struct segment_files *files,
                                    struct offset_index_entry *out, struct errmsg *why);

/* Adds an entry. An offset that does not rise is an inconsistency: ERR_CORRUPT_FILE. */
MUST_USE enum err offset_index_append(struct offset_index *index, const struct segment_files *files,
                                      int64_t offset, int32_t pos, struct errmsg *why);
/* Drops all entries. */
MUST_USE enum err offset_index_clear(struct offset_index *index, const struct segment_files *files,
                                     struct errmsg *why);
/* Drops entries with offset >= `offset`. */
MUST_USE enum err offset_index_truncate(struct offset_index *index, const struct segment_files *files,
                                        int64_t offset, struct errmsg *why);

/*
 * *ok is false when the file cannot be what a clean stop left: its last entry does not lie above the base
 * offset, or points at or past `log_size_bytes`. Kafka's preallocated zero tail shows itself here.
 */
MUST_USE enum err offset_index_check(struct offset_index *index, const struct segment_files *files,
                                     int32_t log_size_bytes, bool *ok, struct errmsg *why);

#endif
