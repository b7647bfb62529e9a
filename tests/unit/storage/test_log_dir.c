#include "storage/log_dir.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix.h"
#include "state_helpers.h"
#include "state_suites.h"

static struct testdir t;
static struct errmsg why;
static struct log_dir dir;

static void setup(void)
{
    testdir_open(&t);
    why.text[0] = '\0';
    log_dir_init(&dir, t.disk, testdir_path(&t, "data"));
}

static void teardown(void)
{
    log_dir_close(&dir);
    testdir_close(&t);
}

static void open_dir(void)
{
    ck_assert_msg(log_dir_open(&dir, &why) == ERR_NONE, "%s", why.text);
}

START_TEST(a_missing_directory_is_made_with_its_parents)
{
    log_dir_close(&dir);
    log_dir_init(&dir, t.disk, testdir_path(&t, "x/y/z//"));
    open_dir();
    ck_assert(testdir_has(&t, "x/y/z/.lock"));
    ck_assert_str_eq(dir.path, testdir_path(&t, "x/y/z"));
    log_dir_close(&dir);
    ck_assert(!testdir_has(&t, "x/y/z/.lock"));
    log_dir_init(&dir, t.disk, testdir_path(&t, "x/y/z"));
    open_dir();
}
END_TEST

START_TEST(a_file_is_no_log_directory)
{
    testdir_put_str(&t, "data", "");
    ck_assert_int_eq(log_dir_open(&dir, &why), ERR_IO);
    ck_assert_ptr_nonnull(strstr(why.text, "/data is not a readable log directory"));
}
END_TEST

