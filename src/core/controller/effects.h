/*
 * What the controller's core wants done, in this order.
 *
 * Ownership: controller_step appends; what an effect points at is valid until
 * controller_effects_reset or the next controller_step. Zero-initialised is empty and valid.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_EFFECTS_H
#define BARNABAS_CORE_CONTROLLER_EFFECTS_H

#include "base/arena.h"
#include "core/controller/requests.h"
#include "core/controller/zk_ops.h"

enum controller_effect_kind {
    CONTROLLER_EFFECT_ZK, /* submit in order, answer all with one ZK_DONE event */
    /* Requests to this broker may follow; replaces one that is there. */
    CONTROLLER_EFFECT_ADD_CHANNEL,
    /* Drop it. Of what was in flight on a removed or replaced channel no reply is wanted. */
    CONTROLLER_EFFECT_REMOVE_CHANNEL,
    CONTROLLER_EFFECT_LEADER_AND_ISR,
    CONTROLLER_EFFECT_UPDATE_METADATA,
    CONTROLLER_EFFECT_STOP_REPLICA,
    CONTROLLER_EFFECT_LOG_ENDS, /* where do these logs end? */
    CONTROLLER_EFFECT_ANSWER,
    CONTROLLER_EFFECT_TIMER,  /* send a TIMER event at at_ms; unknown timers are ignored when they come */
    CONTROLLER_EFFECT_ACTIVE, /* this broker is the active controller, of the epoch given */
    CONTROLLER_EFFECT_RESIGNED,
    /* Whether this broker's port refuses, and whether it answers, is watched; in place of an earlier watch.
     */
    CONTROLLER_EFFECT_WATCH_PEER,
    CONTROLLER_EFFECT_UNWATCH_PEER
};

/* One partition of a LeaderAndIsr or UpdateMetadata request; of a LOG_ENDS only its number. */
struct controller_partition_state {
    int32_t partition;
    int32_t controller_epoch; /* of the decision */
    int32_t leader;
    int32_t leader_epoch;
    int32_t partition_epoch;
    int32_t leader_recovery_state;
    struct znode_ids isr;
    struct znode_ids replicas;
    struct znode_ids adding;   /* LeaderAndIsr */
    struct znode_ids removing; /* LeaderAndIsr */
    bool is_new;               /* LeaderAndIsr */
    struct znode_ids offline;  /* UpdateMetadata: replicas that are not online */
};

struct controller_topic_states {
    const char *topic;
    struct uuid topic_id; /* zero = unknown */
    struct controller_partition_state *partitions;
    int32_t partitions_count;
};

struct controller_live_broker {
    int32_t id;
    const struct znode_endpoint *endpoints;
    int32_t endpoints_count;
    const char *rack; /* NULL = none */
    int64_t epoch;    /* of its registration; ADD_CHANNEL, WATCH_PEER */
};

struct controller_stop_partition {
    int32_t partition;
    int32_t leader_epoch; /* -1 = unknown, -2 = the topic is being deleted */
    bool delete_partition;
};

struct controller_topic_stops {
    const char *topic;
    struct controller_stop_partition *partitions;
    int32_t partitions_count;
};

/* Sent to one broker: LeaderAndIsr v7, UpdateMetadata v8, StopReplica v4, ListOffsets v5. */
struct controller_send {
    int32_t broker_id;
    uint64_t ticket; /* for the REPLY event */
    int32_t controller_id;
    int32_t controller_epoch;
    int64_t broker_epoch;
    struct controller_topic_states *topics; /* LeaderAndIsr, UpdateMetadata, ListOffsets */
    int32_t topics_count;
    struct controller_live_broker *live_brokers; /* UpdateMetadata: all; LeaderAndIsr: the leaders named */
    int32_t live_brokers_count;
    struct controller_topic_stops *stops; /* StopReplica */
    int32_t stops_count;
};

struct controller_effect {
    enum controller_effect_kind kind;
    union {
        struct {
            uint64_t ticket;
            struct controller_op *ops;
            int32_t ops_count;
        } zk;
        struct controller_live_broker add_channel;
        struct controller_live_broker watch_peer;
        struct {
            int32_t broker_id;
        } unwatch_peer;
        struct {
            int32_t broker_id;
        } remove_channel;
        struct controller_send send; /* LEADER_AND_ISR, UPDATE_METADATA, STOP_REPLICA, LOG_ENDS */
        struct {
            uint64_t ticket;
            struct controller_answer answer;
        } answer;
        struct {
            uint64_t timer_id;
            int64_t at_ms;
        } timer;
        struct {
            int32_t epoch;
        } active;
    };
};

struct controller_effects {
    struct controller_effect *items; /* heap; grows */
    int32_t count;
    int32_t capacity;
    struct arena arena; /* everything the items point at */
};

/* Appends a zeroed effect; the pointer is valid until the next append. */
struct controller_effect *controller_effects_add(struct controller_effects *effects,
                                                 enum controller_effect_kind kind);
void controller_effects_reset(struct controller_effects *effects);
void controller_effects_close(struct controller_effects *effects);

#endif
