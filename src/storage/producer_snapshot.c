#include "storage/producer_snapshot.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "storage/atomic_file.h"

#define VERSION    1
#define CRC_POS    2
#define COUNT_POS  6
#define HEAD_BYTES 10
#define ROW_BYTES  46

/* --- codec --- */

static void put_row(const struct producer_entry *entry, struct buf *out)
{
    bool any = entry->batch_count > 0;
    buf_put_i64(out, entry->producer_id);
    buf_put_i16(out, entry->epoch);
    buf_put_i32(out, any ? entry->last.last_seq : PRODUCER_NONE);
    buf_put_i64(out, any ? entry->last.last_offset : PRODUCER_NONE);
    buf_put_i32(out, any ? entry->last.offset_delta : 0);
    buf_put_i64(out, entry->last_timestamp_ms);
    buf_put_i32(out, entry->coordinator_epoch);
    buf_put_i64(out, entry->txn_first_offset);
}

void producer_snapshot_encode(const struct producer_state *state, struct buf *out)
{
    size_t start = out->len;
    size_t count = producer_state_count(state);
    buf_reserve(out, HEAD_BYTES + count * ROW_BYTES);
    buf_put_i16(out, VERSION);
    buf_put_i32(out, 0);
    buf_put_i32(out, (int32_t)count);
    size_t it = 0;
    const struct producer_entry *entry;
    while ((entry = producer_state_next(state, &it)))
        put_row(entry, out);
    uint32_t crc = hash_crc32c(0, out->data + start + COUNT_POS, out->len - start - COUNT_POS);
    be_put_i32(out->data + start + CRC_POS, (int32_t)crc);
}

enum err producer_snapshot_decode(struct view bytes, size_t *count, struct errmsg *why)
{
    if (bytes.len < HEAD_BYTES) {
        errmsg_set(why, "snapshot has %zu bytes", bytes.len);
        return ERR_CORRUPT_FILE;
    }
    int16_t version = be_get_i16(bytes.ptr);
    if (version != VERSION) {
        errmsg_set(why, "Snapshot contained an unknown file version %d", version);
        return ERR_CORRUPT_FILE;
    }
    uint32_t stored = (uint32_t)be_get_i32(bytes.ptr + CRC_POS);
    uint32_t computed = hash_crc32c(0, bytes.ptr + COUNT_POS, bytes.len - COUNT_POS);
    if (stored != computed) {
        errmsg_set(why,
                   "Snapshot is corrupt (CRC is no longer valid). Stored crc: %" PRIu32
                   ". Computed crc: %" PRIu32,
                   stored, computed);
        return ERR_CORRUPT_FILE;
    }
    int32_t rows = be_get_i32(bytes.ptr + COUNT_POS);
    if (rows < 0 || (size_t)rows > (bytes.len - HEAD_BYTES) / ROW_BYTES) {
        errmsg_set(why, "snapshot of %zu bytes says it has %d producers", bytes.len, rows);
        return ERR_CORRUPT_FILE;
    }
    *count = (size_t)rows;
    return ERR_NONE;
}

void producer_snapshot_entry(struct view bytes, size_t i, struct producer_entry *out)
{
    const uint8_t *row = bytes.ptr + HEAD_BYTES + i * ROW_BYTES;
    *out = (struct producer_entry){.producer_id = be_get_i64(row),
                                   .epoch = be_get_i16(row + 8),
                                   .last_timestamp_ms = be_get_i64(row + 26),
                                   .coordinator_epoch = be_get_i32(row + 34),
                                   .txn_first_offset = be_get_i64(row + 38)};
    if (out->txn_first_offset < 0)
        out->txn_first_offset = PRODUCER_NONE;
    out->last = (struct producer_batch_memo){.last_offset = be_get_i64(row + 14),
                                             .timestamp_ms = out->last_timestamp_ms,
                                             .last_seq = be_get_i32(row + 10),
                                             .offset_delta = be_get_i32(row + 22)};
    out->batch_count = out->last.last_offset >= 0;
}

/* --- the files of one partition --- */

static char *path_in(const char *dir, int64_t offset)
{
    return mem_printf("%s/%020" PRId64 "%s", dir, offset, PRODUCER_SNAPSHOT_SUFFIX);
}

static char *path_of(const struct producer_snapshots *files, int64_t offset)
{
    return path_in(files->dir, offset);
}

enum err producer_snapshot_read(struct disk *disk, const char *dir, int64_t offset, struct buf *bytes,
                                size_t *count, struct errmsg *why)
{
    char *path = path_in(dir, offset);
    enum err err = atomic_file_read(disk, path, bytes, why);
    if (!err)
        err = producer_snapshot_decode(buf_view(bytes), count, why);
    free(path);
    return err;
}

/* First place with an offset of at least `offset`. */
static size_t lower_bound(const struct producer_snapshots *files, int64_t offset)
{
    size_t i = files->count;
    while (i && files->offsets[i - 1] >= offset)
        i--;
    return i;
}

