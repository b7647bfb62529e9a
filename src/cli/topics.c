/*
 * `barnabas topics`: the command line. What is refused, and with which words,
 * is that of kafka-topics.sh; --zookeeper and what goes with it is that of its
 * releases before 3.0.
 */
#include "cli/topics.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/options.h"

enum {
    OPT_BOOTSTRAP_SERVER,
    OPT_ZOOKEEPER,
    OPT_COMMAND_CONFIG,
    OPT_LIST,
    OPT_CREATE,
    OPT_DELETE,
    OPT_ALTER,
    OPT_DESCRIBE,
    OPT_TOPIC,
    OPT_TOPIC_ID,
    OPT_CONFIG,
    OPT_DELETE_CONFIG,
    OPT_PARTITIONS,
    OPT_REPLICATION_FACTOR,
    OPT_REPLICA_ASSIGNMENT,
    OPT_UNDER_REPLICATED,
    OPT_UNAVAILABLE,
    OPT_UNDER_MIN_ISR,
    OPT_AT_MIN_ISR,
    OPT_WITH_OVERRIDES,
    OPT_IF_EXISTS,
    OPT_IF_NOT_EXISTS,
    OPT_EXCLUDE_INTERNAL,
    OPT_SIZE_LIMIT,
    OPT_DISABLE_RACK_AWARE,
    OPT_FORCE,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED unless --zookeeper is given: a broker to connect to, host:port."},
    [OPT_ZOOKEEPER] = {"zookeeper", OPTION_TEXT, false, "hosts",
                       "Work through ZooKeeper alone, host:port[/chroot]; no broker need be up."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file",
                            "File of settings for the admin client."},
    [OPT_LIST] = {"list", OPTION_FLAG, false, NULL, "List all topics."},
    [OPT_CREATE] = {"create", OPTION_FLAG, false, NULL, "Create a topic."},
    [OPT_DELETE] = {"delete", OPTION_FLAG, false, NULL, "Delete topics."},
    [OPT_ALTER] = {"alter", OPTION_FLAG, false, NULL,
                   "Raise the number of partitions. Settings of topics are altered with the command "
                   "configs, or here with --zookeeper."},
    [OPT_DESCRIBE] = {"describe", OPTION_FLAG, false, NULL, "Show topics and their partitions."},
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic",
                   "The topic. All actions but --create take a regular expression too, which must match the "
                   "whole name; put '\\' before a '.' that is just a dot."},
    [OPT_TOPIC_ID] = {"topic-id", OPTION_TEXT, false, "topic-id", "Describe the topic that has this id."},
    [OPT_CONFIG] = {"config", OPTION_TEXT, true, "name=value", "A setting of the topic to be created."},
    [OPT_DELETE_CONFIG] = {"delete-config", OPTION_TEXT, true, "name",
                           "A setting to remove from a topic; with --zookeeper only."},
    [OPT_PARTITIONS] = {"partitions", OPTION_INT, false, "# of partitions",
                        "Number of partitions to create, or to raise a topic to; without it the cluster's "
                        "default. Raising it changes which partition a key goes to."},
    [OPT_REPLICATION_FACTOR] = {"replication-factor", OPTION_INT, false, "replication factor",
                                "Replicas of each partition; without it the cluster's default."},
    [OPT_REPLICA_ASSIGNMENT] = {"replica-assignment", OPTION_TEXT, false, "broker_id:broker_id,...",
                                "The brokers of each partition: ids joined by colons, partitions by commas."},
    [OPT_UNDER_REPLICATED] = {"under-replicated-partitions", OPTION_FLAG, false, NULL,
                              "Describe only partitions with fewer in-sync replicas than replicas."},
    [OPT_UNAVAILABLE] = {"unavailable-partitions", OPTION_FLAG, false, NULL,
                         "Describe only partitions without a leader that is up."},
    [OPT_UNDER_MIN_ISR] = {"under-min-isr-partitions", OPTION_FLAG, false, NULL,
                           "Describe only partitions with fewer in-sync replicas than min.insync.replicas."},
    [OPT_AT_MIN_ISR] = {"at-min-isr-partitions", OPTION_FLAG, false, NULL,
                        "Describe only partitions with exactly min.insync.replicas in-sync replicas."},
    [OPT_WITH_OVERRIDES] = {"topics-with-overrides", OPTION_FLAG, false, NULL,
                            "Describe only topics with settings of their own."},
    [OPT_IF_EXISTS] = {"if-exists", OPTION_FLAG, false, NULL,
                       "Do nothing when the topic to alter, delete or describe does not exist."},
    [OPT_IF_NOT_EXISTS] = {"if-not-exists", OPTION_FLAG, false, NULL,
                           "Do nothing when the topic to create exists."},
    [OPT_EXCLUDE_INTERNAL] = {"exclude-internal", OPTION_FLAG, false, NULL,
                              "Leave internal topics out of --list and --describe."},
    [OPT_SIZE_LIMIT] = {"partition-size-limit-per-response", OPTION_INT, false,
                        "maximum number of partitions in one response.",
                        "Has no effect: topics are described by Metadata."},
    [OPT_DISABLE_RACK_AWARE] = {"disable-rack-aware", OPTION_FLAG, false, NULL,
                                "Place replicas without regard to racks; with --zookeeper only."},
    [OPT_FORCE] = {"force", OPTION_FLAG, false, NULL, "Has no effect: nothing asks back."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

static const int actions[] = {
    [TOPICS_CREATE] = OPT_CREATE,     [TOPICS_LIST] = OPT_LIST,     [TOPICS_ALTER] = OPT_ALTER,
    [TOPICS_DESCRIBE] = OPT_DESCRIBE, [TOPICS_DELETE] = OPT_DELETE,
};

/* --- which options go together --------------------------------------------------------------------- */

/* An option and the actions that it has a meaning for. */
struct scope {
    int option;
    int allowed[3]; /* options of actions; unused places repeat the first */
};

static const struct scope scopes[] = {
    {OPT_CONFIG, {OPT_ALTER, OPT_CREATE, OPT_CREATE}},
    {OPT_DELETE_CONFIG, {OPT_ALTER, OPT_ALTER, OPT_ALTER}},
    {OPT_PARTITIONS, {OPT_ALTER, OPT_CREATE, OPT_CREATE}},
    {OPT_REPLICATION_FACTOR, {OPT_CREATE, OPT_CREATE, OPT_CREATE}},
    {OPT_REPLICA_ASSIGNMENT, {OPT_ALTER, OPT_CREATE, OPT_CREATE}},
    {OPT_UNDER_REPLICATED, {OPT_DESCRIBE, OPT_DESCRIBE, OPT_DESCRIBE}},
    {OPT_UNDER_MIN_ISR, {OPT_DESCRIBE, OPT_DESCRIBE, OPT_DESCRIBE}},
    {OPT_AT_MIN_ISR, {OPT_DESCRIBE, OPT_DESCRIBE, OPT_DESCRIBE}},
    {OPT_UNAVAILABLE, {OPT_DESCRIBE, OPT_DESCRIBE, OPT_DESCRIBE}},
    {OPT_WITH_OVERRIDES, {OPT_DESCRIBE, OPT_DESCRIBE, OPT_DESCRIBE}},
    {OPT_IF_EXISTS, {OPT_ALTER, OPT_DELETE, OPT_DESCRIBE}},
    {OPT_IF_NOT_EXISTS, {OPT_CREATE, OPT_CREATE, OPT_CREATE}},
    {OPT_EXCLUDE_INTERNAL, {OPT_LIST, OPT_DESCRIBE, OPT_DESCRIBE}},
};

static const struct {
    int option;
    int other;
} exclusions[] = {
    {OPT_UNDER_REPLICATED, OPT_WITH_OVERRIDES},
    {OPT_UNDER_MIN_ISR, OPT_WITH_OVERRIDES},
    {OPT_AT_MIN_ISR, OPT_WITH_OVERRIDES},
    {OPT_UNAVAILABLE, OPT_WITH_OVERRIDES},
    {OPT_DELETE_CONFIG, OPT_BOOTSTRAP_SERVER},
    {OPT_DISABLE_RACK_AWARE, OPT_BOOTSTRAP_SERVER},
    {OPT_COMMAND_CONFIG, OPT_ZOOKEEPER},
    {OPT_TOPIC_ID, OPT_ZOOKEEPER},
    {OPT_DISABLE_RACK_AWARE, OPT_REPLICA_ASSIGNMENT},
};

static bool check_scopes(const struct options *opts, struct errmsg *why)
{
    for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
        for (size_t action = 0; action < ARRAY_LEN(actions); action++) {
            bool allowed = false;
            for (size_t k = 0; k < ARRAY_LEN(scopes[i].allowed); k++)
                allowed = allowed || scopes[i].allowed[k] == actions[action];
            if (!allowed && !options_exclude(opts, scopes[i].option, actions[action], why))
                return false;
        }
    }
    for (size_t i = 0; i < ARRAY_LEN(exclusions); i++)
        if (!options_exclude(opts, exclusions[i].option, exclusions[i].other, why))
            return false;
    return !options_has(opts, OPT_CREATE) ||
           (options_exclude(opts, OPT_REPLICA_ASSIGNMENT, OPT_PARTITIONS, why) &&
            options_exclude(opts, OPT_REPLICA_ASSIGNMENT, OPT_REPLICATION_FACTOR, why));
}

