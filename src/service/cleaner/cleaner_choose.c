/*
 * Which log is next. Of a partition whose topic is not compacted nothing but one word is read; one whose
 * sealed segments and settings are what they were when it was looked at last, and that time alone does not
 * make ready, is not held again.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/cleaner/cleaner_internal.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_state.h"

/* --- one partition ------------------------------------------------------------------------------------ */

struct look {
    struct cleaner_note *note;
    int64_t now_ms;
    bool resets; /* its checkpoint makes no sense */
    struct log_dir_state *dir;
    enum err err;
    struct errmsg why;
};

static void set_aside(struct cleaner_note *note, const struct partition *part)
{
    note->log.state = CLEANER_UNCLEANABLE;
    note->cuts = log_cuts(part->log);
    note->first_base = log_first_base_offset(part->log);
}

/* Something was taken from it since it was set aside: that may have been what could not be compacted. */
static bool is_mended(const struct cleaner_note *note, const struct partition *part)
{
    return note->cuts != log_cuts(part->log) || note->first_base != log_first_base_offset(part->log);
}

static void take_dirt(struct cleaner_note *note, const struct log_dirt *dirt,
                      const struct partition_settings *settings, const struct log *log)
{
    note->log.clean_bytes = dirt->clean_bytes;
    note->log.cleanable_bytes = dirt->cleanable_bytes;
    note->log.oldest_dirty_ms = dirt->oldest_dirty_ms;
    note->log.min_ratio = settings->min_cleanable_ratio;
    note->log.max_lag_ms = settings->log.max_compaction_lag_ms;
    note->log.ripens = dirt->first_uncleanable < log_active_base_offset(log);
}

static void look_at_log(struct partition *part, struct look *look, const struct partition_settings *settings)
{
    struct cleaner_note *note = look->note;
    struct log_dirt dirt;
    struct log_dirt_args args = {
        .checkpoint = -1, .now_ms = look->now_ms, .min_lag_ms = settings->min_compaction_lag_ms};
    dir_checkpoints_get(look->dir, LOG_DIR_CLEANER, view_str(part->topic), part->index, &args.checkpoint);
    look->err = log_dirt(part->log, &args, &dirt, &look->why);
    if (look->err == ERR_KAFKA_STORAGE_ERROR) {
        partition_fail_storage(part, &look->why);
        note->log.state = CLEANER_PAUSED;
        return;
    }
    if (look->err != ERR_NONE) {
        set_aside(note, part);
        return;
    }
    take_dirt(note, &dirt, settings, part->log);
    /* Nothing else asks for it in a log that is not written to: what is sealed is compacted once it is
     * synced. */
    if (log_recovery_point(part->log) < log_active_base_offset(part->log))
        log_dir_state_flush(look->dir, part);
    look->resets = dirt.checkpoint_reset;
    if (look->resets)
        dir_checkpoints_put(look->dir, LOG_DIR_CLEANER, view_str(part->topic), part->index, dirt.first_dirty);
}

/* By the holder. The count before the settings: who replaces them counts after. */
static void look_by_holder(struct partition *part, void *arg)
{
    struct look *look = arg;
    struct cleaner_note *note = look->note;
    note->settings_given = atomic_load(&part->settings_given);
    const struct partition_settings *settings = atomic_load(&part->settings);
    note->sealed_up_to = part->log ? log_active_base_offset(part->log) : -1;
    look->dir = part->dir;
    enum cleaner_state before = note->log.state;
    note->log = (struct cleaner_log){.not_before_ms = note->log.not_before_ms};
    if (!part->log || part->deleted || log_dir_is_offline(&look->dir->dir) || !settings->log.cleanup_compact)
        return;
    if (before == CLEANER_UNCLEANABLE && !is_mended(note, part))
        note->log.state = CLEANER_UNCLEANABLE;
    else if (part->move)
        note->log.state = CLEANER_PAUSED;
    look_at_log(part, look, settings);
}

static bool has_changed(const struct cleaner_note *note, const struct partition *part, int64_t now_ms)
{
    return !note->is_known || now_ms >= note->due_ms || now_ms < note->looked_ms ||
           note->settings_given != atomic_load_explicit(&part->settings_given, memory_order_relaxed) ||
           note->sealed_up_to != atomic_load_explicit(&part->sealed_up_to, memory_order_relaxed);
}

static void tell_uncleanable(const struct partition *part, enum err err, const struct errmsg *why)
{
    log_error("cleaner", "log_uncleanable",
              "partition=%s error=\"%s: %s\" effect=\"it is not compacted until records are taken from it or "
              "the broker starts again; others are\"",
              part->name, err_name(err), why->text);
}

/* Its directory hangs: it is looked at again when it answers. */
static void pause_unseen(struct cleaner_note *note)
{
    if (note->log.state == CLEANER_IDLE)
        note->log.state = CLEANER_PAUSED;
}

static void look_at(struct cleaner_note *note, struct partition *part, int64_t now_ms,
                    struct log_dir_state **resets)
{
    if (note->log.state == CLEANER_AT_WORK || !has_changed(note, part, now_ms))
        return;
    struct look look = {.note = note, .now_ms = now_ms};
    bool was_aside = note->log.state == CLEANER_UNCLEANABLE;
    if (now_ms < note->looked_ms)
        note->log.not_before_ms = 0; /* the clock was set back */
    if (partition_try_call(part, look_by_holder, &look))
        note->is_known = true;
    else
        pause_unseen(note);
    if (note->log.state == CLEANER_UNCLEANABLE && !was_aside)
        tell_uncleanable(part, look.err, &look.why);
    note->looked_ms = now_ms;
    note->due_ms = cleaner_log_due_ms(&note->log, now_ms);
    if (look.resets)
        *resets = look.dir;
}

