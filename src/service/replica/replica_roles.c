/*
 * What the controller's LeaderAndIsr and StopReplica do here.
 *
 * LeaderAndIsr, for all its partitions together:
 *   judge      is it newer than what is known? is it ours? is the topic id the same?
 *   create     partitions that are missing, with their topic id and first epoch (replica_create.c)
 *   take over  the role, under the hold; a new leader's epoch begins at its log end, a follower is given to
 *              the fetchers
 *   record     epochs that changed, ids of topics that had none: one batch of files per directory
 *   serve      leaders begin to answer
 * A new leader never serves before its epoch is durable.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "service/fetcher/fetchers.h"
#include "service/group/groups.h"
#include "service/metadata_cache.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "service/settings/topic_configs.h"
#include "storage/atomic_file.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"
#include "storage/partition_metadata.h"
#include "wire/codec.h"

/* One partition of a LeaderAndIsr request on its way. */
struct role_change {
    const struct wire_leader_and_isr_request_leader_and_isr_partition_state *state;
    struct view topic;
    struct uuid topic_id;
    struct partition *part; /* shared */
    struct replica_command command;
    enum err err;
    bool created;
    bool only_id; /* no new epoch: it brings the topic id that the log has not got */
    bool became_leader;
    bool was_leader;
    struct fetchers *fetchers;
    bool epochs_changed;
    bool id_changed;
    struct buf epochs_text;
    int32_t my_id;
    int64_t now_ms;
};

/* --- judge ------------------------------------------------------------------------------------------ */

static struct replica_ids borrowed_ids(int32_t *ids, int32_t count)
{
    return (struct replica_ids){ids, count > 0 ? count : 0};
}

static void change_init(struct role_change *change, struct broker *broker)
{
    const struct wire_leader_and_isr_request_leader_and_isr_partition_state *state = change->state;
    change->my_id = broker->id;
    change->now_ms = clock_mono_ms(broker->clock);
    change->fetchers = broker->fetchers;
    change->command = (struct replica_command){
        .controller_epoch = state->controller_epoch,
        .leader_id = state->leader,
        .leader_epoch = state->leader_epoch,
        .partition_epoch = state->partition_epoch,
        .isr = borrowed_ids(state->isr, state->isr_count),
        .assigned = borrowed_ids(state->replicas, state->replicas_count),
        .adding = borrowed_ids(state->adding_replicas, state->adding_replicas_count),
        .removing = borrowed_ids(state->removing_replicas, state->removing_replicas_count),
        .is_new = state->is_new,
        .leader_unknown = state->leader != broker->id &&
                          !metadata_broker(metadata_cache_get(broker->metadata), state->leader),
    };
}

/* The log's topic is the one that is meant, as far as the ids say. */
static bool topic_is_the_same(const struct role_change *change, const struct log *log)
{
    struct uuid known = log_topic_id(log);
    return uuid_is_zero(known) || uuid_is_zero(change->topic_id) || uuid_equal(known, change->topic_id);
}

static bool brings_the_id(const struct role_change *change, const struct log *log)
{
    return uuid_is_zero(log_topic_id(log)) && !uuid_is_zero(change->topic_id);
}

/*
 * By the holder: may the command be carried out on this partition? A controller that gives ids to topics of
 * old tools says so without a new epoch.
 */
static void judge_existing(struct partition *part, void *arg)
{
    struct role_change *change = arg;
    if (!part->log && part->dir) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (part->log && !topic_is_the_same(change, part->log)) {
        change->err = ERR_INCONSISTENT_TOPIC_ID;
        return;
    }
    change->only_id = part->log && brings_the_id(change, part->log) &&
                      change->command.leader_epoch == part->replica.leader_epoch;
    if (!change->only_id)
        change->err = replica_judge(&part->replica, &change->command, change->my_id);
}

/* `named`: the partitions of this request so far, by key. One that is named twice is told one thing, the
 * first. */
