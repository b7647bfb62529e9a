/*
 * Suspected, and alive: what a broker does that finds its own registration under /barnabas/suspects
 * (docs/failover.md). The controller may have no way to tell it that others lead what it led; ZooKeeper has.
 * So it reads there the states of what it leads, again and again for as long as it is suspected, and what has
 * another leader it gives up, as if the controller had told it.
 *
 * What is read late is no harm, and what is old is passed over: leader epochs only grow.
 *
 * Runs on: the ZooKeeper loop, except where said.
 */
#ifndef BARNABAS_SERVICE_IDENTITY_SUSPECTED_H
#define BARNABAS_SERVICE_IDENTITY_SUSPECTED_H

#include "service/broker.h"

struct suspected;

/* Any thread. Gives it (suspected_free, after the loops have been joined). */
struct suspected *suspected_new(struct broker *broker);
void suspected_free(struct suspected *suspected);

/* The broker is registered with this epoch: a suspicion of it counts from now on. */
void suspected_watch(struct suspected *suspected, int64_t broker_epoch);
/* The session is over: there is nothing to read, and nothing more is asked. */
void suspected_forget(struct suspected *suspected);
/* A watch of the session fired. Paths of others are passed over. */
void suspected_on_watch(struct suspected *suspected, const char *path);

#endif
