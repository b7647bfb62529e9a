#include "service/producer_ids.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "service/controller_loop.h"

/* Asked for again when this part of a block is gone. */
#define PREFETCH_NUMERATOR   9
#define PREFETCH_DENOMINATOR 10

struct producer_ids {
    struct broker *broker;
    pthread_mutex_t lock;
    int64_t next;
    int64_t end; /* of the present block, exclusive */
    int64_t prefetch_at;
    int64_t spare_first; /* the block after it */
    int64_t spare_end;
    bool asking;
    struct controller_call call;
    struct list waits;
};

static void wait_came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct producer_id_wait *wait = CONTAINER_OF(msg, struct producer_id_wait, message);
    wait->done(wait);
}

static void send_home(struct producer_id_wait *wait, enum err err, int64_t id)
{
    wait->err = err;
    wait->producer_id = id;
    wait->message = (struct loop_message){.run = wait_came_home, .label = "producer_id"};
    loop_post(wait->home, &wait->message);
}

/* Under the lock: the next id, or -1. */
static int64_t take(struct producer_ids *ids)
{
    if (ids->next == ids->end) {
        if (ids->spare_first == ids->spare_end)
            return -1;
        ids->next = ids->spare_first;
        ids->end = ids->spare_end;
        ids->spare_first = ids->spare_end = 0;
        ids->prefetch_at = ids->next + (ids->end - ids->next) * PREFETCH_NUMERATOR / PREFETCH_DENOMINATOR;
    }
    return ids->next++;
}

static void block_arrived(struct controller_call *call, bool discard)
{
    struct producer_ids *ids = CONTAINER_OF(call, struct producer_ids, call);
    pthread_mutex_lock(&ids->lock);
    enum err err = discard ? ERR_CLOSED : call->answer.err;
    if (err == ERR_NONE) {
        ids->spare_first = call->answer.producer_id_start;
        ids->spare_end = ids->spare_first + call->answer.producer_id_count;
        log_info("producers", "id_block", "first=%lld count=%d", (long long)ids->spare_first,
                 call->answer.producer_id_count);
    }
    ids->asking = false;
    struct list *node;
    while ((node = list_pop_front(&ids->waits))) {
        int64_t id = err == ERR_NONE ? take(ids) : -1;
        send_home(CONTAINER_OF(node, struct producer_id_wait, node),
                  id >= 0 ? ERR_NONE : ERR_COORDINATOR_LOAD_IN_PROGRESS, id);
    }
    controller_call_close(call);
    pthread_mutex_unlock(&ids->lock);
}

/* Under the lock. */
static void ask_for_block(struct producer_ids *ids)
{
    if (ids->asking || ids->spare_first != ids->spare_end)
        return;
    ids->asking = true;
    ids->call = (struct controller_call){.home = loop_current(), .done = block_arrived};
    ids->call.request.kind = CONTROLLER_ALLOCATE_PRODUCER_IDS;
    ids->call.request.allocate_producer_ids = (struct controller_allocate_producer_ids){
        .broker_id = ids->broker->id, .broker_epoch = atomic_load(&ids->broker->epoch)};
    controller_loop_request(ids->broker->controller, &ids->call);
}

struct producer_ids *producer_ids_new(struct broker *broker)
{
    struct producer_ids *ids = MEM_NEW(struct producer_ids);
    ids->broker = broker;
    pthread_mutex_init(&ids->lock, NULL);
    list_init(&ids->waits);
    return ids;
}

void producer_ids_free(struct producer_ids *ids)
{
    if (!ids)
        return;
    pthread_mutex_destroy(&ids->lock);
    free(ids);
}

void producer_ids_next(struct producer_ids *ids, struct producer_id_wait *wait)
{
    wait->home = loop_current();
    pthread_mutex_lock(&ids->lock);
    int64_t id = take(ids);
    if (id >= 0)
        send_home(wait, ERR_NONE, id);
    else
        list_push_back(&ids->waits, &wait->node);
    if (id < 0 || ids->next >= ids->prefetch_at)
        ask_for_block(ids);
    pthread_mutex_unlock(&ids->lock);
}
