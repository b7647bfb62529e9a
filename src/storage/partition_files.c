#include "storage/partition_files.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/segment.h"

#define BASE_DIGITS    20
#define SUFFIX_DELETED ".deleted"
#define SUFFIX_CLEANED ".cleaned"
#define SUFFIX_SWAP    ".swap"

static bool ends_with(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

/* The number before the first dot; -1 when there is none. */
static int64_t offset_of_name(const char *name)
{
    int64_t offset = 0;
    const char *p = name;
    for (; *p >= '0' && *p <= '9'; p++) {
        if (offset > (INT64_MAX - 9) / 10)
            return -1;
        offset = 10 * offset + (*p - '0');
    }
    return p != name && *p == '.' ? offset : -1;
}

/* A copy that somebody made, "<20 digits>.old.log", is none of ours. */
static enum partition_file_kind kind_of_name(const char *name)
{
    const char *extension = name + strspn(name, "0123456789");
    if (extension - name != BASE_DIGITS)
        return PARTITION_FILE_OTHER;
    if (strcmp(extension, segment_extensions[0]) == 0)
        return PARTITION_FILE_LOG;
    for (int i = 1; i < SEGMENT_FILE_COUNT; i++)
        if (strcmp(extension, segment_extensions[i]) == 0)
            return PARTITION_FILE_INDEX;
    return PARTITION_FILE_OTHER;
}

void partition_files_close(struct partition_files *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].name);
    free(files->items);
    *files = (struct partition_files){0};
}

static bool add_name(void *arg, const char *name, enum disk_entry_kind kind)
{
    struct partition_files *files = arg;
    if (kind != DISK_ENTRY_FILE)
        return true;
    if (files->count == files->cap) {
        files->cap = files->cap ? 2 * files->cap : 16;
        files->items = mem_resize(files->items, files->cap * sizeof *files->items);
    }
    struct partition_file *file = &files->items[files->count++];
    file->name = mem_strdup(name);
    file->base_offset = offset_of_name(name);
    file->kind = file->base_offset < 0 ? PARTITION_FILE_OTHER : kind_of_name(name);
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct partition_file *)a)->name, ((const struct partition_file *)b)->name);
}

static void sort(struct partition_files *files)
{
    if (files->count > 1)
        qsort(files->items, files->count, sizeof *files->items, by_name);
}

bool partition_files_has(const struct partition_files *files, int64_t base_offset, const char *extension)
{
    char name[64];
    snprintf(name, sizeof name, "%020" PRId64 "%s", base_offset, extension);
    struct partition_file key = {.name = name};
    return files->count > 0 && bsearch(&key, files->items, files->count, sizeof key, by_name);
}

enum err partition_files_unlink(struct partition_files *files, struct disk *disk, const char *dir, size_t i,
                                struct errmsg *why)
{
    char *path = mem_printf("%s/%s", dir, files->items[i].name);
    enum err err = DISK(disk, unlink, path, why);
    free(path);
    return err;
}

/* Unlinks file `i` and takes it off the list. */
static enum err drop(struct partition_files *files, struct disk *disk, const char *dir, size_t i,
                     struct errmsg *why)
{
    enum err err = partition_files_unlink(files, disk, dir, i, why);
    if (err)
        return err;
    free(files->items[i].name);
    memmove(&files->items[i], &files->items[i + 1], (files->count - i - 1) * sizeof *files->items);
    files->count--;
    return ERR_NONE;
}

/* Pass 1. */
static enum err drop_leftovers(struct partition_files *files, struct disk *disk, const char *dir,
                               struct errmsg *why)
{
    int64_t first_cleaned = INT64_MAX;
    for (size_t i = 0; i < files->count; i++)
        if (ends_with(files->items[i].name, SUFFIX_CLEANED) && files->items[i].base_offset >= 0 &&
            files->items[i].base_offset < first_cleaned)
            first_cleaned = files->items[i].base_offset;
    /* `.swap` files go first: once the `.cleaned` ones are gone nothing tells that they are half done. */
    for (int round = 0; round < 2; round++) {
        for (size_t i = files->count; i-- > 0;) {
            const struct partition_file *file = &files->items[i];
            bool half_done = ends_with(file->name, SUFFIX_SWAP) && file->base_offset >= first_cleaned;
            bool leftover = ends_with(file->name, SUFFIX_DELETED) || ends_with(file->name, SUFFIX_CLEANED);
            if (round == 0 ? !half_done : !leftover)
                continue;
            enum err err = drop(files, disk, dir, i, why);
            if (err)
                return err;
        }
    }
    return ERR_NONE;
}

