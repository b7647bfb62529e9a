/*
 * Fetches of followers: what is taken note of, who is woken, and what acks=all says afterwards.
 */
#include "base/mem.h"
#include "config/dynamic.h"
#include "config/report.h"
#include "rig.h"
#include "service/fetcher/replication_quotas.h"
#include "service/partition/delete_records.h"
#include "service/partition/followers.h"
#include "service/partition/partition_call.h"
#include "service/partition/read.h"
#include "suites.h"
#include "wire/record_builder.h"

static struct rig rig;

static void setup(void)
{
    rig_open(&rig, 2, 1, NULL);
    rig_members(&rig, 3, -1, 0);
}

static void setup_of_two(void)
{
    rig_open(&rig, 2, 1, "{\"version\":1,\"config\":{\"min.insync.replicas\":\"2\"}}");
    rig_members(&rig, 3, -1, 0);
}

static void setup_throttled(void)
{
    rig_open(&rig, 2, 1,
             "{\"version\":1,\"config\":{\"leader.replication.throttled.replicas\":\"0:1,1:2\"}}");
    rig_members(&rig, 3, -1, 0);
}

static void setup_compacted(void)
{
    rig_open(&rig, 2, 1, "{\"version\":1,\"config\":{\"cleanup.policy\":\"compact\"}}");
    rig_members(&rig, 3, -1, 0);
}

static void teardown(void)
{
    rig_close(&rig);
}

/* --- a fetch ----------------------------------------------------------------------------------------------
 */

struct fetched {
    struct read_op op;
    struct arena arena;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool done;
};

static void fetch_is_done(struct read_op *op)
{
    struct fetched *fetched = op->arg;
    pthread_mutex_lock(&fetched->lock);
    fetched->done = true;
    pthread_cond_signal(&fetched->cond);
    pthread_mutex_unlock(&fetched->lock);
}

static void fetch_on_loop(void *arg)
{
    struct fetched *fetched = arg;
    fetched->op.now_ms = loop_now_ms(loop_current());
    read_submit(&fetched->op);
}

/* By what `how` says; gives the result. */
static struct read_op fetch_how(struct partition *part, struct read_op how)
{
    struct fetched fetched = {.op = how};
    fetched.op.broker = &rig.broker;
    fetched.op.part = part;
    fetched.op.max_bytes = 1 << 20;
    fetched.op.max_magic = 2;
    fetched.op.arena = &fetched.arena;
    fetched.op.done = fetch_is_done;
    fetched.op.arg = &fetched;
    pthread_mutex_init(&fetched.lock, NULL);
    pthread_cond_init(&fetched.cond, NULL);
    rig_on_loop(rig.loops[0], fetch_on_loop, &fetched);
    pthread_mutex_lock(&fetched.lock);
    while (!fetched.done)
        pthread_cond_wait(&fetched.cond, &fetched.lock);
    pthread_mutex_unlock(&fetched.lock);
    read_op_close(&fetched.op);
    arena_close(&fetched.arena);
    pthread_mutex_destroy(&fetched.lock);
    pthread_cond_destroy(&fetched.cond);
    return fetched.op;
}

static struct read_op fetch(struct partition *part, int32_t replica, int64_t offset)
{
    return fetch_how(part, (struct read_op){.replica_id = replica,
                                            .replica_epoch = -1,
                                            .fetch_offset = offset,
                                            .current_leader_epoch = -1,
                                            .last_fetched_epoch = -1,
                                            .note_replica = true});
}

static struct partition *led(int32_t replicas, int32_t isr)
{
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 0, RIG_ME, replicas, isr), ERR_NONE);
    return rig_find(&rig, "orders", 0);
}

static void see_high_watermark(struct partition *part, void *arg)
{
    *(int64_t *)arg = log_high_watermark(part->log).offset;
}

static int64_t high_watermark(struct partition *part)
{
    int64_t seen;
    partition_call(part, see_high_watermark, &seen);
    return seen;
}

