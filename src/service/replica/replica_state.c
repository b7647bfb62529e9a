#include "service/replica/replica_state.h"

#include "service/broker.h"
#include "service/metadata_cache.h"
#include "service/partition/partition.h"
#include "service/partition/partition_settings.h"
#include "service/replica/log_dirs.h"

/* Up to where this replica's own log counts: what it has, or with flush.messages=1 what it has synced. */
static int64_t own_end(const struct partition *part, const struct partition_settings *settings)
{
    int64_t end = log_end(part->log).offset;
    if (!settings->sync_before_commit)
        return end;
    int64_t synced = log_recovery_point(part->log);
    return synced < end ? synced : end;
}

static bool is_alive(const void *arg, int32_t broker_id)
{
    const struct broker *broker = arg;
    return metadata_cache_is_alive(broker->metadata, broker_id);
}

/* Without followers nobody asks for the time. */
static struct replica_lag lag_of(const struct partition *part)
{
    const struct broker *broker = part->broker;
    return (struct replica_lag){.now_ms = part->replica.remotes_count > 0 ? clock_mono_ms(broker->clock) : 0,
                                .max_ms = broker->replica_lag_max_ms,
                                .is_alive = is_alive,
                                .arg = broker};
}

void partition_advance(struct partition *part)
{
    if (!part->log)
        return;
    if (part->replica.role == REPLICA_ROLE_LEADER) {
        const struct partition_settings *settings =
            atomic_load_explicit(&part->settings, memory_order_acquire);
        struct log_position end = log_end(part->log);
        int64_t present = log_high_watermark(part->log).offset;
        struct replica_lag lag = lag_of(part);
        int64_t next = replica_high_watermark(&part->replica, own_end(part, settings), present,
                                              settings->min_insync_replicas, &lag);
        if (next > present) {
            log_set_high_watermark(part->log, next == end.offset ? end : LOG_POSITION_OF_OFFSET(next));
            partition_announce_of(part, PARTITION_NEWS_COMMITTED);
        }
    }
    partition_complete_waiters(part);
}

enum err partition_check_log(const struct partition *part)
{
    if (part->deleted)
        return ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (log_dir_is_offline(&part->dir->dir))
        return ERR_KAFKA_STORAGE_ERROR;
    if (part->log)
        return ERR_NONE;
    return part->replica.role == REPLICA_ROLE_NONE ? ERR_NOT_LEADER_OR_FOLLOWER : ERR_KAFKA_STORAGE_ERROR;
}

void partition_take_offline(struct partition *part)
{
    log_free(part->log);
    part->log = NULL;
    atomic_store(&part->is_leader, false);
    partition_fail_waiters(part);
    partition_announce(part);
}

void partition_fail_storage(struct partition *part, const struct errmsg *why)
{
    struct log_dir_state *dir = part->dir;
    partition_take_offline(part);
    if (dir)
        log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, why);
}
