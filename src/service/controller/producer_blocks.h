/*
 * A block of producer ids taken from ZooKeeper by the broker itself: what a broker does below
 * inter.broker.protocol.version 3.0, whoever is controller (zookeeper-and-controller 3.21).
 *
 * Runs on: a worker; blocks for as long as ZooKeeper is away.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_PRODUCER_BLOCKS_H
#define BARNABAS_SERVICE_CONTROLLER_PRODUCER_BLOCKS_H

#include "base/err.h"
#include "base/errmsg.h"
#include "zk/sync.h"

/*
 * The next `*count` ids begin at `*first`; by compare and set, again when somebody else was quicker. An
 * answer that was lost costs a block that nobody uses. ERR_MALFORMED when the znode makes no sense or the ids
 * are used up.
 */
MUST_USE enum err producer_blocks_take(struct zk_sync *sync, int32_t broker_id, int64_t *first,
                                       int32_t *count, struct errmsg *why);

#endif
