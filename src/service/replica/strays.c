/*
 * One look:
 *
 *   ZooKeeper loop: timer --> worker: which logs have no role? --> ZooKeeper loop: their topics, read
 *        --> states of those that are not assigned here --> judged; superfluous ones --> control job
 *
 * The job looks again whether the log is still without a role: a LeaderAndIsr may have come meanwhile.
 */
#include "service/replica/strays.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "config/config.h"
#include "core/replica/stray.h"
#include "loop/latch.h"
#include "port/zk.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_manager_internal.h"
#include "storage/leader_epochs.h"
#include "zk/znode_json.h"

struct stray {
    struct strays *all;
    struct partition *part; /* a share */
    struct stray_facts facts;
    struct znode_topic topic;
    struct znode_state state;
};

struct strays {
    struct broker *broker;
    int64_t interval_ms;
    bool stopping;
    struct loop_timer timer;
    struct loop_message start_message;
    struct work work;
    struct arena arena; /* of the look that is under way */
    struct stray *items;
    int count;
    int away;            /* answers of ZooKeeper */
    struct map reported; /* partition's name -> its verdict + 1 */
    _Atomic int found;
};

/* --- deletion ------------------------------------------------------------------------------------------- */

struct deletion {
    struct control_job job;
    struct partition *part; /* a share */
};

static void delete_run(struct control_job *job)
{
    struct deletion *deletion = CONTAINER_OF(job, struct deletion, job);
    replica_manager_delete_stray(job->manager, deletion->part);
}

static void delete_done(struct control_job *job)
{
    struct deletion *deletion = CONTAINER_OF(job, struct deletion, job);
    partition_release(deletion->part);
    free(deletion);
}

static void delete_later(struct strays *strays, struct partition *part)
{
    struct deletion *deletion = MEM_NEW(struct deletion);
    *deletion = (struct deletion){.job = {.home = strays->broker->control_loop,
                                          .run = delete_run,
                                          .done = delete_done,
                                          .label = "delete_stray"},
                                  .part = partition_share(part)};
    replica_manager_submit(strays->broker->replicas, &deletion->job);
}

/* --- verdicts ------------------------------------------------------------------------------------------- */

/* Once for each verdict: a stray log may stay for years. */
static void report(struct strays *strays, const struct partition *part, enum stray_verdict verdict)
{
    void *now = (void *)(uintptr_t)(verdict + 1);
    if (map_get_str(&strays->reported, part->name) == now)
        return;
    map_put_str(&strays->reported, part->name, now);
    log_warn(
        "replica", "stray_log", "partition=%s reason=\"%s\" effect=\"%s\"", part->name, stray_reason(verdict),
        verdict == STRAY_SUPERFLUOUS ? "it is deleted" : "it is kept, and not served; remove it by hand");
}

static void finish(struct strays *strays)
{
    int found = 0;
    for (int i = 0; i < strays->count; i++) {
        struct stray *stray = &strays->items[i];
        enum stray_verdict verdict = stray_judge(&stray->facts);
        if (!strays->stopping && verdict >= STRAY_TOPIC_GONE) {
            found++;
            report(strays, stray->part, verdict);
        }
        if (!strays->stopping && verdict == STRAY_SUPERFLUOUS)
            delete_later(strays, stray->part);
        partition_release(stray->part);
    }
    atomic_store(&strays->found, found);
    free(strays->items);
    strays->items = NULL;
    strays->count = 0;
    arena_reset(&strays->arena);
    struct loop *loop = strays->broker->zk_loop;
    if (!strays->stopping)
        loop_timer_arm(loop, &strays->timer, loop_now_ms(loop) + strays->interval_ms);
}

/* --- ZooKeeper ------------------------------------------------------------------------------------------ */

static void one_is_home(struct strays *strays)
{
    if (--strays->away == 0)
        finish(strays);
}

static void state_read(void *arg, const struct zk_result *result)
{
    struct stray *stray = arg;
    struct errmsg why;
    bool there = result->err == ERR_NONE &&
                 znode_decode_state(result->data, &stray->all->arena, &stray->state, &why) == ERR_NONE;
    stray->facts.state_read = there || result->err == ERR_NOT_FOUND;
    stray->facts.state = there ? &stray->state : NULL;
    one_is_home(stray->all);
}