static void see_isr_state(struct partition *part, void *arg)
{
    *(enum replica_isr_state *)arg = part->replica.isr_state;
}

static enum replica_isr_state isr_state(struct partition *part)
{
    enum replica_isr_state seen;
    partition_call(part, see_isr_state, &seen);
    return seen;
}

/* --- what is taken note of --------------------------------------------------------------------------------
 */

START_TEST(fetch_acknowledges_what_is_below_it)
{
    struct partition *part = led(2, 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[1], part, -1, 3);
    fetch(part, 2, 0);
    ck_assert(!rig_append_is_done(&append));
    struct read_op found = fetch(part, 2, 3);
    ck_assert_int_eq(found.err, ERR_NONE);
    ck_assert_int_eq(found.high_watermark, 3); /* the answer says what follows from its own request */
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

START_TEST(second_look_of_a_long_poll_is_no_fetch)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    fetch_how(part,
              (struct read_op){
                  .replica_id = 2, .fetch_offset = 3, .current_leader_epoch = -1, .last_fetched_epoch = -1});
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

/* It has not heard yet that its topic was deleted, and that another has the name. */
START_TEST(follower_of_the_topic_that_had_the_name_before_has_nothing_of_this_one)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct read_op how = {.topic_id = log_topic_id(part->log),
                          .replica_id = 2,
                          .replica_epoch = -1,
                          .fetch_offset = 3,
                          .current_leader_epoch = 0,
                          .last_fetched_epoch = 0,
                          .note_replica = true};
    how.topic_id.bytes[15] ^= 1;
    ck_assert_int_eq(fetch_how(part, how).err, ERR_INCONSISTENT_TOPIC_ID);
    ck_assert_int_eq(high_watermark(part), 0);
    how.topic_id.bytes[15] ^= 1;
    ck_assert_int_eq(fetch_how(part, how).err, ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 3);
    partition_release(part);
}
END_TEST

START_TEST(fetch_out_of_range_is_not_noted)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(fetch(part, 2, 4).err, ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

START_TEST(fetch_of_a_log_that_parts_from_ours_is_not_noted)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, RIG_ME, 2), ERR_NONE);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct read_op found = fetch_how(part, (struct read_op){.replica_id = 2,
                                                            .replica_epoch = -1,
                                                            .fetch_offset = 5,
                                                            .current_leader_epoch = 1,
                                                            .last_fetched_epoch = 0, /* ended at 3 */
                                                            .note_replica = true});
    ck_assert_int_eq(found.err, ERR_NONE);
    ck_assert_int_eq(found.diverging_epoch, 0);
    ck_assert_int_eq(found.diverging_end_offset, 3);
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

START_TEST(fetch_of_another_leader_epoch_is_not_noted)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    struct read_op how = {.replica_id = 2,
                          .replica_epoch = -1,
                          .fetch_offset = 3,
                          .current_leader_epoch = 1,
                          .last_fetched_epoch = -1,
                          .note_replica = true};
    ck_assert_int_eq(fetch_how(part, how).err, ERR_UNKNOWN_LEADER_EPOCH);
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

START_TEST(stranger_is_refused)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(fetch(part, 3, 0).err, ERR_NOT_LEADER_OR_FOLLOWER);
    struct read_op how = {.replica_id = 3, .last_fetched_epoch = -1}; /* it names the epoch, which is ours */
    ck_assert_int_eq(fetch_how(part, how).err, ERR_UNKNOWN_LEADER_EPOCH);
    ck_assert_int_eq(fetch(part, RIG_ME, 0).err, ERR_NOT_LEADER_OR_FOLLOWER);
    partition_release(part);
}
END_TEST

START_TEST(earlier_life_of_a_broker_is_refused)
{
    struct partition *part = led(2, 2);
    struct read_op how = {.replica_id = 2,
                          .replica_epoch = 70,
                          .current_leader_epoch = -1,
                          .last_fetched_epoch = -1,
                          .note_replica = true};
    ck_assert_int_eq(fetch_how(part, how).err, ERR_NONE);
    how.replica_epoch = 60;
    ck_assert_int_eq(fetch_how(part, how).err, ERR_NOT_LEADER_OR_FOLLOWER);
    partition_release(part);
}
END_TEST

