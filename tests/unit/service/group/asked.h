/*
 * Requests to the coordinators of groups, as api/ asks them: sent from a network loop, answered there.
 *
 * Runs on: the test's thread.
 */
#ifndef BARNABAS_TESTS_UNIT_SERVICE_GROUP_ASKED_H
#define BARNABAS_TESTS_UNIT_SERVICE_GROUP_ASKED_H

#include "rig.h"
#include "service/group/groups.h"

/* What to ask; what was answered. */
struct asked {
    const char *group;
    const char *member;   /* NULL = "" */
    const char *instance; /* of a JoinGroup; NULL = dynamic */
    int32_t generation;   /* 0 = -1 */
    int32_t session_ms;   /* of a JoinGroup; 0 = 60000 */
    int32_t partition;    /* of topic "orders" */
    int64_t offset;       /* to commit */
    const char *metadata; /* with it; NULL = "" */

    enum err err;
    char member_id[100];
    int32_t given_generation;
    int64_t fetched; /* -1 = none */
    char state[24];  /* of a description */

    /* Private. */
    struct rig *rig;
    struct groups_ask ask;
    void (*run)(struct asked *asked, struct groups_turn *turn);
    bool waits; /* for an effect */
    pthread_mutex_t lock;
    pthread_cond_t cond;
    int done;
};

typedef void asked_run(struct asked *asked, struct groups_turn *turn);

/* JoinGroup v3 of a new member, or of one that rejoins; SyncGroup with "m" for the member itself; ... */
asked_run asked_join, asked_sync, asked_heartbeat, asked_commit, asked_fetch, asked_describe, asked_delete;

void asked_begin(struct asked *asked, struct rig *rig, asked_run *run);
bool asked_is_done(struct asked *asked);
/* Waits for the answer, which comes once; gives its error. */
enum err asked_await(struct asked *asked);
/* Begin and await. */
enum err asked_now(struct asked *asked, struct rig *rig, asked_run *run);

#endif
