#include "storage/log_dir.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "storage/atomic_file.h"

/* In log_dir.state: the reason is written between leaving LIVE and becoming OFFLINE. */
enum { LIVE, FAILING, OFFLINE };

/* Directories in a log directory that are no partitions of ours. */
#define TIERED_CACHE_NAME "remote-log-index-cache"
#define KRAFT_TOPIC       "__cluster_metadata"

/* --- lifecycle --- */

void log_dir_init(struct log_dir *dir, struct disk *disk, const char *path)
{
    *dir = (struct log_dir){.disk = disk, .path = mem_strdup(path)};
    size_t len = strlen(dir->path);
    while (len > 1 && dir->path[len - 1] == '/')
        dir->path[--len] = '\0';
}

void log_dir_close(struct log_dir *dir)
{
    if (dir->lock)
        dir->disk->ops->unlock(dir->lock, true);
    for (size_t i = 0; i < LOG_DIR_CHECKPOINT_COUNT; i++)
        offset_map_close(&dir->checkpoints[i]);
    free(dir->path);
    dir->path = NULL;
    dir->lock = NULL;
}

/* Makes `path` and what is missing of its parents, each made durable in its parent. */
static enum err make_dirs(struct disk *disk, const char *path, struct errmsg *why)
{
    char *part = mem_strdup(path);
    enum err err = ERR_NONE;
    size_t len = strlen(part);
    for (size_t i = 1; !err && i <= len; i++) {
        if (part[i] != '/' && part[i] != '\0')
            continue;
        char held = part[i];
        part[i] = '\0';
        err = DISK(disk, mkdir, part, why);
        if (!err) {
            char *slash = strrchr(part, '/');
            char *parent = !slash          ? mem_strdup(".")
                           : slash == part ? mem_strdup("/")
                                           : mem_printf("%.*s", (int)(slash - part), part);
            err = DISK(disk, sync_dir, parent, why);
            free(parent);
        } else if (err == ERR_EXISTS) {
            err = ERR_NONE;
        }
        part[i] = held;
    }
    free(part);
    return err;
}

static bool stop_listing(void *arg, const char *name, enum disk_entry_kind kind)
{
    (void)arg;
    (void)name;
    (void)kind;
    return false;
}

static enum err take_lock(struct log_dir *dir, struct errmsg *why)
{
    char *path = log_dir_join(dir, LOG_DIR_LOCK_NAME);
    enum err err = DISK(dir->disk, lock, path, &dir->lock, why);
    free(path);
    if (err)
        dir->lock = NULL;
    if (err == ERR_LOCKED)
        errmsg_set(why,
                   "Failed to acquire lock on file " LOG_DIR_LOCK_NAME
                   " in %s. A broker in another process is using this directory.",
                   dir->path);
    return err;
}

enum err log_dir_open(struct log_dir *dir, struct errmsg *why)
{
    struct disk_stat stat;
    enum err err = DISK(dir->disk, stat, dir->path, &stat, why);
    if (err == ERR_NOT_FOUND) {
        err = make_dirs(dir->disk, dir->path, why);
        if (!err)
            err = DISK(dir->disk, stat, dir->path, &stat, why);
    }
    if (!err && stat.kind != DISK_ENTRY_DIR) {
        errmsg_set(why, "not a directory");
        err = ERR_IO;
    }
    if (!err)
        err = DISK(dir->disk, list, dir->path, stop_listing, NULL, why);
    if (err) {
        errmsg_prefix(why, "%s is not a readable log directory", dir->path);
        return err;
    }
    return take_lock(dir, why);
}

/* --- state --- */

bool log_dir_is_offline(const struct log_dir *dir)
{
    return atomic_load_explicit(&dir->state, memory_order_acquire) != LIVE;
}

bool log_dir_fail(struct log_dir *dir, enum err err, const struct errmsg *why)
{
    int live = LIVE;
    if (!atomic_compare_exchange_strong(&dir->state, &live, FAILING))
        return false;
    dir->offline_err = err;
    if (why)
        dir->offline_why = *why;
    else
        errmsg_set(&dir->offline_why, "%s", err_name(err));
    atomic_store_explicit(&dir->state, OFFLINE, memory_order_release);
    return true;
}

