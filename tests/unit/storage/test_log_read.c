#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "log_rig.h"
#include "storage/log_lookup.h"
#include "storage/log_trim.h"
#include "wire/record_builder.h"

/* What a read must give, found the slow way: position of the batch that holds `offset` in its segment file.
 */
static void check_read(struct rig *rig, int64_t offset, int32_t max_bytes, enum log_bound bound, bool min_one)
{
    struct log_slice slice = {0};
    struct buf bytes = {0};
    struct log_read_args args = {
        .offset = offset, .max_bytes = max_bytes, .bound = bound, .min_one = min_one};
    enum err err = log_read(rig->log, &args, &slice, &rig->why);
    const int64_t bound_offset =
        bound == LOG_BOUND_END ? log_end(rig->log).offset : log_high_watermark(rig->log).offset;
    if (offset < log_start_offset(rig->log) || offset > log_end(rig->log).offset) {
        ck_assert_int_eq(err, ERR_OFFSET_OUT_OF_RANGE);
        log_slice_close(&slice);
        return;
    }
    ck_assert_msg(err == ERR_NONE, "read %lld: %s", (long long)offset, rig->why.text);
    rig_read_slice(rig, &slice, &bytes);
    const struct rig_batch *batch = rig_batch_at(rig, offset);
    if (offset >= bound_offset) {
        ck_assert_uint_eq(bytes.len, 0);
    } else if (min_one || max_bytes > 0) {
        ck_assert_ptr_nonnull(batch);
        ck_assert_uint_gt(bytes.len, 0);
        ck_assert_int_eq(slice.start.offset, offset);
        ck_assert_int_eq(slice.start.pos, slice.pos);
        ck_assert_int_eq(slice.first_entry_incomplete, !min_one && max_bytes < (int32_t)batch->len);
        if (min_one)
            ck_assert_uint_ge(bytes.len, batch->len);
        if (!min_one || batch->len < (size_t)max_bytes)
            ck_assert_uint_le(bytes.len, (size_t)max_bytes);
        /* Batch after batch as appended, the last one perhaps cut, none at or above the bound. */
        for (size_t at = 0; at < bytes.len; batch++) {
            size_t n = bytes.len - at < batch->len ? bytes.len - at : batch->len;
            ck_assert_mem_eq(bytes.data + at, batch->bytes, n);
            ck_assert_int_lt(batch->last_offset, bound_offset);
            at += n;
        }
    }
    buf_close(&bytes);
    log_slice_close(&slice);
}

START_TEST(every_offset_reads_the_batch_that_holds_it)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rig rig;
        rig_init(&rig);
        struct prng prng;
        prng_seed(&prng, seed);
        rig.settings.segment_bytes = (int32_t)(900 + prng_below(&prng, 5000));
        rig.settings.index_interval_bytes = (int32_t)prng_below(&prng, 600);
        rig_load(&rig, true);
        rig_append_random(&rig, &prng, 60);
        if (seed % 3 == 1) {
            rig_stop(&rig);
            rig_load(&rig, true);
            rig_append_random(&rig, &prng, 5);
        } else if (seed % 3 == 2) {
            rig_kill(&rig);
            rig_load(&rig, false);
            rig_append_random(&rig, &prng, 5);
        }
        const struct rig_batch *middle = rig_batch_at(&rig, (int64_t)prng_below(&prng, 100));
        (void)log_set_high_watermark(rig.log, LOG_POSITION_OF_OFFSET(middle->last_offset + 1));
        for (int64_t o = -1; o <= log_end(rig.log).offset + 1; o++) {
            check_read(&rig, o, (int32_t)prng_below(&prng, 700), LOG_BOUND_END, true);
            check_read(&rig, o, (int32_t)prng_below(&prng, 700), LOG_BOUND_END, false);
            check_read(&rig, o, 1 << 20, LOG_BOUND_HIGH_WATERMARK, true);
        }
        rig_close(&rig);
    }
}
END_TEST

