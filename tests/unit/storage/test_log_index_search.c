#include <stdlib.h>

#include "base/be.h"
#include "base/mem.h"
#include "log_rig.h"
#include "storage/index_search.h"

#define ENTRIES      50000
#define PAGE_ENTRIES (INDEX_PAGE_BYTES / 8)

static struct crash_disk *mem;
static struct index_file file;
static int64_t *values; /* of the first column; the second is the number of the entry */

/* How far apart entry `i` and the one before it lie. */
typedef int64_t (*step_fn)(struct prng *prng, int i);

static int64_t even(struct prng *prng, int i)
{
    (void)prng;
    (void)i;
    return 7;
}

static int64_t jittered(struct prng *prng, int i)
{
    (void)i;
    return 1 + (int64_t)prng_below(prng, 20);
}

/* Dense, then sparse: what the first offset and the last one promise is far off. */
static int64_t bent(struct prng *prng, int i)
{
    (void)prng;
    return i < ENTRIES * 9 / 10 ? 1 : 300;
}

static int64_t bursts(struct prng *prng, int i)
{
    (void)prng;
    return i % 100 == 0 ? 500 : 3;
}

static int64_t wild(struct prng *prng, int i)
{
    (void)i;
    return 1 + (int64_t)prng_below(prng, prng_below(prng, 500) == 0 ? 1000000 : 3);
}

static void build(step_fn step, int n)
{
    mem = crash_disk_new();
    struct segment_files files = {crash_disk_port(mem), "", 0, NULL};
    struct prng prng;
    prng_seed(&prng, 5);
    values = mem_alloc(sizeof *values * (size_t)(n + 1));
    index_file_init(&file, 8);
    ck_assert_int_eq(index_file_load(&file, &files, ".index", false, NULL), ERR_NONE);
    int64_t value = 0;
    for (int i = 0; i < n; i++) {
        value += step(&prng, i);
        values[i] = value;
        uint8_t entry[8];
        be_put_i32(entry, (int32_t)value);
        be_put_i32(entry + 4, i);
        ck_assert_int_eq(index_file_append(&file, entry, NULL), ERR_NONE);
    }
}

static void destroy(void)
{
    index_file_close(&file);
    crash_disk_free(mem);
    free(values);
}

static const struct index_ends unknown_ends = {INDEX_END_UNKNOWN, INDEX_END_UNKNOWN};

static struct index_ends known_ends(int n)
{
    return (struct index_ends){0, n > 0 ? values[n - 1] : 0};
}

/* Searches, compares with the slow way, and gives the number of reads. */
static int search(int64_t target, struct index_ends ends, int n)
{
    struct index_place place;
    int64_t before = crash_disk_counts(mem)->preads;
    ck_assert_int_eq(index_search(&file, INDEX_COLUMN_I32_AT_0, target, ends, false, &place, NULL), ERR_NONE);
    int at = place.floor_i;
    ck_assert_int_lt(at, n);
    ck_assert(at < 0 || values[at] <= target);
    ck_assert(at + 1 >= n || values[at + 1] > target);
    ck_assert_int_eq(place.has_next, at + 1 < n);
    if (at >= 0)
        ck_assert_int_eq(be_get_i32(place.floor + 4), at);
    if (place.has_next)
        ck_assert_int_eq(be_get_i32(place.next + 4), at + 1);
    return (int)(crash_disk_counts(mem)->preads - before);
}

START_TEST(even_entries_are_found_with_one_read)
{
    build(even, ENTRIES);
    for (int i = 0; i < file.written; i += 17)
        ck_assert_int_eq(search(values[i] + i % 7, known_ends(ENTRIES), ENTRIES), 1);
    destroy();
}
END_TEST

START_TEST(a_first_read_tells_what_was_not_known)
{
    build(even, ENTRIES);
    for (int i = 0; i < file.written; i += 17) {
        ck_assert_int_le(search(values[i], unknown_ends, ENTRIES), 2);
        ck_assert_int_le(search(values[i], (struct index_ends){0, INDEX_END_UNKNOWN}, ENTRIES), 2);
        ck_assert_int_le(
            search(values[i], (struct index_ends){INDEX_END_UNKNOWN, values[ENTRIES - 1]}, ENTRIES), 2);
    }
    destroy();
}
END_TEST

/* Bursts: what is even over a page is not even over the file. */
START_TEST(bursts_cost_a_read_more)
{
    build(bursts, ENTRIES);
    for (int i = 0; i < file.written; i += 17) {
        ck_assert_int_le(search(values[i], known_ends(ENTRIES), ENTRIES), 2);
        ck_assert_int_le(
            search(values[i], (struct index_ends){INDEX_END_UNKNOWN, values[ENTRIES - 1]}, ENTRIES), 3);
    }
    destroy();
}
END_TEST

