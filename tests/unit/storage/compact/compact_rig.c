#include "compact_rig.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "storage/log_flush.h"
#include "storage/log_trim.h"
#include "wire/record_builder.h"
#include "wire/record_iter.h"

void compact_rig_init(struct compact_rig *rig)
{
    *rig = (struct compact_rig){.checkpoint = -1, .delete_retention_ms = 1000};
    rig_init(&rig->rig);
    rig->rig.settings.cleanup_delete = false;
    rig->rig.settings.cleanup_compact = true;
    rig->rig.settings.segment_bytes = 1024;
    rig->memory = compact_memory_new(64 * 1024, 0.9, 8 * 1024);
    rig_load(&rig->rig, true);
}

void compact_rig_close(struct compact_rig *rig)
{
    compact_memory_free(rig->memory);
    rig_close(&rig->rig);
}

/* --- appending ---------------------------------------------------------------------------------------- */

static void append_bytes(struct compact_rig *rig, struct view bytes)
{
    struct log_append_result out;
    enum err err = log_append_as_follower(rig->rig.log, bytes, -1, rig->rig.now_ms, &out, &rig->rig.why);
    ck_assert_msg(err == ERR_NONE, "%s: %s", err_name(err), rig->rig.why.text);
}

int64_t compact_rig_append(struct compact_rig *rig, const struct rig_set *set, const char *records)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = set->is_old ? set->magic : 2;
    spec.codec = set->codec;
    spec.base_offset = log_end(rig->rig.log).offset;
    const int64_t at_ms = set->timestamp_ms ? set->timestamp_ms : rig->rig.now_ms;
    spec.log_append_time = set->log_append_time;
    spec.log_append_ms = set->log_append_time ? at_ms : NO_TIMESTAMP;
    if (!set->is_old)
        spec.leader_epoch = rig->rig.leader_epoch;
    if (set->producer_id) {
        spec.producer_id = set->producer_id;
        spec.producer_epoch = set->producer_epoch;
        spec.base_sequence = set->base_sequence;
        spec.transactional = set->transactional;
    }
    struct buf bytes = {0};
    struct record_builder builder;
    record_builder_open(&builder, &spec, NULL, &bytes);
    char *text = mem_strdup(records), *save;
    int64_t n = 0;
    for (char *word = strtok_r(text, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        char *equals = strchr(word, '=');
        struct view key = view_of(word, equals ? (size_t)(equals - word) : strlen(word));
        record_builder_put(&builder, at_ms + n++, key.len ? key : VIEW_NULL,
                           equals ? view_str(equals + 1) : VIEW_NULL);
    }
    free(text);
    ck_assert_int_eq(record_builder_finish(&builder, NULL), ERR_NONE);
    append_bytes(rig, buf_view(&bytes));
    buf_close(&bytes);
    return log_end(rig->rig.log).offset - 1;
}

void compact_rig_marker(struct compact_rig *rig, int64_t producer_id, int16_t epoch, bool commit)
{
    const struct control_batch marker = {
        .type = commit ? CONTROL_COMMIT : CONTROL_ABORT,
        .base_offset = log_end(rig->rig.log).offset,
        .leader_epoch = rig->rig.leader_epoch,
        .timestamp_ms = rig->rig.now_ms,
        .producer_id = producer_id,
        .producer_epoch = epoch,
        .coordinator_epoch = 1,
    };
    struct buf bytes = {0};
    control_batch_build(&marker, &bytes);
    append_bytes(rig, buf_view(&bytes));
    buf_close(&bytes);
}

void compact_rig_settle(struct compact_rig *rig, bool roll)
{
    struct rig *log_rig = &rig->rig;
    if (roll)
        ck_assert_int_eq(log_roll(log_rig->log, log_rig->now_ms, &log_rig->why), ERR_NONE);
    struct log_flush flush = {0};
    struct log_flush_ticket ticket;
    bool needed;
    ck_assert_int_eq(log_flush_begin(log_rig->log, INT64_MAX, &flush, &ticket, &needed, &log_rig->why),
                     ERR_NONE);
    ck_assert_int_eq(log_flush_run(&flush, &log_rig->why), ERR_NONE);
    log_flush_end(log_rig->log, &ticket, ERR_NONE, NULL);
    log_flush_close(&flush);
    rig_hw_to_end(log_rig);
    log_rig->recovery_point = log_recovery_point(log_rig->log);
}

/* --- compaction --------------------------------------------------------------------------------------- */

enum err compact_rig_dirt(struct compact_rig *rig, struct log_dirt *out)
{
    const struct log_dirt_args args = {rig->checkpoint, rig->rig.now_ms, rig->min_lag_ms};
    return log_dirt(rig->rig.log, &args, out, &rig->rig.why);
}

static enum err run(struct compact_rig *rig, struct log_compact *compact, struct log_doomed *doomed)
{
    struct errmsg *why = &rig->rig.why;
    enum err err = log_compact_map(compact, why);
    rig->next_dirty = log_compact_next_dirty(compact);
    for (bool more = true; !err && more;) {
        err = log_compact_write(compact, &more, why);
        if (err || !more)
            break;
        if (rig->before_swap)
            rig->before_swap(rig);
        err = log_compact_swap(compact, rig->rig.log, doomed, why);
    }
    return err;
}

