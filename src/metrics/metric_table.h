/*
 * The table of metrics as an enum and an array (metrics/metrics.def).
 * Runs on: any.
 */
#ifndef BARNABAS_METRICS_METRIC_TABLE_H
#define BARNABAS_METRICS_METRIC_TABLE_H

#include <stdint.h>

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_SUMMARY };

/* Who keeps the values: see the table. */
enum metric_kept { METRIC_KEPT_TOPIC, METRIC_KEPT_COUNTED, METRIC_KEPT_REQUESTS, METRIC_KEPT_GATHERED };

enum metric {
#define METRIC_AREA(title, first)
#define METRIC_TOPIC(id, name, help)                      METRIC_##id,
#define METRIC_BROKER(id, name, help)                     METRIC_##id,
#define METRIC(id, name, kind, scale, kept, labels, help) METRIC_##id,
#include "metrics/metrics.def"
#undef METRIC_AREA
#undef METRIC_TOPIC
#undef METRIC_BROKER
#undef METRIC
    METRIC_COUNT
};

/* Those that have a series for each topic come first in the table. */
enum {
    METRIC_TOPIC_COUNT = 0
#define METRIC_AREA(title, first)
#define METRIC_TOPIC(id, name, help) +1
#define METRIC_BROKER(id, name, help)
#define METRIC(id, name, kind, scale, kept, labels, help)
#include "metrics/metrics.def"
#undef METRIC_AREA
#undef METRIC_TOPIC
#undef METRIC_BROKER
#undef METRIC
};

struct metric_info {
    const char *name;
    enum metric_kind kind;
    enum metric_kept kept;
    int64_t divisor; /* what a kept number is divided by: 1, 1000 (ms), 1000000 (s) */
    const char *labels;
    const char *help;
};

const struct metric_info *metric_info(enum metric id);
/* The heading that stands before this row in the table; NULL = none. */
const char *metric_heading(enum metric id);

#endif
