#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "log_rig.h"
#include "storage/leader_epochs.h"
#include "storage/log_flush.h"
#include "storage/log_trim.h"
#include "storage/producer_state.h"
#include "wire/record_batch.h"

#define FIRST RIG_DIR "/00000000000000000000"

static struct rig fresh(uint64_t seed, int n)
{
    struct rig rig;
    rig_init(&rig);
    struct prng prng;
    prng_seed(&prng, seed);
    rig_load(&rig, true);
    rig_append_random(&rig, &prng, n);
    return rig;
}

/* A rig on a copy of the disk, its log not loaded. The model is shared: do not close it, use drop_copy. */
static struct rig copy_of(const struct rig *rig)
{
    struct rig copy = *rig;
    copy.mem = crash_disk_clone(rig->mem);
    copy.disk = crash_disk_port(copy.mem);
    copy.log = NULL;
    return copy;
}

static void drop_copy(struct rig *copy)
{
    log_free(copy->log);
    crash_disk_free(copy->mem);
}

static bool same_epochs(const struct leader_epochs *a, const struct leader_epochs *b)
{
    bool same = a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->items[i].epoch == b->items[i].epoch && a->items[i].start_offset == b->items[i].start_offset;
    return same;
}

START_TEST(clean_stop_and_start_change_nothing_and_scan_nothing)
{
    struct rig rig = fresh(1, 80);
    const int64_t end = log_end(rig.log).offset;
    const int segments = log_segment_count(rig.log);
    const int64_t size = log_size_bytes(rig.log);
    struct leader_epochs epochs = *log_leader_epochs(rig.log);
    epochs.items = mem_dup(epochs.items, epochs.count * sizeof *epochs.items);
    rig_stop(&rig);
    struct crash_disk_counts before = *crash_disk_counts(rig.mem);
    rig_load(&rig, true);
    ck_assert_int_le(crash_disk_counts(rig.mem)->preads - before.preads, 10);
    ck_assert_int_eq(rig.report.segments_recovered, 0);
    ck_assert_int_eq(log_end(rig.log).offset, end);
    ck_assert_int_eq(log_segment_count(rig.log), segments);
    ck_assert_int_eq(log_size_bytes(rig.log), size);
    ck_assert_int_eq(log_recovery_point(rig.log), end);
    ck_assert(same_epochs(log_leader_epochs(rig.log), &epochs));
    rig_check_prefix(&rig);
    free(epochs.items);
    rig_close(&rig);
}
END_TEST

START_TEST(kill_and_recovery_lose_nothing_that_was_written)
{
    struct rig rig = fresh(2, 80);
    const int64_t end = log_end(rig.log).offset;
    struct rig clean = copy_of(&rig);
    rig_kill(&rig);
    rig_load(&rig, false);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    ck_assert_int_eq(rig.report.bytes_cut, 0);
    /* What recovery rebuilds serves as well as what was written on the fly. */
    rig_load(&clean, false);
    ck_assert_int_eq(rig_check_prefix(&clean), end);
    ck_assert(same_epochs(log_leader_epochs(rig.log), log_leader_epochs(clean.log)));
    drop_copy(&clean);
    rig_close(&rig);
}
END_TEST

/* Recovery gives a prefix, and recovering what it left gives the same again. */
static void check_recovery(struct rig *rig, int64_t at_least)
{
    rig_load(rig, false);
    int64_t end = rig_check_prefix(rig);
    ck_assert_int_ge(end, at_least);
    rig_kill(rig);
    struct crash_disk *once = crash_disk_clone(rig->mem);
    rig_load(rig, false);
    ck_assert_int_eq(log_end(rig->log).offset, end);
    ck_assert_int_eq(rig->report.bytes_cut, 0);
    rig_kill(rig);
    ck_assert_msg(crash_disk_equal(once, rig->mem, &rig->why), "%s", rig->why.text);
    crash_disk_free(once);
}

