#include "storage/compact/filter.h"

#include <inttypes.h>

#include "storage/compact/rewrite.h"

void filter_scratch_close(struct filter_scratch *scratch)
{
    codec_ctx_free(scratch->codecs);
    buf_close(&scratch->inflated);
    buf_close(&scratch->kept);
    scratch->codecs = NULL;
}

struct codec_ctx *filter_codecs(struct filter_scratch *scratch)
{
    if (!scratch->codecs)
        scratch->codecs = codec_ctx_new();
    return scratch->codecs;
}

/* --- where the records are ---------------------------------------------------------------------------- */

enum err filter_body(struct filter_scratch *scratch, const struct batch_info *info, struct view entry,
                     struct view *body, bool *in_memory)
{
    *in_memory = false;
    if (info->magic < 2)
        return ERR_NONE;
    *body = view_of(entry.ptr + BATCH_V2_HEADER_SIZE, entry.len - BATCH_V2_HEADER_SIZE);
    if (info->codec != CODEC_NONE) {
        buf_clear(&scratch->inflated);
        enum err err = decompress_all(filter_codecs(scratch), (enum codec)info->codec, info->magic, *body,
                                      FILTER_INFLATE_MAX, &scratch->inflated);
        if (err)
            return err == ERR_MESSAGE_TOO_LARGE ? ERR_NONE : err == ERR_NO_MEMORY ? err : ERR_CORRUPT_MESSAGE;
        *body = buf_view(&scratch->inflated);
    }
    *in_memory = true;
    return ERR_NONE;
}

void filter_stream_open(struct filter_scratch *scratch, struct record_iter *it, struct view entry)
{
    const struct record_iter_limits limits = {FILTER_RECORD_MAX, INT32_MAX};
    record_iter_open(it, entry, RECORD_VIEW, &limits, filter_codecs(scratch));
}

/* Is it well-formed, only with records that are too large to be held? */
static bool is_only_large(struct filter_scratch *scratch, struct view entry)
{
    const struct record_iter_limits limits = {INT32_MAX, UINT64_MAX};
    struct record_iter it;
    struct record rec;
    record_iter_open(&it, entry, RECORD_SKIM, &limits, filter_codecs(scratch));
    while (record_iter_next(&it, &rec))
        ;
    return record_iter_close(&it) == ERR_NONE;
}

enum err filter_stream_close(struct filter_scratch *scratch, struct record_iter *it, struct view entry,
                             bool *too_large)
{
    const bool may_be_large = it->info.magic == 2 && it->info.codec != CODEC_NONE;
    enum err err = record_iter_close(it);
    *too_large = err == ERR_INVALID_RECORD && may_be_large && is_only_large(scratch, entry);
    if (*too_large || !err)
        return ERR_NONE;
    return err == ERR_NO_MEMORY ? err : ERR_CORRUPT_MESSAGE;
}

/* --- records ------------------------------------------------------------------------------------------ */

struct rules {
    const struct filter *filter;
    bool tombstones_go;
};

static struct rules rules_for(const struct filter *filter, const struct batch_info *info)
{
    if (info->magic < 2)
        return (struct rules){filter, !filter->legacy_tombstones_stay};
    return (struct rules){filter, info->has_delete_horizon && filter->now_ms >= info->base_timestamp};
}

static inline bool stays(const struct rules *rules, int64_t offset, bool has_key, struct hash_wide hash,
                         bool is_tombstone, struct filtered *result)
{
    const struct filter *filter = rules->filter;
    result->records_read++;
    if (offset > filter->latest)
        return true;
    if (!has_key) {
        result->records_invalid++;
        return false;
    }
    return key_map_get(filter->map, hash) <= offset && !(is_tombstone && rules->tombstones_go);
}

static int64_t horizon_after(const struct filter *filter)
{
    return filter->now_ms > INT64_MAX - filter->delete_retention_ms
               ? INT64_MAX
               : filter->now_ms + filter->delete_retention_ms;
}

/* --- one pass over a batch ---------------------------------------------------------------------------- */

