#include "storage/compact/key_map.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/assert.h"
#include "base/mem.h"

#define BUCKET_BYTES  64
#define BUCKET_SLOTS  3
#define SLOT_BYTES    21
#define REACH_AT      63
#define REACH_FAR     255 /* this far or farther */
#define OFFSET_AT     16
#define OFFSET_BYTES  5
#define OFFSETS_MAX   (INT64_C(1) << 40)
#define CLEAR_BY_HAND (256 * 1024) /* less than this is zeroed, more is given back */

struct key_map {
    uint8_t *memory;
    size_t reserved_bytes;
    size_t buckets; /* of this run */
    uint64_t seed;
    int64_t base_offset;
    int64_t count;
    int64_t limit; /* of this run */
    int64_t most;  /* of all its memory */
    double load_factor;
};

static int64_t limit_of(const struct key_map *map, size_t buckets)
{
    const int64_t slots = (int64_t)(buckets * BUCKET_SLOTS);
    int64_t limit = (int64_t)((double)slots * map->load_factor);
    /* A place stays free, so that every search ends. */
    if (limit >= slots)
        limit = slots - 1;
    return limit < 1 ? 1 : limit;
}

struct key_map *key_map_new(int64_t bytes, double load_factor)
{
    struct key_map *map = MEM_NEW(struct key_map);
    const size_t buckets = bytes < BUCKET_BYTES ? 1 : (size_t)bytes / BUCKET_BYTES;
    map->reserved_bytes = buckets * BUCKET_BYTES;
    map->load_factor = load_factor;
    map->most = limit_of(map, buckets);
    map->memory = mmap(NULL, map->reserved_bytes, PROT_READ | PROT_WRITE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map->memory == MAP_FAILED)
        mem_fail(map->reserved_bytes);
    return map;
}

void key_map_free(struct key_map *map)
{
    if (!map)
        return;
    munmap(map->memory, map->reserved_bytes);
    free(map);
}

void key_map_rest(struct key_map *map)
{
    if (map->buckets > 0)
        (void)madvise(map->memory, map->buckets * BUCKET_BYTES, MADV_DONTNEED);
    map->buckets = 0;
    map->count = 0;
}

void key_map_begin(struct key_map *map, uint64_t seed, int64_t base_offset, int64_t most_keys)
{
    if (map->buckets * BUCKET_BYTES <= CLEAR_BY_HAND)
        memset(map->memory, 0, map->buckets * BUCKET_BYTES);
    else
        key_map_rest(map);
    const size_t all = map->reserved_bytes / BUCKET_BYTES;
    const double wanted = (double)(most_keys > 0 ? most_keys : 0) / map->load_factor / BUCKET_SLOTS + 2;
    map->buckets = wanted < (double)all ? (size_t)wanted : all;
    map->limit = limit_of(map, map->buckets);
    map->seed = seed;
    map->base_offset = base_offset;
    map->count = 0;
}

static size_t home_of(const struct key_map *map, struct hash_wide hash)
{
    return (size_t)(((unsigned __int128)hash.high * map->buckets) >> 64);
}

struct hash_wide key_map_hash(const struct key_map *map, struct view key)
{
    const struct hash_wide hash = hash_wide(key, map->seed);
    __builtin_prefetch(map->memory + home_of(map, hash) * BUCKET_BYTES);
    return hash;
}

/* 0: the slot is empty. Its bytes end inside the bucket, and so do the eight that are read. */
static uint64_t slot_offset(const uint8_t *slot)
{
    uint64_t v;
    memcpy(&v, slot + OFFSET_AT + OFFSET_BYTES - sizeof v, sizeof v);
    return le64toh(v) >> (64 - 8 * OFFSET_BYTES);
}

static void slot_set_offset(uint8_t *slot, uint64_t offset)
{
    const uint64_t v = htole64(offset);
    memcpy(slot + OFFSET_AT, &v, OFFSET_BYTES);
}

static bool slot_is(const uint8_t *slot, struct hash_wide hash)
{
    struct hash_wide there;
    memcpy(&there, slot, sizeof there);
    return there.low == hash.low && there.high == hash.high;
}

/* The slot of the key, NULL when it has none. */
static uint8_t *find(const struct key_map *map, struct hash_wide hash)
{
    size_t at = home_of(map, hash);
    const uint8_t reach = map->memory[at * BUCKET_BYTES + REACH_AT];
    const size_t last = reach < REACH_FAR ? reach : map->buckets - 1;
    for (size_t d = 0; d <= last; d++) {
        uint8_t *slot = map->memory + at * BUCKET_BYTES;
        for (int i = 0; i < BUCKET_SLOTS; i++, slot += SLOT_BYTES) {
            if (slot_is(slot, hash) && slot_offset(slot) != 0)
                return slot;
        }
        at = at + 1 < map->buckets ? at + 1 : 0;
    }
    return NULL;
}

static void add(struct key_map *map, struct hash_wide hash, uint64_t offset)
{
    const size_t home = home_of(map, hash);
    size_t at = home;
    for (size_t d = 0;; d++) {
        uint8_t *slot = map->memory + at * BUCKET_BYTES;
        for (int i = 0; i < BUCKET_SLOTS; i++, slot += SLOT_BYTES) {
            if (slot_offset(slot) != 0)
                continue;
            memcpy(slot, &hash, sizeof hash);
            slot_set_offset(slot, offset);
            uint8_t *reach = &map->memory[home * BUCKET_BYTES + REACH_AT];
            if (d > *reach)
                *reach = d < REACH_FAR ? (uint8_t)d : REACH_FAR;
            map->count++;
            return;
        }
        at = at + 1 < map->buckets ? at + 1 : 0;
    }
}

bool key_map_put(struct key_map *map, struct hash_wide hash, int64_t offset)
{
    ASSERT(offset >= map->base_offset);
    const int64_t stored = offset - map->base_offset + 1;
    if (stored >= OFFSETS_MAX)
        return false;
    uint8_t *slot = find(map, hash);
    if (slot) {
        slot_set_offset(slot, (uint64_t)stored);
        return true;
    }
    if (map->count >= map->limit)
        return false;
    add(map, hash, (uint64_t)stored);
    return true;
}

int64_t key_map_get(const struct key_map *map, struct hash_wide hash)
{
    const uint8_t *slot = find(map, hash);
    return slot ? map->base_offset + (int64_t)slot_offset(slot) - 1 : KEY_MAP_NONE;
}

int64_t key_map_count(const struct key_map *map)
{
    return map->count;
}

double key_map_load(const struct key_map *map)
{
    return (double)map->count / (double)map->most;
}
