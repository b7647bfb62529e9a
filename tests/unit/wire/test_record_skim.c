#include "records_suites.h"
#include "records_support.h"
#include "wire/record_iter.h"
#include "wire/record_skim.h"

/* What the iterator finds, by the rules of the skim; false when it does not like the records. */
static bool iterate(struct view batch, struct record_skim *out)
{
    struct record_iter it;
    struct record rec;
    bool in_order = true;
    *out = (struct record_skim){.min_timestamp_delta = INT64_MAX, .max_timestamp_delta = INT64_MIN};
    record_iter_open(&it, batch, RECORD_SKIM, NULL, NULL);
    while (record_iter_next(&it, &rec)) {
        int64_t delta = (int64_t)((uint64_t)rec.timestamp - (uint64_t)it.info.base_timestamp);
        if (delta < out->min_timestamp_delta)
            out->min_timestamp_delta = delta;
        if (delta > out->max_timestamp_delta)
            out->max_timestamp_delta = delta;
        out->has_null_key |= rec.key_size < 0;
        in_order &= (int64_t)((uint64_t)rec.offset - (uint64_t)it.info.base_offset) == out->count++;
    }
    return record_iter_close(&it) == ERR_NONE && in_order;
}

static bool skim(struct view batch, int32_t count, struct record_skim *out)
{
    return record_skim(view_of(batch.ptr + BATCH_V2_HEADER_SIZE, batch.len - BATCH_V2_HEADER_SIZE), count,
                       out);
}

static void check_same(const struct record_skim *a, const struct record_skim *b)
{
    ck_assert_int_eq(a->count, b->count);
    ck_assert_int_eq(a->min_timestamp_delta, b->min_timestamp_delta);
    ck_assert_int_eq(a->max_timestamp_delta, b->max_timestamp_delta);
    ck_assert_int_eq(a->has_null_key, b->has_null_key);
}

START_TEST(skim_finds_what_the_iterator_finds)
{
    struct buf set = {0};
    struct record_skim skimmed, iterated;
    put_set(&set, &RECORD_BUILDER_V2, _i);
    ck_assert(skim(buf_view(&set), _i, &skimmed));
    ck_assert(iterate(buf_view(&set), &iterated));
    check_same(&skimmed, &iterated);
    buf_close(&set);
}
END_TEST

/* Every value of every byte of the records: what passes must be what the iterator says too. */
START_TEST(skim_passes_no_damage_that_the_iterator_finds)
{
    enum { COUNT = 4 };
    struct buf set = {0};
    put_set(&set, &RECORD_BUILDER_V2, COUNT);
    int passed = 0;
    for (size_t at = BATCH_V2_HEADER_SIZE; at < set.len; at++) {
        uint8_t was = set.data[at];
        for (int value = 0; value < 256; value++) {
            struct record_skim skimmed, iterated;
            set.data[at] = (uint8_t)value;
            if (!skim(buf_view(&set), COUNT, &skimmed))
                continue;
            passed++;
            ck_assert(iterate(buf_view(&set), &iterated));
            check_same(&skimmed, &iterated);
        }
        set.data[at] = was;
    }
    ck_assert_int_gt(passed, 0);
    buf_close(&set);
}
END_TEST

START_TEST(skim_refuses_records_cut_anywhere)
{
    struct buf set = {0};
    struct record_skim skimmed;
    put_set(&set, &RECORD_BUILDER_V2, 3);
    for (size_t len = BATCH_V2_HEADER_SIZE; len < set.len; len++)
        ck_assert(!skim(view_of(set.data, len), 3, &skimmed));
    ck_assert(!skim(buf_view(&set), 2, &skimmed));
    ck_assert(!skim(buf_view(&set), 4, &skimmed));
    buf_close(&set);
}
END_TEST

Suite *record_skim_suite(void)
{
    Suite *suite = suite_create("record_skim");
    TCase *tcase = tcase_create("all");
    tcase_add_loop_test(tcase, skim_finds_what_the_iterator_finds, 1, 200);
    tcase_add_test(tcase, skim_passes_no_damage_that_the_iterator_finds);
    tcase_add_test(tcase, skim_refuses_records_cut_anywhere);
    suite_add_tcase(suite, tcase);
    return suite;
}
