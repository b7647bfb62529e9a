#include "core/metadata/metadata.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "wire/generated/wire_messages.h"

/* A partition's number may leave so many open below it; a larger one is a lie that would cost memory. */
#define GAP_MAX 100000

/* Leader of a partition that is being deleted (zookeeper-and-controller 3.24). */
#define LEADER_DURING_DELETE (-2)

/* --- topics ----------------------------------------------------------------------------------------- */

static void partition_clear(struct metadata_partition *partition)
{
    free(partition->replicas);
    free(partition->isr);
    free(partition->offline);
    *partition = (struct metadata_partition){.leader = -1, .leader_epoch = -1};
}

static void topic_release(struct metadata_topic *topic)
{
    if (atomic_fetch_sub_explicit(&topic->shares, 1, memory_order_acq_rel) != 1)
        return;
    for (int32_t i = 0; i < topic->partitions_count; i++)
        partition_clear(&topic->partitions[i]);
    free(topic->partitions);
    free(topic->name);
    free(topic);
}

static int32_t *ids_dup(const int32_t *ids, int32_t count)
{
    return count > 0 ? mem_dup(ids, (size_t)count * sizeof *ids) : NULL;
}

static void partition_copy(struct metadata_partition *to, const struct metadata_partition *from)
{
    *to = *from;
    to->replicas = ids_dup(from->replicas, from->replicas_count);
    to->isr = ids_dup(from->isr, from->isr_count);
    to->offline = ids_dup(from->offline, from->offline_count);
}

static struct metadata_topic *topic_copy(const struct metadata_topic *from, struct view name)
{
    struct metadata_topic *topic = MEM_NEW(struct metadata_topic);
    atomic_init(&topic->shares, 1);
    topic->name = view_to_cstr(name);
    if (from) {
        topic->id = from->id;
        topic->partitions_count = from->partitions_count;
        topic->partitions = mem_zalloc(sizeof *topic->partitions * (size_t)(from->partitions_count + 1));
        for (int32_t i = 0; i < from->partitions_count; i++)
            partition_copy(&topic->partitions[i], &from->partitions[i]);
    }
    return topic;
}

static bool topic_is_empty(const struct metadata_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++)
        if (topic->partitions[i].known)
            return false;
    return true;
}

static struct metadata_partition *topic_partition(struct metadata_topic *topic, int32_t index)
{
    if (index >= topic->partitions_count) {
        size_t count = (size_t)index + 1;
        topic->partitions = mem_resize(topic->partitions, count * sizeof *topic->partitions);
        for (int32_t i = topic->partitions_count; i <= index; i++)
            topic->partitions[i] = (struct metadata_partition){.leader = -1, .leader_epoch = -1};
        topic->partitions_count = index + 1;
    }
    return &topic->partitions[index];
}

/* --- brokers ---------------------------------------------------------------------------------------- */

static int compare_brokers(const void *a, const void *b)
{
    int32_t x = ((const struct metadata_broker *)a)->id;
    int32_t y = ((const struct metadata_broker *)b)->id;
    return (x > y) - (x < y);
}

static void broker_take(struct metadata_broker *to,
                        const struct wire_update_metadata_request_update_metadata_broker *from)
{
    to->id = from->id;
    to->rack = view_to_cstr(from->rack);
    if (from->endpoints_count > 0) {
        to->endpoints = mem_zalloc(sizeof *to->endpoints * (size_t)from->endpoints_count);
        to->endpoints_count = from->endpoints_count;
        for (int32_t i = 0; i < from->endpoints_count; i++) {
            const struct wire_update_metadata_request_update_metadata_endpoint *endpoint =
                &from->endpoints[i];
            /* Before version 3 a listener had no name of its own: it was called like its protocol. */
            static const char *const PROTOCOLS[] = {"PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"};
            int16_t protocol = endpoint->security_protocol;
            bool named = endpoint->listener.len > 0;
            const char *fallback = protocol >= 0 && protocol < 4 ? PROTOCOLS[protocol] : "";
            to->endpoints[i] = (struct metadata_endpoint){.listener = named ? view_to_cstr(endpoint->listener)
                                                                            : mem_strdup(fallback),
                                                          .host = view_to_cstr(endpoint->host),
                                                          .port = endpoint->port,
                                                          .security_protocol = protocol};
        }
    } else if (from->v0_host.len > 0) {
        to->endpoints = MEM_NEW(struct metadata_endpoint);
        to->endpoints_count = 1;
        to->endpoints[0] = (struct metadata_endpoint){
            .listener = mem_strdup("PLAINTEXT"), .host = view_to_cstr(from->v0_host), .port = from->v0_port};
    }
}

/* --- snapshots -------------------------------------------------------------------------------------- */

struct metadata *metadata_new(void)
{
    struct metadata *metadata = MEM_NEW(struct metadata);
    metadata->controller_id = -1;
    return metadata;
}

void metadata_free(struct metadata *metadata)
{
    if (!metadata)
        return;
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&metadata->topics, &it)))
        topic_release(slot->value);
    map_close(&metadata->topics);
    map_close(&metadata->topics_by_id);
    for (int32_t i = 0; i < metadata->brokers_count; i++) {
        struct metadata_broker *broker = &metadata->brokers[i];
        for (int32_t e = 0; e < broker->endpoints_count; e++) {
            free(broker->endpoints[e].listener);
            free(broker->endpoints[e].host);
        }
        free(broker->endpoints);
        free(broker->rack);
    }
    free(metadata->brokers);
    free(metadata);
}

