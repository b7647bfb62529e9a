/*
 * Offsets by topic and partition: one of the four checkpoint files of a log
 * directory in memory. About 25 bytes a partition; a topic's name is kept once.
 *
 * Ownership: owns everything. Zero-initialised is empty and valid.
 * Runs on: whoever owns the map.
 */
#ifndef BARNABAS_STORAGE_OFFSET_MAP_H
#define BARNABAS_STORAGE_OFFSET_MAP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/map.h"
#include "port/disk.h"
#include "storage/id_index.h"

struct offset_map_topic;

struct offset_map_item {
    int64_t key; /* topic's place << 32 | partition */
    int64_t offset;
};

struct offset_map {
    struct offset_map_item *items; /* dense, in no order */
    size_t count;
    size_t cap;
    struct id_index index;
    struct map topics; /* name -> struct offset_map_topic, owned */
    struct offset_map_topic **topic_at;
    size_t topic_cap;
};

void offset_map_close(struct offset_map *map);
void offset_map_clear(struct offset_map *map);

bool offset_map_get(const struct offset_map *map, struct view topic, int32_t partition, int64_t *offset);
/* `size_t it = 0; while (offset_map_next(map, &it, &topic, &partition, &offset))`; topic is borrowed. */
bool offset_map_next(const struct offset_map *map, size_t *it, struct view *topic, int32_t *partition,
                     int64_t *offset);

void offset_map_put(struct offset_map *map, struct view topic, int32_t partition, int64_t offset);
/* False when it was not there. */
bool offset_map_remove(struct offset_map *map, struct view topic, int32_t partition);

/* The file's text. */
void offset_map_format(const struct offset_map *map, struct buf *out);
/* Replaces the content by the text's; on ERR_CORRUPT_FILE the map is empty. The last of equal rows counts. */
enum err offset_map_parse(struct offset_map *map, struct view text, const char *location,
                          struct errmsg *why) MUST_USE;
/* Reads a file; ERR_NOT_FOUND and ERR_CORRUPT_FILE leave the map empty. */
enum err offset_map_load(struct offset_map *map, struct disk *disk, const char *path,
                         struct errmsg *why) MUST_USE;
/* Writes it durably (atomic_file.h). */
enum err offset_map_save(const struct offset_map *map, struct disk *disk, const char *path,
                         struct errmsg *why) MUST_USE;

#endif
