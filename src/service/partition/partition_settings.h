/*
 * What a partition's topic is configured to, ready for the hot path: built once per change of
 * /config/topics/T, then only read.
 *
 * Ownership: immutable; the partition owns it, a replaced one is retired when no loop can see it.
 * Runs on: any.
 */
#ifndef BARNABAS_SERVICE_PARTITION_PARTITION_SETTINGS_H
#define BARNABAS_SERVICE_PARTITION_PARTITION_SETTINGS_H

#include "storage/log_settings.h"
#include "wire/record_validate.h"

struct partition;
struct topic_config;

struct partition_settings {
    struct log_settings log;
    struct append_rules rules; /* of a client's append; origin and produce version are set per request */
    int64_t file_delete_delay_ms;
    int64_t flush_ms;
    int32_t min_insync_replicas;
    bool log_append_time;
    bool downconversion;         /* message.downconversion.enable */
    bool zstd_configured;        /* compression.type=zstd: refused to fetchers below v10 */
    int64_t delete_retention_ms; /* of a compacted log, as the next two */
    int64_t min_compaction_lag_ms;
    double min_cleanable_ratio;
    bool deletes_records;    /* cleanup.policy contains delete: DeleteRecords is allowed */
    bool sync_before_commit; /* flush.messages=1: a record counts only when it is synced */
    bool leader_throttled;   /* leader.replication.throttled.replicas names it: see replication_quotas.h */
    bool follower_throttled; /* follower.replication.throttled.replicas does */
};

/* `producer_id_expiration_ms` is the broker's. Gives it (partition_settings_free). */
struct partition_settings *partition_settings_new(const struct topic_config *config,
                                                  int64_t producer_id_expiration_ms,
                                                  bool verify_transactions);
void partition_settings_free(void *settings);

/* The partition goes by these from now on; it owns them. Gives those before, NULL for the first. */
struct partition_settings *partition_settings_give(struct partition *part,
                                                   struct partition_settings *settings);

#endif
