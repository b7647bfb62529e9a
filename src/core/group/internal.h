/*
 * Inside of the group coordinator: groups, their members, and the steps between their states.
 *
 *   Empty ──join──▶ Preparing ──all joined / time over──▶ Completing ──assignment stored──▶ Stable
 *     ▲                 │  ▲                                  │                               │
 *     └──nobody left────┘  └──────────join, leave, expiry, ...┴───────────────────────────────┘
 *
 * A call notes the time and where effects go in the coordinator (grp_enter), so the steps need not pass them
 * on. Members and groups are freed in one place each, which answers whoever waits and disarms what is armed.
 *
 * Runs on: whoever owns the coordinator.
 */
#ifndef BARNABAS_CORE_GROUP_INTERNAL_H
#define BARNABAS_CORE_GROUP_INTERNAL_H

#include "base/heap.h"
#include "base/list.h"
#include "base/prng.h"
#include "core/group/coordinator.h"
#include "core/group/offsets.h"

/* --- deadlines (timers.c) ------------------------------------------------------------------------------ */

enum grp_timer_kind {
    GRP_TIMER_SESSION, /* of a member */
    GRP_TIMER_PENDING, /* of an id that was handed out */
    GRP_TIMER_JOIN,    /* of a group that waits for joins */
    GRP_TIMER_SYNC,    /* of a group that waits for SyncGroups */
    GRP_TIMER_EXPIRY   /* of the coordinator's offsets */
};

/* A deadline that moves later stays where it is in the heap and moves when it comes up: heartbeats are cheap.
 */
struct grp_timer {
    struct heap_node node;
    int64_t deadline_ms;
    enum grp_timer_kind kind;
};

/* --- groups -------------------------------------------------------------------------------------------- */

/* A request that waits. */
struct grp_parked {
    uint64_t token;
    int16_t version;
    bool waits;
};

/* Protocols as JoinGroup offered them, in their order: i16 length, name, i32 length, metadata, each. */
struct grp_protocols {
    uint8_t *bytes;
    size_t len;
};

struct grp_member {
    struct list node; /* in order of joining */
    struct grp_group *group;
    struct view id;          /* owned, as all views here */
    struct view instance_id; /* null = dynamic */
    struct view client_id;
    struct view client_host;
    struct view assignment;
    struct grp_protocols protocols;
    int32_t rebalance_timeout_ms;
    int32_t session_timeout_ms;
    struct grp_parked join;
    struct grp_parked sync;
    struct grp_timer session;
    bool is_new;    /* has not been through a rebalance: its JoinGroup may time out */
    bool owes_sync; /* has not sent SyncGroup in this generation */
};

/* An id that was handed out with MEMBER_ID_REQUIRED. */
struct grp_pending_member {
    struct grp_group *group;
    struct view id; /* owned */
    struct grp_timer timer;
};

struct grp_group {
    struct list node;
    struct group_coordinator *c; /* NULL while it is being loaded */
    struct view id;              /* owned */
    enum group_state state;
    int32_t generation;
    int64_t state_since_ms;    /* wall clock; -1 = unknown (an old record) */
    struct view protocol_type; /* owned; null = none yet */
    struct view protocol_name; /* owned; null = none */
    struct grp_member *leader;
    struct list members;
    struct map members_by_id;
    struct map statics; /* instance id: member */
    struct map pending; /* member id: grp_pending_member */
    struct map offered; /* protocol name: how many members offer it, as a pointer */
    int32_t awaiting_join;
    int32_t owing_sync;
    bool is_storing; /* this generation's assignment is on its way to the log */
    /* The first rebalance of an empty group waits for more members. */
    bool is_initial_delay;
    bool has_newcomer; /* since the present delay began */
    int64_t delay_ms;
    int64_t remaining_ms;
    struct grp_timer join_timer;
    struct grp_timer sync_timer;
    struct offset_table offsets;
    struct list txns;       /* grp_txn_part */
    struct list appends;    /* grp_append */
    bool had_member_commit; /* in this generation; both: the client is warned of once */
    bool had_txn_commit;
    struct group_history history;
    struct view loaded; /* owned; the value of its record, until members are made of it */
};

/* The offsets of one group in the open transaction of one producer. */
struct grp_txn_part {
    struct list of_group;
    struct list of_txn;
    struct grp_group *group;
    struct grp_txn *txn;
    struct offset_table offsets; /* a batch_offset of -1: not yet in the log */
};

struct grp_txn {
    int64_t producer_id;
    struct list parts;
    /* The last marker, for what was appended before it and is acknowledged after it. */
    int64_t marker_offset; /* -1 = none */
    bool marker_committed;
};

