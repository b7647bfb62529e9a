#include "core/controller/context.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/standing.h"

void ctl_context_init(struct ctl_context *ctx)
{
    memset(ctx, 0, sizeof *ctx);
    list_init(&ctx->topics);
    list_init(&ctx->brokers);
}

void ctl_context_clear(struct ctl_context *ctx)
{
    CTL_EACH_BROKER(ctx, broker)
    {
        ctl_broker_remove(ctx, broker);
    }
    CTL_EACH_TOPIC(ctx, topic)
    {
        ctl_topic_forget(ctx, topic);
    }
    map_close(&ctx->topics_by_name);
    map_close(&ctx->topics_by_id);
    map_close(&ctx->brokers_by_id);
    free(ctx->trusted);
    ctl_context_init(ctx);
}

/* ---- lists of ids */

bool ctl_ids_contain(const struct znode_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++) {
        if (ids->ids[i] == id)
            return true;
    }
    return false;
}

bool ctl_ids_equal(const struct znode_ids *a, const struct znode_ids *b)
{
    return a->count == b->count &&
           (a->count == 0 || memcmp(a->ids, b->ids, (size_t)a->count * sizeof *a->ids) == 0);
}

bool ctl_ids_are_valid(const struct znode_ids *ids)
{
    for (int32_t i = 0; i < ids->count; i++) {
        if (ids->ids[i] < 0)
            return false;
        for (int32_t j = 0; j < i; j++) {
            if (ids->ids[j] == ids->ids[i])
                return false;
        }
    }
    return ids->count > 0;
}

void ctl_ids_assign(struct znode_ids *owned, const struct znode_ids *from)
{
    size_t size = (size_t)from->count * sizeof *from->ids;
    int32_t *copy = from->count ? mem_dup(from->ids, size) : NULL;
    free(owned->ids);
    *owned = (struct znode_ids){.ids = copy, .count = from->count};
}

struct znode_ids ctl_ids_dup(struct arena *arena, const struct znode_ids *from)
{
    struct znode_ids copy = {.count = from->count};
    if (from->count) {
        size_t size = (size_t)from->count * sizeof *from->ids;
        copy.ids = arena_alloc(arena, size);
        memcpy(copy.ids, from->ids, size);
    }
    return copy;
}

/* ---- topics and partitions */

struct ctl_topic *ctl_topic_find(const struct ctl_context *ctx, const char *name)
{
    return map_get_str(&ctx->topics_by_name, name);
}

struct ctl_topic *ctl_topic_find_id(const struct ctl_context *ctx, struct uuid id)
{
    return map_get(&ctx->topics_by_id, view_of(id.bytes, sizeof id.bytes));
}

struct ctl_topic *ctl_topic_add(struct ctl_context *ctx, const char *name)
{
    struct ctl_topic *topic = MEM_NEW(struct ctl_topic);
    topic->name = mem_strdup(name);
    list_push_back(&ctx->topics, &topic->node);
    ASSERT(map_put_str(&ctx->topics_by_name, name, topic) == NULL);
    return topic;
}

void ctl_topic_set_id(struct ctl_context *ctx, struct ctl_topic *topic, struct uuid id)
{
    if (!uuid_is_zero(topic->id))
        map_remove(&ctx->topics_by_id, view_of(topic->id.bytes, sizeof topic->id.bytes));
    topic->id = id;
    if (uuid_is_zero(id))
        return;
    struct ctl_topic *other = map_put(&ctx->topics_by_id, view_of(id.bytes, sizeof id.bytes), topic);
    if (other && other != topic) {
        log_error("controller", "topic_id_shared", "topic=%s other=%s", topic->name, other->name);
        memset(&other->id, 0, sizeof other->id);
    }
}

static void partition_free(struct ctl_partition *p)
{
    free(p->replicas.ids);
    free(p->adding.ids);
    free(p->removing.ids);
    free(p->leadership.isr.ids);
    free(p->states);
    ctl_standing_free(p->standing);
    ctl_standing_free(p->standing_next);
    free(p);
}

void ctl_topic_forget(struct ctl_context *ctx, struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        CTL_EACH_BROKER(ctx, broker)
        {
            ctl_outbox_scrub(broker, p);
            map_remove_int(&broker->offline, (int64_t)(intptr_t)p);
        }
        ctx->kept_offline -= p->standing && p->standing->lost_count > 0;
        partition_free(p);
    }
    ctl_topic_set_id(ctx, topic, (struct uuid){{0}});
    map_remove(&ctx->topics_by_name, view_str(topic->name));
    list_remove(&topic->node);
    free(topic->partitions);
    free(topic->name);
    free(topic);
}

