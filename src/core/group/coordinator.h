/*
 * The coordinator of the groups of one partition of __consumer_offsets, for one term of leading it: the
 * classic protocol of Kafka 3.9 (storage-replication-coordinators part 5).
 *
 * Pure: requests, the clock and the outcome of appends come in, effects come out. A request that must wait
 * (JoinGroup for the others, SyncGroup for the leader, a commit for the log) is parked under the caller's
 * token; every token is answered exactly once, at group_coordinator_resign at the latest.
 *
 * A term: group_coordinator_new (requests are told that it loads), the log is read into a group_loader (on
 * any thread), group_coordinator_loaded, requests, group_coordinator_resign, group_coordinator_free. Where a
 * broker has no term there is no coordinator: the calls take NULL for one and say NOT_COORDINATOR.
 *
 * Ownership: requests are borrowed for the call. Effects are to be carried out, or copied, before they are
 * reset; they may gather over several calls. Runs on: whoever owns the coordinator, one at a time.
 */
#ifndef BARNABAS_CORE_GROUP_COORDINATOR_H
#define BARNABAS_CORE_GROUP_COORDINATOR_H

#include "core/group/effects.h"
#include "core/group/history.h"
#include "wire/compress.h"

struct group_coordinator;
struct group_loader;

struct group_config {
    uint64_t seed; /* of member ids: random, so that no id is given twice */
    int32_t offsets_partition;
    int32_t min_session_ms;     /* group.min.session.timeout.ms */
    int32_t max_session_ms;     /* group.max.session.timeout.ms */
    int32_t max_size;           /* group.max.size */
    int32_t initial_delay_ms;   /* group.initial.rebalance.delay.ms */
    int32_t metadata_max;       /* offset.metadata.max.bytes: UTF-16 units, as Kafka counts */
    int64_t retention_ms;       /* offsets.retention.minutes */
    int64_t retention_check_ms; /* offsets.retention.check.interval.ms */
    enum codec codec;           /* offsets.topic.compression.codec */
    size_t batch_max;           /* bytes of a batch that is built at all; the log's limit is far lower */
    size_t tombstones_bytes;    /* tombstones that belong together go in batches of about this size */
    /* Of the values of records: what the oldest broker of the cluster reads. */
    int16_t offset_version;
    int16_t group_version; /* without a place for instances there are no static members */
    int32_t history_count; /* rebalances that are remembered of each group, at least one */
};

/* Kafka's defaults; the seed and the partition are the caller's. */
extern const struct group_config GROUP_CONFIG_DEFAULT;

struct group_time {
    int64_t mono_ms; /* what deadlines go by */
    int64_t wall_ms; /* what records and retention go by; may jump */
};

/* The partition of __consumer_offsets, of so many, that a group's records are in: Java's hash, as Kafka
 * counts. */
int32_t group_partition_of(struct view group_id, int32_t partitions);

/* --- the term ------------------------------------------------------------------------------------------ */

/* Gives a coordinator that is loading (group_coordinator_free). */
struct group_coordinator *group_coordinator_new(const struct group_config *config);
/* Takes what was loaded; `loader` may be freed. From now on requests are served. */
void group_coordinator_loaded(struct group_coordinator *c, struct group_loader *loader,
                              const struct group_time *now, struct group_effects *out);
/* The partition is another's now: whoever waits is told NOT_COORDINATOR, all groups are gone, appends that
 * come home find nobody. Harmless when repeated. */
void group_coordinator_resign(struct group_coordinator *c, const struct group_time *now,
                              struct group_effects *out);
/* NULL is harmless. Only after group_coordinator_resign if anybody waits. */
void group_coordinator_free(struct group_coordinator *c);

/* When group_tick is to be called next, mono_ms; INT64_MAX = not before another call. May be early. */
int64_t group_coordinator_deadline(const struct group_coordinator *c);
/* Sessions, rebalances and offsets whose time is over. */
void group_tick(struct group_coordinator *c, const struct group_time *now, struct group_effects *out);

/* An append with a ticket is acknowledged (ERR_NONE) or failed. Tickets that are not known are passed over.
 */
void group_appended(struct group_coordinator *c, uint64_t ticket, enum err err, int64_t base_offset,
                    const struct group_time *now, struct group_effects *out);

/* --- members ------------------------------------------------------------------------------------------- */

struct group_client {
    struct view id;   /* of the request's header; null counts as empty */
    struct view host; /* as Java writes an address: "/10.0.0.1" */
};

/* Parks or answers with GROUP_EFFECT_JOINED. */
void group_join(struct group_coordinator *c, const struct wire_join_group_request *request, int16_t version,
                const struct group_client *client, uint64_t token, const struct group_time *now,
                struct group_effects *out);
/* Parks or answers with GROUP_EFFECT_SYNCED. */
void group_sync(struct group_coordinator *c, const struct wire_sync_group_request *request, int16_t version,
                uint64_t token, const struct group_time *now, struct group_effects *out);
/* The answer's error. */
enum err group_heartbeat(struct group_coordinator *c, const struct wire_heartbeat_request *request,
                         const struct group_time *now);
