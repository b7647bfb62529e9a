/*
 * What the files of the server's side share. Everything here belongs to one loop:
 * a net_loop and its connections to theirs, listeners and the counts of
 * connections to the acceptor's (the first loop of the server).
 */
#ifndef BARNABAS_NET_INTERNAL_H
#define BARNABAS_NET_INTERNAL_H

#include <netinet/in.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "loop/workers.h"
#include "net/chunk.h"
#include "net/server.h"

/* Requests of one connection that may be between their frame and their written answer. */
#define CONN_SLOTS_MAX 64
/* No new request of a connection starts while more than this waits to be written. */
#define CONN_OUT_BYTES_MAX ((int64_t)1024 * 1024)

union net_addr {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
};

/* At most one line a second of a kind that a peer can cause. */
struct log_pace {
    int64_t next_ms;
    int64_t held_back;
};

static inline bool log_pace_allows(struct log_pace *pace, int64_t now_ms)
{
    if (now_ms < pace->next_ms) {
        pace->held_back++;
        return false;
    }
    pace->next_ms = now_ms + 1000;
    return true;
}

/* How many lines were held back since the last; ends the count. */
static inline long long log_pace_held(struct log_pace *pace)
{
    long long held = (long long)pace->held_back;
    pace->held_back = 0;
    return held;
}

enum slot_state {
    SLOT_WAITING, /* at its handler */
    SLOT_REPLY,   /* answered, not yet written */
    SLOT_SILENT,  /* ended without an answer */
    SLOT_CLOSE    /* the connection ends when its turn comes */
};

/* A request with what the handler does not see. */
struct request_slot {
    struct request req;
    struct list node; /* in its connection, in order of arrival; or in the pool */
    struct net_loop *nl;
    struct chunk *chunk;
    size_t frame_bytes; /* charged to the budget */
    enum slot_state state;
    bool pipelined;
    bool told_abandoned;
    /* How far it is written. */
    size_t out_at;
    int range_index;
    int64_t range_done;
};

static inline struct request_slot *slot_of(struct request *req)
{
    return (struct request_slot *)(void *)((char *)req - offsetof(struct request_slot, req));
}

struct conn {
    struct loop_message message; /* to its loop when accepted, to the acceptor when it is gone */
    struct net_loop *nl;
    struct listener *listener;
    int fd;
    int64_t number; /* rises with each that is accepted */
    struct loop_io io;
    struct loop_deferred turn_end;
    struct loop_timer throttle;
    struct list idle_node; /* by last activity; when closed, in the loop's list of the dead */
    struct list starved_node;
    int64_t last_active_ms;

    /* In: bytes [in_pos, in_end) of `in` are read and not yet handed out. */
    struct chunk *in;
    bool in_shared;
    size_t in_pos, in_end;
    size_t promised;     /* what is still to come of the frame that has begun, charged to the budget */
    size_t expect_bytes; /* size of the last large frame, 0 if the last was small */

    struct list slots;
    int slots_count;
    int blocking; /* waiting requests that let no other start */
    int64_t out_bytes;

    struct conn_warming *warming; /* a worker reads what is to be sent next */

    bool listening;     /* wants to be told of bytes */
    bool write_blocked; /* the socket takes no more */
    bool corked;
    bool eof;     /* the peer ended its sending */
    bool closing; /* reads no more; ends when the answers before are written */
    bool closed;

    union net_addr addr; /* IPv4 as such, even on an IPv6 socket */
    char peer[64];       /* made when first asked for */
};

/* Written by one thread each, read by any. */
struct net_loop_counters {
    _Atomic int64_t connections, closed_idle, bytes_in, bytes_out, reads, writes, sendfiles, frame_bytes;
};

