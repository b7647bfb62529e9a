#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "fake/fake_clock.h"
#include "loop/loop.h"
#include "tests.h"

static struct fake_clock fake;
static struct loop *loop;
static char trace[64];

static void setup(void)
{
    fake_clock_init(&fake, 1000);
    struct errmsg why;
    loop = loop_new("test", &fake.clock, &why);
    ck_assert_ptr_nonnull(loop);
    trace[0] = '\0';
}

static void teardown(void)
{
    loop_free(loop);
}

static void note(const char *what)
{
    strncat(trace, what, sizeof trace - strlen(trace) - 1);
}

/* --- messages -------------------------------------------------------------------------------------- */

struct letter {
    struct loop_message message;
    const char *text;
    bool discarded;
    struct letter *follow_up;
};

static void letter_run(struct loop_message *msg, bool discard)
{
    struct letter *letter = CONTAINER_OF(msg, struct letter, message);
    letter->discarded = discard;
    note(letter->text);
    if (letter->follow_up)
        loop_post(loop, &letter->follow_up->message);
}

START_TEST(messages_run_in_the_order_of_posting)
{
    struct letter a = {{.run = letter_run}, "a", false, NULL};
    struct letter b = {{.run = letter_run}, "b", false, NULL};
    struct letter c = {{.run = letter_run}, "c", false, NULL};
    loop_post(loop, &a.message);
    loop_post(loop, &b.message);
    loop_post(loop, &c.message);
    loop_turn(loop, true);
    ck_assert_str_eq(trace, "abc");
}
END_TEST

START_TEST(a_message_posted_by_a_message_runs_in_the_next_turn)
{
    struct letter b = {{.run = letter_run}, "b", false, NULL};
    struct letter a = {{.run = letter_run}, "a", false, &b};
    loop_post(loop, &a.message);
    loop_turn(loop, true);
    ck_assert_str_eq(trace, "a");
    loop_turn(loop, true);
    ck_assert_str_eq(trace, "ab");
}
END_TEST

START_TEST(messages_of_a_freed_loop_are_discarded_with_what_they_post)
{
    struct letter b = {{.run = letter_run}, "b", false, NULL};
    struct letter a = {{.run = letter_run}, "a", false, &b};
    loop_post(loop, &a.message);
    loop_free(loop);
    loop = NULL;
    ck_assert_str_eq(trace, "ab");
    ck_assert(a.discarded);
}
END_TEST

/* --- timers ---------------------------------------------------------------------------------------- */

struct alarm {
    struct loop_timer timer;
    const char *text;
    int64_t again_at_ms;
};

static void alarm_fire(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct alarm *alarm = CONTAINER_OF(timer, struct alarm, timer);
    note(alarm->text);
    if (alarm->again_at_ms)
        loop_timer_arm(loop, timer, alarm->again_at_ms);
}

START_TEST(timers_fire_in_order_of_their_deadlines)
{
    struct alarm late = {{.fire = alarm_fire}, "late", 0};
    struct alarm soon = {{.fire = alarm_fire}, "soon ", 0};
    loop_timer_arm(loop, &late.timer, 1020);
    loop_timer_arm(loop, &soon.timer, 1010);
    loop_turn(loop, false);
    ck_assert_str_eq(trace, "");
    fake_clock_advance_ms(&fake, 30);
    loop_turn(loop, false);
    ck_assert_str_eq(trace, "soon late");
    ck_assert(!loop_timer_is_armed(&late.timer));
}
END_TEST

START_TEST(a_cancelled_timer_does_not_fire_and_an_armed_one_moves)
{
    struct alarm a = {{.fire = alarm_fire}, "a", 0};
    struct alarm b = {{.fire = alarm_fire}, "b", 0};
    loop_timer_arm(loop, &a.timer, 1010);
    loop_timer_arm(loop, &b.timer, 1010);
    loop_timer_cancel(loop, &a.timer);
    loop_timer_arm(loop, &b.timer, 2000);
    fake_clock_advance_ms(&fake, 500);
    loop_turn(loop, false);
    ck_assert_str_eq(trace, "");
    fake_clock_advance_ms(&fake, 500);
    loop_turn(loop, false);
    ck_assert_str_eq(trace, "b");
}
END_TEST

