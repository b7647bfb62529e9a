#include "service/group/groups.h"

#include <stdlib.h>

#include "base/log.h"
#include "base/mem.h"
#include "config/config.h"
#include "config/inter_broker.h"
#include "core/metadata/metadata.h"
#include "loop/latch.h"
#include "service/group/groups_internal.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_settings.h"
#include "wire/codec.h"

/* --- effects ---------------------------------------------------------------------------------------------
 */

/* Loops read the clock at different moments; for a coordinator time does not go back. */
void groups_enter(struct groups *groups)
{
    const struct loop *here = loop_current();
    int64_t mono_ms = loop_now_ms(here);
    if (mono_ms > groups->now.mono_ms)
        groups->now.mono_ms = mono_ms;
    groups->now.wall_ms = loop_now_wall_ms(here);
}

static void tick(struct groups_timer *timer)
{
    struct groups_slot *slot = CONTAINER_OF(timer, struct groups_slot, tick);
    if (!slot->coordinator)
        return;
    groups_enter(slot->groups);
    group_tick(slot->coordinator, &slot->groups->now, &slot->groups->effects);
    groups_carry_out(slot->groups, slot);
}

static void ask_came_home(struct loop_message *msg, bool discard)
{
    (void)discard;
    struct groups_ask *ask = CONTAINER_OF(msg, struct groups_ask, message);
    ask->done(ask);
}

static void send_home(struct groups_ask *ask)
{
    ask->message = (struct loop_message){.run = ask_came_home, .label = "group_answer"};
    groups_hold_send_home(&ask->groups->hold, ask->home, &ask->message);
}

void groups_carry_out(struct groups *groups, struct groups_slot *slot)
{
    for (int32_t i = 0; i < groups->effects.count; i++) {
        const struct group_effect *effect = &groups->effects.items[i];
        if (effect->kind == GROUP_EFFECT_APPEND) {
            group_append_begin(slot, &effect->append);
            continue;
        }
        struct groups_ask *ask = (struct groups_ask *)(uintptr_t)effect->token;
        ask->settled(ask, effect);
        send_home(ask);
    }
    group_effects_reset(&groups->effects);
    if (!slot)
        return;
    if (slot->coordinator)
        groups_timer_arm(&slot->tick, group_coordinator_deadline(slot->coordinator));
    group_metrics_touch(groups);
}

/* --- terms -----------------------------------------------------------------------------------------------
 */

struct groups_slot *groups_slot_of_term(struct groups *groups, int32_t index, uint64_t term)
{
    struct groups_slot *slot = (struct groups_slot *)map_get_int(&groups->slots, index);
    return slot && slot->term == term && slot->coordinator ? slot : NULL;
}

static struct groups_slot *slot_get(struct groups *groups, int32_t index)
{
    struct groups_slot *slot = (struct groups_slot *)map_get_int(&groups->slots, index);
    if (!slot) {
        slot = MEM_NEW(struct groups_slot);
        slot->groups = groups;
        slot->index = index;
        groups_timer_init(&slot->tick, &groups->hold, groups->loop, tick);
        groups_timer_init(&slot->load_again, &groups->hold, groups->loop, group_load_again);
        map_put_int(&groups->slots, index, slot);
    }
    return slot;
}

static void end_term(struct groups_slot *slot)
{
    struct groups *groups = slot->groups;
    if (!slot->coordinator)
        return;
    log_info("group", "unloaded", "partition=%s", slot->part->name);
    group_coordinator_resign(slot->coordinator, &groups->now, &groups->effects);
    groups_carry_out(groups, slot);
    group_metrics_keep(groups, slot->coordinator);
    group_coordinator_free(slot->coordinator);
    slot->coordinator = NULL;
    partition_release(slot->part);
    slot->part = NULL;
}

/* Of a batch that the topic takes: half of what it may hold, for its last record comes on top. */
static size_t tombstones_bytes(const struct partition *part, size_t wanted)
{
    const struct partition_settings *settings = atomic_load_explicit(&part->settings, memory_order_acquire);
    size_t most = (size_t)settings->rules.max_message_bytes / 2;
    return wanted < most ? wanted : most;
}

static void begin_term(struct groups_slot *slot, struct partition *part)
{
    struct groups *groups = slot->groups;
    struct group_config config = groups->config;
    config.seed = random_u64(groups->broker->random);
    config.offsets_partition = slot->index;
    config.tombstones_bytes = tombstones_bytes(part, config.tombstones_bytes);
    slot->term++;
    slot->part = partition_share(part);
    slot->coordinator = group_coordinator_new(&config);
    group_load_begin(slot);
}

/* --- news of partitions ----------------------------------------------------------------------------------
 */

struct role_news {
    struct loop_message message;
    struct groups_op op;
    struct groups *groups;
    struct partition *part; /* shared */
    bool leads;
    bool goes_on;
};

static void take_role(const struct role_news *news)
{
    struct groups *groups = news->groups;
    if (groups->stopped)
        return;
    struct groups_slot *slot = slot_get(groups, news->part->index);
    groups_enter(groups);
    if (!news->leads) {
        /* Another log of that name may be led by now. */
        if (slot->part == news->part)
            end_term(slot);
        return;
    }
    if (news->goes_on && slot->part == news->part)
        return;
    end_term(slot);
    begin_term(slot, news->part);
}

