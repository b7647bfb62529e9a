#include "service/partition/producer_list.h"

#include <stdlib.h>

#include "base/mem.h"

static void copy(struct producer_list_op *op, const struct producer_state *state)
{
    op->items = mem_alloc(sizeof *op->items * (producer_state_count(state) + 1));
    size_t it = 0;
    const struct producer_entry *entry;
    while ((entry = producer_state_next(state, &it)))
        op->items[op->count++] = (struct producer_list_entry){
            .producer_id = entry->producer_id,
            .epoch = entry->epoch,
            .last_sequence = entry->batch_count > 0 ? entry->last.last_seq : PRODUCER_NONE,
            .last_timestamp_ms = entry->last_timestamp_ms,
            .coordinator_epoch = entry->coordinator_epoch,
            .txn_start_offset = entry->txn_first_offset};
}

/* By the holder. Any replica may be asked, whatever its role. */
static enum op_outcome list_run(struct partition_op *base, struct partition *part)
{
    struct producer_list_op *op = CONTAINER_OF(base, struct producer_list_op, op);
    if (part->deleted)
        op->err = ERR_UNKNOWN_TOPIC_OR_PARTITION;
    else if (!part->log)
        op->err = ERR_KAFKA_STORAGE_ERROR;
    else
        copy(op, log_producers(part->log));
    return OP_DONE;
}

static void list_done(struct partition_op *base)
{
    struct producer_list_op *op = CONTAINER_OF(base, struct producer_list_op, op);
    op->done(op);
}

void producer_list_submit(struct producer_list_op *op)
{
    op->err = ERR_NONE;
    op->items = NULL;
    op->count = 0;
    op->op = (struct partition_op){
        .home = loop_current(), .run = list_run, .done = list_done, .label = "describe_producers"};
    partition_submit(op->part, &op->op);
}

void producer_list_op_close(struct producer_list_op *op)
{
    free(op->items);
    op->items = NULL;
}
