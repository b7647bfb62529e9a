#include "storage/compact/source.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Who has just passed over so much without reading it is likely to do it again, and wants no more than a head
 * and a bit. */
#define JUMP_BYTES 8192
#define LOOK_BYTES 512

void io_buffer_close(struct io_buffer *buffer)
{
    free(buffer->data);
    buffer->data = NULL;
    buffer->cap = 0;
}

void io_buffer_shrink(struct io_buffer *buffer)
{
    if (buffer->cap > buffer->usual)
        io_buffer_close(buffer);
}

void source_reader_open(struct source_reader *reader, const struct source *source, int32_t pos,
                        struct io_buffer *buffer)
{
    *reader = (struct source_reader){.source = source, .buffer = buffer, .read_pos = pos, .last_offset = -1};
}

int64_t source_reader_left(const struct source_reader *reader)
{
    return reader->source->size_bytes - reader->read_pos + (int64_t)(reader->len - reader->at);
}

static enum err no_batch(const struct source_reader *reader, const char *what, struct errmsg *why)
{
    const int64_t pos = reader->read_pos - (int64_t)(reader->len - reader->at);
    errmsg_set(why, "segment %" PRId64 ", position %" PRId64 ": %s", reader->source->base_offset, pos, what);
    return ERR_CORRUPT_MESSAGE;
}

/* What is left of the piece goes to the front of the buffer, which has room for the batch that is wanted. */
static enum err make_room(struct source_reader *reader, struct errmsg *why)
{
    struct io_buffer *buffer = reader->buffer;
    const size_t left = reader->len - reader->at;
    const size_t want = (size_t)reader->wanted > buffer->usual ? (size_t)reader->wanted : buffer->usual;
    if (buffer->cap < want) {
        uint8_t *grown = mem_try_alloc(want);
        if (!grown) {
            errmsg_set(why, "no memory for a batch of %zu bytes", want);
            return ERR_NO_MEMORY;
        }
        if (left > 0)
            memcpy(grown, buffer->data + reader->at, left);
        io_buffer_close(buffer);
        buffer->data = grown;
        buffer->cap = want;
    } else if (left > 0) {
        memmove(buffer->data, buffer->data + reader->at, left);
    }
    reader->at = 0;
    reader->len = left;
    return ERR_NONE;
}

/*
 * Reads *len bytes; behind a jump as many as tell where the next one leads, if they need not be waited for:
 * what comes from the disk comes in large pieces.
 */
static enum err read_piece(struct source_reader *reader, size_t *len, struct errmsg *why)
{
    struct disk_file *file = reader->source->file;
    uint8_t *to = reader->buffer->data + reader->len;
    size_t got;
    if (reader->jumped >= JUMP_BYTES && reader->len == 0 && *len > LOOK_BYTES) {
        enum err err = DISK_FILE(file, pread_nowait, to, LOOK_BYTES, reader->read_pos, &got, why);
        if (err != ERR_WOULD_BLOCK)
            *len = LOOK_BYTES;
        if (!err && got == LOOK_BYTES)
            return ERR_NONE;
        if (err && err != ERR_WOULD_BLOCK)
            return err;
    }
    enum err err = DISK_FILE(file, pread, to, *len, reader->read_pos, &got, why);
    if (err)
        return err;
    return got < *len ? no_batch(reader, "the file is shorter than it was", why) : ERR_NONE;
}

enum err source_reader_fill(struct source_reader *reader, int64_t *bytes, struct errmsg *why)
{
    *bytes = 0;
    const int64_t in_file = reader->source->size_bytes - reader->read_pos;
    if (reader->wanted > source_reader_left(reader) || in_file == 0)
        return no_batch(reader, "the segment ends inside a batch", why);
    enum err err = make_room(reader, why);
    if (err)
        return err;
    size_t len = reader->buffer->cap - reader->len;
    if ((int64_t)len > in_file)
        len = (size_t)in_file;
    err = read_piece(reader, &len, why);
    if (err)
        return err;
    reader->len += len;
    reader->read_pos += (int32_t)len;
    reader->wanted = reader->jumped = 0;
    *bytes = (int64_t)len;
    return ERR_NONE;
}

/* Offsets rise from batch to batch, and inside one. An old wrapper tells its last only. */
static bool is_in_order(const struct source_reader *reader, const struct batch_info *info)
{
    const int64_t first = info->magic >= 2 ? info->base_offset : info->last_offset;
    return first > reader->last_offset && info->last_offset >= first &&
           first >= reader->source->base_offset && info->last_offset < reader->source->next_base;
}

static struct view rest_of(const struct source_reader *reader)
{
    return view_of(reader->buffer->data + reader->at, reader->len - reader->at);
}

enum err source_reader_head(struct source_reader *reader, struct batch_info *info, struct errmsg *why)
{
    enum err err = batch_peek(rest_of(reader), info);
    if (err == ERR_WOULD_BLOCK) {
        reader->wanted = BATCH_HEAD_MAX < source_reader_left(reader) ? BATCH_HEAD_MAX : 0;
        return err;
    }
    if (err)
        return no_batch(reader, "there is no batch", why);
    if (!is_in_order(reader, info))
        return no_batch(reader, "the offsets of the batch do not follow the one before", why);
    return ERR_NONE;
}

enum err source_reader_body(struct source_reader *reader, const struct batch_info *info, struct view *entry)
{
    const struct view rest = rest_of(reader);
    if (rest.len < (size_t)info->size_bytes) {
        reader->wanted = info->size_bytes;
        return ERR_WOULD_BLOCK;
    }
    *entry = view_of(rest.ptr, (size_t)info->size_bytes);
    reader->at += entry->len;
    reader->last_offset = info->last_offset;
    return ERR_NONE;
}

enum err source_reader_next(struct source_reader *reader, struct batch_info *info, struct view *entry,
                            struct errmsg *why)
{
    enum err err = source_reader_head(reader, info, why);
    return err ? err : source_reader_body(reader, info, entry);
}

enum err source_reader_pass(struct source_reader *reader, const struct batch_info *info, struct errmsg *why)
{
    const size_t there = reader->len - reader->at, size = (size_t)info->size_bytes;
    if (info->size_bytes > source_reader_left(reader))
        return no_batch(reader, "the segment ends inside a batch", why);
    reader->last_offset = info->last_offset;
    if (size <= there) {
        reader->at += size;
        return ERR_NONE;
    }
    reader->jumped = (int32_t)(size - there);
    reader->read_pos += reader->jumped;
    reader->at = reader->len = 0;
    return ERR_NONE;
}
