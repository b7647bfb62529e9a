/*
 * A stop leaves its mark where all is synced and nothing is kept back of what the run before has cost.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "rig.h"
#include "service/identity/session_record.h"
#include "service/partition/partition.h"
#include "storage/clean_shutdown.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 2, NULL);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
}

static void teardown(void)
{
    rig_close(&rig);
}

static bool has_file(int dir, const char *name)
{
    char *path = mem_printf("%s/%s", rig.dirs[dir], name);
    bool has = access(path, F_OK) == 0;
    free(path);
    return has;
}

static bool is_marked(int dir)
{
    return has_file(dir, CLEAN_SHUTDOWN_FILE_NAME);
}

/* As of a run in another boot of the machine. */
static void record_session(int dir)
{
    struct session_record record = {.broker_id = RIG_ME};
    struct errmsg why;
    strcpy(record.boot_id, "another");
    ck_assert(session_record_write(rig.dirs[dir], &record, &why));
}

static bool lost_power(int dir)
{
    return replica_manager_dirs(rig.broker.replicas)->items[dir]->power_lost;
}

START_TEST(a_start_that_ends_early_does_not_hide_a_loss_of_power)
{
    rig.unsettled = true;
    rig_stop(&rig);
    for (int times = 0; times < 2; times++) {
        record_session(0);
        rig_start(&rig, 1);
        ck_assert(lost_power(0));
        rig_stop(&rig);
        ck_assert(!is_marked(0));
        ck_assert(has_file(0, SESSION_RECORD_NAME));
    }
    rig.unsettled = false;
    rig_start(&rig, 1);
    ck_assert(lost_power(0));
    rig_stop(&rig);
    ck_assert(is_marked(0));
    rig_start(&rig, 1);
    ck_assert(!lost_power(0));
}
END_TEST

START_TEST(a_start_that_ends_early_leaves_what_was_clean)
{
    rig_stop(&rig);
    rig.unsettled = true;
    rig_start(&rig, 1);
    ck_assert(!is_marked(0));
    rig_stop(&rig);
    ck_assert(is_marked(0));
    rig_start(&rig, 1);
}
END_TEST

START_TEST(a_directory_that_could_not_be_closed_keeps_the_record_of_its_boot)
{
    struct partition *part = rig_find(&rig, "t", 0);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    const int failed = part->dir == replica_manager_dirs(rig.broker.replicas)->items[0] ? 0 : 1;
    partition_release(part);
    record_session(0);
    record_session(1);
    fault_disk_fail(rig.disk, FAULT_SYNC, 0, 1, ERR_IO);
    rig_stop(&rig);
    for (int dir = 0; dir < 2; dir++) {
        ck_assert_int_eq(is_marked(dir), dir != failed);
        ck_assert_int_eq(has_file(dir, SESSION_RECORD_NAME), dir == failed);
    }
    rig_start(&rig, 1);
    ck_assert(lost_power(failed));
}
END_TEST

Suite *stop_suite(void)
{
    Suite *suite = suite_create("stop");
    TCase *tcase = tcase_create("stop");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_start_that_ends_early_does_not_hide_a_loss_of_power);
    tcase_add_test(tcase, a_start_that_ends_early_leaves_what_was_clean);
    tcase_add_test(tcase, a_directory_that_could_not_be_closed_keeps_the_record_of_its_boot);
    suite_add_tcase(suite, tcase);
    return suite;
}