/* Place of the number, or of the first larger one. */
static int32_t partition_place(const struct ctl_topic *topic, int32_t number)
{
    if (number < topic->partitions_count && topic->partitions[number]->number == number)
        return number; /* the usual case: 0 to n - 1, without a gap */
    int32_t low = 0;
    int32_t high = topic->partitions_count;
    while (low < high) {
        int32_t middle = low + (high - low) / 2;
        if (topic->partitions[middle]->number < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct ctl_partition *ctl_partition_find(const struct ctl_topic *topic, int32_t number)
{
    if (number < 0)
        return NULL;
    int32_t place = partition_place(topic, number);
    if (place == topic->partitions_count || topic->partitions[place]->number != number)
        return NULL;
    return topic->partitions[place];
}

struct ctl_partition *ctl_partition_add(struct ctl_topic *topic, int32_t number,
                                        const struct znode_ids *replicas)
{
    struct ctl_partition *p = MEM_NEW(struct ctl_partition);
    p->topic = topic;
    p->number = number;
    p->state = CTL_PARTITION_NONEXISTENT;
    ctl_ids_assign(&p->replicas, replicas);
    if (topic->partitions_count == topic->partitions_cap) {
        topic->partitions_cap = topic->partitions_cap ? topic->partitions_cap * 2 : 1;
        topic->partitions =
            mem_resize(topic->partitions, (size_t)topic->partitions_cap * sizeof *topic->partitions);
    }
    int32_t place = partition_place(topic, number);
    memmove(topic->partitions + place + 1, topic->partitions + place,
            (size_t)(topic->partitions_count - place) * sizeof *topic->partitions);
    topic->partitions[place] = p;
    topic->partitions_count++;
    return p;
}

void ctl_partition_set_assignment(struct ctl_partition *p, const struct znode_assignment *assignment)
{
    ctl_ids_assign(&p->replicas, &assignment->replicas);
    ctl_ids_assign(&p->adding, &assignment->adding);
    ctl_ids_assign(&p->removing, &assignment->removing);
}

void ctl_partition_set_leadership(struct ctl_partition *p, const struct znode_state *state, int32_t version)
{
    struct znode_ids isr = p->leadership.isr;
    ctl_ids_assign(&isr, &state->isr);
    p->leadership = *state;
    p->leadership.isr = isr;
    p->has_leadership = true;
    p->zk_version = version;
    if (state->leader == ZNODE_NO_LEADER)
        return;
    p->ends_until_ms = 0;
    for (int32_t i = 0; i < p->states_count; i++)
        p->states[i].end.state = CTL_LOG_END_UNKNOWN;
}

bool ctl_topic_is_reassigning(const struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        if (ctl_partition_is_reassigning(topic->partitions[i]))
            return true;
    }
    return false;
}

bool ctl_topic_is_going(const struct ctl_topic *topic)
{
    return topic->to_be_deleted && (topic->deletion_started || !ctl_topic_is_reassigning(topic));
}

struct znode_topic ctl_topic_to_znode(const struct ctl_topic *topic, struct arena *arena)
{
    struct znode_topic znode = {.topic_id = topic->id, .partitions_count = topic->partitions_count};
    znode.partitions = arena_zalloc(arena, (size_t)topic->partitions_count * sizeof *znode.partitions);
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        const struct ctl_partition *p = topic->partitions[i];
        znode.partitions[i] = (struct znode_assignment){.partition = p->number,
                                                        .replicas = ctl_ids_dup(arena, &p->replicas),
                                                        .adding = ctl_ids_dup(arena, &p->adding),
                                                        .removing = ctl_ids_dup(arena, &p->removing)};
    }
    return znode;
}

/* ---- brokers */

struct ctl_broker *ctl_broker_find(const struct ctl_context *ctx, int32_t id)
{
    return map_get_int(&ctx->brokers_by_id, id);
}

static void broker_clear_znode(struct ctl_broker *broker)
{
    for (int32_t i = 0; i < broker->endpoints_count; i++) {
        free((char *)(uintptr_t)broker->endpoints[i].listener);
        free((char *)(uintptr_t)broker->endpoints[i].protocol);
        free((char *)(uintptr_t)broker->endpoints[i].host);
    }
    free(broker->endpoints);
    free(broker->rack);
}

void ctl_broker_set_znode(struct ctl_broker *broker, const struct znode_broker *znode)
{
    broker_clear_znode(broker);
    broker->endpoints_count = znode->endpoints_count;
    broker->endpoints = mem_zalloc((size_t)znode->endpoints_count * sizeof *broker->endpoints + 1);
    for (int32_t i = 0; i < znode->endpoints_count; i++) {
        const struct znode_endpoint *from = &znode->endpoints[i];
        broker->endpoints[i] = (struct znode_endpoint){.listener = mem_strdup(from->listener),
                                                       .protocol = mem_strdup(from->protocol),
                                                       .host = mem_strdup(from->host ? from->host : ""),
                                                       .port = from->port};
    }
    broker->rack = znode->rack ? mem_strdup(znode->rack) : NULL;
}

bool ctl_broker_endpoints_equal(const struct ctl_broker *broker, const struct znode_broker *znode)
{
    if (broker->endpoints_count != znode->endpoints_count)
        return false;
    for (int32_t i = 0; i < znode->endpoints_count; i++) {
        const struct znode_endpoint *a = &broker->endpoints[i];
        const struct znode_endpoint *b = &znode->endpoints[i];
        if (a->port != b->port || strcmp(a->listener, b->listener) != 0 ||
            strcmp(a->protocol, b->protocol) != 0 || strcmp(a->host, b->host ? b->host : "") != 0)
            return false;
    }
    return true;
}

struct ctl_broker *ctl_broker_add(struct ctl_context *ctx, int32_t id, const struct znode_broker *znode,
                                  int64_t epoch)
{
    struct ctl_broker *broker = MEM_NEW(struct ctl_broker);
    broker->id = id;
    broker->epoch = epoch;
    ctl_broker_set_znode(broker, znode);
    ctl_outbox_init(&broker->outbox);
    struct list *at = ctx->brokers.prev;
    while (at != &ctx->brokers && CONTAINER_OF(at, struct ctl_broker, node)->id > id)
        at = at->prev;
    list_insert_after(at, &broker->node);
    ASSERT(map_put_int(&ctx->brokers_by_id, id, broker) == NULL);
    return broker;
}

void ctl_broker_remove(struct ctl_context *ctx, struct ctl_broker *broker)
{
    map_remove_int(&ctx->brokers_by_id, broker->id);
    list_remove(&broker->node);
    ctl_outbox_close(&broker->outbox);
    map_close(&broker->offline);
    broker_clear_znode(broker);
    free(broker);
}

bool ctl_broker_is_live(const struct ctl_context *ctx, int32_t id)
{
    const struct ctl_broker *broker = ctl_broker_find(ctx, id);
    return broker && !broker->shutting_down;
}

/* ---- replicas */

bool ctl_broker_is_suspected(const struct ctl_context *ctx, int32_t id)
{
    const struct ctl_broker *broker = ctl_broker_find(ctx, id);
    return broker && broker->suspected;
}

bool ctl_replica_is_reachable(const struct ctl_context *ctx, const struct ctl_partition *p, int32_t id)
{
    const struct ctl_broker *broker = ctl_broker_find(ctx, id);
    return broker && !(broker->offline.count && map_get_int(&broker->offline, (int64_t)(intptr_t)p));
}

bool ctl_replica_is_online(const struct ctl_context *ctx, const struct ctl_partition *p, int32_t id)
{
    return ctl_replica_is_reachable(ctx, p, id) && ctl_broker_is_live(ctx, id);
}

bool ctl_leader_is_online(const struct ctl_context *ctx, const struct ctl_partition *p)
{
    return p->has_leadership && ctl_replica_is_online(ctx, p, p->leadership.leader);
}

const struct ctl_replica *ctl_replica_find(const struct ctl_partition *p, int32_t broker_id)
{
    for (int32_t i = 0; i < p->states_count; i++) {
        if (p->states[i].broker_id == broker_id)
            return &p->states[i];
    }
    return NULL;
}

struct ctl_replica *ctl_replica_of(struct ctl_partition *p, int32_t broker_id)
{
    for (int32_t i = 0; i < p->states_count; i++) {
        if (p->states[i].broker_id == broker_id)
            return &p->states[i];
    }
    p->states = mem_resize(p->states, (size_t)(p->states_count + 1) * sizeof *p->states);
    struct ctl_replica *replica = &p->states[p->states_count++];
    *replica = (struct ctl_replica){
        .broker_id = broker_id, .state = CTL_REPLICA_NONEXISTENT, .acked_leader_epoch = CTL_EPOCH_NEVER};
    return replica;
}

enum ctl_replica_state ctl_replica_get_state(const struct ctl_partition *p, int32_t broker_id)
{
    const struct ctl_replica *replica = ctl_replica_find(p, broker_id);
    return replica ? replica->state : CTL_REPLICA_NONEXISTENT;
}

/* ---- the two state machines */

#define FROM(state) (1u << (state))

const char *ctl_partition_state_name(enum ctl_partition_state state)
{
    switch (state) {
    case CTL_PARTITION_NONEXISTENT:
        return "NonExistentPartition";
    case CTL_PARTITION_NEW:
        return "NewPartition";
    case CTL_PARTITION_ONLINE:
        return "OnlinePartition";
    case CTL_PARTITION_OFFLINE:
        return "OfflinePartition";
    }
    UNREACHABLE();
}

const char *ctl_replica_state_name(enum ctl_replica_state state)
{
    switch (state) {
    case CTL_REPLICA_NONEXISTENT:
        return "NonExistentReplica";
    case CTL_REPLICA_NEW:
        return "NewReplica";
    case CTL_REPLICA_ONLINE:
        return "OnlineReplica";
    case CTL_REPLICA_OFFLINE:
        return "OfflineReplica";
    case CTL_REPLICA_DELETION_STARTED:
        return "ReplicaDeletionStarted";
    case CTL_REPLICA_DELETION_SUCCESSFUL:
        return "ReplicaDeletionSuccessful";
    case CTL_REPLICA_DELETION_INELIGIBLE:
        return "ReplicaDeletionIneligible";
    }
    UNREACHABLE();
}

static const unsigned partition_from[] = {
    [CTL_PARTITION_NONEXISTENT] = FROM(CTL_PARTITION_OFFLINE),
    [CTL_PARTITION_NEW] = FROM(CTL_PARTITION_NONEXISTENT),
    [CTL_PARTITION_ONLINE] =
        FROM(CTL_PARTITION_NEW) | FROM(CTL_PARTITION_ONLINE) | FROM(CTL_PARTITION_OFFLINE),
    [CTL_PARTITION_OFFLINE] =
        FROM(CTL_PARTITION_NEW) | FROM(CTL_PARTITION_ONLINE) | FROM(CTL_PARTITION_OFFLINE),
};

static const unsigned replica_from[] = {
    [CTL_REPLICA_NONEXISTENT] = FROM(CTL_REPLICA_DELETION_SUCCESSFUL),
    [CTL_REPLICA_NEW] = FROM(CTL_REPLICA_NONEXISTENT),
    [CTL_REPLICA_ONLINE] = FROM(CTL_REPLICA_NEW) | FROM(CTL_REPLICA_ONLINE) | FROM(CTL_REPLICA_OFFLINE) |
                           FROM(CTL_REPLICA_DELETION_INELIGIBLE),
    [CTL_REPLICA_OFFLINE] = FROM(CTL_REPLICA_NEW) | FROM(CTL_REPLICA_ONLINE) | FROM(CTL_REPLICA_OFFLINE) |
                            FROM(CTL_REPLICA_DELETION_INELIGIBLE),
    [CTL_REPLICA_DELETION_STARTED] = FROM(CTL_REPLICA_OFFLINE),
    [CTL_REPLICA_DELETION_SUCCESSFUL] = FROM(CTL_REPLICA_DELETION_STARTED),
    [CTL_REPLICA_DELETION_INELIGIBLE] = FROM(CTL_REPLICA_OFFLINE) | FROM(CTL_REPLICA_DELETION_STARTED),
};

bool ctl_partition_set_state(struct ctl_partition *p, enum ctl_partition_state to)
{
    if (!(partition_from[to] & FROM(p->state))) {
        log_error("controller", "partition_transition_refused", "topic=%s partition=%d from=%s to=%s",
                  p->topic->name, p->number, ctl_partition_state_name(p->state),
                  ctl_partition_state_name(to));
        return false;
    }
    if (p->state != to)
        log_debug("controller", "partition_state", "topic=%s partition=%d from=%s to=%s", p->topic->name,
                  p->number, ctl_partition_state_name(p->state), ctl_partition_state_name(to));
    p->state = to;
    return true;
}

bool ctl_replica_set_state(struct ctl_partition *p, int32_t broker_id, enum ctl_replica_state to)
{
    struct ctl_replica *replica = ctl_replica_of(p, broker_id);
    if (!(replica_from[to] & FROM(replica->state))) {
        log_error("controller", "replica_transition_refused", "topic=%s partition=%d broker=%d from=%s to=%s",
                  p->topic->name, p->number, broker_id, ctl_replica_state_name(replica->state),
                  ctl_replica_state_name(to));
        return false;
    }
    if (replica->state != to)
        log_debug("controller", "replica_state", "topic=%s partition=%d broker=%d from=%s to=%s",
                  p->topic->name, p->number, broker_id, ctl_replica_state_name(replica->state),
                  ctl_replica_state_name(to));
    replica->state = to;
    return true;
}
