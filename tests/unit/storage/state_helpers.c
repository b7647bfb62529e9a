#include "state_helpers.h"

#include <check.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix.h"

void testdir_open(struct testdir *t)
{
    const char *tmp = getenv("TMPDIR");
    t->path = mem_printf("%s/barnabas-state-XXXXXX", tmp ? tmp : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(t->path));
    t->posix = disk_posix_new(0);
    t->disk = fault_disk_new(t->posix);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

void testdir_close(struct testdir *t)
{
    fault_disk_free(t->disk);
    disk_posix_free(t->posix);
    ck_assert_int_eq(nftw(t->path, remove_one, 16, FTW_DEPTH | FTW_PHYS), 0);
    free(t->path);
}

const char *testdir_path(const struct testdir *t, const char *name)
{
    static char paths[4][4096];
    static int next;
    char *path = paths[next++ & 3];
    snprintf(path, sizeof paths[0], "%s/%s", t->path, name);
    return path;
}

void testdir_put(const struct testdir *t, const char *name, struct view bytes)
{
    FILE *file = fopen(testdir_path(t, name), "wb");
    ck_assert_ptr_nonnull(file);
    ck_assert_uint_eq(fwrite(bytes.ptr, 1, bytes.len, file), bytes.len);
    fclose(file);
}

void testdir_put_str(const struct testdir *t, const char *name, const char *text)
{
    testdir_put(t, name, view_str(text));
}

void testdir_mkdir(const struct testdir *t, const char *name)
{
    ck_assert_int_eq(mkdir(testdir_path(t, name), 0700), 0);
}

bool testdir_has(const struct testdir *t, const char *name)
{
    struct stat st;
    return lstat(testdir_path(t, name), &st) == 0;
}

struct buf testdir_get(const struct testdir *t, const char *name)
{
    return vector_slurp(testdir_path(t, name));
}

bool testdir_is(const struct testdir *t, const char *name, const char *text)
{
    struct buf bytes = testdir_get(t, name);
    bool same = view_equal_str(buf_view(&bytes), text);
    if (!same)
        fprintf(stderr, "%s: \"%s\" instead of \"%s\"\n", name, buf_cstr(&bytes), text);
    buf_close(&bytes);
    return same;
}
