#include "service/settings/config_changes.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/controller/controller_loop.h"
#include "service/replica/replica_manager.h"
#include "service/settings/broker_settings.h"
#include "service/settings/topic_configs.h"
#include "zk/sync.h"
#include "zk/znode_json.h"

#define KEEP_MS       (15 * 60 * 1000)
#define SEQUENCE_NONE (-1)

struct config_changes {
    struct broker *broker;
    struct work work;
    pthread_mutex_t lock;
    pthread_cond_t idle;
    bool running;
    bool again;
    bool stopping;
    int64_t last_executed; /* sequence number; only the run touches it */
};

static int64_t sequence_of(struct view name)
{
    size_t prefix = sizeof CONFIG_CHANGES_PREFIX - 1;
    if (name.len <= prefix || memcmp(name.ptr, CONFIG_CHANGES_PREFIX, prefix) != 0)
        return SEQUENCE_NONE;
    int64_t number = 0;
    for (size_t i = prefix; i < name.len; i++) {
        if (name.ptr[i] < '0' || name.ptr[i] > '9')
            return SEQUENCE_NONE;
        number = number * 10 + (name.ptr[i] - '0');
    }
    return number;
}

static void update_topic(struct broker *broker, const char *topic)
{
    struct arena arena = {0};
    replica_manager_update_topic(broker->replicas, topic);
    struct znode_config overrides = topic_configs_overrides(broker->topic_configs, topic, &arena);
    for (int32_t i = 0; i < overrides.count; i++)
        if (strcmp(overrides.entries[i].name, "unclean.leader.election.enable") == 0)
            controller_loop_unclean_election(broker->controller, topic,
                                             strcasecmp(overrides.entries[i].value, "true") == 0);
    arena_close(&arena);
}

static void update_broker(struct broker *broker)
{
    broker_settings_reload(broker);
    struct config *config = broker_settings_share(broker);
    controller_loop_unclean_election(broker->controller, NULL,
                                     config_bool(config, CONFIG_UNCLEAN_LEADER_ELECTION_ENABLE));
    config_release(config);
}

static void act(struct config_changes *changes, const char *entity)
{
    static const char TOPICS[] = "topics/";
    static const char BROKERS[] = "brokers/";
    struct broker *broker = changes->broker;
    if (strncmp(entity, TOPICS, sizeof TOPICS - 1) == 0)
        update_topic(broker, entity + sizeof TOPICS - 1);
    else if (strncmp(entity, BROKERS, sizeof BROKERS - 1) == 0)
        update_broker(broker);
    else
        log_info("config", "change_passed_over", "entity=%s reason=\"quotas and users are not served here\"",
                 entity);
}

/* False: the broker stops, or its start was given up. */
static bool execute(struct config_changes *changes, struct zk_sync *sync, const char *path,
                    struct arena *arena)
{
    struct view json;
    struct errmsg why;
    const char *entity;
    enum err err = zk_sync_get(sync, path, false, arena, &json, NULL, &why);
    if (err == ERR_NONE)
        err = znode_decode_config_change(json, arena, &entity, &why);
    if (err == ERR_NONE)
        act(changes, entity);
    else if (err != ERR_NOT_FOUND && err != ERR_CLOSED)
        log_warn("config", "notification_skipped", "path=%s error=\"%s\"", path, why.text);
    return err != ERR_CLOSED;
}

/* Removes what every broker had a quarter of an hour to see, by ZooKeeper's own clock. */
static void purge(struct zk_sync *sync, const char *path, int64_t newest_ms, struct arena *arena)
{
    struct zk_stat stat;
    if (zk_sync_get(sync, path, false, arena, NULL, &stat, NULL) != ERR_NONE ||
        newest_ms - stat.ctime_ms <= KEEP_MS)
        return;
    struct zk_op op = {.kind = ZK_OP_DELETE, .path = path, .version = ZK_ANY_VERSION};
    struct zk_result result;
    zk_sync_call(sync, &op, NULL, &result, NULL);
}

static int64_t lowest_sequence(const struct view *names, int count)
{
    int64_t lowest = SEQUENCE_NONE;
    for (int i = 0; i < count; i++) {
        int64_t sequence = sequence_of(names[i]);
        if (sequence != SEQUENCE_NONE && (lowest == SEQUENCE_NONE || sequence < lowest))
            lowest = sequence;
    }
    return lowest;
}

