/* Every call of the disk fails once, at every place of a log's life. */
#include <stdlib.h>

#include "log_rig.h"
#include "storage/log_flush.h"
#include "storage/log_lookup.h"
#include "storage/log_trim.h"

struct life {
    struct rig rig;
    int64_t acked_end;  /* everything below was acknowledged */
    int64_t kept_start; /* what was removed on purpose */
};

/* What a failed log answers to everything. */
static void check_failed(struct rig *rig)
{
    struct errmsg why;
    ck_assert_int_eq(log_failure(rig->log, &why), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_str_ne(why.text, "");
    struct log_append_result out;
    struct rig_append spec = {0};
    ck_assert_int_eq(rig_try_append(rig, &spec, &out), ERR_KAFKA_STORAGE_ERROR);
    struct log_slice slice = {0};
    struct log_read_args args = {.offset = log_start_offset(rig->log), .max_bytes = 10};
    ck_assert_int_eq(log_read(rig->log, &args, &slice, &why), ERR_KAFKA_STORAGE_ERROR);
    log_slice_close(&slice);
    ck_assert_int_eq(log_roll(rig->log, 1, &why), ERR_KAFKA_STORAGE_ERROR);
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool flag;
    ck_assert_int_eq(log_flush_begin(rig->log, 1, &flush, &ticket, &flag, &why), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(log_close(rig->log, &flush, &why), ERR_KAFKA_STORAGE_ERROR);
    struct log_doomed doomed = {0};
    struct log_retention_result result;
    ck_assert_int_eq(log_delete_old_segments(rig->log, 1, &doomed, &result, &why), ERR_KAFKA_STORAGE_ERROR);
    ck_assert_int_eq(log_truncate_to(rig->log, 0, 1, &doomed, &flag, &why), ERR_KAFKA_STORAGE_ERROR);
    log_flush_close(&flush);
}

static enum err append_some(struct life *life, struct prng *prng, int n)
{
    for (int i = 0; i < n; i++) {
        struct log_append_result out;
        struct rig_append spec = {.count = 2,
                                  .value_size = (int)prng_below(prng, 300),
                                  .producer_id = 7,
                                  .base_sequence = (int32_t)log_end(life->rig.log).offset};
        enum err err = rig_try_append(&life->rig, &spec, &out);
        if (err)
            return err;
        life->acked_end = out.last_offset + 1;
    }
    return ERR_NONE;
}

static enum err flush(struct rig *rig)
{
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    enum err err = log_flush_begin(rig->log, INT64_MAX, &flush, &ticket, &needed, &rig->why);
    if (!err) {
        enum err result = log_flush_run(&flush, &rig->why);
        log_flush_end(rig->log, &ticket, result, &rig->why);
        err = log_failure(rig->log, &rig->why);
    }
    log_flush_close(&flush);
    return err;
}

/* Append, flush, roll, look up, truncate, delete old segments, stop. */
static enum err live(struct life *life, struct prng *prng)
{
    struct rig *rig = &life->rig;
    enum err err = rig_try_load(rig, true);
    if (err)
        return err;
    if ((err = append_some(life, prng, 15)))
        return err;
    if ((err = flush(rig)))
        return err;
    struct log_found found;
    if ((err = log_find_by_timestamp(rig->log, rig->now_ms, &found, &rig->why)))
        return err;
    if ((err = log_find_max_timestamp(rig->log, &found, &rig->why)))
        return err;
    struct log_doomed doomed = {0};
    bool truncated;
    life->acked_end = 20;
    if (!(err = log_truncate_to(rig->log, 20, 1, &doomed, &truncated, &rig->why)))
        rig_model_truncate(rig, 20);
    if (!err)
        err = append_some(life, prng, 10);
    if (!err) {
        rig_hw_to_end(rig);
        rig->settings.retention_bytes = 1500;
        log_update_config(rig->log, &rig->settings);
        struct log_retention_result result;
        err = log_delete_old_segments(rig->log, 1, &doomed, &result, &rig->why);
        life->kept_start = log_start_offset(rig->log);
    }
    enum err unlinked = log_doomed_unlink(&doomed, rig->disk, &rig->why);
    if (err || unlinked)
        return err;
    struct log_flush closing = {0};
    err = log_close(rig->log, &closing, &rig->why);
    if (!err)
        err = log_flush_run(&closing, &rig->why);
    log_flush_close(&closing);
    return err;
}

START_TEST(any_failing_call_fails_the_log_for_good_and_loses_nothing_acknowledged)
{
    bool fired = true;
    for (int64_t k = 0; fired; k++) {
        struct life life = {0};
        struct prng prng;
        prng_seed(&prng, 42);
        rig_init(&life.rig);
        life.rig.settings.segment_bytes = 1000;
        crash_disk_fail_at(life.rig.mem, k);
        enum err err = live(&life, &prng);
        fired = crash_disk_fault_fired(life.rig.mem);
        crash_disk_fail_at(life.rig.mem, -1);
        if (!fired)
            ck_assert_int_eq(err, ERR_NONE);
        if (err)
            ck_assert_msg(err == ERR_KAFKA_STORAGE_ERROR, "call %lld: %s", (long long)k, err_name(err));
        if (err && life.rig.log && log_failure(life.rig.log, NULL))
            check_failed(&life.rig);
        /* A failed truncation may or may not have cut. */
        rig_kill(&life.rig);
        ck_assert_int_eq(crash_disk_counts(life.rig.mem)->handles, 0);
        rig_load(&life.rig, false);
        ck_assert_int_ge(log_end(life.rig.log).offset, life.acked_end);
        ck_assert_int_le(log_start_offset(life.rig.log),
                         life.kept_start > 0 ? life.kept_start : life.acked_end);
        rig_close(&life.rig);
    }
}
END_TEST

START_TEST(any_failing_call_of_a_recovery_leaves_it_to_be_done_again)
{
    bool fired = true;
    for (int64_t k = 0; fired; k++) {
        struct rig rig;
        rig_init(&rig);
        struct prng prng;
        prng_seed(&prng, 5);
        rig_load(&rig, true);
        rig_append_random(&rig, &prng, 40);
        const int64_t end = log_end(rig.log).offset;
        rig_kill(&rig);
        crash_disk_fail_at(rig.mem, k);
        enum err err = rig_try_load(&rig, false);
        fired = crash_disk_fault_fired(rig.mem);
        crash_disk_fail_at(rig.mem, -1);
        if (err) {
            ck_assert_int_eq(err, ERR_KAFKA_STORAGE_ERROR);
            ck_assert_int_eq(crash_disk_counts(rig.mem)->handles, 0);
            rig_load(&rig, false);
        }
        ck_assert_int_eq(rig_check_prefix(&rig), end);
        rig_close(&rig);
    }
}
END_TEST

Suite *log_fault_suite(void)
{
    Suite *suite = suite_create("log_fault");
    TCase *tc = tcase_create("sweep");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, any_failing_call_fails_the_log_for_good_and_loses_nothing_acknowledged);
    tcase_add_test(tc, any_failing_call_of_a_recovery_leaves_it_to_be_done_again);
    suite_add_tcase(suite, tc);
    return suite;
}
