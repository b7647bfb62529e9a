#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "fixture.h"
#include "tests.h"

static struct fixture f;

static void setup(void)
{
    fixture_init(&f);
}

static void teardown(void)
{
    fixture_stop(&f);
}

START_TEST(frames_of_every_size_come_back)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    static const size_t sizes[] = {1,     2,      1000,   1024,   1025,   4096,
                                   30000, 131067, 131068, 131069, 200000, 1048577};
    for (int round = 0; round < 3; round++) {
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            client_send(&f, fd, 'e', sizes[i]);
            client_expect(&f, fd, 'e', sizes[i]);
        }
    }
    close(fd);
}
END_TEST

START_TEST(bytes_that_come_one_by_one_make_frames)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    uint8_t frames[2 * 24];
    for (int i = 0; i < 2; i++) {
        memset(frames + i * 24, 'e', 24);
        be_put_i32(frames + i * 24, 20);
    }
    for (size_t i = 0; i < sizeof frames; i++)
        client_send_raw(&f, fd, frames + i, 1);
    for (int i = 0; i < 2; i++) {
        size_t len;
        uint8_t *frame = client_receive(&f, fd, &len);
        ck_assert_uint_eq(len, 20);
        ck_assert_mem_eq(frame, frames + 4, 20);
        free(frame);
    }
    close(fd);
}
END_TEST

START_TEST(a_stream_may_be_cut_anywhere)
{
    fixture_start(&f);
    static const size_t cuts[] = {1, 2, 3, 5, 7, 512, 4097, 70000};
    for (size_t c = 0; c < sizeof cuts / sizeof cuts[0]; c++) {
        int fd = client_connect(&f);
        struct buf stream = {0};
        int frames = cuts[c] < 10 ? 30 : 300;
        for (int i = 0; i < frames; i++) {
            size_t len = (size_t)(1 + i * 37 % 2500);
            buf_put_i32(&stream, (int32_t)len);
            uint8_t *at = buf_extend(&stream, len);
            memset(at, i, len);
            at[0] = 'e';
        }
        for (size_t at = 0; at < stream.len; at += cuts[c]) {
            size_t n = stream.len - at < cuts[c] ? stream.len - at : cuts[c];
            client_send_raw(&f, fd, stream.data + at, n);
        }
        for (int i = 0; i < frames; i++) {
            size_t len;
            uint8_t *frame = client_receive(&f, fd, &len);
            ck_assert_uint_eq(len, (size_t)(1 + i * 37 % 2500));
            ck_assert(len == 1 || frame[len - 1] == (uint8_t)i);
            free(frame);
        }
        buf_close(&stream);
        close(fd);
    }
}
END_TEST

START_TEST(answers_of_pipelined_requests_leave_in_one_write)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    uint8_t frames[10 * 16];
    size_t sent = 0;
    for (int i = 0; i < 10; i++) { /* one byte, two bytes, and so on */
        be_put_i32(frames + sent, i + 1);
        memset(frames + sent + 4, 'A' + i, (size_t)i + 1);
        sent += 4 + (size_t)i + 1;
    }
    TURN_UNTIL(&f, fixture_counters(&f).connections == 1);
    int64_t writes = fixture_counters(&f).writes, reads = fixture_counters(&f).reads;
    client_send_raw(&f, fd, frames, sent);
    const uint8_t *expected = frames + 4;
    for (int i = 0; i < 10; i++) {
        size_t len;
        uint8_t *answer = client_receive(&f, fd, &len);
        ck_assert_uint_eq(len, (size_t)i + 1);
        ck_assert_mem_eq(answer, expected, len);
        expected += len + 4;
        free(answer);
    }
    ck_assert_int_eq(fixture_counters(&f).writes - writes, 1);
    ck_assert_int_eq(fixture_counters(&f).reads - reads, 1);
    close(fd);
}
END_TEST

