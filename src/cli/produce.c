/*
 * `barnabas produce`: lines of standard input become messages, as with
 * kafka-console-producer.sh. librdkafka sends them; keys go to the partitions
 * that Java's producer would choose.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/commands.h"
#include "cli/key_values.h"
#include "cli/line_reader.h"
#include "cli/options.h"
#include "cli/progress.h"
#include "cli/rdkafka_settings.h"

#define POLL_MS             100
#define DELIVERY_TIMEOUT_MS "120000"
#define BYTES_PER_KB        1024

enum {
    OPT_TOPIC,
    OPT_BROKER_LIST,
    OPT_BOOTSTRAP_SERVER,
    OPT_SYNC,
    OPT_COMPRESSION_CODEC,
    OPT_BATCH_SIZE,
    OPT_MAX_RETRIES,
    OPT_RETRY_BACKOFF_MS,
    OPT_TIMEOUT,
    OPT_REQUIRED_ACKS,
    OPT_REQUEST_TIMEOUT_MS,
    OPT_METADATA_EXPIRY_MS,
    OPT_MAX_BLOCK_MS,
    OPT_MAX_MEMORY_BYTES,
    OPT_MAX_PARTITION_MEMORY_BYTES,
    OPT_LINE_READER,
    OPT_SOCKET_BUFFER_SIZE,
    OPT_PROPERTY,
    OPT_READER_CONFIG,
    OPT_PRODUCER_PROPERTY,
    OPT_PRODUCER_CONFIG,
    OPT_HELP,
    OPT_VERSION,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "REQUIRED: The topic to send to."},
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "broker-list",
                         "Older name of --bootstrap-server."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED unless --broker-list is given: brokers to connect to, "
                              "host:port,host:port."},
    [OPT_SYNC] = {"sync", OPTION_FLAG, false, NULL, "Wait for each message before the next is sent."},
    [OPT_COMPRESSION_CODEC] = {"compression-codec", OPTION_MAYBE_TEXT, false, "compression-codec",
                               "none, gzip, snappy, lz4 or zstd; gzip when the value is left out."},
    [OPT_BATCH_SIZE] = {"batch-size", OPTION_INT, false, "size",
                        "Bytes of a batch at most (default: 16384)."},
    [OPT_MAX_RETRIES] = {"message-send-max-retries", OPTION_INT, false, "count",
                         "Attempts after the first (default: 3)."},
    [OPT_RETRY_BACKOFF_MS] = {"retry-backoff-ms", OPTION_LONG, false, "ms",
                              "Pause before each further attempt (default: 100)."},
    [OPT_TIMEOUT] = {"timeout", OPTION_LONG, false, "timeout_ms",
                     "How long a message waits for others to share its batch (default: 1000)."},
    [OPT_REQUIRED_ACKS] = {"request-required-acks", OPTION_TEXT, false, "request required acks",
                           "-1 or all, 0, 1 (default: -1)."},
    [OPT_REQUEST_TIMEOUT_MS] = {"request-timeout-ms", OPTION_INT, false, "request timeout ms",
                                "Time limit of a request (default: 1500)."},
    [OPT_METADATA_EXPIRY_MS] = {"metadata-expiry-ms", OPTION_LONG, false, "metadata expiration interval",
                                "Age at which metadata is asked for again (default: 300000)."},
    [OPT_MAX_BLOCK_MS] = {"max-block-ms", OPTION_LONG, false, "max block on send",
                          "How long to wait when the memory is full (default: 60000)."},
    [OPT_MAX_MEMORY_BYTES] = {"max-memory-bytes", OPTION_LONG, false, "total memory in bytes",
                              "Memory for messages that wait (default: 33554432)."},
    [OPT_MAX_PARTITION_MEMORY_BYTES] = {"max-partition-memory-bytes", OPTION_INT, false,
                                        "memory in bytes per partition",
                                        "The same as --batch-size, and stronger."},
    [OPT_LINE_READER] = {"line-reader", OPTION_TEXT, false, "reader_class",
                         "Class that reads lines; only the built-in one is there."},
    [OPT_SOCKET_BUFFER_SIZE] = {"socket-buffer-size", OPTION_INT, false, "size",
                                "Bytes of the socket's send buffer (default: 102400)."},
    [OPT_PROPERTY] = {"property", OPTION_TEXT, true, "prop",
                      "How lines are read, key=value:\n"
                      " parse.key=false\n"
                      " parse.headers=false\n"
                      " ignore.error=false\n"
                      " key.separator=\\t\n"
                      " headers.delimiter=\\t\n"
                      " headers.separator=,\n"
                      " headers.key.separator=:\n"
                      " null.marker=   a key, value or header value equal to it is null\n"
                      "With parse.headers and parse.key a line is\n"
                      " \"h1:v1,h2:v2...\\tkey\\tvalue\""},
    [OPT_READER_CONFIG] = {"reader-config", OPTION_TEXT, false, "config file",
                           "File of such properties; --property is stronger."},
    [OPT_PRODUCER_PROPERTY] = {"producer-property", OPTION_TEXT, true, "producer_prop",
                               "A setting of the producer, key=value."},
    [OPT_PRODUCER_CONFIG] = {"producer.config", OPTION_TEXT, false, "config file",
                             "File of settings of the producer; --producer-property is stronger."},
    [OPT_HELP] = OPTION_SPEC_HELP,
    [OPT_VERSION] = OPTION_SPEC_VERSION,
};

struct producer {
    rd_kafka_t *rk;
    const char *topic;
    int64_t max_block_ms;
    bool sync;
    bool sync_failed;
    struct progress progress;
};

/* --- settings -------------------------------------------------------------------------------------- */

