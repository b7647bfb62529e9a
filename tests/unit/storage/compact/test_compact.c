/* Whole compactions of small logs: what is there afterwards. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "compact_rig.h"
#include "storage/leader_epochs.h"
#include "storage/log_trim.h"

static struct compact_rig rig;
static const struct rig_set plain;

static void setup(void)
{
    compact_rig_init(&rig);
}

static void teardown(void)
{
    compact_rig_close(&rig);
}

static void expect(bool read_committed, const char *records)
{
    char *text = compact_rig_text(&rig, read_committed);
    ck_assert_str_eq(text, records);
    free(text);
}

static void seal(void)
{
    compact_rig_settle(&rig, true);
}

static void later(int64_t ms)
{
    rig.rig.now_ms += ms;
    crash_disk_set_now_ms(rig.rig.mem, rig.rig.now_ms);
}

START_TEST(of_every_key_the_newest_record_stays)
{
    compact_rig_append(&rig, &plain, "a=1 b=1 c=1");
    compact_rig_append(&rig, &plain, "a=2");
    seal();
    compact_rig_append(&rig, &plain, "b=2 d=1");
    seal();
    compact_rig_append(&rig, &plain, "a=3");
    compact_rig_settle(&rig, false);
    compact_rig_run(&rig);
    expect(false, "2:c=1 3:a=2 4:b=2 5:d=1 6:a=3");
    ck_assert_int_eq(rig.next_dirty, 6);
    ck_assert_int_eq(log_segment_count(rig.rig.log), 2);
    ck_assert_int_eq(log_end(rig.rig.log).offset, 7);
}
END_TEST

/* --- tombstones --------------------------------------------------------------------------------------- */

static int64_t horizon_of(int64_t offset)
{
    struct seen seen = {0};
    compact_rig_read(&rig, false, &seen);
    int64_t horizon_ms = -2;
    for (size_t i = 0; i < seen.count; i++)
        if (seen.items[i].offset == offset)
            horizon_ms = seen.items[i].horizon_ms;
    seen_close(&seen);
    return horizon_ms;
}

/* Something dirty, so that there is something to compact. */
static void run_again(const char *more)
{
    compact_rig_append(&rig, &plain, more);
    seal();
    compact_rig_run(&rig);
}

START_TEST(a_tombstone_stays_for_its_time_and_goes)
{
    const struct rig_set set = {.codec = (enum codec)_i};
    compact_rig_append(&rig, &set, "a=1 b=1 c=1");
    compact_rig_append(&rig, &set, "a b=2");
    seal();
    compact_rig_run(&rig);
    expect(false, "2:c=1 3:a 4:b=2");
    const int64_t horizon_ms = horizon_of(3);
    ck_assert_int_eq(horizon_ms, rig.rig.now_ms + rig.delete_retention_ms);
    later(500);
    run_again("x=1");
    ck_assert_int_eq(horizon_of(3), horizon_ms);
    later(499);
    run_again("y=1");
    expect(false, "2:c=1 3:a 4:b=2 5:x=1 6:y=1");
    later(1);
    run_again("z=1");
    expect(false, "2:c=1 4:b=2 5:x=1 6:y=1 7:z=1");
}
END_TEST

START_TEST(a_horizon_that_no_clock_reaches_is_the_last_moment)
{
    rig.delete_retention_ms = INT64_MAX;
    compact_rig_append(&rig, &plain, "a=1 a");
    seal();
    compact_rig_run(&rig);
    expect(false, "1:a");
    ck_assert_int_eq(horizon_of(1), INT64_MAX);
}
END_TEST

