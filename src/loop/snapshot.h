/*
 * Read-mostly tables behind an atomic pointer: readers on loops take no lock
 * and no count; a replaced table is freed when every loop has begun a new turn.
 *
 * A reader may use what snapshot_get gave it until its callback returns, no longer.
 * Threads that are not loops of the domain must not read.
 * Writers serialise among themselves.
 */
#ifndef BARNABAS_LOOP_SNAPSHOT_H
#define BARNABAS_LOOP_SNAPSHOT_H

#include <stdatomic.h>

#include "loop/loop.h"

/* The loops that read. Fixed after start. */
struct snapshot_domain;

struct snapshot_domain *snapshot_domain_new(struct loop *const *loops, int count);
void snapshot_domain_free(struct snapshot_domain *domain);

struct snapshot {
    _Atomic(void *) value;
};

static inline void *snapshot_get(const struct snapshot *snap)
{
    return atomic_load_explicit(&((struct snapshot *)(uintptr_t)snap)->value, memory_order_acquire);
}

/* Publishes `value`; the one before it is passed to free_fn once no loop can see it. Any thread. */
void snapshot_replace(struct snapshot_domain *domain, struct snapshot *snap, void *value,
                      void (*free_fn)(void *));
/* Frees `ptr` once no loop can see it. Any thread. */
void snapshot_retire(struct snapshot_domain *domain, void *ptr, void (*free_fn)(void *));

#endif
