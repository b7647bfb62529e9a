/*
 * The files of tests/unit/storage/vectors, which Kafka's own classes wrote.
 */
#ifndef BARNABAS_TESTS_STORAGE_STATE_VECTORS_H
#define BARNABAS_TESTS_STORAGE_STATE_VECTORS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/view.h"

/* Any file's bytes; fails the test when there is none (buf_close). */
struct buf vector_slurp(const char *path);
/* A file of tests/unit/storage/vectors (buf_close). */
struct buf vector_load(const char *name);
/* Next tab-parted field of a line of a vector file; moves `text` past it. False at the end of the line. */
bool vector_field(struct view *line, struct view *field);
bool vector_line(struct view *text, struct view *line);
void vector_unhex(struct view hex, struct buf *out);

#endif
