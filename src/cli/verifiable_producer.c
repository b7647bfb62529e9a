/*
 * `barnabas verifiable-producer`: sends the numbers 0, 1, 2 and so on and tells of each whether it was
 * acknowledged, as kafka-verifiable-producer.sh does. Nothing is sent twice, so what is told is what
 * happened.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/java_number.h"
#include "cli/kafka_text.h"
#include "cli/rdkafka_settings.h"
#include "cli/signals.h"
#include "cli/verifiable.h"

#define POLL_MS             100
#define DELIVERY_TIMEOUT_MS "120000"
#define NO_OFFSET           (-1)
#define UNSET               (-1)

enum {
    OPT_TOPIC,
    OPT_BOOTSTRAP_SERVER,
    OPT_BROKER_LIST,
    OPT_MAX_MESSAGES,
    OPT_THROUGHPUT,
    OPT_ACKS,
    OPT_PRODUCER_CONFIG,
    OPT_MESSAGE_CREATE_TIME,
    OPT_VALUE_PREFIX,
    OPT_REPEATING_KEYS,
    OPT_HELP,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "REQUIRED: The topic to send to."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "broker-list",
                         "Older name of --bootstrap-server."},
    [OPT_MAX_MESSAGES] = {"max-messages", OPTION_INT, false, "max-messages",
                          "End after so many messages; -1 (default): go on until told to end."},
    [OPT_THROUGHPUT] = {"throughput", OPTION_INT, false, "throughput",
                        "About so many messages in a second; -1 (default): no limit."},
    [OPT_ACKS] = {"acks", OPTION_INT, false, "acks", "0, 1 or -1 (default)."},
    [OPT_PRODUCER_CONFIG] = {"producer.config", OPTION_TEXT, false, "config file",
                             "File of settings of the producer, stronger than the options."},
    [OPT_MESSAGE_CREATE_TIME] = {"message-create-time", OPTION_LONG, false, "createtime",
                                 "Time of the first message, in milliseconds since 1970; that of others is "
                                 "later by what has passed."},
    [OPT_VALUE_PREFIX] = {"value-prefix", OPTION_INT, false, "value-prefix",
                          "Values are this number, a dot, and their own."},
    [OPT_REPEATING_KEYS] = {"repeating-keys", OPTION_INT, false, "repeating-keys",
                            "Keys are 0 and so on up to this number, then 0 again; else there are none."},
    [OPT_HELP] = OPTION_SPEC_HELP,
};

struct producer {
    rd_kafka_t *rk;
    const char *topic;
    int64_t max_messages; /* INT64_MAX: no end */
    int64_t throughput;   /* negative: no limit */
    const char *prefix;   /* NULL: none */
    int32_t keys;         /* UNSET: none */
    int32_t next_key;
    int64_t create_time; /* UNSET: the present */
    int64_t start_ms;
    int64_t sent;
    int64_t acked;
    struct buf event;
};

/* --- what became of a message ------------------------------------------------------------------------ */

static struct view bytes_of(const void *ptr, size_t len)
{
    return ptr == NULL ? VIEW_NULL : view_of(ptr, len);
}

/* The exception of Java's producer; an error of librdkafka's own has at most one that is like it. */
static const char *exception_of(rd_kafka_resp_err_t err)
{
    if (err > 0)
        return kafka_error_class((int16_t)err);
    return err == RD_KAFKA_RESP_ERR__MSG_TIMED_OUT || err == RD_KAFKA_RESP_ERR__TIMED_OUT ? "TimeoutException"
                                                                                          : NULL;
}