/* The state is read behind the assignment: it cannot be older. */
static void topic_read(void *arg, const struct zk_result *result)
{
    struct stray *stray = arg;
    struct strays *strays = stray->all;
    struct errmsg why;
    bool there = result->err == ERR_NONE &&
                 znode_decode_topic(result->data, &strays->arena, &stray->topic, &why) == ERR_NONE;
    stray->facts.topic_read = there || result->err == ERR_NOT_FOUND;
    stray->facts.topic = there ? &stray->topic : NULL;
    if (there && stray_judge(&stray->facts) == STRAY_UNKNOWN) {
        struct zk_op op = {.kind = ZK_OP_GET,
                           .path = arena_printf(&strays->arena, "/brokers/topics/%s/partitions/%d/state",
                                                stray->part->topic, stray->part->index)};
        zk_submit(strays->broker->zk, &op, state_read, stray);
        return;
    }
    one_is_home(strays);
}

static void ask(struct strays *strays)
{
    strays->away = strays->count + 1;
    for (int i = 0; i < strays->count; i++) {
        struct stray *stray = &strays->items[i];
        struct zk_op op = {.kind = ZK_OP_GET,
                           .path = arena_printf(&strays->arena, "/brokers/topics/%s", stray->part->topic)};
        zk_submit(strays->broker->zk, &op, topic_read, stray);
    }
    one_is_home(strays);
}

/* --- which logs ----------------------------------------------------------------------------------------- */

static void look(struct partition *part, void *arg)
{
    struct stray *stray = arg;
    bool has_no_role = part->log && !part->deleted && part->replica.role == REPLICA_ROLE_NONE;
    if (!has_no_role)
        return;
    stray->part = part;
    stray->facts =
        (struct stray_facts){.broker_id = part->broker_id,
                             .partition = part->index,
                             .topic_id = log_topic_id(part->log),
                             .latest_epoch = leader_epochs_latest_epoch(log_leader_epochs(part->log))};
}

static void collect_run(struct work *work)
{
    struct strays *strays = CONTAINER_OF(work, struct strays, work);
    int count;
    struct partition **all = replica_manager_all(strays->broker->replicas, &count);
    strays->items = mem_zalloc(sizeof *strays->items * (size_t)(count + 1));
    for (int i = 0; i < count; i++) {
        struct stray *stray = &strays->items[strays->count];
        stray->all = strays;
        (void)partition_try_call(all[i], look, stray); /* one that hangs is looked at again */
        if (stray->part)
            strays->count++; /* keeps the share */
        else
            partition_release(all[i]);
    }
    free(all);
}

static void collect_done(struct work *work, bool discard)
{
    struct strays *strays = CONTAINER_OF(work, struct strays, work);
    strays->stopping |= discard;
    if (strays->stopping)
        finish(strays);
    else
        ask(strays);
}

static void fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct strays *strays = CONTAINER_OF(timer, struct strays, timer);
    strays->work = (struct work){
        .home = strays->broker->zk_loop, .run = collect_run, .done = collect_done, .label = "strays"};
    workers_submit(strays->broker->workers, &strays->work);
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

struct strays *strays_new(struct broker *broker)
{
    struct strays *strays = MEM_NEW(struct strays);
    strays->broker = broker;
    strays->interval_ms =
        config_long(atomic_load(&broker->config.value), CONFIG_BARNABAS_STRAY_CHECK_INTERVAL_MS);
    strays->timer.fire = fired;
    return strays;
}

static void start_on_loop(struct loop_message *msg, bool discard)
{
    struct strays *strays = CONTAINER_OF(msg, struct strays, start_message);
    struct loop *loop = strays->broker->zk_loop;
    if (!discard && !strays->stopping)
        loop_timer_arm(loop, &strays->timer, loop_now_ms(loop) + strays->interval_ms);
}

void strays_start(struct strays *strays)
{
    strays->start_message = (struct loop_message){.run = start_on_loop, .label = "strays_start"};
    loop_post(strays->broker->zk_loop, &strays->start_message);
}

static void stop_on_loop(void *arg, bool discard)
{
    (void)discard;
    struct strays *strays = arg;
    strays->stopping = true;
    loop_timer_cancel(strays->broker->zk_loop, &strays->timer);
}

void strays_stop(struct strays *strays)
{
    loop_call(strays->broker->zk_loop, stop_on_loop, strays, "strays_stop");
}

void strays_free(struct strays *strays)
{
    if (!strays)
        return;
    loop_timer_cancel(strays->broker->zk_loop, &strays->timer);
    for (int i = 0; i < strays->count; i++) /* of a look that nobody ended */
        partition_release(strays->items[i].part);
    free(strays->items);
    map_close(&strays->reported);
    arena_close(&strays->arena);
    free(strays);
}

int strays_count(const struct strays *strays)
{
    return atomic_load(&strays->found);
}
