/*
 * What Kafka's znodes say, as values: the vocabulary between the controller's
 * core, which decides on them, and zk/, which knows their paths and their JSON.
 * One struct per znode; the facts of each (who writes it, when, in which version)
 * are in zk-schema/.
 *
 * Ownership: a decoded value lives in the arena it was decoded into.
 * Runs on: any.
 */
#ifndef BARNABAS_PORT_ZNODES_H
#define BARNABAS_PORT_ZNODES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/uuid.h"

#define ZNODE_NO_LEADER            (-1)
#define ZNODE_LEADER_DURING_DELETE (-2)

/* Ids of brokers, in an order that means something (assignment) or not (ISR). */
struct znode_ids {
    int32_t *ids;
    int32_t count;
};

/* One endpoint of /brokers/ids/N. */
struct znode_endpoint {
    const char *listener; /* upper case */
    const char *protocol; /* PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL */
    const char *host;
    int32_t port;
};

/* /brokers/ids/N, JSON version 4 or 5. */
struct znode_broker {
    int32_t version;
    const char *host; /* of the first PLAINTEXT endpoint; NULL if there is none */
    int32_t port;     /* -1 if there is none */
    int32_t jmx_port;
    int64_t timestamp_ms;
    struct znode_endpoint *endpoints;
    int32_t endpoints_count;
    const char *rack; /* NULL = none */
};

/* One partition of /brokers/topics/T. */
struct znode_assignment {
    int32_t partition;
    struct znode_ids replicas; /* the first is the preferred leader */
    struct znode_ids adding;
    struct znode_ids removing;
};

/* /brokers/topics/T, JSON version 3. Partitions ascend. */
struct znode_topic {
    struct uuid topic_id; /* zero = the znode has none */
    struct znode_assignment *partitions;
    int32_t partitions_count;
};

/* /brokers/topics/T/partitions/P/state. */
struct znode_state {
    int32_t leader;
    int32_t leader_epoch;
    int32_t controller_epoch;
    struct znode_ids isr;
    int32_t leader_recovery_state; /* 0 RECOVERED, 1 RECOVERING */
};

/* /controller. */
struct znode_controller {
    int32_t broker_id;
    int64_t timestamp_ms;
    int32_t kraft_controller_epoch; /* -1 = a ZooKeeper controller */
};

/* /latest_producer_id_block; both ends inclusive. */
struct znode_producer_id_block {
    int32_t broker_id;
    int64_t block_start;
    int64_t block_end;
};

/* /admin/reassign_partitions, /admin/preferred_replica_election, /isr_change_notification/N. */
struct znode_partition {
    const char *topic;
    int32_t partition;
    struct znode_ids replicas; /* reassign_partitions only */
};
struct znode_partitions {
    struct znode_partition *items;
    int32_t count;
};

/* /config/<type>/<entity>: names and values, both strings. */
struct znode_config_entry {
    const char *name;
    const char *value;
};
struct znode_config {
    struct znode_config_entry *entries;
    int32_t count;
};

/* /log_dir_event_notification/N. */
struct znode_log_dir_event {
    int32_t broker_id;
    int32_t event; /* 1 = failure */
};

/* What may be missing of what a broker had acknowledged. */
enum znode_loss {
    ZNODE_LOSS_NONE,
    ZNODE_LOSS_TAIL, /* what was not synced when the machine stopped */
    ZNODE_LOSS_DATA  /* anything: a directory that is gone, emptied or older */
};

/* /barnabas/brokers/N and /barnabas/trusted/N. */
struct znode_incarnation {
    struct uuid id;
    int64_t starts;
    enum znode_loss loss; /* against the incarnation before */
};

/* One replica of /barnabas/standing/T-P. */
struct znode_member {
    int32_t broker;
    struct uuid incarnation;
    enum znode_loss loss;
};

/* /barnabas/standing/T-P. */
struct znode_standing {
    struct uuid topic_id;
    int32_t state_version; /* of the state znode: void when that has another one */
    int64_t config_zxid;   /* of min.insync.replicas: `eligible` is void when settings were changed since */
    struct znode_member *lost; /* of the ISR: what they had acknowledged may be gone */
    int32_t lost_count;
    struct znode_member *eligible; /* not of the ISR, but they have all that was acknowledged */
    int32_t eligible_count;
};

/* /barnabas/suspects/<broker>: Barnabas's own. */
struct znode_suspect {
    int64_t broker_epoch; /* czxid of the registration that is suspected */
    int32_t controller_epoch;
    int64_t timestamp_ms;
    const char *reason;
};

/* /barnabas/silent/<broker>: Barnabas's own. */
struct znode_silent_broker {
    int32_t id;
    int64_t epoch; /* czxid of the registration that answers nothing */
};
struct znode_silence {
    int64_t timestamp_ms;
    struct znode_silent_broker *brokers;
    int32_t brokers_count;
};

/* /feature (names and levels are not kept: a broker in ZooKeeper mode knows no feature). */
struct znode_feature {
    int32_t version;
    int32_t status; /* 0 disabled, 1 enabled */
    bool has_features;
};

#endif
