/*
 * ZooKeeper: an ensemble with one history of writes, followers that lag behind it, sessions that expire, and
 * the client side of it with the rules of port/zk.h: answers and watches come in order; a connection that
 * breaks leaves the outcome of writes open; reads are asked again.
 *
 * A session stays with one follower: it reads from there, and sees its own writes. Watches fire when the
 * follower comes to the change, before later answers.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_ZK_H
#define BARNABAS_TESTS_SIM_ZK_H

#include "core/controller/zk_ops.h"
#include "sim/world.h"

struct zk_client;

enum zk_news { ZK_NEWS_OPENED, ZK_NEWS_CONNECTED, ZK_NEWS_DISCONNECTED, ZK_NEWS_EXPIRED };

struct zk_client_events {
    void *arg;
    void (*watch)(void *arg, const char *path, bool children);
    void (*session)(void *arg, enum zk_news news, int64_t session_id);
};

/* Every operation of a batch is answered. `results` NULL: the client is being freed. */
typedef void (*zk_batch_fn)(void *arg, const struct controller_op_result *results, int32_t count);

struct zk_ensemble *zk_ensemble_new(struct sim *sim);
void zk_ensemble_free(struct zk_ensemble *zk);

/* Of the process at endpoint `owner`; begins to connect. */
struct zk_client *zk_client_new(struct sim *sim, int owner, const struct zk_client_events *events);
/* `end`: the session is ended in order, if it is connected. */
void zk_client_free(struct zk_client *client, bool end);
int64_t zk_client_session(const struct zk_client *client);
/* Copies the operations. `epoch`: of the controller in whose name they are done, 0 = of none. */
void zk_client_submit(struct zk_client *client, const struct controller_op *ops, int32_t count, int32_t epoch,
                      zk_batch_fn done, void *arg);
/* The connection breaks now. */
void zk_client_drop(struct zk_client *client);

/* Ends a session as its expiry would (a broker that ends the session of its life before). */
void zk_ensemble_end_session(struct zk_ensemble *zk, int64_t session_id);
/* As the history says; NULL = not there. */
const struct controller_value *zk_ensemble_value(struct zk_ensemble *zk, const char *path);
int32_t zk_ensemble_version(struct zk_ensemble *zk, const char *path);
int64_t zk_ensemble_czxid(struct zk_ensemble *zk, const char *path);
/* Sessions are not judged for their silence until then. */
void zk_ensemble_forgive(struct zk_ensemble *zk);

#endif
