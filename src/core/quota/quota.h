/*
 * How much of something flowed lately, and whether that is more than may flow: pure.
 *
 * The rate is Kafka's SimpleRate: what was recorded in the last so many windows, divided by the time since
 * the oldest of them began, at least one window. So a quota lets a burst through and then makes up for it by
 * a pause, and an hour of silence buys no more than one window. (storage-replication-coordinators 7.1, 7.6.)
 *
 * Ownership: owns its samples. Runs on: whoever holds it, one at a time.
 */
#ifndef BARNABAS_CORE_QUOTA_QUOTA_H
#define BARNABAS_CORE_QUOTA_QUOTA_H

#include <stdbool.h>
#include <stdint.h>

/* What was recorded in one window. */
struct quota_sample {
    int64_t start_ms;
    int64_t last_ms; /* when something was recorded last; the start when nothing was */
    int64_t amount;
};

struct quota {
    int64_t limit; /* a second; QUOTA_UNLIMITED = any */
    int64_t window_ms;
    int32_t count;   /* of samples that count; there is room for one more */
    int32_t used;    /* of samples, up to count + 1 */
    int32_t current; /* the one that is recorded to */
    struct quota_sample *samples;
};

#define QUOTA_UNLIMITED INT64_MAX

/* Without limit. `count` and `window_ms` are 1 at least. Closed by quota_close. */
void quota_init(struct quota *quota, int32_t count, int64_t window_ms);
void quota_close(struct quota *quota);

/* Times are monotonic ms and do not go back. */
void quota_record(struct quota *quota, int64_t amount, int64_t now_ms);
/* A second, over the windows that count. */
double quota_rate(struct quota *quota, int64_t now_ms);
/* More flows than may. */
bool quota_is_exceeded(struct quota *quota, int64_t now_ms);

#endif