START_TEST(a_tombstone_of_an_old_format_goes_by_the_age_of_its_segment)
{
    const struct rig_set old = {
        .is_old = true, .magic = (int8_t)(_i % 2), .codec = _i < 2 ? CODEC_NONE : CODEC_GZIP};
    rig.rig.settings.segment_bytes = 115; /* none is merged with another */
    log_update_config(rig.rig.log, &rig.rig.settings);
    compact_rig_append(&rig, &old, "a=1 b=1 a");
    seal();
    compact_rig_run(&rig);
    expect(false, "1:b=1 2:a");
    later(1001);
    run_again("x=1");
    expect(false, "1:b=1 2:a 3:x=1");
    /* The newest clean segment is younger by more than the retention now. */
    run_again("y=1");
    expect(false, "1:b=1 3:x=1 4:y=1");
}
END_TEST

START_TEST(a_record_without_a_key_goes)
{
    compact_rig_append(&rig, &plain, "a=1 =nothing b=1");
    seal();
    compact_rig_run(&rig);
    expect(false, "0:a=1 2:b=1");
    ck_assert_int_eq(rig.stats.invalid_records, 1);
}
END_TEST

/* --- transactions and producers ----------------------------------------------------------------------- */

START_TEST(aborted_data_goes_at_once_and_its_marker_later)
{
    const struct rig_set txn = {.producer_id = 5, .transactional = true};
    struct rig_set more = txn;
    more.base_sequence = 2;
    compact_rig_append(&rig, &plain, "a=1");
    compact_rig_append(&rig, &txn, "a=2 b=2");
    compact_rig_marker(&rig, 5, 0, false);
    compact_rig_append(&rig, &more, "c=3");
    compact_rig_marker(&rig, 5, 0, true);
    seal();
    expect(true, "0:a=1 4:c=3");
    compact_rig_run(&rig);
    expect(true, "0:a=1 4:c=3");
    expect(false, "0:a=1 3:marker 4:c=3 5:marker");
    ck_assert_int_eq(horizon_of(3), -1);
    run_again("x=1"); /* finds nothing of the aborted one: the marker begins to count down */
    expect(false, "0:a=1 3:marker 4:c=3 5:marker 6:x=1");
    ck_assert_int_eq(horizon_of(3), rig.rig.now_ms + rig.delete_retention_ms);
    ck_assert_int_eq(horizon_of(5), -1);
    later(1000);
    run_again("y=1");
    expect(false, "0:a=1 4:c=3 5:marker 6:x=1 7:y=1");
}
END_TEST

START_TEST(a_transaction_that_is_open_is_not_touched)
{
    const struct rig_set txn = {.producer_id = 5, .transactional = true};
    compact_rig_append(&rig, &plain, "a=1 a=2");
    seal();
    compact_rig_append(&rig, &txn, "b=1 b=2");
    seal();
    compact_rig_append(&rig, &plain, "a=3");
    seal();
    compact_rig_run(&rig);
    expect(false, "1:a=2 2:b=1 3:b=2 4:a=3");
    ck_assert_int_eq(rig.next_dirty, 2);
}
END_TEST

START_TEST(the_last_batch_of_a_producer_stays_when_it_is_empty)
{
    const struct rig_set first = {.producer_id = 5}, second = {.producer_id = 5, .base_sequence = 2};
    compact_rig_append(&rig, &first, "a=1 b=1");
    compact_rig_append(&rig, &second, "a=2 b=2 a=3");
    compact_rig_append(&rig, &plain, "a=4 b=4");
    seal();
    compact_rig_run(&rig);
    expect(false, "5:a=4 6:b=4");
    rig.rig.recovery_point = 0;
    rig_kill(&rig.rig);
    rig_load(&rig.rig, false);
    const struct producer_entry *entry = producer_state_find(log_producers(rig.rig.log), 5);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->last.last_seq, 4);
    ck_assert_int_eq(entry->last.last_offset, 4);
}
END_TEST

