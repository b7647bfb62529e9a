/*
 * Inside of the controller: the queue of events, the activity that runs, and
 * the steps it is made of.
 *
 * An activity is a stack of frames. A frame is a small state machine: `run` looks at its
 * phase and either asks ZooKeeper something (CTL_WAIT: it runs again when all answers are
 * there), calls another frame (CTL_AGAIN: that one runs first), or ends (CTL_DONE). All
 * memory of an activity is one arena. There is no error path through frames: what no rule
 * covers ends the whole activity (ctl_moved, ctl_give_up, ctl_session_lost).
 *
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_INTERNAL_H
#define BARNABAS_CORE_CONTROLLER_INTERNAL_H

#include "base/arena.h"
#include "base/prng.h"
#include "core/controller/context.h"
#include "core/controller/controller.h"
#include "core/controller/election.h"
#include "core/controller/standing.h"

enum ctl_next { CTL_AGAIN, CTL_WAIT, CTL_DONE };

struct ctl_frame {
    enum ctl_next (*run)(struct controller *c, struct ctl_frame *frame);
    struct ctl_frame *below;
    int phase;
};

/* What an event of the queue is about. */
enum ctl_event_kind {
    CTL_EVENT_CHECK, /* who is controller? stand if nobody */
    CTL_EVENT_RELINQUISH,
    CTL_EVENT_BROKERS,
    CTL_EVENT_BROKER, /* number: id */
    CTL_EVENT_TOPICS,
    CTL_EVENT_TOPIC, /* name */
    CTL_EVENT_DELETIONS,
    CTL_EVENT_PREFERRED,
    CTL_EVENT_REASSIGNMENTS,
    CTL_EVENT_ISR_CHANGES,
    CTL_EVENT_LOG_DIRS,
    CTL_EVENT_REBALANCE,
    CTL_EVENT_UNCLEAN,    /* name; NULL = all topics */
    CTL_EVENT_LOG_ERRORS, /* outcomes of a LeaderAndIsr that concern log directories */
    CTL_EVENT_STOPPED,    /* outcomes of a StopReplica that deletes */
    CTL_EVENT_SUSPECT,    /* number: id; epoch: of its registration */
    CTL_EVENT_TRUST,      /* number: id of a suspect that answered */
    CTL_EVENT_REPLACE,    /* the controller's port refuses; number, epoch: as above */
    CTL_EVENT_LOG_ENDS,   /* a broker said where logs end */
    CTL_EVENT_PEERS,      /* who else is registered? */
    CTL_EVENT_SILENCE,    /* who is heard, and what do others say? */
    CTL_EVENT_REQUEST
};

/* Outcome for one partition of a broker's answer, by name: it may be gone when the event runs. */
struct ctl_outcome {
    char *topic;
    int32_t partition;
    enum err err;
};

struct ctl_event {
    struct list node;
    enum ctl_event_kind kind;
    int64_t number; /* broker id, or version of /controller_epoch */
    int64_t epoch;
    char *name;
    struct ctl_outcome *outcomes;
    int32_t outcomes_count;
    uint64_t ticket; /* REQUEST: of the caller */
    const struct controller_request *request;
    bool answered;
};

enum ctl_fate { CTL_FATE_NONE, CTL_FATE_MOVED, CTL_FATE_GIVE_UP, CTL_FATE_SESSION_LOST };

/* Why a broker is taken for gone. */
enum ctl_evidence { CTL_EVIDENCE_REFUSED, CTL_EVIDENCE_SILENT };
const char *ctl_evidence_text(enum ctl_evidence evidence);

enum ctl_hearing { CTL_HEARING_UNKNOWN, CTL_HEARING_HEARD, CTL_HEARING_SILENT };

/* Another registered broker, as this one sees it; kept whoever is controller. */
struct ctl_peer {
    int32_t id;
    int64_t epoch;   /* czxid of its registration; 0 = not read yet */
    int32_t version; /* of the registration's data */
    bool is_ours;    /* of our make: it answers at once, or something is wrong */
    enum ctl_hearing hearing;
    bool is_back;       /* a suspect that is heard again */
    int64_t said_epoch; /* /barnabas/silent says that this registration is silent; 0 = it does not */
    int32_t doubts;     /* how often something may have changed; */
    int32_t asked;      /* as it was when the registration was asked for, */
    int32_t known;      /* and of what is known */
};

