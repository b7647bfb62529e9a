#include "net/channel.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/resolve.h"

/*
 *   idle --send--> resolving --> connecting --> connected
 *     ^                |             |              |
 *     +---- fail: every frame in flight gets its callback
 *
 * Frames sent before the connection is there wait in `out`. Answers come in the
 * order of the frames, so the first call is always the one that is answered, and
 * its deadline the nearest.
 *
 * Callbacks may send, and may free the channel: what runs them counts itself in
 * `depth`, and the memory goes when the last has returned.
 */

#define READ_BYTES     ((size_t)64 * 1024)
#define IN_KEEP_BYTES  ((size_t)16 * 1024 * 1024)
#define OUT_KEEP_BYTES ((size_t)1024 * 1024)
#define READS_MAX      16

enum channel_state { CHANNEL_IDLE, CHANNEL_RESOLVING, CHANNEL_CONNECTING, CHANNEL_CONNECTED };

struct call {
    struct list node;
    channel_answer_fn answer;
    void *arg;
    int64_t deadline_ms;
};

struct channel {
    struct loop *loop;
    char *host;
    struct channel_config config;
    enum channel_state state;
    int last_errno;

    struct resolve *resolve;
    struct resolve_result addrs;
    int addr_index; /* the next to be tried */
    int64_t connect_deadline_ms;

    int fd;
    struct loop_io io;
    struct loop_timer timer;
    struct loop_deferred deferred;

    struct list calls;
    struct list failing; /* calls of a connection that failed, whose callbacks are being run */
    struct list spare_calls;
    int in_flight;
    struct buf out;
    size_t out_at;
    struct buf in;
    size_t in_at;

    int depth;
    bool freed;
};

static void fail(struct channel *channel, enum err err, int errnum);
static void connect_next(struct channel *channel, int errnum);

/* --- calls ------------------------------------------------------------------------------------------- */

static void call_finish(struct channel *channel, struct list *node, enum err err, struct view answer)
{
    struct call *call = CONTAINER_OF(node, struct call, node);
    channel_answer_fn fn = call->answer;
    void *arg = call->arg;
    list_push_front(&channel->spare_calls, node);
    channel->in_flight--;
    fn(arg, err, answer);
}

static void free_calls(struct list *list)
{
    struct list *node;
    while ((node = list_pop_front(list)))
        free(CONTAINER_OF(node, struct call, node));
}

static void free_memory(struct channel *channel)
{
    free_calls(&channel->spare_calls);
    buf_close(&channel->out);
    buf_close(&channel->in);
    free(channel->host);
    free(channel);
}

static void enter(struct channel *channel)
{
    channel->depth++;
}

static void leave(struct channel *channel)
{
    if (--channel->depth == 0 && channel->freed)
        free_memory(channel);
}

static void arm_timer(struct channel *channel)
{
    int64_t at_ms = INT64_MAX;
    if (channel->state == CHANNEL_RESOLVING || channel->state == CHANNEL_CONNECTING)
        at_ms = channel->connect_deadline_ms;
    if (!list_is_empty(&channel->calls)) {
        const struct call *first = CONTAINER_OF(channel->calls.next, struct call, node);
        if (first->deadline_ms < at_ms)
            at_ms = first->deadline_ms;
    }
    if (at_ms == INT64_MAX)
        loop_timer_cancel(channel->loop, &channel->timer);
    else if (!loop_timer_is_armed(&channel->timer) || channel->timer.node.key != at_ms)
        loop_timer_arm(channel->loop, &channel->timer, at_ms);
}

static void close_socket(struct channel *channel)
{
    if (channel->resolve)
        resolve_cancel(channel->resolve);
    channel->resolve = NULL;
    loop_io_close(&channel->io);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
    channel->state = CHANNEL_IDLE;
    buf_clear(&channel->out);
    buf_clear(&channel->in);
    channel->out_at = channel->in_at = 0;
}

/* Ends the connection and every call on it. Callbacks may send anew: those wait for the next connection. */
static void fail(struct channel *channel, enum err err, int errnum)
{
    channel->last_errno = errnum;
    close_socket(channel);
    struct list *node;
    while ((node = list_pop_front(&channel->calls)))
        list_push_back(&channel->failing, node);
    enter(channel);
    while ((node = list_pop_front(&channel->failing)))
        call_finish(channel, node, err, VIEW_NULL);
    if (!channel->freed)
        arm_timer(channel);
    leave(channel);
}