START_TEST(cold_read_says_so_and_succeeds_on_a_worker)
{
    struct rig rig;
    rig_init(&rig);
    struct prng prng;
    prng_seed(&prng, 3);
    rig_load(&rig, true);
    rig_append_random(&rig, &prng, 60);
    rig_hw_to_end(&rig);
    rig_stop(&rig);
    rig_load(&rig, true);
    struct log_slice slice = {0};
    struct log_read_args args = {.offset = 3, .max_bytes = 1000, .nowait = true, .min_one = true};
    crash_disk_set_cold(rig.mem, true);
    ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_WOULD_BLOCK);
    ck_assert_int_eq(log_failure(rig.log, NULL), ERR_NONE);
    args.nowait = false;
    ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_NONE);
    ck_assert_int_gt(slice.len, 0);
    crash_disk_set_cold(rig.mem, false);
    args.nowait = true;
    ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_NONE);
    log_slice_close(&slice);
    rig_close(&rig);
}
END_TEST

/* A segment of 256 batches whose index is in its file, with entries as far apart as they are by default. */
static void load_middle(struct rig *rig, int value_size)
{
    rig_init(rig);
    rig->settings.segment_bytes = 64 << 20;
    rig->settings.index_interval_bytes = 4096;
    rig_load(rig, true);
    for (int i = 0; i < 256; i++)
        (void)rig_append(rig, (struct rig_append){.count = 4, .value_size = value_size});
    rig_hw_to_end(rig);
    rig_stop(rig);
    rig_load(rig, true);
    check_read(rig, 0, 100, LOG_BOUND_END, true); /* opens the files */
}

START_TEST(a_place_in_the_middle_is_found_with_two_reads)
{
    static const int value_sizes[] = {10, 100, 1000, 2000, 30000};
    for (size_t k = 0; k < ARRAY_LEN(value_sizes); k++) {
        struct rig rig;
        load_middle(&rig, value_sizes[k]);
        struct log_slice slice = {0};
        for (int64_t o = 0; o < log_end(rig.log).offset; o += 13) {
            struct log_read_args args = {.offset = o, .max_bytes = 1, .min_one = true};
            int64_t before = crash_disk_counts(rig.mem)->preads;
            ck_assert_int_eq(log_read(rig.log, &args, &slice, &rig.why), ERR_NONE);
            int64_t reads = crash_disk_counts(rig.mem)->preads - before;
            ck_assert_msg(reads <= 2, "%d reads at offset %d of batches of %d bytes", (int)reads, (int)o,
                          4 * value_sizes[k]);
            check_read(&rig, o, 1, LOG_BOUND_END, true);
        }
        log_slice_close(&slice);
        rig_close(&rig);
    }
}
END_TEST

/* Appends what `from` holds, up to `most` batches at once: an index entry then stands for all of them. */
static void replicate(struct rig *to, const struct rig *from, struct prng *prng, size_t most)
{
    for (size_t i = 0; i < from->count;) {
        struct buf set = {0};
        for (size_t n = 1 + prng_below(prng, most); n > 0 && i < from->count; n--, i++)
            buf_put(&set, from->batches[i].bytes, from->batches[i].len);
        struct log_append_result out;
        ck_assert_int_eq(log_append_as_follower(to->log, buf_view(&set), -1, 1, &out, &to->why), ERR_NONE);
        buf_close(&set);
    }
}

START_TEST(every_offset_of_a_replicated_log_reads_the_batch_that_holds_it)
{
    for (uint64_t seed = 1; seed <= 6; seed++) {
        struct rig leader, follower;
        struct prng prng;
        prng_seed(&prng, seed);
        rig_init(&leader);
        leader.settings.segment_bytes = 400000;
        rig_load(&leader, true);
        for (int i = 0; i < 120; i++)
            (void)rig_append(&leader, (struct rig_append){.count = 1 + (int)prng_below(&prng, 4),
                                                          .value_size = (int)prng_below(&prng, 12000)});
        rig_init(&follower);
        follower.settings = leader.settings;
        rig_load(&follower, true);
        replicate(&follower, &leader, &prng, seed * 2);
        rig_kill(&leader);
        leader.log = follower.log; /* read the copy, compare with the leader's model */
        for (int64_t o = 0; o <= log_end(leader.log).offset; o++)
            check_read(&leader, o, 1, LOG_BOUND_END, true);
        leader.log = NULL;
        rig_close(&follower);
        rig_close(&leader);
    }
}
END_TEST