START_TEST(log_cut_or_garbled_anywhere_in_its_last_batches_recovers_to_a_prefix)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    for (int i = 0; i < 6; i++)
        rig_append(&rig, (struct rig_append){
                             .count = 2, .value_size = 30, .producer_id = 4, .base_sequence = 2 * i});
    rig_kill(&rig);
    size_t len;
    const uint8_t *content = crash_disk_content(rig.mem, FIRST ".log", &len);
    uint8_t *bytes = mem_dup(content, len);
    const size_t batch = rig.batches[0].len;
    ck_assert_uint_eq(len, 6 * batch);
    for (size_t at = len - 2 * batch; at <= len; at++) {
        for (int kind = 0; kind < 4; kind++) {
            struct rig copy = copy_of(&rig);
            size_t whole = at / batch; /* batches before the damage */
            if (kind == 0) {
                crash_disk_put(copy.mem, FIRST ".log", bytes, at);
            } else if (kind == 1 && at < len) {
                uint8_t *bad = mem_dup(bytes, len);
                bad[at] ^= 0x40;
                crash_disk_put(copy.mem, FIRST ".log", bad, len);
                free(bad);
                /* The leader epoch and the low bytes of the base offset lie outside the CRC. */
                size_t in_batch = at % batch;
                if (in_batch < 8 || (in_batch >= 12 && in_batch < 16)) {
                    drop_copy(&copy);
                    continue;
                }
            } else if (kind == 2) {
                uint8_t *bad = mem_dup(bytes, len);
                memset(bad + at, 0, len - at);
                crash_disk_put(copy.mem, FIRST ".log", bad, len);
                free(bad);
            } else if (kind == 3) {
                uint8_t *bad = mem_zalloc(len + 1000);
                memcpy(bad, bytes, at);
                crash_disk_put(copy.mem, FIRST ".log", bad, len + 1000);
                free(bad);
            }
            check_recovery(&copy, 2 * (int64_t)whole);
            drop_copy(&copy);
        }
    }
    free(bytes);
    rig_close(&rig);
}
END_TEST

START_TEST(damage_in_an_old_unflushed_segment_drops_what_follows)
{
    struct rig rig = fresh(4, 80);
    ck_assert_int_gt(log_segment_count(rig.log), 3);
    rig_kill(&rig);
    size_t len;
    const uint8_t *content = crash_disk_content(rig.mem, FIRST ".log", &len);
    uint8_t *bad = mem_dup(content, len);
    bad[len - 1] ^= 1;
    crash_disk_put(rig.mem, FIRST ".log", bad, len);
    free(bad);
    rig_load(&rig, false);
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    ck_assert_int_gt(rig.report.bytes_cut, 4096);
    rig_check_prefix(&rig);
    rig_close(&rig);
}
END_TEST

START_TEST(segments_below_the_recovery_point_are_not_read)
{
    struct rig rig = fresh(4, 80);
    rig.recovery_point = log_active_base_offset(rig.log);
    rig_kill(&rig);
    rig_load(&rig, false);
    ck_assert_int_eq(rig.report.segments_recovered, 1);
    rig_check_prefix(&rig);
    rig_close(&rig);
}
END_TEST

START_TEST(killed_kafka_leaves_zero_tails_in_its_indexes)
{
    for (int clean = 0; clean <= 1; clean++) {
        struct rig rig = fresh(6, 30);
        int64_t base = log_active_base_offset(rig.log);
        int64_t end = log_end(rig.log).offset;
        rig_stop(&rig);
        char *names[2] = {mem_printf(RIG_DIR "/%020lld.index", (long long)base),
                          mem_printf(RIG_DIR "/%020lld.timeindex", (long long)base)};
        for (int i = 0; i < 2; i++) {
            size_t len;
            const uint8_t *content = crash_disk_content(rig.mem, names[i], &len);
            uint8_t *longer = mem_zalloc(10485760);
            memcpy(longer, content, len);
            crash_disk_put(rig.mem, names[i], longer, i ? 10485756 : 10485760);
            free(longer);
            free(names[i]);
        }
        rig_load(&rig, clean);
        ck_assert_int_eq(rig_check_prefix(&rig), end);
        struct prng prng;
        prng_seed(&prng, 1);
        rig_append_random(&rig, &prng, 20);
        rig_check_prefix(&rig);
        rig_close(&rig);
    }
}
END_TEST

START_TEST(missing_indexes_are_rebuilt_even_after_a_clean_stop)
{
    struct rig rig = fresh(7, 60);
    int64_t end = log_end(rig.log).offset;
    rig_stop(&rig);
    struct disk *disk = rig.disk;
    ck_assert_int_eq(DISK(disk, unlink, FIRST ".index", &rig.why), ERR_NONE);
    rig_load(&rig, true);
    ck_assert_int_eq(rig.report.segments_recovered, 1);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    size_t len;
    crash_disk_content(rig.mem, FIRST ".index", &len);
    ck_assert_uint_gt(len, 0);
    rig_close(&rig);
}
END_TEST

