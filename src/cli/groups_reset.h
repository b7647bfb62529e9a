/*
 * `barnabas groups --reset-offsets`: where each group is to go on reading.
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_GROUPS_RESET_H
#define BARNABAS_CLI_GROUPS_RESET_H

#include "cli/groups.h"

/* In the order in which Kafka's tool looks for them. */
enum groups_target {
    GROUPS_TO_OFFSET,
    GROUPS_TO_EARLIEST,
    GROUPS_TO_LATEST,
    GROUPS_SHIFT_BY,
    GROUPS_TO_DATETIME,
    GROUPS_BY_DURATION,
    GROUPS_FROM_FILE,
    GROUPS_TO_CURRENT,
    GROUPS_NO_TARGET
};

struct groups_reset {
    enum groups_target target;
    int64_t number;   /* of GROUPS_TO_OFFSET and GROUPS_SHIFT_BY */
    const char *text; /* of GROUPS_TO_DATETIME, GROUPS_BY_DURATION and GROUPS_FROM_FILE */
    bool all_topics;
    const struct view *topics; /* --topic */
    int32_t topics_count;
    struct view only_group; /* when exactly one is named; else null */
    bool execute;           /* else nothing is written */
    bool as_csv;
};

/* Plans, writes if told to, and prints. False with why. */
bool groups_reset(struct groups_session *session, const struct groups_reset *reset, const struct view *ids,
                  int32_t count, struct errmsg *why);

/* The offsets that the group is to have, in the order in which they are printed (groups_plan.c). */
bool groups_plan(struct groups_session *session, const struct groups_reset *reset, struct view id,
                 struct groups_offsets *out, struct errmsg *why);

#endif
