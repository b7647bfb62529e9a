/*
 * Offsets by time and by epoch: what each kind of reader may be told.
 */
#include <sched.h>

#include "loop/latch.h"
#include "rig.h"
#include "service/partition/followers.h"
#include "service/partition/lookup.h"
#include "service/partition/partition_call.h"
#include "service/replica/log_dirs.h"
#include "suites.h"

#define CONSUMER           (-1)
#define DEBUGGING_CONSUMER (-2)
#define FOLLOWER           2
/* rig_batch dates its records so, one millisecond after the other. */
#define FIRST_MS 1700000000000

static struct rig rig;
static struct partition *part;

static void setup(void)
{
    rig_open(&rig, 1, 1, NULL);
}

static void teardown(void)
{
    if (part)
        partition_release(part);
    part = NULL;
    rig_close(&rig);
}

/* Makes this broker the leader of t-0 in `epoch`; with two replicas nothing is committed that is appended. */
static void lead(int32_t epoch, int32_t replicas)
{
    ck_assert_int_eq(rig_lead(&rig, "t", 0, epoch, RIG_ME, replicas), ERR_NONE);
    if (!part)
        part = rig_find(&rig, "t", 0);
}

static void be_fetched_from(struct partition *of, void *arg)
{
    (void)arg;
    struct replica_fetch fetch = {.broker_id = FOLLOWER,
                                  .broker_epoch = -1,
                                  .now_ms = clock_mono_ms(of->broker->clock),
                                  .gap_ms = 3600000};
    ck_assert_int_eq(partition_note_fetch(of, &fetch), ERR_NONE);
}

/* The other replica fetches, though it has nothing yet. */
static void be_followed(void)
{
    rig.broker.sure_to_lead_ms = 3600000;
    partition_call(part, be_fetched_from, NULL);
    partition_call(part, be_fetched_from, NULL);
}

static void append(int records)
{
    ck_assert_int_eq(rig_append(&rig, part, 1, records), ERR_NONE);
}

/* --- asking ----------------------------------------------------------------------------------------------
 */

