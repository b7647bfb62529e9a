/*
 * num.replica.fetchers while the broker runs. A control job, so that no LeaderAndIsr changes who follows whom
 * meanwhile.
 */
#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/fetcher/fetchers.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_manager_internal.h"
#include "service/settings/broker_settings.h"

static void read_role(struct partition *part, void *arg)
{
    struct fetchers_followed *out = arg;
    const struct replica *replica = &part->replica;
    bool follows = part->log && !part->deleted && replica->role == REPLICA_ROLE_FOLLOWER;
    *out = (struct fetchers_followed){
        .part = part, .leader_id = follows ? replica->leader_id : -1, .leader_epoch = replica->leader_epoch};
}

static void resize(struct replica_manager *manager, int number)
{
    int count, followed_count = 0;
    struct partition **all = replica_manager_all(manager, &count);
    struct fetchers_followed *followed = mem_zalloc(sizeof *followed * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        partition_call(all[i], read_role, &followed[followed_count]);
        followed_count += followed[followed_count].leader_id >= 0;
    }
    log_info("fetcher", "fetchers", "number=%d before=%d partitions=%d", number,
             fetchers_number(manager->broker->fetchers), followed_count);
    fetchers_resize(manager->broker->fetchers, number, followed, followed_count);
    for (int i = 0; i < count; i++)
        partition_release(all[i]);
    free(followed);
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
