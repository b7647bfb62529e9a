/*
 * The one fence of the controller's requests: the newest controller epoch this broker has
 * seen, and the broker's own epoch (zookeeper-and-controller 4.1).
 *
 * Runs on: control jobs, one at a time.
 */
#ifndef BARNABAS_SERVICE_REPLICA_CONTROL_FENCE_H
#define BARNABAS_SERVICE_REPLICA_CONTROL_FENCE_H

#include "service/broker.h"

struct control_fence {
    int32_t controller_epoch; /* newest seen; 0 at first */
};

/*
 * ERR_STALE_BROKER_EPOCH when the request was meant for an earlier registration of this broker,
 * ERR_STALE_CONTROLLER_EPOCH when a newer controller was heard of; else remembers the epoch.
 */
enum err control_fence_check(struct control_fence *fence, struct broker *broker, int32_t controller_epoch,
                             int64_t broker_epoch);

#endif
