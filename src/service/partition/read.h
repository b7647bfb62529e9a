/*
 * Reading a partition for a fetch: where the bytes are, not the bytes themselves.
 *
 *   look   as the holder: checks, finds the slice of the segment, shares its file
 *   slow   on a worker, when finding or reading it would wait for the disk, or when a reader of an
 *          older record format needs it rewritten: a reader of old data stalls neither its loop nor
 *          the others on it
 *
 * Ownership: op and its outputs belong to the request; read_op_close gives the file back.
 * Runs on: the loop of the request, except where said.
 */
#ifndef BARNABAS_SERVICE_PARTITION_READ_H
#define BARNABAS_SERVICE_PARTITION_READ_H

#include "base/arena.h"
#include "base/buf.h"
#include "loop/workers.h"
#include "service/broker.h"
#include "service/partition/partition.h"

struct read_op {
    /* Filled by the caller. */
    struct broker *broker;
    struct partition *part;
    struct uuid topic_id; /* of the topic that is meant; zero = whichever has the name */
    int64_t fetch_offset;
    int32_t max_bytes;
    int32_t current_leader_epoch; /* -1 = not said */
    int32_t last_fetched_epoch;   /* -1 = not said */
    int32_t replica_id;           /* -1 consumer, -2 debugging consumer */
    int64_t replica_epoch;        /* a follower's broker epoch; -1 = not said */
    int64_t replica_start_offset; /* a follower's log start; -1 = not said */
    int64_t now_ms;               /* when the request came */
    bool note_replica;            /* take note of where the follower stands */
    bool read_committed;
    bool min_one;
    const struct replica_ids *rack; /* brokers near the consumer, borrowed; NULL = it reads from the leader */
    bool followers_serve;           /* Fetch v11+: any replica may serve a consumer */
    int8_t max_magic;               /* of records that the reader understands; 0 and 1 need a conversion */
    int32_t copy_max_bytes;         /* slices up to this size are read; larger ones are left in the file */
    struct arena *arena;            /* where to */
    void (*done)(struct read_op *op); /* on the loop that submitted */
    void *arg;

    /* Result. */
    enum err err;
    struct errmsg why;
    struct log_slice slice; /* `file` is shared, NULL when the bytes were read: read_op_close releases it */
    struct view bytes;      /* of a slice that was read or converted */
    int64_t high_watermark;
    int64_t bound_offset; /* up to where this reader may see */
    int64_t last_stable_offset;
    int64_t log_start_offset;
    int32_t leader_id;
    int32_t leader_epoch;
    int32_t preferred_replica; /* >= 0: nothing was read, the consumer is to read there */
    bool on_throttled_list;    /* what a follower gets counts for leader.replication.throttled.rate */
    bool held_back;            /* nothing was read: that rate is exceeded, and the follower not in sync */
    int32_t diverging_epoch;   /* >= 0: the follower's log parts from ours there */
    int64_t diverging_end_offset;

    /* Private. */
    struct partition_op op;
    struct work work;
    struct buf converted;    /* holds bytes, for an old reader */
    int32_t converted_count; /* records that were rewritten for it */
    bool may_convert;        /* message.downconversion.enable */
};

void read_submit(struct read_op *op);
/* Gives the slice back; the op may be submitted again. */
void read_op_close(struct read_op *op);

#endif
