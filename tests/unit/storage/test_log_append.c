#include <stdlib.h>
#include <string.h>

#include "log_rig.h"
#include "storage/leader_epochs.h"
#include "storage/log_flush.h"
#include "wire/record_builder.h"

START_TEST(append_assigns_offsets_and_bytes_come_back)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    for (int i = 0; i < 100; i++) {
        struct log_append_result out = rig_append(&rig, (struct rig_append){.count = 3, .value_size = 40});
        ck_assert_int_eq(out.first_offset, 3 * i);
        ck_assert_int_eq(out.last_offset, 3 * i + 2);
        ck_assert(out.moved);
        ck_assert_int_eq(out.end.offset, 3 * i + 3);
    }
    ck_assert_int_gt(log_segment_count(rig.log), 1);
    ck_assert_int_eq(rig_check_prefix(&rig), 300);
    rig_close(&rig);
}
END_TEST

START_TEST(steady_append_is_one_write_and_nothing_else)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1 << 30;
    rig_load(&rig, true);
    for (int i = 0; i < 20; i++)
        rig_append(&rig, (struct rig_append){.value_size = 8000});
    for (int i = 0; i < 50; i++) {
        struct crash_disk_counts before = *crash_disk_counts(rig.mem);
        rig_append(&rig, (struct rig_append){.value_size = 8000});
        const struct crash_disk_counts *after = crash_disk_counts(rig.mem);
        ck_assert_int_eq(after->pwritevs - before.pwritevs, 1);
        ck_assert_int_eq(after->calls - before.calls, 1);
    }
    rig_close(&rig);
}
END_TEST

START_TEST(reader_at_the_end_needs_no_disk)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1 << 30;
    rig_load(&rig, true);
    for (int i = 0; i < 30; i++) {
        struct log_append_result out = rig_append(&rig, (struct rig_append){.count = 2, .value_size = 500});
        (void)log_set_high_watermark(rig.log, LOG_POSITION_OF_OFFSET(out.end.offset));
        crash_disk_set_cold(rig.mem, true);
        struct crash_disk_counts before = *crash_disk_counts(rig.mem);
        struct log_slice slice = {0};
        struct log_read_args args = {.offset = out.first_offset,
                                     .max_bytes = 1 << 20,
                                     .nowait = true,
                                     .bound = LOG_BOUND_HIGH_WATERMARK,
                                     .min_one = true,
                                     .want_aborted = true};
        ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_NONE);
        ck_assert_int_gt(slice.len, 1000);
        ck_assert_int_eq(crash_disk_counts(rig.mem)->calls, before.calls);
        crash_disk_set_cold(rig.mem, false);
        log_slice_close(&slice);
    }
    rig_close(&rig);
}
END_TEST

START_TEST(append_larger_than_a_segment_is_refused)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct log_append_result out;
    struct rig_append spec = {.value_size = 5000};
    ck_assert_int_eq(rig_try_append(&rig, &spec, &out), ERR_RECORD_LIST_TOO_LARGE);
    ck_assert_int_eq(log_end(rig.log).offset, 0);
    ck_assert_int_eq(log_failure(rig.log, NULL), ERR_NONE);
    rig_close(&rig);
}
END_TEST

START_TEST(segment_rolls_by_size_at_kafkas_limit)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct log_append_result out = rig_append(&rig, (struct rig_append){.value_size = 100});
    const int32_t batch = out.end.pos;
    rig_kill(&rig);
    rig.settings.segment_bytes = 3 * batch;
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.value_size = 100});
    out = rig_append(&rig, (struct rig_append){.value_size = 100});
    ck_assert_int_eq(out.sealed_up_to, -1);
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    out = rig_append(&rig, (struct rig_append){.value_size = 100});
    ck_assert_int_eq(out.sealed_up_to, 3);
    ck_assert_int_eq(log_segment_count(rig.log), 2);
    ck_assert_int_eq(log_active_base_offset(rig.log), 3);
    ck_assert_int_eq(out.end.segment_base, 3);
    ck_assert_int_eq(out.end.pos, batch);
    rig_close(&rig);
}
END_TEST

