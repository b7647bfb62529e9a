#include "storage/atomic_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "state_helpers.h"
#include "state_suites.h"

static struct testdir t;

static void setup(void)
{
    testdir_open(&t);
}

static void teardown(void)
{
    testdir_close(&t);
}

START_TEST(a_written_file_reads_back_and_leaves_no_temporary_one)
{
    struct errmsg why;
    const char *path = testdir_path(&t, "file");
    ck_assert_int_eq(atomic_file_write(t.disk, path, VIEW_LIT("one"), &why), ERR_NONE);
    ck_assert_int_eq(atomic_file_write(t.disk, path, VIEW_LIT(""), &why), ERR_NONE);
    ck_assert_int_eq(atomic_file_write(t.disk, path, VIEW_LIT("three"), &why), ERR_NONE);
    struct buf text = {0};
    ck_assert_int_eq(atomic_file_read(t.disk, path, &text, &why), ERR_NONE);
    ck_assert(view_equal_str(buf_view(&text), "three"));
    ck_assert(!testdir_has(&t, "file.tmp"));
    buf_close(&text);
}
END_TEST

START_TEST(reading_what_is_not_there_says_so)
{
    struct errmsg why;
    struct buf text = {0};
    ck_assert_int_eq(atomic_file_read(t.disk, testdir_path(&t, "none"), &text, &why), ERR_NOT_FOUND);
    buf_close(&text);
}
END_TEST

START_TEST(whatever_call_fails_the_file_is_the_old_or_the_new_one)
{
    struct errmsg why;
    testdir_put_str(&t, "file", "old");
    for (int k = 0;; k++) {
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        fault_disk_tear_writes(t.disk, 2);
        enum err err = atomic_file_write(t.disk, testdir_path(&t, "file"), VIEW_LIT("new"), &why);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
        struct buf text = testdir_get(&t, "file");
        ck_assert(view_equal_str(buf_view(&text), "old") || view_equal_str(buf_view(&text), "new"));
        buf_close(&text);
        if (!err) {
            ck_assert_int_ge(k, 4);
            break;
        }
    }
    ck_assert(testdir_is(&t, "file", "new"));
}
END_TEST

START_TEST(a_file_is_synced_before_it_is_renamed_and_its_directory_after)
{
    struct errmsg why;
    fault_disk_fail(t.disk, FAULT_SYNC, 0, 1, ERR_IO);
    ck_assert_int_eq(atomic_file_write(t.disk, testdir_path(&t, "file"), VIEW_LIT("x"), &why), ERR_IO);
    ck_assert(!testdir_has(&t, "file"));
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_RENAME), 0);
    fault_disk_fail(t.disk, FAULT_SYNC_DIR, 0, 1, ERR_IO);
    ck_assert_int_eq(atomic_file_write(t.disk, testdir_path(&t, "file"), VIEW_LIT("x"), &why), ERR_IO);
    ck_assert(testdir_has(&t, "file"));
    ck_assert_ptr_nonnull(strstr(why.text, testdir_path(&t, "file")));
}
END_TEST

static void add_files(struct atomic_batch *batch, int count)
{
    struct errmsg why;
    atomic_batch_init(batch, t.disk);
    for (int i = 0; i < count; i++) {
        char name[16];
        snprintf(name, sizeof name, "f%d", i);
        testdir_put_str(&t, name, "old");
        ck_assert_int_eq(atomic_batch_add(batch, testdir_path(&t, name), VIEW_LIT("new"), &why), ERR_NONE);
    }
}

START_TEST(files_of_a_batch_are_synced_each_and_wait_for_nobody_else)
{
    struct errmsg why;
    struct atomic_batch batch;
    add_files(&batch, _i);
    ck_assert_int_eq(atomic_batch_commit(&batch, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_FS), 0);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC), _i);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_DIR), 1); /* they share a directory */
    ck_assert_int_eq(atomic_batch_commit(&batch, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_DIR), 1);
    atomic_batch_close(&batch);
}
END_TEST

START_TEST(a_batch_renames_nothing_when_what_it_wrote_is_not_synced)
{
    for (int many = 0; many < 2; many++) {
        struct errmsg why;
        struct atomic_batch batch;
        add_files(&batch, many ? 100 : 2);
        fault_disk_fail(t.disk, FAULT_SYNC, many ? 99 : 1, 1, ERR_IO);
        ck_assert_int_eq(atomic_batch_commit(&batch, &why), ERR_IO);
        ck_assert(testdir_is(&t, "f0", "old"));
        ck_assert(testdir_is(&t, "f1", "old"));
        atomic_batch_close(&batch);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
    }
}
END_TEST

START_TEST(a_batch_is_done_only_when_its_names_are_synced)
{
    struct errmsg why;
    struct atomic_batch batch;
    add_files(&batch, 2);
    fault_disk_fail(t.disk, FAULT_SYNC_DIR, 0, 1, ERR_IO);
    ck_assert_int_eq(atomic_batch_commit(&batch, &why), ERR_IO);
    atomic_batch_close(&batch);
}
END_TEST

Suite *atomic_file_suite(void)
{
    Suite *suite = suite_create("atomic_file");
    TCase *tc = tcase_create("atomic_file");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_written_file_reads_back_and_leaves_no_temporary_one);
    tcase_add_test(tc, reading_what_is_not_there_says_so);
    tcase_add_test(tc, whatever_call_fails_the_file_is_the_old_or_the_new_one);
    tcase_add_test(tc, a_file_is_synced_before_it_is_renamed_and_its_directory_after);
    for (int count = 1; count <= 300; count += count < 20 ? 1 : 140)
        tcase_add_loop_test(tc, files_of_a_batch_are_synced_each_and_wait_for_nobody_else, count, count + 1);
    tcase_add_test(tc, a_batch_renames_nothing_when_what_it_wrote_is_not_synced);
    tcase_add_test(tc, a_batch_is_done_only_when_its_names_are_synced);
    suite_add_tcase(suite, tc);
    return suite;
}
