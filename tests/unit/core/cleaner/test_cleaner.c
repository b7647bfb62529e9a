/* Which log is compacted next, and how fast. */
#include "core/cleaner/cleaner_log.h"
#include "core/cleaner/cleaner_rate.h"

#include <check.h>
#include <stdlib.h>

#define NOW   1000000
#define NEVER INT64_MAX

static struct cleaner_log log_of(int64_t clean, int64_t cleanable)
{
    return (struct cleaner_log){.clean_bytes = clean,
                                .cleanable_bytes = cleanable,
                                .oldest_dirty_ms = cleanable > 0 ? NOW - 1000 : -1,
                                .min_ratio = 0.5,
                                .max_lag_ms = NEVER};
}

/* --- one log ------------------------------------------------------------------------------------------ */

START_TEST(the_ratio_is_the_dirty_share_of_what_may_be_compacted)
{
    struct cleaner_log log = log_of(300, 100);
    ck_assert_double_eq_tol(cleaner_log_ratio(&log), 0.25, 1e-12);
}
END_TEST

START_TEST(an_empty_log_is_clean)
{
    struct cleaner_log log = log_of(0, 0);
    log.min_ratio = 0;
    ck_assert_double_eq(cleaner_log_ratio(&log), 0);
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NEVER);
}
END_TEST

START_TEST(a_ratio_just_at_the_limit_is_not_above_it)
{
    struct cleaner_log log = log_of(100, 100);
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
    log.cleanable_bytes++;
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_BY_RATIO);
}
END_TEST

START_TEST(a_ratio_of_nought_lets_every_dirty_byte_count)
{
    struct cleaner_log log = log_of(1000000, 1);
    log.min_ratio = 0;
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_BY_RATIO);
}
END_TEST

START_TEST(a_record_older_than_the_lag_is_enough)
{
    struct cleaner_log log = log_of(1000000, 1);
    log.max_lag_ms = 1000;
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
    ck_assert_int_eq(cleaner_log_delay_ms(&log, NOW), 0);
    ck_assert_int_eq(cleaner_log_reason(&log, NOW + 1), CLEANER_BY_LAG);
    ck_assert_int_eq(cleaner_log_delay_ms(&log, NOW + 5), 5);
}
END_TEST

START_TEST(the_lag_does_not_count_where_nothing_may_be_compacted)
{
    struct cleaner_log log = log_of(1000000, 0);
    log.oldest_dirty_ms = 1;
    log.max_lag_ms = 1;
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
}
END_TEST

START_TEST(a_timestamp_that_is_not_known_is_never_too_old)
{
    struct cleaner_log log = log_of(1000000, 1);
    log.max_lag_ms = 1;
    for (int64_t ms = -1; ms <= 0; ms++) {
        log.oldest_dirty_ms = ms;
        ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
        ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NEVER);
    }
}
END_TEST

START_TEST(a_timestamp_far_in_the_future_does_not_overflow)
{
    struct cleaner_log log = log_of(1000000, 1);
    log.oldest_dirty_ms = INT64_MAX - 1;
    log.max_lag_ms = 5;
    ck_assert_int_eq(cleaner_log_delay_ms(&log, NOW), 0);
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NEVER);
}
END_TEST

/* --- when to look again --------------------------------------------------------------------------------- */

START_TEST(a_log_that_is_dirty_but_not_enough_is_looked_at_when_its_lag_is_over)
{
    struct cleaner_log log = log_of(1000000, 1);
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NEVER);
    log.max_lag_ms = 5000;
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NOW + 4000);
}
END_TEST

START_TEST(a_log_that_ripens_is_looked_at_each_time)
{
    struct cleaner_log log = log_of(1000000, 0);
    log.ripens = true;
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NOW);
}
END_TEST

START_TEST(a_paused_log_is_looked_at_each_time)
{
    struct cleaner_log log = log_of(1000000, 0);
    log.state = CLEANER_PAUSED;
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NOW);
}
END_TEST

START_TEST(what_came_to_nothing_waits)
{
    struct cleaner_log log = log_of(0, 100);
    log.not_before_ms = NOW + 1;
    ck_assert_int_eq(cleaner_log_reason(&log, NOW), CLEANER_NOT_NOW);
    ck_assert_int_eq(cleaner_log_due_ms(&log, NOW), NOW + 1);
    ck_assert_int_eq(cleaner_log_reason(&log, NOW + 1), CLEANER_BY_RATIO);
}
END_TEST

/* --- of several ------------------------------------------------------------------------------------------
 */

static int choose(struct cleaner_log *logs, int count)
{
    const struct cleaner_log *pointers[8];
    for (int i = 0; i < count; i++)
        pointers[i] = &logs[i];
    return cleaner_log_choose(pointers, count, NOW);
}

START_TEST(the_dirtiest_is_next)
{
    struct cleaner_log logs[] = {log_of(40, 60), log_of(10, 90), log_of(30, 70)};
    ck_assert_int_eq(choose(logs, 3), 1);
}
END_TEST

