#include "storage/segment.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* What a walk between two index entries reads at once, at most: entries lie some 4 KB apart. */
#define FIND_WINDOW_BYTES (8 * 1024)

const char *const segment_extensions[SEGMENT_FILE_COUNT] = {".log", ".index", ".timeindex", ".txnindex"};

/* --- lifecycle --- */

struct segment *segment_new(int64_t base_offset, int64_t now_ms, int64_t roll_jitter_ms)
{
    struct segment *seg = MEM_NEW(struct segment);
    seg->base_offset = base_offset;
    seg->max_timestamp_ms = -1;
    seg->max_timestamp_offset = base_offset;
    seg->rolling_timestamp_ms = -1;
    seg->created_ms = now_ms;
    seg->roll_jitter_ms = roll_jitter_ms;
    offset_index_init(&seg->offsets);
    time_index_init(&seg->times);
    txn_index_init(&seg->txns);
    return seg;
}

void segment_free(struct segment *seg)
{
    if (!seg)
        return;
    disk_file_release(seg->file);
    offset_index_close(&seg->offsets);
    time_index_close(&seg->times);
    txn_index_close(&seg->txns);
    free(seg);
}

enum err segment_create(struct segment *seg, const struct segment_files *files,
                        const struct log_settings *settings, struct errmsg *why)
{
    ASSERT(!seg->file);
    char *path = segment_path(files, ".log");
    enum err err = DISK(files->disk, open, path, DISK_OPEN_TRUNCATE, &seg->file, why);
    free(path);
    if (err)
        return err;
    path = segment_path(files, ".txnindex");
    err = DISK(files->disk, unlink, path, why);
    free(path);
    if (!err)
        err = offset_index_clear(&seg->offsets, files, why);
    if (!err)
        err = time_index_clear(&seg->times, files, why);
    if (!err && settings->preallocate) {
        err = DISK_FILE(seg->file, truncate, settings->segment_bytes, why);
        seg->preallocated = !err;
    }
    seg->txns.count = 0;
    seg->size_bytes = 0;
    seg->timestamps_known = true;
    seg->dirty = true;
    return err;
}

enum err segment_log_file(struct segment *seg, const struct segment_files *files, bool nowait,
                          struct disk_file **out, struct errmsg *why)
{
    if (!seg->file) {
        if (nowait)
            return ERR_WOULD_BLOCK;
        char *path = segment_path(files, ".log");
        enum err err = DISK(files->disk, open, path, DISK_OPEN_WRITE, &seg->file, why);
        free(path);
        if (err)
            return err;
    }
    *out = seg->file;
    return ERR_NONE;
}

enum err segment_open(struct segment *seg, const struct segment_files *files, struct errmsg *why)
{
    char *path = segment_path(files, ".log");
    struct disk_stat st;
    enum err err = DISK(files->disk, stat, path, &st, why);
    free(path);
    if (err)
        return err;
    if (st.size_bytes > INT32_MAX) {
        errmsg_set(why, "segment %" PRId64 " is larger than 2 GB", files->base_offset);
        return ERR_CORRUPT_FILE;
    }
    seg->size_bytes = seg->writeback_pos = (int32_t)st.size_bytes;
    return ERR_NONE;
}

/* --- appending --- */

bool segment_fits_offset(const struct segment *seg, int64_t offset)
{
    return offset >= seg->base_offset && offset - seg->base_offset <= INT32_MAX;
}

bool segment_has_room_to(const struct segment *seg, int64_t next_base)
{
    return segment_fits_offset(seg, next_base - 1) && seg->size_bytes <= INT32_MAX - BATCH_V2_HEADER_SIZE;
}

static bool indexes_are_full(const struct segment *seg, const struct log_settings *settings)
{
    const int32_t max_bytes = settings->segment_index_bytes;
    /* One place of the time index is kept for the entry that sealing adds. */
    return seg->offsets.file.count >= max_bytes / OFFSET_INDEX_ENTRY_SIZE ||
           seg->times.file.count >= max_bytes / TIME_INDEX_ENTRY_SIZE - 1;
}