static void judge(struct replica_manager *manager, struct role_change *change, struct map *named)
{
    uint8_t key[PARTITION_KEY_MAX];
    if (map_put(named, partition_key(key, change->topic, change->state->partition_index), change)) {
        change->err = ERR_INVALID_REQUEST;
        return;
    }
    change->part = replica_manager_find_shared(manager, change->topic, change->state->partition_index);
    if (change->part) {
        partition_call(change->part, judge_existing, change);
        return;
    }
    struct replica fresh;
    replica_init(&fresh);
    change->err = replica_judge(&fresh, &change->command, change->my_id);
    if (change->err != ERR_NONE)
        return;
    /* The log may be on a directory that is offline: only a partition that never was may be made anew. */
    if (!change->state->is_new && log_dirs_any_offline(&manager->dirs)) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    char *topic = view_to_cstr(change->topic);
    change->part = partition_new(topic, change->state->partition_index, manager->broker);
    replica_manager_give_settings(manager, change->part);
    free(topic);
    change->created = true;
}

static void judge_all(struct replica_manager *manager, struct role_change *changes, int count)
{
    struct map named = {0};
    for (int i = 0; i < count; i++)
        judge(manager, &changes[i], &named);
    map_close(&named);
}

/* --- create ----------------------------------------------------------------------------------------- */

static void create_missing(struct replica_manager *manager, struct role_change *changes, int count)
{
    struct replica_birth *births = mem_zalloc(sizeof *births * (size_t)(count + 1));
    int births_count = 0;
    for (int i = 0; i < count; i++) {
        const struct role_change *change = &changes[i];
        bool leads = change->command.leader_id == change->my_id;
        if (change->created)
            births[births_count++] = (struct replica_birth){
                .part = change->part,
                .topic_id = change->topic_id,
                .leader_epoch = leads ? change->command.leader_epoch : LEADER_EPOCH_UNDEFINED};
    }
    if (births_count > 0)
        replica_manager_create(manager, births, births_count);
    for (int i = 0, birth = 0; i < count; i++)
        if (changes[i].created && !births[birth++].with_log)
            changes[i].err = ERR_KAFKA_STORAGE_ERROR;
    free(births);
}

/* --- take over ----------------------------------------------------------------------------- */

/*
 * Is there nobody to follow? As with Kafka there is the log then, and nothing is adopted. A leader that is
 * only not known to be alive is followed when it is: the brokers' list may be older than the role, and nobody
 * would tell the role again.
 */
static bool leader_is_missing(const struct role_change *change)
{
    if (!change->command.leader_unknown)
        return false;
    log_warn("replica", "leader_unknown", "partition=%.*s-%d leader=%d leader_epoch=%d effect=\"%s\"",
             (int)change->topic.len, change->topic.ptr, change->state->partition_index,
             change->command.leader_id, change->command.leader_epoch,
             change->command.leader_id < 0 ? "not followed until the controller says more"
                                           : "followed as soon as the metadata has it");
    return change->command.leader_id < 0;
}

static void tell_fetchers(struct partition *part, const struct role_change *change)
{
    part->leader_high_watermark = -1;
    if (change->became_leader)
        fetchers_leave(change->fetchers, part, change->command.leader_epoch);
    else
        fetchers_follow(change->fetchers, part, change->command.leader_id, change->command.leader_epoch);
}

static void take_role(struct partition *part, struct role_change *change)
{
    int64_t end = log_end(part->log).offset;
    change->was_leader = part->replica.role == REPLICA_ROLE_LEADER;
    replica_apply(&part->replica, &change->command, change->my_id, end, change->now_ms);
    change->became_leader = part->replica.role == REPLICA_ROLE_LEADER;
    atomic_store(&part->leader_epoch_hint, change->command.leader_epoch);
    if (change->became_leader) {
        struct leader_epochs *epochs = log_leader_epochs(part->log);
        change->epochs_changed = leader_epochs_assign(epochs, change->command.leader_epoch, end);
        if (change->epochs_changed) {
            leader_epochs_format(epochs, &change->epochs_text);
            epochs->dirty = false;
        }
    } else {
        atomic_store(&part->is_leader, false);
    }
    /* A leader that goes on leading keeps its waiters: what they wait for is still to come. */
    if (!change->was_leader || !change->became_leader)
        partition_fail_waiters(part);
    partition_announce(part);
    tell_fetchers(part, change);
}

