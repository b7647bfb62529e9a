/* Before inter.broker.protocol.version 2.7: where the logs part is asked before anything is fetched. */
#include "rig.h"

static struct rig rig;

static void open_2_6(void)
{
    rig_open_at(&rig, inter_broker_at("2.6"));
}

static void close_rig(void)
{
    rig_close(&rig);
}

START_TEST(a_partition_is_fetched_after_it_was_cut_where_its_leader_says)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e5,l3");
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, 3, 8), "truncate a 3@8");
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig_done(&rig, 0, FETCH_LINK_OK, 8, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch11 session=0/0 a-0@8,e5,l-1");
}
END_TEST

START_TEST(a_cut_that_cuts_nothing_is_followed_by_a_fetch_at_once)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_plan(&rig);
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, 3, 12), "truncate a 3@12");
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch11 session=0/0 a-0@10,e5,l-1");
}
END_TEST

START_TEST(where_logs_may_part_below_the_cut_it_is_asked_again)
{
    rig_set(&rig, "a", 0, 9, 30, 7);
    rig_plan(&rig);
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, 5, 25), "truncate a 5@25");
    rig_done(&rig, 0, FETCH_LINK_MORE, 20, 4);
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e9,l4");
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, 4, 15), "truncate a 4@15");
    rig_done(&rig, 0, FETCH_LINK_OK, 15, 4);
    ck_assert_str_eq(rig_plan(&rig), "fetch11 session=0/0 a-0@15,e9,l-1");
}
END_TEST

START_TEST(a_log_whose_epoch_the_leader_does_not_know_is_cut_to_what_is_committed)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_plan(&rig);
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, -1, -1), "truncate_to_watermark a");
    rig_done(&rig, 0, FETCH_LINK_OK, 6, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch11 session=0/0 a-0@6,e5,l-1");
}
END_TEST

/* Before 2.0 the answer is an offset alone. */
START_TEST(an_answer_without_an_epoch_is_cut_to_as_it_stands)
{
    rig_close(&rig);
    rig_open_at(&rig, inter_broker_at("1.1"));
    rig_set(&rig, "a", 0, 5, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "epochs0 a-0,e5,l3");
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_NONE, -1, 8), "truncate_to a 8");
    rig_done(&rig, 0, FETCH_LINK_OK, 8, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch7 session=0/0 a-0@8,e5,l-1");
}
END_TEST

START_TEST(a_log_without_epochs_is_fetched_at_once)
{
    rig_set(&rig, "a", 0, 5, 0, -1);
    ck_assert_str_eq(rig_plan(&rig), "fetch11 session=0/0 a-0@0,e5,l-1");
}
END_TEST

START_TEST(what_was_not_cut_is_not_fetched)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_plan(&rig);
    rig_take_epoch(&rig, "a", 0, ERR_NONE, 3, 8);
    rig_done(&rig, 0, FETCH_LINK_RETRY, 0, 0);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert_int_eq(rig.until_ms, rig.now_ms + RIG_BACKOFF_MS);
    rig.now_ms = rig.until_ms;
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e5,l3");
    fetch_link_take_failure(rig.link, rig.now_ms);
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e5,l3");
    ck_assert_str_eq(rig_take_epoch(&rig, "a", 0, ERR_KAFKA_STORAGE_ERROR, -1, -1), "");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e5,l3");
    rig_take_epoch(&rig, "b", 0, ERR_NONE, 3, 8); /* another one than was asked for */
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e5,l3");
}
END_TEST

START_TEST(a_new_leader_epoch_is_asked_about_anew)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_plan(&rig);
    rig_take_epoch(&rig, "a", 0, ERR_NONE, 3, 8);
    rig_set(&rig, "a", 0, 6, 10, 3);
    rig_done(&rig, 0, FETCH_LINK_OK, 8, 3);
    ck_assert_str_eq(rig_plan(&rig), "epochs3 a-0,e6,l3");
}
END_TEST

START_TEST(without_sessions_each_fetch_names_everything)
{
    rig_close(&rig);
    rig_open_at(&rig, inter_broker_at("1.0"));
    rig_set(&rig, "a", 0, 5, 0, -1);
    for (int i = 0; i < 2; i++) {
        ck_assert_str_eq(rig_plan(&rig), "fetch5 session=0/0 a-0@0,e5,l-1");
        rig_records(&rig, "a", 0, "", 0);
        rig_take(&rig, 0);
        if (rig.actions.count)
            rig_done(&rig, 0, FETCH_LINK_OK, 0, -1);
    }
}
END_TEST

Suite *epochs_suite(void)
{
    Suite *suite = suite_create("core/fetcher/epochs");
    TCase *tcase = tcase_create("epochs");
    tcase_add_checked_fixture(tcase, open_2_6, close_rig);
    tcase_add_test(tcase, a_partition_is_fetched_after_it_was_cut_where_its_leader_says);
    tcase_add_test(tcase, a_cut_that_cuts_nothing_is_followed_by_a_fetch_at_once);
    tcase_add_test(tcase, where_logs_may_part_below_the_cut_it_is_asked_again);
    tcase_add_test(tcase, a_log_whose_epoch_the_leader_does_not_know_is_cut_to_what_is_committed);
    tcase_add_test(tcase, an_answer_without_an_epoch_is_cut_to_as_it_stands);
    tcase_add_test(tcase, a_log_without_epochs_is_fetched_at_once);
    tcase_add_test(tcase, what_was_not_cut_is_not_fetched);
    tcase_add_test(tcase, a_new_leader_epoch_is_asked_about_anew);
    tcase_add_test(tcase, without_sessions_each_fetch_names_everything);
    suite_add_tcase(suite, tcase);
    return suite;
}
