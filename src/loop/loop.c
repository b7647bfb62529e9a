#include "loop/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/histogram.h"
#include "base/log.h"
#include "base/mem.h"

/*
 * How a post wakes the loop, and why no wake-up is lost:
 *
 *   sender                              loop
 *   push the message            (A)     sleeping = true           (C)
 *   if sleeping, take the flag  (B)     if mailbox is empty, wait (D)
 *   and write the eventfd               sleeping = false
 *
 * All four are sequentially consistent. If D misses the message then A came after
 * D, hence B after C, and the sender writes. A loop that is at work has the flag
 * down, so a post to it costs one exchange of a pointer and no system call.
 *
 * The mailbox is a stack that the loop takes whole and turns round: senders need
 * one compare-and-swap, and since nothing is popped singly there is no ABA.
 *
 * The eventfd is watched edge-triggered: each write is an edge, so it is never read.
 */

#define STALL_NS (1000 * 1000000LL)
/* Rounds of deferred work in one turn; what defers itself for ever must not starve the sockets. */
#define DEFERRED_ROUNDS 16

struct loop {
    char *name;
    struct clock *clock;
    struct event_base *base;
    struct event *wake_event;
    struct event *turn_timer;
    int wake_fd;
    int64_t turn_timer_at_ms; /* -1 = not armed */

    pthread_t thread;
    bool has_thread;
    bool turn_begun;

    int64_t now_ms;
    int64_t now_wall_ms;
    struct heap timers;
    struct list deferred;

    /* What took longest in this turn, for the stall log. */
    int64_t mark_ns;
    int64_t slowest_ns;
    const char *slowest;

    int index;
    int64_t turn_began_ns;
    struct histogram turns; /* in microseconds */
    _Atomic int64_t stalled_us;
    _Atomic int64_t busy_since_ns;

    /* Written by every thread. */
    _Alignas(64) _Atomic(struct loop_message *) mailbox;
    atomic_bool sleeping;
    atomic_bool stopping;
    atomic_bool running; /* a thread is in loop_run, or will be */
};

static _Thread_local struct loop *current;

/* --- lifecycle ------------------------------------------------------------------------------------- */

static void on_wake(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    (void)arg;
}

static void on_turn_timer(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct loop *loop = (struct loop *)arg;
    loop->turn_timer_at_ms = -1;
}

/*
 * No locks: a base is used by its thread alone. Changes of interest go to the kernel at once: libevent's
 * change list would bring them at the next wait, when another loop may have been given the same descriptor.
 */
static struct event_base *new_base(void)
{
    struct event_config *config = event_config_new();
    if (!config)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    struct event_base *base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

static void read_clock(struct loop *loop)
{
    loop->mark_ns = loop->clock->mono_ns(loop->clock);
    loop->now_ms = loop->mark_ns / 1000000;
    loop->now_wall_ms = clock_wall_ms(loop->clock);
}

struct loop *loop_new(const char *name, struct clock *clock, struct errmsg *why)
{
    /* libevent keeps one random generator per process, for DNS ids; its lock is the only one we need. */
    evthread_use_pthreads();
    struct loop *loop = (struct loop *)aligned_alloc(64, (sizeof *loop + 63) / 64 * 64);
    ASSERT(loop);
    memset(loop, 0, sizeof *loop);
    loop->name = mem_strdup(name);
    loop->clock = clock;
    loop->turn_timer_at_ms = -1;
    list_init(&loop->deferred);
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        errmsg_set_errno(why, errno, "loop %s: eventfd", name);
        goto fail_after_alloc;
    }
    loop->base = new_base();
    if (!loop->base) {
        errmsg_set(why, "loop %s: libevent gives no event base", name);
        goto fail_after_eventfd;
    }
    loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST | EV_ET, on_wake, loop);
    loop->turn_timer = event_new(loop->base, -1, 0, on_turn_timer, loop);
    ASSERT(loop->wake_event && loop->turn_timer);
    if (event_add(loop->wake_event, NULL) != 0) {
        errmsg_set(why, "loop %s: cannot watch the eventfd", name);
        goto fail_after_events;
    }
    read_clock(loop);
    return loop;

fail_after_events:
    event_free(loop->turn_timer);
    event_free(loop->wake_event);
    event_base_free(loop->base);
