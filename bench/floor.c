/*
 * The floor: what a broker must do at the least, and nothing else.
 *
 * One epoll loop on one thread. A Produce: receive the frame, check the CRC of
 * its batch, write the batch into a file's page cache with one pwrite, answer.
 * A Fetch: a header and sendfile from that file. An OffsetCommit: its bytes
 * with one pwrite, and an answer. A Heartbeat: an answer. It knows the requests
 * that the bench's load sends (Produce v7, Fetch v4 and OffsetCommit v7 with one
 * partition, Heartbeat v3), trusts them, and keeps no index, no offsets, no
 * groups and no order but the file's.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/be.h"
#include "base/hash.h"
#include "base/mem.h"

#define INPUT_BYTES  (4 << 20)
#define TASTE_BYTES  65536 /* read at once while the next frame's size is unknown */
#define OUTPUT_BYTES 65536
#define HEAD_BYTES   512 /* most that one answer's head takes */
#define FILES        16
#define FILE_BYTES   (INT64_C(4) << 30) /* then it begins anew */
#define EVENTS       64

enum { KEY_PRODUCE = 0, KEY_FETCH = 1, KEY_OFFSET_COMMIT = 8 };

struct file {
    int fd;
    int64_t size;    /* written so far */
    int64_t read_at; /* where the next fetch reads */
};

struct client {
    int fd;
    bool writing;
    uint8_t *in;
    size_t have;
    uint8_t out[OUTPUT_BYTES];
    size_t out_len;
    struct file *body; /* being sent behind `out`, NULL: none */
    off_t body_at;
    size_t body_left;
};

struct floor {
    int epoll;
    int listener;
    struct file files[FILES];
};

static _Noreturn void give_up(const char *what)
{
    fprintf(stderr, "floor: %s: %s\n", what, strerror(errno));
    exit(EXIT_FAILURE);
}

/* A request's fields, read one after the other; the load is trusted. */
struct reader {
    const uint8_t *at;
};

static int16_t take_i16(struct reader *r)
{
    r->at += 2;
    return be_get_i16(r->at - 2);
}

static int32_t take_i32(struct reader *r)
{
    r->at += 4;
    return be_get_i32(r->at - 4);
}

static struct view take_string(struct reader *r)
{
    int16_t len = take_i16(r);
    if (len < 0)
        return VIEW_NULL;
    r->at += len;
    return view_of(r->at - len, (size_t)len);
}

/* An answer's fields, put one after the other. */
struct writer {
    uint8_t *at;
};

static void put_i16(struct writer *w, int16_t v)
{
    be_put_i16(w->at, v);
    w->at += 2;
}

static void put_i32(struct writer *w, int32_t v)
{
    be_put_i32(w->at, v);
    w->at += 4;
}

static void put_i64(struct writer *w, int64_t v)
{
    be_put_i64(w->at, v);
    w->at += 8;
}

static void put_topic(struct writer *w, struct view topic, int32_t partition)
{
    put_i32(w, 1);
    put_i16(w, (int16_t)topic.len);
    memcpy(w->at, topic.ptr, topic.len);
    w->at += topic.len;
    put_i32(w, 1);
    put_i32(w, partition);
}

static void end_answer(struct client *c, const struct writer *w, size_t body)
{
    uint8_t *begin = c->out + c->out_len;
    size_t head = (size_t)(w->at - begin);
    be_put_i32(begin, (int32_t)(head - 4 + body));
    c->out_len += head;
}

static void append(struct file *file, const uint8_t *bytes, size_t size)
{
    if (file->size + (int64_t)size > FILE_BYTES)
        file->size = 0;
    if (pwrite(file->fd, bytes, size, file->size) != (ssize_t)size)
        give_up("pwrite");
}

