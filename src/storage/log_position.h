/*
 * A place in a log: an offset with the segment and the byte at which it lies.
 * Waiting fetches count bytes between two of them.
 * Runs on: any.
 */
#ifndef BARNABAS_STORAGE_LOG_POSITION_H
#define BARNABAS_STORAGE_LOG_POSITION_H

#include <stdbool.h>
#include <stdint.h>

#define LOG_POSITION_UNKNOWN (-1)

struct log_position {
    int64_t offset;
    int64_t segment_base; /* LOG_POSITION_UNKNOWN when only the offset is known */
    int32_t pos;          /* byte within the segment; LOG_POSITION_UNKNOWN with segment_base */
};

#define LOG_POSITION_OF_OFFSET(o) ((struct log_position){(o), -1, -1})

static inline bool log_position_is_known(struct log_position at)
{
    return at.segment_base != LOG_POSITION_UNKNOWN;
}

#endif
