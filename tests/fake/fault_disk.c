#include "fake/fault_disk.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/mem.h"

struct fault {
    int after;
    int times;
    enum err err;
};

struct fault_disk {
    struct disk disk;
    struct disk *under;
    pthread_mutex_t lock; /* guards the rest */
    struct fault faults[FAULT_OPS + 1];
    int calls[FAULT_OPS + 1];
    const char *only;
    int64_t tear_bytes;
    int64_t space_bytes;
    bool cold;
    bool fired;
    void (*on_call)(void *arg, enum fault_op op, const char *path);
    void *on_call_arg;
};

struct fault_file {
    struct disk_file file;
    struct disk_file *under;
    atomic_int shares;
    char *path;
};

static struct fault_disk *fault_disk_of(const struct disk *disk)
{
    return CONTAINER_OF((uintptr_t)disk, struct fault_disk, disk);
}

static struct fault_file *fault_file_of(struct disk_file *file)
{
    return CONTAINER_OF(file, struct fault_file, file);
}

/* --- faults ---------------------------------------------------------------------------------------- */

static bool hits(struct fault *fault)
{
    if (fault->times == 0)
        return false;
    if (fault->after > 0) {
        fault->after--;
        return false;
    }
    if (fault->times > 0)
        fault->times--;
    return true;
}

/* Counts the call; the error it is to end with, or ERR_NONE to go on. */
static enum err call(struct fault_disk *fd, enum fault_op op, const char *path, struct errmsg *why)
{
    enum err err = ERR_NONE;
    pthread_mutex_lock(&fd->lock);
    fd->calls[op]++;
    fd->calls[FAULT_ANY]++;
    if (!fd->only || strstr(path, fd->only)) {
        if (hits(&fd->faults[op]))
            err = fd->faults[op].err;
        else if (hits(&fd->faults[FAULT_ANY]))
            err = fd->faults[FAULT_ANY].err;
    }
    if (err)
        fd->fired = true;
    void (*on_call)(void *, enum fault_op, const char *) = err ? NULL : fd->on_call;
    void *arg = fd->on_call_arg;
    pthread_mutex_unlock(&fd->lock);
    if (err)
        errmsg_set_errno(why, EIO, "injected fault at %s", path);
    else if (on_call)
        on_call(arg, op, path);
    return err;
}

void fault_disk_fail(struct disk *disk, enum fault_op op, int after, int times, enum err err)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->faults[op] = (struct fault){.after = after, .times = times, .err = err};
    pthread_mutex_unlock(&fd->lock);
}

void fault_disk_only(struct disk *disk, const char *part)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->only = part;
    pthread_mutex_unlock(&fd->lock);
}

void fault_disk_tear_writes(struct disk *disk, int64_t bytes)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->tear_bytes = bytes;
    pthread_mutex_unlock(&fd->lock);
}

void fault_disk_set_space(struct disk *disk, int64_t bytes)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->space_bytes = bytes;
    pthread_mutex_unlock(&fd->lock);
}

void fault_disk_set_cold(struct disk *disk, bool cold)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->cold = cold;
    pthread_mutex_unlock(&fd->lock);
}

void fault_disk_on_call(struct disk *disk, void (*fn)(void *arg, enum fault_op op, const char *path),
                        void *arg)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    fd->on_call = fn;
    fd->on_call_arg = arg;
    pthread_mutex_unlock(&fd->lock);
}

int fault_disk_calls(const struct disk *disk, enum fault_op op)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    int calls = fd->calls[op];
    pthread_mutex_unlock(&fd->lock);
    return calls;
}

bool fault_disk_fired(const struct disk *disk)
{
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_lock(&fd->lock);
    bool fired = fd->fired;
    pthread_mutex_unlock(&fd->lock);
    return fired;
}

/* --- handles --------------------------------------------------------------------------------------- */

static void wrap(struct fault_disk *fd, struct disk_file *under, const char *path, struct disk_file **out)
{
    struct fault_file *ff = MEM_NEW(struct fault_file);
    ff->file.disk = &fd->disk;
    ff->under = under;
    ff->path = mem_strdup(path);
    atomic_init(&ff->shares, 1);
    *out = &ff->file;
}

static void unwrap(struct fault_file *ff)
{
    free(ff->path);
    free(ff);
}

static enum err fault_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                           struct disk_file **out, struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_OPEN, path, why);
    if (err)
        return err;
    struct disk_file *under;
    err = DISK(fd->under, open, path, mode, &under, why);
    if (err)
        return err;
    wrap(fd, under, path, out);
    return ERR_NONE;
}

