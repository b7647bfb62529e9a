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
#define FIRST_BUCKETS 4096 /* 256 KB: they fit into the processor's cache */
#define MOVED_BUCKETS 4096 /* so many are moved before their memory is given back */
/* A map that may grow does so when it holds this much of its slots: searches are short then. */
#define GROW_LOAD 0.8

struct key_map {
    uint8_t *memory; /* the table: one of `reserved` */
    uint8_t *reserved[2];
    size_t reserved_bytes; /* of each */
    size_t buckets;
    size_t most_buckets; /* of this run */
    uint64_t seed;
    int64_t base_offset;
    int64_t count;
    int64_t limit; /* of the table */
    int64_t most;  /* of all its memory */
    double load_factor;
};

static int64_t limit_of(size_t buckets, double load_factor)
{
    const int64_t slots = (int64_t)(buckets * BUCKET_SLOTS);
    int64_t limit = (int64_t)((double)slots * load_factor);
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
    map->most = limit_of(buckets, load_factor);
    for (int i = 0; i < 2; i++) {
        map->reserved[i] = mmap(NULL, map->reserved_bytes, PROT_READ | PROT_WRITE,
                                MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (map->reserved[i] == MAP_FAILED)
            mem_fail(map->reserved_bytes);
    }
    map->memory = map->reserved[0];
    return map;
}

void key_map_free(struct key_map *map)
{
    if (!map)
        return;
    for (int i = 0; i < 2; i++)
        munmap(map->reserved[i], map->reserved_bytes);
    free(map);
}

void key_map_rest(struct key_map *map)
{
    if (map->buckets > 0)
        (void)madvise(map->memory, map->buckets * BUCKET_BYTES, MADV_DONTNEED);
    map->buckets = 0;
    map->count = 0;
}

static void set_buckets(struct key_map *map, size_t buckets)
{
    map->buckets = buckets;
    map->limit = limit_of(buckets, buckets < map->most_buckets ? GROW_LOAD : map->load_factor);
}

void key_map_begin(struct key_map *map, uint64_t seed, int64_t base_offset, int64_t most_keys)
{
    if (map->buckets <= FIRST_BUCKETS)
        memset(map->memory, 0, map->buckets * BUCKET_BYTES);
    else
        key_map_rest(map);
    const size_t all = map->reserved_bytes / BUCKET_BYTES;
    const double wanted = (double)(most_keys > 0 ? most_keys : 0) / map->load_factor / BUCKET_SLOTS + 2;
    map->most_buckets = wanted < (double)all ? (size_t)wanted : all;
    set_buckets(map, map->most_buckets < FIRST_BUCKETS ? map->most_buckets : FIRST_BUCKETS);
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

/*
 * Moves everything into a table of twice the size. Both lie in the order of the hashes: as the new one fills
 * from its beginning, the old one is given back from its own, and together they are never more than the new
 * one.
 */
static void grow(struct key_map *map)
{
    uint8_t *old = map->memory;
    const size_t n = map->buckets;
    map->memory = old == map->reserved[0] ? map->reserved[1] : map->reserved[0];
    set_buckets(map, n < map->most_buckets / 2 ? 2 * n : map->most_buckets);
    map->count = 0;
    for (size_t i = 0; i < n; i++) {
        const uint8_t *slot = old + i * BUCKET_BYTES;
        for (int k = 0; k < BUCKET_SLOTS && slot_offset(slot) != 0; k++, slot += SLOT_BYTES) {
            struct hash_wide hash;
            memcpy(&hash, slot, sizeof hash);
            add(map, hash, slot_offset(slot));
        }
        if ((i + 1) % MOVED_BUCKETS == 0)
            (void)madvise(old + (i + 1 - MOVED_BUCKETS) * BUCKET_BYTES, MOVED_BUCKETS * BUCKET_BYTES,
                          MADV_DONTNEED);
    }
    (void)madvise(old, n * BUCKET_BYTES, MADV_DONTNEED);
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
    while (map->count >= map->limit) {
        if (map->buckets == map->most_buckets)
            return false;
        grow(map);
    }
    add(map, hash, (uint64_t)stored);
    return true;
}

int64_t key_map_get(const struct key_map *map, struct hash_wide hash)
{
    const uint8_t *slot = find(map, hash);
    return slot ? map->base_offset + (int64_t)slot_offset(slot) - 1 : KEY_MAP_NONE;
}

bool key_map_next(const struct key_map *map, size_t *it, int64_t *offset)
{
    while (*it < map->buckets * BUCKET_SLOTS) {
        const size_t i = (*it)++;
        const uint64_t stored =
            slot_offset(map->memory + i / BUCKET_SLOTS * BUCKET_BYTES + i % BUCKET_SLOTS * SLOT_BYTES);
        if (stored == 0)
            continue;
        *offset = map->base_offset + (int64_t)stored - 1;
        return true;
    }
    return false;
}

int64_t key_map_count(const struct key_map *map)
{
    return map->count;
}

double key_map_load(const struct key_map *map)
{
    return (double)map->count / (double)map->most;
}
