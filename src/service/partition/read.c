#include "service/partition/read.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "core/replica/nearest.h"
#include "service/count.h"
#include "service/fetcher/replication_quotas.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/log_dirs.h"
#include "service/replica/replica_state.h"
#include "storage/leader_epochs.h"
#include "wire/record_convert.h"

/*
 * A topic that was deleted and made again begins at the same epoch and offsets: its reader would go on in
 * other records, and its follower would count as having them.
 */
static bool is_of_topic(const struct log *log, struct uuid id)
{
    struct uuid known = log_topic_id(log);
    return uuid_is_zero(id) || uuid_is_zero(known) || uuid_equal(id, known);
}

static enum err check_role(const struct read_op *op, const struct partition *part)
{
    enum err err = partition_check_log(part);
    if (err != ERR_NONE)
        return err;
    if (!is_of_topic(part->log, op->topic_id))
        return ERR_INCONSISTENT_TOPIC_ID;
    err = replica_check_epoch(&part->replica, op->current_leader_epoch);
    if (err != ERR_NONE)
        return err;
    bool leads = atomic_load_explicit(&part->is_leader, memory_order_relaxed);
    bool consumer = op->replica_id < 0;
    bool may_follow = consumer && op->followers_serve && part->replica.role == REPLICA_ROLE_FOLLOWER;
    if (!leads && !may_follow)
        return ERR_NOT_LEADER_OR_FOLLOWER;
    /* A follower that we were not told of: with the same epoch the two of us are at odds (4.3). */
    if (op->replica_id >= 0 && !replica_has_follower(&part->replica, op->replica_id))
        return op->current_leader_epoch >= 0 ? ERR_UNKNOWN_LEADER_EPOCH : ERR_NOT_LEADER_OR_FOLLOWER;
    return ERR_NONE;
}

/* KIP-595: a reader that says in which epoch its last record was learns where its log parts from ours. */
static enum err check_divergence(struct read_op *op, struct partition *part, bool nowait)
{
    op->diverging_epoch = -1;
    if (op->last_fetched_epoch < 0)
        return ERR_NONE;
    struct leader_epoch end;
    enum err err = partition_epoch_end(part, op->replica_id, op->last_fetched_epoch, nowait, &end, &op->why);
    if (err != ERR_NONE)
        return err;
    if (end.epoch == LEADER_EPOCH_UNDEFINED || end.start_offset == LEADER_EPOCH_UNDEFINED)
        return ERR_OFFSET_OUT_OF_RANGE;
    if (op->fetch_offset < log_start_offset(part->log))
        return ERR_OFFSET_OUT_OF_RANGE;
    if (end.epoch < op->last_fetched_epoch || end.start_offset < op->fetch_offset) {
        op->diverging_epoch = end.epoch;
        op->diverging_end_offset = end.start_offset;
    }
    return ERR_NONE;
}

/* Before the read, so that the answer has the high watermark that follows from it. */
static enum err note_replica(struct read_op *op, struct partition *part)
{
    int64_t end = log_end(part->log).offset;
    if (op->fetch_offset < log_start_offset(part->log) || op->fetch_offset > end)
        return ERR_NONE; /* the read finds out */
    struct replica_fetch fetch = {.broker_id = op->replica_id,
                                  .broker_epoch = op->replica_epoch,
                                  .offset = op->fetch_offset,
                                  .start_offset = op->replica_start_offset,
                                  .now_ms = op->now_ms,
                                  .gap_ms = op->broker->sure_to_lead_ms,
                                  .leader_end = end};
    op->note_replica = false; /* a second look at the log is no second fetch */
    return partition_note_fetch(part, &fetch);
}

static enum log_bound bound_of(const struct read_op *op)
{
    if (op->replica_id >= 0)
        return LOG_BOUND_END;
    return op->read_committed ? LOG_BOUND_LAST_STABLE : LOG_BOUND_HIGH_WATERMARK;
}