/* Options with the setting that each one is and its default; an option beats the files, they the default. */
static const struct {
    int option;
    const char *setting;
    const char *otherwise;
} merged[] = {
    {OPT_TIMEOUT, "linger.ms", "1000"},
    {OPT_REQUEST_TIMEOUT_MS, "request.timeout.ms", "1500"},
    {OPT_MAX_RETRIES, "retries", "3"},
    {OPT_RETRY_BACKOFF_MS, "retry.backoff.ms", "100"},
    {OPT_SOCKET_BUFFER_SIZE, "send.buffer.bytes", "102400"},
    {OPT_MAX_PARTITION_MEMORY_BYTES, "batch.size", NULL},
    {OPT_BATCH_SIZE, "batch.size", "16384"},
    {OPT_METADATA_EXPIRY_MS, "metadata.max.age.ms", "300000"},
};

static bool set_merged(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                       struct errmsg *why)
{
    bool batch_set = false;
    for (size_t i = 0; i < ARRAY_LEN(merged); i++) {
        const char *text = options_text(opts, merged[i].option);
        bool is_batch = strcmp(merged[i].setting, "batch.size") == 0;
        if (is_batch && batch_set)
            continue;
        if (text == NULL && properties_get(props, merged[i].setting) == NULL)
            text = merged[i].otherwise;
        if (text == NULL)
            continue;
        batch_set = batch_set || is_batch;
        if (!rdkafka_set(conf, merged[i].setting, text, why))
            return false;
    }
    return true;
}

static bool is_acks_all(const char *acks)
{
    return strcmp(acks, "-1") == 0 || strcmp(acks, "all") == 0;
}

/* Acks, and idempotence where Java's producer has it: unless it is switched off or acks are weaker. */
static bool set_acks(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                     struct errmsg *why)
{
    const char *acks = options_text(opts, OPT_REQUIRED_ACKS);
    if (acks == NULL)
        acks = properties_get(props, "acks");
    if (acks == NULL)
        acks = "-1";
    const char *idempotence = properties_get(props, "enable.idempotence");
    if (idempotence == NULL)
        idempotence = is_acks_all(acks) && options_number(opts, OPT_MAX_RETRIES, 1) > 0 ? "true" : "false";
    return rdkafka_set(conf, "acks", acks, why) && rdkafka_set(conf, "enable.idempotence", idempotence, why);
}

static bool set_memory(rd_kafka_conf_t *conf, const struct options *opts, struct errmsg *why)
{
    int64_t kb = options_number(opts, OPT_MAX_MEMORY_BYTES, 32 << 20) / BYTES_PER_KB;
    char *text = mem_printf("%" PRId64, kb < 1 ? 1 : kb);
    bool fine = rdkafka_set(conf, "queue.buffering.max.kbytes", text, why);
    free(text);
    return fine;
}