/* A marker that was heard of while its partition was being read, perhaps behind where the reading ends. */
struct grp_marker {
    int64_t producer_id;
    int64_t offset;
    bool committed;
};

/* What a coordinator has of groups, and a loader makes. */
struct grp_tables {
    struct map groups; /* id: grp_group */
    struct list list;  /* the same, in order of coming */
    struct map txns;   /* producer id: grp_txn */
    int64_t counts[GROUP_STATE_COUNT];
};

/* --- appends on their way (store.c) -------------------------------------------------------------------- */

enum grp_append_kind { GRP_APPEND_ASSIGNMENT, GRP_APPEND_EMPTY, GRP_APPEND_STATIC, GRP_APPEND_COMMIT };

struct grp_commit_entry {
    struct offset_topic *topic; /* of the group's or the transaction's table, which keeps it for us */
    struct offset_value value;  /* without metadata */
    uint8_t *metadata;          /* owned */
    int32_t partition;
    bool is_refused; /* metadata too large */
};

struct grp_append {
    struct list of_group;
    enum grp_append_kind kind;
    uint64_t ticket;
    struct grp_group *group; /* NULL = it is gone */
    int32_t generation;
    /* GRP_APPEND_STATIC: what to go back to. */
    struct {
        struct view old_id; /* owned */
        struct view new_id; /* owned */
        struct view old_leader_id;
        struct grp_protocols protocols;
        int32_t rebalance_timeout_ms;
        int32_t session_timeout_ms;
        uint64_t token;
        bool leads;
    } fixed;
    /* GRP_APPEND_COMMIT */
    uint64_t token;
    int64_t producer_id;
    int32_t entries_count;
    struct grp_commit_entry entries[];
};

struct group_coordinator {
    struct group_config config;
    enum { GRP_LOADING, GRP_SERVING, GRP_RESIGNED } phase;
    struct prng prng;
    struct grp_tables tables;
    struct grp_marker *markers; /* while loading, in the order of coming */
    size_t markers_count;
    struct heap timers;
    struct map appends; /* ticket: grp_append */
    uint64_t last_ticket;
    struct grp_timer expiry_timer;
    bool is_expiring;            /* a walk over the groups is under way */
    struct grp_group *expiry_at; /* next to be looked at; NULL = none is left */
    struct group_counts counted;
    struct buf key, value, batch; /* scratch */
    /* Of the present call. */
    struct group_time now;
    struct group_effects *out;
};

static inline void grp_enter(struct group_coordinator *c, const struct group_time *now,
                             struct group_effects *out)
{
    c->now = *now;
    c->out = out;
}

/* What Kafka checks of every request before it looks at the group; `empty_ok`: the id may be empty. */
enum err grp_check(const struct group_coordinator *c, struct view group_id, bool empty_ok);

/* An older broker that loads the group next would take a static member for one that is not. */
enum err grp_check_instance(const struct group_coordinator *c, struct view instance_id);

void grp_timer_arm(struct group_coordinator *c, struct grp_timer *timer, int64_t delay_ms);
void grp_timer_disarm(struct group_coordinator *c, struct grp_timer *timer);

/* Owned copies; null stays null. */
struct view grp_dup(struct view v);
void grp_drop(struct view *v);

/* --- group.c -------------------------------------------------------------------------------------------- */

void grp_tables_init(struct grp_tables *tables);
/* `to` is not initialised, `from` is empty afterwards. */
void grp_tables_move(struct grp_tables *to, struct grp_tables *from);
/* Frees all groups. */
void grp_tables_close(struct grp_tables *tables);
struct grp_group *grp_find(const struct grp_tables *tables, struct view id);
/* Empty, of generation 0. `wall_ms` is when it became so. */
struct grp_group *grp_group_new(struct grp_tables *tables, struct view id, int64_t wall_ms);
struct grp_group *grp_find_or_new(struct group_coordinator *c, struct view id);
/* Nobody waits in it any more; takes it out of the tables. */
void grp_group_free(struct grp_tables *tables, struct grp_group *g);
/* The one place where the state changes. */
void grp_set_state(struct grp_group *g, enum group_state state);
/* Without members and offsets, and nobody is about to come. */
bool grp_is_idle(const struct grp_group *g);

/* --- member.c ------------------------------------------------------------------------------------------- */

