#include "service/partition/append.h"

#include "base/assert.h"
#include "base/mem.h"
#include "service/count.h"
#include "service/partition/followers.h"
#include "service/partition/partition_settings.h"
#include "service/replica/log_dirs.h"
#include "service/replica/replica_state.h"

/* A batch that expands beyond this is checked on a worker. */
#define INLINE_BYTES_MAX (512 * 1024)
#define RETRY_MS         20
/* So long a producer may take to send again what was refused because the ISR was too small. */
#define GAP_FORGIVEN_MS 10000

/* --- the append, by the holder ------------------------------------------------------------------------ */

/* The controller was told that the replica is offline: somebody else may lead it. */
static bool is_given_away(const struct partition *part)
{
    return atomic_load_explicit(&part->told_offline, memory_order_relaxed);
}

static enum err check_leader(const struct append_op *op, struct partition *part,
                             const struct partition_settings *settings)
{
    enum err err = partition_check_log(part);
    if (err != ERR_NONE)
        return err;
    if (!atomic_load_explicit(&part->is_leader, memory_order_relaxed))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    if (is_given_away(part))
        return ERR_KAFKA_STORAGE_ERROR;
    if (op->acks == -1 && !replica_has_min_isr(&part->replica, settings->min_insync_replicas)) {
        part->too_few_ms = op->now_ms;
        return ERR_NOT_ENOUGH_REPLICAS;
    }
    return ERR_NONE;
}

static enum op_outcome wait_among(struct append_op *op, struct partition *part, bool for_flush)
{
    op->waits_for_flush = for_flush;
    heap_push(for_flush ? &part->waiting_flush : &part->waiting_commit, &op->op.wait, op->last_offset);
    return OP_WAITING;
}

static bool is_committed(const struct append_op *op, const struct partition *part)
{
    return log_high_watermark(part->log).offset > op->last_offset;
}

/* Appended; now or later done? */
static enum op_outcome wait_if_asked(struct append_op *op, struct partition *part,
                                     const struct partition_settings *settings, bool flush_due)
{
    bool must_sync = flush_due && log_recovery_point(part->log) <= op->last_offset;
    if (op->is_late) {
        op->err = ERR_REQUEST_TIMED_OUT;
        return OP_DONE;
    }
    /* It hung in this very append, and no follower has it. */
    if (op->acks == 1 && is_given_away(part)) {
        op->err = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
        return OP_DONE;
    }
    if (op->acks == -1) {
        if (is_committed(op, part) && !must_sync)
            return OP_DONE;
        op->min_isr_after = settings->min_insync_replicas;
        return wait_among(op, part, must_sync); /* then for the commit, see append_settle */
    }
    if (op->acks == 1 && must_sync)
        return wait_among(op, part, true);
    return OP_DONE;
}

/* What is missing may be what was refused a moment ago, while what was sent behind it was on its way. */
static bool refused_lately(const struct append_op *op, const struct partition *part)
{
    return part->too_few_ms > 0 && op->now_ms - part->too_few_ms < GAP_FORGIVEN_MS;
}

/*
 * Clients give up for good when they hear that sequences have a gap; or, as librdkafka, they begin a new
 * epoch, and what other partitions have of the old one and did not acknowledge yet is there twice. So it is
 * said when there is no other way to put it.
 *
 * A leader that was deposed while it stood still lacks what its successor took, so the gap may be its own:
 * while its followers do not come, it says rather that it may not lead, and the client asks who does. And a
 * gap that this leader has made by refusing what comes before is one more refusal of the same kind.
 */
static enum err doubt(const struct append_op *op, const struct partition *part, enum err err)
{
    if (err != ERR_OUT_OF_ORDER_SEQUENCE_NUMBER)
        return err;
    if (refused_lately(op, part))
        return ERR_NOT_ENOUGH_REPLICAS;
    return partition_is_sure_to_lead(part) ? err : ERR_NOT_LEADER_OR_FOLLOWER;
}

