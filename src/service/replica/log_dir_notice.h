/*
 * Tells the controller that a log directory failed: a child of /log_dir_event_notification that names this
 * broker (storage-replication-coordinators 2.12). The controller then sends the broker its replicas' state
 * again and takes those for offline that are answered with KAFKA_STORAGE_ERROR.
 *
 * Runs on: log_dir_notice_send any thread, the rest on the ZooKeeper loop.
 */
#ifndef BARNABAS_SERVICE_REPLICA_LOG_DIR_NOTICE_H
#define BARNABAS_SERVICE_REPLICA_LOG_DIR_NOTICE_H

#include "loop/loop.h"

struct broker;

/* One for each directory, which fails once; belongs to it. */
struct log_dir_notice {
    struct broker *broker;
    struct loop_message message;
    struct loop_timer retry;
};

/* Writes the znode, again and again until ZooKeeper has taken it. A second one of the same failure does no
 * harm. */
void log_dir_notice_send(struct log_dir_notice *notice, struct broker *broker);

#endif
