/*
 * Real consumers (librdkafka) of one group, each a client of its own, that read a topic together and commit
 * as they go. It says "ready" when every partition has an owner and nothing was read yet, reads from the
 * first line of input on, and prints one line of JSON when all was read and the group is left. Its time
 * begins with the first record: a client that goes on with what was paused looks at it after up to a second.
 */
#include <getopt.h>
#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"

static const char USAGE[] =
    "usage: consumers --bootstrap HOST:PORT,... --topic NAME --group NAME --records N [options]\n"
    "  --partitions N   of the topic (6)\n"
    "  --consumers N    1\n"
    "  --records N      to read together\n";

/* As many as there can be: a client whose queue is full looks at it again after up to a second, however soon
 * it was emptied. */
#define FETCHED_RECORDS    "10000000"
#define FETCHED_KB         "2097151"
#define COMMIT_INTERVAL_MS "1000"
#define PATIENCE_NS        INT64_C(60000000000) /* without any progress */
#define POLL_MS            100
#define TAKEN_AT_ONCE      1024
#define CONSUMERS_MOST     64

struct consumer {
    rd_kafka_t *rk;
    pthread_t thread;
    _Atomic int assigned; /* partitions */
    bool is_paused;
};

static struct {
    const char *bootstrap;
    const char *topic;
    const char *group;
    int partitions;
    int consumers;
    long long records;
} options = {.partitions = 6, .consumers = 1};

static struct consumer consumers[CONSUMERS_MOST];
static atomic_bool may_read;
static _Atomic int64_t records_read;
static _Atomic int64_t first_read_ns;
static _Atomic int64_t all_read_ns;

static _Noreturn void usage(void)
{
    fputs(USAGE, stderr);
    exit(2);
}

static _Noreturn void give_up(const char *what, const char *why)
{
    fprintf(stderr, "consumers: %s: %s\n", what, why);
    exit(EXIT_FAILURE);
}

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* --- one consumer -------------------------------------------------------------------------------- */

