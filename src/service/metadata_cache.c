#include "service/metadata_cache.h"

#include <stdlib.h>

#include "base/mem.h"
#include "loop/snapshot.h"
#include "service/broker.h"
#include "wire/generated/wire_messages.h"

struct metadata_cache {
    struct broker *broker;
    struct snapshot current; /* struct metadata */
    struct list waits;       /* control loop */
    pthread_mutex_t lock;
    int32_t *alive; /* ids of the brokers, for threads that may not hold a snapshot; under lock */
    int32_t alive_count;
};

static void free_metadata(void *value)
{
    metadata_free(value);
}

struct metadata_cache *metadata_cache_new(struct broker *broker)
{
    struct metadata_cache *cache = MEM_NEW(struct metadata_cache);
    cache->broker = broker;
    atomic_store(&cache->current.value, metadata_new());
    list_init(&cache->waits);
    pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

void metadata_cache_free(struct metadata_cache *cache)
{
    if (!cache)
        return;
    metadata_free(atomic_load(&cache->current.value));
    pthread_mutex_destroy(&cache->lock);
    free(cache->alive);
    free(cache);
}

const struct metadata *metadata_cache_get(const struct metadata_cache *cache)
{
    return snapshot_get(&cache->current);
}

bool metadata_cache_is_alive(const struct metadata_cache *cache, int32_t broker_id)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&cache->lock;
    bool alive = false;
    pthread_mutex_lock(lock);
    for (int32_t i = 0; i < cache->alive_count && !alive; i++)
        alive = cache->alive[i] == broker_id;
    pthread_mutex_unlock(lock);
    return alive;
}

int32_t metadata_cache_count_alive(const struct metadata_cache *cache)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&cache->lock;
    pthread_mutex_lock(lock);
    int32_t count = cache->alive_count;
    pthread_mutex_unlock(lock);
    return count;
}

static void note_alive(struct metadata_cache *cache, const struct metadata *metadata)
{
    int32_t *ids = mem_zalloc(sizeof *ids * (size_t)(metadata->brokers_count + 1));
    for (int32_t i = 0; i < metadata->brokers_count; i++)
        ids[i] = metadata->brokers[i].id;
    pthread_mutex_lock(&cache->lock);
    int32_t *old = cache->alive;
    cache->alive = ids;
    cache->alive_count = metadata->brokers_count;
    pthread_mutex_unlock(&cache->lock);
    free(old);
}

/* --- waiting ---------------------------------------------------------------------------------------- */

static void wait_came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct metadata_wait *wait = CONTAINER_OF(msg, struct metadata_wait, message);
    wait->done(wait, wait->in_time);
}

static void wait_finish(struct metadata_wait *wait, bool in_time)
{
    list_remove(&wait->node);
    loop_timer_cancel(wait->cache->broker->control_loop, &wait->timer);
    wait->in_time = in_time;
    wait->message = (struct loop_message){.run = wait_came_home, .label = "metadata_wait"};
    loop_post(wait->home, &wait->message);
}

static void wait_expired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    wait_finish(CONTAINER_OF(timer, struct metadata_wait, timer), false);
}

static void wait_arrived(struct loop_message *msg, bool discard)
{
    struct metadata_wait *wait = CONTAINER_OF(msg, struct metadata_wait, message);
    struct metadata_cache *cache = wait->cache;
    list_push_back(&cache->waits, &wait->node);
    if (discard || wait->satisfied(wait, metadata_cache_get(cache))) {
        wait_finish(wait, !discard);
        return;
    }
    wait->timer.fire = wait_expired;
    loop_timer_arm(cache->broker->control_loop, &wait->timer, wait->deadline_ms);
}

void metadata_cache_wait(struct metadata_cache *cache, struct metadata_wait *wait)
{
    wait->cache = cache;
    list_node_init(&wait->node);
    wait->message = (struct loop_message){.run = wait_arrived, .label = "metadata_wait"};
    loop_post(cache->broker->control_loop, &wait->message);
}

void metadata_cache_update(struct metadata_cache *cache, const struct wire_update_metadata_request *request)
{
    struct metadata *next = metadata_apply(metadata_cache_get(cache), request);
    note_alive(cache, next);
    snapshot_replace(cache->broker->domain, &cache->current, next, free_metadata);
    LIST_EACH_SAFE (node, &cache->waits) {
        struct metadata_wait *wait = CONTAINER_OF(node, struct metadata_wait, node);
        if (wait->satisfied(wait, next))
            wait_finish(wait, true);
    }
}
