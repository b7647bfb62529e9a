/*
 * The random port: unpredictable bytes (UUIDs, session ids, jitter).
 * Runs on: any.
 */
#ifndef BARNABAS_PORT_RANDOM_H
#define BARNABAS_PORT_RANDOM_H

#include <stddef.h>
#include <stdint.h>

struct random {
    void (*fill)(struct random *random, void *out, size_t len);
};

static inline void random_fill(struct random *random, void *out, size_t len)
{
    random->fill(random, out, len);
}
static inline uint64_t random_u64(struct random *random)
{
    uint64_t v;
    random->fill(random, &v, sizeof v);
    return v;
}

#endif
