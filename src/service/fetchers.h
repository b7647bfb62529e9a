/*
 * Following: the shell around core/fetcher. Each fetcher loop (num.replica.fetchers) has a link to every
 * broker that leads a partition it follows; a partition belongs to one loop, by Kafka's rule.
 *
 *   LeaderAndIsr --fetchers_follow--> fetcher loop --Fetch--> leader
 *                                        |  <---- answer ----'
 *                                        `-- op on the partition: append, cut; then the next Fetch
 *
 * Nothing here decides who leads: an op looks again, as the partition's holder, whether the partition still
 * follows in the epoch for which the records were fetched, and drops them otherwise. So leadership may change
 * at any moment, without waiting for a fetcher.
 *
 * With flush.messages=1 an append is over when it is synced: the next Fetch tells the leader how far this
 * replica has come, and that must hold through a loss of power.
 *
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_FETCHERS_H
#define BARNABAS_SERVICE_FETCHERS_H

#include "service/broker.h"
#include "service/partition.h"

struct fetchers;

/* Gives them (fetchers_free). `loops` stand and are borrowed. */
struct fetchers *fetchers_new(struct broker *broker, struct loop *const *loops, int count);
/* No Fetch leaves and no append begins after this; blocks until what is under way has ended. Not on a loop.
 */
void fetchers_stop(struct fetchers *fetchers);
/* After the loops were joined. */
void fetchers_free(struct fetchers *fetchers);

/* The partition follows broker `leader_id` in `leader_epoch` from now on. Where the leader is reached: from
 * the metadata, and looked up again at each connection. Any thread. */
void fetchers_follow(struct fetchers *fetchers, struct partition *part, int32_t leader_id,
                     int32_t leader_epoch);
/* It does not follow any more (leads, stopped, deleted, offline). Any thread. */
void fetchers_leave(struct fetchers *fetchers, struct partition *part, int32_t leader_epoch);

#endif
