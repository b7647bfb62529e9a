#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mem.h"
#include "disk/posix.h"
#include "fixture.h"
#include "tests.h"

#define FILE_BYTES (4 * 1024 * 1024)

static struct fixture f;
static struct disk *disk;
static uint8_t *content;
static bool without_fd;
static struct disk_ops ops_without_fd;

static int no_fd(struct disk_file *file)
{
    (void)file;
    return -1;
}

static void no_unpin(struct disk_file *file)
{
    (void)file;
    ck_abort_msg("unpinned what was not pinned");
}

static void setup(void)
{
    fixture_init(&f);
    disk = disk_posix_new(4);
    if (without_fd) {
        ops_without_fd = *disk->ops;
        ops_without_fd.pin_fd = no_fd;
        ops_without_fd.unpin_fd = no_unpin;
        disk->ops = &ops_without_fd;
    }
    content = (uint8_t *)mem_alloc(FILE_BYTES);
    for (size_t i = 0; i < FILE_BYTES; i++)
        content[i] = (uint8_t)(i * 31 + (i >> 10));
    char path[] = "/tmp/barnabas-net-XXXXXX";
    close(mkstemp(path));
    ck_assert_int_eq(DISK(disk, open, path, DISK_OPEN_WRITE, &f.file, NULL), ERR_NONE);
    unlink(path);
    struct iovec iov = {content, FILE_BYTES};
    ck_assert_int_eq(DISK_FILE(f.file, pwritev, &iov, 1, 0, NULL), ERR_NONE);
}

static void teardown(void)
{
    fixture_stop(&f);
    disk_file_release(f.file);
    disk_posix_free(disk); /* asserts that every share came back */
    free(content);
}

static void setup_without_fd(void)
{
    without_fd = true;
    setup();
}

static void set_range(int i, int64_t pos, int64_t len)
{
    f.ranges[i] = (struct reply_range){.pos = pos, .len = len};
    f.ranges_count = i + 1;
}

static void expect_file(int fd)
{
    size_t len, at = 1;
    uint8_t *frame = client_receive(&f, fd, &len);
    ck_assert_ptr_nonnull(frame);
    ck_assert_int_eq(frame[0], 'f');
    for (int i = 0; i < f.ranges_count; i++) {
        ck_assert_uint_le(at + (size_t)f.ranges[i].len + 1, len);
        ck_assert_int_eq(memcmp(frame + at, content + f.ranges[i].pos, (size_t)f.ranges[i].len), 0);
        at += (size_t)f.ranges[i].len;
        ck_assert_int_eq(frame[at++], '0' + i);
    }
    ck_assert_uint_eq(at, len);
    free(frame);
}

START_TEST(small_and_large_ranges_arrive_between_their_bytes)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    set_range(0, 100, 1);
    set_range(1, 5000, 0);
    set_range(2, 4096, 3 * 1024 * 1024);
    set_range(3, 77, 70001);
    for (int i = 0; i < 3; i++) {
        client_send(&f, fd, 'e', 10);
        client_send(&f, fd, 'f', 10);
        client_send(&f, fd, 'e', 11);
        client_expect(&f, fd, 'e', 10);
        expect_file(fd);
        client_expect(&f, fd, 'e', 11);
    }
    if (!without_fd)
        ck_assert_int_ge(fixture_counters(&f).sendfiles, 9);
    close(fd);
}
END_TEST

START_TEST(a_slow_reader_gets_every_byte)
{
    f.config.send_buffer_bytes = 16384;
    fixture_start(&f);
    int fd = client_connect(&f);
    int small = 16384;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    set_range(0, 3, 50000);
    set_range(1, 70000, 30000);
    client_send(&f, fd, 'f', 10);
    client_send(&f, fd, 'e', 11);
    size_t total = 4 + 1 + 50000 + 1 + 30000 + 1 + 4 + 11, at = 0;
    uint8_t *got = (uint8_t *)mem_alloc(total);
    int idle = 0;
    while (at < total && idle < 20000) {
        ssize_t n = recv(fd, got + at, 1, MSG_DONTWAIT); /* a byte a turn */
        if (n == 1) {
            at++;
            idle = 0;
        } else {
            if (++idle > 200)
                fixture_pause(fd);
        }
        fixture_turn(&f);
    }
    ck_assert_uint_eq(at, total);
    ck_assert_int_eq(memcmp(got + 5, content + 3, 50000), 0);
    ck_assert_int_eq(memcmp(got + 50006, content + 70000, 30000), 0);
    free(got);
    close(fd);
}
END_TEST

