/*
 * Which broker this is: from the configuration, from meta.properties of the log directories,
 * or from ZooKeeper (zookeeper-and-controller 2.4).
 *
 * Runs on: the starting thread; blocks.
 */
#ifndef BARNABAS_SERVER_IDENTITY_H
#define BARNABAS_SERVER_IDENTITY_H

#include "config/config.h"
#include "service/broker.h"
#include "service/replica/log_dirs.h"
#include "zk/sync.h"

/*
 * Finds broker->id, checks that every directory belongs to this broker and this cluster, and writes
 * meta.properties where it is missing. ERR_INVALID_ARGUMENT with a message that names the file and the
 * remedy.
 */
MUST_USE enum err identity_find(struct broker *broker, const struct config *config, struct zk_sync *sync,
                                struct log_dirs *dirs, struct errmsg *why);

#endif
