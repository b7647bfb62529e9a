/*
 * The deep half of validation: every record is seen.
 *
 *   in place   magic 2 whose codec is the target's. Skimmed; the head is stamped.
 *   rebuild    anything else: decoded and written to a new v2 batch in the same pass.
 *
 * Record offsets of a v2 batch must count from its base offset without gaps. Kafka stores an
 * uncompressed batch whose do not, and fails on a compressed one; no client sends either.
 *
 * Nothing of the caller's bytes is patched before all of it was found right.
 */
#include "wire/record_validate.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/record_builder.h"
#include "wire/record_iter.h"
#include "wire/record_layout.h"
#include "wire/record_skim.h"

/* Largest record that a rebuild holds in memory: generous beside max.message.bytes, for it was compressed. */
#define REBUILD_RECORD_BYTES_MIN ((size_t)16 * 1024 * 1024)
#define REBUILD_RECORD_FACTOR    64
#define EXPANDED_BYTES_MAX       ((uint64_t)INT32_MAX)

struct pass {
    struct append_plan *plan;
    const struct append_rules *rules;
    const struct records_summary *summary;
    struct codec_ctx *ctx;
    struct errmsg *why;
    struct record_builder *builder; /* NULL when in place */
    int64_t max_timestamp;
    int32_t record_count;
};

static const char *where(const struct append_rules *rules)
{
    return rules->topic_partition ? rules->topic_partition : "the partition";
}

static int target_codec(const struct records_summary *summary, const struct append_rules *rules)
{
    return rules->target_codec == CODEC_PRODUCER ? summary->codec : rules->target_codec;
}

/* --- record errors ----------------------------------------------------------------------------- */

static void add_error(struct append_plan *plan, int32_t index, enum record_error_kind kind,
                      const struct record *rec)
{
    plan->error_total++;
    if (plan->error_count == RECORD_ERRORS_KEPT_MAX)
        return;
    /* Room doubles at powers of two. */
    if ((plan->error_count & (plan->error_count - 1)) == 0) {
        size_t cap = plan->error_count ? (size_t)plan->error_count * 2 : 1;
        plan->errors = mem_resize(plan->errors, cap * sizeof *plan->errors);
    }
    plan->errors[plan->error_count++] = (struct record_error){index, kind, rec->offset, rec->timestamp};
}

static enum err record_errors_verdict(const struct append_plan *plan, const struct append_rules *rules,
                                      struct errmsg *why)
{
    if (plan->error_total == 0)
        return ERR_NONE;
    for (int32_t i = 0; i < plan->error_count; i++) {
        enum record_error_kind kind = plan->errors[i].kind;
        if (kind == RECORD_ERROR_TIMESTAMP || kind == RECORD_ERROR_TIMESTAMP_TYPE) {
            errmsg_set(why, "%s: the timestamps of one or more records are not allowed", where(rules));
            return ERR_INVALID_TIMESTAMP;
        }
    }
    errmsg_set(why, "%s: %d records were rejected, the first at index %d", where(rules), plan->error_total,
               plan->errors[0].index);
    return ERR_INVALID_RECORD;
}

static int64_t sub64(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a - (uint64_t)b);
}

void record_error_text(const struct record_error *error, const struct append_plan *plan,
                       const struct append_rules *rules, struct buf *out)
{
    switch (error->kind) {
    case RECORD_ERROR_NO_KEY:
        buf_printf(out, "Records of the compacted topic partition %s must have a key.", where(rules));
        return;
    case RECORD_ERROR_TIMESTAMP:
        buf_printf(out,
                   "Timestamp %lld of the record at offset %lld is not in the allowed range [%lld, %lld].",
                   (long long)error->timestamp, (long long)error->offset,
                   (long long)sub64(plan->now_ms, rules->timestamp_before_max_ms),
                   (long long)((uint64_t)plan->now_ms + (uint64_t)rules->timestamp_after_max_ms));
        return;
    case RECORD_ERROR_TIMESTAMP_TYPE:
        buf_printf(
            out, "The record at offset %lld has timestamp type LogAppendTime, which producers must not set.",
            (long long)error->offset);
        return;
    case RECORD_ERROR_MAGIC:
        buf_printf(out, "The record at offset %lld in %s has another magic than its batch.",
                   (long long)error->offset, where(rules));
        return;
    }
    UNREACHABLE();
}

/* --- checks ------------------------------------------------------------------------------------ */

static enum err invalid(struct errmsg *why, const struct append_rules *rules, const char *what,
                        int64_t number)
{
    errmsg_set(why, "%s: %s (%lld)", where(rules), what, (long long)number);
    return ERR_INVALID_RECORD;
}

