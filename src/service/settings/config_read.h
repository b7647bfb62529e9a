/*
 * The settings of many topics as ZooKeeper has them now, read in one go: what DescribeConfigs
 * shows right after a change, and of topics that this broker does not host.
 *
 * Ownership: the op lives in the request's memory until done; nobody else may use `arena` meanwhile.
 * Runs on: the loop that submitted; the reading on the ZooKeeper loop.
 */
#ifndef BARNABAS_SERVICE_SETTINGS_CONFIG_READ_H
#define BARNABAS_SERVICE_SETTINGS_CONFIG_READ_H

#include "base/arena.h"
#include "config/config.h"
#include "loop/loop.h"

struct broker;
struct config_read;

/* One topic. */
struct config_read_item {
    const char *topic;
    struct config_pairs pairs; /* result; what was known before, if it cannot be read */
    struct config_read *op;    /* private */
};

struct config_read {
    struct broker *broker;
    struct config_read_item *items; /* topic filled by the caller */
    size_t count;                   /* at least 1 */
    struct arena *arena;
    void (*done)(struct config_read *op);

    /* Private. */
    struct loop *home;
    struct loop_message message;
    size_t away;
};

void config_read_submit(struct config_read *op);

#endif
