/*
 * A connection is known from the callback that makes its bufferevent (a share is kept) until it is
 * seen that evhttp let go of it: its callbacks are gone then. That is looked at when another
 * connection comes and once a second. evhttp itself limits neither how many there are nor how
 * long one may take as long as a byte comes now and then; here the listener rests while there
 * are too many, and a connection that is too old is shut down, which evhttp takes for its end.
 *
 *   GET /metrics --> pending --> gather (shared by all that ask meanwhile) --> reply
 */
#include "server/monitor.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "server/gather.h"
#include "server/health.h"

#define CONNECTIONS_MAX   32
#define CONNECTION_AGE_NS (60 * 1000000000LL)
#define SILENCE_S         15
/* While there are too many, so many of the oldest have to go each second, if they are that old. */
#define MAKE_ROOM_COUNT      8
#define MAKE_ROOM_AGE_NS     (2 * 1000000000LL)
#define HEADERS_MAX_BYTES    8192
#define LOOK_AROUND_S        1
#define CONTENT_TYPE_METRICS "text/plain; version=0.0.4; charset=utf-8"
#define CONTENT_TYPE_TEXT    "text/plain; charset=utf-8"

struct http_peer {
    struct list node;
    struct bufferevent *bev; /* a share */
    int64_t since_ns;
};

/* A request for /metrics that waits for the gatherer. */
struct pending {
    struct list node;
    struct evhttp_request *req;
    bool partitions;
};

struct monitor {
    struct broker *broker;
    struct event_base *base;
    struct loop *const *loops;
    int loops_count;
    struct gatherer *gatherer;
    struct evhttp *http;
    struct evconnlistener *listener;
    struct event *look_around;
    struct list peers;
    int peers_count;
    bool resting;
    struct list pending;
};

/* --- connections ---------------------------------------------------------------------------------------- */

static int64_t now_ns(const struct monitor *monitor)
{
    return monitor->broker->clock->mono_ns(monitor->broker->clock);
}

static bool is_let_go(struct bufferevent *bev)
{
    bufferevent_data_cb reads, writes;
    bufferevent_event_cb events;
    void *arg;
    bufferevent_getcb(bev, &reads, &writes, &events, &arg);
    return !reads && !writes && !events;
}

static void peer_free(struct monitor *monitor, struct http_peer *peer)
{
    list_remove(&peer->node);
    monitor->peers_count--;
    bufferevent_decref(peer->bev);
    free(peer);
}

/* `made` has no callbacks yet: evhttp is about to set them. NULL = none. */
static void look_at_peers(struct monitor *monitor, const struct http_peer *made)
{
    int64_t now = now_ns(monitor);
    int must_go = monitor->resting ? MAKE_ROOM_COUNT : 0;
    LIST_EACH_SAFE (node, &monitor->peers) {
        struct http_peer *peer = CONTAINER_OF(node, struct http_peer, node);
        if (peer == made)
            continue;
        if (is_let_go(peer->bev))
            peer_free(monitor, peer);
        else if (now - peer->since_ns > (must_go-- > 0 ? MAKE_ROOM_AGE_NS : CONNECTION_AGE_NS))
            shutdown(bufferevent_getfd(peer->bev), SHUT_RDWR);
    }
    bool rest = monitor->peers_count >= CONNECTIONS_MAX;
    if (rest && !monitor->resting)
        evconnlistener_disable(monitor->listener);
    else if (!rest && monitor->resting)
        evconnlistener_enable(monitor->listener);
    monitor->resting = rest;
}

static void on_look_around(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    look_at_peers(arg, NULL);
}

static struct bufferevent *make_bufferevent(struct event_base *base, void *arg)
{
    struct monitor *monitor = arg;
    /* Closed with our share, not when evhttp lets go: until then the base watches it, and the number is
     * taken. */
    struct bufferevent *bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
    if (!bev)
        return NULL;
    struct http_peer *peer = MEM_NEW(struct http_peer);
    peer->bev = bev;
    bufferevent_incref(bev);
    peer->since_ns = now_ns(monitor);
    list_push_back(&monitor->peers, &peer->node);
    monitor->peers_count++;
    look_at_peers(monitor, peer);
    return bev;
}

