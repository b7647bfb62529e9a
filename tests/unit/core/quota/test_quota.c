#include <check.h>
#include <stdlib.h>

#include "core/quota/quota.h"

#define WINDOWS 11

static struct quota quota;

static void open_quota(void)
{
    quota_init(&quota, WINDOWS, 1000);
}

static void close_quota(void)
{
    quota_close(&quota);
}

static void check_rate(int64_t now_ms, double want)
{
    ck_assert_double_eq_tol(quota_rate(&quota, now_ms), want, 0.001);
}

START_TEST(nothing_recorded_is_no_rate)
{
    check_rate(5000, 0);
    quota.limit = 0;
    ck_assert(!quota_is_exceeded(&quota, 5000));
}
END_TEST

START_TEST(a_rate_is_over_one_window_at_least)
{
    quota_record(&quota, 500, 7000);
    check_rate(7000, 500);
    check_rate(7999, 500);
    check_rate(8000, 500);
    check_rate(9000, 250);
    check_rate(12000, 100);
}
END_TEST

START_TEST(a_steady_flow_has_its_rate)
{
    for (int64_t ms = 0; ms < 60000; ms += 100)
        quota_record(&quota, 10, ms);
    check_rate(60000, 100);
}
END_TEST

START_TEST(what_is_older_than_all_windows_counts_no_more)
{
    quota_record(&quota, 1100, 0);
    check_rate(10999, 1100.0 / 10.999);
    check_rate(11000, 0);
    quota_record(&quota, 100, 11000);
    check_rate(11000, 100);
}
END_TEST

/* There is one sample more than windows, so the oldest leaves by its age and not for want of room. */
START_TEST(a_sample_gives_its_place_when_all_are_taken)
{
    for (int64_t window = 0; window <= WINDOWS; window++)
        quota_record(&quota, 100, window * 1000);
    check_rate(10999, 12 * 100 / 10.999);
    check_rate(11000, 11 * 100 / 10.0);
    quota_record(&quota, 500, 12000);
    check_rate(12000, (10 * 100 + 500) / 10.0);
}
END_TEST

START_TEST(a_limit_is_exceeded_by_more_than_it_only)
{
    quota_record(&quota, 1000, 0);
    ck_assert(!quota_is_exceeded(&quota, 0));
    quota.limit = 1000;
    ck_assert(!quota_is_exceeded(&quota, 0));
    quota_record(&quota, 1, 0);
    ck_assert(quota_is_exceeded(&quota, 999));
    ck_assert(!quota_is_exceeded(&quota, 1001));
}
END_TEST

START_TEST(a_burst_is_paid_for_by_a_pause_of_its_length)
{
    quota.limit = 1000;
    quota_record(&quota, 5000, 0);
    ck_assert(quota_is_exceeded(&quota, 4999));
    ck_assert(!quota_is_exceeded(&quota, 5000));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("quota");
    TCase *tcase = tcase_create("quota");
    tcase_add_checked_fixture(tcase, open_quota, close_quota);
    tcase_add_test(tcase, nothing_recorded_is_no_rate);
    tcase_add_test(tcase, a_rate_is_over_one_window_at_least);
    tcase_add_test(tcase, a_steady_flow_has_its_rate);
    tcase_add_test(tcase, what_is_older_than_all_windows_counts_no_more);
    tcase_add_test(tcase, a_sample_gives_its_place_when_all_are_taken);
    tcase_add_test(tcase, a_limit_is_exceeded_by_more_than_it_only);
    tcase_add_test(tcase, a_burst_is_paid_for_by_a_pause_of_its_length);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
