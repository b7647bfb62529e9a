/*
 * Inside of the groups' shell: slots, appends, loads.
 *
 * Runs on: the holder, except where said.
 */
#ifndef BARNABAS_SERVICE_GROUP_GROUPS_INTERNAL_H
#define BARNABAS_SERVICE_GROUP_GROUPS_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "service/group/groups.h"
#include "service/partition/partition.h"

/* One partition of the topic; stays once it was led. */
struct groups_slot {
    struct groups *groups;
    int32_t index;
    uint64_t term;                         /* counts: what was begun in another finds it out by this */
    struct group_coordinator *coordinator; /* NULL = not led */
    struct partition *part;                /* shared while led */
    struct groups_timer tick;
    struct groups_timer load_again;
    uint64_t load_again_term; /* the one that it is for */
};

struct groups {
    struct broker *broker;
    struct loop *loop; /* of timers and loads */
    struct groups_hold hold;
    struct group_config config;
    int16_t commit_acks;
    int32_t commit_timeout_ms;
    int32_t load_bytes;
    _Atomic int32_t partitions; /* as first seen in the metadata; 0 = not yet */
    struct map slots;           /* index: groups_slot */
    struct group_effects effects;
    struct group_time now;
    struct groups_timer count_timer; /* of the metrics */
    struct groups_ask count;         /* is on its way to them */
    atomic_bool is_counting;
    struct group_counts sum;   /* what it says */
    struct group_counts told;  /* counters as the metrics have them; groups' loop */
    struct group_counts ended; /* counters of terms that are over */
    bool stopped;
};

/* Looks at the clock. */
void groups_enter(struct groups *groups);
/* Carries out what has gathered; `slot` NULL: nobody coordinates, there are only answers. */
void groups_carry_out(struct groups *groups, struct groups_slot *slot);
/* The slot, if its term still lasts; else NULL. */
struct groups_slot *groups_slot_of_term(struct groups *groups, int32_t index, uint64_t term);

/* --- appends (group_append.c) */

void group_append_begin(struct groups_slot *slot, const struct group_append_wish *wish);

/* --- metrics (group_metrics.c) */

void group_metrics_init(struct groups *groups);
/* Something may have changed: it is counted in a moment. */
void group_metrics_touch(struct groups *groups);
/* A coordinator is about to go: its counters stay. */
void group_metrics_keep(struct groups *groups, const struct group_coordinator *coordinator);
void group_metrics_loaded(struct groups *groups, int64_t ms);

/* --- loads (group_load.c) */

/* Reads the partition from its beginning; tried again for as long as the term lasts. */
void group_load_begin(struct groups_slot *slot);
/* It is time to try again. */
void group_load_again(struct groups_timer *timer);

#endif
