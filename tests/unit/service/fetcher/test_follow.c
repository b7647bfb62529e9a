/*
 * What a follower does to its log: appends, cuts, and what it leaves undone when it does not follow any more.
 */
#include "service/fetcher/follow.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "metrics/metrics.h"
#include "rig.h"
#include "service/partition/partition_call.h"
#include "storage/leader_epochs.h"
#include "suites.h"

#define LEADER      2
#define EACH_SYNCED "{\"version\":1,\"config\":{\"flush.messages\":\"1\"}}"

static struct rig rig;
static struct partition *part;

/* One op, submitted on a loop. */
static struct {
    struct follow_op op;
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool finished;
} doing = {.lock = PTHREAD_MUTEX_INITIALIZER, .cond = PTHREAD_COND_INITIALIZER};

static void came_home(struct follow_op *op)
{
    (void)op;
    ck_assert_ptr_eq(loop_current(), rig.loops[0]);
    pthread_mutex_lock(&doing.lock);
    doing.finished = true;
    pthread_cond_signal(&doing.cond);
    pthread_mutex_unlock(&doing.lock);
}

static void submit_on_loop(void *arg)
{
    follow_submit(arg);
}

static void begin(struct fetch_link_action action, bool begins)
{
    doing.finished = false;
    doing.op = (struct follow_op){
        .broker = &rig.broker, .part = part, .begins = begins, .action = action, .done = came_home};
    rig_on_loop(rig.loops[0], submit_on_loop, &doing.op);
}

static bool is_finished(void)
{
    pthread_mutex_lock(&doing.lock);
    bool finished = doing.finished;
    pthread_mutex_unlock(&doing.lock);
    return finished;
}

static enum fetch_link_outcome await(void)
{
    pthread_mutex_lock(&doing.lock);
    while (!doing.finished)
        pthread_cond_wait(&doing.cond, &doing.lock);
    pthread_mutex_unlock(&doing.lock);
    return doing.op.outcome;
}

/* Records that begin at `offset`, written in `epoch`; the caller closes them. */
static struct buf batch(int64_t offset, int32_t epoch, int count)
{
    struct buf out = {0};
    rig_batch(&out, count);
    be_put_i64(out.data, offset);
    be_put_i32(out.data + 12, epoch);
    return out;
}

static struct fetch_link_action append_of(const struct buf *records, int64_t offset, int32_t leader_epoch,
                                          int64_t high_watermark)
{
    return (struct fetch_link_action){.kind = FETCH_LINK_APPEND,
                                      .leader_epoch = leader_epoch,
                                      .fetch_offset = offset,
                                      .records = buf_view(records),
                                      .high_watermark = high_watermark,
                                      .leader_start = -1};
}

static enum fetch_link_outcome append(int64_t offset, int32_t epoch, int count, int64_t high_watermark)
{
    struct buf records = batch(offset, epoch, count);
    begin(append_of(&records, offset, 1, high_watermark), false);
    enum fetch_link_outcome outcome = await();
    buf_close(&records);
    return outcome;
}

static enum fetch_link_outcome cut(enum fetch_link_action_kind kind, int32_t epoch, int64_t offset)
{
    begin((struct fetch_link_action){.kind = kind, .leader_epoch = 1, .epoch = epoch, .end_offset = offset},
          false);
    return await();
}

struct state {
    int64_t start, end, high_watermark, recovery_point;
    int32_t latest_epoch;
    bool offline;
};

static void look(struct partition *held, void *arg)
{
    struct state *state = arg;
    *state = (struct state){.offline = held->log == NULL};
    if (!held->log)
        return;
    state->start = log_start_offset(held->log);
    state->end = log_end(held->log).offset;
    state->high_watermark = log_high_watermark(held->log).offset;
    state->recovery_point = log_recovery_point(held->log);
    state->latest_epoch = leader_epochs_latest_epoch(log_leader_epochs(held->log));
}

static struct state state(void)
{
    struct state found;
    partition_call(part, look, &found);
    return found;
}

static void open_with(const char *topic_config)
{
    rig_open(&rig, 1, 2, topic_config);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 1, LEADER, 2), ERR_NONE);
    part = rig_find(&rig, "a", 0);
    ck_assert_ptr_nonnull(part);
}