static void add_offset(struct producer_snapshots *files, int64_t offset)
{
    size_t at = lower_bound(files, offset);
    if (at < files->count && files->offsets[at] == offset)
        return;
    if (files->count == files->cap) {
        files->cap = files->cap ? files->cap * 2 : 4;
        files->offsets = mem_resize(files->offsets, files->cap * sizeof *files->offsets);
    }
    memmove(&files->offsets[at + 1], &files->offsets[at], (files->count - at) * sizeof *files->offsets);
    files->offsets[at] = offset;
    files->count++;
}

static bool remove_offset(struct producer_snapshots *files, int64_t offset)
{
    size_t at = lower_bound(files, offset);
    if (at == files->count || files->offsets[at] != offset)
        return false;
    files->count--;
    memmove(&files->offsets[at], &files->offsets[at + 1], (files->count - at) * sizeof *files->offsets);
    return true;
}

/* Only names that we would write: twenty digits and the suffix. */
static bool parse_name(const char *name, int64_t *offset)
{
    int64_t value = 0;
    for (int i = 0; i < 20; i++) {
        if (name[i] < '0' || name[i] > '9' || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (int64_t)(name[i] - '0'), &value))
            return false;
    }
    *offset = value;
    return strcmp(name + 20, PRODUCER_SNAPSHOT_SUFFIX) == 0;
}

static bool note_name(void *arg, const char *name, enum disk_entry_kind kind)
{
    int64_t offset;
    if (kind == DISK_ENTRY_FILE && parse_name(name, &offset))
        add_offset(arg, offset);
    return true;
}

enum err producer_snapshots_reload(struct producer_snapshots *files, struct errmsg *why)
{
    files->count = 0;
    return DISK(files->disk, list, files->dir, note_name, files, why);
}

void producer_snapshots_begin(struct producer_snapshots *files, struct disk *disk, const char *dir)
{
    *files = (struct producer_snapshots){.disk = disk, .dir = mem_strdup(dir)};
}

enum err producer_snapshots_init(struct producer_snapshots *files, struct disk *disk, const char *dir,
                                 struct errmsg *why)
{
    producer_snapshots_begin(files, disk, dir);
    enum err err = producer_snapshots_reload(files, why);
    if (err)
        producer_snapshots_close(files);
    return err;
}

void producer_snapshots_close(struct producer_snapshots *files)
{
    free(files->dir);
    free(files->offsets);
    *files = (struct producer_snapshots){0};
}

void producer_snapshots_set_dir(struct producer_snapshots *files, const char *dir)
{
    free(files->dir);
    files->dir = mem_strdup(dir);
}

int64_t producer_snapshots_newest(const struct producer_snapshots *files)
{
    return files->count ? files->offsets[files->count - 1] : PRODUCER_NONE;
}

int64_t producer_snapshots_oldest(const struct producer_snapshots *files)
{
    return files->count ? files->offsets[0] : PRODUCER_NONE;
}

static enum err write_snapshot(struct disk *disk, const char *path, struct view bytes, bool sync,
                               struct errmsg *why)
{
    struct disk_file *file;
    enum err err = DISK(disk, open, path, DISK_OPEN_TRUNCATE, &file, why);
    if (err)
        return err;
    struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
    err = DISK_FILE(file, pwritev, &iov, 1, 0, why);
    if (!err && sync)
        err = DISK_FILE(file, sync, why);
    disk_file_release(file);
    return err;
}

enum err producer_snapshots_take(struct producer_snapshots *files, struct producer_state *state, bool sync,
                                 struct errmsg *why)
{
    if (state->end_offset <= state->snapshot_offset)
        return ERR_NONE;
    struct buf bytes = {0};
    producer_snapshot_encode(state, &bytes);
    char *path = path_of(files, state->end_offset);
    enum err err = write_snapshot(files->disk, path, buf_view(&bytes), sync, why);
    if (err) {
        errmsg_prefix(why, "write %s", path);
    } else {
        add_offset(files, state->end_offset);
        state->snapshot_offset = state->end_offset;
    }
    free(path);
    buf_close(&bytes);
    return err;
}

enum err producer_snapshots_sync(const struct producer_snapshots *files, int64_t offset, struct errmsg *why)
{
    char *path = path_of(files, offset);
    struct disk_file *file;
    enum err err = DISK(files->disk, open, path, DISK_OPEN_WRITE, &file, why);
    if (!err) {
        err = DISK_FILE(file, sync, why);
        disk_file_release(file);
    } else if (err == ERR_NOT_FOUND) {
        err = ERR_NONE;
    }
    if (err)
        errmsg_prefix(why, "sync %s", path);
    free(path);
    return err;
}

enum err producer_snapshots_delete(struct producer_snapshots *files, int64_t offset, struct errmsg *why)
{
    if (!remove_offset(files, offset))
        return ERR_NONE;
    char *path = path_of(files, offset);
    enum err err = DISK(files->disk, unlink, path, why);
    if (err)
        errmsg_prefix(why, "delete %s", path);
    free(path);
    return err;
}

