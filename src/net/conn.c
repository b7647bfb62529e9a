#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/internal.h"

/*
 * A connection's life.
 *
 *   accepted --message--> conn_start --> reads, starts requests, writes
 *        eof      the peer ended its sending: what it asked before is still answered
 *        closing  we read no more: what was answered before is still written
 *   conn_close --> dead, freed by the acceptor, which counts connections
 *
 * All work of a turn on a connection meets in turn_end, which runs once after the
 * turn's callbacks: start what may start, write what is ready, close what is over.
 *
 * Interest in bytes is dropped lazily. A connection that waits for its answer stays
 * registered; only when the peer does send meanwhile (it pipelines) is the interest
 * taken away, and given back afterwards. So a long poll costs no epoll_ctl, and its
 * end by the peer is noticed.
 */

void conn_apply_interest(struct conn *conn)
{
    loop_io_want(&conn->io, conn->listening, conn->write_blocked);
}

void conn_note_activity(struct conn *conn)
{
    struct net_loop *nl = conn->nl;
    conn->last_active_ms = loop_now_ms(nl->loop);
    if (nl->conns.prev != &conn->idle_node) {
        list_remove(&conn->idle_node);
        list_push_back(&nl->conns, &conn->idle_node);
    }
}

void conn_touch_up(struct conn *conn)
{
    loop_defer(conn->nl->loop, &conn->turn_end);
}

static void on_ready(struct loop_io *io, bool readable, bool writable)
{
    struct conn *conn = CONTAINER_OF(io, struct conn, io);
    if (writable) {
        conn->write_blocked = false;
        conn_touch_up(conn);
    }
    if (readable)
        conn_read(conn);
}

/* Does a wait for the budget, the throttle or an answer keep it from reading on? */
static bool may_listen(const struct conn *conn)
{
    return !conn->eof && !conn->closing && !list_is_linked(&conn->starved_node) && conn_may_start(conn) &&
           !conn_has_frame(conn);
}

static void on_turn_end(struct loop_deferred *deferred)
{
    struct conn *conn = CONTAINER_OF(deferred, struct conn, turn_end);
    do {
        if (conn->closed)
            return;
        conn_start_requests(conn);
        if (!conn->write_blocked)
            conn_write(conn);
        if (conn->closed)
            return;
        /* Writing made room for requests that lie in the buffer. */
    } while (conn_may_start(conn) && conn_has_frame(conn));
    if (conn->slots_count == 0 && (conn->closing || (conn->eof && !conn_has_frame(conn)))) {
        conn_close(conn, NULL);
        return;
    }
    if (!conn->listening && may_listen(conn))
        conn->listening = true;
    conn_apply_interest(conn);
}

static void on_throttle_over(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    conn_touch_up(CONTAINER_OF(timer, struct conn, throttle));
}

void conn_start(struct loop_message *msg, bool discard)
{
    struct conn *conn = CONTAINER_OF(msg, struct conn, message);
    if (discard) {
        close(conn->fd);
        free(conn);
        return;
    }
    struct net_loop *nl = conn->nl;
    list_node_init(&conn->idle_node);
    list_node_init(&conn->starved_node);
    list_init(&conn->slots);
    conn->turn_end.run = on_turn_end;
    conn->throttle.fire = on_throttle_over;
    list_push_back(&nl->conns, &conn->idle_node);
    conn->last_active_ms = loop_now_ms(nl->loop);
    counter_add(&nl->counters.connections, 1);
    loop_io_open(&conn->io, nl->loop, conn->fd, on_ready);
    conn->listening = true;
    conn_apply_interest(conn);
    int64_t max_idle_ms = nl->server->connections_max_idle_ms;
    if (max_idle_ms >= 0 && !loop_timer_is_armed(&nl->idle_timer))
        loop_timer_arm(nl->loop, &nl->idle_timer, conn->last_active_ms + max_idle_ms);
}

static void orphan_requests(struct conn *conn)
{
    struct list *node;
    while ((node = list_pop_front(&conn->slots))) {
        struct request_slot *slot = CONTAINER_OF(node, struct request_slot, node);
        if (slot->state != SLOT_WAITING) {
            slot_free(slot);
            continue;
        }
        slot->req.conn = NULL;
        slot_tell_abandoned(slot);
    }
    conn->slots_count = conn->blocking = 0;
}

