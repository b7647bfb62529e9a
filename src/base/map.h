/*
 * Hash map from a byte string or an int64 to a pointer. Open addressing,
 * grows by itself, iterates in no particular order.
 *
 * Ownership: the map copies byte keys (short ones without an allocation of
 * their own is an implementation matter) and borrows the values.
 * Zero-initialised is empty and valid; map_close frees the map, not the values.
 * A map is used with one kind of key only.
 * Runs on: whoever owns the map.
 */
#ifndef BARNABAS_BASE_MAP_H
#define BARNABAS_BASE_MAP_H

#include <stdint.h>

#include "base/view.h"

struct map_slot {
    uint64_t hash; /* 0 = empty, 1 = tombstone */
    uint8_t *key;  /* owned copy, NULL in an int map */
    union {
        size_t key_len;
        int64_t key_int;
    };
    void *value;
};

struct map {
    struct map_slot *slots;
    size_t cap;
    size_t count;
    size_t used; /* count + tombstones */
};

void map_close(struct map *map);

void *map_get(const struct map *map, struct view key);
void *map_get_str(const struct map *map, const char *key);
/* Puts or replaces; returns the value that was there, or NULL. `value` must not be NULL. */
void *map_put(struct map *map, struct view key, void *value);
void *map_put_str(struct map *map, const char *key, void *value);
/* Returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct view key);

void *map_get_int(const struct map *map, int64_t key);
void *map_put_int(struct map *map, int64_t key, void *value);
void *map_remove_int(struct map *map, int64_t key);

/*
 * Iteration: `size_t it = 0; while ((slot = map_next(&map, &it))) ...`
 * The entry just returned may be removed; nothing may be put meanwhile.
 */
struct map_slot *map_next(const struct map *map, size_t *it);

static inline struct view map_slot_key(const struct map_slot *slot)
{
    return view_of(slot->key, slot->key_len);
}

#endif