/* One past the last offset of a `.log.swap`, read from its batches. */
static enum err next_offset_of_swap(struct disk *disk, const char *dir, const struct partition_file *file,
                                    int64_t *out, struct errmsg *why)
{
    char *path = mem_printf("%s/%s", dir, file->name);
    struct segment *seg = segment_new(file->base_offset, 0, 0);
    struct segment_files files = {disk, dir, file->base_offset, NULL};
    enum err err = DISK(disk, open, path, DISK_OPEN_READ, &seg->file, why);
    struct disk_stat st = {0};
    if (!err)
        err = DISK_FILE(seg->file, stat_file, &st, why);
    free(path);
    struct segment_reader reader = {0};
    uint8_t scratch[INDEX_PAGE_BYTES];
    if (!err)
        err = segment_reader_open(&reader, seg, &files, 0,
                                  st.size_bytes > INT32_MAX ? INT32_MAX : (int32_t)st.size_bytes, false,
                                  scratch, sizeof scratch, why);
    *out = file->base_offset;
    struct batch_info info;
    int32_t pos;
    while (!err && !(err = segment_reader_next(&reader, &info, &pos, why)))
        *out = info.last_offset + 1;
    segment_reader_close(&reader);
    segment_free(seg);
    return err == ERR_NOT_FOUND || err == ERR_CORRUPT_MESSAGE ? ERR_NONE : err;
}

/* Pass 2: sources of finished compactions. */
static enum err drop_replaced(struct partition_files *files, struct disk *disk, const char *dir,
                              struct errmsg *why)
{
    int64_t from = INT64_MAX, to = INT64_MIN;
    for (size_t i = 0; i < files->count; i++) {
        const struct partition_file *file = &files->items[i];
        if (!ends_with(file->name, ".log" SUFFIX_SWAP) || file->base_offset < 0)
            continue;
        int64_t next;
        enum err err = next_offset_of_swap(disk, dir, file, &next, why);
        if (err)
            return err;
        from = file->base_offset < from ? file->base_offset : from;
        to = next > to ? next : to;
    }
    for (size_t i = files->count; i-- > 0;) {
        const struct partition_file *file = &files->items[i];
        if (ends_with(file->name, SUFFIX_SWAP) || file->base_offset < from || file->base_offset >= to)
            continue;
        enum err err = drop(files, disk, dir, i, why);
        if (err)
            return err;
    }
    return ERR_NONE;
}

/* Pass 3. */
static enum err rename_swaps(struct partition_files *files, struct disk *disk, const char *dir,
                             struct errmsg *why)
{
    for (size_t i = 0; i < files->count; i++) {
        struct partition_file *file = &files->items[i];
        if (!ends_with(file->name, SUFFIX_SWAP))
            continue;
        char *from = mem_printf("%s/%s", dir, file->name);
        file->name[strlen(file->name) - strlen(SUFFIX_SWAP)] = '\0';
        file->kind = file->base_offset < 0 ? PARTITION_FILE_OTHER : kind_of_name(file->name);
        char *to = mem_printf("%s/%s", dir, file->name);
        enum err err = DISK(disk, rename, from, to, why);
        free(from);
        free(to);
        if (err)
            return err;
    }
    return ERR_NONE;
}

/* A `.swap` may have taken the name of a file that was listed too. */
static void drop_repeated_names(struct partition_files *files)
{
    size_t n = 0;
    for (size_t i = 0; i < files->count; i++) {
        if (n > 0 && strcmp(files->items[n - 1].name, files->items[i].name) == 0)
            free(files->items[i].name);
        else
            files->items[n++] = files->items[i];
    }
    files->count = n;
}

enum err partition_files_settle(struct partition_files *files, struct disk *disk, const char *dir,
                                struct errmsg *why)
{
    enum err err = DISK(disk, list, dir, add_name, files, why);
    if (err)
        return err;
    sort(files);
    err = drop_leftovers(files, disk, dir, why);
    if (!err)
        err = drop_replaced(files, disk, dir, why);
    if (!err)
        err = rename_swaps(files, disk, dir, why);
    sort(files);
    drop_repeated_names(files);
    return err;
}
