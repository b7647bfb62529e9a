/*
 * The broker's ZooKeeper session: who is told of its life and its watches, and the
 * registration that each new session needs.
 *
 * The first session is awaited by the starting thread, which registers when the logs are
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
/* Waits for the first session. Starting thread. */
MUST_USE enum err session_await(struct session *session, int timeout_ms, struct errmsg *why);
/*
 * The broker is registered under the present session with this epoch; from now on the session's life is
 * followed. Starting thread, once; `changes` hears of new sessions and of its path's watch.
 */
void session_follow(struct session *session, struct config_changes *changes, int64_t epoch);
/* Closes it: the broker's ephemerals go. Not on a loop. */
void session_close(struct session *session);
void session_free(struct session *session);

#endif
