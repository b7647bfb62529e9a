/*
 * What is done to the logs from time to time, each task on a worker, one run at a time:
 *
 *   retention           log.retention.check.interval.ms
 *   recovery points     log.flush.offset.checkpoint.interval.ms
 *   log starts          log.flush.start.offset.checkpoint.interval.ms
 *   high watermarks     replica.high.watermark.checkpoint.interval.ms
 *   flush by age        log.flush.scheduler.interval.ms
 *   producer expiry     producer.id.expiration.check.interval.ms
 *   ISR                 half of replica.lag.time.max.ms: members that are not caught up leave
 *   removal             files and directories whose file.delete.delay.ms is over
 *
 * A checkpoint file is written only when something in it changed.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/cleaner/cleaner.h"
#include "service/mover/mover.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "storage/log_trim.h"

#define REMOVAL_CHECK_MS 1000

struct upkeep_task;

struct task_kind {
    const char *label;
    void (*run)(struct upkeep_task *task);
};

struct upkeep_task {
    const struct task_kind *kind;
    struct upkeep *upkeep;
    int64_t interval_ms;
    int64_t first_ms;
    struct loop_timer timer;
    struct work work;
    int64_t now_ms; /* wall clock at the beginning of the run */
};

/* What is to be removed later. */
struct removal {
    struct list node;
    struct log_dir_state *dir;
    int64_t due_ms; /* monotonic */
    char *path;     /* a directory, or NULL: the files of `doomed` */
    struct log_doomed doomed;
};

#define TASK_COUNT 8

struct upkeep {
    struct replica_manager *manager;
    struct upkeep_task tasks[TASK_COUNT];
    pthread_mutex_t lock; /* removals, running, stopping */
    pthread_cond_t idle;
    struct list removals;
    int running;
    bool stopping;
    struct loop_message start_message;
};

/* --- over all partitions ------------------------------------------------------------------------------ */

/* But those of a directory that hangs: the others have waited long enough when that is known. */
static void for_each_partition(struct upkeep_task *task, partition_call_fn fn, void *arg)
{
    int count;
    struct partition **all = replica_manager_all(task->upkeep->manager, &count);
    for (int i = 0; i < count; i++) {
        (void)partition_try_call(all[i], fn, arg);
        partition_release(all[i]);
    }
    free(all);
}

/* --- retention ---------------------------------------------------------------------------------------- */

static void remove_later(struct upkeep *upkeep, struct log_dir_state *dir, char *path,
                         struct log_doomed *doomed, int64_t delay_ms)
{
    struct removal *removal = MEM_NEW(struct removal);
    removal->dir = dir;
    removal->due_ms = clock_mono_ms(upkeep->manager->broker->clock) + delay_ms;
    removal->path = path;
    if (doomed) {
        removal->doomed = *doomed;
        *doomed = (struct log_doomed){0};
    }
    pthread_mutex_lock(&upkeep->lock);
    list_push_back(&upkeep->removals, &removal->node);
    pthread_mutex_unlock(&upkeep->lock);
}

void upkeep_delete_dir(struct upkeep *upkeep, struct log_dir_state *dir, char *path, int64_t delay_ms)
{
    remove_later(upkeep, dir, path, NULL, delay_ms);
}

void upkeep_remove_files(struct upkeep *upkeep, struct partition *part, struct log_doomed *doomed)
{
    const struct partition_settings *settings = atomic_load(&part->settings);
    if (doomed->count > 0)
        remove_later(upkeep, part->dir, NULL, doomed, settings->file_delete_delay_ms);
    log_doomed_close(doomed);
}

static void retain(struct partition *part, void *arg)
{
    struct upkeep_task *task = arg;
    if (!part->log)
        return;
    struct log_doomed doomed = {0};
    struct log_retention_result result = {0};
    struct errmsg why;
    if (log_delete_old_segments(part->log, task->now_ms, &doomed, &result, &why) != ERR_NONE) {
        log_doomed_close(&doomed);
        partition_fail_storage(part, &why);
        return;
    }
    int removed = result.segments_by_start + result.segments_by_size + result.segments_by_time;
    if (removed > 0) {
        log_info("storage", "segments_deleted",
                 "partition=%s by_start=%d by_size=%d by_time=%d log_start=%lld", part->name,
                 result.segments_by_start, result.segments_by_size, result.segments_by_time,
                 (long long)log_start_offset(part->log));
        partition_announce(part);
    }
    upkeep_remove_files(task->upkeep, part, &doomed);
}