START_TEST(the_next_request_waits_for_the_answer_before)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    client_send(&f, fd, 'e', 20);
    client_send(&f, fd, 'e', 3000);
    TURN_UNTIL(&f, f.held_count == 1);
    client_expect_nothing(&f, fd);
    ck_assert_int_eq(f.seen, 1);
    fixture_answer(&f, 0);
    client_expect(&f, fd, 'l', 10);
    client_expect(&f, fd, 'e', 20);
    client_expect(&f, fd, 'e', 3000);
    close(fd);
}
END_TEST

START_TEST(pipelined_answers_keep_the_order_of_requests)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    for (size_t i = 1; i <= 5; i++)
        client_send(&f, fd, 'p', i * 100);
    client_send(&f, fd, 'e', 7);
    TURN_UNTIL(&f, f.seen == 6);
    for (int i = 4; i > 0; i--)
        fixture_answer(&f, i);
    client_expect_nothing(&f, fd);
    fixture_answer(&f, 0);
    for (size_t i = 1; i <= 5; i++)
        client_expect(&f, fd, 'p', i * 100);
    client_expect(&f, fd, 'e', 7);
    close(fd);
}
END_TEST

START_TEST(outstanding_requests_of_a_connection_are_bounded)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    for (int i = 0; i < 100; i++)
        client_send(&f, fd, 'p', 10);
    client_expect_nothing(&f, fd);
    ck_assert_int_eq(f.held_count, 64);
    for (int i = 0; i < 100; i++) {
        TURN_UNTIL(&f, f.held_count > i);
        fixture_answer(&f, i);
    }
    for (int i = 0; i < 100; i++)
        client_expect(&f, fd, 'p', 10);
    close(fd);
}
END_TEST

START_TEST(a_request_may_end_in_silence)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 's', 10);
    client_send(&f, fd, 's', 10);
    client_send(&f, fd, 'e', 10);
    client_expect(&f, fd, 'e', 10);
    client_expect_nothing(&f, fd);
    close(fd);
}
END_TEST

START_TEST(closing_comes_after_the_answers_before_it)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'p', 10);
    client_send(&f, fd, 'e', 11);
    client_send(&f, fd, 'c', 12);
    client_send(&f, fd, 'e', 13);
    client_expect_nothing(&f, fd);
    fixture_answer(&f, 0);
    client_expect(&f, fd, 'p', 10);
    client_expect(&f, fd, 'e', 11);
    client_expect_closed(&f, fd);
    close(fd);
}
END_TEST

static void send_size(int fd, int32_t size)
{
    uint8_t bytes[8] = {0};
    be_put_i32(bytes, size);
    client_send_raw(&f, fd, bytes, sizeof bytes);
}

START_TEST(absurd_sizes_close_the_connection)
{
    f.config.request_max_bytes = 1000;
    fixture_start(&f);
    static const int32_t sizes[] = {-1, INT32_MIN, INT32_MAX, 1001, 0x47455420 /* "GET " */};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        int fd = client_connect(&f);
        client_send(&f, fd, 'e', 1000);
        send_size(fd, sizes[i]);
        client_expect(&f, fd, 'e', 1000);
        client_expect_closed(&f, fd);
        close(fd);
    }
}
END_TEST

START_TEST(an_empty_frame_goes_to_the_handler)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    uint8_t zero[4] = {0};
    client_send_raw(&f, fd, zero, 4);
    size_t len;
    free(client_receive(&f, fd, &len));
    ck_assert_uint_eq(len, 0);
    ck_assert_int_eq(f.seen, 1);
    close(fd);
}
END_TEST

START_TEST(a_promised_size_reserves_nothing)
{
    fixture_start(&f);
    int fds[20];
    uint8_t head[104] = {0};
    be_put_i32(head, 100 * 1024 * 1024);
    for (int i = 0; i < 20; i++) {
        fds[i] = client_connect(&f);
        client_send_raw(&f, fds[i], head, sizeof head);
    }
    TURN_UNTIL(&f, fixture_counters(&f).frame_bytes == 20 * (int64_t)sizeof head);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
}
END_TEST

START_TEST(a_throttled_connection_is_muted_for_that_time)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 't', 10);
    client_send(&f, fd, 'e', 11);
    client_expect(&f, fd, 't', 10); /* at once */
    client_expect_nothing(&f, fd);
    fake_clock_advance_ms(&f.clock, 999);
    client_expect_nothing(&f, fd);
    fake_clock_advance_ms(&f.clock, 1);
    client_expect(&f, fd, 'e', 11);
    close(fd);
}
END_TEST

