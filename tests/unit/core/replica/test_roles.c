/*
 * Which word of a controller is carried out, and what it makes of a replica.
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

static enum err judge_state(int32_t epoch, int32_t partition_epoch, const char *assigned)
{
    struct replica_command command = {.leader_id = RIG_ME,
                                      .leader_epoch = epoch,
                                      .partition_epoch = partition_epoch,
                                      .isr = rig_ids("1"),
                                      .assigned = rig_ids(assigned)};
    return replica_judge(&rig.replica, &command, RIG_ME);
}

static enum err judge(int32_t epoch, const char *assigned)
{
    return judge_state(epoch, 10 * epoch, assigned);
}

START_TEST(only_a_newer_epoch_is_carried_out)
{
    ck_assert_int_eq(judge(4, "1,2"), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(judge(5, "1,2"), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(judge(6, "1,2"), ERR_NONE);
}
END_TEST

START_TEST(next_word_on_a_leader_that_was_unknown_is_carried_out_in_the_same_epoch)
{
    struct replica_command command = {
        .leader_epoch = 6, .leader_id = 2, .assigned = rig_ids("1,2"), .leader_unknown = true};
    ck_assert_int_eq(replica_judge(&rig.replica, &command, RIG_ME), ERR_NONE);
    replica_apply(&rig.replica, &command, RIG_ME, 100, 0);
    ck_assert_int_eq(rig.replica.role, REPLICA_ROLE_FOLLOWER);
    command.leader_unknown = false;
    ck_assert_int_eq(replica_judge(&rig.replica, &command, RIG_ME), ERR_NONE);
    replica_apply(&rig.replica, &command, RIG_ME, 100, 0);
    ck_assert_int_eq(replica_judge(&rig.replica, &command, RIG_ME), ERR_STALE_CONTROLLER_EPOCH);
}
END_TEST

START_TEST(replica_that_was_stopped_takes_the_same_epoch_again)
{
    replica_stop(&rig.replica, -1);
    ck_assert_int_eq(rig.replica.role, REPLICA_ROLE_NONE);
    ck_assert_int_eq(judge(4, "1,2"), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(judge(5, "1,2"), ERR_NONE);
    ck_assert_int_eq(judge_state(5, 49, "1,2"), ERR_STALE_CONTROLLER_EPOCH); /* of an ISR that was */
}
END_TEST

