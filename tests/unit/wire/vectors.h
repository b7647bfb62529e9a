/*
 * The lines of tests/wire/vectors/vectors.txt: messages as Kafka's own classes
 * encode them.
 */
#ifndef BARNABAS_TESTS_WIRE_VECTORS_H
#define BARNABAS_TESTS_WIRE_VECTORS_H

#include <stdio.h>

#include "base/buf.h"
#include "wire/table.h"

struct vectors {
    FILE *file;
    char *line;
    size_t cap;
    int number;
};

struct vector {
    const struct wire_message *desc;
    int16_t version;
    struct buf bytes;
};

/* Finds the file below top_srcdir of the environment, else beside the build folder; aborts when it is not
 * there. */
void vectors_open(struct vectors *vectors);
/* False at the end; `out->bytes` is reused from call to call (buf_close in the end). */
bool vectors_next(struct vectors *vectors, struct vector *out);
void vectors_close(struct vectors *vectors);

#endif