static void produce(struct floor *f, struct client *c, struct reader r, int32_t correlation_id)
{
    take_string(&r);   /* transactional id */
    r.at += 2 + 4 + 4; /* acks, timeout, one topic */
    struct view topic = take_string(&r);
    r.at += 4; /* one partition */
    int32_t partition = take_i32(&r);
    int32_t size = take_i32(&r);
    uint32_t crc = (uint32_t)be_get_i32(r.at + 17);
    int16_t error = hash_crc32c(0, r.at + 21, (size_t)size - 21) == crc ? 0 : 2;

    struct file *file = &f->files[partition % FILES];
    append(file, r.at, (size_t)size);

    struct writer w = {c->out + c->out_len + 4};
    put_i32(&w, correlation_id);
    put_topic(&w, topic, partition);
    put_i16(&w, error);
    put_i64(&w, file->size); /* base offset */
    put_i64(&w, -1);         /* log append time */
    put_i64(&w, 0);          /* log start offset */
    put_i32(&w, 0);          /* throttle time */
    end_answer(c, &w, 0);
    file->size += size;
}

static void fetch(struct floor *f, struct client *c, struct reader r, int32_t correlation_id)
{
    r.at += 4 + 4 + 4 + 4 + 1 + 4; /* replica, wait, least, most, isolation, one topic */
    struct view topic = take_string(&r);
    r.at += 4; /* one partition */
    int32_t partition = take_i32(&r);
    r.at += 8; /* the offset: the floor has no index */
    int64_t most = take_i32(&r);

    struct file *file = &f->files[partition % FILES];
    int64_t size = most < file->size ? most : file->size;
    if (file->read_at + size > file->size)
        file->read_at = 0;

    struct writer w = {c->out + c->out_len + 4};
    put_i32(&w, correlation_id);
    put_i32(&w, 0); /* throttle time */
    put_topic(&w, topic, partition);
    put_i16(&w, 0);
    put_i64(&w, file->size); /* high watermark */
    put_i64(&w, file->size); /* last stable offset */
    put_i32(&w, -1);         /* aborted transactions */
    put_i32(&w, (int32_t)size);
    end_answer(c, &w, (size_t)size);
    c->body = size > 0 ? file : NULL;
    c->body_at = file->read_at;
    c->body_left = (size_t)size;
    file->read_at += size;
}

static void offset_commit(struct floor *f, struct client *c, struct reader r, const uint8_t *end,
                          int32_t correlation_id)
{
    const uint8_t *body = r.at;
    take_string(&r); /* group */
    r.at += 4;       /* generation */
    take_string(&r); /* member */
    take_string(&r); /* instance */
    r.at += 4;       /* one topic */
    struct view topic = take_string(&r);
    r.at += 4; /* one partition */
    int32_t partition = take_i32(&r);

    struct file *file = &f->files[0]; /* as a group has one partition of the offsets' topic */
    append(file, body, (size_t)(end - body));
    file->size += end - body;

    struct writer w = {c->out + c->out_len + 4};
    put_i32(&w, correlation_id);
    put_i32(&w, 0); /* throttle time */
    put_topic(&w, topic, partition);
    put_i16(&w, 0);
    end_answer(c, &w, 0);
}

/* A Heartbeat's answer, or an ApiVersions' that names none: both are as long. */
static void answer_shortly(struct client *c, int32_t correlation_id)
{
    struct writer w = {c->out + c->out_len + 4};
    put_i32(&w, correlation_id);
    put_i16(&w, 0);
    put_i32(&w, 0);
    end_answer(c, &w, 0);
}

static void watch(struct floor *f, struct client *c, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (c->writing ? EPOLLOUT : 0), .data.ptr = c};
    if (epoll_ctl(f->epoll, operation, c->fd, &event))
        give_up("epoll_ctl");
}

/* Sends what there is; false if the socket is full. */
static bool flush(struct client *c)
{
    if (c->out_len > 0) {
        int more = c->body ? MSG_MORE : 0;
        ssize_t sent = send(c->fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT | more);
        if (sent < 0)
            return errno != EAGAIN;
        c->out_len -= (size_t)sent;
        memmove(c->out, c->out + sent, c->out_len);
        if (c->out_len > 0)
            return false;
    }
    while (c->body) {
        ssize_t sent = sendfile(c->fd, c->body->fd, &c->body_at, c->body_left);
        if (sent <= 0)
            return sent < 0 && errno != EAGAIN;
        c->body_left -= (size_t)sent;
        if (c->body_left == 0)
            c->body = NULL;
    }
    return true;
}

