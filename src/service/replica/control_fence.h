/*
 * The one fence of the controller's requests: the newest controller epoch this broker has
 * seen, the newest connection of that controller, and the broker's own epoch
 * (zookeeper-and-controller 4.1).
 *
 * A controller, of either make, has one connection to a broker at a time, and sends again on
 * the next one what was not answered on the last: what an earlier one still brings is old.
 * Nothing in UpdateMetadata says so itself, and what it says of brokers stands until they change
 * again. Connections are told apart by the order in which they were accepted. The answer to an
 * old one is its end: if it were alive all the same, its sender would come again by a newer one.
 *
 * Runs on: control jobs, one at a time.
 */
#ifndef BARNABAS_SERVICE_REPLICA_CONTROL_FENCE_H
#define BARNABAS_SERVICE_REPLICA_CONTROL_FENCE_H

#include "service/broker.h"

struct control_fence {
    int32_t controller_epoch; /* newest seen; 0 at first */
    int64_t connection;       /* newest of that controller; 0 at first */
};

/* By whom, by what and for whom a request was sent. */
struct control_sender {
    int32_t controller_epoch;
    int64_t broker_epoch; /* -1 = not said */
    int64_t connection;   /* request.conn_number */
};

/*
 * ERR_STALE_BROKER_EPOCH when the request was meant for an earlier registration of this broker,
 * ERR_STALE_CONTROLLER_EPOCH when a newer controller was heard of, ERR_CONNECTION_REPLACED when it
 * was heard by a later connection; else remembers epoch and connection.
 */
enum err control_fence_check(struct control_fence *fence, struct broker *broker,
                             const struct control_sender *sender);

#endif
