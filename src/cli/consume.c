/*
 * `barnabas consume`: prints messages as kafka-console-consumer.sh does.
 *
 * It works without a group: it looks up the partitions itself and reads them
 * all, through librdkafka's queue of consumed partitions. Partitions and topics
 * that come later are found when metadata is looked up again.
 */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/formatter.h"
#include "cli/kafka_text.h"
#include "cli/key_values.h"
#include "cli/options.h"
#include "cli/rdkafka_settings.h"
#include "cli/topic_filter.h"

#define BATCH_MESSAGES      1000
#define POLL_MS             100
#define LOOK_AGAIN_MS       500
#define METADATA_MAX_AGE_MS 300000
#define NO_LIMIT            (-1)
#define SIGNAL_STATUS       128

enum {
    OPT_TOPIC,
    OPT_WHITELIST,
    OPT_INCLUDE,
    OPT_PARTITION,
    OPT_OFFSET,
    OPT_CONSUMER_PROPERTY,
    OPT_CONSUMER_CONFIG,
    OPT_FORMATTER,
    OPT_PROPERTY,
    OPT_FORMATTER_CONFIG,
    OPT_FROM_BEGINNING,
    OPT_MAX_MESSAGES,
    OPT_TIMEOUT_MS,
    OPT_SKIP_MESSAGE_ON_ERROR,
    OPT_BOOTSTRAP_SERVER,
    OPT_KEY_DESERIALIZER,
    OPT_VALUE_DESERIALIZER,
    OPT_ENABLE_SYSTEST_EVENTS,
    OPT_ISOLATION_LEVEL,
    OPT_GROUP,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "The topic to read."},
    [OPT_WHITELIST] = {"whitelist", OPTION_TEXT, false, "regex", "Older name of --include."},
    [OPT_INCLUDE] = {"include", OPTION_TEXT, false, "regex",
                     "Read all topics whose whole name matches this regular expression."},
    [OPT_PARTITION] = {"partition", OPTION_INT, false, "partition",
                       "The one partition to read; from its end unless --offset is given."},
    [OPT_OFFSET] = {"offset", OPTION_TEXT, false, "consume offset",
                    "Where to begin in the partition: earliest, latest or a number (default: latest)."},
    [OPT_CONSUMER_PROPERTY] = {"consumer-property", OPTION_TEXT, true, "consumer_prop",
                               "A setting of the consumer, key=value."},
    [OPT_CONSUMER_CONFIG] = {"consumer.config", OPTION_TEXT, false, "config file",
                             "File of settings of the consumer; --consumer-property is stronger."},
    [OPT_FORMATTER] = {"formatter", OPTION_TEXT, false, "class",
                       "DefaultMessageFormatter (default) or NoOpMessageFormatter."},
    [OPT_PROPERTY] = {"property", OPTION_TEXT, true, "prop",
                      "What is printed, key=value:\n"
                      " print.timestamp=true|false\n"
                      " print.key=true|false\n"
                      " print.offset=true|false\n"
                      " print.partition=true|false\n"
                      " print.headers=true|false\n"
                      " print.value=true|false\n"
                      " key.separator=<text>\n"
                      " line.separator=<text>\n"
                      " headers.separator=<text>\n"
                      " null.literal=<text>\n"
                      " key.deserializer=<class>\n"
                      " value.deserializer=<class>\n"
                      " headers.deserializer=<class>"},
    [OPT_FORMATTER_CONFIG] = {"formatter-config", OPTION_TEXT, false, "config file",
                              "File of such properties; --property is stronger."},
    [OPT_FROM_BEGINNING] = {"from-beginning", OPTION_FLAG, false, NULL,
                            "Begin with the oldest message, not with those to come."},
    [OPT_MAX_MESSAGES] = {"max-messages", OPTION_INT, false, "num_messages", "End after so many messages."},
    [OPT_TIMEOUT_MS] = {"timeout-ms", OPTION_LONG, false, "timeout_ms",
                        "End when no message came for so long."},
    [OPT_SKIP_MESSAGE_ON_ERROR] = {"skip-message-on-error", OPTION_FLAG, false, NULL,
                                   "Go on after a message that cannot be printed."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_KEY_DESERIALIZER] = {"key-deserializer", OPTION_TEXT, false, "deserializer for key",
                              "The same as --property key.deserializer=<class>."},
    [OPT_VALUE_DESERIALIZER] = {"value-deserializer", OPTION_TEXT, false, "deserializer for values",
                                "The same as --property value.deserializer=<class>."},
    [OPT_ENABLE_SYSTEST_EVENTS] = {"enable-systest-events", OPTION_FLAG, false, NULL,
                                   "Print shutdown_complete at the end."},
    [OPT_ISOLATION_LEVEL] = {"isolation-level", OPTION_TEXT, false, "level",
                             "read_committed leaves out messages of transactions that were not committed; "
                             "read_uncommitted (default) does not."},
    [OPT_GROUP] = {"group", OPTION_TEXT, false, "consumer group id",
                   "Not supported by this version: partitions are read without a group."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

struct started {
    rd_kafka_topic_t *topic;
    char *name;
    int32_t partition;
};

struct consumer {
    const struct options *opts;
    struct formatter formatter;
    struct topic_filter filter; /* for --include */
    struct admin_client *client;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct started *started;
    int started_count;
    int64_t start_offset; /* of what is found */
    int64_t timeout_ms;   /* NO_LIMIT: none */
    int64_t max_messages; /* NO_LIMIT: none */
    int64_t count;
    struct buf out;
    bool said_missing;
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int fail(const struct errmsg *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

/* --- settings -------------------------------------------------------------------------------------- */

static const char *include_of(const struct options *opts)
{
    const char *include = options_text(opts, OPT_INCLUDE);
    return include ? include : options_text(opts, OPT_WHITELIST);
}

static bool check_options(const struct options *opts, struct errmsg *why)
{
    if ((options_has(opts, OPT_TOPIC) ? 1 : 0) + (include_of(opts) ? 1 : 0) != 1) {
        errmsg_set(why, "Exactly one of --include/--topic is required. %s",
                   options_has(opts, OPT_WHITELIST)
                       ? "--whitelist is DEPRECATED use --include instead; ignored if --include specified."
                       : "");
        return false;
    }
    if (options_has(opts, OPT_PARTITION) && !options_has(opts, OPT_TOPIC)) {
        errmsg_set(why, "The topic is required when partition is specified.");
        return false;
    }
    if (options_has(opts, OPT_PARTITION) && options_has(opts, OPT_FROM_BEGINNING) &&
        options_has(opts, OPT_OFFSET)) {
        errmsg_set(why, "Options from-beginning and offset cannot be specified together.");
        return false;
    }
    if (!options_has(opts, OPT_PARTITION) && options_has(opts, OPT_OFFSET)) {
        errmsg_set(why, "The partition is required when offset is specified.");
        return false;
    }
    return options_require(opts, OPT_BOOTSTRAP_SERVER, why);
}

static bool is_word(const char *text, const char *word)
{
    return strcasecmp(text, word) == 0;
}

static bool parse_offset(const struct options *opts, bool earliest, int64_t *out, struct errmsg *why)
{
    const char *text = options_text(opts, OPT_OFFSET);
    *out = earliest ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (text == NULL)
        return true;
    *out = is_word(text, "earliest") ? RD_KAFKA_OFFSET_BEGINNING : RD_KAFKA_OFFSET_END;
    if (is_word(text, "earliest") || is_word(text, "latest"))
        return true;
    char *end;
    errno = 0;
    long long offset = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0' || offset < 0) {
        errmsg_set(why,
                   "The provided offset value '%.60s' is incorrect. Valid values are 'earliest', "
                   "'latest', or a non-negative long.",
                   text);
        return false;
    }
    *out = (int64_t)offset;
    return true;
}

/* No group may be asked for in any of the three places where Kafka's tool takes one. */
static bool check_group(const struct options *opts, const struct properties *props, struct errmsg *why)
{
    const char *group = options_text(opts, OPT_GROUP);
    if (group == NULL)
        group = properties_get(props, "group.id");
    if (group == NULL)
        return true;
    if (options_has(opts, OPT_PARTITION))
        errmsg_set(why, "Options group and partition cannot be specified together.");
    else
        errmsg_set(why,
                   "Consumer groups are not supported by this version (group %.60s): leave out the group "
                   "to read all partitions, or name one with --partition",
                   group);
    return false;
}

static bool check_reset(const struct options *opts, const struct properties *props, bool *earliest,
                        struct errmsg *why)
{
    const char *reset = properties_get(props, "auto.offset.reset");
    *earliest = options_has(opts, OPT_FROM_BEGINNING) || (reset && strcmp(reset, "earliest") == 0);
    if (reset == NULL || !options_has(opts, OPT_FROM_BEGINNING) || strcmp(reset, "earliest") == 0)
        return true;
    errmsg_set(why,
               "Can't simultaneously specify --from-beginning and 'auto.offset.reset=%.40s', please "
               "remove one option",
               reset);
    return false;
}

static bool configure(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                      bool earliest, struct errmsg *why)
{
    static const char *const ours[] = {"bootstrap.servers", "auto.offset.reset", "isolation.level",
                                       "enable.auto.commit", NULL};
    const char *client_id = properties_get(props, "client.id");
    const char *isolation = options_text(opts, OPT_ISOLATION_LEVEL);
    if (isolation == NULL)
        isolation = properties_get(props, "isolation.level");
    return rdkafka_set(conf, "bootstrap.servers", options_text(opts, OPT_BOOTSTRAP_SERVER), why) &&
           rdkafka_set(conf, "client.id", client_id ? client_id : "console-consumer", why) &&
           rdkafka_set(conf, "check.crcs", "true", why) && rdkafka_set_all(conf, props, ours, why) &&
           rdkafka_set(conf, "auto.offset.reset", earliest ? "earliest" : "latest", why) &&
           rdkafka_set(conf, "isolation.level", isolation ? isolation : "read_uncommitted", why);
}

/* --- partitions ------------------------------------------------------------------------------------ */

static bool is_started(const struct consumer *consumer, struct view topic, int32_t partition)
{
    for (int i = 0; i < consumer->started_count; i++)
        if (consumer->started[i].partition == partition && view_equal_str(topic, consumer->started[i].name))
            return true;
    return false;
}

static bool start_partition(struct consumer *consumer, struct view topic, int32_t partition, int64_t offset,
                            struct errmsg *why)
{
    char *name = view_to_cstr(topic);
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(consumer->rk, name, NULL);
    if (rkt == NULL || rd_kafka_consume_start_queue(rkt, partition, offset, consumer->queue) != 0) {
        errmsg_set(why, "Cannot read partition %" PRId32 " of topic %.100s: %s", partition, name,
                   rd_kafka_err2str(rd_kafka_last_error()));
        if (rkt != NULL)
            rd_kafka_topic_destroy(rkt);
        free(name);
        return false;
    }
    consumer->started =
        mem_resize(consumer->started, (size_t)(consumer->started_count + 1) * sizeof *consumer->started);
    consumer->started[consumer->started_count++] = (struct started){rkt, name, partition};
    return true;
}

/* Starts what is not read yet of a topic; counts the partitions seen. */
static bool start_topic(struct consumer *consumer,
                        const struct wire_metadata_response_metadata_response_topic *topic,
                        struct errmsg *why)
{
    for (int i = 0; i < topic->partitions_count; i++) {
        int32_t partition = topic->partitions[i].partition_index;
        if (options_has(consumer->opts, OPT_PARTITION) &&
            partition != (int32_t)options_number(consumer->opts, OPT_PARTITION, 0))
            continue;
        if (!is_started(consumer, topic->name, partition) &&
            !start_partition(consumer, topic->name, partition, consumer->start_offset, why))
            return false;
    }
    return true;
}

static void say_missing(struct consumer *consumer, int16_t code)
{
    if (consumer->said_missing)
        return;
    fprintf(stderr, "Topic %s cannot be read yet: %s Waiting for it.\n",
            options_text(consumer->opts, OPT_TOPIC), kafka_error_text(code));
    consumer->said_missing = true;
}

static bool wait_is_vain(int16_t code)
{
    return code == ERR_INVALID_TOPIC_EXCEPTION || code == ERR_TOPIC_AUTHORIZATION_FAILED;
}

/* Looks up which partitions there are and starts the new ones. As with Kafka's consumer, to ask creates. */
static bool look_up(struct consumer *consumer, struct errmsg *why)
{
    struct arena arena = {0};
    struct wire_metadata_response answer;
    const char *topic = options_text(consumer->opts, OPT_TOPIC);
    struct view name = view_str(topic);
    enum err err =
        admin_metadata(consumer->client, &name, topic ? 1 : -1, topic != NULL, &arena, &answer, why);
    bool fine = err == ERR_NONE;
    for (int i = 0; fine && i < answer.topics_count; i++) {
        int16_t code = answer.topics[i].error_code;
        if (topic == NULL && !topic_filter_matches(&consumer->filter, answer.topics[i].name))
            continue;
        if (code == ERR_NONE) {
            fine = start_topic(consumer, &answer.topics[i], why);
        } else if (topic != NULL && wait_is_vain(code)) {
            errmsg_set(why, "Topic %.100s: %s", topic, kafka_error_text(code));
            fine = false;
        } else if (topic != NULL) {
            say_missing(consumer, code);
        }
    }
    if (fine && options_has(consumer->opts, OPT_PARTITION) && consumer->started_count == 0 &&
        answer.topics_count == 1 && answer.topics[0].partitions_count > 0) {
        errmsg_set(why, "Topic %.100s has no partition %" PRId64 ": it has %d", topic,
                   options_number(consumer->opts, OPT_PARTITION, 0), answer.topics[0].partitions_count);
        fine = false;
    }
    arena_close(&arena);
    return fine;
}

static void stop_partitions(struct consumer *consumer)
{
    for (int i = 0; i < consumer->started_count; i++) {
        rd_kafka_consume_stop(consumer->started[i].topic, consumer->started[i].partition);
        rd_kafka_topic_destroy(consumer->started[i].topic);
        free(consumer->started[i].name);
    }
    free(consumer->started);
}

/* --- messages -------------------------------------------------------------------------------------- */

static struct view bytes_of(const void *ptr, size_t len)
{
    return ptr == NULL ? VIEW_NULL : view_of(ptr, len);
}

static int read_headers(const rd_kafka_message_t *from, struct formatter_header **out)
{
    rd_kafka_headers_t *headers = NULL;
    *out = NULL;
    if (rd_kafka_message_headers(from, &headers) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return 0;
    size_t count = rd_kafka_header_cnt(headers);
    *out = mem_zalloc((count + 1) * sizeof **out);
    for (size_t i = 0; i < count; i++) {
        const char *name;
        const void *value;
        size_t len;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &len) != RD_KAFKA_RESP_ERR_NO_ERROR)
            return (int)i;
        (*out)[i] = (struct formatter_header){view_str(name), bytes_of(value, len)};
    }
    return (int)count;
}

static bool format_message(struct consumer *consumer, const rd_kafka_message_t *from, struct errmsg *why)
{
    rd_kafka_timestamp_type_t type;
    struct formatter_header *headers = NULL;
    struct formatter_message message = {.timestamp = rd_kafka_message_timestamp(from, &type),
                                        .partition = from->partition,
                                        .offset = from->offset,
                                        .key = bytes_of(from->key, from->key_len),
                                        .value = bytes_of(from->payload, from->len)};
    message.timestamp_type = type == RD_KAFKA_TIMESTAMP_CREATE_TIME       ? FORMATTER_CREATE_TIME
                             : type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? FORMATTER_LOG_APPEND_TIME
                                                                          : FORMATTER_NO_TIMESTAMP;
    if (consumer->formatter.print_headers)
        message.header_count = read_headers(from, &headers);
    message.headers = headers;
    bool fine = formatter_write(&consumer->formatter, &message, &consumer->out, why);
    free(headers);
    return fine;
}

static bool write_out(struct consumer *consumer)
{
    if (consumer->out.len == 0)
        return true;
    bool fine = fwrite(consumer->out.data, 1, consumer->out.len, stdout) == consumer->out.len;
    buf_clear(&consumer->out);
    return fine;
}

/* False ends the consumer, with why unless standard output is closed. */
static bool take_message(struct consumer *consumer, const rd_kafka_message_t *message, struct errmsg *why)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return true;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        errmsg_set(why, "%s",
                   message->payload ? rd_kafka_message_errstr(message) : rd_kafka_err2str(message->err));
        return false;
    }
    consumer->count++;
    size_t before = consumer->out.len;
    if (!format_message(consumer, message, why)) {
        if (!options_has(consumer->opts, OPT_SKIP_MESSAGE_ON_ERROR))
            return false;
        fprintf(stderr, "Error processing message, skipping this message: %s\n", why->text);
        consumer->out.len = before;
        why->text[0] = '\0';
    }
    return true;
}