START_TEST(new_epoch_of_the_same_leader_keeps_the_high_watermark)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    fetch(part, 2, 3);
    ck_assert_int_eq(high_watermark(part), 3);
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, RIG_ME, 3), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 3);
    partition_release(part);
}
END_TEST

/* --- too few ----------------------------------------------------------------------------------------------
 */

START_TEST(acks_all_is_refused_below_the_minimum_and_acks_one_is_not_visible)
{
    struct partition *part = led(2, 1);
    ck_assert_int_eq(rig_append(&rig, part, -1, 1), ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

static void let_time_pass(struct partition *part, void *arg)
{
    (void)arg;
    part->too_few_ms -= 3600000;
}

/* What was sent behind it is refused alike, though there are enough by then. */
START_TEST(gap_behind_what_was_refused_for_too_small_an_isr_is_no_gap)
{
    struct partition *part = led(2, 1);
    rig.broker.sure_to_lead_ms = 0;
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 0), ERR_NONE);
    ck_assert_int_eq(rig_append(&rig, part, -1, 1), ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 1, RIG_ME, 2, 2), ERR_NONE);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 2), ERR_NOT_ENOUGH_REPLICAS);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 1), ERR_NONE);
    ck_assert_int_eq(rig_append_numbered(&rig, part, 7, 2), ERR_NONE);
    partition_call(part, let_time_pass, NULL);
    ck_assert_int_ne(rig_append_numbered(&rig, part, 7, 9), ERR_NOT_ENOUGH_REPLICAS);
    partition_release(part);
}
END_TEST

START_TEST(append_waits_while_the_isr_is_below_its_minimum)
{
    struct partition *part = led(2, 2);
    struct rig_append append;
    rig_append_begin(&append, &rig, rig.loops[0], part, -1, 1);
    /* The epoch goes on with the ISR below its minimum, the next one with enough. */
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 1, RIG_ME, 2, 1), ERR_NONE);
    ck_assert(!rig_append_is_done(&append));
    ck_assert_int_eq(high_watermark(part), 0);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 2, RIG_ME, 2, 2), ERR_NONE);
    fetch(part, 2, 1);
    ck_assert_int_eq(rig_append_await(&append), ERR_NONE);
    rig_append_close(&append);
    partition_release(part);
}
END_TEST

/* --- joining and leaving ----------------------------------------------------------------------------------
 */

START_TEST(replica_that_has_come_up_is_proposed)
{
    struct partition *part = led(2, 1);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 3);
    fetch(part, 2, 2);
    ck_assert_int_eq(isr_state(part), REPLICA_ISR_COMMITTED);
    fetch(part, 2, 3);
    ck_assert_int_eq(isr_state(part), REPLICA_ISR_GROWS);
    /* From now on it is waited for. */
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 3);
    partition_release(part);
}
END_TEST

START_TEST(replica_whose_broker_is_not_alive_is_not_proposed)
{
    struct partition *part = led(2, 1);
    rig_members(&rig, 1, -1, 0);
    fetch(part, 2, 0);
    ck_assert_int_eq(isr_state(part), REPLICA_ISR_COMMITTED);
    ck_assert_int_eq(rig_append(&rig, part, -1, 1), ERR_NONE); /* nor is it waited for */
    partition_release(part);
}
END_TEST

static void shrink(struct partition *part, void *arg)
{
    (void)arg;
    partition_shrink_isr(part);
}

START_TEST(member_that_is_late_is_proposed_to_leave)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    partition_call(part, shrink, NULL);
    ck_assert_int_eq(isr_state(part), REPLICA_ISR_COMMITTED);
    rig.broker.replica_lag_max_ms = -1; /* whoever is not at the end is late */
    partition_call(part, shrink, NULL);
    ck_assert_int_eq(isr_state(part), REPLICA_ISR_SHRINKS);
    ck_assert_int_eq(high_watermark(part), 0);
    partition_release(part);
}
END_TEST

