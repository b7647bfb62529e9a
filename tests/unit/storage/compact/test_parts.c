/* The pieces of a compaction by themselves: the map of keys, the plan, what is written. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "compact_rig.h"
#include "storage/compact/key_map.h"
#include "storage/compact/output.h"
#include "storage/compact/plan.h"
#include "wire/record_builder.h"

/* --- the map ------------------------------------------------------------------------------------------ */

static struct hash_wide hash_of(const struct key_map *map, int64_t key)
{
    char text[32];
    const int n = snprintf(text, sizeof text, "key %" PRId64, key);
    return key_map_hash(map, view_of(text, (size_t)n));
}

START_TEST(a_map_has_the_newest_offset_of_every_key_while_it_grows)
{
    struct key_map *map = key_map_new(4 << 20, 0.9);
    for (int round = 0; round < 2; round++) {
        key_map_begin(map, (uint64_t)round, 1000, INT64_MAX / 4);
        for (int64_t i = 0; i < 60000; i++)
            ck_assert(key_map_put(map, hash_of(map, i % 50000), 1000 + i));
        ck_assert_int_eq(key_map_count(map), 50000);
        for (int64_t i = 0; i < 50000; i++)
            ck_assert_int_eq(key_map_get(map, hash_of(map, i)), 1000 + (i < 10000 ? i + 50000 : i));
        for (int64_t i = 50000; i < 60000; i++)
            ck_assert_int_eq(key_map_get(map, hash_of(map, i)), KEY_MAP_NONE);
        if (round == 0)
            key_map_rest(map);
    }
    key_map_free(map);
}
END_TEST

START_TEST(a_full_map_takes_no_new_key_but_newer_offsets)
{
    struct key_map *map = key_map_new(64 * 100, 0.9);
    key_map_begin(map, 1, 0, INT64_MAX / 4);
    int64_t n = 0;
    while (key_map_put(map, hash_of(map, n), n))
        n++;
    ck_assert_int_eq(n, 270);
    for (int64_t i = 0; i < n; i++)
        ck_assert(key_map_put(map, hash_of(map, i), 1000 + i));
    ck_assert(!key_map_put(map, hash_of(map, n), 2000));
    for (int64_t i = 0; i <= n; i++)
        ck_assert_int_eq(key_map_get(map, hash_of(map, i)), i < n ? 1000 + i : KEY_MAP_NONE);
    key_map_free(map);
}
END_TEST

START_TEST(a_map_of_a_few_keys_is_small_and_one_of_none_empty)
{
    struct key_map *map = key_map_new(1 << 20, 0.9);
    key_map_begin(map, 1, 0, 0);
    ck_assert_int_eq(key_map_get(map, hash_of(map, 1)), KEY_MAP_NONE);
    key_map_begin(map, 1, 5, 7);
    for (int64_t i = 0; i < 7; i++)
        ck_assert(key_map_put(map, hash_of(map, i), 5 + i));
    ck_assert_double_lt(key_map_load(map), 0.001);
    key_map_free(map);
}
END_TEST

START_TEST(an_offset_too_far_above_the_base_finds_no_place)
{
    struct key_map *map = key_map_new(1 << 12, 0.9);
    key_map_begin(map, 1, 10, INT64_MAX / 4);
    ck_assert(key_map_put(map, hash_of(map, 1), 10 + (INT64_C(1) << 40) - 2));
    ck_assert(!key_map_put(map, hash_of(map, 1), 10 + (INT64_C(1) << 40) - 1));
    ck_assert_int_eq(key_map_get(map, hash_of(map, 1)), 10 + (INT64_C(1) << 40) - 2);
    key_map_free(map);
}
END_TEST

/* --- the plan ----------------------------------------------------------------------------------------- */

