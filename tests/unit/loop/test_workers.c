#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "base/mem.h"
#include "disk/posix_clock.h"
#include "loop/workers.h"
#include "tests.h"

struct job {
    struct work work;
    sem_t *started, *may_go;
    atomic_int ran, done, discarded;
};

static void job_run(struct work *work)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    if (job->started)
        sem_post(job->started);
    if (job->may_go)
        sem_wait(job->may_go);
    atomic_fetch_add(&job->ran, 1);
}

static void job_done(struct work *work, bool discard)
{
    struct job *job = CONTAINER_OF(work, struct job, work);
    ck_assert(!work->home || loop_current() == work->home);
    if (discard)
        atomic_fetch_add(&job->discarded, 1);
    atomic_fetch_add(&job->done, 1);
    if (work->home && !discard)
        loop_stop(work->home);
}

START_TEST(work_runs_on_a_worker_and_is_done_at_home)
{
    struct clock clock = clock_posix();
    struct loop *home = loop_new("home", &clock, NULL);
    struct workers *pool = workers_new(2);
    struct job job = {.work = {.home = home, .run = job_run, .done = job_done, .label = "job"}};
    workers_submit(pool, &job.work);
    loop_run(home);
    ck_assert_int_eq(job.ran, 1);
    ck_assert_int_eq(job.done, 1);
    workers_free(pool);
    loop_free(home);
}
END_TEST

START_TEST(a_lane_that_hangs_leaves_a_thread_to_the_others)
{
    struct workers *pool = workers_new(8);
    sem_t started, may_go, other_started;
    sem_init(&started, 0, 0);
    sem_init(&may_go, 0, 0);
    sem_init(&other_started, 0, 0);
    struct job stuck[4];
    for (int i = 0; i < 4; i++) {
        stuck[i] = (struct job){
            .work = {.lane = 7, .run = job_run, .done = job_done}, .started = &started, .may_go = &may_go};
        workers_submit(pool, &stuck[i].work);
    }
    sem_wait(&started);
    sem_wait(&started);
    struct job other = {.work = {.run = job_run, .done = job_done}, .started = &other_started};
    workers_submit(pool, &other.work);
    sem_wait(&other_started); /* would wait for ever if the lane had all threads */
    /* A quarter of them: other lanes may hang, too. */
    ck_assert_int_ne(sem_trywait(&started), 0);
    for (int i = 0; i < 4; i++)
        sem_post(&may_go);
    sem_wait(&started);
    sem_wait(&started);
    workers_stop(pool);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(stuck[i].done, 1);
    workers_free(pool);
}
END_TEST

START_TEST(items_of_a_lane_run_in_order_when_one_thread_runs_them)
{
    struct workers *pool = workers_new(1);
    sem_t started, may_go, second_started;
    sem_init(&started, 0, 0);
    sem_init(&may_go, 0, 0);
    sem_init(&second_started, 0, 0);
    struct job first = {.work = {.run = job_run, .done = job_done}, .started = &started, .may_go = &may_go};
    struct job second = {.work = {.run = job_run, .done = job_done}, .started = &second_started};
    workers_submit(pool, &first.work);
    workers_submit(pool, &second.work);
    sem_wait(&started);
    ck_assert_int_eq(second.ran, 0);
    sem_post(&may_go);
    sem_wait(&second_started);
    ck_assert_int_eq(first.ran, 1);
    workers_free(pool);
}
END_TEST

START_TEST(stopping_ends_what_runs_and_discards_what_waits)
{
    struct clock clock = clock_posix();
    struct loop *home = loop_new("home", &clock, NULL);
    struct workers *pool = workers_new(1);
    struct job queued[8];
    for (int i = 0; i < 8; i++) {
        queued[i] = (struct job){.work = {.home = i % 2 ? home : NULL, .run = job_run, .done = job_done}};
        workers_submit(pool, &queued[i].work);
    }
    workers_stop(pool);
    struct job late = {.work = {.run = job_run, .done = job_done}};
    workers_submit(pool, &late.work);
    loop_turn(home, false);
    for (int i = 0; i < 8; i++) {
        ck_assert_int_eq(queued[i].done, 1);
        ck_assert_int_eq(queued[i].ran + queued[i].discarded, 1);
    }
    ck_assert_int_eq(late.discarded, 1);
    workers_free(pool);
    loop_free(home);
}
END_TEST

Suite *workers_suite(void)
{
    Suite *suite = suite_create("workers");
    TCase *tc = tcase_create("workers");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, work_runs_on_a_worker_and_is_done_at_home);
    tcase_add_test(tc, a_lane_that_hangs_leaves_a_thread_to_the_others);
    tcase_add_test(tc, items_of_a_lane_run_in_order_when_one_thread_runs_them);
    tcase_add_test(tc, stopping_ends_what_runs_and_discards_what_waits);
    suite_add_tcase(suite, tc);
    return suite;
}