fail_after_eventfd:
    close(loop->wake_fd);
fail_after_alloc:
    free(loop->name);
    free(loop);
    return NULL;
}

static void run_until_stopped(struct loop *loop);

static void *thread_main(void *arg)
{
    struct loop *loop = (struct loop *)arg;
    char short_name[16];
    snprintf(short_name, sizeof short_name, "%s", loop->name);
    pthread_setname_np(pthread_self(), short_name);
    log_set_thread_name(loop->name);
    run_until_stopped(loop);
    return NULL;
}

void loop_start(struct loop *loop)
{
    ASSERT(!loop->has_thread);
    sigset_t all, before;
    sigfillset(&all);
    atomic_store(&loop->running, true);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int rc = pthread_create(&loop->thread, NULL, thread_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    ASSERT(rc == 0);
    loop->has_thread = true;
}

static struct loop_message *mailbox_take(struct loop *loop)
{
    struct loop_message *stack = atomic_exchange(&loop->mailbox, NULL);
    struct loop_message *queue = NULL;
    while (stack) {
        struct loop_message *next = stack->next;
        stack->next = queue;
        queue = stack;
        stack = next;
    }
    return queue;
}

/* Discarding may post again (a work item's completion), so until nothing is left. */
static void mailbox_discard(struct loop *loop)
{
    struct loop *outer = current;
    current = loop;
    struct loop_message *msg;
    while ((msg = mailbox_take(loop))) {
        while (msg) {
            struct loop_message *next = msg->next;
            msg->run(msg, true);
            msg = next;
        }
    }
    current = outer;
}

void loop_join(struct loop *loop)
{
    if (!loop->has_thread)
        return;
    ASSERT(current != loop);
    pthread_join(loop->thread, NULL);
    loop->has_thread = false;
    atomic_store(&loop->running, false);
    mailbox_discard(loop);
    /* Timers that are still armed lie in services, which go before the loop does. */
    heap_close(&loop->timers);
}

void loop_free(struct loop *loop)
{
    if (!loop)
        return;
    ASSERT(!loop->has_thread);
    mailbox_discard(loop);
    event_free(loop->turn_timer);
    event_free(loop->wake_event);
    event_base_free(loop->base);
    close(loop->wake_fd);
    heap_close(&loop->timers);
    free(loop->name);
    free(loop);
}

/* --- queries --------------------------------------------------------------------------------------- */

bool loop_is_current(const struct loop *loop)
{
    return current == loop || !atomic_load_explicit(&loop->running, memory_order_relaxed);
}

const char *loop_name(const struct loop *loop)
{
    return loop->name;
}

struct loop *loop_current(void)
{
    return current;
}

struct clock *loop_clock(const struct loop *loop)
{
    return loop->clock;
}

void loop_set_index(struct loop *loop, int index)
{
    loop->index = index;
}

int loop_index(const struct loop *loop)
{
    return loop->index;
}

const struct histogram *loop_turn_times(const struct loop *loop)
{
    return &loop->turns;
}

int64_t loop_stalled_us(const struct loop *loop)
{
    return atomic_load_explicit(&loop->stalled_us, memory_order_relaxed);
}

int64_t loop_busy_since_ns(const struct loop *loop)
{
    return atomic_load_explicit(&loop->busy_since_ns, memory_order_relaxed);
}

int64_t loop_now_ms(const struct loop *loop)
{
    return loop->now_ms;
}

int64_t loop_now_wall_ms(const struct loop *loop)
{
    return loop->now_wall_ms;
}

struct event_base *loop_event_base(struct loop *loop)
{
    return loop->base;
}

/* --- messages -------------------------------------------------------------------------------------- */

static void wake(struct loop *loop)
{
    if (!atomic_load(&loop->sleeping) || !atomic_exchange(&loop->sleeping, false))
        return;
    const uint64_t one = 1;
    ssize_t n;
    do
        n = write(loop->wake_fd, &one, sizeof one);
    while (n < 0 && errno == EINTR);
}

void loop_post(struct loop *loop, struct loop_message *msg)
{
    struct loop_message *head = atomic_load_explicit(&loop->mailbox, memory_order_relaxed);
    do
        msg->next = head;
    while (!atomic_compare_exchange_weak(&loop->mailbox, &head, msg));
    wake(loop);
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

/* --- a turn ---------------------------------------------------------------------------------------- */

/*
 * libevent runs callbacks straight from its wait, so the first of them reads the clock.
 * (Those of rooms that use the event base themselves may see the time of the turn before.)
 */
static void begin_turn(struct loop *loop)
{
    if (loop->turn_begun)
        return;
    loop->turn_begun = true;
    atomic_store(&loop->sleeping, false);
    loop->slowest_ns = 0;
    read_clock(loop);
    loop->turn_began_ns = loop->mark_ns;
    atomic_store_explicit(&loop->busy_since_ns, loop->mark_ns, memory_order_relaxed);
}

/* The turn ends at the last mark. */
static void end_turn(struct loop *loop)
{
    int64_t us = (loop->mark_ns - loop->turn_began_ns) / 1000;
    histogram_add(&loop->turns, us > 0 ? (uint64_t)us : 0);
    atomic_store_explicit(&loop->busy_since_ns, 0, memory_order_relaxed);
    if (loop->slowest_ns <= STALL_NS)
        return;
    int64_t before = atomic_load_explicit(&loop->stalled_us, memory_order_relaxed);
    atomic_store_explicit(&loop->stalled_us, before + us, memory_order_relaxed);
    log_warn("loop", "turn_stalled", "loop=%s ms=%lld in=%s", loop->name,
             (long long)(loop->slowest_ns / 1000000), loop->slowest);
}

/* Notes how long what ran since the last mark took. */
static void mark(struct loop *loop, const char *label)
{
    int64_t now_ns = loop->clock->mono_ns(loop->clock);
    if (now_ns - loop->mark_ns > loop->slowest_ns) {
        loop->slowest_ns = now_ns - loop->mark_ns;
        loop->slowest = label;
    }
    loop->mark_ns = now_ns;
}

/* libevent's own timer carries only the nearest deadline of our heap. */
static void arm_turn_timer(struct loop *loop)
{
    const struct heap_node *first = heap_peek(&loop->timers);
    if (!first || first->key == loop->turn_timer_at_ms)
        return;
    int64_t wait_ms = first->key - loop->now_ms;
    if (wait_ms < 0)
        wait_ms = 0;
    if (wait_ms > 3600 * 1000)
        wait_ms = 3600 * 1000;
    struct timeval tv = {.tv_sec = wait_ms / 1000, .tv_usec = wait_ms % 1000 * 1000};
    event_add(loop->turn_timer, &tv);
    loop->turn_timer_at_ms = first->key;
}

static void wait_and_run_io(struct loop *loop, bool may_wait)
{
    if (may_wait && list_is_empty(&loop->deferred)) {
        arm_turn_timer(loop);
        atomic_store(&loop->sleeping, true);
        may_wait = atomic_load(&loop->mailbox) == NULL && !atomic_load(&loop->stopping);
    } else {
        may_wait = false;
    }
    /* Without EVLOOP_ONCE it would not come back while some descriptor stays ready. */
    event_base_loop(loop->base, EVLOOP_ONCE | (may_wait ? 0 : EVLOOP_NONBLOCK));
}

static void run_timers(struct loop *loop)
{
    /* As many as there are now: one that is armed again for this moment waits for the next turn. */
    for (size_t left = loop->timers.count; left > 0; left--) {
        struct heap_node *node = heap_peek(&loop->timers);
        if (!node || node->key > loop->now_ms)
            break;
        heap_pop(&loop->timers);
        struct loop_timer *timer = CONTAINER_OF(node, struct loop_timer, node);
        timer->fire(timer, loop->now_ms);
    }
}

static void run_mailbox(struct loop *loop)
{
    struct loop_message *msg = mailbox_take(loop);
    while (msg) {
        struct loop_message *next = msg->next;
        const char *label = msg->label ? msg->label : "message";
        msg->run(msg, false);
        mark(loop, label);
        msg = next;
    }
}

static void run_deferred(struct loop *loop)
{
    for (int round = 0; round < DEFERRED_ROUNDS && !list_is_empty(&loop->deferred); round++) {
        struct list batch;
        batch = loop->deferred;
        batch.next->prev = &batch;
        batch.prev->next = &batch;
        list_init(&loop->deferred);
        struct list *node;
        while ((node = list_pop_front(&batch))) {
            struct loop_deferred *deferred = CONTAINER_OF(node, struct loop_deferred, node);
            deferred->run(deferred);
        }
    }
}

void loop_turn(struct loop *loop, bool may_wait)
{
    struct loop *outer = current;
    current = loop;
    loop->turn_begun = false;
    wait_and_run_io(loop, may_wait);
    begin_turn(loop);
    mark(loop, "io");
    run_timers(loop);
    mark(loop, "timer");
    run_mailbox(loop);
    run_deferred(loop);
    mark(loop, "deferred");
    end_turn(loop);
    current = outer;
}

static void run_until_stopped(struct loop *loop)
{
    /* sendfile has no MSG_NOSIGNAL. */
    sigset_t pipe_only;
    sigemptyset(&pipe_only);
    sigaddset(&pipe_only, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_only, NULL);
    while (!atomic_load_explicit(&loop->stopping, memory_order_relaxed))
        loop_turn(loop, true);
}

void loop_run(struct loop *loop)
{
    ASSERT(!loop->has_thread);
    atomic_store(&loop->running, true);
    run_until_stopped(loop);
    atomic_store(&loop->running, false);
    atomic_store(&loop->stopping, false);
}

/* --- timers and deferred work ---------------------------------------------------------------------- */

void loop_timer_arm(struct loop *loop, struct loop_timer *timer, int64_t at_ms)
{
    ASSERT_ON_LOOP(loop);
    heap_remove(&loop->timers, &timer->node);
    heap_push(&loop->timers, &timer->node, at_ms);
}

void loop_timer_cancel(struct loop *loop, struct loop_timer *timer)
{
    ASSERT_ON_LOOP(loop);
    heap_remove(&loop->timers, &timer->node);
}

void loop_defer(struct loop *loop, struct loop_deferred *deferred)
{
    ASSERT_ON_LOOP(loop);
    if (!deferred->node.next)
        list_node_init(&deferred->node);
    if (!list_is_linked(&deferred->node))
        list_push_back(&loop->deferred, &deferred->node);
}

void loop_deferred_cancel(struct loop_deferred *deferred)
{
    if (deferred->node.next)
        list_remove(&deferred->node);
}

/* --- descriptors ----------------------------------------------------------------------------------- */

static void on_io(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct loop_io *io = (struct loop_io *)arg;
    begin_turn(io->loop);
    io->ready(io, (what & EV_READ) != 0, (what & EV_WRITE) != 0);
}

void loop_io_open(struct loop_io *io, struct loop *loop, int fd,
                  void (*ready)(struct loop_io *io, bool readable, bool writable))
{
    ASSERT_ON_LOOP(loop);
    io->loop = loop;
    io->fd = fd;
    io->wanted = 0;
    io->ready = ready;
    io->event = NULL;
    io->spare = NULL;
}

/* Watches for what is wanted by a second event, the one that lies unused if there is one. */
static struct event *watch_anew(struct loop_io *io, short wanted)
{
    struct event *event = io->spare;
    io->spare = NULL;
    if (event)
        event_assign(event, io->loop->base, io->fd, (short)(wanted | EV_PERSIST), on_io, io);
    else
        event = event_new(io->loop->base, io->fd, (short)(wanted | EV_PERSIST), on_io, io);
    ASSERT(event);
    if (event_add(event, NULL) != 0)
        log_error("loop", "watch_failed", "fd=%d errno=%d", io->fd, errno);
    return event;
}

/* The new event is there before the old one goes: what both want stays, and one epoll_ctl does it. */
void loop_io_want(struct loop_io *io, bool read, bool write)
{
    ASSERT(io->loop); /* open */
    ASSERT_ON_LOOP(io->loop);
    short wanted = (short)((read ? EV_READ : 0) | (write ? EV_WRITE : 0));
    if (wanted == io->wanted)
        return;
    struct event *before = io->event;
    io->event = wanted ? watch_anew(io, wanted) : NULL;
    if (before) {
        event_del(before);
        if (io->spare)
            event_free(before);
        else
            io->spare = before;
    }
    io->wanted = wanted;
}

void loop_io_close(struct loop_io *io)
{
    if (!io->loop)
        return;
    ASSERT_ON_LOOP(io->loop);
    if (io->event)
        event_free(io->event);
    if (io->spare)
        event_free(io->spare);
    io->event = io->spare = NULL;
    io->loop = NULL;
}
