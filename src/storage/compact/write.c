/* The second pass: groups of segments are read, and what is kept of them written. */
#include "storage/compact/internal.h"

/*
 * Groups of which little stays are written one after the other, synced together and swapped together: many
 * files are synced in about the time of one. What waits for its swap is no more than this, or segment.bytes,
 * and one group.
 */
#define ROUND_BYTES   (64 * 1024 * 1024)
#define ROUND_SOURCES 32

/* Whether to go on is asked after so much. */
#define MOVED_BYTES 65536

struct writing {
    struct log_compact *compact;
    struct filter filter;
    bool may_fill; /* the last batch read has an epoch, as all of the newest format have */
};

/* What transactions and producers say of a batch. Markers that keep their transaction indexed are noted. */
static enum err order_for(struct writing *w, const struct batch_info *info, struct view entry,
                          struct batch_orders *orders, struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    *orders = (struct batch_orders){0};
    if (info->producer_id < 0 && !info->control)
        return ERR_NONE;
    orders->keep_empty = last_batches_has(&compact->last, info);
    if (!info->control) {
        orders->drop_records = transactions_on_data(&compact->txns, info);
        return ERR_NONE;
    }
    struct aborted_txn indexed;
    bool is_indexed;
    orders->needless_marker = transactions_on_control(&compact->txns, info, compact_marker_type(info, entry),
                                                      info->record_count == 0, &indexed, &is_indexed);
    orders->drop_records =
        orders->needless_marker && info->has_delete_horizon && info->base_timestamp <= w->filter.now_ms;
    return is_indexed ? output_add_aborted(&compact->output, &indexed, why) : ERR_NONE;
}

static enum err write_batch(struct writing *w, const struct batch_info *info, struct view entry,
                            struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    struct buf *rewritten = &compact->memory->rewritten;
    struct batch_orders orders;
    struct filtered result;
    w->may_fill = info->leader_epoch >= 0;
    compact->output.leader_epoch = info->leader_epoch;
    enum err err = order_for(w, info, entry, &orders, why);
    if (err)
        return err;
    buf_clear(rewritten);
    err = filter_batch(&w->filter, info, entry, &orders, rewritten, &result, why);
    if (err)
        return err;
    compact->stats.records_read += result.records_read;
    compact->stats.records_written += result.records_kept;
    compact->stats.invalid_records += result.records_invalid;
    if (result.fate == BATCH_GOES)
        return ERR_NONE;
    const struct output_batch batch = {info->base_offset, info->last_offset, result.max_timestamp};
    if (result.fate == BATCH_STAYS)
        return output_put(&compact->output, &batch, entry, why);
    err = output_put(&compact->output, &batch, buf_view(rewritten), why);
    return err ? err : output_settle(&compact->output, why);
}

/* Nothing of it stays, whatever is in it: the map says so of all its records. */
static bool is_superseded(const struct writing *w, const struct batch_info *info)
{
    const struct log_compact *compact = w->compact;
    return info->magic >= 2 && !info->control &&
           newest_is_none(&compact->newest, info->base_offset, info->last_offset) &&
           !last_batches_has(&compact->last, info);
}

static enum err pass_batch(struct writing *w, struct source_reader *reader, const struct batch_info *info,
                           struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    w->may_fill = info->leader_epoch >= 0;
    compact->output.leader_epoch = info->leader_epoch;
    compact->stats.records_read += info->record_count;
    if (info->producer_id >= 0)
        (void)transactions_on_data(&compact->txns, info);
    return source_reader_pass(reader, info, why);
}

/* What is whole of the piece that was read. */
static enum err write_piece(struct writing *w, struct source_reader *reader, struct errmsg *why)
{
    for (;;) {
        struct batch_info info;
        struct view entry;
        enum err err = source_reader_head(reader, &info, why);
        if (!err && is_superseded(w, &info)) {
            err = pass_batch(w, reader, &info, why);
            if (err)
                return err;
            continue;
        }
        if (!err)
            err = source_reader_body(reader, &info, &entry);
        if (err == ERR_WOULD_BLOCK)
            return output_settle(&w->compact->output, why);
        if (!err)
            err = write_batch(w, &info, entry, why);
        if (err)
            return err;
    }
}

