/* How dirty a log is: what the cleaner chooses by. */
#include "storage/compact/compact.h"
#include "storage/log_internal.h"

static int64_t min_i64(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* A checkpoint outside of the log says nothing. */
static void settle_first_dirty(const struct log *log, int64_t checkpoint, struct log_dirt *out)
{
    out->checkpoint_reset =
        checkpoint >= 0 && (checkpoint < log->start_offset || checkpoint > log->end.offset);
    out->first_dirty = checkpoint < 0 || out->checkpoint_reset ? log->start_offset : checkpoint;
}

/* The sealed segments that hold dirty records: [*first, segment_count - 1). */
static int first_dirty_segment(const struct log *log, int64_t first_dirty)
{
    const int i = log_floor_segment(log, first_dirty);
    return i < 0 ? 0 : i;
}

/* The base of the first dirty segment that is too young; INT64_MAX when none is. */
static enum err find_young(struct log *log, const struct log_dirt_args *args, int64_t first_dirty,
                           int64_t *out, struct errmsg *why)
{
    *out = INT64_MAX;
    if (args->min_lag_ms <= 0)
        return ERR_NONE;
    for (int i = first_dirty_segment(log, first_dirty); i + 1 < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        const struct segment_files files = log_files(log, seg);
        int64_t largest_ms;
        enum err err = segment_largest_timestamp(seg, &files, &largest_ms, why);
        if (err)
            return err;
        if (largest_ms > args->now_ms - args->min_lag_ms) {
            *out = seg->base_offset;
            return ERR_NONE;
        }
    }
    return ERR_NONE;
}

static enum err find_oldest(struct log *log, int64_t first_dirty, int64_t *out, struct errmsg *why)
{
    *out = -1;
    for (int i = first_dirty_segment(log, first_dirty); i + 1 < log->segment_count; i++) {
        struct segment *seg = log->segments[i];
        const struct segment_files files = log_files(log, seg);
        int64_t first_ms;
        enum err err = segment_first_timestamp(seg, &files, &first_ms, why);
        if (err)
            return err;
        if (first_ms > 0 && (*out < 0 || first_ms < *out))
            *out = first_ms;
    }
    return ERR_NONE;
}

static void count_bytes(const struct log *log, struct log_dirt *out)
{
    const int64_t from = first_dirty_segment(log, out->first_dirty);
    for (int i = 0; i < log->segment_count; i++) {
        const struct segment *seg = log->segments[i];
        if (seg->base_offset < out->first_dirty)
            out->clean_bytes += seg->size_bytes;
        if (i >= from && seg->base_offset < out->first_uncleanable)
            out->cleanable_bytes += seg->size_bytes;
    }
}

enum err log_dirt(struct log *log, const struct log_dirt_args *args, struct log_dirt *out, struct errmsg *why)
{
    *out = (struct log_dirt){.oldest_dirty_ms = -1};
    enum err err = log_check(log, why);
    if (err)
        return err;
    settle_first_dirty(log, args->checkpoint, out);
    int64_t young;
    err = find_young(log, args, out->first_dirty, &young, why);
    if (!err)
        err = find_oldest(log, out->first_dirty, &out->oldest_dirty_ms, why);
    if (err)
        return log_read_error(log, err, why);
    /* What is not flushed yet is left for the next time: a log is recovered by what its segments were. */
    int64_t bound = min_i64(log_last_stable(log).offset, log_active(log)->base_offset);
    bound = min_i64(min_i64(bound, young), log->recovery_point);
    const int i = log_floor_segment(log, bound);
    out->first_uncleanable = i < 0 ? log->segments[0]->base_offset : log->segments[i]->base_offset;
    count_bytes(log, out);
    return ERR_NONE;
}