/* One that was on its way all the while would have it lead again, alone, in an epoch that is over. */
START_TEST(replica_that_was_stopped_takes_no_epoch_before_the_one_it_was_stopped_in)
{
    replica_stop(&rig.replica, 6);
    ck_assert_int_eq(judge(5, "1,2"), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(judge(6, "1,2"), ERR_NONE);
    ck_assert_int_eq(judge(7, "1,2"), ERR_NONE);
}
END_TEST

START_TEST(a_partition_of_others_is_unknown_here)
{
    ck_assert_int_eq(judge(6, "2,3"), ERR_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

START_TEST(first_word_is_newer_than_none)
{
    struct replica fresh;
    replica_init(&fresh);
    struct replica_command command = {.leader_epoch = 0, .leader_id = 2, .assigned = rig_ids("2,1")};
    ck_assert_int_eq(replica_judge(&fresh, &command, RIG_ME), ERR_NONE);
    replica_apply(&fresh, &command, RIG_ME, 0, 0);
    ck_assert_int_eq(fresh.role, REPLICA_ROLE_FOLLOWER);
    replica_close(&fresh);
}
END_TEST

START_TEST(leader_begins_its_epoch_at_its_log_end)
{
    ck_assert_int_eq(rig.replica.role, REPLICA_ROLE_LEADER);
    ck_assert_int_eq(rig.replica.leader_epoch, 5);
    ck_assert_int_eq(rig.replica.partition_epoch, 50);
    ck_assert_int_eq(rig.replica.epoch_start_offset, 100);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
    ck_assert_int_eq(rig.replica.remotes_count, 2);
    ck_assert(!replica_has_follower(&rig.replica, RIG_ME));
    ck_assert(replica_has_follower(&rig.replica, 3));
}
END_TEST

START_TEST(follower_knows_its_leader_and_nothing_of_an_isr)
{
    rig_command(&rig, 6, 2, "2");
    ck_assert_int_eq(rig.replica.role, REPLICA_ROLE_FOLLOWER);
    ck_assert_int_eq(rig.replica.leader_id, 2);
    ck_assert_int_eq(rig.replica.isr.count, 0);
    ck_assert_int_eq(rig.replica.remotes_count, 0);
}
END_TEST

START_TEST(requests_of_another_epoch_are_told_so)
{
    ck_assert_int_eq(replica_check_epoch(&rig.replica, -1), ERR_NONE);
    ck_assert_int_eq(replica_check_epoch(&rig.replica, 5), ERR_NONE);
    ck_assert_int_eq(replica_check_epoch(&rig.replica, 4), ERR_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(replica_check_epoch(&rig.replica, 6), ERR_UNKNOWN_LEADER_EPOCH);
}
END_TEST

START_TEST(minimum_is_never_more_than_there_are_replicas)
{
    ck_assert_int_eq(replica_effective_min_isr(&rig.replica, 2), 2);
    ck_assert_int_eq(replica_effective_min_isr(&rig.replica, 5), 3);
    ck_assert(replica_has_min_isr(&rig.replica, 2));
    ck_assert(!replica_has_min_isr(&rig.replica, 3));
}
END_TEST

START_TEST(leader_that_goes_on_leading_keeps_what_it_knows_of_the_others_ends)
{
    rig_fetch(&rig, 2, 90);
    rig_command(&rig, 6, RIG_ME, "1,2");
    rig.leader_end = 110;
    ck_assert(!rig_fetch(&rig, 2, 90)); /* no news */
    ck_assert_int_eq(rig_advance(&rig), 90);
}
END_TEST

START_TEST(leader_that_was_not_told_of_an_epoch_does_not_know_the_others_ends)
{
    rig_fetch(&rig, 2, 90);
    rig_command(&rig, 7, RIG_ME, "1,2"); /* in 6 somebody else may have led, and 2 may have cut its log */
    ck_assert_int_eq(rig_advance(&rig), 0);
    rig_fetch(&rig, 2, 80);
    ck_assert_int_eq(rig_advance(&rig), 80);
}
END_TEST

START_TEST(new_leader_knows_no_ends)
{
    rig_fetch(&rig, 2, 90);
    rig_command(&rig, 6, 2, "2");
    rig_command(&rig, 7, RIG_ME, "1,2");
    ck_assert_int_eq(rig_advance(&rig), 0);
    ck_assert(rig_fetch(&rig, 2, 90));
    ck_assert_int_eq(rig_advance(&rig), 90);
}
END_TEST

START_TEST(new_epoch_keeps_the_high_watermark)
{
    rig_fetch(&rig, 2, 90);
    ck_assert_int_eq(rig_advance(&rig), 90);
    rig_command(&rig, 6, RIG_ME, "1,2,3"); /* 3 has never fetched */
    ck_assert_int_eq(rig_advance(&rig), 90);
}
END_TEST

START_TEST(new_epoch_ends_what_was_proposed)
{
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 3);
    rig_command(&rig, 6, RIG_ME, "1,2");
    ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_COMMITTED);
    ck_assert_int_eq(replica_maximal_isr_count(&rig.replica), 2);
}
END_TEST

Suite *roles_suite(void)
{
    Suite *suite = suite_create("core/replica: roles");
    TCase *tc = tcase_create("roles");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, only_a_newer_epoch_is_carried_out);
    tcase_add_test(tc, next_word_on_a_leader_that_was_unknown_is_carried_out_in_the_same_epoch);
    tcase_add_test(tc, replica_that_was_stopped_takes_the_same_epoch_again);
    tcase_add_test(tc, replica_that_was_stopped_takes_no_epoch_before_the_one_it_was_stopped_in);
    tcase_add_test(tc, a_partition_of_others_is_unknown_here);
    tcase_add_test(tc, first_word_is_newer_than_none);
    tcase_add_test(tc, leader_begins_its_epoch_at_its_log_end);
    tcase_add_test(tc, follower_knows_its_leader_and_nothing_of_an_isr);
    tcase_add_test(tc, requests_of_another_epoch_are_told_so);
    tcase_add_test(tc, minimum_is_never_more_than_there_are_replicas);
    tcase_add_test(tc, leader_that_goes_on_leading_keeps_what_it_knows_of_the_others_ends);
    tcase_add_test(tc, leader_that_was_not_told_of_an_epoch_does_not_know_the_others_ends);
    tcase_add_test(tc, new_leader_knows_no_ends);
    tcase_add_test(tc, new_epoch_keeps_the_high_watermark);
    tcase_add_test(tc, new_epoch_ends_what_was_proposed);
    suite_add_tcase(suite, tc);
    return suite;
}
