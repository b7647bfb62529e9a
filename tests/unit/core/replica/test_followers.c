/*
 * What fetches of followers do to the high watermark and to who counts as caught up.
 */
#include "rig.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, "1,2", 100);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* --- taking note ---------------------------------------------------------------------------------------- */

static bool note(int32_t broker, int64_t epoch, int64_t offset, int64_t start,
                 struct replica_progress *progress)
{
    struct replica_fetch fetch = {.broker_id = broker,
                                  .broker_epoch = epoch,
                                  .offset = offset,
                                  .start_offset = start,
                                  .now_ms = rig.now_ms,
                                  .gap_ms = 500,
                                  .leader_end = rig.leader_end};
    return replica_note_fetch(&rig.replica, &fetch, progress);
}

START_TEST(fetch_of_a_stranger_is_not_noted)
{
    struct replica_progress progress;
    ck_assert(!note(4, -1, 100, 0, &progress));
    ck_assert(!note(RIG_ME, -1, 100, 0, &progress));
    ck_assert(!progress.end_moved);
}
END_TEST

START_TEST(fetch_of_an_earlier_life_of_the_broker_is_not_noted)
{
    struct replica_progress progress;
    ck_assert(note(2, 70, 40, 0, &progress));
    ck_assert(!note(2, 60, 100, 0, &progress));
    ck_assert(!progress.end_moved);
    ck_assert_int_eq(rig_advance(&rig), 40);
    ck_assert_int_eq(replica_follower_epoch(&rig.replica, 2), 70);
    ck_assert(note(2, 80, 50, 0, &progress));
    ck_assert(note(2, -1, 60, 0, &progress)); /* an older version of the request has none */
    ck_assert(!note(2, 70, 60, 0, &progress));
    ck_assert_int_eq(replica_follower_epoch(&rig.replica, 2), 80);
    ck_assert_int_eq(replica_follower_epoch(&rig.replica, 3), -1);
}
END_TEST

START_TEST(ends_and_starts_that_move_are_told_apart)
{
    struct replica_progress progress;
    ck_assert(note(2, -1, 40, 0, &progress));
    ck_assert(progress.end_moved && progress.start_moved); /* both were unknown */
    ck_assert(note(2, -1, 40, 0, &progress));
    ck_assert(!progress.end_moved && !progress.start_moved);
    ck_assert(note(2, -1, 41, 0, &progress));
    ck_assert(progress.end_moved && !progress.start_moved);
    ck_assert(note(2, -1, 41, 7, &progress));
    ck_assert(!progress.end_moved && progress.start_moved);
}
END_TEST

/* --- the high watermark --------------------------------------------------------------------------------- */

START_TEST(high_watermark_is_the_smallest_end_of_the_isr)
{
    ck_assert_int_eq(rig_advance(&rig), 0); /* 2 has not fetched yet */
    rig_fetch(&rig, 2, 60);
    ck_assert_int_eq(rig_advance(&rig), 60);
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 100);
}
END_TEST

START_TEST(followers_cannot_carry_it_beyond_what_the_leader_has_made_durable)
{
    rig.leader_end = 80; /* synced; the log itself goes on to 100 */
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 80);
}
END_TEST

START_TEST(replica_far_behind_outside_the_isr_holds_nothing_back)
{
    rig_fetch(&rig, 3, 10);
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 100);
}
END_TEST

START_TEST(caught_up_replica_outside_the_isr_holds_it_back)
{
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100); /* caught up now, about to join */
    rig.leader_end = 120;
    rig_fetch(&rig, 2, 120);
    ck_assert_int_eq(rig_advance(&rig), 100);
    rig.now_ms += RIG_LAG_MS;
    ck_assert_int_eq(rig_advance(&rig), 100);
    rig.now_ms++; /* it did not come again */
    ck_assert_int_eq(rig_advance(&rig), 120);
}
END_TEST

START_TEST(dead_replica_outside_the_isr_holds_nothing_back)
{
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
    rig.leader_end = 120;
    rig_fetch(&rig, 2, 120);
    rig.dead = 3;
    ck_assert_int_eq(rig_advance(&rig), 120);
}
END_TEST

