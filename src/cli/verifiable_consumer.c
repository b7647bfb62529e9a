/*
 * `barnabas verifiable-consumer`: a member of a group that tells as JSON what it is assigned, reads and
 * commits, as kafka-verifiable-consumer.sh does.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/commands.h"
#include "cli/kafka_text.h"
#include "cli/rdkafka_settings.h"
#include "cli/signals.h"
#include "cli/verifiable.h"

#define BATCH_MESSAGES 500 /* max.poll.records of Java's consumer */
#define POLL_MS        100

enum {
    OPT_TOPIC,
    OPT_BOOTSTRAP_SERVER,
    OPT_BROKER_LIST,
    OPT_GROUP_PROTOCOL,
    OPT_GROUP_REMOTE_ASSIGNOR,
    OPT_GROUP_ID,
    OPT_GROUP_INSTANCE_ID,
    OPT_MAX_MESSAGES,
    OPT_SESSION_TIMEOUT,
    OPT_VERBOSE,
    OPT_ENABLE_AUTOCOMMIT,
    OPT_RESET_POLICY,
    OPT_ASSIGNMENT_STRATEGY,
    OPT_CONSUMER_CONFIG,
    OPT_HELP,
    OPT_COUNT
};

static const struct option_spec specs[OPT_COUNT] = {
    [OPT_TOPIC] = {"topic", OPTION_TEXT, false, "topic", "REQUIRED: The topic to read."},
    [OPT_BOOTSTRAP_SERVER] = {"bootstrap-server", OPTION_TEXT, false, "server to connect to",
                              "REQUIRED: brokers to connect to, host:port,host:port."},
    [OPT_BROKER_LIST] = {"broker-list", OPTION_TEXT, false, "broker-list",
                         "Older name of --bootstrap-server."},
    [OPT_GROUP_PROTOCOL] = {"group-protocol", OPTION_TEXT, false, "group_protocol", "classic (default)."},
    [OPT_GROUP_REMOTE_ASSIGNOR] = {"group-remote-assignor", OPTION_TEXT, false, "group_remote_assignor",
                                   "Of no effect with the classic protocol."},
    [OPT_GROUP_ID] = {"group-id", OPTION_TEXT, false, "group_id", "REQUIRED: The group to be a member of."},
    [OPT_GROUP_INSTANCE_ID] = {"group-instance-id", OPTION_TEXT, false, "group_instance_id",
                               "Be the static member of this name."},
    [OPT_MAX_MESSAGES] = {"max-messages", OPTION_INT, false, "max-messages",
                          "End after so many messages; -1 (default): go on until told to end."},
    [OPT_SESSION_TIMEOUT] = {"session-timeout", OPTION_INT, false, "timeout_ms",
                             "session.timeout.ms (default: 30000)."},
    [OPT_VERBOSE] = {"verbose", OPTION_FLAG, false, NULL, "Tell of every record, too."},
    [OPT_ENABLE_AUTOCOMMIT] = {"enable-autocommit", OPTION_FLAG, false, NULL,
                               "Commit from time to time, not after everything that was read."},
    [OPT_RESET_POLICY] = {"reset-policy", OPTION_TEXT, false, "resetpolicy",
                          "Where to begin without a committed offset: earliest (default), latest or none."},
    [OPT_ASSIGNMENT_STRATEGY] = {"assignment-strategy", OPTION_TEXT, false, "assignmentstrategy",
                                 "org.apache.kafka.clients.consumer.RangeAssignor (default), "
                                 "RoundRobinAssignor or CooperativeStickyAssignor of the same package."},
    [OPT_CONSUMER_CONFIG] = {"consumer.config", OPTION_TEXT, false, "config file",
                             "File of settings of the consumer; the options are stronger."},
    [OPT_HELP] = OPTION_SPEC_HELP,
};

struct consumer {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int64_t left; /* messages until the end; INT64_MAX: there is none */
    bool verbose;
    bool auto_commit;
    bool said_missing;
    struct buf event;
};

/* What a batch holds of one partition. */
struct summary {
    rd_kafka_message_t *first;
    int64_t last_offset;
    int32_t count;
};

/* --- events ------------------------------------------------------------------------------------------ */

static struct view topic_of(const rd_kafka_message_t *message)
{
    return view_str(rd_kafka_topic_name(message->rkt));
}

