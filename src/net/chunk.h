/*
 * The memory that frames arrive in: blocks of powers of two, counted, pooled by
 * a loop.
 *
 * One chunk at a time is shared by all connections of the loop: each reads into
 * its free end and hands complete frames out in place. A connection in the middle
 * of a frame has a chunk of its own. Whoever uses bytes of a chunk holds a
 * reference; the last puts it back into the pool.
 *
 * Runs on: the loop that owns the pool.
 */
#ifndef BARNABAS_NET_CHUNK_H
#define BARNABAS_NET_CHUNK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define CHUNK_MIN_BYTES    ((size_t)1024)
#define CHUNK_SHARED_BYTES ((size_t)128 * 1024)
#define CHUNK_CLASSES      23 /* 1 KiB .. 4 GiB: the largest frame there can be */

struct chunk {
    struct list node; /* in the pool */
    int refs;
    int size_class;
    bool was_shared;
    size_t cap;
    size_t used; /* of the shared chunk: where the next connection reads to */
    uint8_t data[];
};

struct chunk_pool {
    struct list idle[CHUNK_CLASSES];
    size_t idle_bytes;
    struct chunk *shared;
    int shared_live; /* chunks that are or were the shared one and are still in use */
};

void chunk_pool_init(struct chunk_pool *pool);
void chunk_pool_close(struct chunk_pool *pool);

/* A chunk of at least `size` bytes with one reference; NULL when memory is gone. */
struct chunk *chunk_get(struct chunk_pool *pool, size_t size);
/* As chunk_get, but only if one is idle already: for sizes that are a guess. */
struct chunk *chunk_get_idle(struct chunk_pool *pool, size_t size);
/* The shared chunk, with room to read into, and a reference for the caller. NULL when memory is gone. */
struct chunk *chunk_get_shared(struct chunk_pool *pool);
/* So many shared chunks are held by slow requests that small frames had better be copied out. */
bool chunk_pool_is_pressed(const struct chunk_pool *pool);

static inline struct chunk *chunk_ref(struct chunk *chunk)
{
    chunk->refs++;
    return chunk;
}
void chunk_unref(struct chunk_pool *pool, struct chunk *chunk);

#endif
