/*
 * LeaderAndIsr and StopReplica as the controller's job queue carries them out, with disks that fail.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/partition.h"
#include "service/replica/dir_checkpoints.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 2, NULL);
}

static void teardown(void)
{
    rig_close(&rig);
}

static struct partition *led(const char *topic)
{
    ck_assert_int_eq(rig_lead(&rig, topic, 0, 0, RIG_ME, 1), ERR_NONE);
    struct partition *part = rig_find(&rig, topic, 0);
    ck_assert_ptr_nonnull(part);
    return part;
}

static bool has_file(int dir, const char *name)
{
    char *path = mem_printf("%s/%s", rig.dirs[dir], name);
    bool there = access(path, F_OK) == 0;
    free(path);
    return there;
}

START_TEST(new_partitions_are_spread_over_the_directories)
{
    partition_release(led("a"));
    partition_release(led("b"));
    partition_release(led("c"));
    partition_release(led("d"));
    for (int dir = 0; dir < 2; dir++)
        ck_assert_int_eq(
            has_file(dir, "a-0") + has_file(dir, "b-0") + has_file(dir, "c-0") + has_file(dir, "d-0"), 2);
}
END_TEST

START_TEST(new_partition_has_its_epoch_and_topic_id_on_disk)
{
    partition_release(led("a"));
    int dir = has_file(0, "a-0") ? 0 : 1;
    ck_assert(has_file(dir, "a-0/leader-epoch-checkpoint"));
    ck_assert(has_file(dir, "a-0/partition.metadata"));
}
END_TEST

START_TEST(role_of_an_epoch_that_is_not_newer_is_refused)
{
    partition_release(led("a"));
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, 2, 2), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 4, 2, 2), ERR_STALE_CONTROLLER_EPOCH);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 6, 2, 2), ERR_NONE);
}
END_TEST

/* The next word of the controller, in the same epoch, is not stale. */
START_TEST(leader_that_is_not_known_to_be_alive_may_be_another_in_the_same_epoch)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 3, 9, 2), ERR_NONE);
    partition_release(rig_find(&rig, "a", 0));
    ck_assert(has_file(0, "a-0") || has_file(1, "a-0"));
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 3, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 3, 2, 2), ERR_STALE_CONTROLLER_EPOCH);
}
END_TEST

START_TEST(stopped_replica_is_given_its_role_again_in_the_same_epoch)
{
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, 5, false), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, 2, 2), ERR_STALE_CONTROLLER_EPOCH);
}
END_TEST

START_TEST(stopped_replica_of_a_newer_epoch_is_fenced)
{
    partition_release(led("a"));
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, 4, true), ERR_FENCED_LEADER_EPOCH);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, 5, true), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, 5, true), ERR_NONE); /* it is gone: nothing to do */
}
END_TEST

START_TEST(deletion_ignores_the_epoch)
{
    partition_release(led("a"));
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 5, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, -2, true), ERR_NONE);
    ck_assert_ptr_null(rig_find(&rig, "a", 0));
    ck_assert(!has_file(0, "a-0") && !has_file(1, "a-0"));
}
END_TEST

START_TEST(topic_that_is_made_again_begins_at_zero)
{
    struct partition *part = led("a");
    ck_assert_int_eq(rig_append(&rig, part, 1, 4), ERR_NONE);
    partition_release(part);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, -2, true), ERR_NONE);
    part = led("a");
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, 1, 1);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    ck_assert_int_eq(append.op.base_offset, 0);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

/* Of an earlier topic of this name, in whichever directory. */
static void leave_checkpoints(bool deleted)
{
    struct log_dirs *dirs = replica_manager_dirs(rig.broker.replicas);
    for (int i = 0; i < dirs->count; i++) {
        struct errmsg why;
        for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++)
            dir_checkpoints_put(dirs->items[i], (enum log_dir_checkpoint)kind, view_str("a"), 0, 7);
        ck_assert_int_eq(dir_checkpoints_save(dirs->items[i], (1u << LOG_DIR_CHECKPOINT_COUNT) - 1, &why),
                         ERR_NONE);
        if (deleted)
            dir_checkpoints_forget(dirs->items[i], view_str("a"), 0);
    }
}

