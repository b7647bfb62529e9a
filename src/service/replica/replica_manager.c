/*
 * Table and job queue of the replica manager. The rest of it: replica_load.c (start and
 * stop), replica_roles.c (LeaderAndIsr, StopReplica), upkeep.c (periodic work).
 */
#include "service/replica/replica_manager.h"
#include "service/fetcher/fetchers.h"
#include "service/group/groups.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/metadata/metadata.h"
#include "loop/latch.h"
#include "service/cleaner/cleaner.h"
#include "service/metadata_cache.h"
#include "service/mover/mover.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"

struct view partition_key(uint8_t out[PARTITION_KEY_MAX], struct view topic, int32_t index)
{
    size_t len = topic.len < PARTITION_KEY_MAX - 4 ? topic.len : PARTITION_KEY_MAX - 4;
    memcpy(out, topic.ptr, len);
    be_put_i32(out + len, index);
    return view_of(out, len + 4);
}

/* --- the table -------------------------------------------------------------------------------------- */

static void table_free(void *value)
{
    struct partition_table *table = value;
    if (!table)
        return;
    for (int i = 0; i < table->count; i++)
        partition_release(table->items[i]);
    free(table->items);
    map_close(&table->by_key);
    free(table);
}

static void table_add(struct partition_table *table, struct partition *part)
{
    uint8_t key[PARTITION_KEY_MAX];
    table->items[table->count++] = partition_share(part);
    map_put(&table->by_key, partition_key(key, view_str(part->topic), part->index), part);
}

static bool is_among(struct partition *part, struct partition *const *items, int count)
{
    for (int i = 0; i < count; i++)
        if (items[i] == part)
            return true;
    return false;
}

void replica_manager_change_table(struct replica_manager *manager, struct partition **added, int added_count,
                                  struct partition **removed, int removed_count)
{
    pthread_mutex_lock(&manager->table_lock);
    const struct partition_table *old = replica_manager_table_locked(manager);
    struct partition_table *table = MEM_NEW(struct partition_table);
    table->items = mem_zalloc(sizeof *table->items * (size_t)(old->count + added_count + 1));
    for (int i = 0; i < old->count; i++)
        if (!is_among(old->items[i], removed, removed_count))
            table_add(table, old->items[i]);
    for (int i = 0; i < added_count; i++)
        table_add(table, added[i]);
    snapshot_replace(manager->broker->domain, &manager->table, table, table_free);
    pthread_mutex_unlock(&manager->table_lock);
}

const struct partition_table *replica_manager_table_locked(struct replica_manager *manager)
{
    return snapshot_get(&manager->table);
}

const struct partition_table *replica_manager_table(struct replica_manager *manager)
{
    ASSERT(loop_current() != NULL);
    return snapshot_get(&manager->table);
}

struct partition **replica_manager_all(struct replica_manager *manager, int *count)
{
    pthread_mutex_lock(&manager->table_lock);
    const struct partition_table *table = replica_manager_table_locked(manager);
    struct partition **items = mem_zalloc(sizeof *items * (size_t)(table->count + 1));
    for (int i = 0; i < table->count; i++)
        items[i] = partition_share(table->items[i]);
    *count = table->count;
    pthread_mutex_unlock(&manager->table_lock);
    return items;
}

struct partition *replica_manager_find(struct replica_manager *manager, struct view topic, int32_t index)
{
    uint8_t key[PARTITION_KEY_MAX];
    return map_get(&replica_manager_table(manager)->by_key, partition_key(key, topic, index));
}

enum err replica_manager_find_or_error(struct replica_manager *manager, struct view topic, int32_t index,
                                       struct partition **out)
{
    *out = replica_manager_find(manager, topic, index);
    if (*out)
        return ERR_NONE;
    bool elsewhere = metadata_partition(metadata_cache_get(manager->broker->metadata), topic, index) != NULL;
    return elsewhere ? ERR_NOT_LEADER_OR_FOLLOWER : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

struct partition *replica_manager_find_shared(struct replica_manager *manager, struct view topic,
                                              int32_t index)
{
    uint8_t key[PARTITION_KEY_MAX];
    pthread_mutex_lock(&manager->table_lock);
    struct partition *part =
        map_get(&replica_manager_table_locked(manager)->by_key, partition_key(key, topic, index));
    if (part)
        partition_share(part);
    pthread_mutex_unlock(&manager->table_lock);
    return part;
}

struct log_dirs *replica_manager_dirs(struct replica_manager *manager)
{
    return &manager->dirs;
}

/* --- lifecycle -------------------------------------------------------------------------------------- */

struct replica_manager *replica_manager_new(struct broker *broker)
{
    struct replica_manager *manager = MEM_NEW(struct replica_manager);
    manager->broker = broker;
    manager->jobs_tail = &manager->jobs_head;
    pthread_mutex_init(&manager->table_lock, NULL);
    pthread_mutex_init(&manager->settings_lock, NULL);
    atomic_store(&manager->table.value, MEM_NEW(struct partition_table));
    manager->dirs.failed = replica_manager_dir_failed;
    manager->dirs.all_failed = replica_manager_all_dirs_failed;
    manager->dirs.arg = manager;
    manager->upkeep = upkeep_new(manager);
    manager->mover = mover_new(manager);
    manager->cleaner = cleaner_new(manager);
    return manager;
}

void replica_manager_free(struct replica_manager *manager)
{
    if (!manager)
        return;
    cleaner_free(manager->cleaner);
    mover_free(manager->mover);
    upkeep_free(manager->upkeep);
    hang_patrol_close(&manager->patrol);
    table_free(atomic_load(&manager->table.value));
    log_dirs_close(&manager->dirs);
    pthread_mutex_destroy(&manager->table_lock);
    pthread_mutex_destroy(&manager->settings_lock);
    free(manager);
}

/* --- jobs ------------------------------------------------------------------------------------------- */

static void jobs_next(struct replica_manager *manager);

static void job_came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct control_job *job = CONTAINER_OF(msg, struct control_job, message);
    job->done(job);
}

