/*
 * All that is checked of a tree, as a function of values.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_ZK_CHECK_H
#define BARNABAS_CLI_ZK_CHECK_H

#include "cli/zk_findings.h"
#include "cli/zk_tree.h"

/* Adds what is wrong, in the order of the tree, then what contradicts. out->arena is used for all it needs.
 */
void zk_check_tree(const struct zk_tree *tree, struct zk_findings *out);

/* False for a tree in which no broker was ever started. */
bool zk_check_is_cluster(const struct zk_tree *tree);

/* False below what is unknown: that is told of once, and not read. For zk_tree_read. */
bool zk_check_descends(const char *path);

#endif
