/*
 * A ZooKeeper of values, in memory: znodes with versions and czxid, ephemerals of
 * sessions, multis that are all or nothing, one-shot watches. Speaks the controller core's
 * operations; knows no time and no network.
 *
 * As with ZooKeeper's own clients, a GET that finds nothing arms no watch, an EXISTS does.
 */
#ifndef BARNABAS_TESTS_FAKE_ZK_TREE_H
#define BARNABAS_TESTS_FAKE_ZK_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "core/controller/zk_ops.h"

struct fake_zk;

struct fake_watch {
    int64_t session;
    char path[300];
    bool children;
};

struct fake_zk *fake_zk_new(void);
void fake_zk_free(struct fake_zk *zk);

int64_t fake_zk_open_session(struct fake_zk *zk);
/* Its ephemerals and watches go. */
void fake_zk_close_session(struct fake_zk *zk, int64_t session);

/* Carries one operation out; what the result points at lives in the arena. */
void fake_zk_apply(struct fake_zk *zk, int64_t session, const struct controller_op *op, struct arena *arena,
                   struct controller_op_result *out);
/* The next watch that fired; false when there is none. */
bool fake_zk_take_watch(struct fake_zk *zk, struct fake_watch *out);

/* A deep copy in the arena. */
void fake_zk_copy_value(struct arena *arena, const struct controller_value *from,
                        struct controller_value *out);

/* Short cuts for tests, by a session of nobody's; they assert success. Parents are created. */
void fake_zk_put(struct fake_zk *zk, const char *path, const struct controller_value *value);
void fake_zk_remove(struct fake_zk *zk, const char *path);
bool fake_zk_exists(struct fake_zk *zk, const char *path);
/* Data marked as unreadable: a GET answers ERR_MALFORMED. */
void fake_zk_spoil(struct fake_zk *zk, const char *path);
const struct controller_value *fake_zk_value(struct fake_zk *zk, const char *path);
int32_t fake_zk_version(struct fake_zk *zk, const char *path);
int64_t fake_zk_czxid(struct fake_zk *zk, const char *path);

/* Successful changes that a session made. */
int fake_zk_changes(const struct fake_zk *zk, int64_t session);
/* Every znode, sorted, one a line: path, version, value. */
void fake_zk_dump(const struct fake_zk *zk, struct buf *out);

#endif
