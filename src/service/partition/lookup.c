#include "service/partition/lookup.h"

#include "base/mem.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_state.h"
#include "storage/leader_epochs.h"
#include "storage/log_lookup.h"

#define CONSUMER           (-1)
#define DEBUGGING_CONSUMER (-2)

/* Where an epoch ends only the leader says: brokers of old versions ask as if they were debugging. */
static bool may_be_told_by_anyone(const struct lookup_op *op)
{
    return op->replica_id == DEBUGGING_CONSUMER && op->kind != LOOKUP_EPOCH_END;
}

static enum err check_role(const struct lookup_op *op, const struct partition *part)
{
    if (part->deleted)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (!part->log)
        return ERR_KAFKA_STORAGE_ERROR;
    enum err err = replica_check_epoch(&part->replica, op->current_leader_epoch);
    if (err != ERR_NONE)
        return err;
    bool leads = atomic_load_explicit(&part->is_leader, memory_order_relaxed);
    return leads || may_be_told_by_anyone(op) ? ERR_NONE : ERR_NOT_LEADER_OR_FOLLOWER;
}

/* Up to where the asking reader may see. */
static int64_t bound(const struct lookup_op *op, const struct partition *part)
{
    if (op->replica_id >= 0 || op->replica_id == DEBUGGING_CONSUMER)
        return log_end(part->log).offset;
    return op->read_committed ? log_last_stable(part->log).offset : log_high_watermark(part->log).offset;
}

/*
 * A leader that was just elected may not know yet how far its log is committed: a consumer would be told
 * an end that later moves back (KIP-207).
 */
static bool end_is_uncertain(const struct lookup_op *op, const struct partition *part)
{
    return op->replica_id == CONSUMER && part->replica.role == REPLICA_ROLE_LEADER &&
           log_high_watermark(part->log).offset < part->replica.epoch_start_offset;
}

static void latest(struct lookup_op *op, struct partition *part)
{
    if (end_is_uncertain(op, part)) {
        op->err = ERR_OFFSET_NOT_AVAILABLE;
        return;
    }
    op->offset = bound(op, part);
    /* Where nobody appends the last records may be of an older epoch than the role: a controller that looks
     * for the longest log asks for theirs. */
    op->leader_epoch = part->replica.role == REPLICA_ROLE_LEADER
                           ? part->replica.leader_epoch
                           : leader_epochs_latest_epoch(log_leader_epochs(part->log));
}

static void earliest(struct lookup_op *op, struct partition *part)
{
    op->offset = log_start_offset(part->log);
    const struct leader_epoch *first = leader_epochs_earliest(log_leader_epochs(part->log));
    if (first && first->start_offset <= op->offset)
        op->leader_epoch = first->epoch;
}

static void epoch_end(struct lookup_op *op, struct partition *part)
{
    struct leader_epoch end;
    op->err = partition_epoch_end(part, op->replica_id, op->epoch, false, &end, &op->why);
    if (op->err != ERR_NONE)
        return;
    op->leader_epoch = end.epoch;
    op->offset = end.start_offset;
}

/* What the search found counts only below what the reader may see. */
static void take_found(struct lookup_op *op, struct partition *part, const struct log_found *found)
{
    if (found->offset >= 0 && found->offset < bound(op, part)) {
        op->offset = found->offset;
        op->result_timestamp = found->timestamp_ms;
        op->leader_epoch = found->leader_epoch;
    } else if (end_is_uncertain(op, part)) {
        op->err = ERR_OFFSET_NOT_AVAILABLE;
    }
}

/* Newest first: in the place of those that a consumer may not see is the end of what it may. */
static void hide_uncommitted(struct lookup_op *op, const struct partition *part)
{
    int64_t watermark = log_high_watermark(part->log).offset;
    int32_t hidden = 0;
    while (hidden < op->legacy_count && op->legacy_offsets[hidden] > watermark)
        hidden++;
    if (op->replica_id != CONSUMER || hidden == 0)
        return;
    op->legacy_offsets[0] = watermark;
    for (int32_t i = hidden; i < op->legacy_count; i++)
        op->legacy_offsets[i - hidden + 1] = op->legacy_offsets[i];
    op->legacy_count -= hidden - 1;
}

