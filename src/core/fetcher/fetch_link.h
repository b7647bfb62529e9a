/*
 * What a broker asks of one other broker for the partitions that it follows there, and what
 * follows from the answers: pure.
 *
 *   set --> ready --plan: Fetch--> asked --answer--> busy --done--> ready
 *             ^                      |                |  (the shell appends or cuts)
 *             |<---- back off -------|<---------------|
 *             |<---- ListOffsets <---|  OFFSET_OUT_OF_RANGE
 *             |                      `--> failed, until it is set again
 *             `---- no news ---------'
 *
 * Leaders of before inter.broker.protocol.version 2.7 do not tell in a Fetch where the logs part. There a
 * partition begins by asking (OffsetForLeaderEpoch), and is fetched when it has been cut:
 *
 *   set --> truncate --plan: epochs--> asked --answer--> busy --done--> ready, or truncate once more
 *
 * One request is out at a time, and none leaves while an action is not done. Fetches go by an incremental
 * session (KIP-227): a request names the partitions whose position changed and those that are not fetched
 * for now. (storage-replication-coordinators 4.7, 4.9.)
 *
 * A partition is set anew with each leader epoch, with the log as it then stands; whatever was on its way
 * before is recognised and dropped.
 *
 * Ownership: the link owns its partitions; an action's `part` is valid until it is done.
 * Runs on: whoever owns the link, one at a time (service: its fetcher loop).
 */
#ifndef BARNABAS_CORE_FETCHER_FETCH_LINK_H
#define BARNABAS_CORE_FETCHER_FETCH_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/uuid.h"
#include "base/view.h"

struct fetch_link;
struct fetch_link_part;
struct wire_fetch_request;
struct wire_fetch_response;
struct wire_list_offsets_request;
struct wire_list_offsets_response;
struct wire_offset_for_leader_epoch_request;
struct wire_offset_for_leader_epoch_response;

struct fetch_link_config {
    int32_t broker_id;       /* ours */
    int32_t leader_id;       /* the other's, for log lines */
    int32_t max_wait_ms;     /* replica.fetch.wait.max.ms */
    int32_t min_bytes;       /* replica.fetch.min.bytes */
    int32_t max_bytes;       /* replica.fetch.response.max.bytes */
    int32_t partition_bytes; /* replica.fetch.max.bytes */
    int64_t backoff_ms;      /* replica.fetch.backoff.ms */
    /* Of inter.broker.protocol.version. */
    int16_t fetch_version;   /* below INTER_BROKER_FETCH_DIVERGING a partition begins with its epochs */
    int16_t offsets_version; /* of ListOffsets; 1 at least */
    int16_t epochs_version;  /* of OffsetForLeaderEpoch */
    /* May the partition with this `user` be left out while too much is fetched? NULL = none may. */
    bool (*is_throttled)(const void *user);
};

/* Where a follower's log stands. */
struct follower_log {
    int64_t start;
    int64_t end;
    int32_t latest_epoch; /* of its leader epochs; -1 = none */
};

/* Gives the link (fetch_link_free). Copies config. */
struct fetch_link *fetch_link_new(const struct fetch_link_config *config);
/* `forget` is called with the `user` of every partition that was not removed. */
void fetch_link_free(struct fetch_link *link, void (*forget)(void *user));
int fetch_link_count(const struct fetch_link *link);

/*
 * The partition is followed here, in this leader epoch, from where `log` ends on. Replaces what was known of
 * it; an older epoch than known changes nothing. `user` is the shell's own and comes back with the actions.
 * Gives the `user` that is not wanted any more: the one before, or this one; NULL when there is none.
 */
void *fetch_link_set(struct fetch_link *link, struct view topic, struct uuid topic_id, int32_t index,
                     int32_t leader_epoch, const struct follower_log *log, void *user);
/* Not followed here any more. Gives `user`, NULL when it was unknown or of a newer epoch. */
void *fetch_link_remove(struct fetch_link *link, struct view topic, int32_t index, int32_t leader_epoch);

/* --- requests --- */

enum fetch_link_wish {
    FETCH_LINK_NOTHING, /* until *until_ms, or until something is reported */
    FETCH_LINK_FETCH,
    FETCH_LINK_EPOCHS,      /* where the leader's log has the end of our latest epoch */
    FETCH_LINK_LIST_OFFSETS /* where the leader's log begins or ends, for partitions that are out of range */
};

