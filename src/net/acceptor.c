#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/internal.h"

/*
 * Listeners and the limits on connections. One loop accepts for all and gives each
 * connection to the loop that has the fewest, so that few connections spread well;
 * every connection reports back when it is gone. So all counts are of one thread.
 *
 * A listener that may not accept is not watched, and its peers wait in the backlog:
 *   at max.connections        until a connection is gone
 *   over the creation rate    until a token is there
 *   out of descriptors        for a while, doubling to a second. One connection is
 *                             taken by a descriptor kept for this and closed at once,
 *                             so that peers hear something.
 */

#define ACCEPTS_PER_TURN 64
#define BACKOFF_MIN_MS   50
#define BACKOFF_MAX_MS   1000

/* --- limits ------------------------------------------------------------------------------------------ */

static struct view addr_key(const union net_addr *addr)
{
    return addr->any.sa_family == AF_INET6 ? view_of(&addr->v6.sin6_addr, sizeof addr->v6.sin6_addr)
                                           : view_of(&addr->v4.sin_addr, sizeof addr->v4.sin_addr);
}

static intptr_t count_of(const struct map *map, const union net_addr *addr)
{
    return (intptr_t)map_get(map, addr_key(addr));
}

static void set_count(struct map *map, const union net_addr *addr, intptr_t count)
{
    if (count > 0)
        map_put(map, addr_key(addr), (void *)count);
    else
        map_remove(map, addr_key(addr));
}

/* A v4 address that came in on a v6 socket is a v4 address to everybody else. */
static void unmap_v4(union net_addr *addr)
{
    if (addr->any.sa_family != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&addr->v6.sin6_addr))
        return;
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = addr->v6.sin6_port};
    memcpy(&v4.sin_addr, &addr->v6.sin6_addr.s6_addr[12], 4);
    addr->v4 = v4;
}

static bool ip_is_full(const struct net_server *server, const union net_addr *addr)
{
    intptr_t limit = server->max_per_ip;
    intptr_t own = count_of(&server->per_ip_overrides, addr);
    if (own > 0)
        limit = own - 1;
    return count_of(&server->per_ip, addr) >= limit;
}

static bool slot_is_free(const struct listener *listener)
{
    const struct net_server *server = listener->server;
    if (listener->count >= listener->max_connections)
        return false;
    return (listener->protected && server->listeners_count > 1) || server->count < server->max_connections;
}

/* Takes a token of the creation rate. */
static bool rate_allows(struct net_server *server, int64_t now_ms)
{
    if (server->creation_rate == INT_MAX)
        return true;
    double rate = server->creation_rate;
    server->creation_tokens += (double)(now_ms - server->creation_filled_ms) * rate / 1000;
    server->creation_filled_ms = now_ms;
    if (server->creation_tokens > rate)
        server->creation_tokens = rate;
    if (server->creation_tokens < 1)
        return false;
    server->creation_tokens -= 1;
    return true;
}

/* --- accepting --------------------------------------------------------------------------------------- */

static void pause_until(struct listener *listener, int64_t at_ms)
{
    loop_io_want(&listener->io, false, false);
    loop_timer_arm(listener->server->acceptor, &listener->retry, at_ms);
}

static void resume(struct listener *listener)
{
    listener->paused_for_slot = false;
    loop_timer_cancel(listener->server->acceptor, &listener->retry);
    loop_io_want(&listener->io, true, false);
}

static void on_retry(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    resume(CONTAINER_OF(timer, struct listener, retry));
}

static void set_options(const struct net_server *server, int fd)
{
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    if (server->send_buffer_bytes >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &server->send_buffer_bytes, sizeof(int));
}

static struct net_loop *least_loaded(const struct net_server *server)
{
    struct net_loop *best = server->nls[0];
    for (int i = 1; i < server->nls_count; i++) {
        if (server->nls[i]->assigned < best->assigned)
            best = server->nls[i];
    }
    return best;
}

/* The inter-broker listener is not held up at max.connections; another connection goes for it. */
static void make_room(struct net_server *server)
{
    if (server->count <= server->max_connections)
        return;
    struct net_loop *most = server->nls[0];
    for (int i = 1; i < server->nls_count; i++) {
        if (server->nls[i]->assigned > most->assigned)
            most = server->nls[i];
    }
    if (!atomic_exchange(&most->evict_posted, true))
        loop_post(most->loop, &most->evict_message);
}

static void hand_out(struct listener *listener, int fd, const union net_addr *addr)
{
    struct net_server *server = listener->server;
    set_options(server, fd);
    struct conn *conn = MEM_NEW(struct conn);
    conn->fd = fd;
    conn->addr = *addr;
    conn->listener = listener;
    conn->nl = least_loaded(server);
    conn->nl->assigned++;
    listener->count++;
    server->count++;
    set_count(&server->per_ip, addr, count_of(&server->per_ip, addr) + 1);
    counter_add(&server->accepted, 1);
    conn->number = atomic_load(&server->accepted);
    conn->message.run = conn_start;
    conn->message.label = "conn_start";
    loop_post(conn->nl->loop, &conn->message);
    make_room(server);
}