START_TEST(segment_rolls_by_time_of_records_not_of_the_clock)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_ms = 1000;
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.timestamp_ms = 5000});
    rig.now_ms += 100000;
    rig_append(&rig, (struct rig_append){.timestamp_ms = 6000});
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    rig_append(&rig, (struct rig_append){.timestamp_ms = 6001});
    ck_assert_int_eq(log_segment_count(rig.log), 2);
    /* After a reload the first batch still tells. */
    rig_stop(&rig);
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.timestamp_ms = 7001});
    ck_assert_int_eq(log_segment_count(rig.log), 2);
    rig_append(&rig, (struct rig_append){.timestamp_ms = 7002});
    ck_assert_int_eq(log_segment_count(rig.log), 3);
    rig_close(&rig);
}
END_TEST

START_TEST(segment_rolls_when_an_index_is_full)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1 << 20;
    rig.settings.index_interval_bytes = 0;
    rig.settings.segment_index_bytes = 5 * 12;
    rig_load(&rig, true);
    /* The first append of a segment makes no entry; the fifth place of the time index is kept. */
    for (int i = 0; i < 5; i++) {
        rig.now_ms++;
        rig_append(&rig, (struct rig_append){0});
    }
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    rig.now_ms++;
    rig_append(&rig, (struct rig_append){0});
    ck_assert_int_eq(log_segment_count(rig.log), 2);
    ck_assert_int_eq(log_active_base_offset(rig.log), 5);
    size_t len;
    ck_assert_ptr_nonnull(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000000.index", &len));
    ck_assert_uint_eq(len, 4 * 8);
    crash_disk_content(rig.mem, RIG_DIR "/00000000000000000000.timeindex", &len);
    ck_assert_uint_eq(len, 4 * 12);
    rig_close(&rig);
}
END_TEST

START_TEST(idempotent_duplicate_is_answered_across_reload)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    for (int i = 0; i < 5; i++)
        rig_append(&rig, (struct rig_append){.count = 2, .producer_id = 9, .base_sequence = 2 * i});
    for (int round = 0; round < 3; round++) {
        for (int i = round == 0 ? 0 : 4; i < 5; i++) {
            struct log_append_result out =
                rig_append(&rig, (struct rig_append){.count = 2, .producer_id = 9, .base_sequence = 2 * i});
            ck_assert(out.duplicate);
            ck_assert(!out.moved);
            ck_assert_int_eq(out.first_offset, 2 * i);
            ck_assert_int_eq(out.last_offset, 2 * i + 1);
        }
        struct log_append_result out;
        struct rig_append gap = {.producer_id = 9, .base_sequence = 20};
        ck_assert_int_eq(rig_try_append(&rig, &gap, &out), ERR_OUT_OF_ORDER_SEQUENCE_NUMBER);
        ck_assert_int_eq(log_end(rig.log).offset, 10);
        if (round == 0)
            rig_stop(&rig);
        else
            rig_kill(&rig);
        rig_load(&rig, round == 0);
    }
    rig_close(&rig);
}
END_TEST

START_TEST(transaction_holds_back_the_last_stable_offset)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.verify_transactions = false;
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){0});
    rig_append(&rig, (struct rig_append){.producer_id = 5, .transactional = true});
    rig_append(&rig, (struct rig_append){0});
    rig_hw_to_end(&rig);
    ck_assert_int_eq(log_last_stable(rig.log).offset, 1);
    rig_append_marker(&rig, 5, 0, false);
    /* Decided, but not below the high watermark yet. */
    ck_assert_int_eq(log_last_stable(rig.log).offset, 1);
    rig_hw_to_end(&rig);
    ck_assert_int_eq(log_last_stable(rig.log).offset, 4);
    ck_assert_int_eq(log_first_unstable_offset(rig.log), -1);
    rig_close(&rig);
}
END_TEST

