/*
 * Is the broker well, and may it be given work? Answered from flags, without waiting.
 * Runs on: any thread.
 */
#ifndef BARNABAS_SERVER_HEALTH_H
#define BARNABAS_SERVER_HEALTH_H

#include "base/buf.h"
#include "service/broker.h"

/* A loop whose turn lasts longer hangs. */
#define HEALTH_STALL_MS 10000

/* Does it live: every loop turns, every log directory works. False with a line for each reason in `why`. */
bool health_is_well(const struct broker *broker, struct loop *const *loops, int loops_count, struct buf *why);
/* Does it serve: logs loaded, registered in ZooKeeper, accepting. */
bool health_is_ready(const struct broker *broker, struct buf *why);

#endif
