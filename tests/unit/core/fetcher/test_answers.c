/* What follows from an answer for each partition. */
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

/* a-0 ends at 10 in epoch 3, is followed in leader epoch 5, and asked for. */
static void ask(void)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3");
}

static void answer_with(enum err err)
{
    rig_error(&rig, "a", 0, err);
    ck_assert_str_eq(rig_take(&rig, 99), "");
}

START_TEST(records_are_appended_and_fetching_goes_on_behind_them)
{
    ask();
    rig_records(&rig, "a", 0, "xyz", 12);
    ck_assert_str_eq(rig_take(&rig, 99), "append a xyz hw=12");
    ck_assert_int_eq(rig.actions.items[0].fetch_offset, 10);
    ck_assert_int_eq(rig.actions.items[0].leader_epoch, 5);
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 5);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@13,e5,l5");
}
END_TEST

START_TEST(a_watermark_or_start_that_moved_is_news_without_records)
{
    ask();
    rig_records(&rig, "a", 0, "", 7);
    ck_assert_str_eq(rig_take(&rig, 99), "append a  hw=7");
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    rig_plan(&rig);
    rig_records(&rig, "a", 0, "", 7);
    ck_assert_str_eq(rig_take(&rig, 99), "");
    rig_plan(&rig);
    rig_records(&rig, "a", 0, "", 8);
    ck_assert_str_eq(rig_take(&rig, 99), "append a  hw=8");
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    rig_plan(&rig);
    rig_records(&rig, "a", 0, "", 8);
    rig.answer.responses[0].partitions[0].log_start_offset = 2;
    ck_assert_str_eq(rig_take(&rig, 99), "append a  hw=8");
    ck_assert_int_eq(rig.actions.items[0].leader_start, 2);
}
END_TEST

START_TEST(a_log_that_diverges_is_cut_and_fetched_on_with_the_epoch_that_is_left)
{
    ask();
    struct wire_fetch_response_partition_data *part = rig_part(&rig, "a", 0);
    part->diverging_epoch.epoch = 2;
    part->diverging_epoch.end_offset = 4;
    ck_assert_str_eq(rig_take(&rig, 99), "truncate a 2@4");
    rig_done(&rig, 0, FETCH_LINK_OK, 4, 2);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@4,e5,l2");
}
END_TEST

START_TEST(a_cut_that_cut_nothing_backs_off)
{
    ask();
    rig_part(&rig, "a", 0)->diverging_epoch.epoch = 2;
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert(rig.until_ms == rig.now_ms + RIG_BACKOFF_MS);
}
END_TEST

START_TEST(errors_that_pass_back_off)
{
    static const enum err ERRORS[] = {
        ERR_INCONSISTENT_TOPIC_ID,
        ERR_KAFKA_STORAGE_ERROR,
        ERR_CORRUPT_MESSAGE,
        ERR_UNKNOWN_SERVER_ERROR,
    };
    rig_set(&rig, "a", 0, 5, 10, 3);
    for (size_t i = 0; i < sizeof ERRORS / sizeof ERRORS[0]; i++) {
        rig_plan(&rig);
        answer_with(ERRORS[i]);
        ck_assert_str_eq(rig_plan(&rig), "nothing");
        ck_assert(rig.until_ms == rig.now_ms + RIG_BACKOFF_MS);
        rig.now_ms = rig.until_ms;
    }
}
END_TEST

START_TEST(a_leader_that_has_not_heard_yet_is_asked_again_soon_and_then_less_often)
{
    static const enum err ERRORS[] = {ERR_UNKNOWN_LEADER_EPOCH, ERR_NOT_LEADER_OR_FOLLOWER,
                                      ERR_UNKNOWN_TOPIC_OR_PARTITION, ERR_UNKNOWN_TOPIC_ID};
    rig_set(&rig, "a", 0, 5, 10, 3);
    int64_t pause_ms = 20;
    for (int i = 0; i < 12; i++) {
        rig_plan(&rig);
        answer_with(ERRORS[i % 4]);
        ck_assert_str_eq(rig_plan(&rig), "nothing");
        ck_assert_int_eq(rig.until_ms - rig.now_ms, pause_ms);
        rig.now_ms = rig.until_ms;
        pause_ms = pause_ms * 2 < RIG_BACKOFF_MS ? pause_ms * 2 : RIG_BACKOFF_MS;
    }
    rig_set(&rig, "a", 0, 6, 10, 3); /* another leader, or the same anew */
    rig_plan(&rig);
    answer_with(ERR_NOT_LEADER_OR_FOLLOWER);
    rig_plan(&rig);
    ck_assert_int_eq(rig.until_ms - rig.now_ms, 20);
}
END_TEST