static enum err check_batch(const struct batch_info *first, const struct batch_info *info,
                            const struct append_rules *rules, struct errmsg *why)
{
    if (info->magic != first->magic)
        return invalid(why, rules, "an entry has another magic than the first one", info->magic);
    if (rules->origin != APPEND_CLIENT)
        return ERR_NONE;
    if (info->magic == 2) {
        int64_t span = sub64(info->last_offset, info->base_offset) + 1;
        if (span <= 0)
            return invalid(why, rules, "a batch ends before it begins", span);
        if (info->record_count <= 0)
            return invalid(why, rules, "a batch declares an impossible number of records",
                           info->record_count);
        if (span != info->record_count)
            return invalid(why, rules, "a batch's offsets do not fit its number of records", span);
    }
    if (info->control)
        return invalid(why, rules, "clients may not write control batches, of producer", info->producer_id);
    if (info->producer_id > NO_PRODUCER_ID && info->base_sequence < 0)
        return invalid(why, rules, "a batch with a producer id needs a sequence number", info->base_sequence);
    return ERR_NONE;
}

static bool timestamp_is_out_of_range(int64_t timestamp, int64_t now_ms, const struct append_rules *rules)
{
    int64_t age = sub64(now_ms, timestamp);
    return age > rules->timestamp_before_max_ms || sub64(0, age) > rules->timestamp_after_max_ms;
}

/* The rules for one record; false when it is rejected. */
static inline bool check_record(struct pass *pass, const struct batch_info *info, const struct record *rec,
                                int32_t index)
{
    const struct append_rules *rules = pass->rules;
    if (rec->magic != info->magic) {
        add_error(pass->plan, index, RECORD_ERROR_MAGIC, rec);
        return false;
    }
    if (rules->compacted && rec->key_size < 0) {
        add_error(pass->plan, index, RECORD_ERROR_NO_KEY, rec);
        return false;
    }
    if (!rules->log_append_time && rec->timestamp != NO_TIMESTAMP) {
        if (timestamp_is_out_of_range(rec->timestamp, pass->plan->now_ms, rules)) {
            add_error(pass->plan, index, RECORD_ERROR_TIMESTAMP, rec);
            return false;
        }
    } else if (info->log_append_time) {
        add_error(pass->plan, index, RECORD_ERROR_TIMESTAMP_TYPE, rec);
        return false;
    }
    return true;
}

/* --- the passes -------------------------------------------------------------------------------- */

static struct record_iter_limits pass_limits(const struct pass *pass)
{
    const struct append_rules *rules = pass->rules;
    struct record_iter_limits limits = {REBUILD_RECORD_BYTES_MIN, EXPANDED_BYTES_MAX};
    size_t scaled = (size_t)rules->max_message_bytes * REBUILD_RECORD_FACTOR;
    if (scaled > limits.max_record_bytes)
        limits.max_record_bytes = scaled;
    if (rules->inline_bytes_max > 0 && rules->inline_bytes_max < limits.max_total_bytes)
        limits.max_total_bytes = rules->inline_bytes_max;
    return limits;
}

static enum err iter_error(const struct pass *pass, const struct record_iter *it)
{
    bool too_long = it->expanded_bytes > it->limits.max_total_bytes;
    if (too_long && it->limits.max_total_bytes < EXPANDED_BYTES_MAX)
        return ERR_WOULD_BLOCK;
    if (it->err == ERR_MALFORMED)
        errmsg_set(pass->why, "%s: the %s data of a record batch cannot be decompressed", where(pass->rules),
                   codec_name(it->info.codec));
    else if (it->err == ERR_CORRUPT_MESSAGE)
        errmsg_set(pass->why, "%s: a message in a compressed set is corrupt, at index %d", where(pass->rules),
                   it->index);
    else
        errmsg_set(pass->why, "%s: the structure of a record is wrong, at index %d of %d", where(pass->rules),
                   it->index, it->info.record_count);
    return it->err;
}

/* Are all timestamps from `least` to `most` allowed, without an overflow or a record that has none? */
static bool timestamps_are_fine(const struct pass *pass, int64_t least, int64_t most)
{
    const struct append_rules *rules = pass->rules;
    int64_t now_ms = pass->plan->now_ms;
    if (least < 0)
        return false;
    return rules->log_append_time || (!timestamp_is_out_of_range(least, now_ms, rules) &&
                                      !timestamp_is_out_of_range(most, now_ms, rules));
}

