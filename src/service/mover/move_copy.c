/*
 * Copying: a step looks, under the partition's hold, what is next; then, without the hold, does it to the
 * future log, which nobody else touches.
 *
 * What a step reads from the log's file may be cut from it, and written over, while it reads. Whatever comes
 * of that, the next look learns of the cut and cuts the copy as far.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "service/fetcher/replication_quotas.h"
#include "service/mover/move.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_parts.h"
#include "service/replica/replica_state.h"
#include "storage/leader_epochs.h"
#include "storage/log_flush.h"
#include "storage/log_trim.h"

#define COPY_BYTES       (1024 * 1024)
#define SYNC_EVERY_BYTES (64 * 1024 * 1024)
#define REFUSED_MAX      40 /* then the log itself is damaged there */

static struct broker *broker_of(const struct move *move)
{
    return move->mover->manager->broker;
}

/* --- looking, by the holder --------------------------------------------------------------------------- */

/*
 * Up to where the two logs are the same by their epochs. Without epochs that cannot be told; then a copy that
 * an earlier run made counts as far as records were committed.
 */
static int64_t parting(struct log *current, struct move *move)
{
    const struct leader_epochs *copied = log_leader_epochs(move->log);
    const struct leader_epochs *epochs = log_leader_epochs(current);
    int64_t future_end = log_end(move->log).offset, watermark = log_high_watermark(current).offset;
    int32_t latest = leader_epochs_latest_epoch(copied);
    if (latest == LEADER_EPOCH_UNDEFINED)
        return move->compared ? future_end : watermark;
    struct leader_epoch ends = leader_epochs_end_offset_for(epochs, latest, log_end(current).offset);
    int64_t fallback = leader_epochs_latest(epochs) ? log_start_offset(current) : watermark;
    return leader_epochs_truncation_point(copied, ends.epoch, ends.start_offset, future_end, fallback).offset;
}

/* The topic's settings, but nothing of the copy goes by age or size: it follows the log's start. */
static void give_settings(struct move *move, struct partition *part)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    struct log_settings of_copy = settings->log;
    of_copy.retention_ms = of_copy.retention_bytes = -1;
    log_update_config(move->log, &of_copy);
}

static void make_plan(struct move_look *look, struct partition *part)
{
    struct move *move = look->move;
    struct log *current = part->log;
    int64_t cut_to = log_take_cut(current);
    if (cut_to < move->cut_to)
        move->cut_to = cut_to;
    look->end = log_end(current).offset;
    look->high_watermark = log_high_watermark(current).offset;
    struct move_sides sides = {.start = log_start_offset(current),
                               .end = look->end,
                               .future_start = log_start_offset(move->log),
                               .future_end = log_end(move->log).offset,
                               .cut_to = move->cut_to,
                               .parts_at = parting(current, move)};
    look->plan = move_plan(&sides);
    if (sides.cut_to >= sides.future_end)
        move->cut_to = INT64_MAX;
    move->compared = true;
}

static void find_bytes(struct move_look *look, struct partition *part)
{
    struct log_slice slice = {0};
    struct errmsg why;
    const struct log_read_args args = {
        .offset = look->plan.offset, .max_bytes = COPY_BYTES, .bound = LOG_BOUND_END, .min_one = true};
    look->err = log_read(part->log, &args, &slice, &why);
    look->gone = look->err == ERR_KAFKA_STORAGE_ERROR;
    if (look->gone)
        partition_fail_storage(part, &why);
    else if (slice.file) {
        look->file = disk_file_share(slice.file);
        look->pos = slice.pos;
        look->len = slice.len;
    }
    log_slice_close(&slice);
}

void move_look(struct partition *part, void *arg)
{
    struct move_look *look = arg;
    struct move *move = look->move;
    look->gone = part->move != move || part->deleted || !part->log || part->dir != move->source ||
                 log_dir_is_offline(&move->source->dir);
    if (look->gone)
        return;
    give_settings(move, part);
    make_plan(look, part);
    if (look->plan.next == MOVE_COPY)
        find_bytes(look, part);
}

