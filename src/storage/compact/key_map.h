/*
 * Newest offset by key, for one compaction. Of a key only its hash is kept, 128 bits with a seed of this run:
 * two keys that share it lose a record, and are as unlikely as with any good hash of that length.
 *
 *   buckets of 64 bytes, a cache line each:   3 x { hash 16, offset 5 }, reach 1
 *
 * A key lies in its home bucket or the first one behind it that had room; `reach` of the home bucket says how
 * far behind at most, so that a key that is not there costs one line as a rule. The offset counts from the
 * base of the run, plus one: memory of zeros is an empty map, and pages that were not touched do not exist.
 *
 * It begins small and doubles, up to all its memory.
 *
 * Lookups wait for memory. key_map_hash fetches ahead the line that will be asked for: hash many, then ask.
 * Ownership: owns its memory. Runs on: one thread.
 */
#ifndef BARNABAS_STORAGE_COMPACT_KEY_MAP_H
#define BARNABAS_STORAGE_COMPACT_KEY_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/hash.h"

struct key_map;

#define KEY_MAP_NONE (-1)

/* Reserves address space for `bytes`, room for a bucket at least. It holds `load_factor` of its slots. */
struct key_map *key_map_new(int64_t bytes, double load_factor);
void key_map_free(struct key_map *map); /* NULL is a no-op */
/* Gives the memory back and keeps the address space. */
void key_map_rest(struct key_map *map);

/* Empties it. Offsets are at or above `base_offset`, and there are `most_keys` at most: it takes no more
 * memory. */
void key_map_begin(struct key_map *map, uint64_t seed, int64_t base_offset, int64_t most_keys);

struct hash_wide key_map_hash(const struct key_map *map, struct view key);
/* False: it is full, and the key is none that it has; or the offset is too far from the base. Nothing changed
 * then. */
bool key_map_put(struct key_map *map, struct hash_wide hash, int64_t offset);
/* KEY_MAP_NONE when the key is not there. */
int64_t key_map_get(const struct key_map *map, struct hash_wide hash);

/* Goes through the offsets of all keys, in no order; `it` begins with 0. False when all were given. */
bool key_map_next(const struct key_map *map, size_t *it, int64_t *offset);

int64_t key_map_count(const struct key_map *map);
/* Of what all its memory may hold, 0..1. */
double key_map_load(const struct key_map *map);

#endif
