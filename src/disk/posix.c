#include "disk/posix.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "disk/posix_internal.h"

struct posix_disk *posix_disk_of(struct disk *disk)
{
    return CONTAINER_OF(disk, struct posix_disk, disk);
}

enum err posix_error(int errnum, struct errmsg *why, const char *doing, const char *path)
{
    errmsg_set_errno(why, errnum, "%s %s", doing, path);
    switch (errnum) {
    case ENOENT:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case ENOTEMPTY:
        return ERR_NOT_EMPTY;
    case EMFILE:
    case ENFILE:
        return ERR_WOULD_BLOCK;
    default:
        return ERR_IO;
    }
}

void posix_stat_convert(const struct stat *st, struct disk_stat *out)
{
    out->size_bytes = st->st_size;
    out->mtime_ms = (int64_t)st->st_mtim.tv_sec * 1000 + st->st_mtim.tv_nsec / 1000000;
    out->kind = S_ISREG(st->st_mode)   ? DISK_ENTRY_FILE
                : S_ISDIR(st->st_mode) ? DISK_ENTRY_DIR
                                       : DISK_ENTRY_OTHER;
    out->device = st->st_dev;
    out->inode = st->st_ino;
}

static enum err posix_stat(struct disk *disk, const char *path, struct disk_stat *out, struct errmsg *why)
{
    (void)disk;
    struct stat st;
    if (stat(path, &st) != 0)
        return posix_error(errno == ENOTDIR ? ENOENT : errno, why, "stat", path);
    posix_stat_convert(&st, out);
    return ERR_NONE;
}

static enum err posix_rename(struct disk *disk, const char *from, const char *to, struct errmsg *why)
{
    (void)disk;
    if (rename(from, to) == 0)
        return ERR_NONE;
    enum err err = posix_error(errno, why, "rename", from);
    errmsg_prefix(why, "to %s", to);
    return err;
}

static enum err posix_unlink(struct disk *disk, const char *path, struct errmsg *why)
{
    (void)disk;
    if (unlink(path) != 0 && errno != ENOENT)
        return posix_error(errno, why, "remove", path);
    return ERR_NONE;
}

static enum err posix_mkdir(struct disk *disk, const char *path, struct errmsg *why)
{
    (void)disk;
    if (mkdir(path, 0777) != 0)
        return posix_error(errno, why, "make directory", path);
    return ERR_NONE;
}

static enum err posix_rmdir(struct disk *disk, const char *path, struct errmsg *why)
{
    (void)disk;
    if (rmdir(path) != 0)
        return posix_error(errno, why, "remove directory", path);
    return ERR_NONE;
}

static enum disk_entry_kind entry_kind(DIR *dir, const struct dirent *entry)
{
    switch (entry->d_type) {
    case DT_REG:
        return DISK_ENTRY_FILE;
    case DT_DIR:
        return DISK_ENTRY_DIR;
    case DT_LNK:
    case DT_UNKNOWN: {
        struct stat st;
        struct disk_stat converted;
        if (fstatat(dirfd(dir), entry->d_name, &st, 0) != 0)
            return DISK_ENTRY_OTHER;
        posix_stat_convert(&st, &converted);
        return converted.kind;
    }
    default:
        return DISK_ENTRY_OTHER;
    }
}

static enum err posix_list(struct disk *disk, const char *path, disk_list_fn fn, void *arg,
                           struct errmsg *why)
{
    int fd = posix_open_fd(posix_disk_of(disk), path, O_RDONLY | O_DIRECTORY);
    if (fd < 0)
        return posix_error(errno, why, "list", path);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        int errnum = errno;
        close(fd);
        return posix_error(errnum, why, "list", path);
    }
    const struct dirent *entry;
    bool more = true;
    errno = 0;
    while (more && (entry = readdir(dir))) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            more = fn(arg, entry->d_name, entry_kind(dir, entry));
        errno = 0;
    }
    int errnum = more ? errno : 0;
    closedir(dir);
    return errnum ? posix_error(errnum, why, "list", path) : ERR_NONE;
}

/* Opens `path`, calls one of the sync family on it, closes. */
static enum err sync_path(struct disk *disk, const char *path, int flags, int (*call)(int fd),
                          struct errmsg *why)
{
    int fd = posix_open_fd(posix_disk_of(disk), path, O_RDONLY | flags);
    if (fd < 0)
        return posix_error(errno, why, "open", path);
    int errnum = call(fd) == 0 ? 0 : errno;
    close(fd);
    return errnum ? posix_error(errnum, why, "sync", path) : ERR_NONE;
}

static enum err posix_sync_dir(struct disk *disk, const char *path, struct errmsg *why)
{
    return sync_path(disk, path, O_DIRECTORY, fsync, why);
}

static enum err posix_sync_fs(struct disk *disk, const char *path, struct errmsg *why)
{
    return sync_path(disk, path, 0, syncfs, why);
}

static enum err posix_space(struct disk *disk, const char *path, int64_t *free_bytes, int64_t *total_bytes,
                            struct errmsg *why)
{
    (void)disk;
    struct statvfs vfs;
    if (statvfs(path, &vfs) != 0)
        return posix_error(errno, why, "ask for space of", path);
    *free_bytes = (int64_t)vfs.f_bavail * (int64_t)vfs.f_frsize;
    *total_bytes = (int64_t)vfs.f_blocks * (int64_t)vfs.f_frsize;
    return ERR_NONE;
}

static const struct disk_ops posix_ops = {
    .open = posix_file_open,
    .share = posix_file_share,
    .release = posix_file_release,
    .pread = posix_pread,
    .pread_nowait = posix_pread_nowait,
    .is_cached = posix_is_cached,
    .pwritev = posix_pwritev,
    .truncate = posix_truncate,
    .sync = posix_sync,
    .start_writeback = posix_start_writeback,
    .stat_file = posix_stat_file,
    .set_mtime = posix_set_mtime,
    .pin_fd = posix_pin_fd,
    .unpin_fd = posix_unpin_fd,
    .set_path = posix_file_set_path,
    .stat = posix_stat,
    .rename = posix_rename,
    .unlink = posix_unlink,
    .mkdir = posix_mkdir,
    .rmdir = posix_rmdir,
    .list = posix_list,
    .sync_dir = posix_sync_dir,
    .sync_fs = posix_sync_fs,
    .lock = posix_lock,
    .unlock = posix_unlock,
    .space = posix_space,
};

static int default_max_open_fds(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return 512;
    if (limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur > 200000)
        return 100000;
    return (int)(limit.rlim_cur / 2);
}

struct disk *disk_posix_new(int max_open_fds)
{
    struct posix_disk *pd = MEM_NEW(struct posix_disk);
    pd->disk.ops = &posix_ops;
    pd->max_open_fds = max_open_fds > 0 ? max_open_fds : default_max_open_fds();
    atomic_init(&pd->no_nowait, false);
    pthread_mutex_init(&pd->lock, NULL);
    list_init(&pd->open_files);
    list_init(&pd->locks);
    return &pd->disk;
}

void disk_posix_free(struct disk *disk)
{
    if (!disk)
        return;
    struct posix_disk *pd = posix_disk_of(disk);
    ASSERT(pd->open_count == 0 && list_is_empty(&pd->locks));
    pthread_mutex_destroy(&pd->lock);
    free(pd);
}

int disk_posix_open_fds(const struct disk *disk)
{
    struct posix_disk *pd = posix_disk_of((struct disk *)(uintptr_t)disk);
    pthread_mutex_lock(&pd->lock);
    int count = pd->open_count;
    pthread_mutex_unlock(&pd->lock);
    return count;
}