/* --- doing --------------------------------------------------------------------------------------------- */

static enum err checkpoint(struct move *move, int64_t recovery_point, int64_t start, int64_t high_watermark,
                           struct errmsg *why)
{
    struct log_dir *dir = &move->target->dir;
    struct view topic = view_str(move->part->topic);
    int32_t index = move->part->index;
    enum err err = ERR_NONE;
    pthread_mutex_lock(&move->target->checkpoints_lock);
    if (!atomic_load(&move->cancelled)) { /* else they may be those of another move by now */
        offset_map_put(&dir->checkpoints[LOG_DIR_RECOVERY_POINT], topic, index, recovery_point);
        offset_map_put(&dir->checkpoints[LOG_DIR_LOG_START], topic, index, start);
        offset_map_put(&dir->checkpoints[LOG_DIR_HIGH_WATERMARK], topic, index, high_watermark);
        err = log_dir_save_checkpoints(
            dir, 1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_LOG_START | 1u << LOG_DIR_HIGH_WATERMARK, why);
    }
    pthread_mutex_unlock(&move->target->checkpoints_lock);
    return err == ERR_NONE ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
}

enum err move_sync(struct move *move, struct errmsg *why)
{
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    enum err err = log_flush_begin(move->log, log_end(move->log).offset, &flush, &ticket, &needed, why);
    if (err == ERR_NONE && needed) {
        err = log_flush_run(&flush, why);
        log_flush_end(move->log, &ticket, err, why);
    }
    log_flush_close(&flush);
    if (err == ERR_NONE)
        move->unsynced = 0;
    return err;
}

enum err move_checkpoint(struct move *move, int64_t high_watermark, struct errmsg *why)
{
    int64_t end = log_end(move->log).offset;
    return checkpoint(move, log_recovery_point(move->log), log_start_offset(move->log),
                      high_watermark < end ? high_watermark : end, why);
}

/* No checkpoint may say more than the log has. */
static enum err lower_checkpoints(struct move *move, int64_t offset, struct errmsg *why)
{
    int64_t recovered = log_recovery_point(move->log), start = log_start_offset(move->log);
    return checkpoint(move, recovered < offset ? recovered : offset, start < offset ? start : offset,
                      start < offset ? start : offset, why);
}

static enum err shorten(struct move *move, const struct move_plan *plan, struct log_doomed *doomed,
                        struct errmsg *why)
{
    int64_t now_ms = clock_wall_ms(broker_of(move)->clock);
    bool truncated;
    enum err err = lower_checkpoints(move, plan->offset, why);
    if (err == ERR_NONE && plan->next == MOVE_START_AT)
        err = log_truncate_fully_and_start_at(move->log, plan->offset, -1, now_ms, doomed, why);
    else if (err == ERR_NONE)
        err = log_truncate_to(move->log, plan->offset, now_ms, doomed, &truncated, why);
    if (err == ERR_NONE)
        move->cut_to = INT64_MAX;
    return err;
}

static enum err raise_start(struct move *move, const struct move_look *look, struct log_doomed *doomed,
                            struct errmsg *why)
{
    struct log_retention_result result;
    bool raised;
    (void)log_set_high_watermark(move->log, LOG_POSITION_OF_OFFSET(look->high_watermark));
    enum err err = log_raise_start_offset(move->log, look->plan.offset, &raised, why);
    if (err != ERR_NONE)
        return err;
    return log_delete_old_segments(move->log, clock_wall_ms(broker_of(move)->clock), doomed, &result, why);
}

/* Nobody reads a future log: what it lets go may go at once. */
static enum err unlink_doomed(struct move *move, struct log_doomed *doomed, struct errmsg *why)
{
    enum err err = log_doomed_unlink(doomed, broker_of(move)->disk, why);
    return err == ERR_NONE ? ERR_NONE : ERR_KAFKA_STORAGE_ERROR;
}

