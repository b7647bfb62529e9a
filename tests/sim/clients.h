/*
 * Clients: idempotent producers with acks=all that keep up to five batches in flight and send again what was
 * not answered, as real ones do; consumers that read every partition from its beginning; one that makes the
 * topics.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_CLIENTS_H
#define BARNABAS_TESTS_SIM_CLIENTS_H

#include "sim/world.h"

void clients_new(struct sim *sim);
void clients_free(struct sim *sim);
/* They write nothing new any more. */
void clients_rest(struct sim *sim);
/* Has everything been acknowledged and read? Fails I15 otherwise. */
void clients_end(struct sim *sim);
int64_t clients_acknowledged(const struct sim *sim);

#endif
