/*
 * Offsets that transactions commit: seen when the marker is in the log, and not before.
 */
#include "hex.h"
#include "rig.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_begin(&rig);
}

static void teardown(void)
{
    rig_close(&rig);
}

START_TEST(offset_of_a_transaction_waits_for_its_marker)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_UNSTABLE_OFFSET_COMMIT);
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
}
END_TEST

START_TEST(aborted_offset_is_never_seen)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_end_txn(&rig, 7, false);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(marker_of_another_producer_decides_nothing)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_end_txn(&rig, 8, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(one_marker_decides_for_all_groups_of_the_producer)
{
    rig_commit_ok(&rig, (struct rig_commit){.group = "a", .offset = 1, .producer_id = 7});
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 2, .producer_id = 7});
    rig_commit_ok(&rig, (struct rig_commit){.group = "b", .offset = 3, .producer_id = 8, .partition = 1});
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "a", "t", 0), 1);
    ck_assert_int_eq(rig_fetch(&rig, "b", "t", 0), 2);
    ck_assert_int_eq(rig_fetch(&rig, "b", "t", 1), -1);
}
END_TEST

START_TEST(transaction_that_is_open_when_the_partition_moves_is_decided_there)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_UNSTABLE_OFFSET_COMMIT);
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
}
END_TEST

START_TEST(later_offset_of_a_consumer_stays_when_an_older_transaction_commits)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 9});
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 9);
    rig_restart(&rig);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 9);
}
END_TEST

START_TEST(last_offset_of_a_transaction_counts)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1, .producer_id = 7});
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 1);
}
END_TEST

START_TEST(append_that_fails_leaves_no_trace)
{
    rig.refuse = ERR_NOT_ENOUGH_REPLICAS;
    uint64_t token = rig_commit(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    ck_assert_int_eq(rig_commit_err(&rig, token), ERR_COORDINATOR_NOT_AVAILABLE);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
}
END_TEST

START_TEST(marker_that_is_heard_of_before_its_commit_decides_all_the_same)
{
    rig.holds = true;
    rig_commit(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_UNSTABLE_OFFSET_COMMIT);
    rig_ack(&rig, ERR_NONE);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
}
END_TEST

START_TEST(late_news_of_a_marker_do_not_decide_the_next_transaction)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    int64_t marker_at = rig.log_end++;
    rig_commit_ok(&rig, (struct rig_commit){.offset = 3, .partition = 1, .producer_id = 7});
    group_txn_ended(rig.c, 7, true, marker_at);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 1), -1);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 1, true), ERR_UNSTABLE_OFFSET_COMMIT);
}
END_TEST

/* The one behind where the reading ends, and the one that was read as well. */
START_TEST(markers_that_are_heard_of_while_loading_decide_what_was_loaded)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 1, .producer_id = 7});
    int64_t first = rig.log_end;
    rig_end_txn(&rig, 7, false);
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    rig_commit_ok(&rig, (struct rig_commit){.offset = 3, .partition = 1, .producer_id = 8});
    group_coordinator_resign(rig.c, &rig.now, &rig.out);
    group_coordinator_free(rig.c);
    rig.c = group_coordinator_new(&rig.config);
    struct group_loader *loader = group_loader_new(rig.config.offsets_partition);
    group_loader_add(loader, buf_view(&rig.log));
    group_txn_ended(rig.c, 7, false, first);
    group_txn_ended(rig.c, 7, true, rig.log_end);
    group_loader_finish(loader, rig.now.wall_ms);
    group_coordinator_loaded(rig.c, loader, &rig.now, &rig.out);
    group_loader_free(loader);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), 2);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 0, true), ERR_NONE);
    ck_assert_int_eq(rig_fetch_err(&rig, "g", "t", 1, true), ERR_UNSTABLE_OFFSET_COMMIT);
}
END_TEST

