#include "storage/compact/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/sync_set.h"
#include "wire/record_builder.h"

/* Write-back is begun for so much at once: large enough to be sequential, small enough that a sync finds
 * little. */
#define WRITEBACK_BYTES (4 * 1024 * 1024)

struct segment_files output_files(const struct output *output, const struct segment *seg)
{
    return (struct segment_files){output->disk, output->dir, seg->base_offset, OUTPUT_SUFFIX};
}

static struct segment *current(const struct output *output)
{
    return output->segments[output->count - 1];
}

enum err output_begin(struct output *output, int64_t base_offset, int64_t mtime_ms, struct errmsg *why)
{
    struct segment *seg = segment_new(base_offset, 0, 0);
    output->segments = mem_resize(output->segments, (size_t)(output->count + 1) * sizeof *output->segments);
    output->segments[output->count++] = seg;
    output->written_pos = output->writeback_pos = 0;
    output->mtime_ms = mtime_ms;
    output->last_offset = base_offset - 1;
    struct log_settings settings = output->settings;
    settings.preallocate = false;
    const struct segment_files files = output_files(output, seg);
    return segment_create(seg, &files, &settings, why);
}

/* --- bytes -------------------------------------------------------------------------------------------- */

static enum err write_pieces(struct output *output, struct view more, struct errmsg *why)
{
    struct iovec iov[2] = {{output->buffer->data, output->buffered}, {(void *)(uintptr_t)more.ptr, more.len}};
    const int first = output->buffered == 0, n = 2 - first - (more.len == 0);
    if (n <= 0)
        return ERR_NONE;
    struct disk_file *file = current(output)->file;
    enum err err = DISK_FILE(file, pwritev, iov + first, n, output->written_pos, why);
    if (err)
        return err;
    output->written_pos += (int64_t)(output->buffered + more.len);
    output->bytes_out += (int64_t)(output->buffered + more.len);
    output->buffered = 0;
    if (output->written_pos - output->writeback_pos >= WRITEBACK_BYTES) {
        DISK_FILE(file, start_writeback, output->writeback_pos, output->written_pos - output->writeback_pos);
        output->writeback_pos = output->written_pos;
    }
    return ERR_NONE;
}

enum err output_settle(struct output *output, struct errmsg *why)
{
    const struct view run = output->run;
    output->run = VIEW_NULL;
    if (run.len == 0)
        return ERR_NONE;
    struct io_buffer *buffer = output->buffer;
    if (!buffer->data) {
        buffer->data = mem_alloc(buffer->usual);
        buffer->cap = buffer->usual;
    }
    if (run.len > buffer->cap - output->buffered)
        return write_pieces(output, run, why);
    memcpy(buffer->data + output->buffered, run.ptr, run.len);
    output->buffered += run.len;
    return ERR_NONE;
}

static enum err add_bytes(struct output *output, struct view bytes, struct errmsg *why)
{
    if (output->run.len > 0 && output->run.ptr + output->run.len == bytes.ptr) {
        output->run.len += bytes.len;
        return ERR_NONE;
    }
    enum err err = output_settle(output, why);
    output->run = bytes;
    return err;
}

/* --- indexes ------------------------------------------------------------------------------------------ */

static bool has_index_room(const struct output *output, const struct segment *seg)
{
    const int32_t bytes = output->settings.segment_index_bytes;
    return seg->offsets.file.count < bytes / OFFSET_INDEX_ENTRY_SIZE - 1 &&
           seg->times.file.count < bytes / TIME_INDEX_ENTRY_SIZE - 1;
}

/* The batch is going to lie at the end of the segment. */
static enum err index_batch(struct output *output, const struct output_batch *batch, size_t len,
                            struct errmsg *why)
{
    struct segment *seg = current(output);
    const struct segment_files files = output_files(output, seg);
    if (batch->max_timestamp > seg->max_timestamp_ms) {
        seg->max_timestamp_ms = batch->max_timestamp;
        seg->max_timestamp_offset = batch->last_offset;
    }
    enum err err = ERR_NONE;
    if (seg->bytes_since_index > output->settings.index_interval_bytes && has_index_room(output, seg)) {
        err = offset_index_append(&seg->offsets, &files, batch->last_offset, seg->size_bytes, why);
        if (!err)
            err =
                time_index_append(&seg->times, &files, seg->max_timestamp_ms, seg->max_timestamp_offset, why);
        seg->bytes_since_index = 0;
    }
    seg->bytes_since_index += (int32_t)len;
    seg->size_bytes += (int32_t)len;
    output->last_offset = batch->last_offset;
    return err;
}

