/*
 * Who may be proposed for the ISR or for leaving it, and what the controller's answers do.
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

static bool may_join(int32_t broker)
{
    return replica_may_join(&rig.replica, broker, rig.high_watermark);
}

/* --- being followed ------------------------------------------------------------------------------------- */

static bool is_followed(void)
{
    return replica_is_followed(&rig.replica, RIG_ME, rig.now_ms, 500);
}

START_TEST(leader_to_whom_a_member_does_not_come_is_not_followed)
{
    rig_fetch(&rig, 2, 100);
    ck_assert(!is_followed()); /* once in this epoch */
    rig_fetch(&rig, 2, 100);
    ck_assert(is_followed());
    rig.now_ms += 501;
    rig_fetch(&rig, 3, 50); /* no member */
    rig_fetch(&rig, 3, 50);
    ck_assert(!is_followed());
}
END_TEST

/* As many as there are: of the connection that was open, and of those that were tried since. */
START_TEST(fetches_that_lay_there_while_the_leader_stood_still_do_not_count)
{
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 2, 100);
    rig.now_ms += 501;
    for (int i = 0; i < 3; i++) {
        rig_fetch(&rig, 2, 100);
        ck_assert(!is_followed());
    }
    rig.now_ms += 499;
    rig_fetch(&rig, 2, 100);
    ck_assert(!is_followed());
    rig.now_ms += 1;
    ck_assert(is_followed()); /* it came all the while */
    rig_fetch(&rig, 2, 50);   /* wherever it stands */
    ck_assert(is_followed());
}
END_TEST

/* The first fetch of an epoch ends no gap, however long ago the epoch began: elections take long enough. */
START_TEST(leader_of_a_new_epoch_is_followed_by_whom_comes_twice)
{
    rig_fetch(&rig, 2, 100);
    rig.now_ms += 10000;
    rig_command(&rig, 6, 2, "1,2");
    rig_command(&rig, 7, RIG_ME, "1,2");
    rig.now_ms += 501;
    rig_fetch(&rig, 2, 100);
    ck_assert(!is_followed());
    rig_fetch(&rig, 2, 100);
    ck_assert(is_followed());
}
END_TEST

START_TEST(leader_alone_in_the_isr_needs_nobody)
{
    rig_command(&rig, 6, RIG_ME, "1");
    rig.now_ms += 10000;
    ck_assert(is_followed());
}
END_TEST

/* --- joining -------------------------------------------------------------------------------------------- */

START_TEST(replica_joins_at_the_high_watermark)
{
    rig.high_watermark = 110;
    rig.leader_end = 120;
    ck_assert(!may_join(3)); /* never fetched */
    rig_fetch(&rig, 3, 109);
    ck_assert(!may_join(3));
    rig_fetch(&rig, 3, 110);
    ck_assert(may_join(3)); /* not before, but without waiting for the end */
}
END_TEST

START_TEST(replica_must_have_come_to_the_beginning_of_the_epoch)
{
    rig.high_watermark = 50; /* behind, as a fresh leader's is */
    rig_fetch(&rig, 3, 99);
    ck_assert(!may_join(3));
    rig_fetch(&rig, 3, 100);
    ck_assert(may_join(3));
}
END_TEST

START_TEST(members_strangers_and_the_leader_do_not_join)
{
    rig_fetch(&rig, 2, 100);
    ck_assert(!may_join(2));
    ck_assert(!may_join(4));
    ck_assert(!may_join(RIG_ME));
}
END_TEST

START_TEST(one_proposal_at_a_time)
{
    rig_command(&rig, 6, RIG_ME, "1");
    rig_fetch(&rig, 2, 100);
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 2);
    ck_assert(!may_join(3));
    rig.leader_end = 200;
    rig.now_ms += 2 * RIG_LAG_MS;
    ck_assert_str_eq(rig_laggards(&rig), "");
}
END_TEST

START_TEST(follower_proposes_nothing)
{
    rig_command(&rig, 6, 2, "1,2");
    ck_assert(!may_join(3));
    ck_assert_str_eq(rig_laggards(&rig), "");
}
END_TEST

/* --- proposals ------------------------------------------------------------------------------------------ */

START_TEST(who_joins_stands_behind_the_isr)
{
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 3);
    ck_assert_str_eq(rig_text(&rig.replica.pending), "1,2,3");
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
    ck_assert_int_eq(replica_maximal_isr_count(&rig.replica), 3);
}
END_TEST

START_TEST(several_leave_at_once_and_the_leader_never)
{
    rig_command(&rig, 6, RIG_ME, "3,1,2");
    rig.now_ms += 2 * RIG_LAG_MS;
    ck_assert_str_eq(rig_laggards(&rig), "3,2");
    int32_t leaving[] = {3, 2};
    replica_propose_leave(&rig.replica, leaving, 2);
    ck_assert_str_eq(rig_text(&rig.replica.pending), "1");
    ck_assert_int_eq(replica_maximal_isr_count(&rig.replica), 3);
}
END_TEST

/* --- answers -------------------------------------------------------------------------------------------- */

static void propose(void)
{
    rig_fetch(&rig, 3, 100);
    replica_propose_join(&rig.replica, 3);
}

START_TEST(accepted_isr_is_committed_with_its_partition_epoch)
{
    propose();
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1,2,3", 51), REPLICA_ISR_TAKEN);
    ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_COMMITTED);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2,3");
    ck_assert_int_eq(rig.replica.pending.count, 0);
    ck_assert_int_eq(rig.replica.partition_epoch, 51);
}
END_TEST

START_TEST(what_was_so_already_is_committed_at_the_same_partition_epoch)
{
    propose();
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1,2,3", 50), REPLICA_ISR_TAKEN);
    ck_assert_int_eq(rig.replica.partition_epoch, 50);
}
END_TEST

