#include "core/group/offsets.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"

#define CAP_MIN 2

static void free_topic(struct offset_topic *topic)
{
    OFFSET_EACH_ENTRY (entry, topic)
        free(entry->metadata);
    free(topic->entries);
    free(topic);
}

void offset_table_close(struct offset_table *table)
{
    OFFSET_EACH_TOPIC (topic, table) {
        free_topic(topic);
    }
    map_close(&table->topics);
    *table = (struct offset_table){0};
}

struct offset_topic *offset_table_next(const struct offset_table *table, size_t *it)
{
    const struct map_slot *slot = map_next(&table->topics, it);
    return slot ? slot->value : NULL;
}

struct offset_topic *offset_table_topic(struct offset_table *table, struct view name)
{
    if (table->last && view_equal(table->last->name, name))
        return table->last;
    struct offset_topic *topic = map_get(&table->topics, name);
    if (topic)
        table->last = topic;
    return topic;
}

/* Where the partition is, or the free place where it would be; NULL in a full table without it. */
static struct offset_entry *place_of(const struct offset_topic *topic, int32_t partition)
{
    uint32_t mask = topic->cap - 1;
    for (uint32_t i = 0; i < topic->cap; i++) {
        struct offset_entry *entry = &topic->entries[((uint32_t)partition + i) & mask];
        if (!entry->is_used || entry->partition == partition)
            return entry;
    }
    return NULL;
}

struct offset_entry *offset_topic_entry(const struct offset_topic *topic, int32_t partition)
{
    struct offset_entry *entry = topic->cap ? place_of(topic, partition) : NULL;
    return entry && entry->is_used ? entry : NULL;
}

struct offset_entry *offset_table_get(struct offset_table *table, struct view topic, int32_t partition)
{
    const struct offset_topic *found = offset_table_topic(table, topic);
    return found ? offset_topic_entry(found, partition) : NULL;
}

/* Moves every entry into `cap` fresh places. */
static void rehash(struct offset_topic *topic, uint32_t cap)
{
    struct offset_topic fresh = {.entries = mem_zalloc(cap * sizeof *fresh.entries), .cap = cap};
    OFFSET_EACH_ENTRY (entry, topic)
        *place_of(&fresh, entry->partition) = *entry;
    free(topic->entries);
    topic->entries = fresh.entries;
    topic->cap = cap;
}

/* Small tables may be full; larger ones stay an eighth empty, so that a search for what is not there ends. */
static bool is_full(const struct offset_topic *topic)
{
    return topic->cap <= 8 ? topic->count == topic->cap : topic->count >= topic->cap - topic->cap / 8;
}

/* The name stands behind the topic in one allocation. */
static struct offset_topic *add_topic(struct offset_table *table, struct view name)
{
    struct offset_topic *topic = mem_zalloc(sizeof *topic + name.len);
    if (name.len)
        memcpy(topic + 1, name.ptr, name.len);
    topic->name = view_of(topic + 1, name.len);
    map_put(&table->topics, topic->name, topic);
    return topic;
}

struct offset_entry *offset_table_add(struct offset_table *table, struct view topic, int32_t partition,
                                      struct offset_topic **topic_out)
{
    struct offset_topic *of = offset_table_topic(table, topic);
    if (!of)
        of = table->last = add_topic(table, topic);
    if (topic_out)
        *topic_out = of;
    struct offset_entry *entry = offset_topic_entry(of, partition);
    if (entry)
        return entry;
    if (is_full(of))
        rehash(of, of->cap ? of->cap * 2 : CAP_MIN);
    entry = place_of(of, partition);
    *entry = (struct offset_entry){
        .partition = partition, .leader_epoch = -1, .expire_ms = -1, .batch_offset = -1, .is_used = true};
    of->count++;
    table->count++;
    return entry;
}

