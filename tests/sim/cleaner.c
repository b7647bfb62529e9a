/*
 * Compaction, as service/cleaner has it: one log at a time, step by step, with anything else in between. What
 * is the holder's and what the thread's there are steps of their own here.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "core/cleaner/cleaner_log.h"
#include "sim/checker.h"
#include "sim/node.h"
#include "storage/compact/compact.h"

#define MAP_BYTES 4096
#define IO_BYTES  1024
#define MIN_RATIO 0.2

struct cleaning {
    struct part *part;
    const struct log *log; /* to be compared */
    uint32_t cuts;
    struct compact_memory *memory;
    struct log_compact *compact;
};

static void look(struct sim *sim, void *arg);
static void write_next(struct sim *sim, void *arg);

static void later(struct proc *proc, int64_t at_most_ms, sim_fn run)
{
    sim_after(proc->sim, sim_between(proc->sim, SIM_RNG_DISK, 0, at_most_ms * SIM_MS), proc->id, "cleaner",
              run, NULL, proc);
}

static bool is_the_same(const struct cleaning *cleaning)
{
    const struct part *part = cleaning->part;
    return part->log == cleaning->log && log_cuts(part->log) == cleaning->cuts;
}

static bool go_on(void *arg, int64_t bytes)
{
    (void)bytes;
    return is_the_same(arg);
}

/* --- the end ------------------------------------------------------------------------------------------ */

static void end(struct proc *proc, enum err err, const struct errmsg *why)
{
    struct cleaning *cleaning = proc->cleaning;
    if (err == ERR_IO || err == ERR_KAFKA_STORAGE_ERROR)
        proc_fail_storage(proc, why);
    else if (err != ERR_NONE && err != ERR_CLOSED && is_the_same(cleaning)) /* it was not cut under way */
        sim_fail(proc->sim, "I16", "%d cannot compact %s: %s: %s", proc->id, cleaning->part->name,
                 err_name(err), why->text);
    log_compact_free(cleaning->compact);
    cleaning->compact = NULL;
    later(proc, 400, look);
}

static enum err put_checkpoint(struct proc *proc, const struct part *part, int64_t offset, struct errmsg *why)
{
    offset_map_put(&proc->dir.checkpoints[LOG_DIR_CLEANER], view_str(part->topic), part->index, offset);
    return log_dir_save_checkpoints(&proc->dir, 1u << LOG_DIR_CLEANER, why);
}

static void record(struct sim *sim, void *arg)
{
    (void)sim;
    struct proc *proc = arg;
    struct cleaning *cleaning = proc->cleaning;
    struct errmsg why = {""};
    enum err err = ERR_CLOSED;
    if (!proc->failing && is_the_same(cleaning))
        err =
            put_checkpoint(proc, cleaning->part, log_compact_next_dirty(cleaning->compact), &why) == ERR_NONE
                ? ERR_NONE
                : ERR_IO;
    end(proc, err, &why);
}

/* --- group by group ----------------------------------------------------------------------------------- */

static void swap(struct sim *sim, void *arg)
{
    struct proc *proc = arg;
    struct cleaning *cleaning = proc->cleaning;
    struct part *part = cleaning->part;
    struct log_doomed doomed = {0};
    struct errmsg why = {""};
    enum err err = ERR_CLOSED;
    if (!proc->failing && is_the_same(cleaning))
        err = log_compact_swap(cleaning->compact, part->log, &doomed, &why);
    if (err == ERR_NONE)
        checker_compacted(sim, part);
    if (err == ERR_NONE && log_doomed_unlink(&doomed, proc->dir.disk, &why) != ERR_NONE)
        err = ERR_IO;
    log_doomed_close(&doomed);
    if (err == ERR_NONE)
        later(proc, 20, write_next);
    else
        end(proc, err, &why);
}

static void write_next(struct sim *sim, void *arg)
{
    (void)sim;
    struct proc *proc = arg;
    struct errmsg why = {""};
    bool more;
    enum err err = proc->failing ? ERR_CLOSED : log_compact_write(proc->cleaning->compact, &more, &why);
    if (err != ERR_NONE)
        end(proc, err, &why);
    else
        later(proc, more ? 50 : 20, more ? swap : record);
}

