/*
 * A view borrows a run of bytes: a string, a key, a record set inside a frame.
 *
 * Ownership: a view never owns. Whoever hands one out says how long it stays
 * valid; a decoded request's views borrow from its frame.
 * Null and empty differ, as in Kafka's protocol: null has ptr == NULL.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_VIEW_H
#define BARNABAS_BASE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct view {
    const uint8_t *ptr; /* NULL means null, which is not the same as empty */
    size_t len;
};

#define VIEW_NULL         ((struct view){NULL, 0})
#define VIEW_LIT(literal) ((struct view){(const uint8_t *)(literal), sizeof(literal) - 1})

/* "%.*s" arguments of a view, for log lines and messages. */
#define VIEW_FMT(v) (int)(v).len, ((v).ptr ? (const char *)(v).ptr : "")

static inline struct view view_of(const void *ptr, size_t len)
{
    return (struct view){ptr, len};
}

/* View of a C string; NULL gives the null view. */
static inline struct view view_str(const char *text)
{
    return text ? view_of(text, strlen(text)) : VIEW_NULL;
}

static inline bool view_is_null(struct view v)
{
    return v.ptr == NULL;
}

/* Equal bytes; null equals only null. */
static inline bool view_equal(struct view a, struct view b)
{
    return a.len == b.len && (a.ptr == NULL) == (b.ptr == NULL) &&
           (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool view_equal_str(struct view v, const char *text)
{
    return view_equal(v, view_str(text));
}

/* Order of bytes, shorter first when one is a prefix of the other. */
static inline int view_compare(struct view a, struct view b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int c = n ? memcmp(a.ptr, b.ptr, n) : 0;
    return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* Heap copy as a C string; gives it (free()). Null gives NULL. */
char *view_to_cstr(struct view v);

#endif
