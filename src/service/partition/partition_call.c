#include "service/partition/partition_call.h"

#include "base/assert.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "service/partition/partition.h"

struct call {
    struct partition_op op;
    partition_call_fn fn;
    void *arg;
    struct latch done;
};

static enum op_outcome call_run(struct partition_op *op, struct partition *part)
{
    struct call *call = CONTAINER_OF(op, struct call, op);
    call->fn(part, call->arg);
    return OP_DONE;
}

static void call_done(struct partition_op *op)
{
    latch_open(&CONTAINER_OF(op, struct call, op)->done);
}

void partition_call(struct partition *part, partition_call_fn fn, void *arg)
{
    ASSERT(loop_current() == NULL);
    struct call call = {
        .op = {.run = call_run, .done = call_done, .may_hang = true, .label = "call"}, .fn = fn, .arg = arg};
    latch_init(&call.done);
    partition_submit(part, &call.op);
    latch_await(&call.done);
}
