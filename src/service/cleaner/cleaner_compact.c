/*
 * One compaction.
 *
 *   holder   is the log what was chosen?  how dirty is it now?  begin
 *   thread   read the dirty part; then round by round: write,
 *   holder                                              swap
 *   holder   is it still the same log?  then the checkpoint moves, in memory
 *   thread   the checkpoint is saved
 *
 * Ten times a second the thread asks, between two buffers, whether all this is still wanted. What takes the
 * log away meanwhile is found out by the next question or by the swap; an error that comes of it is none.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/log.h"
#include "service/cleaner/cleaner_internal.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_state.h"
#include "storage/log_trim.h"

#define ASK_EVERY_MS  100
#define TELL_EVERY_MS 30000

struct compaction {
    struct cleaner_thread *thread;
    const struct cleaner_choice *choice;
    struct partition *part;
    struct log_dir_state *dir; /* where the log lies, for as long as it is the same */
    const struct log *log;     /* which it was: to be compared, not to be touched */
    uint32_t cuts;
    int64_t first_base;
    struct log_dirt dirt;
    struct log_compact *compact;
    bool is_wanted;  /* by the holder: it is the same log, and nothing keeps it from being compacted */
    bool is_settled; /* the holder has done what follows from the error */
    bool is_recorded;
    int64_t begun_ms; /* monotonic, as all here */
    int64_t asked_ms;
    int64_t told_ms;
    const char *at;
};

static struct broker *broker_of(const struct compaction *c)
{
    return c->thread->cleaner->manager->broker;
}

static int64_t mono_ms(const struct compaction *c)
{
    return clock_mono_ms(broker_of(c)->clock);
}

/* --- is it still wanted? ------------------------------------------------------------------------------- */

/* By the holder. A copy of it is made at the moment, or its topic is not to be compacted any more. */
static bool may_be_rewritten(const struct partition *part)
{
    const struct partition_settings *settings = atomic_load(&part->settings);
    return part->log && !part->deleted && !part->move && !log_dir_is_offline(&part->dir->dir) &&
           settings->log.cleanup_compact;
}

/* By the holder. */
static bool is_the_same(const struct compaction *c, const struct partition *part)
{
    return part->log == c->log && part->dir == c->dir && log_cuts(part->log) == c->cuts;
}

static void ask_by_holder(struct partition *part, void *arg)
{
    struct compaction *c = arg;
    c->is_wanted = may_be_rewritten(part) && is_the_same(c, part);
}

static bool is_wanted(struct compaction *c)
{
    if (!cleaner_goes_on(c->thread) || log_dir_is_offline(&c->dir->dir))
        return false;
    if (mono_ms(c) - c->asked_ms < ASK_EVERY_MS)
        return true;
    c->is_wanted = false;
    (void)partition_try_call(c->part, ask_by_holder, c);
    c->asked_ms = mono_ms(c);
    return c->is_wanted;
}

static void tell_progress(struct compaction *c)
{
    if (mono_ms(c) - c->told_ms < TELL_EVERY_MS || !c->compact)
        return;
    const struct log_compact_stats *stats = log_compact_stats(c->compact);
    c->told_ms = mono_ms(c);
    log_info("cleaner", "compaction_goes_on",
             "partition=%s at=%s seconds=%" PRId64 " keys=%" PRId64 " map_bytes_read=%" PRId64
             " bytes_read=%" PRId64 " bytes_written=%" PRId64 " groups=%" PRId64,
             c->part->name, c->at, (c->told_ms - c->begun_ms) / 1000, stats->map_records,
             stats->map_bytes_read, stats->bytes_read, stats->bytes_written, stats->groups);
}

/* After every buffer. */
static bool go_on(void *arg, int64_t bytes)
{
    struct compaction *c = arg;
    cleaner_count_bytes(c->thread->cleaner, bytes);
    tell_progress(c);
    do
        if (!is_wanted(c))
            return false;
    while (cleaner_waits_for_rate(c->thread));
    return true;
}

/* --- begin ---------------------------------------------------------------------------------------------- */

struct step {
    struct compaction *compaction;
    enum err err;
    struct errmsg why;
};

/* By the holder: the disk failed under its own call. */
static void fail_if_storage(struct partition *part, struct step *step)
{
    if (step->err != ERR_KAFKA_STORAGE_ERROR)
        return;
    partition_fail_storage(part, &step->why);
    step->compaction->is_settled = true;
}

