#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "disk/posix_internal.h"

/*
 * A handle's descriptor.
 *
 *   users   -1           no descriptor
 *            0           open and quiet: may be closed
 *            n > 0       n calls or pins use it
 *
 * A use is one compare-and-swap while the descriptor is open (the hot path), and
 * takes the file's open_lock when it is not. Closing a quiet one is the swap from
 * 0 to -1 under the disk's lock, so two threads cannot close one descriptor, and
 * whoever lost the race against a new user leaves it open.
 *
 * Which one is closed: the list of open files is a clock. A file that was used
 * since the hand passed gets a second chance and goes to the end.
 */

static struct posix_file *posix_file_of(struct disk_file *file)
{
    return CONTAINER_OF(file, struct posix_file, file);
}

int posix_close_quiet(struct posix_disk *pd, int count)
{
    int closed = 0;
    while (closed < count) {
        int fd = -1;
        pthread_mutex_lock(&pd->lock);
        for (int left = 2 * pd->open_count; left > 0 && fd < 0; left--) {
            struct posix_file *pf = CONTAINER_OF(pd->open_files.next, struct posix_file, open_node);
            list_remove(&pf->open_node);
            int quiet = 0;
            int candidate = atomic_load(&pf->fd);
            if (!atomic_exchange(&pf->used_lately, false) &&
                atomic_compare_exchange_strong(&pf->users, &quiet, -1)) {
                pd->open_count--;
                fd = candidate;
            } else {
                list_push_back(&pd->open_files, &pf->open_node);
            }
        }
        pthread_mutex_unlock(&pd->lock);
        if (fd < 0)
            break;
        close(fd);
        closed++;
    }
    return closed;
}

int posix_open_fd(struct posix_disk *pd, const char *path, int flags)
{
    for (;;) {
        int fd = open(path, flags | O_CLOEXEC, 0666);
        if (fd >= 0)
            return fd;
        if (errno == EINTR)
            continue;
        /* Not one but many: a lowered limit counts numbers, so only low ones that are freed help. */
        if ((errno != EMFILE && errno != ENFILE) || posix_close_quiet(pd, 16) == 0)
            return -1;
    }
}

/* Counts a fresh descriptor and makes room for it. */
static void add_open(struct posix_disk *pd, struct posix_file *pf)
{
    pthread_mutex_lock(&pd->lock);
    list_push_back(&pd->open_files, &pf->open_node);
    int excess = ++pd->open_count - pd->max_open_fds;
    pthread_mutex_unlock(&pd->lock);
    /* When all are in use the limit is passed; the process's limit has room for that. */
    if (excess > 0)
        posix_close_quiet(pd, excess);
}

/* One more user if there is a descriptor. */
static bool try_use(struct posix_file *pf)
{
    int users = atomic_load(&pf->users);
    while (users >= 0) {
        if (atomic_compare_exchange_weak(&pf->users, &users, users + 1))
            return true;
    }
    return false;
}

int posix_file_begin(struct posix_file *pf)
{
    if (!try_use(pf)) {
        pthread_mutex_lock(&pf->open_lock);
        /* The lock's holder before us may have opened it, and somebody closed it again. */
        if (!try_use(pf)) {
            struct posix_disk *pd = posix_disk_of(pf->file.disk);
            int fd = posix_open_fd(pd, pf->path, pf->open_flags);
            if (fd < 0) {
                int errnum = errno;
                pthread_mutex_unlock(&pf->open_lock);
                errno = errnum;
                return -1;
            }
            atomic_store(&pf->fd, fd);
            atomic_store(&pf->users, 1);
            add_open(pd, pf);
        }
        pthread_mutex_unlock(&pf->open_lock);
    }
    if (!atomic_load_explicit(&pf->used_lately, memory_order_relaxed))
        atomic_store_explicit(&pf->used_lately, true, memory_order_relaxed);
    return atomic_load(&pf->fd);
}

void posix_file_end(struct posix_file *pf)
{
    int before = atomic_fetch_sub(&pf->users, 1);
    ASSERT(before > 0);
}

enum err posix_file_open(struct disk *disk, const char *path, enum disk_open_mode mode,
                         struct disk_file **out, struct errmsg *why)
{
    struct posix_disk *pd = posix_disk_of(disk);
    int flags = O_RDWR;
    switch (mode) {
    case DISK_OPEN_READ:
        flags = O_RDONLY;
        break;
    case DISK_OPEN_WRITE:
        break;
    case DISK_OPEN_CREATE:
        flags |= O_CREAT;
        break;
    case DISK_OPEN_TRUNCATE:
        flags |= O_CREAT | O_TRUNC;
        break;
    }
    int fd = posix_open_fd(pd, path, flags);
    if (fd < 0)
        return posix_error(errno, why, "open", path);
    struct posix_file *pf = MEM_NEW(struct posix_file);
    pf->file.disk = disk;
    atomic_init(&pf->shares, 1);
    atomic_init(&pf->fd, fd);
    atomic_init(&pf->users, 1);
    atomic_init(&pf->used_lately, true);
    list_node_init(&pf->open_node);
    pthread_mutex_init(&pf->open_lock, NULL);
    pf->path = mem_strdup(path);
    /* Opened again it must be there, and must not be emptied. */
    pf->open_flags = flags & O_ACCMODE;
    add_open(pd, pf);
    posix_file_end(pf);
    *out = &pf->file;
    return ERR_NONE;
}

void posix_file_share(struct disk_file *file)
{
    int before = atomic_fetch_add_explicit(&posix_file_of(file)->shares, 1, memory_order_relaxed);
    ASSERT(before > 0);
}

void posix_file_release(struct disk_file *file)
{
    struct posix_file *pf = posix_file_of(file);
    int before = atomic_fetch_sub(&pf->shares, 1);
    ASSERT(before > 0);
    if (before > 1)
        return;
    struct posix_disk *pd = posix_disk_of(file->disk);
    pthread_mutex_lock(&pd->lock);
    int users = atomic_load(&pf->users);
    ASSERT(users <= 0);
    if (users == 0) {
        list_remove(&pf->open_node);
        pd->open_count--;
    }
    pthread_mutex_unlock(&pd->lock);
    if (users == 0)
        close(atomic_load(&pf->fd));
    pthread_mutex_destroy(&pf->open_lock);
    free(pf->path);
    free(pf);
}

void posix_file_set_path(struct disk_file *file, const char *path)
{
    struct posix_file *pf = posix_file_of(file);
    pthread_mutex_lock(&pf->open_lock);
    free(pf->path);
    pf->path = mem_strdup(path);
    pthread_mutex_unlock(&pf->open_lock);
}
