/*
 * Who follows whom, on each fetcher loop.
 *
 *   follow --message--> start: an op that makes the log ready --> set in the leader's link
 *                                                                 (removed from any other)
 *   leave  --message--> start cancelled, removed from its link
 */
#include "service/fetcher/fetchers.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "config/config.h"
#include "service/fetcher/fetchers_internal.h"

#define MEASURE_MS 2000

struct fetchers {
    struct fetcher_loop *loops;
    int count; /* of loops: threads */
    /* Whom each partition follows, and by which fetcher; both change together. */
    pthread_mutex_t roles_lock;
    _Atomic int number;   /* num.replica.fetchers: of links to each leader, spread over the loops */
    pthread_mutex_t lock; /* running */
    pthread_cond_t stopped;
    int running; /* loops that have not stopped */
};

/* A partition on its way into a link. */
struct start {
    struct list node;
    struct follow_op op;
    struct fetcher_loop *owner;
    int32_t leader_id;
    int fetcher; /* which of num.replica.fetchers */
    bool cancelled;
};

/* follow or leave, on its way to the loop. */
struct errand {
    struct loop_message message;
    struct fetcher_loop *owner;
    struct partition *part; /* a share */
    int32_t leader_id;      /* -1 = leave */
    int fetcher;
    int32_t leader_epoch;
};

/* --- links ------------------------------------------------------------------------------------------- */

static void release_user(void *user)
{
    partition_release(user);
}

static struct fetcher *find_link(struct fetcher_loop *loop, int32_t leader_id, int number)
{
    LIST_EACH (node, &loop->links) {
        struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
        if (fetcher->leader_id == leader_id && fetcher->number == number)
            return fetcher;
    }
    return NULL;
}

static void remove_from_links(struct fetcher_loop *loop, const struct partition *part, int32_t leader_epoch,
                              const struct fetcher *except)
{
    LIST_EACH (node, &loop->links) {
        struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
        if (fetcher == except)
            continue;
        partition_release(fetch_link_remove(fetcher->link, view_str(part->topic), part->index, leader_epoch));
        fetcher_kick(fetcher);
    }
}

/* --- starts ------------------------------------------------------------------------------------------ */

static void cancel_starts(struct fetcher_loop *loop, const struct partition *part, int32_t leader_epoch)
{
    LIST_EACH (node, &loop->starts) {
        struct start *start = CONTAINER_OF(node, struct start, node);
        if (start->op.part == part && start->op.action.leader_epoch <= leader_epoch)
            start->cancelled = true;
    }
}

static void put_in_link(struct start *start)
{
    struct fetcher_loop *loop = start->owner;
    struct partition *part = start->op.part;
    struct fetcher *fetcher = find_link(loop, start->leader_id, start->fetcher);
    if (!fetcher)
        fetcher = fetcher_new(loop, start->leader_id, start->fetcher);
    remove_from_links(loop, part, start->op.action.leader_epoch, fetcher);
    void *unwanted = fetch_link_set(fetcher->link, view_str(part->topic), start->op.topic_id, part->index,
                                    start->op.action.leader_epoch, &start->op.log, partition_share(part));
    partition_release(unwanted);
    fetcher_kick(fetcher);
}

static void start_is_done(struct follow_op *op)
{
    struct start *start = CONTAINER_OF(op, struct start, op);
    struct fetcher_loop *loop = start->owner;
    bool wanted = op->outcome == FETCH_LINK_OK && !start->cancelled && !loop->stopping;
    if (wanted)
        put_in_link(start);
    list_remove(&start->node);
    partition_release(op->part);
    free(start);
    fetcher_loop_op_is_home(loop);
}

static void begin_start(struct fetcher_loop *loop, const struct errand *errand)
{
    struct start *start = MEM_NEW(struct start);
    start->owner = loop;
    start->leader_id = errand->leader_id;
    start->fetcher = errand->fetcher;
    start->op = (struct follow_op){.broker = loop->broker,
                                   .part = partition_share(errand->part),
                                   .begins = true,
                                   .action = {.leader_epoch = errand->leader_epoch},
                                   .done = start_is_done};
    list_push_back(&loop->starts, &start->node);
    loop->away++;
    follow_submit(&start->op);
}

/* --- errands ----------------------------------------------------------------------------------------- */

