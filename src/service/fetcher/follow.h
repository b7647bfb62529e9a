/*
 * What a follower does to one partition: begin, append what was fetched, cut where its log and the leader's
 * part. Each is an op by the partition's holder, who looks whether the partition still follows in the epoch
 * for which it was decided; else nothing is done.
 *
 *   begin    a log without epochs is cut to its high watermark
 *   append   records, high watermark, log start
 *   cut      on a worker; checkpoints are lowered before the log is
 *   sync     with flush.messages=1, after each of them: the next Fetch tells the leader how far this replica
 *            has come, and that must hold through a loss of power
 *
 * Nothing waits on a loop: an op that waits for a sync stays with the partition.
 *
 * Ownership: the op and the records belong to the submitter until done.
 * Runs on: as marked.
 */
#ifndef BARNABAS_SERVICE_FETCHER_FOLLOW_H
#define BARNABAS_SERVICE_FETCHER_FOLLOW_H

#include "core/fetcher/fetch_link.h"
#include "loop/workers.h"
#include "service/broker.h"
#include "service/partition/partition.h"

struct follow_op {
    /* Filled by the caller; the rest zero. */
    struct broker *broker;
    struct partition *part; /* borrowed for the call of follow_submit; shared until done */
    bool begins;            /* only `action.leader_epoch` counts */
    struct fetch_link_action action;
    void (*done)(struct follow_op *op); /* on the loop that submitted */

    /* Result. */
    enum fetch_link_outcome outcome; /* RETRY also when it does not follow in that epoch any more */
    struct follower_log log;         /* with OK */
    struct uuid topic_id;            /* with OK */

    /* Private. */
    struct partition_op op;
    struct work work;
    int64_t wall_ms;
    bool cut_first;
    bool not_final; /* the cut */
    int64_t bytes;  /* appended */
};

/* Begins; done is called exactly once, possibly before this returns. On a loop. */
void follow_submit(struct follow_op *op);

#endif
