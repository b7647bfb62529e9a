/*
 * Which segments become one. Pure. Runs on: any.
 */
#ifndef BARNABAS_STORAGE_COMPACT_PLAN_H
#define BARNABAS_STORAGE_COMPACT_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct plan_segment {
    int64_t base_offset;
    int64_t next_base; /* where the next segment begins */
    int32_t size_bytes;
};

struct plan_limits {
    int32_t segment_bytes;
    int32_t index_bytes;    /* of each index of a segment */
    int32_t index_interval; /* bytes between two entries at least */
};

/*
 * How many of `segments` (at least one) make the next group: together within the limits, no offset further
 * from the first base than an index can say. One that is too large by itself is a group of its own.
 */
size_t plan_group(const struct plan_segment *segments, size_t count, const struct plan_limits *limits);

#endif