static void on_timer(struct loop_timer *timer, int64_t now_ms)
{
    struct channel *channel = CONTAINER_OF(timer, struct channel, timer);
    const struct call *first =
        list_is_empty(&channel->calls) ? NULL : CONTAINER_OF(channel->calls.next, struct call, node);
    if (first && first->deadline_ms <= now_ms)
        fail(channel, ERR_REQUEST_TIMED_OUT, ETIMEDOUT);
    else if (channel->state == CHANNEL_CONNECTING && channel->connect_deadline_ms <= now_ms)
        fail(channel, ERR_CONNECTION_LOSS, ETIMEDOUT);
    else if (channel->state == CHANNEL_RESOLVING && channel->connect_deadline_ms <= now_ms)
        fail(channel, ERR_CONNECTION_LOSS, EHOSTUNREACH);
    else
        arm_timer(channel);
}

/* --- bytes out and in -------------------------------------------------------------------------------- */

static void write_out(struct channel *channel)
{
    while (channel->out_at < channel->out.len) {
        ssize_t n = send(channel->fd, channel->out.data + channel->out_at, channel->out.len - channel->out_at,
                         MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0) {
            channel->out_at += (size_t)n;
        } else if (errno == EAGAIN || errno == ENOBUFS) {
            break;
        } else if (errno != EINTR) {
            fail(channel, ERR_CONNECTION_LOSS, errno);
            return;
        }
    }
    bool all = channel->out_at == channel->out.len;
    if (all) {
        channel->out_at = 0;
        if (channel->out.cap > OUT_KEEP_BYTES)
            buf_close(&channel->out);
        else
            buf_clear(&channel->out);
    }
    loop_io_want(&channel->io, true, !all);
}

/* Hands complete answers to their callbacks. False when the channel failed or was freed meanwhile. */
static bool take_answers(struct channel *channel)
{
    enter(channel);
    bool alive = true;
    while (alive && channel->in.len - channel->in_at >= 4) {
        int64_t size = be_get_i32(channel->in.data + channel->in_at);
        if (size < 0 || size > channel->config.max_answer_bytes || list_is_empty(&channel->calls)) {
            fail(channel, ERR_MALFORMED, EPROTO);
            alive = false;
            break;
        }
        if (channel->in.len - channel->in_at - 4 < (size_t)size)
            break;
        struct view answer = view_of(channel->in.data + channel->in_at + 4, (size_t)size);
        channel->in_at += 4 + (size_t)size;
        call_finish(channel, list_pop_front(&channel->calls), ERR_NONE, answer);
        alive = !channel->freed;
    }
    if (alive)
        arm_timer(channel);
    leave(channel);
    return alive;
}

/* Room for one more read: all of a frame that has partly arrived, but never much more than has. */
static size_t reserve_in(struct channel *channel)
{
    struct buf *in = &channel->in;
    if (channel->in_at > 0) {
        memmove(in->data, in->data + channel->in_at, in->len - channel->in_at);
        in->len -= channel->in_at;
        channel->in_at = 0;
    }
    if (in->len == 0 && in->cap > IN_KEEP_BYTES)
        buf_close(in);
    size_t want = READ_BYTES;
    if (in->len >= 4) {
        size_t missing = (size_t)be_get_i32(in->data) + 4 - in->len;
        want = missing < 3 * in->len ? missing : 3 * in->len;
        want = want < READ_BYTES ? READ_BYTES : want;
    }
    buf_reserve(in, want);
    return in->cap - in->len;
}

static void read_in(struct channel *channel)
{
    for (int i = 0; i < READS_MAX; i++) {
        size_t room = reserve_in(channel);
        ssize_t n = read(channel->fd, channel->in.data + channel->in.len, room);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0) {
            fail(channel, ERR_CONNECTION_LOSS, n == 0 ? ECONNRESET : errno);
            return;
        }
        channel->in.len += (size_t)n;
        if (!take_answers(channel) || (size_t)n < room)
            return;
    }
}

/* --- connecting -------------------------------------------------------------------------------------- */

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    struct channel *channel = CONTAINER_OF(io, struct channel, io);
    if (channel->state == CHANNEL_CONNECTING) {
        int errnum = 0;
        socklen_t len = sizeof errnum;
        getsockopt(channel->fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
        if (errnum != 0) {
            connect_next(channel, errnum);
            return;
        }
        channel->state = CHANNEL_CONNECTED;
        channel->last_errno = 0;
        arm_timer(channel);
        write_out(channel);
        return;
    }
    if (writable)
        loop_defer(channel->loop, &channel->deferred);
    if (readable)
        read_in(channel);
}

