#include "net/presence.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/buf.h"
#include "base/mem.h"
#include "net/resolve.h"

/*
 *   resolving --> connecting --> there --closed by the peer--> (at once) resolving
 *       ^             |
 *       |        no address took it
 *       `-- pause <---'
 *
 * A peer that takes connections only to close them is called at once the first time, and no more.
 *
 * Beside that, whatever the state, a clock: it asks when nothing is asked and somebody is there, and counts
 * from the first question that is not answered, or from the loss of the connection. The peer of a process
 * that stands still seems silent to it when it wakes: its own clock was late then, and the count begins anew.
 */

#define CONNECT_TIMEOUT_MS 2000
/* After an attempt that says nothing, a connection that did not last, and refusals that were told. */
#define SLOW_PAUSE_MS 1000
/* Attempts in the time that refusals must last. */
#define ATTEMPTS 4
/* Questions in the time that silence must last, as far as there are not too many or too few. */
#define ASKS       8
#define ASK_MIN_MS 50
#define ASK_MAX_MS 1000
/* An answer to what is asked is no larger. */
#define ANSWER_BYTES_MAX (1024 * 1024)

enum presence_state { PRESENCE_PAUSED, PRESENCE_RESOLVING, PRESENCE_CONNECTING, PRESENCE_THERE };

struct presence {
    struct loop *loop;
    char *host;
    int port;
    int64_t refused_ms;
    int64_t silent_ms;
    struct buf ask;
    struct presence_events events;

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

    struct loop_timer clock;
    int64_t clock_due_ms;
    bool answers;             /* ever */
    bool asked;               /* on this connection, and not answered */
    int64_t asked_ms;         /* when */
    int64_t unheard_since_ms; /* NEVER = it is not */
    int64_t told_silent_ms;   /* NEVER = it was not */
    bool told_heard;
    uint8_t size[4]; /* of the answer that is coming */
    size_t size_len;
    size_t body_left;
};

#define NEVER INT64_MIN

static void begin(struct presence *presence);
static void try_next(struct presence *presence);

static void close_socket(struct presence *presence)
{
    loop_io_close(&presence->io);
    if (presence->fd >= 0)
        close(presence->fd);
    presence->fd = -1;
    presence->asked = false;
    presence->size_len = presence->body_left = 0;
}

static void count_silence(struct presence *presence)
{
    if (presence->unheard_since_ms == NEVER)
        presence->unheard_since_ms = loop_now_ms(presence->loop);
}

static void end_silence(struct presence *presence)
{
    presence->unheard_since_ms = presence->told_silent_ms = NEVER;
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
        count_silence(presence);
        pause_for(presence, SLOW_PAUSE_MS);
        return;
    }
    end_silence(presence);
    if (presence->refusals++ == 0)
        presence->first_refused_ms = now_ms;
    int64_t pause_ms = (presence->refused_ms + ATTEMPTS - 1) / ATTEMPTS;
    if (presence->refusals < PRESENCE_REFUSALS_MIN ||
        now_ms - presence->first_refused_ms < presence->refused_ms) {
        pause_for(presence, pause_ms);
        return;
    }
    pause_for(presence, SLOW_PAUSE_MS);
    presence->told_heard = false;
    presence->events.refused(presence->events.arg, presence->was_there);
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

/* --- asking ----------------------------------------------------------------------------------------------
 */

static int64_t ask_pause_ms(const struct presence *presence)
{
    int64_t ms = presence->silent_ms / ASKS;
    return ms < ASK_MIN_MS ? ASK_MIN_MS : ms > ASK_MAX_MS ? ASK_MAX_MS : ms;
}

static bool is_unheard_for(const struct presence *presence, int64_t now_ms, int64_t ms)
{
    return presence->answers && presence->unheard_since_ms != NEVER &&
           now_ms - presence->unheard_since_ms >= ms;
}

static bool is_silent(const struct presence *presence, int64_t now_ms)
{
    return is_unheard_for(presence, now_ms, presence->silent_ms);
}

static void arm_clock(struct presence *presence, int64_t now_ms)
{
    int64_t due_ms = now_ms + ask_pause_ms(presence);
    if (presence->unheard_since_ms != NEVER && !is_silent(presence, now_ms) &&
        presence->unheard_since_ms + presence->silent_ms < due_ms)
        due_ms = presence->unheard_since_ms + presence->silent_ms;
    presence->clock_due_ms = due_ms;
    loop_timer_arm(presence->loop, &presence->clock, due_ms);
}

