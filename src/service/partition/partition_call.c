#include "service/partition/partition_call.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "loop/latch.h"
#include "service/partition/partition.h"

/* How often whoever may give up looks whether the directory hangs. */
#define LOOK_MS 100

/* Who waits, and the holder: whoever comes first decides whether the function runs. */
enum call_state { CALL_WAITS, CALL_BEGUN, CALL_GIVEN_UP };

struct call {
    struct partition_op op;
    partition_call_fn fn;
    void *arg;
    _Atomic int state;
    struct latch finished;
};

static bool take(struct call *call, enum call_state state)
{
    int waits = CALL_WAITS;
    return atomic_compare_exchange_strong(&call->state, &waits, state);
}

static enum op_outcome call_run(struct partition_op *op, struct partition *part)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    if (take(call, CALL_BEGUN))
        call->fn(part, call->arg);
    return OP_DONE;
}

/* Who gave up left the call to us. */
static void call_done(struct partition_op *op)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    if (atomic_load(&call->state) != CALL_GIVEN_UP) {
        latch_open(&call->finished);
        return;
    }
    latch_end(&call->finished);
    free(call);
}

static void submit(struct call *call, struct partition *part, partition_call_fn fn, void *arg)
{
    *call = (struct call){
        .op = {.run = call_run, .done = call_done, .may_hang = true, .label = "call"}, .fn = fn, .arg = arg};
    latch_init(&call->finished);
    partition_submit(part, &call->op);
}

void partition_call(struct partition *part, partition_call_fn fn, void *arg)
{
    struct call call;
    submit(&call, part, fn, arg);
    latch_await(&call.finished);
}

bool partition_try_call(struct partition *part, partition_call_fn fn, void *arg)
{
    if (partition_hangs(part))
        return false;
    struct call *call = MEM_NEW(struct call);
    submit(call, part, fn, arg);
    while (!latch_await_for(&call->finished, LOOK_MS)) {
        if (partition_hangs(part) && take(call, CALL_GIVEN_UP))
            return false;
    }
    latch_end(&call->finished);
    free(call);
    return true;
}
