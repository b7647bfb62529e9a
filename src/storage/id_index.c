/* Linear probing with deletion by shifting back, so that there are no tombstones to clean up. */
#include "storage/id_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"

#define MIN_CAP 8

static int64_t id_at(const void *items, size_t size, uint32_t place)
{
    int64_t id;
    memcpy(&id, (const char *)items + size * place, sizeof id);
    return id;
}

static size_t home_of(const struct id_index *index, int64_t id)
{
    return (size_t)hash_u64((uint64_t)id) & (index->cap - 1);
}

/* The slot that holds `id`, or the empty one where the search ends. */
static size_t slot_of(const struct id_index *index, const void *items, size_t size, int64_t id)
{
    size_t i = home_of(index, id);
    while (index->slots[i] != 0 && id_at(items, size, index->slots[i] - 1) != id)
        i = (i + 1) & (index->cap - 1);
    return i;
}

/* The slot that holds `place`, which must be in the index. */
static size_t slot_of_place(const struct id_index *index, const void *items, size_t size, uint32_t place)
{
    size_t i = home_of(index, id_at(items, size, place));
    while (index->slots[i] != place + 1) {
        ASSERT(index->slots[i] != 0);
        i = (i + 1) & (index->cap - 1);
    }
    return i;
}

void id_index_close(struct id_index *index)
{
    free(index->slots);
    *index = (struct id_index){0};
}

void id_index_clear(struct id_index *index)
{
    if (index->cap)
        memset(index->slots, 0, index->cap * sizeof *index->slots);
}

uint32_t id_index_find(const struct id_index *index, const void *items, size_t size, int64_t id)
{
    if (index->cap == 0)
        return ID_INDEX_NONE;
    uint32_t slot = index->slots[slot_of(index, items, size, id)];
    return slot ? slot - 1 : ID_INDEX_NONE;
}

/* At most three quarters of the slots are taken. */
static size_t cap_for(size_t count)
{
    size_t cap = MIN_CAP;
    while (cap / 4 * 3 < count)
        cap *= 2;
    return cap;
}

void id_index_rebuild(struct id_index *index, const void *items, size_t size, size_t count)
{
    ASSERT(count < ID_INDEX_NONE);
    id_index_close(index);
    if (count == 0)
        return;
    index->cap = cap_for(count);
    index->slots = mem_zalloc(index->cap * sizeof *index->slots);
    for (uint32_t place = 0; place < count; place++)
        index->slots[slot_of(index, items, size, id_at(items, size, place))] = place + 1;
}

void id_index_add(struct id_index *index, const void *items, size_t size, size_t count)
{
    ASSERT(count > 0 && count < ID_INDEX_NONE);
    if (count > index->cap / 4 * 3) {
        id_index_rebuild(index, items, size, count);
        return;
    }
    uint32_t place = (uint32_t)count - 1;
    index->slots[slot_of(index, items, size, id_at(items, size, place))] = place + 1;
}

void id_index_remove(struct id_index *index, const void *items, size_t size, uint32_t place)
{
    size_t mask = index->cap - 1;
    size_t hole = slot_of_place(index, items, size, place);
    for (size_t i = (hole + 1) & mask; index->slots[i] != 0; i = (i + 1) & mask) {
        /* Whoever would be found from its home through the hole moves into it. */
        size_t home = home_of(index, id_at(items, size, index->slots[i] - 1));
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            index->slots[hole] = index->slots[i];
            hole = i;
        }
    }
    index->slots[hole] = 0;
}

void id_index_move(struct id_index *index, const void *items, size_t size, uint32_t from, uint32_t to)
{
    index->slots[slot_of_place(index, items, size, from)] = to + 1;
}
