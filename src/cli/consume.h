/*
 * `barnabas consume` inside: one consumer, its two sources of messages, and printing them.
 *
 * Runs on: the main thread.
 */
#ifndef BARNABAS_CLI_CONSUME_H
#define BARNABAS_CLI_CONSUME_H

#include "cli/admin_client.h"
#include "cli/formatter.h"
#include "cli/progress.h"
#include "cli/topic_filter.h"
#include <librdkafka/rdkafka.h>

#define CONSUME_NO_LIMIT (-1)

struct consume_started {
    rd_kafka_topic_t *topic;
    char *name;
    int32_t partition;
};

struct consumer {
    /* Set before it is opened. */
    const char *bootstrap;
    const char *topic;          /* NULL: those that the filter lets through */
    struct topic_filter filter; /* for --include */
    const char *group;          /* NULL: it reads alone, all partitions */
    int32_t only_partition;     /* CONSUME_NO_LIMIT: all */
    int64_t start_offset;       /* of partitions that are read alone */
    int64_t timeout_ms;         /* CONSUME_NO_LIMIT: none */
    int64_t max_messages;       /* CONSUME_NO_LIMIT: none */
    bool skip_bad;              /* messages that cannot be printed */
    struct formatter formatter;

    struct admin_client *client;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue; /* where messages come from */
    struct consume_started *started;
    int started_count;
    bool said_missing;
    struct progress joining;
    int64_t count;
    struct buf out;
};

/* --- all partitions, without a group (consume_partitions.c) */

/* Looks up which partitions there are and starts the new ones. As with Kafka's consumer, to ask creates. */
bool consume_partitions_look_up(struct consumer *consumer, struct errmsg *why);
void consume_partitions_stop(struct consumer *consumer);

/* --- as a member of a group (consume_group.c) */

/* What of the configuration only a member needs. */
bool consume_group_configure(rd_kafka_conf_t *conf, const char *group, const struct properties *props,
                             struct errmsg *why);
bool consume_group_join(struct consumer *consumer, struct errmsg *why);
/* Ends the line that tells of joining, once something was assigned. */
void consume_group_watch(struct consumer *consumer);
/* Is this error news of something that may mend itself? It is said, once. */
bool consume_group_bears(struct consumer *consumer, const rd_kafka_message_t *message);
/* These were printed: they are what the next commit says. */
void consume_group_store(rd_kafka_message_t *const *batch, ssize_t count);
/* Commits, and leaves the group. */
void consume_group_leave(struct consumer *consumer);

/* --- reading (consume_loop.c) */

/* Prints what comes, to the end of it. Gives the exit status. */
int consume_loop(struct consumer *consumer);
/* Says why, and gives the exit status. */
int consume_fail(const struct errmsg *why);

/* --- printing (consume_messages.c) */

/* Appends the message to the output; false with why. */
bool consume_format(struct consumer *consumer, const rd_kafka_message_t *from, struct errmsg *why);
/* Writes the output. */
bool consume_write_out(struct consumer *consumer);

#endif