static bool check_alter(const struct options *opts, struct errmsg *why)
{
    if (options_has(opts, OPT_ZOOKEEPER))
        return true;
    if (options_has(opts, OPT_CONFIG)) {
        errmsg_set(why, "Option combination \"[bootstrap-server],[config]\" can't be used with option "
                        "\"[alter]\" (the kafka-configs CLI supports altering topic configs with a "
                        "--bootstrap-server option)");
        return false;
    }
    return options_require(opts, OPT_PARTITIONS, why);
}

static bool check_options(const struct options *opts, struct topics_request *request, struct errmsg *why)
{
    int given = 0;
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (options_has(opts, actions[i])) {
            request->action = (enum topics_action)i;
            given++;
        }
    }
    if (given != 1) {
        errmsg_set(why, "Command must include exactly one action: --list, --describe, --create, --alter or "
                        "--delete");
        return false;
    }
    if (options_has(opts, OPT_BOOTSTRAP_SERVER) == options_has(opts, OPT_ZOOKEEPER)) {
        errmsg_set(why, options_has(opts, OPT_ZOOKEEPER)
                            ? "Only one of --bootstrap-server or --zookeeper must be specified"
                            : "--bootstrap-server must be specified");
        return false;
    }
    if (request->action == TOPICS_DESCRIBE && options_has(opts, OPT_IF_EXISTS) &&
        !options_has(opts, OPT_TOPIC) && !options_has(opts, OPT_TOPIC_ID)) {
        errmsg_set(why, "--topic or --topic-id is required to describe a topic");
        return false;
    }
    if (request->action != TOPICS_LIST && request->action != TOPICS_DESCRIBE &&
        !options_require(opts, OPT_TOPIC, why))
        return false;
    return (request->action != TOPICS_ALTER || check_alter(opts, why)) && check_scopes(opts, why);
}

