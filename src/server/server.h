/*
 * The broker as a process: what is started in which order, and stopped in the reverse.
 *
 * Runs on: one thread after the other, except where said; blocks.
 */
#ifndef BARNABAS_SERVER_SERVER_H
#define BARNABAS_SERVER_SERVER_H

#include "base/err.h"
#include "base/errmsg.h"

struct config;
struct server;

/* A broker with these settings (takes a share), not started yet. Gives the server (server_stop). */
struct server *server_new(struct config *config);
/* Starts it. Whatever the outcome, server_stop is called for it, once. */
MUST_USE enum err server_start(struct server *server, struct errmsg *why);
/*
 * A start that is under way is not wanted any more: it ends with ERR_CLOSED where it needs ZooKeeper next. No
 * effect on a broker that has started. Any thread.
 */
void server_give_up(struct server *server);
/* Stops in order: leaders first, then requests, logs, the ZooKeeper session. Frees the server. */
void server_stop(struct server *server);

#endif