START_TEST(flush_moves_the_recovery_point_unless_the_log_was_cut)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.flush_messages = 2;
    rig_load(&rig, true);
    ck_assert(!rig_append(&rig, (struct rig_append){0}).flush_due);
    ck_assert(rig_append(&rig, (struct rig_append){0}).flush_due);
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    ck_assert_int_eq(log_flush_begin(rig.log, INT64_MAX, &flush, &ticket, &needed, &rig.why), ERR_NONE);
    ck_assert(needed);
    ck_assert_int_eq(log_flush_run(&flush, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_recovery_point(rig.log), 0);
    log_flush_end(rig.log, &ticket, ERR_NONE, NULL);
    ck_assert_int_eq(log_recovery_point(rig.log), 2);
    ck_assert_int_eq(log_flush_begin(rig.log, INT64_MAX, &flush, &ticket, &needed, &rig.why), ERR_NONE);
    ck_assert(!needed);
    /* One more append costs one sync. */
    rig_append(&rig, (struct rig_append){0});
    struct crash_disk_counts before = *crash_disk_counts(rig.mem);
    ck_assert_int_eq(log_flush_begin(rig.log, INT64_MAX, &flush, &ticket, &needed, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_flush_run(&flush, &rig.why), ERR_NONE);
    ck_assert_int_eq(crash_disk_counts(rig.mem)->syncs - before.syncs, 1);
    log_flush_end(rig.log, &ticket, ERR_IO, NULL);
    ck_assert_int_eq(log_failure(rig.log, NULL), ERR_KAFKA_STORAGE_ERROR);
    log_flush_close(&flush);
    rig_close(&rig);
}
END_TEST

/* --- follower --- */

static void build(struct buf *out, int64_t base_offset, int count, int32_t leader_epoch)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = base_offset;
    spec.leader_epoch = leader_epoch;
    struct record_builder b;
    record_builder_open(&b, &spec, NULL, out);
    for (int i = 0; i < count; i++)
        record_builder_put(&b, 1000 + i, VIEW_NULL, VIEW_LIT("value"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
}

START_TEST(follower_takes_offsets_gaps_and_epochs_as_they_are)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct buf set = {0};
    build(&set, 0, 2, 1);
    build(&set, 10, 3, 1);
    build(&set, 13, 1, 4);
    size_t whole = set.len;
    build(&set, 14, 1, 4);
    struct log_append_result out;
    struct view records = view_of(set.data, set.len - 5);
    ck_assert_int_eq(log_append_as_follower(rig.log, records, -1, 1, &out, &rig.why), ERR_NONE);
    ck_assert_int_eq(out.first_offset, 0);
    ck_assert_int_eq(out.last_offset, 13);
    ck_assert_int_eq(log_end(rig.log).offset, 14);
    ck_assert_int_eq(log_size_bytes(rig.log), (int64_t)whole);
    const struct leader_epochs *epochs = log_leader_epochs(rig.log);
    ck_assert_uint_eq(epochs->count, 2);
    ck_assert_int_eq(epochs->items[1].epoch, 4);
    ck_assert_int_eq(epochs->items[1].start_offset, 13);
    ck_assert_int_eq(log_append_as_follower(rig.log, records, -1, 1, &out, &rig.why),
                     ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(log_end(rig.log).offset, 14);
    buf_close(&set);
    rig_close(&rig);
}
END_TEST

/* A gap before a segment is what a lost tail looks like. */
START_TEST(segment_of_a_follower_begins_at_the_log_end_before_a_gap)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 100;
    rig_load(&rig, true);
    struct log_append_result out;
    const int64_t bases[] = {0, 10, 20 + (int64_t)INT32_MAX};
    const int64_t segments[] = {0, 1, 20 + (int64_t)INT32_MAX}; /* so far away none can begin below it */
    for (int i = 0; i < 3; i++) {
        struct buf set = {0};
        build(&set, bases[i], 1, 1);
        ck_assert_int_eq(log_append_as_follower(rig.log, buf_view(&set), -1, 1, &out, &rig.why), ERR_NONE);
        ck_assert_int_eq(log_active_base_offset(rig.log), segments[i]);
        buf_close(&set);
    }
    rig_close(&rig);
}
END_TEST

/* Old formats tell their last offset only. */
START_TEST(segment_of_an_old_format_begins_where_it_reaches_so_far)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct log_append_result out;
    const int64_t bases[] = {0, 20 + (int64_t)INT32_MAX};
    for (int i = 0; i < 2; i++) {
        struct buf set = {0};
        struct record_builder_spec spec = RECORD_BUILDER_V2;
        spec.magic = 1;
        spec.base_offset = bases[i];
        struct record_builder b;
        record_builder_open(&b, &spec, NULL, &set);
        record_builder_put(&b, 1000, VIEW_NULL, VIEW_LIT("value"));
        ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
        ck_assert_int_eq(log_append_as_follower(rig.log, buf_view(&set), -1, 1, &out, &rig.why), ERR_NONE);
        ck_assert_int_eq(out.last_offset, bases[i]);
        buf_close(&set);
    }
    ck_assert_int_eq(log_active_base_offset(rig.log), 20);
    rig_close(&rig);
}
END_TEST