/* What lies above may be lost with the power: then the one below is the last. */
START_TEST(the_last_batch_of_a_producer_below_what_is_not_compacted_stays_too)
{
    const struct rig_set first = {.producer_id = 5}, second = {.producer_id = 5, .base_sequence = 2},
                         third = {.producer_id = 5, .base_sequence = 4};
    compact_rig_append(&rig, &first, "a=1 b=1");
    compact_rig_append(&rig, &second, "a=2 b=2");
    const int64_t end = compact_rig_append(&rig, &plain, "a=3 b=3") + 1;
    seal();
    compact_rig_append(&rig, &third, "c=1");
    compact_rig_run(&rig);
    expect(false, "4:a=3 5:b=3 6:c=1");
    struct log_doomed doomed = {0};
    bool truncated;
    ck_assert_int_eq(log_truncate_to(rig.rig.log, end, rig.rig.now_ms, &doomed, &truncated, &rig.rig.why),
                     ERR_NONE);
    log_doomed_close(&doomed);
    rig.rig.recovery_point = 0;
    rig_kill(&rig.rig);
    rig_load(&rig.rig, false);
    const struct producer_entry *entry = producer_state_find(log_producers(rig.rig.log), 5);
    ck_assert_ptr_nonnull(entry);
    ck_assert_int_eq(entry->last.last_seq, 3);
}
END_TEST

/* --- bytes -------------------------------------------------------------------------------------------- */

START_TEST(batches_that_lose_nothing_are_copied_byte_for_byte)
{
    const struct rig_set zstd = {.codec = CODEC_ZSTD};
    compact_rig_append(&rig, &zstd, "a=1 b=1");
    compact_rig_append(&rig, &plain, "c=1");
    seal();
    size_t len, len_after;
    const char *path = RIG_DIR "/00000000000000000000.log";
    const uint8_t *content = crash_disk_content(rig.rig.mem, path, &len);
    uint8_t *before = mem_dup(content, len);
    compact_rig_run(&rig);
    content = crash_disk_content(rig.rig.mem, path, &len_after);
    ck_assert_uint_eq(len_after, len);
    ck_assert_mem_eq(content, before, len);
    free(before);
}
END_TEST

START_TEST(offsets_and_timestamps_of_what_stays_do_not_change)
{
    const struct rig_set sets[] = {{.codec = CODEC_LZ4}, {.log_append_time = true}, {.codec = CODEC_SNAPPY}};
    for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
        compact_rig_append(&rig, &sets[i], "a=1 b=1 c=1 d=1");
        later(10);
    }
    compact_rig_append(&rig, &plain, "a=2 c=2");
    seal();
    struct seen before = {0}, after = {0};
    compact_rig_read(&rig, false, &before);
    compact_rig_run(&rig);
    compact_rig_read(&rig, false, &after);
    ck_assert_uint_eq(after.count, 4);
    for (size_t i = 0; i < after.count; i++) {
        const struct seen_record *then = &before.items[after.items[i].offset];
        ck_assert_int_eq(then->offset, after.items[i].offset);
        ck_assert_int_eq(then->timestamp_ms, after.items[i].timestamp_ms);
        ck_assert_str_eq(then->key, after.items[i].key);
    }
    seen_close(&before);
    seen_close(&after);
}
END_TEST

START_TEST(a_damaged_batch_is_told_and_nothing_is_replaced)
{
    compact_rig_append(&rig, &plain, "a=1 b=1");
    compact_rig_append(&rig, &plain, "a=2");
    seal();
    size_t len;
    const char *path = RIG_DIR "/00000000000000000000.log";
    (void)crash_disk_content(rig.rig.mem, path, &len);
    struct disk_file *file;
    ck_assert_int_eq(DISK(rig.rig.disk, open, path, DISK_OPEN_WRITE, &file, NULL), ERR_NONE);
    const struct iovec iov = {(void *)(uintptr_t) "?", 1};
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, (int64_t)len - 3, NULL), ERR_NONE);
    disk_file_release(file);
    ck_assert_int_eq(compact_rig_try(&rig), ERR_CORRUPT_MESSAGE);
    ck_assert_ptr_nonnull(strstr(rig.rig.why.text, "offset 2"));
    ck_assert_int_eq(log_failure(rig.rig.log, &rig.rig.why), ERR_NONE);
    ck_assert_ptr_null(crash_disk_content(rig.rig.mem, RIG_DIR "/00000000000000000000.log.cleaned", &len));
}
END_TEST

