/*
 * What goes on, for somebody who waits at a terminal: after two seconds a line
 * on standard error that says what is being done, for how long, and how far it
 * is. It is wiped when the work ends. Where standard error is no terminal,
 * nothing is printed and no thread started.
 *
 * Ownership: caller's memory, between progress_start and progress_stop.
 * Runs on: progress_step on any thread; a thread of its own prints.
 */
#ifndef BARNABAS_CLI_PROGRESS_H
#define BARNABAS_CLI_PROGRESS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct progress {
    const char *label; /* "Waiting for topic orders" */
    const char *unit;  /* "messages"; NULL when nothing is counted */
    _Atomic int64_t done;
    int64_t total; /* 0 = not known */
    bool running;
    bool stop; /* under the lock */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
};

/* Borrows label and unit. */
void progress_start(struct progress *progress, const char *label, const char *unit, int64_t total);
/* Does nothing when it was not started. */
void progress_stop(struct progress *progress);

static inline void progress_step(struct progress *progress, int64_t count)
{
    atomic_fetch_add_explicit(&progress->done, count, memory_order_relaxed);
}

#endif