START_TEST(a_peer_that_resets_loses_its_requests)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 5000);
    TURN_UNTIL(&f, f.held_count == 1);
    ck_assert_str_ne(request_peer(f.held[0]), "gone");
    ck_assert_int_eq(request_peer_addr(f.held[0])->sa_family, AF_INET);
    struct linger hard = {.l_onoff = 1, .l_linger = 0};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
    close(fd);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
    ck_assert_int_eq(f.abandoned, 1);
    ck_assert_ptr_null(f.held[0]->conn);
    ck_assert_str_eq(request_peer(f.held[0]), "gone");
    ck_assert_ptr_null(request_peer_addr(f.held[0]));
    ck_assert_uint_eq(f.held[0]->frame_len, 5000); /* still its to read */
    fixture_answer(&f, 0);
}
END_TEST

START_TEST(a_half_closed_peer_gets_its_answers)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    client_send(&f, fd, 'e', 11);
    shutdown(fd, SHUT_WR);
    TURN_UNTIL(&f, f.held_count == 1);
    client_expect_nothing(&f, fd);
    fixture_answer(&f, 0);
    client_expect(&f, fd, 'l', 10);
    client_expect(&f, fd, 'e', 11);
    client_expect_closed(&f, fd);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
    close(fd);
}
END_TEST

START_TEST(a_handler_may_end_what_is_abandoned)
{
    f.end_abandoned = true;
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'p', 10);
    client_send(&f, fd, 'p', 10);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 3);
    close(fd);
    TURN_UNTIL(&f, fixture_counters(&f).connections == 0);
    ck_assert_int_eq(f.abandoned, 3);
}
END_TEST

/* As who counts what else is to be ended, or gives back what the request's memory names. */
START_TEST(who_ends_a_request_without_a_peer_has_its_memory_until_the_turn_is_over)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    struct linger reset = {.l_onoff = 1};
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(fd);
    TURN_UNTIL(&f, !f.held[0]->conn);
    struct request *req = f.held[0];
    f.held[0] = NULL;
    const size_t len = (size_t)1024 * 1024; /* no block that an arena keeps */
    uint8_t *bytes = arena_zalloc(&req->arena, len);
    bytes[len - 1] = 7;
    request_end(req);
    ck_assert_uint_eq(req->arena.total, len);
    ck_assert_uint_eq(bytes[len - 1], 7);
    TURN_UNTIL(&f, fixture_counters(&f).frame_bytes == 0);
    ck_assert_uint_eq(req->arena.total, 0);
}
END_TEST

START_TEST(requests_know_which_connection_is_the_later_one)
{
    fixture_start(&f);
    int first = client_connect(&f);
    int second = client_connect(&f);
    client_send(&f, second, 'l', 1);
    TURN_UNTIL(&f, f.held_count == 1);
    client_send(&f, first, 'l', 1);
    TURN_UNTIL(&f, f.held_count == 2);
    ck_assert_int_gt(f.held[0]->conn_number, f.held[1]->conn_number);
    ck_assert_int_gt(f.held[1]->conn_number, 0);
    int64_t number = f.held[1]->conn_number;
    struct linger reset = {.l_onoff = 1};
    setsockopt(first, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    close(first);
    TURN_UNTIL(&f, !f.held[1]->conn);
    ck_assert_int_eq(f.held[1]->conn_number, number);
    fixture_answer(&f, 1);
    fixture_answer(&f, 0);
    close(second);
}
END_TEST

START_TEST(stopping_abandons_what_waits)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'p', 10);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 2);
    net_server_stop(f.server);
    net_server_stop(f.server);
    ck_assert_int_eq(f.abandoned, 2);
    client_expect_closed(&f, fd);
    close(fd);
}
END_TEST

START_TEST(a_request_may_outlive_its_server)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    net_server_free(f.server);
    fixture_answer(&f, 0);
    close(fd);
    fixture_start(&f); /* for the teardown */
}
END_TEST

