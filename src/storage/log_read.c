/* Reading: from an offset to a run of bytes in one segment file. */
#include <inttypes.h>
#include <stdlib.h>

#include "storage/log_internal.h"

void log_slice_close(struct log_slice *slice)
{
    aborted_list_close(&slice->aborted);
    *slice = (struct log_slice){0};
}

/* The bound with its place in the files, found now if only the offset was known. */
static enum err resolve_bound(struct log *log, enum log_bound bound, bool nowait, struct log_position *out,
                              struct errmsg *why)
{
    struct log_position *cached = &log->end;
    if (bound == LOG_BOUND_HIGH_WATERMARK)
        cached = &log->hw;
    else if (bound == LOG_BOUND_LAST_STABLE)
        cached = log_last_stable(log).offset == log->hw.offset ? &log->hw : &log->unstable;
    enum err err = ERR_NONE;
    if (!log_position_is_known(*cached)) {
        struct log_position found;
        err = log_locate(log, cached->offset, nowait, &found, &(int32_t){0}, why);
        if (!err) {
            found.offset = cached->offset;
            *cached = found;
        }
    }
    *out = *cached;
    return err;
}

/* What lies in [offset, end of the slice) was aborted by whom: over this and later segments. */
static enum err collect_aborted(struct log *log, int first_segment, bool nowait, struct log_slice *out,
                                struct errmsg *why)
{
    out->aborted.count = 0;
    bool any = false;
    for (int i = first_segment; i < log->segment_count && !any; i++)
        any = log->segments[i]->txns.count != 0;
    if (!any)
        return ERR_NONE;

    struct segment *seg = log->segments[first_segment];
    struct segment_files files = log_files(log, seg);
    struct offset_index_entry upper;
    bool found;
    enum err err = offset_index_first_at_or_after(&seg->offsets, &files, (int32_t)out->pos + out->len, nowait,
                                                  &upper, &found, why);
    if (err)
        return err;
    int64_t upper_offset = log->end.offset;
    if (found)
        upper_offset = upper.offset;
    else if (first_segment + 1 < log->segment_count)
        upper_offset = log->segments[first_segment + 1]->base_offset;
    bool complete = false;
    for (int i = first_segment; i < log->segment_count && !complete; i++) {
        seg = log->segments[i];
        files = log_files(log, seg);
        err = txn_index_collect(&seg->txns, &files, out->start.offset, upper_offset, nowait, &out->aborted,
                                &complete, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

static void set_empty(struct log_slice *out, struct log_position start)
{
    out->file = NULL;
    out->pos = 0;
    out->len = 0;
    out->first_entry_incomplete = false;
    out->start = start;
    out->aborted.count = 0;
}

/* The slice that begins at `start`, whose first batch has `size_bytes`. */
static enum err make_slice(struct log *log, const struct log_read_args *args, struct log_position start,
                           struct log_position bound, int32_t first_size, struct log_slice *out,
                           struct errmsg *why)
{
    const int i = log_floor_segment(log, start.segment_base);
    struct segment *seg = log->segments[i];
    struct segment_files files = log_files(log, seg);
    const int32_t limit = bound.segment_base == seg->base_offset ? bound.pos : seg->size_bytes;
    int32_t size = args->max_bytes < 0 ? 0 : args->max_bytes;
    out->first_entry_incomplete = !args->min_one && size < first_size;
    if (args->min_one && size < first_size)
        size = first_size;
    if (limit - start.pos < size)
        size = limit - start.pos;
    if (size <= 0 || bound.segment_base < seg->base_offset) {
        bool incomplete = out->first_entry_incomplete;
        set_empty(out, start);
        out->first_entry_incomplete = incomplete;
        return ERR_NONE;
    }
    enum err err = segment_log_file(seg, &files, args->nowait, &out->file, why);
    if (err)
        return err;
    out->pos = start.pos;
    out->len = size;
    out->start = start;
    return args->want_aborted ? collect_aborted(log, i, args->nowait, out, why) : ERR_NONE;
}

/* The batch at `start` is all that is left of its segment, and is only a header. */
static bool is_hollow_end(const struct log *log, struct log_position start, int32_t size_bytes)
{
    const int i = log_floor_segment(log, start.segment_base);
    return size_bytes == BATCH_V2_HEADER_SIZE && i + 1 < log->segment_count &&
           start.pos + size_bytes == log->segments[i]->size_bytes;
}

/*
 * Compaction may leave segments with nothing but a batch without records. Consumers are led past them:
 * librdkafka takes ten answers in a row without a record for a record that is too large. Followers get them.
 */
static enum err skip_hollow(struct log *log, const struct log_read_args *args, int64_t bound,
                            struct log_position *start, int32_t *size_bytes, struct errmsg *why)
{
    while (args->bound != LOG_BOUND_END && is_hollow_end(log, *start, *size_bytes)) {
        const int64_t next = log->segments[log_floor_segment(log, start->segment_base) + 1]->base_offset;
        struct log_position found;
        int32_t found_size;
        if (next >= bound)
            return ERR_NONE;
        enum err err = log_locate(log, next, args->nowait, &found, &found_size, why);
        if (err)
            return err;
        if (found_size == 0)
            return ERR_NONE;
        *start = found;
        *size_bytes = found_size;
    }
    return ERR_NONE;
}

enum err log_read(struct log *log, const struct log_read_args *args, struct log_slice *out,
                  struct errmsg *why)
{
    set_empty(out, LOG_POSITION_OF_OFFSET(args->offset));
    enum err err = log_check(log, why);
    if (err)
        return err;
    if (args->offset < log->start_offset || args->offset > log->end.offset) {
        errmsg_set(why, "offset %" PRId64 " of %s is outside [%" PRId64 ", %" PRId64 "]", args->offset,
                   log_name(log), log->start_offset, log->end.offset);
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    struct log_position bound, start;
    err = resolve_bound(log, args->bound, args->nowait, &bound, why);
    if (err)
        return err;
    if (args->offset == bound.offset) {
        set_empty(out, bound);
        return ERR_NONE;
    }
    int32_t first_size;
    err = log_locate(log, args->offset, args->nowait, &start, &first_size, why);
    if (!err && args->offset < bound.offset)
        err = skip_hollow(log, args, bound.offset, &start, &first_size, why);
    if (err)
        return err;
    start.offset = args->offset;
    if (args->offset > bound.offset || first_size == 0) {
        set_empty(out, start);
        return ERR_NONE;
    }
    err = make_slice(log, args, start, bound, first_size, out, why);
    if (err) {
        set_empty(out, start);
        return log_read_error(log, err, why);
    }
    return ERR_NONE;
}
