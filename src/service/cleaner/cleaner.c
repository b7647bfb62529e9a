/*
 * The threads. They are not waited for when settings change: a thread whose settings are not the ones in
 * force ends when it has given up what it does, and the last to go starts those that take their place. So
 * memory is never had twice, and a disk that hangs under a compaction holds up nobody but its thread.
 */
#include "service/cleaner/cleaner.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/cleaner/cleaner_internal.h"
#include "service/replica/dir_checkpoints.h"
#include "service/settings/broker_settings.h"

#define MOMENT_MS      50
#define BACKOFF_MIN_MS 10 /* log.cleaner.backoff.ms may be 0: that is no reason to burn a processor */

/* --- settings ----------------------------------------------------------------------------------------- */

static struct cleaner_settings settings_of(const struct config *config)
{
    int64_t backoff_ms = config_long(config, CONFIG_LOG_CLEANER_BACKOFF_MS);
    return (struct cleaner_settings){.threads = config_int(config, CONFIG_LOG_CLEANER_THREADS),
                                     .map_bytes = config_long(config, CONFIG_LOG_CLEANER_DEDUPE_BUFFER_SIZE),
                                     .io_bytes = config_int(config, CONFIG_LOG_CLEANER_IO_BUFFER_SIZE),
                                     .load_factor =
                                         config_double(config, CONFIG_LOG_CLEANER_IO_BUFFER_LOAD_FACTOR),
                                     .backoff_ms = backoff_ms > BACKOFF_MIN_MS ? backoff_ms : BACKOFF_MIN_MS};
}

static bool are_same(const struct cleaner_settings *a, const struct cleaner_settings *b)
{
    return a->threads == b->threads && a->map_bytes == b->map_bytes && a->io_bytes == b->io_bytes &&
           !(a->load_factor < b->load_factor) && !(a->load_factor > b->load_factor) &&
           a->backoff_ms == b->backoff_ms;
}

static double rate_of(const struct config *config)
{
    double rate = config_double(config, CONFIG_LOG_CLEANER_IO_MAX_BYTES_PER_SECOND);
    return rate > 0 ? rate : 0;
}

/* --- waiting ------------------------------------------------------------------------------------------ */

static int64_t mono_ms(const struct cleaner *cleaner)
{
    return clock_mono_ms(cleaner->manager->broker->clock);
}

/* Under the lock, which is let go meanwhile. False when the time is over. */
static bool wait_until(struct cleaner *cleaner, const struct timespec *until)
{
    return pthread_cond_timedwait(&cleaner->news, &cleaner->lock, until) == 0;
}

static struct timespec in_ms(int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t s = ms / 1000;
    until.tv_sec += s < INT32_MAX ? (time_t)s : INT32_MAX;
    until.tv_nsec += (long)(ms % 1000) * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    return until;
}

static bool goes_on_locked(const struct cleaner_thread *thread)
{
    return thread->cleaner->running && thread->generation == thread->cleaner->generation;
}

bool cleaner_goes_on(struct cleaner_thread *thread)
{
    pthread_mutex_lock(&thread->cleaner->lock);
    bool goes_on = goes_on_locked(thread);
    pthread_mutex_unlock(&thread->cleaner->lock);
    return goes_on;
}

static uint32_t wakes_of(struct cleaner *cleaner)
{
    pthread_mutex_lock(&cleaner->lock);
    uint32_t wakes = cleaner->wakes;
    pthread_mutex_unlock(&cleaner->lock);
    return wakes;
}

/* Not when there was a call since `wakes`. */
static void nap(struct cleaner_thread *thread, uint32_t wakes)
{
    struct cleaner *cleaner = thread->cleaner;
    struct timespec until = in_ms(thread->settings.backoff_ms);
    pthread_mutex_lock(&cleaner->lock);
    while (goes_on_locked(thread) && wakes == cleaner->wakes && wait_until(cleaner, &until))
        ;
    pthread_mutex_unlock(&cleaner->lock);
}

void cleaner_count_bytes(struct cleaner *cleaner, int64_t bytes)
{
    pthread_mutex_lock(&cleaner->lock);
    cleaner_rate_record(&cleaner->rate, bytes, mono_ms(cleaner));
    pthread_mutex_unlock(&cleaner->lock);
}

