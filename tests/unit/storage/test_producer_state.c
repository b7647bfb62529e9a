#include "storage/producer_state.h"

#include <stdlib.h>

#include "state_suites.h"

#define GUARD_SEED 1000

static struct producer_state state;
static struct producer_append append;
static int64_t next_offset;

static void setup(void)
{
    producer_state_init(&state, GUARD_SEED);
    append = (struct producer_append){0};
    next_offset = 0;
}

static void teardown(void)
{
    producer_append_close(&append);
    producer_state_close(&state);
}

struct data {
    int64_t id;
    int epoch;
    int32_t seq;
    int count; /* records; 0 means 1 */
    bool txn;
    int64_t timestamp_ms;
};

static struct producer_batch data_batch(struct data d)
{
    int count = d.count ? d.count : 1;
    int64_t last_seq = d.seq < 0 ? d.seq : (int64_t)d.seq + count - 1;
    return (struct producer_batch){.first = LOG_POSITION_OF_OFFSET(next_offset),
                                   .last_offset = next_offset + count - 1,
                                   .max_timestamp_ms = d.timestamp_ms,
                                   .producer_id = d.id,
                                   .producer_epoch = (int16_t)d.epoch,
                                   .base_seq = d.seq,
                                   .last_seq = (int32_t)(last_seq & INT32_MAX),
                                   .transactional = d.txn};
}

static struct producer_batch marker_batch(int64_t id, int epoch, int coordinator_epoch, bool aborts)
{
    return (struct producer_batch){.first = LOG_POSITION_OF_OFFSET(next_offset),
                                   .last_offset = next_offset,
                                   .producer_id = id,
                                   .producer_epoch = (int16_t)epoch,
                                   .base_seq = -1,
                                   .last_seq = -1,
                                   .transactional = true,
                                   .control = true,
                                   .has_marker = true,
                                   .marker_aborts = aborts,
                                   .marker_coordinator_epoch = coordinator_epoch,
                                   .marker_timestamp_ms = 77};
}

/* The batch is in the log. */
static void commit(const struct producer_batch *batch)
{
    producer_append_commit(&append);
    for (size_t i = 0; i < append.completed_count; i++)
        producer_state_complete_txn(&state, &append.completed[i]);
    next_offset = batch->last_offset + 1;
    producer_state_set_end_offset(&state, next_offset);
}

static struct producer_outcome send_batch(enum producer_origin origin, const struct producer_batch *batch)
{
    struct errmsg why = {""};
    producer_append_begin(&append, &state, origin, false, PRODUCER_GUARD_NONE);
    struct producer_outcome outcome = producer_append_check(&append, batch, &why);
    ck_assert_int_eq(why.text[0] != '\0', outcome.verdict == PRODUCER_REFUSED);
    if (outcome.verdict == PRODUCER_OK)
        commit(batch);
    return outcome;
}

static enum err send_from(enum producer_origin origin, struct data d)
{
    struct producer_batch batch = data_batch(d);
    struct producer_outcome outcome = send_batch(origin, &batch);
    ck_assert_int_ne(outcome.verdict, PRODUCER_DUPLICATE);
    return outcome.err;
}

static enum err client(struct data d)
{
    return send_from(APPEND_FROM_CLIENT, d);
}

static enum err marker(int64_t id, int epoch, int coordinator_epoch)
{
    struct producer_batch batch = marker_batch(id, epoch, coordinator_epoch, false);
    return send_batch(APPEND_FROM_COORDINATOR, &batch).err;
}

#define OK(expr)           ck_assert_int_eq(expr, ERR_NONE)
#define FAILS(expr, error) ck_assert_int_eq(expr, ERR_##error)

START_TEST(an_unknown_producer_may_begin_with_any_sequence)
{
    OK(client((struct data){.id = 1, .epoch = 3, .seq = 500}));
    OK(client((struct data){.id = 1, .epoch = 3, .seq = 501}));
    ck_assert_int_eq(producer_state_find(&state, 1)->epoch, 3);
    ck_assert_ptr_null(producer_state_find(&state, 2));
}
END_TEST

