/*
 * What a broker does by the clock, as service/replica/upkeep.c and log_dirs.c do: checkpoints, flushes,
 * members of an ISR that fall behind.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "sim/node.h"

#define EVERY_MS 100

/* --- flush -------------------------------------------------------------------------------------------- */

struct flushing {
    struct part *part;
    struct log_flush flush;
    struct log_flush_ticket ticket;
};

static void flushing_free(struct sim *sim, void *arg)
{
    (void)sim;
    struct flushing *flushing = arg;
    log_flush_close(&flushing->flush);
    free(flushing);
}

static void next_flush(struct proc *proc);

static void end_flush(struct sim *sim, void *arg)
{
    struct flushing *flushing = arg;
    struct part *part = flushing->part;
    struct errmsg why;
    enum err err = log_flush_run(&flushing->flush, &why);
    if (part->log && !part->proc->failing) {
        log_flush_end(part->log, &flushing->ticket, err, &why);
        if (err == ERR_NONE) {
            part_touch(part);
            part_advance(part);
            part_flushed(part);
        }
    }
    if (err != ERR_NONE)
        proc_fail_storage(part->proc, &why);
    flushing_free(sim, flushing);
    part->proc->flush_runs = false;
    next_flush(part->proc);
}

/* Gives false when there is nothing to sync. */
static bool begin_flush(struct part *part)
{
    struct sim *sim = part->proc->sim;
    if (!part->log || part->proc->failing)
        return false;
    struct flushing *flushing = MEM_NEW(struct flushing);
    struct errmsg why;
    bool needed;
    flushing->part = part;
    enum err err = log_flush_begin(part->log, log_end(part->log).offset, &flushing->flush, &flushing->ticket,
                                   &needed, &why);
    if (err != ERR_NONE)
        proc_fail_storage(part->proc, &why);
    if (err != ERR_NONE || !needed) {
        flushing_free(sim, flushing);
        return false;
    }
    sim_after(sim, sim_between(sim, SIM_RNG_DISK, 0, 8 * SIM_MS), part->proc->id, "flush_ends", end_flush,
              flushing_free, flushing);
    return true;
}

static void begin_flushes(struct sim *sim, void *arg)
{
    (void)sim;
    struct proc *proc = arg;
    proc->flush_runs = false;
    for (int i = 0; i < SIM_PARTS_MAX && !proc->flush_runs; i++) {
        struct part *part = proc->parts[i];
        if (!part || !part->flushing)
            continue;
        part->flushing = false; /* whoever appends from here on asks again */
        proc->flush_runs = begin_flush(part);
    }
}

static void next_flush(struct proc *proc)
{
    if (proc->flush_runs)
        return;
    proc->flush_runs = true;
    sim_after(proc->sim, sim_between(proc->sim, SIM_RNG_DISK, 0, SIM_MS), proc->id, "flush", begin_flushes,
              NULL, proc);
}

void upkeep_flush(struct part *part)
{
    if (part->flushing)
        return;
    part->flushing = true;
    next_flush(part->proc);
}

/* --- checkpoints -------------------------------------------------------------------------------------- */

static const enum log_dir_checkpoint KINDS[] = {LOG_DIR_RECOVERY_POINT, LOG_DIR_LOG_START,
                                                LOG_DIR_HIGH_WATERMARK};

static int64_t value_of(const struct part *part, enum log_dir_checkpoint kind)
{
    if (kind == LOG_DIR_RECOVERY_POINT)
        return log_recovery_point(part->log);
    return kind == LOG_DIR_LOG_START ? log_start_offset(part->log) : log_high_watermark(part->log).offset;
}

enum err upkeep_save(struct proc *proc, unsigned kinds, struct errmsg *why)
{
    for (size_t k = 0; k < ARRAY_LEN(KINDS); k++)
        for (int i = 0; i < SIM_PARTS_MAX && (kinds & 1u << KINDS[k]); i++) {
            const struct part *part = proc->parts[i];
            if (part && part->log)
                offset_map_put(&proc->dir.checkpoints[KINDS[k]], view_str(part->topic), part->index,
                               value_of(part, KINDS[k]));
        }
    return log_dir_save_checkpoints(&proc->dir, kinds, why);
}

enum err upkeep_lower(struct part *part, int64_t offset, struct errmsg *why)
{
    unsigned lowered = 0;
    for (unsigned kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        struct offset_map *map = &part->proc->dir.checkpoints[kind];
        int64_t value;
        if (!offset_map_get(map, view_str(part->topic), part->index, &value) || value <= offset)
            continue;
        offset_map_put(map, view_str(part->topic), part->index, offset);
        lowered |= 1u << kind;
    }
    return lowered ? log_dir_save_checkpoints(&part->proc->dir, lowered, why) : ERR_NONE;
}

/* --- by the clock ------------------------------------------------------------------------------------- */

static void tick(struct sim *sim, void *arg)
{
    struct proc *proc = arg;
    enum sim_rng rng = SIM_RNG_NODE + (unsigned)proc->id;
    struct errmsg why;
    if (proc->failing)
        return;
    conductor_look(proc);
    enum err err = ERR_NONE;
    if (sim_chance(sim, rng, 100))
        err = upkeep_save(proc, 1u << LOG_DIR_HIGH_WATERMARK, &why);
    if (err == ERR_NONE && sim_chance(sim, rng, 40))
        err = upkeep_save(proc, 1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_LOG_START, &why);
    if (err != ERR_NONE)
        proc_fail_storage(proc, &why);
    for (int i = 0; i < SIM_PARTS_MAX && err == ERR_NONE; i++) {
        struct part *part = proc->parts[i];
        if (!part || !part->log)
            continue;
        if (sim_chance(sim, rng, 20))
            upkeep_flush(part);
        if (sim->now_us / SIM_MS % (sim->shape.lag_ms / 2) < EVERY_MS)
            part_shrink_isr(part);
    }
    sim_after(sim, EVERY_MS * SIM_MS, proc->id, "upkeep", tick, NULL, proc);
}

void upkeep_begin(struct proc *proc)
{
    sim_after(proc->sim, EVERY_MS * SIM_MS, proc->id, "upkeep", tick, NULL, proc);
}