/* Takes out what goes of a v2 batch whose records are at `body`; nothing is copied while all stay. */
static enum err cut_records(const struct filter *filter, const struct batch_info *info, struct view body,
                            struct rewrite *rewrite, struct filtered *result)
{
    const struct rules rules = rules_for(filter, info);
    struct record_refs *refs = &filter->scratch->refs;
    struct record_scan scan;
    record_scan_open(&scan, info, body);
    do {
        refs->count = 0;
        enum err err = record_scan_take(&scan, filter->map, refs);
        if (err)
            return err;
        for (int i = 0; i < refs->count; i++) {
            const struct record_ref *ref = &refs->items[i];
            if (stays(&rules, ref->offset, ref->has_key, ref->hash, ref->is_tombstone, result))
                rewrite_keep(rewrite, ref);
            else
                rewrite_drop(rewrite);
        }
    } while (scan.left > 0);
    result->records_kept = rewrite->kept;
    return ERR_NONE;
}

struct streamed {
    int64_t first_kept;
    bool any_gone;
    bool foreign_magic; /* KAFKA-4298: messages of another magic than their wrapper's */
    bool has_tombstone; /* among those that stay */
    bool too_large;
};

/* The same for any batch; what stays is appended to `builder` if there is one. */
static enum err stream_records(const struct filter *filter, const struct batch_info *info, struct view entry,
                               struct record_builder *builder, struct streamed *out, struct filtered *result)
{
    const struct rules rules = rules_for(filter, info);
    struct record_iter it;
    struct record rec;
    int64_t prev = info->magic < 2 ? -1 : info->base_offset - 1;
    bool in_order = true;
    *out = (struct streamed){0};
    result->records_read = result->records_kept = result->records_invalid = 0;
    filter_stream_open(filter->scratch, &it, entry);
    while (in_order && record_iter_next(&it, &rec)) {
        in_order = rec.offset > prev && rec.offset <= info->last_offset;
        prev = rec.offset;
        const bool has_key = rec.key_size >= 0;
        const struct hash_wide hash = has_key ? key_map_hash(filter->map, rec.key) : (struct hash_wide){0, 0};
        if (!stays(&rules, rec.offset, has_key, hash, rec.value_size < 0, result) && !info->control) {
            out->any_gone = true;
            continue;
        }
        if (result->records_kept++ == 0)
            out->first_kept = rec.offset;
        in_order &= rec.offset - out->first_kept <= INT32_MAX;
        out->foreign_magic |= rec.magic != info->magic;
        out->has_tombstone |= rec.value_size < 0;
        if (builder && in_order)
            record_builder_append(builder, &rec);
    }
    enum err err = filter_stream_close(filter->scratch, &it, entry, &out->too_large);
    return in_order ? err : ERR_CORRUPT_MESSAGE;
}

/* --- fates -------------------------------------------------------------------------------------------- */

/* No record is left. */
static void empty(const struct batch_info *info, const struct batch_orders *orders, struct buf *out,
                  struct filtered *result)
{
    result->fate = BATCH_GOES;
    if (!orders->keep_empty || info->magic < 2)
        return;
    if (info->size_bytes == BATCH_V2_HEADER_SIZE && info->record_count == 0) {
        result->fate = BATCH_STAYS;
        return;
    }
    record_empty_batch_build(info, out);
    result->fate = BATCH_REWRITTEN;
}

/* Builds the batch from the records that stay, a pass having found that there are some. */
static enum err build_anew(const struct filter *filter, const struct batch_info *info, struct view entry,
                           int64_t first_kept, bool set_horizon, struct buf *out, struct filtered *result)
{
    int64_t horizon_ms = info->has_delete_horizon ? info->base_timestamp : NO_TIMESTAMP;
    if (set_horizon)
        horizon_ms = horizon_after(filter);
    const struct record_builder_spec spec = rewrite_spec(info, horizon_ms, first_kept);
    struct record_builder builder;
    struct streamed streamed;
    record_builder_open(&builder, &spec, filter_codecs(filter->scratch), out);
    enum err err = stream_records(filter, info, entry, &builder, &streamed, result);
    if (err || streamed.too_large) {
        record_builder_abort(&builder);
        return err ? err : ERR_CORRUPT_MESSAGE;
    }
    if (info->magic >= 2)
        record_builder_set_last_offset(&builder, info->last_offset);
    struct record_built built;
    err = record_builder_finish(&builder, &built);
    if (err == ERR_MESSAGE_TOO_LARGE)
        return ERR_NONE; /* beyond what a batch may be: it stays as it is */
    result->fate = BATCH_REWRITTEN;
    result->max_timestamp = built.max_timestamp;
    return err;
}

