#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "fake/fake_zk_tree.h"
#include "sim/pipe.h"
#include "sim/plants.h"
#include "sim/zk_ensemble.h"

enum link { LINK_DOWN, LINK_CONNECTING, LINK_UP };

struct zk_client {
    struct sim *sim;
    int owner;
    struct zk_client_events events;
    int64_t session_id; /* 0 = none */
    enum link link;
    int64_t heard_us;
    struct pipe *out;
    struct pipe *in;
    struct list requests; /* not answered, in order */
    bool losing;          /* writes that were under way when the connection broke are lost from here on */
};

struct zk_batch {
    struct arena arena;
    struct zk_client *client;
    struct controller_op_result *results;
    int32_t count;
    int32_t answered;
    zk_batch_fn done;
    void *arg;
    int32_t epoch;
};

struct zk_request {
    struct list node;
    struct zk_batch *batch;
    int32_t index;
    struct controller_op op;
    struct zk_message *message; /* on its way; NULL = not */
};

enum message_kind { MESSAGE_HELLO, MESSAGE_PING, MESSAGE_REQUEST, MESSAGE_WATCH };

/* Either way. */
struct zk_message {
    struct pipe_message message;
    struct zk_client *client;
    enum message_kind kind;
    struct zk_request *request;
    struct arena arena; /* of the result */
    struct controller_op_result result;
    int64_t session_id; /* HELLO's answer; 0 = the one asked for is over */
    struct fake_watch watch;
};

static void message_free(struct zk_message *message)
{
    if (message->request && message->request->message == message)
        message->request->message = NULL;
    arena_close(&message->arena);
    free(message);
}

static struct zk_message *message_new(struct zk_client *client, enum message_kind kind)
{
    struct zk_message *message = MEM_NEW(struct zk_message);
    message->client = client;
    message->kind = kind;
    return message;
}

/* --- answers of batches ------------------------------------------------------------------------------- */

static void batch_end(struct zk_batch *batch)
{
    arena_close(&batch->arena);
    free(batch);
}

static void request_done(struct zk_request *request, const struct controller_op_result *result)
{
    struct zk_batch *batch = request->batch;
    batch->results[request->index] = *result;
    list_remove(&request->node);
    if (request->message)
        request->message->request = NULL;
    if (++batch->answered < batch->count)
        return;
    batch->done(batch->arg, batch->results, batch->count);
    batch_end(batch);
}

/* What the result points at moves into the batch. */
static struct controller_op_result copy_result(struct arena *arena, const struct controller_op_result *from)
{
    struct controller_op_result to = *from;
    fake_zk_copy_value(arena, &from->value, &to.value);
    if (from->children_count > 0) {
        to.children = arena_alloc(arena, sizeof *to.children * (size_t)from->children_count);
        for (int32_t i = 0; i < from->children_count; i++)
            to.children[i] = arena_strdup(arena, from->children[i]);
    }
    if (from->results_count > 0) {
        to.results = arena_alloc(arena, sizeof *to.results * (size_t)from->results_count);
        for (int32_t i = 0; i < from->results_count; i++)
            to.results[i] = copy_result(arena, &from->results[i]);
    }
    return to;
}

/* Ends those that wait: all of them, or the writes. */
static void fail_requests(struct zk_client *client, enum err err, bool reads_too)
{
    struct list ending;
    list_init(&ending);
    LIST_EACH_SAFE (node, &client->requests) {
        struct zk_request *request = CONTAINER_OF(node, struct zk_request, node);
        if (!reads_too && zk_is_read(&request->op))
            continue;
        list_remove(node);
        list_push_back(&ending, node);
    }
    struct list *node;
    while ((node = list_pop_front(&ending))) {
        struct controller_op_result result = {.err = err};
        request_done(CONTAINER_OF(node, struct zk_request, node), &result);
    }
}

/* --- to the client ------------------------------------------------------------------------------------ */

static void connect_anew(struct zk_client *client);
static void send_request(struct zk_client *client, struct zk_request *request);

static void drop(struct zk_client *client)
{
    struct pipe *out = client->out, *in = client->in;
    client->out = client->in = NULL;
    client->link = LINK_DOWN;
    client->losing = !sim_chance(client->sim, SIM_RNG_ZK, 500);
    if (client->session_id)
        zk_ensemble_attach(client->sim->zk, client->session_id, NULL);
    pipe_free(out);
    pipe_free(in);
}

