/*
 * Brokers that come, go, come back under a new epoch, or change their endpoints.
 *
 *   /brokers/ids changed -> children and every registration read -> new, bounced, dead
 *     new:           channel; the others learn of it; it learns everything; its replicas
 *                    come online; what has no leader is elected; moves and deletions go on
 *     bounced, dead: channel away; their replicas are lost, all in one go
 *     bounced:       then as new
 *
 * A broker that died and came back between two looks has a larger czxid; it lost its state
 * in memory, so it goes through both.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct controller_live_broker ctl_copy_live_broker(struct controller *c, int32_t id,
                                                   const struct znode_endpoint *endpoints, int32_t count,
                                                   int64_t epoch)
{
    struct arena *arena = &c->out->arena;
    struct znode_endpoint *copy = arena_zalloc(arena, (size_t)count * sizeof *copy);
    for (int32_t i = 0; i < count; i++)
        copy[i] =
            (struct znode_endpoint){.listener = arena_strdup(arena, endpoints[i].listener),
                                    .protocol = arena_strdup(arena, endpoints[i].protocol),
                                    .host = endpoints[i].host ? arena_strdup(arena, endpoints[i].host) : NULL,
                                    .port = endpoints[i].port};
    return (struct controller_live_broker){
        .id = id, .endpoints = copy, .endpoints_count = count, .epoch = epoch};
}

void ctl_announce_channel(struct controller *c, const struct ctl_broker *broker)
{
    struct controller_live_broker copy =
        ctl_copy_live_broker(c, broker->id, broker->endpoints, broker->endpoints_count, broker->epoch);
    controller_effects_add(c->out, CONTROLLER_EFFECT_ADD_CHANNEL)->add_channel = copy;
}

static bool is_one_of(const struct znode_ids *ids, int32_t id)
{
    return ctl_ids_contain(ids, id);
}

static struct ctl_refs replicas_on(struct controller *c, const struct znode_ids *brokers)
{
    struct ctl_refs refs = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            for (int32_t r = 0; r < p->replicas.count; r++) {
                if (is_one_of(brokers, p->replicas.ids[r]))
                    ctl_refs_add(c, &refs, p, p->replicas.ids[r]);
            }
        }
    }
    return refs;
}

struct ctl_refs ctl_replicas_on(struct controller *c, int32_t broker_id)
{
    struct znode_ids one = {.ids = &broker_id, .count = 1};
    return replicas_on(c, &one);
}

/* ---- replicas lost */

struct lost {
    struct ctl_frame frame;
    struct ctl_refs refs;
};

static void leaders_to_offline(struct controller *c)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; !ctl_topic_is_going(topic) && i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (p->state == CTL_PARTITION_ONLINE && !ctl_leader_is_online(&c->ctx, p))
                ctl_partition_set_state(p, CTL_PARTITION_OFFLINE);
        }
    }
}

static enum ctl_next run_lost(struct controller *c, struct ctl_frame *frame)
{
    struct lost *lost = (struct lost *)frame;
    switch (frame->phase++) {
    case 0: {
        leaders_to_offline(c);
        struct ctl_parts parts = ctl_leaderless(c, NULL);
        ctl_call_online(c, &parts);
        return CTL_AGAIN;
    }
    case 1: {
        struct ctl_refs deleting = {0};
        struct ctl_refs others = {0};
        for (int32_t i = 0; i < lost->refs.count; i++) {
            struct ctl_ref *ref = &lost->refs.items[i];
            ctl_refs_add(c, ctl_topic_is_going(ref->p->topic) ? &deleting : &others, ref->p, ref->broker_id);
        }
        ctl_deletion_failed(c, &deleting);
        ctl_call_replicas_offline(c, &others);
        return CTL_AGAIN;
    }
    default:
        ctl_send_fewer_brokers(c);
        return CTL_DONE;
    }
}

void ctl_call_replicas_lost(struct controller *c, const struct ctl_refs *refs)
{
    struct lost *lost = ctl_call(c, sizeof *lost, run_lost);
    lost->refs = *refs;
}

/* ---- brokers that come */

struct startup {
    struct ctl_frame frame;
    struct znode_ids ids;
};

/* Everything there is, before any LeaderAndIsr: it must know the leaders' endpoints. */
static void tell_newcomer(struct controller *c, struct ctl_broker *newcomer)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            if (topic->partitions[i]->has_leadership && !ctl_topic_is_going(topic))
                ctl_send_update_metadata_to(newcomer, topic->partitions[i]);
        }
    }
    ctl_send_brokers_to(newcomer);
}

static void forget_acks(const struct ctl_refs *refs)
{
    for (int32_t i = 0; i < refs->count; i++)
        ctl_replica_of(refs->items[i].p, refs->items[i].broker_id)->acked_leader_epoch = CTL_EPOCH_NEVER;
}

