/*
 * Group commit: a partition that owes its producers a sync joins its directory's queue.
 * One worker at a time serves a directory: it takes the whole queue, collects what each
 * log wants synced, syncs all of it, tells each log, and looks at the queue again. What
 * arrives while the disk is busy shares the next flush.
 */
#include "service/replica/log_dirs.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "service/broker.h"
#include "service/count.h"
#include "service/partition/followers.h"
#include "service/partition/partition.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_state.h"
#include "storage/log_flush.h"

/* --- the flush group -------------------------------------------------------------------------------- */

struct flush_member {
    struct partition *part;
    struct log_dir_state *dir; /* whose flush it is */
    struct log_flush_ticket ticket;
    struct log_flush *flush;
    enum err err;
    struct errmsg why;
    bool needed;
};

static void member_begin(struct partition *part, void *arg)
{
    struct flush_member *member = arg;
    part->flushing = false; /* whoever appends from here on asks again */
    if (!part->log || part->deleted)
        return;
    if (part->dir != member->dir) { /* it moved since it asked */
        log_dir_state_flush(part->dir, part);
        return;
    }
    int64_t up_to = log_end(part->log).offset;
    member->err =
        log_flush_begin(part->log, up_to, member->flush, &member->ticket, &member->needed, &member->why);
    if (member->err != ERR_NONE)
        partition_fail_storage(part, &member->why);
}

static void member_end(struct partition *part, void *arg)
{
    struct flush_member *member = arg;
    /* What was synced were the files of a log that another one has replaced, with everything synced. */
    if (!part->log || part->deleted || part->dir != member->dir)
        return;
    log_flush_end(part->log, &member->ticket, member->err, &member->why);
    if (member->err != ERR_NONE) {
        partition_fail_storage(part, &member->why);
        return;
    }
    partition_advance(part);
    partition_flushed(part);
}

/* Takes the queue as an array of shares; 0 ends the run. */
static int take_queue(struct log_dir_state *state, struct flush_member **members)
{
    pthread_mutex_lock(&state->lock);
    int count = 0;
    LIST_EACH (node, &state->flush_queue)
        count++;
    struct flush_member *taken = count ? mem_zalloc(sizeof *taken * (size_t)count) : NULL;
    for (int i = 0; i < count; i++)
        taken[i].part = CONTAINER_OF(list_pop_front(&state->flush_queue), struct partition, members);
    if (count == 0)
        state->flush_running = false;
    pthread_mutex_unlock(&state->lock);
    *members = taken;
    return count;
}

static void flush_run(struct work *work)
{
    struct log_dir_state *state = CONTAINER_OF(work, struct log_dir_state, flush_work);
    struct log_flush flush = {0};
    struct flush_member *members;
    int count;
    while ((count = take_queue(state, &members)) > 0) {
        for (int i = 0; i < count; i++) {
            members[i].flush = &flush;
            members[i].dir = state;
            partition_call(members[i].part, member_begin, &members[i]);
        }
        struct errmsg why;
        struct clock *clock = state->all->broker->clock;
        int64_t begun_ns = clock->mono_ns(clock);
        enum err err = log_flush_run(&flush, &why);
        metrics_observe(count_shard(state->all->broker), METRIC_FLUSH_TIME,
                        (clock->mono_ns(clock) - begun_ns) / 1000);
        for (int i = 0; i < count; i++) {
            struct flush_member *member = &members[i];
            if (err != ERR_NONE && member->err == ERR_NONE) {
                member->err = err;
                member->why = why;
            }
            if (member->needed || member->err != ERR_NONE)
                partition_call(member->part, member_end, member);
            partition_release(member->part);
        }
        free(members);
    }
    log_flush_close(&flush);
}

void log_dir_state_flush(struct log_dir_state *state, struct partition *part)
{
    if (part->flushing)
        return;
    part->flushing = true;
    partition_share(part);
    pthread_mutex_lock(&state->lock);
    list_push_back(&state->flush_queue, &part->members);
    bool start = !state->flush_running;
    state->flush_running = true;
    pthread_mutex_unlock(&state->lock);
    if (start) {
        state->flush_work = (struct work){.run = flush_run, .lane = state->lane, .label = "flush"};
        workers_submit(state->all->broker->workers, &state->flush_work);
    }
}

