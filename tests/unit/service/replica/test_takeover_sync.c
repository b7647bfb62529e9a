/*
 * What was not synced when the logs were loaded is, and the file of recovery points says so, before anything
 * of ours is written.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/partition.h"
#include "service/replica/takeover_sync.h"
#include "suites.h"

#define NEVER                                                                                                \
    "log.flush.scheduler.interval.ms=3600000\nlog.flush.offset.checkpoint.interval.ms=3600000\n"             \
    "log.flush.start.offset.checkpoint.interval.ms=3600000\n"
#define PARTITIONS 70 /* more than are synced together */

static struct rig rig;
static struct partition *parts[PARTITIONS];

static void setup(void)
{
    rig_open_with(&rig, 1, 2, NULL, NEVER);
    for (int i = 0; i < PARTITIONS; i++) {
        ck_assert_int_eq(rig_lead(&rig, "t", i, 0, RIG_ME, 1), ERR_NONE);
        parts[i] = rig_find(&rig, "t", i);
        ck_assert_int_eq(rig_append(&rig, parts[i], 1, 1 + i), ERR_NONE);
    }
}

static void teardown(void)
{
    for (int i = 0; i < PARTITIONS; i++)
        partition_release(parts[i]);
    rig_close(&rig);
}

/* Nobody else has the partitions here, as at the start. */
static bool is_synced(const struct partition *part)
{
    return log_recovery_point(part->log) == log_end(part->log).offset;
}

static bool has_row(const struct partition *part)
{
    char *row = mem_printf("\n%s %d %lld\n", part->topic, part->index, (long long)log_end(part->log).offset);
    char *path = log_dir_join(&part->dir->dir, "recovery-point-offset-checkpoint");
    char text[4096] = "";
    FILE *file = fopen(path, "r");
    if (file) {
        text[fread(text, 1, sizeof text - 1, file)] = '\0';
        fclose(file);
    }
    bool has = strstr(text, row) != NULL;
    free(row);
    free(path);
    return has;
}

START_TEST(logs_of_the_directory_are_synced_and_their_recovery_points_written)
{
    struct log_dir_state *dir = parts[0]->dir;
    int others = 0;
    takeover_sync(dir, parts, PARTITIONS);
    for (int i = 0; i < PARTITIONS; i++) {
        const bool here = parts[i]->dir == dir;
        ck_assert_int_eq(is_synced(parts[i]), here);
        ck_assert_int_eq(has_row(parts[i]), here);
        others += !here;
    }
    ck_assert_int_gt(others, 0);
}
END_TEST

START_TEST(nothing_is_written_where_all_was_synced)
{
    takeover_sync(parts[0]->dir, parts, PARTITIONS);
    int syncs = fault_disk_calls(rig.disk, FAULT_SYNC), renames = fault_disk_calls(rig.disk, FAULT_RENAME);
    takeover_sync(parts[0]->dir, parts, PARTITIONS);
    ck_assert_int_eq(fault_disk_calls(rig.disk, FAULT_SYNC), syncs);
    ck_assert_int_eq(fault_disk_calls(rig.disk, FAULT_RENAME), renames);
}
END_TEST

START_TEST(directory_that_cannot_be_synced_goes_offline)
{
    fault_disk_fail(rig.disk, FAULT_SYNC, 0, 1, ERR_IO);
    takeover_sync(parts[0]->dir, parts, PARTITIONS);
    ck_assert(log_dir_is_offline(&parts[0]->dir->dir));
}
END_TEST

Suite *takeover_sync_suite(void)
{
    Suite *suite = suite_create("takeover_sync");
    TCase *tcase = tcase_create("takeover_sync");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, logs_of_the_directory_are_synced_and_their_recovery_points_written);
    tcase_add_test(tcase, nothing_is_written_where_all_was_synced);
    tcase_add_test(tcase, directory_that_cannot_be_synced_goes_offline);
    suite_add_tcase(suite, tcase);
    return suite;
}