static void rename_segment(struct rig *rig, int64_t base, const char *from_suffix, const char *to_suffix)
{
    static const char *const extensions[] = {".log", ".index", ".timeindex"};
    for (int i = 0; i < 3; i++) {
        char *from = mem_printf(RIG_DIR "/%020lld%s%s", (long long)base, extensions[i], from_suffix);
        char *to = mem_printf(RIG_DIR "/%020lld%s%s", (long long)base, extensions[i], to_suffix);
        ck_assert_int_eq(DISK(rig->disk, rename, from, to, &rig->why), ERR_NONE);
        free(from);
        free(to);
    }
}

START_TEST(deleted_and_cleaned_files_go_and_swap_replaces_its_sources)
{
    struct rig rig = fresh(8, 60);
    int64_t end = log_end(rig.log).offset;
    rig_stop(&rig);
    /* The first segment as the output of a compaction of itself; sources still there. */
    size_t len;
    const uint8_t *content = crash_disk_content(rig.mem, FIRST ".log", &len);
    uint8_t *bytes = mem_dup(content, len);
    rename_segment(&rig, 0, "", ".swap");
    crash_disk_put(rig.mem, FIRST ".log", "garbage", 7);
    crash_disk_put(rig.mem, RIG_DIR "/00000000000000000001.log", "garbage", 7);
    crash_disk_put(rig.mem, RIG_DIR "/00000000000000000001.log.deleted", "x", 1);
    crash_disk_put(rig.mem, RIG_DIR "/00000000000000000002.timeindex", "x", 1);
    rig_load(&rig, true);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    content = crash_disk_content(rig.mem, FIRST ".log", &len);
    ck_assert_mem_eq(content, bytes, len);
    ck_assert_ptr_null(crash_disk_content(rig.mem, FIRST ".log.swap", &len));
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000001.log", &len));
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000001.log.deleted", &len));
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000002.timeindex", &len));
    free(bytes);
    rig_close(&rig);
}
END_TEST

START_TEST(swap_beside_cleaned_is_a_split_that_did_not_end)
{
    struct rig rig = fresh(9, 60);
    int64_t end = log_end(rig.log).offset;
    rig_stop(&rig);
    crash_disk_put(rig.mem, FIRST ".log.cleaned", "half", 4);
    crash_disk_put(rig.mem, RIG_DIR "/00000000000000000003.log.swap", "half", 4);
    rig_load(&rig, true);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    size_t len;
    ck_assert_ptr_null(crash_disk_content(rig.mem, FIRST ".log.cleaned", &len));
    ck_assert_ptr_null(crash_disk_content(rig.mem, RIG_DIR "/00000000000000000003.log.swap", &len));
    rig_close(&rig);
}
END_TEST

START_TEST(log_that_ends_below_its_start_begins_anew_there)
{
    struct rig rig = fresh(10, 10);
    rig_stop(&rig);
    rig.log_start_offset = 1000;
    rig_load(&rig, false);
    ck_assert_int_eq(log_start_offset(rig.log), 1000);
    ck_assert_int_eq(log_end(rig.log).offset, 1000);
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    ck_assert_int_eq(log_active_base_offset(rig.log), 1000);
    ck_assert_uint_eq(log_leader_epochs(rig.log)->count, 0);
    rig_close(&rig);
}
END_TEST

static bool give_up(void *arg, int64_t bytes_done, int segments_left)
{
    (void)bytes_done;
    (void)segments_left;
    return --*(int *)arg > 0;
}

START_TEST(recovery_can_be_interrupted_and_done_again)
{
    struct rig rig = fresh(11, 80);
    int64_t end = log_end(rig.log).offset;
    rig_kill(&rig);
    int left = 2;
    struct log_load_args args = {.disk = rig.disk,
                                 .dir = RIG_DIR,
                                 .settings = &rig.settings,
                                 .now_ms = rig.now_ms,
                                 .progress = give_up,
                                 .progress_arg = &left};
    ck_assert_int_eq(log_load(&args, &rig.log, NULL, &rig.why), ERR_CLOSED);
    rig_load(&rig, false);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    rig_close(&rig);
}
END_TEST

/* --- the crash disk --- */

