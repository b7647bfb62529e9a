#include "cli/groups_options.h"

#include <string.h>

#include "base/mem.h"

const struct option_spec groups_option_specs[GROUPS_OPT_COUNT] = {
    [GROUPS_OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                                     "REQUIRED: brokers to connect to, host:port,host:port."},
    [GROUPS_OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file",
                                   "File of settings for the admin client."},
    [GROUPS_OPT_ZOOKEEPER] = {"zookeeper", OPTION_TEXT, false, "host:port/chroot",
                              "With --export, without brokers: print as CSV what groups of consumers from "
                              "before 0.9 keep in ZooKeeper, for --from-file."},
    [GROUPS_OPT_GROUP] = {"group", OPTION_TEXT, true, "consumer group",
                          "The group to act on; may be repeated."},
    [GROUPS_OPT_ALL_GROUPS] = {"all-groups", OPTION_FLAG, false, NULL, "Act on all groups."},
    [GROUPS_OPT_TOPIC] =
        {"topic", OPTION_TEXT, true, "topic",
         "A topic whose offsets are reset or deleted, or some of its partitions: orders:0,1. "
         "May be repeated."},
    [GROUPS_OPT_ALL_TOPICS] = {"all-topics", OPTION_FLAG, false, NULL,
                               "Reset all offsets that the group has committed."},
    [GROUPS_OPT_LIST] = {"list", OPTION_FLAG, false, NULL, "List all groups."},
    [GROUPS_OPT_DESCRIBE] = {"describe", OPTION_FLAG, false, NULL,
                             "Describe groups: what they have committed, and how far behind they are."},
    [GROUPS_OPT_DELETE] = {"delete", OPTION_FLAG, false, NULL, "Delete groups that have no members."},
    [GROUPS_OPT_RESET_OFFSETS] = {"reset-offsets", OPTION_FLAG, false, NULL,
                                  "Set where groups without members go on reading.\n"
                                  "Where: one of --to-earliest, --to-latest, --to-current, --to-offset, "
                                  "--shift-by, --to-datetime, --by-duration, --from-file.\n"
                                  "Which partitions: --topic or --all-topics.\n"
                                  "Nothing is written without --execute."},
    [GROUPS_OPT_DELETE_OFFSETS] = {"delete-offsets", OPTION_FLAG, false, NULL,
                                   "Forget what a group has committed of the topics given."},
    [GROUPS_OPT_OFFSETS] = {"offsets", OPTION_FLAG, false, NULL, "Describe offsets (default)."},
    [GROUPS_OPT_MEMBERS] = {"members", OPTION_FLAG, false, NULL, "Describe members."},
    [GROUPS_OPT_STATE] = {"state", OPTION_MAYBE_TEXT, false, "state",
                          "With --describe: describe the state. With --list: show states, or only groups in "
                          "these."},
    [GROUPS_OPT_HISTORY] = {"history", OPTION_FLAG, false, NULL,
                            "Describe the last rebalances: who caused each, why, and how long it took. Only "
                            "brokers that are Barnabas remember them."},
    [GROUPS_OPT_TYPE] = {"type", OPTION_MAYBE_TEXT, false, "types",
                         "With --list: show types, or only groups of these."},
    [GROUPS_OPT_VERBOSE] = {"verbose", OPTION_FLAG, false, NULL,
                            "With --members: show what each was assigned."},
    [GROUPS_OPT_TO_OFFSET] = {"to-offset", OPTION_LONG, false, "offset", "Reset to this offset."},
    [GROUPS_OPT_TO_DATETIME] = {"to-datetime", OPTION_TEXT, false, "datetime",
                                "Reset to the first message since then: 2026-01-31T23:59:59.000, in UTC "
                                "unless a zone follows."},
    [GROUPS_OPT_BY_DURATION] = {"by-duration", OPTION_TEXT, false, "duration",
                                "Reset to the first message of the last so long: P1DT2H3M4S."},
    [GROUPS_OPT_TO_EARLIEST] = {"to-earliest", OPTION_FLAG, false, NULL, "Reset to the oldest message."},
    [GROUPS_OPT_TO_LATEST] = {"to-latest", OPTION_FLAG, false, NULL, "Reset to the end of the log."},
    [GROUPS_OPT_TO_CURRENT] = {"to-current", OPTION_FLAG, false, NULL,
                               "Keep what is committed; where nothing is, reset to the end."},
    [GROUPS_OPT_SHIFT_BY] = {"shift-by", OPTION_LONG, false, "number-of-offsets",
                             "Move what is committed by so many messages, back if it is negative."},
    [GROUPS_OPT_FROM_FILE] = {"from-file", OPTION_TEXT, false, "path to CSV file",
                              "Reset as this file says, which --export has written."},
    [GROUPS_OPT_DRY_RUN] = {"dry-run", OPTION_FLAG, false, NULL,
                            "With --reset-offsets: show what would be written (default)."},
    [GROUPS_OPT_EXECUTE] = {"execute", OPTION_FLAG, false, NULL, "With --reset-offsets: write it."},
    [GROUPS_OPT_EXPORT] = {"export", OPTION_FLAG, false, NULL, "With --reset-offsets: print it as CSV."},
    [GROUPS_OPT_TIMEOUT] = {"timeout", OPTION_LONG, false, "timeout (ms)",
                            "How long to wait for a coordinator or a leader (default: 5000)."},
    [GROUPS_OPT_HELP] = OPTION_SPEC_HELP,
    [GROUPS_OPT_VERSION] = OPTION_SPEC_VERSION,
};

