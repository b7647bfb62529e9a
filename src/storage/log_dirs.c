/* What concerns several log directories together; declared in log_dir.h. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/map.h"
#include "base/mem.h"
#include "storage/log_dir.h"

static bool is_same_place(struct log_dir *a, struct log_dir *b)
{
    struct disk_stat left;
    struct disk_stat right;
    if (strcmp(a->path, b->path) == 0)
        return true;
    if (DISK(a->disk, stat, a->path, &left, NULL) || DISK(b->disk, stat, b->path, &right, NULL))
        return false;
    return left.inode && left.inode == right.inode && left.device == right.device;
}

enum err log_dirs_check_distinct(struct log_dir *const *dirs, size_t dir_count, struct errmsg *why)
{
    for (size_t i = 0; i < dir_count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (log_dir_is_offline(dirs[i]) || log_dir_is_offline(dirs[j]) ||
                !is_same_place(dirs[i], dirs[j]))
                continue;
            errmsg_set(why,
                       "Duplicate log directory found: %s and %s are the same. Remove one from log.dirs.",
                       dirs[j]->path, dirs[i]->path);
            return ERR_INVALID_ARGUMENT;
        }
    }
    return ERR_NONE;
}

static enum err refuse_duplicate(const struct log_dir_found *found, const struct log_dir *first,
                                 const struct log_dir *second, struct errmsg *why)
{
    errmsg_set(
        why,
        "Duplicate log directories for %.*s-%d are found in both %s and %s. A disk may have failed while a "
        "replica was being moved: delete the one that is behind (on the disk that failed).",
        VIEW_FMT(found->parsed.topic), found->parsed.partition, first->path, second->path);
    return ERR_INVALID_ARGUMENT;
}

enum err log_dirs_check_duplicates(struct log_dir *const *dirs, struct log_dir_found *const *found,
                                   const size_t *found_counts, size_t dir_count, struct errmsg *why)
{
    struct map seen = {0}; /* partition and topic -> the log directory */
    struct buf key = {0};
    enum err err = ERR_NONE;
    for (size_t i = 0; !err && i < dir_count; i++) {
        for (size_t j = 0; !err && j < found_counts[i]; j++) {
            const struct partition_dir_name *name = &found[i][j].parsed;
            if (name->kind != PARTITION_DIR_CURRENT)
                continue;
            buf_clear(&key);
            buf_put_i32(&key, name->partition);
            buf_put_view(&key, name->topic);
            const struct log_dir *other = map_put(&seen, buf_view(&key), dirs[i]);
            if (other)
                err = refuse_duplicate(&found[i][j], other, dirs[i], why);
        }
    }
    buf_close(&key);
    map_close(&seen);
    return err;
}

struct log_dir *log_dirs_choose(struct log_dir *const *dirs, size_t dir_count)
{
    struct log_dir *best = NULL;
    for (size_t i = 0; i < dir_count; i++)
        if (!log_dir_is_offline(dirs[i]) && (!best || dirs[i]->log_count < best->log_count))
            best = dirs[i];
    return best;
}
