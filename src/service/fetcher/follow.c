#include "service/fetcher/follow.h"

#include <inttypes.h>

#include "base/log.h"
#include "metrics/metrics.h"
#include "service/count.h"
#include "service/fetcher/replication_quotas.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"
#include "wire/record_batch.h"

/* --- what holds for all, by the holder --------------------------------------------------------------- */

/* Is it still to be done? Else the outcome says why not. */
static bool still_follows(struct follow_op *op, const struct partition *part)
{
    op->outcome = FETCH_LINK_FAILED;
    if (part->deleted || !part->log || log_dir_is_offline(&part->dir->dir))
        return false;
    op->outcome = FETCH_LINK_RETRY; /* the fetcher is about to be told */
    return part->replica.role == REPLICA_ROLE_FOLLOWER &&
           part->replica.leader_epoch == op->action.leader_epoch;
}

static void succeed(struct follow_op *op, const struct partition *part)
{
    op->outcome = op->not_final ? FETCH_LINK_MORE : FETCH_LINK_OK;
    op->topic_id = log_topic_id(part->log);
    op->log = (struct follower_log){.start = log_start_offset(part->log),
                                    .end = log_end(part->log).offset,
                                    .latest_epoch = leader_epochs_latest_epoch(log_leader_epochs(part->log))};
}

static void fail_storage(struct follow_op *op, struct partition *part, const struct errmsg *why)
{
    op->outcome = FETCH_LINK_FAILED;
    partition_fail_storage(part, why);
}

/* It succeeded; with flush.messages=1 it is over when everything is synced. */
static enum op_outcome finish_synced(struct follow_op *op, struct partition *part)
{
    succeed(op, part);
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    int64_t end = op->log.end;
    if (!settings->sync_before_commit || log_recovery_point(part->log) >= end)
        return OP_DONE;
    log_dir_state_flush(part->dir, part);
    heap_push(&part->waiting_flush, &op->op.wait, end - 1);
    return OP_WAITING;
}

/* The wait is over, by the sync or because someone ended it. */
static enum op_outcome settle(struct partition_op *base, struct partition *part)
{
    struct follow_op *op = CONTAINER_OF(base, struct follow_op, op);
    if (!still_follows(op, part))
        return OP_DONE;
    if (log_recovery_point(part->log) < op->log.end)
        op->outcome = FETCH_LINK_RETRY;
    else
        succeed(op, part);
    return OP_DONE;
}

/* --- append ------------------------------------------------------------------------------------------ */

/* As many whole batches as a segment takes, in bytes and in offsets; at least one. */
static struct view next_piece(struct view *rest, int32_t segment_bytes)
{
    struct view left = *rest, entry;
    struct batch_info info;
    size_t len = 0;
    int64_t first_offset = 0;
    while (!batch_next(&left, &info, &entry) &&
           (len == 0 ||
            (len + entry.len <= (size_t)segment_bytes && info.last_offset - first_offset <= INT32_MAX))) {
        if (len == 0)
            first_offset = info.base_offset;
        len += entry.len;
    }
    struct view piece = view_of(rest->ptr, len ? len : rest->len);
    *rest = view_of(rest->ptr + piece.len, rest->len - piece.len);
    return piece;
}

static enum err append_records(struct follow_op *op, struct partition *part, struct view records,
                               struct errmsg *why)
{
    struct log_append_result result;
    enum err err =
        log_append_as_follower(part->log, records, op->action.leader_epoch, op->wall_ms, &result, why);
    if (err == ERR_NONE && (result.flush_due || result.sealed_up_to >= 0))
        log_dir_state_flush(part->dir, part);
    return err;
}

/* The leader's segments may be larger than ours by now: segment.bytes was lowered. */
static enum err append_in_pieces(struct follow_op *op, struct partition *part, struct errmsg *why)
{
    struct view rest = op->action.records;
    enum err err = append_records(op, part, rest, why);
    if (err != ERR_RECORD_LIST_TOO_LARGE)
        return err;
    int32_t segment_bytes = log_settings(part->log)->segment_bytes;
    do
        err = append_records(op, part, next_piece(&rest, segment_bytes), why);
    while (err == ERR_NONE && rest.len > 0);
    return err;
}