START_TEST(a_file_shorter_than_promised_ends_the_connection)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    set_range(0, FILE_BYTES - 100, 200);
    client_send(&f, fd, 'f', 10);
    uint8_t skipped[105];
    size_t at = 0;
    while (at < sizeof skipped) {
        ssize_t n = recv(fd, skipped + at, sizeof skipped - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
        fixture_turn(&f);
    }
    client_expect_closed(&f, fd);
    close(fd);
}
END_TEST

START_TEST(a_peer_that_leaves_gives_the_file_back)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    set_range(0, 0, FILE_BYTES);
    client_send(&f, fd, 'f', 10);
    client_send(&f, fd, 'f', 10);
    TURN_UNTIL(&f, f.seen > 0);
    close(fd);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
}
END_TEST

/* --- a reader so slow that pages are dropped meanwhile ------------------------------------------------- */

/* Tells what it is told to of the page cache, and lets nobody read before the gate is open. */
static struct {
    struct disk_ops ops;
    const struct disk_ops *under;
    pthread_mutex_t lock;
    pthread_cond_t opened;
    bool open;
    bool read_by_the_loop;
    pthread_t loop_thread;
    atomic_bool cold;
    atomic_int asked;
    atomic_int reads;
    struct workers *workers;
} cache;

static bool told_cached(struct disk_file *file, int64_t pos, int64_t len)
{
    (void)file;
    ck_assert_int_le(pos + len, FILE_BYTES);
    cache.asked++;
    return !cache.cold;
}

static enum err gated_pread(struct disk_file *file, void *out, size_t len, int64_t pos, size_t *got,
                            struct errmsg *why)
{
    cache.reads++;
    pthread_mutex_lock(&cache.lock);
    cache.read_by_the_loop |= pthread_equal(pthread_self(), cache.loop_thread);
    while (!cache.open)
        pthread_cond_wait(&cache.opened, &cache.lock);
    pthread_mutex_unlock(&cache.lock);
    return cache.under->pread(file, out, len, pos, got, why);
}

static void open_gate(void)
{
    pthread_mutex_lock(&cache.lock);
    cache.open = true;
    pthread_cond_broadcast(&cache.opened);
    pthread_mutex_unlock(&cache.lock);
}

static void setup_cache(void)
{
    without_fd = false;
    setup();
    cache.under = disk->ops;
    cache.ops = *disk->ops;
    cache.ops.is_cached = told_cached;
    cache.ops.pread = gated_pread;
    disk->ops = &cache.ops;
    pthread_mutex_init(&cache.lock, NULL);
    pthread_cond_init(&cache.opened, NULL);
    cache.open = cache.read_by_the_loop = cache.cold = false;
    cache.asked = cache.reads = 0;
    cache.loop_thread = pthread_self();
    cache.workers = f.config.workers = workers_new(3);
    f.config.send_buffer_bytes = 16384;
    fixture_start(&f);
}

static void teardown_cache(void)
{
    workers_free(cache.workers);
    ck_assert(!cache.read_by_the_loop);
    teardown();
}

/* A client that has asked for the file and takes nothing of it; the socket is full. */
static int begin_slow_reader(int64_t len)
{
    int fd = client_connect(&f);
    int small = 16384;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    set_range(0, 0, len);
    client_send(&f, fd, 'f', 10);
    int64_t sent = -1;
    while (sent != fixture_counters(&f).bytes_out) {
        sent = fixture_counters(&f).bytes_out;
        for (int i = 0; i < 20; i++)
            fixture_turn(&f);
        fixture_pause(-1);
    }
    ck_assert_int_gt(sent, 0);
    ck_assert_int_lt(sent, len);
    return fd;
}

/* Takes what lies in the client's socket, and no more, so that the server may send again. */
static void drain(int fd, uint8_t *out, size_t *at)
{
    ssize_t n;
    while ((n = recv(fd, out + *at, 4096, MSG_DONTWAIT)) > 0)
        *at += (size_t)n;
}

/* Until somebody is at the gate. */
static void drain_until_read(int fd, uint8_t *out, size_t *at)
{
    for (int turn = 0; cache.reads == 0; turn++) {
        ck_assert_msg(turn < 20000 && *at < FILE_BYTES - 1000, "nobody read what was cold");
        drain(fd, out, at);
        fixture_turn(&f);
        fixture_pause(-1);
    }
}

