/*
 * Partitions by the broker that leads them: what must be asked of, or done at,
 * each leader.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_LED_PARTITIONS_H
#define BARNABAS_CLI_LED_PARTITIONS_H

#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/view.h"

struct led_partition {
    struct view topic;
    int32_t partition;
    int32_t leader;    /* -1: none */
    int64_t offset;    /* asked for, or answered */
    struct view error; /* null: none */
};

/* "topic-3", in the arena. */
const char *led_partition_name(const struct led_partition *partition, struct arena *arena);

/* Sorts by leader, then topic, then partition, so that what goes to one leader stands together. */
void led_partitions_sort_by_leader(struct led_partition *list, size_t count);
/* Sorts as Kafka's tools do: by the text "topic-partition". */
void led_partitions_sort_by_name(struct led_partition *list, size_t count);
/* How many from the front have the same leader. */
size_t led_partitions_same_leader(const struct led_partition *list, size_t count);
/* How many from the front are of the same topic. */
size_t led_partitions_same_topic(const struct led_partition *list, size_t count);
/* The one of this topic and number, or NULL. */
struct led_partition *led_partitions_find(struct led_partition *list, size_t count, struct view topic,
                                          int32_t partition);

#endif
