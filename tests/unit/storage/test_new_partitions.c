#include "storage/new_partitions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake/crash_disk.h"
#include "state_helpers.h"
#include "state_suites.h"
#include "storage/leader_epochs.h"
#include "storage/partition_metadata.h"

static struct testdir t;
static struct log_dir dir;
static struct new_partitions batch;
static struct errmsg why;

static const struct uuid STAGE_ID = {.bytes = {1, 2, 3}};
static const struct uuid TOPIC_ID = {.bytes = {7, 7, 7}};
static const char STAGE[] = "new-0.01020300000000000000000000000000-delete";

static void setup(void)
{
    testdir_open(&t);
    log_dir_init(&dir, t.disk, t.path);
    new_partitions_init(&batch, &dir, STAGE_ID);
}

static void teardown(void)
{
    new_partitions_close(&batch);
    log_dir_close(&dir);
    testdir_close(&t);
}

static enum err add(const char *name, int32_t epoch)
{
    return new_partitions_add(&batch, name, TOPIC_ID, epoch, 0, &why);
}

static bool has_topic_id(const char *name)
{
    struct uuid id;
    return partition_metadata_read(t.disk, testdir_path(&t, name), &id, &why) == ERR_NONE &&
           uuid_equal(id, TOPIC_ID);
}

START_TEST(a_new_partition_has_its_topic_id_and_as_leader_its_epoch)
{
    ck_assert_int_eq(add("led-0", 5), ERR_NONE);
    ck_assert_int_eq(add("followed-1", LEADER_EPOCH_UNDEFINED), ERR_NONE);
    ck_assert_int_eq(new_partitions_add(&batch, "old-2", (struct uuid){0}, 0, 40, &why), ERR_NONE);
    ck_assert(!testdir_has(&t, "led-0"));
    ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_NONE);
    ck_assert(has_topic_id("led-0"));
    ck_assert(testdir_is(&t, "led-0/leader-epoch-checkpoint", "0\n1\n5 0\n"));
    ck_assert(has_topic_id("followed-1"));
    ck_assert(!testdir_has(&t, "followed-1/leader-epoch-checkpoint"));
    ck_assert(!testdir_has(&t, "old-2/partition.metadata"));
    ck_assert(testdir_is(&t, "old-2/leader-epoch-checkpoint", "0\n1\n0 40\n"));
    ck_assert(!testdir_has(&t, STAGE));
}
END_TEST

START_TEST(nothing_to_make_touches_nothing)
{
    ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_ANY), 0);
}
END_TEST

START_TEST(a_few_new_partitions_wait_for_nobody_else)
{
    ck_assert_int_eq(add("a-0", 0), ERR_NONE);
    ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_FS), 0);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC), 2);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_DIR), 2); /* its own, and the one it is moved to */
}
END_TEST

START_TEST(many_new_partitions_wait_for_nobody_else_either)
{
    for (int i = 0; i < 200; i++) {
        char name[16];
        snprintf(name, sizeof name, "a-%d", i);
        ck_assert_int_eq(add(name, 0), ERR_NONE);
    }
    ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_FS), 0);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC), 400);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_SYNC_DIR), 201);
}
END_TEST

/* Whichever of them it is, and whoever of the threads comes to it. */
START_TEST(nothing_is_moved_when_one_of_many_is_not_synced)
{
    static const int AFTER[] = {0, 1, 37, 399};
    for (size_t n = 0; n < ARRAY_LEN(AFTER); n++) {
        for (int i = 0; i < 200; i++) {
            char name[16];
            snprintf(name, sizeof name, "a-%d", i);
            ck_assert_int_eq(add(name, 0), ERR_NONE);
        }
        fault_disk_fail(t.disk, FAULT_SYNC, AFTER[n], 1, ERR_IO);
        ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_IO);
        ck_assert(!testdir_has(&t, "a-0") && !testdir_has(&t, "a-199"));
        teardown();
        setup();
    }
}
END_TEST

START_TEST(a_directory_with_files_in_its_place_is_left_alone)
{
    testdir_mkdir(&t, "a-0");
    testdir_mkdir(&t, "b-0");
    testdir_put_str(&t, "b-0/precious", "x");
    ck_assert_int_eq(add("a-0", 0), ERR_NONE);
    ck_assert_int_eq(add("b-0", 0), ERR_NONE);
    ck_assert_int_eq(new_partitions_commit(&batch, &why), ERR_NONE);
    ck_assert(!batch.items[0].was_there);
    ck_assert(has_topic_id("a-0"));
    ck_assert(batch.items[1].was_there);
    ck_assert(testdir_is(&t, "b-0/precious", "x"));
    ck_assert(!has_topic_id("b-0"));
}
END_TEST

/* --- crashes --- */