/* --- all of them --------------------------------------------------------------------------------------- */

struct round {
    struct partition **all;
    int count;
    struct cleaner_log const **logs; /* of those whose topic is compacted */
    int *of;                         /* their places in `all` */
    int found;
};

static struct round round_begin(struct cleaner *cleaner)
{
    struct round round = {0};
    round.all = replica_manager_all(cleaner->manager, &round.count);
    round.logs = mem_zalloc(sizeof *round.logs * ((size_t)round.count + 1));
    round.of = mem_zalloc(sizeof *round.of * ((size_t)round.count + 1));
    return round;
}

static void round_end(struct round *round)
{
    for (int i = 0; i < round->count; i++)
        partition_release(round->all[i]);
    free(round->all);
    free(round->logs);
    free(round->of);
}

/*
 * Files of this name may still be written for a partition that was deleted: they lie where those of one that
 * was made again lie.
 */
static bool name_is_taken(struct cleaner *cleaner, const struct partition *part)
{
    bool taken = false;
    pthread_mutex_lock(&cleaner->lock);
    LIST_EACH (node, &cleaner->threads) {
        const struct partition *other = CONTAINER_OF(node, struct cleaner_thread, node)->part;
        taken |= other && other != part && strcmp(other->name, part->name) == 0;
    }
    pthread_mutex_unlock(&cleaner->lock);
    return taken;
}

static void look_at_all(struct cleaner_thread *thread, struct round *round, int64_t now_ms)
{
    for (int i = 0; i < round->count && cleaner_goes_on(thread); i++) {
        struct partition *part = round->all[i];
        struct log_dir_state *resets = NULL;
        if (!atomic_load_explicit(&part->is_compacted, memory_order_relaxed))
            continue;
        if (!part->note)
            part->note = MEM_NEW(struct cleaner_note);
        look_at(part->note, part, now_ms, &resets);
        if (resets)
            dir_checkpoints_save_or_fail(resets, 1u << LOG_DIR_CLEANER);
        if (name_is_taken(thread->cleaner, part))
            continue;
        round->of[round->found] = i;
        round->logs[round->found++] = &part->note->log;
    }
}

static void count_uncleanable(const struct round *round, struct log_dir_state *dir)
{
    int logs = 0;
    int64_t bytes = 0;
    for (int i = 0; i < round->found; i++)
        if (round->logs[i]->state == CLEANER_UNCLEANABLE && round->all[round->of[i]]->dir == dir) {
            logs++;
            bytes += round->logs[i]->cleanable_bytes;
        }
    atomic_store(&dir->uncleanable_logs, logs);
    atomic_store(&dir->uncleanable_bytes, bytes);
}

static void take_numbers(struct cleaner *cleaner, const struct round *round)
{
    double dirtiest = 0;
    for (int i = 0; i < round->found; i++) {
        double ratio = cleaner_log_ratio(round->logs[i]);
        dirtiest = ratio > dirtiest ? ratio : dirtiest;
    }
    for (int i = 0; i < cleaner->manager->dirs.count; i++)
        count_uncleanable(round, cleaner->manager->dirs.items[i]);
    pthread_mutex_lock(&cleaner->lock);
    cleaner->max_dirty_ratio = dirtiest;
    cleaner->chosen_ms = clock_mono_ms(cleaner->manager->broker->clock);
    pthread_mutex_unlock(&cleaner->lock);
}

static void take(struct cleaner_thread *thread, struct partition *part, int64_t now_ms,
                 struct cleaner_choice *out)
{
    struct cleaner_note *note = part->note;
    *out = (struct cleaner_choice){
        .part = partition_share(part), .log = note->log, .reason = cleaner_log_reason(&note->log, now_ms)};
    note->log.state = CLEANER_AT_WORK;
    pthread_mutex_lock(&thread->cleaner->lock);
    thread->part = part;
    pthread_mutex_unlock(&thread->cleaner->lock);
}

bool cleaner_choose(struct cleaner_thread *thread, struct cleaner_choice *out)
{
    struct cleaner *cleaner = thread->cleaner;
    pthread_mutex_lock(&cleaner->choosing);
    int64_t now_ms = clock_wall_ms(cleaner->manager->broker->clock);
    struct round round = round_begin(cleaner);
    look_at_all(thread, &round, now_ms);
    int chosen = cleaner_goes_on(thread) ? cleaner_log_choose(round.logs, round.found, now_ms) : -1;
    take_numbers(cleaner, &round);
    if (chosen >= 0)
        take(thread, round.all[round.of[chosen]], now_ms, out);
    round_end(&round);
    pthread_mutex_unlock(&cleaner->choosing);
    return chosen >= 0;
}

void cleaner_part_with(struct cleaner_thread *thread, struct partition *part,
                       const struct cleaner_outcome *outcome)
{
    struct cleaner *cleaner = thread->cleaner;
    pthread_mutex_lock(&cleaner->choosing);
    struct cleaner_note *note = part->note;
    note->is_known = false; /* it is looked at anew, whatever became of it */
    note->log.state = outcome->is_uncleanable ? CLEANER_UNCLEANABLE : CLEANER_IDLE;
    note->cuts = outcome->cuts;
    note->first_base = outcome->first_base;
    /* What was given up because the thread is to end is for the next one, at once. */
    note->log.not_before_ms =
        outcome->came_to_nothing && cleaner_goes_on(thread)
            ? clock_wall_ms(cleaner->manager->broker->clock) + thread->settings.backoff_ms
            : 0;
    pthread_mutex_lock(&cleaner->lock);
    thread->part = NULL;
    pthread_mutex_unlock(&cleaner->lock);
    pthread_mutex_unlock(&cleaner->choosing);
    partition_release(part);
}