bool cleaner_waits_for_rate(struct cleaner_thread *thread)
{
    struct cleaner *cleaner = thread->cleaner;
    struct timespec until = in_ms(MOMENT_MS);
    pthread_mutex_lock(&cleaner->lock);
    bool exceeded = cleaner_rate_is_exceeded(&cleaner->rate, mono_ms(cleaner));
    if (exceeded && goes_on_locked(thread))
        wait_until(cleaner, &until);
    pthread_mutex_unlock(&cleaner->lock);
    return exceeded;
}

/* --- threads ------------------------------------------------------------------------------------------ */

static void start_threads(struct cleaner *cleaner);

/* The last of its generation makes room for the next. */
static void leave(struct cleaner_thread *thread)
{
    struct cleaner *cleaner = thread->cleaner;
    pthread_mutex_lock(&cleaner->lock);
    list_remove(&thread->node);
    if (list_is_empty(&cleaner->threads) && cleaner->running)
        start_threads(cleaner);
    pthread_cond_broadcast(&cleaner->news);
    pthread_mutex_unlock(&cleaner->lock);
    free(thread);
}

static void *thread_main(void *arg)
{
    struct cleaner_thread *thread = arg;
    const struct cleaner_settings *settings = &thread->settings;
    char name[16];
    snprintf(name, sizeof name, "cleaner-%d", thread->index % 1000);
    pthread_setname_np(pthread_self(), name);
    log_set_thread_name(name);
    int64_t share = settings->map_bytes / settings->threads;
    thread->memory = compact_memory_new(share < INT32_MAX ? share : INT32_MAX, settings->load_factor,
                                        settings->io_bytes / settings->threads);
    while (cleaner_goes_on(thread)) {
        struct cleaner_choice choice;
        uint32_t wakes = wakes_of(thread->cleaner);
        if (cleaner_choose(thread, &choice)) {
            struct cleaner_outcome outcome = {0};
            cleaner_compact(thread, &choice, &outcome);
            cleaner_part_with(thread, choice.part, &outcome);
        } else {
            compact_memory_rest(thread->memory);
            nap(thread, wakes);
        }
    }
    compact_memory_free(thread->memory);
    leave(thread);
    return NULL;
}

/* Under the lock. False when the system has no thread left. */
static bool start_thread(struct cleaner *cleaner, int index)
{
    struct cleaner_thread *thread = MEM_NEW(struct cleaner_thread);
    pthread_attr_t detached;
    pthread_t id;
    thread->cleaner = cleaner;
    thread->settings = cleaner->settings;
    thread->generation = cleaner->generation;
    thread->index = index;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    list_push_back(&cleaner->threads, &thread->node);
    int rc = pthread_create(&id, &detached, thread_main, thread);
    pthread_attr_destroy(&detached);
    if (rc == 0)
        return true;
    log_error("cleaner", "thread_not_started", "index=%d error=\"%s\"", index, strerror(rc));
    list_remove(&thread->node);
    free(thread);
    return false;
}

/* Under the lock. */
static void start_threads(struct cleaner *cleaner)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cleaner->missing_threads = 0;
    for (int i = 0; i < cleaner->settings.threads; i++)
        cleaner->missing_threads += !start_thread(cleaner, i);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    log_info("cleaner", "threads", "number=%d missing=%d map_bytes=%lld", cleaner->settings.threads,
             cleaner->missing_threads, (long long)cleaner->settings.map_bytes);
}

/* --- lifecycle ---------------------------------------------------------------------------------------- */

