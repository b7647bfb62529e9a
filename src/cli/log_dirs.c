/*
 * `barnabas log-dirs`: what each broker keeps in which log directory, as one line
 * of JSON, as kafka-log-dirs.sh prints it; partitions in order.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "wire/codec.h"

#define DESCRIBE_LOG_DIRS_KEY 35

enum {
    OPT_BOOTSTRAP_SERVER,
    OPT_COMMAND_CONFIG,
    OPT_DESCRIBE,
    OPT_TOPIC_LIST,
    OPT_BROKER_LIST,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false,
                              "The server(s) to use for bootstrapping",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_COMMAND_CONFIG] = {"command-config", OPTION_TEXT, false, "Admin client property file",
                            "File of settings for the admin client."},
    [OPT_DESCRIBE] = {"describe", OPTION_FLAG, false, NULL, "REQUIRED: Describe the log directories."},
    [OPT_TOPIC_LIST] = {"topic-list", OPTION_TEXT, false, "Topic list",
                        "Topics, joined by commas; all without it."},
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "Broker list",
                         "Ids of brokers, joined by commas; all without it."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

typedef struct wire_describe_log_dirs_response_describe_log_dirs_topic dir_topic;
typedef struct wire_describe_log_dirs_response_describe_log_dirs_partition dir_partition;

struct session {
    struct admin_client *client;
    struct arena arena;
    const char *topics; /* NULL or "": all */
    int32_t *brokers;
    int broker_count;
    struct buf json;
};

static int fail(const char *text)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", text);
    return 1;
}

static bool in_list(const char *list, struct view name)
{
    if (list == NULL || *list == '\0')
        return true;
    for (;;) {
        size_t len = strcspn(list, ",");
        if (view_equal(view_of(list, len), name))
            return true;
        if (list[len] == '\0')
            return false;
        list += len + 1;
    }
}

/* --- brokers ---------------------------------------------------------------------------------------- */

static void put_id(struct buf *out, int32_t id)
{
    buf_printf(out, "%s%" PRId32, out->len > 0 ? "," : "", id);
}

