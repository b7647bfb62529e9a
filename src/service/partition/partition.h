/*
 * One replica of one partition on this broker, and the rule by which loops share it.
 *
 * The rule: a partition is a monitor without a lock. Work on it is an op. Whoever
 * submits an op to a partition that nobody holds becomes its holder, runs the op and
 * then whatever was submitted meanwhile, and lets go. Whoever finds it held leaves the
 * op there and goes on; the holder runs it and sends it home. So no thread ever waits
 * for another, and everything below `--- holder` is touched by one thread at a time.
 *
 *      submit --> free? --yes--> hold, run, run the queue, let go, done() of my own ops
 *                  \--no--> queue --> run by the holder --> posted home --> done()
 *
 * An op lives in its submitter's memory until its done() ran. An op that must wait
 * (high watermark, flush) stays with the partition as a waiter and goes home when what
 * it waits for has happened, or when it is cancelled by another op.
 *
 * Runs on: submit anywhere; fields as marked.
 */
#ifndef BARNABAS_SERVICE_PARTITION_PARTITION_H
#define BARNABAS_SERVICE_PARTITION_PARTITION_H

#include <stdatomic.h>

#include "base/heap.h"
#include "base/uuid.h"
#include "core/replica/replica.h"
#include "loop/loop.h"
#include "storage/log.h"

struct broker;
struct cleaner_note;
struct log_dir_state;
struct metrics_topic;
struct move;
struct partition;
struct partition_op;

enum op_outcome {
    OP_DONE,   /* send it home */
    OP_WAITING /* it was put among the partition's waiters */
};

struct partition_op {
    struct partition_op *next; /* private to the queue */
    struct loop_message message;
    struct partition *part; /* shared from submit to done */
    struct loop *home;      /* where done runs; NULL = on the thread that ran it */
    /* By the holder. Must not block on anything but the page cache. */
    enum op_outcome (*run)(struct partition_op *op, struct partition *part);
    /* By the holder, when what a waiting op waited for has happened or is given up: what became of it.
     * OP_WAITING: it waits on, among others. NULL = nothing to say. */
    enum op_outcome (*settle)(struct partition_op *op, struct partition *part);
    /* On `home`. The op may be freed or submitted again. */
    void (*done)(struct partition_op *op);
    bool may_hang;         /* it writes: a disk that hangs must not take a loop with it, see partition.c */
    struct heap_node wait; /* among the waiters, by the offset waited for */
    const char *label;
};

/* Of what a watch is told: who waits for one is not woken by another. */
enum partition_news {
    PARTITION_NEWS_END,       /* records were appended: followers read up to the end */
    PARTITION_NEWS_COMMITTED, /* the high watermark moved: consumers read up to it */
    PARTITION_NEWS_START,     /* a follower's log start moved: DeleteRecords waits for the smallest */
    PARTITION_NEWS_COUNT
};

/* An entry in a partition's list of those who want news of it (service/watch.h). One-shot. */
struct partition_watch {
    struct list node;            /* holder */
    struct loop_message message; /* sent home when it fires */
    struct loop *home;
    bool fired; /* holder */
};

/* Settings of the topic that the hot path reads without holding the partition; replaced as a whole. */
struct partition_settings;

struct partition {
    /* Constant after creation. */
    struct broker *broker;
    char *topic;
    int32_t index;
    char *name;                   /* "orders-3" */
    int32_t broker_id;            /* ours */
    struct metrics_topic *counts; /* the topic's; a share */
    _Atomic int shares;

    _Atomic(struct partition_op *) queue; /* NULL = free; else held, see partition.c */

    /* Written by the holder, read by anyone: hints that are checked again by the holder. */
    _Atomic bool is_leader;
    _Atomic int32_t leader_epoch_hint;
    _Atomic(struct log_dir_state *) dir; /* where its log lies */
    _Atomic bool told_offline; /* the controller was told so, for its directory hung; until its next word */
    _Atomic(struct partition_settings *)
        settings; /* a snapshot: loops read it, the control loop replaces it */
    /* For the cleaner, which holds nobody whose log is as it was: see service/cleaner. */
    _Atomic bool is_compacted;       /* the settings say so */
    _Atomic uint32_t settings_given; /* how often */
    _Atomic int64_t sealed_up_to;    /* base of the active segment; -1 without a log */
    struct cleaner_note *note;       /* the cleaner's; NULL until it has seen the partition */

    /* Whom it was last given to the fetchers to follow; theirs, under their lock
     * (service/fetcher/fetchers.c). */
    struct {
        int32_t leader_id; /* -1 = nobody */
        int32_t leader_epoch;
    } followed;

    /* --- holder --- */
    struct replica replica; /* role, epochs, ISR: the pure core's state */
    struct log *log;        /* NULL while offline */
    struct move *move;      /* to another log directory; NULL = it is not being moved (service/mover) */
    bool deleted;
    bool flushing;                 /* a flush of this log is on its way */
    bool leaves_when_flushed;      /* members of the ISR are to leave once it has ended */
    int64_t leader_high_watermark; /* follower: as the leader last told; -1 = it did not */
    int64_t unsynced_since_ms;     /* monotonic; 0 = nothing that flush.ms would count */
    int64_t too_few_ms;            /* wall clock: when the ISR was last too small for an append; 0 = never */
    struct heap waiting_commit;    /* ops by last offset: done when the high watermark is above it */
    struct heap waiting_flush;     /* ops by last offset: done when the recovery point is above it */
    struct list watches[PARTITION_NEWS_COUNT];
    struct list members; /* in the flush group's queue */
};

/* Gives the partition with one share. */
struct partition *partition_new(const char *topic, int32_t index, struct broker *broker);
struct partition *partition_share(struct partition *part);
void partition_release(struct partition *part);

/* See above. Takes a share of the partition for the op. Any thread. */
void partition_submit(struct partition *part, struct partition_op *op);

/* Whether what is submitted would wait for a disk that does not answer. Any thread. */
bool partition_hangs(const struct partition *part);

/* --- for the holder --- */

/* Wakes those who wait for such news. */
void partition_announce_of(struct partition *part, enum partition_news news);
/* Wakes every watch: the role changed, the log got shorter. */
void partition_announce(struct partition *part);
/* Sends home every waiting op whose offset is below the high watermark / the recovery point. */
void partition_complete_waiters(struct partition *part);
/* Sends home every waiting op; they look at the partition's role to see why. */
void partition_fail_waiters(struct partition *part);
/* Sends home an op that was waiting. */
void partition_send_home(struct partition_op *op);

#endif
