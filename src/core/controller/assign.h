/*
 * Which brokers a new partition's replicas go to.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_ASSIGN_H
#define BARNABAS_CORE_CONTROLLER_ASSIGN_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "port/znodes.h"

/* Far beyond what fits a znode, unless jute.maxbuffer was raised, and still no burden for a controller. */
#define ASSIGN_PARTITIONS_MAX 1000000

struct assign_broker {
    int32_t id;
    const char *rack; /* NULL = none */
};

struct assign_request {
    const struct assign_broker *brokers; /* ascending by id */
    int32_t brokers_count;
    int32_t partitions_count;
    int32_t replication_factor;
    int32_t first_partition; /* 0 for a new topic */
    int32_t start;           /* place of the first replica of partition 0, in [0, brokers_count) */
    int32_t shift;           /* where the others begin, in [0, brokers_count) */
};

/*
 * Spreads replicas evenly: the first ones round robin, the others of a partition behind it with a
 * shift that grows. With racks, no rack is taken twice in a partition before every rack was taken.
 * Gives partitions_count lists in the arena.
 *
 * ERR_INVALID_PARTITIONS, ERR_INVALID_REPLICATION_FACTOR as CreateTopics answers them;
 * ERR_INVALID_ARGUMENT when some brokers have a rack and some have none.
 */
MUST_USE enum err assign_replicas(const struct assign_request *request, struct arena *arena,
                                  struct znode_ids **out, struct errmsg *why);

#endif
