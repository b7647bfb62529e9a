/*
 * The worker pool: threads that may block on disk or burn processor time.
 *
 * A work item is intrusive. `run` executes on a worker; `done` executes on the
 * loop that submitted it, or on the worker itself when `home` is NULL. Items of
 * one `lane` (say, one log directory) never occupy more than the lane's share of
 * the threads, so that a directory that hangs cannot take every worker.
 *
 * Runs on: any thread may submit.
 */
#ifndef BARNABAS_LOOP_WORKERS_H
#define BARNABAS_LOOP_WORKERS_H

#include "loop/loop.h"

struct workers;

/* Lanes of log directories count from 1; these are of periodic work, of reading what a socket is to take,
 * of loading groups, and of requests that wait for ZooKeeper. */
#define WORKERS_LANE_UPKEEP  (-1)
#define WORKERS_LANE_SENDING (-2)
#define WORKERS_LANE_GROUPS  (-3)
#define WORKERS_LANE_ZK      (-4)

struct work {
    struct loop_message message; /* private: carries `done` home */
    struct list node;            /* private */
    struct loop *home;
    int lane; /* 0 = the common lane */
    void (*run)(struct work *work);
    /* discard: the loop or the pool is stopping; free or complete, do nothing else. */
    void (*done)(struct work *work, bool discard);
    const char *label;
};

/* Gives the pool (workers_free). `threads` >= 1; the common lane may use all but one of them, another a
 * quarter; each at least one. */
struct workers *workers_new(int threads);
void workers_submit(struct workers *pool, struct work *work);
/* Lets running items end, discards queued ones, joins the threads. */
void workers_stop(struct workers *pool);
void workers_free(struct workers *pool);

#endif
