#include <stdlib.h>

#include "base/mem.h"
#include "storage/segment.h"

/* A window of its own begins small, for who wants one batch, and grows for who walks on. */
#define READER_WINDOW_FIRST_BYTES (4 * 1024)
#define READER_WINDOW_BYTES       (64 * 1024)

enum err segment_reader_open(struct segment_reader *reader, struct segment *seg,
                             const struct segment_files *files, int32_t pos, int32_t end, bool nowait,
                             uint8_t *scratch, size_t scratch_cap, struct errmsg *why)
{
    *reader = (struct segment_reader){
        .pos = pos, .end = end, .nowait = nowait, .window = scratch, .window_cap = scratch_cap};
    enum err err = segment_log_file(seg, files, nowait, &reader->file, why);
    if (!err && !scratch) {
        reader->window = reader->own = mem_alloc(READER_WINDOW_FIRST_BYTES);
        reader->window_cap = READER_WINDOW_FIRST_BYTES;
    }
    return err;
}

void segment_reader_close(struct segment_reader *reader)
{
    free(reader->own);
    reader->own = NULL;
}

/* Makes the window larger; what it holds is lost. */
static enum err grow(struct segment_reader *reader, size_t cap, struct errmsg *why)
{
    uint8_t *grown = mem_try_alloc(cap);
    if (!grown) {
        errmsg_set(why, "no memory for a batch of %zu bytes", cap);
        return ERR_NO_MEMORY;
    }
    free(reader->own);
    reader->own = reader->window = grown;
    reader->window_cap = cap;
    return ERR_NONE;
}

/* Room for the next `want` bytes: more than that after a window that was walked through. */
static enum err make_room(struct segment_reader *reader, size_t want, struct errmsg *why)
{
    size_t cap = reader->window_cap;
    if (reader->own && reader->window_len > 0 && cap < READER_WINDOW_BYTES)
        cap = 2 * cap < READER_WINDOW_BYTES ? 2 * cap : READER_WINDOW_BYTES;
    if (cap < want)
        cap = want;
    return cap > reader->window_cap ? grow(reader, cap, why) : ERR_NONE;
}

/* Makes `want` bytes at `pos` available in the window; fewer only at the end of the file. */
static enum err fill(struct segment_reader *reader, int32_t pos, size_t want, struct view *out,
                     struct errmsg *why)
{
    const int64_t window_end = reader->window_pos + (int64_t)reader->window_len;
    if (pos < reader->window_pos || pos + (int64_t)want > window_end) {
        enum err err = make_room(reader, want, why);
        if (err)
            return err;
        size_t len = reader->window_cap;
        if ((int64_t)len > reader->end - pos)
            len = (size_t)(reader->end - pos);
        reader->window_pos = pos;
        reader->window_len = 0;
        err = reader->nowait
                  ? DISK_FILE(reader->file, pread_nowait, reader->window, len, pos, &reader->window_len, why)
                  : DISK_FILE(reader->file, pread, reader->window, len, pos, &reader->window_len, why);
        if (err) {
            reader->window_len = 0;
            return err;
        }
    }
    size_t have = (size_t)(reader->window_pos + (int64_t)reader->window_len - pos);
    *out = view_of(reader->window + (pos - reader->window_pos), have < want ? have : want);
    return ERR_NONE;
}

enum err segment_reader_next(struct segment_reader *reader, struct batch_info *info, int32_t *pos,
                             struct errmsg *why)
{
    const int32_t left = reader->end - reader->pos;
    if (left < BATCH_PEEK_SIZE)
        return ERR_NOT_FOUND;
    struct view head;
    enum err err =
        fill(reader, reader->pos, left < BATCH_HEAD_MAX ? (size_t)left : BATCH_HEAD_MAX, &head, why);
    if (err)
        return err;
    err = batch_peek(head, info);
    if (err == ERR_WOULD_BLOCK || (!err && info->size_bytes > left))
        return ERR_NOT_FOUND;
    if (err) {
        errmsg_set(why, "no batch at position %d", (int)reader->pos);
        return err;
    }
    *pos = reader->pos;
    reader->pos += info->size_bytes;
    return ERR_NONE;
}

enum err segment_reader_body(struct segment_reader *reader, int32_t pos, int32_t size_bytes, struct view *out,
                             struct errmsg *why)
{
    enum err err = fill(reader, pos, (size_t)size_bytes, out, why);
    if (!err && out->len < (size_t)size_bytes) {
        errmsg_set(why, "file ends inside the batch at position %d", (int)pos);
        return ERR_CORRUPT_MESSAGE;
    }
    return err;
}