static void news_free(struct role_news *news)
{
    partition_release(news->part);
    free(news);
}

static void hear(struct groups_op *op)
{
    struct role_news *news = CONTAINER_OF(op, struct role_news, op);
    take_role(news);
    news_free(news);
}

static void news_arrived(struct loop_message *msg, bool discard)
{
    struct role_news *news = CONTAINER_OF(msg, struct role_news, message);
    if (discard)
        news_free(news);
    else
        groups_hold_submit(&news->groups->hold, &news->op);
}

static void post_news(struct groups *groups, struct partition *part, bool leads, bool goes_on)
{
    if (!groups || strcmp(part->topic, GROUPS_TOPIC) != 0)
        return;
    struct role_news *news = MEM_NEW(struct role_news);
    *news = (struct role_news){.message = {.run = news_arrived, .label = "group_role"},
                               .op = {.run = hear},
                               .groups = groups,
                               .part = partition_share(part),
                               .leads = leads,
                               .goes_on = goes_on};
    loop_post(groups->loop, &news->message);
}

void groups_partition_led(struct groups *groups, struct partition *part, bool goes_on)
{
    post_news(groups, part, true, goes_on);
}

void groups_partition_lost(struct groups *groups, struct partition *part)
{
    post_news(groups, part, false, false);
}

/* --- partitions that are deleted -------------------------------------------------------------------------
 */

#define LEADER_DURING_DELETE (-2)

struct gone_news {
    struct loop_message message;
    struct groups_op op;
    struct groups *groups;
    struct arena arena;
    struct group_topic_partitions *topics; /* one partition each */
    int32_t count;
};

typedef struct wire_update_metadata_request_update_metadata_partition_state partition_state;

static void note_gone(struct gone_news *gone, struct view topic, const partition_state *state)
{
    if (state->leader != LEADER_DURING_DELETE)
        return;
    int32_t *partition = arena_alloc(&gone->arena, sizeof *partition);
    *partition = state->partition_index;
    gone->topics[gone->count++] =
        (struct group_topic_partitions){arena_dup_view(&gone->arena, topic), partition, 1};
}

static size_t count_states(const struct wire_update_metadata_request *request)
{
    size_t count =
        request->ungrouped_partition_states_count > 0 ? (size_t)request->ungrouped_partition_states_count : 0;
    for (int32_t t = 0; t < request->topic_states_count; t++)
        if (request->topic_states[t].partition_states_count > 0)
            count += (size_t)request->topic_states[t].partition_states_count;
    return count;
}

static void gone_free(struct gone_news *gone)
{
    arena_close(&gone->arena);
    free(gone);
}

static void hear_of_gone(struct groups_op *op)
{
    struct gone_news *gone = CONTAINER_OF(op, struct gone_news, op);
    struct groups *groups = gone->groups;
    groups_enter(groups);
    size_t it = 0;
    for (struct map_slot *entry; (entry = map_next(&groups->slots, &it));) {
        struct groups_slot *slot = entry->value;
        if (!slot->coordinator)
            continue;
        group_partitions_gone(slot->coordinator, gone->topics, gone->count, &groups->now, &groups->effects);
        groups_carry_out(groups, slot);
    }
    gone_free(gone);
}

static void gone_arrived(struct loop_message *msg, bool discard)
{
    struct gone_news *gone = CONTAINER_OF(msg, struct gone_news, message);
    if (discard)
        gone_free(gone);
    else
        groups_hold_submit(&gone->groups->hold, &gone->op);
}

void groups_metadata_changed(struct groups *groups, const struct wire_update_metadata_request *request)
{
    if (!groups)
        return;
    struct gone_news *gone = MEM_NEW(struct gone_news);
    gone->groups = groups;
    gone->topics = arena_alloc(&gone->arena, sizeof *gone->topics * (count_states(request) + 1));
    for (int32_t i = 0; i < request->ungrouped_partition_states_count; i++)
        note_gone(gone, request->ungrouped_partition_states[i].topic_name,
                  &request->ungrouped_partition_states[i]);
    for (int32_t t = 0; t < request->topic_states_count; t++)
        for (int32_t p = 0; p < request->topic_states[t].partition_states_count; p++)
            note_gone(gone, request->topic_states[t].topic_name,
                      &request->topic_states[t].partition_states[p]);
    if (gone->count == 0) {
        gone_free(gone);
        return;
    }
    gone->op.run = hear_of_gone;
    gone->message = (struct loop_message){.run = gone_arrived, .label = "group_partitions_gone"};
    loop_post(groups->loop, &gone->message);
}

/* --- requests --------------------------------------------------------------------------------------------
 */

