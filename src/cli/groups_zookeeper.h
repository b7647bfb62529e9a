/*
 * `barnabas groups --zookeeper --export`: what consumers from before 0.9 (offsets.storage=zookeeper)
 * and commits of version 0 left under /consumers, as a plan for `--reset-offsets --from-file`.
 */
#ifndef BARNABAS_CLI_GROUPS_ZOOKEEPER_H
#define BARNABAS_CLI_GROUPS_ZOOKEEPER_H

#include "base/arena.h"
#include "base/buf.h"
#include "cli/zk_tree.h"

/* What a tree holds of old groups. */
struct groups_old {
    struct buf csv;
    struct buf notes; /* lines for whoever reads: what was passed over */
    int problems;     /* of them: znodes that make no sense, groups that are not there */
};

/* `ids`: the groups meant, all when there are none. The tree is sorted. Runs on: any. */
void groups_old_collect(const struct zk_tree *tree, const struct view *ids, int32_t count,
                        struct arena *arena, struct groups_old *out);
void groups_old_close(struct groups_old *old);

/* Reads, prints; the exit status: 1 when something was skipped or missing. Runs on: the main thread. */
int groups_export_zookeeper(const char *connect, const struct view *ids, int32_t count);

#endif
