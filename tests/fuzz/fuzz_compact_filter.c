/*
 * Foreign batches before compaction's filter. The first byte says what is to be done with the batch, and
 * whether its CRC is made right, or nothing would get beyond it. What comes out is a batch that holds what it
 * should.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/mem.h"
#include "storage/compact/filter.h"
#include "wire/record_builder.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

#define NOW    1700000000000
#define LATEST 1040

enum { SEAL = 0x80, DROP = 0x40, NEEDLESS = 0x20, KEEP_EMPTY = 0x10, LEGACY_STAY = 0x08, MUCH_LATER = 0x04 };

static struct key_map *map;
static struct filter_scratch scratch;

static void fill_map(void)
{
    static const char *const keys[] = {"a", "b", "c", "d"};
    map = key_map_new(1 << 16, 0.9);
    key_map_begin(map, 1, 1000, 100);
    for (int64_t i = 0; i < 4; i++)
        ASSERT(key_map_put(map, key_map_hash(map, view_str(keys[i])), 1000 + 10 * i));
}

/* Every record is one of the batch that came in, in order. */
static void check_records(struct view entry, struct view out)
{
    struct record_iter before, after;
    struct record was, is;
    filter_stream_open(&scratch, &after, out);
    /* One reader at a time has the scratch's codecs. */
    struct codec_ctx *other = codec_ctx_new();
    const struct record_iter_limits limits = {FILTER_RECORD_MAX, INT32_MAX};
    record_iter_open(&before, entry, RECORD_VIEW, &limits, other);
    while (record_iter_next(&after, &is)) {
        do
            ASSERT(record_iter_next(&before, &was));
        while (was.offset < is.offset);
        ASSERT(was.offset == is.offset && view_equal(was.key, is.key) && view_equal(was.value, is.value));
        ASSERT(was.header_count == is.header_count && view_equal(was.headers, is.headers));
        ASSERT(was.timestamp == is.timestamp || was.magic != is.magic);
    }
    ASSERT(record_iter_close(&after) == ERR_NONE);
    (void)record_iter_close(&before);
    codec_ctx_free(other);
}

static void check_rewritten(const struct batch_info *info, struct view entry, struct view out,
                            const struct filtered *result)
{
    struct view rest = out, batch;
    struct batch_info now;
    ASSERT(batch_next(&rest, &now, &batch) == ERR_NONE && rest.len == 0);
    ASSERT(batch_check_crc(batch) == ERR_NONE);
    ASSERT(now.magic == info->magic && now.last_offset <= info->last_offset);
    if (info->magic < 2) {
        check_records(entry, batch);
        return;
    }
    ASSERT(now.base_offset == info->base_offset && now.last_offset == info->last_offset);
    ASSERT(now.producer_id == info->producer_id && now.producer_epoch == info->producer_epoch);
    ASSERT(now.base_sequence == info->base_sequence && now.leader_epoch == info->leader_epoch);
    ASSERT(now.control == info->control && now.transactional == info->transactional);
    ASSERT(now.record_count == 0 || now.record_count == result->records_kept);
    ASSERT(now.max_timestamp == result->max_timestamp);
    /* A record's headers are copied, not looked at. */
    struct record_iter it;
    struct record rec;
    filter_stream_open(&scratch, &it, entry);
    while (record_iter_next(&it, &rec))
        ;
    if (record_iter_close(&it) == ERR_NONE && now.record_count > 0)
        check_records(entry, batch);
}

static void try_batch(uint8_t how, struct view entry, const struct batch_info *info)
{
    const struct filter filter = {.map = map,
                                  .scratch = &scratch,
                                  .latest = LATEST,
                                  .now_ms = how & MUCH_LATER ? INT64_MAX : NOW,
                                  .delete_retention_ms = 1000,
                                  .checked_from = INT64_MAX,
                                  .legacy_tombstones_stay = how & LEGACY_STAY};
    const struct batch_orders orders = {how & DROP, how & NEEDLESS, how & KEEP_EMPTY};
    struct buf out = {0};
    struct filtered result;
    struct errmsg why = {""};
    enum err err = filter_batch(&filter, info, entry, &orders, &out, &result, &why);
    ASSERT(!err || why.text[0]);
    ASSERT((out.len > 0) == (!err && result.fate == BATCH_REWRITTEN));
    if (!err && result.fate == BATCH_REWRITTEN)
        check_rewritten(info, entry, buf_view(&out), &result);
    buf_close(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    if (!map)
        fill_map();
    uint8_t *bytes = mem_dup(data, size);
    struct view rest = view_of(bytes + 1, size - 1), entry;
    struct batch_info info;
    while (batch_next(&rest, &info, &entry) == ERR_NONE) {
        if (bytes[0] & SEAL)
            batch_seal_crc((uint8_t *)(uintptr_t)entry.ptr);
        const int64_t first = info.magic >= 2 ? info.base_offset : info.last_offset;
        /* The reader of segments lets nothing else through. */
        if (first >= 0 && info.last_offset >= first)
            try_batch(bytes[0], entry, &info);
    }
    free(bytes);
    return 0;
}

static void put_set(struct buf *seed, int8_t magic, enum codec codec, int64_t horizon_ms, bool tombstones)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.magic = magic;
    spec.codec = codec;
    spec.base_offset = 1000;
    spec.delete_horizon_ms = horizon_ms;
    struct record_builder builder;
    record_builder_open(&builder, &spec, NULL, seed);
    static const char *const keys[] = {"a", "b", "x", "c", "d", "a", "y"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        record_builder_put(&builder, NOW + (int64_t)i, view_str(keys[i]),
                           tombstones && i % 2 ? VIEW_NULL : VIEW_LIT("some value"));
    record_builder_put(&builder, NOW, VIEW_NULL, VIEW_LIT("without a key"));
    ASSERT(record_builder_finish(&builder, NULL) == ERR_NONE);
}

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf seed = {0};
    for (int8_t magic = 0; magic <= 2; magic++) {
        for (int codec = 0; codec < CODEC_COUNT; codec++) {
            if (magic < 2 && codec == CODEC_ZSTD)
                continue;
            for (int k = 0; k < 4; k++) {
                buf_clear(&seed);
                buf_put_i8(&seed, (int8_t)(SEAL | (k & 1 ? MUCH_LATER : 0)));
                put_set(&seed, magic, (enum codec)codec, magic == 2 && k == 3 ? NOW : NO_TIMESTAMP, k > 0);
                add(seeds, buf_view(&seed));
            }
        }
    }
    const struct control_batch marker = {.type = CONTROL_ABORT,
                                         .base_offset = 1005,
                                         .timestamp_ms = NOW,
                                         .producer_id = 7,
                                         .coordinator_epoch = 1};
    buf_clear(&seed);
    buf_put_i8(&seed, (int8_t)(SEAL | NEEDLESS));
    control_batch_build(&marker, &seed);
    add(seeds, buf_view(&seed));
    buf_close(&seed);
}
