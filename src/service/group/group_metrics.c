/*
 * What groups are, for the metrics: summed up a moment after something happened, so that a heartbeat costs
 * no walk over the coordinators.
 */
#include "service/count.h"
#include "service/group/groups_internal.h"

#define MOMENT_MS 500

static void add_counters(struct group_counts *sum, const struct group_counts *one)
{
    sum->rebalances += one->rebalances;
    sum->commits += one->commits;
    sum->offsets_expired += one->offsets_expired;
    sum->offsets_deleted += one->offsets_deleted;
}

void group_metrics_keep(struct groups *groups, const struct group_coordinator *coordinator)
{
    struct group_counts counts;
    group_coordinator_counts(coordinator, &counts);
    add_counters(&groups->ended, &counts);
}

static struct group_counts sum_up(struct groups *groups)
{
    struct group_counts sum = groups->ended;
    const struct group_coordinator *coordinator;
    size_t it = 0;
    while ((coordinator = groups_next(groups, &it))) {
        struct group_counts one;
        group_coordinator_counts(coordinator, &one);
        add_counters(&sum, &one);
        sum.offsets += one.offsets;
        for (int state = 0; state < GROUP_STATE_COUNT; state++)
            sum.groups[state] += one.groups[state];
    }
    return sum;
}

/* On the groups' loop, whose share of the gauges it is. */
static void tell(struct groups_ask *ask)
{
    struct groups *groups = ask->groups;
    struct metrics_shard *shard = count_shard(groups->broker);
    struct group_counts sum = groups->sum;
    int64_t all = 0;
    for (int state = 0; state < GROUP_STATE_COUNT; state++)
        all += sum.groups[state];
    metrics_set(shard, METRIC_GROUPS, all);
    metrics_set(shard, METRIC_GROUPS_STABLE, sum.groups[GROUP_STABLE]);
    metrics_set(shard, METRIC_GROUPS_PREPARING, sum.groups[GROUP_PREPARING]);
    metrics_set(shard, METRIC_GROUPS_COMPLETING, sum.groups[GROUP_COMPLETING]);
    metrics_set(shard, METRIC_GROUPS_EMPTY, sum.groups[GROUP_EMPTY]);
    metrics_set(shard, METRIC_GROUPS_DEAD, sum.groups[GROUP_DEAD]);
    metrics_set(shard, METRIC_GROUP_OFFSETS, sum.offsets);
    metrics_add(shard, METRIC_GROUP_REBALANCES, (int64_t)(sum.rebalances - groups->told.rebalances));
    metrics_add(shard, METRIC_GROUP_COMMITS, (int64_t)(sum.commits - groups->told.commits));
    metrics_add(shard, METRIC_GROUP_EXPIRED, (int64_t)(sum.offsets_expired - groups->told.offsets_expired));
    metrics_add(shard, METRIC_GROUP_DELETED, (int64_t)(sum.offsets_deleted - groups->told.offsets_deleted));
    groups->told = sum;
    atomic_store(&groups->is_counting, false);
}

static bool count(struct groups_ask *ask)
{
    ask->groups->sum = sum_up(ask->groups);
    return true;
}

static void moment_is_over(struct groups_timer *timer)
{
    struct groups *groups = CONTAINER_OF(timer, struct groups, count_timer);
    if (atomic_exchange(&groups->is_counting, true))
        group_metrics_touch(groups); /* the loop is late with the count before */
    else
        groups_ask(groups, &groups->count);
}

void group_metrics_init(struct groups *groups)
{
    groups_timer_init(&groups->count_timer, &groups->hold, groups->loop, moment_is_over);
    groups->count = (struct groups_ask){.run = count, .done = tell, .home = groups->loop};
}

void group_metrics_touch(struct groups *groups)
{
    if (!groups_timer_is_armed(&groups->count_timer))
        groups_timer_arm(&groups->count_timer, groups->now.mono_ms + MOMENT_MS);
}

void group_metrics_loaded(struct groups *groups, int64_t ms)
{
    metrics_observe(count_shard(groups->broker), METRIC_GROUP_LOADS, ms * 1000);
}
