/*
 * Which topics a name or regular expression of the command line means. The
 * expression must match the whole name; commas stand for "or"; blanks and quotes
 * around it are dropped, as in Kafka's tools. Java's shorthands \d, \w, \s and
 * groups that don't capture are understood; what only Java has is refused.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_TOPIC_FILTER_H
#define BARNABAS_CLI_TOPIC_FILTER_H

#include <regex.h>
#include <stdbool.h>

#include "base/errmsg.h"
#include "base/view.h"

struct topic_filter {
    bool everything;
    bool exclude_internal;
    char *posix; /* the expression, anchored; NULL when it is everything */
    regex_t regex;
};

/* `text` NULL means every topic. Gives `out` (topic_filter_close); false with why for a bad expression. */
bool topic_filter_open(struct topic_filter *out, const char *text, bool exclude_internal, struct errmsg *why);
void topic_filter_close(struct topic_filter *filter);
bool topic_filter_matches(const struct topic_filter *filter, struct view name);

/* __consumer_offsets, __transaction_state. */
bool topic_is_internal(struct view name);

#endif