START_TEST(a_directory_locked_by_another_process_is_refused_by_name)
{
    open_dir();
    pid_t pid = fork();
    if (pid == 0) {
        struct disk *disk = disk_posix_new(0);
        struct log_dir other;
        struct errmsg said;
        log_dir_init(&other, disk, dir.path);
        enum err err = log_dir_open(&other, &said);
        _exit(err == ERR_LOCKED && strstr(said.text, "Failed to acquire lock on file .lock in ") ? 0 : 1);
    }
    int status;
    ck_assert_int_eq(waitpid(pid, &status, 0), pid);
    ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(the_first_failure_takes_it_offline_and_its_reason_stays)
{
    struct errmsg first = {"disk on fire"};
    ck_assert(!log_dir_is_offline(&dir));
    ck_assert_ptr_null(log_dir_offline_reason(&dir));
    ck_assert(log_dir_fail(&dir, ERR_IO, &first));
    ck_assert(!log_dir_fail(&dir, ERR_IO, &(struct errmsg){"later"}));
    ck_assert(log_dir_is_offline(&dir));
    ck_assert_str_eq(log_dir_offline_reason(&dir), "disk on fire");
}
END_TEST

START_TEST(a_scan_finds_partitions_and_passes_over_the_rest)
{
    open_dir();
    testdir_mkdir(&t, "data/orders-1");
    testdir_mkdir(&t, "data/orders-0.0123-delete");
    testdir_mkdir(&t, "data/a-b-3.4567-future");
    testdir_mkdir(&t, "data/remote-log-index-cache");
    testdir_mkdir(&t, "data/__cluster_metadata-0");
    testdir_mkdir(&t, "elsewhere");
    ck_assert_int_eq(symlink(testdir_path(&t, "elsewhere"), testdir_path(&t, "data/linked-0")), 0);
    ck_assert_int_eq(symlink("nowhere", testdir_path(&t, "data/dangling")), 0);
    testdir_put_str(&t, "data/stray file", "");
    testdir_put_str(&t, "data/meta.properties.tmp", "");
    struct log_dir_found *found;
    size_t count;
    ck_assert_int_eq(log_dir_scan(&dir, &found, &count, &why), ERR_NONE);
    ck_assert_uint_eq(count, 4);
    ck_assert_str_eq(found[0].name, "a-b-3.4567-future");
    ck_assert(view_equal_str(found[0].parsed.topic, "a-b"));
    ck_assert_int_eq(found[0].parsed.kind, PARTITION_DIR_FUTURE);
    ck_assert_str_eq(found[1].name, "linked-0");
    ck_assert_int_eq(found[2].parsed.kind, PARTITION_DIR_DELETE);
    ck_assert_int_eq(found[3].parsed.partition, 1);
    log_dir_found_free(found, count);
}
END_TEST

START_TEST(a_foreign_directory_is_refused_by_name)
{
    open_dir();
    testdir_mkdir(&t, "data/orders-1");
    testdir_mkdir(&t, "data/lost+found");
    struct log_dir_found *found;
    size_t count;
    ck_assert_int_eq(log_dir_scan(&dir, &found, &count, &why), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Found directory "));
    ck_assert_ptr_nonnull(strstr(why.text, "/data/lost+found"));
}
END_TEST

START_TEST(a_partition_is_renamed_and_deleted_with_all_that_is_in_it)
{
    open_dir();
    testdir_mkdir(&t, "data/a-0");
    testdir_put_str(&t, "data/a-0/00000000000000000000.log", "x");
    testdir_mkdir(&t, "data/a-0/deep");
    testdir_mkdir(&t, "data/a-0/deep/deeper");
    testdir_mkdir(&t, "data/a-0/deep/too");
    testdir_put_str(&t, "data/a-0/deep/deeper/file", "x");
    testdir_mkdir(&t, "outside");
    testdir_put_str(&t, "outside/precious", "x");
    ck_assert_int_eq(symlink(testdir_path(&t, "outside"), testdir_path(&t, "data/a-0/deep/link")), 0);
    ck_assert_int_eq(log_dir_rename_partition(&dir, "a-0", "a-0.12-delete", &why), ERR_NONE);
    ck_assert(!testdir_has(&t, "data/a-0"));
    ck_assert_int_eq(log_dir_delete_partition(&dir, "a-0.12-delete", &why), ERR_NONE);
    ck_assert(!testdir_has(&t, "data/a-0.12-delete"));
    ck_assert(testdir_has(&t, "outside/precious"));
    ck_assert_int_eq(log_dir_delete_partition(&dir, "a-0.12-delete", &why), ERR_NONE);
    ck_assert_int_eq(log_dir_rename_partition(&dir, "a-0", "a-0.12-delete", &why), ERR_NOT_FOUND);
}
END_TEST

START_TEST(a_deletion_cut_short_by_any_failure_can_be_repeated)
{
    open_dir();
    for (int k = 0;; k++) {
        if (!testdir_has(&t, "data/a-0"))
            testdir_mkdir(&t, "data/a-0");
        testdir_put_str(&t, "data/a-0/x", "x");
        if (!testdir_has(&t, "data/a-0/d"))
            testdir_mkdir(&t, "data/a-0/d");
        testdir_put_str(&t, "data/a-0/d/y", "y");
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        enum err err = log_dir_delete_partition(&dir, "a-0", &why);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
        ck_assert_int_eq(testdir_has(&t, "data/a-0"), err != ERR_NONE);
        if (!err && k > 8)
            break;
    }
}
END_TEST

START_TEST(checkpoints_survive_a_restart)
{
    open_dir();
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        ck_assert_int_eq(log_dir_load_checkpoint(&dir, (enum log_dir_checkpoint)kind, &why), ERR_NONE);
        offset_map_put(&dir.checkpoints[kind], VIEW_LIT("a"), kind, 100 + kind);
    }
    ck_assert_int_eq(log_dir_save_checkpoint(&dir, LOG_DIR_HIGH_WATERMARK, &why), ERR_NONE);
    ck_assert(testdir_is(&t, "data/replication-offset-checkpoint", "0\n1\na 2 102\n"));
    ck_assert_int_eq(
        log_dir_save_checkpoints(&dir, 1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_LOG_START, &why),
        ERR_NONE);
    ck_assert(testdir_is(&t, "data/recovery-point-offset-checkpoint", "0\n1\na 0 100\n"));
    ck_assert(testdir_is(&t, "data/log-start-offset-checkpoint", "0\n1\na 1 101\n"));
    ck_assert(!testdir_has(&t, "data/cleaner-offset-checkpoint"));
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_FS), 0); /* nobody else's writes are waited for */
    ck_assert_int_eq(log_dir_load_checkpoint(&dir, LOG_DIR_CLEANER, &why), ERR_NONE);
    ck_assert_uint_eq(dir.checkpoints[LOG_DIR_CLEANER].count, 0);
    testdir_put_str(&t, "data/cleaner-offset-checkpoint", "0\n7\n");
    ck_assert_int_eq(log_dir_load_checkpoint(&dir, LOG_DIR_CLEANER, &why), ERR_CORRUPT_FILE);
    ck_assert_ptr_nonnull(strstr(why.text, "/data/cleaner-offset-checkpoint"));
}
END_TEST

START_TEST(two_paths_to_one_directory_are_refused)
{
    struct log_dir other;
    open_dir();
    ck_assert_int_eq(symlink(dir.path, testdir_path(&t, "link")), 0);
    log_dir_init(&other, t.disk, testdir_path(&t, "link"));
    struct log_dir *both[] = {&dir, &other};
    ck_assert_int_eq(log_dirs_check_distinct(both, 2, &why), ERR_INVALID_ARGUMENT);
    ck_assert_ptr_nonnull(strstr(why.text, "Duplicate log directory found: "));
    ck_assert_int_eq(log_dirs_check_distinct(both, 1, &why), ERR_NONE);
    log_dir_fail(&other, ERR_IO, NULL);
    ck_assert_int_eq(log_dirs_check_distinct(both, 2, &why), ERR_NONE);
    log_dir_close(&other);
}
END_TEST

