/*
 * Appends and reads over a real log: when an acknowledgement comes, and what it says.
 */
#include <string.h>

#include "base/mem.h"
#include "rig.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/partition/read.h"
#include "suites.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
}

static void teardown(void)
{
    rig_close(&rig);
}

static struct partition *led(const char *topic, int32_t replicas)
{
    ck_assert_int_eq(rig_lead(&rig, topic, 0, 0, RIG_ME, replicas), ERR_NONE);
    struct partition *part = rig_find(&rig, topic, 0);
    ck_assert_ptr_nonnull(part);
    return part;
}

START_TEST(append_to_a_sole_replica_is_acknowledged_at_once)
{
    struct partition *part = led("orders", 1);
    for (int i = 0; i < 3; i++) {
        struct rig_append append;
        rig_append_begin(&append, &rig, rig.loops[0], part, -1, 10);
        ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
        ck_assert_int_eq(append.op.base_offset, 10 * i);
        ck_assert_int_eq(append.op.records_count, 10);
        ck_assert_int_eq(append.op.log_start_offset, 0);
        rig_append_close(&append);
    }
    partition_release(part);
}
END_TEST

START_TEST(append_without_a_batch_is_refused)
{
    struct partition *part = led("orders", 1);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, 1, 0);
    ck_assert_int_eq(rig_append_await(&append), ERR_INVALID_RECORD);
    ck_assert_int_eq(append.op.base_offset, -1);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

static void be_fetched_from(struct partition *part, void *arg)
{
    (void)arg;
    struct replica_fetch fetch = {
        .broker_id = 2, .broker_epoch = -1, .now_ms = clock_mono_ms(part->broker->clock), .gap_ms = 3600000};
    ck_assert_int_eq(partition_note_fetch(part, &fetch), ERR_NONE);
}

/* What clients take for the end of everything is said only by who leads for sure. */
START_TEST(gap_in_the_sequences_may_be_the_leaders_own_while_nobody_follows_it)
{
    rig.broker.sure_to_lead_ms = 3600000;
    struct partition *part = led("orders", 2);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 0), ERR_NONE);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 5), ERR_NOT_LEADER_OR_FOLLOWER);
    partition_call(part, be_fetched_from, NULL);
    partition_call(part, be_fetched_from, NULL);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 5), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 1), ERR_NONE);
    partition_release(part);
}
END_TEST

START_TEST(gap_in_the_sequences_is_told_by_a_sole_replica)
{
    struct partition *part = led("orders", 1);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 0), ERR_NONE);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 5), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
    partition_release(part);
}
END_TEST

START_TEST(append_waits_for_the_followers_and_times_out)
{
    struct partition *part = led("orders", 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 5), ERR_NONE);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    ck_assert(!rig_append_is_done(&append));
    rig_append_time_out(&append);
    ck_assert_int_eq(rig_append_await(&append), ERR_REQUEST_TIMED_OUT);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

/* A request times out as a whole: those of its appends that are through are left alone. */
START_TEST(append_that_is_home_is_not_timed_out)
{
    struct partition *part = led("orders", 1);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_time_out(&append);
    ck_assert_int_eq(append.done, 1);
    ck_assert_int_eq(append.op.err, ERR_NONE);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

START_TEST(append_waits_on_when_its_leader_goes_on_in_a_newer_epoch)
{
    struct partition *part = led("orders", 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, RIG_ME, 2), ERR_NONE);
    ck_assert(!rig_append_is_done(&append));
    /* The new epoch's ISR is this broker alone: now it is committed. */
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 2, RIG_ME, 1), ERR_NONE);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

START_TEST(append_that_waits_is_unclear_when_the_leader_becomes_a_follower)
{
    struct partition *part = led("orders", 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_append_await(&append), ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND);
    rig_append_close(&append);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NOT_LEADER_OR_FOLLOWER);
    partition_release(part);
}
END_TEST

