/*
 * Settings of topics that change while their partitions are open.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/snapshot.h"
#include "service/cleaner/cleaner.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "service/settings/topic_configs.h"

/* Nobody waits for it: the partition's directory may hang. */
struct settings_op {
    struct partition_op op;
    struct partition_settings *old; /* the holder may be reading it until this has run */
};

static enum op_outcome settings_run(struct partition_op *op, struct partition *part)
{
    (void)op;
    if (part->log)
        log_update_config(part->log, &((struct partition_settings *)atomic_load(&part->settings))->log);
    partition_advance(part);
    return OP_DONE;
}

static void settings_done(struct partition_op *op)
{
    struct settings_op *change = CONTAINER_OF(op, struct settings_op, op);
    snapshot_retire(op->part->broker->domain, change->old, partition_settings_free);
    free(change);
}

void replica_manager_renew_settings(struct replica_manager *manager, struct partition *part)
{
    struct settings_op *change = MEM_NEW(struct settings_op);
    change->op = (struct partition_op){.run = settings_run, .done = settings_done, .label = "settings"};
    pthread_mutex_lock(&manager->settings_lock);
    change->old = partition_settings_give(
        part, topic_configs_settings(manager->broker->topic_configs, part->topic, part->index));
    pthread_mutex_unlock(&manager->settings_lock);
    partition_submit(part, &change->op);
}

static void update_matching(struct replica_manager *manager, const char *topic)
{
    int count;
    atomic_fetch_add(&manager->settings_changes, 1); /* before the look: for those that are being made */
    struct partition **all = replica_manager_all(manager, &count);
    for (int i = 0; i < count; i++) {
        if (!topic || strcmp(all[i]->topic, topic) == 0)
            replica_manager_renew_settings(manager, all[i]);
        partition_release(all[i]);
    }
    free(all);
}

static bool refresh(struct replica_manager *manager, const char *topic)
{
    struct errmsg why;
    bool good = topic_configs_refresh(manager->broker->topic_configs, topic, &why) == ERR_NONE;
    if (!good)
        log_warn("config", "topic_config_unreadable",
                 "topic=%s error=\"%s\" effect=\"what was known goes on\"", topic, why.text);
    return good;
}

void replica_manager_update_topic(struct replica_manager *manager, const char *topic)
{
    if (!refresh(manager, topic))
        return;
    log_info("config", "topic_config_changed", "topic=%s", topic);
    update_matching(manager, topic);
    cleaner_wake(manager->cleaner);
}

void replica_manager_update_topics(struct replica_manager *manager)
{
    int count;
    struct map seen = {0};
    struct partition **all = replica_manager_all(manager, &count);
    for (int i = 0; i < count; i++)
        if (!map_put_str(&seen, all[i]->topic, all[i]))
            refresh(manager, all[i]->topic);
    map_close(&seen);
    for (int i = 0; i < count; i++)
        partition_release(all[i]);
    free(all);
    update_matching(manager, NULL);
    cleaner_wake(manager->cleaner);
}

void replica_manager_update_all(struct replica_manager *manager)
{
    update_matching(manager, NULL);
    cleaner_update(manager->cleaner);
}