START_TEST(group_that_is_deleted_with_an_open_transaction_is_gone)
{
    rig_commit_ok(&rig, (struct rig_commit){.offset = 2, .producer_id = 7});
    ck_assert_int_eq(group_delete(rig.c, VIEW_LIT("g"), &rig.now, &rig.out), ERR_NONE);
    rig_end_txn(&rig, 7, true);
    ck_assert_int_eq(rig_fetch(&rig, "g", "t", 0), -1);
    ck_assert_str_eq(rig_state(&rig, "g"), "Dead");
}
END_TEST

START_TEST(transactions_of_members_are_held_against_their_generation)
{
    char ids[1][100];
    int32_t generation = rig_stable(&rig, "g", 1, ids);
    struct rig_commit commit = {
        .producer_id = 7, .offset = 2, .member = ids[0], .generation = generation + 1};
    ck_assert_int_eq(rig_commit_err(&rig, rig_commit(&rig, commit)), ERR_ILLEGAL_GENERATION);
    commit.member = "stranger";
    ck_assert_int_eq(rig_commit_err(&rig, rig_commit(&rig, commit)), ERR_UNKNOWN_MEMBER_ID);
    commit.member = ids[0];
    commit.generation = generation;
    rig_commit_ok(&rig, commit);
    rig_commit_ok(&rig,
                  (struct rig_commit){.producer_id = 7, .offset = 2}); /* as producers of before 2.5 do */
}
END_TEST

START_TEST(batch_of_a_transaction_is_kafkas_to_the_byte)
{
    struct group_commit_offset offset = {VIEW_LIT("orders"), 7, 1234567890123, 5, -1, VIEW_LIT("m\xc3\xa9")};
    struct group_commit_request request = {.group_id = VIEW_LIT("g"),
                                           .generation = -1,
                                           .retention_ms = -1,
                                           .producer_id = 77,
                                           .producer_epoch = 3,
                                           .offsets = &offset,
                                           .offsets_count = 1};
    struct group_effects out = {0};
    group_commit(rig.c, &request, 1, &rig.now, &out);
    ck_assert_int_eq(out.count, 1);
    ck_assert_int_eq(out.items[0].append.producer_id, 77);
    hex_check(out.items[0].append.batch, "000000000000000000000064ffffffff020460050d0010000000000000018bcfe56"
                                         "8000000018bcfe56800000000000000004d"
                                         "000300000000000000016400000022000100016700066f726465727300000007360"
                                         "0030000011f71fb04cb0000000500036dc3"
                                         "a90000018bcfe5680000");
    group_appended(rig.c, out.items[0].append.ticket, ERR_NONE, 5, &rig.now, &out);
    ck_assert_int_eq(out.items[1].committed.errs[0], ERR_NONE);
    group_effects_close(&out);
}
END_TEST

Suite *txn_suite(void)
{
    Suite *suite = suite_create("group offsets of transactions");
    TCase *tc = tcase_create("transactions");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, offset_of_a_transaction_waits_for_its_marker);
    tcase_add_test(tc, aborted_offset_is_never_seen);
    tcase_add_test(tc, marker_of_another_producer_decides_nothing);
    tcase_add_test(tc, one_marker_decides_for_all_groups_of_the_producer);
    tcase_add_test(tc, transaction_that_is_open_when_the_partition_moves_is_decided_there);
    tcase_add_test(tc, later_offset_of_a_consumer_stays_when_an_older_transaction_commits);
    tcase_add_test(tc, last_offset_of_a_transaction_counts);
    tcase_add_test(tc, append_that_fails_leaves_no_trace);
    tcase_add_test(tc, marker_that_is_heard_of_before_its_commit_decides_all_the_same);
    tcase_add_test(tc, late_news_of_a_marker_do_not_decide_the_next_transaction);
    tcase_add_test(tc, markers_that_are_heard_of_while_loading_decide_what_was_loaded);
    tcase_add_test(tc, group_that_is_deleted_with_an_open_transaction_is_gone);
    tcase_add_test(tc, transactions_of_members_are_held_against_their_generation);
    tcase_add_test(tc, batch_of_a_transaction_is_kafkas_to_the_byte);
    suite_add_tcase(suite, tc);
    return suite;
}