static void take_append_error(struct follow_op *op, struct partition *part, enum err err,
                              const struct errmsg *why)
{
    if (err == ERR_KAFKA_STORAGE_ERROR) {
        fail_storage(op, part, why);
        return;
    }
    op->outcome = FETCH_LINK_RETRY;
    if (err == ERR_WOULD_BLOCK) /* no descriptor was to be had */
        return;
    if (err == ERR_CORRUPT_MESSAGE || err == ERR_INVALID_RECORD) {
        log_warn("fetcher", "records_refused",
                 "partition=%s offset=%" PRId64 " error=\"%s\" effect=\"they are fetched again\"", part->name,
                 op->action.fetch_offset, why->text);
        return;
    }
    op->outcome = FETCH_LINK_FAILED;
    log_error("fetcher", "partition_failed",
              "partition=%s offset=%" PRId64
              " error=\"%s\" effect=\"it is not replicated until it has a new leader epoch\"",
              part->name, op->action.fetch_offset, why->text);
}

static void count_bytes(struct follow_op *op, const struct partition *part)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    op->bytes = (int64_t)op->action.records.len;
    if (settings->follower_throttled && op->bytes > 0)
        replication_quota_record(op->broker->quotas, REPLICATION_QUOTA_FOLLOWER, op->bytes,
                                 clock_mono_ms(op->broker->clock));
}

/* The leader's, as far as our log goes. */
static bool take_high_watermark(struct partition *part, int64_t of_leader)
{
    if (of_leader < 0)
        return false;
    int64_t before = log_high_watermark(part->log).offset;
    part->leader_high_watermark = of_leader;
    int64_t next = replica_high_watermark_of_follower(before, of_leader);
    return log_set_high_watermark(part->log, LOG_POSITION_OF_OFFSET(next)).offset != before;
}

/* Gives false when the storage failed. */
static bool raise_start(struct follow_op *op, struct partition *part, bool *moved)
{
    struct errmsg why;
    if (op->action.leader_start <= log_start_offset(part->log))
        return true;
    enum err err = log_raise_start_offset(part->log, op->action.leader_start, moved, &why);
    if (err == ERR_KAFKA_STORAGE_ERROR) {
        fail_storage(op, part, &why);
        return false;
    }
    if (err != ERR_NONE)
        log_warn("fetcher", "start_not_raised", "partition=%s error=\"%s\"", part->name, why.text);
    return true;
}

static enum op_outcome append_run(struct partition_op *base, struct partition *part)
{
    struct follow_op *op = CONTAINER_OF(base, struct follow_op, op);
    if (!still_follows(op, part))
        return OP_DONE;
    if (log_end(part->log).offset != op->action.fetch_offset) {
        /* An append before was not reported: go on from where the log really ends. */
        return finish_synced(op, part);
    }
    struct errmsg why;
    enum err err = op->action.records.len > 0 ? append_in_pieces(op, part, &why) : ERR_NONE;
    if (err != ERR_NONE) {
        take_append_error(op, part, err, &why);
        return OP_DONE;
    }
    count_bytes(op, part);
    bool moved = take_high_watermark(part, op->action.high_watermark);
    if (!raise_start(op, part, &moved))
        return OP_DONE;
    if (moved)
        partition_announce(part);
    return finish_synced(op, part);
}

/* --- cut --------------------------------------------------------------------------------------------- */

static int64_t cut_point(struct follow_op *op, const struct partition *part)
{
    if (op->begins || op->action.kind == FETCH_LINK_TRUNCATE_TO_WATERMARK)
        return log_high_watermark(part->log).offset;
    if (op->action.kind != FETCH_LINK_TRUNCATE)
        return op->action.end_offset;
    struct truncation_point point =
        leader_epochs_truncation_point(log_leader_epochs(part->log), op->action.epoch, op->action.end_offset,
                                       log_end(part->log).offset, op->action.fetch_offset);
    op->not_final = !point.final;
    return point.offset;
}

/* Of what it has compacted a leader cannot always tell whose epoch it was (storage/log_lookup.h). */
static void log_cut(const struct partition *part, int64_t offset, int64_t end)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    int64_t watermark = log_high_watermark(part->log).offset;
    if (offset < watermark)
        log_warn("fetcher", "cut_below_high_watermark",
                 "partition=%s to=%" PRId64 " high_watermark=%" PRId64 " log_end=%" PRId64 " reason=\"%s\"",
                 part->name, offset, watermark, end,
                 settings->log.cleanup_compact
                     ? "the leader has compacted it, or an unclean election, or it lost records"
                     : "an unclean election, or the leader lost records");
    else
        log_info("fetcher", "log_cut", "partition=%s to=%" PRId64 " log_end=%" PRId64, part->name, offset,
                 end);
}

