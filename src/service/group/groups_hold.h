/*
 * By what rule the loops share the coordinators: as they share a partition (service/partition/partition.h), a
 * monitor without a lock. Whoever comes with an op and finds nobody holds it, runs the op and whatever came
 * meanwhile, and lets go; whoever finds it held leaves the op there and goes on. Ops run in the order they
 * came.
 *
 * So a request is handled on the loop that read it, and two loops wait for each other never. What belongs to
 * a loop, timers and answers, is sent there.
 *
 * Runs on: loops; fields and functions as marked.
 */
#ifndef BARNABAS_SERVICE_GROUP_GROUPS_HOLD_H
#define BARNABAS_SERVICE_GROUP_GROUPS_HOLD_H

#include <stdatomic.h>

#include "loop/loop.h"

/* Embedded in its subject; not to be submitted again before it ran. */
struct groups_op {
    struct groups_op *next; /* private */
    /* By the holder: on the loop that submitted it or on another's. */
    void (*run)(struct groups_op *op);
};

/* Zero-initialised is free. */
struct groups_hold {
    _Atomic(struct groups_op *) queue;
    /* By the holder: what is to be run on its own loop when it has let go, oldest first. */
    struct loop_message *mine;
    struct loop_message *mine_last;
};

/* On a loop, or where none runs any more. */
void groups_hold_submit(struct groups_hold *hold, struct groups_op *op);
/* By the holder: runs the message on that loop, after the hold. */
void groups_hold_send_home(struct groups_hold *hold, struct loop *home, struct loop_message *message);

/* A timer of one loop that any holder arms. */
struct groups_timer {
    struct groups_hold *hold;
    struct loop *loop;
    /* By the holder, when its time has come. */
    void (*run)(struct groups_timer *timer);

    /* Private. */
    struct groups_op op;
    int64_t at_ms; /* by the holder: it runs then at the latest; INT64_MAX = it is not armed */
    struct loop_timer timer;
    struct loop_message message; /* asks the loop to arm it */
    _Atomic int64_t wanted_ms;
    atomic_bool is_posted;
    atomic_bool is_queued;
};

void groups_timer_init(struct groups_timer *timer, struct groups_hold *hold, struct loop *loop,
                       void (*run)(struct groups_timer *timer));
/* By the holder: it runs at that time or, where it was armed for a sooner one, then. */
void groups_timer_arm(struct groups_timer *timer, int64_t at_ms);
bool groups_timer_is_armed(const struct groups_timer *timer);

#endif
