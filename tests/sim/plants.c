#include "sim/plants.h"

#include <string.h>

#include "core/controller/election.h"
#include "core/group/internal.h"
#include "core/replica/replica.h"
#include "fake/crash_disk.h"
#include "service/identity/incarnation.h"
#include "service/replica/control_fence.h"
#include "storage/clean_shutdown.h"
#include "storage/compact/compact.h"
#include "storage/compact/output.h"
#include "storage/leader_epochs.h"
#include "storage/log_flush.h"
#include "storage/producer_state.h"

static const char *const NAMES[PLANTS] = {
    [PLANT_NONE] = "none",
    [PLANT_CUT_TO_HIGH_WATERMARK] = "cut-to-high-watermark",
    [PLANT_JOIN_AT_STALE_HIGH_WATERMARK] = "join-at-stale-high-watermark",
    [PLANT_DIVERGING_IS_PROGRESS] = "diverging-is-progress",
    [PLANT_DIVERGENCE_NOT_TOLD] = "divergence-not-told",
    [PLANT_LOSS_NOT_NOTICED] = "loss-not-noticed",
    [PLANT_FENCE_OPEN] = "fence-open",
    [PLANT_OLD_CONNECTION_OBEYED] = "old-connection-obeyed",
    [PLANT_OLD_CONTROLLER_WRITES] = "old-controller-writes",
    [PLANT_LATE_ISR_ANSWER_TAKEN] = "late-isr-answer-taken",
    [PLANT_PENDING_ISR_NOT_COUNTED] = "pending-isr-not-counted",
    [PLANT_MIN_ISR_NOT_ASKED] = "min-isr-not-asked",
    [PLANT_ACKNOWLEDGED_TOO_EARLY] = "acknowledged-too-early",
    [PLANT_WAIT_OUTLIVES_LEADER] = "wait-outlives-leader",
    [PLANT_LEADER_EPOCH_NOT_CHECKED] = "leader-epoch-not-checked",
    [PLANT_PRODUCERS_NOT_REPLICATED] = "producers-not-replicated",
    [PLANT_EPOCHS_NOT_CUT] = "epochs-not-cut",
    [PLANT_SYNC_LEFT_OUT] = "sync-left-out",
    [PLANT_FAILED_SYNC_IGNORED] = "failed-sync-ignored",
    [PLANT_RECOVERY_POINT_TOO_HIGH] = "recovery-point-too-high",
    [PLANT_STALE_CLEAN_MARKER] = "stale-clean-marker",
    [PLANT_WATCH_FORGOTTEN] = "watch-forgotten",
    [PLANT_BROKER_EPOCHS_NOT_NAMED] = "broker-epochs-not-named",
    [PLANT_OUT_OF_RANGE_ABOVE_HIGH_WATERMARK] = "out-of-range-above-high-watermark",
    [PLANT_OTHERS_NOT_WAITED_FOR] = "others-not-waited-for",
    [PLANT_UNCOMMITTED_COMPACTED] = "uncommitted-compacted",
    [PLANT_COMPACTED_NOT_SYNCED] = "compacted-not-synced",
    [PLANT_LOADED_TO_HIGH_WATERMARK] = "loaded-to-high-watermark",
    [PLANT_COMMIT_ANSWERED_EARLY] = "commit-answered-early",
    [PLANT_COORDINATOR_NOT_UNLOADED] = "coordinator-not-unloaded",
    [PLANT_OLD_GENERATION_COMMITS] = "old-generation-commits",
    [PLANT_ASSIGNMENT_GIVEN_EARLY] = "assignment-given-early",
};

static enum plant chosen;

bool plant_choose(const char *name)
{
    for (int i = 0; i < PLANTS; i++)
        if (strcmp(NAMES[i], name) == 0) {
            chosen = (enum plant)i;
            return true;
        }
    return false;
}

bool plant_is(enum plant plant)
{
    return chosen == plant;
}

const char *plant_name(int plant)
{
    return plant < PLANTS ? NAMES[plant] : NULL;
}

/* --- in place of functions of the cores --------------------------------------------------------------- */

/* The linker leads every call of f to __wrap_f, and __real_f to f. */
#define WRAPPED(type, name, ...)                                                                             \
    type __real_##name(__VA_ARGS__);                                                                         \
    type __wrap_##name(__VA_ARGS__);                                                                         \
    type __wrap_##name(__VA_ARGS__)

