/*
 * Every small file of a log directory as whatever bytes lie on the disk. The
 * first byte of the input chooses the file. What is taken must be sound, and
 * must read the same after it was written again.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/hash.h"
#include "base/mem.h"
#include "storage/leader_epochs.h"
#include "storage/meta_properties.h"
#include "storage/offset_map.h"
#include "storage/partition_dir.h"
#include "storage/partition_metadata.h"
#include "storage/producer_snapshot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds);

static void try_offsets(struct view text)
{
    struct offset_map map = {0};
    struct offset_map again = {0};
    struct buf out = {0};
    struct errmsg why;
    if (offset_map_parse(&map, text, "f", &why)) {
        ASSERT(map.count == 0);
    } else {
        offset_map_format(&map, &out);
        ASSERT(offset_map_parse(&again, buf_view(&out), "f", &why) == ERR_NONE);
        ASSERT(again.count == map.count);
        size_t it = 0;
        struct view topic;
        int32_t partition;
        int64_t offset;
        int64_t found;
        while (offset_map_next(&map, &it, &topic, &partition, &offset))
            ASSERT(offset_map_get(&again, topic, partition, &found) && found == offset);
    }
    offset_map_close(&map);
    offset_map_close(&again);
    buf_close(&out);
}

static void try_epochs(struct view text)
{
    struct leader_epochs epochs = {0};
    struct leader_epochs again = {0};
    struct buf out = {0};
    struct errmsg why;
    if (leader_epochs_parse(&epochs, text, "f", &why) == ERR_NONE) {
        for (size_t i = 0; i < epochs.count; i++) {
            ASSERT(epochs.items[i].epoch >= 0 && epochs.items[i].start_offset >= 0);
            ASSERT(i == 0 || (epochs.items[i - 1].epoch < epochs.items[i].epoch &&
                              epochs.items[i - 1].start_offset < epochs.items[i].start_offset));
        }
        leader_epochs_format(&epochs, &out);
        ASSERT(leader_epochs_parse(&again, buf_view(&out), "f", &why) == ERR_NONE);
        ASSERT(again.count == epochs.count);
    }
    leader_epochs_close(&epochs);
    leader_epochs_close(&again);
    buf_close(&out);
}

static void try_rows(struct view bytes)
{
    struct errmsg why;
    size_t count;
    if (producer_snapshot_decode(bytes, &count, &why))
        return;
    struct producer_state state;
    producer_state_init(&state, 0);
    for (size_t i = 0; i < count; i++) {
        struct producer_entry entry;
        producer_snapshot_entry(bytes, i, &entry);
        producer_state_load_entry(&state, &entry);
        producer_batch_memo_first_seq(&entry.last);
    }
    size_t loaded = producer_state_count(&state);
    ASSERT(loaded <= count);
    struct buf out = {0};
    producer_snapshot_encode(&state, &out);
    ASSERT(producer_snapshot_decode(buf_view(&out), &count, &why) == ERR_NONE && count == loaded);
    producer_state_expire(&state, 1700000000000, 86400000);
    producer_state_on_high_watermark(&state, INT64_MAX);
    producer_state_close(&state);
    buf_close(&out);
}

/* As it is, and with the CRC mended, so that what the CRC guards is tried too. */
static void try_snapshot(struct view bytes)
{
    try_rows(bytes);
    if (bytes.len < 10)
        return;
    uint8_t *mended = mem_dup(bytes.ptr, bytes.len);
    be_put_i16(mended, 1);
    be_put_i32(mended + 2, (int32_t)hash_crc32c(0, mended + 6, bytes.len - 6));
    try_rows(view_of(mended, bytes.len));
    free(mended);
}

static void try_meta(struct view text)
{
    struct meta_properties meta;
    struct meta_properties again;
    struct errmsg why;
    if (meta_properties_parse(text, "f", &meta, &why))
        return;
    struct buf out = {0};
    meta_properties_format(&meta, 0, &out);
    ASSERT(meta_properties_parse(buf_view(&out), "f", &again, &why) == ERR_NONE);
    ASSERT(again.version == meta.version && again.has_broker_id == meta.has_broker_id);
    ASSERT(again.broker_id == meta.broker_id && again.has_directory_id == meta.has_directory_id);
    meta_properties_close(&again);
    meta_properties_close(&meta);
    buf_close(&out);
}

