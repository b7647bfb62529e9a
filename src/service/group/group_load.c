/*
 * Loading: a worker reads the partition's log from its beginning to where it ended when this broker became
 * its leader, and makes the groups of it (storage-replication-coordinators 5.11). Nobody else appends
 * meanwhile: the coordinator does not serve yet.
 *
 * A log that cannot be read is tried again, and its groups are told to wait: to begin with half of the
 * commits would take the others back.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "core/group/loader.h"
#include "service/group/groups_internal.h"
#include "service/partition/partition_call.h"

#define AGAIN_MS 1000

struct group_load {
    struct work work;
    struct groups_op home; /* what became of it */
    struct groups *groups;
    struct partition *part; /* shared */
    int32_t index;
    uint64_t term;
    int32_t max_bytes;
    int64_t begun_ms;
    struct group_loader *loader;
    enum err err;
    struct errmsg why;
    /* One step. */
    struct log_slice slice;
    int64_t at;
    int64_t end; /* -1 = not known yet */
};

static void load_free(struct group_load *load)
{
    log_slice_close(&load->slice);
    group_loader_free(load->loader);
    partition_release(load->part);
    free(load);
}

/* By the holder: the next slice. */
static void look(struct partition *part, void *arg)
{
    struct group_load *load = arg;
    load->slice.file = NULL;
    load->slice.len = 0;
    if (!part->log) {
        load->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (!atomic_load(&part->is_leader)) {
        load->err = ERR_NOT_LEADER_OR_FOLLOWER;
        return;
    }
    if (load->end < 0)
        load->end = log_end(part->log).offset;
    int64_t start = log_start_offset(part->log);
    load->at = group_loader_next_offset(load->loader);
    if (load->at < start)
        load->at = start;
    if (load->at >= load->end)
        return;
    struct log_read_args args = {
        .offset = load->at, .max_bytes = load->max_bytes, .bound = LOG_BOUND_END, .min_one = true};
    load->err = log_read(part->log, &args, &load->slice, &load->why);
    if (load->err == ERR_NONE && load->slice.file)
        disk_file_share(load->slice.file);
    else
        load->slice.file = NULL;
}

/* Gives the slice to the loader. False: what follows cannot be found. */
static bool take(struct group_load *load)
{
    size_t len = (size_t)load->slice.len, got = 0;
    uint8_t *bytes = mem_try_alloc(len);
    load->err = bytes ? DISK_FILE(load->slice.file, pread, bytes, len, load->slice.pos, &got, &load->why)
                      : ERR_NO_MEMORY;
    disk_file_release(load->slice.file);
    load->slice.file = NULL;
    if (load->err == ERR_NONE)
        group_loader_add(load->loader, view_of(bytes, got));
    free(bytes);
    if (load->err != ERR_NONE || group_loader_next_offset(load->loader) > load->at)
        return load->err == ERR_NONE;
    log_error("group", "log_damaged",
              "partition=%s offset=%lld end=%lld error=\"a batch's size is damaged\" "
              "effect=\"groups and offsets behind it are not known here; see barnabas dump-log\"",
              load->part->name, (long long)load->at, (long long)load->end);
    return false;
}

/* On a worker. */
static void load_run(struct work *work)
{
    struct group_load *load = CONTAINER_OF(work, struct group_load, work);
    do {
        partition_call(load->part, look, load);
    } while (load->err == ERR_NONE && load->slice.file && take(load));
    if (load->err == ERR_NONE)
        group_loader_finish(load->loader, clock_wall_ms(load->groups->broker->clock));
}

static void report(const struct group_load *load)
{
    struct group_load_counts counts;
    group_loader_counts(load->loader, &counts);
    log_info("group", "loaded",
             "partition=%s end=%lld records=%llu offsets=%llu groups=%llu damaged_records=%llu "
             "damaged_batches=%llu ms=%lld",
             load->part->name, (long long)load->end, (unsigned long long)counts.records,
             (unsigned long long)counts.offsets, (unsigned long long)counts.groups,
             (unsigned long long)counts.damaged_records, (unsigned long long)counts.damaged_batches,
             (long long)(load->groups->now.mono_ms - load->begun_ms));
}

void group_load_again(struct groups_timer *timer)
{
    struct groups_slot *slot = CONTAINER_OF(timer, struct groups_slot, load_again);
    if (slot->coordinator && slot->term == slot->load_again_term)
        group_load_begin(slot);
}

static void settle(struct groups_op *op)
{
    struct group_load *load = CONTAINER_OF(op, struct group_load, home);
    struct groups *groups = load->groups;
    struct groups_slot *slot = groups_slot_of_term(groups, load->index, load->term);
    if (!slot) {
        load_free(load);
        return;
    }
    groups_enter(groups);
    if (load->err == ERR_NONE) {
        report(load);
        group_metrics_loaded(groups, groups->now.mono_ms - load->begun_ms);
        group_coordinator_loaded(slot->coordinator, load->loader, &groups->now, &groups->effects);
        groups_carry_out(groups, slot);
    } else {
        log_warn("group", "not_loaded",
                 "partition=%s error=%s why=\"%s\" effect=\"its groups wait; tried again\"", load->part->name,
                 err_name(load->err), load->why.text);
        slot->load_again_term = slot->term;
        groups_timer_arm(&slot->load_again, groups->now.mono_ms + AGAIN_MS);
    }
    load_free(load);
}

static void load_done(struct work *work, bool discard)
{
    struct group_load *load = CONTAINER_OF(work, struct group_load, work);
    if (discard)
        load_free(load);
    else
        groups_hold_submit(&load->groups->hold, &load->home);
}

void group_load_begin(struct groups_slot *slot)
{
    struct groups *groups = slot->groups;
    struct group_load *load = MEM_NEW(struct group_load);
    load->home.run = settle;
    load->groups = groups;
    load->part = partition_share(slot->part);
    load->index = slot->index;
    load->term = slot->term;
    load->max_bytes = groups->load_bytes;
    load->begun_ms = groups->now.mono_ms;
    load->loader = group_loader_new(slot->index);
    load->end = -1;
    load->work = (struct work){.home = groups->loop,
                               .lane = WORKERS_LANE_GROUPS,
                               .run = load_run,
                               .done = load_done,
                               .label = "group_load"};
    workers_submit(groups->broker->workers, &load->work);
}