static void run_retention(struct upkeep_task *task)
{
    for_each_partition(task, retain, task);
}

/* --- checkpoints -------------------------------------------------------------------------------------- */

struct checkpointing {
    struct upkeep *upkeep;
    enum log_dir_checkpoint kind;
    unsigned changed; /* a bit for each of the first 32 directories; beyond them always written */
};

static int dir_index(const struct log_dirs *dirs, const struct log_dir_state *state)
{
    for (int i = 0; i < dirs->count; i++)
        if (dirs->items[i] == state)
            return i;
    return 0;
}

static bool checkpoint_value(const struct partition *part, enum log_dir_checkpoint kind, int64_t *out)
{
    switch (kind) {
    case LOG_DIR_RECOVERY_POINT:
        *out = log_recovery_point(part->log);
        return true;
    case LOG_DIR_LOG_START:
        *out = log_start_offset(part->log);
        return *out > log_first_base_offset(part->log); /* else it follows from the files */
    case LOG_DIR_HIGH_WATERMARK:
        *out = log_high_watermark(part->log).offset;
        return part->replica.role != REPLICA_ROLE_NONE || *out > 0;
    case LOG_DIR_CLEANER:
    case LOG_DIR_CHECKPOINT_COUNT:
        break;
    }
    return false;
}

static void note_checkpoint(struct partition *part, void *arg)
{
    struct checkpointing *note = arg;
    if (!part->log || !part->dir)
        return;
    struct log_dirs *dirs = &note->upkeep->manager->dirs;
    struct view topic = view_str(part->topic);
    int64_t value, before;
    bool wanted = checkpoint_value(part, note->kind, &value);
    struct log_dir_state *state = part->dir;
    pthread_mutex_lock(&state->checkpoints_lock);
    struct offset_map *map = &state->dir.checkpoints[note->kind];
    bool had = offset_map_get(map, topic, part->index, &before);
    bool changed = wanted ? !had || before != value : had;
    if (wanted && changed)
        offset_map_put(map, topic, part->index, value);
    else if (changed)
        offset_map_remove(map, topic, part->index);
    pthread_mutex_unlock(&state->checkpoints_lock);
    if (changed)
        note->changed |= 1u << (dir_index(dirs, state) & 31);
}

static void save_checkpoints(struct upkeep *upkeep, struct checkpointing *note)
{
    struct log_dirs *dirs = &upkeep->manager->dirs;
    for (int i = 0; i < dirs->count; i++) {
        struct log_dir_state *state = dirs->items[i];
        if (log_dir_is_offline(&state->dir) || !(note->changed & 1u << (i & 31)))
            continue;
        struct errmsg why;
        pthread_mutex_lock(&state->checkpoints_lock);
        enum err err = log_dir_save_checkpoint(&state->dir, note->kind, &why);
        pthread_mutex_unlock(&state->checkpoints_lock);
        if (err != ERR_NONE)
            log_dir_state_fail(state, ERR_KAFKA_STORAGE_ERROR, &why);
    }
}

static void run_checkpoint(struct upkeep_task *task, enum log_dir_checkpoint kind)
{
    struct checkpointing note = {.upkeep = task->upkeep, .kind = kind};
    for_each_partition(task, note_checkpoint, &note);
    save_checkpoints(task->upkeep, &note);
}

static void run_recovery_points(struct upkeep_task *task)
{
    run_checkpoint(task, LOG_DIR_RECOVERY_POINT);
}

static void run_log_starts(struct upkeep_task *task)
{
    run_checkpoint(task, LOG_DIR_LOG_START);
}

static void run_high_watermarks(struct upkeep_task *task)
{
    run_checkpoint(task, LOG_DIR_HIGH_WATERMARK);
}

void upkeep_checkpoint_all(struct replica_manager *manager)
{
    struct upkeep_task task = {.upkeep = manager->upkeep};
    run_log_starts(&task);
    run_high_watermarks(&task);
}

/* --- flush by age, producers -------------------------------------------------------------------------- */

