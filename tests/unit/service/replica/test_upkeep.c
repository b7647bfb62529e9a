/*
 * What is done to the logs from time to time. The times between are short here, and each test waits for what
 * must come in the end.
 */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "storage/log_trim.h"
#include "suites.h"

#define OFTEN                                                                                                \
    "log.initial.task.delay.ms=0\nlog.retention.check.interval.ms=10\nlog.flush.scheduler.interval.ms=10\n"  \
    "log.flush.offset.checkpoint.interval.ms=10\nlog.flush.start.offset.checkpoint.interval.ms=10\n"         \
    "replica.high.watermark.checkpoint.interval.ms=10\n"
/* A batch fills a segment; two of them may stay. */
#define SMALL "\"segment.bytes\":\"80\",\"retention.ms\":\"-1\",\"retention.bytes\":\"150\""
#define KEPT  "\"retention.ms\":\"-1\""

#define CONFIG(settings) "{\"version\":1,\"config\":{" settings "}}"

static struct rig rig;
static struct partition *part;

static void open_rig(const char *topic_config)
{
    rig_open_with(&rig, 1, 1, topic_config, OFTEN);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 0, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "t", 0);
}

static void teardown(void)
{
    partition_release(part);
    rig_close(&rig);
}

static void append(int batches)
{
    for (int i = 0; i < batches; i++)
        ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
}

struct offsets {
    int64_t start, end;
};

static void see_offsets(struct partition *p, void *arg)
{
    *(struct offsets *)arg = (struct offsets){log_start_offset(p->log), log_end(p->log).offset};
}

static struct offsets offsets(void)
{
    struct offsets seen;
    partition_call(part, see_offsets, &seen);
    return seen;
}

static int files(const char *pattern)
{
    char *path = mem_printf("%s/%s", rig.dirs[0], pattern);
    glob_t found;
    int count = glob(path, 0, NULL, &found) == 0 ? (int)found.gl_pathc : 0;
    globfree(&found);
    free(path);
    return count;
}

/* Waits until the checkpoint says this of t-0; "" until it says nothing. */
static void await_checkpoint(const char *name, const char *value)
{
    char *path = mem_printf("%s/%s", rig.dirs[0], name);
    char *wanted = mem_printf("\nt 0 %s\n", value);
    for (bool said = false; !said; usleep(1000)) {
        char text[256] = "";
        FILE *file = fopen(path, "r");
        if (file) {
            text[fread(text, 1, sizeof text - 1, file)] = '\0';
            fclose(file);
            said = strstr(text, wanted) != NULL;
        }
    }
    free(path);
    free(wanted);
}

#define DEADLINE_MS 20000

static void await_no_files(const char *pattern)
{
    const int64_t end_ms = clock_mono_ms(rig.broker.clock) + DEADLINE_MS;
    while (files(pattern) > 0) {
        ck_assert_msg(clock_mono_ms(rig.broker.clock) < end_ms, "%s is still there", pattern);
        usleep(1000);
    }
}

START_TEST(segments_beyond_what_may_stay_are_deleted)
{
    open_rig(CONFIG(SMALL ",\"file.delete.delay.ms\":\"0\""));
    append(6);
    while (offsets().start == 0 || files("t-0/*.deleted") > 0 || files("t-0/*.log") > 3)
        usleep(1000);
    ck_assert_int_eq(offsets().end, 6);
    ck_assert_int_lt(offsets().start, 6);
    ck_assert_int_eq(files("t-0/00000000000000000000.*"), 0);
    ck_assert_int_eq(files("t-0/*.log"), files("t-0/*.index"));
}
END_TEST

START_TEST(deleted_segments_lie_there_until_their_delay_is_over)
{
    open_rig(CONFIG(SMALL ",\"file.delete.delay.ms\":\"3600000\""));
    append(6);
    while (offsets().start == 0)
        usleep(1000);
    ck_assert_int_eq(files("t-0/00000000000000000000.log"), 0);
    ck_assert_int_eq(files("t-0/00000000000000000000.log.deleted"), 1);
}
END_TEST

START_TEST(what_is_old_enough_is_synced_and_the_next_start_need_not_look_at_it)
{
    open_rig(CONFIG(KEPT ",\"flush.ms\":\"1\""));
    append(3);
    await_checkpoint("recovery-point-offset-checkpoint", "3");
    append(1);
    await_checkpoint("recovery-point-offset-checkpoint", "4");
}
END_TEST

static int64_t set_back_again_and_again(struct clock *clock)
{
    (void)clock;
    static _Atomic int64_t now_ms = INT64_C(1600000000000);
    return now_ms -= 1000;
}

