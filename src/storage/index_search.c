#include "storage/index_search.h"

#include <string.h>

#include "base/assert.h"
#include "base/be.h"

/* So many reads may go where the target should be; then halving bounds what an uneven file costs. */
#define GUESSES 4

/* An entry and the value of its column. */
struct point {
    int64_t value; /* INDEX_END_UNKNOWN */
    int32_t i;
};

struct search {
    struct index_file *index;
    enum index_column column;
    int64_t target;
    /* The first entry above the target is in [lo, hi]; out->floor is entry lo - 1, out->next entry hi. */
    int32_t lo;
    int32_t hi;
    struct point below; /* entry lo - 1 */
    struct point above; /* entry hi, or the last one */
    struct point far;   /* the highest that is known */
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
        s->below = (struct point){value_of(s, s->out->floor), s->lo - 1};
    }
    if (above < n) {
        s->hi = from + above;
        s->out->has_next = true;
        memcpy(s->out->next, entries + (size_t)above * size, size);
        s->above = (struct point){value_of(s, s->out->next), s->hi};
    }
}

/* Where the target would be if entries lay evenly between two points, within [lo, hi). */
static int32_t place_between(const struct search *s, struct point a, struct point b)
{
    const int32_t middle = s->lo + (s->hi - s->lo) / 2;
    if (a.value == INDEX_END_UNKNOWN || b.value == INDEX_END_UNKNOWN || b.value <= a.value || b.i <= a.i)
        return middle;
    double per_entry = ((double)b.value - (double)a.value) / (b.i - a.i);
    double at = a.i + ((double)s->target - (double)a.value) / per_entry;
    if (at <= s->lo)
        return s->lo;
    return at >= s->hi ? s->hi : (int32_t)at;
}

static int32_t guess(const struct search *s)
{
    return s->below.value == INDEX_END_UNKNOWN ? place_between(s, s->above, s->far)
                                               : place_between(s, s->below, s->above);
}

static enum err search_file(struct search *s, bool nowait, struct errmsg *why)
{
    uint8_t page[INDEX_PAGE_BYTES];
    const int32_t page_entries = INDEX_PAGE_BYTES / s->index->entry_size;
    for (int reads = 0; s->lo < s->hi; reads++) {
        int32_t n = s->hi - s->lo < page_entries ? s->hi - s->lo : page_entries;
        int32_t from = (reads < GUESSES ? guess(s) : s->lo + (s->hi - s->lo) / 2) - n / 2;
        if (from > s->hi - n)
            from = s->hi - n;
        if (from < s->lo)
            from = s->lo;
        enum err err = index_file_read(s->index, from, n, nowait, page, why);
        if (err)
            return err;
        narrow(s, from, n, page);
        if (s->far.value == INDEX_END_UNKNOWN)
            s->far = (struct point){value_of(s, page + (size_t)(n - 1) * s->index->entry_size), from + n - 1};
    }
    return ERR_NONE;
}

enum err index_search(struct index_file *index, enum index_column column, int64_t target,
                      struct index_ends ends, bool nowait, struct index_place *out, struct errmsg *why)
{
    ASSERT(index->loaded);
    *out = (struct index_place){.floor_i = -1};
    struct search s = {
        .index = index,
        .column = column,
        .target = target,
        .lo = index->written,
        .hi = index->count,
        .below = {INDEX_END_UNKNOWN, -1},
        .above = {ends.last, index->count - 1},
        .far = {ends.last, index->count - 1},
        .out = out,
    };
    narrow(&s, index->written, index->count - index->written, index->tail);
    if (s.lo == index->written) { /* nothing in the tail, or nothing at or below the target */
        s.lo = 0;
        s.hi = index->written;
        s.below = (struct point){ends.before_first, -1};
        enum err err = search_file(&s, nowait, why);
        if (err)
            return err;
    }
    out->floor_i = s.lo - 1;
    return ERR_NONE;
}

enum err index_search_drop_from(struct index_file *index, enum index_column column, int64_t value,
                                struct index_ends ends, struct errmsg *why)
{
    struct index_place place;
    enum err err = index_search(index, column, value - 1, ends, false, &place, why);
    return err ? err : index_file_truncate(index, place.floor_i + 1, why);
}