struct grp_member *grp_member_find(const struct grp_group *g, struct view id);
struct grp_member *grp_static_find(const struct grp_group *g, struct view instance_id);
int32_t grp_member_count(const struct grp_group *g);
/* Takes everything owned from `from`; becomes leader if there is none. */
struct grp_member *grp_member_add(struct grp_group *g, const struct grp_member *from);
/* Answers whoever waits with UNKNOWN_MEMBER_ID, disarms, frees; another becomes leader. */
void grp_member_remove(struct grp_member *m);
void grp_member_rename(struct grp_member *m, struct view id);
/* Takes the protocols. */
void grp_member_update(struct grp_member *m, struct grp_protocols protocols, int32_t rebalance_timeout_ms,
                       int32_t session_timeout_ms);
void grp_member_set_assignment(struct grp_member *m, struct view assignment);
/* Gives a fresh id: the instance's or the client's, and a random UUID. */
struct view grp_member_id_new(struct group_coordinator *c, struct view client_id, struct view instance_id);
/* Who it is; UNKNOWN_MEMBER_ID, or FENCED_INSTANCE_ID when another member has taken over the instance. */
enum err grp_member_identify(const struct grp_group *g, struct view member_id, struct view instance_id,
                             struct grp_member **out);
int32_t grp_rebalance_timeout(const struct grp_group *g);

void grp_pending_add(struct grp_group *g, struct view id, int32_t timeout_ms);
bool grp_pending_has(const struct grp_group *g, struct view id);
void grp_pending_remove(struct grp_group *g, struct view id);

/* The session begins anew, now. A member that waits needs none: it is armed when its answer leaves. */
void grp_session_renew(struct grp_member *m);

#define GRP_EACH_MEMBER(m, g)                                                                                \
    for (struct grp_member *m = grp_member_after(g, NULL); m; m = grp_member_after(g, m))
static inline struct grp_member *grp_member_after(const struct grp_group *g, const struct grp_member *m)
{
    struct list *next = m ? m->node.next : g->members.next;
    return next == &g->members ? NULL : CONTAINER_OF(next, struct grp_member, node);
}

/* --- protocols.c ---------------------------------------------------------------------------------------- */

struct grp_protocols grp_protocols_of(const struct wire_join_group_request *request);
struct grp_protocols grp_protocols_one(struct view name, struct view metadata);
bool grp_protocols_next(struct view *rest, struct view *name, struct view *metadata);
static inline struct view grp_protocols_view(const struct grp_protocols *p)
{
    return view_of(p->bytes, p->len);
}
/* The member's metadata for it; null if it does not offer it. */
struct view grp_member_metadata(const struct grp_member *m, struct view protocol);
/* Counts, or takes back, what the member offers. */
void grp_protocols_count(struct grp_group *g, const struct grp_protocols *p, int delta);
/* May somebody with these come in? */
bool grp_protocols_fit(const struct grp_group *g, const struct wire_join_group_request *request);
bool grp_protocols_same(const struct grp_protocols *p, const struct wire_join_group_request *request);
/* Of those that all offer the one with the most votes; a member votes for its first. Null without members. */
struct view grp_protocols_vote(const struct grp_group *g);

/* --- subscription.c --------------------------------------------------------------------------------------
 */

/* The topics that a "consumer" group's members want. */
struct grp_subscription {
    bool is_known; /* false: not a consumer group, or one whose metadata cannot be read */
    struct map topics;
};
void grp_subscription_of(const struct grp_group *g, struct grp_subscription *out);
void grp_subscription_close(struct grp_subscription *s);
/* True, to be safe, while it is not known. */
bool grp_subscription_has(const struct grp_subscription *s, struct view topic);
bool grp_is_consumer(const struct grp_group *g);

/* --- answers.c -------------------------------------------------------------------------------------------
 */

void grp_answer_join_error(struct group_effects *out, uint64_t token, int16_t version, struct view member_id,
                           enum err err);
/* The member's JoinGroup, if it waits: its generation as it is, the members to the leader. */
void grp_answer_join(struct grp_member *m);
/* As the leader's, of any member. `leader_id`: who is said to lead. */
void grp_answer_join_as(struct grp_member *m, struct grp_parked parked, struct view leader_id,
                        bool with_members, bool skip_assignment);
/* What waits is over with an error; harmless when nothing does. */
void grp_fail_join(struct grp_member *m, enum err err);
void grp_fail_sync(struct grp_member *m, enum err err);
void grp_answer_sync(struct grp_group *g, uint64_t token, struct view assignment);
void grp_answer_sync_error(struct group_effects *out, uint64_t token, enum err err);
void grp_park_join(struct grp_member *m, uint64_t token, int16_t version);
void grp_park_sync(struct grp_member *m, uint64_t token, int16_t version);

/* --- rebalance.c ------------------------------------------------------------------------------------------
 */

/* Why a rebalance begins. */
struct grp_why {
    enum group_cause cause;
    struct view member; /* null = nobody */
    struct view reason; /* the client's; null = none */
};

