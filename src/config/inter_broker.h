/*
 * What brokers may say to each other at an inter.broker.protocol.version: while a cluster is upgraded, broker
 * by broker, that of the oldest one is set everywhere.
 *
 * The numbers are those of Kafka 3.9 (zookeeper-and-controller 3.24; MetadataVersion). Where Kafka asks its
 * peer what it can (AlterPartition, CreateTopics), they are what the oldest release with that version of the
 * protocol knows.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_INTER_BROKER_H
#define BARNABAS_CONFIG_INTER_BROKER_H

#include <stdint.h>

/* Not at this version of the protocol: brokers write to ZooKeeper themselves. */
#define INTER_BROKER_BY_ZOOKEEPER ((int16_t)-1)

/* The first Fetch by which a leader tells where the logs part; before, a follower asks OffsetForLeaderEpoch.
 */
#define INTER_BROKER_FETCH_DIVERGING 12

/* The first LeaderAndIsr that tells of unclean elections. */
#define INTER_BROKER_ROLES_RECOVERY 6
/* The first StopReplica that says of each partition whether it is deleted, not once of all. */
#define INTER_BROKER_STOPS_EACH 3

struct inter_broker {
    /* Followers to leaders. */
    int16_t fetch;
    int16_t list_offsets;
    int16_t offset_for_leader_epoch;
    /* The controller to brokers. */
    int16_t leader_and_isr;
    int16_t update_metadata;
    int16_t stop_replica;
    /* Brokers to the controller. */
    int16_t alter_partition;       /* or INTER_BROKER_BY_ZOOKEEPER */
    int16_t allocate_producer_ids; /* or INTER_BROKER_BY_ZOOKEEPER */
    int16_t controlled_shutdown;
    int16_t create_topics;
    /* Znodes. */
    int16_t broker_znode;
    int16_t feature_znode; /* 0 = there is none */
    int16_t topic_ids;     /* 1: topics without an id are given one */
    /* Values of records in __consumer_offsets. */
    int16_t offset_value;
    int16_t group_value;
};

/* The oldest that can be set; before it records were stored in formats that are not written any more. */
extern const char inter_broker_oldest[];

/* `version` is one that metadata_version_index knows, inter_broker_oldest or later. */
const struct inter_broker *inter_broker_at(const char *version);
const struct inter_broker *inter_broker_newest(void);

#endif
