/*
 * What the controller's LeaderAndIsr does here.
 *
 * For all its partitions together:
 *   find       the partitions; those that are missing are made, without logs yet, and given a directory
 *
 * then for each directory, beside the others (dir_parts.h):
 *   judge      is it newer than what is known? is it ours? is the topic id the same?
 *   create     the logs of new partitions, with their topic id and first epoch (replica_create.c)
 *   take over  the role, under the hold; a new leader's epoch begins at its log end, a follower is given to
 *              the fetchers
 *   record     epochs that changed, ids of topics that had none: one batch of files per directory
 *   serve      leaders begin to answer
 * A new leader never serves before its epoch is durable.
 *
 * The partitions of a directory that hangs are answered KAFKA_STORAGE_ERROR, so that others lead them, and
 * keep the role they had. When the directory answers again the controller is told (log_dirs.h) and says anew
 * what they are to be; see also answer_of_hung.
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
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/dir_parts.h"
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
    struct view topic; /* this and what the command names: of the batch, which may outlive the request */
    int32_t index;
    bool is_new;
    struct uuid topic_id;
    struct partition *part;    /* shared */
    struct log_dir_state *dir; /* where it lies; NULL: the answer is known without asking it */
    struct role_batch *batch;
    struct replica_command command;
    enum err err;
    bool created;
    bool only_id;  /* no new epoch: it brings the topic id that the log has not got */
    bool is_known; /* it is carried out already, but the controller was told otherwise */
    bool leads_on; /* it is known that this broker leads */
    bool became_leader;
    bool was_leader;
    struct fetchers *fetchers;
    bool epochs_changed;
    bool id_changed;
    struct buf epochs_text;
    int32_t my_id;
    int64_t now_ms;
};

/* All of a request; freed when the last directory's part has ended. */
struct role_batch {
    struct replica_manager *manager;
    struct dir_parts *parts;
    struct role_change *changes;
    int count;
    struct arena arena;
};

typedef struct wire_leader_and_isr_request_leader_and_isr_partition_state partition_state;

/* --- find ------------------------------------------------------------------------------------------- */

static struct replica_ids ids_of_batch(struct arena *arena, const int32_t *ids, int32_t count)
{
    struct replica_ids copy = {.count = count > 0 ? count : 0};
    copy.ids = arena_alloc(arena, sizeof *ids * (size_t)(copy.count + 1));
    if (copy.count > 0)
        memcpy(copy.ids, ids, sizeof *ids * (size_t)copy.count);
    return copy;
}

static void add_change(struct role_batch *batch, const partition_state *state, struct view topic,
                       struct uuid topic_id)
{
    struct arena *arena = &batch->arena;
    struct broker *broker = batch->manager->broker;
    struct role_change *change = &batch->changes[batch->count++];
    change->batch = batch;
    change->topic = arena_dup_view(arena, topic);
    change->topic_id = topic_id;
    change->index = state->partition_index;
    change->is_new = state->is_new;
    change->my_id = broker->id;
    change->now_ms = clock_mono_ms(broker->clock);
    change->fetchers = broker->fetchers;
    change->command = (struct replica_command){
        .controller_epoch = state->controller_epoch,
        .leader_id = state->leader,
        .leader_epoch = state->leader_epoch,
        .partition_epoch = state->partition_epoch,
        .isr = ids_of_batch(arena, state->isr, state->isr_count),
        .assigned = ids_of_batch(arena, state->replicas, state->replicas_count),
        .adding = ids_of_batch(arena, state->adding_replicas, state->adding_replicas_count),
        .removing = ids_of_batch(arena, state->removing_replicas, state->removing_replicas_count),
        .is_new = state->is_new,
        .leader_unknown = state->leader != broker->id &&
                          !metadata_broker(metadata_cache_get(broker->metadata), state->leader),
    };
}

/* Of a request's partitions so far. */
struct named {
    struct map partitions; /* by key: one that is named twice is told one thing, the first */
    struct map made;       /* by topic: those of which partitions are made */
};

/* Not published yet. All that are made of a topic in one request have the same settings. */
static void make(struct role_change *change, struct named *named)
{
    struct replica_manager *manager = change->batch->manager;
    char *topic = view_to_cstr(change->topic);
    if (!map_put(&named->made, change->topic, change))
        topic_configs_renew(manager->broker->topic_configs, topic);
    change->part = partition_new(topic, change->index, manager->broker);
    replica_manager_give_settings(manager, change->part);
    free(topic);
    change->created = true;
}

