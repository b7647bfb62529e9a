/*
 * DeleteRecords on a leader: raises the start of the log, then waits until every live replica
 * has followed (the low watermark; storage-replication-coordinators 2.7).
 *
 * Ownership: the op lives in the request's memory until done.
 * Runs on: the loop that submitted.
 */
#ifndef BARNABAS_SERVICE_PARTITION_DELETE_RECORDS_H
#define BARNABAS_SERVICE_PARTITION_DELETE_RECORDS_H

#include "base/arena.h"
#include "service/broker.h"
#include "service/watch.h"

/* Asks for everything below the high watermark. */
#define DELETE_RECORDS_TO_HIGH_WATERMARK (-1)

struct delete_records_op {
    /* Filled by the caller. */
    struct broker *broker;
    struct partition *part;
    int64_t offset; /* records below it go */
    struct arena *arena;
    void (*done)(struct delete_records_op *op);

    /* Result. */
    enum err err;
    int64_t low_watermark; /* -1 with an error other than a time-out */

    /* Private. */
    struct partition_op op;
    struct watch watch;
    const int32_t *alive; /* brokers whose replicas count */
    int32_t alive_count;
    bool raised; /* the own log is done, only the others are waited for */
    bool timed_out;
    bool is_done;
};

void delete_records_submit(struct delete_records_op *op);
/* What still waits comes home with ERR_REQUEST_TIMED_OUT. Harmless when it is home. */
void delete_records_time_out(struct delete_records_op *op);

#endif
