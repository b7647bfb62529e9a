/*
 * A ZooKeeper for tests of what reads it: znodes in memory, answered at once. Reads, deletions and no more.
 *
 * Ownership: owns its copies.
 * Runs on: submit on the loop of whoever reads; the rest on any thread.
 */
#ifndef BARNABAS_TESTS_FAKE_ZK_H
#define BARNABAS_TESTS_FAKE_ZK_H

#include <pthread.h>

#include "port/zk.h"

#define FAKE_ZK_NODES 32

struct fake_znode {
    char *path;
    char *data;
    int64_t ctime_ms;
    int gets; /* answered */
    enum err err;
};

struct fake_zk {
    struct zk zk;
    pthread_mutex_t lock;
    struct fake_znode nodes[FAKE_ZK_NODES]; /* path NULL = free */
};

void fake_zk_init(struct fake_zk *fake);
void fake_zk_close(struct fake_zk *fake);

/* Makes the znode or replaces its data. */
void fake_zk_put(struct fake_zk *fake, const char *path, const char *data, int64_t ctime_ms);
/* Reads of the znode fail so; ERR_NONE: no more. */
void fake_zk_fail(struct fake_zk *fake, const char *path, enum err err);
bool fake_zk_has(struct fake_zk *fake, const char *path);
/* How often its data was read. */
int fake_zk_gets(struct fake_zk *fake, const char *path);

#endif