const char *log_dir_offline_reason(const struct log_dir *dir)
{
    int state = atomic_load_explicit(&dir->state, memory_order_acquire);
    return state == LIVE ? NULL : state == FAILING ? "failing" : dir->offline_why.text;
}

/* --- what is in it --- */

struct scan {
    struct log_dir *dir;
    struct log_dir_found *found;
    size_t count;
    size_t cap;
    enum err err;
    struct errmsg *why;
};

/* Follows links: operators put a large partition on another disk that way. */
static bool is_directory(struct log_dir *dir, const char *name, enum disk_entry_kind kind)
{
    if (kind != DISK_ENTRY_OTHER)
        return kind == DISK_ENTRY_DIR;
    char *path = log_dir_join(dir, name);
    struct disk_stat stat;
    bool is_dir = DISK(dir->disk, stat, path, &stat, NULL) == ERR_NONE && stat.kind == DISK_ENTRY_DIR;
    free(path);
    return is_dir;
}

static bool take_name(void *arg, const char *name, enum disk_entry_kind kind)
{
    struct scan *scan = arg;
    if (!is_directory(scan->dir, name, kind) || strcmp(name, TIERED_CACHE_NAME) == 0)
        return true;
    struct partition_dir_name parsed;
    if (!partition_dir_parse(name, &parsed)) {
        errmsg_set(scan->why,
                   "Found directory %s/%s, which is not in the form of topic-partition or "
                   "topic-partition.uniqueId-delete. Log directories may only hold topic data: move it away.",
                   scan->dir->path, name);
        scan->err = ERR_INVALID_ARGUMENT;
        return false;
    }
    if (view_equal_str(parsed.topic, KRAFT_TOPIC))
        return true;
    if (scan->count == scan->cap) {
        scan->cap = scan->cap ? scan->cap * 2 : 16;
        scan->found = mem_resize(scan->found, scan->cap * sizeof *scan->found);
    }
    scan->found[scan->count++] = (struct log_dir_found){.name = mem_strdup(name)};
    return true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct log_dir_found *)a)->name, ((const struct log_dir_found *)b)->name);
}

enum err log_dir_scan(struct log_dir *dir, struct log_dir_found **out, size_t *count, struct errmsg *why)
{
    struct scan scan = {.dir = dir, .why = why};
    enum err err = DISK(dir->disk, list, dir->path, take_name, &scan, why);
    if (!err)
        err = scan.err;
    if (err) {
        log_dir_found_free(scan.found, scan.count);
        return err;
    }
    if (scan.count)
        qsort(scan.found, scan.count, sizeof *scan.found, by_name);
    for (size_t i = 0; i < scan.count; i++)
        partition_dir_parse(scan.found[i].name, &scan.found[i].parsed);
    *out = scan.found;
    *count = scan.count;
    return ERR_NONE;
}

void log_dir_found_free(struct log_dir_found *found, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(found[i].name);
    free(found);
}

/* --- partitions' directories --- */

char *log_dir_join(const struct log_dir *dir, const char *name)
{
    return atomic_file_join(dir->path, name);
}

enum err log_dir_rename_partition(struct log_dir *dir, const char *name, const char *new_name,
                                  struct errmsg *why)
{
    char *from = log_dir_join(dir, name);
    char *to = log_dir_join(dir, new_name);
    enum err err = DISK(dir->disk, rename, from, to, why);
    if (!err)
        err = DISK(dir->disk, sync_dir, dir->path, why);
    if (err)
        errmsg_prefix(why, "rename directory %s", from);
    free(to);
    free(from);
    return err;
}

/* Names in one directory. */
struct names {
    char **items;
    enum disk_entry_kind *kinds;
    size_t count;
    size_t cap;
};

static bool collect_name(void *arg, const char *name, enum disk_entry_kind kind)
{
    struct names *names = arg;
    if (names->count == names->cap) {
        names->cap = names->cap ? names->cap * 2 : 16;
        names->items = mem_resize(names->items, names->cap * sizeof *names->items);
        names->kinds = mem_resize(names->kinds, names->cap * sizeof *names->kinds);
    }
    names->items[names->count] = mem_strdup(name);
    names->kinds[names->count++] = kind;
    return true;
}

static void free_names(struct names *names)
{
    for (size_t i = 0; i < names->count; i++)
        free(names->items[i]);
    free(names->items);
    free(names->kinds);
}

