#include "storage/producer_snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/be.h"
#include "base/hash.h"
#include "base/mem.h"
#include "state_helpers.h"
#include "state_suites.h"

static struct testdir t;
static struct errmsg why;
static struct producer_state state;
static struct producer_snapshots files;

static void setup(void)
{
    testdir_open(&t);
    why.text[0] = '\0';
    producer_state_init(&state, 0);
    ck_assert_int_eq(producer_snapshots_init(&files, t.disk, t.path, &why), ERR_NONE);
}

static void teardown(void)
{
    producer_snapshots_close(&files);
    producer_state_close(&state);
    testdir_close(&t);
}

static void load_bytes(struct view bytes)
{
    size_t count;
    ck_assert_int_eq(producer_snapshot_decode(bytes, &count, &why), ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        struct producer_entry entry;
        producer_snapshot_entry(bytes, i, &entry);
        producer_state_load_entry(&state, &entry);
    }
}

START_TEST(files_of_kafka_read_and_write_back_byte_for_byte)
{
    static const char *const names[] = {"empty.snapshot", "one.snapshot", "three.snapshot"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct buf file = vector_load(names[i]);
        struct buf mine = {0};
        producer_state_clear(&state);
        load_bytes(buf_view(&file));
        producer_snapshot_encode(&state, &mine);
        ck_assert_msg(view_equal(buf_view(&mine), buf_view(&file)), "%s", names[i]);
        buf_close(&mine);
        buf_close(&file);
    }
    const struct producer_entry *entry = producer_state_find(&state, 1001);
    ck_assert_int_eq(entry->epoch, 7);
    ck_assert_int_eq(entry->coordinator_epoch, 3);
    ck_assert_int_eq(entry->txn_first_offset, 55);
    ck_assert_int_eq(entry->last.last_seq, INT32_MAX);
    ck_assert_int_eq(entry->last.last_offset, 200);
    ck_assert_int_eq(entry->last.offset_delta, 2);
    ck_assert_int_eq(entry->last_timestamp_ms, INT64_C(1700000001000));
    ck_assert_int_eq(producer_state_find(&state, INT64_MAX)->batch_count, 0);
    struct log_position unstable;
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 55);
    ck_assert(!log_position_is_known(unstable));
}
END_TEST

START_TEST(a_file_cut_or_changed_anywhere_is_corrupt)
{
    struct buf file = vector_load("three.snapshot");
    size_t count;
    for (size_t len = 0; len < file.len; len++)
        ck_assert_int_eq(producer_snapshot_decode(view_of(file.data, len), &count, &why), ERR_CORRUPT_FILE);
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= 0x10;
        ck_assert_int_eq(producer_snapshot_decode(buf_view(&file), &count, &why), ERR_CORRUPT_FILE);
        file.data[i] ^= 0x10;
    }
    /* More rows promised than there are, under a good CRC. */
    be_put_i32(file.data + 6, INT32_MAX);
    be_put_i32(file.data + 2, (int32_t)hash_crc32c(0, file.data + 6, file.len - 6));
    ck_assert_int_eq(producer_snapshot_decode(buf_view(&file), &count, &why), ERR_CORRUPT_FILE);
    be_put_i32(file.data + 6, -1);
    be_put_i32(file.data + 2, (int32_t)hash_crc32c(0, file.data + 6, file.len - 6));
    ck_assert_int_eq(producer_snapshot_decode(buf_view(&file), &count, &why), ERR_CORRUPT_FILE);
    buf_close(&file);
}
END_TEST

static void add_producer(int64_t id, int64_t timestamp_ms)
{
    producer_state_load_entry(&state, &(struct producer_entry){.producer_id = id,
                                                               .last_timestamp_ms = timestamp_ms,
                                                               .txn_first_offset = -1,
                                                               .coordinator_epoch = -1});
}

static void take_at(int64_t offset)
{
    producer_state_set_end_offset(&state, offset);
    ck_assert_int_eq(producer_snapshots_take(&files, &state, true, &why), ERR_NONE);
}

static bool has(int64_t offset)
{
    char *name = mem_printf("%020lld.snapshot", (long long)offset);
    bool there = testdir_has(&t, name);
    free(name);
    return there;
}