/* Unless one is under way. */
void grp_rebalance(struct grp_group *g, struct grp_why why);
/* Preparing: complete the join if nobody is missing. */
void grp_try_complete_join(struct grp_group *g);
void grp_join_time_over(struct grp_group *g);
void grp_sync_time_over(struct grp_group *g);
/* Removes a member and does what follows. */
void grp_remove_and_rebalance(struct grp_member *m, struct grp_why why);
void grp_remove_pending(struct grp_group *g, struct view id);
/* The newest rebalance is over, or goes on elsewhere: the log line. */
void grp_rebalance_ended(struct grp_group *g, enum group_outcome outcome);

/* --- store.c -------------------------------------------------------------------------------------------
 */

/* Gives an append that is in the coordinator's and the group's lists, with room for the entries of a commit;
 * its ticket is fresh. */
struct grp_append *grp_append_new(struct grp_group *g, enum grp_append_kind kind, int32_t entries_count);
/* Takes it out of all lists and frees it. */
void grp_append_free(struct group_coordinator *c, struct grp_append *a);

/* Writes the group as it is, with its members' assignments. */
void grp_store_group(struct grp_append *a);
/* One batch under way: records are put, then it becomes an effect. */
struct grp_batch {
    struct group_coordinator *c;
    struct record_builder *builder; /* of the heap; NULL = not begun */
    int64_t producer_id;            /* -1 = none */
    int16_t producer_epoch;
};
void grp_batch_put(struct grp_batch *b, struct view key, struct view value);
size_t grp_batch_bytes(const struct grp_batch *b);
/* Nothing happens without records. */
void grp_batch_wish(struct grp_batch *b, uint64_t ticket);
void grp_tombstone_offset(struct grp_batch *b, struct view group, struct view topic, int32_t partition);
void grp_tombstone_group(struct grp_batch *b, struct view group);

/* What the log's error means to who joined or synced. */
enum err grp_store_error(enum err err);

/* --- outcome of appends, each beside what asked for it
 * ------------------------------------------------------ */

void grp_assignment_stored(struct grp_append *a, enum err err); /* sync.c */
void grp_static_stored(struct grp_append *a, enum err err);     /* join_static.c */
void grp_commit_stored(struct group_coordinator *c, struct grp_append *a, enum err err, int64_t base_offset);

/* join_static.c: a known instance comes without a member id. */
void grp_join_static(struct grp_member *m, const struct wire_join_group_request *request, int16_t version,
                     uint64_t token);

/* --- transactions (txn.c)
 * ------------------------------------------------------------------------------------ */

struct grp_txn_part *grp_txn_part_add(struct grp_tables *tables, int64_t producer_id, struct grp_group *g);
struct grp_txn_part *grp_txn_part_find(const struct grp_tables *tables, int64_t producer_id,
                                       const struct grp_group *g);
/* Its entry for a partition; the group's own entry learns of it. */
struct offset_entry *grp_txn_entry_add(struct grp_txn_part *part, struct view topic, int32_t partition,
                                       struct offset_topic **topic_out);
/* Drops the entry if nothing needs it any more; with the last one the part is freed, which is told by true.
 */
bool grp_txn_entry_release(struct grp_tables *tables, struct grp_txn_part *part, struct offset_topic *topic,
                           struct offset_entry *entry);
void grp_txn_part_free(struct grp_tables *tables, struct grp_txn_part *part);
/* What lies in the log below the marker is decided; what is on its way waits for its place. */
void grp_txn_mark(struct grp_tables *tables, int64_t producer_id, bool committed, int64_t marker_offset);
/* What was loaded hears of the markers that came meanwhile. */
void grp_txn_mark_heard(struct group_coordinator *c);
/* Installs the value unless what is there is newer; takes its metadata. */
void grp_offset_install(struct grp_group *g, struct offset_entry *entry, const struct offset_value *value,
                        uint8_t *metadata, int64_t batch_offset);

/* --- expiry.c, delete.c
 * ---------------------------------------------------------------------------------------- */

void grp_expiry_step(struct group_coordinator *c);
/* The committed offset goes, and so does what is on its way for it. Its entry may stay, without an offset,
 * for those to find. */
void grp_void_offset(struct grp_group *g, struct offset_entry *entry);
void grp_void_txn_offsets(struct grp_group *g, struct view topic, int32_t partition);
/* The group is dead: tombstones for all that it has, and it is gone. */
void grp_bury(struct grp_group *g, struct grp_batch *tombstones);

/* --- load.c
 * ---------------------------------------------------------------------------------------------------- */

/* What was loaded and finished. */
struct grp_tables *grp_loader_tables(struct group_loader *loader);

#endif
