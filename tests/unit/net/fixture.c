#include "fixture.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"

/* --- handler ----------------------------------------------------------------------------------------- */

static void echo(struct request *req)
{
    buf_put(&req->reply.bytes, req->frame, req->frame_len);
    reply_seal(&req->reply);
}

static void on_abandoned(struct request *req)
{
    struct fixture *f = (struct fixture *)req->state;
    f->abandoned++;
    if (!f->end_abandoned)
        return;
    for (int i = 0; i < f->held_count; i++) {
        if (f->held[i] == req)
            f->held[i] = NULL;
    }
    request_end(req);
}

static void send_file(struct fixture *f, struct request *req)
{
    buf_put_i8(&req->reply.bytes, 'f');
    for (int i = 0; i < f->ranges_count; i++) {
        reply_add_range(&req->reply, disk_file_share(f->file), f->ranges[i].pos, f->ranges[i].len,
                        loop_now_ms(f->loop));
        buf_put_i8(&req->reply.bytes, (int8_t)('0' + i));
    }
    reply_seal(&req->reply);
    request_reply(req);
}

static void hold(struct fixture *f, struct request *req)
{
    ck_assert_int_lt(f->held_count, HELD_MAX);
    req->state = f;
    req->abandoned = on_abandoned;
    f->held[f->held_count++] = req;
}

static void on_request(void *arg, struct request *req)
{
    struct fixture *f = (struct fixture *)arg;
    f->seen++;
    switch (req->frame_len ? req->frame[0] : 'e') {
    case 'l':
        hold(f, req);
        break;
    case 'p':
        hold(f, req);
        request_pipeline(req);
        break;
    case 's':
        request_end(req);
        break;
    case 'c':
        request_close(req, "the test says so");
        break;
    case 't':
        echo(req);
        request_reply_throttled(req, 1000);
        break;
    case 'f':
        send_file(f, req);
        break;
    default:
        echo(req);
        request_reply(req);
    }
}

void fixture_answer(struct fixture *f, int i)
{
    struct request *req = f->held[i];
    f->held[i] = NULL;
    echo(req);
    request_reply(req);
}

/* --- server ------------------------------------------------------------------------------------------ */

void fixture_init(struct fixture *f)
{
    *f = (struct fixture){0};
    signal(SIGPIPE, SIG_IGN);
    fake_clock_init(&f->clock, 1000000);
    f->loop = loop_new("net-0", &f->clock.clock, NULL);
    for (int i = 0; i < 2; i++)
        f->listeners[i] =
            (struct net_listener_config){.name = "TEST", .host = "127.0.0.1", .max_connections = INT_MAX};
    f->config = (struct net_config){.listeners = f->listeners,
                                    .listeners_count = 1,
                                    .request_max_bytes = 100 * 1024 * 1024,
                                    .connections_max_idle_ms = 600000,
                                    .max_connections = INT_MAX,
                                    .max_connections_per_ip = INT_MAX,
                                    .max_connection_creation_rate = INT_MAX,
                                    .send_buffer_bytes = -1,
                                    .receive_buffer_bytes = -1,
                                    .listen_backlog = 50};
}

void fixture_start(struct fixture *f)
{
    struct net_handler handler = {.arg = f, .request = on_request};
    struct errmsg why = {""};
    f->server = net_server_new(&f->config, &f->loop, 1, &handler, &why);
    ck_assert_msg(f->server != NULL, "%s", why.text);
    net_server_open(f->server);
    fixture_turn(f);
}

void fixture_stop(struct fixture *f)
{
    net_server_stop(f->server);
    for (int i = 0; i < f->held_count; i++) {
        if (f->held[i]) {
            ck_assert_ptr_null(f->held[i]->conn);
            request_end(f->held[i]);
        }
    }
    fixture_turn(f);
    ck_assert_int_eq(fixture_counters(f).frame_bytes, 0);
    ck_assert_int_eq(fixture_counters(f).connections, 0);
    net_server_free(f->server);
    loop_free(f->loop);
}

void fixture_turn(struct fixture *f)
{
    loop_turn(f->loop, false);
}

void fixture_pause(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    poll(&poll_fd, 1, 1);
}

struct net_counters fixture_counters(const struct fixture *f)
{
    struct net_counters counters;
    net_server_counters(f->server, &counters);
    return counters;
}

/* --- clients ----------------------------------------------------------------------------------------- */

int client_connect(const struct fixture *f)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t)net_server_port(f->server, 0)),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    ck_assert_int_eq(connect(fd, (struct sockaddr *)&addr, sizeof addr), 0);
    return fd;
}

void client_send_raw(struct fixture *f, int fd, const void *bytes, size_t len)
{
    size_t at = 0;
    while (at < len) {
        ssize_t n = send(fd, (const char *)bytes + at, len - at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n > 0)
            at += (size_t)n;
        else
            ck_assert_int_eq(errno, EAGAIN);
        fixture_turn(f);
    }
}

static uint8_t pattern(size_t i)
{
    return (uint8_t)(i * 7 + (i >> 8) * 3 + (i >> 16));
}

void client_send(struct fixture *f, int fd, char command, size_t len)
{
    uint8_t *frame = (uint8_t *)mem_alloc(len + 4);
    be_put_i32(frame, (int32_t)len);
    for (size_t i = 0; i < len; i++)
        frame[4 + i] = i == 0 ? (uint8_t)command : pattern(i);
    client_send_raw(f, fd, frame, len + 4);
    free(frame);
}

/* False when the peer closed. */
static bool receive_all(struct fixture *f, int fd, uint8_t *out, size_t len)
{
    size_t at = 0;
    int idle_turns = 0;
    while (at < len) {
        ssize_t n = recv(fd, out + at, len - at, MSG_DONTWAIT);
        if (n > 0) {
            at += (size_t)n;
            idle_turns = 0;
            continue;
        }
        if (n == 0 || errno != EAGAIN)
            return false;
        fixture_turn(f);
        if (++idle_turns > 200)
            fixture_pause(fd);
        ck_assert_msg(idle_turns < 20000, "no answer came: %zu of %zu bytes", at, len);
    }
    return true;
}

uint8_t *client_receive(struct fixture *f, int fd, size_t *len)
{
    uint8_t size[4];
    if (!receive_all(f, fd, size, 4))
        return NULL;
    *len = (size_t)be_get_i32(size);
    uint8_t *frame = (uint8_t *)mem_alloc(*len + 1);
    ck_assert(receive_all(f, fd, frame, *len));
    return frame;
}

void client_expect(struct fixture *f, int fd, char command, size_t len)
{
    size_t got;
    uint8_t *frame = client_receive(f, fd, &got);
    ck_assert_ptr_nonnull(frame);
    ck_assert_uint_eq(got, len);
    for (size_t i = 0; i < len; i++) {
        if (frame[i] != (i == 0 ? (uint8_t)command : pattern(i)))
            ck_abort_msg("byte %zu of %zu differs", i, len);
    }
    free(frame);
}

void client_expect_closed(struct fixture *f, int fd)
{
    uint8_t byte;
    ck_assert_msg(!receive_all(f, fd, &byte, 1), "there was a byte instead of the end");
}

void client_expect_nothing(struct fixture *f, int fd)
{
    for (int i = 0; i < 20; i++)
        fixture_turn(f);
    uint8_t byte;
    ck_assert_int_eq(recv(fd, &byte, 1, MSG_DONTWAIT), -1);
    ck_assert_int_eq(errno, EAGAIN);
}
