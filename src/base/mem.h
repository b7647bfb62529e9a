/*
 * Two kinds of allocation, two names. mem_* aborts when memory is gone: a
 * broker cannot serve without a 64-byte node. mem_try_* returns NULL: it is for
 * every size that a stranger chose.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_MEM_H
#define BARNABAS_BASE_MEM_H

#include <stddef.h>

#include "base/view.h"

/* Uninitialised, zeroed, resized memory and copies; never NULL for size > 0. Free with free(). */
void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_resize(void *ptr, size_t size);
char *mem_strdup(const char *text);
void *mem_dup(const void *ptr, size_t size);
/* printf into a fresh heap string. */
char *mem_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* NULL when memory is gone; free with free(). */
void *mem_try_alloc(size_t size);
void *mem_try_resize(void *ptr, size_t size);

/* Says on descriptor 2 that an allocation of `size` bytes failed, with a backtrace, and aborts. */
_Noreturn void mem_fail(size_t size);

#define MEM_NEW(type) ((type *)mem_zalloc(sizeof(type)))

/* The struct that embeds `member` at `ptr`. */
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
