/*
 * What lies in the log directories: how large the replicas are, how much room there is
 * (DescribeLogDirs).
 *
 * Ownership: the op lives in the request's memory until done; nobody else may use `arena` meanwhile.
 * Runs on: the loop that submitted; the counting on a worker.
 */
#ifndef BARNABAS_SERVICE_REPLICA_LOG_DIR_REPORT_H
#define BARNABAS_SERVICE_REPLICA_LOG_DIR_REPORT_H

#include "base/arena.h"
#include "base/map.h"
#include "loop/workers.h"
#include "service/broker.h"

struct log_dir_report_replica {
    const char *topic;
    int32_t partition;
    int64_t size_bytes; /* of all segments */
    int64_t offset_lag; /* of its end behind the high watermark; of a future one behind the log's end */
    bool is_future;     /* being filled, to replace the one of another directory */
};

struct log_dir_report_dir {
    const char *path; /* absolute */
    enum err err;     /* ERR_KAFKA_STORAGE_ERROR: offline, nothing else is known of it */
    int64_t total_bytes;
    int64_t usable_bytes;
    struct log_dir_report_replica *replicas; /* by topic and partition */
    size_t count;
};

struct log_dir_report {
    /* Filled by the caller. */
    struct broker *broker;
    const struct map *wanted; /* keys of partition_key; NULL = all replicas */
    struct arena *arena;
    void (*done)(struct log_dir_report *report);

    /* Result. */
    struct log_dir_report_dir *dirs;
    int dirs_count;

    struct work work; /* private */
};

void log_dir_report_submit(struct log_dir_report *report);

#endif
