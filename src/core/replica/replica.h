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
    int64_t last_caught_up_ms;     /* REPLICA_NEVER_MS = not in this epoch */
    int64_t last_fetch_ms;         /* likewise */
    int64_t fetch_before_ms;       /* the one before that, likewise */
    int64_t steady_from_ms;        /* the first time that is as far from the last gap as a gap is long */
    int64_t last_fetch_leader_end; /* our log end when it last fetched; -1 = it has not */
    int64_t broker_epoch;          /* as it said with its last Fetch; -1 = it did not */
};

/* So long ago that nothing is within a lag of it; monotonic clocks may begin at 0. */
#define REPLICA_NEVER_MS (INT64_MIN / 4)

enum replica_isr_state {
    REPLICA_ISR_COMMITTED,
    REPLICA_ISR_GROWS,  /* pending = isr and one more */
    REPLICA_ISR_SHRINKS /* pending = isr without some */
};

struct replica {
    enum replica_role role;
    int32_t leader_id;       /* -1 = none */
    int32_t leader_epoch;    /* -1 = never told */
    bool leader_unknown;     /* its broker was not known to be alive when the role was taken */
    int32_t partition_epoch; /* version of the state znode */
    int32_t controller_epoch;
    int64_t epoch_start_offset; /* leader: log end when its epoch began */
    struct replica_ids assigned;
    struct replica_ids adding;
    struct replica_ids removing;
    struct replica_ids isr;     /* leader: as committed */
    struct replica_ids pending; /* leader: proposed to the controller, not yet answered */
    enum replica_isr_state isr_state;
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
    bool leader_unknown; /* another broker, not alive as far as is known */
};

void replica_init(struct replica *replica);
void replica_close(struct replica *replica);

/*
 * Whether `command` is to be carried out by broker `my_id`: ERR_NONE, or Kafka's answer for the
 * partition: ERR_STALE_CONTROLLER_EPOCH for an epoch that is not newer (but for the next word of the same
 * epoch on a leader that was unknown, or after a StopReplica, of no older state), or
 * ERR_UNKNOWN_TOPIC_OR_PARTITION when this broker is not among the replicas.
 */
enum err replica_judge(const struct replica *replica, const struct replica_command *command, int32_t my_id);

/*
 * Takes the command over. As leader of a new epoch: the epoch begins at `log_end`, members of the ISR count
 * as caught up at `now_ms`, the others as never; what a leader that goes on leading in the very next epoch
 * knows of the others' ends stays. What was proposed is void.
 */
void replica_apply(struct replica *replica, const struct replica_command *command, int32_t my_id,
                   int64_t log_end, int64_t now_ms);
/* A StopReplica: neither leads nor follows until it is told again, in `leader_epoch` or later; < 0: it is not
 * known in which. */
void replica_stop(struct replica *replica, int32_t leader_epoch);

/* min.insync.replicas, but never more than there are replicas. */
int32_t replica_effective_min_isr(const struct replica *replica, int32_t min_insync_replicas);
/* May an append with acks=all be accepted? (ERR_NOT_ENOUGH_REPLICAS) */
bool replica_has_min_isr(const struct replica *replica, int32_t min_insync_replicas);

/* How long a replica may stay behind, and when that is asked. Monotonic ms. */
struct replica_lag {
    int64_t now_ms;
    int64_t max_ms; /* replica.lag.time.max.ms */
    /* May the broker come into an ISR: is it alive? Asked of those outside it that would hold back. */
    bool (*is_alive)(const void *arg, int32_t broker_id);
    const void *arg;
};

/*
 * The high watermark that a leader may have (4.2): the smallest end of the maximal ISR, its own `durable_end`
 * included, and of those that are about to join it: caught up and alive. `current` when it may not move: it
 * never falls within an epoch, and stays while the committed ISR is below its minimum.
 */
int64_t replica_high_watermark(const struct replica *replica, int64_t durable_end, int64_t current,
                               int32_t min_insync_replicas, const struct replica_lag *lag);

/*
 * The high watermark that a follower may have when its leader tells its own. A new leader may not know yet
 * how far the one before it had come, and is behind what this replica was told: what is committed stays
 * committed.
 */
int64_t replica_high_watermark_of_follower(int64_t current, int64_t of_leader);

