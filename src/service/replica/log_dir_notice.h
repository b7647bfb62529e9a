/*
 * Tells the controller to look at the log directories of this broker, since one failed, hangs or answers
 * again: a child of /log_dir_event_notification that names this broker
 * (storage-replication-coordinators 2.12). The controller then sends the broker its replicas' state again and
 * takes those for offline that are answered with KAFKA_STORAGE_ERROR.
 *
 * Runs on: log_dir_notice_send any thread, the rest on the ZooKeeper loop.
 */
#ifndef BARNABAS_SERVICE_REPLICA_LOG_DIR_NOTICE_H
#define BARNABAS_SERVICE_REPLICA_LOG_DIR_NOTICE_H

#include <stdatomic.h>

#include "loop/loop.h"

struct broker;

/* One for each directory; belongs to it. */
struct log_dir_notice {
    struct broker *broker;
    struct loop_message message;
    struct loop_timer retry;
    _Atomic bool on_its_way; /* the message */
};

/*
 * Writes the znode, again and again until ZooKeeper has taken it: the directory failed, hangs, or answers
 * again. One too many does no harm. Before there is a session, and before the broker knows its id, nothing:
 * the controller asks when it registers.
 */
void log_dir_notice_send(struct log_dir_notice *notice, struct broker *broker);

#endif