/* Begins to connect to one address. 0 or errno. */
static int connect_to(struct channel *channel, const union resolve_addr *addr)
{
    int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    socklen_t len = addr->any.sa_family == AF_INET6 ? sizeof addr->v6 : sizeof addr->v4;
    if (connect(fd, &addr->any, len) != 0 && errno != EINPROGRESS) {
        int errnum = errno;
        close(fd);
        return errnum;
    }
    channel->fd = fd;
    loop_io_open(&channel->io, channel->loop, fd, on_ready);
    loop_io_want(&channel->io, false, true);
    return 0;
}

/* The next address, after the one before failed with errnum (0: there was none). */
static void connect_next(struct channel *channel, int errnum)
{
    loop_io_close(&channel->io);
    if (channel->fd >= 0)
        close(channel->fd);
    channel->fd = -1;
    while (channel->addr_index < channel->addrs.count) {
        errnum = connect_to(channel, &channel->addrs.addrs[channel->addr_index++]);
        if (errnum == 0)
            return;
    }
    fail(channel, ERR_CONNECTION_LOSS, errnum);
}

static void on_resolved(void *arg, const struct resolve_result *result)
{
    struct channel *channel = (struct channel *)arg;
    channel->resolve = NULL;
    channel->addrs = *result;
    channel->addr_index = 0;
    channel->state = CHANNEL_CONNECTING;
    connect_next(channel, EHOSTUNREACH);
}

static void on_deferred(struct loop_deferred *deferred)
{
    struct channel *channel = CONTAINER_OF(deferred, struct channel, deferred);
    if (channel->state == CHANNEL_CONNECTED) {
        write_out(channel);
    } else if (channel->state == CHANNEL_IDLE && !list_is_empty(&channel->calls)) {
        channel->state = CHANNEL_RESOLVING;
        channel->connect_deadline_ms = loop_now_ms(channel->loop) + channel->config.connect_timeout_ms;
        arm_timer(channel);
        channel->resolve =
            resolve_start(channel->loop, channel->host, channel->config.port, on_resolved, channel);
    }
}

/* --- public ------------------------------------------------------------------------------------------ */

struct channel *channel_new(struct loop *loop, const struct channel_config *config)
{
    struct channel *channel = MEM_NEW(struct channel);
    channel->loop = loop;
    channel->host = mem_strdup(config->host);
    channel->config = *config;
    channel->config.host = channel->host;
    channel->fd = -1;
    channel->timer.fire = on_timer;
    channel->deferred.run = on_deferred;
    list_init(&channel->calls);
    list_init(&channel->failing);
    list_init(&channel->spare_calls);
    return channel;
}

void channel_send(struct channel *channel, struct view frame, channel_answer_fn answer, void *arg)
{
    ASSERT_ON_LOOP(channel->loop);
    ASSERT(!channel->freed);
    struct list *node = list_pop_front(&channel->spare_calls);
    struct call *call;
    if (node) {
        call = CONTAINER_OF(node, struct call, node);
    } else {
        call = MEM_NEW(struct call);
        list_node_init(&call->node);
    }
    call->answer = answer;
    call->arg = arg;
    call->deadline_ms = loop_now_ms(channel->loop) + channel->config.request_timeout_ms;
    list_push_back(&channel->calls, &call->node);
    channel->in_flight++;
    buf_put_view(&channel->out, frame);
    arm_timer(channel);
    loop_defer(channel->loop, &channel->deferred);
}

void channel_keep_answer(struct channel *channel, struct buf *kept)
{
    ASSERT_ON_LOOP(channel->loop);
    ASSERT(channel->depth > 0 && kept->data != channel->in.data);
    struct buf fresh = *kept;
    buf_clear(&fresh);
    if (channel->in.len > channel->in_at)
        buf_put(&fresh, channel->in.data + channel->in_at, channel->in.len - channel->in_at);
    *kept = channel->in;
    channel->in = fresh;
    channel->in_at = 0;
}

int channel_in_flight(const struct channel *channel)
{
    return channel->in_flight;
}

bool channel_is_connected(const struct channel *channel)
{
    return channel->state == CHANNEL_CONNECTED;
}

int channel_last_errno(const struct channel *channel)
{
    return channel->last_errno;
}

void channel_free(struct channel *channel)
{
    if (!channel || channel->freed)
        return;
    ASSERT_ON_LOOP(channel->loop);
    channel->freed = true;
    loop_timer_cancel(channel->loop, &channel->timer);
    loop_deferred_cancel(&channel->deferred);
    close_socket(channel);
    enter(channel);
    struct list *node;
    while ((node = list_pop_front(&channel->failing)))
        call_finish(channel, node, ERR_CLOSED, VIEW_NULL);
    while ((node = list_pop_front(&channel->calls)))
        call_finish(channel, node, ERR_CLOSED, VIEW_NULL);
    leave(channel);
}