static const char *codec_of(const struct options *opts)
{
    if (!options_has(opts, OPT_COMPRESSION_CODEC))
        return "none";
    const char *codec = options_text(opts, OPT_COMPRESSION_CODEC);
    return codec ? codec : "gzip";
}

static const char *bootstrap_of(const struct options *opts)
{
    const char *servers = options_text(opts, OPT_BOOTSTRAP_SERVER);
    return servers ? servers : options_text(opts, OPT_BROKER_LIST);
}

static bool configure(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                      struct errmsg *why)
{
    static const char *const ours[] = {"bootstrap.servers", "acks", "enable.idempotence", "compression.type",
                                       NULL};
    const char *client_id = properties_get(props, "client.id");
    bool timed = properties_get(props, "delivery.timeout.ms") != NULL;
    return rdkafka_set(conf, "bootstrap.servers", bootstrap_of(opts), why) &&
           rdkafka_set(conf, "client.id", client_id ? client_id : "console-producer", why) &&
           rdkafka_set(conf, "partitioner", "murmur2_random", why) &&
           (timed || rdkafka_set(conf, "message.timeout.ms", DELIVERY_TIMEOUT_MS, why)) &&
           rdkafka_set_all(conf, props, ours, why) && set_merged(conf, opts, props, why) &&
           set_memory(conf, opts, why) && set_acks(conf, opts, props, why) &&
           rdkafka_set(conf, "compression.type", codec_of(opts), why);
}

/* --- sending --------------------------------------------------------------------------------------- */

static void print_part(const char *name, const void *bytes, size_t len)
{
    if (bytes == NULL)
        fprintf(stderr, "%s: null", name);
    else
        fprintf(stderr, "%s: %zu bytes", name, len);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    (void)rk;
    progress_step(&producer->progress, 1);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    producer->sync_failed = true;
    fprintf(stderr, "Error when sending message to topic %s with ", producer->topic);
    print_part("key", message->key, message->key_len);
    print_part(", value", message->payload, message->len);
    fprintf(stderr, " with error: %s\n", rd_kafka_err2str(message->err));
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static rd_kafka_headers_t *make_headers(const struct line_message *message)
{
    if (message->header_count == 0)
        return NULL;
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)message->header_count);
    for (int i = 0; i < message->header_count; i++) {
        const struct line_header *header = &message->headers[i];
        rd_kafka_header_add(headers, (const char *)header->key.ptr, (ssize_t)header->key.len,
                            header->value.ptr, (ssize_t)header->value.len);
    }
    return headers;
}

/* Queues one message, waiting while the memory is full. */
static bool send_message(struct producer *producer, const struct line_message *message)
{
    int64_t deadline_ms = now_ms() + producer->max_block_ms;
    rd_kafka_resp_err_t err;
    for (;;) {
        rd_kafka_headers_t *headers = make_headers(message);
        err = rd_kafka_producev(producer->rk, RD_KAFKA_V_TOPIC(producer->topic),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                RD_KAFKA_V_KEY(message->key.ptr, message->key.len),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)message->value.ptr, message->value.len),
                                RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR_NO_ERROR && headers != NULL)
            rd_kafka_headers_destroy(headers);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || now_ms() >= deadline_ms)
            break;
        rd_kafka_poll(producer->rk, POLL_MS);
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    fprintf(stderr, "Error when sending message to topic %s with ", producer->topic);
    print_part("key", message->key.ptr, message->key.len);
    print_part(", value", message->value.ptr, message->value.len);
    fprintf(stderr, " with error: %s\n", rd_kafka_err2str(err));
    return false;
}

static void wait_delivered(struct producer *producer)
{
    while (rd_kafka_outq_len(producer->rk) > 0)
        rd_kafka_flush(producer->rk, POLL_MS);
}

