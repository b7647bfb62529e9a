/* The incremental session: what a request names. */
#include "core/fetcher/link_internal.h"
#include "rig.h"

static struct rig rig;

static void open_rig(void)
{
    rig_open(&rig);
}

static void close_rig(void)
{
    rig_close(&rig);
}

/* A session over a-0 and b-0, both without news. */
static void begin(void)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_set(&rig, "b", 0, 6, 20, 4);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3 b-0@20,e6,l4");
    rig_records(&rig, "a", 0, "", -1);
    rig_records(&rig, "b", 0, "", -1);
    rig_part(&rig, "b", 0); /* twice: does no harm */
    rig_take(&rig, 99);
    for (int i = 0; i < rig.actions.count; i++)
        rig_done(&rig, i, FETCH_LINK_OK, i == 0 ? 10 : 20, i == 0 ? 3 : 4);
}

START_TEST(the_first_request_names_everything_and_the_next_ones_only_what_changed)
{
    begin();
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
    rig_records(&rig, "a", 0, "xyz", 13);
    ck_assert_str_eq(rig_take(&rig, 99), "append a xyz hw=13");
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 5);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2 a-0@13,e5,l5");
    ck_assert_str_eq(rig_take(&rig, 99), "");
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/3");
}
END_TEST

START_TEST(one_request_is_out_at_a_time_and_none_leaves_before_the_actions_are_done)
{
    begin();
    rig_plan(&rig);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert(rig.until_ms == INT64_MAX);
    rig_records(&rig, "a", 0, "xyz", 13);
    rig_records(&rig, "b", 0, "uvw", 23);
    rig_take(&rig, 99);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 5);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig_done(&rig, 1, FETCH_LINK_OK, 23, 6);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2 a-0@13,e5,l5 b-0@23,e6,l6");
}
END_TEST

START_TEST(a_partition_that_comes_is_named_and_one_that_goes_is_forgotten)
{
    begin();
    rig_set(&rig, "c", 2, 1, 0, -1);
    ck_assert_str_eq(fetch_link_remove(rig.link, view_str("a"), 0, 5), "a");
    ck_assert_int_eq(fetch_link_count(rig.link), 2);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 c-2@0,e1,l-1 forget a-0");
    rig_take(&rig, 99);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2");
}
END_TEST

START_TEST(a_partition_that_backs_off_is_forgotten_and_named_again)
{
    begin();
    rig_plan(&rig);
    rig_error(&rig, "a", 0, ERR_KAFKA_STORAGE_ERROR);
    ck_assert_str_eq(rig_take(&rig, 99), "");
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2 forget a-0");
    rig_take(&rig, 99);
    rig.now_ms += RIG_BACKOFF_MS - 1;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/3");
    rig_take(&rig, 99);
    rig.now_ms += 1;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/4 a-0@10,e5,l3");
}
END_TEST

START_TEST(a_session_that_the_leader_does_not_know_is_begun_anew_at_once)
{
    begin();
    rig_plan(&rig);
    rig_take_error(&rig, ERR_FETCH_SESSION_ID_NOT_FOUND);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_session_out_of_step_is_closed_by_the_request_that_begins_another)
{
    begin();
    rig_plan(&rig);
    rig_take_error(&rig, ERR_INVALID_FETCH_SESSION_EPOCH);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
    rig_take_error(&rig, ERR_INVALID_FETCH_SESSION_EPOCH); /* again: something else is wrong */
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert(rig.until_ms == rig.now_ms + RIG_BACKOFF_MS);
    rig.now_ms = rig.until_ms;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_session_with_the_wrong_kind_of_topics_backs_off)
{
    begin();
    rig_plan(&rig);
    rig_take_error(&rig, ERR_FETCH_SESSION_TOPIC_ID_ERROR);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_broken_connection_ends_the_session_and_backs_off)
{
    begin();
    rig_plan(&rig);
    fetch_link_take_failure(rig.link, rig.now_ms);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_leader_that_gives_no_session_is_asked_for_everything_each_time)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3");
        rig_records(&rig, "a", 0, "", -1);
        rig_take(&rig, 0);
        if (rig.actions.count > 0)
            rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    }
}
END_TEST