static int count_given(const struct options *opts, const int *ids, size_t count)
{
    int given = 0;
    for (size_t i = 0; i < count; i++)
        given += options_has(opts, ids[i]);
    return given;
}

/* Of these, the first that is there excludes the others. */
static bool exclude_each_other(const struct options *opts, const int *ids, size_t count, struct errmsg *why)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++)
            if (i != k && !options_exclude(opts, ids[i], ids[k], why))
                return false;
    return true;
}

static bool need_group(const struct options *opts, int action, struct errmsg *why)
{
    if (options_has(opts, GROUPS_OPT_GROUP) || options_has(opts, GROUPS_OPT_ALL_GROUPS))
        return true;
    errmsg_set(why, "Option [%s] takes one of these options: [all-groups], [group]",
               groups_option_specs[action].name);
    return false;
}

/* What only makes sense beside another option. */
static bool check_available(const struct options *opts, struct errmsg *why)
{
    static const struct {
        int option, with, or_with;
    } rules[] = {
        {GROUPS_OPT_MEMBERS, GROUPS_OPT_DESCRIBE, GROUPS_OPT_DESCRIBE},
        {GROUPS_OPT_VERBOSE, GROUPS_OPT_DESCRIBE, GROUPS_OPT_DESCRIBE},
        {GROUPS_OPT_OFFSETS, GROUPS_OPT_DESCRIBE, GROUPS_OPT_DESCRIBE},
        {GROUPS_OPT_HISTORY, GROUPS_OPT_DESCRIBE, GROUPS_OPT_DESCRIBE},
        {GROUPS_OPT_STATE, GROUPS_OPT_DESCRIBE, GROUPS_OPT_LIST},
        {GROUPS_OPT_TYPE, GROUPS_OPT_LIST, GROUPS_OPT_LIST},
    };
    for (size_t i = 0; i < ARRAY_LEN(rules); i++)
        if (options_has(opts, rules[i].option) && !options_has(opts, rules[i].with) &&
            !options_has(opts, rules[i].or_with)) {
            errmsg_set(why, "Option(s) [%s] are unavailable given other options on the command line",
                       groups_option_specs[rules[i].option].name);
            return false;
        }
    return true;
}

static bool check_describe(const struct options *opts, struct errmsg *why)
{
    static const int parts[] = {GROUPS_OPT_MEMBERS, GROUPS_OPT_OFFSETS, GROUPS_OPT_STATE, GROUPS_OPT_HISTORY};
    if (!need_group(opts, GROUPS_OPT_DESCRIBE, why))
        return false;
    if (count_given(opts, parts, ARRAY_LEN(parts)) > 1) {
        errmsg_set(why,
                   "Option [describe] takes at most one of these options: [members], [offsets], [state]%s",
                   options_has(opts, GROUPS_OPT_HISTORY) ? ", [history]" : "");
        return false;
    }
    if (!options_text(opts, GROUPS_OPT_STATE))
        return true;
    errmsg_set(why, "Option [describe] does not take a value for [state]");
    return false;
}

static bool check_delete(const struct options *opts, struct errmsg *why)
{
    if (!need_group(opts, GROUPS_OPT_DELETE, why))
        return false;
    if (!options_has(opts, GROUPS_OPT_TOPIC))
        return true;
    errmsg_set(why, "The consumer does not support topic-specific offset deletion from a consumer group.");
    return false;
}