static bool says_seven(const char *path)
{
    char text[256] = "";
    FILE *file = fopen(path, "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    return strstr(text, "\na 0 7\n") != NULL;
}

/* Deleted by this run, or before a crash. */
START_TEST(checkpoints_of_an_earlier_topic_are_not_those_of_a_new_one)
{
    leave_checkpoints(_i == 0);
    struct partition *part = led("a");
    ck_assert_int_eq(log_start_offset(part->log), 0);
    ck_assert_int_eq(log_end(part->log).offset, 0);
    for (int kind = 0; kind < LOG_DIR_CHECKPOINT_COUNT; kind++) {
        char *path = log_dir_join(&part->dir->dir, log_dir_checkpoint_name((enum log_dir_checkpoint)kind));
        ck_assert_msg(!says_seven(path), "%s", path);
        free(path);
    }
    partition_release(part);
}
END_TEST

/* A topic made again under its name has the settings of now, not of before. */
START_TEST(topic_that_is_made_again_has_new_settings)
{
    rig.topic_config = "{\"version\":1,\"config\":{\"max.message.bytes\":\"10\"}}";
    struct partition *part = led("a");
    ck_assert_int_eq(rig_append(&rig, part, 1, 4), ERR_MESSAGE_TOO_LARGE);
    partition_release(part);
    ck_assert_int_eq(rig_stop_replica(&rig, "a", 0, -2, true), ERR_NONE);
    rig.topic_config = NULL;
    part = led("a");
    ck_assert_int_eq(rig_append(&rig, part, 1, 4), ERR_NONE);
    partition_release(part);
}
END_TEST

START_TEST(failed_write_takes_its_directory_offline_and_only_it)
{
    struct partition *bad = led("bad");
    struct partition *good = led("good");
    struct partition *neighbour = led("neighbour"); /* in the directory of bad */
    fault_disk_only(rig.disk, "/bad-0/");
    fault_disk_fail(rig.disk, FAULT_WRITE, 0, 1, ERR_IO);
    ck_assert_int_eq(rig_append(&rig, bad, 1, 1), ERR_KAFKA_STORAGE_ERROR);
    rig_await_offline(neighbour);
    ck_assert_int_eq(rig_append(&rig, neighbour, 1, 1), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_append(&rig, good, 1, 1), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "bad", 0, 1, RIG_ME, 1), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_stop_replica(&rig, "bad", 0, 1, true), ERR_KAFKA_STORAGE_ERROR);
    /* What never was may be made, in the directory that is left; what may be on the other may not. */
    ck_assert_int_eq(rig_lead(&rig, "fresh", 0, 0, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "unknown", 0, 1, RIG_ME, 1), ERR_KAFKA_STORAGE_ERROR);
    partition_release(bad);
    partition_release(good);
    partition_release(neighbour);
}
END_TEST

START_TEST(partition_that_cannot_be_made_answers_storage_error_and_the_others_go_on)
{
    struct partition *first = led("first");
    fault_disk_only(rig.disk, "/second-0");
    for (int op = 0; op < FAULT_OPS; op++)
        fault_disk_fail(rig.disk, (enum fault_op)op, 0, -1, ERR_IO);
    ck_assert_int_eq(rig_lead(&rig, "second", 0, 0, RIG_ME, 1), ERR_KAFKA_STORAGE_ERROR);
    struct partition *second = rig_find(&rig, "second", 0);
    if (second) {
        ck_assert_int_eq(rig_append(&rig, second, 1, 1), ERR_KAFKA_STORAGE_ERROR);
        partition_release(second);
    }
    ck_assert_int_eq(rig_append(&rig, first, 1, 1), ERR_NONE);
    partition_release(first);
}
END_TEST

START_TEST(leader_whose_epoch_cannot_be_written_does_not_serve)
{
    struct partition *part = led("a");
    fault_disk_only(rig.disk, "leader-epoch-checkpoint");
    fault_disk_fail(rig.disk, FAULT_RENAME, 0, -1, ERR_IO);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, RIG_ME, 2), ERR_KAFKA_STORAGE_ERROR);
    rig_await_offline(part);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_KAFKA_STORAGE_ERROR);
    partition_release(part);
}
END_TEST

/* --- topic ids */

static bool anywhere(const char *file)
{
    for (int dir = 0; dir < 2; dir++)
        if (has_file(dir, file))
            return true;
    return false;
}

START_TEST(log_without_a_topic_id_gets_the_one_of_a_new_epoch)
{
    rig.without_ids = true;
    partition_release(led("a"));
    ck_assert(!anywhere("a-0/partition.metadata"));
    rig.without_ids = false;
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, RIG_ME, 1), ERR_NONE);
    ck_assert(anywhere("a-0/partition.metadata"));
}
END_TEST

/* A controller that gives ids to topics of old tools does not elect anew for it. */
START_TEST(log_without_a_topic_id_gets_it_without_a_new_epoch_once)
{
    rig.without_ids = true;
    struct partition *part = led("a");
    rig.without_ids = false;
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_NONE);
    ck_assert(anywhere("a-0/partition.metadata"));
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    partition_release(part);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_STALE_CONTROLLER_EPOCH);
    rig_stop(&rig);
    rig_start(&rig, 1);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, RIG_ME, 1), ERR_NONE);
}
END_TEST

START_TEST(topic_id_that_cannot_be_written_fails_its_directory)
{
    rig.without_ids = true;
    struct partition *part = led("a");
    rig.without_ids = false;
    fault_disk_only(rig.disk, "partition.metadata");
    fault_disk_fail(rig.disk, FAULT_SYNC, 0, -1, ERR_IO);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 0, RIG_ME, 1), ERR_KAFKA_STORAGE_ERROR);
    ck_assert(!anywhere("a-0/partition.metadata"));
    rig_await_offline(part);
    partition_release(part);
}
END_TEST