/*
 * The everyday batch, at a third of the time: uncompressed, stays as it is, breaks no rule. False when
 * anything is out of the ordinary; nothing has changed then.
 */
static bool run_everyday_entry(struct pass *pass, const struct batch_info *info, struct view entry)
{
    struct record_skim skim;
    if (pass->builder || info->magic != 2 || info->codec != CODEC_NONE || info->log_append_time ||
        info->record_count <= 0)
        return false;
    struct view body = view_of(entry.ptr + BATCH_V2_HEADER_SIZE, entry.len - BATCH_V2_HEADER_SIZE);
    if (!record_skim(body, info->record_count, &skim) || (pass->rules->compacted && skim.has_null_key))
        return false;
    int64_t least, most;
    if (__builtin_add_overflow(info->base_timestamp, skim.min_timestamp_delta, &least) ||
        __builtin_add_overflow(info->base_timestamp, skim.max_timestamp_delta, &most) ||
        !timestamps_are_fine(pass, least, most))
        return false;
    if (most > pass->max_timestamp)
        pass->max_timestamp = most;
    pass->record_count += skim.count;
    return true;
}

/* One entry: checks each record, and appends it to the new batch when one is built. */
static enum err run_entry(struct pass *pass, const struct batch_info *info, struct view entry)
{
    if (run_everyday_entry(pass, info, entry))
        return ERR_NONE;
    struct record_iter_limits limits = pass_limits(pass);
    struct record_iter it;
    struct record rec;
    record_iter_open(&it, entry, pass->builder ? RECORD_VIEW : RECORD_SKIM, &limits, pass->ctx);
    it.check_crc = true;
    int64_t max_timestamp = pass->max_timestamp;
    while (record_iter_next(&it, &rec)) {
        int32_t index = it.index - 1;
        if (rec.magic == 2 && sub64(rec.offset, it.info.base_offset) != index) {
            it.err = ERR_INVALID_RECORD;
            break;
        }
        if (check_record(pass, &it.info, &rec, index) && rec.timestamp > max_timestamp)
            max_timestamp = rec.timestamp;
        /* Nothing will be stored once a record was rejected. */
        if (pass->builder && pass->plan->error_total == 0) {
            rec.offset = pass->builder->count;
            record_builder_append(pass->builder, &rec);
        }
    }
    pass->max_timestamp = max_timestamp;
    pass->record_count += it.index;
    enum err err = it.err ? iter_error(pass, &it) : ERR_NONE;
    enum err closed = record_iter_close(&it);
    ASSERT(!closed == !err);
    return err;
}

static enum err check_entry(struct pass *pass, const struct batch_info *info, struct view entry)
{
    enum err err = check_batch(&pass->summary->first, info, pass->rules, pass->why);
    if (!err)
        err = run_entry(pass, info, entry);
    return err ? err : record_errors_verdict(pass->plan, pass->rules, pass->why);
}

static enum err run_entries(struct pass *pass)
{
    const struct records_summary *summary = pass->summary;
    struct view rest = summary->bytes, entry;
    struct batch_info info;
    enum err err = ERR_NONE;
    if (summary->entry_count == 1) /* its head was read when it was analyzed */
        err = check_entry(pass, &summary->first, summary->bytes);
    else
        while (!err && !batch_next(&rest, &info, &entry))
            err = check_entry(pass, &info, entry);
    if (err)
        return err;
    if (pass->record_count == 0)
        return invalid(pass->why, pass->rules, "there is no record in the batches",
                       pass->summary->entry_count);
    return ERR_NONE;
}

static void start_builder(struct pass *pass, struct record_builder *builder)
{
    const struct batch_info *first = &pass->summary->first;
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.codec = (enum codec)pass->plan->info.target_codec;
    spec.level =
        pass->rules->target_codec == CODEC_PRODUCER ? CODEC_LEVEL_DEFAULT : pass->rules->target_level;
    spec.log_append_time = pass->rules->log_append_time;
    spec.log_append_ms = pass->plan->now_ms;
    spec.producer_id = first->producer_id;
    spec.producer_epoch = first->producer_epoch;
    spec.base_sequence = first->base_sequence;
    spec.transactional = first->transactional;
    spec.control = first->control;
    spec.max_bytes = (size_t)pass->rules->max_message_bytes;
    buf_clear(&pass->plan->built);
    buf_reserve(&pass->plan->built, pass->summary->bytes.len); /* as large as what came, most likely */
    record_builder_open(builder, &spec, pass->ctx, &pass->plan->built);
    pass->builder = builder;
}