enum err compact_rig_try(struct compact_rig *rig)
{
    struct log_dirt dirt;
    enum err err = compact_rig_dirt(rig, &dirt);
    if (err)
        return err;
    const struct log_compact_args args = {.first_dirty = dirt.first_dirty,
                                          .first_uncleanable = dirt.first_uncleanable,
                                          .now_ms = rig->rig.now_ms,
                                          .delete_retention_ms = rig->delete_retention_ms,
                                          .go_on = rig->go_on,
                                          .arg = rig->go_on_arg};
    struct log_compact *compact;
    err = log_compact_begin(rig->rig.log, &args, rig->memory, &compact, &rig->rig.why);
    if (err)
        return err;
    struct log_doomed doomed = {0};
    err = run(rig, compact, &doomed);
    if (!err)
        rig->checkpoint = log_compact_next_dirty(compact);
    rig->stats = *log_compact_stats(compact);
    log_compact_free(compact);
    if (!err)
        err = log_doomed_unlink(&doomed, rig->rig.disk, &rig->rig.why);
    log_doomed_close(&doomed);
    return err;
}

void compact_rig_run(struct compact_rig *rig)
{
    enum err err = compact_rig_try(rig);
    ck_assert_msg(err == ERR_NONE, "%s: %s", err_name(err), rig->rig.why.text);
}

/* --- reading ------------------------------------------------------------------------------------------ */

void seen_close(struct seen *seen)
{
    for (size_t i = 0; i < seen->count; i++) {
        free(seen->items[i].key);
        free(seen->items[i].value);
    }
    free(seen->items);
    *seen = (struct seen){0};
}

static void add_record(struct seen *seen, const struct batch_info *info, const struct record *rec,
                       int64_t segment_base)
{
    if (seen->count == seen->cap) {
        seen->cap = seen->cap ? 2 * seen->cap : 64;
        seen->items = mem_resize(seen->items, seen->cap * sizeof *seen->items);
    }
    seen->items[seen->count++] = (struct seen_record){
        .offset = rec->offset,
        .timestamp_ms = rec->timestamp,
        .key = rec->key_size < 0 ? NULL : view_to_cstr(rec->key),
        .value = rec->value_size < 0 ? NULL : view_to_cstr(rec->value),
        .batch_last = info->last_offset,
        .horizon_ms = info->has_delete_horizon ? info->base_timestamp : -1,
        .segment_base = segment_base,
        .producer_id = info->producer_id,
        .magic = info->magic,
        .control = info->control,
        .transactional = info->transactional,
    };
}

/* As a consumer does it: `aborted` is what the broker says of this slice. */
static bool is_aborted(const struct aborted_list *aborted, const struct batch_info *info)
{
    for (size_t i = 0; i < aborted->count; i++)
        if (info->transactional && aborted->items[i].producer_id == info->producer_id &&
            aborted->items[i].first_offset <= info->last_offset &&
            info->last_offset < aborted->items[i].last_offset)
            return true;
    return false;
}

static void read_batch(struct seen *out, struct view entry, const struct batch_info *info,
                       int64_t segment_base)
{
    ck_assert_int_eq(batch_check_crc(entry), ERR_NONE);
    struct record_iter it;
    struct record rec;
    record_iter_open(&it, entry, RECORD_VIEW, NULL, NULL);
    while (record_iter_next(&it, &rec)) {
        ck_assert_int_le(rec.offset, info->last_offset);
        add_record(out, info, &rec, segment_base);
    }
    ck_assert_int_eq(record_iter_close(&it), ERR_NONE);
    out->batches++;
}

void compact_rig_read(struct compact_rig *rig, bool read_committed, struct seen *out)
{
    struct rig *log_rig = &rig->rig;
    struct log_slice slice = {0};
    struct buf bytes = {0};
    int64_t at = log_start_offset(log_rig->log);
    const int64_t end = log_end(log_rig->log).offset;
    while (at < end) {
        const struct log_read_args args = {.offset = at,
                                           .max_bytes = 700,
                                           .bound = LOG_BOUND_END,
                                           .min_one = true,
                                           .want_aborted = read_committed};
        enum err err = log_read(log_rig->log, &args, &slice, &log_rig->why);
        ck_assert_msg(err == ERR_NONE, "read %lld: %s", (long long)at, log_rig->why.text);
        if (slice.len == 0)
            break;
        rig_read_slice(log_rig, &slice, &bytes);
        struct view rest = buf_view(&bytes), entry;
        struct batch_info info;
        while (batch_next(&rest, &info, &entry) == ERR_NONE) {
            ck_assert_int_ge(info.last_offset, at);
            at = info.last_offset + 1;
            if (!read_committed || (!info.control && !is_aborted(&slice.aborted, &info)))
                read_batch(out, entry, &info, slice.start.segment_base);
        }
    }
    buf_close(&bytes);
    log_slice_close(&slice);
}

char *compact_rig_text(struct compact_rig *rig, bool read_committed)
{
    struct seen seen = {0};
    compact_rig_read(rig, read_committed, &seen);
    struct buf text = {0};
    for (size_t i = 0; i < seen.count; i++) {
        const struct seen_record *r = &seen.items[i];
        if (r->control)
            buf_printf(&text, "%s%" PRId64 ":marker", text.len ? " " : "", r->offset);
        else
            buf_printf(&text, "%s%" PRId64 ":%s%s%s", text.len ? " " : "", r->offset, r->key ? r->key : "",
                       r->value ? "=" : "", r->value ? r->value : "");
    }
    seen_close(&seen);
    char *out = mem_strdup(text.len ? buf_cstr(&text) : "");
    buf_close(&text);
    return out;
}
