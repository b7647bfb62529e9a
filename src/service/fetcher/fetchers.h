/*
 * Following: the shell around core/fetcher. There are num.replica.fetchers fetchers, each with a link to
 * every broker that leads a partition it follows; a partition belongs to one fetcher, by Kafka's rule. They
 * are spread over the loops that the broker started with, as many as the number was then.
 *
 *   LeaderAndIsr --fetchers_follow--> fetcher loop --Fetch--> leader
 *                                        |  <---- answer ----'
 *                                        `-- op on the partition (service/fetcher/follow.h); then the next
 * Fetch
 *
 * Nothing here decides who leads: an op looks again, as the partition's holder, whether the partition still
 * follows in the epoch for which the records were fetched, and drops them otherwise. So leadership may change
 * at any moment, without waiting for a fetcher.
 *
 * Runs on: as marked. `fetchers` may be NULL where nothing is replicated (tests): then nothing is done.
 */
#ifndef BARNABAS_SERVICE_FETCHER_FETCHERS_H
#define BARNABAS_SERVICE_FETCHER_FETCHERS_H

#include "service/broker.h"
#include "service/partition/partition.h"

struct fetchers;

/* Gives them (fetchers_free). `loops` stand and are borrowed. */
struct fetchers *fetchers_new(struct broker *broker, struct loop *const *loops, int count);
/* No Fetch leaves and no append begins after this; blocks until what is under way has ended. Not on a loop.
 * The loops run. */
void fetchers_stop(struct fetchers *fetchers);
/* After the loops were joined. */
void fetchers_free(struct fetchers *fetchers);

/*
 * The partition follows broker `leader_id` in `leader_epoch` from now on. Where the leader is reached: from
 * the metadata, looked at before each request. Any thread.
 */
void fetchers_follow(struct fetchers *fetchers, struct partition *part, int32_t leader_id,
                     int32_t leader_epoch);
/* It does not follow any more (leads, stopped, deleted, offline), up to this epoch. Any thread. */
void fetchers_leave(struct fetchers *fetchers, struct partition *part, int32_t leader_epoch);

/*
 * num.replica.fetchers changed: those of the partitions that are followed, gives how many, go to the fetchers
 * that they belong to. No partition is asked: its directory may hang. `parts`: all there are; not while
 * others come.
 */
int fetchers_resize(struct fetchers *fetchers, int number, struct partition *const *parts, int count);
int fetchers_number(const struct fetchers *fetchers);

/* Every epoch, in fetchers_leave. */
#define FETCHERS_ANY_EPOCH INT32_MAX

struct fetchers_numbers {
    int64_t max_lag;  /* in records, of all partitions */
    int64_t min_rate; /* Fetch requests a second of the link with the fewest; 0 without links */
    int failed;       /* partitions */
};

/* At most a few seconds old. Any thread. */
void fetchers_numbers(const struct fetchers *fetchers, struct fetchers_numbers *out);

#endif
