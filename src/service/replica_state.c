#include "service/replica_state.h"

#include "service/log_dirs.h"
#include "service/partition.h"
#include "service/partition_settings.h"

/* Up to where this replica's own log counts: what it has, or with flush.messages=1 what it has synced. */
static int64_t own_end(const struct partition *part, const struct partition_settings *settings)
{
    int64_t end = log_end(part->log).offset;
    if (!settings->sync_before_commit)
        return end;
    int64_t synced = log_recovery_point(part->log);
    return synced < end ? synced : end;
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
        int64_t next = replica_high_watermark(&part->replica, part->broker_id, own_end(part, settings),
                                              present, settings->min_insync_replicas);
        if (next > present) {
            log_set_high_watermark(part->log, next == end.offset ? end : LOG_POSITION_OF_OFFSET(next));
            partition_announce(part);
        }
    }
    partition_complete_waiters(part);
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
