/*
 * As a member of a group: librdkafka joins, is assigned partitions, and begins where the group has committed.
 * An offset is stored for the next commit when its message was printed, not when it arrived.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/consume.h"
#include "cli/rdkafka_settings.h"

bool consume_group_configure(rd_kafka_conf_t *conf, const char *group, const struct properties *props,
                             struct errmsg *why)
{
    const char *commits = properties_get(props, "enable.auto.commit");
    const char *creates = properties_get(props, "allow.auto.create.topics");
    const char *internal = properties_get(props, "exclude.internal.topics");
    bool all = internal && strcmp(internal, "false") == 0;
    return rdkafka_set(conf, "group.id", group, why) &&
           rdkafka_set(conf, "enable.auto.commit", commits ? commits : "true", why) &&
           rdkafka_set(conf, "enable.auto.offset.store", "false", why) &&
           rdkafka_set(conf, "allow.auto.create.topics", creates ? creates : "true", why) &&
           (all || rdkafka_set(conf, "topic.blacklist", "^__consumer_offsets$,^__transaction_state$", why));
}

bool consume_group_join(struct consumer *consumer, struct errmsg *why)
{
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(topics, consumer->topic ? consumer->topic : consumer->filter.posix,
                                      RD_KAFKA_PARTITION_UA);
    rd_kafka_poll_set_consumer(consumer->rk);
    rd_kafka_resp_err_t err = rd_kafka_subscribe(consumer->rk, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        errmsg_set(why, "Cannot join group %.100s: %s", consumer->group, rd_kafka_err2str(err));
        return false;
    }
    consumer->queue = rd_kafka_queue_get_consumer(consumer->rk);
    progress_start(&consumer->joining, "Joining the group", NULL, 0);
    return true;
}

void consume_group_watch(struct consumer *consumer)
{
    rd_kafka_topic_partition_list_t *assigned = NULL;
    if (!consumer->joining.running ||
        rd_kafka_assignment(consumer->rk, &assigned) != RD_KAFKA_RESP_ERR_NO_ERROR)
        return;
    if (assigned->cnt > 0)
        progress_stop(&consumer->joining);
    rd_kafka_topic_partition_list_destroy(assigned);
}

bool consume_group_bears(struct consumer *consumer, const rd_kafka_message_t *message)
{
    bool missing = message->err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    if (!missing && message->err != RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED)
        return false;
    if (!missing || !consumer->said_missing)
        fprintf(stderr, "%s\n", rd_kafka_message_errstr(message));
    consumer->said_missing |= missing;
    return true;
}

void consume_group_store(rd_kafka_message_t *const *batch, ssize_t count)
{
    /* It fails for a partition that went to another member meanwhile, who then reads the message too. */
    for (ssize_t i = 0; i < count; i++)
        if (batch[i]->err == RD_KAFKA_RESP_ERR_NO_ERROR)
            (void)rd_kafka_offset_store(batch[i]->rkt, batch[i]->partition, batch[i]->offset);
}

void consume_group_leave(struct consumer *consumer)
{
    progress_stop(&consumer->joining);
    if (!consumer->queue)
        return;
    progress_start(&consumer->joining, "Leaving the group", NULL, 0);
    rd_kafka_resp_err_t err = rd_kafka_consumer_close(consumer->rk);
    progress_stop(&consumer->joining);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR)
        fprintf(stderr, "The last offsets were perhaps not committed: %s\n", rd_kafka_err2str(err));
}