START_TEST(a_snapshot_is_taken_only_when_the_state_moved)
{
    ck_assert_int_eq(producer_snapshots_newest(&files), PRODUCER_NONE);
    take_at(0);
    ck_assert_uint_eq(files.count, 0);
    take_at(10);
    ck_assert(testdir_has(&t, "00000000000000000010.snapshot"));
    int writes = fault_disk_calls(t.disk, FAULT_WRITE);
    take_at(10);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_WRITE), writes);
    take_at(20);
    ck_assert_int_eq(producer_snapshots_newest(&files), 20);
    ck_assert_int_eq(producer_snapshots_oldest(&files), 10);
    ck_assert_int_eq(producer_snapshots_sync(&files, 20, &why), ERR_NONE);
    ck_assert_int_eq(producer_snapshots_sync(&files, 30, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC), 3);
}
END_TEST

START_TEST(a_reload_takes_the_newest_snapshot_in_range)
{
    add_producer(1, 100);
    take_at(10);
    add_producer(2, 100);
    take_at(20);
    add_producer(3, 100);
    take_at(30);
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 10, 25, 100, 1000, &why),
                     ERR_NONE);
    ck_assert(!has(10) && has(20) && !has(30));
    ck_assert_int_eq(state.end_offset, 20);
    ck_assert_int_eq(state.snapshot_offset, 20);
    ck_assert_uint_eq(producer_state_count(&state), 2);
    /* Expired ones are left out. */
    producer_state_set_end_offset(&state, 21);
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 0, 25, 2000, 1000, &why),
                     ERR_NONE);
    ck_assert_uint_eq(producer_state_count(&state), 0);
    /* Without a snapshot the state begins at the log's start. */
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 20, 25, 100, 1000, &why),
                     ERR_NONE);
    ck_assert(!has(20));
    ck_assert_int_eq(state.end_offset, 20);
}
END_TEST

START_TEST(a_state_that_ends_there_already_is_kept)
{
    add_producer(1, 100);
    take_at(10);
    add_producer(2, 100);
    producer_state_set_end_offset(&state, 15);
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 0, 15, 100, 1000, &why),
                     ERR_NONE);
    ck_assert_uint_eq(producer_state_count(&state), 2);
    ck_assert_int_eq(state.snapshot_offset, 10);
}
END_TEST

START_TEST(a_damaged_snapshot_is_deleted_and_the_next_older_taken)
{
    add_producer(1, 100);
    take_at(10);
    add_producer(2, 100);
    take_at(20);
    add_producer(3, 100);
    take_at(30);
    testdir_put_str(&t, "00000000000000000030.snapshot", "");
    testdir_put_str(&t, "00000000000000000020.snapshot", "0123456789abcdef");
    producer_state_restart_at(&state, 0);
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 0, 40, 100, 1000, &why),
                     ERR_NONE);
    ck_assert(has(10) && !has(20) && !has(30));
    ck_assert_int_eq(state.end_offset, 10);
    ck_assert_uint_eq(producer_state_count(&state), 1);
}
END_TEST

START_TEST(strays_go_but_the_newest_above_all_segments_stays)
{
    for (int64_t offset = 1; offset <= 9; offset++)
        take_at(offset);
    testdir_put_str(&t, "5.snapshot", "");
    testdir_put_str(&t, "00000000000000000099.snapshot.deleted", "");
    testdir_mkdir(&t, "00000000000000000077.snapshot");
    ck_assert_int_eq(producer_snapshots_remove_stray(&files, (const int64_t[]){2, 4, 6}, 3, &why), ERR_NONE);
    for (int64_t offset = 1; offset <= 9; offset++)
        ck_assert_int_eq(has(offset), offset == 2 || offset == 4 || offset == 6 || offset == 9);
    ck_assert_uint_eq(files.count, 4);
    ck_assert_int_eq(producer_snapshots_remove_stray(&files, (const int64_t[]){2, 4, 20}, 3, &why), ERR_NONE);
    ck_assert_uint_eq(files.count, 2);
    ck_assert_int_eq(producer_snapshots_newest(&files), 4);
}
END_TEST

