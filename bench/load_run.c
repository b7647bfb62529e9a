#include "bench/load_run.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/be.h"
#include "base/mem.h"

/* Enough for the heads of many small answers. What an answer has beyond it is dropped in the kernel. */
#define RECEIVE_BYTES 65536
#define EVENTS        64

struct link {
    int fd;
    bool writing; /* epoll asks for EPOLLOUT too */
    int index;
    uint8_t *ring;     /* in_flight copies of the request */
    int64_t *since_ns; /* per copy: when it was sent, or due */
    uint64_t started;  /* requests given to the ring */
    uint64_t answered;
    size_t unsent;   /* bytes of the ring that still have to go, */
    size_t send_pos; /* from here on */
    size_t drop;     /* bytes of an answer's body that still come */
    size_t have;     /* bytes of a cut head kept at the front of `in` */
    uint8_t *in;
};

struct run {
    const struct load_plan *plan;
    const struct load_template *t;
    struct load_result *out;
    struct link *links;
    int epoll;
    int64_t begin_ns;
    int64_t now_ns;
    uint64_t given; /* requests given to any ring */
    bool closing;   /* nothing new is sent */
};

static int64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, errno ? strerror(errno) : "connection closed by the broker");
    exit(EXIT_FAILURE);
}

static int open_connection(const struct load_plan *plan)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        give_up("socket");
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)plan->port)};
    if (inet_pton(AF_INET, plan->host, &to.sin_addr) != 1)
        give_up("address");
    if (connect(fd, (struct sockaddr *)&to, sizeof to))
        give_up("connect");
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

static void watch(struct run *r, struct link *l, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (l->writing ? EPOLLOUT : 0), .data.ptr = l};
    if (epoll_ctl(r->epoll, operation, l->fd, &event))
        give_up("epoll_ctl");
}

static void open_links(struct run *r)
{
    const struct load_plan *plan = r->plan;
    size_t size = r->t->bytes.len;
    r->links = mem_zalloc(sizeof *r->links * (size_t)plan->connections);
    for (int i = 0; i < plan->connections; i++) {
        struct link *l = &r->links[i];
        l->index = i;
        l->fd = open_connection(plan);
        l->ring = mem_alloc(size * (size_t)plan->in_flight);
        l->since_ns = mem_zalloc(sizeof *l->since_ns * (size_t)plan->in_flight);
        l->in = mem_alloc(RECEIVE_BYTES);
        for (int k = 0; k < plan->in_flight; k++) {
            memcpy(l->ring + size * (size_t)k, r->t->bytes.data, size);
            load_set_partition(r->t, l->ring + size * (size_t)k, i % plan->partitions);
        }
    }
}

static void close_links(struct run *r)
{
    for (int i = 0; i < r->plan->connections; i++) {
        close(r->links[i].fd);
        free(r->links[i].ring);
        free(r->links[i].since_ns);
        free(r->links[i].in);
    }
    free(r->links);
}

/* --- sending ------------------------------------------------------------------------------------- */

/* Gives the next request its own values. */
static void dress(struct run *r, uint8_t *frame)
{
    const struct load_plan *plan = r->plan;
    uint64_t n = r->given;
    if (plan->in_turn)
        load_set_partition(r->t, frame, (int32_t)(n % (uint64_t)plan->partitions));
    if (plan->groups > 0) {
        uint64_t groups = (uint64_t)plan->groups;
        load_set_group(r->t, frame, (int32_t)(n % groups));
        load_set_partition(r->t, frame,
                           (int32_t)(n / groups * (uint64_t)r->t->partitions % (uint64_t)plan->partitions));
    }
    if (plan->number_count > 0) {
        uint64_t k = plan->scatter ? n * UINT64_C(2654435761) : n;
        load_set_number(r->t, frame,
                        plan->number_from + plan->number_step * (int64_t)(k % (uint64_t)plan->number_count));
    }
    if (plan->producer_from >= 0)
        load_set_producer(r->t, frame, plan->producer_from + (int64_t)n);
}