/* Fills the answer; its members are the arena's. */
void group_leave(struct group_coordinator *c, const struct wire_leave_group_request *request, int16_t version,
                 const struct group_time *now, struct arena *arena, struct wire_leave_group_response *answer,
                 struct group_effects *out);

/* --- offsets ------------------------------------------------------------------------------------------- */

struct group_commit_offset {
    struct view topic;
    int32_t partition;
    int64_t offset;
    int32_t leader_epoch; /* -1 = none */
    int64_t commit_ms;    /* OffsetCommit v1; -1 = now */
    struct view metadata; /* null counts as empty */
};

/* OffsetCommit and TxnOffsetCommit, without the partitions that were refused before. */
struct group_commit_request {
    struct view group_id;
    struct view member_id;
    struct view instance_id; /* null = dynamic */
    int32_t generation;      /* -1 = none */
    int64_t retention_ms;    /* v2-4; -1 = the broker's */
    int64_t producer_id;     /* -1 = not of a transaction; else its transaction is verified by the caller */
    int16_t producer_epoch;
    const struct group_commit_offset *offsets;
    int32_t offsets_count;
};

/* Parks or answers with GROUP_EFFECT_COMMITTED. A time to expire that is beyond all clocks is never. */
void group_commit(struct group_coordinator *c, const struct group_commit_request *request, uint64_t token,
                  const struct group_time *now, struct group_effects *out);

/* What an error of the log, or of verifying a transaction, is to who commits (5.8). */
enum err group_commit_error(enum err err);

/*
 * A marker of the producer's transaction is in the partition at `marker_offset`, as durable as it must be:
 * what its transaction committed up to there is the groups' now, or gone. While loading it is kept until all
 * is read.
 */
void group_txn_ended(struct group_coordinator *c, int64_t producer_id, bool committed, int64_t marker_offset);

struct group_topic_partitions {
    struct view name;
    const int32_t *partitions;
    int32_t partitions_count;
};

struct group_fetched_offset {
    int32_t partition;
    int64_t offset;       /* -1 = none */
    int32_t leader_epoch; /* -1 = none */
    struct view metadata; /* never null */
    enum err err;
};
struct group_fetched_topic {
    struct view name;
    struct group_fetched_offset *offsets;
    int32_t offsets_count;
};

/*
 * OffsetFetch of one group. `topics_count` -1: all that it has committed. On ERR_NONE the arena holds the
 * answer. With require_stable a partition for which a commit is under way says UNSTABLE_OFFSET_COMMIT.
 * ERR_INVALID_REQUEST: what is listed would fill the arena beyond `arena_max`.
 */
enum err group_fetch_offsets(struct group_coordinator *c, struct view group_id,
                             const struct group_topic_partitions *topics, int32_t topics_count,
                             bool require_stable, struct arena *arena, size_t arena_max,
                             struct group_fetched_topic **fetched, int32_t *fetched_count);

/* OffsetDelete. On ERR_NONE `errs` holds one for each partition of the topics in turn. */
enum err group_delete_offsets(struct group_coordinator *c, struct view group_id,
                              const struct group_topic_partitions *topics, int32_t topics_count,
                              const struct group_time *now, enum err *errs, struct group_effects *out);
/* Partitions that are no more: their offsets go, in every group. */
void group_partitions_gone(struct group_coordinator *c, const struct group_topic_partitions *topics,
                           int32_t topics_count, const struct group_time *now, struct group_effects *out);

/* --- groups -------------------------------------------------------------------------------------------- */

/* DeleteGroups, of one group. */
enum err group_delete(struct group_coordinator *c, struct view group_id, const struct group_time *now,
                      struct group_effects *out);
/* DescribeGroups, of one group: fills all but the authorized operations. */
void group_describe(const struct group_coordinator *c, struct view group_id, struct arena *arena,
                    struct wire_describe_groups_response_described_group *answer);
/* ListGroups: appends this coordinator's groups to the answer, which several fill one after the other, and
 * sets its error while loading. */
void group_list(const struct group_coordinator *c, const struct wire_list_groups_request *request,
                struct arena *arena, struct wire_list_groups_response *answer);
/* The last rebalances of a group, oldest first; ERR_GROUP_ID_NOT_FOUND. Texts are the arena's. */
enum err group_history_of(const struct group_coordinator *c, struct view group_id, struct arena *arena,
                          struct group_rebalance **rebalances, int32_t *count);

enum group_state { GROUP_EMPTY, GROUP_PREPARING, GROUP_COMPLETING, GROUP_STABLE, GROUP_DEAD };
#define GROUP_STATE_COUNT 5

/* Kafka's name: "PreparingRebalance". */
const char *group_state_name(enum group_state state);

/* For metrics; counters since the coordinator was made. */
struct group_counts {
    int64_t groups[GROUP_STATE_COUNT];
    int64_t offsets;
    uint64_t rebalances; /* completed */
    uint64_t commits;    /* that are in the log */
    uint64_t offsets_expired;
    uint64_t offsets_deleted; /* by OffsetDelete */
};
void group_coordinator_counts(const struct group_coordinator *c, struct group_counts *out);

#endif
