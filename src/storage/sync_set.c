#include "storage/sync_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static void let_go(struct sync_set *set)
{
    for (int i = 0; i < set->files_count; i++)
        disk_file_release(set->files[i]);
    for (int i = 0; i < set->dirs_count; i++)
        free(set->dirs[i]);
    set->files_count = set->dirs_count = 0;
}

/* False: from now on the file system's barrier serves all. */
static bool has_room(struct sync_set *set)
{
    if (!set->many && set->files_count + set->dirs_count == SYNC_SET_FEW) {
        let_go(set);
        set->many = true;
    }
    return !set->many;
}

void sync_set_file(struct sync_set *set, struct disk_file *file)
{
    if (has_room(set))
        set->files[set->files_count++] = file;
    else
        disk_file_release(file);
}

void sync_set_dir(struct sync_set *set, const char *path)
{
    for (int i = 0; i < set->dirs_count; i++)
        if (strcmp(set->dirs[i], path) == 0)
            return;
    if (has_room(set))
        set->dirs[set->dirs_count++] = mem_strdup(path);
}

static enum err sync_each(struct sync_set *set, struct disk *disk, struct errmsg *why)
{
    enum err err = ERR_NONE;
    /* All are on their way to the disk before the first is waited for. */
    for (int i = 0; i < set->files_count; i++)
        DISK_FILE(set->files[i], start_writeback, 0, INT64_MAX);
    for (int i = 0; i < set->files_count && err == ERR_NONE; i++)
        err = DISK_FILE(set->files[i], sync, why);
    for (int i = 0; i < set->dirs_count && err == ERR_NONE; i++)
        err = DISK(disk, sync_dir, set->dirs[i], why);
    return err;
}

enum err sync_set_run(struct sync_set *set, struct disk *disk, const char *path, struct errmsg *why)
{
    enum err err = set->many ? DISK(disk, sync_fs, path, why) : sync_each(set, disk, why);
    sync_set_close(set);
    return err;
}

void sync_set_close(struct sync_set *set)
{
    let_go(set);
    set->many = false;
}
