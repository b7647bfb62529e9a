/*
 * The group that this broker coordinates, as service/group has it: the real core, in a shell that begins a
 * term when the broker is told to lead the partition, loads it from the log, carries effects out, and ends
 * it when the broker hears that it does not lead any more. There is one partition, and one group in it.
 *
 *   groups.c        terms, effects, appends, timers
 *   groups_load.c   loading
 *   groups_serve.c  requests
 *
 * Bodies of JoinGroup, SyncGroup and Heartbeat are Kafka's. LeaveGroup: the member's id; answered by nothing.
 * OffsetCommit: generation i32, an i64 for each share (-1 = not committed), the member's id; answered by an
 * error i16. OffsetFetch: nothing; answered by an error i16 and, without one, an i64 for each share (-1 =
 * none).
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_GROUPS_H
#define BARNABAS_TESTS_SIM_GROUPS_H

#include "core/group/coordinator.h"
#include "sim/node.h"

#define GROUP_ID          VIEW_LIT("group")
#define GROUP_TOPIC       VIEW_LIT("t") /* whose partitions are the shares; it need not be there */
#define JOIN_VERSION      9
#define SYNC_VERSION      5
#define HEARTBEAT_VERSION 4
#define LEAVE_VERSION     5
#define MEMBER_ID_MAX     80

struct groups {
    struct proc *proc;
    struct group_config config;
    uint64_t term;                         /* counts */
    struct part *part;                     /* while it is led */
    struct group_coordinator *coordinator; /* NULL = not led */
    struct group_effects effects;
    struct group_time now;
    struct list news;    /* of the role, in order */
    struct list appends; /* on their way */
    struct list asks;    /* that wait */
    uint64_t last_append;
    int64_t tick_ms; /* INT64_MAX = not armed */
};

/* A request that is not answered yet; its address is its token. */
struct groups_ask {
    struct list node;
    uint64_t id;
    char member[MEMBER_ID_MAX];
    int32_t generation;
    int64_t values[SIM_SHARES]; /* that are to be committed; -1 = none */
    int32_t promised;           /* groups_check_generation when it came */
};

/* Where this run has a group. */
void groups_begin(struct proc *proc);
void groups_free(struct proc *proc);

/* --- news of the partition: of any, others are passed over --- */

/* `goes_on`: it led it before, in an older epoch. */
void groups_led(struct part *part, bool goes_on);
void groups_lost(struct part *part);

/* --- requests --- */

void groups_serve(struct proc *proc, const struct net_request *request);
/* The effect that answers it. */
void groups_settle(struct groups *groups, struct groups_ask *ask, const struct group_effect *effect);

/* --- among these files --- */

void groups_enter(struct groups *groups);
void groups_carry_out(struct groups *groups);
void groups_load(struct groups *groups);
/* It is about to hear that another leads, or cannot have heard yet: what it says may be old, as with Kafka.
 */
bool groups_may_be_late(const struct groups *groups);

#endif