START_TEST(a_session_that_the_leader_ends_is_begun_anew)
{
    begin();
    rig_plan(&rig);
    rig_take(&rig, 0);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_full_answer_that_lacks_a_partition_is_not_trusted)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_set(&rig, "b", 0, 6, 20, 4);
    rig_plan(&rig);
    rig_records(&rig, "b", 0, "", -1);
    rig_take(&rig, 99);
    for (int i = 0; i < rig.actions.count; i++)
        rig_done(&rig, i, FETCH_LINK_OK, 20, 4);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(an_answer_with_a_partition_of_no_session_begins_another)
{
    begin();
    rig_plan(&rig);
    rig_records(&rig, "z", 0, "xyz", 3);
    ck_assert_str_eq(rig_take(&rig, 99), "");
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4");
}
END_TEST

START_TEST(a_topic_without_an_id_takes_everything_to_names_in_another_session)
{
    begin();
    rig_set_without_id(&rig, "c", 0, 1, 0);
    ck_assert_str_eq(rig_plan(&rig), "fetch12 session=99/0 a-0@10,e5,l3 b-0@20,e6,l4 c-0@0,e1,l-1");
    rig_records(&rig, "a", 0, "", 10);
    rig_records(&rig, "b", 0, "", 20);
    rig_records(&rig, "c", 0, "xyz", 3);
    rig_take(&rig, 100);
    for (int i = 0; i < rig.actions.count; i++)
        rig_done(&rig, i, FETCH_LINK_OK, i == 0 ? 10 : i == 1 ? 20 : 3, 1);
    fetch_link_remove(rig.link, view_str("c"), 0, 1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=100/0 a-0@10,e5,l1 b-0@20,e6,l1");
}
END_TEST

START_TEST(a_topic_that_was_made_again_begins_another_session)
{
    begin();
    struct follower_log log = {.latest_epoch = -1};
    fetch_link_remove(rig.link, view_str("a"), 0, INT32_MAX);
    fetch_link_set(rig.link, view_str("a"), rig_id("q"), 0, 0, &log, "new a");
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 a-0@0,e0,l-1 b-0@20,e6,l4");
}
END_TEST

START_TEST(after_the_largest_epoch_of_a_session_comes_one)
{
    begin();
    rig.link->session_epoch = INT32_MAX;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2147483647");
    rig_take(&rig, 99);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
}
END_TEST

Suite *session_suite(void)
{
    Suite *suite = suite_create("fetch session");
    TCase *tc = tcase_create("session");
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, the_first_request_names_everything_and_the_next_ones_only_what_changed);
    tcase_add_test(tc, one_request_is_out_at_a_time_and_none_leaves_before_the_actions_are_done);
    tcase_add_test(tc, a_partition_that_comes_is_named_and_one_that_goes_is_forgotten);
    tcase_add_test(tc, a_partition_that_backs_off_is_forgotten_and_named_again);
    tcase_add_test(tc, a_session_that_the_leader_does_not_know_is_begun_anew_at_once);
    tcase_add_test(tc, a_session_out_of_step_is_closed_by_the_request_that_begins_another);
    tcase_add_test(tc, a_session_with_the_wrong_kind_of_topics_backs_off);
    tcase_add_test(tc, a_broken_connection_ends_the_session_and_backs_off);
    tcase_add_test(tc, a_leader_that_gives_no_session_is_asked_for_everything_each_time);
    tcase_add_test(tc, a_session_that_the_leader_ends_is_begun_anew);
    tcase_add_test(tc, a_full_answer_that_lacks_a_partition_is_not_trusted);
    tcase_add_test(tc, an_answer_with_a_partition_of_no_session_begins_another);
    tcase_add_test(tc, a_topic_without_an_id_takes_everything_to_names_in_another_session);
    tcase_add_test(tc, a_topic_that_was_made_again_begins_another_session);
    tcase_add_test(tc, after_the_largest_epoch_of_a_session_comes_one);
    suite_add_tcase(suite, tc);
    return suite;
}