static void job_ran(struct work *work, bool discard)
{
    struct replica_manager *manager = CONTAINER_OF(work, struct replica_manager, job_work);
    struct control_job *job = manager->job;
    if (job->apply && !discard)
        job->apply(job);
    manager->job = NULL;
    job->message = (struct loop_message){.run = job_came_home, .label = job->label};
    loop_post(job->home, &job->message);
    jobs_next(manager);
}

static void job_run(struct work *work)
{
    struct replica_manager *manager = CONTAINER_OF(work, struct replica_manager, job_work);
    manager->job->run(manager->job);
}

static void jobs_next(struct replica_manager *manager)
{
    struct control_job *job = manager->jobs_head;
    if (manager->job || !job)
        return;
    manager->jobs_head = job->next;
    if (!manager->jobs_head)
        manager->jobs_tail = &manager->jobs_head;
    manager->job = job;
    manager->job_work = (struct work){
        .home = manager->broker->control_loop, .run = job_run, .done = job_ran, .label = job->label};
    workers_submit(manager->broker->workers, &manager->job_work);
}

static void job_arrived(struct loop_message *msg, bool discard)
{
    struct control_job *job = CONTAINER_OF(msg, struct control_job, message);
    struct replica_manager *manager = job->manager;
    if (discard) {
        job->done(job);
        return;
    }
    job->next = NULL;
    *manager->jobs_tail = job;
    manager->jobs_tail = &job->next;
    jobs_next(manager);
}

void replica_manager_submit(struct replica_manager *manager, struct control_job *job)
{
    job->manager = manager;
    job->message = (struct loop_message){.run = job_arrived, .label = job->label};
    loop_post(manager->broker->control_loop, &job->message);
}

/* A job that somebody waits for. */
struct last_job {
    struct control_job job;
    struct latch done;
};

static void last_job_run(struct control_job *job)
{
    (void)job; /* those before it have run */
}

static void last_job_done(struct control_job *job)
{
    latch_open(&CONTAINER_OF(job, struct last_job, job)->done);
}

void replica_manager_drain(struct replica_manager *manager)
{
    struct last_job last = {.job = {.home = manager->broker->control_loop,
                                    .run = last_job_run,
                                    .done = last_job_done,
                                    .label = "last_job"}};
    latch_init(&last.done);
    replica_manager_submit(manager, &last.job);
    latch_await(&last.done);
}

/* --- moves between directories ------------------------------------------------------------------------ */

void replica_manager_alter_log_dirs(struct replica_manager *manager, struct mover_request *requests,
                                    int32_t count)
{
    mover_request(manager->mover, requests, count);
}

int64_t replica_manager_move_lag(struct replica_manager *manager)
{
    return mover_max_lag(manager->mover);
}

struct cleaner *replica_manager_cleaner(struct replica_manager *manager)
{
    return manager->cleaner;
}

/* --- failed directories ------------------------------------------------------------------------------ */

static void take_offline(struct partition *part, void *arg)
{
    (void)arg;
    partition_take_offline(part);
}

void replica_manager_dir_failed(void *arg, struct log_dir_state *state)
{
    struct replica_manager *manager = arg;
    int count;
    struct partition **all = replica_manager_all(manager, &count);
    int offline = 0;
    for (int i = 0; i < count; i++) {
        if (all[i]->dir == state) { /* others may lie on one that hangs */
            partition_call(all[i], take_offline, NULL);
            fetchers_leave(manager->broker->fetchers, all[i], FETCHERS_ANY_EPOCH);
            groups_partition_lost(manager->broker->groups, all[i]);
            offline++;
        }
        partition_release(all[i]);
    }
    free(all);
    log_error("storage", "partitions_offline", "dir=%s partitions=%d", state->dir.path, offline);
    log_dir_notice_send(&state->notice, manager->broker);
}

void replica_manager_all_dirs_failed(void *arg)
{
    (void)arg;
    log_error("storage", "no_log_dir_left",
              "error=\"every log directory failed\" effect=\"the broker ends; see the lines above\"");
    /* As Kafka halts: nothing that could still be written would be safe. */
    _Exit(1);
}
