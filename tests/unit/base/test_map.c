#include "base/map.h"

#include <check.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/prng.h"
#include "suites.h"

#define KEYS 500

static int values[KEYS];

static struct view numbered_key(char *space, size_t size, size_t i)
{
    /* Lengths differ, and every key is a prefix of nothing else. */
    int n = snprintf(space, size, "%zu-%.*s", i, (int)(i % 40),
                     "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz");
    return view_of(space, (size_t)n);
}

START_TEST(empty_map_holds_nothing)
{
    struct map map = {0};
    size_t it = 0;
    ck_assert_ptr_null(map_get_str(&map, "a"));
    ck_assert_ptr_null(map_remove(&map, VIEW_LIT("a")));
    ck_assert_ptr_null(map_get_int(&map, 0));
    ck_assert_ptr_null(map_next(&map, &it));
    map_close(&map);
    map_close(&map);
}
END_TEST

START_TEST(put_returns_what_it_replaces)
{
    struct map map = {0};
    ck_assert_ptr_null(map_put_str(&map, "a", &values[0]));
    ck_assert_ptr_eq(map_put_str(&map, "a", &values[1]), &values[0]);
    ck_assert_ptr_eq(map_get_str(&map, "a"), &values[1]);
    ck_assert_uint_eq(map.count, 1);
    ck_assert_ptr_eq(map_remove(&map, VIEW_LIT("a")), &values[1]);
    ck_assert_ptr_null(map_remove(&map, VIEW_LIT("a")));
    ck_assert_uint_eq(map.count, 0);
    map_close(&map);
}
END_TEST

START_TEST(map_copies_its_keys)
{
    struct map map = {0};
    char key[] = "orders";
    map_put(&map, view_str(key), &values[0]);
    key[0] = 'x';
    ck_assert_ptr_eq(map_get_str(&map, "orders"), &values[0]);
    ck_assert_ptr_null(map_get_str(&map, key));
    map_close(&map);
}
END_TEST

START_TEST(keys_may_be_empty_or_hold_nul)
{
    struct map map = {0};
    map_put(&map, VIEW_LIT(""), &values[0]);
    map_put(&map, VIEW_LIT("\0"), &values[1]);
    map_put(&map, VIEW_LIT("\0\0"), &values[2]);
    ck_assert_ptr_eq(map_get(&map, VIEW_LIT("")), &values[0]);
    ck_assert_ptr_eq(map_get(&map, VIEW_LIT("\0")), &values[1]);
    ck_assert_ptr_eq(map_get(&map, VIEW_LIT("\0\0")), &values[2]);
    ck_assert_ptr_null(map_get(&map, VIEW_LIT("\0\0\0")));
    map_close(&map);
}
END_TEST

START_TEST(byte_map_agrees_with_a_plain_array_under_random_work)
{
    struct map map = {0};
    void *model[KEYS] = {NULL};
    struct prng prng;
    char space[64];
    size_t count = 0;
    prng_seed(&prng, 3);
    for (int step = 0; step < 100000; step++) {
        /* Now and then the range narrows, so that the map empties and fills again. */
        size_t range = step / 10000 % 2 ? 20 : KEYS;
        size_t i = prng_below(&prng, range);
        struct view key = numbered_key(space, sizeof space, i);
        ck_assert_ptr_eq(map_get(&map, key), model[i]);
        if (prng_below(&prng, 2)) {
            void *value = &values[prng_below(&prng, KEYS)];
            ck_assert_ptr_eq(map_put(&map, key, value), model[i]);
            count += model[i] == NULL;
            model[i] = value;
        } else {
            ck_assert_ptr_eq(map_remove(&map, key), model[i]);
            count -= model[i] != NULL;
            model[i] = NULL;
        }
        ck_assert_uint_eq(map.count, count);
        ck_assert_uint_le(map.used * 4, map.cap * 3);
    }
    map_close(&map);
}
END_TEST

START_TEST(int_map_takes_extreme_keys)
{
    static const int64_t keys[] = {0, -1, 1, INT64_MIN, INT64_MAX, 1 << 30};
    struct map map = {0};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_ptr_null(map_put_int(&map, keys[i], &values[i]));
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_ptr_eq(map_get_int(&map, keys[i]), &values[i]);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        ck_assert_ptr_eq(map_remove_int(&map, keys[i]), &values[i]);
    ck_assert_uint_eq(map.count, 0);
    map_close(&map);
}
END_TEST

START_TEST(endless_turnover_does_not_grow_the_map)
{
    struct map map = {0};
    for (int64_t i = 0; i < 100000; i++) {
        map_put_int(&map, i, &values[0]);
        if (i >= 10)
            ck_assert_ptr_nonnull(map_remove_int(&map, i - 10));
    }
    ck_assert_uint_eq(map.count, 10);
    ck_assert_uint_le(map.cap, 64);
    map_close(&map);
}
END_TEST

START_TEST(iteration_meets_every_entry_once_while_entries_are_removed)
{
    struct map map = {0};
    bool met[KEYS] = {false};
    for (int i = 0; i < KEYS; i++)
        map_put_int(&map, i, &values[i]);
    size_t it = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&map, &it))) {
        int64_t key = slot->key_int;
        ck_assert(!met[key]);
        met[key] = true;
        ck_assert_ptr_eq(slot->value, &values[key]);
        if (key % 3)
            ck_assert_ptr_eq(map_remove_int(&map, key), &values[key]);
    }
    for (int i = 0; i < KEYS; i++) {
        ck_assert(met[i]);
        ck_assert_ptr_eq(map_get_int(&map, i), i % 3 ? NULL : &values[i]);
    }
    map_close(&map);
}
END_TEST

START_TEST(iteration_shows_byte_keys)
{
    struct map map = {0};
    char space[64];
    for (size_t i = 0; i < KEYS; i++)
        map_put(&map, numbered_key(space, sizeof space, i), &values[i]);
    size_t it = 0, met = 0;
    const struct map_slot *slot;
    while ((slot = map_next(&map, &it))) {
        size_t i = (size_t)((int *)slot->value - values);
        ck_assert(view_equal(map_slot_key(slot), numbered_key(space, sizeof space, i)));
        met++;
    }
    ck_assert_uint_eq(met, KEYS);
    map_close(&map);
}
END_TEST

Suite *map_suite(void)
{
    Suite *suite = suite_create("map");
    TCase *tc = tcase_create("map");
    tcase_add_test(tc, empty_map_holds_nothing);
    tcase_add_test(tc, put_returns_what_it_replaces);
    tcase_add_test(tc, map_copies_its_keys);
    tcase_add_test(tc, keys_may_be_empty_or_hold_nul);
    tcase_add_test(tc, byte_map_agrees_with_a_plain_array_under_random_work);
    tcase_add_test(tc, int_map_takes_extreme_keys);
    tcase_add_test(tc, endless_turnover_does_not_grow_the_map);
    tcase_add_test(tc, iteration_meets_every_entry_once_while_entries_are_removed);
    tcase_add_test(tc, iteration_shows_byte_keys);
    suite_add_tcase(suite, tc);
    return suite;
}
