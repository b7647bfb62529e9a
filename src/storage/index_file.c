#include "storage/index_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

/* A quiet partition has few entries waiting: its tail begins small and grows up to a page. */
#define TAIL_FIRST_ENTRIES 8

char *segment_path(const struct segment_files *files, const char *extension)
{
    return mem_printf("%s/%020" PRId64 "%s%s", files->dir, files->base_offset, extension,
                      files->suffix ? files->suffix : "");
}

void index_file_init(struct index_file *index, uint8_t entry_size)
{
    ASSERT(entry_size <= INDEX_ENTRY_SIZE_MAX);
    memset(index, 0, sizeof *index);
    index->entry_size = entry_size;
}

void index_file_close(struct index_file *index)
{
    disk_file_release(index->file);
    free(index->tail);
    index_file_init(index, index->entry_size);
}

enum err index_file_load(struct index_file *index, const struct segment_files *files, const char *extension,
                         bool nowait, struct errmsg *why)
{
    if (index->loaded)
        return ERR_NONE;
    if (nowait)
        return ERR_WOULD_BLOCK;
    char *path = segment_path(files, extension);
    enum err err = DISK(files->disk, open, path, DISK_OPEN_CREATE, &index->file, why);
    free(path);
    if (err)
        return err;
    struct disk_stat st;
    err = DISK_FILE(index->file, stat_file, &st, why);
    if (err) {
        disk_file_release(index->file);
        index->file = NULL;
        return err;
    }
    int64_t entries = st.size_bytes / index->entry_size;
    index->count = index->written = entries > INT32_MAX ? INT32_MAX : (int32_t)entries;
    index->loaded = true;
    return ERR_NONE;
}

enum err index_file_read(struct index_file *index, int32_t first, int32_t n, bool nowait, uint8_t *out,
                         struct errmsg *why)
{
    ASSERT(index->loaded && first >= 0 && n <= index->written - first);
    size_t len = (size_t)n * index->entry_size;
    int64_t pos = (int64_t)first * index->entry_size;
    size_t got = 0;
    enum err err = nowait ? DISK_FILE(index->file, pread_nowait, out, len, pos, &got, why)
                          : DISK_FILE(index->file, pread, out, len, pos, &got, why);
    if (err)
        return err;
    if (got != len) {
        errmsg_set(why, "index file ends before its entry %" PRId32, first);
        return ERR_CORRUPT_FILE;
    }
    return ERR_NONE;
}

enum err index_file_get(struct index_file *index, int32_t i, bool nowait, uint8_t *entry, struct errmsg *why)
{
    ASSERT(index->loaded && i >= 0 && i < index->count);
    if (i < index->written)
        return index_file_read(index, i, 1, nowait, entry, why);
    memcpy(entry, index->tail + (size_t)(i - index->written) * index->entry_size, index->entry_size);
    return ERR_NONE;
}

static enum err write_tail(struct index_file *index, struct errmsg *why)
{
    int32_t n = index->count - index->written;
    if (n == 0)
        return ERR_NONE;
    struct iovec iov = {index->tail, (size_t)n * index->entry_size};
    enum err err = DISK_FILE(index->file, pwritev, &iov, 1, (int64_t)index->written * index->entry_size, why);
    if (err)
        return err;
    index->written = index->count;
    index->dirty = true;
    return ERR_NONE;
}

enum err index_file_append(struct index_file *index, const uint8_t *entry, struct errmsg *why)
{
    ASSERT(index->loaded);
    const int32_t page_entries = INDEX_PAGE_BYTES / index->entry_size;
    int32_t n = index->count - index->written;
    if (n == page_entries) {
        enum err err = write_tail(index, why);
        if (err)
            return err;
        n = 0;
    }
    if (n == index->tail_cap) {
        int32_t cap = n == 0 ? TAIL_FIRST_ENTRIES : 2 * n;
        if (cap > page_entries)
            cap = page_entries;
        index->tail = mem_resize(index->tail, (size_t)cap * index->entry_size);
        index->tail_cap = (uint16_t)cap;
    }
    memcpy(index->tail + (size_t)n * index->entry_size, entry, index->entry_size);
    index->count++;
    return ERR_NONE;
}

enum err index_file_truncate(struct index_file *index, int32_t count, struct errmsg *why)
{
    ASSERT(index->loaded);
    if (count >= index->count)
        return ERR_NONE;
    if (count < index->written) {
        enum err err = DISK_FILE(index->file, truncate, (int64_t)count * index->entry_size, why);
        if (err)
            return err;
        index->written = count;
        index->dirty = true;
    }
    index->count = count;
    return ERR_NONE;
}

enum err index_file_write_tail(struct index_file *index, struct errmsg *why)
{
    if (!index->loaded)
        return ERR_NONE;
    enum err err = write_tail(index, why);
    if (err)
        return err;
    struct disk_stat st;
    err = DISK_FILE(index->file, stat_file, &st, why);
    if (err)
        return err;
    int64_t size_bytes = (int64_t)index->count * index->entry_size;
    if (st.size_bytes == size_bytes)
        return ERR_NONE;
    index->dirty = true;
    return DISK_FILE(index->file, truncate, size_bytes, why);
}

void index_file_drop_tail(struct index_file *index)
{
    ASSERT(index->count == index->written);
    free(index->tail);
    index->tail = NULL;
    index->tail_cap = 0;
}
