#include "base/mem.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>

#include "death.h"
#include "suites.h"

START_TEST(zeroed_memory_is_zero_and_resized_memory_keeps_its_bytes)
{
    uint8_t *p = mem_zalloc(100);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(p[i], 0);
    memset(p, 7, 100);
    p = mem_resize(p, 10000);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_eq(p[i], 7);
    free(p);
}
END_TEST

START_TEST(copies_are_copies)
{
    char *a = mem_strdup("orders");
    char *b = mem_dup("a\0b", 3);
    char *c = mem_printf("%s-%d", a, 3);
    ck_assert_str_eq(a, "orders");
    ck_assert_mem_eq(b, "a\0b", 3);
    ck_assert_str_eq(c, "orders-3");
    free(a);
    free(b);
    free(c);
}
END_TEST

START_TEST(size_zero_is_harmless)
{
    void *p = mem_alloc(0);
    p = mem_resize(p, 0);
    free(p);
    free(mem_zalloc(0));
    free(mem_dup(NULL, 0));
    free(mem_try_resize(mem_try_alloc(0), 0));
}
END_TEST

static void run_out(void)
{
    mem_fail(123456789);
}

START_TEST(want_of_memory_says_how_much_and_aborts)
{
    char text[8192];
    ck_assert_int_eq(death_signal(run_out, text, sizeof text), SIGABRT);
    ck_assert_ptr_nonnull(strstr(text, "out of memory: cannot allocate 123456789 bytes\n"));
}
END_TEST

Suite *mem_suite(void)
{
    Suite *suite = suite_create("mem");
    TCase *tc = tcase_create("mem");
    tcase_add_test(tc, zeroed_memory_is_zero_and_resized_memory_keeps_its_bytes);
    tcase_add_test(tc, copies_are_copies);
    tcase_add_test(tc, size_zero_is_harmless);
    tcase_add_test(tc, want_of_memory_says_how_much_and_aborts);
    suite_add_tcase(suite, tc);
    return suite;
}
