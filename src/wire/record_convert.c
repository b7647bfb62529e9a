#include "wire/record_convert.h"

#include "wire/record_batch.h"
#include "wire/record_builder.h"
#include "wire/record_iter.h"

/* What an incomplete entry claims to be: more than any client asks for. */
#define INCOMPLETE_ENTRY_SIZE INT32_MAX

struct conversion {
    int8_t to_magic;
    int64_t fetch_offset;
    struct codec_ctx *ctx;
    struct buf *out;
    struct convert_stats stats;
};

bool records_need_conversion(struct view slice, int8_t to_magic)
{
    struct batch_info info;
    while (!batch_next(&slice, &info, NULL)) {
        if (info.magic > to_magic)
            return true;
    }
    return false;
}

static enum err convert_entry(struct conversion *conv, const struct batch_info *info, struct view entry)
{
    struct record_builder_spec spec = {
        .magic = conv->to_magic,
        .codec = (enum codec)info->codec,
        .level = CODEC_LEVEL_DEFAULT,
        .log_append_time = info->log_append_time,
        .log_append_ms = info->max_timestamp,
        .delete_horizon_ms = NO_TIMESTAMP,
    };
    struct record_builder builder;
    struct record_iter it;
    struct record rec;
    bool open = false;
    record_iter_open(&it, entry, RECORD_VIEW, NULL, conv->ctx);
    while (record_iter_next(&it, &rec)) {
        /* Old clients cannot skip inside a compressed set, so that one stays whole. */
        if (info->codec == CODEC_NONE && rec.offset < conv->fetch_offset)
            continue;
        if (!open && rec.offset >= 0) {
            spec.base_offset = rec.offset;
            record_builder_open(&builder, &spec, conv->ctx, conv->out);
            open = true;
        }
        if (!open || rec.offset <= builder.last_offset || rec.offset - spec.base_offset > INT32_MAX) {
            it.err = ERR_INVALID_RECORD;
            break;
        }
        record_builder_append(&builder, &rec);
    }
    enum err err = record_iter_close(&it);
    if (!open)
        return err;
    struct record_built built;
    if (err) {
        record_builder_abort(&builder);
        return err;
    }
    err = record_builder_finish(&builder, &built);
    if (err)
        return err;
    conv->stats.converted_count += built.record_count;
    conv->stats.temporary_bytes += (uint64_t)info->size_bytes + built.uncompressed_bytes;
    return ERR_NONE;
}

static enum err add_entry(struct conversion *conv, const struct batch_info *info, struct view entry,
                          struct errmsg *why)
{
    if (info->magic <= conv->to_magic) {
        buf_put_view(conv->out, entry);
        conv->stats.temporary_bytes += entry.len;
        return ERR_NONE;
    }
    if (info->control)
        return ERR_NONE;
    if (info->codec == CODEC_ZSTD) {
        errmsg_set(why, "batch at offset %lld is compressed with zstd, which magic %d does not know",
                   (long long)info->base_offset, conv->to_magic);
        return ERR_UNSUPPORTED_COMPRESSION_TYPE;
    }
    enum err err = convert_entry(conv, info, entry);
    if (err)
        errmsg_set(why, "batch at offset %lld cannot be converted to magic %d: %s",
                   (long long)info->base_offset, conv->to_magic, err_name(err));
    return err;
}

static void put_incomplete_entry(struct buf *out, int64_t offset)
{
    buf_put_i64(out, offset);
    buf_put_i32(out, INCOMPLETE_ENTRY_SIZE);
}

enum err records_down_convert(struct view slice, int8_t to_magic, int64_t fetch_offset, size_t limit_bytes,
                              struct codec_ctx *ctx, struct buf *out, struct convert_stats *stats,
                              struct errmsg *why)
{
    struct codec_ctx *own = NULL;
    if (!ctx)
        ctx = own = codec_ctx_borrow();
    struct conversion conv = {.to_magic = to_magic, .fetch_offset = fetch_offset, .ctx = ctx, .out = out};
    size_t start = out->len;
    struct view entry;
    struct batch_info info;
    bool any = false;
    enum err err = ERR_NONE;
    while (!err && (out->len == start || out->len - start < limit_bytes)) {
        err = batch_next(&slice, &info, &entry);
        if (err)
            break;
        any = true;
        err = add_entry(&conv, &info, entry, why);
    }
    codec_ctx_return(own);
    if (err && err != ERR_WOULD_BLOCK) {
        out->len = start;
        return err;
    }
    if (any && out->len == start)
        put_incomplete_entry(out, fetch_offset);
    if (stats)
        *stats = conv.stats;
    return ERR_NONE;
}
