#include "loop/latch.h"

#include <time.h>

#include "base/assert.h"
#include "base/mem.h"

void latch_init(struct latch *latch)
{
    pthread_condattr_t monotonic;
    latch->is_open = false;
    pthread_mutex_init(&latch->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&latch->opened, &monotonic);
    pthread_condattr_destroy(&monotonic);
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
    latch_end(latch);
}

bool latch_await_for(struct latch *latch, int ms)
{
    ASSERT(loop_current() == NULL);
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += ms % 1000 * 1000000L;
    until.tv_sec += ms / 1000 + until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    int rc = 0;
    pthread_mutex_lock(&latch->lock);
    while (!latch->is_open && rc == 0)
        rc = pthread_cond_timedwait(&latch->opened, &latch->lock, &until);
    const bool is_open = latch->is_open;
    pthread_mutex_unlock(&latch->lock);
    return is_open;
}

void latch_end(struct latch *latch)
{
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