/* Others have purged some before this broker saw them: it was away, or its start took so long. */
static void catch_up(struct config_changes *changes, int64_t lowest)
{
    if (lowest <= changes->last_executed + 1)
        return;
    log_info("config", "changes_missed", "from=%lld to=%lld effect=\"all settings are read again\"",
             (long long)changes->last_executed + 1, (long long)lowest - 1);
    update_broker(changes->broker);
    replica_manager_update_topics(changes->broker->replicas);
}

static void process(struct config_changes *changes)
{
    struct zk_sync sync = {changes->broker->zk, changes->broker->zk_loop};
    struct arena arena = {0};
    const struct view *names;
    int count;
    struct errmsg why;
    enum err err = zk_sync_children(&sync, CONFIG_CHANGES_PATH, true, &arena, &names, &count, &why);
    if (err != ERR_NONE) {
        log_warn("config", "notifications_unreadable", "error=\"%s\"", why.text);
        arena_close(&arena);
        return;
    }
    int64_t newest_ms = 0;
    catch_up(changes, lowest_sequence(names, count));
    for (int i = 0; i < count; i++) {
        int64_t sequence = sequence_of(names[i]);
        char *path = arena_printf(&arena, CONFIG_CHANGES_PATH "/%.*s", VIEW_FMT(names[i]));
        if (sequence > changes->last_executed) {
            if (!execute(changes, &sync, path, &arena))
                break;
            changes->last_executed = sequence;
            struct zk_stat stat;
            if (zk_sync_get(&sync, path, false, &arena, NULL, &stat, NULL) == ERR_NONE)
                newest_ms = stat.ctime_ms;
        }
    }
    for (int i = 0; i < count && newest_ms > 0; i++)
        purge(&sync, arena_printf(&arena, CONFIG_CHANGES_PATH "/%.*s", VIEW_FMT(names[i])), newest_ms,
              &arena);
    arena_close(&arena);
}

static void changes_run(struct work *work)
{
    struct config_changes *changes = CONTAINER_OF(work, struct config_changes, work);
    for (;;) {
        process(changes);
        pthread_mutex_lock(&changes->lock);
        bool more = changes->again && !changes->stopping;
        changes->again = false;
        if (!more) {
            changes->running = false;
            pthread_cond_signal(&changes->idle);
        }
        pthread_mutex_unlock(&changes->lock);
        if (!more)
            return;
    }
}

struct config_changes *config_changes_new(struct broker *broker)
{
    struct config_changes *changes = MEM_NEW(struct config_changes);
    changes->broker = broker;
    changes->last_executed = SEQUENCE_NONE;
    pthread_mutex_init(&changes->lock, NULL);
    pthread_cond_init(&changes->idle, NULL);
    return changes;
}

void config_changes_begin(struct config_changes *changes)
{
    struct zk_sync sync = {changes->broker->zk, changes->broker->zk_loop};
    struct arena arena = {0};
    const struct view *names;
    int count;
    if (zk_sync_children(&sync, CONFIG_CHANGES_PATH, false, &arena, &names, &count, NULL) != ERR_NONE)
        count = 0; /* then all is read once more */
    for (int i = 0; i < count; i++) {
        int64_t sequence = sequence_of(names[i]);
        if (sequence > changes->last_executed)
            changes->last_executed = sequence;
    }
    arena_close(&arena);
}

void config_changes_kick(struct config_changes *changes)
{
    pthread_mutex_lock(&changes->lock);
    bool start = !changes->running && !changes->stopping;
    changes->again = !start;
    if (start)
        changes->running = true;
    pthread_mutex_unlock(&changes->lock);
    if (!start)
        return;
    changes->work = (struct work){.run = changes_run, .label = "config_changes"};
    workers_submit(changes->broker->workers, &changes->work);
}

void config_changes_stop(struct config_changes *changes)
{
    pthread_mutex_lock(&changes->lock);
    changes->stopping = true;
    while (changes->running)
        pthread_cond_wait(&changes->idle, &changes->lock);
    pthread_mutex_unlock(&changes->lock);
}

void config_changes_free(struct config_changes *changes)
{
    if (!changes)
        return;
    pthread_cond_destroy(&changes->idle);
    pthread_mutex_destroy(&changes->lock);
    free(changes);
}