/* --- answers -------------------------------------------------------------------------------------------- */

static void set_header(struct evhttp_request *req, const char *name, const char *value)
{
    evhttp_add_header(evhttp_request_get_output_headers(req), name, value);
}

static void answer_text(struct evhttp_request *req, int code, const char *phrase, struct buf *text)
{
    struct evbuffer *body = evbuffer_new();
    if (body)
        evbuffer_add(body, text->data ? text->data : (const uint8_t *)"", text->len);
    set_header(req, "Content-Type", CONTENT_TYPE_TEXT);
    evhttp_send_reply(req, code, phrase, body);
    if (body)
        evbuffer_free(body);
}

static void answer_verdict(struct evhttp_request *req, bool good, struct buf *why)
{
    if (good)
        buf_put_str(why, "ok\n");
    answer_text(req, good ? HTTP_OK : HTTP_SERVUNAVAIL, good ? "OK" : "Service Unavailable", why);
    buf_close(why);
}

static void on_healthz(struct evhttp_request *req, void *arg)
{
    const struct monitor *monitor = arg;
    struct buf why = {0};
    bool well = health_is_well(monitor->broker, monitor->loops, monitor->loops_count, &why);
    answer_verdict(req, well, &why);
}

static void on_readyz(struct evhttp_request *req, void *arg)
{
    const struct monitor *monitor = arg;
    struct buf why = {0};
    bool ready = health_is_ready(monitor->broker, &why);
    answer_verdict(req, ready, &why);
}

static void on_anything_else(struct evhttp_request *req, void *arg)
{
    (void)arg;
    struct buf text = {0};
    bool root = strcmp(evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req)), "/") == 0;
    buf_put_str(&text, "Barnabas: /metrics /healthz /readyz\n");
    answer_text(req, root ? HTTP_OK : HTTP_NOTFOUND, root ? "OK" : "Not Found", &text);
    buf_close(&text);
}

/* --- metrics -------------------------------------------------------------------------------------------- */

static void forget_pending(struct pending *pending)
{
    evhttp_connection_set_closecb(evhttp_request_get_connection(pending->req), NULL, NULL);
    list_remove(&pending->node);
    free(pending);
}

static void peer_is_gone(struct evhttp_connection *connection, void *arg)
{
    (void)connection;
    struct pending *pending = arg;
    list_remove(&pending->node);
    free(pending);
}

static bool wants_partitions(struct evhttp_request *req)
{
    const char *query = evhttp_uri_get_query(evhttp_request_get_evhttp_uri(req));
    struct evkeyvalq values;
    if (!query || evhttp_parse_query_str(query, &values) != 0)
        return true;
    const char *value = evhttp_find_header(&values, "partitions");
    bool wants = !value || strcmp(value, "no") != 0;
    evhttp_clear_headers(&values);
    return wants;
}

static void on_metrics(struct evhttp_request *req, void *arg)
{
    struct monitor *monitor = arg;
    struct pending *pending = MEM_NEW(struct pending);
    pending->req = req;
    pending->partitions = wants_partitions(req);
    list_push_back(&monitor->pending, &pending->node);
    evhttp_connection_set_closecb(evhttp_request_get_connection(req), peer_is_gone, pending);
    gatherer_begin(monitor->gatherer);
}

