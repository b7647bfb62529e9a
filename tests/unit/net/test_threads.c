#include <arpa/inet.h>
#include <limits.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"
#include "disk/posix_clock.h"
#include "net/server.h"
#include "tests.h"

/* The server as it really runs: loops on threads, clients on others, answers from a message later. */

#define LOOPS     2
#define CLIENTS   4
#define ROUNDS    400
#define IN_FLIGHT 8

struct late {
    struct loop_message message;
    struct request *req;
};

static void late_run(struct loop_message *msg, bool discard)
{
    struct late *late = CONTAINER_OF(msg, struct late, message);
    struct request *req = late->req;
    free(late);
    if (discard) {
        request_end(req);
        return;
    }
    buf_put(&req->reply.bytes, req->frame, req->frame_len);
    reply_seal(&req->reply);
    request_reply(req);
}

static void on_request(void *arg, struct request *req)
{
    atomic_fetch_add((atomic_int *)arg, 1);
    if (req->frame[0] % 3 == 0) {
        buf_put(&req->reply.bytes, req->frame, req->frame_len);
        reply_seal(&req->reply);
        request_reply(req);
        return;
    }
    struct late *late = MEM_NEW(struct late);
    late->message.run = late_run;
    late->req = req;
    if (req->frame[0] % 3 == 1)
        request_pipeline(req);
    loop_post(req->loop, &late->message);
}

static void must(bool ok)
{
    if (!ok)
        abort();
}

static void read_all(int fd, uint8_t *out, size_t len)
{
    for (size_t at = 0; at < len;) {
        ssize_t n = read(fd, out + at, len - at);
        must(n > 0);
        at += (size_t)n;
    }
}

static size_t length_of(int round)
{
    return (size_t)(20 + round * 911 % 9000);
}

static void *client_main(void *arg)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in addr = {.sin_family = AF_INET,
                               .sin_port = htons((uint16_t) * (const int *)arg),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    must(connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0);
    uint8_t *frame = (uint8_t *)mem_alloc(10004);
    for (int round = 0; round < ROUNDS + IN_FLIGHT; round++) {
        if (round < ROUNDS) {
            size_t len = length_of(round);
            be_put_i32(frame, (int32_t)len);
            memset(frame + 4, round, len);
            must(write(fd, frame, len + 4) == (ssize_t)len + 4);
        }
        if (round >= IN_FLIGHT) {
            size_t len = length_of(round - IN_FLIGHT);
            read_all(fd, frame, len + 4);
            must(be_get_i32(frame) == (int32_t)len);
            must(frame[4] == (uint8_t)(round - IN_FLIGHT) && frame[3 + len] == frame[4]);
        }
    }
    free(frame);
    close(fd);
    return NULL;
}

START_TEST(clients_on_many_threads_get_their_answers_in_order)
{
    struct clock clock = clock_posix();
    struct loop *loops[LOOPS];
    for (int i = 0; i < LOOPS; i++)
        loops[i] = loop_new("net", &clock, NULL);
    struct net_listener_config listener = {.name = "TEST", .host = "127.0.0.1", .max_connections = INT_MAX};
    struct net_config config = {.listeners = &listener,
                                .listeners_count = 1,
                                .request_max_bytes = 1 << 20,
                                .queued_max_bytes = 20000,
                                .connections_max_idle_ms = 60000,
                                .max_connections = INT_MAX,
                                .max_connections_per_ip = INT_MAX,
                                .send_buffer_bytes = -1,
                                .receive_buffer_bytes = -1,
                                .listen_backlog = 50};
    atomic_int seen = 0;
    struct net_handler handler = {.arg = &seen, .request = on_request};
    struct net_server *server = net_server_new(&config, loops, LOOPS, &handler, NULL);
    ck_assert_ptr_nonnull(server);
    int port = net_server_port(server, 0);
    net_server_open(server);
    for (int i = 0; i < LOOPS; i++)
        loop_start(loops[i]);
    pthread_t threads[CLIENTS];
    for (int i = 0; i < CLIENTS; i++)
        pthread_create(&threads[i], NULL, client_main, &port);
    for (int i = 0; i < CLIENTS; i++)
        pthread_join(threads[i], NULL);
    ck_assert_int_eq(atomic_load(&seen), CLIENTS * ROUNDS);
    net_server_stop_accepting(server);
    net_server_stop(server);
    struct net_counters counters;
    net_server_counters(server, &counters);
    ck_assert_int_eq(counters.connections, 0);
    ck_assert_int_eq(counters.accepted, CLIENTS);
    ck_assert_int_eq(counters.frame_bytes, 0);
    for (int i = 0; i < LOOPS; i++)
        loop_stop(loops[i]);
    for (int i = 0; i < LOOPS; i++)
        loop_join(loops[i]);
    net_server_free(server);
    for (int i = 0; i < LOOPS; i++)
        loop_free(loops[i]);
}
END_TEST

Suite *threads_suite(void)
{
    Suite *suite = suite_create("threads");
    TCase *tc = tcase_create("threads");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, clients_on_many_threads_get_their_answers_in_order);
    suite_add_tcase(suite, tc);
    return suite;
}
