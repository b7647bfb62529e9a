/*
 * What this broker knows of the cluster, as the controller told it by UpdateMetadata: pure.
 *
 * A metadata is an immutable snapshot. Applying a request makes the next one; topics that
 * the request does not name are shared between both, so a change costs what it names.
 * (zookeeper-and-controller 4.4.)
 *
 * Ownership: owns its brokers and shares its topics by a count.
 * Runs on: made by one thread at a time, read by any.
 */
#ifndef BARNABAS_CORE_METADATA_METADATA_H
#define BARNABAS_CORE_METADATA_METADATA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/map.h"
#include "base/uuid.h"
#include "base/view.h"

struct wire_update_metadata_request;

struct metadata_endpoint {
    char *listener; /* "PLAINTEXT" */
    char *host;
    int32_t port;
    int16_t security_protocol;
};

struct metadata_broker {
    int32_t id;
    char *rack; /* NULL = none */
    struct metadata_endpoint *endpoints;
    int32_t endpoints_count;
};

struct metadata_partition {
    bool known; /* false: a hole below partitions_count */
    int32_t leader;
    int32_t leader_epoch;
    int32_t controller_epoch;
    int32_t partition_epoch;
    int32_t *replicas;
    int32_t *isr;
    int32_t *offline;
    int32_t replicas_count;
    int32_t isr_count;
    int32_t offline_count;
};

struct metadata_topic {
    _Atomic int shares;
    char *name;
    struct uuid id; /* zero = none */
    struct metadata_partition *partitions;
    int32_t partitions_count;
};

struct metadata {
    int32_t controller_id;           /* -1 = none known */
    struct metadata_broker *brokers; /* by ascending id */
    int32_t brokers_count;
    struct map topics;       /* name -> metadata_topic */
    struct map topics_by_id; /* 16 bytes -> metadata_topic */
    int64_t partitions_count;
};

/* Nothing known. Gives it (metadata_free). */
struct metadata *metadata_new(void);
/* The snapshot after `request`. `old` is left as it is. Gives it. */
struct metadata *metadata_apply(const struct metadata *old,
                                const struct wire_update_metadata_request *request);
void metadata_free(struct metadata *metadata);

/* NULL when there is none. */
const struct metadata_topic *metadata_topic(const struct metadata *metadata, struct view name);
const struct metadata_topic *metadata_topic_by_id(const struct metadata *metadata, struct uuid id);
const struct metadata_partition *metadata_partition(const struct metadata *metadata, struct view topic,
                                                    int32_t partition);
const struct metadata_broker *metadata_broker(const struct metadata *metadata, int32_t id);
const struct metadata_endpoint *metadata_broker_endpoint(const struct metadata_broker *broker,
                                                         const char *listener);

#endif
