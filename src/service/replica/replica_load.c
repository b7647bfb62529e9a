/*
 * Start and stop of the replicas.
 *
 * Start: take the clean-shutdown marker of each directory, list its partitions, open all
 * logs on as many workers as there are; recovery is reported while it lasts. A partition
 * begins without a role: the controller gives it one.
 * Stop: close every log, sync each directory once, write the checkpoints, then the marker.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/cleaner/cleaner.h"
#include "service/identity/session_record.h"
#include "service/mover/move_settle.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "service/replica/takeover_sync.h"
#include "service/settings/topic_configs.h"
#include "storage/clean_shutdown.h"
#include "storage/log_flush.h"
#include "storage/log_load.h"
#include "storage/log_trim.h"

#define PROGRESS_EVERY_S 2

/* --- one log ---------------------------------------------------------------------------------------- */

static int64_t checkpointed(struct log_dir_state *dir, enum log_dir_checkpoint kind, struct partition *part)
{
    int64_t offset = 0;
    dir_checkpoints_get(dir, kind, view_str(part->topic), part->index, &offset);
    return offset;
}

int64_t replica_manager_log_start(struct log_dir_state *dir, struct partition *part)
{
    return checkpointed(dir, LOG_DIR_LOG_START, part);
}

void replica_manager_give_settings(struct replica_manager *manager, struct partition *part)
{
    struct partition_settings *fresh =
        topic_configs_settings(manager->broker->topic_configs, part->topic, part->index);
    partition_settings_free(partition_settings_give(part, fresh)); /* nobody has seen those before */
}

static struct log_load_args args_of(struct broker *broker, struct partition *part, struct log_dir_state *dir,
                                    const char *path)
{
    const struct partition_settings *settings = atomic_load(&part->settings);
    return (struct log_load_args){.disk = broker->disk,
                                  .dir = path,
                                  .settings = &settings->log,
                                  .recovery_point = checkpointed(dir, LOG_DIR_RECOVERY_POINT, part),
                                  .log_start_offset = replica_manager_log_start(dir, part),
                                  .now_ms = clock_wall_ms(broker->clock),
                                  .seed = random_u64(broker->random),
                                  .power_lost = dir->power_lost};
}

/* It has its log: what follows from that. */
static void take_log(struct partition *part, struct log_dir_state *dir)
{
    int64_t high_watermark = checkpointed(dir, LOG_DIR_HIGH_WATERMARK, part);
    log_set_high_watermark(part->log, LOG_POSITION_OF_OFFSET(high_watermark));
    part->dir = dir;
    atomic_fetch_add(&dir->partitions, 1);
}

enum err replica_manager_create_log(struct replica_manager *manager, struct partition *part,
                                    struct log_dir_state *dir, struct uuid topic_id, int32_t leader_epoch,
                                    struct errmsg *why)
{
    char *path = log_dir_join(&dir->dir, part->name);
    struct log_load_args args = args_of(manager->broker, part, dir, path);
    enum err err = log_create(&args, topic_id, leader_epoch, &part->log, why);
    free(path);
    if (err == ERR_NONE)
        take_log(part, dir);
    return err;
}

enum err replica_manager_open_log(struct replica_manager *manager, struct partition *part,
                                  struct log_dir_state *dir, bool clean, struct errmsg *why)
{
    char *path = log_dir_join(&dir->dir, part->name);
    struct log_load_args args = args_of(manager->broker, part, dir, path);
    args.clean = clean;
    struct log_load_report report = {0};
    enum err err = log_load(&args, &part->log, &report, why);
    free(path);
    if (err != ERR_NONE)
        return err;
    if (report.segments_recovered > 0 || report.bytes_cut > 0)
        log_info("storage", "log_recovered", "partition=%s segments=%d bytes_checked=%lld bytes_cut=%lld",
                 part->name, report.segments_recovered, (long long)report.bytes_recovered,
                 (long long)report.bytes_cut);
    take_log(part, dir);
    return ERR_NONE;
}

/* --- all logs --------------------------------------------------------------------------------------- */

struct load_item {
    struct partition *part;
    struct log_dir_state *dir;
    bool unsure; /* stays offline, see service/mover/move_settle.h */
};

