/*
 * Finding offsets in a partition: by time, by epoch, earliest and latest (ListOffsets,
 * OffsetForLeaderEpoch).
 *
 * What needs the disk runs on a worker, as the partition's holder; what does not comes
 * home at once.
 *
 * Ownership: the op lives in the request's memory until done.
 * Runs on: the loop that submitted.
 */
#ifndef BARNABAS_SERVICE_PARTITION_LOOKUP_H
#define BARNABAS_SERVICE_PARTITION_LOOKUP_H

#include "loop/workers.h"
#include "service/broker.h"
#include "service/partition/partition.h"

enum lookup_kind {
    LOOKUP_LATEST,
    LOOKUP_EARLIEST,
    LOOKUP_MAX_TIMESTAMP,
    LOOKUP_TIMESTAMP, /* first record at or after `timestamp` */
    LOOKUP_TIERED,    /* highest offset in remote storage: there is none */
    LOOKUP_LEGACY,    /* ListOffsets v0: a list of segment offsets */
    LOOKUP_EPOCH_END  /* where leader epoch `epoch` ends */
};

struct lookup_op {
    /* Filled by the caller. */
    struct broker *broker;
    struct partition *part;
    enum lookup_kind kind;
    int64_t timestamp;
    int32_t epoch;
    int32_t current_leader_epoch;
    int32_t replica_id;
    bool read_committed;
    int32_t legacy_max; /* LOOKUP_LEGACY: room in legacy_offsets */
    int64_t *legacy_offsets;
    void (*done)(struct lookup_op *op);
    void *arg;

    /* Result. */
    enum err err;
    struct errmsg why;
    int64_t offset; /* -1 = none */
    int64_t result_timestamp;
    int32_t leader_epoch;
    int32_t legacy_count;

    /* Private. */
    int64_t now_ms; /* wall clock */
    struct partition_op op;
    struct work work;
};

void lookup_submit(struct lookup_op *op);

#endif