static void print_partitions(struct consumer *consumer, const char *name,
                             const rd_kafka_topic_partition_list_t *list)
{
    verifiable_begin(&consumer->event, name);
    buf_put_str(&consumer->event, ",\"partitions\":[");
    for (int i = 0; i < list->cnt; i++) {
        verifiable_put_partition(&consumer->event, i == 0, view_str(list->elems[i].topic),
                                 list->elems[i].partition);
        buf_put_i8(&consumer->event, '}');
    }
    buf_put_i8(&consumer->event, ']');
    verifiable_end(&consumer->event);
}

static void print_record(struct consumer *consumer, const rd_kafka_message_t *message)
{
    struct view key = message->key ? view_of(message->key, message->key_len) : VIEW_NULL;
    struct view value = message->payload ? view_of(message->payload, message->len) : VIEW_NULL;
    verifiable_begin(&consumer->event, "record_data");
    verifiable_put_text(&consumer->event, "key", key);
    verifiable_put_text(&consumer->event, "value", value);
    verifiable_put_text(&consumer->event, "topic", topic_of(message));
    verifiable_put_number(&consumer->event, "partition", message->partition);
    verifiable_put_number(&consumer->event, "offset", message->offset);
    verifiable_end(&consumer->event);
}

static void print_consumed(struct consumer *consumer, const struct summary *list, int count)
{
    int64_t total = 0;
    for (int i = 0; i < count; i++)
        total += list[i].count;
    verifiable_begin(&consumer->event, "records_consumed");
    verifiable_put_number(&consumer->event, "count", total);
    buf_put_str(&consumer->event, ",\"partitions\":[");
    for (int i = 0; i < count; i++) {
        verifiable_put_partition(&consumer->event, i == 0, topic_of(list[i].first), list[i].first->partition);
        verifiable_put_number(&consumer->event, "count", list[i].count);
        verifiable_put_number(&consumer->event, "minOffset", list[i].first->offset);
        verifiable_put_number(&consumer->event, "maxOffset", list[i].last_offset);
        buf_put_i8(&consumer->event, '}');
    }
    buf_put_i8(&consumer->event, ']');
    verifiable_end(&consumer->event);
}

static void print_committed(struct consumer *consumer, const rd_kafka_topic_partition_list_t *offsets,
                            rd_kafka_resp_err_t err)
{
    verifiable_begin(&consumer->event, "offsets_committed");
    buf_put_str(&consumer->event, ",\"offsets\":[");
    for (int i = 0; i < offsets->cnt; i++) {
        verifiable_put_partition(&consumer->event, i == 0, view_str(offsets->elems[i].topic),
                                 offsets->elems[i].partition);
        verifiable_put_number(&consumer->event, "offset", offsets->elems[i].offset);
        buf_put_i8(&consumer->event, '}');
    }
    buf_put_i8(&consumer->event, ']');
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        verifiable_put_text(&consumer->event, "error",
                            view_str(err > 0 ? kafka_error_text((int16_t)err) : rd_kafka_err2str(err)));
    buf_printf(&consumer->event, ",\"success\":%s", err == RD_KAFKA_RESP_ERR_NO_ERROR ? "true" : "false");
    verifiable_end(&consumer->event);
}

/* --- being a member ---------------------------------------------------------------------------------- */

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *list,
                         void *opaque)
{
    struct consumer *consumer = opaque;
    const char *protocol = rd_kafka_rebalance_protocol(rk);
    bool cooperative = protocol && strcmp(protocol, "COOPERATIVE") == 0;
    rd_kafka_error_t *problem = NULL;
    if (err == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
        if (cooperative)
            problem = rd_kafka_incremental_assign(rk, list);
        else
            rd_kafka_assign(rk, list);
        print_partitions(consumer, "partitions_assigned", list);
    } else {
        print_partitions(consumer, "partitions_revoked", list);
        if (cooperative)
            problem = rd_kafka_incremental_unassign(rk, list);
        else
            rd_kafka_assign(rk, NULL);
    }
    if (problem) {
        fprintf(stderr, "%s\n", rd_kafka_error_string(problem));
        rd_kafka_error_destroy(problem);
    }
}

