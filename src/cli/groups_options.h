/*
 * The command line of `barnabas groups`.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_GROUPS_OPTIONS_H
#define BARNABAS_CLI_GROUPS_OPTIONS_H

#include "cli/options.h"

enum groups_option {
    GROUPS_OPT_BOOTSTRAP_SERVER,
    GROUPS_OPT_COMMAND_CONFIG,
    GROUPS_OPT_ZOOKEEPER,
    GROUPS_OPT_GROUP,
    GROUPS_OPT_ALL_GROUPS,
    GROUPS_OPT_TOPIC,
    GROUPS_OPT_ALL_TOPICS,
    GROUPS_OPT_LIST,
    GROUPS_OPT_DESCRIBE,
    GROUPS_OPT_DELETE,
    GROUPS_OPT_RESET_OFFSETS,
    GROUPS_OPT_DELETE_OFFSETS,
    GROUPS_OPT_OFFSETS,
    GROUPS_OPT_MEMBERS,
    GROUPS_OPT_STATE,
    GROUPS_OPT_HISTORY,
    GROUPS_OPT_TYPE,
    GROUPS_OPT_VERBOSE,
    GROUPS_OPT_TO_OFFSET,
    GROUPS_OPT_TO_DATETIME,
    GROUPS_OPT_BY_DURATION,
    GROUPS_OPT_TO_EARLIEST,
    GROUPS_OPT_TO_LATEST,
    GROUPS_OPT_TO_CURRENT,
    GROUPS_OPT_SHIFT_BY,
    GROUPS_OPT_FROM_FILE,
    GROUPS_OPT_DRY_RUN,
    GROUPS_OPT_EXECUTE,
    GROUPS_OPT_EXPORT,
    GROUPS_OPT_TIMEOUT,
    GROUPS_OPT_HELP,
    GROUPS_OPT_VERSION,
    GROUPS_OPT_COUNT
};

extern const struct option_spec groups_option_specs[GROUPS_OPT_COUNT];

/* Do the options go together? False with why, in the words of Kafka's tool where it has some. */
bool groups_options_check(const struct options *opts, struct errmsg *why);

#endif