/* --- segments ----------------------------------------------------------------------------------------- */

START_TEST(small_segments_become_one_as_far_as_they_fit)
{
    for (int i = 0; i < 12; i++) {
        char text[300];
        snprintf(text, sizeof text, "k%d=%0200d", i, i);
        compact_rig_append(&rig, &plain, text);
        seal();
    }
    ck_assert_int_eq(log_segment_count(rig.rig.log), 13);
    compact_rig_run(&rig);
    ck_assert_int_eq(rig.stats.segments_before, 12);
    ck_assert_int_eq(rig.stats.segments_after, 4);
    ck_assert_int_eq(rig.stats.groups, 4);
    ck_assert_int_eq(log_segment_count(rig.rig.log), 5);
    ck_assert_int_eq(rig.stats.records_written, 12);
}
END_TEST

START_TEST(a_map_that_is_too_small_goes_on_where_it_stopped)
{
    compact_memory_free(rig.memory);
    rig.memory = compact_memory_new(64, 1.0, 4096);
    compact_rig_append(&rig, &plain, "a=1 b=1 a=2 c=1 a=3");
    compact_rig_append(&rig, &plain, "d=1 d=2 a=4");
    seal();
    compact_rig_run(&rig);
    ck_assert_int_eq(rig.next_dirty, 3);
    expect(false, "1:b=1 2:a=2 3:c=1 4:a=3 5:d=1 6:d=2 7:a=4");
    for (int i = 0; i < 4; i++)
        compact_rig_run(&rig);
    expect(false, "1:b=1 3:c=1 6:d=2 7:a=4");
}
END_TEST

/* Of all that was synced nothing is gone, and no checkpoint is left. */
static void lose_power(void)
{
    rig.rig.power_lost = true;
    rig.rig.recovery_point = 0;
    rig_kill(&rig.rig);
    crash_disk_power_cut(rig.rig.mem, CRASH_KEEP_NONE, 0);
    rig_load(&rig.rig, false);
}

START_TEST(what_went_at_the_end_of_a_segment_is_no_hole_in_the_log)
{
    compact_rig_append(&rig, &plain, "a=1 b=1 a=2");
    compact_rig_append(&rig, &plain, "b=2");
    seal();
    compact_rig_append(&rig, &plain, "a=3 b=3");
    rig.rig.settings.segment_bytes = 100;
    log_update_config(rig.rig.log, &rig.rig.settings);
    seal();
    compact_rig_append(&rig, &plain, "c=1");
    compact_rig_settle(&rig, false);
    compact_rig_run(&rig);
    expect(false, "4:a=3 5:b=3 6:c=1");
    ck_assert_int_eq(log_segment_count(rig.rig.log), 3);
    /* Nobody knows any more what was flushed, nor, once, that it was compacted, and the machine went down. */
    rig.rig.settings.cleanup_compact = _i == 1;
    rig.rig.settings.cleanup_delete = _i == 0;
    lose_power();
    expect(false, "4:a=3 5:b=3 6:c=1");
    ck_assert_int_eq(rig.rig.report.bytes_cut, 0);
}
END_TEST

/* In old formats the cleaner leaves gaps there: what is lost of such a log is not told from them. */
START_TEST(what_went_at_the_end_of_a_segment_of_an_old_format_is_no_hole_either)
{
    const struct rig_set old = {.is_old = true, .magic = 1};
    rig.rig.settings.segment_bytes = 115; /* none is merged with another */
    log_update_config(rig.rig.log, &rig.rig.settings);
    compact_rig_append(&rig, &old, "a=1 b=1");
    compact_rig_append(&rig, &old, "b=2");
    seal();
    compact_rig_append(&rig, _i == 0 ? &old : &plain, "b=3");
    compact_rig_settle(&rig, true);
    compact_rig_run(&rig);
    lose_power();
    expect(false, "0:a=1 3:b=3");
    ck_assert_int_eq(rig.rig.report.bytes_cut, 0);
}
END_TEST

