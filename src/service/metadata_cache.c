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
    return cache;
}

void metadata_cache_free(struct metadata_cache *cache)
{
    if (!cache)
        return;
    metadata_free(atomic_load(&cache->current.value));
    free(cache);
}

const struct metadata *metadata_cache_get(const struct metadata_cache *cache)
{
    return snapshot_get(&cache->current);
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
    snapshot_replace(cache->broker->domain, &cache->current, next, free_metadata);
    LIST_EACH_SAFE (node, &cache->waits) {
        struct metadata_wait *wait = CONTAINER_OF(node, struct metadata_wait, node);
        if (wait->satisfied(wait, next))
            wait_finish(wait, true);
    }
}