/* Filled is what the wish says. */
struct fetch_link_plan {
    int16_t version; /* as configured; Fetch 12 at most when a partition has no topic id */
    struct wire_fetch_request *fetch;
    struct wire_offset_for_leader_epoch_request *epochs;
    struct wire_list_offsets_request *offsets;
    int64_t until_ms; /* NOTHING; INT64_MAX = not by time */
};

/* What counts for a request. */
struct fetch_link_moment {
    int64_t broker_epoch; /* ours */
    int64_t now_ms;
    bool over_quota; /* partitions that are throttled and not in sync are left out: looked at again after
                        replica.fetch.backoff.ms (4.11) */
};

/* What to send now; the request is made in `arena`. After anything but NOTHING one of fetch_link_take_*
 * follows. NOTHING while an action is not done. */
enum fetch_link_wish fetch_link_plan(struct fetch_link *link, const struct fetch_link_moment *moment,
                                     struct arena *arena, struct fetch_link_plan *plan);

/* --- answers --- */

enum fetch_link_action_kind {
    FETCH_LINK_APPEND,      /* records may be empty: then only watermark and start are news */
    FETCH_LINK_TRUNCATE,    /* the leader's epoch `epoch` ends at `end_offset`: cut where the logs part */
    FETCH_LINK_TRUNCATE_TO, /* to `end_offset` */
    FETCH_LINK_TRUNCATE_TO_WATERMARK, /* to what is known to be committed: the leader knows no such epoch */
    FETCH_LINK_START_AT               /* drop everything, begin at `end_offset` */
};

/* What the shell is to do with a partition that was answered; it then reports with fetch_link_done. */
struct fetch_link_action {
    enum fetch_link_action_kind kind;
    struct fetch_link_part *part;
    uint32_t generation; /* of the part: not the one of today = was set anew meanwhile */
    void *user;
    int32_t leader_epoch; /* for which it holds: not to be done in another one */
    int64_t fetch_offset; /* where our log ended when it was asked for */
    struct view records;  /* borrowed from the answer */
    int64_t high_watermark;
    int64_t leader_start; /* -1 = not known */
    int32_t epoch;
    int64_t end_offset;
};

struct fetch_link_actions {
    struct fetch_link_action *items; /* the arena's */
    int32_t count;
};

/* The answer to the request that is out; actions in `arena`. Errors are logged here. */
void fetch_link_take_fetch(struct fetch_link *link, const struct wire_fetch_response *answer, int64_t now_ms,
                           struct arena *arena, struct fetch_link_actions *actions);
void fetch_link_take_offsets(struct fetch_link *link, const struct wire_list_offsets_response *answer,
                             int64_t now_ms, struct arena *arena, struct fetch_link_actions *actions);
void fetch_link_take_epochs(struct fetch_link *link,
                            const struct wire_offset_for_leader_epoch_response *answer, int64_t now_ms,
                            struct arena *arena, struct fetch_link_actions *actions);
/* There is no answer: the connection broke, it timed out, or it made no sense. Everything backs off. */
void fetch_link_take_failure(struct fetch_link *link, int64_t now_ms);

enum fetch_link_outcome {
    FETCH_LINK_OK,    /* go on from where the log stands now */
    FETCH_LINK_MORE,  /* OK, but of a cut: the logs may part below it, too */
    FETCH_LINK_RETRY, /* after the back-off: records that were not valid, or it is not followed right now */
    FETCH_LINK_FAILED /* not before it is set again: storage failed, or the logs contradict each other */
};

/* What became of an action. `log` is read with OK and MORE. */
void fetch_link_done(struct fetch_link *link, const struct fetch_link_action *action,
                     enum fetch_link_outcome outcome, const struct follower_log *log, int64_t now_ms);

/* --- how it is doing --- */

struct fetch_link_numbers {
    int64_t max_lag; /* records that the farthest behind lacks of its leader's high watermark */
    int failed;
    int64_t fetches; /* requests that were planned */
};

void fetch_link_numbers(const struct fetch_link *link, struct fetch_link_numbers *out);

#endif