static enum ctl_next run_startup(struct controller *c, struct ctl_frame *frame)
{
    struct startup *s = (struct startup *)frame;
    switch (frame->phase++) {
    case 0: {
        CTL_EACH_BROKER(&c->ctx, broker)
        {
            if (is_one_of(&s->ids, broker->id))
                tell_newcomer(c, broker);
            else
                ctl_send_brokers_to(broker);
        }
        struct ctl_refs refs = replicas_on(c, &s->ids);
        forget_acks(&refs);
        ctl_forget_log_ends(&refs);
        ctl_replicas_online(c, &refs);
        struct ctl_parts parts = ctl_leaderless(c, NULL);
        ctl_call_online(c, &parts);
        return CTL_AGAIN;
    }
    case 1:
        ctl_delete_removed_replicas(c, &s->ids);
        ctl_call_resume_moves(c, &s->ids);
        return CTL_AGAIN;
    case 2:
        for (int32_t i = 0; i < s->ids.count; i++)
            ctl_deletion_retry(c, s->ids.ids[i]);
        ctl_call_resume_deletions(c);
        return CTL_AGAIN;
    default:
        return CTL_DONE;
    }
}

static void call_startup(struct controller *c, const struct znode_ids *ids)
{
    if (ids->count == 0)
        return;
    struct startup *s = ctl_call(c, sizeof *s, run_startup);
    s->ids = *ids;
}

/* ---- the event */

struct brokers {
    struct ctl_frame frame;
    struct znode_ids listed;
    struct znode_ids fresh;
    struct znode_ids bounced;
    struct znode_ids dead;
    struct znode_broker *znodes; /* of the bounced ones, kept until they are added again */
    int64_t *epochs;
};

enum { BROKERS_LIST, BROKERS_LISTED, BROKERS_READ, BROKERS_LOST, BROKERS_BACK, BROKERS_END };

static struct znode_ids room_for(struct controller *c, size_t count)
{
    return (struct znode_ids){.ids = arena_alloc(&c->arena, count * sizeof(int32_t) + 1)};
}

static void add_broker(struct controller *c, int32_t id, const struct znode_broker *znode, int64_t epoch)
{
    const struct ctl_broker *broker = ctl_broker_add(&c->ctx, id, znode, epoch);
    ctl_announce_channel(c, broker);
}

static void remove_broker(struct controller *c, int32_t id)
{
    controller_effects_add(c->out, CONTROLLER_EFFECT_REMOVE_CHANNEL)->remove_channel.broker_id = id;
    ctl_broker_remove(&c->ctx, ctl_broker_find(&c->ctx, id));
}

/* A copy that outlives the answer it came with. */
static struct znode_broker keep_znode(struct arena *arena, const struct znode_broker *from)
{
    struct znode_broker copy = *from;
    copy.endpoints = arena_zalloc(arena, (size_t)from->endpoints_count * sizeof *copy.endpoints);
    for (int32_t i = 0; i < from->endpoints_count; i++) {
        const struct znode_endpoint *e = &from->endpoints[i];
        copy.endpoints[i] = (struct znode_endpoint){.listener = arena_strdup(arena, e->listener),
                                                    .protocol = arena_strdup(arena, e->protocol),
                                                    .host = e->host ? arena_strdup(arena, e->host) : NULL,
                                                    .port = e->port};
    }
    copy.rack = from->rack ? arena_strdup(arena, from->rack) : NULL;
    copy.host = NULL;
    return copy;
}

static void take_registrations(struct controller *c, struct brokers *b)
{
    size_t known = c->ctx.brokers_by_id.count;
    b->fresh = room_for(c, (size_t)b->listed.count);
    b->bounced = room_for(c, (size_t)b->listed.count);
    b->dead = room_for(c, known);
    b->znodes = arena_zalloc(&c->arena, (size_t)b->listed.count * sizeof *b->znodes + 1);
    b->epochs = arena_zalloc(&c->arena, (size_t)b->listed.count * sizeof *b->epochs + 1);
    struct znode_ids present = room_for(c, (size_t)b->listed.count);
    for (int32_t i = 0; i < b->listed.count; i++) {
        const struct controller_op_result *found = &c->results[i];
        int32_t id = b->listed.ids[i];
        if (found->err == ERR_NOT_FOUND)
            continue;
        present.ids[present.count++] = id;
        if (found->err != ERR_NONE) {
            log_error("controller", "broker_unreadable", "broker=%d", id);
            continue;
        }
        const struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
        if (!broker) {
            b->fresh.ids[b->fresh.count++] = id;
            add_broker(c, id, &found->value.broker, found->czxid);
        } else if (found->czxid > broker->epoch) {
            b->znodes[b->bounced.count] = keep_znode(&c->arena, &found->value.broker);
            b->epochs[b->bounced.count] = found->czxid;
            b->bounced.ids[b->bounced.count++] = id;
        }
    }
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (!ctl_ids_contain(&present, broker->id))
            b->dead.ids[b->dead.count++] = broker->id;
    }
}

