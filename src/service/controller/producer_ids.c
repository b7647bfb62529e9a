#include "service/controller/producer_ids.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "loop/workers.h"
#include "service/controller/controller_channel.h"
#include "service/controller/producer_blocks.h"
#include "wire/generated/wire_messages.h"

/* Asked for again when this part of a block is gone. */
#define PREFETCH_NUMERATOR   9
#define PREFETCH_DENOMINATOR 10

#define KEY_ALLOCATE_PRODUCER_IDS 67
/* So long may those who came first wait; then they are told to come again. */
#define ASK_TIMEOUT_MS 5000

struct producer_ids {
    struct broker *broker;
    int16_t version; /* of AllocateProducerIds */
    pthread_mutex_t lock;
    int64_t next;
    int64_t end; /* of the present block, exclusive */
    int64_t prefetch_at;
    int64_t spare_first; /* the block after it */
    int64_t spare_end;
    bool asking;
    struct controller_question question;
    struct wire_allocate_producer_ids_request request;
    struct list waits;
    /* Below inter.broker.protocol.version 3.0: from ZooKeeper, by a worker. */
    struct work work;
    enum err taken;
    int64_t taken_first;
    int32_t taken_count;
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

static void take_block(struct producer_ids *ids, enum err err, int64_t first, int32_t count)
{
    pthread_mutex_lock(&ids->lock);
    if (err == ERR_NONE) {
        ids->spare_first = first;
        ids->spare_end = first + count;
        log_info("producers", "id_block", "first=%lld count=%d", (long long)first, count);
    } else if (err != ERR_CLOSED) {
        log_warn("producers", "no_id_block", "error=%s", err_name(err));
    }
    ids->asking = false;
    struct list *node;
    while ((node = list_pop_front(&ids->waits))) {
        int64_t id = err == ERR_NONE ? take(ids) : -1;
        send_home(CONTAINER_OF(node, struct producer_id_wait, node),
                  id >= 0 ? ERR_NONE : ERR_COORDINATOR_LOAD_IN_PROGRESS, id);
    }
    pthread_mutex_unlock(&ids->lock);
}

static void block_arrived(struct controller_question *question, enum err err, const void *arg)
{
    const struct wire_allocate_producer_ids_response *answer = arg;
    if (err == ERR_NONE)
        err = (enum err)answer->error_code; /* errors of Kafka's have the same numbers here */
    take_block(CONTAINER_OF(question, struct producer_ids, question), err,
               err == ERR_NONE ? answer->producer_id_start : 0,
               err == ERR_NONE ? answer->producer_id_len : 0);
}

static void take_from_zookeeper(struct work *work)
{
    struct producer_ids *ids = CONTAINER_OF(work, struct producer_ids, work);
    struct zk_sync sync = {ids->broker->zk, ids->broker->zk_loop};
    struct errmsg why;
    ids->taken = producer_blocks_take(&sync, ids->broker->id, &ids->taken_first, &ids->taken_count, &why);
    if (ids->taken != ERR_NONE && ids->taken != ERR_CLOSED)
        log_warn("producers", "id_block_not_taken", "error=\"%s\"", why.text);
}

static void was_taken(struct work *work, bool discard)
{
    struct producer_ids *ids = CONTAINER_OF(work, struct producer_ids, work);
    take_block(ids, discard ? ERR_CLOSED : ids->taken, ids->taken_first, ids->taken_count);
}

/* Under the lock. */
static void ask_for_block(struct producer_ids *ids)
{
    if (ids->asking || ids->spare_first != ids->spare_end)
        return;
    ids->asking = true;
    if (ids->version == INTER_BROKER_BY_ZOOKEEPER) {
        ids->work = (struct work){.home = ids->broker->control_loop,
                                  .run = take_from_zookeeper,
                                  .done = was_taken,
                                  .label = "producer_ids"};
        workers_submit(ids->broker->workers, &ids->work);
        return;
    }
    ids->request = (struct wire_allocate_producer_ids_request){
        .broker_id = ids->broker->id, .broker_epoch = atomic_load(&ids->broker->epoch)};
    ids->question = (struct controller_question){.api_key = KEY_ALLOCATE_PRODUCER_IDS,
                                                 .version = ids->version,
                                                 .request = &ids->request,
                                                 .timeout_ms = ASK_TIMEOUT_MS,
                                                 .home = ids->broker->control_loop,
                                                 .done = block_arrived};
    controller_channel_ask(ids->broker->controller_channel, &ids->question);
}

struct producer_ids *producer_ids_new(struct broker *broker)
{
    struct producer_ids *ids = MEM_NEW(struct producer_ids);
    ids->broker = broker;
    ids->version = config_inter_broker(atomic_load(&broker->config.value))->allocate_producer_ids;
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