static void errand_arrived(struct loop_message *msg, bool discard)
{
    struct errand *errand = CONTAINER_OF(msg, struct errand, message);
    struct fetcher_loop *loop = errand->owner;
    if (!discard && !loop->stopping) {
        /* What was followed before is not fetched while the new epoch begins. */
        cancel_starts(loop, errand->part, errand->leader_epoch);
        remove_from_links(loop, errand->part, errand->leader_epoch, NULL);
        if (errand->leader_id >= 0)
            begin_start(loop, errand);
    }
    partition_release(errand->part);
    free(errand);
}

/* Kafka's rule. */
static int fetcher_of(const struct partition *part, int number)
{
    uint32_t hash = 31u * (uint32_t)hash_java_string(view_str(part->topic)) + (uint32_t)part->index;
    return (int)((hash & INT32_MAX) % (uint32_t)number);
}

static void send(struct fetchers *fetchers, int number, struct partition *part, int32_t leader_id,
                 int32_t leader_epoch)
{
    struct errand *errand = MEM_NEW(struct errand);
    errand->fetcher = fetcher_of(part, number);
    errand->owner = &fetchers->loops[errand->fetcher % fetchers->count];
    errand->part = partition_share(part);
    errand->leader_id = leader_id;
    errand->leader_epoch = leader_epoch;
    errand->message = (struct loop_message){.run = errand_arrived, .label = "follow"};
    loop_post(errand->owner->loop, &errand->message);
}

void fetchers_follow(struct fetchers *fetchers, struct partition *part, int32_t leader_id,
                     int32_t leader_epoch)
{
    ASSERT(leader_id >= 0);
    if (!fetchers)
        return;
    pthread_mutex_lock(&fetchers->roles_lock);
    part->followed.leader_id = leader_id;
    part->followed.leader_epoch = leader_epoch;
    send(fetchers, fetchers->number, part, leader_id, leader_epoch);
    pthread_mutex_unlock(&fetchers->roles_lock);
}

void fetchers_leave(struct fetchers *fetchers, struct partition *part, int32_t leader_epoch)
{
    if (!fetchers)
        return;
    pthread_mutex_lock(&fetchers->roles_lock);
    if (part->followed.leader_epoch <= leader_epoch)
        part->followed.leader_id = -1;
    send(fetchers, fetchers->number, part, -1, leader_epoch);
    pthread_mutex_unlock(&fetchers->roles_lock);
}

/*
 * A link that is left may have records on their way still, and the next one begin meanwhile: an append looks
 * whether the log ends where they begin.
 */
static bool change_fetcher(struct fetchers *fetchers, struct partition *part, int before, int number)
{
    if (part->followed.leader_id < 0)
        return false;
    if (fetcher_of(part, before) != fetcher_of(part, number)) {
        send(fetchers, before, part, -1, part->followed.leader_epoch);
        send(fetchers, number, part, part->followed.leader_id, part->followed.leader_epoch);
    }
    return true;
}

int fetchers_resize(struct fetchers *fetchers, int number, struct partition *const *parts, int count)
{
    int followed = 0;
    pthread_mutex_lock(&fetchers->roles_lock);
    int before = fetchers->number;
    for (int i = 0; i < count; i++)
        followed += change_fetcher(fetchers, parts[i], before, number);
    fetchers->number = number;
    pthread_mutex_unlock(&fetchers->roles_lock);
    return followed;
}

int fetchers_number(const struct fetchers *fetchers)
{
    return atomic_load(&fetchers->number);
}

/* --- numbers ----------------------------------------------------------------------------------------- */

static void measure(struct loop_timer *timer, int64_t now_ms)
{
    struct fetcher_loop *loop = CONTAINER_OF(timer, struct fetcher_loop, measure);
    int64_t max_lag = 0, min_rate = -1;
    int failed = 0;
    LIST_EACH (node, &loop->links) {
        struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
        fetcher_measure(fetcher, now_ms);
        max_lag = fetcher->numbers.max_lag > max_lag ? fetcher->numbers.max_lag : max_lag;
        min_rate = min_rate < 0 || fetcher->rate < min_rate ? fetcher->rate : min_rate;
        failed += fetcher->numbers.failed;
    }
    atomic_store(&loop->max_lag, max_lag);
    atomic_store(&loop->min_rate, min_rate);
    atomic_store(&loop->failed, failed);
    loop_timer_arm(loop->loop, timer, now_ms + MEASURE_MS);
}

