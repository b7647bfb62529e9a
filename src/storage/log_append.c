/*
 * Appending to a log. As leader:
 *
 *   records_prepare (without the hold)  every record was checked, the batch is ready but for its offset
 *   records_assign                      base offset and leader epoch
 *   epoch, size, roll                   a new segment if this append does not fit the active one
 *   producers                           duplicate: answer from memory; out of order or fenced: refuse
 *   segment_append                      one pwritev; the log end moves
 *   producers, transactions             install what the checks took note of; abort markers go into the
 *                                       transaction index with the last stable offset that they leave
 *
 * A follower takes offsets as they are and refuses nothing but broken bytes and offsets that fall.
 * A failure of the disk after the checks fails the whole log: memory and file may differ from then on.
 */
#include <inttypes.h>

#include "base/assert.h"
#include "storage/log_internal.h"
#include "storage/log_trim.h"

static void result_init(const struct log *log, struct log_append_result *out)
{
    *out = (struct log_append_result){
        .first_offset = -1,
        .last_offset = -1,
        .log_append_time_ms = -1,
        .log_start_offset = log->start_offset,
        .max_timestamp_ms = -1,
        .max_timestamp_offset = -1,
        .end = log->end,
        .sealed_up_to = -1,
    };
}

static enum err roll_if_needed(struct log *log, const struct segment_append *append, int64_t first_offset,
                               int64_t now_ms, struct log_append_result *out, struct errmsg *why)
{
    struct segment *active = log_active(log);
    struct segment_files files = log_files(log, active);
    bool roll;
    enum err err = segment_must_roll(active, &files, &log->settings, append, now_ms, &roll, why);
    if (!err && roll) {
        err = log_roll_to(log, first_offset, now_ms, why);
        out->sealed_up_to = log_active(log)->base_offset;
    }
    return err && err != ERR_WOULD_BLOCK ? log_fail(log, err, why) : err;
}

static enum err complete_transactions(struct log *log, struct errmsg *why)
{
    struct segment *active = log_active(log);
    struct segment_files files = log_files(log, active);
    for (size_t i = 0; i < log->append.completed_count; i++) {
        const struct completed_txn *txn = &log->append.completed[i];
        if (txn->aborted) {
            struct aborted_txn entry = {txn->producer_id, txn->first_offset, txn->last_offset,
                                        producer_state_stable_offset_after(&log->producers, txn)};
            enum err err = txn_index_append(&active->txns, &files, &entry, why);
            if (err)
                return err;
        }
        producer_state_complete_txn(&log->producers, txn);
    }
    return ERR_NONE;
}

/* The checks have passed: writes, and brings everything in memory up to it. */
static enum err write_append(struct log *log, const struct segment_append *append, int64_t first_offset,
                             const struct batch_info *first, bool has_producers,
                             struct log_append_result *out, struct errmsg *why)
{
    struct segment *active = log_active(log);
    struct segment_files files = log_files(log, active);
    const int32_t pos = active->size_bytes;
    enum err err = segment_append(active, &files, &log->settings, append, why);
    if (err)
        return err == ERR_WOULD_BLOCK ? err : log_fail(log, err, why);
    log_recent_add(log, first_offset, first->last_offset, active->base_offset, pos, first->size_bytes);
    log_set_end(log, append->last_offset + 1);
    if (has_producers) {
        producer_append_commit(&log->append);
        err = complete_transactions(log, why);
        if (err)
            return log_fail(log, err, why);
    }
    producer_state_set_end_offset(&log->producers, log->end.offset);
    if (has_producers)
        log_update_unstable(log);
    out->first_offset = first_offset;
    out->last_offset = append->last_offset;
    out->max_timestamp_ms = append->max_timestamp_ms;
    out->max_timestamp_offset = append->max_timestamp_offset;
    out->end = log->end;
    out->moved = true;
    out->flush_due = log->end.offset - log->recovery_point >= log->settings.flush_messages;
    return ERR_NONE;
}

static enum err too_large(const struct log *log, size_t len, struct errmsg *why)
{
    errmsg_set(why, "append of %zu bytes to %s is larger than a segment (%" PRId32 ")", len, log_name(log),
               log->settings.segment_bytes);
    return ERR_RECORD_LIST_TOO_LARGE;
}

static struct log_position landing(const struct log *log, int64_t offset, int32_t into_append)
{
    const struct segment *active = log_active(log);
    return (struct log_position){offset, active->base_offset, active->size_bytes + into_append};
}

static enum producer_origin producer_origin_of(enum append_origin origin)
{
    switch (origin) {
    case APPEND_CLIENT:
        return APPEND_FROM_CLIENT;
    case APPEND_COORDINATOR:
        return APPEND_FROM_COORDINATOR;
    case APPEND_REPLICATION:
        return APPEND_FROM_REPLICATION;
    }
    UNREACHABLE();
}

enum err log_append_as_leader(struct log *log, struct append_plan *plan, const struct log_append_args *args,
                              struct log_append_result *out, struct errmsg *why)
{
    result_init(log, out);
    enum err err = log_check(log, why);
    if (err)
        return err;
    records_assign(plan, log->end.offset, args->leader_epoch);
    const struct append_info *info = &plan->info;
    const struct segment_append append = {info->bytes, info->last_offset, info->max_timestamp,
                                          info->last_offset};
    if ((int64_t)append.bytes.len > log->settings.segment_bytes)
        return too_large(log, append.bytes.len, why);
    leader_epochs_assign(&log->epochs, args->leader_epoch, info->first_offset);
    err = roll_if_needed(log, &append, info->first_offset, args->now_ms, out, why);
    if (err)
        return err;