START_TEST(dead_member_of_the_isr_holds_it_back)
{
    rig_fetch(&rig, 2, 60);
    rig.dead = 2;
    rig.now_ms += 10 * RIG_LAG_MS;
    ck_assert_int_eq(rig_advance(&rig), 60);
}
END_TEST

START_TEST(follower_that_lost_its_end_does_not_pull_it_down)
{
    rig_fetch(&rig, 2, 60);
    ck_assert_int_eq(rig_advance(&rig), 60);
    rig_fetch(&rig, 2, 20);
    ck_assert_int_eq(rig_advance(&rig), 60);
}
END_TEST

START_TEST(high_watermark_stays_while_the_isr_is_below_its_minimum)
{
    rig.min_insync_replicas = 3;
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 0);
    rig.min_insync_replicas = 2;
    ck_assert_int_eq(rig_advance(&rig), 100);
}
END_TEST

START_TEST(proposed_member_does_not_lift_the_isr_to_its_minimum)
{
    rig.min_insync_replicas = 3;
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 3);
    ck_assert(!replica_has_min_isr(&rig.replica, 3));
    ck_assert(replica_has_min_maximal_isr(&rig.replica, 3)); /* it may be in already: the append counts */
    ck_assert_int_eq(rig_advance(&rig), 0);
}
END_TEST

START_TEST(proposed_member_holds_it_back_whether_alive_or_late)
{
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 3);
    rig.leader_end = 120;
    rig_fetch(&rig, 2, 120);
    rig.dead = 3;
    rig.now_ms += 10 * RIG_LAG_MS;
    ck_assert_int_eq(rig_advance(&rig), 100); /* the controller may have let it in */
}
END_TEST

START_TEST(member_that_is_to_leave_holds_it_back_until_it_has_left)
{
    rig_fetch(&rig, 2, 60);
    int32_t leaving[] = {2};
    rig.now_ms += 2 * RIG_LAG_MS;
    replica_propose_leave(&rig.replica, leaving, 1);
    ck_assert_int_eq(rig_advance(&rig), 60);
    ck_assert_int_eq(replica_maximal_isr_count(&rig.replica), 2);
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1", 51), REPLICA_ISR_TAKEN);
    ck_assert_int_eq(rig_advance(&rig), 100);
}
END_TEST

/* --- who is caught up ----------------------------------------------------------------------------------- */

START_TEST(member_at_the_leaders_end_is_caught_up_for_ever)
{
    rig_fetch(&rig, 2, 100);
    rig.now_ms += 100 * RIG_LAG_MS;
    ck_assert_str_eq(rig_laggards(&rig), "");
}
END_TEST

START_TEST(member_behind_is_given_the_lag_and_no_more)
{
    rig_fetch(&rig, 2, 100);
    rig.leader_end = 200;
    rig.now_ms += RIG_LAG_MS;
    ck_assert_str_eq(rig_laggards(&rig), "");
    rig.now_ms++;
    ck_assert_str_eq(rig_laggards(&rig), "2");
}
END_TEST

START_TEST(member_that_never_fetched_is_given_the_lag_from_the_beginning_of_the_epoch)
{
    rig.now_ms += RIG_LAG_MS;
    ck_assert_str_eq(rig_laggards(&rig), "");
    rig.now_ms++;
    ck_assert_str_eq(rig_laggards(&rig), "2");
}
END_TEST

START_TEST(follower_that_keeps_up_with_a_moving_end_is_caught_up)
{
    for (int i = 0; i < 10; i++) {
        rig.now_ms += RIG_LAG_MS - 1;
        int64_t asked = rig.leader_end; /* the end at the fetch before */
        rig.leader_end += 50;
        rig_fetch(&rig, 2, asked);
        ck_assert_str_eq(rig_laggards(&rig), "");
    }
}
END_TEST

