#include "cli/java_order.h"

#include <stdlib.h>

#include "base/mem.h"

#define FIRST_TABLE_SIZE 16

/* Takes one code point off the front; a malformed byte stands for itself. */
static uint32_t take_code_point(struct view *text)
{
    const uint8_t *p = text->ptr;
    size_t len = p[0] < 0xC0 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
    if (len > text->len)
        len = 1;
    uint32_t point = len == 1 ? p[0] : p[0] & (0xFFu >> (len + 1));
    for (size_t i = 1; i < len; i++)
        point = point << 6 | (p[i] & 0x3Fu);
    *text = view_of(p + len, text->len - len);
    return point;
}

int32_t java_string_hash(struct view text)
{
    uint32_t hash = 0;
    while (text.len > 0) {
        uint32_t point = take_code_point(&text);
        if (point >= 0x10000) {
            point -= 0x10000;
            hash = hash * 31 + (0xD800 + (point >> 10));
            point = 0xDC00 + (point & 0x3FF);
        }
        hash = hash * 31 + point;
    }
    return (int32_t)hash;
}

struct placed {
    uint32_t bucket;
    size_t index;
};

static int compare_placed(const void *a, const void *b)
{
    const struct placed *x = a, *y = b;
    if (x->bucket != y->bucket)
        return x->bucket < y->bucket ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static size_t table_size(size_t count, size_t capacity)
{
    size_t table = 1;
    while (table < (capacity ? capacity : FIRST_TABLE_SIZE))
        table *= 2;
    while (count > table * 3 / 4)
        table *= 2;
    return table;
}

void java_hash_codes_order(const int32_t *hashes, size_t count, size_t capacity, size_t *order)
{
    size_t table = table_size(count, capacity);
    struct placed *placed = mem_alloc((count + 1) * sizeof *placed);
    for (size_t i = 0; i < count; i++) {
        uint32_t hash = (uint32_t)hashes[i];
        placed[i] = (struct placed){(hash ^ hash >> 16) & (uint32_t)(table - 1), i};
    }
    qsort(placed, count, sizeof *placed, compare_placed);
    for (size_t i = 0; i < count; i++)
        order[i] = placed[i].index;
    free(placed);
}

void java_hash_order(const struct view *keys, size_t count, size_t *order)
{
    int32_t *hashes = mem_alloc((count + 1) * sizeof *hashes);
    for (size_t i = 0; i < count; i++)
        hashes[i] = java_string_hash(keys[i]);
    java_hash_codes_order(hashes, count, 0, order);
    free(hashes);
}

int32_t java_partition_hash(struct view topic, int32_t partition)
{
    return (int32_t)((31 + (uint32_t)partition) * 31 + (uint32_t)java_string_hash(topic));
}

size_t java_set_capacity(size_t count)
{
    size_t wanted = (size_t)((float)count / 0.75f) + 1;
    return wanted > FIRST_TABLE_SIZE ? wanted : FIRST_TABLE_SIZE;
}
