/*
 * The output of a round takes its sources' place. At every call a crash leaves the old content or the new, as
 * storage/partition_files.h finds it:
 *
 *   .cleaned -> .swap, highest base first   before the lowest is renamed, the load throws all of them away;
 *                                           behind it, the load finishes the swap
 *   sources -> .deleted
 *   .swap -> plain
 *   the directory is synced                 before anything is built on it: the next swap, the checkpoint
 */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/compact/internal.h"
#include "storage/log_internal.h"

/* Where the sources lie in the log, if they are what they were; else -1. */
static int find_sources(const struct log_compact *compact, const struct log *log)
{
    const struct source *sources = compact->sources + compact->round_first;
    if (log->truncations != compact->truncations || strcmp(log->path, compact->dir) != 0)
        return -1;
    const int first = log_floor_segment(log, sources[0].base_offset);
    if (first < 0 || (size_t)(log->segment_count - first) <= compact->round_count)
        return -1;
    for (size_t i = 0; i < compact->round_count; i++) {
        const struct segment *seg = log->segments[first + (int)i];
        if (seg->file != sources[i].file || seg->size_bytes != sources[i].size_bytes)
            return -1;
    }
    return first;
}

static enum err rename_output(const struct log_compact *compact, const char *from, const char *to,
                              struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = compact->output.count; i-- > 0 && !err;) {
        struct segment *seg = compact->output.segments[i];
        struct segment_files files = output_files(&compact->output, seg);
        files.suffix = from;
        err = segment_rename_files(seg, &files, to, why);
    }
    return err;
}

/* The output's segments are the log's now. */
static void insert_output(struct log_compact *compact, struct log *log, int at)
{
    const int behind = log->segment_count - at;
    struct segment **rest = mem_dup(log->segments + at, sizeof(struct segment *) * (size_t)behind);
    log->segment_count = at;
    for (int i = 0; i < compact->output.count; i++)
        log_add_segment(log, compact->output.segments[i]);
    for (int i = 0; i < behind; i++)
        log_add_segment(log, rest[i]);
    free(rest);
    output_drop(&compact->output);
}

/* Places in files that are gone; offsets stay. */
static void forget_positions(struct log *log, int64_t below)
{
    log_recent_clear(log);
    struct log_position *const known[] = {&log->hw, &log->unstable};
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        if (log_position_is_known(*known[i]) && known[i]->segment_base < below)
            *known[i] = LOG_POSITION_OF_OFFSET(known[i]->offset);
}

/* Snapshots at the bases of segments that are no more. */
static enum err doom_snapshots(const struct log_compact *compact, struct log *log, struct log_doomed *doomed,
                               struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (size_t i = 0; i < compact->round_count && !err; i++) {
        const int64_t base = compact->sources[compact->round_first + i].base_offset;
        const int at = log_floor_segment(log, base);
        if (at < 0 || log->segments[at]->base_offset != base)
            err = log_doom_snapshot(log, base, doomed, why);
    }
    return err;
}

static enum err swap(struct log_compact *compact, struct log *log, int first, struct log_doomed *doomed,
                     struct errmsg *why)
{
    const int64_t next_base = compact->sources[compact->round_first + compact->round_count - 1].next_base;
    enum err err = rename_output(compact, OUTPUT_SUFFIX, ".swap", why);
    if (err)
        return err;
    forget_positions(log, next_base);
    err = log_doom_segments(log, first, (int)compact->round_count, doomed, why);
    if (!err)
        err = rename_output(compact, ".swap", NULL, why);
    compact->stats.segments_after += compact->output.count;
    insert_output(compact, log, first);
    if (!err)
        err = DISK(log->disk, sync_dir, log->path, why);
    return err ? err : doom_snapshots(compact, log, doomed, why);
}

enum err log_compact_swap(struct log_compact *compact, struct log *log, struct log_doomed *doomed,
                          struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err)
        return err;
    const int first = find_sources(compact, log);
    if (first < 0) {
        errmsg_set(why, "segments of %s were replaced or cut meanwhile", log_name(log));
        return ERR_CLOSED;
    }
    err = swap(compact, log, first, doomed, why);
    if (!err)
        return ERR_NONE;
    /* Half of it may be done: the next load sees by all the files what is to become of them. */
    output_abandon(&compact->output);
    return log_fail(log, err, why);
}