static void setup(void)
{
    open_with(NULL);
}

static void setup_synced(void)
{
    open_with(EACH_SYNCED);
    rig_gate_open(&rig);
}

static void setup_small_segments(void)
{
    open_with("{\"version\":1,\"config\":{\"segment.bytes\":\"200\"}}");
}

static void teardown(void)
{
    rig_gate_set(false);
    partition_release(part);
    rig_close(&rig);
}

/* --- append -------------------------------------------------------------------------------------------- */

START_TEST(records_keep_the_leaders_offsets_and_the_high_watermark_follows_as_far_as_they_go)
{
    ck_assert_int_eq(append(0, 1, 5, 3), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 5);
    ck_assert_int_eq(doing.op.log.latest_epoch, 1);
    ck_assert_int_eq(state().high_watermark, 3);
    ck_assert_int_eq(append(5, 1, 2, 100), FETCH_LINK_OK);
    ck_assert_int_eq(state().end, 7);
    ck_assert_int_eq(state().high_watermark, 7);
    ck_assert_int_gt(metrics_value(rig.broker.metrics, METRIC_REPLICATION_BYTES_IN), 0);
}
END_TEST

START_TEST(an_answer_without_records_moves_the_high_watermark_and_the_start)
{
    append(0, 1, 5, 0);
    struct buf nothing = {0};
    struct fetch_link_action action = append_of(&nothing, 5, 1, 4);
    action.leader_start = 2;
    begin(action, false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.start, 2);
    ck_assert_int_eq(state().high_watermark, 4);
    ck_assert_int_eq(state().start, 2);
}
END_TEST

START_TEST(leader_that_knows_less_than_the_one_before_it_does_not_lower_the_high_watermark)
{
    append(0, 1, 5, 4);
    struct buf nothing = {0};
    begin(append_of(&nothing, 5, 1, 2), false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(state().high_watermark, 4);
}
END_TEST

START_TEST(records_fetched_in_another_epoch_are_dropped)
{
    struct buf records = batch(0, 0, 5);
    begin(append_of(&records, 0, 0, 5), false);
    ck_assert_int_eq(await(), FETCH_LINK_RETRY);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, RIG_ME, 1), ERR_NONE); /* now we lead */
    begin(append_of(&records, 0, 2, 5), false);
    ck_assert_int_eq(await(), FETCH_LINK_RETRY);
    ck_assert_int_eq(state().end, 0);
    buf_close(&records);
}
END_TEST

START_TEST(records_for_another_offset_are_dropped_and_the_real_end_is_told)
{
    append(0, 1, 5, 0);
    ck_assert_int_eq(append(3, 1, 5, 0), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 5);
    ck_assert_int_eq(state().end, 5);
}
END_TEST

START_TEST(records_with_a_wrong_checksum_are_never_appended)
{
    struct buf records = batch(0, 1, 5);
    for (size_t at = 17; at < records.len; at += 7) { /* from the checksum on */
        records.data[at] ^= 1;
        begin(append_of(&records, 0, 1, 5), false);
        ck_assert_int_eq(await(), FETCH_LINK_RETRY);
        ck_assert_int_eq(state().end, 0);
        records.data[at] ^= 1;
    }
    begin(append_of(&records, 0, 1, 5), false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    buf_close(&records);
}
END_TEST

START_TEST(a_failed_write_fails_the_partition_and_its_directory)
{
    fault_disk_fail(rig.disk, FAULT_WRITE, 0, 1, ERR_IO);
    ck_assert_int_eq(append(0, 1, 5, 5), FETCH_LINK_FAILED);
    ck_assert(state().offline);
}
END_TEST

START_TEST(batches_that_together_are_larger_than_a_segment_are_appended_one_by_one)
{
    struct buf records = batch(0, 1, 5), second = batch(5, 1, 5), third = batch(10, 1, 5);
    buf_put_view(&records, buf_view(&second));
    buf_put_view(&records, buf_view(&third));
    ck_assert_uint_gt(records.len, 200);
    begin(append_of(&records, 0, 1, 15), false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(state().end, 15);
    buf_close(&records);
    buf_close(&second);
    buf_close(&third);
}
END_TEST

/* --- with flush.messages=1 ------------------------------------------------------------------------------ */

START_TEST(an_append_is_not_done_before_it_is_synced)
{
    struct buf records = batch(0, 1, 5);
    rig_gate_set(true);
    begin(append_of(&records, 0, 1, 5), false);
    rig_gate_await_somebody();
    ck_assert(!is_finished());
    rig_gate_set(false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(state().recovery_point, 5);
    buf_close(&records);
}
END_TEST

START_TEST(following_does_not_begin_before_what_the_log_has_is_synced)
{
    append(0, 1, 5, 5);
    rig_gate_set(true);
    struct buf records = batch(5, 1, 5);
    begin(append_of(&records, 5, 1, 5), false);
    rig_gate_await_somebody();
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, LEADER, 2), ERR_NONE); /* ends the wait */
    ck_assert_int_eq(await(), FETCH_LINK_RETRY);
    begin((struct fetch_link_action){.leader_epoch = 2}, true);
    ck_assert(!is_finished());
    rig_gate_set(false);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 10);
    ck_assert_int_eq(state().recovery_point, 10);
    buf_close(&records);
}
END_TEST

