#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "log_rig.h"
#include "storage/leader_epochs.h"
#include "storage/log_dir.h"
#include "storage/log_trim.h"
#include "storage/producer_state.h"

static bool truncate_rig(struct rig *rig, int64_t offset)
{
    struct log_doomed doomed = {0};
    bool truncated;
    enum err err = log_truncate_to(rig->log, offset, rig->now_ms, &doomed, &truncated, &rig->why);
    ck_assert_msg(err == ERR_NONE, "truncate to %lld: %s", (long long)offset, rig->why.text);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig->disk, &rig->why), ERR_NONE);
    return truncated;
}

/* Files of a directory but for snapshots, which depend on when one was taken. */
static void check_same_files(struct rig *a, struct rig *b)
{
    int64_t offset = 0;
    for (; offset <= log_end(a->log).offset; offset++) {
        static const char *const extensions[] = {".log", ".index", ".timeindex", ".txnindex"};
        for (int i = 0; i < 4; i++) {
            char *path = mem_printf(RIG_DIR "/%020lld%s", (long long)offset, extensions[i]);
            size_t len_a, len_b;
            const uint8_t *x = crash_disk_content(a->mem, path, &len_a);
            const uint8_t *y = crash_disk_content(b->mem, path, &len_b);
            if (i == 3 && len_a == 0 && len_b == 0)
                x = y = NULL;
            ck_assert_msg(!x == !y, "%s", path);
            ck_assert_uint_eq(len_a, len_b);
            if (len_a)
                ck_assert_mem_eq(x, y, len_a);
            free(path);
        }
    }
}

static void check_same_state(struct rig *a, struct rig *b)
{
    ck_assert_int_eq(log_end(a->log).offset, log_end(b->log).offset);
    ck_assert_int_eq(log_end(a->log).pos, log_end(b->log).pos);
    ck_assert_int_eq(log_first_unstable_offset(a->log), log_first_unstable_offset(b->log));
    const struct leader_epochs *x = log_leader_epochs(a->log), *y = log_leader_epochs(b->log);
    ck_assert_uint_eq(x->count, y->count);
    for (size_t i = 0; i < x->count; i++) {
        ck_assert_int_eq(x->items[i].epoch, y->items[i].epoch);
        ck_assert_int_eq(x->items[i].start_offset, y->items[i].start_offset);
    }
    for (int64_t id = 1; id <= 2; id++) {
        const struct producer_entry *p = producer_state_find(log_producers(a->log), id);
        const struct producer_entry *q = producer_state_find(log_producers(b->log), id);
        ck_assert(!p == !q);
        if (!p)
            continue;
        ck_assert_int_eq(p->epoch, q->epoch);
        ck_assert_int_eq(p->txn_first_offset, q->txn_first_offset);
        if (p->batch_count > 0 && q->batch_count > 0) {
            ck_assert_int_eq(p->last.last_offset, q->last.last_offset);
            ck_assert_int_eq(p->last.last_seq, q->last.last_seq);
        }
    }
}

static void init_txn_rig(struct rig *rig)
{
    rig_init(rig);
    rig->settings.verify_transactions = false;
    rig->settings.segment_bytes = 1500;
}

/* Two producers write transactions; sequences go on. */
static void append_all(struct rig *rig, int from, int to)
{
    for (int i = from; i < to; i++) {
        rig->now_ms = 1000000 + 10 * i;
        rig->leader_epoch = 3 + i / 7;
        const int64_t id = 1 + i % 2;
        const struct producer_entry *entry = producer_state_find(log_producers(rig->log), id);
        if (i % 9 == 8 && producer_state_has_open_txn(log_producers(rig->log), id)) {
            rig_append_marker(rig, id, 0, i % 4 == 0);
            continue;
        }
        int32_t seq = entry && entry->batch_count > 0 ? entry->last.last_seq + 1 : 0;
        rig_append(rig, (struct rig_append){.count = 1 + i % 3,
                                            .value_size = 37 * (i % 5),
                                            .producer_id = id,
                                            .base_sequence = seq,
                                            .transactional = true});
    }
}