/* --- the leader and its followers (4.1, 4.5; KIP-497) --- */

/* A follower asked for records from `offset` on: it has everything below, as durably as it promises. */
struct replica_fetch {
    int32_t broker_id;
    int64_t broker_epoch; /* -1 = the request's version has none */
    int64_t offset;
    int64_t start_offset; /* of its log */
    int64_t now_ms;       /* when the request came; monotonic, as all times here */
    int64_t gap_ms;       /* longer since the fetch before is a gap, see replica_is_followed */
    int64_t leader_end;   /* our log end */
};

/* What changed with a fetch. */
struct replica_progress {
    bool end_moved;   /* the high watermark may move */
    bool start_moved; /* the low watermark may */
};

/* The broker is among the other replicas. */
bool replica_has_follower(const struct replica *replica, int32_t broker_id);
/* The epoch of its broker, as it said last; -1 = it did not. */
int64_t replica_follower_epoch(const struct replica *replica, int32_t broker_id);
/*
 * Takes note of it. False when the broker is not among the other replicas, or when a later life of that
 * broker has fetched already: nothing was noted.
 */
bool replica_note_fetch(struct replica *replica, const struct replica_fetch *fetch,
                        struct replica_progress *progress);

/* May the replica be proposed for the ISR: outside, up to the high watermark and past the beginning of this
 * epoch, nothing proposed at present? Whether its broker is alive is the caller's to know. */
bool replica_may_join(const struct replica *replica, int32_t broker_id, int64_t high_watermark);
/*
 * Members of the committed ISR that are not caught up: neither at our end nor within the lag. Gives how many,
 * in `out` with room for all. 0 while something is proposed, and for who does not lead.
 */
int32_t replica_laggards(const struct replica *replica, int32_t my_id, int64_t leader_end, int64_t now_ms,
                         int64_t lag_max_ms, int32_t *out);

/*
 * Do all other members of the ISR fetch: twice at least in this epoch, the last time no more than `gap_ms`
 * ago, and without a gap for as long? Whom they have left may have been deposed without having heard of it,
 * as a process that stood still; it finds several fetches of each in its sockets then, one of every
 * connection that was tried meanwhile, and takes them all for new.
 */
bool replica_is_followed(const struct replica *replica, int32_t my_id, int64_t now_ms, int64_t gap_ms);

/* What is proposed now is pending, and counts as the maximal ISR. Only where nothing is proposed. */
void replica_propose_join(struct replica *replica, int32_t broker_id);
void replica_propose_leave(struct replica *replica, const int32_t *ids, int32_t count);

/* The controller's word on what was proposed at (leader_epoch, partition_epoch). */
struct replica_isr_answer {
    enum err err;
    int32_t asked_leader_epoch; /* as it was proposed: an answer to something older is passed over */
    int32_t asked_partition_epoch;
    int32_t leader_epoch;
    int32_t partition_epoch;
    struct replica_ids isr; /* borrowed */
};
enum replica_isr_next {
    REPLICA_ISR_TAKEN,  /* committed as answered: the high watermark may move */
    REPLICA_ISR_BACK,   /* refused for good, back to what was committed: the normal triggers try again */
    REPLICA_ISR_AGAIN,  /* propose the same again, after a moment */
    REPLICA_ISR_STUCK,  /* pending until the next LeaderAndIsr */
    REPLICA_ISR_IGNORED /* the answer is about something that a LeaderAndIsr has overtaken */
};
enum replica_isr_next replica_isr_answered(struct replica *replica, const struct replica_isr_answer *answer);

/* Size of the maximal ISR: committed and proposed members. */
int32_t replica_maximal_isr_count(const struct replica *replica);
/* Was an append that is below the high watermark acknowledged by enough? (4.4.5) */
bool replica_has_min_maximal_isr(const struct replica *replica, int32_t min_insync_replicas);

/* Kafka's answer to a request that was made for leader epoch `epoch` (-1 = it did not say). */
enum err replica_check_epoch(const struct replica *replica, int32_t epoch);

bool replica_ids_contain(const struct replica_ids *ids, int32_t id);
void replica_ids_close(struct replica_ids *ids);
/* Replaces `to` by a copy. */
void replica_ids_copy(struct replica_ids *to, const struct replica_ids *from);

#endif
