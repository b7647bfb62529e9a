/*
 * Numbers of every partition on this broker, looked up by an op on each.
 *
 * Ops are submitted in slices, so that the loop does other things in between. Those that have
 * not come home when the time is over are left behind: their partition is held by a thread
 * that hangs on its disk.
 *
 * Runs on: the loop that began it.
 */
#ifndef BARNABAS_SERVER_PARTITION_SWEEP_H
#define BARNABAS_SERVER_PARTITION_SWEEP_H

#include "service/partition/partition.h"
#include "service/replica/replica_manager.h"

struct partition_numbers {
    bool known; /* the partition answered and is not deleted */
    bool leads;
    bool offline;
    bool reassigning;
    int32_t replicas;
    int32_t isr;
    int32_t min_isr;
    int32_t segments;
    int64_t size_bytes;
    int64_t start_offset;
    int64_t end_offset;
    int64_t stable_lag;
    int64_t leader_lag; /* follower: behind its leader's high watermark */
    int64_t producer_ids;
};

struct sweep_item {
    struct partition_sweep *sweep;
    struct partition_op op;
    struct partition *part;         /* shared */
    struct partition_numbers found; /* by the holder */
    bool home;
};

struct partition_sweep {
    struct sweep_item *items;
    int count;
    int next; /* to be submitted */
    int away; /* ops, and 1 while there are slices to come */
    bool finished;
    bool let_go;
    struct loop *loop;
    struct loop_message slice;
    struct loop_timer deadline;
    void (*done)(struct partition_sweep *sweep);
    void *arg;
};

/*
 * Looks at every partition of the table. `done` is called once, not before this returns; never if the loop
 * stops. Gives it (partition_sweep_end).
 */
struct partition_sweep *partition_sweep_begin(const struct partition_table *table, int64_t timeout_ms,
                                              void (*done)(struct partition_sweep *sweep), void *arg);
/* What was found; NULL = not known. After done. */
const struct partition_numbers *partition_sweep_found(const struct partition_sweep *sweep, int index);
/* How many did not answer. After done. */
int partition_sweep_missing(const struct partition_sweep *sweep);
/* Lets go of it: after done. Freed when its last op has come home. */
void partition_sweep_end(struct partition_sweep *sweep);

#endif