START_TEST(truncation_anywhere_is_as_if_the_tail_had_never_been)
{
    struct rig whole;
    init_txn_rig(&whole);
    rig_load(&whole, true);
    append_all(&whole, 0, 60);
    rig_hw_to_end(&whole);
    const int64_t end = log_end(whole.log).offset;
    for (int64_t t = 0; t <= end + 1; t++) {
        struct rig rig;
        init_txn_rig(&rig);
        rig_load(&rig, true);
        append_all(&rig, 0, 60);
        rig_hw_to_end(&rig);
        ck_assert_int_eq(truncate_rig(&rig, t), t < end);
        if (t >= end) {
            rig_close(&rig);
            continue;
        }
        ck_assert_int_eq(log_end(rig.log).offset, t);
        ck_assert_int_le(log_high_watermark(rig.log).offset, t);
        /* A batch that straddles t is gone whole. */
        size_t kept = 0;
        while (kept < rig.count && rig.batches[kept].last_offset < t)
            kept++;
        const bool at_boundary = kept < rig.count && rig.batches[kept].base_offset == t;
        rig_model_truncate(&rig, t);
        ck_assert_uint_eq(rig.count, kept);
        if (at_boundary) {
            rig_check_prefix(&rig);
            append_all(&rig, (int)kept, 60);
            rig_hw_to_end(&rig);
            check_same_state(&rig, &whole);
            rig_check_prefix(&rig);
        }
        rig_close(&rig);
    }
    rig_close(&whole);
}
END_TEST

START_TEST(files_after_truncation_at_a_segment_boundary_are_the_same)
{
    struct rig a, b;
    init_txn_rig(&a);
    init_txn_rig(&b);
    rig_load(&a, true);
    rig_load(&b, true);
    append_all(&a, 0, 60);
    append_all(&b, 0, 60);
    int64_t t = log_active_base_offset(a.log);
    size_t kept = 0;
    while (a.batches[kept].last_offset < t)
        kept++;
    truncate_rig(&a, t);
    rig_model_truncate(&a, t);
    append_all(&a, (int)kept, 60);
    rig_stop(&a);
    rig_stop(&b);
    rig_load(&a, true);
    rig_load(&b, true);
    check_same_files(&a, &b);
    rig_close(&a);
    rig_close(&b);
}
END_TEST

/* Each unsynced write may be lost or kept: what was cut off must not come back beside what took its place. */
START_TEST(what_was_cut_off_does_not_come_back_with_a_loss_of_power)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rig rig;
        rig_init(&rig);
        rig_load(&rig, true);
        ck_assert_int_eq(DISK(rig.disk, sync_fs, "/", &rig.why), ERR_NONE);
        for (int i = 0; i < 6; i++)
            rig_append(&rig, (struct rig_append){.count = 1, .value_size = 20});
        struct log_doomed doomed = {0};
        bool truncated;
        ck_assert_int_eq(log_truncate_to(rig.log, 2, rig.now_ms, &doomed, &truncated, &rig.why), ERR_NONE);
        rig_model_truncate(&rig, 2);
        rig.leader_epoch++;
        for (int i = 0; i < 4; i++)
            rig_append(&rig, (struct rig_append){.count = 1, .value_size = 20});
        rig_kill(&rig);
        crash_disk_power_cut(rig.mem, CRASH_KEEP_SEEDED, seed);
        rig.power_lost = true;
        rig_load(&rig, false);
        rig_check_prefix(&rig);
        log_doomed_close(&doomed);
        rig_close(&rig);
    }
}
END_TEST

START_TEST(what_a_recovery_cut_off_does_not_come_back_with_the_next_loss_of_power)
{
    for (uint64_t seed = 0; seed < 300; seed++) {
        struct rig rig;
        rig_init(&rig);
        rig_load(&rig, true);
        ck_assert_int_eq(DISK(rig.disk, sync_fs, "/", &rig.why), ERR_NONE);
        for (uint64_t cut = 0; cut < 3; cut++) {
            for (int i = 0; i < 6; i++)
                rig_append(&rig, (struct rig_append){.count = 1, .value_size = 20});
            rig_kill(&rig);
            crash_disk_power_cut(rig.mem, CRASH_KEEP_SEEDED, 3 * seed + cut);
            rig.power_lost = true;
            rig_load(&rig, false);
            rig_check_prefix(&rig);
            rig_model_truncate(&rig, log_end(rig.log).offset);
            rig.leader_epoch++;
        }
        rig_close(&rig);
    }
}
END_TEST

START_TEST(truncation_below_the_first_segment_begins_anew)
{
    struct rig rig;
    rig_init(&rig);
    rig.log_start_offset = 100;
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.count = 5});
    ck_assert(truncate_rig(&rig, 50));
    ck_assert_int_eq(log_end(rig.log).offset, 50);
    ck_assert_int_eq(log_start_offset(rig.log), 50);
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    ck_assert_int_eq(log_size_bytes(rig.log), 0);
    rig_close(&rig);
}
END_TEST

