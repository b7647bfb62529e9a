/*
 * What this broker sends to followers and fetches from leaders of throttled replicas, and whether that is
 * more than leader.replication.throttled.rate and follower.replication.throttled.rate allow.
 *
 * A replica is throttled while its topic's lists name it (service/partition/partition_settings.h) and it is
 * not in sync. Over the rate it is left out, of the answer or of the request; nothing is delayed. What
 * replicas on the lists get counts in any case, also that of members of the ISR.
 * (storage-replication-coordinators 4.11.)
 *
 * Likewise what moves between the log directories of this broker, and whether that is more than
 * replica.alter.log.dirs.io.max.bytes.per.second; there all of it counts and waits.
 *
 * Runs on: any thread; behind a lock that is only taken for replicas on the lists.
 */
#ifndef BARNABAS_SERVICE_FETCHER_REPLICATION_QUOTAS_H
#define BARNABAS_SERVICE_FETCHER_REPLICATION_QUOTAS_H

#include <stdbool.h>
#include <stdint.h>

struct config;
struct replication_quotas;

enum replication_quota {
    REPLICATION_QUOTA_LEADER,
    REPLICATION_QUOTA_FOLLOWER,
    REPLICATION_QUOTA_LOG_DIRS, /* replicas that move between log directories, all of them */
    REPLICATION_QUOTA_COUNT
};

/* Gives them (replication_quotas_free), with the windows and rates of `config`. */
struct replication_quotas *replication_quotas_new(const struct config *config);
void replication_quotas_free(struct replication_quotas *quotas);
/* The rates are those of `config` from now on. */
void replication_quotas_update(struct replication_quotas *quotas, const struct config *config);

/* Bytes went to or came for a replica on the lists. Monotonic ms, here and below. */
void replication_quota_record(struct replication_quotas *quotas, enum replication_quota which, int64_t bytes,
                              int64_t now_ms);
/* Bytes a second of replicas on the lists, with or without a rate set, over the windows that count. */
int64_t replication_quota_rate(struct replication_quotas *quotas, enum replication_quota which,
                               int64_t now_ms);
/* One load of an atomic while no rate is set. */
bool replication_quota_is_exceeded(struct replication_quotas *quotas, enum replication_quota which,
                                   int64_t now_ms);

#endif
