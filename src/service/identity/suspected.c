/*
 *   /barnabas/suspects/<me> of this registration
 *        --> states of all partitions led here (zk loop)
 *        --> those with a later epoch: a LeaderAndIsr to itself (worker, in the controller's order),
 *            and an UpdateMetadata (control loop), so that clients that ask here find who leads
 *        --> a pause, and again, while the znode is there
 */
#include "service/identity/suspected.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "port/zk.h"
#include "service/metadata_cache.h"
#include "service/partition/partition_call.h"
#include "service/replica/log_dirs.h"
#include "service/replica/replica_manager.h"
#include "wire/codec.h"
#include "zk/znode_json.h"

#define LEADER_AND_ISR_VERSION 7
/* The controller publishes before it moves anything, so the first look may come too soon. */
#define PAUSE_MIN_MS 250
#define PAUSE_MAX_MS 4000

struct suspected {
    struct broker *broker;
    char *path;
    int64_t broker_epoch; /* -1 = not registered */
    bool is_suspected;
    bool looking;
    int64_t pause_ms;
    struct loop_timer timer;
};

struct led {
    struct look *look;
    struct partition *part; /* a share */
    char *path;
    bool moved; /* a later epoch than ours was read */
    struct znode_state state;
    int32_t version;
    struct wire_leader_and_isr_request_leader_and_isr_partition_state role;
};

/* One reading of the states. */
struct look {
    struct control_job job;
    struct suspected *suspected;
    struct arena arena;
    struct led *items;
    int count;
    int answered;
    int moved;
};

/* --- giving up ------------------------------------------------------------------------------------------ */

static int32_t *copy_ids(struct arena *arena, const struct replica_ids *from)
{
    int32_t *ids = arena_alloc(arena, sizeof *ids * (size_t)(from->count + 1));
    for (int32_t i = 0; i < from->count; i++)
        ids[i] = from->ids[i];
    return ids;
}

/* By the holder: what the state does not say is as it was. */
static void fill_role(struct partition *part, void *arg)
{
    struct led *led = arg;
    struct arena *arena = &led->look->arena;
    const struct replica *replica = &part->replica;
    led->role.partition_index = part->index;
    led->role.controller_epoch = led->state.controller_epoch;
    led->role.leader = led->state.leader;
    led->role.leader_epoch = led->state.leader_epoch;
    led->role.partition_epoch = led->version;
    led->role.leader_recovery_state = (int8_t)led->state.leader_recovery_state;
    led->role.isr = led->state.isr.ids;
    led->role.isr_count = led->state.isr.count;
    led->role.replicas = copy_ids(arena, &replica->assigned);
    led->role.replicas_count = replica->assigned.count;
    led->role.adding_replicas = copy_ids(arena, &replica->adding);
    led->role.adding_replicas_count = replica->adding.count;
    led->role.removing_replicas = copy_ids(arena, &replica->removing);
    led->role.removing_replicas_count = replica->removing.count;
}

/* False: its log directory hangs. It takes no records before the controller's next word. */
static bool ask_role(struct led *led)
{
    if (partition_try_call(led->part, fill_role, led))
        return true;
    atomic_store(&led->part->told_offline, true);
    log_dir_state_told_offline(led->part->dir);
    return false;
}

static void give_up(struct control_job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    struct wire_leader_and_isr_request *request =
        wire_new(&wire_leader_and_isr_request_desc, &look->arena, 1);
    request->topic_states = wire_new(&wire_leader_and_isr_request_leader_and_isr_topic_state_desc,
                                     &look->arena, (size_t)look->moved);
    for (int i = 0; i < look->count; i++) {
        struct led *led = &look->items[i];
        if (!led->moved || !ask_role(led))
            continue;
        struct wire_leader_and_isr_request_leader_and_isr_topic_state *topic =
            &request->topic_states[request->topic_states_count++];
        topic->topic_name = view_str(led->part->topic);
        topic->partition_states = &led->role;
        topic->partition_states_count = 1;
        log_info("registration", "gives_up", "partition=%s leader=%d leader_epoch=%d", led->part->name,
                 led->state.leader, led->state.leader_epoch);
    }
    struct wire_leader_and_isr_response *answer =
        wire_new(&wire_leader_and_isr_response_desc, &look->arena, 1);
    replica_manager_leader_and_isr(look->suspected->broker->replicas, LEADER_AND_ISR_VERSION, request,
                                   &look->arena, answer);
}

/* --- telling clients ------------------------------------------------------------------------------------ */