static void find(struct role_change *change, struct named *named)
{
    struct replica_manager *manager = change->batch->manager;
    uint8_t key[PARTITION_KEY_MAX];
    if (map_put(&named->partitions, partition_key(key, change->topic, change->index), change)) {
        change->err = ERR_INVALID_REQUEST;
        return;
    }
    change->part = replica_manager_find_shared(manager, change->topic, change->index);
    if (change->part) {
        change->dir = change->part->dir;
        return;
    }
    struct replica fresh;
    replica_init(&fresh);
    change->err = replica_judge(&fresh, &change->command, change->my_id);
    if (change->err != ERR_NONE)
        return;
    /* The log may be on a directory that is offline: only a partition that never was may be made anew. */
    if (!change->is_new && log_dirs_any_offline(&manager->dirs)) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    make(change, named);
}

/* What changed between their settings and their publication. */
static void renew_settings(struct role_batch *batch)
{
    for (int i = 0; i < batch->count; i++)
        if (batch->changes[i].created && batch->changes[i].dir)
            replica_manager_renew_settings(batch->manager, batch->changes[i].part);
}

/*
 * New partitions are known from here on, so that no second one is made of what a directory that hangs has yet
 * to make; until they have their logs they are nobody's leaders.
 */
static void place_new_ones(struct role_batch *batch)
{
    struct partition **fresh = mem_zalloc(sizeof *fresh * (size_t)(batch->count + 1));
    int fresh_count = 0;
    for (int i = 0; i < batch->count; i++)
        if (batch->changes[i].created)
            fresh[fresh_count++] = batch->changes[i].part;
    replica_manager_place(batch->manager, fresh, fresh_count);
    for (int i = 0; i < batch->count; i++) {
        struct role_change *change = &batch->changes[i];
        if (!change->created)
            continue;
        change->dir = change->part->dir;
        if (!change->dir)
            change->err = ERR_KAFKA_STORAGE_ERROR;
    }
    free(fresh);
}

static void find_all(struct role_batch *batch)
{
    struct named named = {0};
    unsigned settings = atomic_load(&batch->manager->settings_changes);
    for (int i = 0; i < batch->count; i++)
        find(&batch->changes[i], &named);
    map_close(&named.partitions);
    map_close(&named.made);
    place_new_ones(batch);
    if (atomic_load(&batch->manager->settings_changes) != settings)
        renew_settings(batch);
}

/* --- judge ------------------------------------------------------------------------------------------ */

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
    if (!part->log || dir_parts_is_given_up(change->batch->parts, change->dir)) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (!topic_is_the_same(change, part->log)) {
        change->err = ERR_INCONSISTENT_TOPIC_ID;
        return;
    }
    change->only_id =
        brings_the_id(change, part->log) && change->command.leader_epoch == part->replica.leader_epoch;
    if (!change->only_id)
        change->err = replica_judge(&part->replica, &change->command, change->my_id);
    if (!atomic_exchange(&part->told_offline, false))
        return;
    /* The controller believes that the replica is offline until it hears that the command is carried out. */
    change->is_known = change->err == ERR_STALE_CONTROLLER_EPOCH &&
                       change->command.leader_epoch == part->replica.leader_epoch;
    if (change->is_known)
        change->err = ERR_NONE;
}

/* The changes of one directory that are not over yet. */
#define EACH_OF_DIR(batch, dir_, change)                                                                     \
    for (struct role_change *change = (batch)->changes; change < (batch)->changes + (batch)->count;          \
         change++)                                                                                           \
        if (change->dir == (dir_) && change->err == ERR_NONE)

/* --- create ----------------------------------------------------------------------------------------- */

