#include "storage/index_search.h"

#include <string.h>

#include "base/assert.h"
#include "base/be.h"

/* So many reads may follow the slope of the last one; then halving bounds what an uneven file costs. */
#define GUESSES 3

struct search {
    struct index_file *index;
    enum index_column column;
    int64_t target;
    /* The first entry above the target is in [lo, hi]; out->floor is entry lo - 1, out->next entry hi. */
    int32_t lo;
    int32_t hi;
    struct index_place *out;
};

static int64_t value_of(const struct search *s, const uint8_t *entry)
{
    switch (s->column) {
    case INDEX_COLUMN_I32_AT_0:
        return be_get_i32(entry);
    case INDEX_COLUMN_I32_AT_4:
        return be_get_i32(entry + 4);
    case INDEX_COLUMN_I32_AT_8:
        return be_get_i32(entry + 8);
    case INDEX_COLUMN_I64_AT_0:
        return be_get_i64(entry);
    }
    UNREACHABLE();
}

/* Narrows by entries [from, from + n), which lie at `entries` and within [lo, hi). */
static void narrow(struct search *s, int32_t from, int32_t n, const uint8_t *entries)
{
    const size_t size = s->index->entry_size;
    int32_t above = 0, end = n; /* the first entry above the target is in [above, end] */
    while (above < end) {
        int32_t mid = above + (end - above) / 2;
        if (value_of(s, entries + (size_t)mid * size) <= s->target)
            above = mid + 1;
        else
            end = mid;
    }
    if (above > 0) {
        s->lo = from + above;
        memcpy(s->out->floor, entries + (size_t)(above - 1) * size, size);
    }
    if (above < n) {
        s->hi = from + above;
        s->out->has_next = true;
        memcpy(s->out->next, entries + (size_t)above * size, size);
    }
}

/* Where the target would be if entries went on as evenly as in the page [from, from + n). */
static int32_t extrapolate(const struct search *s, int32_t from, int32_t n, const uint8_t *page)
{
    const int64_t first = value_of(s, page);
    const int64_t last = value_of(s, page + (size_t)(n - 1) * s->index->entry_size);
    if (n < 2 || last <= first)
        return INDEX_NO_GUESS;
    double per_entry = ((double)last - (double)first) / (n - 1);
    double at = from + ((double)s->target - (double)first) / per_entry;
    if (at <= s->lo)
        return s->lo;
    return at >= s->hi ? s->hi : (int32_t)at;
}

static enum err search_file(struct search *s, int32_t guess, bool nowait, struct errmsg *why)
{
    uint8_t page[INDEX_PAGE_BYTES];
    const int32_t page_entries = INDEX_PAGE_BYTES / s->index->entry_size;
    for (int reads = 0; s->lo < s->hi; reads++) {
        int32_t middle = s->lo + (s->hi - s->lo) / 2;
        if (guess != INDEX_NO_GUESS && reads < GUESSES)
            middle = guess;
        int32_t n = s->hi - s->lo < page_entries ? s->hi - s->lo : page_entries;
        int32_t from = middle - n / 2;
        if (from > s->hi - n)
            from = s->hi - n;
        if (from < s->lo)
            from = s->lo;
        enum err err = index_file_read(s->index, from, n, nowait, page, why);
        if (err)
            return err;
        narrow(s, from, n, page);
        guess = extrapolate(s, from, n, page);
    }
    return ERR_NONE;
}

enum err index_search(struct index_file *index, enum index_column column, int64_t target, int32_t guess,
                      bool nowait, struct index_place *out, struct errmsg *why)
{
    ASSERT(index->loaded);
    *out = (struct index_place){.floor_i = -1};
    struct search s = {index, column, target, index->written, index->count, out};
    narrow(&s, index->written, index->count - index->written, index->tail);
    if (s.lo == index->written) { /* nothing in the tail, or nothing at or below the target */
        s.lo = 0;
        s.hi = index->written;
        enum err err = search_file(&s, guess, nowait, why);
        if (err)
            return err;
    }
    out->floor_i = s.lo - 1;
    return ERR_NONE;
}