enum err output_add_aborted(struct output *output, const struct aborted_txn *txn, struct errmsg *why)
{
    struct segment *seg = current(output);
    const struct segment_files files = output_files(output, seg);
    return txn_index_append(&seg->txns, &files, txn, why);
}

/* --- segments ----------------------------------------------------------------------------------------- */

/* The files of a segment that is whole go into `set`. */
static void add_files(const struct segment *seg, struct sync_set *set)
{
    struct disk_file *const handles[] = {seg->file, seg->offsets.file.file, seg->times.file.file,
                                         seg->txns.file};
    for (size_t i = 0; i < ARRAY_LEN(handles); i++)
        if (handles[i])
            sync_set_file(set, disk_file_share(handles[i]));
}

enum err output_sync(struct output *output, struct errmsg *why)
{
    struct sync_set set = {0};
    for (int i = 0; i < output->count; i++)
        add_files(output->segments[i], &set);
    enum err err = sync_set_run(&set, output->disk, why);
    for (int i = 0; i < output->count && !err; i++) {
        struct segment *seg = output->segments[i];
        seg->dirty = seg->offsets.file.dirty = seg->times.file.dirty = seg->txns.dirty = false;
    }
    return err;
}

static void set_mtimes(const struct segment *seg, int64_t mtime_ms)
{
    struct disk_file *const handles[] = {seg->file, seg->offsets.file.file, seg->times.file.file,
                                         seg->txns.file};
    for (size_t i = 0; i < ARRAY_LEN(handles); i++)
        if (handles[i])
            DISK_FILE(handles[i], set_mtime, mtime_ms);
}

enum err output_finish(struct output *output, int64_t next_base, bool may_fill, struct errmsg *why)
{
    struct segment *seg = current(output);
    uint8_t filler[BATCH_V2_HEADER_SIZE];
    struct buf bytes = {filler, 0, sizeof filler};
    enum err err = ERR_NONE;
    if (may_fill && output->last_offset < next_base - 1 && segment_has_room_to(seg, next_base)) {
        const struct batch_info info = {.base_offset = next_base - 1,
                                        .last_offset = next_base - 1,
                                        .max_timestamp = NO_TIMESTAMP,
                                        .producer_id = NO_PRODUCER_ID,
                                        .producer_epoch = NO_PRODUCER_EPOCH,
                                        .base_sequence = NO_SEQUENCE,
                                        .leader_epoch = output->leader_epoch};
        record_empty_batch_build(&info, &bytes);
        const struct output_batch batch = {info.base_offset, info.last_offset, NO_TIMESTAMP};
        err = output_put(output, &batch, buf_view(&bytes), why);
    }
    if (!err)
        err = output_settle(output, why);
    if (!err)
        err = write_pieces(output, VIEW_NULL, why);
    const struct segment_files files = output_files(output, seg);
    if (!err)
        err = segment_seal(seg, &files, why);
    seg->writeback_pos = seg->size_bytes;
    if (!err)
        set_mtimes(seg, output->mtime_ms);
    return err;
}

enum err output_put(struct output *output, const struct output_batch *batch, struct view bytes,
                    struct errmsg *why)
{
    const struct segment *seg = current(output);
    if (!segment_fits_offset(seg, batch->last_offset) || (int64_t)bytes.len > INT32_MAX - seg->size_bytes) {
        int64_t base = batch->base_offset;
        if (base <= output->last_offset)
            base = batch->last_offset - INT32_MAX > output->last_offset ? batch->last_offset - INT32_MAX
                                                                        : output->last_offset + 1;
        enum err err = output_finish(output, base, output->leader_epoch >= 0, why);
        if (!err)
            err = output_begin(output, base, output->mtime_ms, why);
        if (err)
            return err;
    }
    enum err err = index_batch(output, batch, bytes.len, why);
    return err ? err : add_bytes(output, bytes, why);
}

void output_drop(struct output *output)
{
    free(output->segments);
    output->segments = NULL;
    output->count = 0;
    output->buffered = 0;
    output->run = VIEW_NULL;
    output->bytes_out = 0;
}

void output_abandon(struct output *output)
{
    for (int i = 0; i < output->count; i++)
        segment_free(output->segments[i]);
    output_drop(output);
}

void output_remove(struct output *output)
{
    for (int i = 0; i < output->count; i++) {
        const struct segment_files files = output_files(output, output->segments[i]);
        for (int k = 0; k < SEGMENT_FILE_COUNT; k++) {
            char *path = segment_path(&files, segment_extensions[k]);
            (void)DISK(output->disk, unlink, path, NULL);
            free(path);
        }
    }
    output_abandon(output);
}
