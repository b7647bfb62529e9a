/*
 * What the controller knows: brokers, topics, partitions, replicas, and in which
 * state each is. Kept while active, cleared on resignation.
 *
 * Ownership: the controller owns the tables; pointers into them are valid until the
 * thing is forgotten, which happens only inside an activity.
 * Runs on: controller loop.
 */
#ifndef BARNABAS_CORE_CONTROLLER_CONTEXT_H
#define BARNABAS_CORE_CONTROLLER_CONTEXT_H

#include "base/list.h"
#include "base/map.h"
#include "core/controller/election.h"
#include "core/controller/outbox.h"
#include "port/znodes.h"

struct controller;

enum ctl_partition_state {
    CTL_PARTITION_NONEXISTENT, /* not created, or deleted */
    CTL_PARTITION_NEW,         /* assigned, never had a leader */
    CTL_PARTITION_ONLINE,
    CTL_PARTITION_OFFLINE /* its leader is not online */
};

enum ctl_replica_state {
    CTL_REPLICA_NONEXISTENT,
    CTL_REPLICA_NEW,
    CTL_REPLICA_ONLINE,
    CTL_REPLICA_OFFLINE,
    CTL_REPLICA_DELETION_STARTED,
    CTL_REPLICA_DELETION_SUCCESSFUL,
    CTL_REPLICA_DELETION_INELIGIBLE
};

#define CTL_EPOCH_NEVER (-1)

struct ctl_replica {
    int32_t broker_id;
    enum ctl_replica_state state; /* written by ctl_replica_set_state alone */
    int32_t acked_leader_epoch;   /* newest the broker acknowledged since it registered */
    struct ctl_log_end end;       /* asked for while nobody leads; it stays then (recovery.c) */
};

struct ctl_topic;

struct ctl_partition {
    struct ctl_topic *topic;
    int32_t number;
    enum ctl_partition_state state; /* written by ctl_partition_set_state alone */
    struct znode_ids replicas;      /* owned */
    struct znode_ids adding;
    struct znode_ids removing;
    bool has_leadership;
    struct znode_state leadership; /* owns isr */
    int32_t zk_version;            /* of the state znode: the partition epoch */
    struct ctl_replica *states;
    int32_t states_count;
    int32_t mark;                    /* scratch of one pass over partitions */
    int64_t ends_until_ms;           /* who need not be there is waited for (recovery.c); 0 = nobody is */
    bool told_offline;               /* standing.h; of the standing as it is */
    struct znode_standing *standing; /* owned: what its znode says; NULL = there is none (standing.h) */
    struct znode_standing *standing_next; /* owned: what is being written */
};

struct ctl_topic {
    char *name;
    struct uuid id;
    int32_t zk_version;                /* of /brokers/topics/T as last read or written */
    struct ctl_partition **partitions; /* ascending by number */
    int32_t partitions_count;
    int32_t partitions_cap;
    bool to_be_deleted;
    bool deletion_started;
    bool stuck;              /* its znodes cannot be removed; not tried again in this term */
    bool ineligible;         /* deletion has to wait */
    bool has_bad_partitions; /* left out of memory: the znode may not be rewritten from it */
    int32_t mark;            /* scratch */
    int32_t min_isr;         /* as ctl_call_isr_rules read it last */
    int64_t config_zxid;     /* grows when the settings that it follows from change */
    struct list node;
};

/* The data of a broker that elections may go by. */
struct ctl_trusted {
    int32_t broker_id;
    struct uuid incarnation;
};

struct ctl_broker {
    int32_t id;
    int64_t epoch; /* czxid of its registration */
    struct znode_endpoint *endpoints;
    int32_t endpoints_count;
    char *rack;
    bool shutting_down;
    struct znode_incarnation incarnation; /* of its data; zero = it does not say */
    bool suspected;                       /* see suspicion.c */
    bool suspicion_published;
    const char *suspect_reason; /* static; while it is not published */
    int64_t suspect_again_ms;   /* not before */
    struct map offline;         /* partitions whose log directory failed there, by address */
    struct ctl_outbox outbox;
    struct list node;
};

struct ctl_context {
    struct list topics; /* in order of appearance, so that a run can be repeated */
    struct map topics_by_name;
    struct map topics_by_id;
    struct list brokers; /* ascending by id */
    struct map brokers_by_id;
    struct ctl_trusted *trusted;
    int32_t trusted_count;
    int32_t kept_offline; /* partitions; see standing.h */
    bool suspects_listed; /* /barnabas/suspects is there */
    bool moves_listed;    /* /admin/reassign_partitions had entries when it was last read */
};

void ctl_context_init(struct ctl_context *ctx);
void ctl_context_clear(struct ctl_context *ctx);

/* Lists of ids. */
bool ctl_ids_contain(const struct znode_ids *ids, int32_t id);
bool ctl_ids_equal(const struct znode_ids *a, const struct znode_ids *b);
/* Non-empty, no negative id, none twice. */
bool ctl_ids_are_valid(const struct znode_ids *ids);
void ctl_ids_assign(struct znode_ids *owned, const struct znode_ids *from);
struct znode_ids ctl_ids_dup(struct arena *arena, const struct znode_ids *from);