static enum err filter_control(const struct filter *filter, const struct batch_info *info, struct view entry,
                               const struct batch_orders *orders, struct buf *out, struct filtered *result)
{
    result->records_read = result->records_kept = info->record_count;
    if (orders->needless_marker && !info->has_delete_horizon)
        return build_anew(filter, info, entry, info->base_offset, true, out, result);
    return ERR_NONE;
}

static enum err filter_in_memory(const struct filter *filter, const struct batch_info *info,
                                 struct view entry, struct view body, const struct batch_orders *orders,
                                 struct buf *out, struct filtered *result)
{
    struct rewrite rewrite;
    rewrite_begin(&rewrite, info, entry, &filter->scratch->kept, out);
    enum err err = cut_records(filter, info, body, &rewrite, result);
    const bool set_horizon = rewrite.has_tombstone && !info->has_delete_horizon;
    if (err || rewrite.kept == 0 || set_horizon)
        rewrite_abort(&rewrite);
    if (err)
        return err;
    if (rewrite.kept == 0) {
        empty(info, orders, out, result);
    } else if (set_horizon) {
        return build_anew(filter, info, entry, 0, true, out, result);
    } else if (rewrite.any_gone) {
        rewrite_finish(&rewrite, filter_codecs(filter->scratch));
        result->fate = BATCH_REWRITTEN;
        result->max_timestamp = rewrite.max_timestamp;
    }
    return ERR_NONE;
}

static enum err filter_streamed(const struct filter *filter, const struct batch_info *info, struct view entry,
                                const struct batch_orders *orders, struct buf *out, struct filtered *result)
{
    struct streamed seen;
    enum err err = stream_records(filter, info, entry, NULL, &seen, result);
    if (err || seen.too_large)
        return err;
    const bool set_horizon = info->magic >= 2 && seen.has_tombstone && !info->has_delete_horizon;
    if (result->records_kept == 0)
        empty(info, orders, out, result);
    else if (seen.any_gone || seen.foreign_magic || set_horizon)
        return build_anew(filter, info, entry, seen.first_kept, set_horizon, out, result);
    return ERR_NONE;
}

static enum err filter_records(const struct filter *filter, const struct batch_info *info, struct view entry,
                               const struct batch_orders *orders, struct buf *out, struct filtered *result)
{
    if (orders->drop_records || (info->magic >= 2 && info->record_count == 0)) {
        empty(info, orders, out, result);
        return ERR_NONE;
    }
    if (info->control)
        return filter_control(filter, info, entry, orders, out, result);
    struct view body;
    bool in_memory;
    enum err err = filter_body(filter->scratch, info, entry, &body, &in_memory);
    if (err)
        return err;
    return in_memory ? filter_in_memory(filter, info, entry, body, orders, out, result)
                     : filter_streamed(filter, info, entry, orders, out, result);
}

enum err filter_batch(const struct filter *filter, const struct batch_info *info, struct view entry,
                      const struct batch_orders *orders, struct buf *out, struct filtered *result,
                      struct errmsg *why)
{
    *result = (struct filtered){.fate = BATCH_STAYS, .max_timestamp = info->max_timestamp};
    const size_t start = out->len;
    enum err err = filter_records(filter, info, entry, orders, out, result);
    const bool checked = info->last_offset >= filter->checked_from && info->last_offset <= filter->latest;
    if (!err && result->fate != BATCH_STAYS && !checked)
        err = batch_check_crc(entry);
    if (err) {
        out->len = start;
        errmsg_set(why, "the batch that ends at offset %" PRId64 " is damaged", info->last_offset);
    }
    return err;
}
