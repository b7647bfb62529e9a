#include "service/partition/partition_call.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/mem.h"
#include "service/partition/partition.h"

struct call {
    struct partition_op op;
    partition_call_fn fn;
    void *arg;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
};

static enum op_outcome call_run(struct partition_op *op, struct partition *part)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    call->fn(part, call->arg);
    return OP_DONE;
}

static void call_done(struct partition_op *op)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    pthread_mutex_lock(&call->lock);
    call->finished = true;
    /* Signalled under the lock: the caller frees `call` as soon as it can take the lock. */
    pthread_cond_signal(&call->cond);
    pthread_mutex_unlock(&call->lock);
}

void partition_call(struct partition *part, partition_call_fn fn, void *arg)
{
    ASSERT(loop_current() == NULL);
    struct call call = {
        .op = {.run = call_run, .done = call_done, .may_hang = true, .label = "call"}, .fn = fn, .arg = arg};
    pthread_mutex_init(&call.lock, NULL);
    pthread_cond_init(&call.cond, NULL);
    partition_submit(part, &call.op);
    pthread_mutex_lock(&call.lock);
    while (!call.finished)
        pthread_cond_wait(&call.cond, &call.lock);
    pthread_mutex_unlock(&call.lock);
    pthread_mutex_destroy(&call.lock);
    pthread_cond_destroy(&call.cond);
}
