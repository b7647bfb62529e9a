#include "storage/atomic_file.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Far above any small file; a larger one is not ours, or its size is damaged. */
#define FILE_SIZE_MAX (INT64_C(1) << 30)

char *atomic_file_join(const char *dir, const char *name)
{
    size_t len = strlen(dir);
    return mem_printf("%s%s%s", dir, len && dir[len - 1] == '/' ? "" : "/", name);
}

static char *parent_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash)
        return mem_strdup(".");
    return slash == path ? mem_strdup("/") : mem_printf("%.*s", (int)(slash - path), path);
}

/* Creates or empties the file and writes it, unsynced. */
static enum err write_file(struct disk *disk, const char *path, struct view bytes, struct disk_file **file,
                           struct errmsg *why)
{
    enum err err = DISK(disk, open, path, DISK_OPEN_TRUNCATE, file, why);
    if (err)
        return err;
    if (bytes.len) {
        struct iovec iov = {.iov_base = (void *)(uintptr_t)bytes.ptr, .iov_len = bytes.len};
        err = DISK_FILE(*file, pwritev, &iov, 1, 0, why);
    }
    if (err)
        disk_file_release(*file);
    return err;
}

enum err atomic_file_write(struct disk *disk, const char *path, struct view bytes, struct errmsg *why)
{
    char *tmp = mem_printf("%s%s", path, ATOMIC_FILE_TMP_SUFFIX);
    char *parent = parent_of(path);
    struct disk_file *file;
    enum err err = write_file(disk, tmp, bytes, &file, why);
    if (!err) {
        err = DISK_FILE(file, sync, why);
        disk_file_release(file);
    }
    if (!err)
        err = DISK(disk, rename, tmp, path, why);
    if (!err)
        err = DISK(disk, sync_dir, parent, why);
    if (err)
        errmsg_prefix(why, "write %s", path);
    free(parent);
    free(tmp);
    return err;
}

enum err atomic_file_read(struct disk *disk, const char *path, struct buf *out, struct errmsg *why)
{
    struct disk_file *file;
    enum err err = DISK(disk, open, path, DISK_OPEN_READ, &file, why);
    if (err)
        return err;
    struct disk_stat stat;
    err = DISK_FILE(file, stat_file, &stat, why);
    if (!err && stat.size_bytes > FILE_SIZE_MAX) {
        errmsg_set(why, "%s has %lld bytes", path, (long long)stat.size_bytes);
        err = ERR_NO_MEMORY;
    }
    if (!err) {
        size_t got = 0;
        err = DISK_FILE(file, pread, buf_reserve(out, (size_t)stat.size_bytes + 1), (size_t)stat.size_bytes,
                        0, &got, why);
        if (!err)
            out->len += got;
    }
    disk_file_release(file);
    if (err)
        errmsg_prefix(why, "read %s", path);
    return err;
}

/* --- many at once --- */

struct atomic_batch_item {
    char *path;
    char *tmp;
};

void atomic_batch_init(struct atomic_batch *batch, struct disk *disk)
{
    *batch = (struct atomic_batch){.disk = disk};
}

static void forget_items(struct atomic_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        free(batch->items[i].path);
        free(batch->items[i].tmp);
    }
    batch->count = 0;
}

void atomic_batch_close(struct atomic_batch *batch)
{
    forget_items(batch);
    sync_set_close(&batch->written);
    free(batch->items);
    batch->items = NULL;
    batch->cap = 0;
}

enum err atomic_batch_add(struct atomic_batch *batch, const char *path, struct view bytes, struct errmsg *why)
{
    char *tmp = mem_printf("%s%s", path, ATOMIC_FILE_TMP_SUFFIX);
    struct disk_file *file;
    enum err err = write_file(batch->disk, tmp, bytes, &file, why);
    if (err) {
        free(tmp);
        errmsg_prefix(why, "write %s", path);
        return err;
    }
    if (batch->count == batch->cap) {
        batch->cap = batch->cap ? batch->cap * 2 : 8;
        batch->items = mem_resize(batch->items, batch->cap * sizeof *batch->items);
    }
    batch->items[batch->count++] = (struct atomic_batch_item){mem_strdup(path), tmp};
    sync_set_file(&batch->written, file);
    return ERR_NONE;
}

/* Gives the new content its name. */
static enum err rename_item(struct atomic_batch *batch, const struct atomic_batch_item *item,
                            struct sync_set *renamed, struct errmsg *why)
{
    enum err err = DISK(batch->disk, rename, item->tmp, item->path, why);
    if (err) {
        errmsg_prefix(why, "write %s", item->path);
        return err;
    }
    char *parent = parent_of(item->path);
    sync_set_dir(renamed, parent);
    free(parent);
    return ERR_NONE;
}

enum err atomic_batch_commit(struct atomic_batch *batch, struct errmsg *why)
{
    struct sync_set renamed = {0};
    enum err err = sync_set_run(&batch->written, batch->disk, why);
    for (size_t i = 0; !err && i < batch->count; i++)
        err = rename_item(batch, &batch->items[i], &renamed, why);
    if (!err)
        err = sync_set_run(&renamed, batch->disk, why);
    sync_set_close(&renamed);
    forget_items(batch);
    return err;
}
