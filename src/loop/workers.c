#include "loop/workers.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"

/*
 * One lock over all lanes. An item costs microseconds at least, so the lock is
 * not what limits. Lanes that have work stand in a ring; a worker takes the first
 * whose share is not used up and puts it at the ring's end.
 */

struct lane {
    struct list ring; /* linked while items wait */
    struct list items;
    int running;
    int share; /* of the threads */
};

struct workers {
    pthread_mutex_t lock;
    pthread_cond_t work_or_stop;
    struct map lanes; /* number -> struct lane */
    struct list ring;
    int lane_share;
    bool stopping;
    bool joined;
    int threads;
    pthread_t thread_ids[];
};

static struct lane *lane_get(struct workers *pool, int number)
{
    struct lane *lane = (struct lane *)map_get_int(&pool->lanes, number);
    if (!lane) {
        lane = MEM_NEW(struct lane);
        /* Lanes may hang, each with all that it may use; some threads must be left for the others. */
        lane->share = number == 0 ? pool->lane_share : pool->threads > 4 ? pool->threads / 4 : 1;
        list_node_init(&lane->ring);
        list_init(&lane->items);
        map_put_int(&pool->lanes, number, lane);
    }
    return lane;
}

static void message_done(struct loop_message *msg, bool discard)
{
    struct work *work = CONTAINER_OF(msg, struct work, message);
    work->done(work, discard);
}

static void message_discarded(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct work *work = CONTAINER_OF(msg, struct work, message);
    work->done(work, true);
}

static void deliver(struct work *work, bool discarded)
{
    if (!work->home) {
        if (work->done)
            work->done(work, discarded);
        return;
    }
    work->message.run = discarded ? message_discarded : message_done;
    work->message.label = work->label;
    loop_post(work->home, &work->message);
}

/* Under the lock: the next item whose lane has a thread to spare, or NULL. */
static struct work *take(struct workers *pool, struct lane **out_lane)
{
    LIST_EACH (node, &pool->ring) {
        struct lane *lane = CONTAINER_OF(node, struct lane, ring);
        if (lane->running >= lane->share)
            continue;
        struct work *work = CONTAINER_OF(list_pop_front(&lane->items), struct work, node);
        list_remove(&lane->ring);
        if (!list_is_empty(&lane->items))
            list_push_back(&pool->ring, &lane->ring);
        lane->running++;
        *out_lane = lane;
        return work;
    }
    return NULL;
}

static void *worker_main(void *arg)
{
    struct workers *pool = (struct workers *)arg;
    pthread_setname_np(pthread_self(), "worker");
    log_set_thread_name("worker");
    pthread_mutex_lock(&pool->lock);
    while (!pool->stopping) {
        struct lane *lane;
        struct work *work = take(pool, &lane);
        if (!work) {
            pthread_cond_wait(&pool->work_or_stop, &pool->lock);
            continue;
        }
        pthread_mutex_unlock(&pool->lock);
        /* Nobody waits to hear of it: once it has run it may be submitted again, or be gone. */
        bool silent = !work->home && !work->done;
        work->run(work);
        if (!silent)
            deliver(work, false);
        pthread_mutex_lock(&pool->lock);
        lane->running--;
        /* The share that became free may be what a sleeping worker waits for; this one looks again itself. */
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

struct workers *workers_new(int threads)
{
    ASSERT(threads >= 1);
    struct workers *pool =
        (struct workers *)mem_zalloc(sizeof *pool + (size_t)threads * sizeof pool->thread_ids[0]);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->work_or_stop, NULL);
    list_init(&pool->ring);
    pool->threads = threads;
    pool->lane_share = threads > 1 ? threads - 1 : 1;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (int i = 0; i < threads; i++) {
        int rc = pthread_create(&pool->thread_ids[i], NULL, worker_main, pool);
        ASSERT(rc == 0);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return pool;
}

void workers_submit(struct workers *pool, struct work *work)
{
    pthread_mutex_lock(&pool->lock);
    bool refused = pool->stopping;
    if (!refused) {
        struct lane *lane = lane_get(pool, work->lane);
        list_push_back(&lane->items, &work->node);
        if (!list_is_linked(&lane->ring))
            list_push_back(&pool->ring, &lane->ring);
        pthread_cond_signal(&pool->work_or_stop);
    }
    pthread_mutex_unlock(&pool->lock);
    if (refused)
        deliver(work, true);
}

void workers_stop(struct workers *pool)
{
    pthread_mutex_lock(&pool->lock);
    bool joined = pool->joined;
    pool->stopping = pool->joined = true;
    pthread_cond_broadcast(&pool->work_or_stop);
    pthread_mutex_unlock(&pool->lock);
    if (joined)
        return;
    for (int i = 0; i < pool->threads; i++)
        pthread_join(pool->thread_ids[i], NULL);
    /* Nobody else is left, and workers_submit refuses. */
    struct map_slot *slot;
    for (size_t it = 0; (slot = map_next(&pool->lanes, &it));) {
        struct lane *lane = (struct lane *)slot->value;
        struct list *node;
        while ((node = list_pop_front(&lane->items)))
            deliver(CONTAINER_OF(node, struct work, node), true);
    }
}

void workers_free(struct workers *pool)
{
    if (!pool)
        return;
    workers_stop(pool);
    struct map_slot *slot;
    for (size_t it = 0; (slot = map_next(&pool->lanes, &it));)
        free(slot->value);
    map_close(&pool->lanes);
    pthread_cond_destroy(&pool->work_or_stop);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}