void conn_close(struct conn *conn, const char *reason)
{
    if (conn->closed)
        return;
    struct net_loop *nl = conn->nl;
    if (reason)
        log_debug("net", "conn_closed", "fd=%d reason=\"%s\"", conn->fd, reason);
    conn->closed = true;
    loop_io_close(&conn->io);
    close(conn->fd);
    conn->fd = -1;
    loop_timer_cancel(nl->loop, &conn->throttle);
    loop_deferred_cancel(&conn->turn_end);
    list_remove(&conn->starved_node);
    list_remove(&conn->idle_node);
    list_push_back(&nl->dead, &conn->idle_node);
    loop_defer(nl->loop, &nl->bury);
    counter_add(&nl->counters.connections, -1);
    conn_drop_input(conn);
    conn_forget_warming(conn);
    orphan_requests(conn);
}

static void gone(struct loop_message *msg, bool discard)
{
    struct conn *conn = CONTAINER_OF(msg, struct conn, message);
    if (!discard)
        acceptor_forget(conn);
    free(conn);
}

/* After the turn, when no callback can be on the stack of a dead connection or of its request. */
void conn_bury_dead(struct loop_deferred *deferred)
{
    struct net_loop *nl = CONTAINER_OF(deferred, struct net_loop, bury);
    struct loop *acceptor = nl->server->acceptor;
    slots_free_over(nl);
    struct list *node;
    while ((node = list_pop_front(&nl->dead))) {
        struct conn *conn = CONTAINER_OF(node, struct conn, idle_node);
        conn->message.run = gone;
        conn->message.label = "conn_gone";
        loop_post(acceptor, &conn->message);
    }
    if (nl->stopping) {
        nl->stopping = false;
        loop_post(acceptor, &nl->stopped_message);
    }
}

/* --- idle connections, budget, eviction -------------------------------------------------------------- */

void conn_on_idle_timer(struct loop_timer *timer, int64_t now_ms)
{
    struct net_loop *nl = CONTAINER_OF(timer, struct net_loop, idle_timer);
    int64_t max_idle_ms = nl->server->connections_max_idle_ms;
    while (!list_is_empty(&nl->conns)) {
        struct conn *conn = CONTAINER_OF(nl->conns.next, struct conn, idle_node);
        int64_t at_ms = conn->last_active_ms + max_idle_ms;
        if (at_ms > now_ms) {
            loop_timer_arm(nl->loop, timer, at_ms);
            return;
        }
        counter_add(&nl->counters.closed_idle, 1);
        conn_close(conn, "idle for too long");
    }
}

/* Memory is free again, or may be: those that wait for it look again when they are told of their bytes. */
void conn_feed_starved(struct loop_deferred *deferred)
{
    struct net_loop *nl = CONTAINER_OF(deferred, struct net_loop, feed);
    if (server_is_over_budget(nl->server))
        return;
    struct list *node;
    while ((node = list_pop_front(&nl->starved))) {
        struct conn *conn = CONTAINER_OF(node, struct conn, starved_node);
        conn_touch_up(conn);
    }
    loop_timer_cancel(nl->loop, &nl->starved_timer);
}

/* Another loop may have freed what this one waits for. Rare enough to be looked for by the clock. */
void conn_on_starved_timer(struct loop_timer *timer, int64_t now_ms)
{
    struct net_loop *nl = CONTAINER_OF(timer, struct net_loop, starved_timer);
    conn_feed_starved(&nl->feed);
    if (!list_is_empty(&nl->starved))
        loop_timer_arm(nl->loop, timer, now_ms + 20);
}

void conn_evict_one(struct loop_message *msg, bool discard)
{
    struct net_loop *nl = CONTAINER_OF(msg, struct net_loop, evict_message);
    atomic_store(&nl->evict_posted, false);
    if (discard)
        return;
    LIST_EACH (node, &nl->conns) {
        struct conn *conn = CONTAINER_OF(node, struct conn, idle_node);
        if (!conn->listener->protected) {
            conn_close(conn, "makes room for a connection between brokers");
            return;
        }
    }
}