/* A question is small enough for any socket: what does not fit finds a peer that has stopped reading. */
static void ask(struct presence *presence)
{
    if (presence->ask.len == 0 || presence->asked)
        return;
    ssize_t sent = send(presence->fd, presence->ask.data, presence->ask.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent; /* a connection that is lost says so by itself */
    presence->asked = true;
    presence->asked_ms = loop_now_ms(presence->loop);
    count_silence(presence);
}

/* A connection may be what fails. */
static void ask_elsewhere(struct presence *presence, int64_t now_ms)
{
    if (presence->state != PRESENCE_THERE || !presence->asked ||
        now_ms - presence->asked_ms < presence->silent_ms)
        return;
    close_socket(presence);
    begin(presence);
}

static void tell_silent(struct presence *presence, int64_t now_ms)
{
    if (presence->told_silent_ms != NEVER && now_ms - presence->told_silent_ms < SLOW_PAUSE_MS)
        return;
    presence->told_silent_ms = now_ms;
    presence->told_heard = false;
    presence->events.silent(presence->events.arg); /* may free it */
}

static void on_clock(struct loop_timer *timer, int64_t now_ms)
{
    struct presence *presence = CONTAINER_OF(timer, struct presence, clock);
    bool stood_still = now_ms - presence->clock_due_ms > presence->silent_ms / 4;
    if (stood_still && presence->unheard_since_ms != NEVER)
        presence->unheard_since_ms = now_ms;
    if (presence->state == PRESENCE_THERE)
        ask(presence);
    arm_clock(presence, now_ms);
    if (is_silent(presence, now_ms)) {
        ask_elsewhere(presence, now_ms);
        tell_silent(presence, now_ms);
    } else if (presence->told_heard && is_unheard_for(presence, now_ms, presence->silent_ms / 2)) {
        presence->told_heard = false;
        presence->events.quiet(presence->events.arg); /* may free it */
    }
}

/* --- a connection ----------------------------------------------------------------------------------------
 */

static void now_there(struct presence *presence)
{
    presence->state = PRESENCE_THERE;
    presence->there_since_ms = loop_now_ms(presence->loop);
    presence->was_there = true;
    presence->refusals = 0;
    loop_timer_cancel(presence->loop, &presence->timer);
    loop_io_want(&presence->io, true, false);
    ask(presence);
}

static void is_lost(struct presence *presence)
{
    close_socket(presence);
    count_silence(presence);
    bool again = presence->was_brief;
    presence->was_brief = loop_now_ms(presence->loop) - presence->there_since_ms < SLOW_PAUSE_MS;
    if (presence->was_brief && again)
        pause_for(presence, SLOW_PAUSE_MS);
    else
        begin(presence);
}

/* Counts answers; what they say does not matter. False for what is none. */
static bool take_bytes(struct presence *presence, const uint8_t *bytes, size_t len, bool *answered)
{
    for (size_t at = 0; at < len;) {
        if (presence->size_len < sizeof presence->size) {
            presence->size[presence->size_len++] = bytes[at++];
            if (presence->size_len < sizeof presence->size)
                continue;
            int32_t size = be_get_i32(presence->size);
            if (size < 0 || size > ANSWER_BYTES_MAX)
                return false;
            presence->body_left = (size_t)size;
        }
        size_t more = len - at < presence->body_left ? len - at : presence->body_left;
        presence->body_left -= more;
        at += more;
        if (presence->body_left == 0) {
            presence->size_len = 0;
            *answered = true;
        }
    }
    return true;
}

static void is_heard(struct presence *presence)
{
    presence->asked = false;
    presence->answers = true;
    end_silence(presence);
    if (presence->told_heard)
        return;
    presence->told_heard = true;
    presence->events.heard(presence->events.arg); /* may free it */
}

static void read_in(struct presence *presence)
{
    uint8_t bytes[4096];
    bool answered = false;
    ssize_t n = recv(presence->fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || !take_bytes(presence, bytes, (size_t)n, &answered))
        is_lost(presence);
    else if (answered)
        is_heard(presence);
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    struct presence *presence = CONTAINER_OF(io, struct presence, io);
    (void)readable;
    (void)writable;
    if (presence->state == PRESENCE_THERE) {
        read_in(presence);
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
                              const struct presence_events *events)
{
    ASSERT_ON_LOOP(loop);
    struct presence *presence = MEM_NEW(struct presence);
    presence->loop = loop;
    presence->host = mem_strdup(config->host);
    presence->port = config->port;
    presence->refused_ms = config->refused_ms;
    presence->silent_ms = config->silent_ms;
    buf_put_view(&presence->ask, config->ask);
    presence->events = *events;
    presence->fd = -1;
    presence->timer.fire = on_timer;
    presence->clock.fire = on_clock;
    end_silence(presence);
    begin(presence);
    if (presence->ask.len > 0)
        arm_clock(presence, loop_now_ms(loop));
    return presence;
}

void presence_free(struct presence *presence)
{
    if (!presence)
        return;
    if (presence->resolve)
        resolve_cancel(presence->resolve);
    loop_timer_cancel(presence->loop, &presence->timer);
    loop_timer_cancel(presence->loop, &presence->clock);
    close_socket(presence);
    buf_close(&presence->ask);
    free(presence->host);
    free(presence);
}
