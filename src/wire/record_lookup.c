#include "wire/record_lookup.h"

#include "wire/record_batch.h"
#include "wire/record_iter.h"

enum err batch_find_timestamp(struct view entry, int64_t timestamp, int64_t min_offset, struct codec_ctx *ctx,
                              struct record_place *out)
{
    struct record_iter it;
    struct record rec;
    enum err found = ERR_NOT_FOUND;
    record_iter_open(&it, entry, RECORD_SKIM, NULL, ctx);
    while (found && record_iter_next(&it, &rec)) {
        if (rec.timestamp >= timestamp && rec.offset >= min_offset) {
            *out = (struct record_place){rec.offset, rec.timestamp};
            found = ERR_NONE;
        }
    }
    enum err err = record_iter_close(&it);
    return err ? err : found;
}

enum err batch_find_max_timestamp(struct view entry, struct codec_ctx *ctx, struct record_place *out)
{
    struct batch_info info;
    enum err err = batch_peek(entry, &info);
    if (err)
        return err == ERR_WOULD_BLOCK ? ERR_CORRUPT_MESSAGE : err;
    if (info.magic == 0)
        return ERR_NOT_FOUND;

    struct record_iter it;
    struct record rec;
    enum err found = ERR_NOT_FOUND;
    record_iter_open(&it, entry, RECORD_SKIM, NULL, ctx);
    while (found && record_iter_next(&it, &rec)) {
        if (rec.timestamp == info.max_timestamp) {
            *out = (struct record_place){rec.offset, rec.timestamp};
            found = ERR_NONE;
        }
    }
    err = record_iter_close(&it);
    return err ? err : found;
}