START_TEST(a_clock_that_is_set_back_does_not_put_off_a_sync)
{
    open_rig(CONFIG(KEPT ",\"flush.ms\":\"1\""));
    partition_release(part);
    rig_stop(&rig);
    rig.clock.wall_ms = set_back_again_and_again;
    rig_start(&rig, 1);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, RIG_ME, 1), ERR_NONE);
    part = rig_find(&rig, "t", 0);
    append(3);
    await_checkpoint("recovery-point-offset-checkpoint", "3");
}
END_TEST

START_TEST(nothing_is_synced_before_it_is_old_enough)
{
    open_rig(CONFIG(KEPT ",\"flush.ms\":\"3600000\""));
    append(3);
    await_checkpoint("replication-offset-checkpoint", "3"); /* the flush had its turns meanwhile */
    append(1);
    await_checkpoint("replication-offset-checkpoint", "4");
    await_checkpoint("recovery-point-offset-checkpoint", "0");
}
END_TEST

static void cut_start(struct partition *p, void *arg)
{
    struct errmsg why;
    bool raised;
    ck_assert_int_eq(log_raise_start_offset(p->log, *(int64_t *)arg, &raised, &why), ERR_NONE);
    ck_assert(raised);
}

START_TEST(start_within_a_segment_is_written_down)
{
    int64_t start = 2;
    open_rig(CONFIG(KEPT));
    append(3);
    partition_call(part, cut_start, &start);
    await_checkpoint("log-start-offset-checkpoint", "2");
}
END_TEST

START_TEST(directory_of_a_deleted_partition_goes_when_its_delay_is_over)
{
    open_rig(CONFIG(KEPT ",\"file.delete.delay.ms\":\"0\""));
    append(1);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, 1, true), ERR_NONE);
    ck_assert_int_eq(files("t-0"), 0);
    await_no_files("t-0.*-delete");
}
END_TEST

static void make_dir(const char *name)
{
    char *path = mem_printf("%s/%s", rig.dirs[0], name);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    free(path);
}

/* The partition's directory lies elsewhere. */
static void move_and_link(void)
{
    char *path = mem_printf("%s/t-0", rig.dirs[0]), *to = mem_printf("%s/elsewhere", rig.root);
    partition_release(part);
    rig_stop(&rig);
    ck_assert_int_eq(rename(path, to), 0);
    ck_assert_int_eq(symlink(to, path), 0);
    rig_start(&rig, 1);
    part = rig_find(&rig, "t", 0);
    free(path);
    free(to);
}

START_TEST(what_is_not_ours_in_a_deleted_directory_does_no_harm)
{
    open_rig(CONFIG(KEPT ",\"file.delete.delay.ms\":\"0\""));
    append(1);
    if (_i == 0)
        make_dir("t-0/lost+found");
    else
        move_and_link();
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, -2, true), ERR_NONE);
    await_no_files("t-0.*-delete");
    ck_assert(!log_dir_is_offline(&replica_manager_dirs(rig.broker.replicas)->items[0]->dir));
}
END_TEST

START_TEST(directory_of_a_deleted_partition_lies_there_until_then)
{
    open_rig(CONFIG(KEPT ",\"file.delete.delay.ms\":\"3600000\""));
    append(1);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, 1, true), ERR_NONE);
    ck_assert_int_eq(files("t-0"), 0);
    ck_assert_int_eq(files("t-0.*-delete/*.log"), 1);
}
END_TEST

Suite *upkeep_suite(void)
{
    Suite *suite = suite_create("upkeep");
    TCase *tcase = tcase_create("upkeep");
    tcase_add_checked_fixture(tcase, NULL, teardown);
    tcase_add_test(tcase, segments_beyond_what_may_stay_are_deleted);
    tcase_add_test(tcase, deleted_segments_lie_there_until_their_delay_is_over);
    tcase_add_test(tcase, what_is_old_enough_is_synced_and_the_next_start_need_not_look_at_it);
    tcase_add_test(tcase, a_clock_that_is_set_back_does_not_put_off_a_sync);
    tcase_add_test(tcase, nothing_is_synced_before_it_is_old_enough);
    tcase_add_test(tcase, start_within_a_segment_is_written_down);
    tcase_add_test(tcase, directory_of_a_deleted_partition_goes_when_its_delay_is_over);
    tcase_add_loop_test(tcase, what_is_not_ours_in_a_deleted_directory_does_no_harm, 0, 2);
    tcase_add_test(tcase, directory_of_a_deleted_partition_lies_there_until_then);
    suite_add_tcase(suite, tcase);
    return suite;
}
