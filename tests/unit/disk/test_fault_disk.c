#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "disk/posix.h"
#include "fake/fault_disk.h"
#include "tests.h"

static struct disk *under, *disk;
static char root[64], path[96];

static void setup(void)
{
    snprintf(root, sizeof root, "/tmp/barnabas-fault-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    snprintf(path, sizeof path, "%s/f", root);
    under = disk_posix_new(4);
    disk = fault_disk_new(under);
}

static void teardown(void)
{
    unlink(path);
    rmdir(root);
    fault_disk_free(disk);
    disk_posix_free(under);
}

static struct disk_file *open_file(void)
{
    struct disk_file *file = NULL;
    ck_assert_int_eq(DISK(disk, open, path, DISK_OPEN_CREATE, &file, NULL), ERR_NONE);
    return file;
}

static enum err write_text(struct disk_file *file, const char *text, int64_t pos)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    return DISK_FILE(file, pwritev, &iov, 1, pos, NULL);
}

static int64_t size_of(struct disk_file *file)
{
    struct disk_stat st;
    ck_assert_int_eq(DISK_FILE(file, stat_file, &st, NULL), ERR_NONE);
    return st.size_bytes;
}

START_TEST(the_nth_sync_fails_once)
{
    struct disk_file *file = open_file();
    fault_disk_fail(disk, FAULT_SYNC, 1, 1, ERR_IO);
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_NONE);
    ck_assert(!fault_disk_fired(disk));
    struct errmsg why;
    ck_assert_int_eq(DISK_FILE(file, sync, &why), ERR_IO);
    ck_assert_ptr_nonnull(strstr(why.text, path));
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_NONE);
    ck_assert(fault_disk_fired(disk));
    ck_assert_int_eq(fault_disk_calls(disk, FAULT_SYNC), 3);
    disk_file_release(file);
}
END_TEST

START_TEST(a_full_disk_takes_what_fits)
{
    struct disk_file *file = open_file();
    fault_disk_set_space(disk, 7);
    ck_assert_int_eq(write_text(file, "hello", 0), ERR_NONE);
    ck_assert_int_eq(write_text(file, "hello", 5), ERR_IO);
    ck_assert_int_eq(size_of(file), 7);
    ck_assert_int_eq(write_text(file, "h", 7), ERR_IO);
    fault_disk_set_space(disk, -1);
    ck_assert_int_eq(write_text(file, "h", 7), ERR_NONE);
    disk_file_release(file);
}
END_TEST

START_TEST(a_torn_write_leaves_its_head)
{
    struct disk_file *file = open_file();
    fault_disk_tear_writes(disk, 3);
    fault_disk_fail(disk, FAULT_WRITE, 0, 1, ERR_IO);
    ck_assert_int_eq(write_text(file, "hello", 0), ERR_IO);
    ck_assert_int_eq(size_of(file), 3);
    disk_file_release(file);
}
END_TEST

START_TEST(faults_keep_to_their_paths)
{
    fault_disk_only(disk, "/elsewhere");
    fault_disk_fail(disk, FAULT_ANY, 0, -1, ERR_IO);
    struct disk_file *file = open_file();
    fault_disk_only(disk, NULL);
    ck_assert_int_eq(write_text(file, "x", 0), ERR_IO);
    disk_file_release(file);
}
END_TEST

START_TEST(a_cold_file_would_block)
{
    struct disk_file *file = open_file();
    ck_assert_int_eq(write_text(file, "x", 0), ERR_NONE);
    char got;
    size_t n;
    fault_disk_set_cold(disk, true);
    ck_assert_int_eq(DISK_FILE(file, pread_nowait, &got, 1, 0, &n, NULL), ERR_WOULD_BLOCK);
    ck_assert_int_eq(DISK_FILE(file, pread, &got, 1, 0, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 1);
    disk_file_release(file);
}
END_TEST

static void count_syncs(void *arg, enum fault_op op, const char *of)
{
    ck_assert_str_eq(of, path);
    if (op == FAULT_SYNC)
        ++*(int *)arg;
}

START_TEST(a_hook_sees_every_call_that_passes)
{
    struct disk_file *file = open_file();
    int syncs = 0;
    fault_disk_on_call(disk, count_syncs, &syncs);
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_NONE);
    fault_disk_fail(disk, FAULT_SYNC, 0, 1, ERR_IO);
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_IO);
    ck_assert_int_eq(syncs, 1);
    disk_file_release(file);
}
END_TEST

Suite *fault_disk_suite(void)
{
    Suite *suite = suite_create("fault_disk");
    TCase *tc = tcase_create("fault_disk");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, the_nth_sync_fails_once);
    tcase_add_test(tc, a_full_disk_takes_what_fits);
    tcase_add_test(tc, a_torn_write_leaves_its_head);
    tcase_add_test(tc, faults_keep_to_their_paths);
    tcase_add_test(tc, a_cold_file_would_block);
    tcase_add_test(tc, a_hook_sees_every_call_that_passes);
    suite_add_tcase(suite, tc);
    return suite;
}