START_TEST(a_timer_that_arms_itself_for_now_fires_once_a_turn)
{
    struct alarm a = {{.fire = alarm_fire}, "a", 1000};
    loop_timer_arm(loop, &a.timer, 1000);
    loop_turn(loop, false);
    ck_assert_str_eq(trace, "a");
    loop_turn(loop, true); /* and the wait ends at once */
    ck_assert_str_eq(trace, "aa");
    loop_timer_cancel(loop, &a.timer);
}
END_TEST

/* --- deferred work --------------------------------------------------------------------------------- */

struct chore {
    struct loop_deferred deferred;
    int runs;
    int again;
};

static void chore_run(struct loop_deferred *deferred)
{
    struct chore *chore = CONTAINER_OF(deferred, struct chore, deferred);
    chore->runs++;
    if (chore->again-- > 0)
        loop_defer(loop, deferred);
}

START_TEST(work_deferred_twice_runs_once)
{
    struct chore chore = {{.run = chore_run}, 0, 0};
    loop_defer(loop, &chore.deferred);
    loop_defer(loop, &chore.deferred);
    loop_turn(loop, true);
    ck_assert_int_eq(chore.runs, 1);
    loop_turn(loop, false);
    ck_assert_int_eq(chore.runs, 1);
}
END_TEST

START_TEST(work_that_defers_itself_for_ever_does_not_hold_the_turn)
{
    struct chore chore = {{.run = chore_run}, 0, 1000000};
    loop_defer(loop, &chore.deferred);
    loop_turn(loop, true);
    ck_assert_int_lt(chore.runs, 100);
    int before = chore.runs;
    loop_turn(loop, true); /* does not wait */
    ck_assert_int_gt(chore.runs, before);
    loop_deferred_cancel(&chore.deferred);
}
END_TEST

START_TEST(cancelled_work_does_not_run)
{
    struct chore chore = {{.run = chore_run}, 0, 0};
    struct chore never = {{.run = chore_run}, 0, 0};
    loop_deferred_cancel(&never.deferred);
    loop_defer(loop, &chore.deferred);
    loop_deferred_cancel(&chore.deferred);
    loop_turn(loop, false);
    ck_assert_int_eq(chore.runs, 0);
}
END_TEST

/* --- descriptors ----------------------------------------------------------------------------------- */

struct end {
    struct loop_io io;
    int readable, writable;
};

static void end_ready(struct loop_io *io, bool readable, bool writable)
{
    struct end *end = CONTAINER_OF(io, struct end, io);
    end->readable += readable;
    end->writable += writable;
}

START_TEST(a_descriptor_reports_what_is_wanted_only)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct end in = {0}, out = {0};
    loop_io_open(&in.io, loop, fds[0], end_ready);
    loop_io_open(&out.io, loop, fds[1], end_ready);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    loop_turn(loop, false);
    ck_assert_int_eq(in.readable, 0);

    loop_io_want(&in.io, true, false);
    loop_io_want(&out.io, false, true);
    loop_turn(loop, true);
    ck_assert_int_eq(in.readable, 1);
    ck_assert_int_eq(out.writable, 1);

    loop_io_want(&in.io, false, false);
    loop_io_want(&out.io, false, false);
    loop_turn(loop, false);
    ck_assert_int_eq(in.readable, 1);
    ck_assert_int_eq(out.writable, 1);
    loop_io_close(&in.io);
    loop_io_close(&out.io);
    loop_io_close(&out.io);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(a_descriptor_that_stays_ready_does_not_hold_the_turn)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct end in = {0};
    loop_io_open(&in.io, loop, fds[0], end_ready);
    loop_io_want(&in.io, true, false);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    loop_turn(loop, false);
    ck_assert_int_eq(in.readable, 1);
    loop_turn(loop, true);
    ck_assert_int_eq(in.readable, 2);
    loop_io_close(&in.io);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