/* --- values ---------------------------------------------------------------------------------------- */

static bool parse_brokers(const char *text, size_t len, struct topics_assignment *out, int *count,
                          struct errmsg *why)
{
    int32_t *list = out->brokers + (size_t)out->partitions * (size_t)out->replicas;
    const char *end = text + len;
    *count = 0;
    while (text < end) {
        char *stop;
        errno = 0;
        long id = strtol(text, &stop, 10);
        while (stop < end && isspace((unsigned char)*stop))
            stop++;
        if (errno != 0 || stop == text || id < 0 || id > INT32_MAX || stop > end ||
            (stop < end && *stop != ':')) {
            errmsg_set(why, "For input string: \"%.*s\"", (int)(len < 80 ? len : 80), end - len);
            return false;
        }
        for (int i = 0; i < *count; i++) {
            if (list[i] == (int32_t)id) {
                errmsg_set(why, "Partition replica lists may not contain duplicate entries: %ld", id);
                return false;
            }
        }
        list[(*count)++] = (int32_t)id;
        text = stop + 1;
    }
    return true;
}

bool topics_parse_assignment(const char *text, struct arena *arena, struct topics_assignment *out,
                             struct errmsg *why)
{
    *out = (struct topics_assignment){0};
    /* There are at most half as many ids as characters, and one more. */
    out->brokers = arena_zalloc(arena, (strlen(text) / 2 + 2) * sizeof *out->brokers);
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        int count;
        if (!parse_brokers(text, len, out, &count, why))
            return false;
        if (out->partitions == 0)
            out->replicas = count;
        if (count != out->replicas || count == 0) {
            errmsg_set(why, "Partition %d has different replication factor: [%.*s]", out->partitions,
                       (int)(len < 80 ? len : 80), text);
            return false;
        }
        out->partitions++;
        text += len + (text[len] == ',' ? 1 : 0);
    }
    return true;
}

