#include "storage/offset_map.h"

#include <stdlib.h>

#include "base/mem.h"
#include "storage/atomic_file.h"
#include "storage/checkpoint_file.h"

struct offset_map_topic {
    struct view name; /* the bytes follow the struct */
    uint32_t place;   /* in topic_at */
    uint32_t item_count;
};

static int64_t key_of(uint32_t topic_place, int32_t partition)
{
    return (int64_t)((uint64_t)topic_place << 32 | (uint32_t)partition);
}

static uint32_t topic_place_of(int64_t key)
{
    return (uint32_t)((uint64_t)key >> 32);
}

void offset_map_clear(struct offset_map *map)
{
    for (size_t i = 0; i < map->topic_cap; i++)
        free(map->topic_at[i]);
    free(map->topic_at);
    free(map->items);
    id_index_close(&map->index);
    map_close(&map->topics);
    *map = (struct offset_map){0};
}

void offset_map_close(struct offset_map *map)
{
    offset_map_clear(map);
}

static uint32_t find_place(const struct offset_map *map, struct view topic, int32_t partition)
{
    const struct offset_map_topic *t = map->count ? map_get(&map->topics, topic) : NULL;
    if (!t)
        return ID_INDEX_NONE;
    return id_index_find(&map->index, map->items, sizeof *map->items, key_of(t->place, partition));
}

bool offset_map_get(const struct offset_map *map, struct view topic, int32_t partition, int64_t *offset)
{
    uint32_t place = find_place(map, topic, partition);
    if (place == ID_INDEX_NONE)
        return false;
    *offset = map->items[place].offset;
    return true;
}

bool offset_map_next(const struct offset_map *map, size_t *it, struct view *topic, int32_t *partition,
                     int64_t *offset)
{
    if (*it >= map->count)
        return false;
    const struct offset_map_item *item = &map->items[(*it)++];
    *topic = map->topic_at[topic_place_of(item->key)]->name;
    *partition = (int32_t)(uint32_t)item->key;
    *offset = item->offset;
    return true;
}

/* A place in topic_at that is free. */
static uint32_t free_topic_place(struct offset_map *map)
{
    size_t topic_count = map->topics.count;
    if (topic_count < map->topic_cap) {
        /* Places are freed seldom, so the first one tried is nearly always free. */
        for (size_t i = topic_count, n = 0; n < map->topic_cap; i = (i + 1) % map->topic_cap, n++)
            if (!map->topic_at[i])
                return (uint32_t)i;
    }
    size_t old = map->topic_cap;
    map->topic_cap = old ? old * 2 : 8;
    map->topic_at = mem_resize(map->topic_at, map->topic_cap * sizeof *map->topic_at);
    for (size_t i = old; i < map->topic_cap; i++)
        map->topic_at[i] = NULL;
    return (uint32_t)old;
}

static struct offset_map_topic *get_topic(struct offset_map *map, struct view name)
{
    struct offset_map_topic *topic = map_get(&map->topics, name);
    if (topic)
        return topic;
    topic = mem_zalloc(sizeof *topic + name.len + 1);
    if (name.len)
        memcpy(topic + 1, name.ptr, name.len);
    topic->name = view_of(topic + 1, name.len);
    topic->place = free_topic_place(map);
    map->topic_at[topic->place] = topic;
    map_put(&map->topics, name, topic);
    return topic;
}

void offset_map_put(struct offset_map *map, struct view topic_name, int32_t partition, int64_t offset)
{
    uint32_t place = find_place(map, topic_name, partition);
    if (place != ID_INDEX_NONE) {
        map->items[place].offset = offset;
        return;
    }
    struct offset_map_topic *topic = get_topic(map, topic_name);
    if (map->count == map->cap) {
        map->cap = map->cap ? map->cap * 2 : 8;
        map->items = mem_resize(map->items, map->cap * sizeof *map->items);
    }
    map->items[map->count++] = (struct offset_map_item){key_of(topic->place, partition), offset};
    id_index_add(&map->index, map->items, sizeof *map->items, map->count);
    topic->item_count++;
}

bool offset_map_remove(struct offset_map *map, struct view topic_name, int32_t partition)
{
    uint32_t place = find_place(map, topic_name, partition);
    if (place == ID_INDEX_NONE)
        return false;
    struct offset_map_topic *topic = map->topic_at[topic_place_of(map->items[place].key)];
    uint32_t last = (uint32_t)map->count - 1;
    id_index_remove(&map->index, map->items, sizeof *map->items, place);
    if (place != last) {
        id_index_move(&map->index, map->items, sizeof *map->items, last, place);
        map->items[place] = map->items[last];
    }
    map->count--;
    if (--topic->item_count == 0) {
        map_remove(&map->topics, topic->name);
        map->topic_at[topic->place] = NULL;
        free(topic);
    }
    return true;
}

void offset_map_format(const struct offset_map *map, struct buf *out)
{
    checkpoint_put_head(out, map->count);
    size_t it = 0;
    struct view topic;
    int32_t partition;
    int64_t offset;
    while (offset_map_next(map, &it, &topic, &partition, &offset))
        checkpoint_put_offset_row(out, topic, partition, offset);
}

static bool take_row(void *arg, const struct view *fields, size_t field_count)
{
    struct view topic;
    int32_t partition;
    int64_t offset;
    if (!checkpoint_read_offset_row(fields, field_count, &topic, &partition, &offset))
        return false;
    offset_map_put(arg, topic, partition, offset);
    return true;
}

enum err offset_map_parse(struct offset_map *map, struct view text, const char *location, struct errmsg *why)
{
    offset_map_clear(map);
    enum err err = checkpoint_parse(text, location, take_row, map, why);
    if (err)
        offset_map_clear(map);
    return err;
}

enum err offset_map_load(struct offset_map *map, struct disk *disk, const char *path, struct errmsg *why)
{
    offset_map_clear(map);
    struct buf text = {0};
    enum err err = atomic_file_read(disk, path, &text, why);
    if (!err)
        err = offset_map_parse(map, buf_view(&text), path, why);
    buf_close(&text);
    return err;
}

enum err offset_map_save(const struct offset_map *map, struct disk *disk, const char *path,
                         struct errmsg *why)
{
    struct buf text = {0};
    offset_map_format(map, &text);
    enum err err = atomic_file_write(disk, path, buf_view(&text), why);
    buf_close(&text);
    return err;
}