/* By the holder. */
static void take_over(struct partition *part, void *arg)
{
    struct role_change *change = arg;
    if (!part->log) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (!change->only_id)
        change->err = topic_is_the_same(change, part->log)
                          ? replica_judge(&part->replica, &change->command, change->my_id)
                          : ERR_INCONSISTENT_TOPIC_ID;
    if (change->err != ERR_NONE)
        return;
    change->id_changed = brings_the_id(change, part->log);
    if (!change->only_id && !leader_is_missing(change))
        take_role(part, change);
}

/* --- record ----------------------------------------------------------------------------------------- */

static enum err add_file(struct atomic_batch *batch, const struct role_change *change, const char *name,
                         const struct buf *text, struct errmsg *why)
{
    char *dir = log_dir_join(&change->part->dir->dir, change->part->name);
    char *path = atomic_file_join(dir, name);
    enum err err = atomic_batch_add(batch, path, buf_view(text), why);
    free(path);
    free(dir);
    return err;
}

static enum err add_files(struct atomic_batch *batch, const struct role_change *change, struct errmsg *why)
{
    enum err err = ERR_NONE;
    if (change->epochs_changed)
        err = add_file(batch, change, LEADER_EPOCH_FILE_NAME, &change->epochs_text, why);
    if (err == ERR_NONE && change->id_changed) {
        struct buf text = {0};
        partition_metadata_format(change->topic_id, &text);
        err = add_file(batch, change, PARTITION_METADATA_FILE_NAME, &text, why);
        buf_close(&text);
    }
    return err;
}

static void record(struct replica_manager *manager, struct role_change *changes, int count,
                   struct log_dir_state *dir)
{
    struct atomic_batch batch;
    atomic_batch_init(&batch, manager->broker->disk);
    struct errmsg why;
    enum err err = ERR_NONE;
    for (int i = 0; i < count && err == ERR_NONE; i++)
        if (changes[i].part && changes[i].part->dir == dir)
            err = add_files(&batch, &changes[i], &why);
    if (err == ERR_NONE)
        err = atomic_batch_commit(&batch, &why);
    atomic_batch_close(&batch);
    if (err == ERR_NONE)
        return;
    log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
    for (int i = 0; i < count; i++)
        if (changes[i].part && changes[i].part->dir == dir && changes[i].err == ERR_NONE)
            changes[i].err = ERR_KAFKA_STORAGE_ERROR;
}

/* --- serve ------------------------------------------------------------------------------------------- */

/*
 * With flush.messages=1 only what is synced is visible, and nobody but an append would ask for a sync. Below
 * min.insync.replicas the others are gone, perhaps with their page caches: what was acknowledged is not to be
 * in one page cache alone (docs/durability.md).
 */
static bool must_sync(const struct partition *part)
{
    const struct partition_settings *settings = atomic_load(&part->settings);
    return settings->sync_before_commit ||
           !replica_has_min_isr(&part->replica, settings->min_insync_replicas);
}

/* By the holder: what the request brought is durable, a leader may answer. */
static void begin_to_serve(struct partition *part, void *arg)
{
    const struct role_change *change = arg;
    if (part->log && change->id_changed)
        log_adopt_topic_id(part->log, change->topic_id);
    if (!change->became_leader)
        return;
    bool current = part->log && part->replica.leader_epoch == change->command.leader_epoch;
    if (!current || part->replica.role != REPLICA_ROLE_LEADER)
        return;
    atomic_store(&part->is_leader, true);
    partition_advance(part);
    partition_announce(part);
    if (must_sync(part) && log_recovery_point(part->log) < log_end(part->log).offset)
        log_dir_state_flush(part->dir, part);
}