struct asking {
    struct lookup_op op;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static void came_home(struct lookup_op *op)
{
    struct asking *asking = op->arg;
    ck_assert_ptr_eq(loop_current(), rig.loops[0]);
    pthread_mutex_lock(&asking->lock);
    asking->done = true;
    pthread_cond_signal(&asking->cond);
    pthread_mutex_unlock(&asking->lock);
}

static void submit_on_loop(void *arg)
{
    lookup_submit(&((struct asking *)arg)->op);
}

/* Fills in what all questions have in common. */
static void ask_begin(struct asking *asking)
{
    asking->op.broker = &rig.broker;
    asking->op.part = part;
    asking->op.done = came_home;
    asking->op.arg = asking;
    pthread_mutex_init(&asking->lock, NULL);
    pthread_cond_init(&asking->cond, NULL);
    rig_on_loop(rig.loops[0], submit_on_loop, asking);
}

static void ask_await(struct asking *asking)
{
    pthread_mutex_lock(&asking->lock);
    while (!asking->done)
        pthread_cond_wait(&asking->cond, &asking->lock);
    pthread_mutex_unlock(&asking->lock);
    pthread_mutex_destroy(&asking->lock);
    pthread_cond_destroy(&asking->cond);
}

static struct lookup_op ask(struct lookup_op op)
{
    struct asking asking = {.op = op};
    ask_begin(&asking);
    ask_await(&asking);
    return asking.op;
}

static struct lookup_op ask_kind(enum lookup_kind kind, int32_t replica_id)
{
    return ask((struct lookup_op){.kind = kind, .replica_id = replica_id, .current_leader_epoch = -1});
}

static struct lookup_op ask_time(int64_t timestamp, int32_t replica_id)
{
    return ask((struct lookup_op){.kind = LOOKUP_TIMESTAMP,
                                  .timestamp = timestamp,
                                  .replica_id = replica_id,
                                  .current_leader_epoch = -1});
}

static void expect(struct lookup_op found, int64_t offset, int32_t leader_epoch)
{
    ck_assert_int_eq(found.err, ERR_NONE);
    ck_assert_int_eq(found.offset, offset);
    ck_assert_int_eq(found.leader_epoch, leader_epoch);
}

/* --- first and last --------------------------------------------------------------------------------------
 */

START_TEST(first_and_last_offset_carry_their_epochs)
{
    lead(3, 1);
    append(2);
    lead(5, 1);
    append(2);
    expect(ask_kind(LOOKUP_EARLIEST, CONSUMER), 0, 3);
    expect(ask_kind(LOOKUP_LATEST, CONSUMER), 4, 5);
}
END_TEST

START_TEST(consumer_sees_what_is_committed_and_a_follower_all)
{
    lead(0, 2);
    append(5);
    expect(ask_kind(LOOKUP_LATEST, CONSUMER), 0, 0);
    expect(ask_kind(LOOKUP_LATEST, FOLLOWER), 5, 0);
    expect(ask_kind(LOOKUP_LATEST, DEBUGGING_CONSUMER), 5, 0);
}
END_TEST

START_TEST(new_leader_that_does_not_know_what_is_committed_tells_a_consumer_no_end)
{
    lead(0, 2);
    append(5);
    lead(1, 2);
    ck_assert_int_eq(ask_kind(LOOKUP_LATEST, CONSUMER).err, ERR_OFFSET_NOT_AVAILABLE);
    ck_assert_int_eq(ask_time(FIRST_MS, CONSUMER).err, ERR_OFFSET_NOT_AVAILABLE);
    expect(ask_kind(LOOKUP_LATEST, FOLLOWER), 5, 1);
    expect(ask_kind(LOOKUP_EARLIEST, CONSUMER), 0, 0);
    lead(2, 1); /* alone: now it knows */
    append(1);
    expect(ask_kind(LOOKUP_LATEST, CONSUMER), 6, 2);
}
END_TEST

/* --- by time, by epoch -----------------------------------------------------------------------------------
 */

START_TEST(first_record_at_or_after_a_time_is_found)
{
    lead(4, 1);
    append(3);
    struct lookup_op found = ask_time(FIRST_MS + 1, CONSUMER);
    expect(found, 1, 4);
    ck_assert_int_eq(found.result_timestamp, FIRST_MS + 1);
    expect(ask_time(0, CONSUMER), 0, 4);
    expect(ask_time(FIRST_MS + 3, CONSUMER), -1, -1);
}
END_TEST

START_TEST(record_that_is_not_committed_is_not_found_for_a_consumer)
{
    lead(0, 2);
    append(3);
    be_followed();
    expect(ask_time(FIRST_MS + 1, CONSUMER), -1, -1);
    expect(ask_time(FIRST_MS + 1, FOLLOWER), 1, 0);
}
END_TEST

START_TEST(offsets_of_version_0_end_for_a_consumer_where_what_is_committed_does)
{
    int64_t offsets[4];
    struct lookup_op asked = {.kind = LOOKUP_LEGACY,
                              .timestamp = -1,
                              .replica_id = CONSUMER,
                              .current_leader_epoch = -1,
                              .legacy_max = 4,
                              .legacy_offsets = offsets};
    lead(0, 1);
    append(3);
    lead(1, 2);
    append(2);
    ck_assert_int_eq(ask(asked).legacy_count, 2);
    ck_assert_int_eq(offsets[0], 3);
    ck_assert_int_eq(offsets[1], 0);
    asked.replica_id = FOLLOWER;
    ck_assert_int_eq(ask(asked).legacy_count, 2);
    ck_assert_int_eq(offsets[0], 5);
}
END_TEST

/* It may have been deposed, and its successor may have what it has not. */
START_TEST(leader_that_nobody_follows_does_not_say_that_there_is_nothing)
{
    struct lookup_op epoch = {
        .kind = LOOKUP_EPOCH_END, .replica_id = CONSUMER, .epoch = 7, .current_leader_epoch = -1};
    lead(0, 2);
    append(3);
    ck_assert_int_eq(ask_time(FIRST_MS + 60000, CONSUMER).err, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(ask(epoch).err, ERR_NOT_LEADER_OR_FOLLOWER);
    expect(ask_kind(LOOKUP_EARLIEST, CONSUMER), 0, 0);
    expect(ask_kind(LOOKUP_LATEST, CONSUMER), 0, 0);
    be_followed();
    expect(ask_time(FIRST_MS + 60000, CONSUMER), -1, -1);
    expect(ask(epoch), -1, -1);
}
END_TEST

START_TEST(record_with_the_largest_time_is_found)
{
    lead(0, 1);
    expect(ask_kind(LOOKUP_MAX_TIMESTAMP, CONSUMER), -1, -1);
    append(4);
    append(2);
    struct lookup_op found = ask_kind(LOOKUP_MAX_TIMESTAMP, CONSUMER);
    expect(found, 3, 0);
    ck_assert_int_eq(found.result_timestamp, FIRST_MS + 3);
}
END_TEST

START_TEST(epoch_ends_where_the_next_begins)
{
    lead(2, 1);
    append(3);
    lead(5, 1);
    append(4);
    struct lookup_op asked = {.kind = LOOKUP_EPOCH_END, .replica_id = FOLLOWER, .current_leader_epoch = -1};
    asked.epoch = 2;
    expect(ask(asked), 3, 2);
    asked.epoch = 4; /* there was none: the one before it */
    expect(ask(asked), 3, 2);
    asked.epoch = 5;
    expect(ask(asked), 7, 5);
    asked.epoch = 6;
    expect(ask(asked), -1, -1);
}
END_TEST

START_TEST(nothing_lies_in_remote_storage)
{
    lead(0, 1);
    append(1);
    expect(ask_kind(LOOKUP_TIERED, CONSUMER), -1, -1);
}
END_TEST

/* --- who may ask -----------------------------------------------------------------------------------------
 */

START_TEST(follower_answers_nobody_but_a_debugging_consumer)
{
    lead(0, 1);
    append(2);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, 2, 2), ERR_NONE);
    ck_assert_int_eq(ask_kind(LOOKUP_LATEST, CONSUMER).err, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(ask_time(FIRST_MS, CONSUMER).err, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(ask_kind(LOOKUP_LATEST, FOLLOWER).err, ERR_NOT_LEADER_OR_FOLLOWER);
    expect(ask_kind(LOOKUP_LATEST, DEBUGGING_CONSUMER), 2, 0);
}
END_TEST

/* So a broker asks that uses a version without the field, and would cut its log by the answer. */
START_TEST(follower_tells_nobody_where_an_epoch_ends)
{
    struct lookup_op epoch = {
        .kind = LOOKUP_EPOCH_END, .replica_id = DEBUGGING_CONSUMER, .epoch = 0, .current_leader_epoch = -1};
    lead(0, 1);
    append(2);
    expect(ask(epoch), 2, 0);
    ck_assert_int_eq(rig_lead(&rig, "t", 0, 1, 2, 2), ERR_NONE);
    ck_assert_int_eq(ask(epoch).err, ERR_NOT_LEADER_OR_FOLLOWER);
}
END_TEST

START_TEST(question_for_another_epoch_is_refused)
{
    lead(5, 1);
    struct lookup_op asked = {.kind = LOOKUP_LATEST, .replica_id = CONSUMER, .current_leader_epoch = 4};
    ck_assert_int_eq(ask(asked).err, ERR_FENCED_LEADER_EPOCH);
    asked.current_leader_epoch = 6;
    ck_assert_int_eq(ask(asked).err, ERR_UNKNOWN_LEADER_EPOCH);
    asked.current_leader_epoch = 5;
    expect(ask(asked), 0, 5);
}
END_TEST

START_TEST(partition_that_was_deleted_meanwhile_is_unknown)
{
    lead(0, 1);
    append(1);
    ck_assert_int_eq(rig_stop_replica(&rig, "t", 0, 1, true), ERR_NONE);
    ck_assert_int_eq(ask_kind(LOOKUP_LATEST, CONSUMER).err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    ck_assert_int_eq(ask_time(0, CONSUMER).err, ERR_UNKNOWN_TOPIC_OR_PARTITION);
}
END_TEST

/* Its readers come again and again, and would have every worker. */
START_TEST(question_to_a_directory_that_hangs_takes_no_worker)
{
    rig_close(&rig);
    rig_open(&rig, 1, 2, NULL);
    lead(0, 1);
    append(1);
    struct log_dir_state *dir = atomic_load(&part->dir);
    while (atomic_load(&dir->hang.busy) > 0)
        sched_yield();
    int64_t now_ms = clock_mono_ms(rig.broker.clock);
    hang_watch_begin(&dir->hang, now_ms - HANG_WATCH_MS - 1);
    ck_assert_int_eq(ask_time(0, CONSUMER).err, ERR_KAFKA_STORAGE_ERROR);
    hang_watch_end(&dir->hang, now_ms);
    expect(ask_time(0, CONSUMER), 0, 0);
}
END_TEST

static struct latch held;
static struct latch let_go;

static void hold_until_let_go(struct partition *of, void *arg)
{
    (void)of;
    (void)arg;
    latch_open(&held);
    latch_await(&let_go);
}

static void *hold(void *arg)
{
    partition_call(part, hold_until_let_go, arg);
    return NULL;
}

/* As who waits for a write: the worker gets away when it is clear that the disk does not answer. */
START_TEST(question_to_a_directory_that_begins_to_hang_gives_its_worker_back)
{
    rig_close(&rig);
    rig_open(&rig, 1, 2, NULL);
    lead(0, 1);
    append(1);
    latch_init(&held);
    latch_init(&let_go);
    pthread_t holder;
    ck_assert_int_eq(pthread_create(&holder, NULL, hold, NULL), 0);
    latch_await(&held);
    struct asking asking = {
        .op = {.kind = LOOKUP_TIMESTAMP, .replica_id = CONSUMER, .current_leader_epoch = -1}};
    ask_begin(&asking);
    struct log_dir_state *dir = atomic_load(&part->dir);
    atomic_store(&dir->hang.moved_ms, clock_mono_ms(rig.broker.clock) - HANG_WATCH_MS - 1);
    ask_await(&asking);
    ck_assert_int_eq(asking.op.err, ERR_KAFKA_STORAGE_ERROR);
    latch_open(&let_go);
    pthread_join(holder, NULL);
    expect(ask_time(0, CONSUMER), 0, 0);
}
END_TEST

Suite *lookup_suite(void)
{
    Suite *suite = suite_create("lookup");
    TCase *tcase = tcase_create("lookup");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, first_and_last_offset_carry_their_epochs);
    tcase_add_test(tcase, consumer_sees_what_is_committed_and_a_follower_all);
    tcase_add_test(tcase, new_leader_that_does_not_know_what_is_committed_tells_a_consumer_no_end);
    tcase_add_test(tcase, first_record_at_or_after_a_time_is_found);
    tcase_add_test(tcase, record_that_is_not_committed_is_not_found_for_a_consumer);
    tcase_add_test(tcase, offsets_of_version_0_end_for_a_consumer_where_what_is_committed_does);
    tcase_add_test(tcase, leader_that_nobody_follows_does_not_say_that_there_is_nothing);
    tcase_add_test(tcase, record_with_the_largest_time_is_found);
    tcase_add_test(tcase, epoch_ends_where_the_next_begins);
    tcase_add_test(tcase, nothing_lies_in_remote_storage);
    tcase_add_test(tcase, follower_answers_nobody_but_a_debugging_consumer);
    tcase_add_test(tcase, follower_tells_nobody_where_an_epoch_ends);
    tcase_add_test(tcase, question_to_a_directory_that_hangs_takes_no_worker);
    tcase_add_test(tcase, question_to_a_directory_that_begins_to_hang_gives_its_worker_back);
    tcase_add_test(tcase, question_for_another_epoch_is_refused);
    tcase_add_test(tcase, partition_that_was_deleted_meanwhile_is_unknown);
    suite_add_tcase(suite, tcase);
    return suite;
}
