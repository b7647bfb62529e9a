/*
 * Appending a client's records to a partition this broker leads, and waiting for as long as
 * the acknowledgement asks.
 *
 *   analyze, prepare   on the loop of the request, or on a worker when it would take long; what is of a
 *                      coordinator never there, for its order counts
 *   append             as the partition's holder: one write
 *   wait               acks=all: until the high watermark is past it; flush.messages: until synced
 *
 * Ownership: the op and the records belong to the request; they must stay until done.
 * Runs on: the loop of the request, except where said.
 */
#ifndef BARNABAS_SERVICE_PARTITION_APPEND_H
#define BARNABAS_SERVICE_PARTITION_APPEND_H

#include "loop/workers.h"
#include "service/broker.h"
#include "service/partition/partition.h"
#include "wire/record_validate.h"

struct append_op {
    /* Filled by the caller. */
    struct broker *broker;
    struct partition *part; /* borrowed for the call of append_submit; shared until done */
    struct view records;    /* writable memory: stamped in place */
    int16_t produce_version;
    int16_t acks;
    enum append_origin origin;
    void (*done)(struct append_op *op); /* on the loop that submitted */
    void *arg;

    /* Result. */
    enum err err;
    struct errmsg why; /* for the log; not what the client sees */
    int64_t base_offset;
    int64_t log_append_time_ms;
    int64_t log_start_offset;
    struct append_plan plan; /* holds the record errors; closed by append_op_close */
    struct append_rules rules;
    int32_t records_count;
    int64_t bytes;

    /* Private. */
    struct partition_op op;
    struct work work;
    struct records_summary summary;
    struct loop_timer retry;
    int64_t now_ms;
    int64_t last_offset;
    int32_t min_isr_after; /* to be checked when the wait is over */
    int away;              /* the op itself, and its cancellation */
    bool appended;
    bool waits_for_flush; /* by the holder: among which waiters it is */
    bool is_late;         /* timed out before it was submitted to the partition */
    bool submitted;       /* loop of the request, as timed_out */
    bool timed_out;
    struct partition_op cancel;
};

/* Begins; done is called exactly once, possibly before this returns. */
void append_submit(struct append_op *op);
/* The request's timeout is over: what still waits comes home with ERR_REQUEST_TIMED_OUT. */
void append_time_out(struct append_op *op);
/* Frees what the op holds. After done. */
void append_op_close(struct append_op *op);

#endif