/* Appends and flushes by the seed until the disk dies; gives how much was flushed then. */
static int64_t live_until_death(struct rig *rig, struct prng *prng)
{
    int64_t flushed = 0;
    if (rig_try_load(rig, true))
        return 0;
    for (int i = 0; i < 40; i++) {
        struct log_append_result out;
        struct rig_append spec = {.count = 1 + (int)prng_below(prng, 3),
                                  .value_size = (int)prng_below(prng, 300),
                                  .producer_id = 0};
        enum err err = rig_try_append(rig, &spec, &out);
        if (!err && prng_below(prng, 4) == 0) {
            struct log_flush flush = {0};
            struct log_flush_ticket ticket;
            bool needed;
            err = log_flush_begin(rig->log, INT64_MAX, &flush, &ticket, &needed, &rig->why);
            if (!err)
                err = log_flush_run(&flush, &rig->why);
            if (!err) {
                log_flush_end(rig->log, &ticket, ERR_NONE, NULL);
                flushed = log_recovery_point(rig->log);
            }
            log_flush_close(&flush);
        }
        if (err)
            break;
    }
    rig_kill(rig);
    return flushed;
}

START_TEST(power_cut_at_any_call_leaves_a_prefix_with_all_that_was_flushed)
{
    bool survived = false;
    for (int64_t k = 0; !survived; k++) {
        for (uint64_t seed = 0; seed < 4; seed++) {
            struct rig rig;
            rig_init(&rig);
            rig.settings.segment_bytes = 1500;
            /* The directory is made durable by whoever makes partitions. */
            ck_assert_int_eq(DISK(rig.disk, mkdir, RIG_DIR, &rig.why), ERR_NONE);
            ck_assert_int_eq(DISK(rig.disk, sync_fs, "/", &rig.why), ERR_NONE);
            struct prng prng;
            prng_seed(&prng, 100 + seed);
            crash_disk_die_at(rig.mem, k);
            int64_t flushed = live_until_death(&rig, &prng);
            survived = !crash_disk_is_dead(rig.mem);
            crash_disk_power_cut(rig.mem,
                                 seed == 0   ? CRASH_KEEP_NONE
                                 : seed == 1 ? CRASH_KEEP_ALL
                                             : CRASH_KEEP_SEEDED,
                                 seed * 1000 + (uint64_t)k);
            rig.recovery_point = prng_below(&prng, 2) ? flushed : 0;
            rig.power_lost = seed != 1;
            check_recovery(&rig, flushed);
            rig_close(&rig);
        }
    }
}
END_TEST

static void flush_all(struct rig *rig)
{
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    ck_assert_int_eq(log_flush_begin(rig->log, log_end(rig->log).offset, &flush, &ticket, &needed, &rig->why),
                     ERR_NONE);
    if (needed) {
        enum err err = log_flush_run(&flush, &rig->why);
        ck_assert_int_eq(err, ERR_NONE);
        log_flush_end(rig->log, &ticket, err, &rig->why);
    }
    log_flush_close(&flush);
    rig->recovery_point = log_recovery_point(rig->log);
}

/* A log of several segments, each append of which was flushed. */
static struct rig flushed_each_time(void)
{
    struct rig rig;
    rig_init(&rig);
    ck_assert_int_eq(DISK(rig.disk, sync_fs, "/", &rig.why), ERR_NONE);
    rig_load(&rig, true);
    while (log_segment_count(rig.log) < 4) {
        rig_append(&rig, (struct rig_append){.count = 2, .value_size = 150});
        flush_all(&rig);
    }
    rig.power_lost = true;
    return rig;
}

START_TEST(indexes_of_a_segment_that_was_flushed_to_its_end_are_synced_with_the_next_flush)
{
    struct rig rig = flushed_each_time();
    size_t before, after;
    const uint8_t *content = crash_disk_content(rig.mem, FIRST ".index", &before);
    uint8_t *index = mem_dup(content, before);
    ck_assert_uint_gt(before, 0);
    rig_kill(&rig);
    crash_disk_power_cut(rig.mem, CRASH_KEEP_NONE, 0);
    content = crash_disk_content(rig.mem, FIRST ".index", &after);
    ck_assert_uint_eq(after, before);
    ck_assert_mem_eq(content, index, before);
    free(index);
    rig_load(&rig, false);
    ck_assert_int_eq(rig_check_prefix(&rig), log_end(rig.log).offset);
    rig_close(&rig);
}
END_TEST

