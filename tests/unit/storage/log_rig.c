#include "log_rig.h"

#include <stdlib.h>
#include <string.h>

#include "base/be.h"
#include "base/mem.h"
#include "storage/log_flush.h"
#include "wire/record_builder.h"
#include "wire/record_validate.h"

void rig_init(struct rig *rig)
{
    *rig = (struct rig){.dir = RIG_DIR, .now_ms = 1000000, .leader_epoch = 3};
    rig->mem = crash_disk_new();
    rig->disk = crash_disk_port(rig->mem);
    crash_disk_set_now_ms(rig->mem, rig->now_ms);
    log_settings_init(&rig->settings);
    rig->settings.segment_bytes = 4096;
    rig->settings.index_interval_bytes = 200;
}

void rig_close(struct rig *rig)
{
    log_free(rig->log);
    crash_disk_free(rig->mem);
    rig_model_truncate(rig, INT64_MIN);
    free(rig->batches);
}

enum err rig_try_load(struct rig *rig, bool clean)
{
    struct log_load_args args = {
        .disk = rig->disk,
        .dir = rig->dir,
        .settings = &rig->settings,
        .recovery_point = rig->recovery_point,
        .log_start_offset = rig->log_start_offset,
        .now_ms = rig->now_ms,
        .seed = 7,
        .clean = clean,
        .power_lost = rig->power_lost,
    };
    return log_load(&args, &rig->log, &rig->report, &rig->why);
}

void rig_load(struct rig *rig, bool clean)
{
    ck_assert_ptr_null(rig->log);
    enum err err = rig_try_load(rig, clean);
    ck_assert_msg(err == ERR_NONE, "%s: %s", err_name(err), rig->why.text);
}

void rig_stop(struct rig *rig)
{
    struct log_flush flush = {0};
    ck_assert_int_eq(log_close(rig->log, &flush, &rig->why), ERR_NONE);
    ck_assert_int_eq(log_flush_run(&flush, &rig->why), ERR_NONE);
    log_flush_close(&flush);
    rig->recovery_point = log_end(rig->log).offset;
    rig->log_start_offset = log_start_offset(rig->log);
    rig_kill(rig);
}

void rig_kill(struct rig *rig)
{
    log_free(rig->log);
    rig->log = NULL;
}

static void model_add(struct rig *rig, const struct append_plan *plan, const int64_t *timestamps_ms,
                      int count)
{
    if (rig->count == rig->cap) {
        rig->cap = rig->cap ? 2 * rig->cap : 16;
        rig->batches = mem_resize(rig->batches, rig->cap * sizeof *rig->batches);
    }
    rig->batches[rig->count++] = (struct rig_batch){
        .base_offset = plan->info.first_offset,
        .last_offset = plan->info.last_offset,
        .max_timestamp_ms = plan->info.max_timestamp,
        .timestamps_ms = mem_dup(timestamps_ms, (size_t)count * sizeof(int64_t)),
        .leader_epoch = rig->leader_epoch,
        .bytes = mem_dup(plan->info.bytes.ptr, plan->info.bytes.len),
        .len = plan->info.bytes.len,
    };
}

static enum err append_set(struct rig *rig, struct buf *set, enum append_origin origin,
                           const int64_t *timestamps_ms, int count, struct log_append_result *out)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    rules.origin = origin;
    rules.max_message_bytes = rig->settings.max_message_bytes;
    struct records_summary sum;
    enum err err = records_analyze(buf_view(set), &rules, &sum, &rig->why);
    ck_assert_msg(err == ERR_NONE, "analyze: %s", rig->why.text);
    struct append_plan plan = {0};
    err = records_prepare(&plan, set->data, &sum, &rules, rig->now_ms, NULL, &rig->why);
    ck_assert_msg(err == ERR_NONE, "prepare: %s", rig->why.text);
    struct log_append_args args = {rig->now_ms, 0, rig->leader_epoch, origin};
    err = log_append_as_leader(rig->log, &plan, &args, out, &rig->why);
    if (!err && !out->duplicate)
        model_add(rig, &plan, timestamps_ms, count);
    append_plan_close(&plan);
    return err;
}