void log_dir_state_forget_flush(struct log_dir_state *state, struct partition *part)
{
    pthread_mutex_lock(&state->lock);
    bool waits = list_is_linked(&part->members);
    if (waits)
        list_remove(&part->members);
    pthread_mutex_unlock(&state->lock);
    if (!waits)
        return;
    part->flushing = false;
    partition_release(part);
}

/* --- hanging ---------------------------------------------------------------------------------------- */

static int64_t mono_ms(const struct log_dir_state *state)
{
    return clock_mono_ms(state->all->broker->clock);
}

void log_dir_state_begin(struct log_dir_state *state)
{
    hang_watch_begin(&state->hang, mono_ms(state));
}

void log_dir_state_end(struct log_dir_state *state)
{
    if (hang_watch_end(&state->hang, mono_ms(state)))
        log_info("storage", "log_dir_answers_again", "dir=%s", state->dir.path);
    if (atomic_load_explicit(&state->hang_announced, memory_order_relaxed))
        atomic_store(&state->hang_announced, false);
    if (!atomic_load_explicit(&state->told_offline, memory_order_relaxed) || log_dir_is_offline(&state->dir))
        return;
    if (atomic_exchange(&state->told_offline, false))
        log_dir_notice_send(&state->notice, state->all->broker);
}

void log_dir_state_announce_hang(struct log_dir_state *state, int64_t limit_ms)
{
    if (!log_dir_state_hangs(state) || log_dir_is_offline(&state->dir) ||
        hang_watch_standstill_ms(&state->hang, mono_ms(state)) < limit_ms ||
        atomic_exchange(&state->hang_announced, true))
        return;
    log_error(
        "storage", "log_dir_given_up",
        "dir=%s ms=%lld effect=\"the controller is told that its partitions are offline, until it answers\"",
        state->dir.path, (long long)limit_ms);
    log_dir_notice_send(&state->notice, state->all->broker);
}

void log_dir_state_told_offline(struct log_dir_state *state)
{
    atomic_store(&state->told_offline, true);
}

bool log_dir_state_hangs(struct log_dir_state *state)
{
    if (!state->writer || !hang_watch_hangs(&state->hang, mono_ms(state)))
        return false;
    if (hang_watch_notice(&state->hang))
        log_warn("storage", "log_dir_hangs",
                 "dir=%s ms=%d effect=\"its partitions answer KAFKA_STORAGE_ERROR until it answers\"",
                 state->dir.path, HANG_WATCH_MS);
    return true;
}

/* --- failure ---------------------------------------------------------------------------------------- */

static void fail_run(struct work *work)
{
    struct log_dir_state *state = CONTAINER_OF(work, struct log_dir_state, fail_work);
    struct log_dirs *dirs = state->all;
    dirs->failed(dirs->arg, state);
    for (int i = 0; i < dirs->count; i++)
        if (!log_dir_is_offline(&dirs->items[i]->dir))
            return;
    dirs->all_failed(dirs->arg);
}

void log_dir_state_fail(struct log_dir_state *state, enum err err, const struct errmsg *why)
{
    if (!log_dir_fail(&state->dir, err, why))
        return;
    log_error("storage", "log_dir_failed",
              "dir=%s error=\"%s\" effect=\"its partitions are offline until the next start; the other "
              "directories go on\"",
              state->dir.path, why ? why->text : err_meaning(err));
    state->fail_work = (struct work){.run = fail_run, .label = "log_dir_failed"};
    workers_submit(state->all->broker->workers, &state->fail_work);
}

/* --- start and stop --------------------------------------------------------------------------------- */

static enum err open_one(struct log_dir_state *state, struct errmsg *why)
{
    struct errmsg dir_why;
    enum err err = log_dir_open(&state->dir, &dir_why);
    if (err == ERR_LOCKED) {
        *why = dir_why;
        return err;
    }
    if (err != ERR_NONE) {
        log_error("storage", "log_dir_unusable", "dir=%s error=\"%s\"", state->dir.path, dir_why.text);
        log_dir_fail(&state->dir, err, &dir_why);
        return ERR_NONE;
    }
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        err = log_dir_load_checkpoint(&state->dir, (enum log_dir_checkpoint)kind, &dir_why);
        bool tolerated = kind != LOG_DIR_HIGH_WATERMARK;
        if (err == ERR_NONE)
            continue;
        if (err == ERR_CORRUPT_FILE && tolerated) {
            log_warn("storage", "checkpoint_unreadable", "dir=%s error=\"%s\" effect=\"its logs are %s\"",
                     state->dir.path, dir_why.text,
                     kind == LOG_DIR_CLEANER ? "compacted from their beginning" : "scanned");
            continue;
        }
        log_error("storage", "log_dir_unusable", "dir=%s error=\"%s\"", state->dir.path, dir_why.text);
        log_dir_fail(&state->dir, err, &dir_why);
        return ERR_NONE;
    }
    return ERR_NONE;
}