void zk_client_drop(struct zk_client *client)
{
    if (client->link == LINK_DOWN)
        return;
    bool was_up = client->link == LINK_UP;
    drop(client);
    if (!was_up)
        return;
    sim_trace(client->sim, "zk connection of %d lost", client->owner);
    client->events.session(client->events.arg, ZK_NEWS_DISCONNECTED, client->session_id);
    fail_requests(client, ERR_CONNECTION_LOSS, false);
}

static void expired(struct zk_client *client)
{
    sim_trace(client->sim, "%d hears that its zk session is over", client->owner);
    drop(client);
    client->session_id = 0;
    client->events.session(client->events.arg, ZK_NEWS_EXPIRED, 0);
    fail_requests(client, ERR_SESSION_EXPIRED, true);
    connect_anew(client);
}

static void take_hello(struct zk_client *client, int64_t session_id)
{
    if (session_id == 0) {
        expired(client);
        return;
    }
    bool opened = client->session_id == 0;
    client->session_id = session_id;
    client->link = LINK_UP;
    client->events.session(client->events.arg, opened ? ZK_NEWS_OPENED : ZK_NEWS_CONNECTED, session_id);
    LIST_EACH_SAFE (node, &client->requests) {
        struct zk_request *request = CONTAINER_OF(node, struct zk_request, node);
        if (!request->message)
            send_request(client, request);
    }
}

static void reached_client(struct sim *sim, struct pipe_message *base)
{
    struct zk_message *message = CONTAINER_OF(base, struct zk_message, message);
    struct zk_client *client = message->client;
    client->heard_us = sim->now_us;
    switch (message->kind) {
    case MESSAGE_HELLO:
        take_hello(client, message->session_id);
        break;
    case MESSAGE_WATCH:
        client->events.watch(client->events.arg, message->watch.path, message->watch.children);
        break;
    case MESSAGE_PING:
    case MESSAGE_REQUEST:
        if (message->result.err == ERR_SESSION_EXPIRED) {
            expired(client);
        } else if (message->request) {
            struct zk_request *request = message->request;
            struct controller_op_result result = copy_result(&request->batch->arena, &message->result);
            request_done(request, &result);
        }
        break;
    }
    message_free(message);
}

/* A watch that fired comes again with the next connection. */
static void lost_on_the_way_back(struct sim *sim, struct pipe_message *base)
{
    struct zk_message *message = CONTAINER_OF(base, struct zk_message, message);
    if (message->kind == MESSAGE_WATCH && !plant_is(PLANT_WATCH_FORGOTTEN))
        zk_ensemble_keep(sim->zk, &message->watch);
    message_free(message);
}

static void send_back(struct zk_message *message)
{
    message->message.arrive = reached_client;
    message->message.lost = lost_on_the_way_back;
    pipe_send(message->client->in, &message->message);
}

static void break_now(struct sim *sim, void *arg)
{
    /* Also of those that tell who comes back in the end. */
    if (sim->now_us < sim->shape.run_us + 2000 * SIM_MS)
        zk_client_drop(arg);
}

void zk_client_send_watch(struct zk_client *client, const struct fake_watch *watch)
{
    struct sim *sim = client->sim;
    if (sim->shape.zk_flaky && sim_chance(sim, SIM_RNG_ZK, 250))
        sim_after(sim, 0, client->owner, "zk_break", break_now, NULL, client);
    struct zk_message *message = message_new(client, MESSAGE_WATCH);
    message->watch = *watch;
    send_back(message);
}

/* --- to the ensemble ---------------------------------------------------------------------------------- */

static void greet(struct zk_client *client, struct zk_message *message)
{
    struct zk_ensemble *zk = client->sim->zk;
    message->session_id = client->session_id;
    if (client->session_id == 0)
        message->session_id = zk_ensemble_open(zk, client->owner);
    else if (!zk_ensemble_is_open(zk, client->session_id))
        message->session_id = 0;
    int64_t session_id = message->session_id;
    send_back(message);
    zk_ensemble_heard(zk, session_id);
    zk_ensemble_attach(zk, session_id, client);
}

static void reached_ensemble(struct sim *sim, struct pipe_message *base)
{
    struct zk_message *message = CONTAINER_OF(base, struct zk_message, message);
    struct zk_client *client = message->client;
    if (message->kind == MESSAGE_HELLO) {
        greet(client, message);
        return;
    }
    zk_ensemble_heard(sim->zk, client->session_id);
    const struct zk_request *request = message->request;
    if (!zk_ensemble_is_open(sim->zk, client->session_id))
        message->result.err = ERR_SESSION_EXPIRED;
    else if (request)
        zk_ensemble_apply(sim->zk, client->session_id, &request->op, request->batch->epoch, &message->arena,
                          &message->result);
    send_back(message);
}

