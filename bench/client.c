/*
 * A real client (librdkafka) as a load: what LinkedIn's table of "two million
 * writes per second" does to three brokers, and how long a record is on its way
 * from one client to the other. Prints one line of JSON.
 *
 *   produce   sends records as fast as it may and waits until each is delivered
 *   consume   reads partitions, assigned by hand, from their beginning
 *   latency   both at once at a fixed rate; a record carries when it was due
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <time.h>

#include "base/histogram.h"
#include "base/mem.h"

static const char USAGE[] =
    "usage: client produce|consume|latency --bootstrap HOST:PORT,... --topic NAME [options]\n"
    "  --partitions N      of the topic (6)\n"
    "  --records N         to send, or to read\n"
    "  --record-bytes N    100\n"
    "  --acks 0|1|-1       -1\n"
    "  --linger-ms N       5\n"
    "  --rate R --seconds S   of latency\n";

#define BATCH_BYTES       "65536"
#define QUEUED_RECORDS    "500000"
#define FETCHED_RECORDS   "10000000" /* all: see consumers.c */
#define FETCHED_KB        "2097151"
#define DELIVERY_LIMIT_MS "60000"
#define PATIENCE_NS       INT64_C(60000000000) /* without any progress */
#define SERVE_EVERY       512                  /* records sent between two looks at what was delivered */
#define POLL_MS           100
#define START_LIMIT_MS    20000
#define LEAST_BYTES       8 /* of a record that carries its time */

struct options {
    const char *kind;
    const char *bootstrap;
    const char *topic;
    int32_t partitions;
    int64_t records;
    size_t record_bytes;
    const char *acks;
    const char *linger_ms;
    double rate;
    double seconds;
};

static _Noreturn void usage(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "client: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double client_cpu_s(void)
{
    struct rusage used;
    getrusage(RUSAGE_SELF, &used);
    return (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
           (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
}

/* --- options ------------------------------------------------------------------------------------- */

static double real(void)
{
    char *end;
    double value = strtod(optarg, &end);
    if (*end || end == optarg || value <= 0)
        usage();
    return value;
}

static void take_option(struct options *o, int id)
{
    switch (id) {
    case 'b':
        o->bootstrap = optarg;
        return;
    case 't':
        o->topic = optarg;
        return;
    case 'p':
        o->partitions = (int32_t)real();
        return;
    case 'n':
        o->records = (int64_t)real();
        return;
    case 'z':
        o->record_bytes = (size_t)real();
        return;
    case 'a':
        o->acks = optarg;
        return;
    case 'l':
        o->linger_ms = optarg;
        return;
    case 'r':
        o->rate = real();
        return;
    case 's':
        o->seconds = real();
        return;
    default:
        usage();
    }
}

static void take_options(struct options *o, int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"bootstrap", required_argument, NULL, 'b'},    {"topic", required_argument, NULL, 't'},
        {"partitions", required_argument, NULL, 'p'},   {"records", required_argument, NULL, 'n'},
        {"record-bytes", required_argument, NULL, 'z'}, {"acks", required_argument, NULL, 'a'},
        {"linger-ms", required_argument, NULL, 'l'},    {"rate", required_argument, NULL, 'r'},
        {"seconds", required_argument, NULL, 's'},      {NULL, 0, NULL, 0},
    };
    if (argc < 2)
        usage();
    o->kind = argv[1];
    optind = 2;
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;)
        take_option(o, id);
    if (optind != argc || !o->bootstrap || !o->topic)
        usage();
}

/* --- clients ------------------------------------------------------------------------------------- */

struct delivery {
    int64_t good;
    int64_t bad;
    rd_kafka_resp_err_t first_error;
};

static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    struct delivery *delivery = opaque;
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        delivery->good++;
    } else if (delivery->bad++ == 0) {
        delivery->first_error = message->err;
    }
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        give_up(name, why);
}

static rd_kafka_t *open_client(const struct options *o, rd_kafka_type_t type, struct delivery *delivery)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", o->bootstrap);
    set(conf, "log_level", "3");
    if (type == RD_KAFKA_PRODUCER) {
        set(conf, "acks", o->acks);
        set(conf, "linger.ms", o->linger_ms);
        set(conf, "batch.size", BATCH_BYTES);
        set(conf, "queue.buffering.max.messages", QUEUED_RECORDS);
        set(conf, "message.timeout.ms", DELIVERY_LIMIT_MS);
        rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
        rd_kafka_conf_set_opaque(conf, delivery);
    } else {
        set(conf, "queued.min.messages", FETCHED_RECORDS);
        set(conf, "queued.max.messages.kbytes", FETCHED_KB);
    }
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk)
        give_up("new client", why);
    return rk;
}

