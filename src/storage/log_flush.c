#include "storage/log_flush.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/log_internal.h"

/* So many files are synced cheaper by one barrier for their file system. */
#define SYNC_FS_FROM_FILES 256

static void forget(struct log_flush *flush)
{
    for (size_t i = 0; i < flush->file_count; i++)
        disk_file_release(flush->files[i]);
    for (size_t i = 0; i < flush->dir_count; i++)
        free(flush->dirs[i]);
    flush->file_count = flush->dir_count = 0;
}

void log_flush_close(struct log_flush *flush)
{
    forget(flush);
    free(flush->files);
    free(flush->dirs);
    *flush = (struct log_flush){0};
}

/* Takes a share. */
static void add_file(struct log_flush *flush, struct disk_file *file)
{
    if (flush->file_count == flush->file_cap) {
        flush->file_cap = flush->file_cap ? 2 * flush->file_cap : 8;
        flush->files = mem_resize(flush->files, flush->file_cap * sizeof(struct disk_file *));
    }
    flush->files[flush->file_count++] = file;
}

static void add_dir(struct log_flush *flush, const char *dir)
{
    if (flush->dir_count > 0 && strcmp(flush->dirs[flush->dir_count - 1], dir) == 0)
        return;
    if (flush->dir_count == flush->dir_cap) {
        flush->dir_cap = flush->dir_cap ? 2 * flush->dir_cap : 4;
        flush->dirs = mem_resize(flush->dirs, flush->dir_cap * sizeof(char *));
    }
    flush->dirs[flush->dir_count++] = mem_strdup(dir);
}

/*
 * The files of one segment that changed; with `again` also those that an earlier flush collected. Indexes of
 * the active segment are left out unless it is sealed: recovery builds them anew anyway, and a flush for each
 * append is to sync one file only.
 */
static enum err collect_segment(struct log *log, struct segment *seg, bool sealed, bool again,
                                struct log_flush *flush, struct errmsg *why)
{
    if (seg->dirty || again) {
        struct segment_files files = log_files(log, seg);
        struct disk_file *file;
        enum err err = segment_log_file(seg, &files, false, &file, why);
        if (err)
            return err;
        add_file(flush, disk_file_share(file));
        seg->dirty = false;
    }
    if (!sealed)
        return ERR_NONE;
    struct {
        struct disk_file *file;
        bool *dirty;
    } indexes[] = {{seg->offsets.file.file, &seg->offsets.file.dirty},
                   {seg->times.file.file, &seg->times.file.dirty},
                   {seg->txns.file, &seg->txns.dirty}};
    for (size_t i = 0; i < ARRAY_LEN(indexes); i++) {
        if (!*indexes[i].dirty && !(again && indexes[i].file))
            continue;
        add_file(flush, disk_file_share(indexes[i].file));
        *indexes[i].dirty = false;
    }
    return ERR_NONE;
}

