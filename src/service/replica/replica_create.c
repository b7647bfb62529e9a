/*
 * New partitions: a directory of logs for each, their directories in one batch (storage/new_partitions.h),
 * then their logs.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/mover/mover.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/new_partitions.h"

/* Counted at once, so that the next one looks elsewhere. */
static void choose_dirs(struct replica_manager *manager, struct replica_birth *births, int count)
{
    for (int i = 0; i < count; i++) {
        births[i].dir = mover_take_wish(manager->mover, births[i].part);
        if (!births[i].dir)
            births[i].dir = log_dirs_pick(&manager->dirs);
        if (births[i].dir)
            atomic_fetch_add(&births[i].dir->partitions, 1);
    }
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

static enum err make_dirs(struct new_partitions *batch, const struct replica_birth *births, int count,
                          struct log_dir_state *dir, struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = 0; i < count && err == ERR_NONE; i++)
        if (births[i].dir == dir)
            err = new_partitions_add(batch, births[i].part->name, births[i].topic_id, births[i].leader_epoch,
                                     replica_manager_log_start(dir, births[i].part), why);
    return err == ERR_NONE ? new_partitions_commit(batch, why) : err;
}

/* The items of the batch are the births in this directory, in their order. */
static enum err make_logs(struct replica_manager *manager, const struct new_partitions *batch,
                          struct replica_birth *births, int count, struct log_dir_state *dir,
                          struct errmsg *why)
{
    const struct new_partition *made = batch->items;
    for (int i = 0; i < count; i++) {
        struct replica_birth *birth = &births[i];
        if (birth->dir != dir)
            continue;
        bool was_there = (made++)->was_there;
        if (was_there)
            log_warn(
                "storage", "partition_was_there",
                "dir=%s/%s reason=\"somebody put it there while the broker ran\" effect=\"it is served\"",
                dir->dir.path, birth->part->name);
        enum err err = was_there ? replica_manager_open_log(manager, birth->part, dir, true, why)
                                 : replica_manager_create_log(manager, birth->part, dir, birth->topic_id,
                                                              birth->leader_epoch, why);
        if (err != ERR_NONE)
            return err;
        birth->with_log = true;
    }
    return ERR_NONE;
}

static void create_in_dir(struct replica_manager *manager, struct replica_birth *births, int count,
                          struct log_dir_state *dir)
{
    struct new_partitions batch;
    struct errmsg why;
    new_partitions_init(&batch, &dir->dir, random_id(manager->broker->random));
    enum err err = make_dirs(&batch, births, count, dir, &why);
    if (err == ERR_NONE)
        err = make_logs(manager, &batch, births, count, dir, &why);
    new_partitions_close(&batch);
    if (err == ERR_NONE)
        return;
    log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
    for (int i = 0; i < count; i++)
        if (births[i].dir == dir)
            births[i].with_log = false;
}

static void publish(struct replica_manager *manager, struct replica_birth *births, int count)
{
    struct partition **added = mem_zalloc(sizeof *added * (size_t)(count + 1));
    int added_count = 0;
    for (int i = 0; i < count; i++) {
        if (!births[i].dir)
            continue;
        atomic_fetch_sub(&births[i].dir->partitions, 1); /* opening the log counted it for good */
        births[i].part->dir = births[i].dir;
        added[added_count++] = births[i].part;
    }
    if (added_count > 0)
        replica_manager_change_table(manager, added, added_count, NULL, 0);
    free(added);
}

void replica_manager_create(struct replica_manager *manager, struct replica_birth *births, int count)
{
    choose_dirs(manager, births, count);
    for (int d = 0; d < manager->dirs.count; d++)
        create_in_dir(manager, births, count, manager->dirs.items[d]);
    publish(manager, births, count);
}