enum err log_dirs_open(struct log_dirs *dirs, struct broker *broker, const char *const *paths, int count,
                       struct errmsg *why)
{
    dirs->broker = broker;
    dirs->items = mem_zalloc(sizeof *dirs->items * (size_t)count);
    struct log_dir **plain = mem_zalloc(sizeof *plain * (size_t)count);
    enum err err = ERR_NONE;
    int live = 0;
    for (int i = 0; i < count && err == ERR_NONE; i++) {
        struct log_dir_state *state = MEM_NEW(struct log_dir_state);
        log_dir_init(&state->dir, broker->disk, paths[i]);
        state->all = dirs;
        state->lane = 1 + i;
        pthread_mutex_init(&state->lock, NULL);
        pthread_mutex_init(&state->checkpoints_lock, NULL);
        list_init(&state->flush_queue);
        state->writer = count > 1 ? workers_new(1) : NULL;
        state->control = count > 1 ? workers_new(1) : NULL;
        dirs->items[dirs->count++] = state;
        plain[i] = &state->dir;
        err = open_one(state, why);
        live += err == ERR_NONE && !log_dir_is_offline(&state->dir);
        struct errmsg twice;
        if (err == ERR_LOCKED && log_dirs_check_distinct(plain, (size_t)dirs->count, &twice) != ERR_NONE)
            *why = twice; /* the process that has the lock is this one */
    }
    if (err == ERR_NONE)
        err = log_dirs_check_distinct(plain, (size_t)count, why);
    if (err == ERR_NONE && live == 0) {
        errmsg_set(why, "none of the log directories can be used (log.dirs); see the lines above");
        err = ERR_IO;
    }
    free(plain);
    return err;
}

void log_dirs_stop_writers(struct log_dirs *dirs)
{
    for (int i = 0; i < dirs->count; i++) {
        if (!dirs->items[i]->writer)
            continue;
        workers_stop(dirs->items[i]->control);
        workers_stop(dirs->items[i]->writer);
    }
}

void log_dirs_close(struct log_dirs *dirs)
{
    for (int i = 0; i < dirs->count; i++) {
        struct log_dir_state *state = dirs->items[i];
        workers_free(state->control);
        workers_free(state->writer);
        log_dir_close(&state->dir);
        pthread_mutex_destroy(&state->lock);
        pthread_mutex_destroy(&state->checkpoints_lock);
        free(state);
    }
    free(dirs->items);
    *dirs = (struct log_dirs){0};
}

struct log_dir_state *log_dirs_pick(struct log_dirs *dirs)
{
    struct log_dir_state *best = NULL, *hanging = NULL;
    for (int i = 0; i < dirs->count; i++) {
        struct log_dir_state *state = dirs->items[i];
        if (log_dir_is_offline(&state->dir))
            continue;
        struct log_dir_state **among = log_dir_state_hangs(state) ? &hanging : &best;
        if (!*among || atomic_load(&state->partitions) < atomic_load(&(*among)->partitions))
            *among = state;
    }
    return best ? best : hanging;
}

char *log_dir_state_path(const struct log_dir_state *state)
{
    const char *path = state->dir.path;
    if (*path == '/')
        return mem_strdup(path);
    char *here = getcwd(NULL, 0);
    char *absolute = mem_printf("%s/%s", here ? here : "", path);
    free(here);
    return absolute;
}

struct log_dir_state *log_dirs_find(const struct log_dirs *dirs, const char *path)
{
    struct log_dir_state *found = NULL;
    for (int i = 0; i < dirs->count && !found; i++) {
        char *absolute = log_dir_state_path(dirs->items[i]);
        if (strcmp(absolute, path) == 0)
            found = dirs->items[i];
        free(absolute);
    }
    return found;
}

bool log_dirs_any_offline(const struct log_dirs *dirs)
{
    for (int i = 0; i < dirs->count; i++)
        if (log_dir_is_offline(&dirs->items[i]->dir))
            return true;
    return false;
}
