/*
 *   submit -> raise (by the holder) -> low watermark there? --yes--> done
 *                                           | no
 *                                           v
 *                                 watch the partition <-> look again
 */
#include "service/partition/delete_records.h"

#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_state.h"
#include "storage/log_trim.h"

static bool is_alive(const struct delete_records_op *op, int32_t broker_id)
{
    for (int32_t i = 0; i < op->alive_count; i++)
        if (op->alive[i] == broker_id)
            return true;
    return false;
}

static int64_t low_watermark(const struct delete_records_op *op, const struct partition *part)
{
    int64_t low = log_start_offset(part->log);
    for (int32_t i = 0; i < part->replica.remotes_count; i++) {
        const struct replica_remote *remote = &part->replica.remotes[i];
        if (remote->start_offset < low && is_alive(op, remote->broker_id))
            low = remote->start_offset;
    }
    return low;
}

static enum err check_role(const struct partition *part)
{
    if (part->deleted)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!part->log)
        return ERR_KAFKA_STORAGE_ERROR;
    return part->replica.role == REPLICA_ROLE_LEADER ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

static enum err raise_start(struct delete_records_op *op, struct partition *part)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    if (!settings->deletes_records)
        return ERR_POLICY_VIOLATION;
    if (op->offset == DELETE_RECORDS_TO_HIGH_WATERMARK)
        op->offset = log_high_watermark(part->log).offset;
    if (op->offset < 0)
        return ERR_OFFSET_OUT_OF_RANGE;
    bool moved;
    struct errmsg why;
    enum err err = log_raise_start_offset(part->log, op->offset, &moved, &why);
    if (err == ERR_KAFKA_STORAGE_ERROR)
        partition_fail_storage(part, &why);
    op->raised = err == ERR_NONE;
    return err;
}

/* By the holder: raises, or looks how far the others are. */
static enum op_outcome work_run(struct partition_op *base, struct partition *part)
{
    struct delete_records_op *op = CONTAINER_OF(base, struct delete_records_op, op);
    op->err = check_role(part);
    if (op->err == ERR_NONE && !op->raised)
        op->err = raise_start(op, part);
    op->low_watermark = op->err == ERR_NONE ? low_watermark(op, part) : -1;
    return OP_DONE;
}

static void finish(struct delete_records_op *op)
{
    op->is_done = true;
    partition_release(op->part);
    op->done(op);
}

/* By the holder: is there anything that the waiting op should look at? */
static bool has_news(const struct watch *watch, const struct partition *part)
{
    const struct delete_records_op *op = CONTAINER_OF(watch, struct delete_records_op, watch);
    return check_role(part) != ERR_NONE || low_watermark(op, part) >= op->offset;
}

static void look_again(struct delete_records_op *op);

static void watched(struct watch *watch, bool news)
{
    (void)news;
    struct delete_records_op *op = CONTAINER_OF(watch, struct delete_records_op, watch);
    if (!op->timed_out) {
        look_again(op);
        return;
    }
    op->err = ERR_REQUEST_TIMED_OUT;
    finish(op);
}

static void work_done(struct partition_op *base)
{
    struct delete_records_op *op = CONTAINER_OF(base, struct delete_records_op, op);
    if (op->err != ERR_NONE || op->low_watermark >= op->offset) {
        finish(op);
        return;
    }
    if (op->timed_out) {
        op->err = ERR_REQUEST_TIMED_OUT;
        finish(op);
        return;
    }
    op->watch = (struct watch){
        .part = op->part, .has_news_fn = has_news, .news = PARTITION_NEWS_START, .done = watched};
    watch_submit(&op->watch);
}

static void take_alive(struct delete_records_op *op)
{
    const struct metadata *metadata = metadata_cache_get(op->broker->metadata);
    int32_t *ids = arena_alloc(op->arena, sizeof *ids * (size_t)(metadata->brokers_count + 1));
    for (int32_t i = 0; i < metadata->brokers_count; i++)
        ids[i] = metadata->brokers[i].id;
    op->alive = ids;
    op->alive_count = metadata->brokers_count;
}

static void look_again(struct delete_records_op *op)
{
    take_alive(op);
    op->op = (struct partition_op){
        .home = loop_current(), .run = work_run, .done = work_done, .label = "delete_records"};
    partition_submit(op->part, &op->op);
}

void delete_records_submit(struct delete_records_op *op)
{
    partition_share(op->part);
    op->raised = false;
    op->timed_out = false;
    op->is_done = false;
    look_again(op);
}

void delete_records_time_out(struct delete_records_op *op)
{
    if (op->is_done || !op->part)
        return;
    op->timed_out = true;
    watch_cancel(&op->watch);
}