static void see_recovery_point(struct partition *part, void *arg)
{
    *(int64_t *)arg = log_recovery_point(part->log);
}

START_TEST(few_are_left_alone_only_with_what_is_committed_on_disk)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    fetch(part, 2, 3);
    ck_assert_int_eq(rig_append(&rig, part, 1, 1), ERR_NONE);
    rig.broker.replica_lag_max_ms = -1;
    partition_call(part, shrink, NULL);
    while (isr_state(part) != REPLICA_ISR_SHRINKS)
        ;
    int64_t synced;
    partition_call(part, see_recovery_point, &synced);
    ck_assert_int_ge(synced, 3);
    partition_release(part);
}
END_TEST

START_TEST(new_leader_is_left_alone_only_with_all_that_it_took_over_on_disk)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 1, RIG_ME, 2, 2), ERR_NONE);
    ck_assert_int_eq(high_watermark(part), 0); /* nobody told it how much of the three is committed */
    rig.broker.replica_lag_max_ms = -1;
    partition_call(part, shrink, NULL);
    while (isr_state(part) != REPLICA_ISR_SHRINKS)
        ;
    int64_t synced;
    partition_call(part, see_recovery_point, &synced);
    ck_assert_int_ge(synced, 3);
    partition_release(part);
}
END_TEST

START_TEST(leader_that_is_told_of_an_isr_below_its_minimum_syncs_what_it_has)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    fetch(part, 2, 3);
    ck_assert_int_eq(high_watermark(part), 3);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 1, RIG_ME, 2, 1), ERR_NONE);
    int64_t synced = 0;
    while (synced < 3)
        partition_call(part, see_recovery_point, &synced);
    partition_release(part);
}
END_TEST

/* --- who is woken -----------------------------------------------------------------------------------------
 */

struct watcher {
    struct watch watch;
    pthread_mutex_t lock;
    int fired;
};

static void watcher_done(struct watch *watch, bool news)
{
    struct watcher *watcher = watch->arg;
    pthread_mutex_lock(&watcher->lock);
    watcher->fired += news ? 1 : 0;
    pthread_mutex_unlock(&watcher->lock);
}

static void watcher_submit(void *arg)
{
    watch_submit(&((struct watcher *)arg)->watch);
}

static void watcher_cancel(void *arg)
{
    watch_cancel(&((struct watcher *)arg)->watch);
}

static void watcher_begin(struct watcher *watcher, struct partition *part, enum log_bound bound, int64_t seen)
{
    *watcher = (struct watcher){
        .watch = {.part = part, .bound = bound, .seen_offset = seen, .done = watcher_done, .arg = watcher}};
    pthread_mutex_init(&watcher->lock, NULL);
    rig_on_loop(rig.loops[0], watcher_submit, watcher);
}

static void nothing(void *arg)
{
    (void)arg;
}

/* News that was sent has come by then: the loop takes its mail in order. */
static bool watcher_fired(struct watcher *watcher)
{
    rig_on_loop(rig.loops[0], nothing, NULL);
    pthread_mutex_lock(&watcher->lock);
    bool fired = watcher->fired > 0;
    pthread_mutex_unlock(&watcher->lock);
    return fired;
}

static void watcher_end(struct watcher *watcher)
{
    rig_on_loop(rig.loops[0], watcher_cancel, watcher);
    rig_on_loop(rig.loops[0], nothing, NULL);
    pthread_mutex_destroy(&watcher->lock);
}

