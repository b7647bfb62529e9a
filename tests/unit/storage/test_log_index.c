#include <stdlib.h>

#include "base/mem.h"
#include "log_rig.h"
#include "storage/offset_index.h"
#include "storage/time_index.h"

static struct crash_disk *mem;
static struct segment_files files;

static void setup(void)
{
    mem = crash_disk_new();
    files = (struct segment_files){crash_disk_port(mem), "", 1000, NULL};
}

static void teardown(void)
{
    crash_disk_free(mem);
}

/* Entries 1003, 1006, ... at positions 50, 100, ... */
static void fill(struct offset_index *index, int n)
{
    offset_index_init(index);
    for (int i = 1; i <= n; i++)
        ck_assert_int_eq(offset_index_append(index, &files, 1000 + 3 * i, 50 * i, NULL), ERR_NONE);
}

static void check_lookups(struct offset_index *index, int n)
{
    for (int64_t o = 1000; o <= 1000 + 3 * n + 4; o++) {
        int i = (int)((o - 1000) / 3) < n ? (int)((o - 1000) / 3) : n;
        struct offset_index_place place;
        ck_assert_int_eq(offset_index_lookup(index, &files, o, false, &place, NULL), ERR_NONE);
        ck_assert_int_eq(place.floor.offset, 1000 + 3 * i);
        ck_assert_int_eq(place.floor.pos, 50 * i);
        ck_assert_int_eq(place.next_pos, i < n ? 50 * (i + 1) : OFFSET_INDEX_NO_POS);
    }
    for (int32_t pos = 0; pos <= 50 * n + 60; pos += 7) {
        struct offset_index_entry entry;
        bool found;
        ck_assert_int_eq(offset_index_first_at_or_after(index, &files, pos, false, &entry, &found, NULL),
                         ERR_NONE);
        int i = (pos + 49) / 50 > 0 ? (pos + 49) / 50 : 1;
        ck_assert_int_eq(found, i <= n);
        if (found)
            ck_assert_int_eq(entry.pos, 50 * i);
    }
}

START_TEST(lookups_see_file_and_tail_alike)
{
    static const int sizes[] = {0, 1, 2, 7, 8, 9, 511, 512, 513, 1024, 1500};
    for (size_t k = 0; k < ARRAY_LEN(sizes); k++) {
        setup();
        struct offset_index index;
        fill(&index, sizes[k]);
        check_lookups(&index, sizes[k]);
        ck_assert_int_eq(index_file_write_tail(&index.file, NULL), ERR_NONE);
        check_lookups(&index, sizes[k]);
        offset_index_close(&index);
        check_lookups(&index, sizes[k]);
        offset_index_close(&index);
        teardown();
    }
}
END_TEST

START_TEST(entries_go_to_the_file_a_page_at_a_time)
{
    setup();
    struct offset_index index;
    fill(&index, 1);
    struct crash_disk_counts before = *crash_disk_counts(mem);
    for (int i = 2; i <= 1500; i++)
        ck_assert_int_eq(offset_index_append(&index, &files, 1000 + 3 * i, 50 * i, NULL), ERR_NONE);
    ck_assert_int_eq(crash_disk_counts(mem)->pwritevs - before.pwritevs, 2);
    offset_index_close(&index);
    teardown();
}
END_TEST

START_TEST(index_truncates_at_every_offset)
{
    for (int64_t o = 1000; o < 1040; o++) {
        for (int written = 0; written < 2; written++) {
            setup();
            struct offset_index index;
            fill(&index, 12);
            if (written)
                ck_assert_int_eq(index_file_write_tail(&index.file, NULL), ERR_NONE);
            ck_assert_int_eq(offset_index_truncate(&index, &files, o, NULL), ERR_NONE);
            int n = o <= 1003 ? 0 : (int)((o - 1 - 1000) / 3);
            n = n > 12 ? 12 : n;
            ck_assert_int_eq(index.file.count, n);
            check_lookups(&index, n);
            ck_assert_int_eq(offset_index_append(&index, &files, 1000 + 3 * (n + 1), 50 * (n + 1), NULL),
                             ERR_NONE);
            check_lookups(&index, n + 1);
            offset_index_close(&index);
            teardown();
        }
    }
}
END_TEST

START_TEST(offset_that_does_not_rise_is_an_inconsistency)
{
    setup();
    struct offset_index index;
    fill(&index, 3);
    ck_assert_int_eq(offset_index_append(&index, &files, 1009, 999, NULL), ERR_CORRUPT_FILE);
    offset_index_close(&index);
    teardown();
}
END_TEST

START_TEST(zero_tail_is_noticed)
{
    setup();
    struct offset_index index;
    fill(&index, 3);
    bool ok;
    ck_assert_int_eq(offset_index_check(&index, &files, 1000, &ok, NULL), ERR_NONE);
    ck_assert(ok);
    ck_assert_int_eq(offset_index_check(&index, &files, 150, &ok, NULL), ERR_NONE);
    ck_assert(!ok);
    ck_assert_int_eq(index_file_write_tail(&index.file, NULL), ERR_NONE);
    ck_assert_int_eq(DISK_FILE(index.file.file, truncate, 800, NULL), ERR_NONE);
    offset_index_close(&index);
    ck_assert_int_eq(offset_index_check(&index, &files, 1000, &ok, NULL), ERR_NONE);
    ck_assert(!ok);
    offset_index_close(&index);
    teardown();
}
END_TEST

START_TEST(time_index_keeps_rising_timestamps_only)
{
    setup();
    struct time_index index;
    time_index_init(&index);
    ck_assert_int_eq(time_index_append(&index, &files, 500, 1005, NULL), ERR_NONE);
    ck_assert_int_eq(time_index_append(&index, &files, 500, 1007, NULL), ERR_NONE);
    ck_assert_int_eq(time_index_append(&index, &files, 400, 1009, NULL), ERR_NONE);
    ck_assert_int_eq(time_index_append(&index, &files, 600, 1011, NULL), ERR_NONE);
    ck_assert_int_eq(index.file.count, 2);
    ck_assert_int_eq(time_index_append(&index, &files, 700, 1010, NULL), ERR_CORRUPT_FILE);
    struct time_index_entry entry;
    ck_assert_int_eq(time_index_lookup(&index, &files, 499, &entry, NULL), ERR_NONE);
    ck_assert_int_eq(entry.timestamp_ms, -1);
    ck_assert_int_eq(entry.offset, 1000);
    ck_assert_int_eq(time_index_lookup(&index, &files, 599, &entry, NULL), ERR_NONE);
    ck_assert_int_eq(entry.offset, 1005);
    ck_assert_int_eq(time_index_truncate(&index, &files, 1011, NULL), ERR_NONE);
    ck_assert_int_eq(time_index_lookup(&index, &files, 9999, &entry, NULL), ERR_NONE);
    ck_assert_int_eq(entry.timestamp_ms, 500);
    time_index_close(&index);
    teardown();
}
END_TEST

Suite *log_index_suite(void)
{
    Suite *suite = suite_create("log_index");
    TCase *tc = tcase_create("index");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, lookups_see_file_and_tail_alike);
    tcase_add_test(tc, entries_go_to_the_file_a_page_at_a_time);
    tcase_add_test(tc, index_truncates_at_every_offset);
    tcase_add_test(tc, offset_that_does_not_rise_is_an_inconsistency);
    tcase_add_test(tc, zero_tail_is_noticed);
    tcase_add_test(tc, time_index_keeps_rising_timestamps_only);
    suite_add_tcase(suite, tc);
    return suite;
}