START_TEST(follower_refuses_a_bad_crc_and_keeps_its_log)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct buf set = {0};
    build(&set, 0, 2, 1);
    build(&set, 2, 2, 1);
    set.data[set.len - 3] ^= 1;
    struct log_append_result out;
    ck_assert_int_eq(log_append_as_follower(rig.log, buf_view(&set), -1, 1, &out, &rig.why),
                     ERR_CORRUPT_MESSAGE);
    ck_assert_int_eq(log_end(rig.log).offset, 0);
    ck_assert_int_eq(log_size_bytes(rig.log), 0);
    buf_close(&set);
    rig_close(&rig);
}
END_TEST

START_TEST(empty_follower_begins_where_the_leaders_first_batch_does)
{
    struct rig rig;
    rig_init(&rig);
    rig.log_start_offset = 7;
    rig_load(&rig, true);
    ck_assert_int_eq(log_end(rig.log).offset, 7);
    struct buf set = {0};
    build(&set, 5, 4, 1);
    struct log_append_result out;
    ck_assert_int_eq(log_append_as_follower(rig.log, buf_view(&set), -1, 1, &out, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_start_offset(rig.log), 5);
    ck_assert_int_eq(log_end(rig.log).offset, 9);
    buf_close(&set);
    rig_close(&rig);
}
END_TEST

Suite *log_append_suite(void)
{
    Suite *suite = suite_create("log_append");
    TCase *tc = tcase_create("leader");
    tcase_add_test(tc, append_assigns_offsets_and_bytes_come_back);
    tcase_add_test(tc, steady_append_is_one_write_and_nothing_else);
    tcase_add_test(tc, reader_at_the_end_needs_no_disk);
    tcase_add_test(tc, append_larger_than_a_segment_is_refused);
    tcase_add_test(tc, segment_rolls_by_size_at_kafkas_limit);
    tcase_add_test(tc, segment_rolls_by_time_of_records_not_of_the_clock);
    tcase_add_test(tc, segment_rolls_when_an_index_is_full);
    tcase_add_test(tc, idempotent_duplicate_is_answered_across_reload);
    tcase_add_test(tc, transaction_holds_back_the_last_stable_offset);
    tcase_add_test(tc, flush_moves_the_recovery_point_unless_the_log_was_cut);
    suite_add_tcase(suite, tc);
    tc = tcase_create("follower");
    tcase_add_test(tc, follower_takes_offsets_gaps_and_epochs_as_they_are);
    tcase_add_test(tc, segment_of_a_follower_begins_at_the_log_end_before_a_gap);
    tcase_add_test(tc, segment_of_an_old_format_begins_where_it_reaches_so_far);
    tcase_add_test(tc, follower_refuses_a_bad_crc_and_keeps_its_log);
    tcase_add_test(tc, empty_follower_begins_where_the_leaders_first_batch_does);
    suite_add_tcase(suite, tc);
    return suite;
}
