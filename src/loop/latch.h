/*
 * One thread waits until another says that something has happened; and, on top of it, a function that is run
 * on a loop by somebody who waits for it.
 *
 * Ownership: on the waiting thread's stack, as a rule; it ends with the wait, unless that has a limit.
 * Runs on: as marked.
 */
#ifndef BARNABAS_LOOP_LATCH_H
#define BARNABAS_LOOP_LATCH_H

#include <pthread.h>
#include <stdbool.h>

#include "loop/loop.h"

struct latch {
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool is_open;
};

void latch_init(struct latch *latch);
/* It has happened. The waiter may be gone before this returns: nothing of its memory is touched afterwards.
 * Any thread, once. */
void latch_open(struct latch *latch);
/* Waits for that and ends the latch. Not on a loop, which may be the one that is to open it. */
void latch_await(struct latch *latch);
/* Waits for that, `ms` at most; true when it has happened. The latch stays (latch_end). Not on a loop either.
 */
bool latch_await_for(struct latch *latch, int ms);
/* Nobody waits for it any more, nobody opens it. */
void latch_end(struct latch *latch);

/*
 * Runs `fn` on the loop and waits until it has run. `discard`: the loop is stopping or has stopped; `fn` runs
 * nevertheless, on whatever thread that is, so that what it is to end ends. Not on a loop.
 */
void loop_call(struct loop *loop, void (*fn)(void *arg, bool discard), void *arg, const char *label);

#endif