static void flush_if_due(struct partition *part, void *arg)
{
    struct upkeep_task *task = arg;
    if (!part->log || !part->dir)
        return;
    const struct partition_settings *settings = atomic_load(&part->settings);
    if (log_end(part->log).offset <= log_recovery_point(part->log)) {
        part->unsynced_since_ms = 0;
        return;
    }
    const int64_t now_ms = clock_mono_ms(task->upkeep->manager->broker->clock);
    if (part->unsynced_since_ms == 0)
        part->unsynced_since_ms = now_ms;
    if (now_ms - part->unsynced_since_ms >= settings->flush_ms) {
        part->unsynced_since_ms = 0;
        log_dir_state_flush(part->dir, part);
    }
}

static void run_flush(struct upkeep_task *task)
{
    for_each_partition(task, flush_if_due, task);
}

static void expire(struct partition *part, void *arg)
{
    struct upkeep_task *task = arg;
    if (part->log)
        log_expire_producers(part->log, task->now_ms);
}

static void run_expiry(struct upkeep_task *task)
{
    for_each_partition(task, expire, task);
}

/* --- ISR ---------------------------------------------------------------------------------------------- */

static void shrink_isr(struct partition *part, void *arg)
{
    (void)arg;
    partition_shrink_isr(part);
}

static void run_isr(struct upkeep_task *task)
{
    for_each_partition(task, shrink_isr, NULL);
}

/* --- removal ------------------------------------------------------------------------------------------ */

static struct removal *next_due(struct upkeep *upkeep, int64_t now_ms)
{
    struct removal *due = NULL;
    pthread_mutex_lock(&upkeep->lock);
    LIST_EACH (node, &upkeep->removals) {
        struct removal *removal = CONTAINER_OF(node, struct removal, node);
        if (removal->due_ms <= now_ms) {
            list_remove(node);
            due = removal;
            break;
        }
    }
    pthread_mutex_unlock(&upkeep->lock);
    return due;
}

static void removal_free(struct removal *removal)
{
    log_doomed_close(&removal->doomed);
    free(removal->path);
    free(removal);
}

static void run_removal(struct upkeep_task *task)
{
    struct broker *broker = task->upkeep->manager->broker;
    struct removal *removal;
    while ((removal = next_due(task->upkeep, clock_mono_ms(broker->clock)))) {
        struct errmsg why;
        enum err err = ERR_NONE;
        if (log_dir_is_offline(&removal->dir->dir))
            err = ERR_NONE; /* the next start finishes it */
        else if (removal->path)
            err = log_dir_delete_tree(broker->disk, removal->path, &why);
        else
            err = log_doomed_unlink(&removal->doomed, broker->disk, &why);
        if (err != ERR_NONE)
            log_dir_state_fail(removal->dir, ERR_KAFKA_STORAGE_ERROR, &why);
        removal_free(removal);
    }
}

/* --- the machine -------------------------------------------------------------------------------------- */

static const struct task_kind KINDS[TASK_COUNT] = {
    {"retention", run_retention},   {"recovery_points", run_recovery_points},
    {"log_starts", run_log_starts}, {"high_watermarks", run_high_watermarks},
    {"flush_by_age", run_flush},    {"producer_expiry", run_expiry},
    {"removal", run_removal},       {"isr", run_isr},
};

static struct loop *home(const struct upkeep *upkeep)
{
    return upkeep->manager->broker->control_loop;
}

static void task_run(struct work *work)
{
    struct upkeep_task *task = CONTAINER_OF(work, struct upkeep_task, work);
    task->now_ms = clock_wall_ms(task->upkeep->manager->broker->clock);
    task->kind->run(task);
}

static void task_done(struct work *work, bool discard)
{
    struct upkeep_task *task = CONTAINER_OF(work, struct upkeep_task, work);
    struct upkeep *upkeep = task->upkeep;
    pthread_mutex_lock(&upkeep->lock);
    bool stopping = upkeep->stopping || discard;
    if (--upkeep->running == 0)
        pthread_cond_signal(&upkeep->idle);
    pthread_mutex_unlock(&upkeep->lock);
    if (!stopping)
        loop_timer_arm(home(upkeep), &task->timer, loop_now_ms(home(upkeep)) + task->interval_ms);
}

static void task_fire(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct upkeep_task *task = CONTAINER_OF(timer, struct upkeep_task, timer);
    struct upkeep *upkeep = task->upkeep;
    pthread_mutex_lock(&upkeep->lock);
    bool stopping = upkeep->stopping;
    if (!stopping)
        upkeep->running++;
    pthread_mutex_unlock(&upkeep->lock);
    if (stopping)
        return;
    task->work = (struct work){
        .home = home(upkeep),
        .lane = WORKERS_LANE_UPKEEP, /* tasks may all end up waiting for a directory that hangs */
        .run = task_run,
        .done = task_done,
        .label = task->kind->label};
    workers_submit(upkeep->manager->broker->workers, &task->work);
}