START_TEST(append_wakes_followers_and_commit_wakes_consumers)
{
    struct partition *part = led(2, 2);
    struct watcher follower, consumer;
    watcher_begin(&follower, part, LOG_BOUND_END, 0);
    watcher_begin(&consumer, part, LOG_BOUND_HIGH_WATERMARK, 0);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert(watcher_fired(&follower));
    ck_assert(!watcher_fired(&consumer));
    watcher_end(&follower);
    watcher_begin(&follower, part, LOG_BOUND_END, 3);
    fetch(part, 2, 3);
    ck_assert(watcher_fired(&consumer));
    ck_assert(!watcher_fired(&follower));
    watcher_end(&follower);
    watcher_end(&consumer);
    partition_release(part);
}
END_TEST

/* --- DeleteRecords ----------------------------------------------------------------------------------------
 */

struct deletion {
    struct delete_records_op op;
    struct arena arena;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done;
};

static void deletion_done(struct delete_records_op *op)
{
    struct deletion *deletion = CONTAINER_OF(op, struct deletion, op);
    pthread_mutex_lock(&deletion->lock);
    deletion->done++;
    pthread_cond_signal(&deletion->cond);
    pthread_mutex_unlock(&deletion->lock);
}

static void deletion_submit(void *arg)
{
    delete_records_submit(&((struct deletion *)arg)->op);
}

static void deletion_time_out(void *arg)
{
    delete_records_time_out(&((struct deletion *)arg)->op);
}

static void deletion_begin(struct deletion *deletion, struct partition *part, int64_t offset)
{
    *deletion = (struct deletion){
        .op = {.broker = &rig.broker, .part = part, .offset = offset, .done = deletion_done}};
    deletion->op.arena = &deletion->arena;
    pthread_mutex_init(&deletion->lock, NULL);
    pthread_cond_init(&deletion->cond, NULL);
    rig_on_loop(rig.loops[0], deletion_submit, deletion);
}

static bool deletion_is_done(struct deletion *deletion)
{
    rig_on_loop(rig.loops[0], nothing, NULL);
    pthread_mutex_lock(&deletion->lock);
    bool done = deletion->done > 0;
    pthread_mutex_unlock(&deletion->lock);
    return done;
}

static enum err deletion_end(struct deletion *deletion)
{
    pthread_mutex_lock(&deletion->lock);
    while (!deletion->done)
        pthread_cond_wait(&deletion->cond, &deletion->lock);
    ck_assert_int_eq(deletion->done, 1);
    pthread_mutex_unlock(&deletion->lock);
    arena_close(&deletion->arena);
    pthread_mutex_destroy(&deletion->lock);
    pthread_cond_destroy(&deletion->cond);
    return deletion->op.err;
}

static void fetch_with_start(struct partition *part, int64_t offset, int64_t start)
{
    fetch_how(part, (struct read_op){.replica_id = 2,
                                     .replica_epoch = -1,
                                     .fetch_offset = offset,
                                     .replica_start_offset = start,
                                     .current_leader_epoch = -1,
                                     .last_fetched_epoch = -1,
                                     .note_replica = true});
}

START_TEST(delete_records_waits_for_the_followers_log_start)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 5), ERR_NONE);
    fetch_with_start(part, 5, 0);
    struct deletion deletion;
    deletion_begin(&deletion, part, 3);
    ck_assert(!deletion_is_done(&deletion));
    fetch_with_start(part, 5, 2);
    ck_assert(!deletion_is_done(&deletion));
    fetch_with_start(part, 5, 3);
    ck_assert_int_eq(deletion_end(&deletion), ERR_NONE);
    ck_assert_int_eq(deletion.op.low_watermark, 3);
    partition_release(part);
}
END_TEST

START_TEST(delete_records_does_not_wait_for_the_dead)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 5), ERR_NONE);
    fetch_with_start(part, 5, 0);
    rig_members(&rig, 1, -1, 0);
    struct deletion deletion;
    deletion_begin(&deletion, part, 3);
    ck_assert_int_eq(deletion_end(&deletion), ERR_NONE);
    partition_release(part);
}
END_TEST