static void begin_by_holder(struct partition *part, void *arg)
{
    struct step *step = arg;
    struct compaction *c = step->compaction;
    step->err = ERR_CLOSED;
    errmsg_set(&step->why, "the log cannot be rewritten now");
    if (!may_be_rewritten(part))
        return;
    const struct partition_settings *settings = atomic_load(&part->settings);
    c->dir = part->dir;
    c->log = part->log;
    c->cuts = log_cuts(part->log);
    c->first_base = log_first_base_offset(part->log);
    struct log_dirt_args look = {.checkpoint = -1,
                                 .now_ms = clock_wall_ms(broker_of(c)->clock),
                                 .min_lag_ms = settings->min_compaction_lag_ms};
    dir_checkpoints_get(c->dir, LOG_DIR_CLEANER, view_str(part->topic), part->index, &look.checkpoint);
    step->err = log_dirt(part->log, &look, &c->dirt, &step->why);
    if (step->err == ERR_NONE) {
        struct log_compact_args args = {.first_dirty = c->dirt.first_dirty,
                                        .first_uncleanable = c->dirt.first_uncleanable,
                                        .now_ms = look.now_ms,
                                        .delete_retention_ms = settings->delete_retention_ms,
                                        .go_on = go_on,
                                        .arg = c};
        step->err = log_compact_begin(part->log, &args, c->thread->memory, &c->compact, &step->why);
    }
    fail_if_storage(part, step);
}

static void tell_begin(const struct compaction *c)
{
    const struct cleaner_log *log = &c->choice->log;
    log_info("cleaner", "compaction_begun",
             "partition=%s reason=%s dirty_pct=%.1f clean_bytes=%" PRId64 " dirty_bytes=%" PRId64
             " first_dirty=%" PRId64 " up_to=%" PRId64,
             c->part->name, c->choice->reason == CLEANER_BY_RATIO ? "dirty_ratio" : "max_lag",
             100 * cleaner_log_ratio(log), log->clean_bytes, log->cleanable_bytes, c->dirt.first_dirty,
             c->dirt.first_uncleanable);
}

/* --- swap and record ------------------------------------------------------------------------------------ */

static void swap_by_holder(struct partition *part, void *arg)
{
    struct step *step = arg;
    struct compaction *c = step->compaction;
    struct log_doomed doomed = {0};
    step->err = ERR_CLOSED;
    errmsg_set(&step->why, "the log is not what it was");
    if (!may_be_rewritten(part) || !is_the_same(c, part))
        return;
    step->err = log_compact_swap(c->compact, part->log, &doomed, &step->why);
    fail_if_storage(part, step);
    if (step->err != ERR_KAFKA_STORAGE_ERROR)
        upkeep_remove_files(c->thread->cleaner->manager->upkeep, part, &doomed);
    log_doomed_close(&doomed);
}

/* A move that has begun takes the row along with the log. */
static void record_by_holder(struct partition *part, void *arg)
{
    struct compaction *c = arg;
    if (!part->log || part->deleted || !is_the_same(c, part))
        return;
    dir_checkpoints_put(c->dir, LOG_DIR_CLEANER, view_str(part->topic), part->index,
                        log_compact_next_dirty(c->compact));
    c->is_recorded = true;
}

static enum err call(struct compaction *c, partition_call_fn fn, struct step *step)
{
    if (!partition_try_call(c->part, fn, step)) {
        errmsg_set(&step->why, "its directory hangs");
        return ERR_CLOSED;
    }
    return step->err;
}

static enum err write_and_swap(struct compaction *c, struct step *step)
{
    for (;;) {
        bool more;
        enum err err = log_compact_write(c->compact, &more, &step->why);
        if (err != ERR_NONE || !more)
            return err;
        err = call(c, swap_by_holder, step);
        if (err != ERR_NONE)
            return err;
    }
}

static enum err record(struct compaction *c, struct step *step)
{
    (void)partition_try_call(c->part, record_by_holder, c);
    if (!c->is_recorded) {
        errmsg_set(&step->why, "the log is not what it was");
        return ERR_CLOSED;
    }
    return dir_checkpoints_save(c->dir, 1u << LOG_DIR_CLEANER, &step->why) == ERR_NONE ? ERR_NONE : ERR_IO;
}