static struct view trim(struct view text)
{
    while (text.len > 0 && isspace(text.ptr[0]))
        text = view_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && isspace(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* name=value, exactly one '=' and something behind it, as Kafka's tool wants it. */
static bool parse_configs(const struct options *opts, struct arena *arena, struct topics_request *request,
                          struct errmsg *why)
{
    request->config_count = options_count(opts, OPT_CONFIG);
    request->configs = arena_zalloc(arena, (size_t)request->config_count * sizeof *request->configs);
    for (int i = 0; i < request->config_count; i++) {
        const char *text = options_at(opts, OPT_CONFIG, i);
        const char *equals = strchr(text, '=');
        struct view value = equals ? trim(view_str(equals + 1)) : VIEW_NULL;
        if (equals == NULL || value.len == 0 || memchr(value.ptr, '=', value.len) != NULL) {
            errmsg_set(why,
                       "requirement failed: Invalid topic config: all configs to be added must be in the "
                       "format \"key=val\".");
            return false;
        }
        request->configs[i].name = trim(view_of(text, (size_t)(equals - text)));
        request->configs[i].value = value;
    }
    request->deleted_config_count = options_count(opts, OPT_DELETE_CONFIG);
    request->deleted_configs =
        arena_zalloc(arena, (size_t)request->deleted_config_count * sizeof *request->deleted_configs);
    for (int i = 0; i < request->deleted_config_count; i++)
        request->deleted_configs[i] = trim(view_str(options_at(opts, OPT_DELETE_CONFIG, i)));
    return true;
}

static bool check_counts(const struct topics_request *request, struct errmsg *why)
{
    if (request->action != TOPICS_CREATE)
        return true;
    if (request->has_replication_factor &&
        (request->replication_factor < 1 || request->replication_factor > INT16_MAX)) {
        errmsg_set(why, "The replication factor must be between 1 and %d inclusive", INT16_MAX);
        return false;
    }
    if (request->has_partitions && request->partitions < 1) {
        errmsg_set(why, "The partitions must be greater than 0");
        return false;
    }
    return true;
}

static bool read_values(const struct options *opts, struct arena *arena, struct topics_request *request,
                        struct errmsg *why)
{
    request->topic = options_text(opts, OPT_TOPIC);
    request->topic_id = options_text(opts, OPT_TOPIC_ID);
    request->has_partitions = options_has(opts, OPT_PARTITIONS);
    request->partitions = (int32_t)options_number(opts, OPT_PARTITIONS, -1);
    request->has_replication_factor = options_has(opts, OPT_REPLICATION_FACTOR);
    request->replication_factor = (int32_t)options_number(opts, OPT_REPLICATION_FACTOR, -1);
    request->if_exists = options_has(opts, OPT_IF_EXISTS);
    request->if_not_exists = options_has(opts, OPT_IF_NOT_EXISTS);
    request->exclude_internal = options_has(opts, OPT_EXCLUDE_INTERNAL);
    request->under_replicated = options_has(opts, OPT_UNDER_REPLICATED);
    request->under_min_isr = options_has(opts, OPT_UNDER_MIN_ISR);
    request->at_min_isr = options_has(opts, OPT_AT_MIN_ISR);
    request->unavailable = options_has(opts, OPT_UNAVAILABLE);
    request->with_overrides = options_has(opts, OPT_WITH_OVERRIDES);
    request->disable_rack_aware = options_has(opts, OPT_DISABLE_RACK_AWARE);
    request->force = options_has(opts, OPT_FORCE);
    const char *assignment = options_text(opts, OPT_REPLICA_ASSIGNMENT);
    if (assignment != NULL && !topics_parse_assignment(assignment, arena, &request->assignment, why))
        return false;
    return parse_configs(opts, arena, request, why) && check_counts(request, why);
}

static int run(const struct options *opts, struct topics_request *request, struct arena *arena)
{
    struct errmsg why = {0};
    if (!read_values(opts, arena, request, &why))
        return topics_fail_why(&why);
    if (request->action == TOPICS_DESCRIBE && request->if_exists && request->topic && request->topic_id)
        puts("Only topic id will be used when both --topic and --topic-id are specified and topicId is not "
             "Uuid.ZERO_UUID");
    if (options_has(opts, OPT_ZOOKEEPER))
        return topics_over_zookeeper(request, options_text(opts, OPT_ZOOKEEPER));
    return topics_over_wire(request, options_text(opts, OPT_BOOTSTRAP_SERVER),
                            options_text(opts, OPT_COMMAND_CONFIG));
}

int topics_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    struct topics_request request = {0};
    struct arena arena = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0)
        status = options_usage(&opts, "Create, delete, describe, or change a topic.");
    else if (options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to create, delete, describe, or change a topic.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &request, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts, &request, &arena);
    arena_close(&arena);
    options_close(&opts);
    return status;
}