    struct producer_batch batch;
    const bool has_producer =
        log_producer_batch(&info->batch, info->bytes, landing(log, info->first_offset, 0), &batch);
    if (has_producer) {
        producer_append_begin(&log->append, &log->producers, producer_origin_of(args->origin),
                              log->settings.verify_transactions, args->verification_guard);
        struct producer_outcome outcome = producer_append_check(&log->append, &batch, why);
        if (outcome.verdict == PRODUCER_REFUSED)
            return outcome.err;
        if (outcome.verdict == PRODUCER_DUPLICATE) {
            out->duplicate = true;
            out->first_offset = outcome.duplicate_first_offset;
            out->last_offset = outcome.duplicate_last_offset;
            out->log_append_time_ms = outcome.duplicate_timestamp_ms;
            out->end = log->end;
            return ERR_NONE;
        }
    }
    out->log_append_time_ms = info->log_append_time;
    return write_append(log, &append, info->first_offset, &info->batch, has_producer, out, why);
}

/* --- follower --- */

/* Epochs and producers of every batch; nothing of the disk is touched. */
static enum err take_note_of_batches(struct log *log, const struct records_summary *sum, bool *has_producers,
                                     struct errmsg *why)
{
    struct view rest = sum->bytes, entry;
    struct batch_info info;
    *has_producers = false;
    while (!batch_next(&rest, &info, &entry)) {
        if (info.magic < 2)
            leader_epochs_clear(&log->epochs);
        else if (info.leader_epoch >= 0)
            leader_epochs_assign(&log->epochs, info.leader_epoch, info.base_offset);
        struct producer_batch batch;
        struct log_position first = landing(log, info.base_offset, (int32_t)(entry.ptr - sum->bytes.ptr));
        if (!log_producer_batch(&info, entry, first, &batch))
            continue;
        if (!*has_producers)
            producer_append_begin(&log->append, &log->producers, APPEND_FROM_REPLICATION,
                                  log->settings.verify_transactions, PRODUCER_GUARD_NONE);
        *has_producers = true;
        struct producer_outcome outcome = producer_append_check(&log->append, &batch, why);
        if (outcome.verdict == PRODUCER_REFUSED)
            return outcome.err;
    }
    return ERR_NONE;
}

/*
 * The leader's log begins inside this batch (DeleteRecords), and ours, being empty, behind its first record:
 * begin where the batch begins.
 */
static enum err begin_anew_at(struct log *log, int64_t offset, int64_t now_ms, struct errmsg *why)
{
    struct log_doomed doomed = {0};
    enum err err = log_truncate_fully_and_start_at(log, offset, -1, now_ms, &doomed, why);
    if (!err && log_doomed_unlink(&doomed, log->disk, why))
        err = log_fail(log, ERR_IO, why);
    log_doomed_close(&doomed);
    return err;
}

static enum err check_continues(struct log *log, const struct records_summary *sum, int64_t first_offset,
                                int64_t now_ms, struct errmsg *why)
{
    if (!sum->offsets_rise) {
        errmsg_set(why, "offsets of the batches for %s do not rise", log_name(log));
        return ERR_INVALID_RECORD;
    }
    if (first_offset >= log->end.offset)
        return ERR_NONE;
    if (log->end.offset == log->start_offset && sum->last_offset >= log->end.offset)
        return begin_anew_at(log, first_offset, now_ms, why);
    errmsg_set(why, "batches for %s begin at offset %" PRId64 ", below the log end %" PRId64, log_name(log),
               first_offset, log->end.offset);
    return ERR_OFFSET_OUT_OF_RANGE;
}

/*
 * Where a segment begins in which these batches are the first: at the log end, so that a gap before a segment
 * is a lost tail (log_load.c), unless they lie too far above it. Old formats tell their last offset only.
 */
static int64_t roll_base(const struct log *log, const struct records_summary *sum)
{
    if (sum->last_offset - log->end.offset <= INT32_MAX)
        return log->end.offset;
    return sum->first_offset >= 0 ? sum->first_offset : sum->last_offset - INT32_MAX;
}

enum err log_append_as_follower(struct log *log, struct view records, int32_t leader_epoch, int64_t now_ms,
                                struct log_append_result *out, struct errmsg *why)
{
    result_init(log, out);
    enum err err = log_check(log, why);
    if (err)
        return err;
    struct append_rules rules = APPEND_RULES_DEFAULT;
    rules.origin = APPEND_REPLICATION;
    rules.produce_version = -1;
    rules.leader_epoch = leader_epoch;
    rules.topic_partition = log_name(log);
    struct records_summary sum;
    err = records_analyze(records, &rules, &sum, why);
    if (err || sum.entry_count == 0)
        return err;
    const int64_t first_offset = sum.first_offset >= 0 ? sum.first_offset : sum.last_offset_of_first_entry;
    err = check_continues(log, &sum, first_offset, now_ms, why);
    if (err)
        return err;
    /* Also of offsets a segment holds only so many: the caller appends less at a time. */
    if ((int64_t)sum.bytes.len > log->settings.segment_bytes || sum.last_offset - first_offset > INT32_MAX)
        return too_large(log, sum.bytes.len, why);

    const struct segment_append append = {sum.bytes, sum.last_offset, sum.max_timestamp,
                                          sum.offset_of_max_timestamp};
    err = roll_if_needed(log, &append, roll_base(log, &sum), now_ms, out, why);
    if (err)
        return err;
    bool has_producers;
    err = take_note_of_batches(log, &sum, &has_producers, why);
    if (err)
        return err;
    out->log_start_offset = log->start_offset;
    return write_append(log, &append, first_offset, &sum.first, has_producers, out, why);
}