/* --- lookups --- */

static void check_timestamp(struct rig *rig, int64_t timestamp_ms)
{
    struct log_found found;
    ck_assert_int_eq(log_find_by_timestamp(rig->log, timestamp_ms, &found, &rig->why), ERR_NONE);
    for (size_t i = 0; i < rig->count; i++) {
        const struct rig_batch *batch = &rig->batches[i];
        for (int64_t o = batch->base_offset; o <= batch->last_offset; o++) {
            int64_t ts = batch->timestamps_ms[o - batch->base_offset];
            if (ts < timestamp_ms || o < log_start_offset(rig->log))
                continue;
            ck_assert_int_eq(found.offset, o);
            ck_assert_int_eq(found.timestamp_ms, ts);
            ck_assert_int_eq(found.leader_epoch, batch->leader_epoch);
            return;
        }
    }
    ck_assert_int_eq(found.offset, -1);
}

static void check_max_timestamp(struct rig *rig)
{
    int64_t best_ms = -1, best_offset = -1;
    for (size_t i = 0; i < rig->count; i++)
        for (int64_t o = rig->batches[i].base_offset; o <= rig->batches[i].last_offset; o++) {
            int64_t ts = rig->batches[i].timestamps_ms[o - rig->batches[i].base_offset];
            if (ts > best_ms) {
                best_ms = ts;
                best_offset = o;
            }
        }
    struct log_found found;
    ck_assert_int_eq(log_find_max_timestamp(rig->log, &found, &rig->why), ERR_NONE);
    ck_assert_int_eq(found.timestamp_ms, best_ms);
    ck_assert_int_eq(found.offset, best_offset);
}

START_TEST(timestamp_lookups_equal_a_scan)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct rig rig;
        rig_init(&rig);
        struct prng prng;
        prng_seed(&prng, seed);
        rig.settings.index_interval_bytes = (int32_t)prng_below(&prng, 600);
        rig_load(&rig, true);
        rig_append_random(&rig, &prng, 60);
        if (seed % 3 == 0) {
            rig_stop(&rig);
            rig_load(&rig, true);
        } else if (seed % 3 == 1) {
            rig_kill(&rig);
            rig_load(&rig, false);
        }
        if (seed % 2) {
            rig_hw_to_end(&rig);
            bool raised;
            ck_assert_int_eq(log_raise_start_offset(rig.log, 17, &raised, &rig.why), ERR_NONE);
        }
        for (int64_t ts = 999700; ts < rig.now_ms + 40; ts += 3)
            check_timestamp(&rig, ts);
        check_max_timestamp(&rig);
        rig_close(&rig);
    }
}
END_TEST

/* As a follower copies what was compacted before: one record a batch. */
static void copy(struct rig *rig, int64_t offset, int32_t epoch)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = offset;
    spec.leader_epoch = epoch;
    struct buf set = {0};
    struct record_builder b;
    record_builder_open(&b, &spec, NULL, &set);
    record_builder_put(&b, rig->now_ms, VIEW_LIT("key"), VIEW_LIT("value"));
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    struct log_append_result out;
    ck_assert_int_eq(log_append_as_follower(rig->log, buf_view(&set), -1, rig->now_ms, &out, &rig->why),
                     ERR_NONE);
    buf_close(&set);
}

static struct leader_epoch end_for_follower(struct rig *rig, int32_t epoch)
{
    struct leader_epoch end;
    ck_assert_int_eq(log_epoch_end_for_follower(rig->log, epoch, false, &end, &rig->why), ERR_NONE);
    return end;
}

