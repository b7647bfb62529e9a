/*
 * Shortening a log.
 *
 * Files leave in two steps: renamed to `.deleted` under the hold, unlinked later by whoever was handed the
 * list. A crash in between is finished by the next load. The log start moves before segments leave, so that
 * no reader is led to one that is gone.
 */
#include "storage/log_trim.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/log_internal.h"

#define DELETED_SUFFIX ".deleted"

/* --- files to unlink --- */

void log_doomed_close(struct log_doomed *doomed)
{
    for (size_t i = 0; i < doomed->count; i++)
        free(doomed->paths[i]);
    free(doomed->paths);
    *doomed = (struct log_doomed){0};
}

/* Takes `path`. */
static void doom(struct log_doomed *doomed, char *path)
{
    if (doomed->count == doomed->cap) {
        doomed->cap = doomed->cap ? 2 * doomed->cap : 8;
        doomed->paths = mem_resize(doomed->paths, doomed->cap * sizeof(char *));
    }
    doomed->paths[doomed->count++] = path;
}

enum err log_doomed_unlink(struct log_doomed *doomed, struct disk *disk, struct errmsg *why)
{
    enum err first = ERR_NONE;
    for (size_t i = 0; i < doomed->count && !first; i++)
        first = DISK(disk, unlink, doomed->paths[i], why);
    log_doomed_close(doomed);
    return first;
}

/* Renames the files of `seg`, which the log has let go, and frees it. */
static enum err doom_segment(struct log *log, struct segment *seg, struct log_doomed *doomed,
                             struct errmsg *why)
{
    struct segment_files files = log_files(log, seg);
    enum err err = segment_rename_files(seg, &files, DELETED_SUFFIX, why);
    if (!err) {
        for (int i = 0; i < SEGMENT_FILE_COUNT; i++) {
            char *path = segment_path(&files, segment_extensions[i]);
            doom(doomed, mem_printf("%s%s", path, DELETED_SUFFIX));
            free(path);
        }
        doomed->size_bytes += seg->size_bytes;
    } else {
        errmsg_prefix(why, "delete segment %" PRId64, seg->base_offset);
    }
    segment_free(seg);
    return err;
}

/* Lets go the segments [first, first + n). */
enum err log_doom_segments(struct log *log, int first, int n, struct log_doomed *doomed, struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = first; i < first + n; i++) {
        if (err)
            segment_free(log->segments[i]);
        else
            err = doom_segment(log, log->segments[i], doomed, why);
    }
    memmove(log->segments + first, log->segments + first + n,
            (size_t)(log->segment_count - first - n) * sizeof(struct segment *));
    log->segment_count -= n;
    return err;
}

/* --- at the end --- */

static enum err truncate_to(struct log *log, int64_t offset, int64_t now_ms, struct log_doomed *doomed,
                            struct errmsg *why)
{
    int keep = log_floor_segment(log, offset) + 1;
    enum err err = ERR_NONE;
    if (keep < log->segment_count) {
        err = log_doom_segments(log, keep, log->segment_count - keep, doomed, why);
        /* Gone for good before the file is cut: no crash may leave a hole. */
        if (!err)
            err = DISK(log->disk, sync_dir, log->path, why);
    }
    if (err)
        return err;
    struct segment_files files = log_files(log, log_active(log));
    err = segment_truncate(log_active(log), &files, offset, now_ms, why);
    if (err)
        return err;
    log_recent_clear(log);
    log_set_end(log, offset);
    if (log->recovery_point > offset)
        log->recovery_point = offset;
    leader_epochs_truncate_from_end(&log->epochs, offset);
    if (log->start_offset > offset)
        log->start_offset = offset;
    err = log_rebuild_producers(log, offset, now_ms, false, why);
    if (err)
        return err;
    if (log->hw.offset >= offset)
        log->hw = log->end;
    producer_state_on_high_watermark(&log->producers, log->hw.offset);
    log_update_unstable(log);
    return ERR_NONE;
}

