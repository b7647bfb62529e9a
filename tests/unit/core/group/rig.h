/*
 * A coordinator with a log beside it: appends go into a buffer and are acknowledged at once, or when the test
 * says; the coordinator can be replaced by one that loads that log. Time stands unless it is moved.
 *
 * Answers stay valid until rig_close.
 */
#ifndef BARNABAS_TESTS_UNIT_CORE_GROUP_RIG_H
#define BARNABAS_TESTS_UNIT_CORE_GROUP_RIG_H

#include <check.h>

#include "base/buf.h"
#include "core/group/coordinator.h"
#include "core/group/loader.h"
#include "core/group/records.h"

#define RIG_NOON_MS    1700000000000
#define RIG_TOKENS_MAX 4096
#define RIG_HELD_MAX   64

struct rig_held {
    uint64_t ticket;
    int64_t base_offset;
};

struct rig {
    struct group_config config;
    struct group_coordinator *c;
    struct group_time now;
    struct group_effects out;
    int32_t seen;   /* effects that were looked at */
    struct buf log; /* whole batches with their offsets */
    int64_t log_end;
    int64_t last_batch_at; /* where the newest batch begins in `log` */
    int appended;          /* batches */
    bool holds;            /* appends with a ticket wait for rig_ack */
    enum err refuse;       /* the next append fails with this, and is not in the log */
    struct rig_held held[RIG_HELD_MAX];
    int held_count;
    uint64_t tokens;                   /* given so far */
    int32_t answer_of[RIG_TOKENS_MAX]; /* effect that answered, -1 = none */
    struct arena arena;
};

/* No initial delay unless the test wants one: `config` may be changed before rig_start. */
void rig_open(struct rig *rig);
/* A coordinator that has loaded the log. */
void rig_start(struct rig *rig);
/* rig_open and rig_start. */
void rig_begin(struct rig *rig);
void rig_close(struct rig *rig);
/* The partition is lost and won again: what was appended is loaded. */
void rig_restart(struct rig *rig);

/* Time passes; what it brings happens in its order. */
void rig_wait(struct rig *rig, int64_t ms);
/* The oldest append that waits is home. */
void rig_ack(struct rig *rig, enum err err);
void rig_ack_all(struct rig *rig);

/* Requests that wait for their answer. */
int rig_waiting(const struct rig *rig);

struct rig_join {
    const char *group;        /* NULL = "g" */
    const char *member;       /* NULL = "" */
    const char *instance;     /* NULL = dynamic */
    const char *protocols[4]; /* "name" or "name=metadata"; none = "range=m" */
    const char *type;         /* NULL = "consumer" */
    const char *reason;
    const char *client;   /* NULL = "client" */
    int32_t session_ms;   /* 0 = 10000 */
    int32_t rebalance_ms; /* 0 = 60000 */
    int16_t version;      /* 0 = 9; -1 = 0 */
};

/* Gives the token. */
uint64_t rig_join(struct rig *rig, struct rig_join join);
/* The answer; NULL while it is parked. */
const struct wire_join_group_response *rig_joined(const struct rig *rig, uint64_t token);
/* A new dynamic member: asks, is given an id, joins with it. Gives the token of the second request. */
uint64_t rig_enter(struct rig *rig, struct rig_join join, char id[100]);

/* `assignments`: "member=what,member=what"; NULL = none, as a follower. */
uint64_t rig_sync(struct rig *rig, const char *group, const char *member, int32_t generation,
                  const char *assignments);
const struct wire_sync_group_response *rig_synced(const struct rig *rig, uint64_t token);
enum err rig_heartbeat(struct rig *rig, const char *group, const char *member, int32_t generation);
/* The member's error. */
enum err rig_leave(struct rig *rig, const char *group, const char *member, const char *instance);

/* A stable group of so many members, the first of which leads; gives the generation. */
int32_t rig_stable(struct rig *rig, const char *group, int count, char ids[][100]);

struct rig_commit {
    const char *group;    /* NULL = "g" */
    const char *member;   /* NULL = "" */
    const char *instance; /* NULL = dynamic */
    const char *topic;    /* NULL = "t" */
    const char *metadata;
    int32_t generation; /* 0 = -1: none */
    int32_t partition;
    int64_t offset;
    int64_t retention_ms; /* 0 = -1 */
    int64_t commit_ms;    /* 0 = -1 */
    int64_t producer_id;  /* 0 = -1 */
};
uint64_t rig_commit(struct rig *rig, struct rig_commit commit);
bool rig_is_committed(const struct rig *rig, uint64_t token);
/* The error of the first offset; the answer must be there. */
enum err rig_commit_err(const struct rig *rig, uint64_t token);
/* A commit that must succeed at once. */
void rig_commit_ok(struct rig *rig, struct rig_commit commit);
/* A marker in the log, and the coordinator hears of it. */
void rig_end_txn(struct rig *rig, int64_t producer_id, bool committed);

/* -1 = none. */
int64_t rig_fetch(struct rig *rig, const char *group, const char *topic, int32_t partition);
enum err rig_fetch_err(struct rig *rig, const char *group, const char *topic, int32_t partition, bool stable);

/* "Empty", ... as DescribeGroups says. */
const char *rig_state(struct rig *rig, const char *group);
struct wire_describe_groups_response_described_group *rig_describe(struct rig *rig, const char *group);

/* Appends to the log what others wrote there. */
void rig_log_record(struct rig *rig, struct view key, struct view value);
/* The newest batch. */
struct view rig_last_batch(const struct rig *rig);

#endif
