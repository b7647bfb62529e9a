/*
 * The servers' side of ZooKeeper, for the client's.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_ZK_ENSEMBLE_H
#define BARNABAS_TESTS_SIM_ZK_ENSEMBLE_H

#include "base/arena.h"
#include "sim/zk.h"

struct fake_watch;

/* Gives its id. `owner`: the endpoint. */
int64_t zk_ensemble_open(struct zk_ensemble *zk, int owner);
bool zk_ensemble_is_open(const struct zk_ensemble *zk, int64_t session_id);
void zk_ensemble_heard(struct zk_ensemble *zk, int64_t session_id);
/* The client that gets the session's watches; NULL: they are kept until there is one. */
void zk_ensemble_attach(struct zk_ensemble *zk, int64_t session_id, struct zk_client *client);
/* A watch that did not reach the client is kept for its next connection. */
void zk_ensemble_keep(struct zk_ensemble *zk, const struct fake_watch *watch);
/* Carries out an operation of the session; what the result points at is in the arena. */
void zk_ensemble_apply(struct zk_ensemble *zk, int64_t session_id, const struct controller_op *op,
                       int32_t epoch, struct arena *arena, struct controller_op_result *out);

/* By the client: a watch is on its way to it. */
void zk_client_send_watch(struct zk_client *client, const struct fake_watch *watch);

/* Deep copy. */
struct controller_op zk_copy_op(struct arena *arena, const struct controller_op *op);
bool zk_is_read(const struct controller_op *op);

#endif