struct cleaner *cleaner_new(struct replica_manager *manager)
{
    struct cleaner *cleaner = MEM_NEW(struct cleaner);
    pthread_condattr_t monotonic;
    cleaner->manager = manager;
    list_init(&cleaner->threads);
    pthread_mutex_init(&cleaner->lock, NULL);
    pthread_mutex_init(&cleaner->choosing, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&cleaner->news, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return cleaner;
}

void cleaner_free(struct cleaner *cleaner)
{
    if (!cleaner)
        return;
    pthread_cond_destroy(&cleaner->news);
    pthread_mutex_destroy(&cleaner->choosing);
    pthread_mutex_destroy(&cleaner->lock);
    free(cleaner);
}

/* Rows of partitions that were deleted while this broker was down: one that is made again is not clean. */
static void forget_strangers(struct cleaner *cleaner, struct log_dir_state *dir)
{
    struct offset_map *map = &dir->dir.checkpoints[LOG_DIR_CLEANER];
    size_t it = 0;
    struct view topic;
    int32_t index;
    int64_t offset;
    pthread_mutex_lock(&dir->checkpoints_lock);
    while (offset_map_next(map, &it, &topic, &index, &offset)) {
        struct partition *part = replica_manager_find_shared(cleaner->manager, topic, index);
        if (!part || part->dir != dir) {
            offset_map_remove(map, topic, index);
            it--; /* the last one has its place now */
        }
        partition_release(part);
    }
    pthread_mutex_unlock(&dir->checkpoints_lock);
}

void cleaner_start(struct cleaner *cleaner)
{
    struct log_dirs *dirs = &cleaner->manager->dirs;
    struct config *config = broker_settings_share(cleaner->manager->broker);
    if (config_bool(config, CONFIG_LOG_CLEANER_ENABLE)) {
        for (int i = 0; i < dirs->count; i++)
            if (!log_dir_is_offline(&dirs->items[i]->dir))
                forget_strangers(cleaner, dirs->items[i]);
        pthread_mutex_lock(&cleaner->lock);
        cleaner->settings = settings_of(config);
        cleaner->rate.bytes_per_s = rate_of(config);
        cleaner->chosen_ms = mono_ms(cleaner);
        cleaner->running = true;
        start_threads(cleaner);
        pthread_mutex_unlock(&cleaner->lock);
    }
    config_release(config);
}

void cleaner_stop(struct cleaner *cleaner)
{
    pthread_mutex_lock(&cleaner->lock);
    cleaner->running = false;
    pthread_cond_broadcast(&cleaner->news);
    while (!list_is_empty(&cleaner->threads))
        pthread_cond_wait(&cleaner->news, &cleaner->lock);
    pthread_mutex_unlock(&cleaner->lock);
}

void cleaner_update(struct cleaner *cleaner)
{
    struct config *config = broker_settings_share(cleaner->manager->broker);
    struct cleaner_settings fresh = settings_of(config);
    pthread_mutex_lock(&cleaner->lock);
    cleaner->rate.bytes_per_s = rate_of(config);
    if (cleaner->running && !are_same(&fresh, &cleaner->settings)) {
        cleaner->settings = fresh;
        cleaner->generation++;
        if (list_is_empty(&cleaner->threads)) /* none could be started before */
            start_threads(cleaner);
    }
    cleaner->wakes++;
    pthread_cond_broadcast(&cleaner->news);
    pthread_mutex_unlock(&cleaner->lock);
    config_release(config);
}

void cleaner_wake(struct cleaner *cleaner)
{
    pthread_mutex_lock(&cleaner->lock);
    cleaner->wakes++;
    pthread_cond_broadcast(&cleaner->news);
    pthread_mutex_unlock(&cleaner->lock);
}

/* --- numbers ------------------------------------------------------------------------------------------ */

void cleaner_numbers(struct cleaner *cleaner, struct cleaner_numbers *out)
{
    int64_t read = 0, written = 0;
    *out = (struct cleaner_numbers){0};
    pthread_mutex_lock(&cleaner->lock);
    LIST_EACH (node, &cleaner->threads) {
        const struct cleaner_thread *thread = CONTAINER_OF(node, struct cleaner_thread, node);
        read += thread->bytes_read;
        written += thread->bytes_written;
        out->max_clean_ms = thread->clean_ms > out->max_clean_ms ? thread->clean_ms : out->max_clean_ms;
        out->max_delay_ms = thread->delay_ms > out->max_delay_ms ? thread->delay_ms : out->max_delay_ms;
        out->max_map_load = thread->map_load > out->max_map_load ? thread->map_load : out->max_map_load;
    }
    out->recopy_ratio = read > 0 ? (double)written / (double)read : 0;
    out->idle_ms = cleaner->running ? mono_ms(cleaner) - cleaner->chosen_ms : 0;
    out->max_dirty_ratio = cleaner->max_dirty_ratio;
    out->missing_threads = cleaner->missing_threads;
    pthread_mutex_unlock(&cleaner->lock);
}