START_TEST(the_lowest_cut_is_told_once)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct prng prng;
    prng_seed(&prng, 1);
    rig_append_random(&rig, &prng, 40);
    int64_t end = log_end(rig.log).offset;
    struct log_doomed doomed = {0};
    bool truncated;
    ck_assert_int_eq(log_take_cut(rig.log), INT64_MAX);
    ck_assert_int_eq(log_truncate_to(rig.log, end, 1, &doomed, &truncated, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_take_cut(rig.log), INT64_MAX);
    ck_assert_int_eq(log_truncate_to(rig.log, end / 2, 1, &doomed, &truncated, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_truncate_to(rig.log, end / 2 - 1, 1, &doomed, &truncated, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_take_cut(rig.log), end / 2 - 1);
    ck_assert_int_eq(log_take_cut(rig.log), INT64_MAX);
    ck_assert_int_eq(log_truncate_fully_and_start_at(rig.log, 500, -1, 1, &doomed, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_take_cut(rig.log), 0);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
    rig_model_truncate(&rig, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(truncating_fully_goes_on_at_the_offset)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct prng prng;
    prng_seed(&prng, 1);
    rig_append_random(&rig, &prng, 40);
    struct log_doomed doomed = {0};
    ck_assert_int_eq(log_truncate_fully_and_start_at(rig.log, 500, 450, 1, &doomed, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_start_offset(rig.log), 450);
    ck_assert_int_eq(log_end(rig.log).offset, 500);
    ck_assert_int_eq(log_high_watermark(rig.log).offset, 500);
    ck_assert_int_eq(log_recovery_point(rig.log), 500);
    ck_assert_uint_eq(log_leader_epochs(rig.log)->count, 0);
    rig_model_truncate(&rig, 0);
    struct log_append_result out = rig_append(&rig, (struct rig_append){0});
    ck_assert_int_eq(out.first_offset, 500);
    rig_close(&rig);
}
END_TEST

/* --- log start and retention --- */

START_TEST(log_start_rises_to_the_high_watermark_and_no_further)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    struct prng prng;
    prng_seed(&prng, 2);
    rig_append_random(&rig, &prng, 40);
    (void)log_set_high_watermark(rig.log, LOG_POSITION_OF_OFFSET(30));
    bool raised;
    ck_assert_int_eq(log_raise_start_offset(rig.log, 31, &raised, &rig.why), ERR_OFFSET_OUT_OF_RANGE);
    ck_assert_int_eq(log_raise_start_offset(rig.log, 30, &raised, &rig.why), ERR_NONE);
    ck_assert(raised);
    ck_assert_int_eq(log_raise_start_offset(rig.log, 20, &raised, &rig.why), ERR_NONE);
    ck_assert(!raised);
    ck_assert_int_eq(log_start_offset(rig.log), 30);
    ck_assert_int_ge(log_recovery_point(rig.log), 30);
    struct log_slice slice = {0};
    struct log_read_args args = {.offset = 29, .max_bytes = 100};
    ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_OFFSET_OUT_OF_RANGE);
    log_slice_close(&slice);
    /* The segments below it go with the next retention run, also in a compacted log. */
    rig.settings.cleanup_delete = false;
    rig.settings.cleanup_compact = true;
    log_update_config(rig.log, &rig.settings);
    struct log_doomed doomed = {0};
    struct log_retention_result result;
    ck_assert_int_eq(log_delete_old_segments(rig.log, rig.now_ms, &doomed, &result, &rig.why), ERR_NONE);
    ck_assert_int_eq(result.segments_by_size + result.segments_by_time, 0);
    ck_assert_int_le(log_first_base_offset(rig.log), 30);
    ck_assert_int_eq(log_start_offset(rig.log), 30);
    log_doomed_close(&doomed);
    rig_close(&rig);
}
END_TEST

START_TEST(retention_by_size_keeps_at_least_what_was_asked)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1000;
    rig.settings.retention_ms = -1;
    rig.settings.retention_bytes = 2500;
    rig_load(&rig, true);
    struct prng prng;
    prng_seed(&prng, 3);
    rig_append_random(&rig, &prng, 60);
    struct log_doomed doomed = {0};
    struct log_retention_result result;
    /* Nothing at or above the high watermark goes. */
    ck_assert_int_eq(log_delete_old_segments(rig.log, rig.now_ms, &doomed, &result, &rig.why), ERR_NONE);
    ck_assert_uint_eq(doomed.count, 0);
    rig_hw_to_end(&rig);
    const int before = log_segment_count(rig.log);
    ck_assert_int_eq(log_delete_old_segments(rig.log, rig.now_ms, &doomed, &result, &rig.why), ERR_NONE);
    ck_assert_int_gt(result.segments_by_size, 0);
    ck_assert_int_eq(log_segment_count(rig.log), before - result.segments_by_size);
    ck_assert_int_ge(log_size_bytes(rig.log), 2500);
    ck_assert_int_eq(log_start_offset(rig.log), log_first_base_offset(rig.log));
    size_t len;
    ck_assert_ptr_nonnull(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000000.log.deleted", &len));
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000000.log", &len));
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000000.log.deleted", &len));
    rig_check_prefix(&rig);
    rig_stop(&rig);
    rig_load(&rig, true);
    rig_check_prefix(&rig);
    rig_close(&rig);
}
END_TEST

START_TEST(expired_log_becomes_one_empty_segment_at_its_end)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1000;
    rig.settings.retention_ms = 1000;
    rig_load(&rig, true);
    struct prng prng;
    prng_seed(&prng, 4);
    rig_append_random(&rig, &prng, 30);
    rig_hw_to_end(&rig);
    const int64_t end = log_end(rig.log).offset;
    struct log_doomed doomed = {0};
    struct log_retention_result result;
    ck_assert_int_eq(log_delete_old_segments(rig.log, rig.now_ms + 5000, &doomed, &result, &rig.why),
                     ERR_NONE);
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    ck_assert_int_eq(log_active_base_offset(rig.log), end);
    ck_assert_int_eq(log_start_offset(rig.log), end);
    ck_assert_int_eq(log_size_bytes(rig.log), 0);
    /* Again: nothing to do. */
    ck_assert_int_eq(log_delete_old_segments(rig.log, rig.now_ms + 9000, &doomed, &result, &rig.why),
                     ERR_NONE);
    ck_assert_int_eq(result.segments_by_time, 0);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
    rig_stop(&rig);
    rig_load(&rig, true);
    ck_assert_int_eq(log_end(rig.log).offset, end);
    rig_close(&rig);
}
END_TEST

START_TEST(slice_outlives_the_deletion_of_its_segment)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.value_size = 100});
    struct log_slice slice = {0};
    struct log_read_args args = {.offset = 0, .max_bytes = 1000};
    ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_NONE);
    struct disk_file *shared = disk_file_share(slice.file);
    struct log_doomed doomed = {0};
    ck_assert_int_eq(log_truncate_fully_and_start_at(rig.log, 9, -1, 1, &doomed, &rig.why), ERR_NONE);
    ck_assert_int_eq(log_doomed_unlink(&doomed, rig.disk, &rig.why), ERR_NONE);
    struct buf bytes = {0};
    slice.file = shared;
    rig_read_slice(&rig, &slice, &bytes);
    ck_assert_mem_eq(bytes.data, rig.batches[0].bytes, rig.batches[0].len);
    disk_file_release(shared);
    buf_close(&bytes);
    log_slice_close(&slice);
    rig_close(&rig);
}
END_TEST

