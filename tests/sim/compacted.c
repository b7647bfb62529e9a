#include "sim/compacted.h"

#include "base/assert.h"
#include "core/group/records.h"
#include "wire/record_iter.h"

void newest_init(struct newest *newest)
{
    for (int i = 0; i < COMPACTED_KEYS; i++)
        newest->offsets[i] = -1;
}

int compacted_key(int64_t producer_id, int32_t sequence)
{
    return (int)((producer_id + 5 * (int64_t)sequence) % COMPACTED_KEYS);
}

/* The group's own record, then those of what it commits. */
static int key_of_coordinator(struct view key)
{
    struct group_key parsed;
    ASSERT(group_key_parse(key, &parsed, NULL) == ERR_NONE);
    return parsed.kind == GROUP_KEY_GROUP ? 0 : 1 + parsed.partition;
}

static bool is_of_coordinator(const struct batch *batch)
{
    return batch->producer_id < 0;
}

void compacted_note_keys(struct batch *batch, struct view entry)
{
    struct record_iter it;
    struct record record;
    if (!is_of_coordinator(batch))
        return;
    ASSERT(batch->last - batch->base < BATCH_KEYS_MAX);
    record_iter_open(&it, entry, RECORD_VIEW, NULL, NULL);
    while (record_iter_next(&it, &record))
        batch->keys[record.offset - batch->base] = (uint8_t)key_of_coordinator(record.key);
    ASSERT(record_iter_close(&it) == ERR_NONE);
}

static int key_at(const struct batch *batch, int64_t offset)
{
    if (is_of_coordinator(batch))
        return batch->keys[offset - batch->base];
    return compacted_key(batch->producer_id, batch->sequence + (int32_t)(offset - batch->base));
}

void newest_note(struct newest *newest, const struct batch *batch)
{
    for (int64_t offset = batch->base; offset <= batch->last; offset++)
        newest->offsets[key_at(batch, offset)] = offset;
}

/* Records of [from, to). */
static bool are_superseded(const struct newest *newest, const struct batch *batch, int64_t from, int64_t to)
{
    for (int64_t offset = from; offset < to; offset++)
        if (newest->offsets[key_at(batch, offset)] <= offset)
            return false;
    return true;
}

bool compacted_may_miss(const struct newest *newest, const struct batch *batch)
{
    return are_superseded(newest, batch, batch->base, batch->last + 1);
}

static bool has_its_key(const struct batch *batch, const struct record *record)
{
    int key = key_at(batch, record->offset);
    if (is_of_coordinator(batch))
        return key_of_coordinator(record->key) == key;
    return record->key.len == 1 && record->key.ptr[0] == (uint8_t)('a' + key);
}

bool compacted_is_rest(const struct newest *newest, const struct batch *batch, struct view entry)
{
    struct record_iter it;
    struct record record;
    int64_t next = batch->base;
    bool good = true;
    record_iter_open(&it, entry, RECORD_VIEW, NULL, NULL);
    while (good && record_iter_next(&it, &record)) {
        good = record.offset >= next && record.offset <= batch->last && has_its_key(batch, &record) &&
               are_superseded(newest, batch, next, record.offset);
        next = record.offset + 1;
    }
    return record_iter_close(&it) == ERR_NONE && good && are_superseded(newest, batch, next, batch->last + 1);
}

bool compacted_is_filler(const struct batch_info *info)
{
    return info->record_count == 0 && info->producer_id < 0;
}
