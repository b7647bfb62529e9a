/*
 * How a move begins: with a new future directory, or with one that an earlier run left.
 *
 * What is found is gone on with when it is of the same topic, by its id. Its end is compared with the log by
 * leader epochs (move_copy.c). Where no id says so, the copy is made anew.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/mover/move.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "storage/leader_epochs.h"
#include "storage/log_load.h"
#include "storage/new_partitions.h"

/* --- what a future log is made of -------------------------------------------------------------------------
 */

struct origin {
    bool there;
    struct log_dir_state *dir;
    struct uuid topic_id;
    int64_t start;
    struct log_settings settings;
};

/* By the holder. */
static void see_origin(struct partition *part, void *arg)
{
    struct origin *origin = arg;
    origin->there = part->log && !part->deleted;
    if (!origin->there)
        return;
    origin->dir = part->dir;
    origin->topic_id = log_topic_id(part->log);
    origin->start = log_start_offset(part->log);
    origin->settings = ((struct partition_settings *)atomic_load(&part->settings))->log;
}

static struct log_load_args args_of(struct mover *mover, const struct origin *origin, const char *path)
{
    struct broker *broker = mover->manager->broker;
    return (struct log_load_args){.disk = broker->disk,
                                  .dir = path,
                                  .settings = &origin->settings,
                                  .recovery_point = origin->start,
                                  .log_start_offset = origin->start,
                                  .now_ms = clock_wall_ms(broker->clock),
                                  .seed = random_u64(broker->random)};
}

/* --- a new one -------------------------------------------------------------------------------------------
 */

/* What the target's files say of the partition is of an earlier life of it there. */
static enum err forget_earlier(struct log_dir_state *target, const struct partition *part, struct errmsg *why)
{
    dir_checkpoints_forget(target, view_str(part->topic), part->index);
    return dir_checkpoints_save_forgotten(target, why);
}

/* The name that the replica is to have must be free. */
static enum err check_name(struct log_dir_state *target, const struct partition *part, struct errmsg *why)
{
    char *path = log_dir_join(&target->dir, part->name);
    struct disk_stat stat;
    enum err err = DISK(target->dir.disk, stat, path, &stat, why);
    if (err == ERR_NONE) {
        errmsg_set(why, "%s is there already: remove it", path);
        err = ERR_EXISTS;
    }
    free(path);
    return err == ERR_NOT_FOUND ? ERR_NONE : err;
}

/* Frees a move that was not begun. */
static void abandon(struct move *move)
{
    log_free(move->log);
    partition_release(move->part);
    free(move);
}

static char *future_name(const struct move *move)
{
    return partition_dir_format(view_str(move->part->topic), move->part->index, PARTITION_DIR_FUTURE,
                                move->id);
}

/* What is needed before its directory may be made. False: the move will not be, `birth` says why. */
static bool prepare(struct mover *mover, struct move_birth *birth, struct origin *origin)
{
    struct errmsg why;
    partition_call(birth->part, see_origin, origin);
    birth->err = ERR_KAFKA_STORAGE_ERROR;
    if (!origin->there)
        return false;
    mover_forget_found(mover, birth->part);
    enum err err = check_name(birth->target, birth->part, &why);
    if (err == ERR_NONE)
        err = forget_earlier(birth->target, birth->part, &why);
    if (err == ERR_EXISTS)
        log_error("mover", "move_refused", "partition=%s error=\"%s\"", birth->part->name, why.text);
    else if (err != ERR_NONE)
        log_dir_state_fail(birth->target, ERR_KAFKA_STORAGE_ERROR, &why);
    if (err != ERR_NONE)
        return false;
    birth->move = move_new(mover, birth->part, origin->dir, birth->target);
    birth->move->compared = true;
    return true;
}