static void fault_share(struct disk_file *file)
{
    atomic_fetch_add(&fault_file_of(file)->shares, 1);
}

static void fault_release(struct disk_file *file)
{
    struct fault_file *ff = fault_file_of(file);
    if (atomic_fetch_sub(&ff->shares, 1) > 1)
        return;
    disk_file_release(ff->under);
    unwrap(ff);
}

static enum err fault_pread(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                            struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    *got = 0;
    enum err err = call(fault_disk_of(file->disk), FAULT_READ, ff->path, why);
    return err ? err : DISK_FILE(ff->under, pread, out, len, pos, got, why);
}

static bool is_cold(struct fault_disk *fd)
{
    pthread_mutex_lock(&fd->lock);
    bool cold = fd->cold;
    pthread_mutex_unlock(&fd->lock);
    return cold;
}

static enum err fault_pread_nowait(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                                   struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    struct fault_disk *fd = fault_disk_of(file->disk);
    *got = 0;
    enum err err = call(fd, FAULT_READ, ff->path, why);
    if (err)
        return err;
    return is_cold(fd) ? ERR_WOULD_BLOCK : DISK_FILE(ff->under, pread_nowait, out, len, pos, got, why);
}

static bool fault_is_cached(struct disk_file *file, int64_t pos, int64_t len)
{
    return !is_cold(fault_disk_of(file->disk)) && DISK_FILE(fault_file_of(file)->under, is_cached, pos, len);
}

/* The first `len` bytes of iov, whatever becomes of them: the part that reached the disk before it failed. */
static void write_part(struct disk_file *under, const struct iovec *iov, int iov_count, int64_t pos,
                       int64_t len)
{
    for (int i = 0; i < iov_count && len > 0; i++) {
        struct iovec part = iov[i];
        if ((int64_t)part.iov_len > len)
            part.iov_len = (size_t)len;
        if (DISK_FILE(under, pwritev, &part, 1, pos, NULL) != ERR_NONE)
            return;
        pos += (int64_t)part.iov_len;
        len -= (int64_t)part.iov_len;
    }
}

static enum err fault_pwritev(struct disk_file *file, const struct iovec *iov, int iov_count, int64_t pos,
                              struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    struct fault_disk *fd = fault_disk_of(file->disk);
    enum err err = call(fd, FAULT_WRITE, ff->path, why);
    int64_t len = 0;
    for (int i = 0; i < iov_count; i++)
        len += (int64_t)iov[i].iov_len;
    pthread_mutex_lock(&fd->lock);
    int64_t part = fd->tear_bytes;
    if (!err && fd->space_bytes >= 0) {
        if (fd->space_bytes < len) {
            err = ERR_IO;
            part = fd->space_bytes;
            fd->space_bytes = 0;
            fd->fired = true;
            errmsg_set_errno(why, ENOSPC, "write %s", ff->path);
        } else {
            fd->space_bytes -= len;
        }
    }
    pthread_mutex_unlock(&fd->lock);
    if (!err)
        return DISK_FILE(ff->under, pwritev, iov, iov_count, pos, why);
    write_part(ff->under, iov, iov_count, pos, part);
    return err;
}

static enum err fault_truncate(struct disk_file *file, int64_t size_bytes, struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    enum err err = call(fault_disk_of(file->disk), FAULT_TRUNCATE, ff->path, why);
    return err ? err : DISK_FILE(ff->under, truncate, size_bytes, why);
}

static enum err fault_sync(struct disk_file *file, struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    enum err err = call(fault_disk_of(file->disk), FAULT_SYNC, ff->path, why);
    return err ? err : DISK_FILE(ff->under, sync, why);
}

static void fault_start_writeback(struct disk_file *file, int64_t pos, int64_t len)
{
    DISK_FILE(fault_file_of(file)->under, start_writeback, pos, len);
}

static void fault_set_mtime(struct disk_file *file, int64_t mtime_ms)
{
    DISK_FILE(fault_file_of(file)->under, set_mtime, mtime_ms);
}

static enum err fault_stat_file(struct disk_file *file, struct disk_stat *out, struct errmsg *why)
{
    struct fault_file *ff = fault_file_of(file);
    enum err err = call(fault_disk_of(file->disk), FAULT_STAT, ff->path, why);
    return err ? err : DISK_FILE(ff->under, stat_file, out, why);
}

static int fault_pin_fd(struct disk_file *file)
{
    struct disk_file *under = fault_file_of(file)->under;
    return under->disk->ops->pin_fd(under);
}

