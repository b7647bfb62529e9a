/*
 * A directory of its own for each test, on the POSIX disk behind one that
 * fails when told to.
 */
#ifndef BARNABAS_TESTS_STORAGE_STATE_HELPERS_H
#define BARNABAS_TESTS_STORAGE_STATE_HELPERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/view.h"
#include "fake/fault_disk.h"
#include "port/disk.h"
#include "state_vectors.h"

struct testdir {
    struct disk *posix;
    struct disk *disk; /* the failing one */
    char *path;
};

void testdir_open(struct testdir *t);
void testdir_close(struct testdir *t);
/* "<path>/<name>", valid until the next four calls. */
const char *testdir_path(const struct testdir *t, const char *name);
void testdir_put(const struct testdir *t, const char *name, struct view bytes);
void testdir_put_str(const struct testdir *t, const char *name, const char *text);
void testdir_mkdir(const struct testdir *t, const char *name);
bool testdir_has(const struct testdir *t, const char *name);
/* The file's bytes (buf_close). */
struct buf testdir_get(const struct testdir *t, const char *name);
/* Its content is exactly this text. */
bool testdir_is(const struct testdir *t, const char *name, const char *text);

#endif