/* Another broker that is controller, as it was when nothing was wrong with it. */
struct ctl_rival {
    int32_t id;               /* -1 = none */
    int64_t controller_czxid; /* of its /controller */
    int32_t epoch;            /* in /controller_epoch */
    int32_t epoch_version;    /* read before /controller was read once more: of its term or an earlier one */
    int64_t broker_epoch;     /* czxid of its registration */
    int32_t broker_version;   /* of the registration's data: other endpoints, other version */
    enum ctl_evidence evidence; /* why it is being replaced */
};

struct controller {
    struct controller_config config;
    struct prng prng;
    struct controller_effects *out;
    int64_t now_ms;

    /* Session and term. */
    int64_t session_id; /* 0 = none */
    bool active;
    int32_t epoch;
    int32_t epoch_version; /* of /controller_epoch: the fence of every write */
    int32_t known_id;
    int64_t stand_at_ms;       /* not before; after giving up */
    int give_ups;              /* in a row */
    bool deposed;              /* the term did not end by itself */
    int64_t elect_at_ms;       /* may look, but does not stand before; after having been deposed */
    struct ctl_rival rival;    /* while not active: the controller that is watched */
    struct ctl_rival replaced; /* whom this term began with replacing */
    int64_t log_ends_at_ms;    /* a timer is armed for the end of a wait (recovery.c) */
    int64_t rebalance_at_ms;   /* when the balance of leaders is due; timers of earlier terms come before */

    /* Whom this broker hears. */
    struct ctl_peer *peers;
    int32_t peers_count;
    int32_t peers_cap;
    bool silence_known; /* what the peers' said_epoch say is what ZooKeeper has */
    bool abstains;      /* controller, and hears no majority */

    /* Queue and activity. */
    struct list queue;
    bool deletions_again;  /* the list of deletions waited once for topics to become known */
    uint32_t queued_kinds; /* bits of the kinds that one event in the queue is enough of */
    struct ctl_event *event;
    struct ctl_frame *top;
    struct arena arena;
    enum ctl_fate fate;
    bool waiting;
    uint64_t zk_ticket;
    uint64_t next_ticket;
    const struct controller_op_result *results; /* of the batch just answered; until the step ends */
    int32_t results_count;
    struct controller_op *ops; /* the batch being put together */
    int32_t ops_count;
    int32_t ops_cap;

    struct ctl_context ctx;
};

/* ---- activity.c: frames, batches of operations, the ends of an activity */

/* Pushes a zeroed frame of `size` bytes (its first member is a struct ctl_frame). */
void *ctl_call(struct controller *c, size_t size,
               enum ctl_next (*run)(struct controller *, struct ctl_frame *));
void ctl_run(struct controller *c);
void ctl_enqueue(struct controller *c, struct ctl_event *event, bool in_front);
struct ctl_event *ctl_event_new(enum ctl_event_kind kind);
/* Queues an event without particulars. */
void ctl_enqueue_kind(struct controller *c, enum ctl_event_kind kind);
void ctl_enqueue_name(struct controller *c, enum ctl_event_kind kind, const char *name);
void ctl_event_free(struct ctl_event *event);
/* Ends the running activity at once, whatever it waits for. */
void ctl_drop_activity(struct controller *c);

/* Another broker is controller: drop everything, read /controller again. */
void ctl_moved(struct controller *c, const char *what);
/* Something that no rule covers: drop everything and let somebody start afresh. */
void ctl_give_up(struct controller *c, const char *what, enum err err);
void ctl_session_lost(struct controller *c);