static enum err collect_snapshot(struct log *log, int64_t offset, struct log_flush *flush, struct errmsg *why)
{
    char *path = mem_printf("%s/%020" PRId64 "%s", log->path, offset, PRODUCER_SNAPSHOT_SUFFIX);
    struct disk_file *file;
    enum err err = DISK(log->disk, open, path, DISK_OPEN_READ, &file, why);
    free(path);
    if (!err)
        add_file(flush, file);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

static enum err save_epochs(struct log *log, struct errmsg *why)
{
    if (!log->epochs.dirty)
        return ERR_NONE;
    enum err err = leader_epochs_save(&log->epochs, log->disk, log->path, why);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/*
 * The first segment with something that is not synced. When a flush had reached the log end just before a new
 * segment was begun there, the indexes of the one before were left out of it.
 */
static int first_unsynced(const struct log *log)
{
    const int i = log_floor_segment(log, log->recovery_point);
    return i > 0 && log->segments[i]->base_offset == log->recovery_point ? i - 1 : i < 0 ? 0 : i;
}

static enum err collect(struct log *log, int64_t up_to, bool closing, struct log_flush *flush,
                        struct errmsg *why)
{
    enum err err = save_epochs(log, why);
    /* A flush that has not ended yet may not have synced what it collected; a log that is closed does not
     * wait. */
    bool again = closing && log->recovery_point < log->end.offset;
    for (int i = first_unsynced(log); i < log->segment_count && !err; i++) {
        struct segment *seg = log->segments[i];
        if (seg->base_offset >= up_to && !closing)
            break;
        err = collect_segment(log, seg, closing || i + 1 < log->segment_count, again, flush, why);
        if (seg->base_offset >= log->recovery_point)
            add_dir(flush, log->path);
    }
    if (!err && log->unsynced_snapshot >= 0 && log->unsynced_snapshot <= up_to) {
        err = collect_snapshot(log, log->unsynced_snapshot, flush, why);
        log->unsynced_snapshot = -1;
    }
    return err;
}

enum err log_flush_begin(struct log *log, int64_t up_to, struct log_flush *flush,
                         struct log_flush_ticket *ticket, bool *needed, struct errmsg *why)
{
    *needed = false;
    *ticket = (struct log_flush_ticket){-1, log->truncations};
    enum err err = log_check(log, why);
    if (err)
        return err;
    if (up_to > log->end.offset)
        up_to = log->end.offset;
    if (up_to <= log->recovery_point)
        return ERR_NONE;
    ASSERT(!flush->disk || flush->disk == log->disk);
    flush->disk = log->disk;
    err = collect(log, up_to, false, flush, why);
    if (err)
        return log_fail(log, err, why);
    *needed = true;
    ticket->up_to = up_to;
    return ERR_NONE;
}

enum err log_flush_run(struct log_flush *flush, struct errmsg *why)
{
    enum err err = ERR_NONE;
    if (flush->file_count >= SYNC_FS_FROM_FILES && flush->dir_count > 0) {
        err = DISK(flush->disk, sync_fs, flush->dirs[0], why);
    } else {
        for (size_t i = 0; i < flush->file_count && !err; i++)
            err = DISK_FILE(flush->files[i], sync, why);
        for (size_t i = 0; i < flush->dir_count && !err; i++) {
            err = DISK(flush->disk, sync_dir, flush->dirs[i], why);
            /* Renamed for deletion meanwhile: nobody needs it any more. */
            if (err == ERR_NOT_FOUND)
                err = ERR_NONE;
        }
    }
    forget(flush);
    return err ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
}

void log_flush_end(struct log *log, const struct log_flush_ticket *ticket, enum err result,
                   const struct errmsg *why)
{
    if (ticket->up_to < 0)
        return;
    if (result) {
        struct errmsg text = {""};
        if (why)
            text = *why;
        errmsg_prefix(&text, "flush");
        (void)log_fail(log, result, &text);
        return;
    }
    if (ticket->truncations == log->truncations && ticket->up_to > log->recovery_point)
        log->recovery_point = ticket->up_to;
}

enum err log_close(struct log *log, struct log_flush *flush, struct errmsg *why)
{
    enum err err = log_check(log, why);
    if (err)
        return err;
    ASSERT(!flush->disk || flush->disk == log->disk);
    flush->disk = log->disk;
    struct segment *active = log_active(log);
    struct segment_files files = log_files(log, active);
    err = segment_seal(active, &files, why);
    if (!err) {
        producer_state_set_end_offset(&log->producers, log->end.offset);
        err = producer_snapshots_take(&log->snapshots, &log->producers, false, why);
    }
    if (!err) {
        log->unsynced_snapshot = log->end.offset;
        err = collect(log, log->end.offset, true, flush, why);
    }
    if (!err)
        add_dir(flush, log->path);
    return err ? log_fail(log, err, why) : ERR_NONE;
}
