/*
 * The broker as a process: what is started in which order, and stopped in the reverse.
 *
 * Runs on: the main thread; blocks.
 */
#ifndef BARNABAS_SERVER_SERVER_H
#define BARNABAS_SERVER_SERVER_H

#include "base/err.h"
#include "base/errmsg.h"

struct config;
struct server;

/*
 * Starts a broker with these settings (takes a share). Gives the server (server_stop). On failure NULL,
 * with why, and nothing is left running.
 */
struct server *server_start(struct config *config, struct errmsg *why);
/* Stops in order: leaders first, then requests, logs, the ZooKeeper session. Frees the server. */
void server_stop(struct server *server);

#endif
