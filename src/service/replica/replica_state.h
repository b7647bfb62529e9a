/*
 * What follows when something about a replica changed: the high watermark moves, waiters
 * go home, readers hear of it.
 *
 * Runs on: the holder of the partition.
 */
#ifndef BARNABAS_SERVICE_REPLICA_REPLICA_STATE_H
#define BARNABAS_SERVICE_REPLICA_REPLICA_STATE_H

#include "base/err.h"
#include "base/errmsg.h"

struct partition;

/*
 * The log grew, was synced, or its followers did: raises the leader's high watermark as far as it may
 * go, completes what waited for it and tells the readers.
 */
void partition_advance(struct partition *part);

/*
 * Is there a log to be asked? ERR_UNKNOWN_TOPIC_OR_PARTITION: it was deleted. ERR_KAFKA_STORAGE_ERROR: it is
 * offline; a directory is so for all its partitions at its first failure, before a worker has told each.
 * ERR_NOT_LEADER_OR_FOLLOWER: it is just being made.
 */
enum err partition_check_log(const struct partition *part);

/* A call on the log failed for good: the partition is offline and its directory is told. */
void partition_fail_storage(struct partition *part, const struct errmsg *why);

/* Drops the log of a partition whose directory is offline or that was deleted; waiters fail. */
void partition_take_offline(struct partition *part);

#endif