static bool join(struct consumer *consumer, const char *topic, struct errmsg *why)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(consumer->rk);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return true;
    errmsg_set(why, "%s", rd_kafka_err2str(err));
    return false;
}

/* --- reading ----------------------------------------------------------------------------------------- */

/* Sorts the batch into partitions, in the order of their first messages. */
static int summarise(rd_kafka_message_t *const *batch, ssize_t got, struct summary *list)
{
    int count = 0;
    for (ssize_t i = 0; i < got; i++) {
        int at = 0;
        if (batch[i]->err != RD_KAFKA_RESP_ERR_NO_ERROR)
            continue;
        while (at < count &&
               (list[at].first->rkt != batch[i]->rkt || list[at].first->partition != batch[i]->partition))
            at++;
        if (at == count)
            list[count++] = (struct summary){.first = batch[i]};
        list[at].count++;
        list[at].last_offset = batch[i]->offset;
    }
    return count;
}

static void print_records(struct consumer *consumer, rd_kafka_message_t *const *batch, ssize_t got,
                          const struct summary *list, int count)
{
    for (int at = 0; at < count; at++)
        for (ssize_t i = 0; i < got; i++)
            if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR &&
                batch[i]->partition == list[at].first->partition && batch[i]->rkt == list[at].first->rkt)
                print_record(consumer, batch[i]);
}

