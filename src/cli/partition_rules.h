/*
 * Which partitions of which topics: "t:0,u:1-3,v:-2,w:5-,x,:0" of --topic-partitions.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_PARTITION_RULES_H
#define BARNABAS_CLI_PARTITION_RULES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "cli/topic_filter.h"

struct partition_rule {
    struct topic_filter topics;
    int32_t first;
    int32_t end; /* the first that is not meant */
};

struct partition_rules {
    struct partition_rule *items;
    int count;
};

/* Gives `out` (partition_rules_close), in both cases; false with why for what is no such list. */
bool partition_rules_parse(struct partition_rules *out, const char *text, struct errmsg *why);
/* Partitions of all topics that the expression means (NULL: all), one rule a number of the list "0,2". */
bool partition_rules_of_lists(struct partition_rules *out, const char *topic, const char *partitions,
                              struct errmsg *why);
void partition_rules_close(struct partition_rules *rules);
bool partition_rules_match(const struct partition_rules *rules, struct view topic, int32_t partition);

#endif
