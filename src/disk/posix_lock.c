#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix_internal.h"

/*
 * Record locks of fcntl, because a Kafka broker takes those on the same file. They
 * belong to the process and vanish when it closes *any* descriptor of the file, so
 * a file that we hold locked already is recognised before it is opened.
 */

struct posix_lock_handle {
    struct disk_file file;
    struct list node;
    char *path;
    int fd;
    dev_t dev;
    ino_t ino;
};

static bool is_locked_here(struct posix_disk *pd, const struct stat *st)
{
    LIST_EACH (node, &pd->locks) {
        const struct posix_lock_handle *handle = CONTAINER_OF(node, struct posix_lock_handle, node);
        if (handle->dev == st->st_dev && handle->ino == st->st_ino)
            return true;
    }
    return false;
}

/* Under the disk's lock. */
static enum err lock_locked(struct posix_disk *pd, const char *path, struct disk_file **out,
                            struct errmsg *why)
{
    struct stat st;
    if (stat(path, &st) == 0 && is_locked_here(pd, &st)) {
        errmsg_set(why, "lock %s: this process holds it already", path);
        return ERR_LOCKED;
    }
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return posix_error(errno, why, "open", path);
    struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &range) != 0) {
        int errnum = errno;
        enum err err = ERR_LOCKED;
        if (errnum == EACCES || errnum == EAGAIN)
            errmsg_set(why, "lock %s: another process holds it", path);
        else
            err = posix_error(errnum, why, "lock", path);
        close(fd);
        return err;
    }
    if (fstat(fd, &st) != 0) {
        enum err err = posix_error(errno, why, "stat", path);
        close(fd);
        return err;
    }
    struct posix_lock_handle *handle = MEM_NEW(struct posix_lock_handle);
    handle->file.disk = &pd->disk;
    handle->path = mem_strdup(path);
    handle->fd = fd;
    handle->dev = st.st_dev;
    handle->ino = st.st_ino;
    list_push_back(&pd->locks, &handle->node);
    *out = &handle->file;
    return ERR_NONE;
}

enum err posix_lock(struct disk *disk, const char *path, struct disk_file **out, struct errmsg *why)
{
    struct posix_disk *pd = posix_disk_of(disk);
    pthread_mutex_lock(&pd->lock);
    enum err err = lock_locked(pd, path, out, why);
    pthread_mutex_unlock(&pd->lock);
    return err;
}

void posix_unlock(struct disk_file *lock, bool remove)
{
    struct posix_lock_handle *handle = CONTAINER_OF(lock, struct posix_lock_handle, file);
    struct posix_disk *pd = posix_disk_of(lock->disk);
    /* Removed while still held: whoever opens the path afterwards gets a file of its own. */
    if (remove)
        unlink(handle->path);
    pthread_mutex_lock(&pd->lock);
    list_remove(&handle->node);
    close(handle->fd);
    pthread_mutex_unlock(&pd->lock);
    free(handle->path);
    free(handle);
}
