/*
 * The ZooKeeper port (port/zk.h) on ZooKeeper's C client.
 *
 * The library has two threads of its own per session: one does I/O, one calls
 * completions. Completions copy what they got and post it to the loop; nothing
 * of ours runs on the library's threads. Opening a session resolves names and
 * closing one joins threads, so both happen on a worker.
 *
 * A session that expires is replaced by a new one by itself, without limit: the
 * owner hears EXPIRED, then OPENED, and registers what it needs again.
 * Operations submitted while there is no connection wait for one; those that
 * were on their way when it broke are sent again if they only read.
 *
 * Runs on: the loop it was made with, except where said.
 */
#ifndef BARNABAS_ZK_CLIENT_H
#define BARNABAS_ZK_CLIENT_H

#include "base/errmsg.h"
#include "base/histogram.h"
#include "loop/workers.h"
#include "port/zk.h"

#define ZK_PASSWORD_BYTES 16

struct zk_client;

struct zk_client_config {
    const char *connect; /* zookeeper.connect: h1:2181,h2:2181/chroot */
    int session_timeout_ms;
};

/* Copies config; borrows loop, workers and what events->arg points at. Gives the client (zk_client_free). */
struct zk_client *zk_client_new(const struct zk_client_config *config, struct loop *loop,
                                struct workers *workers, const struct zk_events *events);
/* Begins to open the session; the events tell when it stands. Any thread, once. */
void zk_client_open(struct zk_client *client);
struct zk *zk_client_port(struct zk_client *client);
/* The session's id and password, to be kept for a restart; false while there is no session. */
bool zk_client_credentials(const struct zk_client *client, int64_t *id, uint8_t password[ZK_PASSWORD_BYTES]);
/* From an operation to its answer, in microseconds. Any thread. */
const struct histogram *zk_client_latency(const struct zk_client *client);
/*
 * From now on every operation is answered ERR_CLOSED, also those that wait for a connection; the session is
 * left for zk_client_close. Any thread, once, before that.
 */
void zk_client_refuse(struct zk_client *client);
/*
 * From now on nothing waits for a server that is away: when there has been no connection for five seconds,
 * the client refuses (zk_client_refuse). Any thread, once, before zk_client_close.
 */
void zk_client_hurry(struct zk_client *client);
/*
 * Closes the session: the server is told, its ephemerals go a moment later. Open operations get their answers
 * for up to a second first, then ERR_CLOSED. Blocks for that, and for a session that is being opened; not on
 * the loop. The loop must still run.
 */
void zk_client_close(struct zk_client *client);
/* After close, when the loop has stopped. */
void zk_client_free(struct zk_client *client);

#endif
