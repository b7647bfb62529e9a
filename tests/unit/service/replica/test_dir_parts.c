/*
 * Work split by log directory, one of which hangs.
 */
#include "service/replica/dir_parts.h"

#include <pthread.h>
#include <stdatomic.h>

#include "rig.h"
#include "suites.h"

#define LATE (HANG_WATCH_MS + 1)

static struct rig rig;
static struct log_dirs *dirs;

static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool shut; /* the first directory's part waits */
    int waiting;
    int begun;
    int ended;
    bool given_up; /* as the first directory's part saw it at its end */
    bool freed;
} seen;

static void setup(void)
{
    rig_open(&rig, 1, 2, NULL);
    dirs = replica_manager_dirs(rig.broker.replicas);
    pthread_mutex_init(&seen.lock, NULL);
    pthread_cond_init(&seen.moved, NULL);
    seen.shut = seen.given_up = seen.freed = false;
    seen.waiting = seen.begun = seen.ended = 0;
}

static void teardown(void)
{
    rig_close(&rig);
}

static void part(struct dir_parts *parts, struct log_dir_state *dir)
{
    ck_assert_ptr_eq(dir_parts_subject(parts), &seen);
    pthread_mutex_lock(&seen.lock);
    seen.begun++;
    seen.waiting += dir == dirs->items[0];
    pthread_cond_broadcast(&seen.moved);
    while (dir == dirs->items[0] && seen.shut)
        pthread_cond_wait(&seen.moved, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    bool given_up = dir_parts_is_given_up(parts, dir);
    pthread_mutex_lock(&seen.lock);
    if (dir == dirs->items[0])
        seen.given_up = given_up;
    seen.ended++;
    pthread_mutex_unlock(&seen.lock);
}

static void free_subject(void *subject)
{
    ck_assert_ptr_eq(subject, &seen);
    pthread_mutex_lock(&seen.lock);
    seen.freed = true;
    pthread_cond_broadcast(&seen.moved);
    pthread_mutex_unlock(&seen.lock);
}

static struct dir_parts *order(int count)
{
    struct dir_parts *parts = dir_parts_new(dirs, &seen, part, free_subject);
    for (int i = 0; i < count; i++)
        dir_parts_want(parts, dirs->items[i]);
    return parts;
}

/* Somebody has waited for the first directory for long. */
static void hang(void)
{
    hang_watch_begin(&dirs->items[0]->hang, clock_mono_ms(rig.broker.clock) - LATE);
}

static void go_on(void)
{
    hang_watch_end(&dirs->items[0]->hang, clock_mono_ms(rig.broker.clock));
    pthread_mutex_lock(&seen.lock);
    seen.shut = false;
    pthread_cond_broadcast(&seen.moved);
    pthread_mutex_unlock(&seen.lock);
}

START_TEST(every_wanted_directory_has_its_part_done_and_then_the_subject_goes)
{
    struct dir_parts *parts = order(2);
    dir_parts_run(parts);
    ck_assert_int_eq(seen.ended, 2);
    ck_assert(dir_parts_has_ended(parts, dirs->items[0]) && dir_parts_has_ended(parts, dirs->items[1]));
    ck_assert(!seen.given_up);
    dir_parts_release(parts);
    pthread_mutex_lock(&seen.lock);
    while (!seen.freed)
        pthread_cond_wait(&seen.moved, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    parts = order(1);
    dir_parts_run(parts);
    ck_assert_int_eq(seen.ended, 3);
    dir_parts_release(parts);
}
END_TEST

static void *hang_when_it_waits(void *arg)
{
    (void)arg;
    pthread_mutex_lock(&seen.lock);
    while (seen.waiting == 0)
        pthread_cond_wait(&seen.moved, &seen.lock);
    pthread_mutex_unlock(&seen.lock);
    hang();
    return NULL;
}

START_TEST(whoever_waits_goes_on_without_the_directory_that_hangs)
{
    seen.shut = true;
    pthread_t thread;
    pthread_create(&thread, NULL, hang_when_it_waits, NULL);
    struct dir_parts *parts = order(2);
    dir_parts_run(parts);
    pthread_join(thread, NULL);
    ck_assert(!dir_parts_has_ended(parts, dirs->items[0]));
    ck_assert(dir_parts_has_ended(parts, dirs->items[1]));
    dir_parts_release(parts);
    pthread_mutex_lock(&seen.lock);
    ck_assert(!seen.freed); /* the part still uses it */
    pthread_mutex_unlock(&seen.lock);
    go_on();
    pthread_mutex_lock(&seen.lock);
    while (!seen.freed)
        pthread_cond_wait(&seen.moved, &seen.lock);
    ck_assert(seen.given_up); /* and knew that nobody waited any more */
    pthread_mutex_unlock(&seen.lock);
}
END_TEST

START_TEST(a_directory_that_is_known_to_hang_is_not_asked)
{
    hang();
    struct dir_parts *parts = order(2);
    dir_parts_run(parts);
    ck_assert_int_eq(seen.begun, 1);
    ck_assert(!dir_parts_has_ended(parts, dirs->items[0]));
    ck_assert(dir_parts_has_ended(parts, dirs->items[1]));
    dir_parts_release(parts);
    go_on();
}
END_TEST

/* --- what the controller hears ----------------------------------------------------------------------------
 */

static struct partition *in_first_dir(const char *topic)
{
    for (int32_t i = 0; i < 2; i++) {
        ck_assert_int_eq(rig_lead_isr(&rig, topic, i, 0, RIG_ME, 2, 2), ERR_NONE);
        struct partition *part = rig_find(&rig, topic, i);
        if (part->dir == dirs->items[0])
            return part;
        partition_release(part);
    }
    ck_abort_msg("no partition is on the first directory");
}

START_TEST(role_of_a_partition_that_hangs_is_refused_and_not_taken_later)
{
    struct partition *part = in_first_dir("a");
    hang();
    ck_assert_int_eq(rig_lead(&rig, "a", part->index, 1, RIG_ME, 2), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_lead(&rig, "b", 0, 0, RIG_ME, 1), ERR_NONE); /* made where it does not hang */
    ck_assert_int_eq(rig_stop_replica(&rig, "a", part->index, -2, true), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_stop_replica(&rig, "never-here", 0, -2, true), ERR_KAFKA_STORAGE_ERROR);
    go_on();
    ck_assert_int_eq(atomic_load(&part->leader_epoch_hint), 0);
    /* Somebody else may lead it: it takes nothing before the controller's next word. */
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_lead(&rig, "a", part->index, 1, RIG_ME, 2), ERR_NONE);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    partition_release(part);
}
END_TEST

/* STALE_CONTROLLER_EPOCH would leave it offline for the controller. */
START_TEST(role_that_a_partition_has_already_is_confirmed_after_it_hung)
{
    struct partition *part = in_first_dir("a");
    hang();
    ck_assert_int_eq(rig_lead(&rig, "a", part->index, 0, RIG_ME, 2), ERR_KAFKA_STORAGE_ERROR);
    go_on();
    ck_assert_int_eq(rig_lead(&rig, "a", part->index, 0, RIG_ME, 2), ERR_NONE);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", part->index, 0, RIG_ME, 2), ERR_STALE_CONTROLLER_EPOCH);
    partition_release(part);
}
END_TEST

START_TEST(partition_that_nobody_else_could_lead_is_left_alone)
{
    struct partition *part = in_first_dir("a");
    ck_assert_int_eq(rig_lead_isr(&rig, "a", part->index, 1, RIG_ME, 2, 1), ERR_NONE);
    hang();
    ck_assert_int_eq(rig_lead_isr(&rig, "a", part->index, 1, RIG_ME, 2, 1), ERR_STALE_CONTROLLER_EPOCH);
    go_on();
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    partition_release(part);
}
END_TEST

Suite *dir_parts_suite(void)
{
    Suite *suite = suite_create("dir_parts");
    TCase *tcase = tcase_create("dir_parts");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, every_wanted_directory_has_its_part_done_and_then_the_subject_goes);
    tcase_add_test(tcase, whoever_waits_goes_on_without_the_directory_that_hangs);
    tcase_add_test(tcase, a_directory_that_is_known_to_hang_is_not_asked);
    tcase_add_test(tcase, role_of_a_partition_that_hangs_is_refused_and_not_taken_later);
    tcase_add_test(tcase, role_that_a_partition_has_already_is_confirmed_after_it_hung);
    tcase_add_test(tcase, partition_that_nobody_else_could_lead_is_left_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
