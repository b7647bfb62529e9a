#include "service/broker_settings.h"

#include "base/log.h"
#include "config/dynamic.h"
#include "config/report.h"
#include "service/replica_manager.h"
#include "zk/sync.h"
#include "zk/znode_json.h"

static struct config_pairs read_pairs(struct broker *broker, const char *path, struct arena *arena)
{
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    struct view json;
    struct znode_config config = {0};
    struct errmsg why;
    enum err err = zk_sync_get(&sync, path, false, arena, &json, NULL, &why);
    if (err == ERR_NONE)
        err = znode_decode_config(json, arena, &config, &why);
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        log_warn("config", "dynamic_settings_unreadable", "path=%s error=\"%s\"", path, why.text);
    struct config_pair *pairs = arena_alloc(arena, sizeof *pairs * (size_t)(config.count + 1));
    for (int32_t i = 0; i < config.count; i++)
        pairs[i] = (struct config_pair){config.entries[i].name, config.entries[i].value};
    return (struct config_pairs){pairs, (size_t)config.count};
}

static void release_config(void *value)
{
    config_release(value);
}

void broker_settings_reload(struct broker *broker)
{
    struct arena arena = {0};
    struct config_report report = {0};
    struct config_pairs all = read_pairs(broker, "/config/brokers/<default>", &arena);
    struct config_pairs own =
        read_pairs(broker, arena_printf(&arena, "/config/brokers/%d", broker->id), &arena);
    struct config *present = broker_settings_share(broker);
    if (all.count > 0 || own.count > 0 || broker->dynamic_settings) {
        broker->dynamic_settings = all.count > 0 || own.count > 0;
        struct config *next = config_with_dynamic(present, all, own, &report);
        config_report_log(&report);
        if (next) {
            pthread_mutex_lock(&broker->config_lock);
            snapshot_replace(broker->domain, &broker->config, next, release_config);
            pthread_mutex_unlock(&broker->config_lock);
            log_info("config", "dynamic_settings", "cluster=%zu broker=%zu", all.count, own.count);
            if (broker->replicas)
                replica_manager_update_all(broker->replicas);
        }
    }
    config_release(present);
    config_report_close(&report);
    arena_close(&arena);
}

struct config *broker_settings_share(struct broker *broker)
{
    pthread_mutex_lock(&broker->config_lock);
    struct config *config = config_share(snapshot_get(&broker->config));
    pthread_mutex_unlock(&broker->config_lock);
    return config;
}