START_TEST(follower_that_fetches_but_falls_behind_is_not_caught_up)
{
    for (int i = 0; i < 10; i++) {
        rig.now_ms += RIG_LAG_MS / 3;
        rig.leader_end += 50;
        rig_fetch(&rig, 2, 100 + i); /* never where our end was before */
    }
    ck_assert_str_eq(rig_laggards(&rig), "2");
}
END_TEST

START_TEST(follower_of_the_former_end_was_caught_up_when_it_last_fetched)
{
    rig_fetch(&rig, 2, 90); /* at 1000, with our end at 100 */
    rig.leader_end = 200;
    rig.now_ms += RIG_LAG_MS;
    rig_fetch(&rig, 2, 100);
    rig.now_ms++;
    ck_assert_str_eq(rig_laggards(&rig), "2");
}
END_TEST

START_TEST(replica_outside_is_not_caught_up_at_the_beginning_of_time)
{
    rig_close(&rig);
    rig_open(&rig, "1,2", 100);
    rig.now_ms = 0; /* a machine that was just started */
    rig_command(&rig, 6, RIG_ME, "1,2");
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 100);
}
END_TEST

START_TEST(replica_that_left_with_the_epoch_is_not_caught_up)
{
    rig_fetch(&rig, 2, 100);
    ck_assert_int_eq(rig_advance(&rig), 100);
    rig_command(&rig, 6, RIG_ME, "1"); /* the controller found 2 dead */
    rig.leader_end = 150;
    ck_assert_int_eq(rig_advance(&rig), 150);
}
END_TEST

START_TEST(new_leader_that_is_behind_does_not_take_back_what_a_follower_knows_to_be_committed)
{
    ck_assert_int_eq(replica_high_watermark_of_follower(7, 9), 9);
    ck_assert_int_eq(replica_high_watermark_of_follower(7, 3), 7);
}
END_TEST

Suite *followers_suite(void)
{
    Suite *suite = suite_create("core/replica: followers");
    TCase *tc = tcase_create("followers");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, fetch_of_a_stranger_is_not_noted);
    tcase_add_test(tc, fetch_of_an_earlier_life_of_the_broker_is_not_noted);
    tcase_add_test(tc, ends_and_starts_that_move_are_told_apart);
    tcase_add_test(tc, high_watermark_is_the_smallest_end_of_the_isr);
    tcase_add_test(tc, followers_cannot_carry_it_beyond_what_the_leader_has_made_durable);
    tcase_add_test(tc, replica_far_behind_outside_the_isr_holds_nothing_back);
    tcase_add_test(tc, caught_up_replica_outside_the_isr_holds_it_back);
    tcase_add_test(tc, dead_replica_outside_the_isr_holds_nothing_back);
    tcase_add_test(tc, dead_member_of_the_isr_holds_it_back);
    tcase_add_test(tc, follower_that_lost_its_end_does_not_pull_it_down);
    tcase_add_test(tc, new_leader_that_is_behind_does_not_take_back_what_a_follower_knows_to_be_committed);
    tcase_add_test(tc, high_watermark_stays_while_the_isr_is_below_its_minimum);
    tcase_add_test(tc, proposed_member_does_not_lift_the_isr_to_its_minimum);
    tcase_add_test(tc, proposed_member_holds_it_back_whether_alive_or_late);
    tcase_add_test(tc, member_that_is_to_leave_holds_it_back_until_it_has_left);
    tcase_add_test(tc, member_at_the_leaders_end_is_caught_up_for_ever);
    tcase_add_test(tc, member_behind_is_given_the_lag_and_no_more);
    tcase_add_test(tc, member_that_never_fetched_is_given_the_lag_from_the_beginning_of_the_epoch);
    tcase_add_test(tc, follower_that_keeps_up_with_a_moving_end_is_caught_up);
    tcase_add_test(tc, follower_that_fetches_but_falls_behind_is_not_caught_up);
    tcase_add_test(tc, follower_of_the_former_end_was_caught_up_when_it_last_fetched);
    tcase_add_test(tc, replica_outside_is_not_caught_up_at_the_beginning_of_time);
    tcase_add_test(tc, replica_that_left_with_the_epoch_is_not_caught_up);
    suite_add_tcase(suite, tc);
    return suite;
}
