/*
 * `barnabas delete-records`: moves the first offset of partitions up, as a file
 * of JSON says, as kafka-delete-records.sh does.
 */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/led_partitions.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "wire/codec.h"

#define DELETE_RECORDS_KEY 21
#define FILE_VERSION       1

enum { OPT_BOOTSTRAP_SERVER, OPT_OFFSET_JSON_FILE, OPT_COMMAND_CONFIG, OPT_HELP, OPT_VERSION, OPT_COUNT };

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server(s) to use for bootstrapping",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_OFFSET_JSON_FILE] = {"offset-json-file", OPTION_TEXT, false, "Offset json file path",
                              "REQUIRED: the file that says below which offset to delete, -1 for all that is "
                              "replicated:\n"
                              "{\"partitions\":\n"
                              "  [{\"topic\": \"foo\", \"partition\": 1, \"offset\": 1}],\n"
                              " \"version\":1\n"
                              "}"},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "command config property file path",
                            "File of settings for the admin client."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

struct session {
    struct admin_client *client;
    struct arena arena;
    struct led_partition *list;
    size_t count;
};

static int fail(const struct errmsg *why)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

/* --- the file --------------------------------------------------------------------------------------- */

static bool read_item(struct session *session, json_t *item, struct errmsg *why)
{
    const char *topic = json_string_value(json_object_get(item, "topic"));
    json_t *partition = json_object_get(item, "partition");
    json_t *offset = json_object_get(item, "offset");
    if (topic == NULL || !json_is_integer(partition) || !json_is_integer(offset) ||
        json_integer_value(partition) < 0 || json_integer_value(partition) > INT32_MAX) {
        errmsg_set(why, "Every one of the partitions needs a topic, a partition and an offset");
        return false;
    }
    struct led_partition *to = &session->list[session->count];
    *to = (struct led_partition){.topic = view_str(arena_strdup(&session->arena, topic)),
                                 .partition = (int32_t)json_integer_value(partition),
                                 .leader = -1,
                                 .offset = json_integer_value(offset)};
    if (led_partitions_find(session->list, session->count, to->topic, to->partition) != NULL) {
        errmsg_set(why, "Offset json file contains duplicate topic partitions: %.150s",
                   led_partition_name(to, &session->arena));
        return false;
    }
    session->count++;
    return true;
}

static bool read_root(struct session *session, json_t *root, struct errmsg *why)
{
    json_t *version = json_object_get(root, "version");
    json_t *partitions = json_object_get(root, "partitions");
    if (version != NULL && json_integer_value(version) != FILE_VERSION) {
        errmsg_set(why, "Not supported version field value %lld", (long long)json_integer_value(version));
        return false;
    }
    if (!json_is_array(partitions)) {
        errmsg_set(why, "Missing partitions field");
        return false;
    }
    session->list = arena_zalloc(&session->arena, (json_array_size(partitions) + 1) * sizeof *session->list);
    for (size_t i = 0; i < json_array_size(partitions); i++)
        if (!read_item(session, json_array_get(partitions, i), why))
            return false;
    return true;
}

static bool read_file(struct session *session, const char *path, struct errmsg *why)
{
    json_error_t error;
    json_t *root = json_load_file(path, 0, &error);
    if (root == NULL) {
        errmsg_set(why, "%.100s: The input string is not a valid JSON: line %d: %.80s", path, error.line,
                   error.text);
        return false;
    }
    bool fine = read_root(session, root, why);
    json_decref(root);
    return fine;
}

/* --- at the leaders --------------------------------------------------------------------------------- */

static void set_error(struct led_partition *list, size_t count, struct view error)
{
    for (size_t i = 0; i < count; i++)
        list[i].error = error;
}

/* Looks up who leads what. */
static bool find_leaders(struct session *session, struct errmsg *why)
{
    struct wire_metadata_response answer;
    struct view *topics = arena_zalloc(&session->arena, session->count * sizeof *topics);
    int topic_count = 0;
    for (size_t i = 0; i < session->count; i++) {
        bool known = false;
        for (int k = 0; k < topic_count; k++)
            known = known || view_equal(topics[k], session->list[i].topic);
        if (!known)
            topics[topic_count++] = session->list[i].topic;
    }
    set_error(session->list, session->count, view_str(kafka_error_text(ERR_UNKNOWN_TOPIC_OR_PARTITION)));
    if (admin_metadata(session->client, topics, topic_count, false, &session->arena, &answer, why) !=
        ERR_NONE)
        return false;
    for (int t = 0; t < answer.topics_count; t++) {
        for (int p = 0; p < answer.topics[t].partitions_count; p++) {
            const struct wire_metadata_response_metadata_response_partition *from =
                &answer.topics[t].partitions[p];
            struct led_partition *to = led_partitions_find(session->list, session->count,
                                                           answer.topics[t].name, from->partition_index);
            if (to == NULL)
                continue;
            to->leader = from->leader_id;
            to->error =
                from->leader_id < 0 ? view_str(kafka_error_text(ERR_LEADER_NOT_AVAILABLE)) : VIEW_NULL;
        }
    }
    return true;
}