static void map(struct sim *sim, void *arg)
{
    (void)sim;
    struct proc *proc = arg;
    struct errmsg why = {""};
    enum err err = proc->failing ? ERR_CLOSED : log_compact_map(proc->cleaning->compact, &why);
    if (err != ERR_NONE)
        end(proc, err, &why);
    else
        later(proc, 50, write_next);
}

/* --- which log ---------------------------------------------------------------------------------------- */

static enum err dirt_of(struct proc *proc, struct part *part, struct log_dirt *out, struct errmsg *why)
{
    struct log_dirt_args args = {.checkpoint = -1, .now_ms = proc_wall_ms(proc)};
    offset_map_get(&proc->dir.checkpoints[LOG_DIR_CLEANER], view_str(part->topic), part->index,
                   &args.checkpoint);
    enum err err = log_dirt(part->log, &args, out, why);
    if (err == ERR_NONE && out->checkpoint_reset && put_checkpoint(proc, part, out->first_dirty, why))
        err = ERR_IO;
    if (err == ERR_NONE && log_recovery_point(part->log) < log_active_base_offset(part->log))
        upkeep_flush(part);
    return err;
}

static void begin(struct proc *proc, struct part *part, const struct log_dirt *dirt)
{
    struct cleaning *cleaning = proc->cleaning;
    struct errmsg why = {""};
    struct log_compact_args args = {.first_dirty = dirt->first_dirty,
                                    .first_uncleanable = dirt->first_uncleanable,
                                    .now_ms = proc_wall_ms(proc),
                                    .delete_retention_ms = 1000,
                                    .go_on = go_on,
                                    .arg = cleaning};
    sim_trace(proc->sim, "%d compacts %s %lld..%lld", proc->id, part->name, (long long)dirt->first_dirty,
              (long long)dirt->first_uncleanable);
    cleaning->part = part;
    cleaning->log = part->log;
    cleaning->cuts = log_cuts(part->log);
    enum err err = log_compact_begin(part->log, &args, cleaning->memory, &cleaning->compact, &why);
    if (err != ERR_NONE)
        end(proc, err, &why);
    else
        later(proc, 20, map);
}

static void look(struct sim *sim, void *arg)
{
    struct proc *proc = arg;
    struct cleaner_log logs[SIM_PARTS_MAX] = {0};
    const struct cleaner_log *all[SIM_PARTS_MAX];
    struct log_dirt dirts[SIM_PARTS_MAX];
    struct errmsg why = {""};
    for (int i = 0; i < SIM_PARTS_MAX; i++) {
        struct part *part = proc->parts[i];
        all[i] = &logs[i];
        logs[i].min_ratio = 1;
        logs[i].max_lag_ms = INT64_MAX;
        if (proc->failing || !part || !part->log || !sim->parts[i].compacted)
            continue;
        proc->cleaning->part = part;
        enum err err = dirt_of(proc, part, &dirts[i], &why);
        if (err != ERR_NONE) {
            end(proc, err, &why);
            return;
        }
        logs[i].clean_bytes = dirts[i].clean_bytes;
        logs[i].cleanable_bytes = dirts[i].cleanable_bytes;
        logs[i].min_ratio = MIN_RATIO;
    }
    int chosen = cleaner_log_choose(all, SIM_PARTS_MAX, proc_wall_ms(proc));
    if (chosen >= 0)
        begin(proc, proc->parts[chosen], &dirts[chosen]);
    else
        later(proc, 400, look);
}

/* --- life --------------------------------------------------------------------------------------------- */

void cleaner_begin(struct proc *proc)
{
    if (!proc->sim->shape.compacts)
        return;
    proc->cleaning = MEM_NEW(struct cleaning);
    proc->cleaning->memory = compact_memory_new(MAP_BYTES, 0.9, IO_BYTES);
    later(proc, 400, look);
}

void cleaner_free(struct proc *proc)
{
    if (!proc->cleaning)
        return;
    log_compact_free(proc->cleaning->compact);
    compact_memory_free(proc->cleaning->memory);
    free(proc->cleaning);
}
