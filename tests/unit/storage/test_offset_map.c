#include "storage/offset_map.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "state_helpers.h"
#include "state_suites.h"

#define ORDERS VIEW_LIT("orders")

START_TEST(an_offset_put_is_got_until_it_is_removed)
{
    struct offset_map map = {0};
    int64_t offset;
    ck_assert(!offset_map_get(&map, ORDERS, 0, &offset));
    ck_assert(!offset_map_remove(&map, ORDERS, 0));
    offset_map_put(&map, ORDERS, 0, 5);
    offset_map_put(&map, ORDERS, -1, 6);
    offset_map_put(&map, VIEW_LIT("other"), 0, -7);
    offset_map_put(&map, ORDERS, 0, 8);
    ck_assert_uint_eq(map.count, 3);
    ck_assert(offset_map_get(&map, ORDERS, 0, &offset) && offset == 8);
    ck_assert(offset_map_get(&map, ORDERS, -1, &offset) && offset == 6);
    ck_assert(offset_map_get(&map, VIEW_LIT("other"), 0, &offset) && offset == -7);
    ck_assert(!offset_map_get(&map, ORDERS, 1, &offset));
    ck_assert(offset_map_remove(&map, ORDERS, 0));
    ck_assert(!offset_map_get(&map, ORDERS, 0, &offset));
    ck_assert(offset_map_get(&map, ORDERS, -1, &offset));
    offset_map_close(&map);
}
END_TEST

#define TOPICS     30
#define PARTITIONS 20

START_TEST(any_puts_and_removals_agree_with_a_plain_table)
{
    struct offset_map map = {0};
    int64_t table[TOPICS][PARTITIONS];
    memset(table, 0xff, sizeof table);
    struct prng prng;
    prng_seed(&prng, 2);
    for (int step = 0; step < 40000; step++) {
        int topic = (int)prng_below(&prng, TOPICS);
        int partition = (int)prng_below(&prng, PARTITIONS);
        char *name = mem_printf("topic-%d", topic);
        bool drop = prng_below(&prng, 10) < (step / 8000 % 2 ? 8u : 3u);
        if (drop) {
            ck_assert_int_eq(offset_map_remove(&map, view_str(name), partition),
                             table[topic][partition] >= 0);
            table[topic][partition] = -1;
        } else {
            table[topic][partition] = step;
            offset_map_put(&map, view_str(name), partition, step);
        }
        free(name);
        if (step % 2000 != 0)
            continue;
        size_t count = 0;
        for (int i = 0; i < TOPICS; i++) {
            name = mem_printf("topic-%d", i);
            for (int j = 0; j < PARTITIONS; j++) {
                int64_t offset = -1;
                offset_map_get(&map, view_str(name), j, &offset);
                ck_assert_int_eq(offset, table[i][j]);
                count += table[i][j] >= 0;
            }
            free(name);
        }
        ck_assert_uint_eq(map.count, count);
    }
    offset_map_close(&map);
}
END_TEST

START_TEST(a_file_of_kafka_reads_and_writes_back_byte_for_byte)
{
    struct buf file = vector_load("recovery-point-offset-checkpoint");
    struct offset_map map = {0};
    struct buf text = {0};
    int64_t offset;
    ck_assert_int_eq(offset_map_parse(&map, buf_view(&file), "f", NULL), ERR_NONE);
    ck_assert(offset_map_get(&map, ORDERS, 0, &offset) && offset == 42);
    ck_assert(offset_map_get(&map, VIEW_LIT("__consumer_offsets"), 49, &offset) && offset == 9000000000);
    offset_map_format(&map, &text);
    ck_assert(view_equal(buf_view(&text), buf_view(&file)));
    offset_map_close(&map);
    buf_close(&text);
    buf_close(&file);
}
END_TEST

START_TEST(a_corrupt_file_leaves_the_map_empty)
{
    struct testdir t;
    testdir_open(&t);
    struct offset_map map = {0};
    struct errmsg why;
    offset_map_put(&map, ORDERS, 0, 5);
    testdir_put_str(&t, "f", "0\n2\norders 1 1\n");
    ck_assert_int_eq(offset_map_load(&map, t.disk, testdir_path(&t, "f"), &why), ERR_CORRUPT_FILE);
    ck_assert_uint_eq(map.count, 0);
    ck_assert_ptr_nonnull(strstr(why.text, testdir_path(&t, "f")));
    offset_map_put(&map, ORDERS, 0, 5);
    ck_assert_int_eq(offset_map_load(&map, t.disk, testdir_path(&t, "g"), &why), ERR_NOT_FOUND);
    ck_assert_uint_eq(map.count, 0);
    offset_map_put(&map, ORDERS, 0, 5);
    ck_assert_int_eq(offset_map_save(&map, t.disk, testdir_path(&t, "g"), &why), ERR_NONE);
    ck_assert(testdir_is(&t, "g", "0\n1\norders 0 5\n"));
    offset_map_close(&map);
    testdir_close(&t);
}
END_TEST

Suite *offset_map_suite(void)
{
    Suite *suite = suite_create("offset_map");
    TCase *tc = tcase_create("offset_map");
    tcase_add_test(tc, an_offset_put_is_got_until_it_is_removed);
    tcase_add_test(tc, any_puts_and_removals_agree_with_a_plain_table);
    tcase_add_test(tc, a_file_of_kafka_reads_and_writes_back_byte_for_byte);
    tcase_add_test(tc, a_corrupt_file_leaves_the_map_empty);
    suite_add_tcase(suite, tc);
    return suite;
}