/* Sends every line; the exit status. */
static int send_lines(struct producer *producer, const struct line_format *format)
{
    struct line_source source = {.fd = STDIN_FILENO};
    struct line_message message = {0};
    struct buf problem = {0};
    struct errmsg why = {0};
    bool prompt = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int status = 0;
    struct view line;
    for (int64_t number = 1; status == 0; number++) {
        if (prompt) {
            fputs(">", stdout);
            fflush(stdout);
        }
        if (!line_source_next(&source, &line, &why))
            break;
        if (!line_format_parse(format, line, number, &message, &problem)) {
            fprintf(stderr, "%s\n", buf_cstr(&problem));
            status = 1;
            break;
        }
        bool queued = send_message(producer, &message);
        rd_kafka_poll(producer->rk, 0);
        if (!producer->sync)
            continue;
        wait_delivered(producer);
        status = queued && !producer->sync_failed ? 0 : 1;
    }
    if (why.text[0] != '\0') {
        fprintf(stderr, "%s\n", why.text);
        status = 1;
    }
    wait_delivered(producer);
    line_message_close(&message);
    line_source_close(&source);
    buf_close(&problem);
    return status;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static int fail(const struct errmsg *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

/* A cluster that cannot be reached is said now, not after the last message has timed out. */
static bool check_reachable(const char *bootstrap, struct errmsg *why)
{
    struct client_config config;
    if (!client_config_load(NULL, "console-producer", &config, why))
        return false;
    struct admin_client *client = admin_client_new(bootstrap, &config, why);
    bool fine = client != NULL;
    admin_client_free(client);
    client_config_close(&config);
    return fine;
}

static int produce(const struct options *opts, const struct line_format *format,
                   const struct properties *producer_props)
{
    struct errmsg why = {0};
    struct producer producer = {.topic = options_text(opts, OPT_TOPIC),
                                .max_block_ms = options_number(opts, OPT_MAX_BLOCK_MS, 60000),
                                .sync = options_has(opts, OPT_SYNC)};
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rdkafka_quiet(conf);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, &producer);
    char reason[200] = "";
    if (!configure(conf, opts, producer_props, &why) || !check_reachable(bootstrap_of(opts), &why)) {
        rd_kafka_conf_destroy(conf);
        return fail(&why);
    }
    producer.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (producer.rk == NULL) {
        rd_kafka_conf_destroy(conf);
        errmsg_set(&why, "%s", reason);
        return fail(&why);
    }
    if (!isatty(STDIN_FILENO))
        progress_start(&producer.progress, "Sending", "messages", 0);
    int status = send_lines(&producer, format);
    progress_stop(&producer.progress);
    rd_kafka_destroy(producer.rk);
    return status;
}

static bool is_built_in_reader(const char *name)
{
    static const char wanted[] = "LineMessageReader";
    size_t len = strlen(name);
    return len >= sizeof wanted - 1 && strcmp(name + len - (sizeof wanted - 1), wanted) == 0;
}

static int run(const struct options *opts)
{
    struct errmsg why = {0};
    struct properties reader_props = {0}, producer_props = {0};
    struct line_format format;
    const char *reader = options_text(opts, OPT_LINE_READER);
    int status = 1;
    if (reader != NULL && !is_built_in_reader(reader))
        fprintf(stderr, "There is no line reader %s; only the built-in one can be used\n", reader);
    else if (key_values_read(opts, OPT_READER_CONFIG, OPT_PROPERTY, &reader_props, &why) &&
             key_values_read(opts, OPT_PRODUCER_CONFIG, OPT_PRODUCER_PROPERTY, &producer_props, &why) &&
             line_format_configure(&format, &reader_props, &why))
        status = produce(opts, &format, &producer_props);
    else
        status = fail(&why);
    properties_close(&reader_props);
    properties_close(&producer_props);
    return status;
}

static bool check_options(const struct options *opts, struct errmsg *why)
{
    if (bootstrap_of(opts) == NULL) {
        errmsg_set(why, "Missing required option(s) [bootstrap-server]");
        return false;
    }
    return options_require(opts, OPT_TOPIC, why);
}

int produce_command(int argc, char **argv)
{
    struct options opts;
    struct errmsg why = {0};
    int status;
    if (!options_parse(&opts, specs, OPT_COUNT, argc, argv, &why))
        status = options_usage(&opts, why.text);
    else if (argc == 0 || options_has(&opts, OPT_HELP))
        status =
            options_usage(&opts, "This tool helps to read data from standard input and publish it to Kafka.");
    else if (options_has(&opts, OPT_VERSION))
        status = options_print_version();
    else if (!check_options(&opts, &why))
        status = options_usage(&opts, why.text);
    else
        status = run(&opts);
    options_close(&opts);
    return status;
}
