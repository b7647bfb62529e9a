/*
 * Settings of topics that change while their partitions are open.
 */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "loop/snapshot.h"
#include "service/cleaner/cleaner.h"
#include "service/partition/partition_call.h"
#include "service/partition/partition_settings.h"
#include "service/replica/replica_manager_internal.h"
#include "service/replica/replica_state.h"
#include "service/settings/topic_configs.h"

static void apply_settings(struct partition *part, void *arg)
{
    (void)arg;
    if (part->log)
        log_update_config(part->log, &((struct partition_settings *)atomic_load(&part->settings))->log);
    partition_advance(part);
}

static void update_partition(struct replica_manager *manager, struct partition *part)
{
    struct partition_settings *fresh =
        topic_configs_settings(manager->broker->topic_configs, part->topic, part->index);
    struct partition_settings *old = partition_settings_give(part, fresh);
    partition_call(part, apply_settings, NULL);
    snapshot_retire(manager->broker->domain, old, partition_settings_free);
}

static void update_matching(struct replica_manager *manager, const char *topic)
{
    int count;
    struct partition **all = replica_manager_all(manager, &count);
    for (int i = 0; i < count; i++) {
        if (!topic || strcmp(all[i]->topic, topic) == 0)
            update_partition(manager, all[i]);
        partition_release(all[i]);
    }
    free(all);
}

void replica_manager_update_topic(struct replica_manager *manager, const char *topic)
{
    struct errmsg why;
    if (topic_configs_refresh(manager->broker->topic_configs, topic, &why) != ERR_NONE) {
        log_warn("config", "topic_config_unreadable",
                 "topic=%s error=\"%s\" effect=\"what was known goes on\"", topic, why.text);
        return;
    }
    log_info("config", "topic_config_changed", "topic=%s", topic);
    update_matching(manager, topic);
    cleaner_wake(manager->cleaner);
}

void replica_manager_update_all(struct replica_manager *manager)
{
    update_matching(manager, NULL);
    cleaner_update(manager->cleaner);
}