static enum err run(struct compaction *c, struct step *step)
{
    enum err err = call(c, begin_by_holder, step);
    if (err != ERR_NONE)
        return err;
    tell_begin(c);
    c->at = "map";
    err = log_compact_map(c->compact, &step->why);
    c->at = "write";
    if (err == ERR_NONE)
        err = write_and_swap(c, step);
    return err == ERR_NONE ? record(c, step) : err;
}

/* --- the end ---------------------------------------------------------------------------------------------
 */

/* Of its last compaction; however that ended. */
static void keep_numbers(struct compaction *c)
{
    struct cleaner_thread *thread = c->thread;
    const struct log_compact_stats none = {0}, *stats = c->compact ? log_compact_stats(c->compact) : &none;
    pthread_mutex_lock(&thread->cleaner->lock);
    thread->bytes_read = stats->bytes_read;
    thread->bytes_written = stats->bytes_written;
    thread->map_load = stats->map_load;
    thread->clean_ms = mono_ms(c) - c->begun_ms;
    thread->delay_ms = cleaner_log_delay_ms(&c->choice->log, clock_wall_ms(broker_of(c)->clock));
    pthread_mutex_unlock(&thread->cleaner->lock);
}

static void tell_done(const struct compaction *c)
{
    const struct log_compact_stats *stats = log_compact_stats(c->compact);
    double seconds = (double)(mono_ms(c) - c->begun_ms) / 1000;
    double bytes = (double)(stats->map_bytes_read + stats->bytes_read);
    log_info("cleaner", "compaction_done",
             "partition=%s clean_up_to=%" PRId64 " bytes_before=%" PRId64 " bytes_after=%" PRId64
             " records_before=%" PRId64 " records_after=%" PRId64 " without_key=%" PRId64
             " segments_before=%d segments_after=%d seconds=%.1f mb_per_s=%.1f map_load_pct=%.1f",
             c->part->name, log_compact_next_dirty(c->compact), stats->bytes_read, stats->bytes_written,
             stats->records_read, stats->records_written, stats->invalid_records, stats->segments_before,
             stats->segments_after, seconds, bytes / 1e6 / (seconds > 0.001 ? seconds : 0.001),
             100 * stats->map_load);
}

static void tell_given_up(const struct compaction *c, const struct errmsg *why)
{
    log_info("cleaner", "compaction_given_up", "partition=%s reason=\"%s\" effect=\"it is tried again\"",
             c->part->name, why->text[0] ? why->text : "it is not wanted any more");
}

static void set_aside(struct compaction *c, enum err err, const struct errmsg *why,
                      struct cleaner_outcome *outcome)
{
    log_error("cleaner", "log_uncleanable",
              "partition=%s error=\"%s: %s\" effect=\"it is not compacted until records are taken from it or "
              "the broker starts again; others are\"",
              c->part->name, err_name(err), why->text);
    *outcome = (struct cleaner_outcome){.is_uncleanable = true, .cuts = c->cuts, .first_base = c->first_base};
}

/* Whether an error of the thread's own calls means what it says: the log is where it was. */
static bool is_still_there(struct compaction *c)
{
    c->is_wanted = false;
    return partition_try_call(c->part, ask_by_holder, c) && c->is_wanted;
}

static void conclude(struct compaction *c, enum err err, struct step *step, struct cleaner_outcome *outcome)
{
    if (err == ERR_NONE) {
        tell_done(c);
        outcome->came_to_nothing = log_compact_next_dirty(c->compact) <= c->dirt.first_dirty;
        return;
    }
    outcome->came_to_nothing = true;
    if (c->is_settled)
        return;
    if (err == ERR_CLOSED || err == ERR_WOULD_BLOCK || !is_still_there(c))
        tell_given_up(c, &step->why);
    else if (err == ERR_IO)
        log_dir_state_fail(c->dir, ERR_KAFKA_STORAGE_ERROR, &step->why);
    else
        set_aside(c, err, &step->why, outcome);
}

void cleaner_compact(struct cleaner_thread *thread, const struct cleaner_choice *choice,
                     struct cleaner_outcome *outcome)
{
    struct compaction c = {.thread = thread, .choice = choice, .part = choice->part};
    struct step step = {.compaction = &c};
    c.begun_ms = c.asked_ms = c.told_ms = mono_ms(&c);
    enum err err = run(&c, &step);
    keep_numbers(&c);
    conclude(&c, err, &step, outcome);
    log_compact_free(c.compact);
}