static enum err rebuild(struct pass *pass, struct codec_ctx *ctx)
{
    /* Decompressing and compressing at once takes a reader and a writer, which one ctx has. */
    struct codec_ctx *own = NULL;
    if (!ctx)
        ctx = own = codec_ctx_borrow();
    pass->ctx = ctx;
    struct record_builder builder;
    struct record_built built;
    start_builder(pass, &builder);
    enum err err = run_entries(pass);
    if (err)
        record_builder_abort(&builder);
    else if ((err = record_builder_finish(&builder, &built)))
        errmsg_set(
            pass->why, "%s: the batch, written anew with codec %s, is larger than max.message.bytes=%d",
            where(pass->rules), codec_name(pass->plan->info.target_codec), pass->rules->max_message_bytes);
    codec_ctx_return(own);
    if (err)
        return err;
    struct append_plan *plan = pass->plan;
    plan->rebuilt = true;
    plan->entry = plan->built.data;
    plan->converted_count = built.record_count;
    plan->temporary_bytes = built.uncompressed_bytes;
    plan->info.bytes = buf_view(&plan->built);
    plan->info.max_timestamp = built.max_timestamp;
    return ERR_NONE;
}

static void stamp_in_place(struct pass *pass, uint8_t *records)
{
    struct append_plan *plan = pass->plan;
    int64_t max_timestamp = pass->rules->log_append_time ? plan->now_ms : pass->max_timestamp;
    plan->entry = records;
    plan->info.bytes = pass->summary->bytes;
    plan->info.max_timestamp = max_timestamp;
    batch_set_timestamps(records, pass->rules->log_append_time, max_timestamp);
}

/*
 * A leader stores one v2 batch per append. Control batches are never compressed, and stay as they are
 * unless they came compressed.
 */
static bool may_stay(const struct records_summary *summary, int target)
{
    if (summary->first.magic != 2)
        return false;
    return summary->codec == target || (summary->codec == CODEC_NONE && summary->first.control);
}

static enum err check_set(const struct records_summary *summary, int target, const struct append_rules *rules,
                          struct errmsg *why)
{
    bool compressed = summary->codec != CODEC_NONE || target != CODEC_NONE;
    if (compressed && target == CODEC_ZSTD && !rules->zstd_allowed) {
        errmsg_set(why, "%s: zstd needs inter.broker.protocol.version 2.1", where(rules));
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    }
    if (summary->entry_count > 1 && (summary->first.magic == 2 || summary->codec != CODEC_NONE))
        return invalid(why, rules, "a v2 or compressed record set must be one entry", summary->entry_count);
    return ERR_NONE;
}

enum err records_prepare(struct append_plan *plan, uint8_t *records, const struct records_summary *summary,
                         const struct append_rules *rules, int64_t now_ms, struct codec_ctx *ctx,
                         struct errmsg *why)
{
    ASSERT(summary->entry_count > 0 && records == summary->bytes.ptr);
    ASSERT(rules->origin != APPEND_REPLICATION);
    *plan = (struct append_plan){.now_ms = now_ms};
    int target = target_codec(summary, rules);
    plan->info.source_codec = summary->codec;
    plan->info.target_codec = (int8_t)target;
    enum err err = check_set(summary, target, rules, why);
    if (err)
        return err;

    struct pass pass = {.plan = plan,
                        .rules = rules,
                        .summary = summary,
                        .ctx = ctx,
                        .why = why,
                        .max_timestamp = NO_TIMESTAMP};
    if (!may_stay(summary, target)) {
        err = rebuild(&pass, ctx);
    } else {
        err = run_entries(&pass);
        if (!err)
            stamp_in_place(&pass, records);
    }
    if (err)
        return err;
    plan->info.record_count = pass.record_count;
    plan->info.log_append_time = rules->log_append_time ? now_ms : NO_TIMESTAMP;
    return ERR_NONE;
}

void records_assign(struct append_plan *plan, int64_t first_offset, int32_t leader_epoch)
{
    struct append_info *info = &plan->info;
    batch_set_base_offset(plan->entry, first_offset);
    batch_set_leader_epoch(plan->entry, leader_epoch);
    enum err err = batch_peek(info->bytes, &info->batch);
    ASSERT(!err);
    info->first_offset = first_offset;
    info->last_offset = info->batch.last_offset;
    info->offset_of_max_timestamp = info->max_timestamp == NO_TIMESTAMP ? -1 : info->last_offset;
}

void append_plan_close(struct append_plan *plan)
{
    if (!plan->rebuilt && !plan->built.data && !plan->errors)
        return;
    buf_close(&plan->built);
    free(plan->errors);
    *plan = (struct append_plan){0};
}