START_TEST(indexes_that_were_not_synced_yet_are_made_anew)
{
    struct rig rig = flushed_each_time();
    /* As the roll finds it: all is flushed, and a segment begins there. */
    rig.recovery_point = log_active_base_offset(rig.log);
    rig_kill(&rig);
    crash_disk_power_cut(rig.mem, CRASH_KEEP_ALL, 0);
    rig_load(&rig, false);
    ck_assert_int_eq(rig.report.segments_recovered, 2);
    ck_assert_int_eq(rig_check_prefix(&rig), log_end(rig.log).offset);
    rig_close(&rig);
}
END_TEST

/* Takes the last batch of the segment before the active one out of its file; gives the batch. */
static const struct rig_batch *lose_a_tail(struct rig *rig)
{
    ck_assert_int_gt(log_segment_count(rig->log), 2);
    const int64_t next_base = log_active_base_offset(rig->log);
    const struct rig_batch *last = rig_batch_at(rig, next_base - 1);
    rig_kill(rig);
    crash_disk_power_cut(rig->mem, CRASH_KEEP_ALL, 0);
    char path[80];
    const uint8_t *content = NULL;
    size_t len = 0;
    for (int64_t base = next_base - 1; base >= 0 && !content; base--) {
        snprintf(path, sizeof path, RIG_DIR "/%020lld.log", (long long)base);
        content = crash_disk_content(rig->mem, path, &len);
    }
    uint8_t *torn = mem_dup(content, len);
    crash_disk_put(rig->mem, path, torn, len - last->len);
    free(torn);
    rig->power_lost = true;
    rig->recovery_point = 0;
    return last;
}

/* Of a compacted log, too: the cleaner leaves no gap at a segment's end (tests/unit/storage/compact). */
START_TEST(what_lies_behind_a_lost_tail_goes)
{
    struct rig rig = fresh(21, 60);
    rig.settings.cleanup_compact = _i == 1;
    const int64_t expected = lose_a_tail(&rig)->base_offset;
    rig_load(&rig, false);
    ck_assert_int_eq(log_end(rig.log).offset, expected);
    ck_assert_int_eq(rig_check_prefix(&rig), expected);
    rig_close(&rig);
}
END_TEST

/* Kafka's does, but all of that was synced before this broker went on with the log. */
START_TEST(what_lies_behind_a_gap_below_the_recovery_point_stays)
{
    struct rig rig = fresh(21, 60);
    const int64_t end = log_end(rig.log).offset, active = log_active_base_offset(rig.log);
    rig.settings.cleanup_compact = true;
    (void)lose_a_tail(&rig);
    rig.recovery_point = active;
    rig_load(&rig, false);
    ck_assert_int_eq(log_end(rig.log).offset, end);
    rig_close(&rig);
}
END_TEST

START_TEST(copies_that_somebody_made_are_left_alone)
{
    struct rig rig = fresh(21, 20);
    const int64_t end = log_end(rig.log).offset;
    const char *const names[] = {FIRST ".old.log", RIG_DIR "/7.log", FIRST ".old.index"};
    rig_kill(&rig);
    crash_disk_power_cut(rig.mem, CRASH_KEEP_ALL, 0);
    for (int i = 0; i < 3; i++)
        crash_disk_put(rig.mem, names[i], "copy", 4);
    rig_load(&rig, false);
    ck_assert_int_eq(log_end(rig.log).offset, end);
    ck_assert_int_eq(rig_check_prefix(&rig), end);
    size_t len;
    for (int i = 0; i < 3; i++)
        ck_assert_ptr_nonnull(crash_disk_content(rig.mem, names[i], &len));
    rig_close(&rig);
}
END_TEST

/* A whole segment's content, of which the file's name is all that is left. */
START_TEST(what_lies_behind_a_lost_segment_of_a_compacted_log_goes)
{
    struct rig rig = fresh(21, 60);
    rig.settings.cleanup_compact = true;
    rig_kill(&rig);
    crash_disk_power_cut(rig.mem, CRASH_KEEP_ALL, 0);
    crash_disk_put(rig.mem, FIRST ".log", NULL, 0);
    rig.power_lost = true;
    rig_load(&rig, false);
    ck_assert_int_eq(log_end(rig.log).offset, 0);
    rig_close(&rig);
}
END_TEST