START_TEST(renamed_directory_is_written_under_its_new_name_and_deleted)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){0});
    ck_assert_int_eq(log_rename_dir(rig.log, "/topic-0.abc-delete", &rig.why), ERR_NONE);
    ck_assert_str_eq(log_name(rig.log), "topic-0.abc-delete");
    ck_assert_int_eq(log_roll(rig.log, 1, &rig.why), ERR_NONE);
    size_t len;
    ck_assert_ptr_nonnull(crash_disk_content(rig.mem, "/topic-0.abc-delete/00000000000000000001.log", &len));
    rig_check_prefix(&rig);
    rig_kill(&rig);
    ck_assert_int_eq(log_dir_delete_tree(rig.disk, "/topic-0.abc-delete", &rig.why), ERR_NONE);
    ck_assert_ptr_null(crash_disk_content(rig.mem, "/topic-0.abc-delete", &len));
    ck_assert_int_eq(log_dir_delete_tree(rig.disk, "/topic-0.abc-delete", &rig.why), ERR_NONE);
    rig_close(&rig);
}
END_TEST

Suite *log_trim_suite(void)
{
    Suite *suite = suite_create("log_trim");
    TCase *tc = tcase_create("end");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, truncation_anywhere_is_as_if_the_tail_had_never_been);
    tcase_add_test(tc, files_after_truncation_at_a_segment_boundary_are_the_same);
    tcase_add_test(tc, what_was_cut_off_does_not_come_back_with_a_loss_of_power);
    tcase_add_test(tc, what_a_recovery_cut_off_does_not_come_back_with_the_next_loss_of_power);
    tcase_add_test(tc, truncation_below_the_first_segment_begins_anew);
    tcase_add_test(tc, truncating_fully_goes_on_at_the_offset);
    tcase_add_test(tc, the_lowest_cut_is_told_once);
    suite_add_tcase(suite, tc);
    tc = tcase_create("beginning");
    tcase_add_test(tc, log_start_rises_to_the_high_watermark_and_no_further);
    tcase_add_test(tc, retention_by_size_keeps_at_least_what_was_asked);
    tcase_add_test(tc, expired_log_becomes_one_empty_segment_at_its_end);
    tcase_add_test(tc, slice_outlives_the_deletion_of_its_segment);
    tcase_add_test(tc, renamed_directory_is_written_under_its_new_name_and_deleted);
    suite_add_tcase(suite, tc);
    return suite;
}