static enum err make_dirs(struct mover *mover, struct log_dir_state *target, const struct move_birth *births,
                          const struct origin *origins, int count, struct errmsg *why)
{
    struct new_partitions batch;
    enum err err = ERR_NONE;
    new_partitions_init(&batch, &target->dir, mover_random_id(mover));
    for (int i = 0; i < count && err == ERR_NONE; i++) {
        if (!births[i].move || births[i].target != target)
            continue;
        char *name = future_name(births[i].move);
        err = new_partitions_add(&batch, name, origins[i].topic_id, LEADER_EPOCH_UNDEFINED, origins[i].start,
                                 why);
        free(name);
    }
    if (err == ERR_NONE)
        err = new_partitions_commit(&batch, why);
    new_partitions_close(&batch);
    return err;
}

static enum err make_log(struct mover *mover, struct move *move, const struct origin *origin,
                         struct errmsg *why)
{
    char *name = future_name(move);
    char *path = log_dir_join(&move->target->dir, name);
    struct log_load_args args = args_of(mover, origin, path);
    enum err err = log_create(&args, origin->topic_id, LEADER_EPOCH_UNDEFINED, &move->log, why);
    free(path);
    free(name);
    return err;
}

/* Those in one target. */
static void create_in(struct mover *mover, struct log_dir_state *target, struct move_birth *births,
                      const struct origin *origins, int count)
{
    struct errmsg why;
    enum err err = make_dirs(mover, target, births, origins, count, &why);
    for (int i = 0; i < count; i++) {
        struct move_birth *birth = &births[i];
        if (!birth->move || birth->target != target)
            continue;
        if (err == ERR_NONE)
            err = make_log(mover, birth->move, &origins[i], &why);
        if (err != ERR_NONE) {
            abandon(birth->move);
            continue;
        }
        birth->err = ERR_NONE;
        move_begin(birth->move);
    }
    if (err != ERR_NONE)
        log_dir_state_fail(target, ERR_KAFKA_STORAGE_ERROR, &why);
}

void move_create(struct mover *mover, struct move_birth *births, int count)
{
    struct log_dirs *dirs = &mover->manager->dirs;
    struct origin *origins = mem_zalloc(sizeof *origins * ((size_t)count + 1));
    int prepared = 0;
    for (int i = 0; i < count; i++)
        prepared += prepare(mover, &births[i], &origins[i]);
    for (int d = 0; d < dirs->count && prepared > 0; d++)
        create_in(mover, dirs->items[d], births, origins, count);
    free(origins);
}

/* --- what an earlier run left ------------------------------------------------------------------------------
 */

void mover_found(struct mover *mover, struct log_dir_state *dir, const struct log_dir_found *found)
{
    struct move_found *entry = MEM_NEW(struct move_found);
    entry->dir = dir;
    entry->name = mem_strdup(found->name);
    entry->topic = view_to_cstr(found->parsed.topic);
    entry->partition = found->parsed.partition;
    list_push_back(&mover->found, &entry->node);
}

void mover_delete_future(struct mover *mover, struct log_dir_state *dir, const char *name, struct view topic,
                         int32_t index)
{
    struct errmsg why;
    char *doomed = partition_dir_format(topic, index, PARTITION_DIR_DELETE, mover_random_id(mover));
    enum err err = log_dir_rename_partition(&dir->dir, name, doomed, &why);
    if (err == ERR_NONE)
        err = log_dir_delete_partition(&dir->dir, doomed, &why);
    free(doomed);
    if (err != ERR_NONE)
        log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
}

static void delete_found(struct mover *mover, struct move_found *found)
{
    if (!log_dir_is_offline(&found->dir->dir))
        mover_delete_future(mover, found->dir, found->name, view_str(found->topic), found->partition);
}

static void free_found(struct move_found *found)
{
    free(found->name);
    free(found->topic);
    free(found);
}

void mover_forget_found(struct mover *mover, const struct partition *part)
{
    LIST_EACH_SAFE (node, &mover->found) {
        struct move_found *found = CONTAINER_OF(node, struct move_found, node);
        if (found->partition != part->index || strcmp(found->topic, part->topic) != 0)
            continue;
        list_remove(node);
        delete_found(mover, found);
        free_found(found);
    }
}

