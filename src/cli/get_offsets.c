/*
 * `barnabas get-offsets`: the first, the last or another offset of partitions,
 * asked of their leaders, as kafka-get-offsets.sh prints them.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/led_partitions.h"
#include "cli/options.h"
#include "cli/partition_rules.h"
#include "cli/progress.h"
#include "wire/codec.h"

#define LIST_OFFSETS_KEY 2
#define UNKNOWN_OFFSET   (-1)

enum {
    OPT_BROKER_LIST,
    OPT_BOOTSTRAP_SERVER,
    OPT_TOPIC_PARTITIONS,
    OPT_TOPIC,
    OPT_PARTITIONS,
    OPT_TIME,
    OPT_COMMAND_CONFIG,
    OPT_EXCLUDE_INTERNAL,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "HOST1:PORT1,...",
                         "Older name of --bootstrap-server."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "HOST1:PORT1,...",
                              "REQUIRED: brokers to connect to."},
    [OPT_TOPIC_PARTITIONS] =
        {"topic-partitions", OPTION_TEXT, false, "topic1:1,topic2:0-3,topic3,topic4:5-,topic5:-3",
         "Topics (regular expressions) with a partition or a range, whose upper end is not "
         "meant."},
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "A topic or regular expression; all without it."},
    [OPT_PARTITIONS] = {"partitions", OPTION_TEXT, false, "partition ids",
                        "Numbers of partitions; all without it."},
    [OPT_TIME] =
        {"time", OPTION_TEXT, false, "timestamp",
         "-1 or latest, -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or latest-tiered, or "
         "a time in ms (default: latest)."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "config file",
                            "File of settings for the admin client."},
    [OPT_EXCLUDE_INTERNAL] = {"exclude-internal-topics", OPTION_FLAG, false, NULL,
                              "Leave internal topics out."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

struct session {
    struct admin_client *client;
    struct arena arena;
    struct partition_rules rules;
    bool exclude_internal;
    int64_t time;
    struct led_partition *list;
    size_t count;
};

static int fail(const struct errmsg *why)
{
    fflush(stdout);
    fprintf(stderr, "Error occurred: %s\n", why->text);
    return 1;
}

static bool parse_time(const char *text, int64_t *out, struct errmsg *why)
{
    static const char *const names[] = {"latest", "earliest", "max-timestamp", "earliest-local",
                                        "latest-tiered"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = -1 - (int64_t)i;
            return true;
        }
    }
    char *end;
    errno = 0;
    long long time = strtoll(text, &end, 10);
    *out = (int64_t)time;
    if (errno == 0 && end != text && *end == '\0')
        return true;
    errmsg_set(
        why,
        "Malformed time argument %.40s. Please use -1 or latest / -2 or earliest / -3 or max-timestamp / "
        "-4 or earliest-local / -5 or latest-tiered, or a specified long format timestamp",
        text);
    return false;
}

static bool find_partitions(struct session *session, struct errmsg *why)
{
    struct wire_metadata_response answer;
    size_t room = 0;
    if (admin_metadata(session->client, NULL, -1, false, &session->arena, &answer, why) != ERR_NONE)
        return false;
    for (int i = 0; i < answer.topics_count; i++)
        room += (size_t)(answer.topics[i].partitions_count > 0 ? answer.topics[i].partitions_count : 0);
    session->list = arena_zalloc(&session->arena, room * sizeof *session->list);
    for (int i = 0; i < answer.topics_count; i++) {
        if (session->exclude_internal && topic_is_internal(answer.topics[i].name))
            continue;
        for (int k = 0; k < answer.topics[i].partitions_count; k++) {
            const struct wire_metadata_response_metadata_response_partition *from =
                &answer.topics[i].partitions[k];
            if (partition_rules_match(&session->rules, answer.topics[i].name, from->partition_index))
                session->list[session->count++] = (struct led_partition){.topic = answer.topics[i].name,
                                                                         .partition = from->partition_index,
                                                                         .leader = from->leader_id,
                                                                         .offset = UNKNOWN_OFFSET};
        }
    }
    if (session->count == 0)
        errmsg_set(why, "Could not match any topic-partitions with the specified filters");
    return session->count > 0;
}

static void set_error(struct led_partition *list, size_t count, struct view error)
{
    for (size_t i = 0; i < count; i++)
        list[i].error = error;
}

static void take_answer(struct led_partition *list, size_t count,
                        const struct wire_list_offsets_response *answer)
{
    for (int t = 0; t < answer->topics_count; t++) {
        for (int p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct wire_list_offsets_response_list_offsets_partition_response *from =
                &answer->topics[t].partitions[p];
            struct led_partition *to =
                led_partitions_find(list, count, answer->topics[t].name, from->partition_index);
            if (to == NULL)
                continue;
            to->error = VIEW_NULL;
            if (from->error_code != ERR_NONE)
                to->error = view_str(kafka_error_text(from->error_code));
            else if (from->old_style_offsets_count > 0)
                to->offset = from->old_style_offsets[0];
            else
                to->offset = from->offset;
        }
    }
}

/* One request to one leader for all of its partitions. */
static void ask_leader(struct session *session, struct led_partition *list, size_t count)
{
    struct wire_list_offsets_request request;
    struct wire_list_offsets_response answer;
    struct errmsg why = {0};
    wire_init(&wire_list_offsets_request_desc, &request);
    request.replica_id = -1;
    request.topics = wire_new(&wire_list_offsets_request_list_offsets_topic_desc, &session->arena, count);
    for (size_t at = 0; at < count;) {
        size_t same = led_partitions_same_topic(list + at, count - at);
        struct wire_list_offsets_request_list_offsets_topic *topic = &request.topics[request.topics_count++];
        topic->name = list[at].topic;
        topic->partitions_count = (int32_t)same;
        topic->partitions =
            wire_new(&wire_list_offsets_request_list_offsets_partition_desc, &session->arena, same);
        for (size_t i = 0; i < same; i++) {
            topic->partitions[i].partition_index = list[at + i].partition;
            topic->partitions[i].timestamp = session->time;
            topic->partitions[i].max_num_offsets = 1;
        }
        at += same;
    }
    set_error(list, count, VIEW_LIT("The leader's answer does not name it"));
    if (admin_call(session->client, list[0].leader, wire_api_find_any(LIST_OFFSETS_KEY), &request,
                   &session->arena, &answer, &why) == ERR_NONE)
        take_answer(list, count, &answer);
    else
        set_error(list, count, view_str(arena_strdup(&session->arena, why.text)));
}

