/*
 * The table of offsets, beside a plain array of what should be in it.
 */
#include "core/group/offsets.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/prng.h"
#include "suites.h"

static void put(struct offset_table *table, const char *topic, int32_t partition, int64_t offset,
                const char *metadata)
{
    struct offset_value value = {.offset = offset, .leader_epoch = 1, .commit_ms = 2, .expire_ms = -1};
    struct offset_entry *entry = offset_table_add(table, view_str(topic), partition, NULL);
    offset_entry_set(table, entry, &value, offset_metadata_dup(view_str(metadata)), 3);
}

static void drop(struct offset_table *table, const char *topic, int32_t partition)
{
    struct offset_topic *of = offset_table_topic(table, view_str(topic));
    struct offset_entry *entry = offset_topic_entry(of, partition);
    offset_entry_unset(table, entry);
    offset_entry_release(table, of, entry);
}

START_TEST(what_was_put_is_found_with_its_metadata)
{
    struct offset_table table = {0};
    put(&table, "a", 0, 10, "x");
    put(&table, "a", 0, 11, "longer");
    put(&table, "", -5, 12, "");
    struct offset_value value;
    offset_entry_value(offset_table_get(&table, VIEW_LIT("a"), 0), &value);
    ck_assert_int_eq(value.offset, 11);
    ck_assert(view_equal_str(value.metadata, "longer"));
    offset_entry_value(offset_table_get(&table, VIEW_LIT(""), -5), &value);
    ck_assert(view_equal_str(value.metadata, ""));
    ck_assert(!offset_table_get(&table, VIEW_LIT("a"), 1));
    ck_assert(!offset_table_get(&table, VIEW_LIT("b"), 0));
    ck_assert_uint_eq(table.set_count, 2);
    offset_table_close(&table);
}
END_TEST

START_TEST(entry_that_something_is_under_way_for_stays_without_an_offset)
{
    struct offset_table table = {0};
    put(&table, "a", 1, 10, "x");
    struct offset_topic *topic = offset_table_topic(&table, VIEW_LIT("a"));
    struct offset_entry *entry = offset_topic_entry(topic, 1);
    entry->appends = 1;
    offset_entry_unset(&table, entry);
    offset_entry_release(&table, topic, entry);
    ck_assert_uint_eq(table.count, 1);
    ck_assert_uint_eq(table.set_count, 0);
    entry->appends = 0;
    offset_entry_release(&table, topic, entry);
    ck_assert_uint_eq(table.count, 0);
    ck_assert(!offset_table_topic(&table, VIEW_LIT("a")));
    offset_table_close(&table);
}
END_TEST

#define SPREAD 64

/* Steps that collide: numbers a table's size apart, and their neighbours. */
static int32_t number_at(uint64_t i)
{
    return (int32_t)(i % 8) * 16 + (int32_t)(i / 8);
}

static void check_all(struct offset_table *table, const int64_t *want)
{
    size_t count = 0;
    for (uint64_t i = 0; i < SPREAD; i++) {
        const struct offset_entry *entry = offset_table_get(table, VIEW_LIT("t"), number_at(i));
        if ((entry ? entry->offset : -1) != want[i]) /* an assert for each would take its time */
            ck_abort_msg("partition %d should have %lld", number_at(i), (long long)want[i]);
        count += want[i] >= 0;
    }
    if (table->count != count)
        ck_abort_msg("%zu entries, should be %zu", table->count, count);
}

static bool is_odd(void *arg, const struct offset_topic *topic, struct offset_entry *entry)
{
    (void)topic;
    if (!(entry->offset & 1))
        return false;
    offset_entry_unset(arg, entry);
    return true;
}

START_TEST(random_puts_drops_and_sweeps_are_as_an_array_has_them)
{
    struct prng prng;
    prng_seed(&prng, 7);
    struct offset_table table = {0};
    int64_t want[SPREAD];
    memset(want, 0xff, sizeof want);
    for (int step = 0; step < 20000; step++) {
        uint64_t i = prng_below(&prng, SPREAD);
        if (prng_below(&prng, 2000) == 0) {
            offset_table_sweep(&table, is_odd, &table);
            for (int k = 0; k < SPREAD; k++)
                want[k] = want[k] & 1 ? -1 : want[k];
        } else if (want[i] < 0 || prng_below(&prng, 2)) {
            want[i] = (int64_t)prng_below(&prng, 1000);
            put(&table, "t", number_at(i), want[i], prng_below(&prng, 2) ? "m" : "");
        } else {
            drop(&table, "t", number_at(i));
            want[i] = -1;
        }
        check_all(&table, want);
    }
    offset_table_close(&table);
}
END_TEST

Suite *offsets_suite(void)
{
    Suite *suite = suite_create("group offsets");
    TCase *tc = tcase_create("table");
    tcase_add_test(tc, what_was_put_is_found_with_its_metadata);
    tcase_add_test(tc, entry_that_something_is_under_way_for_stays_without_an_offset);
    tcase_add_test(tc, random_puts_drops_and_sweeps_are_as_an_array_has_them);
    suite_add_tcase(suite, tc);
    return suite;
}
