/*
 * Counts a program's allocations without changing them, by LD_PRELOAD:
 *
 *   MALLOC_COUNT_FILE=/path LD_PRELOAD=bench/malloc_count.so barnabas-server ...
 *
 * The file holds four 64-bit counters in the machine's order, always current:
 * malloc (with calloc and the aligned ones), realloc, free, bytes asked for.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct counters {
    _Atomic uint64_t allocated;
    _Atomic uint64_t resized;
    _Atomic uint64_t freed;
    _Atomic uint64_t bytes;
};

/* dlsym itself allocates before the real functions are known: from here, never given back. */
static char early[16384];
static size_t early_used;

static struct counters nowhere;
static struct counters *counters = &nowhere;

static struct {
    void *(*malloc)(size_t);
    void *(*calloc)(size_t, size_t);
    void *(*realloc)(void *, size_t);
    void (*free)(void *);
    int (*posix_memalign)(void **, size_t, size_t);
    void *(*aligned_alloc)(size_t, size_t);
} real;
static _Atomic int resolving;

static void map_counters(void)
{
    const char *path = getenv("MALLOC_COUNT_FILE");
    if (!path)
        return;
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0 || ftruncate(fd, sizeof *counters))
        return;
    void *at = mmap(NULL, sizeof *counters, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (at != MAP_FAILED)
        counters = at;
}

/* The address of a function, as dlsym gives it, without a cast between object and function. */
static void look_up(const char *name, void *slot)
{
    void *at = dlsym(RTLD_NEXT, name);
    memcpy(slot, &at, sizeof at);
}

__attribute__((constructor)) static void resolve(void)
{
    if (real.malloc || atomic_exchange(&resolving, 1))
        return;
    look_up("calloc", &real.calloc);
    look_up("realloc", &real.realloc);
    look_up("free", &real.free);
    look_up("posix_memalign", &real.posix_memalign);
    look_up("aligned_alloc", &real.aligned_alloc);
    look_up("malloc", &real.malloc);
    map_counters();
}

static void *take_early(size_t size)
{
    size_t at = (early_used + 15) & ~(size_t)15;
    if (size > sizeof early - at)
        abort();
    early_used = at + size;
    return early + at;
}

static int is_early(const void *ptr)
{
    return (uintptr_t)ptr >= (uintptr_t)early && (uintptr_t)ptr < (uintptr_t)early + sizeof early;
}

static void count(_Atomic uint64_t *which, size_t bytes)
{
    atomic_fetch_add_explicit(which, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&counters->bytes, bytes, memory_order_relaxed);
}

void *malloc(size_t size)
{
    resolve();
    if (!real.malloc)
        return take_early(size);
    count(&counters->allocated, size);
    return real.malloc(size);
}

void *calloc(size_t items, size_t size)
{
    resolve();
    if (!real.malloc)
        return take_early(items * size); /* never used before: zero */
    count(&counters->allocated, items * size);
    return real.calloc(items, size);
}

void *realloc(void *ptr, size_t size)
{
    resolve();
    if (is_early(ptr)) {
        void *moved = malloc(size);
        size_t there = (size_t)(early + sizeof early - (char *)ptr);
        if (moved)
            memcpy(moved, ptr, size < there ? size : there);
        return moved;
    }
    count(&counters->resized, size);
    return real.realloc(ptr, size);
}

void free(void *ptr)
{
    if (!ptr || is_early(ptr))
        return;
    resolve();
    count(&counters->freed, 0);
    real.free(ptr);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    resolve();
    count(&counters->allocated, size);
    return real.posix_memalign(out, alignment, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    resolve();
    count(&counters->allocated, size);
    return real.aligned_alloc(alignment, size);
}
