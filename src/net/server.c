#include "net/server.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/internal.h"

/*
 * Stopping, in messages, so that each runs after what was posted before it:
 *
 *   caller    --stop-->     acceptor: closes the listeners
 *   acceptor  --stop-->     every loop (after the connections it was given): closes them
 *   loop      --gone...-->  acceptor: counts and frees each
 *   loop      --stopped-->  acceptor: when all have said so, wakes the caller
 */

void net_addr_text(const union net_addr *addr, char *out, size_t out_size)
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (addr->any.sa_family == AF_INET6) {
        inet_ntop(AF_INET6, &addr->v6.sin6_addr, host, sizeof host);
        snprintf(out, out_size, "[%s]:%d", host, ntohs(addr->v6.sin6_port));
    } else {
        inet_ntop(AF_INET, &addr->v4.sin_addr, host, sizeof host);
        snprintf(out, out_size, "%s:%d", host, ntohs(addr->v4.sin_port));
    }
}

bool server_is_over_budget(const struct net_server *server)
{
    if (server->queued_max_bytes <= 0)
        return false;
    int64_t held = 0;
    for (int i = 0; i < server->nls_count; i++)
        held += atomic_load_explicit(&server->nls[i]->counters.frame_bytes, memory_order_relaxed);
    return held >= server->queued_max_bytes;
}

/* --- stopping ---------------------------------------------------------------------------------------- */

static void loop_stop_run(struct loop_message *msg, bool discard)
{
    struct net_loop *nl = CONTAINER_OF(msg, struct net_loop, stop_message);
    if (discard)
        return;
    while (!list_is_empty(&nl->conns))
        conn_close(CONTAINER_OF(nl->conns.next, struct conn, idle_node), "the server stops");
    loop_timer_cancel(nl->loop, &nl->idle_timer);
    loop_timer_cancel(nl->loop, &nl->starved_timer);
    /* Burying is then the last thing that touches nl: once it has said so, nl may be freed. */
    loop_deferred_cancel(&nl->feed);
    nl->stopping = true;
    loop_defer(nl->loop, &nl->bury);
}

static void loop_stopped_run(struct loop_message *msg, bool discard)
{
    struct net_loop *nl = CONTAINER_OF(msg, struct net_loop, stopped_message);
    struct net_server *server = nl->server;
    if (discard || ++server->loops_stopped < server->nls_count)
        return;
    pthread_mutex_lock(&server->lock);
    server->stopped = true;
    pthread_cond_signal(&server->stopped_cond);
    pthread_mutex_unlock(&server->lock);
}

static void server_stop_run(struct loop_message *msg, bool discard)
{
    struct net_server *server = CONTAINER_OF(msg, struct net_server, stop_message);
    if (discard)
        return;
    acceptor_close_listeners(server);
    for (int i = 0; i < server->nls_count; i++)
        loop_post(server->nls[i]->loop, &server->nls[i]->stop_message);
}

static bool is_stopped(struct net_server *server)
{
    pthread_mutex_lock(&server->lock);
    bool stopped = server->stopped;
    pthread_mutex_unlock(&server->lock);
    return stopped;
}

/* Loops that no thread runs are turned by hand. */
static bool turn_idle_loops(struct net_server *server)
{
    bool any = false;
    for (int i = 0; i < server->nls_count; i++) {
        struct loop *loop = server->nls[i]->loop;
        if (loop_is_current(loop)) {
            loop_turn(loop, false);
            any = true;
        }
    }
    return any;
}

void net_server_stop(struct net_server *server)
{
    for (int i = 0; i < server->nls_count; i++)
        ASSERT(loop_current() != server->nls[i]->loop);
    if (!server->stop_asked) {
        server->stop_asked = true;
        loop_post(server->acceptor, &server->stop_message);
    }
    while (!is_stopped(server)) {
        if (turn_idle_loops(server))
            continue;
        pthread_mutex_lock(&server->lock);
        while (!server->stopped)
            pthread_cond_wait(&server->stopped_cond, &server->lock);
        pthread_mutex_unlock(&server->lock);
    }
}

static void open_run(struct loop_message *msg, bool discard)
{
    struct net_server *server = CONTAINER_OF(msg, struct net_server, open_message);
    if (!discard && !atomic_load(&server->close_posted))
        acceptor_open(server);
}

static void close_run(struct loop_message *msg, bool discard)
{
    if (!discard)
        acceptor_close_listeners(CONTAINER_OF(msg, struct net_server, close_message));
}

void net_server_open(struct net_server *server)
{
    if (!atomic_exchange(&server->open_posted, true))
        loop_post(server->acceptor, &server->open_message);
}