static inline void counter_add(_Atomic int64_t *counter, int64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

struct net_loop {
    struct loop *loop;
    struct net_server *server;
    struct chunk_pool chunks;
    struct list free_slots;
    int free_slots_count;
    int slots_live;
    struct arena warm_arena; /* of the last request that is over: the next one finds it in the cache */
    struct list conns;       /* least recently active first */
    struct loop_timer idle_timer;
    struct list starved; /* wait for the budget */
    struct loop_timer starved_timer;
    struct loop_deferred feed;
    struct list dead;
    struct list over; /* requests that were ended after their connections */
    struct loop_deferred bury;
    uint8_t *file_block; /* for ranges without a descriptor */
    struct log_pace refusals;
    bool stopping;
    bool server_gone; /* freed with the last request that is still at a handler */

    int assigned; /* connections given to this loop; the acceptor's */
    struct loop_message evict_message;
    atomic_bool evict_posted;
    struct loop_message stop_message;
    struct loop_message stopped_message;

    _Alignas(64) struct net_loop_counters counters;
};

/* Monotonic; of now, not of the turn's beginning. */
static inline int64_t net_now_ns(const struct net_loop *nl)
{
    struct clock *clock = loop_clock(nl->loop);
    return clock->mono_ns(clock);
}

struct listener {
    struct net_server *server;
    struct loop_io io;
    struct loop_timer retry;
    char *name;
    int index;
    int fd;
    int port;
    int max_connections;
    int count;
    bool protected;
    bool paused_for_slot;
    int64_t backoff_ms; /* while descriptors are short */
};

struct net_server {
    struct net_handler handler;
    int64_t request_max_bytes, queued_max_bytes, connections_max_idle_ms;
    int send_buffer_bytes;
    struct workers *workers; /* NULL: loops wait for the disk themselves */
    struct net_loop **nls;
    int nls_count;

    /* The acceptor's. */
    struct loop *acceptor;
    struct listener *listeners;
    int listeners_count;
    int max_connections, max_per_ip, creation_rate;
    int count;
    struct map per_ip;           /* address -> count */
    struct map per_ip_overrides; /* address -> limit + 1 */
    double creation_tokens;
    int64_t creation_filled_ms;
    int reserve_fd;
    bool accepting;
    struct log_pace accept_errors, refusals;
    struct loop_message open_message, close_message, stop_message;
    atomic_bool open_posted, close_posted;
    _Atomic int64_t accepted, refused;

    /* net_server_stop. */
    bool stop_asked;
    int loops_stopped; /* the acceptor's */
    pthread_mutex_t lock;
    pthread_cond_t stopped_cond;
    bool stopped; /* under lock */
};

/* --- acceptor.c: on the acceptor's loop --------------------------------------------------------------- */
bool acceptor_init(struct net_server *server, const struct net_config *config, struct errmsg *why);
void acceptor_close(struct net_server *server);
void acceptor_open(struct net_server *server);
void acceptor_close_listeners(struct net_server *server);
/* From a connection's last message: it is no more. */
void acceptor_forget(struct conn *conn);

/* --- conn.c ------------------------------------------------------------------------------------------- */
/* Takes an accepted socket on its loop. */
void conn_start(struct loop_message *msg, bool discard);
/* Ends it now: nothing more is read or written. It is freed after the turn. */
void conn_close(struct conn *conn, const char *reason);
/* Something changed that may let it read, start requests or write: seen to at the end of the turn. */
void conn_touch_up(struct conn *conn);
/* Bytes moved: it is not idle. */
void conn_note_activity(struct conn *conn);
void conn_apply_interest(struct conn *conn);
void conn_on_idle_timer(struct loop_timer *timer, int64_t now_ms);
void conn_on_starved_timer(struct loop_timer *timer, int64_t now_ms);
void conn_feed_starved(struct loop_deferred *deferred);
void conn_bury_dead(struct loop_deferred *deferred);
void conn_evict_one(struct loop_message *msg, bool discard);

/* --- conn_read.c -------------------------------------------------------------------------------------- */
/* The socket has bytes, or the end of them. */
void conn_read(struct conn *conn);
/* Hands buffered frames to the handler while it may. */
void conn_start_requests(struct conn *conn);
bool conn_may_start(const struct conn *conn);
/* A whole frame lies ready. */
bool conn_has_frame(const struct conn *conn);
/* Gives the read chunk back. */
void conn_drop_input(struct conn *conn);

/* --- conn_write.c ------------------------------------------------------------------------------------- */
/* Writes what is ready, in order. */
void conn_write(struct conn *conn);

/* --- conn_warm.c -------------------------------------------------------------------------------------- */
/*
 * How many bytes of the range from `done` on can be sent without waiting for the disk. 0: none, a worker
 * brings them in, and the connection is touched up when they are there.
 */
int64_t conn_sendable(struct conn *conn, struct reply_range *range, int64_t done);
/* It is closed. */
void conn_forget_warming(struct conn *conn);

/* --- request.c ---------------------------------------------------------------------------------------- */
/* A request for a frame that lies in `chunk` (takes the reference). */
struct request_slot *slot_new(struct conn *conn, struct chunk *chunk, uint8_t *frame, size_t len);
/*
 * The request ended and its handler returned: gives back its frame and its arena, so that the next request
 * finds them in the processor's cache. What remains until it is written is the answer.
 */
void slot_drop_input(struct request_slot *slot);
/* Back to the pool, with all it holds. */
void slot_free(struct request_slot *slot);
/* Those that were ended after their connections. */
void slots_free_over(struct net_loop *nl);
/* The peer will send no more, or is gone: tells the handler, once. */
void slot_tell_abandoned(struct request_slot *slot);
void net_loop_free_pools(struct net_loop *nl);

/* --- server.c ----------------------------------------------------------------------------------------- */
bool server_is_over_budget(const struct net_server *server);
/* "1.2.3.4:9092", "[::1]:9092". */
void net_addr_text(const union net_addr *addr, char *out, size_t out_size);

#endif