static int64_t checkpointed(const struct move_found *found, enum log_dir_checkpoint kind)
{
    int64_t offset = 0;
    dir_checkpoints_get(found->dir, kind, view_str(found->topic), found->partition, &offset);
    return offset;
}

static enum err load_found(struct mover *mover, const struct move_found *found, const struct origin *origin,
                           struct log **out, struct errmsg *why)
{
    char *path = log_dir_join(&found->dir->dir, found->name);
    struct log_load_args args = args_of(mover, origin, path);
    args.recovery_point = checkpointed(found, LOG_DIR_RECOVERY_POINT);
    args.log_start_offset = checkpointed(found, LOG_DIR_LOG_START);
    args.clean = found->dir->was_clean;
    args.power_lost = found->dir->power_lost;
    enum err err = log_load(&args, out, NULL, why);
    free(path);
    return err;
}

static bool is_of_the_same_topic(const struct log *log, const struct origin *origin)
{
    return !uuid_is_zero(origin->topic_id) && uuid_equal(log_topic_id(log), origin->topic_id);
}

/* Goes on with what was found, or begins anew with its target. */
static void resume(struct mover *mover, struct move_found *found, struct partition *part,
                   const struct origin *origin)
{
    struct errmsg why;
    struct move *move = move_new(mover, part, origin->dir, found->dir);
    if (load_found(mover, found, origin, &move->log, &why) != ERR_NONE) {
        log_dir_state_fail(found->dir, ERR_KAFKA_STORAGE_ERROR, &why);
        abandon(move);
    } else if (is_of_the_same_topic(move->log, origin)) {
        move_begin(move);
    } else {
        bool ids_differ = !uuid_is_zero(origin->topic_id) && !uuid_is_zero(log_topic_id(move->log));
        struct log_dir_state *target = found->dir;
        abandon(move);
        delete_found(mover, found);
        struct move_birth anew = {.part = part, .target = target};
        if (!ids_differ && !log_dir_is_offline(&target->dir))
            move_create(mover, &anew, 1);
    }
}

static void see_progress(struct partition *part, void *arg)
{
    *(struct mover_progress *)arg = mover_progress(part);
}

/* True when nothing is left to be known of it. */
static bool take_found(struct mover *mover, struct move_found *found)
{
    struct origin origin = {0};
    struct partition *part =
        replica_manager_find_shared(mover->manager, view_str(found->topic), found->partition);
    bool taken = false;
    if (part)
        partition_call(part, see_origin, &origin);
    if (log_dir_is_offline(&found->dir->dir) || !origin.there) {
        log_warn("mover", "directory_left_alone",
                 "dir=%s/%s reason=\"a replica was being moved there, and is not here now\"",
                 found->dir->dir.path, found->name);
    } else {
        struct mover_progress other = {0};
        taken = true;
        partition_call(part, see_progress, &other);
        if (origin.dir == found->dir || other.dir)
            delete_found(mover, found); /* a second one, or one beside the replica itself */
        else
            resume(mover, found, part, &origin);
    }
    partition_release(part);
    return taken;
}

void mover_start(struct mover *mover)
{
    const struct log_dirs *dirs = &mover->manager->dirs;
    const struct config *config = atomic_load(&mover->manager->broker->config.value);
    int threads = config_int_or(config, CONFIG_NUM_REPLICA_ALTER_LOG_DIRS_THREADS, dirs->count);
    struct list left, *node;
    if (dirs->count > 1)
        mover->pool = workers_new((threads > 0 ? threads : 1) + 1); /* one is kept from the common lane */
    list_init(&left);
    while ((node = list_pop_front(&mover->found))) {
        struct move_found *found = CONTAINER_OF(node, struct move_found, node);
        if (take_found(mover, found))
            free_found(found);
        else
            list_push_back(&left, node);
    }
    while ((node = list_pop_front(&left)))
        list_push_back(&mover->found, node);
}
