#include "storage/time_index.h"

#include <inttypes.h>

#include "base/be.h"
#include "storage/index_search.h"

static struct time_index_entry decode(const struct segment_files *files, const uint8_t *entry)
{
    return (struct time_index_entry){be_get_i64(entry), files->base_offset + be_get_i32(entry + 8)};
}

void time_index_init(struct time_index *index)
{
    index_file_init(&index->file, TIME_INDEX_ENTRY_SIZE);
    index->last = (struct time_index_entry){-1, -1};
}

void time_index_close(struct time_index *index)
{
    index_file_close(&index->file);
}

static enum err learn_last(struct time_index *index, const struct segment_files *files, bool nowait,
                           struct errmsg *why)
{
    index->last = (struct time_index_entry){-1, files->base_offset};
    if (index->file.count == 0)
        return ERR_NONE;
    uint8_t entry[TIME_INDEX_ENTRY_SIZE];
    enum err err = index_file_get(&index->file, index->file.count - 1, nowait, entry, why);
    if (!err)
        index->last = decode(files, entry);
    return err;
}

enum err time_index_load(struct time_index *index, const struct segment_files *files, bool nowait,
                         struct errmsg *why)
{
    if (index->file.loaded)
        return ERR_NONE;
    enum err err = index_file_load(&index->file, files, ".timeindex", nowait, why);
    if (!err)
        err = learn_last(index, files, nowait, why);
    if (err)
        time_index_close(index);
    return err;
}

enum err time_index_last(struct time_index *index, const struct segment_files *files,
                         struct time_index_entry *out, struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    if (!err)
        *out = index->last;
    return err;
}

enum err time_index_lookup(struct time_index *index, const struct segment_files *files, int64_t timestamp_ms,
                           struct time_index_entry *out, struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    if (err)
        return err;
    struct index_place place;
    struct index_ends ends = {INDEX_END_UNKNOWN, index->last.timestamp_ms};
    err = index_search(&index->file, INDEX_COLUMN_I64_AT_0, timestamp_ms, ends, false, &place, why);
    if (!err)
        *out = place.floor_i < 0 ? (struct time_index_entry){-1, files->base_offset}
                                 : decode(files, place.floor);
    return err;
}

enum err time_index_append(struct time_index *index, const struct segment_files *files, int64_t timestamp_ms,
                           int64_t offset, struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    if (err)
        return err;
    if (timestamp_ms <= index->last.timestamp_ms)
        return ERR_NONE;
    if (offset < index->last.offset) {
        errmsg_set(why, "time index of segment %" PRId64 ": offset %" PRId64 " after %" PRId64,
                   files->base_offset, offset, index->last.offset);
        return ERR_CORRUPT_FILE;
    }
    uint8_t entry[TIME_INDEX_ENTRY_SIZE];
    be_put_i64(entry, timestamp_ms);
    be_put_i32(entry + 8, (int32_t)(offset - files->base_offset));
    err = index_file_append(&index->file, entry, why);
    if (!err)
        index->last = (struct time_index_entry){timestamp_ms, offset};
    return err;
}

enum err time_index_clear(struct time_index *index, const struct segment_files *files, struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    if (!err)
        err = index_file_truncate(&index->file, 0, why);
    if (!err)
        err = learn_last(index, files, false, why);
    return err;
}

enum err time_index_truncate(struct time_index *index, const struct segment_files *files, int64_t offset,
                             struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    struct index_ends ends = {0, index->last.offset - files->base_offset};
    if (!err)
        err = index_search_drop_from(&index->file, INDEX_COLUMN_I32_AT_8, offset - files->base_offset, ends,
                                     why);
    if (!err)
        err = learn_last(index, files, false, why);
    return err;
}

enum err time_index_check(struct time_index *index, const struct segment_files *files, bool *ok,
                          struct errmsg *why)
{
    enum err err = time_index_load(index, files, false, why);
    if (err)
        return err;
    *ok = true;
    if (index->file.count < 2)
        return ERR_NONE;
    uint8_t entry[TIME_INDEX_ENTRY_SIZE];
    err = index_file_get(&index->file, index->file.count - 2, false, entry, why);
    if (!err) {
        struct time_index_entry before = decode(files, entry);
        *ok = before.timestamp_ms < index->last.timestamp_ms && before.offset <= index->last.offset;
    }
    return err;
}