struct world {
    struct crash_disk *disk;
    struct log_dir dir;
    struct new_partitions batch;
};

static void world_open(struct world *w)
{
    w->disk = crash_disk_new();
    struct disk *port = crash_disk_port(w->disk);
    ck_assert_int_eq(DISK(port, mkdir, "/logs", &why), ERR_NONE);
    ck_assert_int_eq(DISK(port, sync_dir, "/", &why), ERR_NONE);
    log_dir_init(&w->dir, port, "/logs");
    new_partitions_init(&w->batch, &w->dir, STAGE_ID);
}

static void world_close(struct world *w)
{
    log_dir_close(&w->dir);
    crash_disk_free(w->disk);
}

static enum err make_two(struct world *w)
{
    enum err err = new_partitions_add(&w->batch, "a-0", TOPIC_ID, 5, 0, &why);
    if (!err)
        err = new_partitions_add(&w->batch, "a-1", TOPIC_ID, 5, 0, &why);
    return err ? err : new_partitions_commit(&w->batch, &why);
}

static bool is_whole(struct world *w, const char *path)
{
    struct uuid id;
    struct leader_epochs epochs = {0};
    struct disk *port = crash_disk_port(w->disk);
    bool whole = partition_metadata_read(port, path, &id, &why) == ERR_NONE && uuid_equal(id, TOPIC_ID) &&
                 leader_epochs_load(&epochs, port, path, &why) == ERR_NONE &&
                 leader_epochs_latest_epoch(&epochs) == 5;
    leader_epochs_close(&epochs);
    return whole;
}

/* What a start finds: partitions, and what is being deleted. Deletes the latter, as a start does. */
static int count_partitions(struct world *w)
{
    struct log_dir_found *found;
    size_t count;
    int partitions = 0;
    ck_assert_int_eq(log_dir_scan(&w->dir, &found, &count, &why), ERR_NONE);
    for (size_t i = 0; i < count; i++) {
        char *path = log_dir_join(&w->dir, found[i].name);
        if (found[i].parsed.kind == PARTITION_DIR_CURRENT) {
            ck_assert(is_whole(w, path));
            partitions++;
        } else {
            ck_assert_int_eq(found[i].parsed.kind, PARTITION_DIR_DELETE);
            ck_assert_int_eq(log_dir_delete_partition(&w->dir, found[i].name, &why), ERR_NONE);
        }
        free(path);
    }
    log_dir_found_free(found, count);
    return partitions;
}

START_TEST(after_a_crash_at_any_call_a_partition_is_whole_or_not_there)
{
    for (int64_t k = 0, done = 0; !done; k++) {
        for (uint64_t seed = 0; seed < 20; seed++) {
            struct world w;
            world_open(&w);
            crash_disk_die_at(w.disk, k);
            enum err err = make_two(&w);
            new_partitions_close(&w.batch);
            done = !crash_disk_is_dead(w.disk);
            crash_disk_power_cut(w.disk, seed == 0 ? CRASH_KEEP_NONE : CRASH_KEEP_SEEDED, seed);
            int partitions = count_partitions(&w);
            if (!err)
                ck_assert_int_eq(partitions, 2);
            ck_assert_int_eq(count_partitions(&w), partitions);
            world_close(&w);
        }
    }
}
END_TEST

START_TEST(a_failed_call_is_told)
{
    for (int64_t k = 0;; k++) {
        struct world w;
        world_open(&w);
        crash_disk_fail_at(w.disk, k);
        enum err err = make_two(&w);
        new_partitions_close(&w.batch);
        bool fired = crash_disk_fault_fired(w.disk);
        crash_disk_fail_at(w.disk, -1);
        if (!err)
            ck_assert_int_eq(count_partitions(&w), 2);
        else
            ck_assert(fired);
        world_close(&w);
        if (!fired)
            break;
        ck_assert_int_lt(k, 100);
    }
}
END_TEST

Suite *new_partitions_suite(void)
{
    Suite *suite = suite_create("new_partitions");
    TCase *tc = tcase_create("new_partitions");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_new_partition_has_its_topic_id_and_as_leader_its_epoch);
    tcase_add_test(tc, nothing_to_make_touches_nothing);
    tcase_add_test(tc, a_few_new_partitions_wait_for_nobody_else);
    tcase_add_test(tc, many_new_partitions_wait_for_nobody_else_either);
    tcase_add_test(tc, nothing_is_moved_when_one_of_many_is_not_synced);
    tcase_add_test(tc, a_directory_with_files_in_its_place_is_left_alone);
    tcase_add_test(tc, after_a_crash_at_any_call_a_partition_is_whole_or_not_there);
    tcase_add_test(tc, a_failed_call_is_told);
    suite_add_tcase(suite, tc);
    return suite;
}