uint8_t *offset_metadata_dup(struct view metadata)
{
    if (metadata.len == 0)
        return NULL;
    ASSERT(metadata.len <= INT16_MAX);
    uint8_t *stored = mem_alloc(metadata.len + 2);
    be_put_i16(stored, (int16_t)metadata.len);
    memcpy(stored + 2, metadata.ptr, metadata.len);
    return stored;
}

struct view offset_metadata_view(const uint8_t *stored)
{
    return stored ? view_of(stored + 2, (size_t)be_get_i16(stored)) : VIEW_LIT("");
}

void offset_entry_set(struct offset_table *table, struct offset_entry *entry,
                      const struct offset_value *value, uint8_t *metadata, int64_t batch_offset)
{
    free(entry->metadata);
    entry->metadata = metadata;
    entry->offset = value->offset;
    entry->leader_epoch = value->leader_epoch;
    entry->commit_ms = value->commit_ms;
    entry->expire_ms = value->expire_ms;
    entry->batch_offset = batch_offset;
    table->set_count += !entry->is_set;
    entry->is_set = true;
}

void offset_entry_unset(struct offset_table *table, struct offset_entry *entry)
{
    free(entry->metadata);
    entry->metadata = NULL;
    entry->batch_offset = -1;
    table->set_count -= entry->is_set;
    entry->is_set = false;
}

void offset_entry_value(const struct offset_entry *entry, struct offset_value *out)
{
    *out = (struct offset_value){.offset = entry->offset,
                                 .leader_epoch = entry->leader_epoch,
                                 .commit_ms = entry->commit_ms,
                                 .expire_ms = entry->expire_ms,
                                 .metadata = offset_metadata_view(entry->metadata)};
}

static bool is_needed(const struct offset_entry *entry)
{
    return entry->is_set || entry->appends || entry->txns;
}

/* Takes the entry out; those behind it that it had pushed away move up. */
static void remove_entry(struct offset_topic *topic, struct offset_entry *entry)
{
    uint32_t mask = topic->cap - 1;
    uint32_t hole = (uint32_t)(entry - topic->entries);
    for (uint32_t i = (hole + 1) & mask; i != hole && topic->entries[i].is_used; i = (i + 1) & mask) {
        uint32_t home = (uint32_t)topic->entries[i].partition & mask;
        /* It may move to the hole unless its home lies behind the hole, on the way to where it is. */
        if (((i - home) & mask) < ((i - hole) & mask))
            continue;
        topic->entries[hole] = topic->entries[i];
        hole = i;
    }
    topic->entries[hole] = (struct offset_entry){0};
    topic->count--;
}

static void drop_topic(struct offset_table *table, struct offset_topic *topic)
{
    if (table->last == topic)
        table->last = NULL;
    map_remove(&table->topics, topic->name);
    free_topic(topic);
}

void offset_entry_release(struct offset_table *table, struct offset_topic *topic, struct offset_entry *entry)
{
    if (is_needed(entry))
        return;
    ASSERT(!entry->metadata);
    remove_entry(topic, entry);
    table->count--;
    if (topic->count == 0)
        drop_topic(table, topic);
}

/* What is not needed is unmarked first; then the topic is hashed anew, for its entries may not be where they
 * were pushed to any more. */
static void
sweep_topic(struct offset_table *table, struct offset_topic *topic,
            bool (*unset)(void *arg, const struct offset_topic *topic, struct offset_entry *entry), void *arg)
{
    uint32_t gone = 0;
    OFFSET_EACH_ENTRY (entry, topic) {
        if (!unset(arg, topic, entry) || is_needed(entry))
            continue;
        *entry = (struct offset_entry){0};
        gone++;
    }
    topic->count -= gone;
    table->count -= gone;
    if (topic->count == 0)
        drop_topic(table, topic);
    else if (gone)
        rehash(topic, topic->cap);
}

void offset_table_sweep(struct offset_table *table,
                        bool (*unset)(void *arg, const struct offset_topic *topic,
                                      struct offset_entry *entry),
                        void *arg)
{
    OFFSET_EACH_TOPIC (topic, table) {
        sweep_topic(table, topic, unset, arg);
    }
}
