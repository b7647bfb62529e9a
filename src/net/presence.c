#include "net/presence.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "net/resolve.h"

/*
 *   resolving --> connecting --> there --closed by the peer--> (at once) resolving
 *       ^             |
 *       |        no address took it
 *       `-- pause <---'
 *
 * A peer that takes connections only to close them is called at once the first time, and no more.
 */

#define CONNECT_TIMEOUT_MS 2000
/* After an attempt that says nothing, a connection that did not last, and refusals that were told. */
#define SLOW_PAUSE_MS 1000
/* Attempts in the time that refusals must last. */
#define ATTEMPTS 4

enum presence_state { PRESENCE_PAUSED, PRESENCE_RESOLVING, PRESENCE_CONNECTING, PRESENCE_THERE };

struct presence {
    struct loop *loop;
    char *host;
    int port;
    int64_t refused_ms;
    presence_refused_fn refused;
    void *arg;

    enum presence_state state;
    struct resolve *resolve;
    struct resolve_result addrs;
    int addr_index;   /* the next to be tried */
    bool all_refused; /* of the addresses tried */
    int fd;
    struct loop_io io;
    struct loop_timer timer;

    int refusals;
    int64_t first_refused_ms;
    int64_t there_since_ms;
    bool was_there;
    bool was_brief; /* the last connection */
};

static void begin(struct presence *presence);
static void try_next(struct presence *presence);

static void close_socket(struct presence *presence)
{
    loop_io_close(&presence->io);
    if (presence->fd >= 0)
        close(presence->fd);
    presence->fd = -1;
}

static void pause_for(struct presence *presence, int64_t ms)
{
    presence->state = PRESENCE_PAUSED;
    loop_timer_arm(presence->loop, &presence->timer, loop_now_ms(presence->loop) + ms);
}

/* The last thing done: who is told may free the presence. */
static void attempt_failed(struct presence *presence)
{
    int64_t now_ms = loop_now_ms(presence->loop);
    close_socket(presence);
    if (!presence->all_refused) {
        presence->refusals = 0;
        pause_for(presence, SLOW_PAUSE_MS);
        return;
    }
    if (presence->refusals++ == 0)
        presence->first_refused_ms = now_ms;
    int64_t pause_ms = (presence->refused_ms + ATTEMPTS - 1) / ATTEMPTS;
    if (presence->refusals < PRESENCE_REFUSALS_MIN ||
        now_ms - presence->first_refused_ms < presence->refused_ms) {
        pause_for(presence, pause_ms);
        return;
    }
    pause_for(presence, SLOW_PAUSE_MS);
    presence->refused(presence->arg, presence->was_there);
}

static void on_timer(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    struct presence *presence = CONTAINER_OF(timer, struct presence, timer);
    if (presence->state == PRESENCE_PAUSED) {
        begin(presence);
        return;
    }
    if (presence->resolve)
        resolve_cancel(presence->resolve);
    presence->resolve = NULL;
    presence->all_refused = false;
    attempt_failed(presence);
}

static void now_there(struct presence *presence)
{
    presence->state = PRESENCE_THERE;
    presence->there_since_ms = loop_now_ms(presence->loop);
    presence->was_there = true;
    presence->refusals = 0;
    loop_timer_cancel(presence->loop, &presence->timer);
    loop_io_want(&presence->io, true, false);
}

/* What the peer says does not matter, only that it closes. */
static void look_for_end(struct presence *presence)
{
    char bytes[4096];
    ssize_t n = recv(presence->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n > 0 || (n < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    close_socket(presence);
    bool again = presence->was_brief;
    presence->was_brief = loop_now_ms(presence->loop) - presence->there_since_ms < SLOW_PAUSE_MS;
    if (presence->was_brief && again)
        pause_for(presence, SLOW_PAUSE_MS);
    else
        begin(presence);
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    struct presence *presence = CONTAINER_OF(io, struct presence, io);
    (void)readable;
    (void)writable;
    if (presence->state == PRESENCE_THERE) {
        look_for_end(presence);
        return;
    }
    int errnum = 0;
    socklen_t len = sizeof errnum;
    getsockopt(presence->fd, SOL_SOCKET, SO_ERROR, &errnum, &len);
    if (errnum == 0) {
        now_there(presence);
        return;
    }
    presence->all_refused &= errnum == ECONNREFUSED;
    try_next(presence);
}

/* Begins to connect to one address. 0 or errno. */
static int connect_to(struct presence *presence, const union resolve_addr *addr)
{
    int fd = socket(addr->any.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return errno;
    int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    socklen_t len = addr->any.sa_family == AF_INET6 ? sizeof addr->v6 : sizeof addr->v4;
    if (connect(fd, &addr->any, len) != 0 && errno != EINPROGRESS) {
        int errnum = errno;
        close(fd);
        return errnum;
    }
    presence->fd = fd;
    loop_io_open(&presence->io, presence->loop, fd, on_ready);
    loop_io_want(&presence->io, false, true);
    return 0;
}

static void try_next(struct presence *presence)
{
    close_socket(presence);
    while (presence->addr_index < presence->addrs.count) {
        int errnum = connect_to(presence, &presence->addrs.addrs[presence->addr_index++]);
        if (errnum == 0)
            return;
        presence->all_refused &= errnum == ECONNREFUSED;
    }
    attempt_failed(presence);
}

static void on_resolved(void *arg, const struct resolve_result *result)
{
    struct presence *presence = (struct presence *)arg;
    presence->resolve = NULL;
    presence->addrs = *result;
    presence->addr_index = 0;
    presence->all_refused = result->count > 0;
    presence->state = PRESENCE_CONNECTING;
    try_next(presence);
}

static void begin(struct presence *presence)
{
    presence->state = PRESENCE_RESOLVING;
    loop_timer_arm(presence->loop, &presence->timer, loop_now_ms(presence->loop) + CONNECT_TIMEOUT_MS);
    presence->resolve = resolve_start(presence->loop, presence->host, presence->port, on_resolved, presence);
}

struct presence *presence_new(struct loop *loop, const struct presence_config *config,
                              presence_refused_fn refused, void *arg)
{
    ASSERT_ON_LOOP(loop);
    struct presence *presence = MEM_NEW(struct presence);
    presence->loop = loop;
    presence->host = mem_strdup(config->host);
    presence->port = config->port;
    presence->refused_ms = config->refused_ms;
    presence->refused = refused;
    presence->arg = arg;
    presence->fd = -1;
    presence->timer.fire = on_timer;
    begin(presence);
    return presence;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    if (presence->resolve)
        resolve_cancel(presence->resolve);
    loop_timer_cancel(presence->loop, &presence->timer);
    close_socket(presence);
    free(presence->host);
    free(presence);
}
