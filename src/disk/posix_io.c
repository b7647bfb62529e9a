#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "disk/posix_internal.h"

static struct posix_file *posix_file_of(struct disk_file *file)
{
    return CONTAINER_OF(file, struct posix_file, file);
}

/* An error of a call on a handle; its path is read under the lock that guards it. */
static enum err file_error(struct posix_file *pf, int errnum, struct errmsg *why, const char *doing)
{
    pthread_mutex_lock(&pf->open_lock);
    enum err err = posix_error(errnum, why, doing, pf->path);
    pthread_mutex_unlock(&pf->open_lock);
    return err;
}

/* One transfer limit of Linux; asking for more gives a short count anyway. */
#define MAX_TRANSFER ((size_t)0x7ffff000)

static size_t at_most(size_t len)
{
    return len < MAX_TRANSFER ? len : MAX_TRANSFER;
}

enum err posix_pread(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                     struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    *got = 0;
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    int errnum = 0;
    while (*got < len) {
        ssize_t n = pread(fd, (char *)out + *got, at_most(len - *got), pos + (int64_t)*got);
        if (n == 0)
            break;
        if (n > 0) {
            *got += (size_t)n;
        } else if (errno != EINTR) {
            errnum = errno;
            break;
        }
    }
    posix_file_end(pf);
    return errnum ? file_error(pf, errnum, why, "read") : ERR_NONE;
}

enum err posix_pread_nowait(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                            struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    struct posix_disk *pd = posix_disk_of(file->disk);
    if (atomic_load_explicit(&pd->no_nowait, memory_order_relaxed))
        return posix_pread(file, out, len, pos, got, why);
    *got = 0;
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    int errnum = 0;
    while (*got < len) {
        struct iovec iov = {.iov_base = (char *)out + *got, .iov_len = at_most(len - *got)};
        ssize_t n = preadv2(fd, &iov, 1, pos + (int64_t)*got, RWF_NOWAIT);
        if (n == 0)
            break;
        if (n > 0) {
            *got += (size_t)n;
        } else if (errno != EINTR) {
            errnum = errno;
            break;
        }
    }
    posix_file_end(pf);
    if (errnum == 0)
        return ERR_NONE;
    if (errnum == EAGAIN) {
        *got = 0;
        return ERR_WOULD_BLOCK;
    }
    if (errnum == EOPNOTSUPP || errnum == ENOSYS || errnum == EINVAL) {
        atomic_store_explicit(&pd->no_nowait, true, memory_order_relaxed);
        return posix_pread(file, out, len, pos, got, why);
    }
    return file_error(pf, errnum, why, "read");
}

/* Writes what is left of iov after `done` bytes, in as many calls as it takes. 0 or errno. */
static int write_rest(int fd, const struct iovec *iov, int iov_count, int64_t pos, size_t done)
{
    while (iov_count > 0) {
        if (done >= iov->iov_len) {
            done -= iov->iov_len;
            pos += (int64_t)iov->iov_len;
            iov++;
            iov_count--;
            continue;
        }
        ssize_t n =
            pwrite(fd, (const char *)iov->iov_base + done, at_most(iov->iov_len - done), pos + (int64_t)done);
        if (n >= 0)
            done += (size_t)n;
        else if (errno != EINTR)
            return errno;
    }
    return 0;
}

static int write_all(int fd, const struct iovec *iov, int iov_count, int64_t pos)
{
    const int most = 1024; /* IOV_MAX of Linux */
    while (iov_count > 0) {
        int count = iov_count < most ? iov_count : most;
        size_t len = 0;
        for (int i = 0; i < count; i++)
            len += iov[i].iov_len;
        /* One run of bytes, the usual append, is cheaper without a vector for the kernel to copy. */
        ssize_t n = count == 1 ? pwrite(fd, iov->iov_base, len, pos) : pwritev(fd, iov, count, pos);
        if (n < 0 && errno != EINTR)
            return errno;
        if (n < 0 || (size_t)n < len) {
            int errnum = write_rest(fd, iov, count, pos, n < 0 ? 0 : (size_t)n);
            if (errnum)
                return errnum;
        }
        iov += count;
        iov_count -= count;
        pos += (int64_t)len;
    }
    return 0;
}

enum err posix_pwritev(struct disk_file *file, const struct iovec *iov, int iov_count, int64_t pos,
                       struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    int errnum = write_all(fd, iov, iov_count, pos);
    posix_file_end(pf);
    return errnum ? file_error(pf, errnum, why, "write") : ERR_NONE;
}

enum err posix_truncate(struct disk_file *file, int64_t size_bytes, struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    int rc;
    do
        rc = ftruncate(fd, size_bytes);
    while (rc != 0 && errno == EINTR);
    int errnum = rc == 0 ? 0 : errno;
    posix_file_end(pf);
    return errnum ? file_error(pf, errnum, why, "truncate") : ERR_NONE;
}

enum err posix_sync(struct disk_file *file, struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    /* Never a second time, not even after EINTR: the kernel may have dropped the pages it could not write. */
    int errnum = fdatasync(fd) == 0 ? 0 : errno;
    posix_file_end(pf);
    return errnum ? file_error(pf, errnum, why, "sync") : ERR_NONE;
}

void posix_start_writeback(struct disk_file *file, int64_t pos, int64_t len)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return;
    sync_file_range(fd, pos, len, SYNC_FILE_RANGE_WRITE);
    posix_file_end(pf);
}

void posix_set_mtime(struct disk_file *file, int64_t mtime_ms)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return;
    const struct timespec at = {.tv_sec = mtime_ms / 1000, .tv_nsec = mtime_ms % 1000 * 1000000};
    const struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, at};
    (void)futimens(fd, times);
    posix_file_end(pf);
}

enum err posix_stat_file(struct disk_file *file, struct disk_stat *out, struct errmsg *why)
{
    struct posix_file *pf = posix_file_of(file);
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return file_error(pf, errno, why, "open");
    struct stat st;
    int errnum = fstat(fd, &st) == 0 ? 0 : errno;
    posix_file_end(pf);
    if (errnum)
        return file_error(pf, errnum, why, "stat");
    posix_stat_convert(&st, out);
    return ERR_NONE;
}

int posix_pin_fd(struct disk_file *file)
{
    return posix_file_begin(posix_file_of(file));
}

void posix_unpin_fd(struct disk_file *file)
{
    posix_file_end(posix_file_of(file));
}
