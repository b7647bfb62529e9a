/*
 * What brokers and clients ask of the controller, and its answers.
 *
 * Ownership: everything a request or an answer points at is borrowed: a request until it is
 * answered, an answer until the effects that carry it are reset.
 * Runs on: any.
 */
#ifndef BARNABAS_CORE_CONTROLLER_REQUESTS_H
#define BARNABAS_CORE_CONTROLLER_REQUESTS_H

#include "base/err.h"
#include "port/znodes.h"

enum controller_request_kind {
    CONTROLLER_CREATE_TOPICS,
    CONTROLLER_CREATE_PARTITIONS,
    CONTROLLER_DELETE_TOPICS,
    CONTROLLER_ALTER_PARTITION,
    CONTROLLER_ALLOCATE_PRODUCER_IDS,
    CONTROLLER_CONTROLLED_SHUTDOWN,
    CONTROLLER_ELECT_LEADERS,
    CONTROLLER_ALTER_REASSIGNMENTS,
    CONTROLLER_LIST_REASSIGNMENTS
};

/* Replicas that the client chose for one partition. */
struct controller_placement {
    int32_t partition;
    struct znode_ids replicas;
};

struct controller_new_topic {
    const char *name;
    int32_t partitions_count;   /* defaults are the caller's matter; unused with placements */
    int32_t replication_factor; /* likewise */
    const struct controller_placement *placements; /* NULL = the controller chooses */
    int32_t placements_count;
    struct znode_config config; /* names and values checked by the caller */
    /* What those checks found: the topic is refused with it unless something else is wrong. */
    enum err config_err;
    const char *config_message;
};

struct controller_create_topics {
    const struct controller_new_topic *topics;
    int32_t topics_count;
    bool validate_only;
};

struct controller_more_partitions {
    const char *topic;
    int32_t count;                                 /* in all, after the change */
    const struct controller_placement *placements; /* in order, of the new ones; NULL = choose */
    int32_t placements_count;
};

struct controller_create_partitions {
    const struct controller_more_partitions *topics;
    int32_t topics_count;
    bool validate_only;
};

/* By name, or by id when name is NULL. */
struct controller_topic_ref {
    const char *name;
    struct uuid id;
};

struct controller_delete_topics {
    const struct controller_topic_ref *topics;
    int32_t topics_count;
};

struct controller_isr_change {
    struct controller_topic_ref topic;
    int32_t partition;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct znode_ids isr;
    const int64_t *isr_epochs; /* of the members' brokers, -1 = not said; NULL = of none */
    int32_t leader_recovery_state;
};

struct controller_alter_partition {
    int32_t broker_id;
    int64_t broker_epoch;
    int16_t version; /* of the request; decides between error codes */
    const struct controller_isr_change *changes;
    int32_t changes_count;
};

struct controller_allocate_producer_ids {
    int32_t broker_id;
    int64_t broker_epoch;
};

struct controller_controlled_shutdown {
    int32_t broker_id;
    int64_t broker_epoch; /* -1 = the request's version has none */
};

enum controller_election { CONTROLLER_ELECT_PREFERRED, CONTROLLER_ELECT_UNCLEAN };

struct controller_elect_leaders {
    enum controller_election election;
    struct znode_partitions partitions;
    bool all; /* every partition; those that need no election are left out of the answer */
};

/* One partition that is to move to other brokers. */
struct controller_move {
    const char *topic;
    int32_t partition;
    bool cancel; /* back to where it came from; replicas is unused then */
    struct znode_ids replicas;
};

struct controller_alter_reassignments {
    const struct controller_move *moves;
    int32_t moves_count;
};

struct controller_list_reassignments {
    struct znode_partitions partitions;
    bool all; /* every partition that moves */
};

struct controller_request {
    enum controller_request_kind kind;
    union {
        struct controller_create_topics create_topics;
        struct controller_create_partitions create_partitions;
        struct controller_delete_topics delete_topics;
        struct controller_alter_partition alter_partition;
        struct controller_allocate_producer_ids allocate_producer_ids;
        struct controller_controlled_shutdown controlled_shutdown;
        struct controller_elect_leaders elect_leaders;
        struct controller_alter_reassignments alter_reassignments;
        struct controller_list_reassignments list_reassignments;
    };
};

/* One topic of CREATE_TOPICS, CREATE_PARTITIONS, DELETE_TOPICS; in the request's order. */
struct controller_topic_answer {
    const char *name;    /* NULL when asked by an unknown id */
    struct uuid id;      /* zero = none */
    enum err err;        /* goes over the wire as err_wire_code says */
    const char *message; /* for the client; NULL = none */
    int32_t partitions_count;
    int32_t replication_factor;
};

/*
 * One partition of ALTER_PARTITION, ELECT_LEADERS, ALTER_REASSIGNMENTS, LIST_REASSIGNMENTS, or one that
 * CONTROLLED_SHUTDOWN left behind.
 */
struct controller_partition_answer {
    const char *topic; /* NULL when asked by an unknown id */
    struct uuid topic_id;
    int32_t partition;
    enum err err;
    const char *message;
    struct znode_state state; /* ALTER_PARTITION, when err is none: what holds now */
    int32_t partition_epoch;
    struct znode_assignment assignment; /* LIST_REASSIGNMENTS */
};

struct controller_answer {
    enum controller_request_kind kind;
    enum err err; /* of the whole request; ERR_NOT_CONTROLLER when this broker is not (any more) */
    const struct controller_topic_answer *topics;
    int32_t topics_count;
    const struct controller_partition_answer *partitions;
    int32_t partitions_count;
    int64_t producer_id_start;
    int32_t producer_id_count;
};

#endif
