#include "base/assert.h"

#include <check.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "death.h"
#include "suites.h"

static int occurrences(const char *text, const char *what)
{
    int count = 0;
    for (const char *p = strstr(text, what); p; p = strstr(p + 1, what))
        count++;
    return count;
}

static void fail_an_assert(void)
{
    ASSERT(1 + 1 == 3);
}

static void fail_an_assert_with_crash_handler(void)
{
    assert_install_crash_handler();
    ASSERT(1 + 1 == 3);
}

static void reach_the_unreachable(void)
{
    UNREACHABLE();
}

static void touch_unmapped_memory(void)
{
    assert_install_crash_handler();
    volatile char *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    *page = 1;
}

static void raise_abort(void)
{
    assert_install_crash_handler();
    raise(SIGABRT);
}

/* The volatile array keeps the compiler from turning this into a loop. */
static int eat_stack(int depth)
{
    volatile char frame[4096];
    frame[depth % 4096] = (char)depth;
    return depth < 0 ? 0 : eat_stack(depth + 1) + frame[depth % 4096];
}

static void overflow_the_stack(void)
{
    assert_install_crash_handler();
    (void)eat_stack(0);
}

START_TEST(true_assert_does_nothing)
{
    ASSERT(1 + 1 == 2);
}
END_TEST

START_TEST(failed_assert_names_its_place_and_aborts)
{
    char text[8192];
    ck_assert_int_eq(death_signal(fail_an_assert, text, sizeof text), SIGABRT);
    ck_assert_ptr_nonnull(strstr(text, "test_assert.c:"));
    ck_assert_ptr_nonnull(strstr(text, ": fail_an_assert: assert failed: 1 + 1 == 3\n"));
    ck_assert_int_ge(occurrences(text, "\n"), 3);
}
END_TEST

START_TEST(failed_assert_is_told_once_under_the_crash_handler)
{
    char text[8192];
    ck_assert_int_eq(death_signal(fail_an_assert_with_crash_handler, text, sizeof text), SIGABRT);
    ck_assert_int_eq(occurrences(text, "assert failed"), 1);
    ck_assert_int_eq(occurrences(text, "crash:"), 0);
}
END_TEST

START_TEST(unreachable_aborts)
{
    char text[8192];
    ck_assert_int_eq(death_signal(reach_the_unreachable, text, sizeof text), SIGABRT);
    ck_assert_ptr_nonnull(strstr(text, "reach_the_unreachable: assert failed: unreachable\n"));
}
END_TEST

START_TEST(bad_access_prints_address_and_dies_of_its_signal)
{
    char text[8192];
    ck_assert_int_eq(death_signal(touch_unmapped_memory, text, sizeof text), SIGSEGV);
    ck_assert_int_eq(occurrences(text, "crash: SIGSEGV at address 0x"), 1);
    ck_assert_int_ge(occurrences(text, "\n"), 3);
}
END_TEST

START_TEST(abort_prints_a_backtrace_and_dies_of_its_signal)
{
    char text[8192];
    ck_assert_int_eq(death_signal(raise_abort, text, sizeof text), SIGABRT);
    ck_assert_int_eq(occurrences(text, "crash: SIGABRT\n"), 1);
}
END_TEST

START_TEST(stack_overflow_is_told_from_the_alternate_stack)
{
    char text[8192];
    ck_assert_int_eq(death_signal(overflow_the_stack, text, sizeof text), SIGSEGV);
    ck_assert_int_eq(occurrences(text, "crash: SIGSEGV at address 0x"), 1);
}
END_TEST

Suite *assert_suite(void)
{
    Suite *suite = suite_create("assert");
    TCase *tc = tcase_create("assert");
    tcase_add_test(tc, true_assert_does_nothing);
    tcase_add_test(tc, failed_assert_names_its_place_and_aborts);
    tcase_add_test(tc, failed_assert_is_told_once_under_the_crash_handler);
    tcase_add_test(tc, unreachable_aborts);
    tcase_add_test(tc, bad_access_prints_address_and_dies_of_its_signal);
    tcase_add_test(tc, abort_prints_a_backtrace_and_dies_of_its_signal);
    tcase_add_test(tc, stack_overflow_is_told_from_the_alternate_stack);
    suite_add_tcase(suite, tc);
    return suite;
}