static void start_on_loop(struct loop_message *msg, bool discard)
{
    struct upkeep *upkeep = CONTAINER_OF(msg, struct upkeep, start_message);
    if (discard)
        return;
    for (int i = 0; i < TASK_COUNT; i++) {
        struct upkeep_task *task = &upkeep->tasks[i];
        task->timer.fire = task_fire;
        loop_timer_arm(home(upkeep), &task->timer, loop_now_ms(home(upkeep)) + task->first_ms);
    }
}

struct upkeep *upkeep_new(struct replica_manager *manager)
{
    struct upkeep *upkeep = MEM_NEW(struct upkeep);
    upkeep->manager = manager;
    list_init(&upkeep->removals);
    pthread_mutex_init(&upkeep->lock, NULL);
    pthread_cond_init(&upkeep->idle, NULL);
    return upkeep;
}

void upkeep_start(struct upkeep *upkeep)
{
    const struct config *config = atomic_load(&upkeep->manager->broker->config.value);
    int64_t delay = config_long(config, CONFIG_LOG_INITIAL_TASK_DELAY_MS);
    int64_t watermarks = config_long(config, CONFIG_REPLICA_HIGH_WATERMARK_CHECKPOINT_INTERVAL_MS);
    int64_t flush = config_long(config, CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS);
    int64_t intervals[TASK_COUNT] = {
        config_long(config, CONFIG_LOG_RETENTION_CHECK_INTERVAL_MS),
        config_int(config, CONFIG_LOG_FLUSH_OFFSET_CHECKPOINT_INTERVAL_MS),
        config_int(config, CONFIG_LOG_FLUSH_START_OFFSET_CHECKPOINT_INTERVAL_MS),
        watermarks,
        flush,
        config_int(config, CONFIG_PRODUCER_ID_EXPIRATION_CHECK_INTERVAL_MS),
        REMOVAL_CHECK_MS,
        upkeep->manager->broker->replica_lag_max_ms / 2,
    };
    for (int i = 0; i < TASK_COUNT; i++) {
        bool waits = i != 3 && i < 6; /* high watermarks, removal and ISR do not wait for the initial delay */
        int64_t interval = intervals[i] < INT64_MAX / 4 ? intervals[i] : INT64_MAX / 4;
        upkeep->tasks[i] = (struct upkeep_task){.kind = &KINDS[i],
                                                .upkeep = upkeep,
                                                .interval_ms = interval,
                                                .first_ms = waits ? delay : interval};
    }
    upkeep->start_message = (struct loop_message){.run = start_on_loop, .label = "upkeep_start"};
    loop_post(home(upkeep), &upkeep->start_message);
}

void upkeep_stop(struct upkeep *upkeep)
{
    pthread_mutex_lock(&upkeep->lock);
    upkeep->stopping = true;
    while (upkeep->running > 0)
        pthread_cond_wait(&upkeep->idle, &upkeep->lock);
    pthread_mutex_unlock(&upkeep->lock);
}

void upkeep_free(struct upkeep *upkeep)
{
    if (!upkeep)
        return;
    /* The loop outlives them; it no longer runs. */
    for (int i = 0; i < TASK_COUNT; i++)
        if (loop_timer_is_armed(&upkeep->tasks[i].timer))
            loop_timer_cancel(home(upkeep), &upkeep->tasks[i].timer);
    struct list *node;
    while ((node = list_pop_front(&upkeep->removals)))
        removal_free(CONTAINER_OF(node, struct removal, node));
    pthread_cond_destroy(&upkeep->idle);
    pthread_mutex_destroy(&upkeep->lock);
    free(upkeep);
}

void replica_manager_start(struct replica_manager *manager)
{
    const struct config *config = atomic_load(&manager->broker->config.value);
    upkeep_start(manager->upkeep);
    mover_start(manager->mover);
    cleaner_start(manager->cleaner);
    hang_patrol_start(&manager->patrol, &manager->dirs, manager->broker->control_loop,
                      config_int(config, CONFIG_BARNABAS_LOG_DIR_HANG_MS));
}