START_TEST(a_sequence_must_follow_the_last_one)
{
    OK(client((struct data){.id = 1, .seq = 0, .count = 10}));
    FAILS(client((struct data){.id = 1, .seq = 11}), OUT_OF_ORDER_SEQUENCE_NUMBER);
    FAILS(client((struct data){.id = 1, .seq = 9}), OUT_OF_ORDER_SEQUENCE_NUMBER);
    OK(client((struct data){.id = 1, .seq = 10}));
    ck_assert_int_eq(producer_state_find(&state, 1)->last.last_offset, 10);
}
END_TEST

START_TEST(sequences_wrap_to_zero)
{
    OK(client((struct data){.id = 1, .seq = INT32_MAX - 2, .count = 3}));
    OK(client((struct data){.id = 1, .seq = 0}));
    OK(client((struct data){.id = 2, .seq = INT32_MAX, .count = 4}));
    const struct producer_entry *entry = producer_state_find(&state, 2);
    ck_assert_int_eq(entry->last.last_seq, 2);
    ck_assert_int_eq(producer_batch_memo_first_seq(&entry->last), INT32_MAX);
    OK(client((struct data){.id = 2, .seq = 3}));
}
END_TEST

START_TEST(a_batch_sent_twice_is_told_its_first_offset)
{
    for (int i = 0; i < 7; i++)
        OK(client((struct data){.id = 1, .seq = i * 3, .count = 3, .timestamp_ms = 100 + i}));
    ck_assert_int_eq(producer_state_find(&state, 1)->batch_count, 5);
    for (int i = 0; i < 7; i++) {
        struct producer_batch batch = data_batch((struct data){.id = 1, .seq = i * 3, .count = 3});
        struct producer_outcome outcome = send_batch(APPEND_FROM_CLIENT, &batch);
        if (i < 2) {
            ck_assert_int_eq(outcome.verdict, PRODUCER_REFUSED);
            FAILS(outcome.err, OUT_OF_ORDER_SEQUENCE_NUMBER);
            continue;
        }
        ck_assert_int_eq(outcome.verdict, PRODUCER_DUPLICATE);
        ck_assert_int_eq(outcome.duplicate_first_offset, i * 3);
        ck_assert_int_eq(outcome.duplicate_last_offset, i * 3 + 2);
        ck_assert_int_eq(outcome.duplicate_timestamp_ms, 100 + i);
    }
    /* Same first sequence, other length: not the same batch. */
    FAILS(client((struct data){.id = 1, .seq = 18, .count = 2}), OUT_OF_ORDER_SEQUENCE_NUMBER);
}
END_TEST

START_TEST(a_new_epoch_begins_with_zero_and_fences_the_old_one)
{
    OK(client((struct data){.id = 1, .epoch = 0, .seq = 0}));
    FAILS(client((struct data){.id = 1, .epoch = 1, .seq = 1}), OUT_OF_ORDER_SEQUENCE_NUMBER);
    OK(client((struct data){.id = 1, .epoch = 1, .seq = 0}));
    FAILS(client((struct data){.id = 1, .epoch = 0, .seq = 1}), INVALID_PRODUCER_EPOCH);
    FAILS(send_from(APPEND_FROM_COORDINATOR, (struct data){.id = 1, .epoch = 0, .seq = -1}),
          INVALID_PRODUCER_EPOCH);
    ck_assert_int_eq(producer_state_find(&state, 1)->batch_count, 1);
    /* The old epoch's batches are no duplicates any more. */
    FAILS(client((struct data){.id = 1, .epoch = 0, .seq = 0}), INVALID_PRODUCER_EPOCH);
}
END_TEST

START_TEST(what_comes_by_replication_is_not_refused)
{
    OK(client((struct data){.id = 1, .epoch = 5, .seq = 0}));
    OK(send_from(APPEND_FROM_REPLICATION, (struct data){.id = 1, .epoch = 5, .seq = 40}));
    OK(send_from(APPEND_FROM_REPLICATION, (struct data){.id = 1, .epoch = 4, .seq = 7}));
    ck_assert_int_eq(producer_state_find(&state, 1)->epoch, 4);
    OK(marker(1, 9, 3));
    struct producer_batch old = marker_batch(1, 9, 2, false);
    ck_assert_int_eq(send_batch(APPEND_FROM_REPLICATION, &old).verdict, PRODUCER_OK);
    ck_assert_int_eq(producer_state_find(&state, 1)->coordinator_epoch, 2);
}
END_TEST

