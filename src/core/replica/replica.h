/*
 * What a replica of a partition knows of its role, and what follows from it: pure.
 *
 * The controller says by LeaderAndIsr who leads, in which epoch, with which ISR. This
 * decides whether such a word is newer than what is known, what it changes, what the
 * high watermark may be, and whether an append with acks=all may be accepted.
 * (storage-replication-coordinators 4.1-4.6; KIP-497 for the pending ISR.)
 *
 * Ownership: owns its arrays. Zero-initialised by replica_init.
 * Runs on: the holder of the partition.
 */
#ifndef BARNABAS_CORE_REPLICA_REPLICA_H
#define BARNABAS_CORE_REPLICA_REPLICA_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum replica_role { REPLICA_ROLE_NONE, REPLICA_ROLE_FOLLOWER, REPLICA_ROLE_LEADER };

struct replica_ids {
    int32_t *ids;
    int32_t count;
};

/* What a leader knows of another replica. */
struct replica_remote {
    int32_t broker_id;
    int64_t end_offset; /* -1 = unknown */
    int64_t start_offset;
    int64_t last_caught_up_ms;
    int64_t last_fetch_ms;
    int64_t last_fetch_leader_end; /* our log end when it last fetched */
};

struct replica {
    enum replica_role role;
    int32_t leader_id;       /* -1 = none */
    int32_t leader_epoch;    /* -1 = never told */
    int32_t partition_epoch; /* version of the state znode */
    int32_t controller_epoch;
    int64_t epoch_start_offset; /* leader: log end when its epoch began */
    struct replica_ids assigned;
    struct replica_ids adding;
    struct replica_ids removing;
    struct replica_ids isr;     /* leader: as committed */
    struct replica_ids pending; /* leader: proposed to the controller, not yet answered; count 0 = none */
    struct replica_remote *remotes;
    int32_t remotes_count;
};

/* The part of a LeaderAndIsr request that is about one partition; arrays are borrowed. */
struct replica_command {
    int32_t controller_epoch;
    int32_t leader_id;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct replica_ids isr;
    struct replica_ids assigned;
    struct replica_ids adding;
    struct replica_ids removing;
    bool is_new;
};

void replica_init(struct replica *replica);
void replica_close(struct replica *replica);

/*
 * Whether `command` is to be carried out by broker `my_id`: ERR_NONE, or Kafka's answer for the
 * partition: ERR_STALE_CONTROLLER_EPOCH for an epoch that is not newer, ERR_UNKNOWN_TOPIC_OR_PARTITION
 * when this broker is not among the replicas.
 */
enum err replica_judge(const struct replica *replica, const struct replica_command *command, int32_t my_id);

/*
 * Takes the command over. As leader of a new epoch: the epoch begins at `log_end`, what was known of the
 * other replicas is forgotten, members of the ISR count as caught up at `now_ms`.
 */
void replica_apply(struct replica *replica, const struct replica_command *command, int32_t my_id,
                   int64_t log_end, int64_t now_ms);

/* min.insync.replicas, but never more than there are replicas. */
int32_t replica_effective_min_isr(const struct replica *replica, int32_t min_insync_replicas);
/* May an append with acks=all be accepted? (ERR_NOT_ENOUGH_REPLICAS) */
bool replica_has_min_isr(const struct replica *replica, int32_t min_insync_replicas);

/*
 * The high watermark that a leader may have: the smallest end of all that may count on it, its own
 * `durable_end` included. `current` when it may not move: it never falls within an epoch, and stays while
 * the ISR is below its minimum.
 */
int64_t replica_high_watermark(const struct replica *replica, int32_t my_id, int64_t durable_end,
                               int64_t current, int32_t min_insync_replicas);

/* Kafka's answer to a request that was made for leader epoch `epoch` (-1 = it did not say). */
enum err replica_check_epoch(const struct replica *replica, int32_t epoch);

bool replica_ids_contain(const struct replica_ids *ids, int32_t id);

#endif