/* The topics that a request touches, as fresh copies: name -> metadata_topic. */
static struct metadata_topic *touched_topic(struct map *touched, const struct metadata *old, struct view name)
{
    struct metadata_topic *topic = map_get(touched, name);
    if (!topic) {
        topic = topic_copy(map_get(&old->topics, name), name);
        map_put(touched, name, topic);
    }
    return topic;
}

static void take_partition(struct metadata_topic *topic,
                           const struct wire_update_metadata_request_update_metadata_partition_state *state)
{
    if (state->partition_index < 0 || state->partition_index - topic->partitions_count > GAP_MAX)
        return;
    struct metadata_partition *partition = topic_partition(topic, state->partition_index);
    partition_clear(partition);
    if (state->leader == LEADER_DURING_DELETE)
        return;
    partition->known = true;
    partition->leader = state->leader;
    partition->leader_epoch = state->leader_epoch;
    partition->controller_epoch = state->controller_epoch;
    partition->partition_epoch = state->zk_version;
    partition->replicas_count = state->replicas_count;
    partition->replicas = ids_dup(state->replicas, state->replicas_count);
    partition->isr_count = state->isr_count;
    partition->isr = ids_dup(state->isr, state->isr_count);
    partition->offline_count = state->offline_replicas_count;
    partition->offline = ids_dup(state->offline_replicas, state->offline_replicas_count);
}

static void take_topics(struct map *touched, const struct metadata *old,
                        const struct wire_update_metadata_request *request)
{
    for (int32_t i = 0; i < request->ungrouped_partition_states_count; i++)
        take_partition(touched_topic(touched, old, request->ungrouped_partition_states[i].topic_name),
                       &request->ungrouped_partition_states[i]);
    for (int32_t i = 0; i < request->topic_states_count; i++) {
        const struct wire_update_metadata_request_update_metadata_topic_state *state =
            &request->topic_states[i];
        struct metadata_topic *topic = touched_topic(touched, old, state->topic_name);
        topic->id = state->topic_id;
        for (int32_t p = 0; p < state->partition_states_count; p++)
            take_partition(topic, &state->partition_states[p]);
    }
}

static void add_topic(struct metadata *metadata, struct metadata_topic *topic)
{
    map_put_str(&metadata->topics, topic->name, topic);
    if (!uuid_is_zero(topic->id))
        map_put(&metadata->topics_by_id, view_of(topic->id.bytes, sizeof topic->id.bytes), topic);
    for (int32_t i = 0; i < topic->partitions_count; i++)
        metadata->partitions_count += topic->partitions[i].known;
}

struct metadata *metadata_apply(const struct metadata *old,
                                const struct wire_update_metadata_request *request)
{
    struct metadata *metadata = metadata_new();
    metadata->controller_id = request->controller_id < 0 ? -1 : request->controller_id;
    int32_t brokers = request->live_brokers_count > 0 ? request->live_brokers_count : 0;
    metadata->brokers = mem_zalloc(sizeof *metadata->brokers * (size_t)(brokers + 1));
    metadata->brokers_count = brokers;
    for (int32_t i = 0; i < brokers; i++)
        broker_take(&metadata->brokers[i], &request->live_brokers[i]);
    qsort(metadata->brokers, (size_t)brokers, sizeof *metadata->brokers, compare_brokers);

    struct map touched = {0};
    take_topics(&touched, old, request);
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&touched, &it))) {
        if (topic_is_empty(slot->value))
            topic_release(slot->value);
        else
            add_topic(metadata, slot->value);
    }
    it = 0;
    while ((slot = map_next(&old->topics, &it))) {
        struct metadata_topic *topic = slot->value;
        if (map_get_str(&touched, topic->name))
            continue;
        atomic_fetch_add_explicit(&topic->shares, 1, memory_order_relaxed);
        add_topic(metadata, topic);
    }
    map_close(&touched);
    return metadata;
}

const struct metadata_topic *metadata_topic(const struct metadata *metadata, struct view name)
{
    return map_get(&metadata->topics, name);
}

const struct metadata_topic *metadata_topic_by_id(const struct metadata *metadata, struct uuid id)
{
    return map_get(&metadata->topics_by_id, view_of(id.bytes, sizeof id.bytes));
}

const struct metadata_partition *metadata_partition(const struct metadata *metadata, struct view topic,
                                                    int32_t partition)
{
    const struct metadata_topic *found = metadata_topic(metadata, topic);
    if (!found || partition < 0 || partition >= found->partitions_count ||
        !found->partitions[partition].known)
        return NULL;
    return &found->partitions[partition];
}

const struct metadata_broker *metadata_broker(const struct metadata *metadata, int32_t id)
{
    int32_t low = 0;
    int32_t high = metadata->brokers_count;
    while (low < high) {
        int32_t mid = low + (high - low) / 2;
        if (metadata->brokers[mid].id < id)
            low = mid + 1;
        else
            high = mid;
    }
    bool found = low < metadata->brokers_count && metadata->brokers[low].id == id;
    return found ? &metadata->brokers[low] : NULL;
}

const struct metadata_endpoint *metadata_broker_endpoint(const struct metadata_broker *broker,
                                                         const char *listener)
{
    for (int32_t i = 0; i < broker->endpoints_count; i++)
        if (strcmp(broker->endpoints[i].listener, listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}