static void try_partition_metadata(struct view text)
{
    struct uuid id;
    struct uuid again;
    struct errmsg why;
    if (partition_metadata_parse(text, "f", &id, &why))
        return;
    struct buf out = {0};
    partition_metadata_format(id, &out);
    ASSERT(partition_metadata_parse(buf_view(&out), "f", &again, &why) == ERR_NONE);
    ASSERT(uuid_equal(id, again));
    buf_close(&out);
}

static void try_directory(struct view text)
{
    struct partition_dir_name parsed;
    struct partition_dir_name again;
    char *name = mem_printf("%.*s", VIEW_FMT(text));
    if (partition_dir_parse(name, &parsed)) {
        ASSERT(parsed.topic.len > 0 && parsed.partition >= 0);
        char *made =
            partition_dir_format(parsed.topic, parsed.partition, PARTITION_DIR_CURRENT, (struct uuid){{0}});
        ASSERT(partition_dir_parse(made, &again) && again.partition == parsed.partition);
        free(made);
    }
    free(name);
}

static void (*const targets[])(struct view) = {
    try_offsets, try_epochs, try_snapshot, try_meta, try_partition_metadata, try_directory};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > 0)
        targets[data[0] % ARRAY_LEN(targets)](view_of(data + 1, size - 1));
    return 0;
}

/* The first byte is the target's place in the table. */
static const struct {
    char target;
    struct view content;
} own_seeds[] = {
    {0, VIEW_LIT("0\n3\norders 0 42\norders 11 0\n__consumer_offsets 49 9000000000\n")},
    {0, VIEW_LIT("0\r\n1\r\na\t0  5 \r\n")},
    {1, VIEW_LIT("0\n3\n0 0\n3 17\n2147483647 9223372036854775807\n")},
    {2, VIEW_LIT("\x00\x01\x64\x6c\xf0\x0b\x00\x00\x00\x00")},
    {3,
     VIEW_LIT(
         "#\n#Fri Nov 27 13:49:12 UTC 2026\nbroker.id=1001\nversion=0\ncluster.id=a\\=b\\:c\nx=\\u00e9\n")},
    {3, VIEW_LIT("version=1\nnode.id=7\ncluster.id=abc\ndirectory.id=SGVsbG8tQmFybmFiYXMhMA\n")},
    {4, VIEW_LIT("version: 0\ntopic_id: SGVsbG8tQmFybmFiYXMhMA")},
    {5, VIEW_LIT("a-b.c-9.0123456789abcdef0123456789abcdef-delete")},
    {5, VIEW_LIT("orders-0")},
};

/* A snapshot with three rows, so that mutations have rows to change. */
static void add_snapshot_seed(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct producer_state state;
    producer_state_init(&state, 0);
    for (int64_t id = 0; id < 3; id++)
        producer_state_load_entry(&state, &(struct producer_entry){.producer_id = id,
                                                                   .txn_first_offset = id ? id : -1,
                                                                   .last = {.last_offset = 9, .last_seq = 4},
                                                                   .batch_count = 1});
    struct buf seed = {0};
    buf_put_i8(&seed, 2);
    producer_snapshot_encode(&state, &seed);
    add(seeds, buf_view(&seed));
    buf_close(&seed);
    producer_state_close(&state);
}

void fuzz_own_seeds(void (*add)(void *seeds, struct view seed), void *seeds)
{
    struct buf seed = {0};
    for (size_t i = 0; i < ARRAY_LEN(own_seeds); i++) {
        buf_clear(&seed);
        buf_put_i8(&seed, own_seeds[i].target);
        buf_put_view(&seed, own_seeds[i].content);
        add(seeds, buf_view(&seed));
    }
    buf_close(&seed);
    add_snapshot_seed(add, seeds);
}
