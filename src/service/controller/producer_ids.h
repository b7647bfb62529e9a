/*
 * Producer ids: blocks of a thousand from the controller, or from ZooKeeper while the protocol between
 * brokers is older than 3.0, handed out one by one.
 *
 * The next block is asked for when nine tenths of the present one are gone. While there is
 * none at hand, a client is told to come again (COORDINATOR_LOAD_IN_PROGRESS), as Kafka does;
 * short of that, the first ones wait for the block that is on its way.
 *
 * Runs on: any loop; guarded by a lock that is held for a few instructions.
 */
#ifndef BARNABAS_SERVICE_CONTROLLER_PRODUCER_IDS_H
#define BARNABAS_SERVICE_CONTROLLER_PRODUCER_IDS_H

#include "base/list.h"
#include "loop/loop.h"
#include "service/broker.h"

struct producer_ids;

/* One client that wants an id; lives in its request's memory until done. */
struct producer_id_wait {
    struct list node;
    struct loop_message message;
    struct loop *home;
    void (*done)(struct producer_id_wait *wait); /* on home, once */
    enum err err;
    int64_t producer_id;
};

/* Gives it (producer_ids_free). */
struct producer_ids *producer_ids_new(struct broker *broker);
void producer_ids_free(struct producer_ids *ids);

/* done is called when an id is there or cannot be had, never before this returns. On a loop. */
void producer_ids_next(struct producer_ids *ids, struct producer_id_wait *wait);

#endif
