/*
 * `barnabas elect-leaders`: has the controller elect leaders for partitions, as
 * kafka-leader-election.sh does.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/reassign.h"
#include "wire/codec.h"

#define ELECT_LEADERS_KEY 43

enum {
    OPT_BOOTSTRAP_SERVER,
    OPT_ADMIN_CONFIG,
    OPT_ELECTION_TYPE,
    OPT_TOPIC,
    OPT_PARTITION,
    OPT_ALL_TOPIC_PARTITIONS,
    OPT_PATH_TO_JSON_FILE,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "host:port",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_ADMIN_CONFIG] = {"admin.config", OPTION_TEXT, false, "config file",
                          "File of settings for the admin client."},
    [OPT_ELECTION_TYPE] = {"election-type", OPTION_TEXT, false, "[PREFERRED,UNCLEAN]",
                           "REQUIRED: preferred elects the first replica if it is in sync; unclean any that "
                           "lives, where there is no leader: records may be lost."},
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic name", "The topic; --partition is needed with it."},
    [OPT_PARTITION] = {"partition", OPTION_INT, false, "partition id", "The partition of --topic."},
    [OPT_ALL_TOPIC_PARTITIONS] = {"all-topic-partitions", OPTION_FLAG, false, NULL,
                                  "Every partition of every topic."},
    [OPT_PATH_TO_JSON_FILE] = {"path-to-json-file", OPTION_TEXT, false, "Path to JSON file",
                               "A file of partitions:\n"
                               "{\"partitions\":\n"
                               "  [{\"topic\": \"foo\", \"partition\": 1}]\n"
                               "}"},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

struct session {
    const struct options *opts;
    struct admin_client *client;
    struct arena arena;
    bool unclean;
    bool all;
    struct reassign_list parts;
    struct errmsg why;
};

static int fail(const struct errmsg *why)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

/* --- which partitions ------------------------------------------------------------------------------- */

static bool read_item(struct session *session, json_t *item)
{
    const char *topic = json_string_value(json_object_get(item, "topic"));
    json_t *partition = json_object_get(item, "partition");
    if (!topic || !json_is_integer(partition) || json_integer_value(partition) < INT32_MIN ||
        json_integer_value(partition) > INT32_MAX) {
        errmsg_set(&session->why, "Every one of the partitions needs a topic and a partition");
        return false;
    }
    int32_t number = (int32_t)json_integer_value(partition);
    bool twice = reassign_find(&session->parts, topic, number) != NULL;
    const struct reassign_part *part =
        reassign_add(&session->arena, &session->parts, arena_strdup(&session->arena, topic), number);
    if (twice)
        errmsg_set(&session->why, "Replica election data contains duplicate partitions: [%.150s]",
                   reassign_name(&session->arena, part));
    return !twice;
}

static bool read_file(struct session *session, const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file) {
        errmsg_set(&session->why, "java.io.IOException: Unable to read file %.150s", path);
        return false;
    }
    json_t *root = json_loadf(file, 0, NULL);
    fclose(file);
    json_t *list = json_object_get(root, "partitions");
    bool good = json_is_array(list);
    if (!good)
        errmsg_set(&session->why, root ? "Replica election data is missing \"partitions\" field"
                                       : "Replica election data is empty");
    for (size_t i = 0; good && i < json_array_size(list); i++)
        good = read_item(session, json_array_get(list, i));
    json_decref(root);
    return good;
}

static bool choose_partitions(struct session *session)
{
    const char *path = options_text(session->opts, OPT_PATH_TO_JSON_FILE);
    session->all = options_has(session->opts, OPT_ALL_TOPIC_PARTITIONS);
    if (path)
        return read_file(session, path);
    if (!session->all)
        reassign_add(&session->arena, &session->parts, options_text(session->opts, OPT_TOPIC),
                     (int32_t)options_number(session->opts, OPT_PARTITION, 0));
    return true;
}

/* --- the election ----------------------------------------------------------------------------------- */