START_TEST(a_partition_in_two_places_is_refused_with_both)
{
    struct log_dir other;
    log_dir_init(&other, t.disk, testdir_path(&t, "more"));
    open_dir();
    ck_assert_int_eq(log_dir_open(&other, &why), ERR_NONE);
    struct log_dir *both[] = {&dir, &other};
    testdir_mkdir(&t, "data/a-0");
    testdir_mkdir(&t, "data/a-1.1-delete");
    testdir_mkdir(&t, "data/a-1.2-delete");
    testdir_mkdir(&t, "data/a-7.1-future");
    testdir_mkdir(&t, "more/a-7.2-future");
    testdir_mkdir(&t, "more/a-0.1-future");
    testdir_mkdir(&t, "more/a-1");
    for (int round = 0; round < 2; round++) {
        struct log_dir_found *found[2];
        size_t counts[2];
        for (int i = 0; i < 2; i++)
            ck_assert_int_eq(log_dir_scan(both[i], &found[i], &counts[i], &why), ERR_NONE);
        enum err err = log_dirs_check_duplicates(both, found, counts, 2, &why);
        ck_assert_int_eq(err, round ? ERR_INVALID_ARGUMENT : ERR_NONE);
        for (int i = 0; i < 2; i++)
            log_dir_found_free(found[i], counts[i]);
        if (!round)
            testdir_mkdir(&t, "more/a-00");
    }
    ck_assert_ptr_nonnull(strstr(why.text, "Duplicate log directories for a-0 "));
    ck_assert_ptr_nonnull(strstr(why.text, "/data and "));
    ck_assert_ptr_nonnull(strstr(why.text, "/more."));
    log_dir_close(&other);
}
END_TEST

START_TEST(a_new_partition_goes_where_the_fewest_are)
{
    struct log_dir dirs[3];
    struct log_dir *all[3];
    for (int i = 0; i < 3; i++) {
        log_dir_init(&dirs[i], t.disk, "/none");
        dirs[i].log_count = 5;
        all[i] = &dirs[i];
    }
    ck_assert_ptr_eq(log_dirs_choose(all, 3), &dirs[0]);
    dirs[2].log_count = 3;
    ck_assert_ptr_eq(log_dirs_choose(all, 3), &dirs[2]);
    log_dir_fail(&dirs[2], ERR_IO, NULL);
    ck_assert_ptr_eq(log_dirs_choose(all, 3), &dirs[0]);
    log_dir_fail(&dirs[0], ERR_IO, NULL);
    log_dir_fail(&dirs[1], ERR_IO, NULL);
    ck_assert_ptr_null(log_dirs_choose(all, 3));
    for (int i = 0; i < 3; i++)
        log_dir_close(&dirs[i]);
}
END_TEST

START_TEST(whatever_call_fails_opening_leaves_no_lock_behind)
{
    for (int k = 0;; k++) {
        fault_disk_fail(t.disk, FAULT_ANY, k, 1, ERR_IO);
        enum err err = log_dir_open(&dir, &why);
        fault_disk_fail(t.disk, FAULT_ANY, 0, 0, ERR_IO);
        ck_assert_int_eq(dir.lock != NULL, err == ERR_NONE);
        if (!err)
            break;
        ck_assert_int_eq(err, ERR_IO);
    }
}
END_TEST

Suite *log_dir_suite(void)
{
    Suite *suite = suite_create("log_dir");
    TCase *tc = tcase_create("log_dir");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_missing_directory_is_made_with_its_parents);
    tcase_add_test(tc, a_file_is_no_log_directory);
    tcase_add_test(tc, a_directory_locked_by_another_process_is_refused_by_name);
    tcase_add_test(tc, the_first_failure_takes_it_offline_and_its_reason_stays);
    tcase_add_test(tc, a_scan_finds_partitions_and_passes_over_the_rest);
    tcase_add_test(tc, a_foreign_directory_is_refused_by_name);
    tcase_add_test(tc, a_partition_is_renamed_and_deleted_with_all_that_is_in_it);
    tcase_add_test(tc, a_deletion_cut_short_by_any_failure_can_be_repeated);
    tcase_add_test(tc, checkpoints_survive_a_restart);
    tcase_add_test(tc, two_paths_to_one_directory_are_refused);
    tcase_add_test(tc, a_partition_in_two_places_is_refused_with_both);
    tcase_add_test(tc, a_new_partition_goes_where_the_fewest_are);
    tcase_add_test(tc, whatever_call_fails_opening_leaves_no_lock_behind);
    suite_add_tcase(suite, tc);
    return suite;
}
