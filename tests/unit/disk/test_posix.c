#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix.h"
#include "disk/posix_clock.h"
#include "disk/posix_random.h"
#include "tests.h"

static struct disk *disk;
static char root[64];
static char paths[4][96];

static const char *in_root(int slot, const char *name)
{
    snprintf(paths[slot], sizeof paths[slot], "%s/%s", root, name);
    return paths[slot];
}

static void setup(void)
{
    snprintf(root, sizeof root, "/tmp/barnabas-disk-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
    disk = disk_posix_new(4);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void teardown(void)
{
    disk_posix_free(disk);
    nftw(root, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static struct disk_file *open_file(const char *name, enum disk_open_mode mode)
{
    struct disk_file *file = NULL;
    struct errmsg why;
    ck_assert_msg(DISK(disk, open, in_root(0, name), mode, &file, &why) == ERR_NONE, "%s", why.text);
    return file;
}

static void write_text(struct disk_file *file, const char *text, int64_t pos)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, pos, NULL), ERR_NONE);
}

START_TEST(what_was_written_is_read_back)
{
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    struct iovec iov[3] = {{"abc", 3}, {"", 0}, {"defg", 4}};
    ck_assert_int_eq(DISK_FILE(file, pwritev, iov, 3, 2, NULL), ERR_NONE);
    char got[16];
    size_t n;
    ck_assert_int_eq(DISK_FILE(file, pread, got, sizeof got, 2, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 7);
    ck_assert_mem_eq(got, "abcdefg", 7);
    ck_assert_int_eq(DISK_FILE(file, pread, got, 4, 9, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 0);
    struct disk_stat st;
    ck_assert_int_eq(DISK_FILE(file, stat_file, &st, NULL), ERR_NONE);
    ck_assert_int_eq(st.size_bytes, 9);
    ck_assert_int_eq(st.kind, DISK_ENTRY_FILE);
    ck_assert_int_eq(DISK_FILE(file, truncate, 4, NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, stat, in_root(0, "f"), &st, NULL), ERR_NONE);
    ck_assert_int_eq(st.size_bytes, 4);
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_NONE);
    DISK_FILE(file, start_writeback, 0, 4);
    DISK_FILE(file, set_mtime, 1234567890123);
    ck_assert_int_eq(DISK_FILE(file, stat_file, &st, NULL), ERR_NONE);
    ck_assert_int_eq(st.mtime_ms, 1234567890123);
    disk_file_release(file);
}
END_TEST

START_TEST(many_pieces_are_written_by_one_call)
{
    enum { PIECES = 3000 };
    struct iovec *iov = (struct iovec *)mem_alloc(PIECES * sizeof *iov);
    for (int i = 0; i < PIECES; i++)
        iov[i] = (struct iovec){i % 2 ? "b" : "aa", i % 2 ? 1 : 2};
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    ck_assert_int_eq(DISK_FILE(file, pwritev, iov, PIECES, 0, NULL), ERR_NONE);
    char got[PIECES * 2];
    size_t n;
    ck_assert_int_eq(DISK_FILE(file, pread, got, sizeof got, 0, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, PIECES / 2 * 3);
    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(got[i], i % 3 == 2 ? 'b' : 'a');
    disk_file_release(file);
    free(iov);
}
END_TEST

START_TEST(cached_bytes_are_read_without_waiting)
{
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    write_text(file, "hello", 0);
    char got[8];
    size_t n;
    ck_assert_int_eq(DISK_FILE(file, pread_nowait, got, sizeof got, 0, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 5);
    disk_file_release(file);
}
END_TEST

#define PIECE (256 * 1024)

/* Whether the page at `pos` is in the page cache, asked in a way that does not bring it there. */
static bool is_resident(int fd, off_t pos)
{
    unsigned char in_core = 0;
    void *page = mmap(NULL, 1, PROT_READ, MAP_SHARED, fd, pos);
    ck_assert(page != MAP_FAILED);
    ck_assert_int_eq(mincore(page, 1, &in_core), 0);
    munmap(page, 1);
    return in_core & 1;
}

START_TEST(a_range_is_cached_when_all_of_it_is)
{
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    char *bytes = mem_zalloc(PIECE);
    struct iovec iov = {bytes, PIECE};
    for (int i = 0; i < 4; i++) /* what is written at once may leave the cache at once only */
        ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, i * PIECE, NULL), ERR_NONE);
    ck_assert(DISK_FILE(file, is_cached, 0, 4 * PIECE));
    ck_assert(DISK_FILE(file, is_cached, 5, 1));
    /* The third quarter leaves the cache, if the file system lets it. */
    ck_assert_int_eq(DISK_FILE(file, sync, NULL), ERR_NONE);
    int fd = disk->ops->pin_fd(file);
    ck_assert_int_eq(posix_fadvise(fd, 2 * PIECE, PIECE, POSIX_FADV_DONTNEED), 0);
    bool resident = is_resident(fd, 2 * PIECE);
    struct iovec one = {bytes, 1};
    bool tells = preadv2(fd, &one, 1, 0, RWF_NOWAIT) == 1;
    disk->ops->unpin_fd(file);
    ck_assert_int_eq(DISK_FILE(file, is_cached, 0, 4 * PIECE), resident || !tells);
    ck_assert(DISK_FILE(file, is_cached, 100, 2 * PIECE - 100));
    ck_assert(DISK_FILE(file, is_cached, 3 * PIECE, PIECE));
    free(bytes);
    disk_file_release(file);
}
END_TEST

START_TEST(modes_open_create_and_empty)
{
    struct disk_file *file = NULL;
    struct errmsg why;
    ck_assert_int_eq(DISK(disk, open, in_root(0, "no"), DISK_OPEN_READ, &file, &why), ERR_NOT_FOUND);
    ck_assert_ptr_nonnull(strstr(why.text, "/no"));
    ck_assert_ptr_nonnull(strstr(why.text, "No such file"));
    ck_assert_int_eq(DISK(disk, open, in_root(0, "no"), DISK_OPEN_WRITE, &file, NULL), ERR_NOT_FOUND);
    file = open_file("f", DISK_OPEN_CREATE);
    write_text(file, "hello", 0);
    disk_file_release(file);
    struct disk_stat st;
    file = open_file("f", DISK_OPEN_CREATE);
    ck_assert_int_eq(DISK_FILE(file, stat_file, &st, NULL), ERR_NONE);
    ck_assert_int_eq(st.size_bytes, 5);
    disk_file_release(file);
    file = open_file("f", DISK_OPEN_TRUNCATE);
    ck_assert_int_eq(DISK_FILE(file, stat_file, &st, NULL), ERR_NONE);
    ck_assert_int_eq(st.size_bytes, 0);
    disk_file_release(file);
    file = open_file("f", DISK_OPEN_READ);
    struct iovec iov = {"x", 1};
    ck_assert_int_eq(DISK_FILE(file, pwritev, &iov, 1, 0, &why), ERR_IO);
    disk_file_release(file);
    disk_file_release(NULL);
}
END_TEST

START_TEST(quiet_files_lose_their_descriptors_and_get_them_again)
{
    struct disk_file *files[20];
    char name[8];
    for (int i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "f%d", i);
        files[i] = open_file(name, DISK_OPEN_TRUNCATE);
        write_text(files[i], name, 0);
        ck_assert_int_le(disk_posix_open_fds(disk), 4);
    }
    for (int i = 0; i < 20; i++) {
        char got[8];
        size_t n;
        snprintf(name, sizeof name, "f%d", i);
        ck_assert_int_eq(DISK_FILE(files[i], pread, got, sizeof got, 0, &n, NULL), ERR_NONE);
        ck_assert_uint_eq(n, strlen(name)); /* opening again did not empty it */
        ck_assert_mem_eq(got, name, n);
        ck_assert_int_le(disk_posix_open_fds(disk), 4);
    }
    for (int i = 0; i < 20; i++)
        disk_file_release(files[i]);
    ck_assert_int_eq(disk_posix_open_fds(disk), 0);
}
END_TEST

START_TEST(pinned_descriptors_stay_open_beyond_the_limit)
{
    struct disk_file *files[8];
    int fds[8];
    char name[8];
    for (int i = 0; i < 8; i++) {
        snprintf(name, sizeof name, "f%d", i);
        files[i] = open_file(name, DISK_OPEN_CREATE);
        fds[i] = disk->ops->pin_fd(files[i]);
    }
    for (int i = 0; i < 8; i++)
        ck_assert_int_ge(fcntl(fds[i], F_GETFD), 0);
    ck_assert_int_eq(disk_posix_open_fds(disk), 8);
    for (int i = 0; i < 8; i++)
        disk->ops->unpin_fd(files[i]);
    struct disk_file *one_more = open_file("g", DISK_OPEN_CREATE);
    ck_assert_int_le(disk_posix_open_fds(disk), 4);
    disk_file_release(one_more);
    for (int i = 0; i < 8; i++)
        disk_file_release(files[i]);
}
END_TEST

START_TEST(a_handle_follows_the_rename_of_its_file)
{
    struct disk_file *file = open_file("old", DISK_OPEN_CREATE);
    write_text(file, "hello", 0);
    ck_assert_int_eq(DISK(disk, rename, in_root(0, "old"), in_root(1, "new"), NULL), ERR_NONE);
    DISK_FILE(file, set_path, in_root(1, "new"));
    struct disk_file *others[8];
    char name[8];
    for (int i = 0; i < 8; i++) { /* pushes it out */
        snprintf(name, sizeof name, "f%d", i);
        others[i] = open_file(name, DISK_OPEN_CREATE);
    }
    char got[8];
    size_t n;
    ck_assert_int_eq(DISK_FILE(file, pread, got, sizeof got, 0, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 5);
    for (int i = 0; i < 8; i++)
        disk_file_release(others[i]);
    disk_file_release(file);
}
END_TEST

START_TEST(a_shared_handle_survives_the_removal_of_its_file)
{
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    write_text(file, "hello", 0);
    struct disk_file *mine = disk_file_share(file);
    disk_file_release(file);
    ck_assert_int_eq(DISK(disk, unlink, in_root(0, "f"), NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, unlink, in_root(0, "f"), NULL), ERR_NONE);
    char got[8];
    size_t n;
    ck_assert_int_eq(DISK_FILE(mine, pread, got, sizeof got, 0, &n, NULL), ERR_NONE);
    ck_assert_uint_eq(n, 5);
    disk_file_release(mine);
}
END_TEST

static bool count_entry(void *arg, const char *name, enum disk_entry_kind kind)
{
    int *counts = (int *)arg;
    ck_assert_str_ne(name, ".");
    counts[kind]++;
    return true;
}

static bool stop_at_once(void *arg, const char *name, enum disk_entry_kind kind)
{
    (void)name;
    (void)kind;
    ++*(int *)arg;
    return false;
}

START_TEST(directories_are_made_listed_synced_and_removed)
{
    ck_assert_int_eq(DISK(disk, mkdir, in_root(0, "d"), NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, mkdir, in_root(0, "d"), NULL), ERR_EXISTS);
    ck_assert_int_eq(DISK(disk, mkdir, in_root(0, "x/y"), NULL), ERR_NOT_FOUND);
    ck_assert_int_eq(DISK(disk, mkdir, in_root(0, "d/sub"), NULL), ERR_NONE);
    disk_file_release(open_file("d/f", DISK_OPEN_CREATE));
    ck_assert_int_eq(symlink("f", in_root(0, "d/link")), 0);
    int counts[3] = {0};
    ck_assert_int_eq(DISK(disk, list, in_root(0, "d"), count_entry, counts, NULL), ERR_NONE);
    ck_assert_int_eq(counts[DISK_ENTRY_FILE], 2);
    ck_assert_int_eq(counts[DISK_ENTRY_DIR], 1);
    int seen = 0;
    ck_assert_int_eq(DISK(disk, list, in_root(0, "d"), stop_at_once, &seen, NULL), ERR_NONE);
    ck_assert_int_eq(seen, 1);
    ck_assert_int_eq(DISK(disk, list, in_root(0, "none"), stop_at_once, &seen, NULL), ERR_NOT_FOUND);
    ck_assert_int_eq(DISK(disk, sync_dir, in_root(0, "d"), NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, sync_fs, in_root(0, "d"), NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, rmdir, in_root(0, "d"), NULL), ERR_NOT_EMPTY);
    ck_assert_int_eq(DISK(disk, rmdir, in_root(0, "d/sub"), NULL), ERR_NONE);
    int64_t free_bytes, total_bytes;
    ck_assert_int_eq(DISK(disk, space, root, &free_bytes, &total_bytes, NULL), ERR_NONE);
    ck_assert_int_gt(total_bytes, free_bytes);
}
END_TEST

/* What another process gets that asks for the lock. */
static enum err lock_from_child(const char *path)
{
    pid_t pid = fork();
    if (pid == 0) {
        struct disk *own = disk_posix_new(4);
        struct disk_file *lock;
        _exit(DISK(own, lock, path, &lock, NULL) == ERR_NONE ? 0 : 1);
    }
    int status;
    waitpid(pid, &status, 0);
    return WEXITSTATUS(status) == 0 ? ERR_NONE : ERR_LOCKED;
}

START_TEST(a_lock_is_held_against_this_process_and_others_until_unlocked)
{
    const char *path = in_root(2, ".lock");
    struct disk_file *lock, *second;
    struct errmsg why;
    ck_assert_int_eq(DISK(disk, lock, path, &lock, NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, lock, path, &second, &why), ERR_LOCKED);
    ck_assert_int_eq(lock_from_child(path), ERR_LOCKED); /* the try before has not lost it */
    DISK_FILE(lock, unlock, false);
    ck_assert_int_eq(lock_from_child(path), ERR_NONE);
    struct disk_stat st;
    ck_assert_int_eq(DISK(disk, stat, path, &st, NULL), ERR_NONE);
    ck_assert_int_eq(DISK(disk, lock, path, &lock, NULL), ERR_NONE);
    DISK_FILE(lock, unlock, true);
    ck_assert_int_eq(DISK(disk, stat, path, &st, NULL), ERR_NOT_FOUND);
}
END_TEST

START_TEST(running_out_of_descriptors_is_not_a_disk_failure)
{
    struct disk_file *file = open_file("f", DISK_OPEN_CREATE);
    struct disk_file *pinned = open_file("p", DISK_OPEN_CREATE);
    disk->ops->pin_fd(pinned);
    int lowest = dup(0);
    close(lowest);
    struct rlimit before, low;
    getrlimit(RLIMIT_NOFILE, &before);
    low = before;
    low.rlim_cur = (rlim_t)lowest;
    setrlimit(RLIMIT_NOFILE, &low);
    struct disk_file *second = NULL, *third = NULL;
    struct errmsg why;
    /* The quiet file's descriptor is given up for it. */
    ck_assert_int_eq(DISK(disk, open, in_root(0, "g"), DISK_OPEN_CREATE, &second, &why), ERR_NONE);
    disk->ops->pin_fd(second);
    ck_assert_int_eq(DISK(disk, open, in_root(0, "h"), DISK_OPEN_CREATE, &third, &why), ERR_WOULD_BLOCK);
    setrlimit(RLIMIT_NOFILE, &before);
    disk->ops->unpin_fd(second);
    disk->ops->unpin_fd(pinned);
    disk_file_release(second);
    disk_file_release(pinned);
    disk_file_release(file);
}
END_TEST

/* --- threads on few descriptors ------------------------------------------------------------------------ */

#define HANDLES 12
#define THREADS 4

static struct disk_file *shared_files[HANDLES];
static atomic_int wrong;

static void *reader_main(void *arg)
{
    unsigned at = *(const unsigned *)arg;
    for (int i = 0; i < 3000; i++) {
        at = at * 1103515245u + 12345u;
        unsigned which = (at >> 16) % HANDLES;
        struct disk_file *file = disk_file_share(shared_files[which]);
        uint64_t got = 0;
        size_t n;
        if (i % 3 == 0) {
            int fd = disk->ops->pin_fd(file);
            if (fd < 0 || pread(fd, &got, sizeof got, 0) != sizeof got)
                atomic_store(&wrong, 1);
            disk->ops->unpin_fd(file);
        } else if (DISK_FILE(file, pread_nowait, &got, sizeof got, 0, &n, NULL) != ERR_NONE) {
            atomic_store(&wrong, 1);
        }
        if (got != which + 1)
            atomic_store(&wrong, 1);
        disk_file_release(file);
    }
    return NULL;
}

START_TEST(threads_share_handles_while_their_descriptors_come_and_go)
{
    char name[8];
    for (uint64_t i = 0; i < HANDLES; i++) {
        snprintf(name, sizeof name, "f%d", (int)i);
        shared_files[i] = open_file(name, DISK_OPEN_CREATE);
        uint64_t value = i + 1;
        struct iovec iov = {&value, sizeof value};
        ck_assert_int_eq(DISK_FILE(shared_files[i], pwritev, &iov, 1, 0, NULL), ERR_NONE);
    }
    pthread_t threads[THREADS];
    unsigned seeds[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        seeds[i] = i;
        pthread_create(&threads[i], NULL, reader_main, &seeds[i]);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&wrong), 0);
    ck_assert_int_le(disk_posix_open_fds(disk), 4 + THREADS);
    for (int i = 0; i < HANDLES; i++)
        disk_file_release(shared_files[i]);
    ck_assert_int_eq(disk_posix_open_fds(disk), 0);
}
END_TEST

START_TEST(the_clock_goes_on_and_random_bytes_differ)
{
    struct clock clock = clock_posix();
    int64_t first = clock.mono_ns(&clock);
    ck_assert_int_le(first, clock.mono_ns(&clock));
    ck_assert_int_gt(clock_wall_ms(&clock), 1600000000000);
    struct random random = random_posix();
    ck_assert(random_u64(&random) != random_u64(&random));
}
END_TEST

Suite *posix_suite(void)
{
    Suite *suite = suite_create("posix");
    TCase *tc = tcase_create("posix");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, what_was_written_is_read_back);
    tcase_add_test(tc, many_pieces_are_written_by_one_call);
    tcase_add_test(tc, cached_bytes_are_read_without_waiting);
    tcase_add_test(tc, a_range_is_cached_when_all_of_it_is);
    tcase_add_test(tc, modes_open_create_and_empty);
    tcase_add_test(tc, quiet_files_lose_their_descriptors_and_get_them_again);
    tcase_add_test(tc, pinned_descriptors_stay_open_beyond_the_limit);
    tcase_add_test(tc, a_handle_follows_the_rename_of_its_file);
    tcase_add_test(tc, a_shared_handle_survives_the_removal_of_its_file);
    tcase_add_test(tc, directories_are_made_listed_synced_and_removed);
    tcase_add_test(tc, a_lock_is_held_against_this_process_and_others_until_unlocked);
    tcase_add_test(tc, running_out_of_descriptors_is_not_a_disk_failure);
    tcase_add_test(tc, threads_share_handles_while_their_descriptors_come_and_go);
    tcase_add_test(tc, the_clock_goes_on_and_random_bytes_differ);
    suite_add_tcase(suite, tc);
    return suite;
}
