/*
 * KIP-951: an answer that says "not the leader" also says who is, as far as is known.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_LEADER_HINT_H
#define BARNABAS_API_LEADER_HINT_H

#include "api/api.h"

struct leader_hint {
    int32_t leader_id; /* -1 = unknown */
    int32_t leader_epoch;
};

/* The leader of a partition as the metadata has it. */
struct leader_hint leader_hint_of(const struct api_call *call, struct view topic, int32_t partition);

/* Where a node is reached by the listener of the request; views borrow until the callback returns. */
bool leader_hint_endpoint(const struct api_call *call, int32_t node_id, struct view *host, int32_t *port,
                          struct view *rack);

#endif