void net_server_stop_accepting(struct net_server *server)
{
    if (!atomic_exchange(&server->close_posted, true))
        loop_post(server->acceptor, &server->close_message);
}

/* --- lifecycle --------------------------------------------------------------------------------------- */

static struct net_loop *net_loop_new(struct net_server *server, struct loop *loop)
{
    struct net_loop *nl = (struct net_loop *)aligned_alloc(64, (sizeof *nl + 63) / 64 * 64);
    ASSERT(nl);
    memset(nl, 0, sizeof *nl);
    nl->loop = loop;
    nl->server = server;
    chunk_pool_init(&nl->chunks);
    list_init(&nl->free_slots);
    list_init(&nl->conns);
    list_init(&nl->starved);
    list_init(&nl->dead);
    list_init(&nl->over);
    nl->idle_timer.fire = conn_on_idle_timer;
    nl->starved_timer.fire = conn_on_starved_timer;
    nl->feed.run = conn_feed_starved;
    nl->bury.run = conn_bury_dead;
    nl->evict_message = (struct loop_message){.run = conn_evict_one, .label = "conn_evict"};
    nl->stop_message = (struct loop_message){.run = loop_stop_run, .label = "net_stop"};
    nl->stopped_message = (struct loop_message){.run = loop_stopped_run, .label = "net_stopped"};
    return nl;
}

static void free_all(struct net_server *server)
{
    acceptor_close(server);
    for (int i = 0; i < server->nls_count; i++) {
        struct net_loop *nl = server->nls[i];
        slots_free_over(nl); /* ended when their loop had turned for the last time */
        loop_deferred_cancel(&nl->bury);
        nl->server_gone = true;
        nl->server = NULL;
        if (nl->slots_live == 0)
            net_loop_free_pools(nl);
    }
    free(server->nls);
    pthread_cond_destroy(&server->stopped_cond);
    pthread_mutex_destroy(&server->lock);
    free(server);
}

struct net_server *net_server_new(const struct net_config *config, struct loop *const *loops, int loops_count,
                                  const struct net_handler *handler, struct errmsg *why)
{
    ASSERT(loops_count > 0);
    struct net_server *server = MEM_NEW(struct net_server);
    server->handler = *handler;
    server->request_max_bytes = config->request_max_bytes;
    server->queued_max_bytes = config->queued_max_bytes;
    server->connections_max_idle_ms = config->connections_max_idle_ms;
    server->send_buffer_bytes = config->send_buffer_bytes;
    server->workers = config->workers;
    server->acceptor = loops[0];
    server->nls = (struct net_loop **)mem_zalloc((size_t)loops_count * sizeof(struct net_loop *));
    server->nls_count = loops_count;
    for (int i = 0; i < loops_count; i++)
        server->nls[i] = net_loop_new(server, loops[i]);
    pthread_mutex_init(&server->lock, NULL);
    pthread_cond_init(&server->stopped_cond, NULL);
    server->open_message = (struct loop_message){.run = open_run, .label = "net_open"};
    server->close_message = (struct loop_message){.run = close_run, .label = "net_close"};
    server->stop_message = (struct loop_message){.run = server_stop_run, .label = "net_stop"};
    if (!acceptor_init(server, config, why)) {
        free_all(server);
        return NULL;
    }
    return server;
}

void net_server_free(struct net_server *server)
{
    if (!server)
        return;
    net_server_stop(server);
    free_all(server);
}

int net_server_port(const struct net_server *server, int listener)
{
    ASSERT(listener >= 0 && listener < server->listeners_count);
    return server->listeners[listener].port;
}

void net_server_counters(const struct net_server *server, struct net_counters *out)
{
    *out = (struct net_counters){0};
    for (int i = 0; i < server->nls_count; i++) {
        const struct net_loop_counters *from = &server->nls[i]->counters;
        out->connections += atomic_load_explicit(&from->connections, memory_order_relaxed);
        out->closed_idle += atomic_load_explicit(&from->closed_idle, memory_order_relaxed);
        out->bytes_in += atomic_load_explicit(&from->bytes_in, memory_order_relaxed);
        out->bytes_out += atomic_load_explicit(&from->bytes_out, memory_order_relaxed);
        out->reads += atomic_load_explicit(&from->reads, memory_order_relaxed);
        out->writes += atomic_load_explicit(&from->writes, memory_order_relaxed);
        out->sendfiles += atomic_load_explicit(&from->sendfiles, memory_order_relaxed);
        out->frame_bytes += atomic_load_explicit(&from->frame_bytes, memory_order_relaxed);
    }
    out->accepted = atomic_load_explicit(&server->accepted, memory_order_relaxed);
    out->refused = atomic_load_explicit(&server->refused, memory_order_relaxed);
}
