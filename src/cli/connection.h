/*
 * One blocking connection to one broker: connect, agree on versions
 * (ApiVersions), ask and wait for the answer. Nothing here waits for ever:
 * connecting and every call have a time limit. Messages name the address and,
 * where it can be guessed, what is wrong with it.
 *
 * Runs on: the thread that opened it.
 */
#ifndef BARNABAS_CLI_CONNECTION_H
#define BARNABAS_CLI_CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "wire/api.h"

struct connection;

struct connection_config {
    const char *client_id;
    int connect_timeout_ms;
    int request_timeout_ms;
};

/* What a broker says that it serves. */
struct api_range {
    int16_t key;
    int16_t min_version;
    int16_t max_version;
};

/* Borrows config. Gives the connection (connection_close), NULL with why on failure. */
struct connection *connection_open(const char *host, int port, const struct connection_config *config,
                                   struct errmsg *why);
void connection_close(struct connection *conn);

/* Is anybody there? Connects and closes; says why not. */
bool connection_probe(const char *host, int port, int timeout_ms, struct errmsg *why);

/* Highest version that both sides know; -1 when there is none. */
int16_t connection_version(const struct connection *conn, const struct wire_api *api);
/* In the broker's order. */
const struct api_range *connection_ranges(const struct connection *conn, int *count);

/*
 * Sends the request at the highest common version and decodes the answer into `response`, whose views
 * and arrays live in the arena. `timeout_ms` 0: the configuration's. ERR_UNSUPPORTED_VERSION: no common
 * version, or the request says what that version cannot. ERR_REQUEST_TIMED_OUT, ERR_CLOSED, ERR_IO,
 * ERR_MALFORMED: the connection is of no more use.
 */
MUST_USE enum err connection_call(struct connection *conn, const struct wire_api *api, const void *request,
                                  int timeout_ms, struct arena *arena, void *response, struct errmsg *why);

#endif