static void gathered(void *arg, const struct buf *text, const struct buf *partitions)
{
    struct monitor *monitor = arg;
    while (!list_is_empty(&monitor->pending)) {
        struct pending *pending = CONTAINER_OF(monitor->pending.next, struct pending, node);
        struct evhttp_request *req = pending->req;
        struct evbuffer *body = evbuffer_new();
        if (body) {
            evbuffer_add(body, text->data, text->len);
            if (pending->partitions && partitions->len > 0)
                evbuffer_add(body, partitions->data, partitions->len);
        }
        forget_pending(pending);
        set_header(req, "Content-Type", CONTENT_TYPE_METRICS);
        evhttp_send_reply(req, body ? HTTP_OK : HTTP_INTERNAL, body ? "OK" : "No Memory", body);
        if (body)
            evbuffer_free(body);
    }
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

/* Splits "host:port", "[::1]:port", ":port"; the host is a fresh string. */
static char *split_address(const char *text, uint16_t *port)
{
    const char *colon = strrchr(text, ':');
    *port = (uint16_t)strtol(colon + 1, NULL, 10);
    size_t len = (size_t)(colon - text);
    if (len >= 2 && text[0] == '[' && text[len - 1] == ']')
        return view_to_cstr(view_of(text + 1, len - 2));
    return len == 0 ? mem_strdup("0.0.0.0") : view_to_cstr(view_of(text, len));
}

static bool bind_listener(struct monitor *monitor, const char *address, struct errmsg *why)
{
    uint16_t port;
    char *host = split_address(address, &port);
    errno = 0;
    struct evhttp_bound_socket *bound = evhttp_bind_socket_with_handle(monitor->http, host, port);
    free(host);
    if (!bound) {
        errmsg_set_errno(why, errno, "barnabas.metrics.listener %s", address);
        return false;
    }
    monitor->listener = evhttp_bound_socket_get_listener(bound);
    return true;
}

static void set_limits(struct monitor *monitor)
{
    evhttp_set_allowed_methods(monitor->http, EVHTTP_REQ_GET | EVHTTP_REQ_HEAD);
    evhttp_set_max_headers_size(monitor->http, HEADERS_MAX_BYTES);
    evhttp_set_max_body_size(monitor->http, 0);
    evhttp_set_timeout(monitor->http, SILENCE_S);
    evhttp_set_bevcb(monitor->http, make_bufferevent, monitor);
    struct timeval every = {.tv_sec = LOOK_AROUND_S};
    monitor->look_around = event_new(monitor->base, -1, EV_PERSIST, on_look_around, monitor);
    event_add(monitor->look_around, &every);
}

struct monitor *monitor_new(struct broker *broker, const struct monitor_config *config, struct errmsg *why)
{
    struct monitor *monitor = MEM_NEW(struct monitor);
    monitor->broker = broker;
    monitor->base = loop_event_base(config->loop);
    monitor->loops = config->loops;
    monitor->loops_count = config->loops_count;
    list_init(&monitor->peers);
    list_init(&monitor->pending);
    monitor->gatherer = gatherer_new(broker, config->loops, config->loops_count, gathered, monitor);
    monitor->http = evhttp_new(monitor->base);
    if (!monitor->http)
        mem_fail(sizeof *monitor);
    evhttp_set_cb(monitor->http, "/metrics", on_metrics, monitor);
    evhttp_set_cb(monitor->http, "/healthz", on_healthz, monitor);
    evhttp_set_cb(monitor->http, "/readyz", on_readyz, monitor);
    evhttp_set_gencb(monitor->http, on_anything_else, monitor);
    set_limits(monitor);
    if (!bind_listener(monitor, config->listener, why)) {
        monitor_free(monitor);
        return NULL;
    }
    log_info("monitor", "listening", "address=%s", config->listener);
    return monitor;
}

void monitor_free(struct monitor *monitor)
{
    if (!monitor)
        return;
    gatherer_free(monitor->gatherer);
    while (!list_is_empty(&monitor->pending))
        forget_pending(CONTAINER_OF(monitor->pending.next, struct pending, node));
    event_free(monitor->look_around);
    evhttp_free(monitor->http);
    while (!list_is_empty(&monitor->peers))
        peer_free(monitor, CONTAINER_OF(monitor->peers.next, struct http_peer, node));
    free(monitor);
}
