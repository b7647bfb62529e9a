#include "service/settings/broker_settings.h"

#include "base/log.h"
#include "config/dynamic.h"
#include "config/report.h"
#include "service/fetcher/replication_quotas.h"
#include "service/replica/replica_manager.h"
#include "zk/sync.h"
#include "zk/znode_json.h"

/* False: it cannot be said what is set there. */
static bool take_pairs(const struct zk_op *op, const struct zk_result *found, struct arena *arena,
                       struct config_pairs *out)
{
    struct znode_config config = {0};
    struct errmsg why;
    enum err err = found->err;
    if (err == ERR_NONE)
        err = znode_decode_config(found->data, arena, &config, &why);
    else
        zk_sync_explain(op, err, &why);
    bool good = err == ERR_NONE || err == ERR_NOT_FOUND;
    if (!good && err != ERR_CLOSED) /* closed: the broker stops */
        log_warn("config", "dynamic_settings_unreadable",
                 "path=%s error=\"%s\" effect=\"what was known goes on\"", op->path, why.text);
    struct config_pair *pairs = arena_alloc(arena, sizeof *pairs * (size_t)(config.count + 1));
    for (int32_t i = 0; i < config.count; i++)
        pairs[i] = (struct config_pair){config.entries[i].name, config.entries[i].value};
    *out = (struct config_pairs){pairs, good ? (size_t)config.count : 0};
    return good;
}

static void release_config(void *value)
{
    config_release(value);
}

void broker_settings_reload(struct broker *broker)
{
    struct arena arena = {0};
    struct config_report report = {0};
    struct zk_sync sync = {broker->zk, broker->zk_loop};
    const struct zk_op ops[] = {
        {.kind = ZK_OP_GET, .path = "/config/brokers/<default>"},
        {.kind = ZK_OP_GET, .path = arena_printf(&arena, "/config/brokers/%d", broker->id)},
    };
    struct zk_result found[ARRAY_LEN(ops)];
    zk_sync_calls(&sync, ops, ARRAY_LEN(ops), &arena, found);
    struct config_pairs all, own;
    bool all_good = take_pairs(&ops[0], &found[0], &arena, &all);
    bool own_good = take_pairs(&ops[1], &found[1], &arena, &own);
    struct config *present = broker_settings_share(broker);
    bool sets_some = all.count > 0 || own.count > 0;
    if (broker->dynamic_settings ? all_good && own_good : sets_some) {
        broker->dynamic_settings = sets_some;
        struct config *next = config_with_dynamic(present, all, own, &report);
        config_report_log(&report);
        if (next) {
            replication_quotas_update(broker->quotas, next);
            pthread_mutex_lock(&broker->config_lock);
            snapshot_replace(broker->domain, &broker->config, next, release_config);
            pthread_mutex_unlock(&broker->config_lock);
            log_info("config", "dynamic_settings", "cluster=%zu broker=%zu", all.count, own.count);
            if (broker->replicas) {
                replica_manager_update_all(broker->replicas);
                if (atomic_load(&broker->state) >= BROKER_RUNNING) /* before, fetchers_new reads it */
                    replica_manager_resize_fetchers(broker->replicas);
            }
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
