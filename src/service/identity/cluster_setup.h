/*
 * What a broker finds or makes in ZooKeeper before it registers: the persistent paths, the
 * cluster's id, a broker id of its own if none is configured.
 * (zookeeper-and-controller 1.2, 2.4.)
 *
 * Runs on: the starting thread; blocks.
 */
#ifndef BARNABAS_SERVICE_IDENTITY_CLUSTER_SETUP_H
#define BARNABAS_SERVICE_IDENTITY_CLUSTER_SETUP_H

#include "base/err.h"
#include "base/errmsg.h"
#include "port/random.h"
#include "zk/sync.h"

/*
 * Creates the paths that every broker creates at start, where they are missing, and the cluster's id if this
 * is the first broker. One round trip where all is there, two where not: a broker that starts anew writes
 * nothing. `id` has room for 64 bytes.
 */
MUST_USE enum err cluster_setup(struct zk_sync *sync, struct random *random, char id[64], struct errmsg *why);

/* A broker id above `reserved_max` that nobody has: the version of /brokers/seqid after a write. */
MUST_USE enum err cluster_setup_broker_id(struct zk_sync *sync, int32_t reserved_max, int32_t *out,
                                          struct errmsg *why);

#endif
