/*
 * LD_PRELOAD: calls on files below a directory fail or hang, as a test says while the program runs.
 *
 *   FAULTY_DISK_DIR      the directory
 *   FAULTY_DISK_SWITCH   a file; while it is there its first word says what happens:
 *                          hang    writes and syncs wait until it is gone
 *                          write   writes fail with EIO
 *                          sync    syncs fail with EIO
 *                          full    writes fail with ENOSPC
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

static bool is_below(int fd)
{
    const char *dir = getenv("FAULTY_DISK_DIR");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t len = dir ? readlink(link, path, sizeof path - 1) : -1;
    if (len < 0)
        return false;
    path[len] = '\0';
    return strncmp(path, dir, strlen(dir)) == 0;
}

static bool mode_is(const char *wanted)
{
    const char *name = getenv("FAULTY_DISK_SWITCH");
    int fd = name ? open(name, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0)
        return false;
    char mode[16] = "";
    ssize_t got = read(fd, mode, sizeof mode - 1);
    close(fd);
    return got > 0 && strncmp(mode, wanted, strlen(wanted)) == 0;
}

static void wait_while_hung(void)
{
    struct timespec pause = {.tv_nsec = 20 * 1000 * 1000};
    while (mode_is("hang"))
        nanosleep(&pause, NULL);
}

/* 0 or the errno to fail with. */
static int fate_of(int fd, bool sync)
{
    if (!is_below(fd))
        return 0;
    wait_while_hung();
    if (mode_is(sync ? "sync" : "write"))
        return EIO;
    return !sync && mode_is("full") ? ENOSPC : 0;
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
#define FAIL_OR(fd, sync, call)                                                                              \
    do {                                                                                                     \
        int fate = fate_of(fd, sync);                                                                        \
        if (fate != 0) {                                                                                     \
            errno = fate;                                                                                    \
            return -1;                                                                                       \
        }                                                                                                    \
        return call;                                                                                         \
    } while (0)

ssize_t pwritev(int fd, const struct iovec *iov, int count, off_t pos)
{
    FAIL_OR(fd, false, REAL(pwritev)(fd, iov, count, pos));
}

ssize_t pwritev64(int fd, const struct iovec *iov, int count, off64_t pos)
{
    FAIL_OR(fd, false, REAL(pwritev64)(fd, iov, count, pos));
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t pos)
{
    FAIL_OR(fd, false, REAL(pwrite)(fd, data, len, pos));
}

ssize_t pwrite64(int fd, const void *data, size_t len, off64_t pos)
{
    FAIL_OR(fd, false, REAL(pwrite64)(fd, data, len, pos));
}

int fdatasync(int fd)
{
    FAIL_OR(fd, true, REAL(fdatasync)(fd));
}

int fsync(int fd)
{
    FAIL_OR(fd, true, REAL(fsync)(fd));
}

int syncfs(int fd)
{
    FAIL_OR(fd, true, REAL(syncfs)(fd));
}
