#include "loop/latch.h"

#include "base/assert.h"
#include "base/mem.h"

void latch_init(struct latch *latch)
{
    latch->is_open = false;
    pthread_mutex_init(&latch->lock, NULL);
    pthread_cond_init(&latch->opened, NULL);
}

void latch_open(struct latch *latch)
{
    pthread_mutex_lock(&latch->lock);
    latch->is_open = true;
    /* Signalled under the lock: the waiter ends the latch as soon as it can take it. */
    pthread_cond_signal(&latch->opened);
    pthread_mutex_unlock(&latch->lock);
}

void latch_await(struct latch *latch)
{
    ASSERT(loop_current() == NULL);
    pthread_mutex_lock(&latch->lock);
    while (!latch->is_open)
        pthread_cond_wait(&latch->opened, &latch->lock);
    pthread_mutex_unlock(&latch->lock);
    pthread_mutex_destroy(&latch->lock);
    pthread_cond_destroy(&latch->opened);
}

struct call {
    struct loop_message message;
    void (*fn)(void *arg, bool discard);
    void *arg;
    struct latch latch;
};

static void call_arrived(struct loop_message *msg, bool discard)
{
    struct call *call = CONTAINER_OF(msg, struct call, message);
    call->fn(call->arg, discard);
    latch_open(&call->latch);
}

void loop_call(struct loop *loop, void (*fn)(void *arg, bool discard), void *arg, const char *label)
{
    ASSERT(loop_current() == NULL);
    if (loop_is_current(loop)) { /* no thread runs it: nobody would take the message */
        fn(arg, true);
        return;
    }
    struct call call = {.message = {.run = call_arrived, .label = label}, .fn = fn, .arg = arg};
    latch_init(&call.latch);
    loop_post(loop, &call.message);
    latch_await(&call.latch);
}
