#include "service/replica/hang_watch.h"
#include "suites.h"

#define LATE (HANG_WATCH_MS + 1)

static struct hang_watch watch;

static void setup(void)
{
    watch = (struct hang_watch){0};
}

START_TEST(a_directory_that_nobody_waits_for_does_not_hang)
{
    ck_assert(!hang_watch_hangs(&watch, LATE));
    hang_watch_begin(&watch, 5);
    ck_assert(!hang_watch_end(&watch, 6));
    ck_assert(!hang_watch_hangs(&watch, 6 + LATE));
}
END_TEST

START_TEST(a_call_that_does_not_end_is_a_hang)
{
    hang_watch_begin(&watch, 5);
    ck_assert(!hang_watch_hangs(&watch, 5 + HANG_WATCH_MS));
    ck_assert(hang_watch_hangs(&watch, 5 + LATE));
    ck_assert_int_eq(hang_watch_standstill_ms(&watch, 5 + 3 * LATE), 3 * LATE);
    ck_assert(!hang_watch_end(&watch, 5 + 2 * LATE));
    ck_assert(!hang_watch_hangs(&watch, 5 + 9 * LATE));
    ck_assert_int_eq(hang_watch_standstill_ms(&watch, 5 + 9 * LATE), 0);
}
END_TEST

START_TEST(a_directory_on_which_others_get_on_does_not_hang)
{
    hang_watch_begin(&watch, 0); /* a long one */
    for (int64_t at = 0; at < 4 * LATE; at += HANG_WATCH_MS) {
        ck_assert(!hang_watch_hangs(&watch, at));
        hang_watch_begin(&watch, at);
        ck_assert(!hang_watch_end(&watch, at));
    }
}
END_TEST

START_TEST(all_of_several_must_end)
{
    hang_watch_begin(&watch, 0);
    hang_watch_begin(&watch, 0);
    ck_assert(!hang_watch_end(&watch, 1));
    ck_assert(hang_watch_hangs(&watch, 1 + LATE));
}
END_TEST

START_TEST(a_hang_is_noticed_once_and_so_is_its_end)
{
    for (int64_t at = 0; at < 3 * LATE; at += LATE) {
        hang_watch_begin(&watch, at);
        hang_watch_begin(&watch, at);
        ck_assert(hang_watch_notice(&watch));
        ck_assert(!hang_watch_notice(&watch));
        ck_assert(hang_watch_end(&watch, at));
        ck_assert(!hang_watch_end(&watch, at));
    }
}
END_TEST

Suite *hang_watch_suite(void)
{
    Suite *suite = suite_create("service/hang_watch");
    TCase *tc = tcase_create("hang_watch");
    tcase_add_checked_fixture(tc, setup, NULL);
    tcase_add_test(tc, a_directory_that_nobody_waits_for_does_not_hang);
    tcase_add_test(tc, a_call_that_does_not_end_is_a_hang);
    tcase_add_test(tc, a_directory_on_which_others_get_on_does_not_hang);
    tcase_add_test(tc, all_of_several_must_end);
    tcase_add_test(tc, a_hang_is_noticed_once_and_so_is_its_end);
    suite_add_tcase(suite, tc);
    return suite;
}
