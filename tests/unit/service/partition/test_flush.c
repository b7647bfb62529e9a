/*
 * flush.messages=1: synced before it is acknowledged and before it is visible; many appends share a sync.
 * flush.messages=N: the append that makes it N is synced before it is acknowledged.
 */
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "service/replica/replica_state.h"
#include "suites.h"

#define EACH_SYNCED "{\"version\":1,\"config\":{\"flush.messages\":\"1\"}}"

#define EVERY_SECOND_SYNCED "{\"version\":1,\"config\":{\"flush.messages\":\"2\"}}"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 2, 2, EACH_SYNCED);
    rig_gate_open(&rig);
}

static void teardown(void)
{
    rig_gate_set(false);
    rig_close(&rig);
}

static struct partition *led(const char *topic)
{
    ck_assert_int_eq(rig_lead(&rig, topic, 0, 0, RIG_ME, 1), ERR_NONE);
    return rig_find(&rig, topic, 0);
}

static void see_high_watermark(struct partition *part, void *arg)
{
    *(int64_t *)arg = log_high_watermark(part->log).offset;
}

static int64_t high_watermark(struct partition *part)
{
    int64_t offset;
    partition_call(part, see_high_watermark, &offset);
    return offset;
}

START_TEST(append_is_neither_acknowledged_nor_visible_before_it_is_synced)
{
    struct partition *part = led("orders");
    rig_gate_set(true);
    struct rig_append all, one;
    rig_append_begin(&all, &rig, rig.loops[0], part, -1, 3);
    rig_append_begin(&one, &rig, rig.loops[1], part, 1, 3);
    rig_gate_await_somebody();
    ck_assert(!rig_append_is_done(&all));
    ck_assert(!rig_append_is_done(&one));
    ck_assert_int_eq(high_watermark(part), 0);
    rig_gate_set(false);
    ck_assert_int_eq(rig_append_await(&all), ERR_NONE);
    ck_assert_int_eq(rig_append_await(&one), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 6);
    rig_append_close(&all);
    rig_append_close(&one);
    partition_release(part);
}
END_TEST

START_TEST(append_with_acks_0_waits_for_no_sync)
{
    struct partition *part = led("orders");
    rig_gate_set(true);
    ck_assert_int_eq(rig_append(&rig, part, 0, 3), ERR_NONE);
    rig_gate_set(false);
    partition_release(part);
}
END_TEST

START_TEST(appends_that_arrive_while_the_disk_is_busy_share_the_next_sync)
{
    enum { MANY = 200 };
    static struct rig_append appends[MANY];
    struct partition *part = led("orders");
    ck_assert_int_eq(rig_append(&rig, part, -1, 1), ERR_NONE);
    int before = fault_disk_calls(rig.disk, FAULT_SYNC);
    rig_gate_set(true);
    rig_append_begin(&appends[0], &rig, rig.loops[0], part, -1, 1);
    rig_gate_await_somebody();
    for (int i = 1; i < MANY; i++)
        rig_append_begin(&appends[i], &rig, rig.loops[i % 2], part, i % 3 ? -1 : 1, 1);
    rig_gate_set(false);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(rig_append_await(&appends[i]), ERR_NONE);
        rig_append_close(&appends[i]);
    }
    /* One for the first, one for all the others. */
    ck_assert_int_eq(fault_disk_calls(rig.disk, FAULT_SYNC) - before, 2);
    partition_release(part);
}
END_TEST

START_TEST(failed_sync_is_never_acknowledged_and_takes_its_directory_only)
{
    struct partition *bad = led("bad");
    struct partition *good = led("good"); /* in the other directory */
    fault_disk_only(rig.disk, "/bad-0/");
    fault_disk_fail(rig.disk, FAULT_SYNC, 0, 1, ERR_IO);
    struct rig_append all, one;
    rig_gate_set(true);
    rig_append_begin(&all, &rig, rig.loops[0], bad, -1, 3);
    rig_append_begin(&one, &rig, rig.loops[1], bad, 1, 3);
    rig_gate_set(false);
    ck_assert_int_eq(rig_append_await(&all), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_append_await(&one), ERR_KAFKA_STORAGE_ERROR);
    rig_append_close(&all);
    rig_append_close(&one);
    ck_assert_int_eq(rig_append(&rig, bad, -1, 1), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(rig_append(&rig, good, -1, 1), ERR_NONE);
    partition_release(bad);
    partition_release(good);
}
END_TEST

START_TEST(append_waiting_for_a_sync_can_time_out)
{
    struct partition *part = led("orders");
    rig_gate_set(true);
    struct rig_append one, all;
    rig_append_begin(&one, &rig, rig.loops[0], part, 1, 1);
    rig_append_begin(&all, &rig, rig.loops[0], part, -1, 1);
    rig_gate_await_somebody();
    rig_append_time_out(&one);
    rig_append_time_out(&all);
    ck_assert_int_eq(rig_append_await(&one), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(rig_append_await(&all), ERR_REQUEST_TIMED_OUT);
    rig_append_close(&one);
    rig_append_close(&all);
    rig_gate_set(false);
    ck_assert_int_eq(rig_append(&rig, part, -1, 1), ERR_NONE);
    partition_release(part);
}
END_TEST

static void follower_has(struct partition *part, void *arg)
{
    part->replica.remotes[0].end_offset = *(int64_t *)arg;
    partition_advance(part);
}

START_TEST(append_that_makes_a_flush_due_waits_for_it_and_for_the_followers)
{
    rig.topic_config = EVERY_SECOND_SYNCED;
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, RIG_ME, 2), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    struct rig_append append;
    int64_t offset = 2;

    rig_gate_set(true); /* committed first, synced then */
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 2);
    rig_gate_await_somebody();
    partition_call(part, follower_has, &offset);
    ck_assert_int_eq(high_watermark(part), 2);
    ck_assert(!rig_append_is_done(&append));
    rig_gate_set(false);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_close(&append);

    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 2); /* synced first, committed then */
    struct rig_append synced;
    rig_append_begin(&synced, &rig, rig.loops[0], part, 1, 2);
    ck_assert_int_eq(rig_append_await(&synced), ERR_NONE);
    ck_assert(!rig_append_is_done(&append));
    offset = 4;
    partition_call(part, follower_has, &offset);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_close(&append);
    rig_append_close(&synced);
    partition_release(part);
}
END_TEST

Suite *flush_suite(void)
{
    Suite *suite = suite_create("service/flush");
    TCase *tc = tcase_create("flush");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, append_is_neither_acknowledged_nor_visible_before_it_is_synced);
    tcase_add_test(tc, append_with_acks_0_waits_for_no_sync);
    tcase_add_test(tc, appends_that_arrive_while_the_disk_is_busy_share_the_next_sync);
    tcase_add_test(tc, failed_sync_is_never_acknowledged_and_takes_its_directory_only);
    tcase_add_test(tc, append_waiting_for_a_sync_can_time_out);
    tcase_add_test(tc, append_that_makes_a_flush_due_waits_for_it_and_for_the_followers);
    suite_add_tcase(suite, tc);
    return suite;
}