START_TEST(a_transaction_holds_back_what_is_stable_until_its_marker_is_replicated)
{
    struct log_position unstable;
    OK(client((struct data){.id = 1, .seq = 0, .txn = true}));
    ck_assert(producer_state_has_open_txn(&state, 1));
    OK(client((struct data){.id = 2, .seq = 0, .txn = true}));
    OK(client((struct data){.id = 1, .seq = 1, .txn = true}));
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 0);
    OK(marker(1, 0, 0)); /* offset 3 */
    ck_assert(!producer_state_has_open_txn(&state, 1));
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 0);
    int64_t undecided;
    ck_assert(producer_state_first_undecided(&state, &undecided) && undecided == 1);
    producer_state_on_high_watermark(&state, 3);
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 0);
    producer_state_on_high_watermark(&state, 4);
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 1);
    OK(marker(2, 0, 0));
    producer_state_on_high_watermark(&state, 5);
    ck_assert(!producer_state_first_unstable(&state, &unstable));
    ck_assert(!producer_state_first_undecided(&state, &undecided));
}
END_TEST

START_TEST(an_aborted_transaction_says_what_becomes_stable)
{
    OK(client((struct data){.id = 1, .seq = 0, .txn = true}));
    OK(client((struct data){.id = 2, .seq = 0, .txn = true}));
    struct producer_batch batch = marker_batch(1, 0, 0, true);
    producer_append_begin(&append, &state, APPEND_FROM_COORDINATOR, false, PRODUCER_GUARD_NONE);
    ck_assert_int_eq(producer_append_check(&append, &batch, NULL).verdict, PRODUCER_OK);
    ck_assert_uint_eq(append.completed_count, 1);
    struct completed_txn txn = append.completed[0];
    ck_assert(txn.aborted && txn.first_offset == 0 && txn.last_offset == 2 && txn.producer_id == 1);
    producer_append_commit(&append);
    ck_assert_int_eq(producer_state_stable_offset_after(&state, &txn), 1);
    producer_state_complete_txn(&state, &txn);
    next_offset = 3;
    txn = (struct completed_txn){.producer_id = 2, .first_offset = 1, .last_offset = 3};
    ck_assert_int_eq(producer_state_stable_offset_after(&state, &txn), 4);
}
END_TEST

START_TEST(a_batch_outside_of_the_open_transaction_is_refused)
{
    OK(client((struct data){.id = 1, .seq = 0, .txn = true}));
    FAILS(client((struct data){.id = 1, .seq = 1}), INVALID_TXN_STATE);
    FAILS(send_from(APPEND_FROM_REPLICATION, (struct data){.id = 1, .seq = 1}), INVALID_TXN_STATE);
    OK(marker(1, 0, 0));
    OK(client((struct data){.id = 1, .seq = 1}));
}
END_TEST

START_TEST(a_marker_fences_and_keeps_the_batches_of_its_epoch)
{
    OK(client((struct data){.id = 1, .epoch = 2, .seq = 0, .txn = true}));
    FAILS(marker(1, 1, 5), INVALID_PRODUCER_EPOCH);
    OK(marker(1, 2, 5));
    FAILS(marker(1, 2, 4), TRANSACTION_COORDINATOR_FENCED);
    OK(client((struct data){.id = 1, .epoch = 2, .seq = 1}));
    ck_assert_int_eq(producer_state_find(&state, 1)->batch_count, 2);
    OK(marker(1, 3, 5));
    const struct producer_entry *entry = producer_state_find(&state, 1);
    ck_assert_int_eq(entry->epoch, 3);
    ck_assert_int_eq(entry->batch_count, 0);
    ck_assert_int_eq(entry->last_timestamp_ms, 77);
    FAILS(client((struct data){.id = 1, .epoch = 2, .seq = 2}), INVALID_PRODUCER_EPOCH);
    FAILS(client((struct data){.id = 1, .epoch = 3, .seq = 2}), OUT_OF_ORDER_SEQUENCE_NUMBER);
    OK(client((struct data){.id = 1, .epoch = 3, .seq = 0}));
}
END_TEST