enum err producer_snapshots_mark_deleted(struct producer_snapshots *files, int64_t offset, bool *renamed,
                                         struct errmsg *why)
{
    *renamed = false;
    if (!remove_offset(files, offset))
        return ERR_NONE;
    char *path = path_of(files, offset);
    char *to = mem_printf("%s.deleted", path);
    enum err err = DISK(files->disk, rename, path, to, why);
    *renamed = !err;
    /* Recovery may have deleted it behind our back, which is as good. */
    if (err == ERR_NOT_FOUND)
        err = ERR_NONE;
    if (err)
        errmsg_prefix(why, "rename %s", path);
    free(to);
    free(path);
    return err;
}

enum err producer_snapshots_delete_before(struct producer_snapshots *files, int64_t offset,
                                          struct errmsg *why)
{
    enum err err = ERR_NONE;
    while (!err && files->count && files->offsets[0] < offset)
        err = producer_snapshots_delete(files, files->offsets[0], why);
    return err;
}

static enum err delete_all(struct producer_snapshots *files, struct errmsg *why)
{
    enum err err = ERR_NONE;
    while (!err && files->count)
        err = producer_snapshots_delete(files, files->offsets[files->count - 1], why);
    return err;
}

enum err producer_snapshots_restart_at(struct producer_snapshots *files, struct producer_state *state,
                                       int64_t offset, struct errmsg *why)
{
    enum err err = delete_all(files, why);
    if (!err)
        producer_state_restart_at(state, offset);
    return err;
}

static void load_rows(struct producer_state *state, struct view bytes, size_t count, int64_t now_ms,
                      int64_t expiration_ms)
{
    for (size_t i = 0; i < count; i++) {
        struct producer_entry entry;
        producer_snapshot_entry(bytes, i, &entry);
        if (!producer_entry_is_expired(&entry, now_ms, expiration_ms))
            producer_state_load_entry(state, &entry);
    }
}

static enum err load_one(const struct producer_snapshots *files, struct producer_state *state, int64_t offset,
                         int64_t now_ms, int64_t expiration_ms, struct errmsg *why)
{
    struct buf bytes = {0};
    size_t count;
    enum err err = producer_snapshot_read(files->disk, files->dir, offset, &bytes, &count, why);
    if (!err)
        load_rows(state, buf_view(&bytes), count, now_ms, expiration_ms);
    buf_close(&bytes);
    return err;
}

/* Loads the newest snapshot that is whole; those that are not are deleted. */
static enum err load_newest(struct producer_snapshots *files, struct producer_state *state,
                            int64_t log_start_offset, int64_t now_ms, int64_t expiration_ms,
                            struct errmsg *why)
{
    int64_t offset;
    while ((offset = producer_snapshots_newest(files)) >= 0) {
        struct errmsg flaw = {""};
        enum err err = load_one(files, state, offset, now_ms, expiration_ms, &flaw);
        if (!err)
            break;
        if (err != ERR_CORRUPT_FILE) {
            errmsg_set(why, "%s", flaw.text);
            return err;
        }
        log_warn("storage", "producer_snapshot_dropped", "dir=%s offset=%" PRId64 " why=\"%s\"", files->dir,
                 offset, flaw.text);
        err = producer_snapshots_delete(files, offset, why);
        if (err)
            return err;
    }
    state->snapshot_offset = state->end_offset = offset >= 0 ? offset : log_start_offset;
    return ERR_NONE;
}

enum err producer_snapshots_truncate_and_reload(struct producer_snapshots *files,
                                                struct producer_state *state, int64_t log_start_offset,
                                                int64_t end_offset, int64_t now_ms, int64_t expiration_ms,
                                                struct errmsg *why)
{
    for (size_t i = files->count; i-- > 0;) {
        int64_t offset = files->offsets[i];
        enum err err = offset > end_offset || offset <= log_start_offset
                           ? producer_snapshots_delete(files, offset, why)
                           : ERR_NONE;
        if (err)
            return err;
    }
    if (end_offset == state->end_offset) {
        producer_state_on_log_start(state, log_start_offset, producer_snapshots_newest(files));
        return ERR_NONE;
    }
    producer_state_clear(state);
    return load_newest(files, state, log_start_offset, now_ms, expiration_ms, why);
}

static bool contains(const int64_t *offsets, size_t count, int64_t offset)
{
    for (size_t i = 0; i < count; i++)
        if (offsets[i] == offset)
            return true;
    return false;
}

enum err producer_snapshots_remove_stray(struct producer_snapshots *files, const int64_t *segment_bases,
                                         size_t base_count, struct errmsg *why)
{
    enum err err = producer_snapshots_reload(files, why);
    int64_t highest_base = INT64_MIN;
    for (size_t i = 0; i < base_count; i++)
        if (segment_bases[i] > highest_base)
            highest_base = segment_bases[i];
    bool newest = true; /* of the strays */
    for (size_t i = files->count; !err && i-- > 0;) {
        int64_t offset = files->offsets[i];
        if (contains(segment_bases, base_count, offset))
            continue;
        if (!newest || offset < highest_base)
            err = producer_snapshots_delete(files, offset, why);
        newest = false;
    }
    return err;
}