static void take_answer(struct led_partition *list, size_t count,
                        const struct wire_delete_records_response *answer)
{
    for (int t = 0; t < answer->topics_count; t++) {
        for (int p = 0; p < answer->topics[t].partitions_count; p++) {
            const struct wire_delete_records_response_delete_records_partition_result *from =
                &answer->topics[t].partitions[p];
            struct led_partition *to =
                led_partitions_find(list, count, answer->topics[t].name, from->partition_index);
            if (to == NULL)
                continue;
            to->offset = from->low_watermark;
            to->error =
                from->error_code == ERR_NONE ? VIEW_NULL : view_str(kafka_error_text(from->error_code));
        }
    }
}

static void ask_leader(struct session *session, struct led_partition *list, size_t count)
{
    struct wire_delete_records_request request;
    struct wire_delete_records_response answer;
    struct errmsg why = {0};
    wire_init(&wire_delete_records_request_desc, &request);
    request.timeout_ms = admin_client_timeout_ms(session->client);
    request.topics = wire_new(&wire_delete_records_request_delete_records_topic_desc, &session->arena, count);
    for (size_t at = 0; at < count;) {
        size_t same = led_partitions_same_topic(list + at, count - at);
        struct wire_delete_records_request_delete_records_topic *topic =
            &request.topics[request.topics_count++];
        topic->name = list[at].topic;
        topic->partitions_count = (int32_t)same;
        topic->partitions =
            wire_new(&wire_delete_records_request_delete_records_partition_desc, &session->arena, same);
        for (size_t i = 0; i < same; i++) {
            topic->partitions[i].partition_index = list[at + i].partition;
            topic->partitions[i].offset = list[at + i].offset;
        }
        at += same;
    }
    set_error(list, count, VIEW_LIT("The leader's answer does not name it"));
    if (admin_call(session->client, list[0].leader, wire_api_find_any(DELETE_RECORDS_KEY), &request,
                   &session->arena, &answer, &why) == ERR_NONE)
        take_answer(list, count, &answer);
    else
        set_error(list, count, view_str(arena_strdup(&session->arena, why.text)));
}

static int delete_records(struct session *session)
{
    struct errmsg why = {0};
    puts("Executing records delete operation");
    if (!find_leaders(session, &why))
        return fail(&why);
    led_partitions_sort_by_leader(session->list, session->count);
    for (size_t at = 0; at < session->count;) {
        size_t same = led_partitions_same_leader(session->list + at, session->count - at);
        if (session->list[at].leader >= 0)
            ask_leader(session, session->list + at, same);
        at += same;
    }
    puts("Records delete operation completed:");
    led_partitions_sort_by_name(session->list, session->count);
    for (size_t i = 0; i < session->count; i++) {
        const struct led_partition *partition = &session->list[i];
        const char *name = led_partition_name(partition, &session->arena);
        if (view_is_null(partition->error))
            printf("partition: %s\tlow_watermark: %" PRId64 "\n", name, partition->offset);
        else
            printf("partition: %s\terror: %.*s\n", name, VIEW_FMT(partition->error));
    }
    return 0;
}

static int run(const struct options *opts)
{
    struct session session = {0};
    struct client_config config = {0};
    struct errmsg why = {0};
    struct progress progress;
    progress_start(&progress, "Deleting records", NULL, 0);
    if (read_file(&session, options_text(opts, OPT_OFFSET_JSON_FILE), &why) &&
        client_config_load(options_text(opts, OPT_COMMAND_CONFIG), "adminclient-1", &config, &why))
        session.client = admin_client_new(options_text(opts, OPT_BOOTSTRAP_SERVER), &config, &why);
    int status = session.client ? delete_records(&session) : fail(&why);
    progress_stop(&progress);
    admin_client_free(session.client);
    client_config_close(&config);
    arena_close(&session.arena);
    return status;
}

int delete_records_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to delete records of the given partitions down to the "
                                      "specified offset.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!options_require(&opts, OPT_BOOTSTRAP_SERVER, &why) ||
             !options_require(&opts, OPT_OFFSET_JSON_FILE, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