/* Whoever follows, or has lost its log, coordinates no groups. */
static void tell_groups(struct groups *groups, const struct role_change *change)
{
    if (change->err == ERR_NONE && change->became_leader)
        groups_partition_led(groups, change->part, change->was_leader);
    else if (change->part && !change->only_id &&
             (change->err == ERR_NONE || change->err == ERR_KAFKA_STORAGE_ERROR))
        groups_partition_lost(groups, change->part);
}

static void carry_out(struct replica_manager *manager, struct role_change *changes, int count)
{
    judge_all(manager, changes, count);
    create_missing(manager, changes, count);
    int leaders = 0, followers = 0;
    for (int i = 0; i < count; i++)
        if (changes[i].err == ERR_NONE)
            partition_call(changes[i].part, take_over, &changes[i]);
    for (int d = 0; d < manager->dirs.count; d++)
        record(manager, changes, count, manager->dirs.items[d]);
    for (int i = 0; i < count; i++) {
        if (changes[i].err != ERR_NONE) {
            tell_groups(manager->broker->groups, &changes[i]);
            continue;
        }
        leaders += changes[i].became_leader;
        followers += !changes[i].became_leader && !changes[i].only_id;
        if (changes[i].became_leader || changes[i].id_changed)
            partition_call(changes[i].part, begin_to_serve, &changes[i]);
        tell_groups(manager->broker->groups, &changes[i]);
    }
    log_info("replica", "leader_and_isr", "partitions=%d leaders=%d followers=%d", count, leaders, followers);
}

/* --- LeaderAndIsr ------------------------------------------------------------------------------------ */

static int count_partitions(const struct wire_leader_and_isr_request *request)
{
    int count = request->ungrouped_partition_states_count > 0 ? request->ungrouped_partition_states_count : 0;
    for (int32_t t = 0; t < request->topic_states_count; t++)
        if (request->topic_states[t].partition_states_count > 0)
            count += request->topic_states[t].partition_states_count;
    return count;
}

static int collect_changes(const struct wire_leader_and_isr_request *request, struct role_change *changes)
{
    int n = 0;
    for (int32_t i = 0; i < request->ungrouped_partition_states_count; i++) {
        changes[n].state = &request->ungrouped_partition_states[i];
        changes[n++].topic = request->ungrouped_partition_states[i].topic_name;
    }
    for (int32_t t = 0; t < request->topic_states_count; t++) {
        const struct wire_leader_and_isr_request_leader_and_isr_topic_state *topic =
            &request->topic_states[t];
        for (int32_t p = 0; p < topic->partition_states_count; p++) {
            changes[n].state = &topic->partition_states[p];
            changes[n].topic = topic->topic_name;
            changes[n++].topic_id = topic->topic_id;
        }
    }
    return n;
}

typedef struct wire_leader_and_isr_response_leader_and_isr_partition_error partition_error;

static void put_error(partition_error *to, const struct role_change *change)
{
    to->topic_name = change->topic;
    to->partition_index = change->state->partition_index;
    to->error_code = err_wire_code(change->err);
}

/* Versions 0-4 answer by name in one list, later ones by topic id. */
static void fill_answer(int16_t version, const struct wire_leader_and_isr_request *request,
                        const struct role_change *changes, int count, struct arena *arena,
                        struct wire_leader_and_isr_response *out)
{
    if (version < 5) {
        out->partition_errors =
            wire_new(&wire_leader_and_isr_response_leader_and_isr_partition_error_desc, arena, (size_t)count);
        out->partition_errors_count = count;
        for (int i = 0; i < count; i++)
            put_error(&out->partition_errors[i], &changes[i]);
        return;
    }
    int32_t topics = request->topic_states_count > 0 ? request->topic_states_count : 0;
    out->topics =
        wire_new(&wire_leader_and_isr_response_leader_and_isr_topic_error_desc, arena, (size_t)topics);
    out->topics_count = topics;
    int n = 0;
    for (int32_t t = 0; t < topics; t++) {
        struct wire_leader_and_isr_response_leader_and_isr_topic_error *topic = &out->topics[t];
        int32_t partitions = request->topic_states[t].partition_states_count;
        topic->topic_id = request->topic_states[t].topic_id;
        topic->partition_errors = wire_new(&wire_leader_and_isr_response_leader_and_isr_partition_error_desc,
                                           arena, (size_t)partitions);
        topic->partition_errors_count = partitions;
        for (int32_t p = 0; p < partitions; p++)
            put_error(&topic->partition_errors[p], &changes[n++]);
    }
}

