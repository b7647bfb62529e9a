/*
 * Several loops share one hold: one op at a time, each loop's in their order, what is a loop's own on that
 * loop.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "loop/latch.h"
#include "rig.h"
#include "service/group/groups_hold.h"
#include "suites.h"

#define LOOPS 3
#define OPS   20000 /* of each loop */

static struct rig rig;
static struct groups_hold hold;

/* One loop's ops: each is submitted when the one before is home, or several at a time. */
struct submitter {
    struct loop *loop;
    struct latch over;
    struct one {
        struct groups_op op;
        struct loop_message message;
        struct submitter *by;
        int number;
    } ops[OPS];
    int ran;
    int home;
};

static struct submitter *submitters;
static atomic_int inside;
static int64_t ran_in_all; /* by the holder: no atomic */

static void setup(void)
{
    rig_open(&rig, LOOPS, 1, NULL);
    hold = (struct groups_hold){0};
    submitters = mem_zalloc(LOOPS * sizeof *submitters);
    ran_in_all = 0;
}

static void teardown(void)
{
    free(submitters);
    rig_close(&rig);
}

static void is_home(struct loop_message *msg, bool discard)
{
    struct one *one = CONTAINER_OF(msg, struct one, message);
    ck_assert(!discard);
    ck_assert_ptr_eq(loop_current(), one->by->loop);
    ck_assert_int_eq(one->number, one->by->home++);
    if (one->by->home == OPS)
        latch_open(&one->by->over);
}

static void run(struct groups_op *op)
{
    struct one *one = CONTAINER_OF(op, struct one, op);
    ck_assert_int_eq(atomic_fetch_add(&inside, 1), 0);
    ck_assert_int_eq(one->number, one->by->ran++);
    ran_in_all++;
    one->message.run = is_home;
    groups_hold_send_home(&hold, one->by->loop, &one->message);
    atomic_fetch_sub(&inside, 1);
}

static void submit_all(void *arg)
{
    struct submitter *by = arg;
    for (int i = 0; i < OPS; i++) {
        by->ops[i] = (struct one){.op = {.run = run}, .by = by, .number = i};
        groups_hold_submit(&hold, &by->ops[i].op);
    }
}

static void submit_on(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct one *first = CONTAINER_OF(msg, struct one, message);
    submit_all(first->by);
}

START_TEST(loops_share_a_hold_without_overlap_and_in_their_order)
{
    for (int i = 0; i < LOOPS; i++) {
        submitters[i].loop = rig.loops[i];
        latch_init(&submitters[i].over);
        struct one *first = &submitters[i].ops[OPS - 1]; /* its message is free until then */
        first->by = &submitters[i];
        first->message = (struct loop_message){.run = submit_on, .label = "submit"};
        loop_post(rig.loops[i], &first->message);
    }
    for (int i = 0; i < LOOPS; i++)
        latch_await(&submitters[i].over);
    ck_assert_int_eq(ran_in_all, LOOPS * OPS);
}
END_TEST

/* An op that submits another finds the hold taken, by itself: the other runs after it, before it lets go. */
static struct groups_op second, third;
static int order[3], count;

static void note(struct groups_op *op)
{
    order[count++] = op == &second ? 2 : 3;
}

static void submit_two_more(struct groups_op *op)
{
    (void)op;
    groups_hold_submit(&hold, &second);
    groups_hold_submit(&hold, &third);
    order[count++] = 1;
}

static void submit_first(void *arg)
{
    groups_hold_submit(&hold, arg);
    ck_assert_int_eq(count, 3);
}

START_TEST(op_that_is_submitted_by_the_holder_runs_after_the_present_one)
{
    struct groups_op first = {.run = submit_two_more};
    count = 0;
    second.run = third.run = note;
    rig_on_loop(rig.loops[0], submit_first, &first);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(order[i], i + 1);
}
END_TEST

/* --- timers ----------------------------------------------------------------------------------------------
 */

static struct groups_timer timer;
static struct latch came;

static void arm_far(struct groups_op *op)
{
    (void)op;
    groups_timer_arm(&timer, loop_now_ms(loop_current()) + 3600000);
}

static void arm_near(struct groups_op *op)
{
    (void)op;
    groups_timer_arm(&timer, loop_now_ms(loop_current()) + 1);
    groups_timer_arm(&timer, loop_now_ms(loop_current()) + 7200000); /* is armed for sooner */
    ck_assert(groups_timer_is_armed(&timer));
}

static void time_came(struct groups_timer *t)
{
    ck_assert(!groups_timer_is_armed(t));
    latch_open(&came);
}

static void submit(void *arg)
{
    groups_hold_submit(&hold, arg);
}

START_TEST(timer_is_armed_by_any_loop_and_fires_at_the_soonest_of_its_times)
{
    struct groups_op far = {.run = arm_far}, near = {.run = arm_near};
    latch_init(&came);
    timer = (struct groups_timer){0};
    groups_timer_init(&timer, &hold, rig.loops[0], time_came);
    rig_on_loop(rig.loops[0], submit, &far);
    rig_on_loop(rig.loops[1], submit, &near);
    latch_await(&came);
}
END_TEST

Suite *groups_hold_suite(void)
{
    Suite *suite = suite_create("groups hold");
    TCase *tc = tcase_create("hold");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, loops_share_a_hold_without_overlap_and_in_their_order);
    tcase_add_test(tc, op_that_is_submitted_by_the_holder_runs_after_the_present_one);
    tcase_add_test(tc, timer_is_armed_by_any_loop_and_fires_at_the_soonest_of_its_times);
    suite_add_tcase(suite, tc);
    return suite;
}
