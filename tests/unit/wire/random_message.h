/*
 * Fills any message with values that a version can carry: from the tables, so
 * that no test has to know the fields.
 */
#ifndef BARNABAS_TESTS_WIRE_RANDOM_MESSAGE_H
#define BARNABAS_TESTS_WIRE_RANDOM_MESSAGE_H

#include "base/arena.h"
#include "base/prng.h"
#include "wire/table.h"

/* Fields that the version lacks keep their defaults. Everything is the arena's. */
void random_message(const struct wire_message *desc, int16_t version, struct prng *prng, struct arena *arena,
                    void *out);

#endif