/* Is a follower to get nothing for now? Members of the ISR always get theirs (4.11). */
static bool must_hold_back(struct read_op *op, const struct partition *part,
                           const struct partition_settings *settings)
{
    op->on_throttled_list = op->replica_id >= 0 && settings->leader_throttled;
    return op->on_throttled_list && !replica_ids_contain(&part->replica.isr, op->replica_id) &&
           op->fetch_offset >= op->log_start_offset && op->fetch_offset <= op->bound_offset &&
           replication_quota_is_exceeded(op->broker->quotas, REPLICATION_QUOTA_LEADER, op->now_ms);
}

/*
 * A consumer that hears that its position is beyond the end gives it up. A leader that was deposed while it
 * stood still ends before its successor does: while its followers do not come, it says rather that it may not
 * lead, and the consumer asks who does. So does a follower, to a consumer that was not sent here for its rack
 * and does not say which epoch it knows: it takes this broker for the leader. What is below the beginning is
 * gone everywhere.
 */
static enum err doubt(const struct read_op *op, const struct partition *part)
{
    if (op->err != ERR_OFFSET_OUT_OF_RANGE || op->replica_id >= 0 ||
        op->fetch_offset < log_start_offset(part->log))
        return op->err;
    bool knows = part->replica.role == REPLICA_ROLE_LEADER ? partition_is_sure_to_lead(part)
                                                           : op->rack || op->current_leader_epoch >= 0;
    return knows ? op->err : ERR_NOT_LEADER_OR_FOLLOWER;
}

/* By the holder. The slice's file is shared, so that it outlives the hold. */
static void look(struct read_op *op, struct partition *part, bool nowait)
{
    op->leader_id = part->replica.leader_id;
    op->leader_epoch = part->replica.leader_epoch;
    op->err = check_role(op, part);
    if (op->err == ERR_NONE)
        op->err = check_divergence(op, part, nowait);
    if (op->err == ERR_NONE && op->note_replica && op->diverging_epoch < 0)
        op->err = note_replica(op, part);
    op->err = doubt(op, part);
    if (op->err != ERR_NONE)
        return;
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    op->may_convert = settings->downconversion;
    op->high_watermark = log_high_watermark(part->log).offset;
    op->last_stable_offset = log_last_stable(part->log).offset;
    op->log_start_offset = log_start_offset(part->log);
    op->bound_offset = op->replica_id >= 0  ? log_end(part->log).offset
                       : op->read_committed ? op->last_stable_offset
                                            : op->high_watermark;
    if (op->diverging_epoch >= 0)
        return;
    op->held_back = must_hold_back(op, part, settings);
    if (op->held_back)
        return;
    if (op->rack && part->replica.role == REPLICA_ROLE_LEADER)
        op->preferred_replica = replica_nearest(&part->replica, op->rack, op->fetch_offset);
    if (op->preferred_replica >= 0)
        return;
    struct log_read_args args = {.offset = op->fetch_offset,
                                 .max_bytes = op->max_bytes,
                                 .bound = bound_of(op),
                                 .min_one = op->min_one,
                                 .nowait = nowait,
                                 .want_aborted = op->read_committed};
    op->err = log_read(part->log, &args, &op->slice, &op->why);
    if (op->err == ERR_KAFKA_STORAGE_ERROR)
        partition_fail_storage(part, &op->why);
    op->err = doubt(op, part);
    if (op->err == ERR_NONE && op->slice.file)
        disk_file_share(op->slice.file);
    else
        op->slice.file = NULL;
}

static enum op_outcome read_run(struct partition_op *base, struct partition *part)
{
    look(CONTAINER_OF(base, struct read_op, op), part, true);
    return OP_DONE;
}

static void finish(struct read_op *op)
{
    count_read(op);
    partition_release(op->part);
    op->done(op);
}

/* --- bytes that are in the page cache
 * ----------------------------------------------------------------------- */

/* Small slices are read here, which is also the probe; false when that would wait for the disk. */
static bool take_bytes(struct read_op *op)
{
    struct log_slice *slice = &op->slice;
    if (slice->len > op->copy_max_bytes)
        return DISK_FILE(slice->file, is_cached, slice->pos, slice->len);
    size_t got;
    uint8_t *bytes = arena_alloc(op->arena, (size_t)slice->len);
    enum err err = DISK_FILE(slice->file, pread_nowait, bytes, (size_t)slice->len, slice->pos, &got, NULL);
    if (err == ERR_NONE && got == (size_t)slice->len) {
        op->bytes = view_of(bytes, got);
        disk_file_release(slice->file);
        slice->file = NULL;
    }
    return err != ERR_WOULD_BLOCK;
}

