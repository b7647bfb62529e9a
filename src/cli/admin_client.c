#include "cli/admin_client.h"

#include <stdlib.h>
#include <time.h>

#include "base/assert.h"
#include "base/mem.h"
#include "cli/addresses.h"
#include "wire/codec.h"

#define METADATA_KEY          3
#define CONTROLLER_BACKOFF_MS 100
/* A controller that just died is the one that Metadata names until its session is over. */
#define CONTROLLER_UNREACHABLE_MS 10000
#define NO_CONTROLLER             (-1)

struct node {
    struct admin_broker broker;
    struct connection *conn; /* NULL until first needed */
};

struct admin_client {
    struct client_config config;
    struct addresses bootstrap;
    struct connection *first; /* to a bootstrap server */
    struct node *nodes;       /* by ascending id */
    int node_count;
    int32_t controller_id;
};

static struct connection_config connection_config_of(const struct admin_client *client)
{
    return (struct connection_config){client->config.client_id, client->config.connect_timeout_ms,
                                      client->config.request_timeout_ms};
}

/* --- the brokers ---------------------------------------------------------------------------------- */

static struct node *find_node(const struct admin_client *client, int32_t id)
{
    for (int i = 0; i < client->node_count; i++)
        if (client->nodes[i].broker.id == id)
            return &client->nodes[i];
    return NULL;
}

static void close_node(struct node *node)
{
    connection_close(node->conn);
    free(node->broker.host);
    free(node->broker.rack);
}

static int compare_nodes(const void *a, const void *b)
{
    int32_t x = ((const struct node *)a)->broker.id;
    int32_t y = ((const struct node *)b)->broker.id;
    return (x > y) - (x < y);
}

/* Takes the brokers of an answer; connections to those that have not moved are kept. */
static void learn_nodes(struct admin_client *client, const struct wire_metadata_response *answer)
{
    int count = answer->brokers_count < 0 ? 0 : answer->brokers_count;
    struct node *nodes = mem_zalloc((size_t)(count + 1) * sizeof *nodes);
    for (int i = 0; i < count; i++) {
        const struct wire_metadata_response_metadata_response_broker *from = &answer->brokers[i];
        nodes[i].broker = (struct admin_broker){from->node_id, view_to_cstr(from->host), from->port,
                                                view_to_cstr(from->rack)};
        struct node *old = find_node(client, from->node_id);
        if (old != NULL && old->broker.port == from->port && view_equal_str(from->host, old->broker.host)) {
            nodes[i].conn = old->conn;
            old->conn = NULL;
        }
    }
    qsort(nodes, (size_t)count, sizeof *nodes, compare_nodes);
    for (int i = 0; i < client->node_count; i++)
        close_node(&client->nodes[i]);
    free(client->nodes);
    client->nodes = nodes;
    client->node_count = count;
    client->controller_id = answer->controller_id;
}

enum err admin_metadata(struct admin_client *client, const struct view *topics, int count, bool create,
                        struct arena *arena, struct wire_metadata_response *out, struct errmsg *why)
{
    struct wire_metadata_request request;
    wire_init(&wire_metadata_request_desc, &request);
    request.topics_count = count;
    request.allow_auto_topic_creation = create;
    if (count > 0) {
        request.topics = wire_new(&wire_metadata_request_metadata_request_topic_desc, arena, (size_t)count);
        for (int i = 0; i < count; i++)
            request.topics[i].name = topics[i];
    }
    enum err err =
        admin_call(client, ADMIN_ANY_BROKER, wire_api_find_any(METADATA_KEY), &request, arena, out, why);
    if (err == ERR_NONE)
        learn_nodes(client, out);
    return err;
}

static enum err learn_cluster(struct admin_client *client, struct errmsg *why)
{
    struct arena arena = {0};
    struct wire_metadata_response answer;
    enum err err = admin_metadata(client, NULL, 0, false, &arena, &answer, why);
    arena_close(&arena);
    return err;
}

/* --- life ----------------------------------------------------------------------------------------- */

static struct connection *connect_first(struct admin_client *client, struct errmsg *why)
{
    struct connection_config config = connection_config_of(client);
    for (int i = 0; i < client->bootstrap.count; i++) {
        const struct address *address = &client->bootstrap.items[i];
        struct connection *conn = connection_open(address->host, address->port, &config, why);
        if (conn != NULL)
            return conn;
    }
    return NULL;
}

