#include "net/chunk.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/* Idle memory that a loop keeps. */
#define POOL_IDLE_MAX ((size_t)16 * 1024 * 1024)
/* A read into less than this is not worth its system call. */
#define SHARED_ROOM_MIN ((size_t)16 * 1024)
#define SHARED_LIVE_MAX 32

void chunk_pool_init(struct chunk_pool *pool)
{
    *pool = (struct chunk_pool){0};
    for (int i = 0; i < CHUNK_CLASSES; i++)
        list_init(&pool->idle[i]);
}

void chunk_pool_close(struct chunk_pool *pool)
{
    if (pool->shared) {
        struct chunk *shared = pool->shared;
        pool->shared = NULL;
        chunk_unref(pool, shared);
    }
    for (int i = 0; i < CHUNK_CLASSES; i++) {
        struct list *node;
        while ((node = list_pop_front(&pool->idle[i])))
            free(CONTAINER_OF(node, struct chunk, node));
    }
}

static int class_of(size_t size)
{
    int size_class = 0;
    while (size_class < CHUNK_CLASSES - 1 && CHUNK_MIN_BYTES << size_class < size)
        size_class++;
    ASSERT(CHUNK_MIN_BYTES << size_class >= size);
    return size_class;
}

static struct chunk *take_idle(struct chunk_pool *pool, int size_class)
{
    struct list *node = list_pop_front(&pool->idle[size_class]);
    if (!node)
        return NULL;
    struct chunk *chunk = CONTAINER_OF(node, struct chunk, node);
    pool->idle_bytes -= chunk->cap;
    chunk->refs = 1;
    return chunk;
}

struct chunk *chunk_get_idle(struct chunk_pool *pool, size_t size)
{
    int size_class = class_of(size);
    struct chunk *chunk = take_idle(pool, size_class);
    if (!chunk && size_class + 1 < CHUNK_CLASSES)
        chunk = take_idle(pool, size_class + 1);
    return chunk;
}

struct chunk *chunk_get(struct chunk_pool *pool, size_t size)
{
    int size_class = class_of(size);
    struct chunk *chunk = take_idle(pool, size_class);
    if (chunk)
        return chunk;
    size_t cap = CHUNK_MIN_BYTES << size_class;
    chunk = (struct chunk *)mem_try_alloc(sizeof *chunk + cap);
    if (!chunk)
        return NULL;
    list_node_init(&chunk->node);
    chunk->refs = 1;
    chunk->size_class = size_class;
    chunk->was_shared = false;
    chunk->cap = cap;
    chunk->used = 0;
    return chunk;
}

struct chunk *chunk_get_shared(struct chunk_pool *pool)
{
    struct chunk *shared = pool->shared;
    if (shared && shared->refs == 1)
        shared->used = 0; /* nobody but the pool: begin again, in warm memory */
    if (shared && shared->cap - shared->used < SHARED_ROOM_MIN) {
        chunk_unref(pool, shared);
        shared = pool->shared = NULL;
    }
    if (!shared) {
        shared = chunk_get(pool, CHUNK_SHARED_BYTES);
        if (!shared)
            return NULL;
        shared->used = 0;
        shared->was_shared = true;
        pool->shared = shared;
        pool->shared_live++;
    }
    return chunk_ref(shared);
}

bool chunk_pool_is_pressed(const struct chunk_pool *pool)
{
    return pool->shared_live > SHARED_LIVE_MAX;
}

void chunk_unref(struct chunk_pool *pool, struct chunk *chunk)
{
    ASSERT(chunk->refs > 0);
    if (--chunk->refs > 0)
        return;
    if (chunk->was_shared) {
        chunk->was_shared = false;
        pool->shared_live--;
    }
    if (pool->idle_bytes + chunk->cap > POOL_IDLE_MAX) {
        free(chunk);
        return;
    }
    pool->idle_bytes += chunk->cap;
    list_push_front(&pool->idle[chunk->size_class], &chunk->node);
}