static void send_some(struct run *r, struct link *l)
{
    size_t ring_bytes = r->t->bytes.len * (size_t)r->plan->in_flight;
    while (l->unsent > 0) {
        size_t run = ring_bytes - l->send_pos < l->unsent ? ring_bytes - l->send_pos : l->unsent;
        ssize_t sent = send(l->fd, l->ring + l->send_pos, run, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            give_up("send");
        l->unsent -= (size_t)sent;
        l->send_pos = (l->send_pos + (size_t)sent) % ring_bytes;
    }
    if ((l->unsent > 0) != l->writing) {
        l->writing = !l->writing;
        watch(r, l, EPOLL_CTL_MOD);
    }
}

/* How many of the requests one connection sends: the same number each, so that partitions grow alike. */
static uint64_t share(const struct load_plan *plan, int index)
{
    uint64_t connections = (uint64_t)plan->connections;
    return plan->requests / connections + ((uint64_t)index < plan->requests % connections);
}

static bool may_start(const struct run *r, const struct link *l)
{
    if (r->closing || l->started - l->answered >= (uint64_t)r->plan->in_flight)
        return false;
    return r->plan->requests == 0 || l->started < share(r->plan, l->index);
}

static void start(struct run *r, struct link *l, int64_t since_ns)
{
    size_t slot = (size_t)(l->started % (uint64_t)r->plan->in_flight);
    dress(r, l->ring + slot * r->t->bytes.len);
    l->since_ns[slot] = since_ns;
    l->started++;
    l->unsent += r->t->bytes.len;
    r->given++;
}

/* When request k of this connection is due, by the schedule of all of them. */
static int64_t due_ns(const struct run *r, const struct link *l, uint64_t k)
{
    double number = (double)k * r->plan->connections + l->index;
    return r->begin_ns + (int64_t)(number * 1e9 / r->plan->rate);
}

/* Sends what the window, or the clock, allows. */
static void fill(struct run *r, struct link *l)
{
    bool any = false;
    while (may_start(r, l)) {
        int64_t since_ns = r->now_ns;
        if (r->plan->rate > 0) {
            since_ns = due_ns(r, l, l->started);
            if (since_ns > r->now_ns)
                break;
        }
        start(r, l, since_ns);
        any = true;
    }
    if (any)
        send_some(r, l);
}

/* --- receiving ----------------------------------------------------------------------------------- */

static void answer(struct run *r, struct link *l, const uint8_t *frame, size_t size)
{
    struct load_result *out = r->out;
    uint64_t took = (uint64_t)(r->now_ns - l->since_ns[l->answered % (uint64_t)r->plan->in_flight]);
    int16_t error = size >= r->t->error_pos + 2 ? be_get_i16(frame + r->t->error_pos) : -1;
    if (error != 0 && out->errors++ == 0)
        out->first_error = error;
    histogram_add(&out->latency_ns, took);
    if (took > out->worst_ns)
        out->worst_ns = took;
    out->answers++;
    out->answer_bytes += size;
    l->answered++;
}

/* Takes answers off the front of `in`; true if the rest of one is to be dropped or a head is cut. */
static void take_answers(struct run *r, struct link *l, size_t len)
{
    size_t head = r->t->error_pos + 2;
    size_t pos = 0;
    while (len - pos >= head) {
        size_t size = 4 + (size_t)be_get_i32(l->in + pos);
        answer(r, l, l->in + pos, size);
        if (size > len - pos) {
            l->drop = size - (len - pos);
            pos = len;
        } else {
            pos += size;
        }
    }
    l->have = len - pos;
    memmove(l->in, l->in + pos, l->have);
}

static void receive(struct run *r, struct link *l)
{
    for (;;) {
        ssize_t got;
        size_t wanted = l->drop > 0 ? l->drop : RECEIVE_BYTES - l->have;
        errno = 0;
        /* MSG_TRUNC on TCP: the kernel drops the bytes instead of copying them, so the broker is measured. */
        if (l->drop > 0)
            got = recv(l->fd, NULL, wanted, MSG_TRUNC | MSG_DONTWAIT);
        else
            got = recv(l->fd, l->in + l->have, wanted, MSG_DONTWAIT);
        if (got < 0 && errno == EAGAIN)
            return;
        if (got <= 0)
            give_up("receive");
        if (l->drop > 0)
            l->drop -= (size_t)got;
        else
            take_answers(r, l, l->have + (size_t)got);
        if ((size_t)got < wanted && l->drop == 0)
            return;
    }
}

/* --- the run ------------------------------------------------------------------------------------- */

/* Nanoseconds until something is to be done without an answer; -1: nothing is. */
static int64_t patience_ns(const struct run *r)
{
    int64_t until = -1;
    if (r->plan->seconds > 0 && !r->closing)
        until = r->begin_ns + (int64_t)(r->plan->seconds * 1e9);
    for (int i = 0; r->plan->rate > 0 && i < r->plan->connections; i++) {
        const struct link *l = &r->links[i];
        int64_t due = due_ns(r, l, l->started);
        if (may_start(r, l) && (until < 0 || due < until))
            until = due;
    }
    if (until < 0)
        return -1;
    return until > r->now_ns ? until - r->now_ns : 0;
}

static void one_turn(struct run *r)
{
    struct epoll_event events[EVENTS];
    int64_t left = patience_ns(r);
    struct timespec wait = {.tv_sec = left / 1000000000, .tv_nsec = left % 1000000000};
    int count = epoll_pwait2(r->epoll, events, EVENTS, left < 0 ? NULL : &wait, NULL);
    if (count < 0 && errno != EINTR)
        give_up("epoll_pwait2");
    r->now_ns = clock_ns();
    for (int i = 0; i < count; i++) {
        struct link *l = events[i].data.ptr;
        if (events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
            receive(r, l);
        if (events[i].events & EPOLLOUT)
            send_some(r, l);
        fill(r, l);
    }
    for (int i = 0; r->plan->rate > 0 && i < r->plan->connections; i++)
        fill(r, &r->links[i]);
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signum)
{
    (void)signum;
    interrupted = 1;
}

static bool finished(struct run *r)
{
    const struct load_plan *plan = r->plan;
    bool time_is_up = plan->seconds > 0 && r->now_ns - r->begin_ns >= (int64_t)(plan->seconds * 1e9);
    if (time_is_up || interrupted)
        r->closing = true;
    bool all_given = r->closing || (plan->requests > 0 && r->given >= plan->requests);
    return all_given && r->out->answers >= r->given;
}

void load_run(const struct load_plan *plan, const struct load_template *t, struct load_result *out)
{
    struct run r = {.plan = plan, .t = t, .out = out, .epoll = epoll_create1(EPOLL_CLOEXEC)};
    prctl(PR_SET_TIMERSLACK, 1UL, 0UL, 0UL, 0UL);
    struct sigaction action = {.sa_handler = on_interrupt};
    sigaction(SIGINT, &action, NULL);
    open_links(&r);
    r.begin_ns = r.now_ns = clock_ns();
    for (int i = 0; i < plan->connections; i++) {
        watch(&r, &r.links[i], EPOLL_CTL_ADD);
        fill(&r, &r.links[i]);
    }
    while (!finished(&r))
        one_turn(&r);
    out->seconds = (double)(r.now_ns - r.begin_ns) / 1e9;
    close_links(&r);
    close(r.epoll);
}

void load_hold(const struct load_plan *plan, const struct load_template *t)
{
    uint8_t answer_bytes[4096];
    for (int i = 0; i < plan->connections; i++) {
        int fd = open_connection(plan);
        if (send(fd, t->bytes.data, t->bytes.len, MSG_NOSIGNAL) != (ssize_t)t->bytes.len)
            give_up("send");
        errno = 0;
        if (recv(fd, answer_bytes, sizeof answer_bytes, 0) <= 0)
            give_up("receive");
    }
    puts("ready");
    fflush(stdout);
    while (read(STDIN_FILENO, answer_bytes, sizeof answer_bytes) > 0)
        ;
}
