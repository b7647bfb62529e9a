/*
 * New partitions: a directory of logs for each; then for all of one the directories in one batch
 * (storage/new_partitions.h), and their logs.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/new_partitions.h"

void replica_manager_place(struct replica_manager *manager, struct partition **parts, int count)
{
    struct partition **placed = mem_zalloc(sizeof *placed * (size_t)(count + 1));
    int placed_count = 0;
    for (int i = 0; i < count; i++) {
        struct log_dir_state *dir = mover_take_wish(manager->mover, parts[i]);
        if (!dir)
            dir = log_dirs_pick(&manager->dirs);
        if (!dir)
            continue;
        atomic_fetch_add(&dir->partitions, 1); /* at once, so that the next one looks elsewhere */
        parts[i]->dir = dir;
        placed[placed_count++] = parts[i];
    }
    if (placed_count > 0)
        replica_manager_change_table(manager, placed, placed_count, NULL, 0);
    free(placed);
}

static struct uuid random_id(struct random *random)
{
    struct uuid id;
    uint8_t bytes[16];
    do
        random_fill(random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &id));
    return id;
}

/* What the directory's files say of them is of partitions that bore these names and were deleted. */
static enum err forget_earlier(const struct replica_birth *births, int count, struct log_dir_state *dir,
                               struct errmsg *why)
{
    log_dir_state_begin(dir);
    for (int i = 0; i < count; i++)
        dir_checkpoints_forget(dir, view_str(births[i].part->topic), births[i].part->index);
    enum err err = dir_checkpoints_save_forgotten(dir, why);
    log_dir_state_end(dir);
    return err;
}

static enum err make_dirs(struct new_partitions *batch, const struct replica_birth *births, int count,
                          struct log_dir_state *dir, struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = 0; i < count && err == ERR_NONE; i++) {
        log_dir_state_begin(dir);
        err = new_partitions_add(batch, births[i].part->name, births[i].topic_id, births[i].leader_epoch,
                                 replica_manager_log_start(dir, births[i].part), why);
        log_dir_state_end(dir);
    }
    if (err != ERR_NONE)
        return err;
    log_dir_state_begin(dir);
    err = new_partitions_commit(batch, why);
    log_dir_state_end(dir);
    return err;
}

struct log_birth {
    struct replica_manager *manager;
    const struct replica_birth *birth;
    struct log_dir_state *dir;
    bool was_there;
    enum err err;
    struct errmsg why;
};

/* By the holder: the partition is published already. */
static void make_log(struct partition *part, void *arg)
{
    struct log_birth *log = arg;
    log->err = log->was_there ? replica_manager_open_log(log->manager, part, log->dir, true, &log->why)
                              : replica_manager_create_log(log->manager, part, log->dir, log->birth->topic_id,
                                                           log->birth->leader_epoch, &log->why);
}

/* The items of the batch are the births, in their order. */
static enum err make_logs(struct replica_manager *manager, const struct new_partitions *batch,
                          struct replica_birth *births, int count, struct log_dir_state *dir,
                          struct errmsg *why)
{
    for (int i = 0; i < count; i++) {
        struct log_birth log = {
            .manager = manager, .birth = &births[i], .dir = dir, .was_there = batch->items[i].was_there};
        if (log.was_there)
            log_warn(
                "storage", "partition_was_there",
                "dir=%s/%s reason=\"somebody put it there while the broker ran\" effect=\"it is served\"",
                dir->dir.path, births[i].part->name);
        partition_call(births[i].part, make_log, &log);
        if (log.err != ERR_NONE) {
            *why = log.why;
            return log.err;
        }
        births[i].with_log = true;
    }
    return ERR_NONE;
}

void replica_manager_create(struct replica_manager *manager, struct replica_birth *births, int count,
                            struct log_dir_state *dir)
{
    struct new_partitions batch;
    struct errmsg why;
    new_partitions_init(&batch, &dir->dir, random_id(manager->broker->random));
    enum err err = forget_earlier(births, count, dir, &why);
    if (err == ERR_NONE)
        err = make_dirs(&batch, births, count, dir, &why);
    if (err == ERR_NONE)
        err = make_logs(manager, &batch, births, count, dir, &why);
    new_partitions_close(&batch);
    atomic_fetch_sub(&dir->partitions, count); /* opening a log counted it for good */
    if (err == ERR_NONE)
        return;
    log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
    for (int i = 0; i < count; i++)
        births[i].with_log = false;
}
