/*
 * Why something failed, for a human: 256 bytes, owned by the caller, copied by
 * value between threads. Each layer on the way up prefixes what it was doing:
 * "open log orders-3: read index: No space left on device".
 * Every function that takes `struct errmsg *why` accepts NULL.
 * Runs on: any.
 */
#ifndef BARNABAS_BASE_ERRMSG_H
#define BARNABAS_BASE_ERRMSG_H

struct errmsg {
    char text[256];
};

/* Replaces the text. */
void errmsg_set(struct errmsg *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<formatted>: " before the present text, cutting the far end if it must. */
void errmsg_prefix(struct errmsg *why, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Replaces the text by "<formatted>: <strerror(errnum)>". */
void errmsg_set_errno(struct errmsg *why, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