static enum err write_source(struct writing *w, const struct source *source, struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    struct source_reader reader;
    source_reader_open(&reader, source, 0, &compact->memory->read);
    int64_t moved = 0;
    enum err err = ERR_NONE;
    while (!err && source_reader_left(&reader) > 0) {
        int64_t bytes;
        const int64_t out_before = compact->output.bytes_out, pos_before = reader.read_pos;
        err = source_reader_fill(&reader, &bytes, why);
        if (!err)
            err = write_piece(w, &reader, why);
        compact->stats.bytes_read += reader.read_pos - pos_before;
        moved += bytes + compact->output.bytes_out - out_before;
        if (err || (moved < MOVED_BYTES && source_reader_left(&reader) > 0))
            continue;
        err = compact_go_on(compact, moved, why);
        moved = 0;
    }
    return err;
}

static enum err mtime_of(const struct source *source, int64_t *mtime_ms, struct errmsg *why)
{
    struct disk_stat st;
    enum err err = DISK_FILE(source->file, stat_file, &st, why);
    *mtime_ms = st.mtime_ms;
    return err;
}

/* Tombstones of old formats go when their segment is older than the newest clean one by delete.retention.ms.
 */
static enum err legacy_horizon(const struct log_compact *compact, int64_t *out, struct errmsg *why)
{
    const struct source *newest_clean = NULL;
    for (size_t i = 0; i < compact->source_count; i++)
        if (compact->sources[i].base_offset < compact->args.first_dirty)
            newest_clean = &compact->sources[i];
    *out = 0;
    if (!newest_clean)
        return ERR_NONE;
    enum err err = mtime_of(newest_clean, out, why);
    *out -= compact->args.delete_retention_ms;
    return err;
}

static enum err write_group(struct writing *w, const struct source *sources, size_t n, struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    int64_t horizon, mtime_ms;
    enum err err = legacy_horizon(compact, &horizon, why);
    if (!err)
        err = mtime_of(&sources[n - 1], &mtime_ms, why);
    if (!err)
        err = output_begin(&compact->output, sources[0].base_offset, mtime_ms, why);
    w->may_fill = false;
    for (size_t i = 0; i < n && !err; i++) {
        int64_t source_mtime_ms;
        err = mtime_of(&sources[i], &source_mtime_ms, why);
        w->filter.legacy_tombstones_stay = source_mtime_ms > horizon;
        if (!err)
            err = write_source(w, &sources[i], why);
    }
    return err ? err : output_finish(&compact->output, sources[n - 1].next_base, w->may_fill, why);
}

/* How many of the sources from `first` on are put together. */
static size_t next_group(const struct log_compact *compact, size_t first)
{
    struct plan_segment segments[256];
    const size_t left = compact->source_count - first;
    size_t n = 0;
    for (; n < left && n < 256; n++) {
        const struct source *source = &compact->sources[first + n];
        segments[n] = (struct plan_segment){source->base_offset, source->next_base, source->size_bytes};
    }
    const struct plan_limits limits = {compact->settings.segment_bytes, compact->settings.segment_index_bytes,
                                       compact->settings.index_interval_bytes};
    return plan_group(segments, n, &limits);
}

static bool has_room(const struct log_compact *compact)
{
    const int32_t segment_bytes = compact->settings.segment_bytes;
    return compact->round_first + compact->round_count < compact->source_count &&
           compact->round_count < ROUND_SOURCES &&
           compact->output.bytes_out < (segment_bytes < ROUND_BYTES ? segment_bytes : ROUND_BYTES);
}

static enum err write_round(struct writing *w, struct errmsg *why)
{
    struct log_compact *compact = w->compact;
    enum err err = ERR_NONE;
    while (!err && has_room(compact)) {
        const size_t first = compact->round_first + compact->round_count;
        const size_t n = next_group(compact, first);
        err = write_group(w, compact->sources + first, n, why);
        compact->round_count += n;
        compact->stats.groups++;
    }
    return err ? err : output_sync(&compact->output, why);
}

enum err log_compact_write(struct log_compact *compact, bool *more, struct errmsg *why)
{
    compact->round_first += compact->round_count;
    compact->round_count = 0;
    *more = false;
    if (compact->round_first == compact->source_count)
        return ERR_NONE;
    struct writing w = {
        .compact = compact,
        .filter = {.map = compact->memory->map,
                   .scratch = &compact->memory->scratch,
                   .latest = compact->next_dirty - 1,
                   .now_ms = compact->args.now_ms,
                   .delete_retention_ms = compact->args.delete_retention_ms,
                   .checked_from = compact->args.first_dirty},
    };
    const enum err err = write_round(&w, why);
    io_buffer_shrink(&compact->memory->read);
    if (err)
        return compact_worker_error(compact, err, why);
    compact->stats.bytes_written += compact->output.bytes_out;
    *more = true;
    return ERR_NONE;
}