static int get_offsets(struct session *session)
{
    struct errmsg why = {0};
    if (!find_partitions(session, &why))
        return fail(&why);
    led_partitions_sort_by_leader(session->list, session->count);
    for (size_t at = 0; at < session->count;) {
        size_t same = led_partitions_same_leader(session->list + at, session->count - at);
        if (session->list[at].leader < 0)
            set_error(session->list + at, same, view_str(kafka_error_text(ERR_LEADER_NOT_AVAILABLE)));
        else
            ask_leader(session, session->list + at, same);
        at += same;
    }
    led_partitions_sort_by_name(session->list, session->count);
    for (size_t i = 0; i < session->count; i++) {
        const struct led_partition *partition = &session->list[i];
        if (!view_is_null(partition->error))
            fprintf(stderr, "Skip getting offsets for topic-partition %s due to error: %.*s\n",
                    led_partition_name(partition, &session->arena), VIEW_FMT(partition->error));
        else if (partition->offset != UNKNOWN_OFFSET)
            printf("%.*s:%" PRId32 ":%" PRId64 "\n", VIEW_FMT(partition->topic), partition->partition,
                   partition->offset);
    }
    return 0;
}

static const char *bootstrap_of(const struct options *opts)
{
    const char *servers = options_text(opts, OPT_BOOTSTRAP_SERVER);
    return servers ? servers : options_text(opts, OPT_BROKER_LIST);
}

static bool read_options(const struct options *opts, struct session *session, struct errmsg *why)
{
    const char *time = options_text(opts, OPT_TIME);
    session->exclude_internal = options_has(opts, OPT_EXCLUDE_INTERNAL);
    if (!options_has(opts, OPT_TOPIC_PARTITIONS))
        return parse_time(time ? time : "latest", &session->time, why) &&
               partition_rules_of_lists(&session->rules, options_text(opts, OPT_TOPIC),
                                        options_text(opts, OPT_PARTITIONS), why);
    if (options_has(opts, OPT_TOPIC) || options_has(opts, OPT_PARTITIONS)) {
        errmsg_set(why, "--topic-partitions cannot be used with --topic or --partitions");
        return false;
    }
    return parse_time(time ? time : "latest", &session->time, why) &&
           partition_rules_parse(&session->rules, options_text(opts, OPT_TOPIC_PARTITIONS), why);
}

static int run(const struct options *opts)
{
    struct session session = {0};
    struct client_config config = {0};
    struct errmsg why = {0};
    struct progress progress;
    int status = 1;
    progress_start(&progress, "Waiting for the cluster", NULL, 0);
    if (read_options(opts, &session, &why) &&
        client_config_load(options_text(opts, OPT_COMMAND_CONFIG), "GetOffsetShell", &config, &why))
        session.client = admin_client_new(bootstrap_of(opts), &config, &why);
    status = session.client ? get_offsets(&session) : fail(&why);
    progress_stop(&progress);
    admin_client_free(session.client);
    client_config_close(&config);
    partition_rules_close(&session.rules);
    arena_close(&session.arena);
    return status;
}

int get_offsets_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = fail(&why);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "An interactive shell for getting topic-partition offsets.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (bootstrap_of(&opts) == NULL)
        status = options_usage(&opts, "Missing required option(s) [bootstrap-server]");
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
