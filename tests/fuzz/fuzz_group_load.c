/*
 * __consumer_offsets as whatever bytes lie on the disk: loaded, served from, aged and given up. What was
 * loaded must be listed, described and fetched, twice the same.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "core/group/coordinator.h"
#include "core/group/loader.h"
#include "core/group/records.h"
#include "wire/record_builder.h"

#define NOON_MS 1700000000000
#define YEAR_MS ((int64_t)365 * 24 * 3600 * 1000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static void acknowledge(struct group_coordinator *c, const struct group_time *now, struct group_effects *out)
{
    for (int32_t i = 0; i < out->count; i++) {
        struct group_effect effect = out->items[i];
        if (effect.kind == GROUP_EFFECT_APPEND && effect.append.ticket)
            group_appended(c, effect.append.ticket, ERR_NONE, 1000000 + i, now, out);
    }
    group_effects_reset(out);
}

/* A stranger joins each group, and somebody asks for all that is to be known of it. */
static void use_group(struct group_coordinator *c, struct view id, const struct group_time *now,
                      struct group_effects *out)
{
    struct arena arena = {0};
    struct wire_describe_groups_response_described_group described;
    group_describe(c, id, &arena, &described);
    ASSERT(described.error_code == ERR_NONE && !view_equal_str(described.group_state, "Dead"));
    struct group_fetched_topic *fetched;
    int32_t count;
    ASSERT(group_fetch_offsets(c, id, NULL, -1, true, &arena, SIZE_MAX, &fetched, &count) == ERR_NONE);
    struct wire_join_group_request_join_group_request_protocol protocol = {VIEW_LIT("range"), VIEW_LIT("")};
    struct wire_join_group_request request;
    wire_init(&wire_join_group_request_desc, &request);
    request.group_id = id;
    request.session_timeout_ms = 10000;
    request.rebalance_timeout_ms = 10000;
    request.protocol_type = VIEW_LIT("consumer");
    request.protocols = &protocol;
    request.protocols_count = 1;
    struct group_client client = {VIEW_LIT("c"), VIEW_LIT("/h")};
    if (id.len)
        group_join(c, &request, 3, &client, 1, now, out);
    group_txn_ended(c, 7, true, INT64_MAX);
    acknowledge(c, now, out);
    arena_close(&arena);
}

static int32_t list(const struct group_coordinator *c, struct arena *arena,
                    struct wire_list_groups_response *answer)
{
    struct wire_list_groups_request all = {0};
    wire_init(&wire_list_groups_response_desc, answer);
    group_list(c, &all, arena, answer);
    return answer->groups_count;
}

static void serve(struct group_loader *loader)
{
    struct group_config config = GROUP_CONFIG_DEFAULT;
    struct group_time now = {0, NOON_MS};
    struct group_effects out = {0};
    struct arena arena = {0};
    struct wire_list_groups_response listed;
    struct group_coordinator *c = group_coordinator_new(&config);
    group_loader_finish(loader, NOON_MS);
    group_coordinator_loaded(c, loader, &now, &out);
    acknowledge(c, &now, &out);
    int32_t count = list(c, &arena, &listed);
    for (int32_t i = 0; i < count; i++)
        use_group(c, listed.groups[i].group_id, &now, &out);
    for (int i = 0; i < 20; i++) {
        now.mono_ms += 700000;
        now.wall_ms += i == 10 ? YEAR_MS : 700000;
        group_tick(c, &now, &out);
        acknowledge(c, &now, &out);
    }
    for (int32_t i = 0; i < list(c, &arena, &listed); i++)
        group_delete(c, listed.groups[i].group_id, &now, &out);
    group_coordinator_resign(c, &now, &out);
    ASSERT(group_coordinator_deadline(c) == INT64_MAX);
    group_coordinator_free(c);
    group_effects_close(&out);
    arena_close(&arena);
}