/* Where epoch 1 began nobody knows: at 11 at the lowest. A segment each, or all in one. */
START_TEST(epoch_of_a_compacted_log_ends_for_followers_with_the_last_batch_that_is_left)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.cleanup_compact = true;
    rig.settings.segment_bytes = _i == 0 ? 100 : 4096;
    rig_load(&rig, true);
    const int64_t offsets[] = {3, 4, 10, 1000003, 1000004, 1000006};
    const int32_t epochs[] = {0, 0, 0, 1, 1, 3};
    for (size_t i = 0; i < ARRAY_LEN(offsets); i++)
        copy(&rig, offsets[i], epochs[i]);
    ck_assert_int_eq(end_for_follower(&rig, 0).start_offset, 11);
    ck_assert_int_eq(end_for_follower(&rig, 1).start_offset, 1000005);
    ck_assert_int_eq(end_for_follower(&rig, 2).epoch, 1);
    ck_assert_int_eq(end_for_follower(&rig, 2).start_offset, 1000005);
    ck_assert_int_eq(end_for_follower(&rig, 3).start_offset, 1000007);
    ck_assert_int_eq(end_for_follower(&rig, 4).epoch, -1);
    rig_hw_to_end(&rig);
    bool raised;
    ck_assert_int_eq(log_raise_start_offset(rig.log, 500, &raised, &rig.why), ERR_NONE);
    ck_assert_int_eq(end_for_follower(&rig, 0).start_offset, 500); /* nothing is left of it */
    rig.settings.cleanup_compact = false;
    log_update_config(rig.log, &rig.settings);
    ck_assert_int_eq(end_for_follower(&rig, 1).start_offset, 1000006);
    rig_close(&rig);
}
END_TEST

START_TEST(legacy_offsets_are_segment_bases_newest_first)
{
    struct rig rig;
    rig_init(&rig);
    struct prng prng;
    prng_seed(&prng, 5);
    rig_load(&rig, true);
    rig_append_random(&rig, &prng, 40);
    int64_t offsets[16];
    int32_t n;
    ck_assert_int_eq(log_legacy_offsets_before(rig.log, LOG_LEGACY_LATEST, 1, 1, offsets, &n, &rig.why),
                     ERR_NONE);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(offsets[0], log_end(rig.log).offset);
    ck_assert_int_eq(log_legacy_offsets_before(rig.log, LOG_LEGACY_LATEST, 16, 1, offsets, &n, &rig.why),
                     ERR_NONE);
    ck_assert_int_eq(n, log_segment_count(rig.log) + 1);
    ck_assert_int_eq(offsets[1], log_active_base_offset(rig.log));
    ck_assert_int_eq(offsets[n - 1], 0);
    ck_assert_int_eq(log_legacy_offsets_before(rig.log, LOG_LEGACY_EARLIEST, 16, 1, offsets, &n, &rig.why),
                     ERR_NONE);
    ck_assert_int_eq(n, 1);
    ck_assert_int_eq(offsets[0], 0);
    rig_close(&rig);
}
END_TEST

/* --- aborted transactions --- */

struct txn {
    int64_t producer_id;
    int64_t first;
    int64_t last;
    bool aborted;
};

/*
 * A read_committed reader drops, for each aborted transaction listed, the producer's data from its first
 * offset up to its abort marker. What is left must be exactly what was not aborted.
 */
static void check_aborted(struct rig *rig, const struct txn *txns, size_t txn_count, int64_t offset,
                          int32_t max_bytes)
{
    struct log_slice slice = {0};
    struct log_read_args args = {.offset = offset,
                                 .max_bytes = max_bytes,
                                 .bound = LOG_BOUND_LAST_STABLE,
                                 .min_one = true,
                                 .want_aborted = true};
    ck_assert_int_eq(log_read(rig->log, &args, &slice, &rig->why), ERR_NONE);
    int64_t end = offset;
    for (const struct rig_batch *b = rig_batch_at(rig, offset); slice.len > 0; b++) {
        if (slice.len < (int32_t)b->len)
            break;
        slice.len -= (int32_t)b->len;
        end = b->last_offset + 1;
    }
    for (size_t i = 0; i < txn_count; i++) {
        bool listed = false;
        for (size_t k = 0; k < slice.aborted.count; k++)
            listed |= slice.aborted.items[k].producer_id == txns[i].producer_id &&
                      slice.aborted.items[k].first_offset == txns[i].first;
        if (!txns[i].aborted)
            ck_assert(!listed);
        else if (end > offset && txns[i].first < end && txns[i].last >= offset)
            ck_assert_msg(listed, "txn %lld of read [%lld, %lld)", (long long)txns[i].first,
                          (long long)offset, (long long)end);
    }
    log_slice_close(&slice);
}