static void handle(struct floor *f, struct client *c, const uint8_t *frame)
{
    struct reader r = {frame + 4};
    const uint8_t *end = r.at + be_get_i32(frame);
    int16_t key = take_i16(&r);
    r.at += 2;
    int32_t correlation_id = take_i32(&r);
    take_string(&r);
    if (key == KEY_PRODUCE) {
        produce(f, c, r, correlation_id);
    } else if (key == KEY_FETCH) {
        fetch(f, c, r, correlation_id);
    } else if (key == KEY_OFFSET_COMMIT) {
        offset_commit(f, c, r, end, correlation_id);
    } else {
        answer_shortly(c, correlation_id);
    }
}

/* Handles the whole frames at hand and sends their answers together. */
static void serve(struct floor *f, struct client *c)
{
    size_t pos = 0;
    bool room = true;
    while (room && c->have - pos >= 4) {
        size_t size = 4 + (size_t)be_get_i32(c->in + pos);
        if (c->have - pos < size)
            break;
        if (c->out_len + HEAD_BYTES > OUTPUT_BYTES || c->body)
            room = flush(c);
        if (room) {
            handle(f, c, c->in + pos);
            pos += size;
        }
    }
    c->have -= pos;
    memmove(c->in, c->in + pos, c->have);
    bool full = !flush(c);
    if (full != c->writing) {
        c->writing = full;
        watch(f, c, EPOLL_CTL_MOD);
    }
}

static void drop(struct client *c)
{
    close(c->fd);
    free(c->in);
    free(c);
}

static void receive(struct floor *f, struct client *c)
{
    size_t wanted = TASTE_BYTES;
    if (c->have >= 4 && 4 + (size_t)be_get_i32(c->in) > TASTE_BYTES)
        wanted =
            4 + (size_t)be_get_i32(c->in); /* a large frame to its end and no further: nothing is moved */
    if (wanted <= c->have || wanted > INPUT_BYTES)
        return; /* it waits for its answers first */
    ssize_t got = recv(c->fd, c->in + c->have, wanted - c->have, MSG_DONTWAIT);
    if (got < 0 && errno == EAGAIN)
        return;
    if (got <= 0) {
        drop(c);
        return;
    }
    c->have += (size_t)got;
    serve(f, c);
}

static void welcome(struct floor *f)
{
    int fd = accept4(f->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct client *c = MEM_NEW(struct client);
    c->fd = fd;
    c->in = mem_alloc(INPUT_BYTES);
    watch(f, c, EPOLL_CTL_ADD);
}

static void open_all(struct floor *f, const char *port, const char *folder)
{
    f->epoll = epoll_create1(EPOLL_CLOEXEC);
    f->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(port, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int one = 1;
    setsockopt(f->listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(f->listener, (struct sockaddr *)&at, sizeof at) || listen(f->listener, 1024))
        give_up("listen");
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
    if (epoll_ctl(f->epoll, EPOLL_CTL_ADD, f->listener, &event))
        give_up("epoll_ctl");
    for (int i = 0; i < FILES; i++) {
        char *path = mem_printf("%s/floor-%d.log", folder, i);
        f->files[i].fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (f->files[i].fd < 0)
            give_up(path);
        free(path);
    }
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: floor PORT FOLDER\n");
        return 2;
    }
    struct floor f = {0};
    signal(SIGPIPE, SIG_IGN);
    open_all(&f, argv[1], argv[2]);
    for (;;) {
        struct epoll_event events[EVENTS];
        int count = epoll_wait(f.epoll, events, EVENTS, -1);
        for (int i = 0; i < count; i++) {
            struct client *c = events[i].data.ptr;
            if (!c)
                welcome(&f);
            else if (events[i].events & EPOLLIN)
                receive(&f, c);
            else if (events[i].events & EPOLLOUT)
                serve(&f, c);
            else
                drop(c);
        }
    }
}