static void fill_broker(struct wire_update_metadata_request_update_metadata_broker *to,
                        const struct metadata_broker *from, struct arena *arena)
{
    to->id = from->id;
    to->rack = view_str(from->rack);
    to->endpoints = wire_new(&wire_update_metadata_request_update_metadata_endpoint_desc, arena,
                             (size_t)from->endpoints_count);
    to->endpoints_count = from->endpoints_count;
    for (int32_t i = 0; i < from->endpoints_count; i++) {
        to->endpoints[i].listener = view_str(from->endpoints[i].listener);
        to->endpoints[i].host = view_str(from->endpoints[i].host);
        to->endpoints[i].port = from->endpoints[i].port;
        to->endpoints[i].security_protocol = from->endpoints[i].security_protocol;
    }
}

/* What clients were told of it, if the state is later; else NULL. */
static const struct metadata_partition *outdated(const struct metadata *metadata, const struct led *led)
{
    const struct metadata_partition *known =
        led->moved ? metadata_partition(metadata, view_str(led->part->topic), led->part->index) : NULL;
    return known && known->leader_epoch < led->state.leader_epoch ? known : NULL;
}

/* An UpdateMetadata to itself, on the control loop: the cluster as it was, but for who leads these. */
static void tell_clients(struct control_job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    struct metadata_cache *cache = look->suspected->broker->metadata;
    const struct metadata *metadata = metadata_cache_get(cache);
    struct wire_update_metadata_request *request =
        wire_new(&wire_update_metadata_request_desc, &look->arena, 1);
    request->controller_id = metadata->controller_id;
    request->live_brokers = wire_new(&wire_update_metadata_request_update_metadata_broker_desc, &look->arena,
                                     (size_t)metadata->brokers_count);
    request->live_brokers_count = metadata->brokers_count;
    for (int32_t i = 0; i < metadata->brokers_count; i++)
        fill_broker(&request->live_brokers[i], &metadata->brokers[i], &look->arena);
    request->ungrouped_partition_states =
        wire_new(&wire_update_metadata_request_update_metadata_partition_state_desc, &look->arena,
                 (size_t)look->moved);
    for (int i = 0; i < look->count; i++) {
        const struct led *led = &look->items[i];
        const struct metadata_partition *known = outdated(metadata, led);
        if (!known)
            continue;
        struct wire_update_metadata_request_update_metadata_partition_state *to =
            &request->ungrouped_partition_states[request->ungrouped_partition_states_count++];
        to->topic_name = view_str(led->part->topic);
        to->partition_index = led->part->index;
        to->controller_epoch = led->state.controller_epoch;
        to->leader = led->state.leader;
        to->leader_epoch = led->state.leader_epoch;
        to->zk_version = led->version;
        to->isr = led->state.isr.ids;
        to->isr_count = led->state.isr.count;
        to->replicas = known->replicas; /* the partition itself may not answer (ask_role) */
        to->replicas_count = known->replicas_count;
    }
    metadata_cache_update(cache, request);
}

/* --- looking -------------------------------------------------------------------------------------------- */

static void look_again_later(struct suspected *suspected)
{
    if (!suspected->is_suspected)
        return;
    struct loop *loop = suspected->broker->zk_loop;
    loop_timer_arm(loop, &suspected->timer, loop_now_ms(loop) + suspected->pause_ms);
    suspected->pause_ms = suspected->pause_ms * 2 < PAUSE_MAX_MS ? suspected->pause_ms * 2 : PAUSE_MAX_MS;
}

static void end_look(struct control_job *job)
{
    struct look *look = CONTAINER_OF(job, struct look, job);
    struct suspected *suspected = look->suspected;
    for (int i = 0; i < look->count; i++) {
        partition_release(look->items[i].part);
        free(look->items[i].path);
    }
    free(look->items);
    arena_close(&look->arena);
    free(look);
    suspected->looking = false;
    look_again_later(suspected);
}

static void all_read(struct look *look)
{
    if (look->moved == 0) {
        end_look(&look->job);
        return;
    }
    look->job = (struct control_job){.home = look->suspected->broker->zk_loop,
                                     .run = give_up,
                                     .apply = tell_clients,
                                     .done = end_look,
                                     .label = "give_up"};
    replica_manager_submit(look->suspected->broker->replicas, &look->job);
}

/*
 * What it leads itself in a later epoch it hears from the controller: the state does not say who the replicas
 * are, a move may have added some, and nobody tells an epoch twice.
 */
static bool is_anothers(const struct look *look, const struct znode_state *state)
{
    return state->leader >= 0 && state->leader != look->suspected->broker->id;
}

