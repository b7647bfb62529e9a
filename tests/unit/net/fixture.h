/*
 * A server on loops that the test turns by hand, and clients on plain sockets.
 *
 * The handler obeys the first byte of a frame:
 *   e  echo at once        l  hold (the next request waits)   p  hold, pipelined
 *   s  end in silence      c  close the connection            t  echo, throttled by 1000 ms
 *   f  the test's file     n  echo "n" and the number of requests seen so far
 */
#ifndef BARNABAS_TESTS_UNIT_NET_FIXTURE_H
#define BARNABAS_TESTS_UNIT_NET_FIXTURE_H

#include "fake/fake_clock.h"
#include "net/server.h"

#define HELD_MAX 256

struct fixture {
    struct fake_clock clock;
    struct loop *loop;
    struct net_listener_config listeners[2];
    struct net_config config;
    struct net_server *server;

    struct request *held[HELD_MAX];
    int held_count;
    int seen;
    int abandoned;
    bool end_abandoned; /* the handler ends a request when it is told */
    /* For 'f': ranges of this file, with a byte of text between them. */
    struct disk_file *file;
    struct reply_range ranges[16];
    int ranges_count;
};

/* Default limits, one listener on 127.0.0.1; not started, so that a test may change the config. */
void fixture_init(struct fixture *f);
void fixture_start(struct fixture *f);
void fixture_stop(struct fixture *f);
void fixture_turn(struct fixture *f);
/* Lets the kernel get on: at most a millisecond, less when fd (or -1) has bytes. */
void fixture_pause(int fd);
struct net_counters fixture_counters(const struct fixture *f);

/* Answers held request `i` with an echo. */
void fixture_answer(struct fixture *f, int i);

/* A non-blocking client, connected. */
int client_connect(const struct fixture *f);
/* Sends a frame of `len` bytes with `command` first and a pattern behind; turns the loop until it is out. */
void client_send(struct fixture *f, int fd, char command, size_t len);
/* Sends these bytes as they are. */
void client_send_raw(struct fixture *f, int fd, const void *bytes, size_t len);
/* Turns the loop until a whole frame is there; gives it (free()), without its size. NULL: the peer closed. */
uint8_t *client_receive(struct fixture *f, int fd, size_t *len);
/* Receives a frame and checks that it is the echo of client_send's. */
void client_expect(struct fixture *f, int fd, char command, size_t len);
/* Turns the loop until the server has closed this connection. */
void client_expect_closed(struct fixture *f, int fd);
/* Nothing has come. */
void client_expect_nothing(struct fixture *f, int fd);

/* Turns the loop until `cond` holds; fails the test when it never does. */
#define TURN_UNTIL(f, cond)                                                                                  \
    do {                                                                                                     \
        int turns_ = 0;                                                                                      \
        while (!(cond)) {                                                                                    \
            fixture_turn(f);                                                                                 \
            ck_assert_msg(++turns_ < 20000, "never came true: %s", #cond);                                   \
            if (turns_ > 200)                                                                                \
                fixture_pause(-1);                                                                           \
        }                                                                                                    \
    } while (0)

#endif
