/*
 * AllocateProducerIds: the next block of a thousand, by compare and set. Brokers of old
 * protocols write the znode themselves, so a refused write is tried again.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

#define BLOCK_SIZE 1000

static const char path[] = "/latest_producer_id_block";

struct allocate {
    struct ctl_frame frame;
    const struct controller_allocate_producer_ids *request;
    struct ctl_writes writes;
    int64_t start;
};

enum { ALLOCATE_READ, ALLOCATE_DONE, ALLOCATE_WRITTEN };

/* Where the next block begins; -1 when the ids are used up or the znode makes no sense. */
static int64_t next_start(const struct controller_op_result *found)
{
    if (found->err == ERR_NOT_FOUND)
        return 0;
    if (found->err != ERR_NONE)
        return -1;
    if (found->value.kind == CONTROLLER_VALUE_NULL)
        return 0;
    int64_t end = found->value.producer_ids.block_end;
    return end < 0 || end > INT64_MAX - BLOCK_SIZE ? -1 : end + 1;
}

static enum ctl_next write_block(struct controller *c, struct allocate *a)
{
    const struct controller_op_result *found = &c->results[0];
    a->start = next_start(found);
    if (a->start < 0) {
        log_error("controller", "producer_ids", "%s cannot be read or holds the last block", path);
        ctl_answer_error(c, ERR_UNKNOWN_SERVER_ERROR);
        return CTL_DONE;
    }
    bool create = found->err == ERR_NOT_FOUND;
    a->writes = (struct ctl_writes){0};
    struct ctl_write *write =
        ctl_writes_add(c, &a->writes, create ? CONTROLLER_OP_CREATE : CONTROLLER_OP_SET, path);
    write->version = found->version;
    write->value.kind = CONTROLLER_VALUE_PRODUCER_IDS;
    write->value.producer_ids = (struct znode_producer_id_block){
        .broker_id = a->request->broker_id, .block_start = a->start, .block_end = a->start + BLOCK_SIZE - 1};
    ctl_call_writes(c, &a->writes);
    a->frame.phase = ALLOCATE_WRITTEN;
    return CTL_AGAIN;
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct allocate *a = (struct allocate *)frame;
    switch (frame->phase) {
    case ALLOCATE_READ:
        ctl_get(c, CONTROLLER_VALUE_PRODUCER_IDS, false, path);
        frame->phase = ALLOCATE_DONE;
        return ctl_submit(c);
    case ALLOCATE_DONE:
        return ctl_reads_ok(c) ? write_block(c, a) : CTL_AGAIN;
    case ALLOCATE_WRITTEN:
        if (a->writes.items[0].err != ERR_NONE) {
            frame->phase = ALLOCATE_READ;
            return CTL_AGAIN;
        }
        ctl_answer(
            c, &(struct controller_answer){.producer_id_start = a->start, .producer_id_count = BLOCK_SIZE});
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_allocate(struct controller *c, const struct controller_allocate_producer_ids *request)
{
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, request->broker_id);
    if (!broker) {
        ctl_answer_error(c, ERR_BROKER_ID_NOT_REGISTERED);
        return;
    }
    if (broker->epoch != request->broker_epoch) {
        ctl_answer_error(c, ERR_STALE_BROKER_EPOCH);
        return;
    }
    struct allocate *a = ctl_call(c, sizeof *a, run);
    a->request = request;
}