/* Topics and partitions. */
struct ctl_topic *ctl_topic_find(const struct ctl_context *ctx, const char *name);
struct ctl_topic *ctl_topic_find_id(const struct ctl_context *ctx, struct uuid id);
struct ctl_topic *ctl_topic_add(struct ctl_context *ctx, const char *name);
void ctl_topic_set_id(struct ctl_context *ctx, struct ctl_topic *topic, struct uuid id);
/* Scrubs it from the outboxes too. */
void ctl_topic_forget(struct ctl_context *ctx, struct ctl_topic *topic);
struct ctl_partition *ctl_partition_find(const struct ctl_topic *topic, int32_t number);
struct ctl_partition *ctl_partition_add(struct ctl_topic *topic, int32_t number,
                                        const struct znode_ids *replicas);
void ctl_partition_set_assignment(struct ctl_partition *p, const struct znode_assignment *assignment);
void ctl_partition_set_leadership(struct ctl_partition *p, const struct znode_state *state, int32_t version);
static inline bool ctl_partition_is_reassigning(const struct ctl_partition *p)
{
    return p->adding.count > 0 || p->removing.count > 0;
}
bool ctl_topic_is_reassigning(const struct ctl_topic *topic);
/*
 * Its deletion is under way, or begins as soon as it is looked at: nothing else is done with it. A topic
 * whose deletion waits for a move lives on until then: were it no longer led, told of and fetched, the move
 * would never end. (Kafka does nothing more for a topic that is marked, and such a one may stay for good.)
 */
bool ctl_topic_is_going(const struct ctl_topic *topic);
/* The znode's content as it follows from memory. */
struct znode_topic ctl_topic_to_znode(const struct ctl_topic *topic, struct arena *arena);

/* Brokers. */
struct ctl_broker *ctl_broker_find(const struct ctl_context *ctx, int32_t id);
struct ctl_broker *ctl_broker_add(struct ctl_context *ctx, int32_t id, const struct znode_broker *znode,
                                  int64_t epoch);
void ctl_broker_set_znode(struct ctl_broker *broker, const struct znode_broker *znode);
bool ctl_broker_endpoints_equal(const struct ctl_broker *broker, const struct znode_broker *znode);
void ctl_broker_remove(struct ctl_context *ctx, struct ctl_broker *broker);
/* Registered and not shutting down. */
bool ctl_broker_is_live(const struct ctl_context *ctx, int32_t id);
bool ctl_broker_is_suspected(const struct ctl_context *ctx, int32_t id);

/* Registered, its directory in order; the stricter one also demands that it is not shutting down. */
bool ctl_replica_is_reachable(const struct ctl_context *ctx, const struct ctl_partition *p, int32_t broker);
bool ctl_replica_is_online(const struct ctl_context *ctx, const struct ctl_partition *p, int32_t broker);
bool ctl_leader_is_online(const struct ctl_context *ctx, const struct ctl_partition *p);
/* The replica's entry; made when missing. */
struct ctl_replica *ctl_replica_of(struct ctl_partition *p, int32_t broker_id);
const struct ctl_replica *ctl_replica_find(const struct ctl_partition *p, int32_t broker_id);
enum ctl_replica_state ctl_replica_get_state(const struct ctl_partition *p, int32_t broker_id);

/* The two setters. False, with a log line, when the transition is not legal; nothing changes then. */
bool ctl_partition_set_state(struct ctl_partition *p, enum ctl_partition_state to);
bool ctl_replica_set_state(struct ctl_partition *p, int32_t broker_id, enum ctl_replica_state to);
const char *ctl_partition_state_name(enum ctl_partition_state state);
const char *ctl_replica_state_name(enum ctl_replica_state state);

/* Every partition of every topic. */
#define CTL_EACH_TOPIC(ctx, topic)                                                                           \
    for (struct ctl_topic *topic = ctl_topic_first(ctx), *topic##_next = ctl_topic_after(ctx, topic); topic; \
         topic = topic##_next, topic##_next = ctl_topic_after(ctx, topic))
#define CTL_EACH_BROKER(ctx, broker)                                                                         \
    for (struct ctl_broker *broker = ctl_broker_first(ctx), *broker##_next = ctl_broker_after(ctx, broker);  \
         broker; broker = broker##_next, broker##_next = ctl_broker_after(ctx, broker))

static inline struct ctl_topic *ctl_topic_at(const struct ctl_context *ctx, struct list *node)
{
    return node == &ctx->topics ? NULL : CONTAINER_OF(node, struct ctl_topic, node);
}
static inline struct ctl_topic *ctl_topic_first(const struct ctl_context *ctx)
{
    return ctl_topic_at(ctx, ctx->topics.next);
}
static inline struct ctl_topic *ctl_topic_after(const struct ctl_context *ctx, const struct ctl_topic *topic)
{
    return topic ? ctl_topic_at(ctx, topic->node.next) : NULL;
}
static inline struct ctl_broker *ctl_broker_at(const struct ctl_context *ctx, struct list *node)
{
    return node == &ctx->brokers ? NULL : CONTAINER_OF(node, struct ctl_broker, node);
}
static inline struct ctl_broker *ctl_broker_first(const struct ctl_context *ctx)
{
    return ctl_broker_at(ctx, ctx->brokers.next);
}
static inline struct ctl_broker *ctl_broker_after(const struct ctl_context *ctx,
                                                  const struct ctl_broker *broker)
{
    return broker ? ctl_broker_at(ctx, broker->node.next) : NULL;
}

#endif
