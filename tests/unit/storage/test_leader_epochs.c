#include "storage/leader_epochs.h"

#include <stdlib.h>

#include "base/prng.h"
#include "state_helpers.h"
#include "state_suites.h"

static struct leader_epochs make(const struct leader_epoch *items, size_t count)
{
    struct leader_epochs epochs = {0};
    for (size_t i = 0; i < count; i++)
        leader_epochs_assign(&epochs, items[i].epoch, items[i].start_offset);
    epochs.dirty = false;
    return epochs;
}

#define MAKE(...)                                                                                            \
    make((const struct leader_epoch[]){__VA_ARGS__},                                                         \
         sizeof((const struct leader_epoch[]){__VA_ARGS__}) / sizeof(struct leader_epoch))

static bool equals(const struct leader_epochs *epochs, const struct leader_epoch *want, size_t count)
{
    if (epochs->count != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (epochs->items[i].epoch != want[i].epoch || epochs->items[i].start_offset != want[i].start_offset)
            return false;
    return true;
}

#define ASSERT_EPOCHS(epochs, ...)                                                                           \
    ck_assert(equals(epochs, (const struct leader_epoch[]){__VA_ARGS__},                                     \
                     sizeof((const struct leader_epoch[]){__VA_ARGS__}) / sizeof(struct leader_epoch)))

#define ASSERT_END(epochs, requested, leo, want_epoch, want_offset)                                          \
    do {                                                                                                     \
        struct leader_epoch end_ = leader_epochs_end_offset_for(epochs, requested, leo);                     \
        ck_assert_int_eq(end_.epoch, want_epoch);                                                            \
        ck_assert_int_eq(end_.start_offset, want_offset);                                                    \
    } while (0)

START_TEST(an_empty_list_knows_nothing)
{
    struct leader_epochs epochs = {0};
    ck_assert_ptr_null(leader_epochs_latest(&epochs));
    ck_assert_ptr_null(leader_epochs_earliest(&epochs));
    ck_assert_int_eq(leader_epochs_latest_epoch(&epochs), -1);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(&epochs, 0), -1);
    ASSERT_END(&epochs, 0, 10, -1, -1);
    ASSERT_END(&epochs, -1, 10, -1, -1);
    ck_assert(!leader_epochs_truncate_from_end(&epochs, 0));
    ck_assert(!leader_epochs_truncate_from_start(&epochs, 5));
    ck_assert(!leader_epochs_clear(&epochs));
    ck_assert(!epochs.dirty);
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(a_copy_is_the_same_and_says_whether_it_changed)
{
    struct leader_epochs from = {0}, to = {0};
    ck_assert(!leader_epochs_copy(&to, &from));
    leader_epochs_assign(&from, 1, 0);
    leader_epochs_assign(&from, 4, 30);
    leader_epochs_assign(&to, 1, 0);
    to.dirty = false;
    ck_assert(leader_epochs_copy(&to, &from));
    ck_assert(to.dirty);
    ASSERT_EPOCHS(&to, {1, 0}, {4, 30});
    to.dirty = false;
    ck_assert(!leader_epochs_copy(&to, &from));
    ck_assert(!to.dirty);
    leader_epochs_clear(&from);
    ck_assert(leader_epochs_copy(&to, &from));
    ck_assert_uint_eq(to.count, 0);
    leader_epochs_close(&from);
    leader_epochs_close(&to);
}
END_TEST

START_TEST(an_epoch_is_assigned_once)
{
    struct leader_epochs epochs = MAKE({1, 10});
    ck_assert(!leader_epochs_assign(&epochs, 1, 10));
    ck_assert(!leader_epochs_assign(&epochs, 1, 99));
    ck_assert(!epochs.dirty);
    ck_assert(leader_epochs_assign(&epochs, 2, 20));
    ck_assert(epochs.dirty);
    ASSERT_EPOCHS(&epochs, {1, 10}, {2, 20});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(a_new_entry_drops_those_that_contradict_it)
{
    struct leader_epochs epochs = MAKE({1, 10}, {2, 20}, {3, 30});
    leader_epochs_assign(&epochs, 4, 20);
    ASSERT_EPOCHS(&epochs, {1, 10}, {4, 20});
    leader_epochs_assign(&epochs, 3, 15);
    ASSERT_EPOCHS(&epochs, {1, 10}, {3, 15});
    leader_epochs_assign(&epochs, 3, 12);
    ASSERT_EPOCHS(&epochs, {1, 10}, {3, 12});
    leader_epochs_assign(&epochs, 0, 0);
    ASSERT_EPOCHS(&epochs, {0, 0});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(an_epoch_ends_where_the_next_one_begins)
{
    struct leader_epochs epochs = MAKE({2, 10}, {4, 20}, {7, 30});
    ASSERT_END(&epochs, 7, 44, 7, 44);
    ASSERT_END(&epochs, 8, 44, -1, -1);
    ASSERT_END(&epochs, 6, 44, 4, 30);
    ASSERT_END(&epochs, 4, 44, 4, 30);
    ASSERT_END(&epochs, 3, 44, 2, 20);
    ASSERT_END(&epochs, 2, 44, 2, 20);
    ASSERT_END(&epochs, 1, 44, 1, 10);
    ASSERT_END(&epochs, 0, 44, 0, 10);
    ASSERT_END(&epochs, -1, 44, -1, -1);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(&epochs, 9), -1);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(&epochs, 10), 2);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(&epochs, 29), 4);
    ck_assert_int_eq(leader_epochs_epoch_for_offset(&epochs, 1000), 7);
    ck_assert_int_eq(leader_epochs_find(&epochs, 4)->start_offset, 20);
    ck_assert_ptr_null(leader_epochs_find(&epochs, 5));
    ck_assert_int_eq(leader_epochs_previous(&epochs, 5)->epoch, 4);
    ck_assert_int_eq(leader_epochs_previous(&epochs, 4)->epoch, 2);
    ck_assert_ptr_null(leader_epochs_previous(&epochs, 2));
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(truncation_from_the_end_drops_epochs_that_begin_behind_it)
{
    struct leader_epochs epochs = MAKE({1, 10}, {2, 20}, {3, 30});
    ck_assert(!leader_epochs_truncate_from_end(&epochs, 31));
    ck_assert(!leader_epochs_truncate_from_end(&epochs, -1));
    ck_assert(leader_epochs_truncate_from_end(&epochs, 30));
    ASSERT_EPOCHS(&epochs, {1, 10}, {2, 20});
    ck_assert(leader_epochs_truncate_from_end(&epochs, 0));
    ck_assert_uint_eq(epochs.count, 0);
    ck_assert(epochs.dirty);
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(truncation_from_the_start_keeps_the_epoch_that_covers_it)
{
    struct leader_epochs epochs = MAKE({1, 10}, {2, 20}, {3, 30});
    ck_assert(!leader_epochs_truncate_from_start(&epochs, 9));
    ck_assert(!leader_epochs_truncate_from_start(&epochs, 10));
    ck_assert(leader_epochs_truncate_from_start(&epochs, 11));
    ASSERT_EPOCHS(&epochs, {1, 11}, {2, 20}, {3, 30});
    ck_assert(leader_epochs_truncate_from_start(&epochs, 30));
    ASSERT_EPOCHS(&epochs, {3, 30});
    ck_assert(leader_epochs_truncate_from_start(&epochs, 500));
    ASSERT_EPOCHS(&epochs, {3, 500});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(an_epoch_stays_where_it_began_though_its_first_batches_are_gone)
{
    struct leader_epochs epochs = MAKE({0, 0}, {1, 125}, {2, 240}, {3, 337});
    ck_assert(!leader_epochs_reconcile(&epochs, 0, 119, 119));
    ck_assert(!leader_epochs_reconcile(&epochs, 1, 221, 225));
    ck_assert(!leader_epochs_reconcile(&epochs, 3, 400, 409)); /* 2 is gone whole */
    ck_assert(!epochs.dirty);
    ASSERT_EPOCHS(&epochs, {0, 0}, {1, 125}, {2, 240}, {3, 337});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(an_epoch_goes_where_the_log_goes_on_with_an_older_one)
{
    struct leader_epochs epochs = MAKE({3, 0}, {5, 50}, {6, 55}, {7, 90});
    ck_assert(leader_epochs_reconcile(&epochs, 3, 50, 59));
    ck_assert(epochs.dirty);
    ASSERT_EPOCHS(&epochs, {3, 0}, {7, 90});
    ck_assert(leader_epochs_reconcile(&epochs, 4, 60, 99));
    ASSERT_EPOCHS(&epochs, {3, 0}, {4, 60});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(an_epoch_begins_no_later_than_its_first_batch)
{
    struct leader_epochs epochs = MAKE({1, 10}, {2, 20}, {4, 40}, {5, 60});
    ck_assert(leader_epochs_reconcile(&epochs, 4, 30, 34)); /* begins too late */
    ASSERT_EPOCHS(&epochs, {1, 10}, {2, 20}, {4, 30}, {5, 60});
    ck_assert(leader_epochs_reconcile(&epochs, 3, 25, 29)); /* is not known */
    ASSERT_EPOCHS(&epochs, {1, 10}, {2, 20}, {3, 25}, {4, 30}, {5, 60});
    ck_assert(leader_epochs_reconcile(&epochs, 5, 20, 59)); /* so do those between */
    ASSERT_EPOCHS(&epochs, {1, 10}, {5, 20});
    ck_assert(leader_epochs_reconcile(&epochs, 6, 70, 70));
    ck_assert(leader_epochs_reconcile(&epochs, 0, 0, 9));
    ASSERT_EPOCHS(&epochs, {0, 0}, {1, 10}, {5, 20}, {6, 70});
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(epochs_do_not_begin_before_what_has_none)
{
    struct leader_epochs epochs = MAKE({1, 10}, {2, 20}, {3, 30});
    ck_assert(!leader_epochs_reconcile(&epochs, LEADER_EPOCH_UNDEFINED, 9, 9));
    ck_assert(leader_epochs_reconcile(&epochs, LEADER_EPOCH_UNDEFINED, 20, 20));
    ASSERT_EPOCHS(&epochs, {3, 30});
    leader_epochs_close(&epochs);
}
END_TEST

/* Batches one behind the other, each of an epoch no lower than the one before; *epochs is what they say. */
static size_t draw_batches(struct prng *prng, struct leader_epoch *batches, size_t cap,
                           struct leader_epochs *epochs)
{
    const size_t count = 1 + prng_below(prng, cap);
    struct leader_epoch next = {0, 0};
    for (size_t i = 0; i < count; i++) {
        if (prng_below(prng, 3) == 0)
            next.epoch += 1 + (int32_t)prng_below(prng, 3);
        batches[i] = next;
        leader_epochs_assign(epochs, next.epoch, next.start_offset);
        next.start_offset += 1 + (int64_t)prng_below(prng, 5);
    }
    return count;
}

static void reconcile_all(struct leader_epochs *epochs, const struct leader_epoch *batches, size_t count)
{
    for (size_t i = 0; i + 1 < count; i++)
        leader_epochs_reconcile(epochs, batches[i].epoch, batches[i].start_offset,
                                batches[i + 1].start_offset - 1);
}

/* The last of the batches is but where the log ends. */
START_TEST(any_file_says_after_a_whole_log_what_its_batches_say)
{
    struct prng prng;
    prng_seed(&prng, 4);
    for (int round = 0; round < 20000; round++) {
        struct leader_epoch batches[30], others[30];
        struct leader_epochs want = {0}, file = {0};
        const size_t count = draw_batches(&prng, batches, 30, &want);
        draw_batches(&prng, others, 30, &file);
        const int64_t end = batches[count - 1].start_offset;
        reconcile_all(&file, batches, count);
        leader_epochs_truncate_from_end(&file, end);
        leader_epochs_truncate_from_end(&want, end);
        ck_assert(equals(&file, want.items, want.count));
        leader_epochs_close(&want);
        leader_epochs_close(&file);
    }
}
END_TEST

START_TEST(a_file_that_is_right_stays_whatever_compaction_left)
{
    struct prng prng;
    prng_seed(&prng, 5);
    for (int round = 0; round < 20000; round++) {
        struct leader_epoch batches[30];
        struct leader_epochs file = {0}, want = {0};
        const size_t count = draw_batches(&prng, batches, 30, &want);
        leader_epochs_copy(&file, &want);
        for (size_t i = 0; i + 1 < count; i++)
            if (prng_below(&prng, 3) == 0)
                ck_assert(!leader_epochs_reconcile(&file, batches[i].epoch, batches[i].start_offset,
                                                   batches[i + 1].start_offset - 1));
        ck_assert(equals(&file, want.items, want.count));
        leader_epochs_close(&want);
        leader_epochs_close(&file);
    }
}
END_TEST

START_TEST(epochs_and_offsets_rise_after_any_commands)
{
    struct prng prng;
    prng_seed(&prng, 3);
    struct leader_epochs epochs = {0};
    for (int step = 0; step < 100000; step++) {
        int64_t offset = (int64_t)prng_below(&prng, 200);
        switch (prng_below(&prng, 5)) {
        case 0:
            leader_epochs_truncate_from_end(&epochs, offset);
            break;
        case 1:
            leader_epochs_truncate_from_start(&epochs, offset);
            break;
        case 2:
            leader_epochs_reconcile(&epochs, (int32_t)prng_below(&prng, 50) - 1, offset,
                                    offset + (int64_t)prng_below(&prng, 20));
            break;
        default:
            leader_epochs_assign(&epochs, (int32_t)prng_below(&prng, 50), offset);
            break;
        }
        for (size_t i = 1; i < epochs.count; i++) {
            ck_assert_int_lt(epochs.items[i - 1].epoch, epochs.items[i].epoch);
            ck_assert_int_lt(epochs.items[i - 1].start_offset, epochs.items[i].start_offset);
        }
    }
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(a_file_of_kafka_reads_and_writes_back_byte_for_byte)
{
    struct buf file = vector_load("leader-epoch-checkpoint");
    struct leader_epochs epochs = {0};
    struct buf text = {0};
    ck_assert_int_eq(leader_epochs_parse(&epochs, buf_view(&file), "f", NULL), ERR_NONE);
    ASSERT_EPOCHS(&epochs, {0, 0}, {3, 17}, {INT32_MAX, INT64_MAX});
    leader_epochs_format(&epochs, &text);
    ck_assert(view_equal(buf_view(&text), buf_view(&file)));
    leader_epochs_close(&epochs);
    buf_close(&text);
    buf_close(&file);
}
END_TEST

START_TEST(a_new_epoch_is_on_disk_before_it_is_used)
{
    struct testdir t;
    struct errmsg why;
    testdir_open(&t);
    struct leader_epochs epochs = {0};
    ck_assert_int_eq(leader_epochs_load(&epochs, t.disk, t.path, &why), ERR_NOT_FOUND);
    ck_assert_int_eq(leader_epochs_assign_durably(&epochs, t.disk, t.path, 1, 10, &why), ERR_NONE);
    ck_assert(testdir_is(&t, LEADER_EPOCH_FILE_NAME, "0\n1\n1 10\n"));
    int calls = fault_disk_calls(t.disk, FAULT_ANY);
    ck_assert_int_eq(leader_epochs_assign_durably(&epochs, t.disk, t.path, 1, 50, &why), ERR_NONE);
    ck_assert_int_eq(fault_disk_calls(t.disk, FAULT_ANY), calls);
    fault_disk_fail(t.disk, FAULT_SYNC, 0, 1, ERR_IO);
    ck_assert_int_eq(leader_epochs_assign_durably(&epochs, t.disk, t.path, 2, 50, &why), ERR_IO);
    ck_assert(epochs.dirty);
    ck_assert_int_eq(leader_epochs_save(&epochs, t.disk, t.path, &why), ERR_NONE);
    ck_assert(!epochs.dirty);
    struct leader_epochs again = {0};
    ck_assert_int_eq(leader_epochs_load(&again, t.disk, t.path, &why), ERR_NONE);
    ASSERT_EPOCHS(&again, {1, 10}, {2, 50});
    ck_assert_int_eq(leader_epochs_save(&again, t.disk, testdir_path(&t, "gone"), &why), ERR_NOT_FOUND);
    testdir_put_str(&t, LEADER_EPOCH_FILE_NAME, "0\n2\n1 10\n");
    ck_assert_int_eq(leader_epochs_load(&again, t.disk, t.path, &why), ERR_CORRUPT_FILE);
    ck_assert_uint_eq(again.count, 0);
    leader_epochs_close(&again);
    leader_epochs_close(&epochs);
    testdir_close(&t);
}
END_TEST

#define ASSERT_CUT(epochs, leader_epoch, leader_end, want_offset, want_final)                                \
    do {                                                                                                     \
        struct truncation_point cut_ =                                                                       \
            leader_epochs_truncation_point(epochs, leader_epoch, leader_end, 100, 40);                       \
        ck_assert_int_eq(cut_.offset, want_offset);                                                          \
        ck_assert_int_eq(cut_.final, want_final);                                                            \
    } while (0)

START_TEST(a_log_that_shares_the_epoch_is_cut_where_the_shorter_one_ends)
{
    struct leader_epochs epochs = MAKE({1, 0}, {3, 50}, {5, 80});
    ASSERT_CUT(&epochs, 5, 90, 90, true);   /* the leader's ends first */
    ASSERT_CUT(&epochs, 3, 95, 80, true);   /* ours does */
    ASSERT_CUT(&epochs, 5, 200, 100, true); /* never above the log end */
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(a_log_that_lacks_the_leaders_epoch_is_cut_to_its_last_one_before_and_asks_again)
{
    struct leader_epochs epochs = MAKE({1, 0}, {3, 50}, {5, 80});
    ASSERT_CUT(&epochs, 4, 90, 80, false);
    ASSERT_CUT(&epochs, 2, 20, 50, false);
    leader_epochs_close(&epochs);
}
END_TEST

START_TEST(a_log_whose_epochs_all_come_later_is_cut_to_the_leaders_end)
{
    struct leader_epochs epochs = MAKE({7, 0}, {8, 50});
    ASSERT_CUT(&epochs, 3, 30, 0, true); /* what precedes our first epoch ends where it begins */
    leader_epochs_close(&epochs);
    ASSERT_CUT(&(struct leader_epochs){0}, 3, 30, 30, true);
}
END_TEST

START_TEST(a_leader_that_knows_no_epochs_cuts_by_its_end_and_one_that_knows_nothing_to_the_fallback)
{
    struct leader_epochs epochs = MAKE({1, 0}, {3, 50});
    ASSERT_CUT(&epochs, -1, 70, 70, true);
    ASSERT_CUT(&epochs, -1, 170, 100, true);
    ASSERT_CUT(&epochs, -1, -1, 40, true);
    ASSERT_CUT(&epochs, 3, -1, 40, true);
    leader_epochs_close(&epochs);
}
END_TEST

Suite *leader_epochs_suite(void)
{
    Suite *suite = suite_create("leader_epochs");
    TCase *tc = tcase_create("leader_epochs");
    tcase_add_test(tc, an_empty_list_knows_nothing);
    tcase_add_test(tc, a_copy_is_the_same_and_says_whether_it_changed);
    tcase_add_test(tc, an_epoch_is_assigned_once);
    tcase_add_test(tc, a_new_entry_drops_those_that_contradict_it);
    tcase_add_test(tc, an_epoch_ends_where_the_next_one_begins);
    tcase_add_test(tc, truncation_from_the_end_drops_epochs_that_begin_behind_it);
    tcase_add_test(tc, truncation_from_the_start_keeps_the_epoch_that_covers_it);
    tcase_add_test(tc, a_log_that_shares_the_epoch_is_cut_where_the_shorter_one_ends);
    tcase_add_test(tc, a_log_that_lacks_the_leaders_epoch_is_cut_to_its_last_one_before_and_asks_again);
    tcase_add_test(tc, a_log_whose_epochs_all_come_later_is_cut_to_the_leaders_end);
    tcase_add_test(tc,
                   a_leader_that_knows_no_epochs_cuts_by_its_end_and_one_that_knows_nothing_to_the_fallback);
    tcase_add_test(tc, an_epoch_stays_where_it_began_though_its_first_batches_are_gone);
    tcase_add_test(tc, an_epoch_goes_where_the_log_goes_on_with_an_older_one);
    tcase_add_test(tc, an_epoch_begins_no_later_than_its_first_batch);
    tcase_add_test(tc, epochs_do_not_begin_before_what_has_none);
    tcase_add_test(tc, any_file_says_after_a_whole_log_what_its_batches_say);
    tcase_add_test(tc, a_file_that_is_right_stays_whatever_compaction_left);
    tcase_add_test(tc, epochs_and_offsets_rise_after_any_commands);
    tcase_add_test(tc, a_file_of_kafka_reads_and_writes_back_byte_for_byte);
    tcase_add_test(tc, a_new_epoch_is_on_disk_before_it_is_used);
    suite_add_tcase(suite, tc);
    return suite;
}