/* What was told as read is committed, now or from time to time. */
static void commit(struct consumer *consumer, const struct summary *list, int count)
{
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(count);
    for (int i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(offsets, rd_kafka_topic_name(list[i].first->rkt),
                                          list[i].first->partition)
            ->offset = list[i].last_offset + 1;
    if (consumer->auto_commit)
        (void)rd_kafka_offsets_store(consumer->rk, offsets);
    else
        print_committed(consumer, offsets, rd_kafka_commit(consumer->rk, offsets, 0));
    rd_kafka_topic_partition_list_destroy(offsets);
}

/* Errors that come in the place of messages. A topic that is not there may come; others end the consumer. */
static bool bear_errors(struct consumer *consumer, rd_kafka_message_t *const *batch, ssize_t got,
                        struct errmsg *why)
{
    for (ssize_t i = 0; i < got; i++) {
        rd_kafka_resp_err_t err = batch[i]->err;
        if (err == RD_KAFKA_RESP_ERR_NO_ERROR || err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            continue;
        bool missing = err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
        if (!missing && err != RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED) {
            errmsg_set(why, "Error during processing, terminating consumer process: %s",
                       rd_kafka_message_errstr(batch[i]));
            return false;
        }
        if (!missing || !consumer->said_missing)
            fprintf(stderr, "%s\n", rd_kafka_message_errstr(batch[i]));
        consumer->said_missing |= missing;
    }
    return true;
}

/* What is there, at least one message if one comes in time. */
static ssize_t take_batch(struct consumer *consumer, rd_kafka_message_t **batch)
{
    size_t room = consumer->left < BATCH_MESSAGES ? (size_t)consumer->left : BATCH_MESSAGES;
    ssize_t got = rd_kafka_consume_batch_queue(consumer->queue, POLL_MS, batch, 1);
    if (got != 1 || room == 1)
        return got < 0 ? 0 : got;
    ssize_t more = rd_kafka_consume_batch_queue(consumer->queue, 0, batch + 1, room - 1);
    return got + (more > 0 ? more : 0);
}

/* Until enough was read, a signal, which is given, or an error. */
static int consume(struct consumer *consumer, struct errmsg *why)
{
    rd_kafka_message_t *batch[BATCH_MESSAGES];
    struct summary *list = mem_alloc(BATCH_MESSAGES * sizeof *list);
    int number = 0;
    bool going = true;
    while (going && consumer->left > 0 && number == 0 && !ferror(stdout)) {
        ssize_t got = take_batch(consumer, batch);
        int count = summarise(batch, got, list);
        if (consumer->verbose)
            print_records(consumer, batch, got, list, count);
        if (count > 0) {
            print_consumed(consumer, list, count);
            commit(consumer, list, count);
        }
        for (int i = 0; i < count; i++)
            consumer->left -= consumer->left == INT64_MAX ? 0 : list[i].count;
        going = bear_errors(consumer, batch, got, why);
        for (ssize_t i = 0; i < got; i++)
            rd_kafka_message_destroy(batch[i]);
        number = signals_pending(0);
    }
    free(list);
    return number;
}

/* --- all of it --------------------------------------------------------------------------------------- */

static bool configure(rd_kafka_conf_t *conf, const struct options *opts, const struct properties *props,
                      struct errmsg *why)
{
    static const char *const none[] = {NULL};
    const char *servers = options_text(opts, OPT_BOOTSTRAP_SERVER),
               *reset = options_text(opts, OPT_RESET_POLICY);
    const char *strategy = options_text(opts, OPT_ASSIGNMENT_STRATEGY);
    const char *session = options_text(opts, OPT_SESSION_TIMEOUT);
    const char *instance = options_text(opts, OPT_GROUP_INSTANCE_ID);
    const char *protocol = options_text(opts, OPT_GROUP_PROTOCOL);
    const char *commits = options_has(opts, OPT_ENABLE_AUTOCOMMIT) ? "true" : "false";
    if (reset && strcmp(reset, "none") == 0)
        reset = "error"; /* librdkafka's word for it */
    return rdkafka_set(conf, "allow.auto.create.topics", "true", why) &&
           rdkafka_set_all(conf, props, none, why) &&
           rdkafka_set(conf, "bootstrap.servers", servers ? servers : options_text(opts, OPT_BROKER_LIST),
                       why) &&
           rdkafka_set(conf, "group.protocol", protocol ? protocol : "classic", why) &&
           rdkafka_set(conf, "group.id", options_text(opts, OPT_GROUP_ID), why) &&
           (!instance || rdkafka_set(conf, "group.instance.id", instance, why)) &&
           rdkafka_set(conf, "session.timeout.ms", session ? session : "30000", why) &&
           rdkafka_set(conf, "enable.auto.commit", commits, why) &&
           rdkafka_set(conf, "enable.auto.offset.store", "false", why) &&
           rdkafka_set(conf, "auto.offset.reset", reset ? reset : "earliest", why) &&
           rdkafka_set(conf, "partition.assignment.strategy", strategy ? strategy : "RangeAssignor", why);
}

static bool open_consumer(struct consumer *consumer, const struct options *opts, struct errmsg *why)
{
    struct properties props;
    char reason[200] = "";
    if (!verifiable_load(options_text(opts, OPT_CONSUMER_CONFIG), &props, why))
        return false;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rdkafka_quiet(conf);
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    rd_kafka_conf_set_opaque(conf, consumer);
    bool fine = configure(conf, opts, &props, why);
    properties_close(&props);
    if (fine)
        consumer->rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (consumer->rk)
        return true;
    rd_kafka_conf_destroy(conf);
    if (fine)
        errmsg_set(why, "%s", reason);
    return false;
}

static int run(const struct options *opts)
{
    struct errmsg why = {0};
    int64_t most = options_number(opts, OPT_MAX_MESSAGES, -1);
    struct consumer consumer = {.left = most < 0 ? INT64_MAX : most,
                                .verbose = options_has(opts, OPT_VERBOSE),
                                .auto_commit = options_has(opts, OPT_ENABLE_AUTOCOMMIT)};
    signals_block();
    if (!open_consumer(&consumer, opts, &why)) {
        fprintf(stderr, "%s\n", why.text);
        return 1;
    }
    verifiable_print("startup_complete");
    int number = 0;
    if (join(&consumer, options_text(opts, OPT_TOPIC), &why))
        number = consume(&consumer, &why);
    signals_unblock(); /* whoever asks again does not wait for the leaving */
    rd_kafka_consumer_close(consumer.rk);
    verifiable_print("shutdown_complete");
    if (why.text[0] != '\0')
        fprintf(stderr, "%s\n", why.text);
    rd_kafka_queue_destroy(consumer.queue);
    rd_kafka_destroy(consumer.rk);
    buf_close(&consumer.event);
    return number ? SIGNALS_STATUS + number : why.text[0] != '\0';
}

int verifiable_consumer_command(int argc, char **argv)
{
    static const int required[] = {OPT_TOPIC, OPT_GROUP_ID};
    static const struct verifiable_tool tool = {
        .name = "verifiable-consumer",
        .summary = "reads a topic as a member of a group, and tells as JSON what happens.",
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