/* After a load the first batch tells when the segment began. */
static enum err learn_rolling_timestamp(struct segment *seg, const struct segment_files *files,
                                        struct errmsg *why)
{
    uint8_t scratch[BATCH_HEAD_MAX];
    struct segment_reader reader;
    enum err err =
        segment_reader_open(&reader, seg, files, 0, seg->size_bytes, false, scratch, sizeof scratch, why);
    if (err)
        return err;
    struct batch_info info;
    int32_t pos;
    err = segment_reader_next(&reader, &info, &pos, why);
    segment_reader_close(&reader);
    if (!err)
        seg->rolling_timestamp_ms = info.max_timestamp;
    else if (err != ERR_NOT_FOUND)
        return err;
    seg->rolling_known = true;
    return ERR_NONE;
}

enum err segment_first_timestamp(struct segment *seg, const struct segment_files *files, int64_t *out,
                                 struct errmsg *why)
{
    enum err err = seg->rolling_known ? ERR_NONE : learn_rolling_timestamp(seg, files, why);
    *out = seg->rolling_timestamp_ms;
    return err;
}

static int64_t max_segment_ms(const struct log_settings *settings)
{
    if (settings->cleanup_compact && settings->max_compaction_lag_ms < settings->segment_ms)
        return settings->max_compaction_lag_ms;
    return settings->segment_ms;
}

enum err segment_must_roll(struct segment *seg, const struct segment_files *files,
                           const struct log_settings *settings, const struct segment_append *append,
                           int64_t now_ms, bool *roll, struct errmsg *why)
{
    *roll = true;
    if (seg->size_bytes > settings->segment_bytes - (int64_t)append->bytes.len)
        return ERR_NONE;
    if (!segment_fits_offset(seg, append->last_offset))
        return ERR_NONE;
    enum err err = offset_index_load(&seg->offsets, files, false, why);
    if (!err)
        err = time_index_load(&seg->times, files, false, why);
    if (err)
        return err;
    if (indexes_are_full(seg, settings))
        return ERR_NONE;
    *roll = false;
    if (seg->size_bytes == 0)
        return ERR_NONE;
    if (!seg->rolling_known) {
        err = learn_rolling_timestamp(seg, files, why);
        if (err)
            return err;
    }
    int64_t waited_ms = seg->rolling_timestamp_ms >= 0 ? append->max_timestamp_ms - seg->rolling_timestamp_ms
                                                       : now_ms - seg->created_ms;
    *roll = waited_ms > max_segment_ms(settings) - seg->roll_jitter_ms;
    return ERR_NONE;
}

static enum err add_index_entries(struct segment *seg, const struct segment_files *files, int64_t last_offset,
                                  int32_t pos, struct errmsg *why)
{
    enum err err = offset_index_append(&seg->offsets, files, last_offset, pos, why);
    if (!err)
        err = time_index_append(&seg->times, files, seg->max_timestamp_ms, seg->max_timestamp_offset, why);
    seg->bytes_since_index = 0;
    return err;
}

enum err segment_append(struct segment *seg, const struct segment_files *files,
                        const struct log_settings *settings, const struct segment_append *append,
                        struct errmsg *why)
{
    ASSERT(segment_fits_offset(seg, append->last_offset));
    ASSERT((int64_t)append->bytes.len <= INT32_MAX - seg->size_bytes);
    struct disk_file *file;
    enum err err = segment_log_file(seg, files, false, &file, why);
    if (!err && !seg->timestamps_known)
        err = segment_learn_timestamps(seg, files, true, why);
    if (err)
        return err;
    const int32_t pos = seg->size_bytes;
    struct iovec iov = {(void *)(uintptr_t)append->bytes.ptr, append->bytes.len};
    err = DISK_FILE(file, pwritev, &iov, 1, pos, why);
    if (err)
        return err;
    seg->dirty = true;
    if (pos == 0) {
        seg->rolling_timestamp_ms = append->max_timestamp_ms;
        seg->rolling_known = true;
    }
    if (append->max_timestamp_ms > seg->max_timestamp_ms) {
        seg->max_timestamp_ms = append->max_timestamp_ms;
        seg->max_timestamp_offset = append->max_timestamp_offset;
    }
    if (seg->bytes_since_index > settings->index_interval_bytes) {
        err = add_index_entries(seg, files, append->last_offset, pos, why);
        if (err)
            return err;
    }
    seg->bytes_since_index += (int32_t)append->bytes.len;
    seg->size_bytes += (int32_t)append->bytes.len;
    if (settings->writeback_bytes > 0 && seg->size_bytes - seg->writeback_pos >= settings->writeback_bytes) {
        DISK_FILE(file, start_writeback, seg->writeback_pos, seg->size_bytes - seg->writeback_pos);
        seg->writeback_pos = seg->size_bytes;
    }
    return ERR_NONE;
}