/* --- cut ------------------------------------------------------------------------------------------------ */

/* The line of a partition in a checkpoint file, -1 when there is none. */
static int64_t checkpointed(const char *file)
{
    char *path = mem_printf("%s/%s", rig.dirs[0], file);
    FILE *in = fopen(path, "r");
    free(path);
    char line[200];
    long long value = -1;
    while (in && fgets(line, sizeof line, in))
        if (strncmp(line, "a 0 ", 4) == 0)
            value = strtoll(line + 4, NULL, 10);
    if (in)
        fclose(in);
    return value;
}

/* As the periodic tasks would have left them. */
static void checkpoint_all(int64_t offset)
{
    struct log_dirs *dirs = replica_manager_dirs(rig.broker.replicas);
    struct log_dir *dir = &dirs->items[0]->dir;
    struct errmsg why;
    pthread_mutex_lock(&dirs->items[0]->checkpoints_lock);
    offset_map_put(&dir->checkpoints[LOG_DIR_RECOVERY_POINT], view_str("a"), 0, offset);
    offset_map_put(&dir->checkpoints[LOG_DIR_HIGH_WATERMARK], view_str("a"), 0, offset);
    ck_assert_int_eq(
        log_dir_save_checkpoints(dir, 1u << LOG_DIR_RECOVERY_POINT | 1u << LOG_DIR_HIGH_WATERMARK, &why),
        ERR_NONE);
    pthread_mutex_unlock(&dirs->items[0]->checkpoints_lock);
}

START_TEST(a_cut_lowers_the_checkpoints_with_the_log)
{
    append(0, 1, 4, 0);
    append(4, 1, 6, 9);
    checkpoint_all(9);
    ck_assert_int_eq(cut(FETCH_LINK_TRUNCATE_TO, -1, 4), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 4);
    ck_assert_int_eq(state().high_watermark, 4);
    ck_assert_int_le(state().recovery_point, 4);
    ck_assert_int_eq(checkpointed("recovery-point-offset-checkpoint"), 4);
    ck_assert_int_eq(checkpointed("replication-offset-checkpoint"), 4);
}
END_TEST

START_TEST(a_log_whose_checkpoints_cannot_be_lowered_is_not_cut)
{
    append(0, 1, 4, 0);
    append(4, 1, 6, 9);
    checkpoint_all(9);
    char *path = mem_printf("%s/a-0/00000000000000000000.log", rig.dirs[0]);
    fault_disk_only(rig.disk, "checkpoint");
    fault_disk_fail(rig.disk, FAULT_RENAME, 0, 1, ERR_IO);
    ck_assert_int_eq(cut(FETCH_LINK_TRUNCATE_TO, -1, 4), FETCH_LINK_FAILED);
    ck_assert(state().offline);
    FILE *in = fopen(path, "r");
    ck_assert_ptr_nonnull(in);
    fseek(in, 0, SEEK_END);
    struct buf all = batch(0, 1, 4), rest = batch(4, 1, 6);
    ck_assert_uint_eq((size_t)ftell(in), all.len + rest.len);
    fclose(in);
    buf_close(&all);
    buf_close(&rest);
    free(path);
}
END_TEST

