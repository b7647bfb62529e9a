#include "base/mem.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"

_Noreturn void mem_fail(size_t size)
{
    char text[96];
    int len = snprintf(text, sizeof text, "out of memory: cannot allocate %zu bytes\n", size);
    if (len > 0 && write(STDERR_FILENO, text, (size_t)len) < 0) {
        /* Nobody reads it; the core still tells. */
    }
    assert_print_backtrace();
    signal(SIGABRT, SIG_DFL); /* the crash handler would print the same backtrace again */
    abort();
}

void *mem_try_alloc(size_t size)
{
    return malloc(size ? size : 1);
}

void *mem_try_resize(void *ptr, size_t size)
{
    return realloc(ptr, size ? size : 1);
}

void *mem_alloc(size_t size)
{
    void *ptr = mem_try_alloc(size);
    if (!ptr)
        mem_fail(size);
    return ptr;
}

void *mem_zalloc(size_t size)
{
    void *ptr = calloc(1, size ? size : 1);
    if (!ptr)
        mem_fail(size);
    return ptr;
}

void *mem_resize(void *ptr, size_t size)
{
    void *moved = mem_try_resize(ptr, size);
    if (!moved)
        mem_fail(size);
    return moved;
}

char *mem_strdup(const char *text)
{
    return mem_dup(text, strlen(text) + 1);
}

void *mem_dup(const void *ptr, size_t size)
{
    void *copy = mem_alloc(size);
    if (size > 0)
        memcpy(copy, ptr, size);
    return copy;
}

char *mem_printf(const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    char *text = mem_alloc((size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}
