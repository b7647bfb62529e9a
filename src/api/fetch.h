/*
 * The state of one Fetch on its way (api/fetch.c); lives in the request's arena.
 * Runs on: the loop of the request.
 */
#ifndef BARNABAS_API_FETCH_H
#define BARNABAS_API_FETCH_H

#include "api/api.h"
#include "core/fetch/fetch_sessions.h"
#include "service/partition/read.h"
#include "service/watch.h"
#include "wire/fetch_codec.h"

struct fetch_part {
    struct view topic;
    struct uuid topic_id;
    int32_t partition;
    int64_t fetch_offset;
    int64_t log_start_offset; /* of a follower's log; -1 = not said */
    int32_t max_bytes;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    struct fetch_session_part *session_part; /* of a session that is held; NULL without one */
    enum err err;                            /* known before anything is read: an unknown topic id */
    struct partition *part;                  /* shared during a pass and the wait after it */
    struct read_op read;
    enum err read_err;
    struct watch watch;
};

struct fetch_state {
    struct api_call *call;
    int32_t replica_id;
    int64_t replica_epoch;   /* of a follower's broker; -1 = not said */
    struct replica_ids rack; /* brokers in the consumer's rack, for it to be sent to; none = to nobody */
    bool read_committed;
    int64_t min_bytes;
    int64_t max_bytes;
    struct fetch_part *parts;
    int count;
    struct fetch_session *session; /* held; NULL = none */
    bool incremental;
    const struct wire_fetch_response *answer;
    struct fetch_part **answered; /* the parts of the answer, in its order */

    /* The present pass. */
    int next;
    int64_t bytes;
    int64_t bytes_left;
    bool is_first;    /* later ones look again at what was asked before */
    bool must_answer; /* an error or a divergence: waiting would change nothing */
    bool reading;     /* the read of `next` is away */
    bool in_pass;

    /* Waiting. */
    struct loop_timer timeout;
    struct loop_deferred again;
    bool timed_out;
    bool waits; /* counted among those that wait */
    bool arming;
    bool woken;
    int watches_away;
};

/* Sends what the last pass found. Ends the call. */
void fetch_answer(struct fetch_state *state);

#endif