START_TEST(a_marker_without_a_transaction_completes_nothing)
{
    OK(marker(1, 0, 0));
    ck_assert_uint_eq(append.completed_count, 0);
    ck_assert_int_eq(producer_state_find(&state, 1)->coordinator_epoch, 0);
}
END_TEST

START_TEST(an_empty_control_batch_changes_nothing)
{
    OK(client((struct data){.id = 1, .epoch = 2, .seq = 0, .txn = true, .timestamp_ms = 5}));
    struct producer_batch batch = marker_batch(1, 7, 9, true);
    batch.has_marker = false;
    ck_assert_int_eq(send_batch(APPEND_FROM_REPLICATION, &batch).verdict, PRODUCER_OK);
    const struct producer_entry *entry = producer_state_find(&state, 1);
    ck_assert_int_eq(entry->epoch, 2);
    ck_assert_int_eq(entry->last_timestamp_ms, 5);
    ck_assert(producer_state_has_open_txn(&state, 1));
}
END_TEST

START_TEST(a_refused_append_leaves_no_trace)
{
    OK(client((struct data){.id = 1, .seq = 0, .timestamp_ms = 5}));
    producer_append_begin(&append, &state, APPEND_FROM_REPLICATION, false, PRODUCER_GUARD_NONE);
    struct producer_batch first =
        data_batch((struct data){.id = 1, .seq = 1, .txn = true, .timestamp_ms = 6});
    struct producer_batch second = data_batch((struct data){.id = 1, .seq = 2, .timestamp_ms = 7});
    ck_assert_int_eq(producer_append_check(&append, &first, NULL).verdict, PRODUCER_OK);
    ck_assert_int_eq(producer_append_check(&append, &second, NULL).verdict, PRODUCER_REFUSED);
    ck_assert(!producer_state_has_open_txn(&state, 1));
    ck_assert_int_eq(producer_state_find(&state, 1)->last_timestamp_ms, 5);
    ck_assert_int_eq(producer_state_find(&state, 1)->batch_count, 1);
}
END_TEST

START_TEST(one_append_may_hold_batches_and_markers_of_many_producers)
{
    producer_append_begin(&append, &state, APPEND_FROM_REPLICATION, false, PRODUCER_GUARD_NONE);
    for (int round = 0; round < 3; round++) {
        for (int64_t id = 0; id < 100; id++) {
            struct producer_batch batch = round < 2
                                              ? data_batch((struct data){.id = id, .seq = round, .txn = true})
                                              : marker_batch(id, 0, 1, false);
            ck_assert_int_eq(producer_append_check(&append, &batch, NULL).verdict, PRODUCER_OK);
            next_offset++;
        }
    }
    producer_append_commit(&append);
    ck_assert_uint_eq(append.completed_count, 100);
    struct log_position unstable;
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 0);
    for (size_t i = 0; i < 100; i++)
        producer_state_complete_txn(&state, &append.completed[i]);
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 0);
    producer_state_on_high_watermark(&state, 250);
    ck_assert(producer_state_first_unstable(&state, &unstable) && unstable.offset == 50);
    producer_state_on_high_watermark(&state, 300);
    ck_assert(!producer_state_first_unstable(&state, &unstable));
    ck_assert_uint_eq(producer_state_count(&state), 100);
    for (int64_t id = 0; id < 100; id++)
        ck_assert_int_eq(producer_state_find(&state, id)->batch_count, 2);
}
END_TEST

START_TEST(a_transaction_keeps_the_place_where_it_began)
{
    struct producer_batch batch = data_batch((struct data){.id = 1, .seq = 0, .txn = true});
    batch.first = (struct log_position){0, 0, 4242};
    ck_assert_int_eq(send_batch(APPEND_FROM_CLIENT, &batch).verdict, PRODUCER_OK);
    struct log_position unstable;
    ck_assert(producer_state_first_unstable(&state, &unstable));
    ck_assert(unstable.segment_base == 0 && unstable.pos == 4242);
}
END_TEST

