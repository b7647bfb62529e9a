/*
 * ZooKeeper for threads that may wait: start, stop, workers. Each call posts its operation
 * to the session's loop and waits for the answer.
 *
 * Reads go on by themselves until they are answered, by the next session if this one expires
 * (which their watches then belong to). ERR_CONNECTION_LOSS and ERR_SESSION_EXPIRED of a write are
 * the caller's to resolve (zookeeper-and-controller 2.3): zk_sync_is_unclear.
 *
 * Never on a loop.
 */
#ifndef BARNABAS_ZK_SYNC_H
#define BARNABAS_ZK_SYNC_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "loop/loop.h"
#include "port/zk.h"

/* The session and the loop its callbacks arrive on. */
struct zk_sync {
    struct zk *zk;
    struct loop *loop;
};

/*
 * Was a write perhaps not done? What may be done twice is done again: it waits for the next connection or
 * the next session.
 */
static inline bool zk_sync_is_unclear(enum err err)
{
    return err == ERR_CONNECTION_LOSS || err == ERR_SESSION_EXPIRED;
}

/*
 * Any operation. The result's views are copied into `arena` (may be NULL when only err and stat matter).
 * Returns out->err, with why set on failure ("get /brokers/topics/orders: ...").
 */
enum err zk_sync_call(struct zk_sync *sync, const struct zk_op *op, struct arena *arena,
                      struct zk_result *out, struct errmsg *why);

/*
 * `count` operations, submitted together and carried out in their order: one round trip however many there
 * are. Each has its own outcome in results[i].err; one that fails does not keep the next from being done.
 */
void zk_sync_calls(struct zk_sync *sync, const struct zk_op *ops, int count, struct arena *arena,
                   struct zk_result *results);
/* Says what failed, as zk_sync_call does. */
void zk_sync_explain(const struct zk_op *op, enum err err, struct errmsg *why);

/* Data of a znode; ERR_NOT_FOUND. `stat` may be NULL. */
enum err zk_sync_get(struct zk_sync *sync, const char *path, bool watch, struct arena *arena,
                     struct view *data, struct zk_stat *stat, struct errmsg *why);
/* Names of the children, sorted. */
enum err zk_sync_children(struct zk_sync *sync, const char *path, bool watch, struct arena *arena,
                          const struct view **names, int *count, struct errmsg *why);
/* Creates a persistent znode and the parents that are missing (null data). An existing one is ERR_EXISTS. */
enum err zk_sync_create_path(struct zk_sync *sync, const char *path, struct view data, struct errmsg *why);

#endif