START_TEST(snapshots_are_deleted_by_offset)
{
    for (int64_t offset = 1; offset <= 5; offset++)
        take_at(offset);
    bool renamed;
    ck_assert_int_eq(producer_snapshots_delete_before(&files, 3, &why), ERR_NONE);
    ck_assert(!has(1) && !has(2) && has(3));
    ck_assert_int_eq(producer_snapshots_mark_deleted(&files, 3, &renamed, &why), ERR_NONE);
    ck_assert(renamed && !has(3) && testdir_has(&t, "00000000000000000003.snapshot.deleted"));
    ck_assert_int_eq(producer_snapshots_mark_deleted(&files, 3, &renamed, &why), ERR_NONE);
    ck_assert(!renamed);
    ck_assert_int_eq(remove(testdir_path(&t, "00000000000000000004.snapshot")), 0);
    ck_assert_int_eq(producer_snapshots_mark_deleted(&files, 4, &renamed, &why), ERR_NONE);
    ck_assert(!renamed);
    ck_assert_int_eq(producer_snapshots_delete(&files, 42, &why), ERR_NONE);
    add_producer(1, 1);
    ck_assert_int_eq(producer_snapshots_restart_at(&files, &state, 100, &why), ERR_NONE);
    ck_assert(!has(5) && producer_state_is_empty(&state) && state.end_offset == 100);
    testdir_mkdir(&t, "moved");
    producer_snapshots_set_dir(&files, testdir_path(&t, "moved"));
    take_at(101);
    ck_assert(testdir_has(&t, "moved/00000000000000000101.snapshot"));
}
END_TEST

START_TEST(whatever_call_fails_a_reload_ends_in_an_error_or_a_whole_state)
{
    add_producer(1, 100);
    take_at(10);
    add_producer(2, 100);
    take_at(20);
    for (int k = 0;; k++) {
        producer_state_restart_at(&state, 0);
        ck_assert_int_eq(producer_snapshots_reload(&files, &why), ERR_NONE);
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        enum err err = producer_snapshots_truncate_and_reload(&files, &state, 5, 25, 100, 1000, &why);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
        ck_assert(has(10) && has(20));
        if (!err)
            break;
        ck_assert_int_eq(err, ERR_IO);
        ck_assert_uint_eq(producer_state_count(&state), 0);
    }
    ck_assert_uint_eq(producer_state_count(&state), 2);
}
END_TEST

START_TEST(a_snapshot_torn_by_a_full_disk_does_not_count)
{
    add_producer(1, 100);
    take_at(10);
    fault_disk_set_space(t.disk, 20);
    producer_state_set_end_offset(&state, 20);
    ck_assert_int_eq(producer_snapshots_take(&files, &state, true, &why), ERR_IO);
    ck_assert_int_eq(state.snapshot_offset, 10);
    fault_disk_set_space(t.disk, -1);
    ck_assert_int_eq(producer_snapshots_reload(&files, &why), ERR_NONE);
    producer_state_restart_at(&state, 0);
    ck_assert_int_eq(producer_snapshots_truncate_and_reload(&files, &state, 0, 30, 100, 1000, &why),
                     ERR_NONE);
    ck_assert_int_eq(state.end_offset, 10);
}
END_TEST

Suite *producer_snapshot_suite(void)
{
    Suite *suite = suite_create("producer_snapshot");
    TCase *tc = tcase_create("producer_snapshot");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, files_of_kafka_read_and_write_back_byte_for_byte);
    tcase_add_test(tc, a_file_cut_or_changed_anywhere_is_corrupt);
    tcase_add_test(tc, a_snapshot_is_taken_only_when_the_state_moved);
    tcase_add_test(tc, a_reload_takes_the_newest_snapshot_in_range);
    tcase_add_test(tc, a_state_that_ends_there_already_is_kept);
    tcase_add_test(tc, a_damaged_snapshot_is_deleted_and_the_next_older_taken);
    tcase_add_test(tc, strays_go_but_the_newest_above_all_segments_stays);
    tcase_add_test(tc, snapshots_are_deleted_by_offset);
    tcase_add_test(tc, whatever_call_fails_a_reload_ends_in_an_error_or_a_whole_state);
    tcase_add_test(tc, a_snapshot_torn_by_a_full_disk_does_not_count);
    suite_add_tcase(suite, tc);
    return suite;
}