START_TEST(epochs_end_and_recovery_are_what_they_were)
{
    for (int i = 0; i < 5; i++) {
        compact_rig_append(&rig, &plain, "a=1 b=1");
        rig.rig.leader_epoch++;
        seal();
    }
    const struct leader_epoch before = leader_epochs_end_offset_for(log_leader_epochs(rig.rig.log), 4, 10);
    compact_rig_run(&rig);
    const struct leader_epoch after = leader_epochs_end_offset_for(log_leader_epochs(rig.rig.log), 4, 10);
    ck_assert_int_eq(after.start_offset, before.start_offset);
    ck_assert_int_eq(log_end(rig.rig.log).offset, 10);
    rig_stop(&rig.rig);
    rig_load(&rig.rig, true);
    expect(false, "8:a=1 9:b=1");
    ck_assert_int_eq(log_end(rig.rig.log).offset, 10);
    ck_assert_int_eq(leader_epochs_end_offset_for(log_leader_epochs(rig.rig.log), 4, 10).start_offset,
                     before.start_offset);
}
END_TEST

/* Followers that have something of an older epoch that was never committed are told by it where to cut. */
START_TEST(a_kill_does_not_move_where_epochs_began)
{
    for (int i = 0; i < 5; i++) {
        compact_rig_append(&rig, &plain, i % 2 ? "a=1 b=1" : i ? "a=1 c=1" : "a=1 d=1");
        rig.rig.leader_epoch++;
        seal();
    }
    struct leader_epochs before = {0};
    (void)leader_epochs_copy(&before, log_leader_epochs(rig.rig.log));
    ck_assert_uint_eq(before.count, 5);
    compact_rig_run(&rig);
    expect(false, "1:d=1 7:b=1 8:a=1 9:c=1");
    rig_kill(&rig.rig);
    rig.rig.recovery_point = 0;
    rig_load(&rig.rig, false);
    ck_assert_int_gt(rig.rig.report.segments_recovered, 0);
    ck_assert(!leader_epochs_copy(&before, log_leader_epochs(rig.rig.log)));
    leader_epochs_close(&before);
}
END_TEST

/* --- beside it ---------------------------------------------------------------------------------------- */

START_TEST(who_shares_an_old_file_reads_on)
{
    compact_rig_append(&rig, &plain, "a=1 b=1");
    compact_rig_append(&rig, &plain, "a=2");
    seal();
    struct log_slice slice = {0};
    const struct log_read_args args = {.max_bytes = 1000, .bound = LOG_BOUND_END, .min_one = true};
    ck_assert_int_eq(log_read(rig.rig.log, &args, &slice, &rig.rig.why), ERR_NONE);
    struct disk_file *share = disk_file_share(slice.file);
    struct buf before = {0}, after = {0};
    rig_read_slice(&rig.rig, &slice, &before);
    compact_rig_run(&rig);
    slice.file = share;
    rig_read_slice(&rig.rig, &slice, &after);
    ck_assert(view_equal(buf_view(&before), buf_view(&after)));
    disk_file_release(share);
    slice.file = NULL;
    log_slice_close(&slice);
    buf_close(&before);
    buf_close(&after);
}
END_TEST

/* A follower that fetched just before a roll names the end of the old segment. */
START_TEST(a_high_watermark_that_lay_in_an_old_file_is_found_anew)
{
    compact_rig_append(&rig, &plain, "a=1 b=1");
    compact_rig_append(&rig, &plain, "a=2");
    const struct log_position end = log_end(rig.rig.log);
    seal();
    compact_rig_append(&rig, &plain, "a=3");
    (void)log_set_high_watermark(rig.rig.log, LOG_POSITION_OF_OFFSET(0));
    (void)log_set_high_watermark(rig.rig.log, end);
    ck_assert_int_eq(log_high_watermark(rig.rig.log).segment_base, 0);
    compact_rig_run(&rig);
    ck_assert_int_eq(rig.next_dirty, 3);
    struct log_slice slice = {0};
    struct buf bytes = {0};
    const struct log_read_args args = {
        .max_bytes = 10000, .bound = LOG_BOUND_HIGH_WATERMARK, .min_one = true};
    ck_assert_int_eq(log_read(rig.rig.log, &args, &slice, &rig.rig.why), ERR_NONE);
    rig_read_slice(&rig.rig, &slice, &bytes);
    ck_assert_int_eq(log_high_watermark(rig.rig.log).offset, 3);
    buf_close(&bytes);
    log_slice_close(&slice);
}
END_TEST