/* The signal that asked to end, or 0. SIGINT and SIGTERM are blocked in all threads. */
static int pending_signal(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    struct timespec zero = {0};
    int number = sigtimedwait(&set, NULL, &zero);
    return number > 0 ? number : 0;
}

static void block_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Takes what has arrived, at most one batch; the number of messages, or -1 to end. */
static int take_batch(struct consumer *consumer, rd_kafka_message_t **batch, struct errmsg *why)
{
    size_t room = BATCH_MESSAGES;
    if (consumer->max_messages != NO_LIMIT && consumer->max_messages - consumer->count < BATCH_MESSAGES)
        room = (size_t)(consumer->max_messages - consumer->count);
    ssize_t got = rd_kafka_consume_batch_queue(consumer->queue, 0, batch, room);
    if (got == 0) {
        fflush(stdout);
        got = rd_kafka_consume_batch_queue(consumer->queue, POLL_MS, batch, 1);
    }
    bool going = true;
    for (ssize_t i = 0; i < got; i++) {
        going = going && take_message(consumer, batch[i], why);
        rd_kafka_message_destroy(batch[i]);
    }
    if (!write_out(consumer)) {
        fprintf(stderr, "Unable to write to standard out, closing consumer.\n");
        return -1;
    }
    return going ? (int)got : -1;
}

