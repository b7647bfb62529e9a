/*
 * Logs on this broker without a role: every so often they are held against ZooKeeper (core/replica/stray.h).
 * What is superfluous is deleted, as StopReplica would have done; anything else is kept and reported: a line
 * in the log, and a number in the metrics.
 *
 * A controller deletes what a move left on a broker that was away, when it starts; only the next controller
 * knows nothing of it. Kafka leaves such logs where they are.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_REPLICA_STRAYS_H
#define BARNABAS_SERVICE_REPLICA_STRAYS_H

#include "service/broker.h"

struct strays;

/* Gives it (strays_free). */
struct strays *strays_new(struct broker *broker);
/* Begins to look, every barnabas.stray.check.interval.ms. When the broker runs. Any thread. */
void strays_start(struct strays *strays);
/* Does not begin another look. Not on a loop. */
void strays_stop(struct strays *strays);
/* After the loops were joined. */
void strays_free(struct strays *strays);

/* As found by the last look; any thread. */
int strays_count(const struct strays *strays);

#endif