bool ctl_parse_broker_id(const char *name, int32_t *out)
{
    int64_t id = 0;
    if (name[0] == '\0' || (name[0] == '0' && name[1] != '\0'))
        return false;
    for (const char *at = name; *at; at++) {
        if (*at < '0' || *at > '9')
            return false;
        id = id * 10 + (*at - '0');
        if (id > INT32_MAX)
            return false;
    }
    *out = (int32_t)id;
    return true;
}

static void lose(struct controller *c, const struct brokers *b)
{
    struct znode_ids gone = room_for(c, (size_t)b->bounced.count + (size_t)b->dead.count);
    for (int32_t i = 0; i < b->bounced.count; i++)
        gone.ids[gone.count++] = b->bounced.ids[i];
    for (int32_t i = 0; i < b->dead.count; i++)
        gone.ids[gone.count++] = b->dead.ids[i];
    struct znode_ids suspects = room_for(c, (size_t)gone.count);
    for (int32_t i = 0; i < gone.count; i++) {
        if (ctl_broker_is_suspected(&c->ctx, gone.ids[i]))
            suspects.ids[suspects.count++] = gone.ids[i];
        remove_broker(c, gone.ids[i]);
    }
    ctl_call_forget_suspects(c, &suspects);
    struct ctl_refs refs = replicas_on(c, &gone);
    ctl_call_replicas_lost(c, &refs);
}

static enum ctl_next run_brokers(struct controller *c, struct ctl_frame *frame)
{
    struct brokers *b = (struct brokers *)frame;
    switch (frame->phase++) {
    case BROKERS_LIST:
        ctl_children(c, true, "/brokers/ids");
        return ctl_submit(c);
    case BROKERS_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        b->listed = room_for(c, (size_t)c->results[0].children_count);
        for (int32_t i = 0; i < c->results[0].children_count; i++) {
            int32_t id;
            if (!ctl_parse_broker_id(c->results[0].children[i], &id))
                continue;
            b->listed.ids[b->listed.count++] = id;
            ctl_get(c, CONTROLLER_VALUE_BROKER, true, ctl_path(c, "/brokers/ids/%d", id));
        }
        return ctl_submit(c);
    case BROKERS_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_registrations(c, b);
        if (b->fresh.count + b->bounced.count + b->dead.count)
            log_info("controller", "brokers_changed", "new=%d bounced=%d dead=%d live=%zu", b->fresh.count,
                     b->bounced.count, b->dead.count, c->ctx.brokers_by_id.count);
        call_startup(c, &b->fresh);
        ctl_call_trust(c, &b->fresh); /* runs before it */
        return CTL_AGAIN;
    case BROKERS_LOST:
        if (b->bounced.count + b->dead.count)
            lose(c, b);
        return CTL_AGAIN;
    case BROKERS_BACK:
        for (int32_t i = 0; i < b->bounced.count; i++)
            add_broker(c, b->bounced.ids[i], &b->znodes[i], b->epochs[i]);
        call_startup(c, &b->bounced);
        ctl_call_trust(c, &b->bounced); /* runs before it */
        return CTL_AGAIN;
    case BROKERS_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_brokers(struct controller *c)
{
    ctl_call(c, sizeof(struct brokers), run_brokers);
}

/* ---- one registration changed in place */

struct modified {
    struct ctl_frame frame;
    int32_t id;
};

static bool rack_equal(const struct ctl_broker *broker, const struct znode_broker *znode)
{
    return broker->rack && znode->rack ? strcmp(broker->rack, znode->rack) == 0 : broker->rack == znode->rack;
}

static enum ctl_next run_modified(struct controller *c, struct ctl_frame *frame)
{
    int32_t id = ((struct modified *)frame)->id;
    if (frame->phase++ == 0) {
        ctl_get(c, CONTROLLER_VALUE_BROKER, true, ctl_path(c, "/brokers/ids/%d", id));
        return ctl_submit(c);
    }
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *found = &c->results[0];
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    if (!broker || found->err != ERR_NONE || found->czxid != broker->epoch) {
        ctl_enqueue_kind(c, CTL_EVENT_BROKERS);
        return CTL_DONE;
    }
    bool same_endpoints = ctl_broker_endpoints_equal(broker, &found->value.broker);
    if (same_endpoints && rack_equal(broker, &found->value.broker))
        return CTL_DONE;
    ctl_broker_set_znode(broker, &found->value.broker);
    log_info("controller", "broker_changed", "broker=%d", id);
    if (!same_endpoints) {
        ctl_announce_channel(c, broker);
        ctl_outbox_abandon(broker);
    }
    ctl_send_brokers(c);
    return CTL_DONE;
}

void ctl_start_broker(struct controller *c, int32_t id)
{
    struct modified *frame = ctl_call(c, sizeof *frame, run_modified);
    frame->id = id;
}