static bool check_delete_offsets(const struct options *opts, struct errmsg *why)
{
    if (options_has(opts, GROUPS_OPT_GROUP) && options_has(opts, GROUPS_OPT_TOPIC))
        return true;
    errmsg_set(why, "Option [delete-offsets] takes the following options: [topic], [group]");
    return false;
}

/* The warning comes first, as with Kafka's tool. */
static bool check_reset(const struct options *opts, struct errmsg *why)
{
    static const int targets[] = {GROUPS_OPT_TO_OFFSET,   GROUPS_OPT_TO_DATETIME, GROUPS_OPT_BY_DURATION,
                                  GROUPS_OPT_TO_EARLIEST, GROUPS_OPT_TO_LATEST,   GROUPS_OPT_TO_CURRENT,
                                  GROUPS_OPT_SHIFT_BY,    GROUPS_OPT_FROM_FILE};
    bool dry = options_has(opts, GROUPS_OPT_DRY_RUN), execute = options_has(opts, GROUPS_OPT_EXECUTE);
    if (dry && execute) {
        errmsg_set(why, "Option [reset-offsets] only accepts one of [execute] and [dry-run]");
        return false;
    }
    if (!dry && !execute)
        fputs("WARN: No action will be performed as the --execute option is missing."
              "In a future major release, the default behavior of this command will be to prompt the user "
              "before executing the reset rather than doing a dry run. You should add the --dry-run option "
              "explicitly if you are scripting this command and want to keep the current default behavior "
              "without prompting.\n",
              stderr);
    return need_group(opts, GROUPS_OPT_RESET_OFFSETS, why) &&
           exclude_each_other(opts, targets, ARRAY_LEN(targets), why);
}

/* ZooKeeper takes the place of the brokers, for this alone. */
static bool check_zookeeper(const struct options *opts, int actions, struct errmsg *why)
{
    if (!options_exclude(opts, GROUPS_OPT_ZOOKEEPER, GROUPS_OPT_BOOTSTRAP_SERVER, why))
        return false;
    if (actions > 0 || !options_has(opts, GROUPS_OPT_EXPORT)) {
        errmsg_set(why, "Option [zookeeper] goes with [export] alone: offsets in ZooKeeper are only read");
        return false;
    }
    return need_group(opts, GROUPS_OPT_ZOOKEEPER, why) &&
           options_exclude(opts, GROUPS_OPT_GROUP, GROUPS_OPT_ALL_GROUPS, why);
}

bool groups_options_check(const struct options *opts, struct errmsg *why)
{
    static const int actions[] = {GROUPS_OPT_LIST, GROUPS_OPT_DESCRIBE, GROUPS_OPT_DELETE,
                                  GROUPS_OPT_RESET_OFFSETS, GROUPS_OPT_DELETE_OFFSETS};
    int given = count_given(opts, actions, ARRAY_LEN(actions));
    if (options_has(opts, GROUPS_OPT_ZOOKEEPER))
        return check_zookeeper(opts, given, why);
    if (given != 1) {
        errmsg_set(why, "Command must include exactly one action: --list, --describe, --delete, "
                        "--reset-offsets, --delete-offsets");
        return false;
    }
    return check_available(opts, why) && options_require(opts, GROUPS_OPT_BOOTSTRAP_SERVER, why) &&
           (!options_has(opts, GROUPS_OPT_DESCRIBE) || check_describe(opts, why)) &&
           (!options_has(opts, GROUPS_OPT_DELETE) || check_delete(opts, why)) &&
           (!options_has(opts, GROUPS_OPT_DELETE_OFFSETS) || check_delete_offsets(opts, why)) &&
           (!options_has(opts, GROUPS_OPT_RESET_OFFSETS) || check_reset(opts, why)) &&
           options_exclude(opts, GROUPS_OPT_GROUP, GROUPS_OPT_ALL_GROUPS, why) &&
           options_exclude(opts, GROUPS_OPT_GROUP, GROUPS_OPT_LIST, why) &&
           options_exclude(opts, GROUPS_OPT_TOPIC, GROUPS_OPT_LIST, why) &&
           options_exclude(opts, GROUPS_OPT_TOPIC, GROUPS_OPT_DESCRIBE, why);
}