START_TEST(power_cut_during_recovery_is_recovered_from)
{
    bool survived = false;
    for (int64_t k = 0; !survived; k++) {
        struct rig rig = fresh(12, 30);
        rig_kill(&rig);
        crash_disk_power_cut(rig.mem, CRASH_KEEP_ALL, 0);
        size_t len;
        const uint8_t *content = crash_disk_content(rig.mem, FIRST ".log", &len);
        uint8_t *bad = mem_dup(content, len);
        bad[len - 1] ^= 1;
        crash_disk_put(rig.mem, FIRST ".log", bad, len);
        free(bad);
        crash_disk_die_at(rig.mem, k);
        (void)rig_try_load(&rig, false);
        rig_kill(&rig);
        survived = !crash_disk_is_dead(rig.mem);
        rig.power_lost = true;
        crash_disk_power_cut(rig.mem, k % 2 ? CRASH_KEEP_SEEDED : CRASH_KEEP_NONE, (uint64_t)k);
        check_recovery(&rig, 0);
        rig_close(&rig);
    }
}
END_TEST

START_TEST(batch_that_begins_below_zero_is_cut)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.count = 2});
    rig_kill(&rig);
    size_t len;
    const uint8_t *content = crash_disk_content(rig.mem, FIRST ".log", &len);
    uint8_t *bytes = mem_dup(content, len);
    memset(bytes, 0xff, 8); /* outside the CRC: now it is -1 to 0 */
    crash_disk_put(rig.mem, FIRST ".log", bytes, len);
    rig_load(&rig, false);
    ck_assert_int_eq(log_end(rig.log).offset, 0);
    ck_assert_uint_eq(log_leader_epochs(rig.log)->count, 0);
    free(bytes);
    rig_close(&rig);
}
END_TEST

/* Elected, it wrote nothing; the next leader goes on in an older epoch at the same offset. */
START_TEST(epoch_that_a_truncation_took_back_does_not_come_back_with_its_file)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    rig_append(&rig, (struct rig_append){.count = 5});
    rig.recovery_point = 5;
    ck_assert_int_eq(
        leader_epochs_assign_durably(log_leader_epochs(rig.log), rig.disk, rig.dir, 5, 5, &rig.why),
        ERR_NONE);
    struct log_doomed doomed = {0};
    bool truncated;
    ck_assert_int_eq(log_truncate_to(rig.log, 5, rig.now_ms, &doomed, &truncated, &rig.why), ERR_NONE);
    rig.leader_epoch = 4;
    rig_append(&rig, (struct rig_append){.count = 5});
    rig_kill(&rig);
    rig_load(&rig, false);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(log_leader_epochs(rig.log), 4), 3);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(log_leader_epochs(rig.log), 5), 4);
    ck_assert_int_eq(leader_epochs_latest_epoch(log_leader_epochs(rig.log)), 4);
    log_doomed_close(&doomed);
    rig_close(&rig);
}
END_TEST

START_TEST(log_closed_while_a_flush_is_under_way_is_durable)
{
    struct rig rig;
    rig_init(&rig);
    rig_load(&rig, true);
    for (int i = 0; i < 30; i++)
        rig_append(&rig, (struct rig_append){.count = 3, .value_size = 200}); /* several segments */
    struct log_flush begun = {0};
    struct log_flush_ticket ticket;
    bool needed;
    ck_assert_int_eq(log_flush_begin(rig.log, INT64_MAX, &begun, &ticket, &needed, &rig.why), ERR_NONE);
    rig_stop(&rig);
    log_flush_close(&begun); /* it never came to it */
    ck_assert_int_eq(DISK(rig.disk, sync_dir, "/", &rig.why), ERR_NONE);
    crash_disk_power_cut(rig.mem, CRASH_KEEP_NONE, 1);
    rig_load(&rig, true);
    ck_assert_int_eq(rig_check_prefix(&rig), 90);
    rig_close(&rig);
}
END_TEST

/* --- offsets that outgrow their segment --------------------------------------------------------------------
 */

#define FAR INT64_C(3000000000)

/* Batches from the `from`-th on are so much higher, in the file and in the model: the checksum leaves offsets
 * out. */