static void state_read(void *arg, const struct zk_result *result)
{
    struct led *led = arg;
    struct look *look = led->look;
    struct errmsg why;
    if (result->err == ERR_NONE &&
        znode_decode_state(result->data, &look->arena, &led->state, &why) == ERR_NONE &&
        is_anothers(look, &led->state) &&
        led->state.leader_epoch > atomic_load(&led->part->leader_epoch_hint)) {
        led->version = result->stat.version;
        led->moved = true;
        look->moved++;
    }
    if (++look->answered == look->count)
        all_read(look);
}

static void look_now(struct suspected *suspected)
{
    if (suspected->looking || !suspected->is_suspected)
        return;
    struct broker *broker = suspected->broker;
    const struct partition_table *table = replica_manager_table(broker->replicas);
    struct look *look = MEM_NEW(struct look);
    look->suspected = suspected;
    look->items = mem_zalloc(sizeof *look->items * (size_t)(table->count + 1));
    for (int i = 0; i < table->count; i++) {
        struct partition *part = table->items[i];
        if (!atomic_load(&part->is_leader))
            continue;
        partition_share(part);
        look->items[look->count++] = (struct led){
            .look = look,
            .part = part,
            .path = mem_printf("/brokers/topics/%s/partitions/%d/state", part->topic, part->index)};
    }
    suspected->looking = true;
    if (look->count == 0) {
        all_read(look);
        return;
    }
    for (int i = 0, count = look->count; i < count; i++) { /* the last answer may free it */
        struct zk_op op = {.kind = ZK_OP_GET, .path = look->items[i].path};
        zk_submit(broker->zk, &op, state_read, &look->items[i]);
    }
}

static void timer_fired(struct loop_timer *timer, int64_t now_ms)
{
    (void)now_ms;
    look_now(CONTAINER_OF(timer, struct suspected, timer));
}

/* --- the znode ------------------------------------------------------------------------------------------ */

static void suspicion_read(void *arg, const struct zk_result *result)
{
    struct suspected *suspected = arg;
    struct arena arena = {0};
    struct znode_suspect suspect;
    struct errmsg why;
    bool before = suspected->is_suspected;
    suspected->is_suspected = result->err == ERR_NONE && suspected->broker_epoch >= 0 &&
                              znode_decode_suspect(result->data, &arena, &suspect, &why) == ERR_NONE &&
                              suspect.broker_epoch == suspected->broker_epoch;
    if (suspected->is_suspected && !before) {
        log_warn(
            "registration", "suspected",
            "path=%s controller_epoch=%d reason=\"%s\" effect=\"others lead what this broker led, until it "
            "answers the controller\" remedy=\"see that the controller can connect to it\"",
            suspected->path, suspect.controller_epoch, suspect.reason);
        suspected->pause_ms = PAUSE_MIN_MS;
        look_now(suspected);
    }
    arena_close(&arena);
}

static void suspicion_seen(void *arg, const struct zk_result *result)
{
    struct suspected *suspected = arg;
    struct zk_op op = {.kind = ZK_OP_GET, .path = suspected->path};
    if (result->err == ERR_NONE)
        zk_submit(suspected->broker->zk, &op, suspicion_read, suspected);
    else if (result->err == ERR_NOT_FOUND)
        suspected->is_suspected = false;
}

static void read_suspicion(struct suspected *suspected)
{
    struct zk_op op = {.kind = ZK_OP_EXISTS, .path = suspected->path, .watch = true};
    if (suspected->broker_epoch >= 0)
        zk_submit(suspected->broker->zk, &op, suspicion_seen, suspected);
}

void suspected_watch(struct suspected *suspected, int64_t broker_epoch)
{
    suspected->broker_epoch = broker_epoch;
    suspected->is_suspected = false;
    read_suspicion(suspected);
}

void suspected_forget(struct suspected *suspected)
{
    suspected->broker_epoch = -1;
    suspected->is_suspected = false;
}

void suspected_on_watch(struct suspected *suspected, const char *path)
{
    if (strcmp(path, suspected->path) == 0)
        read_suspicion(suspected);
}

/* --- lifecycle ------------------------------------------------------------------------------------------ */

struct suspected *suspected_new(struct broker *broker)
{
    struct suspected *suspected = MEM_NEW(struct suspected);
    suspected->broker = broker;
    suspected->path = mem_printf("/barnabas/suspects/%d", broker->id);
    suspected->broker_epoch = -1;
    suspected->timer.fire = timer_fired;
    return suspected;
}

void suspected_free(struct suspected *suspected)
{
    if (!suspected)
        return;
    free(suspected->path);
    free(suspected);
}