struct loading {
    struct replica_manager *manager;
    struct load_item *items;
    int count;
    _Atomic int next;
    pthread_mutex_t lock;
    pthread_cond_t finished;
    int running;
    int done;
};

struct load_work {
    struct work work;
    struct loading *loading;
};

static void load_run(struct work *work)
{
    struct loading *loading = CONTAINER_OF(work, struct load_work, work)->loading;
    int i;
    while ((i = atomic_fetch_add(&loading->next, 1)) < loading->count) {
        struct load_item *item = &loading->items[i];
        struct errmsg why;
        replica_manager_give_settings(loading->manager, item->part); /* an offline one is asked for, too */
        item->part->dir = item->dir;                                 /* also when its log cannot be opened */
        if (!log_dir_is_offline(&item->dir->dir) && !item->unsure) {
            enum err err =
                replica_manager_open_log(loading->manager, item->part, item->dir, item->dir->was_clean, &why);
            if (err != ERR_NONE)
                log_dir_state_fail(item->dir, ERR_KAFKA_STORAGE_ERROR, &why);
        }
        atomic_fetch_sub(&item->dir->logs_to_load, 1);
        pthread_mutex_lock(&loading->lock);
        loading->done++;
        pthread_mutex_unlock(&loading->lock);
    }
    pthread_mutex_lock(&loading->lock);
    if (--loading->running == 0)
        pthread_cond_signal(&loading->finished);
    pthread_mutex_unlock(&loading->lock);
}

static void wait_with_progress(struct loading *loading)
{
    struct timespec deadline;
    clock_gettime(CLOCK_REALTIME, &deadline);
    pthread_mutex_lock(&loading->lock);
    while (loading->running > 0) {
        deadline.tv_sec += PROGRESS_EVERY_S;
        while (loading->running > 0 &&
               pthread_cond_timedwait(&loading->finished, &loading->lock, &deadline) != ETIMEDOUT)
            ;
        if (loading->running > 0)
            log_info("storage", "loading", "logs=%d of=%d", loading->done, loading->count);
    }
    pthread_mutex_unlock(&loading->lock);
}

static void load_all(struct loading *loading, int workers)
{
    struct load_work *works = mem_zalloc(sizeof *works * (size_t)workers);
    pthread_mutex_init(&loading->lock, NULL);
    pthread_cond_init(&loading->finished, NULL);
    loading->running = workers;
    for (int i = 0; i < workers; i++) {
        works[i] = (struct load_work){.work = {.run = load_run, .label = "load_logs"}, .loading = loading};
        workers_submit(loading->manager->broker->workers, &works[i].work);
    }
    wait_with_progress(loading);
    pthread_cond_destroy(&loading->finished);
    pthread_mutex_destroy(&loading->lock);
    free(works);
}

/* --- what is in the directories ---------------------------------------------------------------------- */

static enum err take_marker(struct broker *broker, struct log_dir_state *state)
{
    struct errmsg why;
    enum err err = clean_shutdown_take(broker->disk, state->dir.path, &state->was_clean, &why);
    if (err != ERR_NONE)
        log_dir_state_fail(state, ERR_KAFKA_STORAGE_ERROR, &why);
    return err;
}

/*
 * The record of the last run's session says in which boot of the machine that was. A process that is killed
 * loses nothing; a machine that goes down loses what was not synced.
 */
static void look_for_power_loss(struct log_dir_state *state)
{
    struct session_record last, self;
    state->is_ours = !state->was_clean && session_record_read(state->dir.path, &last);
    if (!state->is_ours)
        return;
    session_record_of_self(&self);
    state->power_lost = self.boot_id[0] && strcmp(self.boot_id, last.boot_id) != 0;
    if (state->power_lost)
        log_warn("storage", "machine_restarted",
                 "dir=%s effect=\"what was not synced may be missing: its logs are checked for gaps\"",
                 state->dir.path);
}

static enum err scan_all(struct replica_manager *manager, struct move_listing *dirs, int *count,
                         struct errmsg *why)
{
    for (int i = 0; i < manager->dirs.count; i++) {
        struct log_dir_state *state = manager->dirs.items[i];
        if (log_dir_is_offline(&state->dir) || take_marker(manager->broker, state) != ERR_NONE)
            continue;
        look_for_power_loss(state);
        struct move_listing *dir = &dirs[*count];
        enum err err = log_dir_scan(&state->dir, &dir->found, &dir->count, why);
        if (err == ERR_INVALID_ARGUMENT)
            return err;
        if (err != ERR_NONE) {
            log_dir_state_fail(state, ERR_KAFKA_STORAGE_ERROR, why);
            continue;
        }
        dir->state = state;
        (*count)++;
    }
    return ERR_NONE;
}

