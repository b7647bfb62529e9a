#include "storage/offset_index.h"

#include <inttypes.h>

#include "base/be.h"
#include "storage/index_search.h"

static struct offset_index_entry decode(const struct segment_files *files, const uint8_t *entry)
{
    return (struct offset_index_entry){files->base_offset + be_get_i32(entry), be_get_i32(entry + 4)};
}

static const uint8_t zero_entry[OFFSET_INDEX_ENTRY_SIZE];

void offset_index_init(struct offset_index *index)
{
    index_file_init(&index->file, OFFSET_INDEX_ENTRY_SIZE);
    index->last_offset = -1;
}

void offset_index_close(struct offset_index *index)
{
    index_file_close(&index->file);
    index->last_offset = -1;
}

static enum err learn_last(struct offset_index *index, const struct segment_files *files, bool nowait,
                           struct errmsg *why)
{
    index->last_offset = -1;
    if (index->file.count == 0)
        return ERR_NONE;
    uint8_t entry[OFFSET_INDEX_ENTRY_SIZE];
    enum err err = index_file_get(&index->file, index->file.count - 1, nowait, entry, why);
    if (!err)
        index->last_offset = decode(files, entry).offset;
    return err;
}

enum err offset_index_load(struct offset_index *index, const struct segment_files *files, bool nowait,
                           struct errmsg *why)
{
    if (index->file.loaded)
        return ERR_NONE;
    enum err err = index_file_load(&index->file, files, ".index", nowait, why);
    if (!err)
        err = learn_last(index, files, nowait, why);
    if (err)
        offset_index_close(index);
    return err;
}

static struct index_ends offset_ends(const struct offset_index *index, int64_t base_offset)
{
    return (struct index_ends){0, index->last_offset - base_offset};
}

enum err offset_index_lookup(struct offset_index *index, const struct segment_files *files, int64_t offset,
                             bool nowait, struct offset_index_place *out, struct errmsg *why)
{
    enum err err = offset_index_load(index, files, nowait, why);
    if (err)
        return err;
    struct index_place place;
    err = index_search(&index->file, INDEX_COLUMN_I32_AT_0, offset - files->base_offset,
                       offset_ends(index, files->base_offset), nowait, &place, why);
    if (err)
        return err;
    out->floor = decode(files, place.floor_i < 0 ? zero_entry : place.floor);
    out->next_pos = place.has_next ? decode(files, place.next).pos : OFFSET_INDEX_NO_POS;
    return ERR_NONE;
}

enum err offset_index_first_at_or_after(struct offset_index *index, const struct segment_files *files,
                                        int32_t pos, bool nowait, struct offset_index_entry *out, bool *found,
                                        struct errmsg *why)
{
    *found = false;
    enum err err = offset_index_load(index, files, nowait, why);
    if (err)
        return err;
    struct index_place place;
    struct index_ends ends = {0, INDEX_END_UNKNOWN};
    err = index_search(&index->file, INDEX_COLUMN_I32_AT_4, (int64_t)pos - 1, ends, nowait, &place, why);
    if (!err && place.has_next) {
        *out = decode(files, place.next);
        *found = true;
    }
    return err;
}

enum err offset_index_last(struct offset_index *index, const struct segment_files *files,
                           struct offset_index_entry *out, struct errmsg *why)
{
    enum err err = offset_index_load(index, files, false, why);
    if (err)
        return err;
    *out = decode(files, zero_entry);
    if (index->file.count == 0)
        return ERR_NONE;
    uint8_t entry[OFFSET_INDEX_ENTRY_SIZE];
    err = index_file_get(&index->file, index->file.count - 1, false, entry, why);
    if (!err)
        *out = decode(files, entry);
    return err;
}

enum err offset_index_append(struct offset_index *index, const struct segment_files *files, int64_t offset,
                             int32_t pos, struct errmsg *why)
{
    enum err err = offset_index_load(index, files, false, why);
    if (err)
        return err;
    if (index->file.count > 0 && offset <= index->last_offset) {
        errmsg_set(why, "offset index of segment %" PRId64 ": offset %" PRId64 " after %" PRId64,
                   files->base_offset, offset, index->last_offset);
        return ERR_CORRUPT_FILE;
    }
    uint8_t entry[OFFSET_INDEX_ENTRY_SIZE];
    be_put_i32(entry, (int32_t)(offset - files->base_offset));
    be_put_i32(entry + 4, pos);
    err = index_file_append(&index->file, entry, why);
    if (!err)
        index->last_offset = offset;
    return err;
}

enum err offset_index_clear(struct offset_index *index, const struct segment_files *files, struct errmsg *why)
{
    enum err err = offset_index_load(index, files, false, why);
    if (!err)
        err = index_file_truncate(&index->file, 0, why);
    if (!err)
        err = learn_last(index, files, false, why);
    return err;
}

enum err offset_index_truncate(struct offset_index *index, const struct segment_files *files, int64_t offset,
                               struct errmsg *why)
{
    enum err err = offset_index_load(index, files, false, why);
    if (!err)
        err = index_search_drop_from(&index->file, INDEX_COLUMN_I32_AT_0, offset - files->base_offset,
                                     offset_ends(index, files->base_offset), why);
    if (!err)
        err = learn_last(index, files, false, why);
    return err;
}

enum err offset_index_check(struct offset_index *index, const struct segment_files *files,
                            int32_t log_size_bytes, bool *ok, struct errmsg *why)
{
    struct offset_index_entry last;
    enum err err = offset_index_last(index, files, &last, why);
    if (!err)
        *ok = index->file.count == 0 ||
              (last.offset > files->base_offset && last.pos >= 0 && last.pos < log_size_bytes);
    return err;
}
