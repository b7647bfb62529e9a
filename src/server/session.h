/*
 * The broker's ZooKeeper session: who is told of its life and its watches, and the
 * registration that each new session needs.
 *
 * Under the first session, or whichever stands then, the starting thread registers when the logs are
 * loaded. Later ones are registered by a worker, again and again until it holds; only then
 * does the controller's shell hear of them.
 *
 * Runs on: the ZooKeeper loop, except where said.
 */
#ifndef BARNABAS_SERVER_SESSION_H
#define BARNABAS_SERVER_SESSION_H

#include "service/broker.h"
#include "zk/client.h"

struct config_changes;
struct session;

/* Makes the client and begins to open the session. Any thread. Gives it (session_free). */
struct session *session_new(struct broker *broker, const char *connect, int timeout_ms);
struct zk_client *session_client(struct session *session);
/*
 * The broker is registered under the present session with this epoch; from now on the session's life is
 * followed. Starting thread, once; `changes` hears of new sessions and of its path's watch.
 */
void session_follow(struct session *session, struct config_changes *changes, int64_t epoch);
/* Whoever waits for ZooKeeper, or asks it from now on, is answered ERR_CLOSED. Any thread, once, before the
 * close. */
void session_refuse(struct session *session);
/* The same once ZooKeeper is away for some seconds (zk_client_hurry). Any thread, once, before the close. */
void session_hurry(struct session *session);
/* Closes it: the broker's ephemerals go. Not on a loop. */
void session_close(struct session *session);
void session_free(struct session *session);

#endif
