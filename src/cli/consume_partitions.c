/*
 * Without a group: the partitions are looked up and all of them read, through librdkafka's queue of consumed
 * partitions. Partitions and topics that come later are found when metadata is looked up again.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/consume.h"
#include "cli/kafka_text.h"

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
    consumer->started[consumer->started_count++] = (struct consume_started){rkt, name, partition};
    return true;
}

/* Starts what is not read yet of a topic; counts the partitions seen. */
static bool start_topic(struct consumer *consumer,
                        const struct wire_metadata_response_metadata_response_topic *topic,
                        struct errmsg *why)
{
    for (int i = 0; i < topic->partitions_count; i++) {
        int32_t partition = topic->partitions[i].partition_index;
        if (consumer->only_partition != CONSUME_NO_LIMIT && partition != consumer->only_partition)
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
    fprintf(stderr, "Topic %s cannot be read yet: %s Waiting for it.\n", consumer->topic,
            kafka_error_text(code));
    consumer->said_missing = true;
}

static bool wait_is_vain(int16_t code)
{
    return code == ERR_INVALID_TOPIC_EXCEPTION || code == ERR_TOPIC_AUTHORIZATION_FAILED;
}

bool consume_partitions_look_up(struct consumer *consumer, struct errmsg *why)
{
    struct arena arena = {0};
    struct wire_metadata_response answer;
    const char *topic = consumer->topic;
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
    if (fine && consumer->only_partition != CONSUME_NO_LIMIT && consumer->started_count == 0 &&
        answer.topics_count == 1 && answer.topics[0].partitions_count > 0) {
        errmsg_set(why, "Topic %.100s has no partition %" PRId32 ": it has %d", topic,
                   consumer->only_partition, answer.topics[0].partitions_count);
        fine = false;
    }
    arena_close(&arena);
    return fine;
}

void consume_partitions_stop(struct consumer *consumer)
{
    for (int i = 0; i < consumer->started_count; i++) {
        rd_kafka_consume_stop(consumer->started[i].topic, consumer->started[i].partition);
        rd_kafka_topic_destroy(consumer->started[i].topic);
        free(consumer->started[i].name);
    }
    free(consumer->started);
}
