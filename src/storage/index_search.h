/*
 * Searching an index file: a page of entries at a time, each where the target would be if entries lay evenly
 * between those that are known. They mostly do: one read finds the place when both ends are known, two or
 * three when they are not, whatever the size of the file.
 *
 * Errors: those of the disk port; with `nowait` ERR_WOULD_BLOCK instead of waiting for the disk.
 * Runs on: the holder of the log.
 */
#ifndef BARNABAS_STORAGE_INDEX_SEARCH_H
#define BARNABAS_STORAGE_INDEX_SEARCH_H

#include "storage/index_file.h"

/* The column of an entry that a search compares. */
enum index_column {
    INDEX_COLUMN_I32_AT_0,
    INDEX_COLUMN_I32_AT_4,
    INDEX_COLUMN_I32_AT_8,
    INDEX_COLUMN_I64_AT_0
};

/* What the caller knows of the column. Wrong values cost time and do no other harm. */
struct index_ends {
    int64_t before_first; /* what would stand before the first entry */
    int64_t last;         /* of the last entry */
};
#define INDEX_END_UNKNOWN INT64_MIN

/* Two neighbours between which a target lies. */
struct index_place {
    int32_t floor_i;                     /* the last entry <= target; -1 when there is none */
    bool has_next;                       /* false: the floor is the last entry */
    uint8_t floor[INDEX_ENTRY_SIZE_MAX]; /* entry floor_i */
    uint8_t next[INDEX_ENTRY_SIZE_MAX];  /* entry floor_i + 1 */
};

MUST_USE enum err index_search(struct index_file *index, enum index_column column, int64_t target,
                               struct index_ends ends, bool nowait, struct index_place *out,
                               struct errmsg *why);

/* Drops the entries whose column is at or above `value`. */
MUST_USE enum err index_search_drop_from(struct index_file *index, enum index_column column, int64_t value,
                                         struct index_ends ends, struct errmsg *why);

#endif
