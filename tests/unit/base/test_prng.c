#include "base/prng.h"

#include <check.h>
#include <stddef.h>

#include "suites.h"

START_TEST(sequence_is_the_published_one)
{
    /* First numbers of xoshiro256** from the state 1, 2, 3, 4. */
    static const uint64_t expected[] = {
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600,
    };
    struct prng prng = {.s = {1, 2, 3, 4}};
    for (size_t i = 0; i < sizeof expected / sizeof expected[0]; i++)
        ck_assert_uint_eq(prng_next(&prng), expected[i]);
}
END_TEST

START_TEST(seed_is_spread_by_splitmix64)
{
    /* First numbers of splitmix64 from seed 1234567. */
    struct prng prng;
    prng_seed(&prng, 1234567);
    ck_assert_uint_eq(prng.s[0], UINT64_C(6457827717110365317));
    ck_assert_uint_eq(prng.s[1], UINT64_C(3203168211198807973));
    ck_assert_uint_eq(prng.s[2], UINT64_C(9817491932198370423));
    ck_assert_uint_eq(prng.s[3], UINT64_C(4593380528125082431));
}
END_TEST

START_TEST(same_seed_gives_same_numbers)
{
    struct prng a, b, c;
    prng_seed(&a, 42);
    prng_seed(&b, 42);
    prng_seed(&c, 43);
    int same = 0;
    for (int i = 0; i < 100; i++) {
        uint64_t v = prng_next(&a);
        ck_assert_uint_eq(prng_next(&b), v);
        same += prng_next(&c) == v;
    }
    ck_assert_int_eq(same, 0);
}
END_TEST

START_TEST(numbers_below_a_bound_are_spread_evenly)
{
    struct prng prng;
    int counts[10] = {0};
    prng_seed(&prng, 4);
    for (int i = 0; i < 100000; i++) {
        uint64_t v = prng_below(&prng, 10);
        ck_assert_uint_lt(v, 10);
        counts[v]++;
    }
    for (int i = 0; i < 10; i++) {
        ck_assert_int_gt(counts[i], 9000);
        ck_assert_int_lt(counts[i], 11000);
    }
    ck_assert_uint_eq(prng_below(&prng, 1), 0);
    for (int i = 0; i < 100; i++)
        ck_assert_uint_lt(prng_below(&prng, UINT64_C(1) << 63 | 1), UINT64_C(1) << 63 | 1);
}
END_TEST

Suite *prng_suite(void)
{
    Suite *suite = suite_create("prng");
    TCase *tc = tcase_create("prng");
    tcase_add_test(tc, sequence_is_the_published_one);
    tcase_add_test(tc, seed_is_spread_by_splitmix64);
    tcase_add_test(tc, same_seed_gives_same_numbers);
    tcase_add_test(tc, numbers_below_a_bound_are_spread_evenly);
    suite_add_tcase(suite, tc);
    return suite;
}