START_TEST(an_uneven_file_costs_a_bounded_number_of_reads)
{
    static const step_fn steps[] = {jittered, bent, wild};
    for (size_t k = 0; k < ARRAY_LEN(steps); k++) {
        build(steps[k], ENTRIES);
        struct prng prng;
        prng_seed(&prng, 3);
        for (int i = 0; i < 3000; i++) {
            int64_t target = (int64_t)prng_below(&prng, (uint64_t)values[ENTRIES - 1] + 10);
            struct index_ends ends = i % 3 == 0   ? known_ends(ENTRIES)
                                     : i % 3 == 1 ? unknown_ends
                                                  : (struct index_ends){-(int64_t)prng_below(&prng, 99), i};
            ck_assert_int_le(search(target, ends, ENTRIES), 4 + 7); /* guesses; 98 pages by halves */
        }
        destroy();
    }
}
END_TEST

START_TEST(what_waits_in_memory_is_found_without_a_read)
{
    build(even, PAGE_ENTRIES + 3);
    for (int i = PAGE_ENTRIES; i < PAGE_ENTRIES + 3; i++)
        ck_assert_int_eq(search(values[i], known_ends(PAGE_ENTRIES + 3), PAGE_ENTRIES + 3), 0);
    ck_assert_int_eq(search(values[PAGE_ENTRIES] - 1, unknown_ends, PAGE_ENTRIES + 3), 1);
    destroy();
}
END_TEST

START_TEST(every_target_of_a_small_file_is_found)
{
    static const int sizes[] = {
        0, 1, 2, 3, PAGE_ENTRIES - 1, PAGE_ENTRIES, PAGE_ENTRIES + 1, 3 * PAGE_ENTRIES};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        const int n = sizes[k];
        build(jittered, n);
        for (int written = 0; written < 2; written++) {
            for (int64_t target = 0; target <= (n ? values[n - 1] : 0) + 2; target++)
                search(target, target % 3 == 0 ? unknown_ends : known_ends(n), n);
            ck_assert_int_eq(index_file_write_tail(&file, NULL), ERR_NONE);
        }
        destroy();
    }
}
END_TEST

START_TEST(a_search_of_a_file_that_does_not_rise_ends)
{
    build(even, ENTRIES);
    struct prng prng;
    prng_seed(&prng, 11);
    for (int i = 0; i < 200; i++) {
        uint8_t junk[64];
        for (size_t b = 0; b < sizeof junk; b++)
            junk[b] = (uint8_t)prng_next(&prng);
        struct iovec iov = {junk, sizeof junk};
        int64_t pos = (int64_t)prng_below(&prng, ENTRIES / 2) * 8;
        ck_assert_int_eq(DISK_FILE(file.file, pwritev, &iov, 1, pos, NULL), ERR_NONE);
        struct index_place place;
        ck_assert_int_eq(index_search(&file, INDEX_COLUMN_I32_AT_0, (int64_t)prng_below(&prng, 7 * ENTRIES),
                                      known_ends(ENTRIES), false, &place, NULL),
                         ERR_NONE);
        ck_assert_int_ge(place.floor_i, -1);
        ck_assert_int_lt(place.floor_i, ENTRIES);
    }
    destroy();
}
END_TEST

START_TEST(a_cold_file_is_not_waited_for)
{
    build(even, ENTRIES);
    crash_disk_set_cold(mem, true);
    struct index_place place;
    ck_assert_int_eq(index_search(&file, INDEX_COLUMN_I32_AT_0, 100, unknown_ends, true, &place, NULL),
                     ERR_WOULD_BLOCK);
    destroy();
}
END_TEST

Suite *log_index_search_suite(void)
{
    Suite *suite = suite_create("log_index_search");
    TCase *tc = tcase_create("search");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, even_entries_are_found_with_one_read);
    tcase_add_test(tc, a_first_read_tells_what_was_not_known);
    tcase_add_test(tc, bursts_cost_a_read_more);
    tcase_add_test(tc, an_uneven_file_costs_a_bounded_number_of_reads);
    tcase_add_test(tc, what_waits_in_memory_is_found_without_a_read);
    tcase_add_test(tc, every_target_of_a_small_file_is_found);
    tcase_add_test(tc, a_search_of_a_file_that_does_not_rise_ends);
    tcase_add_test(tc, a_cold_file_is_not_waited_for);
    suite_add_tcase(suite, tc);
    return suite;
}