static int compare_ids(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Ids of the list, or of all brokers; false with a message for what is no list of ids. */
static bool choose_brokers(struct session *session, const char *list, struct errmsg *why)
{
    int all = admin_client_broker_count(session->client);
    size_t room = (size_t)all + (list ? strlen(list) : 0) + 1;
    session->brokers = arena_zalloc(&session->arena, room * sizeof *session->brokers);
    for (; list != NULL && *list != '\0'; list += *list == ',') {
        char *end = (char *)(uintptr_t)list;
        if (*list == ',')
            continue;
        long id = strtol(list, &end, 10);
        if (end == list || (*end != '\0' && *end != ',') || id < INT32_MIN || id > INT32_MAX) {
            errmsg_set(why, "For input string: \"%.60s\"", list);
            return false;
        }
        session->brokers[session->broker_count++] = (int32_t)id;
        list = end;
    }
    if (session->broker_count == 0)
        for (int i = 0; i < all; i++)
            session->brokers[session->broker_count++] = admin_client_broker_at(session->client, i)->id;
    qsort(session->brokers, (size_t)session->broker_count, sizeof *session->brokers, compare_ids);
    return true;
}

static bool check_brokers(struct session *session, struct buf *problem)
{
    struct buf missing = {0}, present = {0};
    for (int i = 0; i < session->broker_count; i++)
        if (admin_client_broker(session->client, session->brokers[i]) == NULL)
            put_id(&missing, session->brokers[i]);
    for (int i = 0; i < admin_client_broker_count(session->client); i++)
        put_id(&present, admin_client_broker_at(session->client, i)->id);
    bool fine = missing.len == 0;
    if (!fine)
        buf_printf(
            problem,
            "ERROR: The given brokers do not exist from --broker-list: %s. Current existent brokers: %s",
            buf_cstr(&missing), buf_cstr(&present));
    buf_close(&missing);
    buf_close(&present);
    return fine;
}

/* --- JSON ------------------------------------------------------------------------------------------- */

static void put_text(struct buf *out, struct view text)
{
    buf_put_i8(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.ptr[i];
        if (c < 0x20)
            buf_printf(out, "\\u%04X", c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else
            buf_put_i8(out, (int8_t)c);
    }
    buf_put_i8(out, '"');
}

static int compare_partitions(const void *a, const void *b)
{
    int32_t x = ((const dir_partition *)a)->partition_index;
    int32_t y = ((const dir_partition *)b)->partition_index;
    return (x > y) - (x < y);
}

static int compare_topics(const void *a, const void *b)
{
    return view_compare(((const dir_topic *)a)->name, ((const dir_topic *)b)->name);
}

static void put_partitions(struct session *session,
                           const struct wire_describe_log_dirs_response_describe_log_dirs_result *dir)
{
    struct buf *out = &session->json;
    const char *separator = "";
    if (dir->topics_count > 0)
        qsort(dir->topics, (size_t)dir->topics_count, sizeof *dir->topics, compare_topics);
    for (int t = 0; t < dir->topics_count; t++) {
        const dir_topic *topic = &dir->topics[t];
        if (!in_list(session->topics, topic->name))
            continue;
        if (topic->partitions_count > 0)
            qsort(topic->partitions, (size_t)topic->partitions_count, sizeof *topic->partitions,
                  compare_partitions);
        for (int p = 0; p < topic->partitions_count; p++) {
            const dir_partition *partition = &topic->partitions[p];
            buf_printf(out, "%s{\"partition\":\"%.*s-%" PRId32 "\",\"size\":%" PRId64, separator,
                       VIEW_FMT(topic->name), partition->partition_index, partition->partition_size);
            buf_printf(out, ",\"offsetLag\":%" PRId64 ",\"isFuture\":%s}", partition->offset_lag,
                       partition->is_future_key ? "true" : "false");
            separator = ",";
        }
    }
}

static void put_dir(struct session *session,
                    const struct wire_describe_log_dirs_response_describe_log_dirs_result *dir)
{
    struct buf *out = &session->json;
    buf_put_str(out, "{\"partitions\":[");
    put_partitions(session, dir);
    buf_put_str(out, "],\"error\":");
    if (dir->error_code == ERR_NONE)
        buf_put_str(out, "null");
    else
        put_text(out, view_str(kafka_error_text(dir->error_code)));
    buf_put_str(out, ",\"logDir\":");
    put_text(out, dir->log_dir);
    buf_put_str(out, "}");
}

static bool put_broker(struct session *session, int32_t id, struct errmsg *why)
{
    struct wire_describe_log_dirs_request request;
    struct wire_describe_log_dirs_response answer;
    wire_init(&wire_describe_log_dirs_request_desc, &request);
    request.topics = NULL;
    request.topics_count = -1;
    if (admin_call(session->client, id, wire_api_find_any(DESCRIBE_LOG_DIRS_KEY), &request, &session->arena,
                   &answer, why) != ERR_NONE)
        return false;
    if (answer.error_code != ERR_NONE) {
        errmsg_set(why, "Broker %" PRId32 ": %s", id, kafka_error_text(answer.error_code));
        return false;
    }
    buf_printf(&session->json, "{\"broker\":%" PRId32 ",\"logDirs\":[", id);
    for (int i = 0; i < answer.results_count; i++) {
        buf_put_str(&session->json, i == 0 ? "" : ",");
        put_dir(session, &answer.results[i]);
    }
    buf_put_str(&session->json, "]}");
    return true;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static int describe(struct session *session, const char *broker_list)
{
    struct buf problem = {0}, ids = {0};
    struct errmsg why = {0};
    int status = 0;
    if (!choose_brokers(session, broker_list, &why))
        return fail(why.text);
    if (!check_brokers(session, &problem)) {
        fail(buf_cstr(&problem));
        buf_close(&problem);
        return 1;
    }
    puts("Querying brokers for log directories information");
    buf_put_str(&session->json, "{\"brokers\":[");
    for (int i = 0; i < session->broker_count && status == 0; i++) {
        buf_put_str(&session->json, i == 0 ? "" : ",");
        put_id(&ids, session->brokers[i]);
        if (!put_broker(session, session->brokers[i], &why))
            status = fail(why.text);
    }
    if (status == 0)
        printf("Received log directory information from brokers %s\n%s],\"version\":1}\n", buf_cstr(&ids),
               buf_cstr(&session->json));
    buf_close(&ids);
    return status;
}

static int run(const struct options *opts)
{
    struct session session = {.topics = options_text(opts, OPT_TOPIC_LIST)};
    struct client_config config;
    struct errmsg why = {0};
    if (!client_config_load(options_text(opts, OPT_COMMAND_CONFIG), "log-dirs-tool", &config, &why))
        return fail(why.text);
    struct progress progress;
    progress_start(&progress, "Waiting for the cluster", NULL, 0);
    session.client = admin_client_new(options_text(opts, OPT_BOOTSTRAP_SERVER), &config, &why);
    int status = session.client ? describe(&session, options_text(opts, OPT_BROKER_LIST)) : fail(why.text);
    progress_stop(&progress);
    admin_client_free(session.client);
    client_config_close(&config);
    buf_close(&session.json);
    arena_close(&session.arena);
    return status;
}

int log_dirs_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status =
            options_usage(&opts, "This tool helps to query log directory usage on the specified brokers.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!options_require(&opts, OPT_BOOTSTRAP_SERVER, &why) ||
             !options_require(&opts, OPT_DESCRIBE, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