WRAPPED(bool, replica_may_join, const struct replica *replica, int32_t broker_id, int64_t high_watermark)
{
    struct replica forgetful = *replica;
    if (plant_is(PLANT_JOIN_AT_STALE_HIGH_WATERMARK))
        forgetful.epoch_start_offset = 0;
    return __real_replica_may_join(&forgetful, broker_id, high_watermark);
}

WRAPPED(int64_t, replica_high_watermark, const struct replica *replica, int64_t durable_end, int64_t current,
        int32_t min_insync_replicas, const struct replica_lag *lag)
{
    struct replica forgetful = *replica;
    struct replica_lag nobody = *lag;
    if (plant_is(PLANT_PENDING_ISR_NOT_COUNTED)) {
        forgetful.isr_state = REPLICA_ISR_COMMITTED;
        nobody.max_ms = -1;
    }
    if (plant_is(PLANT_MIN_ISR_NOT_ASKED))
        min_insync_replicas = 1;
    return __real_replica_high_watermark(&forgetful, durable_end, current, min_insync_replicas, &nobody);
}

WRAPPED(bool, replica_has_min_isr, const struct replica *replica, int32_t min_insync_replicas)
{
    return plant_is(PLANT_MIN_ISR_NOT_ASKED) || __real_replica_has_min_isr(replica, min_insync_replicas);
}

WRAPPED(bool, replica_has_min_maximal_isr, const struct replica *replica, int32_t min_insync_replicas)
{
    return plant_is(PLANT_MIN_ISR_NOT_ASKED) ||
           __real_replica_has_min_maximal_isr(replica, min_insync_replicas);
}

WRAPPED(enum replica_isr_next, replica_isr_answered, struct replica *replica,
        const struct replica_isr_answer *answer)
{
    if (plant_is(PLANT_LATE_ISR_ANSWER_TAKEN) && answer->err == ERR_NONE &&
        replica->role == REPLICA_ROLE_LEADER) {
        replica_ids_copy(&replica->isr, &answer->isr);
        replica_ids_close(&replica->pending);
        replica->isr_state = REPLICA_ISR_COMMITTED;
        return REPLICA_ISR_TAKEN;
    }
    return __real_replica_isr_answered(replica, answer);
}

WRAPPED(enum err, replica_check_epoch, const struct replica *replica, int32_t epoch)
{
    return plant_is(PLANT_LEADER_EPOCH_NOT_CHECKED) ? ERR_NONE : __real_replica_check_epoch(replica, epoch);
}

WRAPPED(int64_t, replica_follower_epoch, const struct replica *replica, int32_t broker_id)
{
    return plant_is(PLANT_BROKER_EPOCHS_NOT_NAMED) ? -1 : __real_replica_follower_epoch(replica, broker_id);
}

WRAPPED(bool, ctl_choose, enum ctl_strategy strategy, const struct ctl_candidate *replicas, int32_t count,
        const struct znode_state *now, bool allow_unclean, struct arena *arena, struct ctl_choice *out)
{
    struct ctl_candidate *list = arena_alloc(arena, (size_t)count * sizeof *list + 1);
    for (int32_t i = 0; i < count; i++) {
        list[i] = replicas[i];
        list[i].overdue |= plant_is(PLANT_OTHERS_NOT_WAITED_FOR);
    }
    return __real_ctl_choose(strategy, list, count, now, allow_unclean, arena, out);
}

WRAPPED(void, group_commit, struct group_coordinator *c, const struct group_commit_request *request,
        uint64_t token, const struct group_time *now, struct group_effects *out)
{
    struct group_commit_request lenient = *request;
    const struct grp_group *group = c ? grp_find(&c->tables, request->group_id) : NULL;
    if (plant_is(PLANT_OLD_GENERATION_COMMITS) && group)
        lenient.generation = group->generation;
    __real_group_commit(c, &lenient, token, now, out);
}

WRAPPED(void, grp_store_group, struct grp_append *a)
{
    __real_grp_store_group(a);
    if (plant_is(PLANT_ASSIGNMENT_GIVEN_EARLY) && a->kind == GRP_APPEND_ASSIGNMENT)
        grp_assignment_stored(a, ERR_NONE);
}

