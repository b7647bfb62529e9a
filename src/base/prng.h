/*
 * A seeded generator (xoshiro256**): the same seed gives the same numbers on
 * every machine. Not for secrets.
 * Runs on: whoever owns the state.
 */
#ifndef BARNABAS_BASE_PRNG_H
#define BARNABAS_BASE_PRNG_H

#include <stdint.h>

struct prng {
    uint64_t s[4];
};

void prng_seed(struct prng *prng, uint64_t seed);
uint64_t prng_next(struct prng *prng);
/* Uniform in [0, bound); bound > 0. */
uint64_t prng_below(struct prng *prng, uint64_t bound);

#endif
