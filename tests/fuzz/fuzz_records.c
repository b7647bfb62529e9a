/*
 * Foreign record sets: analyze, prepare, assign, iterate, look up, convert. The first byte chooses the
 * rules; one of its bits renews the CRCs, or nothing would get beyond them.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "wire/record_builder.h"
#include "wire/record_convert.h"
#include "wire/record_lookup.h"
#include "wire/record_validate.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

#define NOW 1700000000000

enum { SEAL = 0x80, LOG_APPEND = 0x40, COMPACTED = 0x20, COORDINATOR = 0x10, RANGE = 0x08 };

static void seal_all(uint8_t *records, size_t len)
{
    struct view rest = view_of(records, len);
    struct batch_info info;
    for (uint8_t *at = records; !batch_next(&rest, &info, NULL); at += info.size_bytes)
        batch_seal_crc(at);
}

static int32_t iterate(struct view entry, struct codec_ctx *ctx, enum record_iter_mode mode, enum err *err)
{
    struct record_iter_limits limits = {1 << 20, 1 << 24};
    struct record_iter it;
    struct record rec;
    int32_t count = 0;
    record_iter_open(&it, entry, mode, &limits, ctx);
    while (record_iter_next(&it, &rec)) {
        struct record_header header;
        while (mode == RECORD_VIEW && record_header_next(&rec.headers, &header))
            ASSERT(header.key.ptr);
        count++;
    }
    *err = record_iter_close(&it);
    return count;
}

/* What was accepted must be sound. */
static void check_stored(const struct append_plan *plan, bool timestamps_hold, struct codec_ctx *ctx)
{
    const struct append_info *info = &plan->info;
    enum err err;
    ASSERT(!batch_check_crc(info->bytes));
    ASSERT(info->bytes.len == (size_t)info->batch.size_bytes && info->batch.magic == 2);
    ASSERT(info->batch.base_offset == 1000 && info->batch.leader_epoch == 5);
    int32_t count = iterate(info->bytes, ctx, RECORD_SKIM, &err);
    ASSERT(!err && count == info->record_count);
    ASSERT(info->last_offset == 1000 + count - 1);
    struct record_place place;
    if (info->max_timestamp != NO_TIMESTAMP && timestamps_hold)
        ASSERT(!batch_find_max_timestamp(info->bytes, ctx, &place) && place.timestamp == info->max_timestamp);
}

static void append(uint8_t flags, uint8_t *records, size_t len, struct codec_ctx *ctx)
{
    struct append_rules rules = APPEND_RULES_DEFAULT;
    struct records_summary summary;
    struct append_plan plan = {0};
    rules.origin = flags & COORDINATOR ? APPEND_COORDINATOR : APPEND_CLIENT;
    rules.log_append_time = flags & LOG_APPEND;
    rules.compacted = flags & COMPACTED;
    rules.target_codec = (flags & 7) % (CODEC_COUNT + 1) - 1;
    rules.inline_bytes_max = 1 << 24;
    if (flags & RANGE)
        rules.timestamp_before_max_ms = rules.timestamp_after_max_ms = 1000;
    if (records_analyze(view_of(records, len), &rules, &summary, NULL) || summary.entry_count == 0)
        return;
    records_work_us(&summary, &rules);
    enum err err = records_prepare(&plan, records, &summary, &rules, NOW, ctx, NULL);
    for (int32_t i = 0; i < plan.error_count; i++) {
        struct buf text = {0};
        record_error_text(&plan.errors[i], &plan, &rules, &text);
        buf_close(&text);
    }
    if (!err) {
        records_assign(&plan, 1000, 5);
        /* A producer's LogAppendTime bit hides timestamps that show when the topic's type takes it away. */
        if (!(flags & COORDINATOR))
            check_stored(&plan, !summary.first.log_append_time, ctx);
    }
    append_plan_close(&plan);
}

static void read_entries(struct view set, struct codec_ctx *ctx)
{
    struct batch_info info;
    struct view entry;
    while (!batch_next(&set, &info, &entry)) {
        enum err viewed, skimmed;
        struct record_place place;
        struct control_marker marker;
        int32_t a = iterate(entry, ctx, RECORD_VIEW, &viewed);
        int32_t b = iterate(entry, ctx, RECORD_SKIM, &skimmed);
        ASSERT(a == b || viewed);
        enum err found = batch_find_timestamp(entry, NOW, 0, ctx, &place);
        ASSERT(found || place.timestamp >= NOW);
        if (info.control && !control_batch_parse(entry, &marker))
            ASSERT(marker.type == CONTROL_OTHER || marker.type == (enum control_type)marker.raw_type);
        if (info.magic == 2) {
            struct buf empty = {0};
            record_empty_batch_build(&info, &empty);
            ASSERT(!batch_check_crc(buf_view(&empty)));
            buf_close(&empty);
        }
    }
}

static void convert(struct view set, int8_t magic, struct codec_ctx *ctx)
{
    struct buf out = {0};
    if (!records_down_convert(set, magic, 3, SIZE_MAX, ctx, &out, NULL, NULL))
        ASSERT(!records_need_conversion(buf_view(&out), magic));
    buf_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t len = size - 1;
    uint8_t *records = mem_alloc(len ? len : 1);
    memcpy(records, data + 1, len);
    struct codec_ctx *ctx = codec_ctx_new();
    if (data[0] & SEAL)
        seal_all(records, len);
    struct view set = view_of(records, len);
    read_entries(set, ctx);
    convert(set, 0, ctx);
    convert(set, 1, ctx);
    append(data[0], records, len, ctx);
    codec_ctx_free(ctx);
    free(records);
    return 0;
}

/* Every magic and codec, with and without a producer; then two markers. */
static bool make_seed(size_t index, struct buf *out)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    struct record_builder b;
    struct buf headers = {0};
    if (index >= 4 * CODEC_COUNT)
        return false;
    spec.magic = (int8_t)(index / CODEC_COUNT < 2 ? 2 : index / CODEC_COUNT - 2);
    spec.codec = (enum codec)(index % CODEC_COUNT);
    if (spec.magic < 2 && spec.codec == CODEC_ZSTD)
        spec.codec = CODEC_NONE;
    if (index < CODEC_COUNT) {
        spec.producer_id = 9;
        spec.producer_epoch = 1;
        spec.base_sequence = INT32_MAX - 1;
        spec.transactional = true;
    }
    record_headers_put(&headers, VIEW_LIT("h"), VIEW_LIT("x"));
    record_headers_put(&headers, VIEW_LIT(""), VIEW_NULL);
    buf_put_i8(out, (int8_t)SEAL);
    record_builder_open(&b, &spec, NULL, out);
    for (int i = 0; i < 4; i++) {
        struct record rec = {.offset = i, .timestamp = NOW + i % 2, .value = VIEW_LIT("some value")};
        rec.key = i == 1 ? VIEW_NULL : VIEW_LIT("key");
        if (i == 2 && spec.magic == 2) {
            rec.headers = buf_view(&headers);
            rec.header_count = 2;
        }
        record_builder_append(&b, &rec);
    }
    ASSERT(!record_builder_finish(&b, NULL));
    struct control_batch marker = {CONTROL_ABORT, 4, 0, NOW, 9, 1, 2};
    if (index == CODEC_NONE)
        control_batch_build(&marker, out);
    buf_close(&headers);
    return true;
}

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf seed = {0};
    for (size_t i = 0; make_seed(i, &seed); i++) {
        add(seeds, buf_view(&seed));
        buf_clear(&seed);
    }
    buf_close(&seed);
}
