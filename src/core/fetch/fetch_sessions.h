/*
 * Incremental fetch sessions (KIP-227): a client names its partitions once, later requests
 * say only what changed, and answers leave out what has no news. Pure.
 *
 * One cache belongs to one loop. A session lives where it was made: a client that asks for
 * it elsewhere is told FETCH_SESSION_ID_NOT_FOUND and makes a new one, as after an eviction.
 *
 * A session that a waiting request uses is held (fetch_session_hold): it may be closed
 * meanwhile, but its memory and its partitions' stay until it is let go.
 *
 * Ownership: the cache owns sessions, a session its partitions.
 * Runs on: whoever owns the cache.
 */
#ifndef BARNABAS_CORE_FETCH_FETCH_SESSIONS_H
#define BARNABAS_CORE_FETCH_FETCH_SESSIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"
#include "base/map.h"
#include "base/prng.h"
#include "base/uuid.h"

struct wire_fetch_request;
struct wire_fetch_request_fetch_topic;
struct wire_fetch_request_fetch_partition;

#define FETCH_SESSION_NONE     0
#define FETCH_EPOCH_INITIAL    0
#define FETCH_EPOCH_FINAL      (-1)
#define FETCH_SESSION_STALE_MS 120000 /* not used for so long: may be evicted by anyone */

/* One partition of a session. */
struct fetch_session_part {
    struct list node; /* order of the answers; in `dropped` after it was forgotten */
    char *topic;      /* "" when the client names topics by id */
    struct uuid topic_id;
    int32_t partition;
    int64_t fetch_offset;
    int64_t log_start_offset; /* of a follower's log; -1 = not said */
    int32_t max_bytes;
    int32_t current_leader_epoch;
    int32_t last_fetched_epoch;
    /* What the client was told last; -1 = tell it again. */
    int64_t sent_high_watermark;
    int64_t sent_log_start;
};

struct fetch_session {
    struct list node; /* least recently used first */
    int32_t id;
    int32_t epoch;   /* the next one expected */
    bool privileged; /* a follower's */
    bool uses_ids;
    bool closed;
    int holds;
    int64_t created_ms;
    int64_t last_used_ms;
    struct map parts; /* key -> part */
    struct list order;
    struct list dropped; /* forgotten while held */
    int count;
};

struct fetch_sessions {
    int max;
    struct prng prng;
    struct map by_id;
    struct list lru;
    int64_t evicted_count; /* for metrics */
    int64_t parts_count;
};

void fetch_sessions_init(struct fetch_sessions *cache, int max, uint64_t seed);
void fetch_sessions_close(struct fetch_sessions *cache);

/*
 * A request with (session_id, session_epoch) has come. Three outcomes:
 *   *session NULL, ERR_NONE       no session: answer every partition of the request
 *   *session set, *full           a new session over the partitions of the request
 *   *session set, not full        an old session, updated by the request
 * ERR_FETCH_SESSION_ID_NOT_FOUND, ERR_INVALID_FETCH_SESSION_EPOCH, ERR_FETCH_SESSION_TOPIC_ID_ERROR.
 * The session is held.
 */
enum err fetch_sessions_begin(struct fetch_sessions *cache, const struct wire_fetch_request *request,
                              bool uses_ids, bool privileged, int64_t now_ms, struct fetch_session **session,
                              bool *full);

/*
 * What is to be said of a partition: false when an incremental answer may leave it out. Takes note of what
 * the client will know. `redirects`: it is told where the logs part, or which replica to read from.
 */
bool fetch_session_part_has_news(struct fetch_session_part *part, bool incremental, int64_t records_bytes,
                                 enum err err, bool redirects, int64_t high_watermark, int64_t log_start);
/* Partitions that returned data go behind the others. */
void fetch_session_part_served(struct fetch_session *session, struct fetch_session_part *part);

/* Lets go of what fetch_sessions_begin held. */
void fetch_session_let_go(struct fetch_session *session);

#endif