static void load(struct view log)
{
    struct group_load_counts once, twice;
    struct group_loader *loader = group_loader_new(0);
    ASSERT(group_loader_add(loader, log) <= log.len);
    group_loader_counts(loader, &once);
    serve(loader);
    group_loader_free(loader);
    loader = group_loader_new(0);
    group_loader_add(loader, log);
    group_loader_counts(loader, &twice);
    ASSERT(memcmp(&once, &twice, sizeof once) == 0);
    group_loader_free(loader);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    log_set_level(LOG_LEVEL_ERROR);
    log_set_fd(-1);
    load(view_of(data, size));
    /* Once more with the CRCs mended, so that what they guard is tried, too. */
    uint8_t *mended = mem_dup(data, size + !size);
    struct view rest = view_of(mended, size), entry;
    struct batch_info info;
    while (batch_next(&rest, &info, &entry) == ERR_NONE)
        batch_seal_crc(mended + (entry.ptr - mended));
    load(view_of(mended, size));
    free(mended);
    return 0;
}

/* --- seeds
 * ---------------------------------------------------------------------------------------------------- */

static void put_group(struct record_builder *b)
{
    struct wire_group_metadata_value_member_metadata members[] = {
        {VIEW_LIT("m1"), VIEW_LIT("i"), VIEW_LIT("c"), VIEW_LIT("/h"), 6000, 6000,
         VIEW_LIT("\0\0\0\0\0\1\0\1t\xff\xff\xff\xff"), VIEW_LIT("a")},
        {VIEW_LIT("m2"), VIEW_NULL, VIEW_LIT("c"), VIEW_LIT("/h"), 6000, 6000,
         VIEW_LIT("\0\0\0\0\0\1\0\1u\xff\xff\xff\xff"), VIEW_LIT("b")},
    };
    struct wire_group_metadata_value value = {
        VIEW_LIT("consumer"), 3, VIEW_LIT("range"), VIEW_LIT("m1"), NOON_MS, members, 2};
    struct buf key_bytes = {0}, value_bytes = {0};
    group_key_put_group(&key_bytes, VIEW_LIT("g"));
    group_value_put(&value_bytes, &value, GROUP_VALUE_VERSION);
    record_builder_put(b, NOON_MS, buf_view(&key_bytes), buf_view(&value_bytes));
    buf_close(&key_bytes);
    buf_close(&value_bytes);
}

static void put_offset(struct record_builder *b, const char *group, const char *topic, int32_t partition,
                       int64_t offset)
{
    struct offset_value value = {offset, 1, NOON_MS, offset == 3 ? NOON_MS + 5 : -1, VIEW_LIT("note")};
    struct buf key_bytes = {0}, value_bytes = {0};
    group_key_put_offset(&key_bytes, view_str(group), view_str(topic), partition);
    offset_value_put(&value_bytes, &value, OFFSET_VALUE_VERSION);
    record_builder_put(b, NOON_MS, buf_view(&key_bytes), offset < 0 ? VIEW_NULL : buf_view(&value_bytes));
    buf_close(&key_bytes);
    buf_close(&value_bytes);
}

static void put_batch(struct buf *log, int64_t base_offset, bool transactional, enum codec codec)
{
    struct record_builder_spec spec = RECORD_BUILDER_V2;
    spec.base_offset = base_offset;
    spec.codec = codec;
    if (transactional) {
        spec.producer_id = 7;
        spec.producer_epoch = 0;
        spec.base_sequence = 0;
        spec.transactional = true;
    }
    struct record_builder b;
    record_builder_open(&b, &spec, NULL, log);
    if (!transactional)
        put_group(&b);
    put_offset(&b, "g", "t", 0, base_offset);
    put_offset(&b, "g", "t", 16, 3);
    put_offset(&b, "simple", "u", 1, 4);
    put_offset(&b, "g", "t", 16, -1);
    enum err err = record_builder_finish(&b, NULL);
    ASSERT(err == ERR_NONE);
}

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf log = {0};
    struct control_batch marker = {.type = CONTROL_COMMIT, .base_offset = 20, .producer_id = 7};
    put_batch(&log, 0, false, CODEC_NONE);
    put_batch(&log, 10, true, CODEC_NONE);
    control_batch_build(&marker, &log);
    put_batch(&log, 30, true, CODEC_NONE);
    marker.type = CONTROL_ABORT;
    marker.base_offset = 40;
    control_batch_build(&marker, &log);
    put_batch(&log, 50, true, CODEC_NONE); /* stays open */
    add(seeds, buf_view(&log));
    buf_clear(&log);
    put_batch(&log, 0, false, CODEC_LZ4);
    add(seeds, buf_view(&log));
    buf_close(&log);
}