enum err segment_seal(struct segment *seg, const struct segment_files *files, struct errmsg *why)
{
    enum err err = offset_index_load(&seg->offsets, files, false, why);
    if (!err)
        err = time_index_load(&seg->times, files, false, why);
    if (!err && !seg->timestamps_known)
        err = segment_learn_timestamps(seg, files, true, why);
    if (!err)
        err = time_index_append(&seg->times, files, seg->max_timestamp_ms, seg->max_timestamp_offset, why);
    if (!err)
        err = index_file_write_tail(&seg->offsets.file, why);
    if (!err)
        err = index_file_write_tail(&seg->times.file, why);
    if (!err && seg->preallocated)
        err = segment_cut_file(seg, files, seg->size_bytes, why);
    if (!err) {
        index_file_drop_tail(&seg->offsets.file);
        index_file_drop_tail(&seg->times.file);
    }
    return err;
}

/* --- reading --- */

/* Walks from the batch at `from` to the first one that ends at or above `offset`; reads `window` bytes at
 * once. */
static enum err walk_to(struct segment *seg, const struct segment_files *files, int32_t from, size_t window,
                        int64_t offset, bool nowait, int32_t *pos, struct batch_info *info, bool *found,
                        struct errmsg *why)
{
    uint8_t scratch[FIND_WINDOW_BYTES];
    struct segment_reader reader;
    enum err err =
        segment_reader_open(&reader, seg, files, from, seg->size_bytes, nowait, scratch, window, why);
    if (err)
        return err;
    *found = false;
    while (!*found && !(err = segment_reader_next(&reader, info, pos, why)))
        *found = info->last_offset >= offset;
    segment_reader_close(&reader);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Whether the batch at `pos` is known to begin at or below `offset`. */
static enum err begins_at_or_below(struct segment *seg, const struct segment_files *files, int32_t pos,
                                   int64_t offset, bool nowait, struct batch_info *info, bool *yes,
                                   struct errmsg *why)
{
    int32_t at;
    enum err err = walk_to(seg, files, pos, BATCH_HEAD_MAX, INT64_MIN, nowait, &at, info, yes, why);
    *yes = !err && *yes && info->base_offset >= 0 && info->base_offset <= offset;
    return err == ERR_CORRUPT_MESSAGE ? ERR_NONE : err;
}

enum err segment_find(struct segment *seg, const struct segment_files *files, int64_t offset, bool nowait,
                      int32_t *pos, struct batch_info *info, bool *found, struct errmsg *why)
{
    *found = false;
    if (offset <= seg->base_offset)
        return walk_to(seg, files, 0, BATCH_HEAD_MAX, offset, nowait, pos, info, found, why);
    struct offset_index_place place;
    enum err err = offset_index_lookup(&seg->offsets, files, offset, nowait, &place, why);
    if (err)
        return err;
    int32_t from = place.floor.pos;
    if (from < 0 || from >= seg->size_bytes)
        from = 0;
    const bool has_next = place.next_pos > from && place.next_pos < seg->size_bytes;
    const size_t reach = has_next ? (size_t)(place.next_pos - from) + BATCH_HEAD_MAX : FIND_WINDOW_BYTES;
    if (reach <= FIND_WINDOW_BYTES || offset == place.floor.offset)
        return walk_to(seg, files, from, reach < FIND_WINDOW_BYTES ? reach : FIND_WINDOW_BYTES, offset,
                       nowait, pos, info, found, why);
    /* Where appends are large each has an entry, and the next one holds the offset. */
    bool close;
    err = begins_at_or_below(seg, files, place.next_pos, offset, nowait, info, &close, why);
    if (err)
        return err;
    *pos = place.next_pos;
    *found = close && info->last_offset >= offset;
    if (*found)
        return ERR_NONE;
    return walk_to(seg, files, close ? place.next_pos : from, FIND_WINDOW_BYTES, offset, nowait, pos, info,
                   found, why);
}

enum err segment_next_offset(struct segment *seg, const struct segment_files *files, int64_t *out,
                             struct errmsg *why)
{
    struct offset_index_entry last;
    enum err err = offset_index_last(&seg->offsets, files, &last, why);
    if (err)
        return err;
    uint8_t scratch[INDEX_PAGE_BYTES];
    struct segment_reader reader;
    err = segment_reader_open(&reader, seg, files, last.pos, seg->size_bytes, false, scratch, sizeof scratch,
                              why);
    if (err)
        return err;
    struct batch_info info;
    int32_t pos;
    *out = seg->base_offset;
    while (!(err = segment_reader_next(&reader, &info, &pos, why)))
        *out = info.last_offset + 1;
    segment_reader_close(&reader);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err segment_learn_timestamps(struct segment *seg, const struct segment_files *files, bool scan,
                                  struct errmsg *why)
{
    struct time_index_entry last;
    enum err err = time_index_last(&seg->times, files, &last, why);
    if (err)
        return err;
    int64_t max_ms = last.timestamp_ms, max_offset = last.offset;
    if (scan && seg->size_bytes > 0) {
        struct offset_index_place from;
        err = offset_index_lookup(&seg->offsets, files, last.offset, false, &from, why);
        if (err)
            return err;
        uint8_t scratch[INDEX_PAGE_BYTES];
        struct segment_reader reader;
        err = segment_reader_open(&reader, seg, files, from.floor.pos, seg->size_bytes, false, scratch,
                                  sizeof scratch, why);
        if (err)
            return err;
        struct batch_info info;
        int32_t pos;
        while (!(err = segment_reader_next(&reader, &info, &pos, why)))
            if (info.max_timestamp > max_ms) {
                max_ms = info.max_timestamp;
                max_offset = info.last_offset;
            }
        segment_reader_close(&reader);
        if (err != ERR_NOT_FOUND)
            return err;
    }
    seg->max_timestamp_ms = max_ms;
    seg->max_timestamp_offset = max_offset;
    seg->timestamps_known = true;
    return ERR_NONE;
}

enum err segment_largest_timestamp(struct segment *seg, const struct segment_files *files, int64_t *out,
                                   struct errmsg *why)
{
    if (!seg->timestamps_known) {
        enum err err = segment_learn_timestamps(seg, files, false, why);
        if (err)
            return err;
    }
    *out = seg->max_timestamp_ms;
    if (*out >= 0)
        return ERR_NONE;
    char *path = segment_path(files, ".log");
    struct disk_stat st;
    enum err err = DISK(files->disk, stat, path, &st, why);
    free(path);
    if (!err)
        *out = st.mtime_ms;
    return err;
}

/* --- shortening and renaming --- */

enum err segment_cut_file(struct segment *seg, const struct segment_files *files, int32_t size_bytes,
                          struct errmsg *why)
{
    struct disk_file *file;
    enum err err = segment_log_file(seg, files, false, &file, why);
    if (!err)
        err = DISK_FILE(file, truncate, size_bytes, why);
    if (err)
        return err;
    seg->size_bytes = size_bytes;
    if (seg->writeback_pos > size_bytes)
        seg->writeback_pos = size_bytes;
    seg->preallocated = false;
    seg->dirty = true;
    return ERR_NONE;
}

enum err segment_cut_file_durably(struct segment *seg, const struct segment_files *files, int32_t size_bytes,
                                  struct errmsg *why)
{
    struct disk_file *file;
    enum err err = segment_cut_file(seg, files, size_bytes, why);
    if (!err)
        err = segment_log_file(seg, files, false, &file, why);
    return err ? err : DISK_FILE(file, sync, why);
}

enum err segment_truncate(struct segment *seg, const struct segment_files *files, int64_t offset,
                          int64_t now_ms, struct errmsg *why)
{
    int32_t pos;
    struct batch_info info;
    bool found;
    enum err err = segment_find(seg, files, offset, false, &pos, &info, &found, why);
    if (!err)
        err = offset_index_truncate(&seg->offsets, files, offset, why);
    if (!err)
        err = time_index_truncate(&seg->times, files, offset, why);
    if (!err)
        err = txn_index_truncate(&seg->txns, files, offset, why);
    if (!err && found)
        err = segment_cut_file_durably(seg, files, pos, why);
    if (err)
        return err;
    if (seg->size_bytes == 0) {
        seg->created_ms = now_ms;
        seg->rolling_known = false;
        seg->rolling_timestamp_ms = -1;
    }
    seg->bytes_since_index = 0;
    return segment_learn_timestamps(seg, files, true, why);
}

enum err segment_reset_indexes(struct segment *seg, const struct segment_files *files, struct errmsg *why)
{
    enum err err = offset_index_clear(&seg->offsets, files, why);
    if (!err)
        err = time_index_clear(&seg->times, files, why);
    if (!err)
        err = txn_index_truncate(&seg->txns, files, INT64_MIN, why);
    return err;
}

/* In the order of segment_extensions; NULL where the file is not open. */
static void handles_of(const struct segment *seg, struct disk_file *out[SEGMENT_FILE_COUNT])
{
    out[0] = seg->file;
    out[1] = seg->offsets.file.file;
    out[2] = seg->times.file.file;
    out[3] = seg->txns.file;
}

enum err segment_rename_files(struct segment *seg, const struct segment_files *files, const char *suffix,
                              struct errmsg *why)
{
    struct disk_file *handles[SEGMENT_FILE_COUNT];
    handles_of(seg, handles);
    struct segment_files renamed = *files;
    renamed.suffix = suffix;
    for (int i = 0; i < SEGMENT_FILE_COUNT; i++) {
        char *from = segment_path(files, segment_extensions[i]);
        char *to = segment_path(&renamed, segment_extensions[i]);
        /* Whoever shares the handle must not open it anew between the two names. */
        const int fd = handles[i] ? handles[i]->disk->ops->pin_fd(handles[i]) : -1;
        enum err err = DISK(files->disk, rename, from, to, why);
        if (!err && handles[i])
            DISK_FILE(handles[i], set_path, to);
        if (fd >= 0)
            handles[i]->disk->ops->unpin_fd(handles[i]);
        free(from);
        free(to);
        if (err && err != ERR_NOT_FOUND)
            return err;
    }
    return ERR_NONE;
}

void segment_pin(struct segment *seg)
{
    struct disk_file *handles[SEGMENT_FILE_COUNT];
    handles_of(seg, handles);
    for (int i = 0; i < SEGMENT_FILE_COUNT; i++)
        if (handles[i] && handles[i]->disk->ops->pin_fd(handles[i]) >= 0)
            seg->pinned |= (uint8_t)(1U << i);
}

void segment_unpin(struct segment *seg)
{
    struct disk_file *handles[SEGMENT_FILE_COUNT];
    handles_of(seg, handles);
    for (int i = 0; i < SEGMENT_FILE_COUNT; i++)
        if (seg->pinned & (1U << i))
            handles[i]->disk->ops->unpin_fd(handles[i]);
    seg->pinned = 0;
}

void segment_set_dir(struct segment *seg, const struct segment_files *files)
{
    struct disk_file *handles[SEGMENT_FILE_COUNT];
    handles_of(seg, handles);
    for (int i = 0; i < SEGMENT_FILE_COUNT; i++) {
        if (!handles[i])
            continue;
        char *path = segment_path(files, segment_extensions[i]);
        DISK_FILE(handles[i], set_path, path);
        free(path);
    }
}