/* --- verification --- */

static struct producer_outcome verified(uint64_t guard, struct data d)
{
    struct producer_batch batch = data_batch(d);
    producer_append_begin(&append, &state, APPEND_FROM_CLIENT, true, guard);
    struct producer_outcome outcome = producer_append_check(&append, &batch, NULL);
    if (outcome.verdict == PRODUCER_OK)
        commit(&batch);
    return outcome;
}

START_TEST(a_transaction_opens_only_with_the_guard_it_was_verified_with)
{
    FAILS(verified(PRODUCER_GUARD_NONE, (struct data){.id = 1, .seq = 0, .txn = true}).err,
          INVALID_TXN_STATE);
    uint64_t guard = producer_state_start_verification(&state, 1, 0, 0, 10);
    ck_assert_uint_ne(guard, PRODUCER_GUARD_NONE);
    ck_assert_uint_eq(producer_state_start_verification(&state, 1, 0, 0, 11), guard);
    ck_assert_uint_eq(producer_state_guard(&state, 1), guard);
    FAILS(verified(guard + 1, (struct data){.id = 1, .seq = 0, .txn = true}).err, INVALID_TXN_STATE);
    FAILS(verified(PRODUCER_GUARD_NONE, (struct data){.id = 1, .seq = 0, .txn = true}).err,
          INVALID_TXN_STATE);
    OK(verified(guard, (struct data){.id = 1, .seq = 0, .txn = true}).err);
    ck_assert_uint_eq(producer_state_guard(&state, 1), PRODUCER_GUARD_NONE);
    /* Open now: nothing more to verify. */
    ck_assert_uint_eq(producer_state_start_verification(&state, 1, 1, 0, 12), PRODUCER_GUARD_NONE);
    OK(verified(PRODUCER_GUARD_NONE, (struct data){.id = 1, .seq = 1, .txn = true}).err);
    OK(verified(PRODUCER_GUARD_NONE, (struct data){.id = 2, .seq = 1}).err);
}
END_TEST

START_TEST(a_guard_is_void_after_a_marker)
{
    uint64_t guard = producer_state_start_verification(&state, 1, 0, 0, 10);
    OK(marker(1, 0, 0));
    FAILS(verified(guard, (struct data){.id = 1, .seq = 0, .txn = true}).err, INVALID_TXN_STATE);
    uint64_t fresh = producer_state_start_verification(&state, 1, 0, 0, 10);
    ck_assert_uint_ne(fresh, guard);
    FAILS(verified(guard, (struct data){.id = 1, .seq = 0, .txn = true}).err, INVALID_TXN_STATE);
}
END_TEST

START_TEST(a_higher_sequence_waits_for_the_lowest_one_seen)
{
    uint64_t guard = producer_state_start_verification(&state, 1, 5, 0, 10);
    producer_state_start_verification(&state, 1, 2, 0, 10);
    producer_state_start_verification(&state, 1, 9, 0, 10);
    FAILS(verified(guard, (struct data){.id = 1, .seq = 5, .txn = true}).err, OUT_OF_ORDER_SEQUENCE_NUMBER);
    OK(verified(guard, (struct data){.id = 1, .seq = 2, .txn = true}).err);
    /* A new epoch forgets the sequences of the old one. */
    guard = producer_state_start_verification(&state, 3, 2, 0, 10);
    ck_assert_uint_eq(producer_state_start_verification(&state, 3, 7, 1, 10), guard);
    producer_state_start_verification(&state, 3, 0, 0, 10);
    OK(verified(guard, (struct data){.id = 3, .epoch = 1, .seq = 7, .txn = true}).err);
}
END_TEST

