/*
 * Java properties text: server.properties, meta.properties.
 *
 * Understands '#' and '!' comments, '=', ':' and blanks as separators,
 * backslash escapes, \uXXXX and continued lines, as java.util.Properties.load
 * does on a byte stream: bytes are Latin-1. Keys and values are UTF-8; a NUL,
 * which C strings cannot hold, becomes U+FFFD.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_PROPERTIES_H
#define BARNABAS_BASE_PROPERTIES_H

#include "base/buf.h"
#include "base/view.h"

struct property {
    char *key;
    char *value;
    int line; /* 1-based line on which it begins */
};

struct properties {
    struct property *items; /* in file order; a later equal key does not replace an earlier one */
    size_t count;
};

/*
 * Never fails: any text is some properties. (Java refuses a malformed \uXXXX; here the backslash is
 * dropped, as before any other letter.) Gives `out` (properties_close).
 */
void properties_parse(struct view text, struct properties *out);
void properties_close(struct properties *props);
/* The last value of `key`, or NULL. */
const char *properties_get(const struct properties *props, const char *key);
/* Appends "key=value\n" with Java's escapes. */
void properties_put(struct buf *out, const char *key, const char *value);

#endif