static void print_failure(struct producer *producer, struct view key, struct view value,
                          rd_kafka_resp_err_t err)
{
    const char *exception = exception_of(err);
    char *class = mem_printf("class org.apache.kafka.common.%s%s", exception ? "errors." : "",
                             exception ? exception : "KafkaException");
    char *message = err == RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION
                        ? mem_printf("Invalid topics: [%s]", producer->topic)
                        : mem_strdup(err > 0 ? kafka_error_text((int16_t)err) : rd_kafka_err2str(err));
    verifiable_begin(&producer->event, "producer_send_error");
    verifiable_put_text(&producer->event, "topic", view_str(producer->topic));
    verifiable_put_text(&producer->event, "key", key);
    verifiable_put_text(&producer->event, "value", value);
    verifiable_put_text(&producer->event, "exception", view_str(class));
    verifiable_put_text(&producer->event, "message", view_str(message));
    verifiable_end(&producer->event);
    free(class);
    free(message);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct producer *producer = opaque;
    struct view key = bytes_of(message->key, message->key_len),
                value = bytes_of(message->payload, message->len);
    (void)rk;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        print_failure(producer, key, value, message->err);
        return;
    }
    producer->acked++;
    verifiable_begin(&producer->event, "producer_send_success");
    verifiable_put_text(&producer->event, "key", key);
    verifiable_put_text(&producer->event, "value", value);
    verifiable_put_number(&producer->event, "offset", message->offset >= 0 ? message->offset : NO_OFFSET);
    verifiable_put_text(&producer->event, "topic", view_str(producer->topic));
    verifiable_put_number(&producer->event, "partition", message->partition);
    verifiable_end(&producer->event);
}

/* --- sending ----------------------------------------------------------------------------------------- */

/* Waits while the memory is full; a signal that comes meanwhile ends that, and is given. */
static int send_one(struct producer *producer, struct view key, struct view value)
{
    int number = 0;
    rd_kafka_resp_err_t err;
    int64_t time = producer->create_time == UNSET ? 0 : producer->create_time;
    for (;;) {
        err = rd_kafka_producev(producer->rk, RD_KAFKA_V_TOPIC(producer->topic),
                                RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key.ptr, key.len),
                                RD_KAFKA_V_VALUE((void *)(uintptr_t)value.ptr, value.len),
                                RD_KAFKA_V_TIMESTAMP(time), RD_KAFKA_V_END);
        if (err != RD_KAFKA_RESP_ERR__QUEUE_FULL || number != 0)
            break;
        rd_kafka_poll(producer->rk, POLL_MS);
        number = signals_pending(0);
    }
    producer->sent++;
    if (producer->create_time != UNSET)
        producer->create_time += verifiable_now_ms() - producer->start_ms;
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        print_failure(producer, key, value, err);
    return number;
}

static int send_number(struct producer *producer, int64_t i)
{
    char key[16], value[48];
    snprintf(value, sizeof value, "%s%s%" PRId64, producer->prefix ? producer->prefix : "",
             producer->prefix ? "." : "", i);
    if (producer->keys == UNSET)
        return send_one(producer, VIEW_NULL, view_str(value));
    snprintf(key, sizeof key, "%" PRId32, producer->next_key);
    if (++producer->next_key == producer->keys)
        producer->next_key = 0;
    return send_one(producer, view_str(key), view_str(value));
}

/* Until the next message is due; deliveries are told meanwhile. A signal ends it, and is given. */
static int wait_due(const struct producer *producer)
{
    for (;;) {
        int64_t passed_ms = verifiable_now_ms() - producer->start_ms, wait_ms = POLL_MS;
        if (producer->throughput > 0)
            wait_ms = producer->sent * 1000 / producer->throughput - passed_ms;
        if (producer->throughput < 0 || wait_ms <= 0)
            return signals_pending(0);
        rd_kafka_poll(producer->rk, 0);
        int number = signals_pending((int)(wait_ms < POLL_MS ? wait_ms : POLL_MS));
        if (number != 0)
            return number;
    }
}

/* Sends all, or until a signal, which is given. */
static int send_all(struct producer *producer)
{
    int number = signals_pending(0);
    for (int64_t i = 0; i < producer->max_messages && number == 0; i++) {
        number = send_number(producer, i);
        rd_kafka_poll(producer->rk, 0);
        if (number == 0)
            number = wait_due(producer);
        if (ferror(stdout))
            break;
    }
    return number;
}