static void lift(struct rig *rig, size_t from, int64_t by)
{
    struct disk_file *file;
    int64_t pos = 0;
    ck_assert_int_eq(DISK(rig->disk, open, FIRST ".log", DISK_OPEN_WRITE, &file, &rig->why), ERR_NONE);
    for (size_t i = 0; i < rig->count; i++) {
        struct rig_batch *batch = &rig->batches[i];
        if (i >= from) {
            batch->base_offset += by;
            batch->last_offset += by;
            be_put_i64(batch->bytes, batch->base_offset);
            const struct iovec iov = {batch->bytes, 8};
            ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, pos, &rig->why), ERR_NONE);
        }
        pos += (int64_t)batch->len;
    }
    ck_assert_int_eq(DISK_FILE(file, sync, &rig->why), ERR_NONE);
    disk_file_release(file);
}

/* One segment of ten batches, stopped in order. */
static struct rig one_segment(void)
{
    struct rig rig;
    rig_init(&rig);
    rig.settings.segment_bytes = 1 << 20;
    rig_load(&rig, true);
    for (int i = 0; i < 10; i++)
        rig_append(&rig, (struct rig_append){.count = 3, .value_size = 100});
    ck_assert_int_eq(log_segment_count(rig.log), 1);
    rig_stop(&rig);
    return rig;
}

static void check_split(struct rig *rig, int segments)
{
    const int64_t end = rig->batches[rig->count - 1].last_offset + 1;
    ck_assert_int_eq(log_end(rig->log).offset, end);
    ck_assert_int_eq(log_segment_count(rig->log), segments);
    rig_hw_to_end(rig);
    ck_assert_int_eq(rig_check_prefix(rig), end);
    ck_assert_int_eq(rig->report.bytes_cut, 0);
}

START_TEST(segment_whose_offsets_outgrow_its_base_is_split)
{
    for (int clean = 0; clean < 2; clean++) {
        struct rig rig = one_segment();
        lift(&rig, 6, FAR);
        rig_load(&rig, clean);
        ck_assert_int_eq(rig.report.segments_split, 1);
        check_split(&rig, 2);
        rig_append(&rig, (struct rig_append){.count = 2});
        rig_stop(&rig);
        rig_load(&rig, clean);
        ck_assert_int_eq(rig.report.segments_split, 0);
        check_split(&rig, 2);
        rig_close(&rig);
    }
}
END_TEST

START_TEST(segment_may_be_split_several_times)
{
    struct rig rig = one_segment();
    lift(&rig, 0, FAR);
    lift(&rig, 4, FAR);
    lift(&rig, 8, FAR);
    rig_load(&rig, false);
    ck_assert_int_eq(rig.report.segments_split, 3);
    check_split(&rig, 4); /* nothing stays in the first */
    rig_close(&rig);
}
END_TEST

/* Damage, not growth: what follows is no continuation, and two recoveries agree. */
START_TEST(offsets_that_reach_into_the_next_segment_are_cut_with_what_follows)
{
    struct rig rig = one_segment();
    const size_t len = rig.batches[0].len;
    struct buf whole = {0};
    lift(&rig, 2, FAR);
    lift(&rig, 5, -FAR);
    rig.recovery_point = 0;
    for (size_t i = 0; i < rig.count; i++)
        buf_put(&whole, rig.batches[i].bytes, rig.batches[i].len);
    crash_disk_put(rig.mem, FIRST ".log", whole.data, 5 * len);
    crash_disk_put(rig.mem, RIG_DIR "/00000000000000000015.log", whole.data + 5 * len, whole.len - 5 * len);
    for (int again = 0; again < 2; again++) {
        rig_load(&rig, false);
        ck_assert_int_eq(log_end(rig.log).offset, 6);
        ck_assert_int_eq(log_segment_count(rig.log), 1);
        ck_assert_int_eq(rig.report.segments_split, 0);
        rig_kill(&rig);
    }
    buf_close(&whole);
    rig_load(&rig, false);
    rig_close(&rig);
}
END_TEST

