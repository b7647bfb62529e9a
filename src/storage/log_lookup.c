#include "storage/log_lookup.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/log_internal.h"
#include "wire/record_lookup.h"

/* Asks one batch for its record; ERR_NOT_FOUND when it has none. */
typedef enum err (*pick_fn)(struct view entry, int64_t timestamp_ms, int64_t min_offset,
                            struct record_place *out);

static enum err pick_at_or_after(struct view entry, int64_t timestamp_ms, int64_t min_offset,
                                 struct record_place *out)
{
    return batch_find_timestamp(entry, timestamp_ms, min_offset, NULL, out);
}

static enum err pick_max(struct view entry, int64_t timestamp_ms, int64_t min_offset,
                         struct record_place *out)
{
    (void)timestamp_ms;
    (void)min_offset;
    return batch_find_max_timestamp(entry, NULL, out);
}

/*
 * Walks batches from the offset index's floor of `index_offset`, asking those whose largest timestamp is at
 * least `timestamp_ms` for a record at or above `min_offset`. What a time-index entry names is the last
 * offset of a batch; the record itself may lie before it, but never before that floor.
 */
static enum err scan_segment(struct log *log, struct segment *seg, int64_t index_offset, int64_t min_offset,
                             int64_t timestamp_ms, pick_fn pick, struct log_found *out, struct errmsg *why)
{
    struct segment_files files = log_files(log, seg);
    struct offset_index_place from;
    enum err err = offset_index_lookup(&seg->offsets, &files, index_offset, false, &from, why);
    if (err)
        return err;
    struct batch_info info;
    int32_t pos;
    struct segment_reader reader;
    err = segment_reader_open(&reader, seg, &files, from.floor.pos, seg->size_bytes, false, NULL, 0, why);
    if (err)
        return err;
    while (out->offset < 0 && !(err = segment_reader_next(&reader, &info, &pos, why))) {
        if (info.max_timestamp < timestamp_ms || info.last_offset < min_offset)
            continue;
        struct view entry;
        struct record_place place;
        err = segment_reader_body(&reader, pos, info.size_bytes, &entry, why);
        if (err)
            break;
        err = pick(entry, timestamp_ms, min_offset, &place);
        if (err == ERR_NOT_FOUND)
            continue;
        if (err) {
            errmsg_set(why, "batch at offset %lld of %s cannot be read", (long long)info.last_offset,
                       log_name(log));
            err = ERR_CORRUPT_MESSAGE;
            break;
        }
        *out = (struct log_found){place.offset, place.timestamp, info.leader_epoch};
    }
    segment_reader_close(&reader);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err log_find_by_timestamp(struct log *log, int64_t timestamp_ms, struct log_found *out,
                               struct errmsg *why)
{
    *out = (struct log_found){-1, -1, -1};
    enum err err = log_check(log, why);
    for (int i = 0; i < log->segment_count && !err && out->offset < 0; i++) {
        struct segment *seg = log->segments[i];
        struct segment_files files = log_files(log, seg);
        int64_t largest_ms;
        err = segment_largest_timestamp(seg, &files, &largest_ms, why);
        if (err || largest_ms < timestamp_ms)
            continue;
        struct time_index_entry floor;
        err = time_index_lookup(&seg->times, &files, timestamp_ms, &floor, why);
        if (err)
            continue;
        int64_t from = floor.offset > log->start_offset ? floor.offset : log->start_offset;
        err = scan_segment(log, seg, from, log->start_offset, timestamp_ms, pick_at_or_after, out, why);
    }
    return log_read_error(log, err, why);
}

enum err log_find_max_timestamp(struct log *log, struct log_found *out, struct errmsg *why)
{
    *out = (struct log_found){-1, -1, -1};
    enum err err = log_check(log, why);
    struct segment *best = NULL;
    for (int i = 0; i < log->segment_count && !err; i++) {
        struct segment *seg = log->segments[i];
        struct segment_files files = log_files(log, seg);
        if (!seg->timestamps_known)
            err = segment_learn_timestamps(seg, &files, i + 1 == log->segment_count, why);
        if (!err && (!best || seg->max_timestamp_ms > best->max_timestamp_ms))
            best = seg;
    }
    if (!err && best && best->max_timestamp_ms >= 0)
        err = scan_segment(log, best, best->max_timestamp_offset, best->base_offset, best->max_timestamp_ms,
                           pick_max, out, why);
    return log_read_error(log, err, why);
}

struct legacy_row {
    int64_t offset;
    int64_t mtime_ms;
};

enum err log_legacy_offsets_before(struct log *log, int64_t timestamp_ms, int32_t max, int64_t now_ms,
                                   int64_t *out, int32_t *count, struct errmsg *why)
{
    *count = 0;
    enum err err = log_check(log, why);
    if (err)
        return err;
    /* One row a segment, and one for the log end, as of now, when the active segment holds something. */
    const int n = log->segment_count;
    const int rows_count = log_active(log)->size_bytes > 0 ? n + 1 : n;
    struct legacy_row *rows = mem_alloc((size_t)(n + 1) * sizeof *rows);
    for (int i = 0; i < n && !err; i++) {
        struct segment_files files = log_files(log, log->segments[i]);
        char *path = segment_path(&files, ".log");
        struct disk_stat st;
        err = DISK(log->disk, stat, path, &st, why);
        free(path);
        int64_t base = log->segments[i]->base_offset;
        rows[i] = (struct legacy_row){base > log->start_offset ? base : log->start_offset, st.mtime_ms};
    }
    rows[n] = (struct legacy_row){log->end.offset, now_ms};
    int from = rows_count - 1;
    if (timestamp_ms == LOG_LEGACY_EARLIEST)
        from = 0;
    else if (timestamp_ms != LOG_LEGACY_LATEST)
        while (from >= 0 && rows[from].mtime_ms > timestamp_ms)
            from--;
    for (int i = err ? -1 : from; i >= 0 && *count < max; i--)
        out[(*count)++] = rows[i].offset;
    free(rows);
    return log_read_error(log, err, why);
}

/* Is the first batch that ends at or above `offset` the one at `at`? */
static enum err leads_to(struct log *log, int64_t offset, struct log_position at, bool nowait, bool *same,
                         struct errmsg *why)
{
    struct log_position found;
    enum err err = log_locate(log, offset, nowait, &found, &(int32_t){0}, why);
    *same = !err && found.segment_base == at.segment_base && found.pos == at.pos;
    return err;
}

/* Where the last batch below `offset` ends: in steps that grow, for gaps are mostly small, then by halves. */
static enum err end_of_batches_below(struct log *log, int64_t offset, bool nowait, int64_t *out,
                                     struct errmsg *why)
{
    struct log_position at;
    enum err err = log_locate(log, offset, nowait, &at, &(int32_t){0}, why);
    int64_t above = offset, below = log->start_offset - 1; /* in the gap, at or above its end; in a batch */
    bool same = true;
    for (int64_t step = 1; !err && same && above > log->start_offset; step *= 2) {
        const int64_t probe = above - log->start_offset > step ? above - step : log->start_offset;
        err = leads_to(log, probe, at, nowait, &same, why);
        *(same ? &above : &below) = probe;
    }
    while (!err && above - below > 1) {
        const int64_t probe = below + (above - below) / 2;
        err = leads_to(log, probe, at, nowait, &same, why);
        *(same ? &above : &below) = probe;
    }
    *out = above;
    return err;
}

enum err log_epoch_end_for_follower(struct log *log, int32_t leader_epoch, bool nowait,
                                    struct leader_epoch *out, struct errmsg *why)
{
    *out = leader_epochs_end_offset_for(&log->epochs, leader_epoch, log->end.offset);
    if (!log->settings.cleanup_compact || out->start_offset <= log->start_offset ||
        out->start_offset >= log->end.offset)
        return ERR_NONE;
    enum err err = log_check(log, why);
    if (!err)
        err = end_of_batches_below(log, out->start_offset, nowait, &out->start_offset, why);
    return log_read_error(log, err, why);
}
