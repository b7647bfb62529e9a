#include "storage/log_split.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"

#define COPY_BYTES (1024 * 1024)

static enum err copy(struct disk_file *from, int32_t pos, int32_t end, struct disk_file *to,
                     struct errmsg *why)
{
    uint8_t *bytes = mem_alloc(COPY_BYTES);
    enum err err = ERR_NONE;
    for (int32_t at = pos; at < end && err == ERR_NONE;) {
        size_t wanted = (size_t)(end - at) < COPY_BYTES ? (size_t)(end - at) : COPY_BYTES, got;
        err = DISK_FILE(from, pread, bytes, wanted, at, &got, why);
        if (err == ERR_NONE && got < wanted) {
            errmsg_set(why, "the file ends at %" PRId32, at + (int32_t)got);
            err = ERR_IO;
        }
        const struct iovec iov = {bytes, wanted};
        if (err == ERR_NONE)
            err = DISK_FILE(to, pwritev, &iov, 1, at - pos, why);
        at += (int32_t)wanted;
    }
    free(bytes);
    return err;
}

static enum err write_rest(struct log *log, struct segment *from, int32_t pos, struct segment *to,
                           struct errmsg *why)
{
    struct segment_files from_files = log_files(log, from), files = log_files(log, to);
    char *cleaned = segment_path(&files, ".log.cleaned"), *plain = segment_path(&files, ".log");
    struct disk_file *source, *target = NULL;
    enum err err = segment_log_file(from, &from_files, false, &source, why);
    if (!err)
        err = DISK(log->disk, open, cleaned, DISK_OPEN_TRUNCATE, &target, why);
    if (!err)
        err = copy(source, pos, from->size_bytes, target, why);
    if (!err)
        err = DISK_FILE(target, sync, why);
    disk_file_release(target);
    if (!err)
        err = DISK(log->disk, rename, cleaned, plain, why);
    if (!err)
        err = DISK(log->disk, sync_dir, log->path, why);
    free(cleaned);
    free(plain);
    return err;
}

static void insert(struct log *log, int at, struct segment *seg)
{
    int behind = log->segment_count - at;
    struct segment **rest = mem_alloc(sizeof(struct segment *) * (size_t)(behind + 1));
    memcpy(rest, log->segments + at, sizeof(struct segment *) * (size_t)behind);
    log->segment_count = at;
    log_add_segment(log, seg);
    for (int i = 0; i < behind; i++)
        log_add_segment(log, rest[i]);
    free(rest);
}

enum err log_split_segment(struct log *log, int i, int32_t pos, int64_t base_offset, int64_t now_ms,
                           bool *made, struct errmsg *why)
{
    struct segment *from = log->segments[i];
    *made = false;
    if (i + 1 < log->segment_count && log->segments[i + 1]->base_offset <= base_offset)
        return ERR_NONE;
    struct segment *to = segment_new(base_offset, now_ms, log_next_jitter(log));
    enum err err = write_rest(log, from, pos, to, why);
    struct segment_files files = log_files(log, to);
    if (!err)
        err = segment_open(to, &files, why);
    if (err) {
        errmsg_prefix(why, "split segment %" PRId64 " at offset %" PRId64, from->base_offset, base_offset);
        segment_free(to);
        return err;
    }
    log_warn("storage", "segment_split",
             "log=%s segment=%" PRId64 " at=%" PRId64 " bytes=%" PRId32
             " reason=\"its offsets outgrow 32 bits from its base\"",
             log_name(log), from->base_offset, base_offset, from->size_bytes - pos);
    insert(log, i + 1, to);
    *made = true;
    return ERR_NONE;
}