START_TEST(a_muted_peer_that_sends_on_does_not_spin_the_loop)
{
    fixture_start(&f);
    int fd = client_connect(&f);
    client_send(&f, fd, 'l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    client_send(&f, fd, 'e', 11);
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    int64_t reads = fixture_counters(&f).reads;
    struct net_counters before = fixture_counters(&f);
    for (int i = 0; i < 20; i++)
        fixture_turn(&f);
    ck_assert_int_eq(fixture_counters(&f).reads, reads);
    ck_assert_int_eq(fixture_counters(&f).bytes_in, before.bytes_in);
    fixture_answer(&f, 0);
    client_expect(&f, fd, 'l', 10);
    client_expect(&f, fd, 'e', 11);
    close(fd);
}
END_TEST

START_TEST(a_peer_that_does_not_read_is_not_read_from)
{
    f.config.send_buffer_bytes = 65536;
    fixture_start(&f);
    int fd = client_connect(&f);
    int small = 65536;
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
    uint8_t *frame = (uint8_t *)mem_zalloc(100004);
    be_put_i32(frame, 100000);
    frame[4] = 'e';
    size_t sent = 0, at = 0;
    /* Sends until the server takes no more. */
    for (int idle = 0; idle < 300;) {
        ssize_t n = send(fd, frame + at, 100004 - at, MSG_DONTWAIT);
        idle = n > 0 ? 0 : idle + 1;
        if (n > 0) {
            sent += (size_t)n;
            at = (at + (size_t)n) % 100004;
        }
        fixture_turn(&f);
        ck_assert_uint_lt(sent, 100 * 1024 * 1024);
    }
    ck_assert_int_le(f.seen, 16); /* one megabyte of answers, and what was written */
    /* The frames of those that were answered are gone already. */
    ck_assert_int_lt(fixture_counters(&f).frame_bytes, 400000);
    int64_t frames = (int64_t)((sent + 100003) / 100004);
    for (int64_t i = 0; i < frames - 1; i++) {
        size_t len;
        free(client_receive(&f, fd, &len));
        ck_assert_uint_eq(len, 100000);
    }
    free(frame);
    close(fd);
}
END_TEST

Suite *server_suite(void)
{
    Suite *suite = suite_create("server");
    TCase *tc = tcase_create("server");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, frames_of_every_size_come_back);
    tcase_add_test(tc, bytes_that_come_one_by_one_make_frames);
    tcase_add_test(tc, a_stream_may_be_cut_anywhere);
    tcase_add_test(tc, answers_of_pipelined_requests_leave_in_one_write);
    tcase_add_test(tc, the_next_request_waits_for_the_answer_before);
    tcase_add_test(tc, pipelined_answers_keep_the_order_of_requests);
    tcase_add_test(tc, outstanding_requests_of_a_connection_are_bounded);
    tcase_add_test(tc, a_request_may_end_in_silence);
    tcase_add_test(tc, closing_comes_after_the_answers_before_it);
    tcase_add_test(tc, absurd_sizes_close_the_connection);
    tcase_add_test(tc, an_empty_frame_goes_to_the_handler);
    tcase_add_test(tc, a_promised_size_reserves_nothing);
    tcase_add_test(tc, a_throttled_connection_is_muted_for_that_time);
    tcase_add_test(tc, a_peer_that_resets_loses_its_requests);
    tcase_add_test(tc, a_half_closed_peer_gets_its_answers);
    tcase_add_test(tc, a_handler_may_end_what_is_abandoned);
    tcase_add_test(tc, who_ends_a_request_without_a_peer_has_its_memory_until_the_turn_is_over);
    tcase_add_test(tc, requests_know_which_connection_is_the_later_one);
    tcase_add_test(tc, stopping_abandons_what_waits);
    tcase_add_test(tc, a_request_may_outlive_its_server);
    tcase_add_test(tc, a_muted_peer_that_sends_on_does_not_spin_the_loop);
    tcase_add_test(tc, a_peer_that_does_not_read_is_not_read_from);
    suite_add_tcase(suite, tc);
    return suite;
}
