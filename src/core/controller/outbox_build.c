#include "core/controller/outbox_build.h"

#include "base/assert.h"
#include "core/controller/internal.h"

/*
 * Entries grouped by topic, in order of the topics' first entries. `order` holds places of the
 * entries, topic after topic; `begins` where each topic's entries begin.
 */
struct grouping {
    int32_t *order;
    int32_t *begins;
    int32_t topics;
};

static const char *entry_topic(const struct ctl_out_entry *entry)
{
    return entry->p ? entry->p->topic->name : entry->topic;
}

static struct grouping group(struct arena *arena, const struct ctl_out_set *set)
{
    size_t n = (size_t)set->count;
    struct grouping g = {.order = arena_alloc(arena, n * sizeof(int32_t)),
                         .begins = arena_alloc(arena, (n + 1) * sizeof(int32_t))};
    int32_t *topic_of = arena_alloc(arena, n * sizeof(int32_t));
    int32_t *sizes = arena_zalloc(arena, n * sizeof(int32_t));
    struct map topics = {0};
    for (int32_t i = 0; i < set->count; i++) {
        const char *name = entry_topic(&set->items[i]);
        uintptr_t number = (uintptr_t)map_get_str(&topics, name);
        if (!number) {
            number = (uintptr_t)++g.topics;
            map_put_str(&topics, name, (void *)number);
        }
        topic_of[i] = (int32_t)number - 1;
        sizes[topic_of[i]]++;
    }
    map_close(&topics);
    int32_t at = 0;
    for (int32_t t = 0; t < g.topics; t++) {
        g.begins[t] = at;
        at += sizes[t];
        sizes[t] = g.begins[t];
    }
    g.begins[g.topics] = at;
    for (int32_t i = 0; i < set->count; i++)
        g.order[sizes[topic_of[i]]++] = i;
    return g;
}

static struct znode_ids offline_replicas(struct controller *c, const struct ctl_partition *p)
{
    struct znode_ids out = {0};
    for (int32_t i = 0; i < p->replicas.count; i++) {
        if (ctl_replica_is_online(&c->ctx, p, p->replicas.ids[i]))
            continue;
        if (!out.ids)
            out.ids = arena_alloc(&c->out->arena, (size_t)p->replicas.count * sizeof(int32_t));
        out.ids[out.count++] = p->replicas.ids[i];
    }
    return out;
}

static void fill_state(struct controller *c, const struct ctl_partition *p,
                       struct controller_partition_state *out)
{
    const struct znode_state *state = &p->leadership;
    struct arena *arena = &c->out->arena;
    *out = (struct controller_partition_state){
        .partition = p->number,
        .controller_epoch = state->controller_epoch,
        .leader = state->leader,
        .leader_epoch = state->leader_epoch,
        .partition_epoch = p->zk_version,
        .leader_recovery_state = state->leader_recovery_state,
        .isr = ctl_ids_dup(arena, &state->isr),
        .replicas = ctl_ids_dup(arena, &p->replicas),
    };
}

/* False: nothing can be said about it now. */
static bool fill_leader_and_isr(struct controller *c, struct ctl_out_entry *entry, int32_t broker_id,
                                struct controller_partition_state *out)
{
    const struct ctl_partition *p = entry->p;
    if (!p || !p->has_leadership || !ctl_ids_contain(&p->replicas, broker_id))
        return false;
    fill_state(c, p, out);
    out->adding = ctl_ids_dup(&c->out->arena, &p->adding);
    out->removing = ctl_ids_dup(&c->out->arena, &p->removing);
    out->is_new = entry->is_new;
    entry->leader_epoch = p->leadership.leader_epoch;
    return true;
}

static bool fill_update_metadata(struct controller *c, const struct ctl_out_entry *entry,
                                 struct controller_partition_state *out)
{
    const struct ctl_partition *p = entry->p;
    bool deleted = !p || ctl_topic_is_going(p->topic);
    if (!deleted && !p->has_leadership)
        return false;
    if (p) {
        fill_state(c, p, out);
        out->offline = offline_replicas(c, p);
    } else
        *out = (struct controller_partition_state){.partition = entry->number, .controller_epoch = c->epoch};
    if (deleted) {
        out->leader = ZNODE_LEADER_DURING_DELETE;
        out->leader_epoch = 0;
        out->partition_epoch = 0;
    }
    return true;
}

static bool fill_log_end(struct ctl_out_entry *entry, int32_t broker_id,
                         struct controller_partition_state *out)
{
    const struct ctl_partition *p = entry->p;
    if (!p || ctl_topic_is_going(p->topic) || !ctl_ids_contain(&p->replicas, broker_id))
        return false;
    *out = (struct controller_partition_state){.partition = p->number};
    entry->leader_epoch = p->leadership.leader_epoch;
    return true;
}