static void end_closes_other(struct loop_io *io, bool readable, bool writable)
{
    struct end **ends = (struct end **)(void *)trace;
    end_ready(io, readable, writable);
    for (int i = 0; i < 2; i++)
        loop_io_close(&ends[i]->io);
}

START_TEST(a_callback_may_close_descriptors_that_are_ready_too)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    int second = dup(fds[0]);
    struct end a = {0}, b = {0};
    struct end *ends[2] = {&a, &b};
    memcpy(trace, ends, sizeof ends);
    loop_io_open(&a.io, loop, fds[0], end_closes_other);
    loop_io_open(&b.io, loop, second, end_closes_other);
    loop_io_want(&a.io, true, false);
    loop_io_want(&b.io, true, false);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    loop_turn(loop, true);
    ck_assert_int_eq(a.readable + b.readable, 1);
    close(fds[0]);
    close(fds[1]);
    close(second);
}
END_TEST

/* What the kernel's list of some epoll of this process says of the descriptor: its events, 0 = it is in none.
 */
static unsigned epoll_events(int fd)
{
    unsigned found = 0;
    for (int epoll = 0; epoll < 64; epoll++) {
        char path[64], line[256];
        snprintf(path, sizeof path, "/proc/self/fdinfo/%d", epoll);
        FILE *info = fopen(path, "r");
        while (info && fgets(line, sizeof line, info)) {
            int tfd;
            unsigned events;
            if (sscanf(line, "tfd: %d events: %x", &tfd, &events) == 2 && tfd == fd)
                found = events;
        }
        if (info)
            fclose(info);
    }
    return found;
}

/* Later the number may be another loop's: what is closed must be out of the kernel's list before. */
START_TEST(interest_in_a_descriptor_ends_before_it_is_closed)
{
    int fds[2];
    ck_assert_int_eq(pipe(fds), 0);
    struct end in = {0};
    loop_io_open(&in.io, loop, fds[0], end_ready);
    loop_io_want(&in.io, true, false);
    loop_turn(loop, false);
    ck_assert_uint_ne(epoll_events(fds[0]), 0);
    loop_io_close(&in.io);
    ck_assert_uint_eq(epoll_events(fds[0]), 0);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

START_TEST(interest_goes_from_any_to_any)
{
    int fds[2];
    struct end end = {0};
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1); /* always readable, always writable */
    loop_io_open(&end.io, loop, fds[0], end_ready);
    for (int from = 0; from < 4; from++) {
        for (int to = 0; to < 4; to++) {
            loop_io_want(&end.io, from & 1, from & 2);
            loop_io_want(&end.io, to & 1, to & 2);
            end.readable = end.writable = 0;
            loop_turn(loop, false);
            ck_assert_int_eq(end.readable, to & 1);
            ck_assert_int_eq(end.writable, to >> 1);
        }
    }
    loop_io_close(&end.io);
    close(fds[0]);
    close(fds[1]);
}
END_TEST

/* --- threads --------------------------------------------------------------------------------------- */

#define SENDERS 4
#define LETTERS 20000

struct numbered {
    struct loop_message message;
    int sender, number;
};

static atomic_int received;
static int last_of[SENDERS];
static bool in_order = true;

static void numbered_run(struct loop_message *msg, bool discard)
{
    struct numbered *numbered = CONTAINER_OF(msg, struct numbered, message);
    if (discard || numbered->number != last_of[numbered->sender] + 1)
        in_order = false;
    last_of[numbered->sender] = numbered->number;
    free(numbered);
    if (atomic_fetch_add(&received, 1) + 1 == SENDERS * LETTERS)
        loop_stop(loop_current());
}

