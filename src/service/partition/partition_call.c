#include "service/partition/partition_call.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "service/partition/partition.h"

/* How often whoever may give up looks whether the directory hangs. */
#define LOOK_MS 100

struct call {
    struct partition_op op;
    partition_call_fn fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool begun;
    bool finished;
    bool given_up; /* nobody waits: it is the op's to free */
};

static enum op_outcome call_run(struct partition_op *op, struct partition *part)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    pthread_mutex_lock(&call->lock);
    call->begun = !call->given_up;
    pthread_mutex_unlock(&call->lock);
    if (call->begun)
        call->fn(part, call->arg);
    return OP_DONE;
}

static void call_close(struct call *call)
{
    pthread_mutex_destroy(&call->lock);
    pthread_cond_destroy(&call->cond);
}

static void call_done(struct partition_op *op)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    pthread_mutex_lock(&call->lock);
    call->finished = true;
    bool given_up = call->given_up;
    /* Signalled under the lock: the caller frees `call` as soon as it can take the lock. */
    pthread_cond_signal(&call->cond);
    pthread_mutex_unlock(&call->lock);
    if (given_up) {
        call_close(call);
        free(call);
    }
}

static void submit(struct call *call, struct partition *part, partition_call_fn fn, void *arg)
{
    ASSERT(loop_current() == NULL);
    *call = (struct call){
        .op = {.run = call_run, .done = call_done, .may_hang = true, .label = "call"}, .fn = fn, .arg = arg};
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->cond, &monotonic);
    pthread_condattr_destroy(&monotonic);
    partition_submit(part, &call->op);
}

void partition_call(struct partition *part, partition_call_fn fn, void *arg)
{
    struct call call;
    submit(&call, part, fn, arg);
    pthread_mutex_lock(&call.lock);
    while (!call.finished)
        pthread_cond_wait(&call.cond, &call.lock);
    pthread_mutex_unlock(&call.lock);
    call_close(&call);
}

/* Under the lock, which is let go meanwhile. */
static void wait_a_moment(struct call *call)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += LOOK_MS * 1000000L;
    until.tv_sec += until.tv_nsec / 1000000000L;
    until.tv_nsec %= 1000000000L;
    pthread_cond_timedwait(&call->cond, &call->lock, &until);
}

bool partition_try_call(struct partition *part, partition_call_fn fn, void *arg)
{
    if (partition_hangs(part))
        return false;
    struct call *call = MEM_NEW(struct call);
    submit(call, part, fn, arg);
    pthread_mutex_lock(&call->lock);
    while (!call->finished && !call->given_up) {
        wait_a_moment(call);
        call->given_up = !call->begun && partition_hangs(part);
    }
    const bool finished = !call->given_up;
    pthread_mutex_unlock(&call->lock);
    if (finished) {
        call_close(call);
        free(call);
    }
    return finished;
}
