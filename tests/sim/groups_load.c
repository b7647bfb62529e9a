/*
 * Loading, as service/group/group_load.c: what its worker does in one go are steps here, with everything else
 * in between.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "core/group/loader.h"
#include "sim/groups.h"
#include "sim/plants.h"

#define AGAIN_MS   1000
#define LOAD_BYTES 2000

struct load {
    struct groups *groups;
    struct part *part;
    uint64_t term;
    struct group_loader *loader;
    enum err err;
    struct errmsg why;
    struct log_slice slice;
    int64_t at;
    int64_t end; /* -1 = not known yet */
};

static void load_free(struct sim *sim, void *arg)
{
    (void)sim;
    struct load *load = arg;
    if (load->slice.file)
        disk_file_release(load->slice.file);
    load->slice.file = NULL;
    log_slice_close(&load->slice);
    group_loader_free(load->loader);
    free(load);
}

static void later(struct load *load, int64_t at_most_ms, sim_fn run)
{
    struct sim *sim = load->groups->proc->sim;
    sim_after(sim, sim_between(sim, SIM_RNG_GROUP, 0, at_most_ms * SIM_MS), load->groups->proc->id,
              "group_load", run, load_free, load);
}

/* --- the end ------------------------------------------------------------------------------------------ */

struct again {
    struct groups *groups;
    uint64_t term;
};

static void free_again(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void load_again(struct sim *sim, void *arg)
{
    struct again again = *(struct again *)arg;
    free_again(sim, arg);
    if (again.groups->coordinator && again.groups->term == again.term)
        groups_load(again.groups);
}

static void settle(struct sim *sim, void *arg)
{
    struct load *load = arg;
    struct groups *groups = load->groups;
    sim_trace(sim, "%d loaded its group up to %lld: %s", groups->proc->id, (long long)load->end,
              err_name(load->err));
    if (!groups->coordinator || groups->term != load->term) {
        load_free(sim, load);
        return;
    }
    groups_enter(groups);
    if (load->err == ERR_NONE) {
        group_coordinator_loaded(groups->coordinator, load->loader, &groups->now, &groups->effects);
        groups_carry_out(groups);
    } else {
        struct again *again = MEM_NEW(struct again);
        *again = (struct again){groups, load->term};
        sim_after(sim, AGAIN_MS * SIM_MS, groups->proc->id, "group_load_again", load_again, free_again,
                  again);
    }
    load_free(sim, load);
}

/* --- slice by slice ----------------------------------------------------------------------------------- */

static void look(struct sim *sim, void *arg);

static void take(struct sim *sim, void *arg)
{
    struct load *load = arg;
    size_t len = (size_t)load->slice.len, got = 0;
    uint8_t *bytes = mem_alloc(len);
    load->err = DISK_FILE(load->slice.file, pread, bytes, len, load->slice.pos, &got, &load->why);
    disk_file_release(load->slice.file);
    load->slice.file = NULL;
    if (load->err == ERR_NONE)
        group_loader_add(load->loader, view_of(bytes, got));
    free(bytes);
    if (load->err != ERR_NONE) {
        later(load, 1, settle);
    } else if (group_loader_next_offset(load->loader) > load->at) {
        later(load, 2, look);
    } else {
        sim_fail(sim, "I12", "%d cannot load its group beyond %lld", load->groups->proc->id,
                 (long long)load->at);
        load_free(sim, load);
    }
}

/* The next slice, if there is one. */
static void look_at(struct load *load)
{
    struct part *part = load->part;
    load->slice.file = NULL;
    load->slice.len = 0;
    load->err = ERR_NONE;
    if (!part->log)
        load->err = ERR_KAFKA_STORAGE_ERROR;
    else if (!part->is_leader)
        load->err = ERR_NOT_LEADER_OR_FOLLOWER;
    if (load->err != ERR_NONE)
        return;
    enum log_bound bound =
        plant_is(PLANT_LOADED_TO_HIGH_WATERMARK) ? LOG_BOUND_HIGH_WATERMARK : LOG_BOUND_END;
    if (load->end < 0)
        load->end = bound == LOG_BOUND_END ? log_end(part->log).offset : log_high_watermark(part->log).offset;
    int64_t start = log_start_offset(part->log);
    load->at = group_loader_next_offset(load->loader);
    if (load->at < start)
        load->at = start;
    if (load->at >= load->end)
        return;
    struct log_read_args args = {
        .offset = load->at, .max_bytes = LOAD_BYTES, .bound = bound, .min_one = true};
    load->err = log_read(part->log, &args, &load->slice, &load->why);
    if (load->err == ERR_NONE && load->slice.file)
        disk_file_share(load->slice.file);
    else
        load->slice.file = NULL;
}

static void look(struct sim *sim, void *arg)
{
    (void)sim;
    struct load *load = arg;
    look_at(load);
    if (load->err == ERR_NONE && !load->slice.file)
        group_loader_finish(load->loader, proc_wall_ms(load->groups->proc));
    later(load, load->slice.file ? 2 : 1, load->slice.file ? take : settle);
}

void groups_load(struct groups *groups)
{
    struct load *load = MEM_NEW(struct load);
    load->groups = groups;
    load->part = groups->part;
    load->term = groups->term;
    load->end = -1;
    load->loader = group_loader_new(groups->part->index);
    later(load, 5, look);
}
