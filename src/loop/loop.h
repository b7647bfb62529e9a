/*
 * An event loop: one thread that runs one libevent base.
 *
 * What a loop owns is touched by its thread alone; everybody else posts. A post
 * is an intrusive message that lives inside the thing it is about (a request, an
 * append, a work item), so posting allocates nothing, cannot fail and is bounded
 * by what exists. No loop waits for another, or for a disk.
 *
 * A turn: wait for descriptors and timers; run their callbacks; drain the mailbox;
 * run deferred work (replies that leave together, commits that share a flush).
 *
 * Runs on: the loop's own thread unless a function says otherwise.
 */
#ifndef BARNABAS_LOOP_LOOP_H
#define BARNABAS_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errmsg.h"
#include "base/heap.h"
#include "base/list.h"
#include "port/clock.h"

struct loop;
struct event_base;
struct histogram;

/* A message to a loop. Embedded in its subject; not to be posted again before it ran. */
struct loop_message {
    struct loop_message *next;
    /* Runs on the loop. `discard` is true when the loop is stopping: free or complete, do nothing else. */
    void (*run)(struct loop_message *msg, bool discard);
    const char *label; /* for logs and the stall watchdog */
};

/* A timer of a loop. Embedded in its subject; zero-initialised is not armed. */
struct loop_timer {
    struct heap_node node;
    void (*fire)(struct loop_timer *timer, int64_t now_ms);
};

/* Work at the end of the present turn. Embedded; deferring it twice in a turn runs it once. */
struct loop_deferred {
    struct list node;
    void (*run)(struct loop_deferred *deferred);
};

/* Interest in a descriptor. Embedded; callbacks may close it. */
struct loop_io {
    struct loop *loop;   /* NULL when it is not open */
    struct event *event; /* NULL when nothing is wanted */
    struct event *spare; /* private: of an interest before */
    int fd;
    short wanted;
    void (*ready)(struct loop_io *io, bool readable, bool writable);
};

/* `name` names the thread in logs ("net-0"). Gives the loop (loop_free). NULL with why on failure. */
struct loop *loop_new(const char *name, struct clock *clock, struct errmsg *why);
/* Starts the thread. Any thread. */
void loop_start(struct loop *loop);
/* Runs the loop on the calling thread until loop_stop (tests, main). */
void loop_run(struct loop *loop);
/* One turn on the calling thread, for tests and simulators; may_wait false looks and goes on. */
void loop_turn(struct loop *loop, bool may_wait);
/* Asks the loop to end after this turn. Any thread; idempotent. */
void loop_stop(struct loop *loop);
/* Waits for the thread of a stopped loop, discards its mailbox and disarms its timers. Not on the loop
 * itself. */
void loop_join(struct loop *loop);
void loop_free(struct loop *loop);

/* Any thread. A loop that no thread runs (not started yet, or joined) is whoever's holds it. */
bool loop_is_current(const struct loop *loop);
const char *loop_name(const struct loop *loop);
/* The loop of the calling thread, or NULL. */
struct loop *loop_current(void);
#define ASSERT_ON_LOOP(loop) ASSERT(loop_is_current(loop))

struct clock *loop_clock(const struct loop *loop);

/* A small number by which others keep things for each loop, given before it starts; 0 at first. */
void loop_set_index(struct loop *loop, int index);
int loop_index(const struct loop *loop);

/* --- how it is doing; any thread --- */

/* How long its turns took, in microseconds, without the wait. */
const struct histogram *loop_turn_times(const struct loop *loop);
/* Microseconds spent in turns that took so long that they were logged as stalled. */
int64_t loop_stalled_us(const struct loop *loop);
/* Since when the present turn lasts, monotonic; 0 while the loop waits for events. */
int64_t loop_busy_since_ns(const struct loop *loop);

/* Time as read once at the beginning of this turn's callbacks. */
int64_t loop_now_ms(const struct loop *loop);      /* monotonic */
int64_t loop_now_wall_ms(const struct loop *loop); /* since 1970 */

/* Delivers msg to the loop, in order per sender. Any thread. Wakes the loop only if it sleeps. */
void loop_post(struct loop *loop, struct loop_message *msg);

/* at_ms is monotonic. Re-arming moves the deadline. */
void loop_timer_arm(struct loop *loop, struct loop_timer *timer, int64_t at_ms);
void loop_timer_cancel(struct loop *loop, struct loop_timer *timer);
static inline bool loop_timer_is_armed(const struct loop_timer *timer)
{
    return heap_contains(&timer->node);
}

/* `deferred` may be zero-initialised. What defers itself while it runs runs again in the same turn, a few
 * times. */
void loop_defer(struct loop *loop, struct loop_deferred *deferred);
/* Harmless when it is not deferred. */
void loop_deferred_cancel(struct loop_deferred *deferred);

/* Watches fd; nothing is wanted at first. */
void loop_io_open(struct loop_io *io, struct loop *loop, int fd,
                  void (*ready)(struct loop_io *io, bool readable, bool writable));
/* What to be called for (level-triggered). Costs a system call only when it changes. */
void loop_io_want(struct loop_io *io, bool read, bool write);
/* Stops watching, before fd is closed, which it does not do. */
void loop_io_close(struct loop_io *io);

/* For rooms that need libevent itself (evhttp, DNS). */
struct event_base *loop_event_base(struct loop *loop);

#endif
