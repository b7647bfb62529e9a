#include "storage/compact/newest.h"

#include <stdlib.h>

#include "base/mem.h"

#define WORD_BITS 64

void newest_close(struct newest *newest)
{
    free(newest->words);
    *newest = (struct newest){0};
}

static uint64_t bit_of(const struct newest *newest, int64_t offset)
{
    return (uint64_t)(offset - newest->base) >> newest->shift;
}

void newest_begin(struct newest *newest, int64_t base, int64_t end)
{
    newest_close(newest);
    if (end <= base)
        return;
    newest->base = base;
    newest->end = end;
    while (bit_of(newest, end - 1) >= NEWEST_BITS)
        newest->shift++;
    newest->words = mem_zalloc((bit_of(newest, end - 1) / WORD_BITS + 1) * sizeof *newest->words);
}

void newest_mark(struct newest *newest, int64_t from, int64_t to)
{
    from = from < newest->base ? newest->base : from;
    to = to >= newest->end ? newest->end - 1 : to;
    if (from > to)
        return;
    for (uint64_t bit = bit_of(newest, from); bit <= bit_of(newest, to); bit++)
        newest->words[bit / WORD_BITS] |= UINT64_C(1) << (bit % WORD_BITS);
}

void newest_end(struct newest *newest, const struct key_map *map, int64_t end)
{
    int64_t offset;
    for (size_t it = 0; key_map_next(map, &it, &offset);)
        newest_mark(newest, offset, offset);
    newest->end = end < newest->end ? end : newest->end;
}

/* Bits [first, last] of a word. */
static uint64_t mask_of(uint64_t first, uint64_t last)
{
    return (UINT64_MAX << first) & (UINT64_MAX >> (WORD_BITS - 1 - last));
}

bool newest_is_none(const struct newest *newest, int64_t from, int64_t to)
{
    if (from < newest->base || to >= newest->end || from > to)
        return false;
    const uint64_t first = bit_of(newest, from), last = bit_of(newest, to);
    for (uint64_t word = first / WORD_BITS; word <= last / WORD_BITS; word++) {
        const uint64_t begin = word == first / WORD_BITS ? first % WORD_BITS : 0;
        const uint64_t end = word == last / WORD_BITS ? last % WORD_BITS : WORD_BITS - 1;
        if (newest->words[word] & mask_of(begin, end))
            return false;
    }
    return true;
}
