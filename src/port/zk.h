/*
 * The ZooKeeper port: asynchronous, pipelined operations on one session.
 * Implemented on ZooKeeper's C client in zk/, on a simulated tree in the tests.
 *
 * Paths are relative to the chroot of zookeeper.connect. Operations are sent in
 * the order they are given and are answered in that order; each is answered
 * exactly once, with ERR_CLOSED at the latest. Answers, watch events and
 * session events arrive by the callbacks given at creation, on the thread (loop)
 * that the implementation was created with: a caller never waits.
 *
 * Retry: ERR_CONNECTION_LOSS means that the outcome is unknown. Reads are sent
 * again by the implementation until the session answers or is over; writes are
 * not: the caller reads back and decides (zookeeper-and-controller, 2.3).
 *
 * Watches are one-shot and carry no data: a hint to read again. `watch` arms one
 * for the path: on data and existence with get and exists, on children with children.
 */
#ifndef BARNABAS_PORT_ZK_H
#define BARNABAS_PORT_ZK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/view.h"

enum zk_op_kind {
    ZK_OP_CREATE,   /* path, data, ephemeral, sequential */
    ZK_OP_SET,      /* path, data, version */
    ZK_OP_DELETE,   /* path, version */
    ZK_OP_CHECK,    /* path, version; only inside a multi */
    ZK_OP_GET,      /* path, watch */
    ZK_OP_EXISTS,   /* path, watch */
    ZK_OP_CHILDREN, /* path, watch */
    ZK_OP_MULTI     /* ops: CREATE, SET, DELETE, CHECK */
};

#define ZK_ANY_VERSION (-1)

struct zk_op {
    enum zk_op_kind kind;
    const char *path;
    struct view data; /* null is null data */
    int32_t version;
    bool ephemeral;
    bool sequential;
    bool watch;
    const struct zk_op *ops; /* of a multi */
    int ops_count;
};

/* It can be done any number of times. */
static inline bool zk_op_only_reads(const struct zk_op *op)
{
    return op->kind == ZK_OP_GET || op->kind == ZK_OP_EXISTS || op->kind == ZK_OP_CHILDREN;
}

struct zk_stat {
    int64_t czxid;
    int64_t mzxid;
    int64_t ctime_ms;
    int64_t mtime_ms;
    int64_t ephemeral_owner; /* session id, 0 = persistent */
    int32_t version;
    int32_t cversion;
    int32_t children_count;
    int32_t data_len;
};

/* Result of one operation. Views borrow until the callback returns. */
struct zk_result {
    /*
     * ERR_NONE, ERR_NOT_FOUND, ERR_EXISTS, ERR_BAD_VERSION, ERR_NOT_EMPTY, ERR_NO_AUTH,
     * ERR_CONNECTION_LOSS, ERR_SESSION_EXPIRED, ERR_CLOSED, or ERR_IO for anything else.
     */
    enum err err;
    struct view data;            /* GET */
    struct view path;            /* CREATE: the name given, with its sequence number */
    struct zk_stat stat;         /* GET, EXISTS, SET; a classic create gives none */
    const struct view *children; /* CHILDREN: names, sorted */
    int children_count;
    const struct zk_result *results; /* MULTI: one per op; the failing one has its own error, others ERR_IO */
    int results_count;
};

typedef void (*zk_done_fn)(void *arg, const struct zk_result *result);

enum zk_watch_kind { ZK_WATCH_CREATED, ZK_WATCH_DELETED, ZK_WATCH_CHANGED, ZK_WATCH_CHILDREN };

enum zk_session_event {
    ZK_SESSION_CONNECTED,    /* first time, or again within the session */
    ZK_SESSION_DISCONNECTED, /* may come back with everything in place */
    ZK_SESSION_EXPIRED,      /* gone: ephemerals and watches are lost; a new session is being opened */
    ZK_SESSION_OPENED        /* a new session stands (also the first one) */
};

struct zk_events {
    void *arg;
    void (*watch)(void *arg, enum zk_watch_kind kind, const char *path);
    void (*session)(void *arg, enum zk_session_event event, int64_t session_id);
};

struct zk;

struct zk_ops {
    /* Copies what it needs of `op` before it returns. `done` may be NULL. */
    void (*submit)(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg);
    /* 0 while there is none. */
    int64_t (*session_id)(struct zk *zk);
};

/* An implementation embeds this as its first member. */
struct zk {
    const struct zk_ops *ops;
};

static inline void zk_submit(struct zk *zk, const struct zk_op *op, zk_done_fn done, void *arg)
{
    zk->ops->submit(zk, op, done, arg);
}

#endif