static void fault_unpin_fd(struct disk_file *file)
{
    struct disk_file *under = fault_file_of(file)->under;
    under->disk->ops->unpin_fd(under);
}

static void fault_set_path(struct disk_file *file, const char *path)
{
    struct fault_file *ff = fault_file_of(file);
    free(ff->path);
    ff->path = mem_strdup(path);
    DISK_FILE(ff->under, set_path, path);
}

/* --- paths ----------------------------------------------------------------------------------------- */

static enum err fault_stat(struct disk *disk, const char *path, struct disk_stat *out, struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_STAT, path, why);
    return err ? err : DISK(fd->under, stat, path, out, why);
}

static enum err fault_rename(struct disk *disk, const char *from, const char *to, struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_RENAME, from, why);
    return err ? err : DISK(fd->under, rename, from, to, why);
}

static enum err fault_list(struct disk *disk, const char *path, disk_list_fn fn, void *arg,
                           struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_LIST, path, why);
    return err ? err : DISK(fd->under, list, path, fn, arg, why);
}

#define PATH_CALL(name, op)                                                                                  \
    static enum err fault_##name(struct disk *disk, const char *path, struct errmsg *why)                    \
    {                                                                                                        \
        struct fault_disk *fd = fault_disk_of(disk);                                                         \
        enum err err = call(fd, op, path, why);                                                              \
        return err ? err : DISK(fd->under, name, path, why);                                                 \
    }
PATH_CALL(unlink, FAULT_UNLINK)
PATH_CALL(mkdir, FAULT_MKDIR)
PATH_CALL(rmdir, FAULT_RMDIR)
PATH_CALL(sync_dir, FAULT_SYNC_DIR)
PATH_CALL(sync_fs, FAULT_SYNC_FS)
#undef PATH_CALL

static enum err fault_lock(struct disk *disk, const char *path, struct disk_file **out, struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_LOCK, path, why);
    if (err)
        return err;
    struct disk_file *under;
    err = DISK(fd->under, lock, path, &under, why);
    if (err)
        return err;
    wrap(fd, under, path, out);
    return ERR_NONE;
}

static void fault_unlock(struct disk_file *lock, bool remove)
{
    struct fault_file *ff = fault_file_of(lock);
    DISK_FILE(ff->under, unlock, remove);
    unwrap(ff);
}

static enum err fault_space(struct disk *disk, const char *path, int64_t *free_bytes, int64_t *total_bytes,
                            struct errmsg *why)
{
    struct fault_disk *fd = fault_disk_of(disk);
    enum err err = call(fd, FAULT_SPACE, path, why);
    if (!err)
        err = DISK(fd->under, space, path, free_bytes, total_bytes, why);
    pthread_mutex_lock(&fd->lock);
    if (!err && fd->space_bytes >= 0 && *free_bytes > fd->space_bytes)
        *free_bytes = fd->space_bytes;
    pthread_mutex_unlock(&fd->lock);
    return err;
}

static const struct disk_ops fault_ops = {
    .open = fault_open,
    .share = fault_share,
    .release = fault_release,
    .pread = fault_pread,
    .pread_nowait = fault_pread_nowait,
    .is_cached = fault_is_cached,
    .pwritev = fault_pwritev,
    .truncate = fault_truncate,
    .sync = fault_sync,
    .start_writeback = fault_start_writeback,
    .stat_file = fault_stat_file,
    .set_mtime = fault_set_mtime,
    .pin_fd = fault_pin_fd,
    .unpin_fd = fault_unpin_fd,
    .set_path = fault_set_path,
    .stat = fault_stat,
    .rename = fault_rename,
    .unlink = fault_unlink,
    .mkdir = fault_mkdir,
    .rmdir = fault_rmdir,
    .list = fault_list,
    .sync_dir = fault_sync_dir,
    .sync_fs = fault_sync_fs,
    .lock = fault_lock,
    .unlock = fault_unlock,
    .space = fault_space,
};

struct disk *fault_disk_new(struct disk *under)
{
    struct fault_disk *fd = MEM_NEW(struct fault_disk);
    fd->disk.ops = &fault_ops;
    fd->under = under;
    fd->space_bytes = -1;
    pthread_mutex_init(&fd->lock, NULL);
    return &fd->disk;
}

void fault_disk_free(struct disk *disk)
{
    if (!disk)
        return;
    struct fault_disk *fd = fault_disk_of(disk);
    pthread_mutex_destroy(&fd->lock);
    free(fd);
}
