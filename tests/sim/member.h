/*
 * A member of the group: joins, brings the assignment if it leads, heartbeats, asks what is committed for its
 * shares and commits. Now and then it stands still for longer than its session lasts, or commits in a
 * generation that is over, or in nobody's name.
 *
 * Runs on: the one thread.
 */
#ifndef BARNABAS_TESTS_SIM_MEMBER_H
#define BARNABAS_TESTS_SIM_MEMBER_H

#include "sim/groups.h"

#define MEMBER_NOBODY "nobody"

enum member_state { MEMBER_OUT, MEMBER_JOINING, MEMBER_SYNCING, MEMBER_IN };

struct member {
    struct sim *sim;
    int endpoint;
    struct net_conn *conns[SIM_BROKERS_MAX + 1];
    int coordinator; /* -1 = not known */
    int32_t coordinator_epoch;
    bool asks_metadata;

    enum member_state state;
    char id[MEMBER_ID_MAX]; /* empty = none yet */
    int32_t generation;
    unsigned shares;  /* by bit */
    uint64_t turn;    /* rises with the state: an answer of an earlier one counts no more */
    bool knows;       /* what is committed for its shares */
    bool beats;       /* a heartbeat is out */
    bool commits;     /* a commit, or the question before the first */
    int64_t wakes_us; /* it stands still until then */
    bool rests;       /* it commits no more, when one went through since all is healed */
    int committed_since_healed;
};

/* Begins to live. */
void member_begin(struct member *member);
struct net_conn *member_conn(struct member *member, int broker);
bool member_has_share(struct view assignment, int share);

#endif
