/*
 * Connections between processes, and requests over them. Each request is answered exactly once: with the
 * answer, with ERR_CONNECTION_LOSS (it may have been carried out), with ERR_REQUEST_TIMED_OUT, or with
 * ERR_CLOSED when its connection is freed. A request whose sender gave up may still arrive.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_NET_H
#define BARNABAS_TESTS_SIM_NET_H

#include "base/buf.h"
#include "base/err.h"
#include "sim/world.h"

/* What is asked. Bodies of the first ones are Kafka's, of the others the simulator's own. */
enum net_api {
    NET_CONTROL, /* a frame with its header: LeaderAndIsr, UpdateMetadata, StopReplica */
    NET_FETCH,
    NET_LIST_OFFSETS,
    NET_ALTER_PARTITION,
    NET_CONTROLLED_SHUTDOWN,
    NET_CREATE_TOPICS,
    NET_PRODUCE,
    NET_METADATA,
    NET_JOIN_GROUP,
    NET_SYNC_GROUP,
    NET_HEARTBEAT,
    NET_LEAVE_GROUP,
    NET_OFFSET_COMMIT,
    NET_OFFSET_FETCH
};

struct net_conn;
typedef void (*net_done_fn)(struct sim *sim, void *arg, enum err err, struct view answer);

struct net_conn *net_conn_new(struct sim *sim, int from, int to);
/* NULL is a no-op. Calls that are out are done with ERR_CLOSED. */
void net_conn_free(struct net_conn *conn);
/* Copies the body. */
void net_call(struct net_conn *conn, enum net_api api, struct view body, int64_t timeout_us, net_done_fn done,
              void *arg);
/* Nothing came back for the last request, or the process at the other end is gone. */
bool net_conn_is_down(const struct net_conn *conn);
/* It breaks now, as by a reset. */
void net_conn_break(struct net_conn *conn);

/* By whoever serves: answers call `id`; nothing happens when nobody waits any more. */
void net_answer(struct sim *sim, uint64_t id, struct view answer);
/* The process of this endpoint is gone: what it was asked breaks. */
void net_process_gone(struct sim *sim, int endpoint);

/* A request that has arrived. */
struct net_request {
    int from;
    uint64_t id;        /* to answer; 0 = nobody waits any more */
    int64_t connection; /* rises with each that is made */
    enum net_api api;
    struct view body;
};

/* Implemented by the brokers. */
void broker_serve(struct sim *sim, int to, const struct net_request *request);

#endif
