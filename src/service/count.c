#include "service/count.h"

#include "loop/loop.h"
#include "service/partition/append.h"
#include "service/partition/read.h"

struct metrics_shard *count_shard(const struct broker *broker)
{
    const struct loop *loop = loop_current();
    return metrics_shard(broker->metrics, loop ? loop_index(loop) : -1);
}

static struct metrics_topic *topic_of(const struct partition *part)
{
    return part ? part->counts : NULL;
}

/* --- appends ------------------------------------------------------------------------------------------- */

/* Errors of everyday life; the counts of failed requests are for what should not happen. */
static bool append_failure_is_common(enum err err)
{
    switch ((int)err) {
    case ERR_NONE:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_MESSAGE_TOO_LARGE:
    case ERR_RECORD_LIST_TOO_LARGE:
    case ERR_CORRUPT_MESSAGE:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_INVALID_TOPIC_EXCEPTION:
    case ERR_INVALID_REQUIRED_ACKS:
        return true;
    default:
        return false;
    }
}

static void count_refusal(struct metrics_shard *shard, const struct append_op *op)
{
    int64_t without_key = 0, wrong_magic = 0;
    for (int32_t i = 0; i < op->plan.error_count; i++) {
        without_key += op->plan.errors[i].kind == RECORD_ERROR_NO_KEY;
        wrong_magic += op->plan.errors[i].kind == RECORD_ERROR_MAGIC;
    }
    if (without_key > 0)
        metrics_add(shard, METRIC_NO_KEY_RECORDS, without_key);
    if (wrong_magic > 0)
        metrics_add(shard, METRIC_INVALID_MAGIC, wrong_magic);
    if (op->err == ERR_CORRUPT_MESSAGE)
        metrics_add(shard, METRIC_INVALID_CRC, 1);
    if (op->err == ERR_INVALID_RECORD && op->plan.error_count == 0)
        metrics_add(shard, METRIC_INVALID_SEQUENCE, 1);
    if (op->err == ERR_MESSAGE_TOO_LARGE || op->err == ERR_RECORD_LIST_TOO_LARGE)
        metrics_topic_add(shard, topic_of(op->part), METRIC_BYTES_REJECTED, (int64_t)op->records.len);
}

void count_append(const struct append_op *op)
{
    struct metrics_shard *shard = count_shard(op->broker);
    struct metrics_topic *topic = topic_of(op->part);
    metrics_topic_add(shard, topic, METRIC_TOTAL_PRODUCE_REQUESTS, 1);
    if (op->appended) { /* whatever became of the acknowledgement */
        metrics_topic_add(shard, topic, METRIC_BYTES_IN, (int64_t)op->records.len);
        metrics_topic_add(shard, topic, METRIC_MESSAGES_IN, op->records_count);
        if (op->plan.converted_count > 0)
            metrics_topic_add(shard, topic, METRIC_PRODUCE_CONVERSIONS, op->plan.converted_count);
        if (op->err == ERR_REQUEST_TIMED_OUT)
            metrics_add(shard, METRIC_PRODUCE_EXPIRES, 1);
        return;
    }
    if (op->err != ERR_NONE)
        count_refusal(shard, op);
    if (!append_failure_is_common(op->err))
        metrics_topic_add(shard, topic, METRIC_FAILED_PRODUCE_REQUESTS, 1);
}

/* --- reads --------------------------------------------------------------------------------------------- */

static bool read_failure_is_common(enum err err)
{
    switch ((int)err) {
    case ERR_NONE:
    case ERR_UNKNOWN_TOPIC_OR_PARTITION:
    case ERR_NOT_LEADER_OR_FOLLOWER:
    case ERR_UNKNOWN_LEADER_EPOCH:
    case ERR_FENCED_LEADER_EPOCH:
    case ERR_REPLICA_NOT_AVAILABLE:
    case ERR_KAFKA_STORAGE_ERROR:
    case ERR_OFFSET_OUT_OF_RANGE:
    case ERR_INCONSISTENT_TOPIC_ID:
        return true;
    default:
        return false;
    }
}

void count_read(const struct read_op *op)
{
    struct metrics_shard *shard = count_shard(op->broker);
    metrics_topic_add(shard, op->part->counts, METRIC_TOTAL_FETCH_REQUESTS, 1);
    if (op->converted_count > 0)
        metrics_topic_add(shard, op->part->counts, METRIC_FETCH_CONVERSIONS, op->converted_count);
    if (!read_failure_is_common(op->err))
        metrics_topic_add(shard, op->part->counts, METRIC_FAILED_FETCH_REQUESTS, 1);
}

void count_sent(const struct read_op *op)
{
    struct metrics_shard *shard = count_shard(op->broker);
    if (op->replica_id >= 0)
        metrics_add(shard, METRIC_REPLICATION_BYTES_OUT, op->slice.len);
    else
        metrics_topic_add(shard, op->part->counts, METRIC_BYTES_OUT, op->slice.len);
}
