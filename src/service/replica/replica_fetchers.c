/*
 * num.replica.fetchers while the broker runs. A control job, so that no LeaderAndIsr brings partitions
 * meanwhile.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/fetcher/fetchers.h"
#include "service/replica/replica_manager_internal.h"
#include "service/settings/broker_settings.h"

static void resize(struct replica_manager *manager, int number)
{
    struct fetchers *fetchers = manager->broker->fetchers;
    int count, before = fetchers_number(fetchers);
    struct partition **all = replica_manager_all(manager, &count);
    int followed = fetchers_resize(fetchers, number, all, count);
    log_info("fetcher", "fetchers", "number=%d before=%d partitions=%d", number, before, followed);
    for (int i = 0; i < count; i++)
        partition_release(all[i]);
    free(all);
}

static void resize_run(struct control_job *job)
{
    struct broker *broker = job->manager->broker;
    struct config *config = broker_settings_share(broker);
    int number = config_int(config, CONFIG_NUM_REPLICA_FETCHERS);
    config_release(config);
    if (broker->fetchers && number > 0 && number != fetchers_number(broker->fetchers))
        resize(job->manager, number);
}

static void resize_done(struct control_job *job)
{
    free(job);
}

void replica_manager_resize_fetchers(struct replica_manager *manager)
{
    struct control_job *job = MEM_NEW(struct control_job);
    *job = (struct control_job){.home = manager->broker->control_loop,
                                .run = resize_run,
                                .done = resize_done,
                                .label = "resize_fetchers"};
    replica_manager_submit(manager, job);
}