START_TEST(aborted_transactions_of_any_read_are_listed)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct rig rig;
        rig_init(&rig);
        rig.settings.verify_transactions = false;
        rig.settings.segment_bytes = 1500;
        struct prng prng;
        prng_seed(&prng, seed);
        rig_load(&rig, true);
        struct txn txns[200];
        size_t txn_count = 0;
        int64_t open_first[4] = {-1, -1, -1, -1};
        int32_t next_seq[4] = {0};
        for (int i = 0; i < 150; i++) {
            int p = (int)prng_below(&prng, 4);
            if (open_first[p] >= 0 && prng_below(&prng, 3) == 0) {
                bool commit = prng_below(&prng, 2);
                struct log_append_result out = rig_append_marker(&rig, p + 1, 0, commit);
                txns[txn_count++] = (struct txn){p + 1, open_first[p], out.last_offset, !commit};
                open_first[p] = -1;
            } else {
                int count = 1 + (int)prng_below(&prng, 3);
                struct log_append_result out =
                    rig_append(&rig, (struct rig_append){.producer_id = p + 1,
                                                         .count = count,
                                                         .base_sequence = next_seq[p],
                                                         .transactional = true});
                next_seq[p] += count;
                if (open_first[p] < 0)
                    open_first[p] = out.first_offset;
            }
            if (prng_below(&prng, 4) == 0)
                rig_hw_to_end(&rig);
        }
        rig_hw_to_end(&rig);
        int64_t stable = log_last_stable(rig.log).offset;
        int64_t oldest = log_end(rig.log).offset;
        for (int p = 0; p < 4; p++)
            if (open_first[p] >= 0 && open_first[p] < oldest)
                oldest = open_first[p];
        ck_assert_int_eq(stable, oldest);
        for (int round = 0; round < 3; round++) {
            for (int64_t o = 0; o <= stable; o++)
                check_aborted(&rig, txns, txn_count, o, (int32_t)prng_below(&prng, 900));
            /* The index that recovery rebuilds is the one that was written on the fly. */
            if (round == 0)
                rig_stop(&rig);
            else
                rig_kill(&rig);
            if (round == 1)
                rig.recovery_point = 0;
            rig_load(&rig, round == 0);
            rig_hw_to_end(&rig);
            ck_assert_int_eq(log_last_stable(rig.log).offset, stable);
        }
        rig_close(&rig);
    }
}
END_TEST

Suite *log_read_suite(void)
{
    Suite *suite = suite_create("log_read");
    TCase *tc = tcase_create("read");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, every_offset_reads_the_batch_that_holds_it);
    tcase_add_test(tc, a_place_in_the_middle_is_found_with_two_reads);
    tcase_add_test(tc, every_offset_of_a_replicated_log_reads_the_batch_that_holds_it);
    tcase_add_test(tc, cold_read_says_so_and_succeeds_on_a_worker);
    suite_add_tcase(suite, tc);
    tc = tcase_create("lookup");
    tcase_add_loop_test(tc, epoch_of_a_compacted_log_ends_for_followers_with_the_last_batch_that_is_left, 0,
                        2);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, timestamp_lookups_equal_a_scan);
    tcase_add_test(tc, legacy_offsets_are_segment_bases_newest_first);
    suite_add_tcase(suite, tc);
    tc = tcase_create("transactions");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, aborted_transactions_of_any_read_are_listed);
    suite_add_tcase(suite, tc);
    return suite;
}