START_TEST(markers_and_replication_need_no_guard)
{
    struct producer_batch batch = data_batch((struct data){.id = 1, .seq = 0, .txn = true});
    producer_append_begin(&append, &state, APPEND_FROM_REPLICATION, true, PRODUCER_GUARD_NONE);
    ck_assert_int_eq(producer_append_check(&append, &batch, NULL).verdict, PRODUCER_OK);
    commit(&batch);
    batch = marker_batch(2, 0, 0, false);
    producer_append_begin(&append, &state, APPEND_FROM_COORDINATOR, true, PRODUCER_GUARD_NONE);
    ck_assert_int_eq(producer_append_check(&append, &batch, NULL).verdict, PRODUCER_OK);
    batch = data_batch((struct data){.id = 3, .seq = -1, .txn = true});
    producer_append_begin(&append, &state, APPEND_FROM_COORDINATOR, true, PRODUCER_GUARD_NONE);
    FAILS(producer_append_check(&append, &batch, NULL).err, INVALID_TXN_STATE);
}
END_TEST

/* --- expiry and the rest --- */

START_TEST(idle_producers_expire_unless_a_transaction_is_open)
{
    OK(client((struct data){.id = 1, .seq = 0, .timestamp_ms = 1000}));
    OK(client((struct data){.id = 2, .seq = 0, .timestamp_ms = 1001}));
    OK(client((struct data){.id = 3, .seq = 0, .txn = true, .timestamp_ms = 0}));
    producer_state_start_verification(&state, 4, 0, 0, 1000);
    producer_state_start_verification(&state, 5, 0, 0, 1001);
    producer_state_expire(&state, 1500, 500);
    ck_assert_ptr_null(producer_state_find(&state, 1));
    ck_assert_ptr_nonnull(producer_state_find(&state, 2));
    ck_assert_ptr_nonnull(producer_state_find(&state, 3));
    ck_assert_uint_eq(producer_state_guard(&state, 4), PRODUCER_GUARD_NONE);
    ck_assert_uint_ne(producer_state_guard(&state, 5), PRODUCER_GUARD_NONE);
    OK(client((struct data){.id = 6, .seq = 0, .timestamp_ms = INT64_MIN}));
    OK(client((struct data){.id = 7, .seq = 0, .timestamp_ms = INT64_MAX}));
    producer_state_expire(&state, 1500, 500);
    ck_assert_ptr_null(producer_state_find(&state, 6));
    ck_assert_ptr_nonnull(producer_state_find(&state, 7));
}
END_TEST

START_TEST(a_transaction_whose_producer_is_silent_is_late)
{
    ck_assert(!producer_state_has_late_txn(&state, INT64_MAX, 0));
    OK(client((struct data){.id = 1, .seq = 0, .txn = true, .timestamp_ms = 1000}));
    int64_t limit = 900000 + 5 * 60 * 1000;
    ck_assert(!producer_state_has_late_txn(&state, 1000 + limit, 900000));
    ck_assert(producer_state_has_late_txn(&state, 1001 + limit, 900000));
    OK(client((struct data){.id = 1, .seq = 1, .txn = true, .timestamp_ms = 2000}));
    ck_assert(!producer_state_has_late_txn(&state, 1001 + limit, 900000));
}
END_TEST

START_TEST(a_raised_log_start_drops_what_lies_below_it)
{
    OK(client((struct data){.id = 1, .seq = 0, .txn = true}));
    OK(marker(1, 0, 0));
    struct log_position unstable;
    producer_state_on_log_start(&state, 1, PRODUCER_NONE);
    ck_assert(producer_state_first_unstable(&state, &unstable));
    ck_assert_int_eq(state.end_offset, 2);
    ck_assert_int_eq(state.snapshot_offset, 1);
    producer_state_on_log_start(&state, 9, 5);
    ck_assert(!producer_state_first_unstable(&state, &unstable));
    ck_assert_int_eq(state.end_offset, 9);
    ck_assert_int_eq(state.snapshot_offset, 5);
    ck_assert(!producer_state_is_empty(&state));
    producer_state_restart_at(&state, 50);
    ck_assert(producer_state_is_empty(&state));
    ck_assert_int_eq(state.end_offset, 50);
}
END_TEST