void fetchers_numbers(const struct fetchers *fetchers, struct fetchers_numbers *out)
{
    *out = (struct fetchers_numbers){.min_rate = -1};
    for (int i = 0; fetchers && i < fetchers->count; i++) {
        int64_t lag = atomic_load(&fetchers->loops[i].max_lag);
        int64_t rate = atomic_load(&fetchers->loops[i].min_rate);
        out->max_lag = lag > out->max_lag ? lag : out->max_lag;
        if (rate >= 0 && (out->min_rate < 0 || rate < out->min_rate))
            out->min_rate = rate;
        out->failed += atomic_load(&fetchers->loops[i].failed);
    }
    out->min_rate = out->min_rate < 0 ? 0 : out->min_rate;
}

/* --- start and stop ---------------------------------------------------------------------------------- */

static void begin_on_loop(struct loop_message *msg, bool discard)
{
    struct fetcher_loop *loop = CONTAINER_OF(msg, struct fetcher_loop, begin_message);
    if (!discard && !loop->stopping)
        measure(&loop->measure, loop_now_ms(loop->loop));
}

struct fetchers *fetchers_new(struct broker *broker, struct loop *const *loops, int count)
{
    ASSERT(count > 0);
    struct fetchers *fetchers = MEM_NEW(struct fetchers);
    fetchers->loops = mem_zalloc(sizeof *fetchers->loops * (size_t)count);
    fetchers->count = count;
    fetchers->running = count;
    int number = config_int(atomic_load(&broker->config.value), CONFIG_NUM_REPLICA_FETCHERS);
    fetchers->number = number > 0 ? number : 1;
    pthread_mutex_init(&fetchers->roles_lock, NULL);
    pthread_mutex_init(&fetchers->lock, NULL);
    pthread_cond_init(&fetchers->stopped, NULL);
    for (int i = 0; i < count; i++) {
        struct fetcher_loop *loop = &fetchers->loops[i];
        loop->all = fetchers;
        loop->broker = broker;
        loop->loop = loops[i];
        atomic_store(&loop->min_rate, -1);
        list_init(&loop->links);
        list_init(&loop->starts);
        loop->measure.fire = measure;
        loop->begin_message = (struct loop_message){.run = begin_on_loop, .label = "fetchers_begin"};
        loop_post(loop->loop, &loop->begin_message);
    }
    return fetchers;
}

static void look_if_stopped(struct fetcher_loop *loop)
{
    if (!loop->stopping || loop->stopped || loop->away > 0)
        return;
    loop->stopped = true;
    struct fetchers *fetchers = loop->all;
    pthread_mutex_lock(&fetchers->lock);
    if (--fetchers->running == 0)
        pthread_cond_signal(&fetchers->stopped);
    pthread_mutex_unlock(&fetchers->lock);
}

void fetcher_loop_op_is_home(struct fetcher_loop *loop)
{
    loop->away--;
    look_if_stopped(loop);
}

static void stop_on_loop(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct fetcher_loop *loop = CONTAINER_OF(msg, struct fetcher_loop, stop_message);
    loop->stopping = true;
    loop_timer_cancel(loop->loop, &loop->measure);
    LIST_EACH (node, &loop->links)
        fetcher_disconnect(CONTAINER_OF(node, struct fetcher, node));
    look_if_stopped(loop);
}

void fetchers_stop(struct fetchers *fetchers)
{
    if (!fetchers)
        return;
    for (int i = 0; i < fetchers->count; i++) {
        struct fetcher_loop *loop = &fetchers->loops[i];
        loop->stop_message = (struct loop_message){.run = stop_on_loop, .label = "fetchers_stop"};
        loop_post(loop->loop, &loop->stop_message);
    }
    pthread_mutex_lock(&fetchers->lock);
    while (fetchers->running > 0)
        pthread_cond_wait(&fetchers->stopped, &fetchers->lock);
    pthread_mutex_unlock(&fetchers->lock);
}

void fetchers_free(struct fetchers *fetchers)
{
    if (!fetchers)
        return;
    for (int i = 0; i < fetchers->count; i++) {
        struct list *node;
        ASSERT(list_is_empty(&fetchers->loops[i].starts));
        while ((node = list_pop_front(&fetchers->loops[i].links))) {
            struct fetcher *fetcher = CONTAINER_OF(node, struct fetcher, node);
            fetch_link_free(fetcher->link, release_user);
            fetcher->link = NULL;
            fetcher_free(fetcher);
        }
    }
    pthread_cond_destroy(&fetchers->stopped);
    pthread_mutex_destroy(&fetchers->lock);
    pthread_mutex_destroy(&fetchers->roles_lock);
    free(fetchers->loops);
    free(fetchers);
}
