/*
 * Where the newest records of the map lie: a bit for so many offsets, so that what has none among them need
 * not be read again to be thrown away. Marked is also what the map cannot answer for.
 *
 *   newest_begin      before the mapping
 *   newest_mark       while it goes on: what is to be looked at whatever the map says
 *   newest_end        behind it: all that the map has
 *
 * Ownership: owns its bits. Pure. Runs on: one thread.
 */
#ifndef BARNABAS_STORAGE_COMPACT_NEWEST_H
#define BARNABAS_STORAGE_COMPACT_NEWEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "storage/compact/key_map.h"

/* So many bits at most: 1 MB. */
#define NEWEST_BITS (INT64_C(8) * 1024 * 1024)

/* Zero-initialised knows nothing. */
struct newest {
    uint64_t *words;
    int64_t base;
    int64_t end;    /* one past the last offset that is known */
    unsigned shift; /* a bit is for 2^shift offsets */
};

void newest_close(struct newest *newest);
/* Of the offsets [base, end), of which none is marked. */
void newest_begin(struct newest *newest, int64_t base, int64_t end);
/* Marks [from, to], as far as it lies inside. */
void newest_mark(struct newest *newest, int64_t from, int64_t to);
/* `end`: how far the map came. */
void newest_end(struct newest *newest, const struct key_map *map, int64_t end);
/* No record in [from, to] is the newest of its key. False where that is not known. */
bool newest_is_none(const struct newest *newest, int64_t from, int64_t to);

#endif
