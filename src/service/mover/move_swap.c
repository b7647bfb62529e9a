/*
 * The swap: the future log becomes the replica's. A control job, for which what the controller wants of
 * either directory must have ended (dir_parts.h), so that no role changes and nothing is deleted meanwhile;
 * from 2 to 4 under the partition's hold, so that nothing is appended. It is put off while a directory hangs;
 * one that begins to hang in it holds up the jobs behind it.
 *
 *   1  the mark "pending" is written into the future directory       (storage/move_mark.h)
 *   2  what is still missing is copied, all of it synced; leader epochs and topic id as the log has them
 *   3  topic-N.<id>-future becomes topic-N in the target              from here on the new one counts
 *   4  topic-N becomes topic-N.<id>-delete in the source
 *   5  the mark is removed; the target's checkpoints know the log since before, the source's forget it
 *
 * If 3 fails nobody can say what is on that disk: the old log goes on, after it was written beside it, on the
 * disk that works, that the other is void. If 4 fails the new log goes on, with the mark "won".
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/mover/move.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_state.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"
#include "storage/move_mark.h"
#include "storage/partition_metadata.h"

/* So much is copied while the partition waits; when more came in meanwhile, it is tried again. */
#define REST_BYTES_MAX (4 * 1024 * 1024)
#define REST_STEPS_MAX 100

struct swapping {
    struct move *move;
    bool swapped;
    bool old_stays;     /* its directory failed before it could be renamed */
    bool is_compacted;  /* the cleaner has come somewhere in it */
    enum err err;       /* of the target, or what kept it from being swapped */
    struct errmsg why;  /* of `err` */
    char *deleted_path; /* of the old directory; owned */
    int64_t delete_delay_ms;
};

static struct disk *disk_of(const struct move *move)
{
    return move->mover->manager->broker->disk;
}

/* --- 2: the same -----------------------------------------------------------------------------------------
 */

/* ERR_WOULD_BLOCK: there is more to do than may be done here, or it is gone. */
static enum err copy_rest(struct partition *part, struct swapping *swap)
{
    int64_t bytes = 0;
    for (int i = 0; i < REST_STEPS_MAX && bytes < REST_BYTES_MAX; i++) {
        struct move_look look = {.move = swap->move};
        move_look(part, &look);
        if (look.gone)
            break;
        if (look.plan.next == MOVE_CAUGHT_UP)
            return move_sync(swap->move, &swap->why);
        bytes += look.len;
        enum err err = move_apply(&look, &swap->why);
        if (err != ERR_NONE)
            return err;
    }
    return ERR_WOULD_BLOCK;
}

/* An epoch that no record carries yet is known to the log alone. */
static enum err take_epochs(struct partition *part, struct move *move, struct errmsg *why)
{
    struct leader_epochs *epochs = log_leader_epochs(move->log);
    (void)leader_epochs_copy(epochs, log_leader_epochs(part->log));
    if (!epochs->dirty)
        return ERR_NONE;
    return leader_epochs_save(epochs, disk_of(move), log_path(move->log), why);
}

/* The topic was given an id since the copy began. */
static enum err take_topic_id(struct partition *part, struct move *move, struct errmsg *why)
{
    struct uuid id = log_topic_id(part->log);
    if (uuid_equal(id, log_topic_id(move->log)))
        return ERR_NONE;
    enum err err = partition_metadata_write(disk_of(move), log_path(move->log), id, why);
    if (err == ERR_NONE)
        log_adopt_topic_id(move->log, id);
    return err;
}

static enum err mark(struct move *move, const char *dir, enum move_mark_state state,
                     const struct log_dir_state *other, struct errmsg *why)
{
    const struct move_mark text = {.state = state, .id = move->id, .other = other->dir.path};
    return move_mark_write(disk_of(move), dir, &text, why);
}

/* Any error but ERR_WOULD_BLOCK and ERR_INVALID_RECORD is the target's. */
static enum err make_ready(struct partition *part, struct swapping *swap)
{
    struct move *move = swap->move;
    enum err err = copy_rest(part, swap);
    if (err == ERR_WOULD_BLOCK || err == ERR_INVALID_RECORD)
        return err;
    if (err == ERR_NONE)
        err = take_epochs(part, move, &swap->why);
    if (err == ERR_NONE)
        err = take_topic_id(part, move, &swap->why);
    return err == ERR_NONE ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
}

/* --- 3: the new one counts -------------------------------------------------------------------------------
 */

static enum err rename_future(struct partition *part, struct swapping *swap)
{
    struct move *move = swap->move;
    struct errmsg why;
    char *path = log_dir_join(&move->target->dir, part->name);
    enum err err = log_rename_dir(move->log, path, &swap->why);
    free(path);
    if (err == ERR_NONE)
        return ERR_NONE;
    if (mark(move, log_path(part->log), MOVE_MARK_VOID, move->target, &why) != ERR_NONE)
        partition_fail_storage(part, &why);
    return ERR_KAFKA_STORAGE_ERROR;
}