static enum err cut(struct follow_op *op, struct partition *part, int64_t offset, struct log_doomed *doomed,
                    struct errmsg *why)
{
    int64_t end = log_end(part->log).offset;
    if (offset < end)
        log_cut(part, offset, end);
    bool truncated;
    bool anew = !op->begins && op->action.kind == FETCH_LINK_START_AT;
    /* No checkpoint may say more than the log has: a recovery point above its end would keep a later tail
     * from being checked, a high watermark would show records that nobody committed. */
    enum err err = ERR_NONE;
    if (anew || offset < end)
        err = dir_checkpoints_lower(part->dir, view_str(part->topic), part->index, offset, why);
    if (err != ERR_NONE)
        return err;
    if (anew)
        return log_truncate_fully_and_start_at(part->log, offset, -1, op->wall_ms, doomed, why);
    return log_truncate_to(part->log, offset, op->wall_ms, doomed, &truncated, why);
}

static void cut_by_holder(struct partition *part, void *arg)
{
    struct follow_op *op = arg;
    if (!still_follows(op, part))
        return;
    struct log_doomed doomed = {0};
    struct errmsg why;
    if (cut(op, part, cut_point(op, part), &doomed, &why) != ERR_NONE) {
        log_doomed_close(&doomed);
        fail_storage(op, part, &why);
        return;
    }
    upkeep_remove_files(op->broker->replicas->upkeep, part, &doomed);
    partition_announce(part); /* readers behind the end must see that it is gone */
    succeed(op, part);
}

static void submit_run(struct follow_op *op,
                       enum op_outcome (*run)(struct partition_op *, struct partition *));

static enum op_outcome sync_run(struct partition_op *base, struct partition *part)
{
    struct follow_op *op = CONTAINER_OF(base, struct follow_op, op);
    return still_follows(op, part) ? finish_synced(op, part) : OP_DONE;
}

static void finish(struct follow_op *op)
{
    if (op->bytes > 0)
        metrics_add(count_shard(op->broker), METRIC_REPLICATION_BYTES_IN, op->bytes);
    partition_release(op->part);
    op->done(op);
}

static void cut_on_worker(struct work *work)
{
    struct follow_op *op = CONTAINER_OF(work, struct follow_op, work);
    partition_call(op->part, cut_by_holder, op);
}

static void cut_is_done(struct work *work, bool discard)
{
    struct follow_op *op = CONTAINER_OF(work, struct follow_op, work);
    if (discard)
        op->outcome = FETCH_LINK_FAILED;
    if (op->outcome == FETCH_LINK_OK || op->outcome == FETCH_LINK_MORE)
        submit_run(op, sync_run);
    else
        finish(op);
}

static void submit_cut(struct follow_op *op)
{
    op->outcome = FETCH_LINK_FAILED;
    op->work =
        (struct work){.home = loop_current(), .run = cut_on_worker, .done = cut_is_done, .label = "cut_log"};
    workers_submit(op->broker->workers, &op->work);
}

/* --- begin ------------------------------------------------------------------------------------------- */

/* Without epochs no leader can tell where the logs part: what is not known to be committed goes. */
static enum op_outcome begin_run(struct partition_op *base, struct partition *part)
{
    struct follow_op *op = CONTAINER_OF(base, struct follow_op, op);
    if (!still_follows(op, part))
        return OP_DONE;
    op->cut_first = leader_epochs_latest_epoch(log_leader_epochs(part->log)) < 0 &&
                    log_high_watermark(part->log).offset < log_end(part->log).offset;
    return op->cut_first ? OP_DONE : finish_synced(op, part);
}

/* --- coming home ------------------------------------------------------------------------------------- */

static void came_home(struct partition_op *base)
{
    struct follow_op *op = CONTAINER_OF(base, struct follow_op, op);
    if (op->cut_first) {
        op->cut_first = false;
        submit_cut(op);
    } else {
        finish(op);
    }
}

static void submit_run(struct follow_op *op,
                       enum op_outcome (*run)(struct partition_op *, struct partition *))
{
    op->op = (struct partition_op){.home = loop_current(),
                                   .run = run,
                                   .settle = settle,
                                   .done = came_home,
                                   .may_hang = true,
                                   .label = "follow"};
    partition_submit(op->part, &op->op);
}

void follow_submit(struct follow_op *op)
{
    partition_share(op->part);
    op->wall_ms = loop_now_wall_ms(loop_current());
    if (op->begins)
        submit_run(op, begin_run);
    else if (op->action.kind == FETCH_LINK_APPEND)
        submit_run(op, append_run);
    else
        submit_cut(op);
}