START_TEST(a_fenced_epoch_fails_the_partition_until_it_is_set_anew)
{
    ask();
    answer_with(ERR_FENCED_LEADER_EPOCH);
    rig.now_ms += 100 * RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert(rig.until_ms == INT64_MAX);
    struct fetch_link_numbers numbers;
    fetch_link_numbers(rig.link, &numbers);
    ck_assert_int_eq(numbers.failed, 1);
    rig_set(&rig, "a", 0, 6, 10, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@10,e6,l3");
    fetch_link_numbers(rig.link, &numbers);
    ck_assert_int_eq(numbers.failed, 0);
}
END_TEST

START_TEST(records_that_are_not_valid_are_fetched_again_after_a_while)
{
    ask();
    rig_records(&rig, "a", 0, "???", 12);
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_RETRY, 0, 0);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
}
END_TEST

START_TEST(a_failed_action_stops_the_partition_and_no_other)
{
    ask();
    rig_records(&rig, "a", 0, "xyz", 12);
    rig_take(&rig, 99);
    rig_set(&rig, "b", 0, 1, 0, -1);
    rig_done(&rig, 0, FETCH_LINK_FAILED, 0, 0);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 b-0@0,e1,l-1 forget a-0");
}
END_TEST

/* --- out of range ------------------------------------------------------------------------------------ */

