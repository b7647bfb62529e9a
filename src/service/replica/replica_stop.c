/*
 * What the controller's StopReplica does here: replicas stop following and leading; those that are to be
 * deleted are renamed and removed later. Directory by directory (dir_parts.h): the partitions of one that
 * hangs are answered KAFKA_STORAGE_ERROR and go on as they were.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/fetcher/fetchers.h"
#include "service/group/groups.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_checkpoints.h"
#include "service/replica/dir_parts.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "service/settings/topic_configs.h"
#include "storage/log_trim.h"
#include "wire/codec.h"

/* Epochs that need no comparison: topic being deleted, and unknown. */
#define EPOCH_DURING_DELETE (-2)
#define EPOCH_UNKNOWN       (-1)

struct stop_batch;

struct stop_one {
    struct stop_batch *batch;
    struct view topic; /* of the request: not for the parts */
    int32_t index;
    struct partition *part;    /* shared; NULL: there is none */
    struct log_dir_state *dir; /* NULL: the answer is known without asking it */
    int32_t leader_epoch;
    bool delete_log;
    bool only_without_role;
    int64_t file_delete_delay_ms;
    enum err err;
    struct errmsg why;
    char *deleted_path; /* of the renamed directory */
    bool is_buried;
};

/* All of a request; freed when the last directory's part has ended. */
struct stop_batch {
    struct replica_manager *manager;
    struct dir_parts *parts;
    struct stop_one *items;
    int count;
};

/* --- one replica, by its holder --------------------------------------------------------------------- */

static enum err rename_for_deletion(struct partition *part, struct stop_one *stop)
{
    struct uuid id;
    uint8_t bytes[16];
    do
        random_fill(stop->batch->manager->broker->random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &id));
    char *name = partition_dir_format(view_str(part->topic), part->index, PARTITION_DIR_DELETE, id);
    char *path = log_dir_join(&part->dir->dir, name);
    enum err err = log_rename_dir(part->log, path, &stop->why);
    free(name);
    if (err == ERR_NONE)
        stop->deleted_path = path;
    else
        free(path);
    return err;
}

/* By the holder. */
static void stop_replica(struct partition *part, void *arg)
{
    struct stop_one *stop = arg;
    if (stop->only_without_role && part->replica.role != REPLICA_ROLE_NONE)
        return; /* it was given one meanwhile */
    if (!part->log || dir_parts_is_given_up(stop->batch->parts, stop->dir)) {
        stop->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    bool compares = stop->leader_epoch != EPOCH_DURING_DELETE && stop->leader_epoch != EPOCH_UNKNOWN;
    if (compares && stop->leader_epoch < part->replica.leader_epoch) {
        stop->err = ERR_FENCED_LEADER_EPOCH;
        return;
    }
    atomic_store(&part->is_leader, false);
    fetchers_leave(stop->batch->manager->broker->fetchers, part, FETCHERS_ANY_EPOCH);
    if (!stop->delete_log) {
        replica_stop(&part->replica, stop->leader_epoch);
        partition_fail_waiters(part);
        partition_announce(part);
        return;
    }
    stop->err = rename_for_deletion(part, stop);
    if (stop->err != ERR_NONE) {
        partition_fail_storage(part, &stop->why);
        return;
    }
    /* Settings are the holder's to read: outside they may be replaced and freed. */
    stop->file_delete_delay_ms =
        ((const struct partition_settings *)atomic_load(&part->settings))->file_delete_delay_ms;
    part->deleted = true;
    atomic_fetch_sub(&part->dir->partitions, 1);
    partition_take_offline(part);
}

/* --- one directory ---------------------------------------------------------------------------------- */

/* Gives the kinds of checkpoints that there were. */
static unsigned bury(struct stop_one *stop)
{
    struct replica_manager *manager = stop->batch->manager;
    mover_cancel(manager->mover, stop->part);
    unsigned had = dir_checkpoints_forget(stop->part->dir, view_str(stop->part->topic), stop->part->index);
    /* A topic that is made again under this name may have other settings. */
    topic_configs_forget(manager->broker->topic_configs, stop->part->topic);
    upkeep_delete_dir(manager->upkeep, stop->dir, stop->deleted_path, stop->file_delete_delay_ms);
    stop->deleted_path = NULL;
    stop->is_buried = true;
    return had;
}

static void stop_in_dir(struct dir_parts *parts, struct log_dir_state *dir)
{
    struct stop_batch *batch = dir_parts_subject(parts);
    struct partition **removed = mem_zalloc(sizeof *removed * (size_t)(batch->count + 1));
    int removed_count = 0;
    unsigned had = 0;
    for (int i = 0; i < batch->count; i++) {
        struct stop_one *stop = &batch->items[i];
        if (stop->dir != dir)
            continue;
        partition_call(stop->part, stop_replica, stop);
        if (stop->err == ERR_NONE && (stop->deleted_path || !stop->only_without_role))
            groups_partition_lost(batch->manager->broker->groups, stop->part);
        if (!stop->deleted_path)
            continue;
        had |= bury(stop);
        removed[removed_count++] = stop->part;
    }
    if (removed_count > 0)
        replica_manager_change_table(batch->manager, NULL, 0, removed, removed_count);
    /* The other files are written all the time. A topic that is made again under the name is not clean. */
    dir_checkpoints_save_or_fail(dir, had & 1u << LOG_DIR_CLEANER);
    free(removed);
}

/* --- StopReplica -------------------------------------------------------------------------------------- */

static int count_stops(const struct wire_stop_replica_request *request)
{
    int count = request->ungrouped_partitions_count > 0 ? request->ungrouped_partitions_count : 0;
    for (int32_t t = 0; t < request->topics_count; t++)
        count +=
            request->topics[t].partition_indexes_count > 0 ? request->topics[t].partition_indexes_count : 0;
    for (int32_t t = 0; t < request->topic_states_count; t++)
        count += request->topic_states[t].partition_states_count > 0
                     ? request->topic_states[t].partition_states_count
                     : 0;
    return count;
}

/* What is not found may be on a directory that cannot be asked. */
static bool may_be_elsewhere(const struct log_dirs *dirs)
{
    for (int i = 0; i < dirs->count; i++)
        if (log_dir_state_hangs(dirs->items[i]))
            return true;
    return log_dirs_any_offline(dirs);
}

static void add_stop(struct stop_batch *batch, struct view topic, int32_t index, int32_t leader_epoch,
                     bool delete_log)
{
    struct replica_manager *manager = batch->manager;
    struct stop_one *stop = &batch->items[batch->count++];
    *stop = (struct stop_one){.batch = batch,
                              .topic = topic,
                              .index = index,
                              .part = replica_manager_find_shared(manager, topic, index),
                              .leader_epoch = leader_epoch,
                              .delete_log = delete_log};
    if (stop->part)
        stop->dir = stop->part->dir;
    else if (delete_log && may_be_elsewhere(&manager->dirs))
        stop->err = ERR_KAFKA_STORAGE_ERROR;
    if (stop->dir)
        dir_parts_want(batch->parts, stop->dir);
}

static void collect_stops(struct stop_batch *batch, const struct wire_stop_replica_request *request)
{
    for (int32_t i = 0; i < request->ungrouped_partitions_count; i++)
        add_stop(batch, request->ungrouped_partitions[i].topic_name,
                 request->ungrouped_partitions[i].partition_index, EPOCH_UNKNOWN, request->delete_partitions);
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partition_indexes_count; p++)
            add_stop(batch, request->topics[t].name, request->topics[t].partition_indexes[p], EPOCH_UNKNOWN,
                     request->delete_partitions);
    for (int32_t t = 0; t < request->topic_states_count; t++)
        for (int32_t p = 0; p < request->topic_states[t].partition_states_count; p++) {
            const struct wire_stop_replica_request_stop_replica_partition_state *state =
                &request->topic_states[t].partition_states[p];
            add_stop(batch, request->topic_states[t].topic_name, state->partition_index, state->leader_epoch,
                     state->delete_partition);
        }
}