static void print_summary(struct producer *producer)
{
    double passed_ms = (double)(verifiable_now_ms() - producer->start_ms);
    double average = passed_ms > 0 ? 1000 * ((double)producer->acked / passed_ms) : 0;
    int64_t bits;
    memcpy(&bits, &average, sizeof bits);
    verifiable_begin(&producer->event, "tool_data");
    verifiable_put_number(&producer->event, "sent", producer->sent);
    verifiable_put_number(&producer->event, "acked", producer->acked);
    verifiable_put_number(&producer->event, "target_throughput", producer->throughput);
    buf_put_str(&producer->event, ",\"avg_throughput\":");
    java_put_double(bits, &producer->event);
    verifiable_end(&producer->event);
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool configure(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                      struct errmsg *why)
{
    static const char *const none[] = {NULL};
    const char *servers = options_text(opts, OPT_BOOTSTRAP_SERVER);
    const char *acks = options_text(opts, OPT_ACKS);
    return rdkafka_set(conf, "bootstrap.servers", servers ? servers : options_text(opts, OPT_BROKER_LIST),
                       why) &&
           rdkafka_set(conf, "client.id", "producer-1", why) &&
           rdkafka_set(conf, "partitioner", "murmur2_random", why) &&
           rdkafka_set(conf, "linger.ms", "0", why) && rdkafka_set(conf, "retries", "0", why) &&
           rdkafka_set(conf, "enable.idempotence", "false", why) &&
           rdkafka_set(conf, "message.timeout.ms", DELIVERY_TIMEOUT_MS, why) &&
           rdkafka_set(conf, "acks", acks ? acks : "-1", why) && rdkafka_set_all(conf, props, none, why);
}

static bool open_producer(struct producer *producer, const struct options *opts, struct errmsg *why)
{
    struct properties props;
    char reason[200] = "";
    if (!verifiable_load(options_text(opts, OPT_PRODUCER_CONFIG), &props, why))
        return false;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rdkafka_quiet(conf);
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_conf_set_opaque(conf, producer);
    bool fine = configure(conf, opts, &props, why);
    properties_close(&props);
    if (fine)
        producer->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (producer->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    if (fine)
        errmsg_set(why, "%s", reason);
    return false;
}

static int run(const struct options *opts)
{
    struct errmsg why = {0};
    int64_t acks = options_number(opts, OPT_ACKS, -1), most = options_number(opts, OPT_MAX_MESSAGES, -1);
    struct producer producer = {.topic = options_text(opts, OPT_TOPIC),
                                .max_messages = most < 0 ? INT64_MAX : most,
                                .throughput = options_number(opts, OPT_THROUGHPUT, -1),
                                .prefix = options_text(opts, OPT_VALUE_PREFIX),
                                .keys = (int32_t)options_number(opts, OPT_REPEATING_KEYS, UNSET),
                                .create_time = options_number(opts, OPT_MESSAGE_CREATE_TIME, UNSET),
                                .start_ms = verifiable_now_ms()};
    if (acks < -1 || acks > 1) {
        errmsg_set(&why,
                   "verifiable-producer: error: argument --acks: invalid choice: '%" PRId64
                   "' (choose from {0,1,-1})",
                   acks);
        return options_usage(opts, why.text);
    }
    signals_block();
    if (!open_producer(&producer, opts, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    verifiable_print("startup_complete");
    int number = send_all(&producer);
    signals_unblock(); /* whoever asks again does not wait for the rest */
    while (rd_kafka_outq_len(producer.rk) > 0)
        rd_kafka_flush(producer.rk, POLL_MS);
    verifiable_print("shutdown_complete");
    print_summary(&producer);
    rd_kafka_destroy(producer.rk);
    buf_close(&producer.event);
    return number ? SIGNALS_STATUS + number : 0;
}

int verifiable_producer_command(int argc, char **argv)
{
    static const int required[] = {OPT_TOPIC};
    static const struct verifiable_tool tool = {
        .name = "verifiable-producer",
        .summary = "sends numbers, and tells of each as JSON whether it was acknowledged.",
        .specs = specs,
        .count = OPT_COUNT,
        .help = OPT_HELP,
        .bootstrap_server = OPT_BOOTSTRAP_SERVER,
        .broker_list = OPT_BROKER_LIST,
        .required = required,
        .required_count = ARRAY_LEN(required),
        .run = run};
    return verifiable_main(&tool, argc, argv);
}
