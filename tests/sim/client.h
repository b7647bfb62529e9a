/*
 * One client, for the files that are about it: clients.c (life, metadata), producer.c, consumer.c.
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_CLIENT_H
#define BARNABAS_TESTS_SIM_CLIENT_H

#include "base/uuid.h"
#include "sim/net.h"
#include "sim/world.h"

#define CLIENT_IN_FLIGHT 5

struct client_batch {
    int32_t sequence;
    int32_t count;
    bool sent;
    bool acknowledged;
    int32_t attempt; /* tells answers apart */
};

/* What a client does with one partition. */
struct client_part {
    struct client *client;
    int number;
    int leader; /* -1 = not known */
    int32_t leader_epoch;
    struct uuid topic_id;
    bool exists;

    struct client_batch batches[CLIENT_IN_FLIGHT]; /* oldest first */
    int batches_count;
    int32_t next_sequence;
    bool retries; /* a task for it is armed */

    bool consumes;
    bool fetching;
    int64_t position;
    int32_t read_epoch; /* of the last record read; -1 = none */
};

struct client {
    struct sim *sim;
    int endpoint;
    int64_t producer_id;
    struct client_part parts[SIM_PARTS_MAX];
    struct net_conn *conns[SIM_BROKERS_MAX + 1];
    bool asks_metadata;
    int controller;
    bool created; /* the topics are there, as far as it knows */
    bool rests;
    int64_t acknowledged;
};

struct net_conn *client_conn(struct client *client, int broker);
/* Asks somebody who leads what, unless that is under way. */
void client_refresh(struct client *client);

void producer_begin(struct client_part *part);
/* Sends what may be sent. */
void producer_send(struct client_part *part);
void consumer_begin(struct client_part *part);

#endif