static enum err check_duplicates(const struct move_listing *dirs, int count, struct errmsg *why)
{
    struct log_dir **plain = mem_zalloc(sizeof *plain * (size_t)(count + 1));
    struct log_dir_found **found = mem_zalloc(sizeof *found * (size_t)(count + 1));
    size_t *counts = mem_zalloc(sizeof *counts * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        plain[i] = &dirs[i].state->dir;
        found[i] = dirs[i].found;
        counts[i] = dirs[i].count;
    }
    enum err err = log_dirs_check_duplicates(plain, found, counts, (size_t)count, why);
    free(plain);
    free(found);
    free(counts);
    return err;
}

/* Finishes the deletion of a partition that an earlier run began. */
static void delete_leftover(struct log_dir_state *state, const char *name)
{
    struct errmsg why;
    if (log_dir_delete_partition(&state->dir, name, &why) != ERR_NONE)
        log_dir_state_fail(state, ERR_KAFKA_STORAGE_ERROR, &why);
}

static bool is_unsure(const struct move_settlement *settlement, const struct partition *part)
{
    uint8_t key[PARTITION_KEY_MAX];
    return map_get(&settlement->unsure, partition_key(key, view_str(part->topic), part->index)) != NULL;
}

static void collect(struct replica_manager *manager, const struct move_listing *dir,
                    const struct move_settlement *settlement, struct loading *loading)
{
    for (size_t i = 0; i < dir->count; i++) {
        const struct log_dir_found *found = &dir->found[i];
        switch (found->parsed.kind) {
        case PARTITION_DIR_CURRENT: {
            char *topic = view_to_cstr(found->parsed.topic);
            struct partition *part = partition_new(topic, found->parsed.partition, manager->broker);
            free(topic);
            loading->items[loading->count++] =
                (struct load_item){part, dir->state, is_unsure(settlement, part)};
            atomic_fetch_add(&dir->state->logs_to_load, 1);
            break;
        }
        case PARTITION_DIR_DELETE:
            delete_leftover(dir->state, found->name);
            break;
        case PARTITION_DIR_FUTURE:
            mover_found(manager->mover, dir->state, found);
            break;
        case PARTITION_DIR_STRAY:
            log_warn("storage", "directory_left_alone",
                     "dir=%s/%s reason=\"a replica that is not ours; it is kept, not served\"",
                     dir->state->dir.path, found->name);
            break;
        }
    }
}

/* What other makes left is made ours, then requests and the controller find it. */
static void publish(struct replica_manager *manager, struct loading *loading)
{
    struct partition **parts = mem_zalloc(sizeof *parts * (size_t)(loading->count + 1));
    for (int i = 0; i < loading->count; i++)
        parts[i] = loading->items[i].part;
    for (int i = 0; i < manager->dirs.count; i++)
        if (!manager->dirs.items[i]->is_ours && !log_dir_is_offline(&manager->dirs.items[i]->dir))
            takeover_sync(manager->dirs.items[i], parts, loading->count);
    replica_manager_change_table(manager, parts, loading->count, NULL, 0);
    for (int i = 0; i < loading->count; i++)
        partition_release(parts[i]);
    free(parts);
}

enum err replica_manager_load(struct replica_manager *manager, struct errmsg *why)
{
    int64_t begun_ms = clock_mono_ms(manager->broker->clock);
    struct move_listing *dirs = mem_zalloc(sizeof *dirs * (size_t)(manager->dirs.count + 1));
    int count = 0;
    struct move_settlement settlement = {0};
    enum err err = scan_all(manager, dirs, &count, why);
    if (err == ERR_NONE) {
        move_settle(&manager->dirs, dirs, count, &settlement);
        err = check_duplicates(dirs, count, why);
    }
    if (err == ERR_NONE) {
        size_t total = 0;
        for (int i = 0; i < count; i++)
            total += dirs[i].count;
        struct loading loading = {.manager = manager,
                                  .items = mem_zalloc(sizeof(struct load_item) * (total + 1))};
        for (int i = 0; i < count; i++)
            collect(manager, &dirs[i], &settlement, &loading);
        move_settle_finish(&settlement);
        int workers = loading.count < 8 ? 1 : manager->broker->net_loops_count + 1;
        load_all(&loading, workers);
        publish(manager, &loading);
        log_info("storage", "logs_loaded", "partitions=%d ms=%lld", loading.count,
                 (long long)(clock_mono_ms(manager->broker->clock) - begun_ms));
        free(loading.items);
    }
    move_settle_finish(&settlement);
    for (int i = 0; i < count; i++)
        log_dir_found_free(dirs[i].found, dirs[i].count);
    free(dirs);
    return err;
}

