#include "storage/new_partitions.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/atomic_file.h"
#include "storage/leader_epochs.h"
#include "storage/partition_metadata.h"

void new_partitions_init(struct new_partitions *batch, struct log_dir *dir, struct uuid stage_id)
{
    *batch = (struct new_partitions){.dir = dir, .stage_id = stage_id};
}

void new_partitions_close(struct new_partitions *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        free(batch->items[i].name);
    free(batch->items);
    free(batch->stage);
    sync_set_close(&batch->staged);
    *batch = (struct new_partitions){0};
}

static enum err begin_stage(struct new_partitions *batch, struct errmsg *why)
{
    char *name = partition_dir_format(VIEW_LIT("new"), 0, PARTITION_DIR_DELETE, batch->stage_id);
    batch->stage = log_dir_join(batch->dir, name);
    free(name);
    return DISK(batch->dir->disk, mkdir, batch->stage, why);
}

static enum err stage_file(struct new_partitions *batch, const char *dir, const char *name,
                           const struct buf *text, struct errmsg *why)
{
    char *path = atomic_file_join(dir, name);
    struct disk_file *file;
    enum err err = DISK(batch->dir->disk, open, path, DISK_OPEN_TRUNCATE, &file, why);
    if (!err) {
        struct iovec iov = {.iov_base = text->data, .iov_len = text->len};
        err = DISK_FILE(file, pwritev, &iov, 1, 0, why);
        sync_set_file(&batch->staged, file);
    }
    free(path);
    return err;
}

static enum err stage_metadata(struct new_partitions *batch, const char *dir, struct uuid topic_id,
                               struct errmsg *why)
{
    struct buf text = {0};
    partition_metadata_format(topic_id, &text);
    enum err err = stage_file(batch, dir, PARTITION_METADATA_FILE_NAME, &text, why);
    buf_close(&text);
    return err;
}

static enum err stage_epoch(struct new_partitions *batch, const char *dir, int32_t epoch,
                            int64_t start_offset, struct errmsg *why)
{
    struct leader_epochs epochs = {0};
    struct buf text = {0};
    leader_epochs_assign(&epochs, epoch, start_offset);
    leader_epochs_format(&epochs, &text);
    enum err err = stage_file(batch, dir, LEADER_EPOCH_FILE_NAME, &text, why);
    buf_close(&text);
    leader_epochs_close(&epochs);
    return err;
}

static void add_item(struct new_partitions *batch, const char *name)
{
    if (batch->count == batch->cap) {
        batch->cap = batch->cap ? 2 * batch->cap : 8;
        batch->items = mem_resize(batch->items, batch->cap * sizeof *batch->items);
    }
    batch->items[batch->count++] = (struct new_partition){.name = mem_strdup(name)};
}

enum err new_partitions_add(struct new_partitions *batch, const char *name, struct uuid topic_id,
                            int32_t leader_epoch, int64_t start_offset, struct errmsg *why)
{
    enum err err = batch->stage ? ERR_NONE : begin_stage(batch, why);
    if (err)
        return err;
    char *dir = atomic_file_join(batch->stage, name);
    err = DISK(batch->dir->disk, mkdir, dir, why);
    if (!err && !uuid_is_zero(topic_id))
        err = stage_metadata(batch, dir, topic_id, why);
    if (!err && leader_epoch != LEADER_EPOCH_UNDEFINED)
        err = stage_epoch(batch, dir, leader_epoch, start_offset, why);
    if (!err) {
        sync_set_dir(&batch->staged, dir);
        add_item(batch, name);
    }
    free(dir);
    return err;
}

/* An empty directory in its place gives way; one with files is not ours to replace. */
static enum err move_to_its_place(struct new_partitions *batch, struct new_partition *item,
                                  struct errmsg *why)
{
    char *from = atomic_file_join(batch->stage, item->name);
    char *to = log_dir_join(batch->dir, item->name);
    enum err err = DISK(batch->dir->disk, rename, from, to, why);
    item->was_there = err == ERR_NOT_EMPTY || err == ERR_EXISTS;
    free(from);
    free(to);
    return item->was_there ? ERR_NONE : err;
}

enum err new_partitions_commit(struct new_partitions *batch, struct errmsg *why)
{
    if (batch->count == 0)
        return ERR_NONE;
    struct disk *disk = batch->dir->disk;
    enum err err = sync_set_run(&batch->staged, disk, why);
    bool left_over = false;
    for (size_t i = 0; i < batch->count && !err; i++) {
        err = move_to_its_place(batch, &batch->items[i], why);
        left_over |= batch->items[i].was_there;
    }
    if (!err)
        err = DISK(disk, sync_dir, batch->dir->path, why);
    /* Nothing hangs on it: a start removes what is left. */
    if (!err && !left_over)
        (void)DISK(disk, rmdir, batch->stage, NULL);
    return err;
}