static enum op_outcome append_run(struct partition_op *base, struct partition *part)
{
    struct append_op *op = CONTAINER_OF(base, struct append_op, op);
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    op->err = check_leader(op, part, settings);
    if (op->err != ERR_NONE)
        return OP_DONE;
    struct log_append_args args = {
        .now_ms = op->now_ms, .leader_epoch = part->replica.leader_epoch, .origin = op->origin};
    struct log_append_result result;
    op->err = log_append_as_leader(part->log, &op->plan, &args, &result, &op->why);
    op->log_start_offset = part->log ? log_start_offset(part->log) : -1;
    if (op->err != ERR_NONE) {
        if (op->err == ERR_KAFKA_STORAGE_ERROR)
            partition_fail_storage(part, &op->why);
        else
            op->err = doubt(op, part, op->err);
        return OP_DONE;
    }
    op->appended = true;
    op->base_offset = result.first_offset;
    op->last_offset = result.last_offset;
    op->log_append_time_ms = result.log_append_time_ms;
    op->log_start_offset = result.log_start_offset;
    op->bytes = (int64_t)op->plan.info.bytes.len;
    op->records_count = op->plan.info.record_count;
    if (result.moved) {
        partition_announce_of(part, PARTITION_NEWS_END);
        partition_advance(part);
    }
    bool flush_due = result.flush_due || (result.duplicate && settings->sync_before_commit);
    if (flush_due || result.sealed_up_to >= 0)
        log_dir_state_flush(part->dir, part);
    return wait_if_asked(op, part, settings, flush_due);
}

/* --- coming home --------------------------------------------------------------------------------------- */

/* The op and, if it was cancelled, the cancellation: done when both are home. */
static void one_is_home(struct append_op *op)
{
    if (--op->away > 0)
        return;
    count_append(op);
    partition_release(op->part);
    op->done(op);
}

static void submit_to_partition(struct append_op *op);

static void retry_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct append_op *op = CONTAINER_OF(timer, struct append_op, retry);
    if (op->timed_out) {
        op->err = ERR_REQUEST_TIMED_OUT;
        one_is_home(op);
    } else {
        submit_to_partition(op);
    }
}

/* An op that waited comes home when its offset is passed, when its leader is gone, or when it timed out. */
static void append_came_home(struct partition_op *base)
{
    struct append_op *op = CONTAINER_OF(base, struct append_op, op);
    if (op->err != ERR_WOULD_BLOCK) {
        one_is_home(op);
        return;
    }
    /* Out of descriptors: no fault of the disk's, nothing was written, and it passes. */
    op->retry.fire = retry_fired;
    struct loop *loop = loop_current();
    loop_timer_arm(loop, &op->retry, loop_now_ms(loop) + RETRY_MS);
}

/* Did what it waited for happen? */
static bool is_reached(const struct append_op *op, const struct partition *part)
{
    return op->waits_for_flush ? log_recovery_point(part->log) > op->last_offset : is_committed(op, part);
}

/*
 * What became of an op that waited: looked up by the holder just before it is sent home.
 *
 * Whose leader is gone may have been committed all the same, by the next one. Kafka says
 * NOT_LEADER_OR_FOLLOWER then, as if nothing had been written; librdkafka takes that at its word, makes up
 * its batches anew, and an idempotent producer's record is there twice. What is said here makes every client
 * send the same batch again.
 */
static enum op_outcome append_settle(struct partition_op *base, struct partition *part)
{
    struct append_op *op = CONTAINER_OF(base, struct append_op, op);
    if (!part->log)
        op->err = part->deleted ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_KAFKA_STORAGE_ERROR;
    else if (!atomic_load_explicit(&part->is_leader, memory_order_relaxed) || !is_reached(op, part))
        op->err = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND; /* given up, whatever the role is now: see above */
    else if (op->acks == -1 && op->waits_for_flush && !is_committed(op, part))
        return wait_among(op, part, false); /* synced here, not yet with the followers */
    else if (op->acks == -1 && !replica_has_min_maximal_isr(&part->replica, op->min_isr_after))
        op->err = ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND;
    return OP_DONE;
}

static enum op_outcome cancel_run(struct partition_op *base, struct partition *part)
{
    struct append_op *op = CONTAINER_OF(base, struct append_op, cancel);
    if (!heap_contains(&op->op.wait))
        return OP_DONE; /* it is on its way home already */
    heap_remove(op->waits_for_flush ? &part->waiting_flush : &part->waiting_commit, &op->op.wait);
    op->err = ERR_REQUEST_TIMED_OUT;
    partition_send_home(&op->op);
    return OP_DONE;
}

