/*
 * A blocking client of a cluster: finds a broker that answers, learns the others
 * and the controller from it, sends each request where it belongs, and goes to
 * the next controller when that one is none any more.
 *
 * Ownership: answers live in the caller's arena.
 * Runs on: the thread that made it.
 */
#ifndef BARNABAS_CLI_ADMIN_CLIENT_H
#define BARNABAS_CLI_ADMIN_CLIENT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "cli/client_config.h"
#include "cli/connection.h"
#include "wire/generated/wire_messages.h"

struct admin_client;

#define ADMIN_ANY_BROKER (-1)

struct admin_broker {
    int32_t id;
    char *host;
    int port;
    char *rack; /* NULL = none */
};

/*
 * Tries the bootstrap servers one after the other. Copies config. Gives the client
 * (admin_client_free), NULL with why when no server answers as a broker.
 */
struct admin_client *admin_client_new(const char *bootstrap, const struct client_config *config,
                                      struct errmsg *why);
void admin_client_free(struct admin_client *client);

/* Brokers of the cluster by ascending id, as learnt when the client was made or last asked. */
int admin_client_broker_count(const struct admin_client *client);
const struct admin_broker *admin_client_broker_at(const struct admin_client *client, int index);
/* By id; NULL when it is not in the cluster now. */
const struct admin_broker *admin_client_broker(const struct admin_client *client, int32_t id);
/* Time limit for a whole operation, for the timeout fields of requests. */
int admin_client_timeout_ms(const struct admin_client *client);

/* A connection to this broker, opened if there is none. Borrowed until the next call of the client. */
struct connection *admin_client_connection(struct admin_client *client, int32_t broker_id,
                                           struct errmsg *why);

/* Sends to a broker by its id, or to any. A connection that breaks is not tried again. */
MUST_USE enum err admin_call(struct admin_client *client, int32_t broker_id, const struct wire_api *api,
                             const void *request, struct arena *arena, void *response, struct errmsg *why);

/*
 * Sends to the controller. `misses` tells from an answer that the broker asked was not the controller;
 * the present one is looked up then and asked, until the time limit.
 */
MUST_USE enum err admin_call_controller(struct admin_client *client, const struct wire_api *api,
                                        const void *request, struct arena *arena, void *response,
                                        bool (*misses)(const void *response), struct errmsg *why);

/*
 * Metadata of `count` topics, of all when count is -1; the list of brokers is renewed on the way.
 * Does not create topics unless `create` says so.
 */
MUST_USE enum err admin_metadata(struct admin_client *client, const struct view *topics, int count,
                                 bool create, struct arena *arena, struct wire_metadata_response *out,
                                 struct errmsg *why);

#endif
