/* Producer state of a log: what a batch says of its producer, replay, rebuilding after load and truncation.
 */
#include <inttypes.h>

#include "storage/log_internal.h"

bool log_producer_batch(const struct batch_info *info, struct view entry, struct log_position first,
                        struct producer_batch *out)
{
    if (info->magic < 2 || info->producer_id < 0)
        return false;
    *out = (struct producer_batch){
        .first = first,
        .last_offset = info->last_offset,
        .max_timestamp_ms = info->max_timestamp,
        .producer_id = info->producer_id,
        .producer_epoch = info->producer_epoch,
        .base_seq = info->base_sequence,
        .last_seq = info->last_sequence,
        .transactional = info->transactional,
        .control = info->control,
    };
    struct control_marker marker;
    if (!info->control || info->record_count == 0 || control_batch_parse(entry, &marker))
        return true;
    /* Kinds of markers that came after 3.9 change nothing. */
    out->has_marker = marker.type != CONTROL_OTHER;
    out->marker_aborts = marker.type == CONTROL_ABORT;
    out->marker_coordinator_epoch = marker.coordinator_epoch;
    out->marker_timestamp_ms = info->max_timestamp;
    return true;
}

/* Applies one batch that is in the log already. */
static enum err replay_batch(struct log *log, struct segment *seg, struct segment_reader *reader,
                             const struct batch_info *info, int32_t pos, struct producer_state *state,
                             struct producer_append *scratch, struct errmsg *why)
{
    if (info->magic < 2 || info->producer_id < 0)
        return ERR_NONE;
    struct view entry = VIEW_NULL;
    if (info->control && info->record_count > 0) {
        enum err err = segment_reader_body(reader, pos, info->size_bytes, &entry, why);
        if (err)
            return err;
    }
    struct producer_batch batch;
    struct log_position first = {info->base_offset, seg->base_offset, pos};
    if (!log_producer_batch(info, entry, first, &batch))
        return ERR_NONE;
    producer_append_begin(scratch, state, APPEND_FROM_REPLICATION, log->settings.verify_transactions,
                          PRODUCER_GUARD_NONE);
    struct producer_outcome outcome = producer_append_check(scratch, &batch, why);
    if (outcome.verdict != PRODUCER_OK)
        return outcome.verdict == PRODUCER_REFUSED ? outcome.err : ERR_NONE;
    producer_append_commit(scratch);
    for (size_t i = 0; i < scratch->completed_count; i++)
        producer_state_complete_txn(state, &scratch->completed[i]);
    return ERR_NONE;
}

static enum err replay_segment(struct log *log, struct segment *seg, struct producer_state *state,
                               struct producer_append *scratch, int64_t from, int64_t to, struct errmsg *why)
{
    struct segment_files files = log_files(log, seg);
    struct batch_info info;
    int32_t pos;
    bool found;
    enum err err = segment_find(seg, &files, from, false, &pos, &info, &found, why);
    if (err || !found)
        return err;
    uint8_t window[INDEX_PAGE_BYTES];
    struct segment_reader reader;
    err = segment_reader_open(&reader, seg, &files, pos, seg->size_bytes, false, window, sizeof window, why);
    if (err)
        return err;
    while (!(err = segment_reader_next(&reader, &info, &pos, why)) && info.last_offset < to) {
        err = replay_batch(log, seg, &reader, &info, pos, state, scratch, why);
        if (err)
            break;
    }
    segment_reader_close(&reader);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err log_replay_producers(struct log *log, struct producer_state *state, struct producer_append *scratch,
                              int64_t to, const int64_t *snapshot_bases, struct errmsg *why)
{
    int i = log_floor_segment(log, state->end_offset);
    for (i = i < 0 ? 0 : i; i < log->segment_count && log->segments[i]->base_offset < to; i++) {
        struct segment *seg = log->segments[i];
        int64_t from = seg->base_offset;
        if (from < state->end_offset)
            from = state->end_offset;
        if (from < log->start_offset)
            from = log->start_offset;
        producer_state_set_end_offset(state, from);
        enum err err = ERR_NONE;
        if (snapshot_bases &&
            (seg->base_offset == snapshot_bases[0] || seg->base_offset == snapshot_bases[1]))
            err = producer_snapshots_take(&log->snapshots, state, false, why);
        if (!err)
            err = replay_segment(log, seg, state, scratch, from, to, why);
        if (err) {
            errmsg_prefix(why, "read producers of segment %" PRId64, seg->base_offset);
            return err;
        }
    }
    producer_state_set_end_offset(state, to);
    return ERR_NONE;
}

/* After a clean stop a log without snapshots was written before there were any: nothing to replay. */
static enum err write_first_snapshots(struct log *log, int64_t end_offset, const int64_t *bases,
                                      struct errmsg *why)
{
    for (int i = 0; i < 2; i++) {
        if (bases[i] < 0 || bases[i] >= end_offset)
            continue;
        producer_state_set_end_offset(&log->producers, bases[i]);
        enum err err = producer_snapshots_take(&log->snapshots, &log->producers, false, why);
        if (err)
            return err;
    }
    producer_state_set_end_offset(&log->producers, end_offset);
    return producer_snapshots_take(&log->snapshots, &log->producers, false, why);
}

enum err log_rebuild_producers(struct log *log, int64_t end_offset, int64_t now_ms, bool clean,
                               struct errmsg *why)
{
    const int n = log->segment_count;
    const int64_t bases[2] = {n >= 2 ? log->segments[n - 2]->base_offset : -1,
                              n >= 1 ? log->segments[n - 1]->base_offset : -1};
    if (clean && producer_snapshots_newest(&log->snapshots) == PRODUCER_NONE)
        return write_first_snapshots(log, end_offset, bases, why);
    const bool nothing_to_do =
        producer_state_is_empty(&log->producers) && log->producers.end_offset >= end_offset;
    enum err err = producer_snapshots_truncate_and_reload(&log->snapshots, &log->producers, log->start_offset,
                                                          end_offset, now_ms,
                                                          log->settings.producer_id_expiration_ms, why);
    if (!err && !nothing_to_do && log->producers.end_offset < end_offset)
        err = log_replay_producers(log, &log->producers, &log->append, end_offset, bases, why);
    if (err)
        return err;
    producer_state_set_end_offset(&log->producers, end_offset);
    return producer_snapshots_take(&log->snapshots, &log->producers, false, why);
}