START_TEST(groups_keep_within_bytes_indexes_and_offsets)
{
    const struct plan_limits limits = {
        .segment_bytes = 1000, .index_bytes = 10485760, .index_interval = 4096};
    const struct plan_segment small[] = {{0, 10, 400}, {10, 20, 600}, {20, 30, 1}};
    ck_assert_uint_eq(plan_group(small, 3, &limits), 2);
    const struct plan_segment large[] = {{0, 10, 5000}, {10, 20, 1}};
    ck_assert_uint_eq(plan_group(large, 2, &limits), 1);
    const struct plan_segment far[] = {
        {0, 10, 1}, {10, INT64_C(0x80000000), 1}, {INT64_C(0x80000000), INT64_C(0x80000001), 1}};
    ck_assert_uint_eq(plan_group(far, 3, &limits), 2);
    const struct plan_segment empty[] = {{0, 10, 1}, {10, INT64_C(0x90000000), 0}};
    ck_assert_uint_eq(plan_group(empty, 2, &limits), 2);
    const struct plan_limits tiny = {.segment_bytes = 1000000, .index_bytes = 120, .index_interval = 100};
    const struct plan_segment indexed[] = {{0, 10, 400}, {10, 20, 400}, {20, 30, 400}};
    ck_assert_uint_eq(plan_group(indexed, 3, &tiny), 2);
}
END_TEST

/* --- what is written ---------------------------------------------------------------------------------- */

static void put_batch(struct output *output, int64_t base, int64_t last)
{
    struct buf bytes = {0};
    const struct batch_info info = {.base_offset = base,
                                    .last_offset = last,
                                    .max_timestamp = 1,
                                    .producer_id = NO_PRODUCER_ID,
                                    .producer_epoch = NO_PRODUCER_EPOCH,
                                    .base_sequence = NO_SEQUENCE};
    record_empty_batch_build(&info, &bytes);
    const struct output_batch batch = {base, last, 1};
    struct errmsg why;
    ck_assert_int_eq(output_put(output, &batch, buf_view(&bytes), &why), ERR_NONE);
    ck_assert_int_eq(output_settle(output, &why), ERR_NONE);
    buf_close(&bytes);
}

START_TEST(what_outgrows_a_segment_goes_on_in_another)
{
    struct crash_disk *mem = crash_disk_new();
    struct io_buffer buffer = {.usual = 100};
    struct output output = {.disk = crash_disk_port(mem), .dir = "", .buffer = &buffer};
    log_settings_init(&output.settings);
    struct errmsg why;
    ck_assert_int_eq(output_begin(&output, 100, 7, &why), ERR_NONE);
    put_batch(&output, 100, 109);
    put_batch(&output, 110, 100 + (int64_t)INT32_MAX);
    put_batch(&output, 200 + (int64_t)INT32_MAX, 210 + (int64_t)INT32_MAX);
    ck_assert_int_eq(output_finish(&output, 300 + (int64_t)INT32_MAX, true, &why), ERR_NONE);
    ck_assert_int_eq(output.count, 2);
    size_t len;
    ck_assert_ptr_nonnull(crash_disk_content(mem, "/00000000000000000100.log.cleaned", &len));
    ck_assert_uint_eq(len, 2 * BATCH_V2_HEADER_SIZE);
    ck_assert_ptr_nonnull(crash_disk_content(mem, "/00000000002147483847.log.cleaned", &len));
    ck_assert_uint_eq(len, 2 * BATCH_V2_HEADER_SIZE);
    output_remove(&output);
    ck_assert_ptr_null(crash_disk_content(mem, "/00000000000000000100.log.cleaned", &len));
    io_buffer_close(&buffer);
    crash_disk_free(mem);
}
END_TEST

Suite *compact_parts_suite(void)
{
    Suite *suite = suite_create("compact parts");
    TCase *tc = tcase_create("parts");
    tcase_add_test(tc, a_map_has_the_newest_offset_of_every_key_while_it_grows);
    tcase_add_test(tc, a_full_map_takes_no_new_key_but_newer_offsets);
    tcase_add_test(tc, a_map_of_a_few_keys_is_small_and_one_of_none_empty);
    tcase_add_test(tc, an_offset_too_far_above_the_base_finds_no_place);
    tcase_add_test(tc, groups_keep_within_bytes_indexes_and_offsets);
    tcase_add_test(tc, what_outgrows_a_segment_goes_on_in_another);
    suite_add_tcase(suite, tc);
    return suite;
}