void acceptor_forget(struct conn *conn)
{
    struct net_server *server = conn->nl->server;
    conn->nl->assigned--;
    conn->listener->count--;
    server->count--;
    set_count(&server->per_ip, &conn->addr, count_of(&server->per_ip, &conn->addr) - 1);
    for (int i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];
        if (server->accepting && listener->paused_for_slot && slot_is_free(listener))
            resume(listener);
    }
}

static void refuse_ip(struct net_server *server, int fd, const union net_addr *addr, int64_t now_ms)
{
    counter_add(&server->refused, 1);
    if (log_pace_allows(&server->refusals, now_ms)) {
        char text[64];
        net_addr_text(addr, text, sizeof text);
        log_info("net", "conn_refused",
                 "peer=%s reason=\"too many connections of one address\" held_back=%lld", text,
                 log_pace_held(&server->refusals));
    }
    close(fd);
}

/* Lets one peer go who would wait for nothing. */
static void shed_one(struct listener *listener)
{
    struct net_server *server = listener->server;
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    int fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        counter_add(&server->refused, 1);
        close(fd);
    }
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void back_off(struct listener *listener, int errnum, int64_t now_ms)
{
    struct net_server *server = listener->server;
    if (errnum == EMFILE || errnum == ENFILE)
        shed_one(listener);
    listener->backoff_ms = listener->backoff_ms ? listener->backoff_ms * 2 : BACKOFF_MIN_MS;
    if (listener->backoff_ms > BACKOFF_MAX_MS)
        listener->backoff_ms = BACKOFF_MAX_MS;
    if (log_pace_allows(&server->accept_errors, now_ms))
        log_warn("net", "accept_failed", "listener=%s why=\"%s\" wait_ms=%lld held_back=%lld", listener->name,
                 strerrordesc_np(errnum), (long long)listener->backoff_ms,
                 log_pace_held(&server->accept_errors));
    pause_until(listener, now_ms + listener->backoff_ms);
}

/* One connection. False when there is no more to be had now. */
static bool accept_one(struct listener *listener, int64_t now_ms)
{
    struct net_server *server = listener->server;
    union net_addr addr = {0};
    socklen_t addr_len = sizeof addr;
    int fd = accept4(listener->fd, &addr.any, &addr_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        if (errno == EAGAIN)
            return false;
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
            back_off(listener, errno, now_ms);
            return false;
        }
        return true; /* the peer is gone already, or the like: the next */
    }
    listener->backoff_ms = 0;
    unmap_v4(&addr);
    if (ip_is_full(server, &addr))
        refuse_ip(server, fd, &addr, now_ms);
    else
        hand_out(listener, fd, &addr);
    return true;
}

static void on_connections(struct loop_io *io, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct listener *listener = CONTAINER_OF(io, struct listener, io);
    struct net_server *server = listener->server;
    int64_t now_ms = loop_now_ms(server->acceptor);
    for (int i = 0; i < ACCEPTS_PER_TURN; i++) {
        if (!slot_is_free(listener)) {
            listener->paused_for_slot = true;
            loop_io_want(io, false, false);
            return;
        }
        if (!rate_allows(server, now_ms)) {
            pause_until(listener, now_ms + 1000 / server->creation_rate + 1);
            return;
        }
        if (!accept_one(listener, now_ms))
            return;
    }
}

void acceptor_open(struct net_server *server)
{
    if (server->accepting)
        return;
    server->accepting = true;
    for (int i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];
        listener->retry.fire = on_retry;
        loop_io_open(&listener->io, server->acceptor, listener->fd, on_connections);
        loop_io_want(&listener->io, true, false);
    }
}

void acceptor_close_listeners(struct net_server *server)
{
    server->accepting = false;
    for (int i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];
        loop_timer_cancel(server->acceptor, &listener->retry);
        loop_io_close(&listener->io);
        if (listener->fd >= 0)
            close(listener->fd);
        listener->fd = -1;
    }
}

/* --- binding ----------------------------------------------------------------------------------------- */

/* What an operator most likely wants to hear next. */
static const char *bind_hint(int errnum)
{
    switch (errnum) {
    case EADDRINUSE:
        return "; is another broker running?";
    case EACCES:
        return "; ports below 1024 need privileges";
    case EADDRNOTAVAIL:
        return "; the host of the listener is not an address of this machine";
    default:
        return "";
    }
}