START_TEST(diverging_logs_are_cut_where_the_epochs_part)
{
    append(0, 0, 4, 0);
    append(4, 1, 6, 0);
    ck_assert_int_eq(cut(FETCH_LINK_TRUNCATE, 0, 8), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 4);
    ck_assert_int_eq(doing.op.log.latest_epoch, 0);
}
END_TEST

START_TEST(a_log_begins_anew_at_the_leaders_start)
{
    append(0, 1, 4, 4);
    ck_assert_int_eq(cut(FETCH_LINK_START_AT, -1, 50), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.start, 50);
    ck_assert_int_eq(doing.op.log.end, 50);
    ck_assert_int_eq(doing.op.log.latest_epoch, -1);
    ck_assert_int_eq(append(50, 1, 3, 53), FETCH_LINK_OK);
    ck_assert_int_eq(state().end, 53);
}
END_TEST

START_TEST(a_cut_decided_in_another_epoch_is_not_done)
{
    append(0, 1, 4, 4);
    ck_assert_int_eq(rig_lead(&rig, "a", 0, 2, LEADER, 2), ERR_NONE);
    ck_assert_int_eq(cut(FETCH_LINK_TRUNCATE_TO, -1, 0), FETCH_LINK_RETRY);
    ck_assert_int_eq(state().end, 4);
}
END_TEST

START_TEST(a_log_without_epochs_begins_with_a_cut_to_its_high_watermark)
{
    append(0, -1, 4, 4);
    append(4, -1, 6, 4);
    begin((struct fetch_link_action){.leader_epoch = 1}, true);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 4);
    append(4, 1, 6, 4); /* with an epoch the leader tells where to cut */
    begin((struct fetch_link_action){.leader_epoch = 1}, true);
    ck_assert_int_eq(await(), FETCH_LINK_OK);
    ck_assert_int_eq(doing.op.log.end, 10);
}
END_TEST

Suite *follow_suite(void)
{
    Suite *suite = suite_create("service/follow");
    TCase *tc = tcase_create("append");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, records_keep_the_leaders_offsets_and_the_high_watermark_follows_as_far_as_they_go);
    tcase_add_test(tc, an_answer_without_records_moves_the_high_watermark_and_the_start);
    tcase_add_test(tc, leader_that_knows_less_than_the_one_before_it_does_not_lower_the_high_watermark);
    tcase_add_test(tc, records_fetched_in_another_epoch_are_dropped);
    tcase_add_test(tc, records_for_another_offset_are_dropped_and_the_real_end_is_told);
    tcase_add_test(tc, records_with_a_wrong_checksum_are_never_appended);
    tcase_add_test(tc, a_failed_write_fails_the_partition_and_its_directory);
    suite_add_tcase(suite, tc);
    tc = tcase_create("small segments");
    tcase_add_checked_fixture(tc, setup_small_segments, teardown);
    tcase_add_test(tc, batches_that_together_are_larger_than_a_segment_are_appended_one_by_one);
    suite_add_tcase(suite, tc);
    tc = tcase_create("synced");
    tcase_add_checked_fixture(tc, setup_synced, teardown);
    tcase_add_test(tc, an_append_is_not_done_before_it_is_synced);
    tcase_add_test(tc, following_does_not_begin_before_what_the_log_has_is_synced);
    suite_add_tcase(suite, tc);
    tc = tcase_create("cut");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, a_cut_lowers_the_checkpoints_with_the_log);
    tcase_add_test(tc, a_log_whose_checkpoints_cannot_be_lowered_is_not_cut);
    tcase_add_test(tc, diverging_logs_are_cut_where_the_epochs_part);
    tcase_add_test(tc, a_log_begins_anew_at_the_leaders_start);
    tcase_add_test(tc, a_cut_decided_in_another_epoch_is_not_done);
    tcase_add_test(tc, a_log_without_epochs_begins_with_a_cut_to_its_high_watermark);
    suite_add_tcase(suite, tc);
    return suite;
}