/* A batch that was written under a larger segment.bytes still has to fit. */
static void make_room(struct move *move, size_t bytes)
{
    struct log_settings settings = *log_settings(move->log);
    if (bytes <= (size_t)settings.segment_bytes)
        return;
    settings.segment_bytes = (int32_t)bytes;
    log_update_config(move->log, &settings);
}

static enum err append(struct move *move, struct view records, struct errmsg *why)
{
    struct log_append_result result;
    make_room(move, records.len);
    int64_t before = log_end(move->log).offset;
    enum err err =
        log_append_as_follower(move->log, records, -1, clock_wall_ms(broker_of(move)->clock), &result, why);
    if (err == ERR_NONE && log_end(move->log).offset == before)
        err = ERR_WOULD_BLOCK; /* not one whole batch: it was cut away under our hands */
    return err;
}

/* What is there cannot be taken over: once more, or never. */
static enum err refuse(struct move *move)
{
    return ++move->refused < REFUSED_MAX ? ERR_WOULD_BLOCK : ERR_INVALID_RECORD;
}

static enum err copy(struct move_look *look, struct errmsg *why)
{
    struct move *move = look->move;
    size_t got = 0;
    if (look->err == ERR_NONE && !look->file)
        return ERR_WOULD_BLOCK; /* the log ends behind a gap: what comes next closes it */
    if (look->err != ERR_NONE) {
        errmsg_set(why, "the log cannot be read there (%s)", err_name(look->err));
        return refuse(move);
    }
    buf_clear(&move->bytes);
    buf_reserve(&move->bytes, (size_t)look->len);
    enum err err = DISK_FILE(look->file, pread, move->bytes.data, (size_t)look->len, look->pos, &got, why);
    disk_file_release(look->file);
    look->file = NULL;
    if (err != ERR_NONE)
        return ERR_INVALID_RECORD; /* the log's own readers decide what it means */
    err = append(move, view_of(move->bytes.data, got), why);
    if (err == ERR_WOULD_BLOCK || err == ERR_KAFKA_STORAGE_ERROR)
        return err;
    if (err != ERR_NONE)
        return refuse(move);
    move->refused = 0;
    move->unsynced += (int64_t)got;
    replication_quota_record(broker_of(move)->quotas, REPLICATION_QUOTA_LOG_DIRS, (int64_t)got,
                             clock_mono_ms(broker_of(move)->clock));
    if (move->unsynced < SYNC_EVERY_BYTES)
        return ERR_NONE;
    err = move_sync(move, why);
    return err == ERR_NONE ? move_checkpoint(move, look->high_watermark, why) : err;
}

enum err move_apply(struct move_look *look, struct errmsg *why)
{
    struct move *move = look->move;
    struct log_doomed doomed = {0};
    enum err err = ERR_NONE;
    switch (look->plan.next) {
    case MOVE_START_AT:
    case MOVE_CUT:
        log_info("mover", "copy_cut", "partition=%s to=%" PRId64, move->part->name, look->plan.offset);
        err = shorten(move, &look->plan, &doomed, why);
        break;
    case MOVE_RAISE_START:
        err = raise_start(move, look, &doomed, why);
        break;
    case MOVE_COPY:
        err = copy(look, why);
        break;
    case MOVE_CAUGHT_UP:
        break;
    }
    if (err == ERR_NONE)
        err = unlink_doomed(move, &doomed, why);
    log_doomed_close(&doomed);
    atomic_store(&move->end_offset, log_end(move->log).offset);
    atomic_store(&move->size_bytes, log_size_bytes(move->log));
    atomic_store(&move->lag, look->end - log_end(move->log).offset);
    return err;
}

/* --- the end of a move that does not come to the swap ----------------------------------------------------
 */

