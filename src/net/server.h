/*
 * Listeners, connections and the frames that come in: the way of a request
 * between the socket and the api/ room, which this room knows nothing about.
 *
 * A connection belongs to one loop for life. Its bytes are read into a chunk that
 * the loop's connections share; complete frames in it become requests in place, so
 * an idle connection holds no buffer. Large frames grow as their bytes arrive, not
 * as they are promised, against the global budget (queued.max.request.bytes).
 *
 * Order: requests of a connection are handed to the handler in order, and answers
 * leave in order. By default the next request is handed over only when the one
 * before is answered (Kafka mutes the connection so). A handler that calls
 * request_pipeline lets the next one start before its own answer is ready; answers
 * then wait for their turn. Answers that become ready in one turn leave in one write.
 *
 * Runs on: the connection's loop, except where said.
 */
#ifndef BARNABAS_NET_SERVER_H
#define BARNABAS_NET_SERVER_H

#include <sys/socket.h>

#include "base/arena.h"
#include "base/err.h"
#include "loop/loop.h"
#include "loop/workers.h"
#include "net/reply.h"

struct net_server;
struct conn;

/* One request, from its frame to its answer. Pooled; valid until it is answered, closed or dropped. */
struct request {
    struct loop *loop;
    struct conn *conn;   /* NULL once the peer is gone: the answer is dropped then */
    uint8_t *frame;      /* the frame without its size; writable: records are patched in place */
    size_t frame_len;    /* valid until the request ends */
    struct arena arena;  /* as the frame; who ends the request has it until its callback returns */
    struct reply reply;  /* begun; the handler writes its answer here */
    int64_t received_ns; /* monotonic, when the handler was given it */
    int64_t handled_ns;  /* when the handler returned and left it open; 0 = it was ended by then */
    int64_t ended_ns;    /* when it was ended; 0 = not yet */
    int64_t written_ns;  /* when its answer was written; ended_ns when there was none to write */
    int listener;        /* index of the listener it came in by */
    int64_t conn_number; /* of its connection: rises with each that is accepted; there when the peer is gone,
                            too */
    /* For the handler. */
    void *state;
    /*
     * Called once when the peer goes while the request waits; may complete it. NULL = nobody minds.
     * A peer that only ended its sending (half-closed) still gets the answer, so conn may be there yet.
     */
    void (*abandoned)(struct request *req);
    int16_t api_key, api_version; /* -1 until the handler says */
    bool of_follower;             /* a Fetch of another broker */
    int32_t correlation_id;
    struct view client_id;
};

struct net_handler {
    void *arg;
    /* A frame is complete. Must, now or later, call exactly one request_ function that ends it. */
    void (*request)(void *arg, struct request *req);
    /*
     * The request is over: its answer was written, or there was none to write. For metrics; may be NULL.
     * Its frame and its arena are gone by then.
     */
    void (*over)(void *arg, const struct request *req);
};

/* Sends the sealed reply when its turn comes. Ends the request. On its loop. */
void request_reply(struct request *req);
/* Ends the request without an answer (acks=0). */
void request_end(struct request *req);
/* Closes the connection (Kafka's answer to what it cannot parse); `reason` is logged. Ends the request. */
void request_close(struct request *req, const char *reason);
/* Sends the reply, then keeps the connection muted for `ms` (quotas). Ends the request. */
void request_reply_throttled(struct request *req, int64_t ms);
/* Lets the connection's next request start before this one is answered. */
void request_pipeline(struct request *req);
/* Text "host:port" of the peer, for logs; borrowed from the connection. "gone" when it is. */
const char *request_peer(const struct request *req);
/* Peer's address, for DescribeGroups, quotas and ACLs; NULL when it is gone. */
const struct sockaddr *request_peer_addr(const struct request *req);

struct net_listener_config {
    const char *name; /* "PLAINTEXT" */
    const char *host; /* "" or NULL = every interface */
    int port;         /* 0 = any; see net_server_port */
    int max_connections;
    /* The inter-broker listener among several: the broker-wide max_connections does not hold it up;
     * connections of the others make room. */
    bool protected;
};

struct net_config {
    const struct net_listener_config *listeners;
    int listeners_count;
    int64_t request_max_bytes;                    /* socket.request.max.bytes */
    int64_t queued_max_bytes;                     /* queued.max.request.bytes; <= 0 = no limit */
    int64_t connections_max_idle_ms;              /* connections.max.idle.ms; < 0 = never */
    int max_connections;                          /* max.connections */
    int max_connections_per_ip;                   /* max.connections.per.ip */
    const char *max_connections_per_ip_overrides; /* "host:count,..." */
    int max_connection_creation_rate;
    int send_buffer_bytes; /* -1 = the system's */
    int receive_buffer_bytes;
    int listen_backlog; /* socket.listen.backlog.size */
    /* Read what is to be sent and left the page cache; outlive the connections. NULL: loops wait themselves.
     */
    struct workers *workers;
};

struct net_counters { /* summed over loops at the time of asking; any thread */
    int64_t connections, accepted, closed_idle, refused, bytes_in, bytes_out;
    int64_t reads, writes, sendfiles; /* system calls */
    int64_t frame_bytes;              /* held now, against queued_max_bytes */
};

/*
 * Binds every listener; connections wait in the backlog until net_server_open. Connections are
 * spread over the loops. Gives the server (net_server_free). NULL with why on failure
 * ("listener PLAINTEXT://:9092: Address already in use; is another broker running?").
 */
struct net_server *net_server_new(const struct net_config *config, struct loop *const *loops, int loops_count,
                                  const struct net_handler *handler, struct errmsg *why);
int net_server_port(const struct net_server *server, int listener);
/* Begins to accept. */
void net_server_open(struct net_server *server);
/* Stops accepting and closes the listeners; connections go on. Any thread. */
void net_server_stop_accepting(struct net_server *server);
/*
 * Closes every connection; requests that wait at their handlers lose their conn and are told (abandoned).
 * Before the loops stop. Any thread but those of the loops; returns when it is done.
 */
void net_server_stop(struct net_server *server);
/* After its loops were joined or when they run no request of its connections any more. */
void net_server_free(struct net_server *server);
void net_server_counters(const struct net_server *server, struct net_counters *out);

#endif