/* The outcome of a write is open: it may have arrived all the same, unless one before it did not. */
static void lost_on_the_way(struct sim *sim, struct pipe_message *base)
{
    struct zk_message *message = CONTAINER_OF(base, struct zk_message, message);
    struct zk_client *client = message->client;
    const struct zk_request *request = message->request;
    if (message->kind == MESSAGE_REQUEST && request && !zk_is_read(&request->op) && !client->losing &&
        zk_ensemble_is_open(sim->zk, client->session_id))
        zk_ensemble_apply(sim->zk, client->session_id, &request->op, request->batch->epoch, &message->arena,
                          &message->result);
    message_free(message);
}

static void send_there(struct zk_message *message)
{
    message->message.arrive = reached_ensemble;
    message->message.lost = lost_on_the_way;
    pipe_send(message->client->out, &message->message);
}

static void send_request(struct zk_client *client, struct zk_request *request)
{
    struct zk_message *message = message_new(client, MESSAGE_REQUEST);
    message->request = request;
    request->message = message;
    send_there(message);
}

static void connect_anew(struct zk_client *client)
{
    client->link = LINK_CONNECTING;
    client->heard_us = client->sim->now_us;
    client->out = pipe_new(client->sim, client->owner, SIM_ZK);
    client->in = pipe_new(client->sim, SIM_ZK, client->owner);
    send_there(message_new(client, MESSAGE_HELLO));
}

/* --- by the clock ------------------------------------------------------------------------------------- */

static void tick(struct sim *sim, void *arg)
{
    struct zk_client *client = arg;
    int64_t session_us = sim->shape.session_ms * SIM_MS;
    int64_t silent_us = sim->now_us - client->heard_us;
    if (client->link != LINK_DOWN && silent_us > session_us * 2 / 3)
        zk_client_drop(client);
    if (client->link == LINK_DOWN)
        connect_anew(client);
    else if (client->link == LINK_UP)
        send_there(message_new(client, MESSAGE_PING));
    sim_after(sim, session_us / 6, client->owner, "zk_tick", tick, NULL, client);
}

/* --- life --------------------------------------------------------------------------------------------- */

struct zk_client *zk_client_new(struct sim *sim, int owner, const struct zk_client_events *events)
{
    struct zk_client *client = MEM_NEW(struct zk_client);
    client->sim = sim;
    client->owner = owner;
    client->events = *events;
    list_init(&client->requests);
    connect_anew(client);
    sim_after(sim, sim->shape.session_ms * SIM_MS / 6, owner, "zk_tick", tick, NULL, client);
    return client;
}

void zk_client_free(struct zk_client *client, bool end)
{
    if (!client)
        return;
    if (end && client->link == LINK_UP)
        zk_ensemble_end_session(client->sim->zk, client->session_id);
    drop(client);
    struct list *node;
    while ((node = list_pop_front(&client->requests))) {
        struct zk_batch *batch = CONTAINER_OF(node, struct zk_request, node)->batch;
        if (++batch->answered < batch->count)
            continue;
        batch->done(batch->arg, NULL, 0);
        batch_end(batch);
    }
    free(client);
}

int64_t zk_client_session(const struct zk_client *client)
{
    return client->session_id;
}

void zk_client_submit(struct zk_client *client, const struct controller_op *ops, int32_t count, int32_t epoch,
                      zk_batch_fn done, void *arg)
{
    struct zk_batch *batch = MEM_NEW(struct zk_batch);
    batch->client = client;
    batch->count = count;
    batch->done = done;
    batch->arg = arg;
    batch->epoch = epoch;
    batch->results = arena_zalloc(&batch->arena, sizeof *batch->results * (size_t)count + 1);
    struct zk_request *requests = arena_zalloc(&batch->arena, sizeof *requests * (size_t)count + 1);
    for (int32_t i = 0; i < count; i++) {
        requests[i] =
            (struct zk_request){.batch = batch, .index = i, .op = zk_copy_op(&batch->arena, &ops[i])};
        list_push_back(&client->requests, &requests[i].node);
        if (client->link == LINK_UP)
            send_request(client, &requests[i]);
    }
}