START_TEST(partition_named_twice_is_made_once)
{
    enum err answers[2];
    rig_lead_twice(&rig, "a", 0, 0, answers);
    ck_assert_int_eq(answers[0], ERR_NONE);
    ck_assert_int_eq(answers[1], ERR_INVALID_REQUEST);
    ck_assert_int_eq(has_file(0, "a-0") + has_file(1, "a-0"), 1);
    struct partition *part = rig_find(&rig, "a", 0);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    partition_release(part);
    rig_lead_twice(&rig, "a", 0, 1, answers);
    ck_assert_int_eq(answers[0], ERR_NONE);
    ck_assert_int_eq(answers[1], ERR_INVALID_REQUEST);
}
END_TEST

/* --- what a start finds */

START_TEST(what_a_crash_left_of_new_partitions_goes_with_the_next_start)
{
    partition_release(led("a"));
    rig_stop(&rig);
    char *stage = mem_printf("%s/new-0.0123456789abcdef0123456789abcdef-delete", rig.dirs[0]);
    char *inner = mem_printf("%s/b-0", stage);
    ck_assert_int_eq(mkdir(stage, 0777), 0);
    ck_assert_int_eq(mkdir(inner, 0777), 0);
    rig_start(&rig, 1);
    ck_assert_int_ne(access(stage, F_OK), 0);
    free(inner);
    free(stage);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, RIG_ME, 1), ERR_NONE);
}
END_TEST

START_TEST(logs_are_found_again_after_a_restart)
{
    struct partition *part = led("a");
    ck_assert_int_eq(rig_append(&rig, part, -1, 4), ERR_NONE);
    partition_release(part);
    rig_stop(&rig);
    rig_start(&rig, 1);
    part = rig_find(&rig, "a", 0);
    ck_assert_ptr_nonnull(part);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, RIG_ME, 1), ERR_NONE);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, 1, 1);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    ck_assert_int_eq(append.op.base_offset, 4);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

/* Partitions of a directory that failed while it was being loaded are asked for, too. */
START_TEST(partitions_of_a_directory_that_cannot_be_loaded_answer_storage_error)
{
    static const char *const NAMES[] = {"a", "b", "c", "d"};
    for (int i = 0; i < 4; i++)
        partition_release(led(NAMES[i]));
    rig_stop(&rig);
    fault_disk_fail(rig.disk, FAULT_LIST, 0, -1, ERR_IO);
    fault_disk_only(rig.disk, has_file(0, "a-0") ? "d0/a-0" : "d1/a-0");
    rig_start(&rig, 1);
    fault_disk_fail(rig.disk, FAULT_LIST, 0, 0, ERR_IO);
    int offline = 0;
    for (int i = 0; i < 4; i++) {
        struct partition *part = rig_find(&rig, NAMES[i], 0);
        ck_assert_ptr_nonnull(part);
        enum err err = rig_lead(&rig, NAMES[i], 0, 1, RIG_ME, 1);
        offline += err == ERR_KAFKA_STORAGE_ERROR;
        ck_assert_int_eq(rig_append(&rig, part, 1, 1), err);
        partition_release(part);
    }
    ck_assert_int_eq(offline, 2);
}
END_TEST

Suite *roles_suite(void)
{
    Suite *suite = suite_create("service/roles");
    TCase *tc = tcase_create("roles");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, new_partitions_are_spread_over_the_directories);
    tcase_add_test(tc, new_partition_has_its_epoch_and_topic_id_on_disk);
    tcase_add_test(tc, role_of_an_epoch_that_is_not_newer_is_refused);
    tcase_add_test(tc, leader_that_is_not_known_to_be_alive_may_be_another_in_the_same_epoch);
    tcase_add_test(tc, stopped_replica_is_given_its_role_again_in_the_same_epoch);
    tcase_add_test(tc, stopped_replica_of_a_newer_epoch_is_fenced);
    tcase_add_test(tc, deletion_ignores_the_epoch);
    tcase_add_test(tc, topic_that_is_made_again_begins_at_zero);
    tcase_add_loop_test(tc, checkpoints_of_an_earlier_topic_are_not_those_of_a_new_one, 0, 2);
    tcase_add_test(tc, topic_that_is_made_again_has_new_settings);
    tcase_add_test(tc, failed_write_takes_its_directory_offline_and_only_it);
    tcase_add_test(tc, partition_that_cannot_be_made_answers_storage_error_and_the_others_go_on);
    tcase_add_test(tc, leader_whose_epoch_cannot_be_written_does_not_serve);
    tcase_add_test(tc, log_without_a_topic_id_gets_the_one_of_a_new_epoch);
    tcase_add_test(tc, log_without_a_topic_id_gets_it_without_a_new_epoch_once);
    tcase_add_test(tc, topic_id_that_cannot_be_written_fails_its_directory);
    tcase_add_test(tc, partition_named_twice_is_made_once);
    tcase_add_test(tc, what_a_crash_left_of_new_partitions_goes_with_the_next_start);
    tcase_add_test(tc, logs_are_found_again_after_a_restart);
    tcase_add_test(tc, partitions_of_a_directory_that_cannot_be_loaded_answer_storage_error);
    suite_add_tcase(suite, tc);
    return suite;
}