/* --- the slow way, on a worker
 * ------------------------------------------------------------------------------- */

static void look_and_wait(struct partition *part, void *arg)
{
    look(arg, part, false);
}

/* Reads the whole slice and rewrites what the reader would not understand. */
static void convert(struct read_op *op)
{
    size_t len = (size_t)op->slice.len;
    size_t got = 0;
    uint8_t *records = mem_try_alloc(len);
    op->err = records ? DISK_FILE(op->slice.file, pread, records, len, op->slice.pos, &got, &op->why)
                      : ERR_NO_MEMORY;
    struct view slice = view_of(records, got);
    if (op->err == ERR_NONE && records_need_conversion(slice, op->max_magic)) {
        struct convert_stats stats = {0};
        op->err = op->may_convert ? records_down_convert(slice, op->max_magic, op->fetch_offset, len, NULL,
                                                         &op->converted, &stats, &op->why)
                                  : ERR_UNSUPPORTED_VERSION;
        op->converted_count = stats.converted_count;
        op->bytes = buf_view(&op->converted);
    }
    free(records);
    if (op->err == ERR_NONE && !op->bytes.ptr)
        return; /* it can be sent as it is */
    disk_file_release(op->slice.file);
    op->slice.file = NULL;
    op->slice.len = op->err == ERR_NONE ? (int32_t)op->bytes.len : 0;
}

static void slow_run(struct work *work)
{
    struct read_op *op = CONTAINER_OF(work, struct read_op, work);
    if (op->err == ERR_WOULD_BLOCK && !partition_try_call(op->part, look_and_wait, op))
        op->err = ERR_KAFKA_STORAGE_ERROR; /* its directory began to hang meanwhile */
    if (op->err != ERR_NONE || !op->slice.file)
        return;
    if (op->max_magic < 2)
        convert(op);
    else
        disk_file_warm(op->slice.file, op->slice.pos, op->slice.len);
}

static void slow_done(struct work *work, bool discard)
{
    struct read_op *op = CONTAINER_OF(work, struct read_op, work);
    if (discard && op->err == ERR_NONE)
        op->err = ERR_UNKNOWN_SERVER_ERROR;
    if (op->err == ERR_NONE && op->slice.file)
        take_bytes(op); /* were they dropped again already, the connection brings them back */
    finish(op);
}

/* --- submitting
 * ----------------------------------------------------------------------------------------------- */

static void read_came_home(struct partition_op *base)
{
    struct read_op *op = CONTAINER_OF(base, struct read_op, op);
    bool found = op->err == ERR_NONE && op->slice.file;
    bool slow = op->err == ERR_WOULD_BLOCK || (found && (op->max_magic < 2 || !take_bytes(op)));
    if (!slow) {
        finish(op);
        return;
    }
    op->work =
        (struct work){.home = loop_current(), .run = slow_run, .done = slow_done, .label = "slow_read"};
    workers_submit(op->broker->workers, &op->work);
}

void read_submit(struct read_op *op)
{
    partition_share(op->part);
    op->err = ERR_NONE;
    op->high_watermark = -1;
    op->last_stable_offset = -1;
    op->log_start_offset = -1;
    op->leader_id = -1;
    op->leader_epoch = -1;
    op->diverging_epoch = -1;
    op->preferred_replica = -1;
    if (partition_hangs(op->part)) {
        op->err = ERR_KAFKA_STORAGE_ERROR;
        finish(op);
        return;
    }
    op->op = (struct partition_op){
        .home = loop_current(), .run = read_run, .done = read_came_home, .label = "read"};
    partition_submit(op->part, &op->op);
}

void read_op_close(struct read_op *op)
{
    disk_file_release(op->slice.file);
    op->slice.file = NULL;
    op->slice.len = 0;
    op->bytes = VIEW_NULL;
    buf_close(&op->converted);
    log_slice_close(&op->slice);
}