static void search(struct lookup_op *op, struct partition *part)
{
    struct log_found found = {.offset = -1, .timestamp_ms = -1, .leader_epoch = -1};
    if (op->kind == LOOKUP_MAX_TIMESTAMP)
        op->err = log_find_max_timestamp(part->log, &found, &op->why);
    else if (op->kind == LOOKUP_TIMESTAMP)
        op->err = log_find_by_timestamp(part->log, op->timestamp, &found, &op->why);
    else
        op->err = log_legacy_offsets_before(part->log, op->timestamp, op->legacy_max, op->now_ms,
                                            op->legacy_offsets, &op->legacy_count, &op->why);
    if (op->err == ERR_KAFKA_STORAGE_ERROR)
        partition_fail_storage(part, &op->why);
    else if (op->err == ERR_NONE && op->kind == LOOKUP_LEGACY)
        hide_uncommitted(op, part);
    else if (op->err == ERR_NONE)
        take_found(op, part, &found);
}

/*
 * A consumer that hears that there is nothing at this time, or of this epoch, goes elsewhere for good. A
 * leader that was deposed while it stood still lacks what its successor has: while its followers do not come,
 * it says rather that it may not lead. Where the log ends it does say: who begins there again reads a record
 * twice.
 */
static bool is_doubtful(const struct lookup_op *op, const struct partition *part)
{
    bool found_nothing = op->offset < 0 && (op->kind == LOOKUP_TIMESTAMP || op->kind == LOOKUP_EPOCH_END);
    return found_nothing && op->err == ERR_NONE && op->replica_id == CONSUMER &&
           part->replica.role == REPLICA_ROLE_LEADER && !partition_is_sure_to_lead(part);
}

/* By the holder. */
static void look(struct partition *part, void *arg)
{
    struct lookup_op *op = arg;
    op->err = check_role(op, part);
    if (op->err != ERR_NONE)
        return;
    switch (op->kind) {
    case LOOKUP_LATEST:
        latest(op, part);
        break;
    case LOOKUP_EARLIEST:
        earliest(op, part);
        break;
    case LOOKUP_EPOCH_END:
        epoch_end(op, part);
        break;
    case LOOKUP_TIERED:
        break;
    case LOOKUP_MAX_TIMESTAMP:
    case LOOKUP_TIMESTAMP:
    case LOOKUP_LEGACY:
        search(op, part);
        break;
    }
    if (is_doubtful(op, part))
        op->err = ERR_NOT_LEADER_OR_FOLLOWER;
}

static enum op_outcome look_run(struct partition_op *base, struct partition *part)
{
    look(part, CONTAINER_OF(base, struct lookup_op, op));
    return OP_DONE;
}

static void finish(struct lookup_op *op)
{
    partition_release(op->part);
    op->done(op);
}

static void look_done(struct partition_op *base)
{
    finish(CONTAINER_OF(base, struct lookup_op, op));
}

static void search_run(struct work *work)
{
    struct lookup_op *op = CONTAINER_OF(work, struct lookup_op, work);
    if (!partition_try_call(op->part, look, op)) /* its directory began to hang meanwhile */
        op->err = ERR_KAFKA_STORAGE_ERROR;
}

static void search_done(struct work *work, bool discard)
{
    (void)discard;
    finish(CONTAINER_OF(work, struct lookup_op, work));
}

void lookup_submit(struct lookup_op *op)
{
    partition_share(op->part);
    op->now_ms = loop_now_wall_ms(loop_current());
    op->err = ERR_NONE;
    op->offset = -1;
    op->result_timestamp = -1;
    op->leader_epoch = -1;
    op->legacy_count = 0;
    if (partition_hangs(op->part)) { /* each would take a worker with it until the disk answers */
        op->err = ERR_KAFKA_STORAGE_ERROR;
        finish(op);
        return;
    }
    bool needs_disk = op->kind == LOOKUP_MAX_TIMESTAMP || op->kind == LOOKUP_TIMESTAMP ||
                      op->kind == LOOKUP_LEGACY || (op->kind == LOOKUP_EPOCH_END && op->replica_id >= 0);
    if (needs_disk) {
        op->work = (struct work){
            .home = loop_current(), .run = search_run, .done = search_done, .label = "find_offset"};
        workers_submit(op->broker->workers, &op->work);
    } else {
        op->op = (struct partition_op){
            .home = loop_current(), .run = look_run, .done = look_done, .label = "find_offset"};
        partition_submit(op->part, &op->op);
    }
}