/* --- of the storage ----------------------------------------------------------------------------------- */

WRAPPED(struct leader_epoch, leader_epochs_end_offset_for, const struct leader_epochs *epochs,
        int32_t requested, int64_t log_end_offset)
{
    if (plant_is(PLANT_DIVERGENCE_NOT_TOLD))
        return (struct leader_epoch){requested, log_end_offset};
    return __real_leader_epochs_end_offset_for(epochs, requested, log_end_offset);
}

WRAPPED(enum err, log_read, struct log *log, const struct log_read_args *args, struct log_slice *out,
        struct errmsg *why)
{
    if (plant_is(PLANT_OUT_OF_RANGE_ABOVE_HIGH_WATERMARK) && args->bound == LOG_BOUND_HIGH_WATERMARK &&
        args->offset > log_high_watermark(log).offset)
        return ERR_OFFSET_OUT_OF_RANGE;
    return __real_log_read(log, args, out, why);
}

WRAPPED(bool, leader_epochs_truncate_from_end, struct leader_epochs *epochs, int64_t end_offset)
{
    return !plant_is(PLANT_EPOCHS_NOT_CUT) && __real_leader_epochs_truncate_from_end(epochs, end_offset);
}

WRAPPED(void, producer_append_commit, struct producer_append *append)
{
    if (!plant_is(PLANT_PRODUCERS_NOT_REPLICATED) || append->origin != APPEND_FROM_REPLICATION)
        __real_producer_append_commit(append);
}

WRAPPED(enum err, log_flush_run, struct log_flush *flush, struct errmsg *why)
{
    if (plant_is(PLANT_SYNC_LEFT_OUT)) {
        log_flush_close(flush);
        return ERR_NONE;
    }
    enum err err = __real_log_flush_run(flush, why);
    return plant_is(PLANT_FAILED_SYNC_IGNORED) ? ERR_NONE : err;
}

WRAPPED(int64_t, log_recovery_point, const struct log *log)
{
    return plant_is(PLANT_RECOVERY_POINT_TOO_HIGH) ? log_end(log).offset : __real_log_recovery_point(log);
}

WRAPPED(enum err, clean_shutdown_take, struct disk *disk, const char *dir, bool *was_clean,
        struct errmsg *why)
{
    enum err err = __real_clean_shutdown_take(disk, dir, was_clean, why);
    *was_clean |= plant_is(PLANT_STALE_CLEAN_MARKER);
    return err;
}

WRAPPED(enum err, log_dirt, struct log *log, const struct log_dirt_args *args, struct log_dirt *out,
        struct errmsg *why)
{
    enum err err = __real_log_dirt(log, args, out, why);
    if (err == ERR_NONE && plant_is(PLANT_UNCOMMITTED_COMPACTED)) {
        out->first_uncleanable = log_active_base_offset(log);
        out->cleanable_bytes = log_size_bytes(log);
    }
    return err;
}

WRAPPED(enum err, output_sync, struct output *output, struct errmsg *why)
{
    crash_disk_set_deaf(output->disk, plant_is(PLANT_COMPACTED_NOT_SYNCED));
    enum err err = __real_output_sync(output, why);
    crash_disk_set_deaf(output->disk, false);
    return err;
}

/* --- of the services ---------------------------------------------------------------------------------- */

WRAPPED(struct incarnation_verdict, incarnation_judge, const struct incarnation_dir *dirs, int count,
        int offline, const struct znode_incarnation *known, const char *boot_id)
{
    if (plant_is(PLANT_LOSS_NOT_NOTICED))
        return (struct incarnation_verdict){.keep = dirs[0].has_file, .reason = "not looked at"};
    return __real_incarnation_judge(dirs, count, offline, known, boot_id);
}

WRAPPED(enum err, control_fence_check, struct control_fence *fence, struct broker *broker,
        const struct control_sender *sender)
{
    enum err err = __real_control_fence_check(fence, broker, sender);
    bool open = plant_is(PLANT_FENCE_OPEN) ||
                (plant_is(PLANT_OLD_CONNECTION_OBEYED) && err == ERR_CONNECTION_REPLACED);
    return open ? ERR_NONE : err;
}
