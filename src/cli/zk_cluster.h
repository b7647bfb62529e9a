/*
 * What a tree says of its cluster, decoded: the vocabulary of the rules that
 * hold one znode against another. A znode that cannot be decoded is left out
 * here; the check of single znodes tells of it.
 *
 * Ownership: borrows the tree; values live in the arena given.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_ZK_CLUSTER_H
#define BARNABAS_CLI_ZK_CLUSTER_H

#include "base/map.h"
#include "cli/zk_findings.h"
#include "cli/zk_tree.h"
#include "port/znodes.h"

struct zk_cluster_broker {
    int32_t id;
    const struct zk_node *node;
    bool decoded;
    struct znode_broker value;
};

struct zk_cluster_topic {
    const char *name;
    const struct zk_node *node; /* NULL = it says nothing that can be understood */
    struct znode_topic value;
    bool deleting; /* /admin/delete_topics/T is there */
};

struct zk_cluster {
    const struct zk_tree *tree;
    struct arena *arena;
    struct zk_cluster_broker *brokers; /* registered ones */
    int brokers_count;
    struct map live; /* id to struct zk_cluster_broker */
    struct zk_cluster_topic *topics;
    int topics_count;
    struct map topics_by_name;
    const struct zk_node *controller_node; /* NULL = there is none that can be read */
    struct znode_controller controller;
    const struct zk_node *epoch_node; /* as above */
    int32_t epoch;
};

void zk_cluster_load(struct zk_cluster *cluster, const struct zk_tree *tree, struct arena *arena);
void zk_cluster_close(struct zk_cluster *cluster);

bool zk_cluster_is_live(const struct zk_cluster *cluster, int32_t broker);
bool zk_cluster_any_live(const struct zk_cluster *cluster, const struct znode_ids *ids);
struct zk_cluster_topic *zk_cluster_topic(const struct zk_cluster *cluster, const char *name);
/* NULL when the topic has no such partition. */
const struct znode_assignment *zk_cluster_partition(const struct zk_cluster_topic *topic, int32_t partition);

bool zk_ids_have(const struct znode_ids *ids, int32_t id);
/* Every one of `ids` is in `others`. */
bool zk_ids_within(const struct znode_ids *ids, const struct znode_ids *others);
bool zk_ids_repeat(const struct znode_ids *ids);
/* "[1,2,3]", in the arena. */
const char *zk_ids_text(const struct znode_ids *ids, struct arena *arena);

/* The rules, each file one family. */
void zk_rules_cluster(const struct zk_cluster *cluster, struct zk_findings *out);
void zk_rules_topics(const struct zk_cluster *cluster, struct zk_findings *out);
void zk_rules_partitions(const struct zk_cluster *cluster, struct zk_findings *out);
void zk_rules_orders(const struct zk_cluster *cluster, struct zk_findings *out);
void zk_rules_settings(const struct zk_cluster *cluster, struct zk_findings *out);

#endif