START_TEST(delete_records_times_out_with_what_was_reached)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 5), ERR_NONE);
    fetch_with_start(part, 5, 1);
    struct deletion deletion;
    deletion_begin(&deletion, part, 3);
    ck_assert(!deletion_is_done(&deletion));
    rig_on_loop(rig.loops[0], deletion_time_out, &deletion);
    ck_assert_int_eq(deletion_end(&deletion), ERR_REQUEST_TIMED_OUT);
    ck_assert_int_eq(deletion.op.low_watermark, 1);
    partition_release(part);
}
END_TEST

/* --- the nearest replica ----------------------------------------------------------------------------------
 */

static struct read_op consume_near(struct partition *part, int32_t broker, int64_t offset)
{
    struct replica_ids rack = {&broker, 1};
    return fetch_how(part, (struct read_op){.replica_id = -1,
                                            .fetch_offset = offset,
                                            .current_leader_epoch = -1,
                                            .last_fetched_epoch = -1,
                                            .rack = &rack,
                                            .followers_serve = true});
}

START_TEST(consumer_is_sent_to_the_replica_in_its_rack_once_that_has_the_offset)
{
    struct partition *part = led(2, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    ck_assert_int_eq(consume_near(part, 2, 0).preferred_replica, -1);
    fetch(part, 2, 3);
    struct read_op found = consume_near(part, 2, 0);
    ck_assert_int_eq(found.err, ERR_NONE);
    ck_assert_int_eq(found.preferred_replica, 2);
    ck_assert_uint_eq(found.bytes.len, 0);
    ck_assert_int_eq(found.high_watermark, 3);
    ck_assert_int_eq(consume_near(part, RIG_ME, 0).preferred_replica, -1);
    rig.broker.sure_to_lead_ms = 3600000;
    fetch(part, 2, 3);
    ck_assert_int_eq(consume_near(part, 2, 4).err, ERR_OFFSET_OUT_OF_RANGE);
    partition_release(part);
}
END_TEST

START_TEST(follower_serves_the_consumer_and_sends_it_nowhere)
{
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, 2, 2), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    struct read_op found = consume_near(part, 2, 0);
    ck_assert_int_eq(found.err, ERR_NONE);
    ck_assert_int_eq(found.preferred_replica, -1);
    partition_release(part);
}
END_TEST

/* Who does not say which epoch it knows may take this broker for the leader, which it was. */
START_TEST(follower_does_not_say_that_a_position_is_beyond_the_end_to_who_names_no_epoch)
{
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 0, 2, 2), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    struct read_op how = {
        .replica_id = -1, .fetch_offset = 4, .last_fetched_epoch = -1, .followers_serve = true};
    ck_assert_int_eq(fetch_how(part, how).err, ERR_OFFSET_OUT_OF_RANGE);
    how.current_leader_epoch = -1;
    ck_assert_int_eq(fetch_how(part, how).err, ERR_NOT_LEADER_OR_FOLLOWER);
    ck_assert_int_eq(consume_near(part, RIG_ME, 4).err, ERR_OFFSET_OUT_OF_RANGE);
    partition_release(part);
}
END_TEST

/* --- throttling -------------------------------------------------------------------------------------------
 */

/* So much has gone to followers, and so much may each second. */
static void send_and_limit(int64_t bytes, const char *rate)
{
    struct config_report report = {0};
    struct config_pair pair = {"leader.replication.throttled.rate", rate};
    struct config *config =
        config_with_dynamic(atomic_load(&rig.broker.config.value), (struct config_pairs){0},
                            (struct config_pairs){&pair, 1}, &report);
    ck_assert_ptr_nonnull(config);
    replication_quotas_update(rig.broker.quotas, config);
    config_release(config);
    config_report_close(&report);
    replication_quota_record(rig.broker.quotas, REPLICATION_QUOTA_LEADER, bytes,
                             clock_mono_ms(rig.broker.clock));
}

