#include "base/histogram.h"

#include <check.h>
#include <stdlib.h>

#include "base/mem.h"
#include "suites.h"

START_TEST(empty_histogram_has_quantile_zero)
{
    struct histogram *h = MEM_NEW(struct histogram);
    ck_assert_uint_eq(histogram_quantile(h, 0.5), 0);
    free(h);
}
END_TEST

START_TEST(one_value_comes_back_within_three_percent)
{
    for (uint64_t value = 0; value < UINT64_C(1) << 35; value += 1 + value / 17) {
        struct histogram *h = MEM_NEW(struct histogram);
        histogram_add(h, value);
        uint64_t seen = histogram_quantile(h, 0.5);
        uint64_t off = seen > value ? seen - value : value - seen;
        ck_assert_uint_le(off, value * 3 / 100);
        if (value < 32)
            ck_assert_uint_eq(seen, value);
        ck_assert_uint_eq(h->count, 1);
        ck_assert_uint_eq(h->sum, value);
        free(h);
    }
}
END_TEST

START_TEST(quantiles_of_a_uniform_run_are_where_they_belong)
{
    struct histogram *h = MEM_NEW(struct histogram);
    for (uint64_t value = 1; value <= 10000; value++)
        histogram_add(h, value);
    static const double qs[] = {0.01, 0.5, 0.9, 0.99, 0.999, 1.0};
    for (size_t i = 0; i < ARRAY_LEN(qs); i++) {
        double seen = (double)histogram_quantile(h, qs[i]);
        ck_assert_double_ge(seen, qs[i] * 10000 * 0.96);
        ck_assert_double_le(seen, qs[i] * 10000 * 1.04);
    }
    ck_assert_uint_eq(histogram_quantile(h, 0), 1);
    free(h);
}
END_TEST

START_TEST(rare_high_value_shows_only_in_high_quantiles)
{
    struct histogram *h = MEM_NEW(struct histogram);
    for (int i = 0; i < 99; i++)
        histogram_add(h, 10);
    histogram_add(h, 1000000);
    ck_assert_uint_eq(histogram_quantile(h, 0.99), 10);
    ck_assert_uint_gt(histogram_quantile(h, 0.995), 900000);
    free(h);
}
END_TEST

START_TEST(huge_values_fall_into_the_last_bucket)
{
    struct histogram *h = MEM_NEW(struct histogram);
    histogram_add(h, UINT64_MAX);
    ck_assert_uint_eq(h->buckets[HISTOGRAM_BUCKETS - 1], 1);
    ck_assert_uint_gt(histogram_quantile(h, 0.5), UINT64_C(1) << 35);
    free(h);
}
END_TEST

START_TEST(merge_adds_counts)
{
    struct histogram *a = MEM_NEW(struct histogram);
    struct histogram *b = MEM_NEW(struct histogram);
    for (uint64_t i = 0; i < 100; i++) {
        histogram_add(a, 5);
        histogram_add(b, 20);
    }
    histogram_merge(a, b);
    ck_assert_uint_eq(a->count, 200);
    ck_assert_uint_eq(a->sum, 2500);
    ck_assert_uint_eq(histogram_quantile(a, 0.5), 5);
    ck_assert_uint_eq(histogram_quantile(a, 0.51), 20);
    ck_assert_uint_eq(b->count, 100);
    free(a);
    free(b);
}
END_TEST

Suite *histogram_suite(void)
{
    Suite *suite = suite_create("histogram");
    TCase *tc = tcase_create("histogram");
    tcase_add_test(tc, empty_histogram_has_quantile_zero);
    tcase_add_test(tc, one_value_comes_back_within_three_percent);
    tcase_add_test(tc, quantiles_of_a_uniform_run_are_where_they_belong);
    tcase_add_test(tc, rare_high_value_shows_only_in_high_quantiles);
    tcase_add_test(tc, huge_values_fall_into_the_last_bucket);
    tcase_add_test(tc, merge_adds_counts);
    suite_add_tcase(suite, tc);
    return suite;
}
