#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "fixture.h"
#include "net/channel.h"
#include "tests.h"

static struct fixture f;
static struct channel *channel;

#define ANSWERS_MAX 200

static struct {
    enum err err;
    size_t len;
    int order; /* number given when sent */
} answers[ANSWERS_MAX];
static int answers_count;
static int sent_count;
static bool free_in_answer, send_in_answer, keep_in_answer;
static struct {
    struct buf bytes;
    struct view answer;
} kept[ANSWERS_MAX];

static void setup(void)
{
    fixture_init(&f);
    answers_count = sent_count = 0;
}

static void teardown(void)
{
    channel_free(channel);
    channel = NULL;
    fixture_stop(&f);
}

static void open_to(const char *host, int port)
{
    struct channel_config config = {.host = host,
                                    .port = port,
                                    .connect_timeout_ms = 1000,
                                    .request_timeout_ms = 5000,
                                    .max_answer_bytes = 10 * 1024 * 1024};
    channel = channel_new(f.loop, &config);
}

static void send_frame(char command, size_t len);

static void on_answer(void *arg, enum err err, struct view answer)
{
    ck_assert_int_lt(answers_count, ANSWERS_MAX);
    answers[answers_count].err = err;
    answers[answers_count].len = answer.len;
    answers[answers_count++].order = (int)(intptr_t)arg;
    if (keep_in_answer) {
        kept[answers_count - 1].answer = answer;
        channel_keep_answer(channel, &kept[answers_count - 1].bytes);
    }
    if (send_in_answer && answers_count < 10)
        send_frame('e', 5);
    if (free_in_answer) {
        free_in_answer = false;
        channel_free(channel);
        channel = NULL;
    }
}

static void send_frame(char command, size_t len)
{
    uint8_t *frame = (uint8_t *)mem_zalloc(len + 4);
    memset(frame, sent_count, len + 4);
    be_put_i32(frame, (int32_t)len);
    frame[4] = (uint8_t)command;
    int before = answers_count;
    channel_send(channel, view_of(frame, len + 4), on_answer, (void *)(intptr_t)sent_count++);
    ck_assert_int_eq(answers_count, before); /* never before it returns */
    free(frame);
}

static void expect_answers(int count, enum err err)
{
    TURN_UNTIL(&f, answers_count == count);
    for (int i = 0; i < count; i++) {
        ck_assert_int_eq(answers[i].order, i);
        ck_assert_int_eq(answers[i].err, err);
    }
    if (channel)
        ck_assert_int_eq(channel_in_flight(channel), 0);
}

START_TEST(answers_come_in_the_order_of_frames)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    for (size_t i = 0; i < 50; i++)
        send_frame('e', 1 + i * i * 50);
    ck_assert_int_eq(channel_in_flight(channel), 50);
    expect_answers(50, ERR_NONE);
    for (size_t i = 0; i < 50; i++)
        ck_assert_uint_eq(answers[i].len, 1 + i * i * 50);
    ck_assert_int_eq(channel_last_errno(channel), 0);
}
END_TEST

START_TEST(a_large_answer_arrives_whole)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('e', 5 * 1024 * 1024);
    send_frame('e', 7);
    expect_answers(2, ERR_NONE);
    ck_assert_uint_eq(answers[0].len, 5 * 1024 * 1024);
}
END_TEST

START_TEST(an_answer_that_is_kept_stays_while_others_come)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    keep_in_answer = true;
    for (size_t i = 0; i < 40; i++)
        send_frame('e', i == 20 ? 300000 : 1 + i * 100);
    expect_answers(40, ERR_NONE);
    for (int i = 0; i < 40; i++) {
        struct view answer = kept[i].answer;
        ck_assert_uint_eq(answer.len, i == 20 ? 300000 : 1 + (size_t)i * 100);
        for (size_t at = 1; at < answer.len; at++)
            ck_assert_int_eq(answer.ptr[at], i);
        buf_close(&kept[i].bytes);
    }
}
END_TEST

START_TEST(names_of_the_hosts_file_are_found)
{
    fixture_start(&f);
    open_to("localhost", net_server_port(f.server, 0));
    send_frame('e', 10);
    expect_answers(1, ERR_NONE);
}
END_TEST