static void cut_log(struct compact_rig *r)
{
    struct log_doomed doomed = {0};
    bool cut;
    ck_assert_int_eq(log_truncate_to(r->rig.log, 3, 1, &doomed, &cut, &r->rig.why), ERR_NONE);
    log_doomed_close(&doomed);
}

static void delete_first(struct compact_rig *r)
{
    struct log_doomed doomed = {0};
    struct log_retention_result result;
    bool raised;
    ck_assert_int_eq(log_raise_start_offset(r->rig.log, 2, &raised, &r->rig.why), ERR_NONE);
    ck_assert_int_eq(log_delete_old_segments(r->rig.log, 1, &doomed, &result, &r->rig.why), ERR_NONE);
    ck_assert_int_eq(result.segments_by_start, 1);
    log_doomed_close(&doomed);
}

static void rename_dir(struct compact_rig *r)
{
    ck_assert_int_eq(log_rename_dir(r->rig.log, RIG_DIR ".x-delete", &r->rig.why), ERR_NONE);
}

START_TEST(a_log_that_changed_meanwhile_is_left_as_it_is)
{
    static void (*const changes[])(struct compact_rig *) = {cut_log, delete_first, rename_dir};
    compact_rig_append(&rig, &plain, "a=1 b=1");
    seal();
    compact_rig_append(&rig, &plain, "a=2 b=2");
    seal();
    rig.before_swap = changes[_i];
    ck_assert_int_eq(compact_rig_try(&rig), ERR_CLOSED);
    ck_assert_int_eq(log_failure(rig.rig.log, &rig.rig.why), ERR_NONE);
    char *text = compact_rig_text(&rig, false);
    ck_assert_ptr_nonnull(strstr(text, _i == 0 ? "0:a=1 1:b=1" : "2:a=2 3:b=2"));
    free(text);
}
END_TEST

static bool stop(void *arg, int64_t bytes)
{
    ck_assert_int_gt(bytes, 0);
    return --*(int *)arg >= 0;
}

START_TEST(a_compaction_that_is_given_up_leaves_nothing_behind)
{
    compact_rig_append(&rig, &plain, "a=1 b=1 a=2");
    seal();
    for (int calls = 0; calls < 2; calls++) {
        int left = calls;
        rig.go_on = stop;
        rig.go_on_arg = &left;
        ck_assert_int_eq(compact_rig_try(&rig), ERR_CLOSED);
        size_t len;
        ck_assert_ptr_null(
            crash_disk_content(rig.rig.mem, RIG_DIR "/00000000000000000000.log.cleaned", &len));
    }
    expect(false, "0:a=1 1:b=1 2:a=2");
    rig.go_on = NULL;
    compact_rig_run(&rig);
    expect(false, "1:b=1 2:a=2");
}
END_TEST

/* --- dirt --------------------------------------------------------------------------------------------- */