struct admin_client *admin_client_new(const char *bootstrap, const struct client_config *config,
                                      struct errmsg *why)
{
    struct admin_client *client = MEM_NEW(struct admin_client);
    client->config = *config;
    client->config.client_id = mem_strdup(config->client_id);
    client->controller_id = NO_CONTROLLER;
    if (!addresses_parse(bootstrap, "bootstrap.servers", &client->bootstrap, why))
        goto fail;
    client->first = connect_first(client, why);
    if (client->first == NULL)
        goto fail;
    if (learn_cluster(client, why) != ERR_NONE)
        goto fail;
    return client;
fail:
    admin_client_free(client);
    return NULL;
}

void admin_client_free(struct admin_client *client)
{
    if (client == NULL)
        return;
    connection_close(client->first);
    for (int i = 0; i < client->node_count; i++)
        close_node(&client->nodes[i]);
    free(client->nodes);
    addresses_close(&client->bootstrap);
    client_config_close(&client->config);
    free(client);
}

/* --- queries -------------------------------------------------------------------------------------- */

int admin_client_broker_count(const struct admin_client *client)
{
    return client->node_count;
}

const struct admin_broker *admin_client_broker_at(const struct admin_client *client, int index)
{
    return &client->nodes[index].broker;
}

const struct admin_broker *admin_client_broker(const struct admin_client *client, int32_t id)
{
    const struct node *node = find_node(client, id);
    return node ? &node->broker : NULL;
}

int admin_client_timeout_ms(const struct admin_client *client)
{
    return client->config.api_timeout_ms;
}

/* --- calls ---------------------------------------------------------------------------------------- */

struct connection *admin_client_connection(struct admin_client *client, int32_t broker_id, struct errmsg *why)
{
    struct connection_config config = connection_config_of(client);
    if (broker_id == ADMIN_ANY_BROKER) {
        if (client->first == NULL)
            client->first = connect_first(client, why);
        return client->first;
    }
    struct node *node = find_node(client, broker_id);
    if (node == NULL) {
        errmsg_set(why, "There is no broker %d in the cluster now", broker_id);
        return NULL;
    }
    if (node->conn == NULL) {
        node->conn = connection_open(node->broker.host, node->broker.port, &config, why);
        if (node->conn == NULL)
            errmsg_prefix(why, "Broker %d", broker_id);
    }
    return node->conn;
}

static void drop_connection(struct admin_client *client, int32_t broker_id)
{
    struct node *node = find_node(client, broker_id);
    struct connection **conn = broker_id == ADMIN_ANY_BROKER ? &client->first : node ? &node->conn : NULL;
    if (conn == NULL)
        return;
    connection_close(*conn);
    *conn = NULL;
}

enum err admin_call(struct admin_client *client, int32_t broker_id, const struct wire_api *api,
                    const void *request, struct arena *arena, void *response, struct errmsg *why)
{
    struct connection *conn = admin_client_connection(client, broker_id, why);
    if (conn == NULL)
        return ERR_CLOSED;
    /* The broker may take its whole time limit to answer. */
    enum err err = connection_call(conn, api, request, client->config.api_timeout_ms, arena, response, why);
    if (err != ERR_NONE && err != ERR_UNSUPPORTED_VERSION && err != ERR_INVALID_ARGUMENT)
        drop_connection(client, broker_id);
    return err;
}

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(int ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}

enum err admin_call_controller(struct admin_client *client, const struct wire_api *api, const void *request,
                               struct arena *arena, void *response, bool (*misses)(const void *response),
                               struct errmsg *why)
{
    int64_t start_ms = now_ms();
    for (;;) {
        int64_t patience_ms = client->config.api_timeout_ms;
        enum err err = ERR_NOT_CONTROLLER;
        if (client->controller_id == NO_CONTROLLER) {
            errmsg_set(why, "The cluster has no controller now (are its other brokers and ZooKeeper up?)");
        } else if (admin_client_connection(client, client->controller_id, why) == NULL) {
            err = ERR_CLOSED;
            patience_ms = CONTROLLER_UNREACHABLE_MS;
        } else {
            err = admin_call(client, client->controller_id, api, request, arena, response, why);
            if (err == ERR_NONE && !misses(response))
                return ERR_NONE;
            /* A request that was sent and not answered may have been carried out: never sent twice. */
            if (err != ERR_NONE)
                return err;
            err = ERR_NOT_CONTROLLER;
            errmsg_set(why, "Broker %d is not the controller", client->controller_id);
        }
        if (now_ms() - start_ms >= patience_ms)
            return err;
        pause_ms(CONTROLLER_BACKOFF_MS);
        struct errmsg lookup = {0};
        if (learn_cluster(client, &lookup) != ERR_NONE) {
            *why = lookup;
            return ERR_CLOSED;
        }
    }
}