START_TEST(over_the_rate_a_follower_that_lags_gets_nothing_and_a_member_of_the_isr_all)
{
    struct partition *part = led(3, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    send_and_limit(1000000000, "1000");
    struct read_op lagging = fetch(part, 3, 0);
    ck_assert_int_eq(lagging.err, ERR_NONE);
    ck_assert(lagging.held_back && lagging.on_throttled_list);
    ck_assert_uint_eq(lagging.bytes.len, 0);
    struct read_op member = fetch(part, 2, 0);
    ck_assert(!member.held_back && member.on_throttled_list);
    struct read_op consumer = fetch(part, -1, 0);
    ck_assert(!consumer.held_back && !consumer.on_throttled_list);
    partition_release(part);
}
END_TEST

START_TEST(what_is_held_back_is_noted_and_its_errors_are_told)
{
    struct partition *part = led(3, 1);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    send_and_limit(1000000000, "1000");
    ck_assert(fetch(part, 3, 1).held_back);
    ck_assert_int_eq(part->replica.remotes[1].end_offset, 1);
    ck_assert_int_eq(fetch(part, 3, 4).err, ERR_OFFSET_OUT_OF_RANGE);
    partition_release(part);
}
END_TEST

START_TEST(within_the_rate_or_off_the_list_nothing_is_held_back)
{
    struct partition *part = led(3, 2);
    ck_assert_int_eq(rig_append(&rig, part, 1, 3), ERR_NONE);
    send_and_limit(1000000000, "9000000000000");
    ck_assert(!fetch(part, 3, 0).held_back);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 1, 0, RIG_ME, 3, 2), ERR_NONE);
    struct partition *other = rig_find(&rig, "orders", 1);
    send_and_limit(0, "1");
    ck_assert(fetch(part, 3, 0).held_back);
    struct read_op off_the_list = fetch(other, 3, 0);
    ck_assert(!off_the_list.held_back && !off_the_list.on_throttled_list);
    partition_release(other);
    partition_release(part);
}
END_TEST

/* --- what was compacted before it came here
 * -----------------------------------------------------------------
 */