/* Reads until a limit, a signal or an error; the exit status. */
static int consume(struct consumer *consumer)
{
    rd_kafka_message_t **batch = mem_alloc(BATCH_MESSAGES * sizeof *batch);
    struct errmsg why = {0};
    int64_t last_ms = now_ms();
    int64_t looked_ms = last_ms;
    int status = 0;
    while (consumer->max_messages == NO_LIMIT || consumer->count < consumer->max_messages) {
        int number = pending_signal();
        if (number != 0) {
            status = SIGNAL_STATUS + number;
            break;
        }
        int got = take_batch(consumer, batch, &why);
        if (got < 0)
            break;
        int64_t now = now_ms();
        if (got > 0)
            last_ms = now;
        else if (consumer->timeout_ms != NO_LIMIT && now - last_ms > consumer->timeout_ms)
            break;
        if (now - looked_ms > (consumer->started_count == 0 ? LOOK_AGAIN_MS : METADATA_MAX_AGE_MS)) {
            looked_ms = now;
            if (!look_up(consumer, &why))
                break;
        }
    }
    if (why.text[0] != '\0')
        status = fail(&why);
    fflush(stdout);
    fprintf(stderr, "Processed a total of %" PRId64 " messages\n", consumer->count);
    free(batch);
    return status;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static bool open_consumer(struct consumer *consumer, const struct properties *props, bool earliest,
                          struct errmsg *why)
{
    struct client_config config;
    char reason[200] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rdkafka_quiet(conf);
    if (!configure(conf, consumer->opts, props, earliest, why) ||
        !client_config_load(NULL, "console-consumer", &config, why)) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    consumer->client = admin_client_new(options_text(consumer->opts, OPT_BOOTSTRAP_SERVER), &config, why);
    client_config_close(&config);
    if (consumer->client == NULL) {
        rd_kafka_conf_destroy(conf);
        return false;
    }
    consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer->rk == NULL) {
        rd_kafka_conf_destroy(conf);
        errmsg_set(why, "%s", reason);
        return false;
    }
    consumer->queue = rd_kafka_queue_new(consumer->rk);
    return look_up(consumer, why);
}

