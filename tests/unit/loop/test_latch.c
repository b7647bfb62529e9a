#include <pthread.h>

#include "disk/posix_clock.h"
#include "loop/latch.h"
#include "tests.h"

struct seen {
    struct loop *loop;
    bool on_loop;
    bool discard;
    int times;
};

static void look(void *arg, bool discard)
{
    struct seen *seen = arg;
    seen->on_loop = loop_current() == seen->loop;
    seen->discard = discard;
    seen->times++;
}

START_TEST(a_call_has_run_on_the_loop_when_it_returns)
{
    struct clock clock = clock_posix();
    struct loop *loop = loop_new("a", &clock, NULL);
    struct seen seen = {.loop = loop};
    loop_start(loop);
    for (int i = 1; i <= 100; i++) {
        loop_call(loop, look, &seen, "look");
        ck_assert_int_eq(seen.times, i);
    }
    ck_assert(seen.on_loop && !seen.discard);
    loop_stop(loop);
    loop_join(loop);
    loop_free(loop);
}
END_TEST

/* Who stops something must not wait for ever because its loop went first. */
START_TEST(a_call_to_a_loop_that_is_over_runs_all_the_same)
{
    struct clock clock = clock_posix();
    struct loop *loop = loop_new("a", &clock, NULL);
    struct seen seen = {.loop = loop};
    loop_start(loop);
    loop_stop(loop);
    loop_join(loop);
    loop_call(loop, look, &seen, "look");
    ck_assert_int_eq(seen.times, 1);
    ck_assert(!seen.on_loop && seen.discard);
    loop_free(loop);
}
END_TEST

static void *open_it(void *arg)
{
    latch_open(arg);
    return NULL;
}

START_TEST(a_latch_may_be_opened_before_or_while_somebody_waits)
{
    struct latch latch;
    latch_init(&latch);
    latch_open(&latch);
    latch_await(&latch);
    for (int i = 0; i < 50; i++) {
        pthread_t thread;
        latch_init(&latch);
        pthread_create(&thread, NULL, open_it, &latch);
        latch_await(&latch);
        pthread_join(thread, NULL);
    }
}
END_TEST

START_TEST(who_waits_for_a_while_waits_again_and_ends_the_latch_himself)
{
    struct latch latch;
    pthread_t thread;
    latch_init(&latch);
    ck_assert(!latch_await_for(&latch, 0));
    ck_assert(!latch_await_for(&latch, 1));
    pthread_create(&thread, NULL, open_it, &latch);
    while (!latch_await_for(&latch, 1000))
        ;
    ck_assert(latch_await_for(&latch, 0));
    pthread_join(thread, NULL);
    latch_end(&latch);
}
END_TEST

Suite *latch_suite(void)
{
    Suite *suite = suite_create("latch");
    TCase *tcase = tcase_create("latch");
    tcase_add_test(tcase, a_call_has_run_on_the_loop_when_it_returns);
    tcase_add_test(tcase, a_call_to_a_loop_that_is_over_runs_all_the_same);
    tcase_add_test(tcase, a_latch_may_be_opened_before_or_while_somebody_waits);
    tcase_add_test(tcase, who_waits_for_a_while_waits_again_and_ends_the_latch_himself);
    suite_add_tcase(suite, tcase);
    return suite;
}