enum err log_truncate_to(struct log *log, int64_t offset, int64_t now_ms, struct log_doomed *doomed,
                         bool *truncated, struct errmsg *why)
{
    *truncated = false;
    enum err err = log_check(log, why);
    if (err)
        return err;
    ASSERT(offset >= 0);
    if (offset >= log->end.offset) {
        leader_epochs_truncate_from_end(&log->epochs, log->end.offset);
        return ERR_NONE;
    }
    *truncated = true;
    if (log->segments[0]->base_offset > offset)
        return log_truncate_fully_and_start_at(log, offset, -1, now_ms, doomed, why);
    log->truncations++;
    if (log->cut_to > offset)
        log->cut_to = offset;
    err = truncate_to(log, offset, now_ms, doomed, why);
    return err ? log_fail(log, err, why) : ERR_NONE;
}

static enum err truncate_fully(struct log *log, int64_t offset, int64_t now_ms, struct log_doomed *doomed,
                               struct errmsg *why)
{
    enum err err = log_doom_segments(log, 0, log->segment_count, doomed, why);
    /* A log always has a segment, also a failed one. */
    if (err) {
        log_add_segment(log, segment_new(offset, now_ms, 0));
        return err;
    }
    err = log_create_segment(log, offset, now_ms, why);
    if (err) {
        log_add_segment(log, segment_new(offset, now_ms, 0));
        return err;
    }
    return producer_snapshots_restart_at(&log->snapshots, &log->producers, offset, why);
}

enum err log_truncate_fully_and_start_at(struct log *log, int64_t offset, int64_t new_start, int64_t now_ms,
                                         struct log_doomed *doomed, struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err)
        return err;
    log->truncations++;
    log->cut_to = 0;
    err = truncate_fully(log, offset, now_ms, doomed, why);
    leader_epochs_clear(&log->epochs);
    log_recent_clear(log);
    log->start_offset = new_start >= 0 ? new_start : offset;
    log->recovery_point = offset;
    log_set_end(log, offset);
    log->hw = log->end;
    log_update_unstable(log);
    return err ? log_fail(log, err, why) : ERR_NONE;
}

/* --- at the beginning --- */

enum err log_raise_start_offset(struct log *log, int64_t offset, bool *raised, struct errmsg *why)
{
    *raised = false;
    enum err err = log_check(log, why);
    if (err)
        return err;
    if (offset > log->hw.offset) {
        errmsg_set(why, "offset %" PRId64 " lies above the high watermark %" PRId64 " of %s", offset,
                   log->hw.offset, log_name(log));
        return ERR_OFFSET_OUT_OF_RANGE;
    }
    if (offset <= log->start_offset)
        return ERR_NONE;
    *raised = true;
    log->start_offset = offset;
    if (log->recovery_point < offset)
        log->recovery_point = offset;
    leader_epochs_truncate_from_start(&log->epochs, offset);
    producer_state_on_log_start(&log->producers, offset, producer_snapshots_newest(&log->snapshots));
    log_update_unstable(log);
    return ERR_NONE;
}

static int64_t segment_upper_bound(const struct log *log, int i)
{
    return i + 1 < log->segment_count ? log->segments[i + 1]->base_offset : log->end.offset;
}

/* No segment that holds anything at or above the high watermark goes, nor one that is last and empty. */
static bool may_delete(const struct log *log, int i)
{
    return log->hw.offset >= segment_upper_bound(log, i) &&
           !(i + 1 == log->segment_count && log->segments[i]->size_bytes == 0);
}

static int count_below_start(const struct log *log)
{
    int n = 0;
    while (n + 1 < log->segment_count && log->segments[n + 1]->base_offset <= log->start_offset &&
           may_delete(log, n))
        n++;
    return n;
}

static int count_by_size(const struct log *log)
{
    if (log->settings.retention_bytes < 0)
        return 0;
    int64_t excess = log_size_bytes(log) - log->settings.retention_bytes;
    int n = 0;
    while (n < log->segment_count && excess - log->segments[n]->size_bytes >= 0 && may_delete(log, n))
        excess -= log->segments[n++]->size_bytes;
    return n;
}

