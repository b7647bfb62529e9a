/*
 * The groups that this broker coordinates: one core/group coordinator for each partition of
 * __consumer_offsets that it leads, and what carries their effects out.
 *
 *   role gained --> coordinator (loading) --> the log is read on a worker --> requests are served
 *   role lost   --> who waits is told NOT_COORDINATOR, the coordinator is gone
 *
 * All coordinators are one monitor, which loops share without waiting for each other (groups_hold.h): a
 * request is a groups_ask of the loop that read it, and is as a rule run there and then. Timers, loads and
 * what the controller says come from one loop, broker->groups_loop.
 *
 * Ownership: owns coordinators; shares the partitions that it leads.
 * Runs on: as marked; "holder" is whatever loop holds the monitor.
 */
#ifndef BARNABAS_SERVICE_GROUP_GROUPS_H
#define BARNABAS_SERVICE_GROUP_GROUPS_H

#include "core/group/coordinator.h"
#include "loop/loop.h"
#include "service/broker.h"
#include "service/group/groups_hold.h"

#define GROUPS_TOPIC "__consumer_offsets"

struct groups;
struct partition;
struct wire_update_metadata_request;

/* Settings are read now. Gives it (groups_free). */
struct groups *groups_new(struct broker *broker);
/* Resigns everything; who waits is told. The loops run. Blocks; not on a loop. */
void groups_stop(struct groups *groups);
/* After the loops were joined, before the replica manager is freed. NULL is harmless. */
void groups_free(struct groups *groups);

/* --- news of partitions: of any topic, others are passed over; any thread ------------------------------- */

/* This broker leads it and serves; `goes_on`: it did so before, in an older epoch. NULL `groups`, where there
 * are none, hears nothing. */
void groups_partition_led(struct groups *groups, struct partition *part, bool goes_on);
/* It does not lead it any more, or its log is gone. */
void groups_partition_lost(struct groups *groups, struct partition *part);
/* Offsets of partitions that are being deleted go. */
void groups_metadata_changed(struct groups *groups, const struct wire_update_metadata_request *request);

/* Of how many partitions the topic is, as long as this broker knows of it; else of how many it would be made.
 * On a loop. */
int32_t groups_partitions(struct groups *groups);

/* --- requests --------------------------------------------------------------------------------------------
 */

/* Embedded in the request's own memory until `done` has run. */
struct groups_ask {
    /* By the holder. True: it is answered. False: it waits for an effect, with the ask as its token. */
    bool (*run)(struct groups_ask *ask);
    /* By the holder: the effect that it waited for; what it points at is valid during the call. */
    void (*settled)(struct groups_ask *ask, const struct group_effect *effect);
    /* On `home`, once, not by the holder. */
    void (*done)(struct groups_ask *ask);
    struct loop *home;

    /* Private. */
    struct groups *groups;
    struct groups_op op;
    struct loop_message message;
};

/* On a loop; `done` may run before this returns. */
void groups_ask(struct groups *groups, struct groups_ask *ask);

/* For `run`: one call of a coordinator. */
struct groups_turn {
    struct group_coordinator *coordinator; /* NULL: the group is another broker's */
    const struct group_time *now;
    struct group_effects *out;
    struct groups_slot *slot; /* private */
};

/* Between the two: one or several calls of the coordinator of this group. */
struct groups_turn groups_begin(struct groups *groups, struct view group_id);
/* Carries the effects out. */
void groups_end(struct groups *groups, const struct groups_turn *turn);
/* All coordinators one after the other; `it` begins at 0. NULL after the last. */
struct group_coordinator *groups_next(struct groups *groups, size_t *it);

static inline uint64_t groups_token(struct groups_ask *ask)
{
    return (uint64_t)(uintptr_t)ask;
}

#endif