static void fill_topics(struct controller *c, const struct ctl_broker *broker, enum ctl_out_kind kind,
                        struct ctl_out_set *set, struct controller_send *send)
{
    struct arena *arena = &c->out->arena;
    struct grouping g = group(arena, set);
    send->topics = arena_zalloc(arena, (size_t)g.topics * sizeof *send->topics);
    for (int32_t t = 0; t < g.topics; t++) {
        struct controller_topic_states *topic = &send->topics[send->topics_count];
        const struct ctl_out_entry *first = &set->items[g.order[g.begins[t]]];
        topic->topic = arena_strdup(arena, entry_topic(first));
        int32_t count = g.begins[t + 1] - g.begins[t];
        topic->partitions = arena_alloc(arena, (size_t)count * sizeof *topic->partitions);
        for (int32_t i = g.begins[t]; i < g.begins[t + 1]; i++) {
            struct ctl_out_entry *entry = &set->items[g.order[i]];
            struct controller_partition_state *out = &topic->partitions[topic->partitions_count];
            bool filled = kind == CTL_OUT_LEADER_AND_ISR ? fill_leader_and_isr(c, entry, broker->id, out)
                          : kind == CTL_OUT_LOG_ENDS     ? fill_log_end(entry, broker->id, out)
                                                         : fill_update_metadata(c, entry, out);
            topic->partitions_count += filled;
            /* A topic made again under the name of a deleted one: the living id counts. */
            if (entry->p || uuid_is_zero(topic->topic_id))
                topic->topic_id = entry->p ? entry->p->topic->id : entry->topic_id;
        }
        send->topics_count += topic->partitions_count > 0;
        if (topic->partitions_count == 0)
            memset(topic, 0, sizeof *topic);
    }
}

static struct controller_live_broker live_broker(struct arena *arena, const struct ctl_broker *broker)
{
    struct znode_endpoint *endpoints =
        arena_zalloc(arena, (size_t)broker->endpoints_count * sizeof *endpoints);
    for (int32_t i = 0; i < broker->endpoints_count; i++) {
        const struct znode_endpoint *from = &broker->endpoints[i];
        endpoints[i] = (struct znode_endpoint){.listener = arena_strdup(arena, from->listener),
                                               .protocol = arena_strdup(arena, from->protocol),
                                               .host = arena_strdup(arena, from->host),
                                               .port = from->port};
    }
    return (struct controller_live_broker){.id = broker->id,
                                           .endpoints = endpoints,
                                           .endpoints_count = broker->endpoints_count,
                                           .rack = broker->rack ? arena_strdup(arena, broker->rack) : NULL};
}

static bool is_named_leader(const struct controller_send *send, int32_t id)
{
    for (int32_t t = 0; t < send->topics_count; t++) {
        for (int32_t i = 0; i < send->topics[t].partitions_count; i++) {
            if (send->topics[t].partitions[i].leader == id)
                return true;
        }
    }
    return false;
}

static void fill_brokers(struct controller *c, bool leaders_only, struct controller_send *send)
{
    struct arena *arena = &c->out->arena;
    send->live_brokers = arena_alloc(arena, c->ctx.brokers_by_id.count * sizeof *send->live_brokers);
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (!leaders_only || is_named_leader(send, broker->id))
            send->live_brokers[send->live_brokers_count++] = live_broker(arena, broker);
    }
}

static void fill_stops(struct controller *c, struct ctl_out_set *set, struct controller_send *send)
{
    struct arena *arena = &c->out->arena;
    struct grouping g = group(arena, set);
    send->stops = arena_zalloc(arena, (size_t)g.topics * sizeof *send->stops);
    send->stops_count = g.topics;
    for (int32_t t = 0; t < g.topics; t++) {
        struct controller_topic_stops *topic = &send->stops[t];
        topic->topic = arena_strdup(arena, entry_topic(&set->items[g.order[g.begins[t]]]));
        topic->partitions_count = g.begins[t + 1] - g.begins[t];
        topic->partitions = arena_alloc(arena, (size_t)topic->partitions_count * sizeof *topic->partitions);
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            const struct ctl_out_entry *entry = &set->items[g.order[g.begins[t] + i]];
            bool deleting = entry->p && ctl_topic_is_going(entry->p->topic);
            topic->partitions[i] =
                (struct controller_stop_partition){.partition = entry->p ? entry->p->number : entry->number,
                                                   .leader_epoch = deleting ? -2 : entry->leader_epoch,
                                                   .delete_partition = entry->delete_partition};
        }
    }
}

static enum controller_effect_kind effect_of(enum ctl_out_kind kind)
{
    switch (kind) {
    case CTL_OUT_LEADER_AND_ISR:
        return CONTROLLER_EFFECT_LEADER_AND_ISR;
    case CTL_OUT_UPDATE_METADATA:
        return CONTROLLER_EFFECT_UPDATE_METADATA;
    case CTL_OUT_STOP_REPLICA:
        return CONTROLLER_EFFECT_STOP_REPLICA;
    case CTL_OUT_LOG_ENDS:
        return CONTROLLER_EFFECT_LOG_ENDS;
    case CTL_OUT_KINDS:
        break;
    }
    UNREACHABLE();
}

void ctl_build_request(struct controller *c, struct ctl_broker *broker, enum ctl_out_kind kind,
                       struct ctl_out_set *set, uint64_t ticket)
{
    struct controller_send send = {.broker_id = broker->id,
                                   .ticket = ticket,
                                   .controller_id = c->config.broker_id,
                                   .controller_epoch = c->epoch,
                                   .broker_epoch = broker->epoch};
    if (kind == CTL_OUT_STOP_REPLICA)
        fill_stops(c, set, &send);
    else {
        fill_topics(c, broker, kind, set, &send);
        if (kind != CTL_OUT_LOG_ENDS)
            fill_brokers(c, kind == CTL_OUT_LEADER_AND_ISR, &send);
    }
    controller_effects_add(c->out, effect_of(kind))->send = send;
}