START_TEST(a_leader_that_ends_below_us_cuts_us_to_its_end)
{
    ask();
    answer_with(ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,latest");
    ck_assert_str_eq(rig_take_offset(&rig, "a", 0, ERR_NONE, 6), "truncate_to a 6");
    rig_done(&rig, 0, FETCH_LINK_OK, 6, 3);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@6,e5,l3");
}
END_TEST

START_TEST(a_leader_that_begins_above_us_makes_us_begin_there)
{
    ask();
    answer_with(ERR_OFFSET_OUT_OF_RANGE);
    rig_plan(&rig);
    ck_assert_str_eq(rig_take_offset(&rig, "a", 0, ERR_NONE, 50), "");
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,earliest");
    ck_assert_str_eq(rig_take_offset(&rig, "a", 0, ERR_NONE, 30), "start_at a 30");
    rig_done(&rig, 0, FETCH_LINK_OK, 30, -1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@30,e5,l-1");
}
END_TEST

START_TEST(a_range_that_holds_us_after_all_is_fetched_after_a_while)
{
    ask();
    answer_with(ERR_OFFSET_OUT_OF_RANGE);
    rig_plan(&rig);
    rig_take_offset(&rig, "a", 0, ERR_NONE, 50);
    rig_plan(&rig);
    ck_assert_str_eq(rig_take_offset(&rig, "a", 0, ERR_NONE, 10), "");
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
}
END_TEST

START_TEST(errors_of_list_offsets_back_off_and_a_fenced_epoch_fails)
{
    ask();
    answer_with(ERR_OFFSET_OUT_OF_RANGE);
    rig_plan(&rig);
    rig_take_offset(&rig, "a", 0, ERR_NOT_LEADER_OR_FOLLOWER, -1);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,latest");
    rig_take_offset(&rig, "other", 0, ERR_NONE, 3); /* ours is not answered */
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,latest");
    rig_take_offset(&rig, "a", 0, ERR_FENCED_LEADER_EPOCH, -1);
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert(rig.until_ms == INT64_MAX);
}
END_TEST

START_TEST(others_are_fetched_while_one_is_out_of_range)
{
    ask();
    rig_set(&rig, "b", 0, 1, 0, -1);
    answer_with(ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,latest");
    fetch_link_take_failure(rig.link, rig.now_ms);
    rig.now_ms += RIG_BACKOFF_MS;
    ck_assert_str_eq(rig_plan(&rig), "offsets a-0,e5,latest");
    rig_take_offset(&rig, "a", 0, ERR_UNKNOWN_LEADER_EPOCH, -1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/0 b-0@0,e1,l-1");
}
END_TEST

/* --- new epochs -------------------------------------------------------------------------------------- */

START_TEST(an_answer_to_the_epoch_before_is_dropped)
{
    ask();
    ck_assert_str_eq(rig_set(&rig, "a", 0, 6, 8, 3), "a");
    rig_records(&rig, "a", 0, "xyz", 13);
    ck_assert_str_eq(rig_take(&rig, 99), "");
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@8,e6,l3");
}
END_TEST

START_TEST(an_action_of_the_epoch_before_is_waited_for_and_its_outcome_dropped)
{
    ask();
    rig_records(&rig, "a", 0, "xyz", 13);
    rig_take(&rig, 99);
    rig_set(&rig, "a", 0, 6, 8, 3);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    rig_done(&rig, 0, FETCH_LINK_FAILED, 0, 0);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@8,e6,l3");
}
END_TEST

START_TEST(an_action_of_a_topic_that_was_deleted_and_made_again_is_dropped)
{
    rig_set(&rig, "a", 0, 0, 10, 0);
    rig_plan(&rig);
    rig_records(&rig, "a", 0, "xyz", 13);
    rig_take(&rig, 99);
    fetch_link_remove(rig.link, view_str("a"), 0, INT32_MAX);
    ck_assert_ptr_null(rig_set(&rig, "a", 0, 0, 0, -1)); /* the same epoch */
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 0);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 a-0@0,e0,l-1");
}
END_TEST

START_TEST(an_older_epoch_changes_nothing)
{
    rig_set(&rig, "a", 0, 5, 10, 3);
    ck_assert_str_eq(rig_set(&rig, "a", 0, 4, 8, 3), "a");
    ck_assert_ptr_null(fetch_link_remove(rig.link, view_str("a"), 0, 4));
    ck_assert_int_eq(fetch_link_count(rig.link), 1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3");
}
END_TEST

START_TEST(a_partition_that_is_removed_with_its_action_under_way_is_freed_afterwards)
{
    ask();
    rig_records(&rig, "a", 0, "xyz", 13);
    rig_take(&rig, 0);
    ck_assert_str_eq(fetch_link_remove(rig.link, view_str("a"), 0, 5), "a");
    ck_assert_int_eq(fetch_link_count(rig.link), 0);
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 5);
    ck_assert_str_eq(rig_plan(&rig), "nothing");
}
END_TEST

/* --- fairness and lag -------------------------------------------------------------------------------- */

START_TEST(what_brought_records_goes_behind_the_others)
{
    rig_set(&rig, "a", 0, 1, 0, -1);
    rig_set(&rig, "b", 0, 1, 0, -1);
    rig_set(&rig, "c", 0, 1, 0, -1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@0,e1,l-1 b-0@0,e1,l-1 c-0@0,e1,l-1");
    rig_records(&rig, "a", 0, "xyz", 3);
    rig_records(&rig, "b", 0, "", -1);
    rig_records(&rig, "c", 0, "", -1);
    rig_take(&rig, 0);
    for (int i = 0; i < rig.actions.count; i++)
        rig_done(&rig, i, FETCH_LINK_OK, i == 0 ? 3 : 0, -1);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 b-0@0,e1,l-1 c-0@0,e1,l-1 a-0@3,e1,l-1");
}
END_TEST

START_TEST(the_lag_is_that_of_the_partition_farthest_behind)
{
    struct fetch_link_numbers numbers;
    ask();
    fetch_link_numbers(rig.link, &numbers);
    ck_assert_int_eq(numbers.max_lag, 0);
    rig_records(&rig, "a", 0, "xyz", 40);
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_OK, 13, 5);
    fetch_link_numbers(rig.link, &numbers);
    ck_assert_int_eq(numbers.max_lag, 27);
    ck_assert_int_eq(numbers.fetches, 1);
}
END_TEST

Suite *answers_suite(void)
{
    Suite *suite = suite_create("fetch answers");
    TCase *tc = tcase_create("answers");
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, records_are_appended_and_fetching_goes_on_behind_them);
    tcase_add_test(tc, a_watermark_or_start_that_moved_is_news_without_records);
    tcase_add_test(tc, a_log_that_diverges_is_cut_and_fetched_on_with_the_epoch_that_is_left);
    tcase_add_test(tc, a_cut_that_cut_nothing_backs_off);
    tcase_add_test(tc, errors_that_pass_back_off);
    tcase_add_test(tc, a_leader_that_has_not_heard_yet_is_asked_again_soon_and_then_less_often);
    tcase_add_test(tc, a_fenced_epoch_fails_the_partition_until_it_is_set_anew);
    tcase_add_test(tc, records_that_are_not_valid_are_fetched_again_after_a_while);
    tcase_add_test(tc, a_failed_action_stops_the_partition_and_no_other);
    tcase_add_test(tc, a_leader_that_ends_below_us_cuts_us_to_its_end);
    tcase_add_test(tc, a_leader_that_begins_above_us_makes_us_begin_there);
    tcase_add_test(tc, a_range_that_holds_us_after_all_is_fetched_after_a_while);
    tcase_add_test(tc, errors_of_list_offsets_back_off_and_a_fenced_epoch_fails);
    tcase_add_test(tc, others_are_fetched_while_one_is_out_of_range);
    tcase_add_test(tc, an_answer_to_the_epoch_before_is_dropped);
    tcase_add_test(tc, an_action_of_the_epoch_before_is_waited_for_and_its_outcome_dropped);
    tcase_add_test(tc, an_action_of_a_topic_that_was_deleted_and_made_again_is_dropped);
    tcase_add_test(tc, an_older_epoch_changes_nothing);
    tcase_add_test(tc, a_partition_that_is_removed_with_its_action_under_way_is_freed_afterwards);
    tcase_add_test(tc, what_brought_records_goes_behind_the_others);
    tcase_add_test(tc, the_lag_is_that_of_the_partition_farthest_behind);
    suite_add_tcase(suite, tc);
    return suite;
}