static void *sender_main(void *arg)
{
    for (int i = 1; i <= LETTERS; i++) {
        struct numbered *numbered = MEM_NEW(struct numbered);
        numbered->message.run = numbered_run;
        numbered->sender = *(const int *)arg;
        numbered->number = i;
        loop_post(loop, &numbered->message);
    }
    return NULL;
}

/* Ends only if no wake-up is lost: nothing else would end the loop's wait. */
START_TEST(every_post_of_many_threads_arrives_in_order)
{
    pthread_t threads[SENDERS];
    int ids[SENDERS];
    loop_start(loop);
    for (int i = 0; i < SENDERS; i++) {
        ids[i] = i;
        pthread_create(&threads[i], NULL, sender_main, &ids[i]);
    }
    for (int i = 0; i < SENDERS; i++)
        pthread_join(threads[i], NULL);
    loop_join(loop);
    ck_assert_int_eq(atomic_load(&received), SENDERS * LETTERS);
    ck_assert(in_order);
}
END_TEST

/* Two loops that wait for each other's message, each time asleep or about to be. */
struct ball {
    struct loop_message message;
    struct loop *sides[2];
    int hits;
};

static void ball_run(struct loop_message *msg, bool discard)
{
    struct ball *ball = CONTAINER_OF(msg, struct ball, message);
    if (discard)
        return;
    if (++ball->hits == 20000) {
        loop_stop(ball->sides[0]);
        loop_stop(ball->sides[1]);
        return;
    }
    loop_post(ball->sides[ball->hits % 2], msg);
}

START_TEST(a_message_bounces_between_two_loops_without_being_lost)
{
    struct loop *other = loop_new("other", &fake.clock, NULL);
    struct ball ball = {{.run = ball_run}, {loop, other}, 0};
    loop_start(loop);
    loop_start(other);
    loop_post(loop, &ball.message);
    loop_join(loop);
    loop_join(other);
    ck_assert_int_eq(ball.hits, 20000);
    loop_free(other);
}
END_TEST

static void *stopper_main(void *arg)
{
    loop_stop((struct loop *)arg);
    loop_stop((struct loop *)arg);
    return NULL;
}

START_TEST(a_stopped_loop_ends_its_wait)
{
    loop_start(loop);
    pthread_t thread;
    pthread_create(&thread, NULL, stopper_main, loop);
    pthread_join(thread, NULL);
    loop_join(loop);
    ck_assert(loop_is_current(loop));
}
END_TEST

Suite *loop_suite(void)
{
    Suite *suite = suite_create("loop");
    TCase *tc = tcase_create("loop");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, messages_run_in_the_order_of_posting);
    tcase_add_test(tc, a_message_posted_by_a_message_runs_in_the_next_turn);
    tcase_add_test(tc, messages_of_a_freed_loop_are_discarded_with_what_they_post);
    tcase_add_test(tc, timers_fire_in_order_of_their_deadlines);
    tcase_add_test(tc, a_cancelled_timer_does_not_fire_and_an_armed_one_moves);
    tcase_add_test(tc, a_timer_that_arms_itself_for_now_fires_once_a_turn);
    tcase_add_test(tc, work_deferred_twice_runs_once);
    tcase_add_test(tc, work_that_defers_itself_for_ever_does_not_hold_the_turn);
    tcase_add_test(tc, cancelled_work_does_not_run);
    tcase_add_test(tc, a_descriptor_reports_what_is_wanted_only);
    tcase_add_test(tc, a_descriptor_that_stays_ready_does_not_hold_the_turn);
    tcase_add_test(tc, a_callback_may_close_descriptors_that_are_ready_too);
    tcase_add_test(tc, interest_in_a_descriptor_ends_before_it_is_closed);
    tcase_add_test(tc, interest_goes_from_any_to_any);
    tcase_add_test(tc, every_post_of_many_threads_arrives_in_order);
    tcase_add_test(tc, a_message_bounces_between_two_loops_without_being_lost);
    tcase_add_test(tc, a_stopped_loop_ends_its_wait);
    suite_add_tcase(suite, tc);
    return suite;
}