void replica_manager_leader_and_isr(struct replica_manager *manager, int16_t version,
                                    const struct wire_leader_and_isr_request *request, struct arena *arena,
                                    struct wire_leader_and_isr_response *out)
{
    int count = count_partitions(request);
    struct role_change *changes = mem_zalloc(sizeof *changes * (size_t)(count + 1));
    collect_changes(request, changes);
    for (int i = 0; i < count; i++)
        change_init(&changes[i], manager->broker);
    carry_out(manager, changes, count);
    fill_answer(version, request, changes, count, arena, out);
    for (int i = 0; i < count; i++) {
        buf_close(&changes[i].epochs_text);
        partition_release(changes[i].part);
    }
    free(changes);
}

/* --- StopReplica -------------------------------------------------------------------------------------- */

struct stop_one {
    int32_t leader_epoch;
    bool delete_log;
    int64_t file_delete_delay_ms;
    enum err err;
    struct errmsg why;
    bool only_without_role;
    char *deleted_path; /* of the renamed directory; owned */
    struct replica_manager *manager;
};

/* Epochs of StopReplica that need no comparison: topic being deleted, and unknown. */
#define EPOCH_DURING_DELETE (-2)
#define EPOCH_UNKNOWN       (-1)

static enum err rename_for_deletion(struct partition *part, struct stop_one *stop)
{
    struct uuid id;
    uint8_t bytes[16];
    do
        random_fill(stop->manager->broker->random, bytes, sizeof bytes);
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
    if (!part->log) {
        stop->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    bool compares = stop->leader_epoch != EPOCH_DURING_DELETE && stop->leader_epoch != EPOCH_UNKNOWN;
    if (compares && stop->leader_epoch < part->replica.leader_epoch) {
        stop->err = ERR_FENCED_LEADER_EPOCH;
        return;
    }
    atomic_store(&part->is_leader, false);
    fetchers_leave(stop->manager->broker->fetchers, part, FETCHERS_ANY_EPOCH);
    if (!stop->delete_log) {
        part->replica.role = REPLICA_ROLE_NONE;
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

static void forget_checkpoints(struct partition *part)
{
    struct log_dir_state *dir = part->dir;
    pthread_mutex_lock(&dir->checkpoints_lock);
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++)
        offset_map_remove(&dir->dir.checkpoints[kind], view_str(part->topic), part->index);
    pthread_mutex_unlock(&dir->checkpoints_lock);
}

struct stopping {
    struct partition **removed;
    int removed_count;
};

static enum err stop_shared(struct replica_manager *manager, struct partition *part, struct stop_one *stop,
                            struct stopping *stopping)
{
    partition_call(part, stop_replica, stop);
    if (stop->err == ERR_NONE && (stop->deleted_path || !stop->only_without_role))
        groups_partition_lost(manager->broker->groups, part);
    if (!stop->deleted_path) {
        partition_release(part);
        return stop->err;
    }
    mover_cancel(manager->mover, part);
    forget_checkpoints(part);
    /* A topic that is made again under this name may have other settings. */
    topic_configs_forget(manager->broker->topic_configs, part->topic);
    upkeep_delete_dir(manager->upkeep, part->dir, stop->deleted_path, stop->file_delete_delay_ms);
    stopping->removed[stopping->removed_count++] = part; /* keeps the share */
    return ERR_NONE;
}

static enum err stop_one(struct replica_manager *manager, struct view topic, int32_t index,
                         int32_t leader_epoch, bool delete_log, struct stopping *stopping)
{
    struct partition *part = replica_manager_find_shared(manager, topic, index);
    if (!part)
        return log_dirs_any_offline(&manager->dirs) && delete_log ? ERR_KAFKA_STORAGE_ERROR : ERR_NONE;
    struct stop_one stop = {.leader_epoch = leader_epoch, .delete_log = delete_log, .manager = manager};
    return stop_shared(manager, part, &stop, stopping);
}

static void forget_stopped(struct replica_manager *manager, const struct stopping *stopping)
{
    if (stopping->removed_count > 0)
        replica_manager_change_table(manager, NULL, 0, stopping->removed, stopping->removed_count);
    for (int i = 0; i < stopping->removed_count; i++)
        partition_release(stopping->removed[i]);
}

void replica_manager_delete_stray(struct replica_manager *manager, struct partition *part)
{
    struct partition *removed[1];
    struct stopping stopping = {.removed = removed};
    struct stop_one stop = {
        .leader_epoch = EPOCH_UNKNOWN, .delete_log = true, .only_without_role = true, .manager = manager};
    if (stop_shared(manager, partition_share(part), &stop, &stopping) != ERR_NONE)
        log_warn("replica", "stray_not_deleted", "partition=%s", part->name);
    forget_stopped(manager, &stopping);
    if (stopping.removed_count > 0)
        log_info("replica", "stray_deleted", "partition=%s", part->name);
}

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

typedef struct wire_stop_replica_response_stop_replica_partition_error stop_error;

static void add_stop(struct replica_manager *manager, struct stopping *stopping, stop_error *errors, int *n,
                     struct view topic, int32_t index, int32_t leader_epoch, bool delete_log)
{
    enum err err = stop_one(manager, topic, index, leader_epoch, delete_log, stopping);
    errors[(*n)++] =
        (stop_error){.topic_name = topic, .partition_index = index, .error_code = err_wire_code(err)};
}

void replica_manager_stop_replica(struct replica_manager *manager, int16_t version,
                                  const struct wire_stop_replica_request *request, struct arena *arena,
                                  struct wire_stop_replica_response *out)
{
    (void)version;
    int count = count_stops(request);
    stop_error *errors =
        wire_new(&wire_stop_replica_response_stop_replica_partition_error_desc, arena, (size_t)count);
    struct stopping stopping = {.removed = mem_zalloc(sizeof(struct partition *) * (size_t)(count + 1))};
    int n = 0;
    for (int32_t i = 0; i < request->ungrouped_partitions_count; i++)
        add_stop(manager, &stopping, errors, &n, request->ungrouped_partitions[i].topic_name,
                 request->ungrouped_partitions[i].partition_index, EPOCH_UNKNOWN, request->delete_partitions);
    for (int32_t t = 0; t < request->topics_count; t++)
        for (int32_t p = 0; p < request->topics[t].partition_indexes_count; p++)
            add_stop(manager, &stopping, errors, &n, request->topics[t].name,
                     request->topics[t].partition_indexes[p], EPOCH_UNKNOWN, request->delete_partitions);
    for (int32_t t = 0; t < request->topic_states_count; t++)
        for (int32_t p = 0; p < request->topic_states[t].partition_states_count; p++) {
            const struct wire_stop_replica_request_stop_replica_partition_state *state =
                &request->topic_states[t].partition_states[p];
            add_stop(manager, &stopping, errors, &n, request->topic_states[t].topic_name,
                     state->partition_index, state->leader_epoch, state->delete_partition);
        }
    forget_stopped(manager, &stopping);
    free(stopping.removed);
    out->partition_errors = errors;
    out->partition_errors_count = n;
    log_info("replica", "stop_replica", "partitions=%d deleted=%d", n, stopping.removed_count);
}
