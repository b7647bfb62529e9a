/*
 * The queue is one pointer, as a partition's: NULL when nobody holds, HELD when somebody does and nothing is
 * queued, else the newest of the queued ops, whose chain ends in HELD.
 */
#include "service/group/groups_hold.h"

#include "base/mem.h"

static struct groups_op held_mark;
#define HELD (&held_mark)

/* True: the caller holds. False: the op is left to who does. */
static bool take_hold(struct groups_hold *hold, struct groups_op *op)
{
    struct groups_op *seen = atomic_load_explicit(&hold->queue, memory_order_acquire);
    for (;;) {
        op->next = seen;
        struct groups_op *wanted = seen ? op : HELD;
        if (atomic_compare_exchange_weak_explicit(&hold->queue, &seen, wanted, memory_order_acq_rel,
                                                  memory_order_acquire))
            return seen == NULL;
    }
}

static bool let_go(struct groups_hold *hold)
{
    struct groups_op *expected = HELD;
    return atomic_compare_exchange_strong_explicit(&hold->queue, &expected, NULL, memory_order_acq_rel,
                                                   memory_order_acquire);
}

/* What was queued, oldest first. */
static struct groups_op *take_queue(struct groups_hold *hold)
{
    struct groups_op *newest = atomic_exchange_explicit(&hold->queue, HELD, memory_order_acq_rel);
    struct groups_op *oldest = NULL;
    while (newest != HELD) {
        struct groups_op *next = newest->next;
        newest->next = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void run_chain(struct groups_op *op)
{
    while (op) {
        struct groups_op *next = op->next;
        op->run(op);
        op = next;
    }
}

void groups_hold_submit(struct groups_hold *hold, struct groups_op *op)
{
    if (!take_hold(hold, op))
        return;
    op->next = NULL;
    struct loop_message *mine = NULL, **end = &mine;
    run_chain(op);
    for (;;) {
        *end = hold->mine;
        if (hold->mine)
            end = &hold->mine_last->next;
        hold->mine = hold->mine_last = NULL;
        if (let_go(hold))
            break;
        run_chain(take_queue(hold));
    }
    while (mine) {
        struct loop_message *next = mine->next;
        mine->run(mine, false);
        mine = next;
    }
}

void groups_hold_send_home(struct groups_hold *hold, struct loop *home, struct loop_message *message)
{
    if (home != loop_current()) {
        loop_post(home, message);
        return;
    }
    message->next = NULL;
    if (hold->mine_last)
        hold->mine_last->next = message;
    else
        hold->mine = message;
    hold->mine_last = message;
}

/* --- timers ----------------------------------------------------------------------------------------------
 */

static void time_has_come(struct groups_op *op)
{
    struct groups_timer *timer = CONTAINER_OF(op, struct groups_timer, op);
    atomic_store(&timer->is_queued, false);
    timer->at_ms = INT64_MAX;
    timer->run(timer);
}

static void fire(struct loop_timer *loop_timer, int64_t now_ms)
{
    (void)now_ms;
    struct groups_timer *timer = CONTAINER_OF(loop_timer, struct groups_timer, timer);
    if (!atomic_exchange(&timer->is_queued, true))
        groups_hold_submit(timer->hold, &timer->op);
}

static void arm_on_loop(struct loop_message *msg, bool discard)
{
    struct groups_timer *timer = CONTAINER_OF(msg, struct groups_timer, message);
    atomic_store(&timer->is_posted, false);
    if (!discard)
        loop_timer_arm(timer->loop, &timer->timer, atomic_load(&timer->wanted_ms));
}

void groups_timer_init(struct groups_timer *timer, struct groups_hold *hold, struct loop *loop,
                       void (*run)(struct groups_timer *timer))
{
    timer->hold = hold;
    timer->loop = loop;
    timer->run = run;
    timer->op.run = time_has_come;
    timer->at_ms = INT64_MAX;
    timer->timer.fire = fire;
    timer->message = (struct loop_message){.run = arm_on_loop, .label = "group_timer"};
}

void groups_timer_arm(struct groups_timer *timer, int64_t at_ms)
{
    if (at_ms >= timer->at_ms)
        return;
    timer->at_ms = at_ms;
    atomic_store(&timer->wanted_ms, at_ms);
    if (loop_is_current(timer->loop))
        loop_timer_arm(timer->loop, &timer->timer, at_ms);
    else if (!atomic_exchange(&timer->is_posted, true))
        loop_post(timer->loop, &timer->message);
}

bool groups_timer_is_armed(const struct groups_timer *timer)
{
    return timer->at_ms != INT64_MAX;
}