/*
 * A link to a directory is listed as one, but only the link is ours to delete. A true directory cannot be
 * unlinked, so that trying tells them apart.
 */
static bool unlinks_as_link(struct disk *disk, const char *path)
{
    return DISK(disk, unlink, path, NULL) == ERR_NONE;
}

/* Unlinks the files of `path`, puts its directories into `todo`; removes it when it has none. */
static enum err delete_level(struct disk *disk, const char *path, struct names *todo, struct errmsg *why)
{
    struct names names = {0};
    enum err err = DISK(disk, list, path, collect_name, &names, why);
    bool has_dirs = false;
    for (size_t i = 0; !err && i < names.count; i++) {
        char *child = atomic_file_join(path, names.items[i]);
        if (names.kinds[i] != DISK_ENTRY_DIR) {
            err = DISK(disk, unlink, child, why);
        } else if (!unlinks_as_link(disk, child)) {
            collect_name(todo, child, DISK_ENTRY_DIR);
            has_dirs = true;
        }
        free(child);
    }
    free_names(&names);
    if (!err && !has_dirs)
        err = DISK(disk, rmdir, path, why);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* A directory stays on the stack until those in it are gone, so that depth costs no C stack. */
enum err log_dir_delete_tree(struct disk *disk, const char *path, struct errmsg *why)
{
    struct names todo = {0};
    enum err err = ERR_NONE;
    if (unlinks_as_link(disk, path))
        return ERR_NONE;
    collect_name(&todo, path, DISK_ENTRY_DIR);
    while (!err && todo.count) {
        size_t top = todo.count - 1;
        char *current = todo.items[top];
        err = delete_level(disk, current, &todo, why);
        if (!err && todo.count == top + 1) {
            free(current);
            todo.count--;
        }
    }
    free_names(&todo);
    return err;
}

enum err log_dir_delete_partition(struct log_dir *dir, const char *name, struct errmsg *why)
{
    char *path = log_dir_join(dir, name);
    enum err err = log_dir_delete_tree(dir->disk, path, why);
    if (err)
        errmsg_prefix(why, "delete directory %s", path);
    free(path);
    return err;
}

/* --- checkpoint files --- */

const char *log_dir_checkpoint_name(enum log_dir_checkpoint kind)
{
    static const char *const names[LOG_DIR_CHECKPOINT_COUNT] = {
        [LOG_DIR_RECOVERY_POINT] = "recovery-point-offset-checkpoint",
        [LOG_DIR_LOG_START] = "log-start-offset-checkpoint",
        [LOG_DIR_HIGH_WATERMARK] = "replication-offset-checkpoint",
        [LOG_DIR_CLEANER] = "cleaner-offset-checkpoint",
    };
    return names[kind];
}

enum err log_dir_load_checkpoint(struct log_dir *dir, enum log_dir_checkpoint kind, struct errmsg *why)
{
    char *path = log_dir_join(dir, log_dir_checkpoint_name(kind));
    enum err err = offset_map_load(&dir->checkpoints[kind], dir->disk, path, why);
    free(path);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

enum err log_dir_save_checkpoint(struct log_dir *dir, enum log_dir_checkpoint kind, struct errmsg *why)
{
    char *path = log_dir_join(dir, log_dir_checkpoint_name(kind));
    enum err err = offset_map_save(&dir->checkpoints[kind], dir->disk, path, why);
    free(path);
    return err;
}

enum err log_dir_save_checkpoints(struct log_dir *dir, unsigned kinds, struct errmsg *why)
{
    struct atomic_batch batch;
    struct buf text = {0};
    enum err err = ERR_NONE;
    atomic_batch_init(&batch, dir->disk);
    for (unsigned kind = 0; !err && kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        if (!(kinds & 1u << kind))
            continue;
        char *path = log_dir_join(dir, log_dir_checkpoint_name((enum log_dir_checkpoint)kind));
        buf_clear(&text);
        offset_map_format(&dir->checkpoints[kind], &text);
        err = atomic_batch_add(&batch, path, buf_view(&text), why);
        free(path);
    }
    if (!err)
        err = atomic_batch_commit(&batch, why);
    atomic_batch_close(&batch);
    buf_close(&text);
    return err;
}