static void create_missing(struct role_batch *batch, struct log_dir_state *dir)
{
    struct replica_birth *births = mem_zalloc(sizeof *births * (size_t)(batch->count + 1));
    int count = 0;
    EACH_OF_DIR(batch, dir, change)
    {
        bool leads = change->command.leader_id == change->my_id;
        if (change->created)
            births[count++] = (struct replica_birth){.part = change->part,
                                                     .topic_id = change->topic_id,
                                                     .leader_epoch = leads ? change->command.leader_epoch
                                                                           : LEADER_EPOCH_UNDEFINED};
    }
    if (count > 0)
        replica_manager_create(batch->manager, births, count, dir);
    int birth = 0;
    EACH_OF_DIR(batch, dir, change)
    {
        if (change->created && !births[birth++].with_log)
            change->err = ERR_KAFKA_STORAGE_ERROR;
    }
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
             (int)change->topic.len, change->topic.ptr, change->index, change->command.leader_id,
             change->command.leader_epoch,
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
    if (!part->log || dir_parts_is_given_up(change->batch->parts, change->dir)) {
        change->err = ERR_KAFKA_STORAGE_ERROR;
        return;
    }
    if (change->is_known) {
        change->leads_on = part->replica.role == REPLICA_ROLE_LEADER;
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

static void record(struct role_batch *roles, struct log_dir_state *dir)
{
    struct atomic_batch batch;
    atomic_batch_init(&batch, roles->manager->broker->disk);
    struct errmsg why;
    enum err err = ERR_NONE;
    EACH_OF_DIR(roles, dir, change)
    {
        if (err == ERR_NONE)
            err = add_files(&batch, change, &why);
    }
    if (err == ERR_NONE)
        err = atomic_batch_commit(&batch, &why);
    atomic_batch_close(&batch);
    if (err == ERR_NONE)
        return;
    log_dir_state_fail(dir, ERR_KAFKA_STORAGE_ERROR, &why);
    EACH_OF_DIR(roles, dir, change)
    {
        change->err = ERR_KAFKA_STORAGE_ERROR;
    }
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

/* Whoever follows, or has lost its log, coordinates no groups. So did who was thought to be offline. */
static void tell_groups(struct groups *groups, const struct role_change *change)
{
    if (change->err == ERR_NONE && (change->became_leader || change->leads_on))
        groups_partition_led(groups, change->part, change->was_leader || change->leads_on);
    else if (change->part && !change->only_id &&
             (change->err == ERR_NONE || change->err == ERR_KAFKA_STORAGE_ERROR))
        groups_partition_lost(groups, change->part);
}

/* One directory's part. Where nobody waits for it any more only what was begun is ended. */
static void carry_out_in_dir(struct dir_parts *parts, struct log_dir_state *dir)
{
    struct role_batch *batch = dir_parts_subject(parts);
    EACH_OF_DIR(batch, dir, change)
    {
        if (!change->created)
            partition_call(change->part, judge_existing, change);
    }
    create_missing(batch, dir);
    EACH_OF_DIR(batch, dir, change)
    {
        partition_call(change->part, take_over, change);
    }
    record(batch, dir);
    EACH_OF_DIR(batch, dir, change)
    {
        if (change->became_leader || change->id_changed)
            partition_call(change->part, begin_to_serve, change);
    }
    for (int i = 0; i < batch->count; i++)
        if (batch->changes[i].dir == dir)
            tell_groups(batch->manager->broker->groups, &batch->changes[i]);
}

/*
 * What to say of a partition whose directory hangs. One that has the role already and that nobody else could
 * take over is left alone: there is nothing to be won, and a controller of Kafka's elects nobody when it
 * comes back. The rest is offline for the controller until it is told that the directory answers again.
 */
static enum err answer_of_hung(struct role_change *change)
{
    const struct replica_command *command = &change->command;
    bool is_known =
        !change->created && command->leader_epoch == atomic_load(&change->part->leader_epoch_hint);
    if (is_known && command->leader_id == change->my_id && command->isr.count == 1)
        return ERR_STALE_CONTROLLER_EPOCH;
    atomic_store(&change->part->told_offline, true);
    log_dir_state_told_offline(change->dir);
    return ERR_KAFKA_STORAGE_ERROR;
}

static enum err answer_of(struct role_batch *batch, struct role_change *change)
{
    struct groups *groups = batch->manager->broker->groups;
    if (!change->dir) {
        tell_groups(groups, change);
        return change->err;
    }
    if (dir_parts_has_ended(batch->parts, change->dir))
        return change->err;
    enum err err = answer_of_hung(change);
    if (err == ERR_KAFKA_STORAGE_ERROR)
        groups_partition_lost(groups, change->part); /* others coordinate them now */
    return err;
}

/* Fills `answers`, in the order of the request. */
static void carry_out(struct role_batch *batch, enum err *answers)
{
    find_all(batch);
    for (int i = 0; i < batch->count; i++)
        if (batch->changes[i].dir)
            dir_parts_want(batch->parts, batch->changes[i].dir);
    dir_parts_run(batch->parts);
    int leaders = 0, followers = 0, refused = 0;
    for (int i = 0; i < batch->count; i++) {
        struct role_change *change = &batch->changes[i];
        answers[i] = answer_of(batch, change);
        refused += answers[i] != ERR_NONE;
        if (answers[i] != ERR_NONE)
            continue;
        leaders += change->became_leader;
        followers += !change->became_leader && !change->only_id && !change->is_known;
    }
    log_info("replica", "leader_and_isr", "partitions=%d leaders=%d followers=%d refused=%d", batch->count,
             leaders, followers, refused);
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

static void collect_changes(struct role_batch *batch, const struct wire_leader_and_isr_request *request)
{
    static const struct uuid NO_ID;
    for (int32_t i = 0; i < request->ungrouped_partition_states_count; i++) {
        const partition_state *state = &request->ungrouped_partition_states[i];
        add_change(batch, state, state->topic_name, NO_ID);
    }
    for (int32_t t = 0; t < request->topic_states_count; t++) {
        const struct wire_leader_and_isr_request_leader_and_isr_topic_state *topic =
            &request->topic_states[t];
        for (int32_t p = 0; p < topic->partition_states_count; p++)
            add_change(batch, &topic->partition_states[p], topic->topic_name, topic->topic_id);
    }
}

static void batch_free(void *subject)
{
    struct role_batch *batch = subject;
    for (int i = 0; i < batch->count; i++) {
        buf_close(&batch->changes[i].epochs_text);
        partition_release(batch->changes[i].part);
    }
    free(batch->changes);
    arena_close(&batch->arena);
    free(batch);
}

typedef struct wire_leader_and_isr_response_leader_and_isr_partition_error partition_error;

/* Versions 0-4 answer by name in one list, later ones by topic id. The names are the request's. */
static void fill_answer(int16_t version, const struct wire_leader_and_isr_request *request,
                        const enum err *answers, int count, struct arena *arena,
                        struct wire_leader_and_isr_response *out)
{
    partition_error *errors =
        wire_new(&wire_leader_and_isr_response_leader_and_isr_partition_error_desc, arena, (size_t)count);
    int n = 0;
    for (int32_t i = 0; i < request->ungrouped_partition_states_count; i++, n++)
        errors[n] =
            (partition_error){.topic_name = request->ungrouped_partition_states[i].topic_name,
                              .partition_index = request->ungrouped_partition_states[i].partition_index,
                              .error_code = err_wire_code(answers[n])};
    int32_t topics = request->topic_states_count > 0 ? request->topic_states_count : 0;
    if (version >= 5) {
        out->topics =
            wire_new(&wire_leader_and_isr_response_leader_and_isr_topic_error_desc, arena, (size_t)topics);
        out->topics_count = topics;
    }
    for (int32_t t = 0; t < topics; t++) {
        const struct wire_leader_and_isr_request_leader_and_isr_topic_state *topic =
            &request->topic_states[t];
        if (version >= 5) {
            out->topics[t].topic_id = topic->topic_id;
            out->topics[t].partition_errors = &errors[n];
            out->topics[t].partition_errors_count = topic->partition_states_count;
        }
        for (int32_t p = 0; p < topic->partition_states_count; p++, n++)
            errors[n] = (partition_error){.topic_name = topic->topic_name,
                                          .partition_index = topic->partition_states[p].partition_index,
                                          .error_code = err_wire_code(answers[n])};
    }
    if (version < 5) {
        out->partition_errors = errors;
        out->partition_errors_count = count;
    }
}

void replica_manager_leader_and_isr(struct replica_manager *manager, int16_t version,
                                    const struct wire_leader_and_isr_request *request, struct arena *arena,
                                    struct wire_leader_and_isr_response *out)
{
    int count = count_partitions(request);
    struct role_batch *batch = MEM_NEW(struct role_batch);
    batch->manager = manager;
    batch->changes = mem_zalloc(sizeof *batch->changes * (size_t)(count + 1));
    batch->parts = dir_parts_new(&manager->dirs, batch, carry_out_in_dir, batch_free);
    collect_changes(batch, request);
    enum err *answers = arena_zalloc(arena, sizeof *answers * (size_t)(count + 1));
    carry_out(batch, answers);
    fill_answer(version, request, answers, count, arena, out);
    dir_parts_release(batch->parts);
}