START_TEST(append_that_waits_fails_when_the_partition_is_deleted)
{
    struct partition *part = led("orders", 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    ck_assert_int_eq(rig_stop_replica(&rig, "orders", 0, 1, true), ERR_NONE);
    ck_assert_int_eq(rig_append_await(&append), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    rig_append_close(&append);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_ptr_null(rig_find(&rig, "orders", 0));
    partition_release(part);
}
END_TEST

/* Leaks of what waits are the sanitizer's to find. */
START_TEST(append_that_waits_comes_home_when_the_broker_stops)
{
    struct partition *part = led("orders", 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 5);
    partition_release(part);
    rig_stop(&rig);
    ck_assert_int_eq(append.done, 1);
    ck_assert_int_ne(append.op.err, ERR_NONE);
    rig_append_close(&append);
    rig_start(&rig, 1);
}
END_TEST

/* --- reads ---------------------------------------------------------------------------------------------- */

struct reading {
    struct read_op op;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static void read_is_done(struct read_op *op)
{
    struct reading *reading = op->arg;
    pthread_mutex_lock(&reading->lock);
    reading->done = true;
    pthread_cond_signal(&reading->cond);
    pthread_mutex_unlock(&reading->lock);
}

static void read_on_loop(void *arg)
{
    read_submit(&((struct reading *)arg)->op);
}

static void read_all(struct reading *reading, struct partition *part, int64_t offset, int8_t max_magic,
                     struct arena *arena)
{
    *reading = (struct reading){.op = {.broker = &rig.broker,
                                       .part = part,
                                       .fetch_offset = offset,
                                       .max_bytes = 1 << 20,
                                       .current_leader_epoch = -1,
                                       .last_fetched_epoch = -1,
                                       .replica_id = -1,
                                       .max_magic = max_magic,
                                       .copy_max_bytes = 1 << 20,
                                       .arena = arena,
                                       .done = read_is_done,
                                       .arg = reading}};
    pthread_mutex_init(&reading->lock, NULL);
    pthread_cond_init(&reading->cond, NULL);
    rig_on_loop(rig.loops[0], read_on_loop, reading);
    pthread_mutex_lock(&reading->lock);
    while (!reading->done)
        pthread_cond_wait(&reading->cond, &reading->lock);
    pthread_mutex_unlock(&reading->lock);
    pthread_mutex_destroy(&reading->lock);
    pthread_cond_destroy(&reading->cond);
}

START_TEST(read_gives_what_was_appended)
{
    struct partition *part = led("orders", 1);
    ck_assert_int_eq(rig_append(&rig, part, 1, 7), ERR_NONE);
    struct buf sent = {0};
    rig_batch(&sent, 7);
    struct reading reading;
    struct arena arena = {0};
    read_all(&reading, part, 0, 2, &arena);
    ck_assert_int_eq(reading.op.err, ERR_NONE);
    ck_assert_int_eq(reading.op.high_watermark, 7);
    ck_assert_uint_eq(reading.op.bytes.len, sent.len);
    read_op_close(&reading.op);
    buf_close(&sent);
    arena_close(&arena);
    partition_release(part);
}
END_TEST

START_TEST(read_of_a_cold_log_gives_the_same_bytes)
{
    struct partition *part = led("orders", 1);
    ck_assert_int_eq(rig_append(&rig, part, 1, 7), ERR_NONE);
    struct reading warm, cold;
    struct arena arena = {0};
    read_all(&warm, part, 0, 2, &arena);
    fault_disk_set_cold(rig.disk, true);
    read_all(&cold, part, 0, 2, &arena);
    fault_disk_set_cold(rig.disk, false);
    ck_assert_int_eq(cold.op.err, ERR_NONE);
    ck_assert_int_eq(cold.op.slice.len, warm.op.slice.len);
    ck_assert_ptr_nonnull(cold.op.slice.file); /* never in the cache: the sender waits for it */
    read_op_close(&warm.op);
    read_op_close(&cold.op);
    arena_close(&arena);
    partition_release(part);
}
END_TEST

START_TEST(read_for_an_old_reader_is_converted)
{
    struct partition *part = led("orders", 1);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct reading reading;
    struct arena arena = {0};
    read_all(&reading, part, 0, 1, &arena);
    ck_assert_int_eq(reading.op.err, ERR_NONE);
    ck_assert_uint_gt(reading.op.bytes.len, 17);
    ck_assert_int_eq(reading.op.bytes.ptr[16], 1); /* magic */
    read_op_close(&reading.op);
    arena_close(&arena);
    partition_release(part);
}
END_TEST

START_TEST(read_is_bounded_by_what_is_committed)
{
    rig.broker.sure_to_lead_ms = 3600000;
    struct partition *part = led("orders", 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct reading reading;
    struct arena arena = {0};
    read_all(&reading, part, 0, 2, &arena);
    ck_assert_int_eq(reading.op.err, ERR_NONE);
    ck_assert_int_eq(reading.op.slice.len, 0);
    read_op_close(&reading.op);
    read_all(&reading, part, 4, 2, &arena);
    ck_assert_int_eq(reading.op.err,
                     ERR_NOT_LEADER_OR_FOLLOWER); /* nobody follows it: who knows what there is */
    read_op_close(&reading.op);
    partition_call(part, be_fetched_from, NULL);
    partition_call(part, be_fetched_from, NULL);
    read_all(&reading, part, 4, 2, &arena);
    ck_assert_int_eq(reading.op.err, ERR_OFFSET_OUT_OF_RANGE);
    read_op_close(&reading.op);
    arena_close(&arena);
    partition_release(part);
}
END_TEST

Suite *append_suite(void)
{
    Suite *suite = suite_create("service/append");
    TCase *tc = tcase_create("append");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, append_to_a_sole_replica_is_acknowledged_at_once);
    tcase_add_test(tc, append_without_a_batch_is_refused);
    tcase_add_test(tc, gap_in_the_sequences_may_be_the_leaders_own_while_nobody_follows_it);
    tcase_add_test(tc, gap_in_the_sequences_is_told_by_a_sole_replica);
    tcase_add_test(tc, append_waits_for_the_followers_and_times_out);
    tcase_add_test(tc, append_that_is_home_is_not_timed_out);
    tcase_add_test(tc, append_waits_on_when_its_leader_goes_on_in_a_newer_epoch);
    tcase_add_test(tc, append_that_waits_is_unclear_when_the_leader_becomes_a_follower);
    tcase_add_test(tc, append_that_waits_fails_when_the_partition_is_deleted);
    tcase_add_test(tc, append_that_waits_comes_home_when_the_broker_stops);
    suite_add_tcase(suite, tc);
    tc = tcase_create("read");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, read_gives_what_was_appended);
    tcase_add_test(tc, read_of_a_cold_log_gives_the_same_bytes);
    tcase_add_test(tc, read_for_an_old_reader_is_converted);
    tcase_add_test(tc, read_is_bounded_by_what_is_committed);
    suite_add_tcase(suite, tc);
    return suite;
}
