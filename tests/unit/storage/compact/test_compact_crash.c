/*
 * The machine, or the process, stops at every call of a compaction: what is loaded afterwards is the old
 * content, or the new, or the new of one group and the old of the next; never less than the new one.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "compact_rig.h"
#include "storage/compact/internal.h"

static void fill(struct compact_rig *rig)
{
    static const struct rig_set plain;
    compact_rig_init(rig);
    rig->rig.settings.segment_bytes = 500;
    log_update_config(rig->rig.log, &rig->rig.settings);
    const struct rig_set txn = {.producer_id = 9, .transactional = true};
    for (int round = 0; round < 6; round++) {
        char records[200];
        snprintf(records, sizeof records, "a=%d b%d=1 c=%d gone%d", round, round, round, round);
        compact_rig_append(rig, &plain, records);
        struct rig_set set = txn;
        set.base_sequence = 2 * round;
        compact_rig_append(rig, &set, "t=1 u=1");
        compact_rig_marker(rig, 9, 0, round % 2);
        compact_rig_settle(rig, round != 3);
        rig->rig.leader_epoch++;
    }
    compact_rig_append(rig, &plain, "z=1");
    compact_rig_settle(rig, false);
    /* A second round in which tombstones and markers go. */
    compact_rig_run(rig);
    rig->rig.now_ms += 5000;
    crash_disk_set_now_ms(rig->rig.mem, rig->rig.now_ms);
    compact_rig_append(rig, &plain, "a=8 c=8");
    compact_rig_settle(rig, true);
    compact_rig_append(rig, &plain, "z=2");
    compact_rig_settle(rig, false);
}

/* Every record of `part` is in `all`, in order. */
static void check_within(const struct seen *part, const struct seen *all, const char *what, int64_t k)
{
    size_t at = 0;
    for (size_t i = 0; i < part->count; i++) {
        const struct seen_record *r = &part->items[i];
        while (at < all->count && all->items[at].offset < r->offset)
            at++;
        ck_assert_msg(at < all->count && all->items[at].offset == r->offset,
                      "crash at %" PRId64 ": %s: no offset %" PRId64, k, what, r->offset);
        const struct seen_record *s = &all->items[at];
        ck_assert_int_eq(s->timestamp_ms, r->timestamp_ms);
        ck_assert_str_eq(s->value ? s->value : "-", r->value ? r->value : "-");
    }
}

/* `how`: 1 = what readers of committed data see; 2 = the topic is no compacted one any more, and no offset
 * was saved. */
static void sweep(enum crash_kind kind, int how)
{
    const bool committed = how & 1, changed = how & 2;
    struct seen before = {0}, after = {0};
    struct compact_rig whole;
    fill(&whole);
    compact_rig_read(&whole, committed, &before);
    compact_rig_run(&whole);
    compact_rig_read(&whole, committed, &after);
    ck_assert_uint_lt(after.count, before.count);
    const int64_t end = log_end(whole.rig.log).offset;
    compact_rig_close(&whole);
    bool died = true;
    int64_t k = 0;
    for (; died; k++) {
        struct compact_rig rig;
        fill(&rig);
        crash_disk_die_at(rig.rig.mem, k);
        enum err err = compact_rig_try(&rig);
        died = crash_disk_is_dead(rig.rig.mem);
        ck_assert_int_eq(err != ERR_NONE, died);
        rig_kill(&rig.rig);
        crash_disk_power_cut(rig.rig.mem, kind, (uint64_t)k);
        rig.rig.power_lost = kind != CRASH_KEEP_ALL;
        rig.rig.settings.cleanup_compact = !changed;
        if (changed)
            rig.rig.recovery_point = 0;
        rig_load(&rig.rig, false);
        rig_hw_to_end(&rig.rig);
        struct seen now = {0};
        compact_rig_read(&rig, committed, &now);
        ck_assert_int_eq(log_end(rig.rig.log).offset, end);
        check_within(&after, &now, "lost", k);
        check_within(&now, &before, "made up", k);
        seen_close(&now);
        /* It can be compacted again, and then it is what it would have been. */
        compact_rig_settle(&rig, false);
        compact_rig_run(&rig);
        struct seen again = {0};
        compact_rig_read(&rig, committed, &again);
        check_within(&after, &again, "lost by the next compaction", k);
        seen_close(&again);
        compact_rig_close(&rig);
    }
    ck_assert_int_gt(k, 30);
    seen_close(&before);
    seen_close(&after);
}

START_TEST(a_killed_compaction_loses_nothing)
{
    sweep(CRASH_KEEP_ALL, _i);
}
END_TEST

START_TEST(a_compaction_that_loses_power_loses_nothing)
{
    sweep(CRASH_KEEP_NONE, _i);
}
END_TEST

START_TEST(a_compaction_of_which_a_part_survives_loses_nothing)
{
    sweep(CRASH_KEEP_SEEDED, _i);
}
END_TEST

