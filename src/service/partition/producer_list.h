/*
 * The producers that a partition knows, copied out (DescribeProducers, KIP-664).
 *
 * Ownership: the op lives in the request's memory until done; producer_list_op_close after it.
 * Runs on: the loop that submitted.
 */
#ifndef BARNABAS_SERVICE_PARTITION_PRODUCER_LIST_H
#define BARNABAS_SERVICE_PARTITION_PRODUCER_LIST_H

#include "service/partition/partition.h"
#include "storage/producer_state.h"

/* What -1 stands for in each is in storage/producer_state.h. */
struct producer_list_entry {
    int64_t producer_id;
    int32_t epoch;
    int32_t last_sequence;
    int64_t last_timestamp_ms;
    int32_t coordinator_epoch;
    int64_t txn_start_offset;
};

struct producer_list_op {
    /* Filled by the caller. */
    struct partition *part;
    void (*done)(struct producer_list_op *op);

    /* Result. */
    enum err err;
    struct producer_list_entry *items;
    size_t count;

    struct partition_op op; /* private */
};

void producer_list_submit(struct producer_list_op *op);
void producer_list_op_close(struct producer_list_op *op);

#endif