START_TEST(a_refused_connection_fails_every_frame_and_may_be_tried_again)
{
    fixture_start(&f);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    open_to("127.0.0.1", ntohs(addr.sin_port)); /* bound, but nobody listens */
    send_frame('e', 10);
    send_frame('e', 10);
    expect_answers(2, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(channel_last_errno(channel), ECONNREFUSED);
    ck_assert_int_eq(listen(fd, 5), 0);
    send_frame('e', 10);
    int peer = -1;
    TURN_UNTIL(&f, (peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    uint8_t got[14];
    TURN_UNTIL(&f, recv(peer, got, sizeof got, MSG_DONTWAIT) == sizeof got);
    ck_assert_int_eq(send(peer, got, sizeof got, 0), sizeof got);
    TURN_UNTIL(&f, answers_count == 3);
    ck_assert_int_eq(answers[2].err, ERR_NONE);
    close(peer);
    close(fd);
}
END_TEST

START_TEST(a_peer_that_closes_fails_what_is_in_flight)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('e', 10);
    send_frame('c', 10);
    send_frame('e', 10);
    TURN_UNTIL(&f, answers_count == 3);
    ck_assert_int_eq(answers[0].err, ERR_NONE);
    ck_assert_int_eq(answers[1].err, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(answers[2].err, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(channel_last_errno(channel), ECONNRESET);
    send_frame('e', 10);
    TURN_UNTIL(&f, answers_count == 4);
    ck_assert_int_eq(answers[3].err, ERR_NONE);
}
END_TEST

START_TEST(an_answer_that_does_not_come_times_out)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    fake_clock_advance_ms(&f.clock, 4999);
    fixture_turn(&f);
    ck_assert_int_eq(answers_count, 0);
    fake_clock_advance_ms(&f.clock, 1);
    expect_answers(1, ERR_REQUEST_TIMED_OUT);
}
END_TEST

START_TEST(an_answer_in_time_moves_the_deadline)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('p', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    fake_clock_advance_ms(&f.clock, 4000);
    fixture_turn(&f);
    send_frame('p', 10);
    TURN_UNTIL(&f, f.held_count == 2);
    fixture_answer(&f, 0);
    TURN_UNTIL(&f, answers_count == 1);
    fake_clock_advance_ms(&f.clock, 4000);
    fixture_turn(&f);
    ck_assert_int_eq(answers_count, 1);
    fixture_answer(&f, 1);
    expect_answers(2, ERR_NONE);
}
END_TEST

/* A server that says `bytes` to whoever connects. */
static void expect_malformed(const void *bytes, size_t bytes_len)
{
    fixture_start(&f);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof addr;
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    ck_assert_int_eq(listen(fd, 5), 0);
    getsockname(fd, (struct sockaddr *)&addr, &len);
    open_to("127.0.0.1", ntohs(addr.sin_port));
    send_frame('e', 10);
    int peer = -1;
    TURN_UNTIL(&f, (peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK)) >= 0);
    ck_assert_int_eq(send(peer, bytes, bytes_len, 0), (ssize_t)bytes_len);
    expect_answers(1, ERR_MALFORMED);
    close(peer);
    close(fd);
}

START_TEST(an_absurd_answer_size_is_malformed)
{
    expect_malformed("\x7f\xff\xff\xff", 4);
}
END_TEST

START_TEST(a_negative_answer_size_is_malformed)
{
    expect_malformed("\xff\xff\xff\xff", 4);
}
END_TEST

START_TEST(a_freed_channel_closes_its_frames)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('l', 10);
    TURN_UNTIL(&f, f.held_count == 1);
    send_frame('e', 10);
    channel_free(channel);
    channel = NULL;
    expect_answers(2, ERR_CLOSED);
}
END_TEST

START_TEST(an_answer_may_free_the_channel)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    free_in_answer = true;
    for (int i = 0; i < 3; i++)
        send_frame('e', 10);
    TURN_UNTIL(&f, answers_count == 3);
    ck_assert_int_eq(answers[0].err, ERR_NONE);
    ck_assert_int_eq(answers[1].err, ERR_CLOSED);
    ck_assert_int_eq(answers[2].err, ERR_CLOSED);
}
END_TEST

START_TEST(a_failed_frame_may_free_the_channel_or_send_again)
{
    fixture_start(&f);
    open_to("127.0.0.1", net_server_port(f.server, 0));
    free_in_answer = true;
    for (int i = 0; i < 3; i++)
        send_frame('c', 10);
    TURN_UNTIL(&f, answers_count == 3);
    ck_assert_int_eq(answers[0].err, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(answers[2].err, ERR_CLOSED);

    answers_count = sent_count = 0;
    send_in_answer = true;
    open_to("127.0.0.1", net_server_port(f.server, 0));
    send_frame('c', 10);
    TURN_UNTIL(&f, answers_count == 10);
    ck_assert_int_eq(answers[0].err, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(answers[9].err, ERR_NONE);
}
END_TEST

START_TEST(a_channel_may_be_freed_while_its_name_is_looked_up)
{
    fixture_start(&f);
    open_to("name-that-does-not-exist.invalid", 9092);
    send_frame('e', 10);
    fixture_turn(&f);
    channel_free(channel);
    channel = NULL;
    expect_answers(1, ERR_CLOSED);
    for (int i = 0; i < 5; i++)
        fixture_turn(&f);
}
END_TEST

START_TEST(a_name_that_nobody_knows_ends_with_the_connect_timeout)
{
    fixture_start(&f);
    open_to("name-that-does-not-exist.invalid", 9092);
    send_frame('e', 10);
    fixture_turn(&f);
    fake_clock_advance_ms(&f.clock, 1000);
    expect_answers(1, ERR_CONNECTION_LOSS);
    ck_assert_int_eq(channel_last_errno(channel), EHOSTUNREACH);
    for (int i = 0; i < 5; i++)
        fixture_turn(&f);
}
END_TEST

Suite *channel_suite(void)
{
    Suite *suite = suite_create("channel");
    TCase *tc = tcase_create("channel");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, answers_come_in_the_order_of_frames);
    tcase_add_test(tc, a_large_answer_arrives_whole);
    tcase_add_test(tc, an_answer_that_is_kept_stays_while_others_come);
    tcase_add_test(tc, names_of_the_hosts_file_are_found);
    tcase_add_test(tc, a_refused_connection_fails_every_frame_and_may_be_tried_again);
    tcase_add_test(tc, a_peer_that_closes_fails_what_is_in_flight);
    tcase_add_test(tc, an_answer_that_does_not_come_times_out);
    tcase_add_test(tc, an_answer_in_time_moves_the_deadline);
    tcase_add_test(tc, an_absurd_answer_size_is_malformed);
    tcase_add_test(tc, a_negative_answer_size_is_malformed);
    tcase_add_test(tc, a_freed_channel_closes_its_frames);
    tcase_add_test(tc, an_answer_may_free_the_channel);
    tcase_add_test(tc, a_failed_frame_may_free_the_channel_or_send_again);
    tcase_add_test(tc, a_channel_may_be_freed_while_its_name_is_looked_up);
    tcase_add_test(tc, a_name_that_nobody_knows_ends_with_the_connect_timeout);
    suite_add_tcase(suite, tc);
    return suite;
}