void move_leave(struct move *move)
{
    struct log_flush flush = {0};
    struct errmsg why;
    if (log_dir_is_offline(&move->target->dir))
        return;
    enum err err = log_close(move->log, &flush, &why);
    if (err == ERR_NONE)
        err = log_flush_run(&flush, &why);
    log_flush_close(&flush);
    int64_t end = log_end(move->log).offset;
    if (err == ERR_NONE)
        err = checkpoint(move, end, log_start_offset(move->log), log_high_watermark(move->log).offset, &why);
    if (err != ERR_NONE)
        log_dir_state_fail(move->target, ERR_KAFKA_STORAGE_ERROR, &why);
    log_info("mover", "move_left", "partition=%s to=%s offset=%" PRId64 " effect=\"the next start goes on\"",
             move->part->name, move->target->dir.path, end);
}

void move_drop(struct move *move)
{
    if (log_dir_is_offline(&move->target->dir))
        return;
    mover_delete_future(move->mover, move->target, log_name(move->log), view_str(move->part->topic),
                        move->part->index);
}

/* --- a step --------------------------------------------------------------------------------------------- */

/* The replica is not there any more, or is not to be moved. */
static void part_from(struct move *move)
{
    if (atomic_load(&move->cancelled))
        move_drop(move);
    else
        move_leave(move);
    move_end(move);
}

static void fail(struct move *move, enum err err, const struct errmsg *why)
{
    if (err == ERR_KAFKA_STORAGE_ERROR) {
        log_dir_state_fail(move->target, err, why);
    } else {
        log_error("mover", "move_failed",
                  "partition=%s to=%s offset=%" PRId64 " error=\"%s\" effect=\"it stays where it is\"",
                  move->part->name, move->target->dir.path, log_end(move->log).offset, why->text);
        move_disown(move);
        move_drop(move);
    }
    move_end(move);
}

static bool is_busy(struct log_dir_state *dir)
{
    return log_dir_state_hangs(dir) || dir_parts_any(dir);
}

bool move_must_wait_for_dirs(const struct move *move)
{
    return is_busy(move->source) || is_busy(move->target);
}

static bool must_wait(const struct move *move)
{
    struct broker *broker = broker_of(move);
    return move_must_wait_for_dirs(move) ||
           replication_quota_is_exceeded(broker->quotas, REPLICATION_QUOTA_LOG_DIRS,
                                         clock_mono_ms(broker->clock));
}

/* All that was there when it was looked at is copied; the swap copies what came since. */
static bool has_caught_up(const struct move_look *look)
{
    return look->plan.next == MOVE_CAUGHT_UP ||
           (look->plan.next == MOVE_COPY && log_end(look->move->log).offset >= look->end);
}

static void look_and_do(struct move *move)
{
    struct move_look look = {.move = move};
    struct errmsg why = {.text = ""};
    partition_call(move->part, move_look, &look);
    if (look.gone) {
        part_from(move);
        return;
    }
    enum err err = move_apply(&look, &why);
    if (err == ERR_WOULD_BLOCK)
        mover_nap(move->mover);
    else if (err != ERR_NONE) {
        fail(move, err, &why);
        return;
    }
    if (!has_caught_up(&look)) {
        move_submit(move);
        return;
    }
    /* Most of what the swap would have to sync is synced before it holds the partition. */
    err = move_sync(move, &why);
    if (err == ERR_NONE)
        err = move_checkpoint(move, look.high_watermark, &why);
    if (err != ERR_NONE)
        fail(move, err, &why);
    else
        move_submit_swap(move);
}

void move_step(struct work *work)
{
    struct move *move = CONTAINER_OF(work, struct move, work);
    if (mover_is_stopping(move->mover))
        return; /* mover_close looks after it */
    if (atomic_load(&move->cancelled) || log_dir_is_offline(&move->target->dir)) {
        part_from(move);
    } else if (must_wait(move)) {
        mover_nap(move->mover);
        move_submit(move);
    } else {
        look_and_do(move);
    }
}