static void close_consumer(struct consumer *consumer)
{
    if (consumer->rk != NULL) {
        stop_partitions(consumer);
        rd_kafka_queue_destroy(consumer->queue);
        rd_kafka_destroy(consumer->rk);
    }
    admin_client_free(consumer->client);
    buf_close(&consumer->out);
}

static int run_consumer(struct consumer *consumer, const struct properties *props, bool earliest)
{
    struct errmsg why = {0};
    block_signals();
    int status;
    if (open_consumer(consumer, props, earliest, &why))
        status = consume(consumer);
    else
        status = fail(&why);
    close_consumer(consumer);
    if (options_has(consumer->opts, OPT_ENABLE_SYSTEST_EVENTS))
        puts("shutdown_complete");
    return status;
}

static bool read_settings(struct consumer *consumer, struct properties *props,
                          struct properties *formatter_props, bool *earliest, struct errmsg *why)
{
    const struct options *opts = consumer->opts;
    if (!key_values_read(opts, OPT_FORMATTER_CONFIG, OPT_PROPERTY, formatter_props, why) ||
        !key_values_read(opts, OPT_CONSUMER_CONFIG, OPT_CONSUMER_PROPERTY, props, why))
        return false;
    if (options_has(opts, OPT_KEY_DESERIALIZER))
        key_values_add(formatter_props, "key.deserializer", options_text(opts, OPT_KEY_DESERIALIZER));
    if (options_has(opts, OPT_VALUE_DESERIALIZER))
        key_values_add(formatter_props, "value.deserializer", options_text(opts, OPT_VALUE_DESERIALIZER));
    return check_group(opts, props, why) && check_reset(opts, props, earliest, why) &&
           parse_offset(opts, *earliest, &consumer->start_offset, why) &&
           formatter_configure(&consumer->formatter, options_text(opts, OPT_FORMATTER), formatter_props,
                               why) &&
           topic_filter_open(&consumer->filter, include_of(opts), false, why);
}

static int run(const struct options *opts)
{
    struct errmsg why = {0};
    struct properties props = {0}, formatter_props = {0};
    struct consumer consumer = {.opts = opts,
                                .filter = {.everything = true},
                                .timeout_ms = options_number(opts, OPT_TIMEOUT_MS, NO_LIMIT),
                                .max_messages = options_number(opts, OPT_MAX_MESSAGES, NO_LIMIT)};
    bool earliest = false;
    int status;
    if (read_settings(&consumer, &props, &formatter_props, &earliest, &why))
        status = run_consumer(&consumer, &props, earliest);
    else
        status = fail(&why);
    topic_filter_close(&consumer.filter);
    properties_close(&props);
    properties_close(&formatter_props);
    return status;
}

int consume_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status = options_usage(&opts, "This tool helps to read data from Kafka topics and outputs it to "
                                      "standard output.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
