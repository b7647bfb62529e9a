#include "base/map.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

/*
 * Linear probing over a power of two of slots, at most three quarters used. The full hash stands in the
 * slot, so that a probe touches a key's bytes only when it almost surely is the one. A removed entry
 * leaves a tombstone unless an empty slot follows it; nothing moves on removal, which is what lets an
 * iteration remove the entry it is at.
 */
#define HASH_EMPTY 0
#define HASH_GRAVE 1
#define CAP_MIN    8

struct wanted {
    uint64_t hash;
    struct view bytes; /* NULL ptr in an int map */
    int64_t number;
};

static uint64_t usable_hash(uint64_t hash)
{
    return hash > HASH_GRAVE ? hash : hash + 2;
}

static struct wanted want_bytes(struct view key)
{
    /* A null key is the empty key here: there is no third kind of slot. */
    struct view bytes = view_is_null(key) ? VIEW_LIT("") : key;
    return (struct wanted){.hash = usable_hash(hash_bytes(bytes)), .bytes = bytes};
}

static struct wanted want_int(int64_t key)
{
    return (struct wanted){.hash = usable_hash(hash_u64((uint64_t)key)), .number = key};
}

static bool is_match(const struct map_slot *slot, const struct wanted *w)
{
    if (slot->hash != w->hash)
        return false;
    if (!w->bytes.ptr)
        return slot->key_int == w->number;
    return slot->key_len == w->bytes.len && memcmp(slot->key, w->bytes.ptr, w->bytes.len) == 0;
}

static struct map_slot *find(const struct map *map, const struct wanted *w)
{
    if (map->count == 0)
        return NULL;
    size_t mask = map->cap - 1;
    for (size_t i = w->hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];
        if (slot->hash == HASH_EMPTY)
            return NULL;
        if (is_match(slot, w))
            return slot;
    }
}

static void *get(const struct map *map, const struct wanted *w)
{
    const struct map_slot *slot = find(map, w);
    return slot ? slot->value : NULL;
}

/* Moves every entry into fresh slots; drops the tombstones. */
static void rehash(struct map *map, size_t cap)
{
    struct map_slot *slots = mem_zalloc(cap * sizeof *slots);
    for (size_t i = 0; i < map->cap; i++) {
        const struct map_slot *slot = &map->slots[i];
        if (slot->hash <= HASH_GRAVE)
            continue;
        size_t at = slot->hash & (cap - 1);
        while (slots[at].hash != HASH_EMPTY)
            at = (at + 1) & (cap - 1);
        slots[at] = *slot;
    }
    free(map->slots);
    map->slots = slots;
    map->cap = cap;
    map->used = map->count;
}

static void make_room(struct map *map)
{
    if ((map->used + 1) * 4 <= map->cap * 3)
        return;
    size_t cap = map->cap ? map->cap : CAP_MIN;
    /* Half full of living entries: it must grow. Otherwise graves fill it, and the same size will do. */
    while ((map->count + 1) * 2 > cap)
        cap *= 2;
    rehash(map, cap);
}

static void *put(struct map *map, const struct wanted *w, void *value)
{
    ASSERT(value != NULL);
    struct map_slot *slot = find(map, w);
    if (slot) {
        void *old = slot->value;
        slot->value = value;
        return old;
    }
    make_room(map);
    size_t mask = map->cap - 1;
    size_t at = w->hash & mask;
    while (map->slots[at].hash > HASH_GRAVE)
        at = (at + 1) & mask;
    slot = &map->slots[at];
    if (slot->hash == HASH_EMPTY)
        map->used++;
    map->count++;
    slot->hash = w->hash;
    slot->value = value;
    if (w->bytes.ptr) {
        slot->key = mem_dup(w->bytes.ptr, w->bytes.len);
        slot->key_len = w->bytes.len;
    } else {
        slot->key = NULL;
        slot->key_int = w->number;
    }
    return NULL;
}

static void *take(struct map *map, const struct wanted *w)
{
    struct map_slot *slot = find(map, w);
    if (!slot)
        return NULL;
    void *value = slot->value;
    free(slot->key);
    *slot = (struct map_slot){.hash = HASH_GRAVE};
    map->count--;

    /* Graves just before an empty slot lead nowhere: they become empty again. */
    size_t mask = map->cap - 1;
    size_t at = (size_t)(slot - map->slots);
    if (map->slots[(at + 1) & mask].hash == HASH_EMPTY) {
        for (; map->slots[at].hash == HASH_GRAVE; at = (at - 1) & mask) {
            map->slots[at].hash = HASH_EMPTY;
            map->used--;
        }
    }
    return value;
}

void map_close(struct map *map)
{
    for (size_t i = 0; i < map->cap; i++)
        free(map->slots[i].key);
    free(map->slots);
    *map = (struct map){0};
}

void *map_get(const struct map *map, struct view key)
{
    struct wanted w = want_bytes(key);
    return get(map, &w);
}

void *map_get_str(const struct map *map, const char *key)
{
    return map_get(map, view_str(key));
}

void *map_put(struct map *map, struct view key, void *value)
{
    struct wanted w = want_bytes(key);
    return put(map, &w, value);
}

void *map_put_str(struct map *map, const char *key, void *value)
{
    return map_put(map, view_str(key), value);
}

void *map_remove(struct map *map, struct view key)
{
    struct wanted w = want_bytes(key);
    return take(map, &w);
}

void *map_get_int(const struct map *map, int64_t key)
{
    struct wanted w = want_int(key);
    return get(map, &w);
}

void *map_put_int(struct map *map, int64_t key, void *value)
{
    struct wanted w = want_int(key);
    return put(map, &w, value);
}

void *map_remove_int(struct map *map, int64_t key)
{
    struct wanted w = want_int(key);
    return take(map, &w);
}

struct map_slot *map_next(const struct map *map, size_t *it)
{
    while (*it < map->cap) {
        struct map_slot *slot = &map->slots[(*it)++];
        if (slot->hash > HASH_GRAVE)
            return slot;
    }
    return NULL;
}
