/*
 * From message to message, until there were enough, no more come, or something is wrong.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "cli/consume.h"
#include "cli/signals.h"

#define BATCH_MESSAGES      1000
#define POLL_MS             100
#define LOOK_AGAIN_MS       500
#define METADATA_MAX_AGE_MS 300000

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int consume_fail(const struct errmsg *why)
{
    fprintf(stderr, "%s\n", why->text);
    return 1;
}

/* False ends the consumer, with why unless standard output is closed. */
static bool take_message(struct consumer *consumer, const rd_kafka_message_t *message, struct errmsg *why)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF)
        return true;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (consumer->group && consume_group_bears(consumer, message))
            return true;
        errmsg_set(why, "%s",
                   message->payload ? rd_kafka_message_errstr(message) : rd_kafka_err2str(message->err));
        return false;
    }
    consumer->count++;
    size_t before = consumer->out.len;
    if (!consume_format(consumer, message, why)) {
        if (!consumer->skip_bad)
            return false;
        fprintf(stderr, "Error processing message, skipping this message: %s\n", why->text);
        consumer->out.len = before;
        why->text[0] = '\0';
    }
    return true;
}

/* Takes what has arrived, at most one batch; the number of messages, or -1 to end. */
static int take_batch(struct consumer *consumer, rd_kafka_message_t **batch, struct errmsg *why)
{
    size_t room = BATCH_MESSAGES;
    if (consumer->max_messages != CONSUME_NO_LIMIT &&
        consumer->max_messages - consumer->count < BATCH_MESSAGES)
        room = (size_t)(consumer->max_messages - consumer->count);
    ssize_t got = rd_kafka_consume_batch_queue(consumer->queue, 0, batch, room);
    if (got == 0) {
        fflush(stdout);
        got = rd_kafka_consume_batch_queue(consumer->queue, POLL_MS, batch, 1);
    }
    ssize_t taken = 0;
    while (taken < got && take_message(consumer, batch[taken], why))
        taken++;
    bool written = consume_write_out(consumer);
    if (written && consumer->group)
        consume_group_store(batch, taken);
    for (ssize_t i = 0; i < got; i++)
        rd_kafka_message_destroy(batch[i]);
    if (!written)
        fprintf(stderr, "Unable to write to standard out, closing consumer.\n");
    return written && taken == got ? (int)got : -1;
}

/* Reads until a limit, a signal or an error; the exit status. */
int consume_loop(struct consumer *consumer)
{
    rd_kafka_message_t **batch = mem_alloc(BATCH_MESSAGES * sizeof *batch);
    struct errmsg why = {0};
    int64_t last_ms = now_ms();
    int64_t looked_ms = last_ms;
    int status = 0;
    while (consumer->max_messages == CONSUME_NO_LIMIT || consumer->count < consumer->max_messages) {
        int number = signals_pending(0);
        if (number != 0) {
            status = SIGNALS_STATUS + number;
            break;
        }
        int got = take_batch(consumer, batch, &why);
        if (got < 0)
            break;
        consume_group_watch(consumer);
        int64_t now = now_ms();
        if (got > 0)
            last_ms = now;
        else if (consumer->timeout_ms != CONSUME_NO_LIMIT && now - last_ms > consumer->timeout_ms)
            break;
        if (!consumer->group &&
            now - looked_ms > (consumer->started_count == 0 ? LOOK_AGAIN_MS : METADATA_MAX_AGE_MS)) {
            looked_ms = now;
            if (!consume_partitions_look_up(consumer, &why))
                break;
        }
    }
    progress_stop(&consumer->joining);
    if (why.text[0] != '\0')
        status = consume_fail(&why);
    fflush(stdout);
    fprintf(stderr, "Processed a total of %" PRId64 " messages\n", consumer->count);
    free(batch);
    return status;
}