/* With the topic's metadata fetched, so that no time is counted for it. */
static rd_kafka_topic_t *open_topic(rd_kafka_t *rk, const struct options *o)
{
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, o->topic, NULL);
    if (!topic)
        give_up(o->topic, rd_kafka_err2str(rd_kafka_last_error()));
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t err = rd_kafka_metadata(rk, 0, topic, &metadata, START_LIMIT_MS);
    if (err)
        give_up("metadata", rd_kafka_err2str(err));
    rd_kafka_metadata_destroy(metadata);
    return topic;
}

static rd_kafka_queue_t *start_reading(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct options *o,
                                       int64_t offset)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    for (int32_t p = 0; p < o->partitions; p++) {
        if (rd_kafka_consume_start_queue(topic, p, offset, queue) != 0)
            give_up("consume", rd_kafka_err2str(rd_kafka_last_error()));
    }
    return queue;
}

static void stop_reading(rd_kafka_topic_t *topic, const struct options *o)
{
    for (int32_t p = 0; p < o->partitions; p++)
        rd_kafka_consume_stop(topic, p);
}

/* Ends the process's work with the library as it is: what it still holds was counted. */
static void report(int64_t records, int64_t begin_ns, int64_t end_ns, const char *more)
{
    double seconds = (double)(end_ns - begin_ns) / 1e9;
    printf("{\"records\": %lld, \"begin\": %.6f, \"end\": %.6f, \"seconds\": %.6f, "
           "\"records_per_s\": %.1f, \"client_cpu_s\": %.3f%s}\n",
           (long long)records, (double)begin_ns / 1e9, (double)end_ns / 1e9, seconds,
           (double)records / seconds, client_cpu_s(), more);
}

/* --- produce ------------------------------------------------------------------------------------- */