START_TEST(a_million_producers_cost_less_than_a_hundred_bytes_each)
{
    const int64_t count = 1000000;
    for (int64_t id = 0; id < count; id++)
        OK(send_from(APPEND_FROM_REPLICATION, (struct data){.id = id * 7, .seq = 0}));
    ck_assert_uint_eq(producer_state_count(&state), (size_t)count);
    size_t bytes = state.entry_cap * sizeof *state.entries + state.index.cap * sizeof *state.index.slots;
    ck_assert_uint_lt(bytes, (size_t)count * 100);
    int64_t sum = 0;
    size_t it = 0;
    const struct producer_entry *entry;
    while ((entry = producer_state_next(&state, &it)))
        sum += entry->producer_id;
    ck_assert_int_eq(sum, count * (count - 1) / 2 * 7);
    producer_state_expire(&state, 1, 1);
    ck_assert_uint_eq(producer_state_count(&state), 0);
    ck_assert_uint_eq(state.entry_cap, 0);
}
END_TEST

START_TEST(ten_thousand_open_transactions_close_in_any_order)
{
    enum { COUNT = 10000 };
    for (int64_t id = 0; id < COUNT; id++)
        OK(client((struct data){.id = id, .seq = 0, .txn = true}));
    /* Every third from the back, then the rest from the front. */
    for (int64_t id = COUNT - 1; id >= 0; id -= 3)
        OK(marker(id, 0, 0));
    struct log_position unstable;
    producer_state_on_high_watermark(&state, next_offset);
    int64_t first = 0;
    for (int64_t id = 0; id < COUNT; id++) {
        if ((COUNT - 1 - id) % 3 == 0)
            continue;
        ck_assert(producer_state_first_unstable(&state, &unstable));
        first = unstable.offset;
        ck_assert_int_eq(first, id);
        OK(marker(id, 0, 0));
        producer_state_on_high_watermark(&state, next_offset);
    }
    ck_assert(!producer_state_first_unstable(&state, &unstable));
}
END_TEST

static TCase *case_of_validation(void)
{
    TCase *tc = tcase_create("validation");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, an_unknown_producer_may_begin_with_any_sequence);
    tcase_add_test(tc, a_sequence_must_follow_the_last_one);
    tcase_add_test(tc, sequences_wrap_to_zero);
    tcase_add_test(tc, a_batch_sent_twice_is_told_its_first_offset);
    tcase_add_test(tc, a_new_epoch_begins_with_zero_and_fences_the_old_one);
    tcase_add_test(tc, what_comes_by_replication_is_not_refused);
    tcase_add_test(tc, a_transaction_holds_back_what_is_stable_until_its_marker_is_replicated);
    tcase_add_test(tc, an_aborted_transaction_says_what_becomes_stable);
    tcase_add_test(tc, a_batch_outside_of_the_open_transaction_is_refused);
    tcase_add_test(tc, a_marker_fences_and_keeps_the_batches_of_its_epoch);
    tcase_add_test(tc, a_marker_without_a_transaction_completes_nothing);
    tcase_add_test(tc, an_empty_control_batch_changes_nothing);
    tcase_add_test(tc, a_refused_append_leaves_no_trace);
    tcase_add_test(tc, one_append_may_hold_batches_and_markers_of_many_producers);
    tcase_add_test(tc, a_transaction_keeps_the_place_where_it_began);
    tcase_add_test(tc, a_transaction_opens_only_with_the_guard_it_was_verified_with);
    tcase_add_test(tc, a_guard_is_void_after_a_marker);
    tcase_add_test(tc, a_higher_sequence_waits_for_the_lowest_one_seen);
    tcase_add_test(tc, markers_and_replication_need_no_guard);
    return tc;
}

Suite *producer_state_suite(void)
{
    Suite *suite = suite_create("producer_state");
    suite_add_tcase(suite, case_of_validation());
    TCase *tc = tcase_create("upkeep");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, idle_producers_expire_unless_a_transaction_is_open);
    tcase_add_test(tc, a_transaction_whose_producer_is_silent_is_late);
    tcase_add_test(tc, a_raised_log_start_drops_what_lies_below_it);
    tcase_add_test(tc, a_million_producers_cost_less_than_a_hundred_bytes_each);
    tcase_add_test(tc, ten_thousand_open_transactions_close_in_any_order);
    suite_add_tcase(suite, tc);
    return suite;
}