int32_t groups_partitions(struct groups *groups)
{
    const struct metadata_topic *topic =
        metadata_topic(metadata_cache_get(groups->broker->metadata), VIEW_LIT(GROUPS_TOPIC));
    if (!topic) {
        atomic_store(&groups->partitions, 0);
        return config_int(broker_config(groups->broker), CONFIG_OFFSETS_TOPIC_NUM_PARTITIONS);
    }
    /* Partitions that are added later move no group until a restart, as in Kafka: its offsets are in the old
     * one. */
    int32_t none = 0;
    atomic_compare_exchange_strong(&groups->partitions, &none, topic->partitions_count);
    return atomic_load(&groups->partitions);
}

struct groups_turn groups_begin(struct groups *groups, struct view group_id)
{
    groups_enter(groups);
    struct groups_slot *slot = NULL;
    if (!view_is_null(group_id))
        slot = (struct groups_slot *)map_get_int(&groups->slots,
                                                 group_partition_of(group_id, groups_partitions(groups)));
    return (struct groups_turn){.coordinator = slot ? slot->coordinator : NULL,
                                .now = &groups->now,
                                .out = &groups->effects,
                                .slot = slot};
}

void groups_end(struct groups *groups, const struct groups_turn *turn)
{
    groups_carry_out(groups, turn->slot);
}

struct group_coordinator *groups_next(struct groups *groups, size_t *it)
{
    for (struct map_slot *entry; (entry = map_next(&groups->slots, it));) {
        struct groups_slot *slot = entry->value;
        if (slot->coordinator)
            return slot->coordinator;
    }
    return NULL;
}

static void run_ask(struct groups_op *op)
{
    struct groups_ask *ask = CONTAINER_OF(op, struct groups_ask, op);
    if (ask->run(ask))
        send_home(ask);
}

void groups_ask(struct groups *groups, struct groups_ask *ask)
{
    ask->groups = groups;
    ask->op.run = run_ask;
    groups_hold_submit(&groups->hold, &ask->op);
}

/* --- lifecycle -------------------------------------------------------------------------------------------
 */

static void read_settings(struct groups *groups, const struct config *config)
{
    groups->config = GROUP_CONFIG_DEFAULT;
    groups->config.min_session_ms = config_int(config, CONFIG_GROUP_MIN_SESSION_TIMEOUT_MS);
    groups->config.max_session_ms = config_int(config, CONFIG_GROUP_MAX_SESSION_TIMEOUT_MS);
    groups->config.max_size = config_int(config, CONFIG_GROUP_MAX_SIZE);
    groups->config.initial_delay_ms = config_int(config, CONFIG_GROUP_INITIAL_REBALANCE_DELAY_MS);
    groups->config.metadata_max = config_int(config, CONFIG_OFFSET_METADATA_MAX_BYTES);
    groups->config.retention_ms = (int64_t)config_int(config, CONFIG_OFFSETS_RETENTION_MINUTES) * 60 * 1000;
    groups->config.retention_check_ms = config_long(config, CONFIG_OFFSETS_RETENTION_CHECK_INTERVAL_MS);
    groups->config.codec = (enum codec)config_int(config, CONFIG_OFFSETS_TOPIC_COMPRESSION_CODEC);
    const struct inter_broker *versions = config_inter_broker(config);
    groups->config.offset_version = versions->offset_value;
    groups->config.group_version = versions->group_value;
    /* A number of brokers, as very old ones counted, is met by all of them. */
    int32_t acks = config_int(config, CONFIG_OFFSETS_COMMIT_REQUIRED_ACKS);
    groups->commit_acks = acks == 0 || acks == 1 ? (int16_t)acks : -1;
    groups->commit_timeout_ms = config_int(config, CONFIG_OFFSETS_COMMIT_TIMEOUT_MS);
    groups->load_bytes = config_int(config, CONFIG_OFFSETS_LOAD_BUFFER_SIZE);
}

struct groups *groups_new(struct broker *broker)
{
    struct groups *groups = MEM_NEW(struct groups);
    groups->broker = broker;
    groups->loop = broker->groups_loop;
    group_metrics_init(groups);
    read_settings(groups, atomic_load(&broker->config.value));
    return groups;
}

struct stop {
    struct groups_op op;
    struct groups *groups;
    struct latch over;
};

static void end_all(struct groups_op *op)
{
    struct stop *stop = CONTAINER_OF(op, struct stop, op);
    struct groups *groups = stop->groups;
    groups->stopped = true;
    groups_enter(groups);
    size_t it = 0;
    for (struct map_slot *entry; (entry = map_next(&groups->slots, &it));)
        end_term(entry->value);
    latch_open(&stop->over);
}

static void stop_on_loop(void *arg, bool discard)
{
    (void)discard;
    struct stop *stop = arg;
    groups_hold_submit(&stop->groups->hold, &stop->op);
}

void groups_stop(struct groups *groups)
{
    struct stop stop = {.op = {.run = end_all}, .groups = groups};
    latch_init(&stop.over);
    loop_call(groups->loop, stop_on_loop, &stop, "groups_stop");
    latch_await(&stop.over);
}

void groups_free(struct groups *groups)
{
    if (!groups)
        return;
    size_t it = 0;
    for (struct map_slot *entry; (entry = map_next(&groups->slots, &it));)
        free(entry->value);
    map_close(&groups->slots);
    group_effects_close(&groups->effects);
    free(groups);
}