START_TEST(a_late_one_waits_for_one_that_is_dirtier)
{
    struct cleaner_log logs[] = {log_of(90, 10), log_of(40, 60)};
    logs[0].max_lag_ms = 1;
    ck_assert_int_eq(choose(logs, 2), 1);
    logs[1].state = CLEANER_AT_WORK;
    ck_assert_int_eq(choose(logs, 2), 0);
}
END_TEST

START_TEST(only_idle_ones_are_chosen)
{
    static const enum cleaner_state OTHERS[] = {CLEANER_AT_WORK, CLEANER_PAUSED, CLEANER_UNCLEANABLE};
    for (int i = 0; i < 3; i++) {
        struct cleaner_log logs[] = {log_of(0, 100), log_of(40, 60)};
        logs[0].state = OTHERS[i];
        ck_assert_int_eq(choose(logs, 2), 1);
    }
}
END_TEST

START_TEST(nothing_is_chosen_where_nothing_is_dirty)
{
    struct cleaner_log logs[] = {log_of(100, 0), log_of(100, 20)};
    ck_assert_int_eq(choose(logs, 2), -1);
    ck_assert_int_eq(choose(logs, 0), -1);
}
END_TEST

/* --- the rate ---------------------------------------------------------------------------------------------
 */

START_TEST(what_is_owed_is_paid_at_the_rate)
{
    struct cleaner_rate rate = {.bytes_per_s = 1000, .at_ms = 5000};
    ck_assert(!cleaner_rate_is_exceeded(&rate, 5000));
    cleaner_rate_record(&rate, 300, 5000);
    ck_assert(!cleaner_rate_is_exceeded(&rate, 5000));
    cleaner_rate_record(&rate, 10000, 5000);
    ck_assert(cleaner_rate_is_exceeded(&rate, 14999));
    ck_assert(!cleaner_rate_is_exceeded(&rate, 15000));
}
END_TEST

START_TEST(silence_buys_nothing)
{
    struct cleaner_rate rate = {.bytes_per_s = 1000};
    cleaner_rate_record(&rate, 1, 0);
    cleaner_rate_record(&rate, 1300, 3600000);
    ck_assert(cleaner_rate_is_exceeded(&rate, 3600999));
    ck_assert(!cleaner_rate_is_exceeded(&rate, 3601000));
}
END_TEST

START_TEST(a_rate_that_is_raised_counts_for_what_is_owed)
{
    struct cleaner_rate rate = {.bytes_per_s = 1};
    cleaner_rate_record(&rate, 1000000, 0);
    ck_assert(cleaner_rate_is_exceeded(&rate, 60000));
    rate.bytes_per_s = 1.7976931348623157e308;
    ck_assert(!cleaner_rate_is_exceeded(&rate, 60000));
    cleaner_rate_record(&rate, INT64_MAX, 60000);
    ck_assert(!cleaner_rate_is_exceeded(&rate, 120000));
}
END_TEST

START_TEST(at_no_rate_at_all_nothing_goes_on)
{
    struct cleaner_rate rate = {.bytes_per_s = 0};
    cleaner_rate_record(&rate, 1, 0);
    ck_assert(cleaner_rate_is_exceeded(&rate, INT64_MAX));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("cleaner");
    TCase *tcase = tcase_create("log");
    suite_add_tcase(suite, tcase);
    tcase_add_test(tcase, the_ratio_is_the_dirty_share_of_what_may_be_compacted);
    tcase_add_test(tcase, an_empty_log_is_clean);
    tcase_add_test(tcase, a_ratio_just_at_the_limit_is_not_above_it);
    tcase_add_test(tcase, a_ratio_of_nought_lets_every_dirty_byte_count);
    tcase_add_test(tcase, a_record_older_than_the_lag_is_enough);
    tcase_add_test(tcase, the_lag_does_not_count_where_nothing_may_be_compacted);
    tcase_add_test(tcase, a_timestamp_that_is_not_known_is_never_too_old);
    tcase_add_test(tcase, a_timestamp_far_in_the_future_does_not_overflow);
    tcase_add_test(tcase, a_log_that_is_dirty_but_not_enough_is_looked_at_when_its_lag_is_over);
    tcase_add_test(tcase, a_log_that_ripens_is_looked_at_each_time);
    tcase_add_test(tcase, a_paused_log_is_looked_at_each_time);
    tcase_add_test(tcase, what_came_to_nothing_waits);
    tcase_add_test(tcase, the_dirtiest_is_next);
    tcase_add_test(tcase, a_late_one_waits_for_one_that_is_dirtier);
    tcase_add_test(tcase, only_idle_ones_are_chosen);
    tcase_add_test(tcase, nothing_is_chosen_where_nothing_is_dirty);
    tcase_add_test(tcase, what_is_owed_is_paid_at_the_rate);
    tcase_add_test(tcase, silence_buys_nothing);
    tcase_add_test(tcase, a_rate_that_is_raised_counts_for_what_is_owed);
    tcase_add_test(tcase, at_no_rate_at_all_nothing_goes_on);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