/* --- stop ------------------------------------------------------------------------------------------- */

struct closing {
    struct log_dir_state *dir;
    struct log_flush flush;
    enum err err;
    struct errmsg why;
    int64_t end_offset; /* of the log just closed */
    bool closed;
};

static void close_log(struct partition *part, void *arg)
{
    struct closing *closing = arg;
    closing->closed = false;
    if (part->dir != closing->dir || !part->log)
        return;
    closing->end_offset = log_end(part->log).offset;
    enum err err = log_close(part->log, &closing->flush, &closing->why);
    if (err != ERR_NONE)
        closing->err = err;
    closing->closed = err == ERR_NONE;
    atomic_store(&part->is_leader, false);
}

/* Requests whose peers were cut off may still wait here: they end now. */
static void send_all_home(struct partition *part, void *arg)
{
    (void)arg;
    atomic_store(&part->is_leader, false);
    partition_fail_waiters(part);
    partition_announce(part);
}

static void close_dir(struct replica_manager *manager, struct log_dir_state *state, struct partition **all,
                      int count, bool may_be_marked)
{
    struct closing closing = {.dir = state, .err = ERR_NONE};
    for (int i = 0; i < count; i++) {
        partition_call(all[i], close_log, &closing);
        if (!closing.closed)
            continue;
        dir_checkpoints_put(state, LOG_DIR_RECOVERY_POINT, view_str(all[i]->topic), all[i]->index,
                            closing.end_offset);
    }
    struct errmsg why;
    enum err err = closing.err == ERR_NONE ? log_flush_run(&closing.flush, &why) : closing.err;
    if (closing.err != ERR_NONE)
        why = closing.why;
    log_flush_close(&closing.flush);
    if (err == ERR_NONE)
        err = log_dir_save_checkpoints(
            &state->dir,
            1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_LOG_START | 1u << LOG_DIR_HIGH_WATERMARK, &why);
    if (err == ERR_NONE && may_be_marked)
        err = clean_shutdown_write(manager->broker->disk, state->dir.path, -1, &why);
    state->is_closed = err == ERR_NONE && may_be_marked;
    if (err != ERR_NONE)
        log_error("storage", "unclean_stop",
                  "dir=%s error=\"%s\" effect=\"the next start recovers its logs\"", state->dir.path,
                  why.text);
}

void replica_manager_stop(struct replica_manager *manager, bool is_settled)
{
    cleaner_stop(manager->cleaner);
    mover_stop(manager->mover);
    replica_manager_drain(manager); /* a LeaderAndIsr on its way must not open logs behind our back */
    upkeep_stop(manager->upkeep);
    mover_close(manager->mover);
    upkeep_checkpoint_all(manager);
    int count;
    struct partition **all = replica_manager_all(manager, &count);
    for (int i = 0; i < manager->dirs.count; i++) {
        struct log_dir_state *state = manager->dirs.items[i];
        if (!log_dir_is_offline(&state->dir))
            close_dir(manager, state, all, count, is_settled || state->was_clean);
    }
    for (int i = 0; i < count; i++) {
        partition_call(all[i], send_all_home, NULL);
        partition_release(all[i]);
    }
    free(all);
    log_dirs_stop_writers(&manager->dirs);
    log_info("storage", "logs_closed", "partitions=%d", count);
}

void replica_manager_forget_session(struct replica_manager *manager)
{
    for (int i = 0; i < manager->dirs.count; i++)
        if (manager->dirs.items[i]->is_closed)
            session_record_remove(manager->dirs.items[i]->dir.path);
}