static void pause_partitions(struct consumer *c, const rd_kafka_topic_partition_list_t *partitions)
{
    rd_kafka_topic_partition_list_t *copy = rd_kafka_topic_partition_list_copy(partitions);
    rd_kafka_resp_err_t err = rd_kafka_pause_partitions(c->rk, copy);
    if (err)
        give_up("pause", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(copy);
    c->is_paused = true;
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
    struct consumer *c = opaque;
    bool assigns = err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS;
    /* A client that is to find the beginning, and is paused while it asks, asks again half a second later. */
    for (int i = 0; assigns && i < partitions->cnt; i++)
        partitions->elems[i].offset = 0;
    rd_kafka_assign(rk, assigns ? partitions : NULL);
    if (assigns && !atomic_load(&may_read))
        pause_partitions(c, partitions);
    atomic_store(&c->assigned, assigns ? partitions->cnt : 0);
}

static void resume_all(struct consumer *c)
{
    rd_kafka_topic_partition_list_t *partitions;
    rd_kafka_resp_err_t err = rd_kafka_assignment(c->rk, &partitions);
    if (!err)
        err = rd_kafka_resume_partitions(c->rk, partitions);
    if (err)
        give_up("resume", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(partitions);
    c->is_paused = false;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char why[256];
    if (rd_kafka_conf_set(conf, name, value, why, sizeof why) != RD_KAFKA_CONF_OK)
        give_up(name, why);
}

static void open_consumer(struct consumer *c)
{
    char why[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    set(conf, "bootstrap.servers", options.bootstrap);
    set(conf, "group.id", options.group);
    set(conf, "auto.offset.reset", "earliest");
    set(conf, "auto.commit.interval.ms", COMMIT_INTERVAL_MS);
    set(conf, "queued.min.messages", FETCHED_RECORDS);
    set(conf, "queued.max.messages.kbytes", FETCHED_KB);
    set(conf, "log_level", "3");
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_opaque(conf, c);
    c->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, why, sizeof why);
    if (!c->rk)
        give_up("new client", why);
    rd_kafka_poll_set_consumer(c->rk);
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, options.topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(c->rk, topics);
    if (err)
        give_up("subscribe", rd_kafka_err2str(err));
    rd_kafka_topic_partition_list_destroy(topics);
}

static void take(rd_kafka_message_t **messages, ssize_t count)
{
    int64_t records = 0;
    for (ssize_t i = 0; i < count; i++) {
        if (messages[i]->err && messages[i]->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
            give_up("consume", rd_kafka_message_errstr(messages[i]));
        records += !messages[i]->err;
        rd_kafka_message_destroy(messages[i]);
    }
    int64_t before = atomic_fetch_add(&records_read, records);
    if (before == 0 && records > 0)
        atomic_store(&first_read_ns, clock_ns());
    if (before < options.records && before + records >= options.records)
        atomic_store(&all_read_ns, clock_ns());
}

static void *read_on(void *arg)
{
    struct consumer *c = arg;
    rd_kafka_message_t *messages[TAKEN_AT_ONCE];
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(c->rk);
    while (!atomic_load(&all_read_ns)) {
        if (c->is_paused && atomic_load(&may_read))
            resume_all(c);
        take(messages, rd_kafka_consume_batch_queue(queue, POLL_MS, messages, TAKEN_AT_ONCE));
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_consumer_close(c->rk);
    rd_kafka_destroy(c->rk);
    return NULL;
}

/* --- all of them --------------------------------------------------------------------------------- */

static bool is_shared(void)
{
    int assigned = 0;
    for (int i = 0; i < options.consumers; i++) {
        int own = atomic_load(&consumers[i].assigned);
        if (own == 0)
            return false;
        assigned += own;
    }
    return assigned == options.partitions;
}

/* Until it is so, or nothing moved for a minute. */
static void wait_for(bool (*is_so)(void), const char *what)
{
    int64_t seen = -1, since_ns = clock_ns();
    while (!is_so()) {
        int64_t progress = atomic_load(&records_read);
        if (progress != seen) {
            seen = progress;
            since_ns = clock_ns();
        } else if (clock_ns() - since_ns > PATIENCE_NS) {
            give_up(what, "nothing came of it for a minute");
        }
        usleep(1000);
    }
}

static bool is_read(void)
{
    return atomic_load(&all_read_ns) != 0;
}

static void take_options(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"bootstrap", required_argument, NULL, 'b'},
        {"topic", required_argument, NULL, 't'},
        {"group", required_argument, NULL, 'g'},
        {"partitions", required_argument, NULL, 'p'},
        {"consumers", required_argument, NULL, 'c'},
        {"records", required_argument, NULL, 'n'},
        {NULL, 0, NULL, 0},
    };
    for (int id; (id = getopt_long(argc, argv, "", OPTIONS, NULL)) != -1;) {
        switch (id) {
        case 'b':
            options.bootstrap = optarg;
            break;
        case 't':
            options.topic = optarg;
            break;
        case 'g':
            options.group = optarg;
            break;
        case 'p':
            options.partitions = atoi(optarg);
            break;
        case 'c':
            options.consumers = atoi(optarg);
            break;
        case 'n':
            options.records = atoll(optarg);
            break;
        default:
            usage();
        }
    }
    if (optind != argc || !options.bootstrap || !options.topic || !options.group || options.partitions < 1 ||
        options.consumers < 1 || options.consumers > CONSUMERS_MOST || options.records < 1)
        usage();
}

int main(int argc, char **argv)
{
    take_options(argc, argv);
    for (int i = 0; i < options.consumers; i++) {
        open_consumer(&consumers[i]);
        if (pthread_create(&consumers[i].thread, NULL, read_on, &consumers[i]))
            give_up("thread", "cannot be made");
    }
    wait_for(is_shared, "joining the group");
    puts("ready");
    fflush(stdout);
    char line[64];
    if (!fgets(line, sizeof line, stdin))
        give_up("input", "ended before the start");
    if (atomic_load(&records_read) > 0)
        give_up("consume", "something was read before the start");
    atomic_store(&may_read, true);
    wait_for(is_read, "consume");
    for (int i = 0; i < options.consumers; i++)
        pthread_join(consumers[i].thread, NULL);
    double seconds = (double)(atomic_load(&all_read_ns) - atomic_load(&first_read_ns)) / 1e9;
    printf("{\"records\": %lld, \"seconds\": %.6f, \"records_per_s\": %.1f}\n", options.records, seconds,
           (double)options.records / seconds);
    return EXIT_SUCCESS;
}