START_TEST(every_call_may_fail_once_and_nothing_is_lost)
{
    struct seen after = {0};
    struct compact_rig whole;
    fill(&whole);
    compact_rig_run(&whole);
    compact_rig_read(&whole, true, &after);
    compact_rig_close(&whole);
    bool fired = true;
    for (int64_t k = 0; fired; k++) {
        struct compact_rig rig;
        fill(&rig);
        crash_disk_fail_at(rig.rig.mem, k);
        (void)compact_rig_try(&rig);
        fired = crash_disk_fault_fired(rig.rig.mem);
        crash_disk_fail_at(rig.rig.mem, -1);
        rig_kill(&rig.rig);
        crash_disk_power_cut(rig.rig.mem, CRASH_KEEP_ALL, 0);
        rig_load(&rig.rig, false);
        rig_hw_to_end(&rig.rig);
        struct seen now = {0};
        compact_rig_read(&rig, true, &now);
        check_within(&after, &now, "lost", k);
        seen_close(&now);
        compact_rig_close(&rig);
    }
    seen_close(&after);
}
END_TEST

/* --- several segments in the place of one -------------------------------------------------------------- */

static void fill_one_segment(struct compact_rig *rig)
{
    static const struct rig_set plain;
    compact_rig_init(rig);
    compact_rig_append(rig, &plain, "a=1 b=1");
    compact_rig_append(rig, &plain, "c=1 d=1");
    compact_rig_settle(rig, true);
    compact_rig_append(rig, &plain, "e=1");
    compact_rig_settle(rig, false);
}

/* What is to become of the first segment, as two: what a segment that outgrows itself becomes. */
static void write_two(struct compact_rig *rig, struct output *output)
{
    struct errmsg why;
    size_t len;
    const uint8_t *file = crash_disk_content(rig->rig.mem, RIG_DIR "/00000000000000000000.log", &len);
    const size_t half = (size_t)be_get_i32(file + 8) + 12;
    ck_assert_uint_lt(half, len);
    uint8_t *bytes = mem_dup(file, len);
    const struct output_batch first = {0, 1, rig->rig.now_ms}, second = {2, 3, rig->rig.now_ms};
    output_remove(output);
    ck_assert_int_eq(output_begin(output, 0, 7, &why), ERR_NONE);
    ck_assert_int_eq(output_put(output, &first, view_of(bytes, half), &why), ERR_NONE);
    ck_assert_int_eq(output_finish(output, 2, false, &why), ERR_NONE);
    ck_assert_int_eq(output_begin(output, 2, 7, &why), ERR_NONE);
    ck_assert_int_eq(output_put(output, &second, view_of(bytes + half, len - half), &why), ERR_NONE);
    ck_assert_int_eq(output_finish(output, 4, false, &why), ERR_NONE);
    free(bytes);
}

/* The machine dies in front of the `k`th call of the swap. */
static enum err swap_two(struct compact_rig *rig, int64_t k)
{
    struct log_dirt dirt;
    struct log_compact *compact;
    struct log_doomed doomed = {0};
    bool more;
    ck_assert_int_eq(compact_rig_dirt(rig, &dirt), ERR_NONE);
    const struct log_compact_args args = {.first_dirty = dirt.first_dirty,
                                          .first_uncleanable = dirt.first_uncleanable,
                                          .now_ms = rig->rig.now_ms};
    ck_assert_int_eq(log_compact_begin(rig->rig.log, &args, rig->memory, &compact, &rig->rig.why), ERR_NONE);
    ck_assert_int_eq(log_compact_map(compact, &rig->rig.why), ERR_NONE);
    ck_assert_int_eq(log_compact_write(compact, &more, &rig->rig.why), ERR_NONE);
    write_two(rig, &compact->output);
    crash_disk_die_at(rig->rig.mem, k);
    enum err err = log_compact_swap(compact, rig->rig.log, &doomed, &rig->rig.why);
    log_doomed_close(&doomed);
    log_compact_free(compact);
    return err;
}

/* Only by their order does the load know whether all of them were there. */
START_TEST(a_swap_of_several_segments_is_whole_or_not_at_all)
{
    bool died = true;
    int64_t k = 0;
    for (; died; k++) {
        struct compact_rig rig;
        fill_one_segment(&rig);
        const enum err err = swap_two(&rig, k);
        died = crash_disk_is_dead(rig.rig.mem);
        ck_assert_int_eq(err != ERR_NONE, died);
        rig_kill(&rig.rig);
        crash_disk_power_cut(rig.rig.mem, CRASH_KEEP_ALL, 0);
        rig_load(&rig.rig, false);
        rig_hw_to_end(&rig.rig);
        char *text = compact_rig_text(&rig, false);
        ck_assert_msg(strcmp(text, "0:a=1 1:b=1 2:c=1 3:d=1 4:e=1") == 0, "crash at %" PRId64 ": %s", k,
                      text);
        free(text);
        compact_rig_close(&rig);
    }
    ck_assert_int_gt(k, 10);
}
END_TEST

Suite *compact_crash_suite(void)
{
    Suite *suite = suite_create("compact crash");
    TCase *tc = tcase_create("crash");
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, a_killed_compaction_loses_nothing, 0, 4);
    tcase_add_loop_test(tc, a_compaction_that_loses_power_loses_nothing, 0, 4);
    tcase_add_loop_test(tc, a_compaction_of_which_a_part_survives_loses_nothing, 0, 4);
    tcase_add_test(tc, every_call_may_fail_once_and_nothing_is_lost);
    tcase_add_test(tc, a_swap_of_several_segments_is_whole_or_not_at_all);
    suite_add_tcase(suite, tc);
    return suite;
}