static int bind_and_listen(const struct addrinfo *at, const struct net_config *config)
{
    int fd = socket(at->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    int on = 1, off = 0;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (at->ai_family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    /* Inherited by what is accepted; must be there before the window is scaled. */
    if (config->receive_buffer_bytes >= 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &config->receive_buffer_bytes, sizeof(int));
    if (bind(fd, at->ai_addr, at->ai_addrlen) != 0 ||
        listen(fd, config->listen_backlog > 0 ? config->listen_backlog : 50) != 0) {
        int errnum = errno;
        close(fd);
        errno = errnum;
        return -1;
    }
    return fd;
}

static int port_of(int fd)
{
    union net_addr addr;
    socklen_t len = sizeof addr;
    if (getsockname(fd, &addr.any, &len) != 0)
        return -1;
    return ntohs(addr.any.sa_family == AF_INET6 ? addr.v6.sin6_port : addr.v4.sin_port);
}

static bool listener_bind(struct listener *listener, const struct net_listener_config *lc,
                          const struct net_config *config, struct errmsg *why)
{
    bool everywhere = !lc->host || lc->host[0] == '\0';
    char port[16];
    snprintf(port, sizeof port, "%d", lc->port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                             .ai_family = everywhere ? AF_INET6 : AF_UNSPEC,
                             .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(everywhere ? NULL : lc->host, port, &hints, &found);
    if (rc != 0) {
        errmsg_set(why, "listener %s://%s:%d: %s", lc->name, everywhere ? "" : lc->host, lc->port,
                   gai_strerror(rc));
        return false;
    }
    listener->fd = bind_and_listen(found, config);
    int errnum = errno;
    freeaddrinfo(found);
    if (listener->fd < 0 && everywhere && errnum == EAFNOSUPPORT) {
        struct sockaddr_in any = {.sin_family = AF_INET, .sin_port = htons((uint16_t)lc->port)};
        struct addrinfo v4 = {
            .ai_family = AF_INET, .ai_addr = (struct sockaddr *)&any, .ai_addrlen = sizeof any};
        listener->fd = bind_and_listen(&v4, config);
        errnum = errno;
    }
    if (listener->fd < 0) {
        errmsg_set(why, "listener %s://%s:%d: %s%s", lc->name, everywhere ? "" : lc->host, lc->port,
                   strerrordesc_np(errnum), bind_hint(errnum));
        return false;
    }
    listener->port = port_of(listener->fd);
    return true;
}

/* "host:count, host:count": the last colon counts, as addresses have some of their own. */
static bool parse_override(struct net_server *server, const char *item, struct errmsg *why)
{
    char text[300];
    snprintf(text, sizeof text, "%s", item);
    char *colon = strrchr(text, ':');
    char *end = NULL;
    long limit = colon ? strtol(colon + 1, &end, 10) : -1;
    if (!colon || end == colon + 1 || limit < 0 || limit > INT_MAX - 1) {
        errmsg_set(why, "max.connections.per.ip.overrides: \"%s\" is not host:count", item);
        return false;
    }
    *colon = '\0';
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    int rc = getaddrinfo(text, NULL, &hints, &found);
    if (rc != 0) {
        errmsg_set(why, "max.connections.per.ip.overrides: %s: %s", text, gai_strerror(rc));
        return false;
    }
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        union net_addr addr = {0};
        if (at->ai_addrlen > sizeof addr)
            continue;
        memcpy(&addr, at->ai_addr, at->ai_addrlen);
        unmap_v4(&addr);
        set_count(&server->per_ip_overrides, &addr, (intptr_t)limit + 1);
    }
    freeaddrinfo(found);
    return true;
}

static bool parse_overrides(struct net_server *server, const char *list, struct errmsg *why)
{
    if (!list)
        return true;
    char *copy = mem_strdup(list);
    char *save = NULL;
    bool ok = true;
    for (char *item = strtok_r(copy, ", ", &save); item && ok; item = strtok_r(NULL, ", ", &save))
        ok = parse_override(server, item, why);
    free(copy);
    return ok;
}

bool acceptor_init(struct net_server *server, const struct net_config *config, struct errmsg *why)
{
    server->max_connections = config->max_connections;
    server->max_per_ip = config->max_connections_per_ip;
    server->creation_rate =
        config->max_connection_creation_rate > 0 ? config->max_connection_creation_rate : INT_MAX;
    server->creation_tokens = server->creation_rate;
    server->creation_filled_ms = clock_mono_ms(loop_clock(server->acceptor));
    server->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    server->listeners =
        (struct listener *)mem_zalloc((size_t)config->listeners_count * sizeof *server->listeners);
    server->listeners_count = config->listeners_count;
    for (int i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];
        const struct net_listener_config *lc = &config->listeners[i];
        listener->server = server;
        listener->name = mem_strdup(lc->name);
        listener->index = i;
        listener->fd = -1;
        listener->max_connections = lc->max_connections;
        listener->protected = lc->protected;
    }
    if (!parse_overrides(server, config->max_connections_per_ip_overrides, why))
        return false;
    for (int i = 0; i < server->listeners_count; i++) {
        if (!listener_bind(&server->listeners[i], &config->listeners[i], config, why))
            return false;
    }
    return true;
}

void acceptor_close(struct net_server *server)
{
    for (int i = 0; i < server->listeners_count; i++) {
        struct listener *listener = &server->listeners[i];
        loop_io_close(&listener->io);
        if (listener->fd >= 0)
            close(listener->fd);
        free(listener->name);
    }
    free(server->listeners);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    map_close(&server->per_ip);
    map_close(&server->per_ip_overrides);
}