char *ctl_path(struct controller *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
struct controller_op *ctl_op(struct controller *c, enum controller_op_kind kind, const char *path);
/* A watch on a znode that may not exist: a read of a missing one arms none. */
void ctl_watch(struct controller *c, const char *path);
void ctl_get(struct controller *c, enum controller_value_kind kind, bool watch, const char *path);
void ctl_children(struct controller *c, bool watch, const char *path);
/* Sends the operations put together; returns CTL_WAIT. Nothing put together: CTL_AGAIN, with no results. */
enum ctl_next ctl_submit(struct controller *c);
/* False, and the activity ends, when one of the reads just answered failed in a way that no rule covers. */
bool ctl_reads_ok(struct controller *c);

/* Grows an array of the activity's arena by one place. */
void *ctl_grow(struct arena *arena, void *items, int32_t count, int32_t *cap, size_t size);

struct ctl_parts {
    struct ctl_partition **items;
    int32_t count;
    int32_t cap;
};
void ctl_parts_add(struct controller *c, struct ctl_parts *parts, struct ctl_partition *p);

struct ctl_ref {
    struct ctl_partition *p;
    int32_t broker_id;
};
struct ctl_refs {
    struct ctl_ref *items;
    int32_t count;
    int32_t cap;
};
void ctl_refs_add(struct controller *c, struct ctl_refs *refs, struct ctl_partition *p, int32_t broker_id);

/* ---- writer.c: fenced writes, many to a multi, resolved after lost connections */

struct ctl_write {
    enum controller_op_kind kind; /* CREATE (persistent), SET, DELETE */
    const char *path;
    struct controller_value value;
    int32_t version;
    bool joined; /* together with the one before it, or not at all */
    bool large;  /* in a multi of its own (with those joined to it) */
    /* Outcome: ERR_NONE, ERR_EXISTS, ERR_NOT_FOUND, ERR_BAD_VERSION, ERR_NOT_EMPTY; ERR_IO: a joined one
     * failed. */
    enum err err;
    int32_t new_version; /* CREATE, SET */
    /* Private. */
    bool settled;
    bool alone;
    bool maybe; /* sent once, and the answer was lost */
    bool verify;
    int32_t multi;
    int32_t place;
};
struct ctl_writes {
    struct ctl_write *items;
    int32_t count;
    int32_t cap;
};
/* Valid until the next add. */
struct ctl_write *ctl_writes_add(struct controller *c, struct ctl_writes *writes,
                                 enum controller_op_kind kind, const char *path);
/* `writes` must stay in place until the frame has ended. */
void ctl_call_writes(struct controller *c, struct ctl_writes *writes);
bool ctl_value_equal(const struct controller_value *a, const struct controller_value *b);

/* ---- term.c: standing for controller, resigning */

void ctl_start_check(struct controller *c);
/* The controller's broker is gone, as it seems: this broker takes its place. */
void ctl_start_replace(struct controller *c, int32_t id, int64_t broker_epoch, enum ctl_evidence evidence);
void ctl_start_relinquish(struct controller *c, int32_t epoch_version);
void ctl_resign(struct controller *c, const char *why);

/* ---- failover.c */

void ctl_call_failover(struct controller *c);

/* ---- partition_state.c */

/* New partitions get their first leader and their state znode; those without an online replica stay new. */
void ctl_call_initialise(struct controller *c, const struct ctl_parts *parts);

struct ctl_elect_item {
    struct ctl_partition *p;
    enum err err; /* ERR_NONE: elected; ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE or another reason */
    /* Private. */
    bool settled;
    bool reread;
    bool looked; /* into ZooKeeper, because nobody of the ISR that is known could lead */
    bool config_known;
    bool unclean;
    int32_t first; /* place of the item that stands for it: its own, unless the partition was named before */
};
struct ctl_elect {
    struct ctl_frame frame;
    enum ctl_strategy strategy;
    bool allow_unclean; /* whatever the config says */
    struct ctl_elect_item *items;
    int32_t items_count;
    int32_t elected;
    struct ctl_writes writes; /* private */
    struct ctl_choice *choices;
    int32_t *writers;
};
/* The frame's outcome may be read until the activity ends. */
struct ctl_elect *ctl_call_elect(struct controller *c, const struct ctl_parts *parts,
                                 enum ctl_strategy strategy);
struct ctl_candidate *ctl_candidates(struct controller *c, const struct ctl_partition *p);
/* Offline ones are elected, new ones initialised. */
void ctl_call_online(struct controller *c, const struct ctl_parts *parts);
/* Every partition that has no leader and is not being deleted; topic NULL = of all topics. */
struct ctl_parts ctl_leaderless(struct controller *c, const struct ctl_topic *topic);
/* The sequence of a new topic or of added partitions: both machines to New, then to Online. */
void ctl_call_new_partitions(struct controller *c, const struct ctl_parts *parts);
/* Reads state znodes into the cache. */
void ctl_call_refresh(struct controller *c, const struct ctl_parts *parts);

/* ---- replica_state.c */

void ctl_replicas_online(struct controller *c, const struct ctl_refs *refs);
/* Stops them, takes them out of the ISR, tells the others. */
void ctl_call_replicas_offline(struct controller *c, const struct ctl_refs *refs);
/* Takes them out of the ISR where somebody else stays who is no suspect, tells everybody; no more. */
void ctl_call_replicas_suspected(struct controller *c, const struct ctl_refs *refs);

/* ---- brokers.c */

/* False for a child of /brokers/ids that is no id as brokers write it. */
bool ctl_parse_broker_id(const char *name, int32_t *out);
void ctl_start_brokers(struct controller *c);
void ctl_start_broker(struct controller *c, int32_t id);
void ctl_call_replicas_lost(struct controller *c, const struct ctl_refs *refs);
struct ctl_refs ctl_replicas_on(struct controller *c, int32_t broker_id);
void ctl_announce_channel(struct controller *c, const struct ctl_broker *broker);
/* Into the arena of the effects. */
struct controller_live_broker ctl_copy_live_broker(struct controller *c, int32_t id,
                                                   const struct znode_endpoint *endpoints, int32_t count,
                                                   int64_t epoch);

/* ---- peers.c */

void ctl_start_peers(struct controller *c);
/* NULL = nobody else is registered with this id. Valid until the next look. */
struct ctl_peer *ctl_peer_find(const struct controller *c, int32_t id);
/* The registration may have changed; -1 = all may. */
void ctl_peers_doubt(struct controller *c, int32_t id);

/* ---- silence.c */

void ctl_start_silence(struct controller *c);
/* The session is over, and what was said in it. */
void ctl_unsay(struct controller *c);
/* What the watch over this registration tells. */
void ctl_hear(struct controller *c, int32_t id, int64_t epoch, enum ctl_hearing hearing);

/* ---- suspicion.c */

/* The event: the broker's port refuses. */
void ctl_start_suspect(struct controller *c, int32_t id, int64_t broker_epoch);
/* This registration of the broker is suspected from now on, if nothing speaks against it; if so, leadership
 * is still to be moved. */
bool ctl_suspect(struct controller *c, int32_t id, int64_t broker_epoch, enum ctl_evidence evidence);
/* The event: the suspect answered. */
void ctl_start_trust(struct controller *c, int32_t id);
/* Parts of a failover: learns of the suspects from before; moves leadership away from them. */
void ctl_call_load_suspects(struct controller *c);
void ctl_call_move_from_suspects(struct controller *c);
/* These brokers are gone or registered anew: what was said of them is taken back. */
void ctl_call_forget_suspects(struct controller *c, const struct znode_ids *ids);

/* ---- trust.c */

/* These have just registered: is their data what it was? Comes before anything is decided about them. */
void ctl_call_trust(struct controller *c, const struct znode_ids *brokers);
/* The part of a failover, after states were read and before anybody is told anything. */
void ctl_call_trust_all(struct controller *c);

/* ---- recovery.c */

/* As far as it is known. */
struct ctl_log_end ctl_log_end_of(const struct controller *c, const struct ctl_partition *p,
                                  int32_t broker_id);
/*
 * Nobody leads it for what its ISR lost: asks the replicas that are there where their logs end, as far as it
 * is not known. `awaited`: nothing but the logs of these is to be known; none: others have to come first.
 */
void ctl_await_log_ends(struct controller *c, struct ctl_partition *p, const struct znode_ids *awaited);
/* Elects where that helps. */
void ctl_start_log_ends(struct controller *c);
/* What a broker said before it registered is void. */
void ctl_forget_log_ends(const struct ctl_refs *refs);

/* ---- log_dirs.c */

void ctl_start_log_dirs(struct controller *c);
void ctl_start_log_errors(struct controller *c, const struct ctl_event *event);
void ctl_start_isr_changes(struct controller *c);

/* ---- topics.c */

void ctl_start_topics(struct controller *c);
void ctl_start_topic(struct controller *c, const char *name);
/* Takes the partitions of a znode in that are not known yet, leaving out bad ones; appends them to `added`.
 */
void ctl_topic_take_znode(struct controller *c, struct ctl_topic *topic, const struct znode_topic *znode,
                          struct ctl_parts *added);
/* Gives ids to the topics of the list that have none, in ZooKeeper and in memory. */
void ctl_call_topic_ids(struct controller *c);
struct uuid ctl_random_topic_id(struct controller *c);

/* ---- create_topics.c, create_partitions.c */

void ctl_start_create_topics(struct controller *c, const struct controller_create_topics *request);
void ctl_start_create_partitions(struct controller *c, const struct controller_create_partitions *request);

/* ---- deletion.c, delete_znodes.c */

void ctl_start_deletions(struct controller *c);
void ctl_start_delete_topics(struct controller *c, const struct controller_delete_topics *request);
void ctl_start_stopped(struct controller *c, const struct ctl_event *event);
/* Goes on with every deletion that can. */
void ctl_call_resume_deletions(struct controller *c);
/* Replicas of topics being deleted failed: their topics have to wait. */
void ctl_deletion_failed(struct controller *c, const struct ctl_refs *refs);
/* Lifts the wait from topics with a replica on the broker. */
void ctl_deletion_retry(struct controller *c, int32_t broker_id);
/* Takes the list of /admin/delete_topics in, as far as the topics are known. */
void ctl_mark_deletions(struct controller *c, const char *const *names, int32_t count);
struct ctl_delete_tree {
    struct ctl_frame frame;
    const char *topic;
    bool failed; /* the outcome: something keeps appearing underneath */
    /* Private. */
    struct ctl_writes writes;
    const char **paths;
    int32_t paths_count;
    int32_t paths_cap;
    int32_t level_begin;
    int rounds;
};
struct ctl_delete_tree *ctl_call_delete_znodes(struct controller *c, const char *topic);

/* ---- producer_ids.c, alter_partition.c, controlled_shutdown.c, elect_leaders.c */

void ctl_start_allocate(struct controller *c, const struct controller_allocate_producer_ids *request);
void ctl_start_alter_partition(struct controller *c, const struct controller_alter_partition *request);
void ctl_start_controlled_shutdown(struct controller *c,
                                   const struct controller_controlled_shutdown *request);
void ctl_start_elect_leaders(struct controller *c, const struct controller_elect_leaders *request);
void ctl_start_preferred(struct controller *c);
void ctl_start_rebalance(struct controller *c);
void ctl_arm_rebalance(struct controller *c, int64_t delay_ms);
/* The part of a failover: runs the elections that /admin/preferred_replica_election asks for. */
void ctl_call_preferred(struct controller *c);
/* Whether the preferred replica could lead and does not. */
bool ctl_wants_preferred(const struct controller *c, const struct ctl_partition *p);

/* ---- reassignment.c, reassign_requests.c */

void ctl_start_alter_reassignments(struct controller *c,
                                   const struct controller_alter_reassignments *request);
void ctl_start_list_reassignments(struct controller *c, const struct controller_list_reassignments *request);
/* Ends the moves among these partitions that are complete: their ISR has changed. */
void ctl_call_complete_moves(struct controller *c, const struct ctl_parts *parts);
/* Goes on with the moves to one of these brokers, which have just started; NULL = with all. */
void ctl_call_resume_moves(struct controller *c, const struct znode_ids *brokers);
/* The part of a failover, and the event: what /admin/reassign_partitions asks for. */
void ctl_call_listed_moves(struct controller *c);
/* A broker's answer about a replica that a move has left behind; false when it is no such replica. */
bool ctl_removed_replica_stopped(struct ctl_partition *p, int32_t broker_id, enum err err);
/* These brokers start: they are told again what to delete. */
void ctl_delete_removed_replicas(struct controller *c, const struct znode_ids *brokers);

/* ---- answers.c: exactly one per request */

/* The running activity's answer; its arrays must live in the effects' arena. */
void ctl_answer(struct controller *c, struct controller_answer *answer);
void ctl_answer_error(struct controller *c, enum err err);
/* Answers an event of the queue that will not run. */
void ctl_answer_event(struct controller *c, struct ctl_event *event, enum err err);

#define CTL_TIMER_STAND     1
#define CTL_TIMER_REBALANCE 2
#define CTL_TIMER_LOG_ENDS  3
#define CTL_TIMER_BROKER    (UINT64_C(1) << 40) /* plus the broker's id */
void ctl_arm(struct controller *c, uint64_t timer_id, int64_t delay_ms);

#endif
