/*
 * Memory that is freed all at once: what one request decodes and answers with.
 *
 * Ownership: the arena owns every block it gave; arena_reset takes them all
 * back and keeps one block for the next user, so a pooled arena does not
 * allocate in the steady state. Zero-initialised is empty and valid.
 * Runs on: whoever owns the arena.
 */
#ifndef BARNABAS_BASE_ARENA_H
#define BARNABAS_BASE_ARENA_H

#include <stddef.h>

#include "base/view.h"

struct arena_block;

struct arena {
    struct arena_block *blocks; /* newest first */
    size_t used;                /* bytes used of the newest block */
    size_t total;               /* bytes given since the last reset */
    size_t limit;               /* total at which arena_try_alloc refuses; 0 = no limit */
};

/* Aligned to 16, uninitialised; aborts when memory is gone. size 0 gives a valid pointer. */
void *arena_alloc(struct arena *arena, size_t size);
/* As above, zeroed; NULL when memory is gone or the limit is reached. For sizes a peer chose. */
void *arena_try_zalloc(struct arena *arena, size_t count, size_t size);
void *arena_zalloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text);
char *arena_cstr(struct arena *arena, struct view v);
struct view arena_dup_view(struct arena *arena, struct view v);
char *arena_printf(struct arena *arena, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void arena_reset(struct arena *arena);
void arena_close(struct arena *arena);

#endif
