#include "storage/compact/plan.h"

/* An entry of the time index is the larger one. */
#define INDEX_ENTRY_BYTES 12
/* No batch of more than one record is shorter; what is shorter only makes the index sparse. */
#define BATCH_BYTES_MIN 61

/* More than the indexes of so many bytes can have. */
static int64_t index_bytes_for(int64_t bytes, const struct plan_limits *limits)
{
    const int64_t apart =
        limits->index_interval >= BATCH_BYTES_MIN ? (int64_t)limits->index_interval + 1 : BATCH_BYTES_MIN;
    return (bytes / apart + 2) * INDEX_ENTRY_BYTES;
}

size_t plan_group(const struct plan_segment *segments, size_t count, const struct plan_limits *limits)
{
    int64_t bytes = segments[0].size_bytes;
    size_t n = 1;
    for (; n < count; n++) {
        const struct plan_segment *next = &segments[n];
        bytes += next->size_bytes;
        if (bytes > limits->segment_bytes || index_bytes_for(bytes, limits) > limits->index_bytes)
            break;
        if (next->size_bytes > 0 && next->next_base - 1 - segments[0].base_offset > INT32_MAX)
            break;
    }
    return n;
}