/* True when one of the cleaner moved. */
static bool move_checkpoints(struct move *move)
{
    struct view topic = view_str(move->part->topic);
    int32_t index = move->part->index;
    int64_t dirty;
    bool is_compacted = dir_checkpoints_get(move->source, LOG_DIR_CLEANER, topic, index, &dirty);
    dir_checkpoints_forget(move->source, topic, index);
    if (is_compacted)
        dir_checkpoints_put(move->target, LOG_DIR_CLEANER, topic, index, dirty);
    return is_compacted;
}

/* Gives the old log. */
static struct log *take_its_place(struct partition *part, struct swapping *swap)
{
    struct move *move = swap->move;
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    struct log *old = part->log;
    log_update_config(move->log, &settings->log);
    (void)log_set_high_watermark(move->log, LOG_POSITION_OF_OFFSET(log_high_watermark(old).offset));
    part->log = move->log;
    move->log = NULL;
    part->move = NULL;
    atomic_store(&part->dir, move->target);
    log_dir_state_forget_flush(move->source, part);
    part->unsynced_since_ms = 0;
    swap->delete_delay_ms = settings->file_delete_delay_ms;
    swap->swapped = true;
    atomic_fetch_sub(&move->source->partitions, 1);
    swap->is_compacted = move_checkpoints(move);
    return old;
}

/* --- 4: the old one goes ---------------------------------------------------------------------------------
 */

static void rename_old(struct partition *part, struct swapping *swap, struct log *old)
{
    struct move *move = swap->move;
    struct errmsg why;
    char *name = partition_dir_format(view_str(part->topic), part->index, PARTITION_DIR_DELETE,
                                      mover_random_id(move->mover));
    char *path = log_dir_join(&move->source->dir, name);
    free(name);
    if (log_rename_dir(old, path, &why) == ERR_NONE) {
        swap->deleted_path = path;
        return;
    }
    free(path);
    swap->old_stays = true;
    log_dir_state_fail(move->source, ERR_KAFKA_STORAGE_ERROR, &why);
    if (mark(move, log_path(part->log), MOVE_MARK_WON, move->source, &why) != ERR_NONE)
        partition_fail_storage(part, &why);
}

/* By the holder. */
static void swap_by_holder(struct partition *part, void *arg)
{
    struct swapping *swap = arg;
    swap->err = make_ready(part, swap);
    if (swap->err == ERR_NONE)
        swap->err = rename_future(part, swap);
    if (swap->err != ERR_NONE)
        return;
    struct log *old = take_its_place(part, swap);
    rename_old(part, swap, old);
    log_free(old);
    partition_advance(part); /* all of it is synced: who waited for that goes home */
    partition_flushed(part);
    partition_announce(part);
}

/* --- 5: afterwards ---------------------------------------------------------------------------------------
 */

static void finish(struct swapping *swap)
{
    struct move *move = swap->move;
    struct replica_manager *manager = move->mover->manager;
    struct errmsg why;
    /* The target's were written before the swap (move_checkpoint); the others follow with the next round. */
    dir_checkpoints_save_or_fail(move->source, (1u << LOG_DIR_CHECKPOINT_COUNT) - 1);
    if (swap->is_compacted)
        dir_checkpoints_save_or_fail(move->target, 1u << LOG_DIR_CLEANER);
    if (!swap->old_stays && !log_dir_is_offline(&move->target->dir)) {
        char *path = log_dir_join(&move->target->dir, move->part->name);
        if (move_mark_remove(disk_of(move), path, &why) != ERR_NONE)
            log_dir_state_fail(move->target, ERR_KAFKA_STORAGE_ERROR, &why);
        free(path);
    }
    if (swap->deleted_path)
        upkeep_delete_dir(manager->upkeep, move->source, swap->deleted_path, swap->delete_delay_ms);
    log_info("mover", "replica_moved", "partition=%s from=%s to=%s", move->part->name, move->source->dir.path,
             move->target->dir.path);
}

static void swap_run(struct control_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, swap);
    struct swapping swap = {.move = move};
    move->outcome = MOVE_GOES_ON;
    if (mover_is_stopping(move->mover) || atomic_load(&move->cancelled) ||
        log_dir_is_offline(&move->target->dir) || move_must_wait_for_dirs(move))
        return; /* the next step looks after it */
    swap.err = mark(move, log_path(move->log), MOVE_MARK_PENDING, move->source, &swap.why);
    if (swap.err == ERR_NONE)
        partition_call(move->part, swap_by_holder, &swap);
    else
        swap.err = ERR_KAFKA_STORAGE_ERROR;
    if (swap.swapped) {
        move->outcome = MOVE_OVER;
        finish(&swap);
    } else if (swap.err == ERR_KAFKA_STORAGE_ERROR) {
        log_dir_state_fail(move->target, swap.err, &swap.why);
    }
}

/* On the control loop. */
static void swap_done(struct control_job *job)
{
    struct move *move = CONTAINER_OF(job, struct move, swap);
    if (move->outcome == MOVE_OVER)
        move_free(move);
    else
        move_submit(move);
}

void move_submit_swap(struct move *move)
{
    struct broker *broker = move->mover->manager->broker;
    move->swap = (struct control_job){
        .home = broker->control_loop, .run = swap_run, .done = swap_done, .label = "swap_replica"};
    replica_manager_submit(move->mover->manager, &move->swap);
}