static bool misses(const void *response)
{
    const struct wire_elect_leaders_response *answer = response;
    if (answer->error_code == ERR_NOT_CONTROLLER)
        return true;
    for (int32_t t = 0; t < answer->replica_election_results_count; t++)
        for (int32_t p = 0; p < answer->replica_election_results[t].partition_result_count; p++)
            if (answer->replica_election_results[t].partition_result[p].error_code == ERR_NOT_CONTROLLER)
                return true;
    return false;
}

static void put_partitions(struct session *session, struct wire_elect_leaders_request *request)
{
    const struct reassign_list *parts = &session->parts;
    int32_t *numbers = arena_alloc(&session->arena, ((size_t)parts->count + 1) * sizeof *numbers);
    request->topic_partitions =
        wire_new(&wire_elect_leaders_request_topic_partitions_desc, &session->arena, (size_t)parts->count);
    for (int i = 0; i < parts->count; i++) {
        numbers[i] = parts->items[i].partition;
        if (i == 0 || strcmp(parts->items[i - 1].topic, parts->items[i].topic) != 0) {
            request->topic_partitions[request->topic_partitions_count].topic =
                view_str(parts->items[i].topic);
            request->topic_partitions[request->topic_partitions_count++].partitions = &numbers[i];
        }
        request->topic_partitions[request->topic_partitions_count - 1].partitions_count++;
    }
}

/* What became of each partition: its error stays NULL when it has a new leader. */
static void take_answer(struct session *session, const struct wire_elect_leaders_response *answer,
                        struct reassign_list *elected, struct reassign_list *idle,
                        struct reassign_list *failed)
{
    struct arena *arena = &session->arena;
    for (int32_t t = 0; t < answer->replica_election_results_count; t++) {
        const struct wire_elect_leaders_response_replica_election_result *topic =
            &answer->replica_election_results[t];
        const char *name = arena_cstr(arena, topic->topic);
        for (int32_t p = 0; p < topic->partition_result_count; p++) {
            const struct wire_elect_leaders_response_partition_result *from = &topic->partition_result[p];
            struct view text = kafka_error_message(from->error_code, from->error_message);
            struct reassign_list *to = from->error_code == ERR_NONE                  ? elected
                                       : from->error_code == ERR_ELECTION_NOT_NEEDED ? idle
                                                                                     : failed;
            reassign_add(arena, to, name, from->partition_id)->error =
                arena_printf(arena, "org.apache.kafka.common.errors.%s: %.*s",
                             kafka_error_class(from->error_code), VIEW_FMT(text));
        }
    }
    reassign_sort(elected);
    reassign_sort(idle);
    reassign_sort(failed);
}

static void print_names(struct session *session, const struct reassign_list *list)
{
    for (int i = 0; i < list->count; i++)
        printf("%s%s", i ? ", " : "", reassign_name(&session->arena, &list->items[i]));
    putchar('\n');
}

static int print_results(struct session *session, const struct wire_elect_leaders_response *answer)
{
    const char *type = session->unclean ? "UNCLEAN" : "PREFERRED";
    struct reassign_list elected = {0}, idle = {0}, failed = {0};
    take_answer(session, answer, &elected, &idle, &failed);
    if (elected.count) {
        printf("Successfully completed leader election (%s) for partitions ", type);
        print_names(session, &elected);
    }
    if (idle.count) {
        fputs("Valid replica already elected for partitions ", stdout);
        print_names(session, &idle);
    }
    for (int i = 0; i < failed.count; i++)
        printf("Error completing leader election (%s) for partition: %s: %s\n", type,
               reassign_name(&session->arena, &failed.items[i]), failed.items[i].error);
    if (failed.count == 0)
        return 0;
    errmsg_set(&session->why, "%d replica(s) could not be elected", failed.count);
    return fail(&session->why);
}

