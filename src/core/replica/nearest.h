/*
 * Which replica a consumer should read from: the choice of Kafka's RackAwareReplicaSelector (KIP-392,
 * storage-replication-coordinators 4.10). Pure.
 *
 * Runs on: the holder of the partition.
 */
#ifndef BARNABAS_CORE_REPLICA_NEAREST_H
#define BARNABAS_CORE_REPLICA_NEAREST_H

#include "core/replica/replica.h"

/*
 * Of the brokers in `rack` (the consumer's, that it can reach) the one whose replica it should read from:
 * a member of the ISR that, as far as this leader knows, has `offset`; of several the one that has most, then
 * who was caught up last, then the largest id. -1: read from the leader, which is in that rack, or nobody
 * else is.
 */
int32_t replica_nearest(const struct replica *replica, const struct replica_ids *rack, int64_t offset);

#endif
