#include "metrics/metric_table.h"

#include <stddef.h>

#include "base/assert.h"

#define DIVISOR_ONE     1
#define DIVISOR_MS      1000
#define DIVISOR_SECONDS 1000000

#define METRIC_AREA(title, first)
#define METRIC_TOPIC(id, name_, help_)                                                                       \
    [METRIC_##id] = {.name = name_,                                                                          \
                     .kind = METRIC_COUNTER,                                                                 \
                     .kept = METRIC_KEPT_TOPIC,                                                              \
                     .divisor = DIVISOR_ONE,                                                                 \
                     .labels = "topic",                                                                      \
                     .help = help_},
#define METRIC_BROKER(id, name_, help_)                                                                      \
    [METRIC_##id] = {.name = name_,                                                                          \
                     .kind = METRIC_COUNTER,                                                                 \
                     .kept = METRIC_KEPT_COUNTED,                                                            \
                     .divisor = DIVISOR_ONE,                                                                 \
                     .labels = "",                                                                           \
                     .help = help_},
#define METRIC(id, name_, kind_, scale, kept_, labels_, help_)                                               \
    [METRIC_##id] = {.name = name_,                                                                          \
                     .kind = METRIC_##kind_,                                                                 \
                     .kept = METRIC_KEPT_##kept_,                                                            \
                     .divisor = DIVISOR_##scale,                                                             \
                     .labels = labels_,                                                                      \
                     .help = help_},
static const struct metric_info INFOS[METRIC_COUNT] = {
#include "metrics/metrics.def"
};
#undef METRIC_AREA
#undef METRIC_TOPIC
#undef METRIC_BROKER
#undef METRIC

#define METRIC_AREA(title, first) [METRIC_##first] = title,
#define METRIC_TOPIC(id, name, help)
#define METRIC_BROKER(id, name, help)
#define METRIC(id, name, kind, scale, kept, labels, help)
static const char *const HEADINGS[METRIC_COUNT] = {
#include "metrics/metrics.def"
};

const struct metric_info *metric_info(enum metric id)
{
    ASSERT(id < METRIC_COUNT);
    return &INFOS[id];
}

const char *metric_heading(enum metric id)
{
    ASSERT(id < METRIC_COUNT);
    return HEADINGS[id];
}