static void send_one(rd_kafka_t *rk, rd_kafka_topic_t *topic, void *payload, size_t len, int flags)
{
    while (rd_kafka_produce(topic, RD_KAFKA_PARTITION_UA, flags, payload, len, NULL, 0, NULL) != 0) {
        if (rd_kafka_last_error() != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            give_up("produce", rd_kafka_err2str(rd_kafka_last_error()));
        rd_kafka_poll(rk, POLL_MS);
    }
}

static void wait_delivered(rd_kafka_t *rk, const struct delivery *delivery, int64_t records)
{
    int64_t seen = -1;
    int64_t since_ns = clock_ns();
    while (delivery->good + delivery->bad < records) {
        if (delivery->good != seen) {
            seen = delivery->good;
            since_ns = clock_ns();
        } else if (clock_ns() - since_ns > PATIENCE_NS) {
            give_up("produce", "nothing was delivered for a minute");
        }
        rd_kafka_poll(rk, POLL_MS);
    }
    if (delivery->bad > 0)
        give_up("delivery", rd_kafka_err2str(delivery->first_error));
}

static void produce(const struct options *o)
{
    struct delivery delivery = {0};
    rd_kafka_t *rk = open_client(o, RD_KAFKA_PRODUCER, &delivery);
    rd_kafka_topic_t *topic = open_topic(rk, o);
    char *payload = mem_alloc(o->record_bytes);
    for (size_t i = 0; i < o->record_bytes; i++)
        payload[i] = (char)('a' + i % 26);
    int64_t begin_ns = clock_ns();
    for (int64_t i = 0; i < o->records; i++) {
        send_one(rk, topic, payload, o->record_bytes, 0);
        if (i % SERVE_EVERY == 0)
            rd_kafka_poll(rk, 0);
    }
    wait_delivered(rk, &delivery, o->records);
    report(o->records, begin_ns, clock_ns(), "");
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
    free(payload);
}

/* --- consume ------------------------------------------------------------------------------------- */

struct reading {
    int64_t records;
    int64_t first_ns; /* when the first one came */
};

static void on_record(rd_kafka_message_t *message, void *opaque)
{
    struct reading *reading = opaque;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    if (message->err)
        give_up("consume", rd_kafka_message_errstr(message));
    if (reading->records++ == 0)
        reading->first_ns = clock_ns();
}

static void consume(const struct options *o)
{
    struct reading reading = {0};
    rd_kafka_t *rk = open_client(o, RD_KAFKA_CONSUMER, NULL);
    rd_kafka_topic_t *topic = open_topic(rk, o);
    int64_t begin_ns = clock_ns();
    rd_kafka_queue_t *queue = start_reading(rk, topic, o, RD_KAFKA_OFFSET_BEGINNING);
    int64_t progress_ns = begin_ns;
    while (reading.records < o->records) {
        if (rd_kafka_consume_callback_queue(queue, POLL_MS, on_record, &reading) > 0)
            progress_ns = clock_ns();
        else if (clock_ns() - progress_ns > PATIENCE_NS)
            give_up("consume", "nothing came for a minute");
    }
    int64_t end_ns = clock_ns();
    char more[64];
    snprintf(more, sizeof more, ", \"joined_per_s\": %.1f",
             (double)reading.records * 1e9 / (double)(end_ns - reading.first_ns));
    report(reading.records, begin_ns, end_ns, more);
    stop_reading(topic, o);
    rd_kafka_queue_destroy(queue);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

/* --- latency ------------------------------------------------------------------------------------- */

/* Shared by the thread that sends and the one that reads. */
struct latency {
    const struct options *options;
    rd_kafka_t *reader;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    _Atomic int64_t count_from_ns; /* records due before are for warming */
    _Atomic int64_t counted;
    atomic_bool over;
    struct histogram ns;
};

static void on_timed_record(rd_kafka_message_t *message, void *opaque)
{
    struct latency *l = opaque;
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return;
    if (message->err)
        give_up("consume", rd_kafka_message_errstr(message));
    int64_t due_ns;
    memcpy(&due_ns, message->payload, sizeof due_ns);
    if (due_ns < atomic_load(&l->count_from_ns))
        return;
    int64_t took = clock_ns() - due_ns;
    histogram_add(&l->ns, took > 0 ? (uint64_t)took : 0);
    atomic_fetch_add(&l->counted, 1);
}

static void *read_timed(void *arg)
{
    struct latency *l = arg;
    while (!atomic_load(&l->over))
        rd_kafka_consume_callback_queue(l->queue, POLL_MS, on_timed_record, l);
    return NULL;
}

static void sleep_until(int64_t ns)
{
    struct timespec until = {.tv_sec = ns / 1000000000, .tv_nsec = ns % 1000000000};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL);
}

/* Sends `count` records, each when it is due; returns when the last was. */
static int64_t send_timed(const struct options *o, rd_kafka_t *rk, rd_kafka_topic_t *topic, int64_t begin_ns,
                          int64_t count)
{
    char *payload = mem_zalloc(o->record_bytes);
    int64_t due_ns = begin_ns;
    for (int64_t i = 0; i < count; i++) {
        due_ns = begin_ns + (int64_t)((double)i * 1e9 / o->rate);
        sleep_until(due_ns);
        memcpy(payload, &due_ns, sizeof due_ns);
        send_one(rk, topic, payload, o->record_bytes, RD_KAFKA_MSG_F_COPY);
        rd_kafka_poll(rk, 0);
    }
    free(payload);
    return due_ns;
}

static void measure_latency(const struct options *o)
{
    static struct latency l;
    struct delivery delivery = {0};
    l.options = o;
    atomic_store(&l.count_from_ns, INT64_MAX);
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    rd_kafka_t *rk = open_client(o, RD_KAFKA_PRODUCER, &delivery);
    rd_kafka_topic_t *topic = open_topic(rk, o);
    l.reader = open_client(o, RD_KAFKA_CONSUMER, NULL);
    l.topic = open_topic(l.reader, o);
    l.queue = start_reading(l.reader, l.topic, o, RD_KAFKA_OFFSET_BEGINNING);
    pthread_t thread;
    if (pthread_create(&thread, NULL, read_timed, &l))
        give_up("thread", "cannot be made");
    int64_t warm = (int64_t)(o->rate * 2);
    int64_t wanted = (int64_t)(o->rate * o->seconds);
    int64_t begin_ns = send_timed(o, rk, topic, clock_ns(), warm) + (int64_t)(1e9 / o->rate);
    atomic_store(&l.count_from_ns, begin_ns);
    send_timed(o, rk, topic, begin_ns, wanted);
    wait_delivered(rk, &delivery, warm + wanted);
    int64_t end_ns = clock_ns();
    while (atomic_load(&l.counted) < wanted) {
        if (clock_ns() - end_ns > PATIENCE_NS)
            give_up("latency", "a record that was acknowledged did not come for a minute");
        sleep_until(clock_ns() + 1000000);
    }
    atomic_store(&l.over, true);
    pthread_join(thread, NULL);
    char more[160];
    snprintf(more, sizeof more, ", \"p50_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f",
             (double)histogram_quantile(&l.ns, 0.5) / 1000, (double)histogram_quantile(&l.ns, 0.99) / 1000,
             (double)histogram_quantile(&l.ns, 0.999) / 1000);
    report(wanted, begin_ns, end_ns, more);
    stop_reading(l.topic, o);
    rd_kafka_queue_destroy(l.queue);
    rd_kafka_topic_destroy(l.topic);
    rd_kafka_destroy(l.reader);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(rk);
}

int main(int argc, char **argv)
{
    struct options options = {
        .partitions = 6, .record_bytes = 100, .acks = "-1", .linger_ms = "5", .rate = 0, .seconds = 0};
    take_options(&options, argc, argv);
    bool timed = strcmp(options.kind, "latency") == 0;
    if (timed ? options.rate <= 0 || options.seconds <= 0 || options.record_bytes < LEAST_BYTES
              : options.records <= 0)
        usage();
    if (timed)
        measure_latency(&options);
    else if (strcmp(options.kind, "produce") == 0)
        produce(&options);
    else if (strcmp(options.kind, "consume") == 0)
        consume(&options);
    else
        usage();
    return EXIT_SUCCESS;
}
