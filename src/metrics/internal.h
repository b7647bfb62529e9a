/*
 * The inside of the metrics, for this room's files.
 */
#ifndef BARNABAS_METRICS_INTERNAL_H
#define BARNABAS_METRICS_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/histogram.h"
#include "base/map.h"
#include "metrics/metrics.h"

/* Versions above are counted with the last. */
#define METRICS_VERSIONS 32
/* Codes -1 to 127; the table of errors has no higher one that goes over the wire. */
#define METRICS_ERRORS 129

enum { METRICS_TIMES = METRIC_SEND_TIME - METRIC_TOTAL_TIME + 1 };

/* What one shard knows of one kind of request. */
struct metrics_kind {
    const char *name;
    _Atomic int64_t requests[METRICS_VERSIONS];
    _Atomic int64_t errors[METRICS_ERRORS];
    struct histogram times[METRICS_TIMES];
};

struct metrics_shard {
    struct metrics *metrics;
    int index;
    bool common;
    _Atomic int64_t values[METRIC_COUNT];
    _Atomic(struct metrics_kind *) kinds[METRICS_KINDS];
    _Atomic(struct histogram *) summaries[METRIC_COUNT];
};

struct metrics_topic {
    struct metrics *metrics;
    char *name;
    int shares;                          /* under the metrics' lock */
    _Atomic(_Atomic int64_t *) counts[]; /* by shard; METRIC_TOPIC_COUNT each, made by its first count */
};

/* The counts of a summary some minutes ago, so that quantiles are of what happened since. */
struct metrics_window {
    int64_t newer_ms; /* when `newer` was taken */
    uint32_t older[HISTOGRAM_BUCKETS];
    uint32_t newer[HISTOGRAM_BUCKETS];
};

struct metrics {
    int shards_count; /* the common one is the last */
    struct metrics_shard **shards;
    pthread_mutex_t lock; /* topics, the common shard's summaries, what is allocated for it */
    struct map topics;
    int64_t started_ms;
    /* The writer of the text. */
    struct metrics_window *summary_windows[METRIC_COUNT];
    struct metrics_window *kind_windows[METRICS_KINDS][METRICS_TIMES];
};

#endif