enum err rig_try_append(struct rig *rig, const struct rig_append *spec, struct log_append_result *out)
{
    const int count = spec->count ? spec->count : 1;
    int64_t *timestamps_ms = mem_alloc((size_t)count * sizeof *timestamps_ms);
    char *value = mem_alloc((size_t)spec->value_size + 1);
    memset(value, 'v', (size_t)spec->value_size);
    struct record_builder_spec builder_spec = RECORD_BUILDER_V2;
    if (spec->producer_id) {
        builder_spec.producer_id = spec->producer_id;
        builder_spec.producer_epoch = spec->producer_epoch;
        builder_spec.base_sequence = spec->base_sequence;
        builder_spec.transactional = spec->transactional;
    }
    struct buf set = {0};
    struct record_builder b;
    record_builder_open(&b, &builder_spec, NULL, &set);
    for (int i = 0; i < count; i++) {
        timestamps_ms[i] = (spec->timestamp_ms ? spec->timestamp_ms : rig->now_ms) + i * spec->step_ms;
        record_builder_put(&b, timestamps_ms[i], VIEW_LIT("key"), view_of(value, (size_t)spec->value_size));
    }
    ck_assert_int_eq(record_builder_finish(&b, NULL), ERR_NONE);
    enum err err = append_set(rig, &set, APPEND_CLIENT, timestamps_ms, count, out);
    buf_close(&set);
    free(value);
    free(timestamps_ms);
    return err;
}

struct log_append_result rig_append(struct rig *rig, struct rig_append spec)
{
    struct log_append_result out;
    enum err err = rig_try_append(rig, &spec, &out);
    ck_assert_msg(err == ERR_NONE, "%s: %s", err_name(err), rig->why.text);
    return out;
}

struct log_append_result rig_append_marker(struct rig *rig, int64_t producer_id, int16_t epoch, bool commit)
{
    struct control_batch marker = {
        .type = commit ? CONTROL_COMMIT : CONTROL_ABORT,
        .leader_epoch = -1,
        .timestamp_ms = rig->now_ms,
        .producer_id = producer_id,
        .producer_epoch = epoch,
        .coordinator_epoch = 1,
    };
    struct buf set = {0};
    control_batch_build(&marker, &set);
    struct log_append_result out;
    enum err err = append_set(rig, &set, APPEND_COORDINATOR, &rig->now_ms, 1, &out);
    ck_assert_msg(err == ERR_NONE, "%s: %s", err_name(err), rig->why.text);
    buf_close(&set);
    return out;
}

void rig_append_random(struct rig *rig, struct prng *prng, int n)
{
    for (int i = 0; i < n; i++) {
        rig->now_ms += (int64_t)prng_below(prng, 50);
        if (prng_below(prng, 12) == 0)
            rig->leader_epoch++;
        int64_t late_ms = (int64_t)prng_below(prng, 200);
        rig_append(rig, (struct rig_append){.count = 1 + (int)prng_below(prng, 6),
                                            .value_size = (int)prng_below(prng, 120),
                                            .timestamp_ms = rig->now_ms - late_ms,
                                            .step_ms = (int64_t)prng_below(prng, 9) - 3});
    }
}

void rig_hw_to_end(struct rig *rig)
{
    (void)log_set_high_watermark(rig->log, log_end(rig->log));
}

void rig_model_truncate(struct rig *rig, int64_t offset)
{
    while (rig->count > 0 && rig->batches[rig->count - 1].last_offset >= offset) {
        struct rig_batch *batch = &rig->batches[--rig->count];
        free(batch->bytes);
        free(batch->timestamps_ms);
    }
}

const struct rig_batch *rig_batch_at(const struct rig *rig, int64_t offset)
{
    for (size_t i = 0; i < rig->count; i++)
        if (rig->batches[i].last_offset >= offset)
            return &rig->batches[i];
    return NULL;
}

void rig_read_slice(struct rig *rig, const struct log_slice *slice, struct buf *out)
{
    buf_clear(out);
    if (!slice->file)
        return;
    uint8_t *p = buf_extend(out, (size_t)slice->len);
    size_t got;
    ck_assert_int_eq(DISK_FILE(slice->file, pread, p, (size_t)slice->len, slice->pos, &got, &rig->why),
                     ERR_NONE);
    ck_assert_uint_eq(got, (size_t)slice->len);
}

int64_t rig_check_prefix(struct rig *rig)
{
    struct log_slice slice = {0};
    struct buf bytes = {0};
    int64_t at = log_start_offset(rig->log);
    const int64_t end = log_end(rig->log).offset;
    while (at < end) {
        struct log_read_args args = {.offset = at, .max_bytes = 1, .bound = LOG_BOUND_END, .min_one = true};
        enum err err = log_read(rig->log, &args, &slice, &rig->why);
        ck_assert_msg(err == ERR_NONE, "read %lld: %s", (long long)at, rig->why.text);
        if (slice.len == 0)
            break;
        rig_read_slice(rig, &slice, &bytes);
        const struct rig_batch *batch = rig_batch_at(rig, at);
        ck_assert_ptr_nonnull(batch);
        ck_assert_uint_eq(bytes.len, batch->len);
        ck_assert_mem_eq(bytes.data, batch->bytes, batch->len);
        at = batch->last_offset + 1;
    }
    ck_assert_int_eq(at, end);
    buf_close(&bytes);
    log_slice_close(&slice);
    return end;
}