static enum err count_by_time(struct log *log, int64_t now_ms, int *out, struct errmsg *why)
{
    int n = 0;
    while (log->settings.retention_ms >= 0 && n < log->segment_count && may_delete(log, n)) {
        struct segment_files files = log_files(log, log->segments[n]);
        int64_t largest_ms;
        enum err err = segment_largest_timestamp(log->segments[n], &files, &largest_ms, why);
        if (err)
            return err;
        if (now_ms - largest_ms <= log->settings.retention_ms)
            break;
        n++;
    }
    *out = n;
    return ERR_NONE;
}

enum err log_doom_snapshot(struct log *log, int64_t offset, struct log_doomed *doomed, struct errmsg *why)
{
    bool renamed;
    enum err err = producer_snapshots_mark_deleted(&log->snapshots, offset, &renamed, why);
    if (!err && renamed)
        doom(doomed, mem_printf("%s/%020" PRId64 "%s%s", log->path, offset, PRODUCER_SNAPSHOT_SUFFIX,
                                DELETED_SUFFIX));
    return err;
}

static enum err delete_oldest(struct log *log, int n, int64_t now_ms, struct log_doomed *doomed,
                              struct errmsg *why)
{
    if (n == 0)
        return ERR_NONE;
    enum err err = ERR_NONE;
    if (n == log->segment_count)
        err = log_roll_to(log, 0, now_ms, why);
    if (err)
        return err;
    bool raised;
    err = log_raise_start_offset(log, log->segments[n]->base_offset, &raised, why);
    for (int i = 0; i < n && !err; i++)
        err = log_doom_snapshot(log, log->segments[i]->base_offset, doomed, why);
    return err ? err : log_doom_segments(log, 0, n, doomed, why);
}

enum err log_delete_old_segments(struct log *log, int64_t now_ms, struct log_doomed *doomed,
                                 struct log_retention_result *out, struct errmsg *why)
{
    *out = (struct log_retention_result){0};
    enum err err = log_check(log, why);
    if (err)
        return err;
    out->segments_by_start = count_below_start(log);
    err = delete_oldest(log, out->segments_by_start, now_ms, doomed, why);
    if (!err && log->settings.cleanup_delete) {
        out->segments_by_size = count_by_size(log);
        err = delete_oldest(log, out->segments_by_size, now_ms, doomed, why);
        if (!err)
            err = count_by_time(log, now_ms, &out->segments_by_time, why);
        if (!err)
            err = delete_oldest(log, out->segments_by_time, now_ms, doomed, why);
    }
    return err ? log_fail(log, err, why) : ERR_NONE;
}

void log_expire_producers(struct log *log, int64_t now_ms)
{
    producer_state_expire(&log->producers, now_ms, log->settings.producer_id_expiration_ms);
}

/* --- the directory --- */

static enum err sync_parent(struct disk *disk, const char *path, struct errmsg *why)
{
    char *parent = mem_strdup(path);
    char *slash = strrchr(parent, '/');
    if (slash == parent)
        slash++;
    if (slash)
        *slash = '\0';
    enum err err = DISK(disk, sync_dir, slash ? parent : ".", why);
    free(parent);
    return err;
}

enum err log_rename_dir(struct log *log, const char *new_dir, struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err || strcmp(log->path, new_dir) == 0)
        return err;
    for (int i = 0; i < log->segment_count; i++)
        segment_pin(log->segments[i]);
    err = DISK(log->disk, rename, log->path, new_dir, why);
    if (!err) {
        free(log->path);
        log->path = mem_strdup(new_dir);
    }
    for (int i = 0; i < log->segment_count; i++) {
        struct segment_files files = log_files(log, log->segments[i]);
        segment_set_dir(log->segments[i], &files);
        segment_unpin(log->segments[i]);
    }
    if (err)
        return log_fail(log, err, why);
    producer_snapshots_set_dir(&log->snapshots, new_dir);
    err = sync_parent(log->disk, new_dir, why);
    return err ? log_fail(log, err, why) : ERR_NONE;
}
