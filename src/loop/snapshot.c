#include "loop/snapshot.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"

/*
 * A retired value is followed by one token per loop. A token runs from the loop's
 * mailbox, where no reader's callback is active, so a loop that has run its token
 * can no longer hold the value. The last token frees.
 */

struct snapshot_domain {
    int count;
    struct loop *loops[];
};

struct retirement;

struct token {
    struct loop_message message;
    struct retirement *retirement;
};

struct retirement {
    void *ptr;
    void (*free_fn)(void *);
    atomic_int left;
    struct token tokens[];
};

struct snapshot_domain *snapshot_domain_new(struct loop *const *loops, int count)
{
    ASSERT(count >= 0);
    struct snapshot_domain *domain =
        (struct snapshot_domain *)mem_alloc(sizeof *domain + (size_t)count * sizeof domain->loops[0]);
    domain->count = count;
    for (int i = 0; i < count; i++)
        domain->loops[i] = loops[i];
    return domain;
}

void snapshot_domain_free(struct snapshot_domain *domain)
{
    free(domain);
}

static void token_run(struct loop_message *msg, bool discard)
{
    (void)discard; /* a loop that stops does not read any more either */
    struct retirement *retirement = CONTAINER_OF(msg, struct token, message)->retirement;
    if (atomic_fetch_sub_explicit(&retirement->left, 1, memory_order_acq_rel) != 1)
        return;
    retirement->free_fn(retirement->ptr);
    free(retirement);
}

void snapshot_retire(struct snapshot_domain *domain, void *ptr, void (*free_fn)(void *))
{
    if (!ptr)
        return;
    if (domain->count == 0) {
        free_fn(ptr);
        return;
    }
    int count = domain->count;
    struct retirement *retirement =
        (struct retirement *)mem_zalloc(sizeof *retirement + (size_t)count * sizeof retirement->tokens[0]);
    retirement->ptr = ptr;
    retirement->free_fn = free_fn;
    atomic_init(&retirement->left, count);
    for (int i = 0; i < count; i++) {
        retirement->tokens[i].message.run = token_run;
        retirement->tokens[i].message.label = "snapshot";
        retirement->tokens[i].retirement = retirement;
    }
    /* The last post may free the retirement before it returns to us; touch nothing of it afterwards. */
    for (int i = 0; i < count; i++)
        loop_post(domain->loops[i], &retirement->tokens[i].message);
}

void snapshot_replace(struct snapshot_domain *domain, struct snapshot *snap, void *value,
                      void (*free_fn)(void *))
{
    void *before = atomic_exchange_explicit(&snap->value, value, memory_order_acq_rel);
    snapshot_retire(domain, before, free_fn);
}