static void check_rest(int fd, uint8_t *got, size_t at, size_t len)
{
    size_t total = 4 + 1 + len + 1;
    for (int idle = 0; at < total; idle++) {
        ck_assert_int_lt(idle, 20000);
        size_t before = at;
        drain(fd, got, &at);
        idle = at > before ? 0 : idle;
        if (idle > 200)
            fixture_pause(fd);
        fixture_turn(&f);
    }
    ck_assert_uint_eq(at, total);
    ck_assert_int_eq(memcmp(got + 5, content, len), 0);
}

START_TEST(what_left_the_page_cache_is_brought_back_by_a_worker_while_the_loop_serves_others)
{
    const size_t len = FILE_BYTES - 1000;
    uint8_t *got = (uint8_t *)mem_alloc(FILE_BYTES + 8192);
    size_t at = 0;
    int slow = begin_slow_reader((int64_t)len);
    ck_assert_int_eq(cache.asked, 0); /* it was just found there */
    cache.cold = true;
    fake_clock_advance_ms(&f.clock, 1000);
    drain_until_read(slow, got, &at);
    int64_t sent = fixture_counters(&f).bytes_out;
    int other = client_connect(&f);
    for (uint8_t i = 0; i < 10; i++) {
        client_send(&f, other, 'e', 10);
        client_expect(&f, other, 'e', 10);
    }
    drain(slow, got, &at);
    ck_assert_int_eq(fixture_counters(&f).bytes_out, sent + 10 * 14);
    ck_assert_int_eq(cache.asked, 1);
    open_gate();
    check_rest(slow, got, at, len); /* it stays as cold: window by window */
    ck_assert_int_ge(cache.asked, 4);
    free(got);
    close(slow);
    close(other);
}
END_TEST

START_TEST(what_is_still_cached_is_asked_for_once_a_window_and_read_by_nobody)
{
    const size_t len = FILE_BYTES - 1000;
    uint8_t *got = (uint8_t *)mem_alloc(FILE_BYTES + 8192);
    int slow = begin_slow_reader((int64_t)len);
    fake_clock_advance_ms(&f.clock, 1000);
    check_rest(slow, got, 0, len);
    ck_assert_int_ge(cache.asked, 4);
    ck_assert_int_le(cache.asked, 5);
    ck_assert_int_eq(cache.reads, 0);
    free(got);
    close(slow);
}
END_TEST

START_TEST(a_peer_that_leaves_while_its_bytes_are_brought_in_is_forgotten)
{
    uint8_t *got = (uint8_t *)mem_alloc(FILE_BYTES + 8192);
    size_t at = 0;
    int slow = begin_slow_reader(FILE_BYTES - 1000);
    cache.cold = true;
    fake_clock_advance_ms(&f.clock, 1000);
    drain_until_read(slow, got, &at);
    struct linger at_once = {.l_onoff = 1};
    setsockopt(slow, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    close(slow);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
    open_gate();
    free(got); /* and the share of the file comes back, see teardown */
}
END_TEST

Suite *files_suite(void)
{
    Suite *suite = suite_create("files");
    TCase *slow = tcase_create("slow readers");
    tcase_add_checked_fixture(slow, setup_cache, teardown_cache);
    tcase_set_timeout(slow, 60);
    tcase_add_test(slow, what_left_the_page_cache_is_brought_back_by_a_worker_while_the_loop_serves_others);
    tcase_add_test(slow, what_is_still_cached_is_asked_for_once_a_window_and_read_by_nobody);
    tcase_add_test(slow, a_peer_that_leaves_while_its_bytes_are_brought_in_is_forgotten);
    suite_add_tcase(suite, slow);
    for (int i = 0; i < 2; i++) {
        TCase *tc = tcase_create(i ? "without descriptors" : "sendfile");
        tcase_add_checked_fixture(tc, i ? setup_without_fd : setup, teardown);
        tcase_set_timeout(tc, 60);
        tcase_add_test(tc, small_and_large_ranges_arrive_between_their_bytes);
        tcase_add_test(tc, a_slow_reader_gets_every_byte);
        tcase_add_test(tc, a_file_shorter_than_promised_ends_the_connection);
        tcase_add_test(tc, a_peer_that_leaves_gives_the_file_back);
        suite_add_tcase(suite, tc);
    }
    return suite;
}
