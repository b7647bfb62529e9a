#include "base/arena.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

#define ARENA_ALIGN      16
#define ARENA_BLOCK_MIN  4096
#define ARENA_BLOCK_GROW (64 * 1024) /* blocks double in size up to this */
#define ARENA_KEEP_MAX                                                                                       \
    (256 * 1024) /* a larger block is not kept over a reset: one fat request must not pin it */

struct arena_block {
    struct arena_block *next;
    size_t cap;
    _Alignas(ARENA_ALIGN) uint8_t data[];
};

static size_t next_block_size(const struct arena *arena)
{
    if (!arena->blocks)
        return ARENA_BLOCK_MIN;
    size_t cap = arena->blocks->cap;
    return cap >= ARENA_BLOCK_GROW / 2 ? ARENA_BLOCK_GROW : cap * 2;
}

/* Address of `size` bytes, or NULL when memory is gone. */
static void *take(struct arena *arena, size_t size)
{
    if (size > SIZE_MAX / 2)
        return NULL;
    size_t rounded = (size + ARENA_ALIGN - 1) & ~(size_t)(ARENA_ALIGN - 1);
    struct arena_block *block = arena->blocks;
    if (!block || block->cap - arena->used < rounded) {
        size_t cap = next_block_size(arena);
        if (cap < rounded)
            cap = rounded;
        struct arena_block *fresh = mem_try_alloc(sizeof *fresh + cap);
        if (!fresh)
            return NULL;
        fresh->next = block;
        fresh->cap = cap;
        arena->blocks = block = fresh;
        arena->used = 0;
    }
    void *ptr = block->data + arena->used;
    arena->used += rounded;
    arena->total += rounded;
    return ptr;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    void *ptr = take(arena, size);
    if (!ptr)
        mem_fail(size);
    return ptr;
}

void *arena_try_zalloc(struct arena *arena, size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    if (arena->limit && (arena->total >= arena->limit || bytes > arena->limit - arena->total))
        return NULL;
    void *ptr = take(arena, bytes);
    return ptr ? memset(ptr, 0, bytes) : NULL;
}

void *arena_zalloc(struct arena *arena, size_t size)
{
    return memset(arena_alloc(arena, size), 0, size);
}

char *arena_strdup(struct arena *arena, const char *text)
{
    return arena_cstr(arena, view_str(text));
}

char *arena_cstr(struct arena *arena, struct view v)
{
    if (view_is_null(v))
        return NULL;
    char *text = arena_alloc(arena, v.len + 1);
    memcpy(text, v.ptr, v.len);
    text[v.len] = '\0';
    return text;
}

struct view arena_dup_view(struct arena *arena, struct view v)
{
    if (view_is_null(v))
        return VIEW_NULL;
    uint8_t *copy = arena_alloc(arena, v.len);
    memcpy(copy, v.ptr, v.len);
    return view_of(copy, v.len);
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
    va_list args, again;
    va_start(args, fmt);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    char *text = arena_alloc(arena, (size_t)len + 1);
    vsnprintf(text, (size_t)len + 1, fmt, again);
    va_end(again);
    return text;
}

void arena_reset(struct arena *arena)
{
    struct arena_block *keep = NULL;
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        if (block->cap <= ARENA_KEEP_MAX && (!keep || block->cap > keep->cap)) {
            free(keep);
            keep = block;
        } else {
            free(block);
        }
    }
    if (keep)
        keep->next = NULL;
    arena->blocks = keep;
    arena->used = 0;
    arena->total = 0;
}

void arena_close(struct arena *arena)
{
    for (struct arena_block *block = arena->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    arena->blocks = NULL;
    arena->used = 0;
    arena->total = 0;
}