static void copy_one(struct log *log, int64_t offset, int32_t epoch)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = offset;
    spec.leader_epoch = epoch;
    struct buf set = {0};
    struct record_builder b;
    record_builder_open(&b, &spec, NULL, &set);
    record_builder_put(&b, 1000, VIEW_LIT("key"), VIEW_LIT("value"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    struct log_append_result out;
    struct errmsg why;
    ck_assert_int_eq(log_append_as_follower(log, buf_view(&set), -1, 1000, &out, &why), ERR_NONE);
    buf_close(&set);
}

/* Epoch 0 ended somewhere from 11 on, epoch 1 began at 20 at the latest. */
static void copy_with_a_gap(struct partition *part, void *arg)
{
    (void)arg;
    copy_one(part->log, 10, 0);
    copy_one(part->log, 20, 1);
}

static struct read_op fetch_of_epoch_zero(struct partition *part, int32_t replica, int64_t offset)
{
    struct read_op found = fetch_how(part, (struct read_op){.replica_id = replica,
                                                            .replica_epoch = -1,
                                                            .fetch_offset = offset,
                                                            .current_leader_epoch = 2,
                                                            .last_fetched_epoch = 0,
                                                            .followers_serve = true});
    ck_assert_int_eq(found.err, ERR_NONE);
    return found;
}

START_TEST(what_a_follower_may_have_of_a_deposed_leader_is_cut)
{
    ck_assert_int_eq(rig_lead(&rig, "orders", 0, 1, 2, 3), ERR_NONE);
    struct partition *part = rig_find(&rig, "orders", 0);
    partition_call(part, copy_with_a_gap, NULL);
    ck_assert_int_eq(rig_lead_isr(&rig, "orders", 0, 2, RIG_ME, 3, 2), ERR_NONE);
    for (int64_t offset = 12; offset <= 20; offset += 4) {
        struct read_op found = fetch_of_epoch_zero(part, 3, offset);
        ck_assert_int_eq(found.diverging_epoch, 0);
        ck_assert_int_eq(found.diverging_end_offset, 11);
    }
    ck_assert_int_eq(fetch_of_epoch_zero(part, 3, 11).diverging_epoch, -1);
    /* Of the ISR nobody has such, and a consumer goes by what its records said. */
    ck_assert_int_eq(fetch_of_epoch_zero(part, 2, 12).diverging_epoch, -1);
    ck_assert_int_eq(fetch_of_epoch_zero(part, -1, 12).diverging_epoch, -1);
    partition_release(part);
}
END_TEST

Suite *followers_suite(void)
{
    Suite *suite = suite_create("service: followers");
    TCase *tc = tcase_create("followers");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, fetch_acknowledges_what_is_below_it);
    tcase_add_test(tc, second_look_of_a_long_poll_is_no_fetch);
    tcase_add_test(tc, follower_of_the_topic_that_had_the_name_before_has_nothing_of_this_one);
    tcase_add_test(tc, fetch_out_of_range_is_not_noted);
    tcase_add_test(tc, fetch_of_a_log_that_parts_from_ours_is_not_noted);
    tcase_add_test(tc, fetch_of_another_leader_epoch_is_not_noted);
    tcase_add_test(tc, stranger_is_refused);
    tcase_add_test(tc, earlier_life_of_a_broker_is_refused);
    tcase_add_test(tc, new_epoch_of_the_same_leader_keeps_the_high_watermark);
    tcase_add_test(tc, replica_that_has_come_up_is_proposed);
    tcase_add_test(tc, replica_whose_broker_is_not_alive_is_not_proposed);
    tcase_add_test(tc, member_that_is_late_is_proposed_to_leave);
    tcase_add_test(tc, append_wakes_followers_and_commit_wakes_consumers);
    tcase_add_test(tc, delete_records_waits_for_the_followers_log_start);
    tcase_add_test(tc, delete_records_does_not_wait_for_the_dead);
    tcase_add_test(tc, delete_records_times_out_with_what_was_reached);
    tcase_add_test(tc, consumer_is_sent_to_the_replica_in_its_rack_once_that_has_the_offset);
    tcase_add_test(tc, follower_serves_the_consumer_and_sends_it_nowhere);
    tcase_add_test(tc, follower_does_not_say_that_a_position_is_beyond_the_end_to_who_names_no_epoch);
    suite_add_tcase(suite, tc);
    TCase *two = tcase_create("two in sync");
    tcase_add_checked_fixture(two, setup_of_two, teardown);
    tcase_add_test(two, acks_all_is_refused_below_the_minimum_and_acks_one_is_not_visible);
    tcase_add_test(two, gap_behind_what_was_refused_for_too_small_an_isr_is_no_gap);
    tcase_add_test(two, append_waits_while_the_isr_is_below_its_minimum);
    tcase_add_test(two, few_are_left_alone_only_with_what_is_committed_on_disk);
    tcase_add_test(two, new_leader_is_left_alone_only_with_all_that_it_took_over_on_disk);
    tcase_add_test(two, leader_that_is_told_of_an_isr_below_its_minimum_syncs_what_it_has);
    suite_add_tcase(suite, two);
    TCase *compacted = tcase_create("compacted");
    tcase_add_checked_fixture(compacted, setup_compacted, teardown);
    tcase_add_test(compacted, what_a_follower_may_have_of_a_deposed_leader_is_cut);
    suite_add_tcase(suite, compacted);
    TCase *throttled = tcase_create("throttled");
    tcase_add_checked_fixture(throttled, setup_throttled, teardown);
    tcase_add_test(throttled, over_the_rate_a_follower_that_lags_gets_nothing_and_a_member_of_the_isr_all);
    tcase_add_test(throttled, what_is_held_back_is_noted_and_its_errors_are_told);
    tcase_add_test(throttled, within_the_rate_or_off_the_list_nothing_is_held_back);
    suite_add_tcase(suite, throttled);
    return suite;
}