/* The machine went down before the old file was cut. */
START_TEST(split_that_did_not_end_is_ended_by_the_next_load)
{
    struct rig rig = one_segment();
    lift(&rig, 6, FAR);
    struct buf whole = {0};
    for (size_t i = 0; i < rig.count; i++)
        buf_put(&whole, rig.batches[i].bytes, rig.batches[i].len);
    rig_load(&rig, false);
    rig_kill(&rig);
    struct disk_file *file;
    const struct iovec iov = {whole.data, whole.len};
    ck_assert_int_eq(DISK(rig.disk, open, FIRST ".log", DISK_OPEN_WRITE, &file, &rig.why), ERR_NONE);
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, 0, &rig.why), ERR_NONE);
    disk_file_release(file);
    for (int clean = 0; clean < 2; clean++) {
        struct rig copy = copy_of(&rig);
        rig_load(&copy, clean);
        ck_assert_int_eq(copy.report.segments_split, 0);
        check_split(&copy, 2);
        drop_copy(&copy);
    }
    buf_close(&whole);
    rig_close(&rig);
}
END_TEST

START_TEST(power_cut_at_any_call_of_a_split_loses_nothing)
{
    bool survived = false;
    for (int64_t k = 0; !survived; k++) {
        struct rig rig = one_segment();
        lift(&rig, 3, FAR);
        lift(&rig, 7, FAR);
        crash_disk_power_cut(rig.mem, CRASH_KEEP_ALL, 0);
        crash_disk_die_at(rig.mem, k);
        if (rig_try_load(&rig, false) == ERR_NONE)
            rig_kill(&rig);
        survived = !crash_disk_is_dead(rig.mem);
        crash_disk_power_cut(rig.mem,
                             k % 3 == 0   ? CRASH_KEEP_SEEDED
                             : k % 3 == 1 ? CRASH_KEEP_NONE
                                          : CRASH_KEEP_ALL,
                             (uint64_t)k);
        rig_load(&rig, false);
        check_split(&rig, 3);
        rig_close(&rig);
    }
}
END_TEST

Suite *log_load_suite(void)
{
    Suite *suite = suite_create("log_load");
    TCase *tc = tcase_create("load");
    tcase_add_test(tc, clean_stop_and_start_change_nothing_and_scan_nothing);
    tcase_add_test(tc, killed_kafka_leaves_zero_tails_in_its_indexes);
    tcase_add_test(tc, missing_indexes_are_rebuilt_even_after_a_clean_stop);
    tcase_add_test(tc, deleted_and_cleaned_files_go_and_swap_replaces_its_sources);
    tcase_add_test(tc, swap_beside_cleaned_is_a_split_that_did_not_end);
    tcase_add_test(tc, log_that_ends_below_its_start_begins_anew_there);
    tcase_add_test(tc, log_closed_while_a_flush_is_under_way_is_durable);
    tcase_add_test(tc, segment_whose_offsets_outgrow_its_base_is_split);
    tcase_add_test(tc, segment_may_be_split_several_times);
    tcase_add_test(tc, offsets_that_reach_into_the_next_segment_are_cut_with_what_follows);
    tcase_add_test(tc, split_that_did_not_end_is_ended_by_the_next_load);
    tcase_add_test(tc, power_cut_at_any_call_of_a_split_loses_nothing);
    suite_add_tcase(suite, tc);
    tc = tcase_create("recovery");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, kill_and_recovery_lose_nothing_that_was_written);
    tcase_add_test(tc, log_cut_or_garbled_anywhere_in_its_last_batches_recovers_to_a_prefix);
    tcase_add_test(tc, damage_in_an_old_unflushed_segment_drops_what_follows);
    tcase_add_test(tc, segments_below_the_recovery_point_are_not_read);
    tcase_add_test(tc, batch_that_begins_below_zero_is_cut);
    tcase_add_test(tc, epoch_that_a_truncation_took_back_does_not_come_back_with_its_file);
    tcase_add_test(tc, recovery_can_be_interrupted_and_done_again);
    tcase_add_test(tc, power_cut_at_any_call_leaves_a_prefix_with_all_that_was_flushed);
    tcase_add_loop_test(tc, what_lies_behind_a_lost_tail_goes, 0, 2);
    tcase_add_test(tc, what_lies_behind_a_gap_below_the_recovery_point_stays);
    tcase_add_test(tc, what_lies_behind_a_lost_segment_of_a_compacted_log_goes);
    tcase_add_test(tc, copies_that_somebody_made_are_left_alone);
    tcase_add_test(tc, indexes_of_a_segment_that_was_flushed_to_its_end_are_synced_with_the_next_flush);
    tcase_add_test(tc, indexes_that_were_not_synced_yet_are_made_anew);
    tcase_add_test(tc, power_cut_during_recovery_is_recovered_from);
    suite_add_tcase(suite, tc);
    return suite;
}
