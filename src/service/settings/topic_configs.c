#include "service/settings/topic_configs.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/topic_config.h"
#include "service/broker.h"
#include "service/partition/partition_settings.h"
#include "service/settings/broker_settings.h"
#include "zk/sync.h"
#include "zk/znode_json.h"

/* The overrides of one topic; all of it lives in its arena. */
struct overrides {
    struct arena arena;
    struct znode_config config;
    uint64_t reading; /* its number */
};

struct topic_configs {
    struct broker *broker;
    pthread_mutex_t lock;
    struct map by_topic; /* name -> struct overrides */
    uint64_t readings;   /* begun so far */
};

static void overrides_free(struct overrides *overrides)
{
    if (!overrides)
        return;
    arena_close(&overrides->arena);
    free(overrides);
}

struct topic_configs *topic_configs_new(struct broker *broker)
{
    struct topic_configs *configs = MEM_NEW(struct topic_configs);
    configs->broker = broker;
    pthread_mutex_init(&configs->lock, NULL);
    return configs;
}

void topic_configs_free(struct topic_configs *configs)
{
    if (!configs)
        return;
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&configs->by_topic, &it)))
        overrides_free(slot->value);
    map_close(&configs->by_topic);
    pthread_mutex_destroy(&configs->lock);
    free(configs);
}

static enum err read_overrides(struct topic_configs *configs, const char *topic, struct overrides **out,
                               struct errmsg *why)
{
    struct zk_sync sync = {configs->broker->zk, configs->broker->zk_loop};
    struct overrides *fresh = MEM_NEW(struct overrides);
    char *path = mem_printf("/config/topics/%s", topic);
    struct view json;
    enum err err = zk_sync_get(&sync, path, false, &fresh->arena, &json, NULL, why);
    free(path);
    if (err == ERR_NONE)
        err = znode_decode_config(json, &fresh->arena, &fresh->config, why);
    else if (err == ERR_NOT_FOUND)
        err = ERR_NONE; /* nothing is overridden */
    if (err != ERR_NONE) {
        overrides_free(fresh);
        return err;
    }
    *out = fresh;
    return ERR_NONE;
}

static uint64_t begin_reading(struct topic_configs *configs)
{
    pthread_mutex_lock(&configs->lock);
    uint64_t reading = ++configs->readings;
    pthread_mutex_unlock(&configs->lock);
    return reading;
}

/* What was asked for later counts: the session answers in order, so it is no older. */
static void keep_later(struct topic_configs *configs, const char *topic, struct overrides *fresh)
{
    struct overrides *superseded = fresh;
    pthread_mutex_lock(&configs->lock);
    const struct overrides *known = map_get_str(&configs->by_topic, topic);
    if (!known || known->reading < fresh->reading)
        superseded = map_put_str(&configs->by_topic, topic, fresh);
    pthread_mutex_unlock(&configs->lock);
    overrides_free(superseded);
}

enum err topic_configs_refresh(struct topic_configs *configs, const char *topic, struct errmsg *why)
{
    struct overrides *fresh;
    uint64_t reading = begin_reading(configs);
    enum err err = read_overrides(configs, topic, &fresh, why);
    if (err != ERR_NONE)
        return err;
    fresh->reading = reading;
    keep_later(configs, topic, fresh);
    return ERR_NONE;
}

void topic_configs_renew(struct topic_configs *configs, const char *topic)
{
    struct errmsg why;
    if (topic_configs_refresh(configs, topic, &why) != ERR_NONE)
        topic_configs_forget(configs, topic);
}

void topic_configs_forget(struct topic_configs *configs, const char *topic)
{
    pthread_mutex_lock(&configs->lock);
    struct overrides *old = map_remove(&configs->by_topic, view_str(topic));
    pthread_mutex_unlock(&configs->lock);
    overrides_free(old);
}

struct znode_config topic_configs_overrides(struct topic_configs *configs, const char *topic,
                                            struct arena *arena)
{
    struct znode_config out = {0};
    pthread_mutex_lock(&configs->lock);
    const struct overrides *known = map_get_str(&configs->by_topic, topic);
    if (known) {
        out.count = known->config.count;
        out.entries = arena_alloc(arena, sizeof *out.entries * (size_t)(out.count + 1));
        for (int32_t i = 0; i < out.count; i++) {
            out.entries[i].name = arena_strdup(arena, known->config.entries[i].name);
            out.entries[i].value = arena_strdup(arena, known->config.entries[i].value);
        }
    }
    pthread_mutex_unlock(&configs->lock);
    return out;
}

static bool is_known(struct topic_configs *configs, const char *topic)
{
    pthread_mutex_lock(&configs->lock);
    bool known = map_get_str(&configs->by_topic, topic) != NULL;
    pthread_mutex_unlock(&configs->lock);
    return known;
}

/* While it is not known what may go, nothing does. (Kafka does not start.) */
static void keep_everything(struct log_settings *log)
{
    log->retention_ms = log->retention_bytes = -1;
    log->cleanup_compact = false;
}

struct partition_settings *topic_configs_settings(struct topic_configs *configs, const char *topic,
                                                  int32_t partition)
{
    struct errmsg why;
    enum err err = is_known(configs, topic) ? ERR_NONE : topic_configs_refresh(configs, topic, &why);
    if (err != ERR_NONE && err != ERR_CLOSED) /* closed: the start was given up */
        log_warn("config", "topic_config_unreadable",
                 "topic=%s error=\"%s\" effect=\"defaults count, and nothing goes by age, size or key\"",
                 topic, why.text);
    struct arena arena = {0};
    struct znode_config overrides = topic_configs_overrides(configs, topic, &arena);
    struct config_pair *pairs = arena_alloc(&arena, sizeof *pairs * (size_t)(overrides.count + 1));
    for (int32_t i = 0; i < overrides.count; i++)
        pairs[i] = (struct config_pair){overrides.entries[i].name, overrides.entries[i].value};
    struct config *broker = broker_settings_share(configs->broker);
    struct topic_config config;
    struct config_pairs list = {pairs, (size_t)overrides.count};
    if (topic_config_build(broker, list, &config, &why) != ERR_NONE)
        log_warn("config", "topic_config_invalid",
                 "topic=%s error=\"%s\" effect=\"that setting is left out\"", topic, why.text);
    struct partition_settings *settings =
        partition_settings_new(&config, config_int(broker, CONFIG_PRODUCER_ID_EXPIRATION_MS),
                               config_bool(broker, CONFIG_TRANSACTION_PARTITION_VERIFICATION_ENABLE));
    if (err != ERR_NONE)
        keep_everything(&settings->log);
    int32_t broker_id = configs->broker->id;
    settings->leader_throttled =
        topic_config_list_throttles(config.leader_throttled_replicas, partition, broker_id);
    settings->follower_throttled =
        topic_config_list_throttles(config.follower_throttled_replicas, partition, broker_id);
    topic_config_close(&config);
    config_release(broker);
    arena_close(&arena);
    return settings;
}
