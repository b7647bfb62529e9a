/*
 * The last rebalances of a group: who caused each and why, and how long each phase took.
 *
 * Ownership: the history owns its texts. Zero-initialised is empty and valid.
 * Runs on: whoever owns the group.
 */
#ifndef BARNABAS_CORE_GROUP_HISTORY_H
#define BARNABAS_CORE_GROUP_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/view.h"

enum group_cause {
    GROUP_CAUSE_JOIN,            /* a member came */
    GROUP_CAUSE_LEAVE,           /* a member left, or was removed by an administrator */
    GROUP_CAUSE_SESSION_TIMEOUT, /* a member was not heard of */
    GROUP_CAUSE_SYNC_TIMEOUT,    /* a member did not fetch its assignment */
    GROUP_CAUSE_METADATA,        /* a member wants something else */
    GROUP_CAUSE_LEADER,          /* the leader joined again: what it assigns may have changed */
    GROUP_CAUSE_STATIC_MEMBER,   /* a static member came back in the middle, or with another protocol */
    GROUP_CAUSE_WRITE_FAILED,    /* the assignment could not be stored */
    GROUP_CAUSE_OVER_CAPACITY    /* loaded with more members than group.max.size allows */
};

enum group_outcome {
    GROUP_OUTCOME_RUNNING,
    GROUP_OUTCOME_STABLE,
    GROUP_OUTCOME_EMPTY,
    GROUP_OUTCOME_RESTARTED /* before everybody had its assignment */
};

struct group_rebalance {
    enum group_cause cause;
    enum group_outcome outcome;
    struct view member; /* who caused it; empty where nobody did */
    struct view reason; /* in the client's words; empty = it gave none */
    int64_t began_ms;   /* wall clock */
    int32_t generation; /* that came of it; before that the old one */
    int32_t members;    /* of that generation */
    int64_t join_ms;    /* until all had joined, or the time was over; -1 = not reached */
    int64_t assign_ms;  /* from there until the leader's assignment; -1 likewise */
    int64_t write_ms;   /* from there until it was stored; -1 likewise */
};

const char *group_cause_name(enum group_cause cause);
const char *group_outcome_name(enum group_outcome outcome);

struct group_history {
    struct group_rebalance *items; /* a ring of `cap`, the newest at `next - 1` */
    int32_t cap;
    int32_t count;
    int32_t next;
    int64_t phase_ms; /* monotonic: when the present phase of the newest began */
};

void group_history_close(struct group_history *history);

/* A rebalance begins; the oldest goes when there are `limit` (> 0). Texts are cut. */
void group_history_begin(struct group_history *history, int32_t limit, enum group_cause cause,
                         struct view member, struct view reason, int32_t generation, int64_t mono_ms,
                         int64_t wall_ms);
/* The newest, if it runs; NULL otherwise. */
struct group_rebalance *group_history_running(struct group_history *history);
/* Milliseconds since the phase began; the next one begins. */
int64_t group_history_phase(struct group_history *history, int64_t mono_ms);
/* The i-th, oldest first. */
const struct group_rebalance *group_history_at(const struct group_history *history, int32_t i);

#endif
