/*
 * ZooKeeper's tree as a value: every znode below the chroot, read once, with all
 * requests on their way together. A tree that lives is not read at one instant;
 * who finds a contradiction in it reads again before believing it.
 *
 * Ownership: nodes and data live in the arena given.
 * Runs on: zk_tree_read on the main thread, while the session's loop fills the tree; the rest on any.
 */
#ifndef BARNABAS_CLI_ZK_TREE_H
#define BARNABAS_CLI_ZK_TREE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/errmsg.h"
#include "zk/sync.h"

struct zk_node {
    const char *path; /* "/brokers/ids/1"; "/" is the chroot itself */
    struct view data;
    enum err err; /* ERR_NONE, or ERR_NO_AUTH: its data may not be read */
    bool ephemeral;
    int32_t version;
    int64_t ctime_ms;
};

/* Sorted so that a znode is followed by all that is below it. */
struct zk_tree {
    struct zk_node *nodes;
    int count;
    int64_t now_ms; /* wall clock when it was read */
};

/*
 * Reads all of it but /zookeeper at the top, which is the server's own; what is below a path for which
 * `descend` says no is left out (NULL = nothing is). A znode that vanishes meanwhile is left out too.
 */
MUST_USE enum err zk_tree_read(struct zk_sync *sync, bool (*descend)(const char *path), struct arena *arena,
                               struct zk_tree *out, struct errmsg *why);

void zk_tree_sort(struct zk_tree *tree);

/* NULL when there is none. The tree is sorted. */
const struct zk_node *zk_tree_find(const struct zk_tree *tree, const char *path);

/* What is below `path`, itself not counted: from *first up to the return value, indices of nodes. */
int zk_tree_below(const struct zk_tree *tree, const char *path, int *first);

/* The last part of a path. */
const char *zk_node_name(const struct zk_node *node);

#endif
