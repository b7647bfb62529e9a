/*
 * Is a range of a file in the page cache?
 *
 * Two witnesses. cachestat (Linux 6.5) counts the pages of the range that are there; those that are just
 * being read in count too. A read of one byte with RWF_NOWAIT tells whether its page is there and filled;
 * where it is not, the kernel begins to read it in. What is being read in fills from the front, so with the
 * help of the first witness few bytes are asked for. Where cachestat does not exist, is forbidden, or does
 * not see the pages that reads see, many are. A file system that knows no RWF_NOWAIT (overlayfs) tells
 * nothing.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix_internal.h"

/* Headers of older kernels do not name it; the number is the same on all architectures but Alpha. */
#ifndef SYS_cachestat
#define SYS_cachestat 451
#endif

/* The last byte of each such piece is asked for: with cachestat, which leaves few doubts, and without. */
#define STRIDE_OF_PRESENT_BYTES (512 * 1024)
#define STRIDE_BYTES            (64 * 1024)

/* As linux/mman.h has them. */
struct cache_range {
    uint64_t pos;
    uint64_t len;
};
struct cache_counts {
    uint64_t cached;
    uint64_t dirty;
    uint64_t in_writeback;
    uint64_t evicted;
    uint64_t recently_evicted;
};

enum answer { ANSWER_NO, ANSWER_YES, ANSWER_UNKNOWN };

static enum answer ask_byte(int fd, int64_t pos)
{
    uint8_t byte;
    struct iovec iov = {&byte, 1};
    ssize_t got;
    do
        got = preadv2(fd, &iov, 1, pos, RWF_NOWAIT);
    while (got < 0 && errno == EINTR);
    if (got >= 0)
        return ANSWER_YES;
    return errno == EAGAIN ? ANSWER_NO : ANSWER_UNKNOWN;
}

static enum answer ask_strides(int fd, int64_t pos, int64_t len, int64_t stride)
{
    enum answer answer = ANSWER_YES;
    for (int64_t at = 0; at < len && answer == ANSWER_YES; at += stride)
        answer = ask_byte(fd, pos + (len - at < stride ? len : at + stride) - 1);
    return answer;
}

/* Unknown: not to be asked again. */
static enum answer ask_cachestat(int fd, int64_t pos, int64_t len)
{
    struct cache_range range = {(uint64_t)pos, (uint64_t)len};
    struct cache_counts counts = {0};
    if (syscall(SYS_cachestat, fd, &range, &counts, 0) != 0)
        return ANSWER_UNKNOWN;
    if (counts.cached == 0)
        return ask_byte(fd, pos) == ANSWER_NO ? ANSWER_NO : ANSWER_UNKNOWN;
    const int64_t page = sysconf(_SC_PAGESIZE);
    const int64_t pages = (pos + len - 1) / page - pos / page + 1;
    return counts.cached >= (uint64_t)pages ? ANSWER_YES : ANSWER_NO;
}

static enum answer ask(struct posix_disk *pd, int fd, int64_t pos, int64_t len)
{
    if (atomic_load_explicit(&pd->no_cachestat, memory_order_relaxed))
        return ask_strides(fd, pos, len, STRIDE_BYTES);
    switch (ask_cachestat(fd, pos, len)) {
    case ANSWER_YES:
        return ask_strides(fd, pos, len, STRIDE_OF_PRESENT_BYTES);
    case ANSWER_NO:
        return ANSWER_NO;
    case ANSWER_UNKNOWN:
        break;
    }
    atomic_store_explicit(&pd->no_cachestat, true, memory_order_relaxed);
    return ask_strides(fd, pos, len, STRIDE_BYTES);
}

bool posix_is_cached(struct disk_file *file, int64_t pos, int64_t len)
{
    struct posix_file *pf = CONTAINER_OF(file, struct posix_file, file);
    struct posix_disk *pd = posix_disk_of(file->disk);
    if (len <= 0 || atomic_load_explicit(&pd->no_nowait, memory_order_relaxed))
        return true;
    int fd = posix_file_begin(pf);
    if (fd < 0)
        return true;
    enum answer answer = ask(pd, fd, pos, len);
    posix_file_end(pf);
    if (answer == ANSWER_UNKNOWN)
        atomic_store_explicit(&pd->no_nowait, true, memory_order_relaxed);
    return answer != ANSWER_NO;
}
