#include "sim/clients.h"

#include <stdlib.h>

#include "base/be.h"
#include "base/mem.h"
#include "sim/checker.h"
#include "sim/client.h"

#define TIMEOUT_US     (2500 * SIM_MS)
#define REFRESH_MS     1000
#define METADATA_BYTES 24 /* of one partition */

struct net_conn *client_conn(struct client *client, int broker)
{
    if (!client->conns[broker])
        client->conns[broker] = net_conn_new(client->sim, client->endpoint, broker);
    return client->conns[broker];
}

/* --- metadata ----------------------------------------------------------------------------------------- */

static void take_part(struct client_part *part, const uint8_t *at)
{
    int leader = be_get_i32(at);
    int32_t epoch = be_get_i32(at + 4);
    struct uuid none = {0};
    memcpy(part->topic_id.bytes, at + 8, sizeof part->topic_id.bytes);
    part->exists = !uuid_equal(part->topic_id, none);
    if (epoch < part->leader_epoch)
        return; /* somebody who has not heard */
    part->leader = leader;
    part->leader_epoch = epoch;
}

static void told(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct client *client = arg;
    client->asks_metadata = false;
    if (err != ERR_NONE)
        return;
    client->controller = be_get_i32(answer.ptr);
    for (int i = 0; i < sim->shape.parts; i++)
        take_part(&client->parts[i], answer.ptr + 4 + (size_t)i * METADATA_BYTES);
}

void client_refresh(struct client *client)
{
    struct sim *sim = client->sim;
    if (client->asks_metadata)
        return;
    client->asks_metadata = true;
    int broker = (int)sim_between(sim, SIM_RNG_WORK, 1, sim->shape.brokers);
    net_call(client_conn(client, broker), NET_METADATA, VIEW_LIT(""), TIMEOUT_US, told, client);
}

static void refresh_by_clock(struct sim *sim, void *arg)
{
    struct client *client = arg;
    client_refresh(client);
    sim_after(sim, REFRESH_MS * SIM_MS, client->endpoint, "client_refresh", refresh_by_clock, NULL, client);
}

/* --- topics ------------------------------------------------------------------------------------------- */

static void create(struct sim *sim, void *arg);

static void created(struct sim *sim, void *arg, enum err err, struct view answer)
{
    struct client *client = arg;
    if (err == ERR_CLOSED)
        return;
    enum err said = err == ERR_NONE ? (enum err)be_get_i16(answer.ptr) : err;
    client->created = said == ERR_NONE || said == ERR_TOPIC_ALREADY_EXISTS;
    if (!client->created)
        sim_after(sim, 300 * SIM_MS, client->endpoint, "create_topics", create, NULL, client);
}

static void create(struct sim *sim, void *arg)
{
    struct client *client = arg;
    int broker = client->controller;
    if (broker < 1) {
        client_refresh(client);
        sim_after(sim, 200 * SIM_MS, client->endpoint, "create_topics", create, NULL, client);
        return;
    }
    client->controller = -1; /* to be asked for again, should it fail */
    net_call(client_conn(client, broker), NET_CREATE_TOPICS, VIEW_LIT(""), TIMEOUT_US, created, client);
}

/* --- life --------------------------------------------------------------------------------------------- */

static void client_new(struct sim *sim, int number)
{
    struct client *client = MEM_NEW(struct client);
    int endpoint = SIM_CLIENT + number;
    sim->clients[endpoint] = client;
    client->sim = sim;
    client->endpoint = endpoint;
    client->producer_id = 100 + number;
    client->controller = -1;
    sim_set_up(sim, endpoint, true);
    for (int i = 0; i < sim->shape.parts; i++) {
        struct client_part *part = &client->parts[i];
        *part = (struct client_part){
            .client = client, .number = i, .leader = -1, .leader_epoch = -1, .read_epoch = -1};
        if (i == sim->shape.offsets)
            continue; /* the brokers' own */
        producer_begin(part);
        if (number == 0)
            consumer_begin(part);
    }
    refresh_by_clock(sim, client);
    if (number == 0)
        sim_after(sim, 500 * SIM_MS, endpoint, "create_topics", create, NULL, client);
}

void clients_new(struct sim *sim)
{
    for (int i = 0; i < sim->shape.clients; i++)
        client_new(sim, i);
}

void clients_free(struct sim *sim)
{
    for (int i = 0; i < SIM_ENDPOINTS; i++) {
        struct client *client = sim->clients[i];
        if (!client)
            continue;
        sim_set_up(sim, i, false);
        for (int broker = 1; broker <= SIM_BROKERS_MAX; broker++)
            net_conn_free(client->conns[broker]);
        free(client);
    }
}

void clients_rest(struct sim *sim)
{
    for (int i = 0; i < SIM_ENDPOINTS; i++)
        if (sim->clients[i])
            sim->clients[i]->rests = true;
}

void clients_end(struct sim *sim)
{
    for (int i = 0; i < SIM_ENDPOINTS; i++) {
        const struct client *client = sim->clients[i];
        for (int p = 0; client && p < sim->shape.parts; p++) {
            const struct client_part *part = &client->parts[p];
            if (part->batches_count > 0)
                sim_fail(sim, "I15",
                         "client %d still waits for %d batches of partition %d from sequence %d on", i,
                         part->batches_count, p, part->batches[0].sequence);
            if (part->consumes && part->position < checker_committed(sim, p))
                sim_fail(sim, "I15", "client %d read partition %d up to %lld of %lld", i, p,
                         (long long)part->position, (long long)checker_committed(sim, p));
        }
    }
}

int64_t clients_acknowledged(const struct sim *sim)
{
    int64_t count = 0;
    for (int i = 0; i < SIM_ENDPOINTS; i++)
        count += sim->clients[i] ? sim->clients[i]->acknowledged : 0;
    return count;
}