START_TEST(what_is_dirty_is_counted_in_whole_segments)
{
    compact_rig_append(&rig, &plain, "a=1 b=1");
    const int64_t began_ms = rig.rig.now_ms;
    seal();
    const int64_t first_bytes = log_size_bytes(rig.rig.log);
    later(100);
    compact_rig_append(&rig, &plain, "a=2 b=2");
    seal();
    compact_rig_append(&rig, &plain, "a=3");
    compact_rig_settle(&rig, false);
    struct log_dirt dirt;
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert_int_eq(dirt.first_dirty, 0);
    ck_assert_int_eq(dirt.first_uncleanable, 4);
    ck_assert_int_eq(dirt.clean_bytes, 0);
    ck_assert_int_eq(dirt.cleanable_bytes, 2 * first_bytes);
    ck_assert_int_eq(dirt.oldest_dirty_ms, began_ms + 1);
    rig.checkpoint = 2;
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert_int_eq(dirt.clean_bytes, first_bytes);
    ck_assert_int_eq(dirt.cleanable_bytes, first_bytes);
    rig.min_lag_ms = 50;
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert_int_eq(dirt.first_uncleanable, 2);
    ck_assert_int_eq(dirt.cleanable_bytes, 0);
    rig.checkpoint = 77;
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert(dirt.checkpoint_reset);
    ck_assert_int_eq(dirt.first_dirty, 0);
}
END_TEST

START_TEST(what_is_not_flushed_is_not_compacted_yet)
{
    compact_rig_append(&rig, &plain, "a=1 a=2");
    ck_assert_int_eq(log_roll(rig.rig.log, 1, &rig.rig.why), ERR_NONE);
    rig_hw_to_end(&rig.rig);
    struct log_dirt dirt;
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert_int_eq(dirt.cleanable_bytes, 0);
    compact_rig_settle(&rig, false);
    ck_assert_int_eq(compact_rig_dirt(&rig, &dirt), ERR_NONE);
    ck_assert_int_gt(dirt.cleanable_bytes, 0);
}
END_TEST

Suite *compact_suite(void)
{
    Suite *suite = suite_create("compact");
    TCase *tc = tcase_create("whole");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, of_every_key_the_newest_record_stays);
    tcase_add_loop_test(tc, a_tombstone_stays_for_its_time_and_goes, 0, CODEC_COUNT);
    tcase_add_test(tc, a_horizon_that_no_clock_reaches_is_the_last_moment);
    tcase_add_loop_test(tc, a_tombstone_of_an_old_format_goes_by_the_age_of_its_segment, 0, 4);
    tcase_add_test(tc, a_record_without_a_key_goes);
    tcase_add_test(tc, aborted_data_goes_at_once_and_its_marker_later);
    tcase_add_test(tc, a_transaction_that_is_open_is_not_touched);
    tcase_add_test(tc, the_last_batch_of_a_producer_stays_when_it_is_empty);
    tcase_add_test(tc, the_last_batch_of_a_producer_below_what_is_not_compacted_stays_too);
    tcase_add_test(tc, batches_that_lose_nothing_are_copied_byte_for_byte);
    tcase_add_test(tc, offsets_and_timestamps_of_what_stays_do_not_change);
    tcase_add_test(tc, a_damaged_batch_is_told_and_nothing_is_replaced);
    tcase_add_test(tc, small_segments_become_one_as_far_as_they_fit);
    tcase_add_test(tc, a_map_that_is_too_small_goes_on_where_it_stopped);
    tcase_add_loop_test(tc, what_went_at_the_end_of_a_segment_is_no_hole_in_the_log, 0, 2);
    tcase_add_loop_test(tc, what_went_at_the_end_of_a_segment_of_an_old_format_is_no_hole_either, 0, 2);
    tcase_add_test(tc, epochs_end_and_recovery_are_what_they_were);
    tcase_add_test(tc, a_kill_does_not_move_where_epochs_began);
    tcase_add_test(tc, who_shares_an_old_file_reads_on);
    tcase_add_test(tc, a_high_watermark_that_lay_in_an_old_file_is_found_anew);
    tcase_add_loop_test(tc, a_log_that_changed_meanwhile_is_left_as_it_is, 0, 3);
    tcase_add_test(tc, a_compaction_that_is_given_up_leaves_nothing_behind);
    tcase_add_test(tc, what_is_dirty_is_counted_in_whole_segments);
    tcase_add_test(tc, what_is_not_flushed_is_not_compacted_yet);
    suite_add_tcase(suite, tc);
    return suite;
}
