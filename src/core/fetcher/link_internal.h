/*
 * The inside of a link, for the files of this room: fetch_link.c (partitions), plan.c (requests and the
 * session), answer.c (answers).
 */
#ifndef BARNABAS_CORE_FETCHER_LINK_INTERNAL_H
#define BARNABAS_CORE_FETCHER_LINK_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "core/fetcher/fetch_link.h"

enum part_state {
    PART_TRUNCATE, /* the leader is to be asked where our latest epoch ends */
    PART_TRUNCATE_ASKED,
    PART_READY,
    PART_ASKED, /* it is in the Fetch that is out, or in its session: present position, present epoch */
    PART_BUSY,  /* the shell has an action */
    PART_LOOK,  /* out of range: the leader's end or start is to be asked for */
    PART_LOOK_ASKED,
    PART_FAILED
};

struct fetch_link_part {
    struct list node; /* order of fairness: what brought records goes to the back */
    char *topic;
    struct uuid topic_id; /* zero = none */
    int32_t index;
    int32_t leader_epoch;
    uint32_t generation; /* counts set and remove */
    enum part_state state;
    bool look_for_start; /* LOOK: the end is known and not below ours */
    bool gone;           /* removed; stays while the session or an action knows it */
    int actions;         /* not done, of this generation or an earlier one */
    void *user;
    int64_t delayed_until_ms;
    int not_yet; /* times in a row that the leader had not heard of its role */
    struct follower_log log;
    int64_t seen_high_watermark; /* of the leader, as last taken over; -1 = none */
    int64_t seen_start;
    enum err last_error; /* that was logged */

    /* What the session knows of it. */
    bool in_session;
    int32_t sent_leader_epoch;
    struct follower_log sent;
};

struct fetch_link {
    struct fetch_link_config config;
    struct map by_name; /* key: topic, index */
    struct map by_id;   /* key: topic id, index; those that have one and are not gone */
    struct list order;
    int count;   /* that are not gone */
    int actions; /* not done */
    enum fetch_link_wish out;
    bool over_quota;          /* as the last plan was told */
    int64_t delayed_until_ms; /* all of them */
    int64_t fetches;

    int32_t session_id;    /* 0 = none */
    int32_t session_epoch; /* of the next request; 0 = a full one */
    bool full;             /* the request that is out is */
    bool uses_ids;         /* as is the session */
    int refusals;          /* of sessions, one after the other */
};

/* NULL when it is unknown. A topic without an id is found by name. */
struct fetch_link_part *link_find(const struct fetch_link *link, struct view topic, int32_t index);
struct fetch_link_part *link_find_by_id(const struct fetch_link *link, struct uuid id, int32_t index);
/* Frees removed partitions that nobody knows any more. */
void link_reap(struct fetch_link *link);
/* The next Fetch is a full one; `close` ends the old session by it. */
void link_restart_session(struct fetch_link *link, bool close);
/* Does the leader not tell by itself where the logs part? */
bool link_asks_epochs(const struct fetch_link *link);
void link_delay(struct fetch_link *link, struct fetch_link_part *part, enum part_state state, int64_t now_ms);

#endif