static void cancel_done(struct partition_op *base)
{
    one_is_home(CONTAINER_OF(base, struct append_op, cancel));
}

void append_time_out(struct append_op *op)
{
    if (op->timed_out || op->away == 0) /* it is home: its request waits for others */
        return;
    op->timed_out = true;
    if (!op->submitted)
        return;
    op->away++;
    op->cancel = (struct partition_op){
        .home = loop_current(), .run = cancel_run, .done = cancel_done, .label = "produce_timeout"};
    partition_submit(op->part, &op->cancel);
}

/* --- before the append --------------------------------------------------------------------------------- */

static void finish_early(struct append_op *op, enum err err)
{
    op->err = err;
    one_is_home(op);
}

static void submit_to_partition(struct append_op *op)
{
    op->submitted = true;
    op->is_late = op->timed_out; /* from here on the holder may be another thread: it gets a copy */
    op->op = (struct partition_op){.home = loop_current(),
                                   .run = append_run,
                                   .settle = append_settle,
                                   .done = append_came_home,
                                   .may_hang = true,
                                   .label = "append"};
    partition_submit(op->part, &op->op);
}

static void prepare_on_worker(struct work *work)
{
    struct append_op *op = CONTAINER_OF(work, struct append_op, work);
    op->err = records_prepare(&op->plan, (uint8_t *)(uintptr_t)op->summary.bytes.ptr, &op->summary,
                              &op->rules, op->now_ms, NULL, &op->why);
}

static void prepared(struct work *work, bool discard)
{
    struct append_op *op = CONTAINER_OF(work, struct append_op, work);
    if (discard && op->err == ERR_NONE)
        op->err = ERR_UNKNOWN_SERVER_ERROR;
    if (op->err != ERR_NONE)
        one_is_home(op);
    else
        submit_to_partition(op);
}

static void prepare_elsewhere(struct append_op *op, struct loop *loop)
{
    append_plan_close(&op->plan);
    op->rules.inline_bytes_max = 0;
    op->work =
        (struct work){.home = loop, .run = prepare_on_worker, .done = prepared, .label = "prepare_records"};
    workers_submit(op->broker->workers, &op->work);
}

void append_submit(struct append_op *op)
{
    struct loop *loop = loop_current();
    ASSERT(loop != NULL);
    partition_share(op->part);
    op->away = 1;
    op->err = ERR_NONE;
    op->base_offset = -1;
    op->log_append_time_ms = -1;
    op->log_start_offset = -1;
    op->now_ms = loop_now_wall_ms(loop);
    const struct partition_settings *settings =
        atomic_load_explicit(&op->part->settings, memory_order_acquire);
    op->rules = settings->rules;
    op->rules.origin = op->origin;
    op->rules.produce_version = op->produce_version;
    op->rules.topic_partition = op->part->name;

    enum err err = records_analyze(op->records, &op->rules, &op->summary, &op->why);
    if (err == ERR_NONE && partition_hangs(op->part))
        err = ERR_KAFKA_STORAGE_ERROR;
    if (err != ERR_NONE || op->summary.entry_count == 0) {
        finish_early(op, err); /* nothing complete was sent: success with offset -1 */
        return;
    }
    /* A coordinator's batch would be overtaken by those that need no preparing: of two commits the older
     * would stand. It is one, of max.message.bytes at most. */
    bool in_order = op->origin == APPEND_COORDINATOR;
    if (!in_order && records_needs_heavy_work(&op->summary, &op->rules)) {
        prepare_elsewhere(op, loop);
        return;
    }
    op->rules.inline_bytes_max = in_order ? 0 : INLINE_BYTES_MAX;
    err = records_prepare(&op->plan, (uint8_t *)(uintptr_t)op->summary.bytes.ptr, &op->summary, &op->rules,
                          op->now_ms, NULL, &op->why);
    if (err == ERR_WOULD_BLOCK) /* it expands to more than its size betrayed */
        prepare_elsewhere(op, loop);
    else if (err != ERR_NONE)
        finish_early(op, err);
    else
        submit_to_partition(op);
}

void append_op_close(struct append_op *op)
{
    append_plan_close(&op->plan);
}
