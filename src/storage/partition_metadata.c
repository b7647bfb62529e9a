#include "storage/partition_metadata.h"

#include <stdlib.h>

#include "storage/atomic_file.h"
#include "storage/checkpoint_file.h"

void partition_metadata_format(struct uuid topic_id, struct buf *out)
{
    char text[UUID_TEXT_SIZE];
    uuid_to_text(topic_id, text);
    buf_printf(out, "version: 0\ntopic_id: %s", text);
}

static bool is_space(uint8_t c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Where the first ':' with white space after it begins, from `pos` on; `*past` is behind both. */
static size_t find_separator(struct view line, size_t pos, size_t *past)
{
    for (; pos + 1 < line.len; pos++) {
        if (line.ptr[pos] != ':' || !is_space(line.ptr[pos + 1]))
            continue;
        for (*past = pos + 1; *past < line.len && is_space(line.ptr[*past]);)
            ++*past;
        return pos;
    }
    return *past = line.len;
}

/*
 * What follows the line's only ": " (Kafka splits there and does not look at the name before it; empty
 * parts at the end do not count). Takes the line off `text`.
 */
static bool next_value(struct view *text, struct view *value)
{
    size_t len = 0;
    while (len < text->len && text->ptr[len] != '\n' && text->ptr[len] != '\r')
        len++;
    struct view line = view_of(text->ptr, len);
    if (len < text->len)
        len += text->ptr[len] == '\r' && len + 1 < text->len && text->ptr[len + 1] == '\n' ? 2 : 1;
    *text = view_of(text->ptr + len, text->len - len);

    size_t begin;
    size_t past;
    find_separator(line, 0, &begin);
    size_t end = find_separator(line, begin, &past);
    *value = view_of(line.ptr + begin, end - begin);
    while (past < line.len) {
        size_t next = past;
        if (find_separator(line, next, &past) > next)
            return false;
    }
    return value->len > 0;
}

enum err partition_metadata_parse(struct view text, const char *location, struct uuid *topic_id,
                                  struct errmsg *why)
{
    struct view value = VIEW_NULL;
    int32_t version;
    if (!next_value(&text, &value) || !checkpoint_parse_i32(value, &version)) {
        errmsg_set(why, "Malformed version line in partition metadata file [%s]", location);
        return ERR_CORRUPT_FILE;
    }
    if (version < 0) {
        errmsg_set(why, "Unrecognized version of partition metadata file (%s): %d", location, version);
        return ERR_CORRUPT_FILE;
    }
    struct uuid id;
    if (!next_value(&text, &value) || !uuid_from_text(value, &id)) {
        errmsg_set(why, "Malformed topic id line in partition metadata file [%s]", location);
        return ERR_CORRUPT_FILE;
    }
    if (uuid_is_zero(id)) {
        errmsg_set(why, "Invalid topic ID in partition metadata file (%s)", location);
        return ERR_CORRUPT_FILE;
    }
    *topic_id = id;
    return ERR_NONE;
}

enum err partition_metadata_read(struct disk *disk, const char *dir, struct uuid *topic_id,
                                 struct errmsg *why)
{
    char *path = atomic_file_join(dir, PARTITION_METADATA_FILE_NAME);
    struct buf text = {0};
    enum err err = atomic_file_read(disk, path, &text, why);
    if (!err)
        err = partition_metadata_parse(buf_view(&text), path, topic_id, why);
    buf_close(&text);
    free(path);
    return err;
}

enum err partition_metadata_write(struct disk *disk, const char *dir, struct uuid topic_id,
                                  struct errmsg *why)
{
    char *path = atomic_file_join(dir, PARTITION_METADATA_FILE_NAME);
    struct buf text = {0};
    partition_metadata_format(topic_id, &text);
    enum err err = atomic_file_write(disk, path, buf_view(&text), why);
    buf_close(&text);
    free(path);
    return err;
}