START_TEST(isr_is_what_the_controller_says_not_what_was_asked)
{
    propose();
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1,3", 52), REPLICA_ISR_TAKEN);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,3");
}
END_TEST

START_TEST(answer_of_another_epoch_or_an_older_state_leaves_the_proposal)
{
    propose();
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1,2,3", 49), REPLICA_ISR_STUCK);
    struct replica_isr_answer answer = {.asked_leader_epoch = 5,
                                        .asked_partition_epoch = 50,
                                        .leader_epoch = 6,
                                        .partition_epoch = 51,
                                        .isr = rig_ids("1,2,3")};
    ck_assert_int_eq(replica_isr_answered(&rig.replica, &answer), REPLICA_ISR_STUCK);
    ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_GROWS);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
}
END_TEST

START_TEST(answer_to_something_older_is_passed_over)
{
    propose();
    struct replica_isr_answer answer = {.asked_leader_epoch = 5,
                                        .asked_partition_epoch = 49,
                                        .leader_epoch = 5,
                                        .partition_epoch = 50,
                                        .isr = rig_ids("1")};
    ck_assert_int_eq(replica_isr_answered(&rig.replica, &answer), REPLICA_ISR_IGNORED);
    answer.asked_partition_epoch = 50;
    answer.asked_leader_epoch = 4;
    ck_assert_int_eq(replica_isr_answered(&rig.replica, &answer), REPLICA_ISR_IGNORED);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
    ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_GROWS);
}
END_TEST

START_TEST(answer_without_a_proposal_is_passed_over)
{
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1", 51), REPLICA_ISR_IGNORED);
    ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
    propose();
    rig_command(&rig, 6, 2, "2");
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1", 61), REPLICA_ISR_IGNORED);
}
END_TEST

START_TEST(refusals_for_good_go_back_to_what_was_committed)
{
    static const enum err errors[] = {ERR_INELIGIBLE_REPLICA, ERR_OPERATION_NOT_ATTEMPTED};
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        propose();
        ck_assert_int_eq(rig_answer(&rig, errors[i], "", 0), REPLICA_ISR_BACK);
        ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_COMMITTED);
        ck_assert_str_eq(rig_text(&rig.replica.isr), "1,2");
        ck_assert_int_eq(rig.replica.partition_epoch, 50);
        ck_assert(may_join(3)); /* with its next fetch */
    }
}
END_TEST

START_TEST(answers_that_do_not_say_whether_it_was_done_leave_it_pending)
{
    static const enum err errors[] = {
        ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID, ERR_FENCED_LEADER_EPOCH,
        ERR_INVALID_UPDATE_VERSION,     ERR_INVALID_REQUEST,  ERR_NEW_LEADER_ELECTED};
    propose();
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        ck_assert_int_eq(rig_answer(&rig, errors[i], "", 0), REPLICA_ISR_STUCK);
        ck_assert_int_eq(rig.replica.isr_state, REPLICA_ISR_GROWS);
        ck_assert_int_eq(replica_maximal_isr_count(&rig.replica), 3);
    }
}
END_TEST

START_TEST(other_errors_ask_for_the_same_again)
{
    static const enum err errors[] = {ERR_UNKNOWN_SERVER_ERROR, ERR_NOT_CONTROLLER, ERR_STALE_BROKER_EPOCH,
                                      ERR_REQUEST_TIMED_OUT};
    propose();
    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        ck_assert_int_eq(rig_answer(&rig, errors[i], "", 0), REPLICA_ISR_AGAIN);
        ck_assert_str_eq(rig_text(&rig.replica.pending), "1,2,3");
    }
    ck_assert_int_eq(rig_answer(&rig, ERR_NONE, "1,2,3", 51), REPLICA_ISR_TAKEN);
}
END_TEST

Suite *isr_suite(void)
{
    Suite *suite = suite_create("core/replica: ISR");
    TCase *tc = tcase_create("isr");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, leader_to_whom_a_member_does_not_come_is_not_followed);
    tcase_add_test(tc, fetches_that_lay_there_while_the_leader_stood_still_do_not_count);
    tcase_add_test(tc, leader_of_a_new_epoch_is_followed_by_whom_comes_twice);
    tcase_add_test(tc, leader_alone_in_the_isr_needs_nobody);
    tcase_add_test(tc, replica_joins_at_the_high_watermark);
    tcase_add_test(tc, replica_must_have_come_to_the_beginning_of_the_epoch);
    tcase_add_test(tc, members_strangers_and_the_leader_do_not_join);
    tcase_add_test(tc, one_proposal_at_a_time);
    tcase_add_test(tc, follower_proposes_nothing);
    tcase_add_test(tc, who_joins_stands_behind_the_isr);
    tcase_add_test(tc, several_leave_at_once_and_the_leader_never);
    tcase_add_test(tc, accepted_isr_is_committed_with_its_partition_epoch);
    tcase_add_test(tc, what_was_so_already_is_committed_at_the_same_partition_epoch);
    tcase_add_test(tc, isr_is_what_the_controller_says_not_what_was_asked);
    tcase_add_test(tc, answer_of_another_epoch_or_an_older_state_leaves_the_proposal);
    tcase_add_test(tc, answer_to_something_older_is_passed_over);
    tcase_add_test(tc, answer_without_a_proposal_is_passed_over);
    tcase_add_test(tc, refusals_for_good_go_back_to_what_was_committed);
    tcase_add_test(tc, answers_that_do_not_say_whether_it_was_done_leave_it_pending);
    tcase_add_test(tc, other_errors_ask_for_the_same_again);
    suite_add_tcase(suite, tc);
    return suite;
}