static int elect(struct session *session)
{
    struct wire_elect_leaders_request request;
    struct wire_elect_leaders_response answer;
    wire_init(&wire_elect_leaders_request_desc, &request);
    request.timeout_ms = admin_client_timeout_ms(session->client);
    request.election_type = session->unclean ? 1 : 0;
    reassign_sort(&session->parts);
    if (session->all)
        request.topic_partitions_count = -1;
    else
        put_partitions(session, &request);
    if (admin_call_controller(session->client, wire_api_find_any(ELECT_LEADERS_KEY), &request,
                              &session->arena, &answer, misses, &session->why) != ERR_NONE)
        return fail(&session->why);
    if (answer.error_code == ERR_CLUSTER_AUTHORIZATION_FAILED)
        errmsg_set(&session->why, "Not authorized to perform leader election");
    else if (answer.error_code == ERR_REQUEST_TIMED_OUT)
        errmsg_set(&session->why, "Timeout waiting for election results");
    else if (answer.error_code != ERR_NONE)
        errmsg_set(&session->why, "%s", kafka_error_text(answer.error_code));
    else
        return print_results(session, &answer);
    return fail(&session->why);
}

/* --- the command ------------------------------------------------------------------------------------ */

static int run(struct session *session)
{
    struct client_config config = {0};
    struct progress progress;
    int status = 0;
    progress_start(&progress, "Electing leaders", NULL, 0);
    if (choose_partitions(session) && client_config_load(options_text(session->opts, OPT_ADMIN_CONFIG),
                                                         "adminclient-1", &config, &session->why))
        session->client =
            admin_client_new(options_text(session->opts, OPT_BOOTSTRAP_SERVER), &config, &session->why);
    if (session->client == NULL)
        status = fail(&session->why);
    else if (session->all || session->parts.count > 0)
        status = elect(session);
    progress_stop(&progress);
    admin_client_free(session->client);
    client_config_close(&config);
    arena_close(&session->arena);
    return status;
}

static bool check_missing(const struct options *opts, struct errmsg *why)
{
    bool server = options_has(opts, OPT_BOOTSTRAP_SERVER), type = options_has(opts, OPT_ELECTION_TYPE);
    if (!server || !type)
        errmsg_set(why, "Missing required option(s): %s%s%s", server ? "" : "bootstrap-server",
                   server || type ? "" : ", ", type ? "" : "election-type");
    return server && type;
}

static bool check_options(const struct options *opts, bool *unclean, struct errmsg *why)
{
    if (!check_missing(opts, why))
        return false;
    const char *type = options_text(opts, OPT_ELECTION_TYPE);
    *unclean = strcasecmp(type, "unclean") == 0;
    if (!*unclean && strcasecmp(type, "preferred") != 0)
        errmsg_set(why, "Cannot parse argument '%.60s' of option election-type", type);
    else if (options_has(opts, OPT_TOPIC) + options_has(opts, OPT_ALL_TOPIC_PARTITIONS) +
                 options_has(opts, OPT_PATH_TO_JSON_FILE) !=
             1)
        errmsg_set(why, "One and only one of the following options is required: topic, all-topic-partitions, "
                        "path-to-json-file");
    else if (options_has(opts, OPT_TOPIC) && !options_has(opts, OPT_PARTITION))
        errmsg_set(why, "Missing required option(s): partition");
    else if (!options_has(opts, OPT_TOPIC) && options_has(opts, OPT_PARTITION))
        errmsg_set(why, "Option partition is only allowed if topic is used");
    else
        return true;
    return false;
}

int elect_leaders_command(int argc, char **argv)
{
    struct options opts;
    struct session session = {.opts = &opts};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &session.why))
        status = options_usage(&opts, session.why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status =
            options_usage(&opts, "This tool attempts to elect a new leader for a set of topic partitions. "
                                 "The type of elections supported are preferred replicas and unclean "
                                 "replicas.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &session.unclean, &session.why))
        status = fail(&session.why);
    else
        status = run(&session);
    options_close(&opts);
    return status;
}
