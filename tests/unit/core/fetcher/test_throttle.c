/* Which partitions are left out while too much is fetched: topics that begin with "t" may be. */
#include "rig.h"

static struct rig rig;

static void open_rig(void)
{
    rig_open(&rig);
    rig_set(&rig, "a", 0, 5, 10, 3);
    rig_set(&rig, "t", 0, 6, 20, 4);
}

static void close_rig(void)
{
    rig_close(&rig);
}

/* Both are asked for, and answered with these high watermarks; their ends stay at 10 and 20. */
static void begin(int64_t high_watermark_a, int64_t high_watermark_t)
{
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3 t-0@20,e6,l4");
    rig_records(&rig, "a", 0, "", high_watermark_a);
    rig_records(&rig, "t", 0, "", high_watermark_t);
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    rig_done(&rig, 1, FETCH_LINK_OK, 20, 4);
}

START_TEST(below_the_quota_nothing_is_left_out)
{
    begin(50, 50);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
}
END_TEST

START_TEST(over_the_quota_a_throttled_partition_that_lags_is_left_out_and_others_are_not)
{
    begin(50, 50);
    rig.over_quota = true;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 forget t-0");
    rig_take(&rig, 99);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2");
    rig_take(&rig, 99);
    rig.over_quota = false;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/3 t-0@20,e6,l4");
}
END_TEST

START_TEST(a_partition_that_is_in_sync_is_never_left_out)
{
    begin(10, 20);
    rig.over_quota = true;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1");
    rig_records(&rig, "t", 0, "", 21);
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_OK, 20, 4);
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/2 forget t-0");
}
END_TEST

START_TEST(a_partition_whose_leader_has_told_nothing_yet_counts_as_lagging)
{
    rig.over_quota = true;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 a-0@10,e5,l3");
    rig_records(&rig, "a", 0, "", 10);
    rig_take(&rig, 99);
    rig_done(&rig, 0, FETCH_LINK_OK, 10, 3);
    rig.over_quota = false;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=99/1 t-0@20,e6,l4");
}
END_TEST

START_TEST(when_all_are_left_out_it_is_looked_at_again_after_the_back_off)
{
    fetch_link_remove(rig.link, view_str("a"), 0, 5);
    rig.over_quota = true;
    ck_assert_str_eq(rig_plan(&rig), "nothing");
    ck_assert_int_eq(rig.until_ms, rig.now_ms + RIG_BACKOFF_MS);
    rig.over_quota = false;
    ck_assert_str_eq(rig_plan(&rig), "fetch17 session=0/0 t-0@20,e6,l4");
}
END_TEST

Suite *throttle_suite(void)
{
    Suite *suite = suite_create("throttle");
    TCase *tc = tcase_create("throttle");
    tcase_add_checked_fixture(tc, open_rig, close_rig);
    tcase_add_test(tc, below_the_quota_nothing_is_left_out);
    tcase_add_test(tc, over_the_quota_a_throttled_partition_that_lags_is_left_out_and_others_are_not);
    tcase_add_test(tc, a_partition_that_is_in_sync_is_never_left_out);
    tcase_add_test(tc, a_partition_whose_leader_has_told_nothing_yet_counts_as_lagging);
    tcase_add_test(tc, when_all_are_left_out_it_is_looked_at_again_after_the_back_off);
    suite_add_tcase(suite, tc);
    return suite;
}