static enum err answer_of(struct stop_batch *batch, struct stop_one *stop)
{
    if (!stop->dir || dir_parts_has_ended(batch->parts, stop->dir))
        return stop->err;
    atomic_store(&stop->part->told_offline, true);
    log_dir_state_told_offline(stop->dir);
    return ERR_KAFKA_STORAGE_ERROR;
}

static void batch_free(void *subject)
{
    struct stop_batch *batch = subject;
    for (int i = 0; i < batch->count; i++) {
        partition_release(batch->items[i].part);
        free(batch->items[i].deleted_path);
    }
    free(batch->items);
    free(batch);
}

static struct stop_batch *batch_new(struct replica_manager *manager, int count)
{
    struct stop_batch *batch = MEM_NEW(struct stop_batch);
    batch->manager = manager;
    batch->items = mem_zalloc(sizeof *batch->items * (size_t)(count + 1));
    batch->parts = dir_parts_new(&manager->dirs, batch, stop_in_dir, batch_free);
    return batch;
}

typedef struct wire_stop_replica_response_stop_replica_partition_error stop_error;

void replica_manager_stop_replica(struct replica_manager *manager, int16_t version,
                                  const struct wire_stop_replica_request *request, struct arena *arena,
                                  struct wire_stop_replica_response *out)
{
    (void)version;
    int count = count_stops(request);
    struct stop_batch *batch = batch_new(manager, count);
    collect_stops(batch, request);
    dir_parts_run(batch->parts);
    stop_error *errors =
        wire_new(&wire_stop_replica_response_stop_replica_partition_error_desc, arena, (size_t)count);
    int refused = 0;
    for (int i = 0; i < count; i++) {
        enum err err = answer_of(batch, &batch->items[i]);
        refused += err != ERR_NONE;
        errors[i] = (stop_error){.topic_name = batch->items[i].topic,
                                 .partition_index = batch->items[i].index,
                                 .error_code = err_wire_code(err)};
    }
    out->partition_errors = errors;
    out->partition_errors_count = count;
    dir_parts_release(batch->parts);
    log_info("replica", "stop_replica", "partitions=%d refused=%d", count, refused);
}

/* --- a stray log ------------------------------------------------------------------------------------ */

void replica_manager_delete_stray(struct replica_manager *manager, struct partition *part)
{
    struct stop_batch *batch = batch_new(manager, 1);
    struct stop_one *stop = &batch->items[batch->count++];
    *stop = (struct stop_one){.batch = batch,
                              .topic = view_str(part->topic),
                              .index = part->index,
                              .part = partition_share(part),
                              .dir = part->dir,
                              .leader_epoch = EPOCH_UNKNOWN,
                              .delete_log = true,
                              .only_without_role = true};
    dir_parts_want(batch->parts, stop->dir);
    dir_parts_run(batch->parts);
    if (!dir_parts_has_ended(batch->parts, stop->dir) || stop->err != ERR_NONE)
        log_warn("replica", "stray_not_deleted", "partition=%s", part->name);
    else if (stop->is_buried)
        log_info("replica", "stray_deleted", "partition=%s", part->name);
    dir_parts_release(batch->parts);
}
