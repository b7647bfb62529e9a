#include "service/partition/followers.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/broker.h"
#include "service/metadata_cache.h"
#include "service/partition/partition.h"
#include "service/partition/partition_settings.h"
#include "service/replica/isr_changes.h"
#include "service/replica/log_dirs.h"
#include "service/replica/replica_state.h"
#include "storage/log_lookup.h"

/* --- log lines ------------------------------------------------------------------------------------------ */

struct ids_text {
    char text[128];
};

/* "1,2,3"; cut when there are very many. */
static const char *ids_print(const struct replica_ids *ids, struct ids_text *out)
{
    size_t used = 0;
    out->text[0] = '\0';
    for (int32_t i = 0; i < ids->count && used + 16 < sizeof out->text; i++)
        used += (size_t)snprintf(out->text + used, sizeof out->text - used, "%s%d", i > 0 ? "," : "",
                                 ids->ids[i]);
    return out->text;
}

static void log_proposal(const struct partition *part, const char *event)
{
    struct ids_text from, to;
    log_info("replica", event, "partition=%s isr=%s proposed=%s leader_epoch=%d end=%lld high_watermark=%lld",
             part->name, ids_print(&part->replica.isr, &from), ids_print(&part->replica.pending, &to),
             part->replica.leader_epoch, (long long)log_end(part->log).offset,
             (long long)log_high_watermark(part->log).offset);
}

/* --- fetches -------------------------------------------------------------------------------------------- */

static void propose_if_due(struct partition *part, int32_t broker_id)
{
    if (!replica_may_join(&part->replica, broker_id, log_high_watermark(part->log).offset) ||
        !metadata_cache_is_alive(part->broker->metadata, broker_id))
        return;
    replica_propose_join(&part->replica, broker_id);
    log_proposal(part, "isr_grows");
    isr_changes_submit(part->broker->isr_changes, part);
}

enum err partition_note_fetch(struct partition *part, const struct replica_fetch *fetch)
{
    struct replica_progress progress;
    if (!replica_note_fetch(&part->replica, fetch, &progress))
        return ERR_NOT_LEADER_OR_FOLLOWER;
    propose_if_due(part, fetch->broker_id);
    if (progress.end_moved)
        partition_advance(part);
    if (progress.start_moved)
        partition_announce_of(part, PARTITION_NEWS_START);
    return ERR_NONE;
}

bool partition_is_sure_to_lead(const struct partition *part)
{
    const struct broker *broker = part->broker;
    return replica_is_followed(&part->replica, part->broker_id, clock_mono_ms(broker->clock),
                               broker->sure_to_lead_ms);
}

enum err partition_epoch_end(struct partition *part, int32_t replica_id, int32_t epoch, bool nowait,
                             struct leader_epoch *out, struct errmsg *why)
{
    /* Who is in the ISR has all that is committed, and nothing of a leader that was deposed before. */
    if (replica_id < 0 || replica_ids_contain(&part->replica.isr, replica_id)) {
        *out = leader_epochs_end_offset_for(log_leader_epochs(part->log), epoch, log_end(part->log).offset);
        return ERR_NONE;
    }
    enum err err = log_epoch_end_for_follower(part->log, epoch, nowait, out, why);
    if (err == ERR_KAFKA_STORAGE_ERROR)
        partition_fail_storage(part, why);
    return err;
}

/* --- leaving -------------------------------------------------------------------------------------------- */

/* What may have been acknowledged ends here: a leader that was just elected does not know how much of what it
 * took over was. */
static int64_t committed_end(const struct partition *part)
{
    int64_t watermark = log_high_watermark(part->log).offset;
    return watermark > part->replica.epoch_start_offset ? watermark : part->replica.epoch_start_offset;
}

/* Whether it is too early to propose that so few stay; then a flush is on its way. */
static bool must_sync_first(struct partition *part, int32_t stay)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    if (stay >= replica_effective_min_isr(&part->replica, settings->min_insync_replicas) ||
        log_recovery_point(part->log) >= committed_end(part))
        return false;
    part->leaves_when_flushed = true;
    log_dir_state_flush(part->dir, part);
    return true;
}

void partition_flushed(struct partition *part)
{
    if (!part->leaves_when_flushed)
        return;
    part->leaves_when_flushed = false;
    partition_shrink_isr(part);
}

void partition_shrink_isr(struct partition *part)
{
    const struct broker *broker = part->broker;
    if (!part->log || part->replica.role != REPLICA_ROLE_LEADER || part->replica.isr.count < 2)
        return;
    int32_t *ids = mem_zalloc(sizeof *ids * (size_t)part->replica.isr.count);
    int32_t count = replica_laggards(&part->replica, part->broker_id, log_end(part->log).offset,
                                     clock_mono_ms(broker->clock), broker->replica_lag_max_ms, ids);
    if (count > 0 && !must_sync_first(part, part->replica.isr.count - count)) {
        replica_propose_leave(&part->replica, ids, count);
        log_proposal(part, "isr_shrinks");
        isr_changes_submit(broker->isr_changes, part);
    }
    free(ids);
}

/* --- answers -------------------------------------------------------------------------------------------- */

enum replica_isr_next partition_isr_answered(struct partition *part, const struct replica_isr_answer *answer)
{
    if (!part->log)
        return REPLICA_ISR_IGNORED;
    enum replica_isr_next next = replica_isr_answered(&part->replica, answer);
    struct ids_text isr;
    if (next == REPLICA_ISR_TAKEN)
        log_info("replica", "isr_changed", "partition=%s isr=%s partition_epoch=%d", part->name,
                 ids_print(&part->replica.isr, &isr), part->replica.partition_epoch);
    else if (next == REPLICA_ISR_BACK || next == REPLICA_ISR_STUCK)
        log_info("replica", "isr_not_changed", "partition=%s isr=%s error=%s", part->name,
                 ids_print(&part->replica.isr, &isr), err_name(answer->err));
    /* Who was to join held the high watermark back; no fetch needs to come any more that would tell. */
    partition_advance(part);
    return next;
}
