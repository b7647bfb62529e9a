/*
 * The controller's core on a broker, as service/controller/controller_loop.c hosts it: its effects become
 * operations of ZooKeeper, requests to brokers, answers and timers. Whose port refuses is looked at by the
 * clock, and who answers (net/presence.h).
 */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/be.h"
#include "base/mem.h"
#include "service/controller/controller_translate.h"
#include "sim/node.h"
#include "wire/codec.h"

#define ALTER_PARTITION_VERSION 3
#define REQUEST_TIMEOUT_US      (4000 * SIM_MS)
#define LOOK_EVERY_MS           100
#define REFUSED_MS              500
#define SILENT_MS               1500
#define LOG_WAIT_MS             300000 /* longer than a run: who comes back in it is waited for */

/* A request that waits for the core's answer. */
struct ask {
    struct arena arena;
    struct controller_request request;
    uint64_t id;
    enum net_api api;
    struct buf body;
};

static void step(struct proc *proc, const struct controller_event *event);

/* --- ZooKeeper ---------------------------------------------------------------------------------------- */

struct zk_call {
    struct proc *proc;
    uint64_t ticket;
};

static void zk_answered(void *arg, const struct controller_op_result *results, int32_t count)
{
    struct zk_call call = *(struct zk_call *)arg;
    free(arg);
    if (!results)
        return; /* the process is going */
    struct controller_event event = {
        .kind = CONTROLLER_EVENT_ZK_DONE,
        .zk_done = {.ticket = call.ticket, .results = results, .results_count = count}};
    step(call.proc, &event);
}

static void do_zk(struct proc *proc, const struct controller_effect *effect)
{
    struct zk_call *call = MEM_NEW(struct zk_call);
    *call = (struct zk_call){proc, effect->zk.ticket};
    zk_client_submit(proc->zk, effect->zk.ops, effect->zk.ops_count, controller_epoch(proc->core),
                     zk_answered, call);
}

/* --- requests to brokers ------------------------------------------------------------------------------ */

struct sent {
    struct proc *proc;
    int to;
    uint64_t ticket;
    enum controller_effect_kind kind;
};

static void broker_answered(struct sim *sim, void *arg, enum err err, struct view answer)
{
    (void)sim;
    struct sent sent = *(struct sent *)arg;
    free(arg);
    if (err == ERR_CLOSED)
        return;
    struct arena arena = {0};
    enum err top = ERR_NONE;
    struct controller_reply_partition *partitions = NULL;
    int32_t count = 0;
    if (err == ERR_NONE)
        ASSERT(controller_decode_answer(sent.kind, inter_broker_newest(), answer, &arena, &top, &partitions,
                                        &count, NULL) == ERR_NONE);
    struct controller_event event = {.kind = CONTROLLER_EVENT_REPLY,
                                     .reply = {.broker_id = sent.to,
                                               .ticket = sent.ticket,
                                               .transport = err,
                                               .err = top,
                                               .partitions = partitions,
                                               .partitions_count = count}};
    step(sent.proc, &event);
    arena_close(&arena);
}

static void do_send(struct proc *proc, const struct controller_effect *effect)
{
    int to = effect->send.broker_id;
    if (!proc->channels[to])
        return;
    struct sent *sent = MEM_NEW(struct sent);
    *sent = (struct sent){proc, to, effect->send.ticket, effect->kind};
    struct arena arena = {0};
    struct buf frame = {0};
    controller_encode_request(effect->kind, &effect->send, inter_broker_newest(), "PLAINTEXT", 1, &arena,
                              &frame);
    net_call(proc->channels[to], NET_CONTROL, buf_view(&frame), REQUEST_TIMEOUT_US, broker_answered, sent);
    buf_close(&frame);
    arena_close(&arena);
}

static void do_remove_channel(struct proc *proc, int to)
{
    struct net_conn *conn = proc->channels[to];
    proc->channels[to] = NULL;
    net_conn_free(conn);
}

static void do_add_channel(struct proc *proc, const struct controller_live_broker *broker)
{
    do_remove_channel(proc, broker->id);
    proc->channels[broker->id] = net_conn_new(proc->sim, proc->id, broker->id);
}

/* --- whose port refuses, and who answers -------------------------------------------------------------- */

static bool is_cut(const struct sim *sim, int a, int b)
{
    return sim->cut[a][b] || sim->cut[b][a];
}

static void tell(struct proc *proc, int id, enum controller_event_kind kind)
{
    const struct peer *peer = &proc->peers[id];
    struct controller_event event = {
        .kind = kind, .watched = {.broker_id = id, .broker_epoch = peer->epoch, .was_there = peer->heard}};
    step(proc, &event);
}

static void is_heard(struct proc *proc, int id)
{
    struct peer *peer = &proc->peers[id];
    bool news = !peer->heard || peer->quiet;
    peer->heard = true;
    peer->quiet = false;
    peer->refused_ms = peer->silent_ms = 0;
    if (news)
        tell(proc, id, CONTROLLER_EVENT_HEARD);
}

static void is_refused(struct proc *proc, int id)
{
    struct peer *peer = &proc->peers[id];
    peer->silent_ms = 0;
    peer->refused_ms += LOOK_EVERY_MS;
    if (peer->refused_ms > REFUSED_MS)
        tell(proc, id, CONTROLLER_EVENT_REFUSED);
}

/* Silence counts from when it was heard last. */
static void is_silent(struct proc *proc, int id)
{
    struct peer *peer = &proc->peers[id];
    peer->refused_ms = 0;
    peer->silent_ms += LOOK_EVERY_MS;
    if (!peer->quiet && peer->silent_ms >= SILENT_MS / 2) {
        peer->quiet = true;
        tell(proc, id, CONTROLLER_EVENT_QUIET);
    }
    if (peer->watched && peer->silent_ms >= SILENT_MS)
        tell(proc, id, CONTROLLER_EVENT_SILENT);
}

void conductor_look(struct proc *proc)
{
    struct sim *sim = proc->sim;
    for (int id = 1; id <= sim->shape.brokers; id++) {
        if (!proc->peers[id].watched)
            continue;
        if (is_cut(sim, proc->id, id) || (sim->up[id] && sim_is_paused(sim, id)))
            is_silent(proc, id);
        else if (!sim->up[id] || sim->refused[proc->id][id])
            is_refused(proc, id);
        else
            is_heard(proc, id);
    }
}

/* --- timers ------------------------------------------------------------------------------------------- */

struct timer {
    struct proc *proc;
    uint64_t id;
};

static void fired(struct sim *sim, void *arg)
{
    (void)sim;
    struct timer timer = *(struct timer *)arg;
    free(arg);
    struct controller_event event = {.kind = CONTROLLER_EVENT_TIMER, .timer = {.timer_id = timer.id}};
    step(timer.proc, &event);
}

static void free_timer(struct sim *sim, void *arg)
{
    (void)sim;
    free(arg);
}

static void do_timer(struct proc *proc, uint64_t id, int64_t at_ms)
{
    struct timer *timer = MEM_NEW(struct timer);
    *timer = (struct timer){proc, id};
    sim_after(proc->sim, (at_ms - sim_now_ms(proc->sim)) * SIM_MS, proc->id, "controller_timer", fired,
              free_timer, timer);
}

/* --- requests of others ------------------------------------------------------------------------------- */

static void ask_free(struct ask *ask)
{
    arena_close(&ask->arena);
    buf_close(&ask->body);
    free(ask);
}

static void take_alter(struct ask *ask)
{
    struct wire_alter_partition_request request;
    ASSERT(wire_decode(&wire_alter_partition_request_desc, ALTER_PARTITION_VERSION, buf_view(&ask->body),
                       NULL, &ask->arena, &request, NULL) == ERR_NONE);
    struct controller_isr_change *changes = arena_zalloc(&ask->arena, sizeof *changes * SIM_PARTS_MAX);
    int32_t n = 0;
    for (int32_t t = 0; t < request.topics_count; t++)
        for (int32_t p = 0; p < request.topics[t].partitions_count; p++) {
            const struct wire_alter_partition_request_partition_data *from = &request.topics[t].partitions[p];
            int32_t count = from->new_isr_with_epochs_count;
            int32_t *ids = arena_alloc(&ask->arena, sizeof *ids * (size_t)(count + 1));
            int64_t *epochs = arena_alloc(&ask->arena, sizeof *epochs * (size_t)(count + 1));
            for (int32_t i = 0; i < count; i++) {
                ids[i] = from->new_isr_with_epochs[i].broker_id;
                epochs[i] = from->new_isr_with_epochs[i].broker_epoch;
            }
            changes[n++] =
                (struct controller_isr_change){.topic = {.id = request.topics[t].topic_id},
                                               .partition = from->partition_index,
                                               .leader_epoch = from->leader_epoch,
                                               .partition_epoch = from->partition_epoch,
                                               .isr = {ids, count},
                                               .isr_epochs = epochs,
                                               .leader_recovery_state = from->leader_recovery_state};
        }
    ask->request.kind = CONTROLLER_ALTER_PARTITION;
    ask->request.alter_partition = (struct controller_alter_partition){.broker_id = request.broker_id,
                                                                       .broker_epoch = request.broker_epoch,
                                                                       .version = ALTER_PARTITION_VERSION,
                                                                       .changes = changes,
                                                                       .changes_count = n};
}

static void take_create(const struct sim *sim, struct ask *ask)
{
    struct controller_new_topic *topics = arena_zalloc(&ask->arena, sizeof *topics * SIM_PARTS_MAX);
    for (int i = 0; i < sim->shape.parts; i++) {
        struct controller_new_topic *topic = &topics[sim->parts[i].topic_number];
        topic->name = sim->parts[i].topic;
        topic->partitions_count++;
        topic->replication_factor = sim->shape.rf;
    }
    ask->request.kind = CONTROLLER_CREATE_TOPICS;
    ask->request.create_topics =
        (struct controller_create_topics){.topics = topics, .topics_count = sim->shape.topics};
}

static void take_shutdown(struct ask *ask)
{
    ask->request.kind = CONTROLLER_CONTROLLED_SHUTDOWN;
    ask->request.controlled_shutdown = (struct controller_controlled_shutdown){
        .broker_id = be_get_i32(ask->body.data), .broker_epoch = be_get_i64(ask->body.data + 4)};
}

void conductor_ask(struct proc *proc, uint64_t id, enum net_api api, struct view body)
{
    struct ask *ask = MEM_NEW(struct ask);
    ask->id = id;
    ask->api = api;
    buf_put_view(&ask->body, body);
    if (api == NET_ALTER_PARTITION)
        take_alter(ask);
    else if (api == NET_CREATE_TOPICS)
        take_create(proc->sim, ask);
    else
        take_shutdown(ask);
    uint64_t ticket = ++proc->last_ticket;
    map_put_int(&proc->asks, (int64_t)ticket, ask);
    struct controller_event event = {.kind = CONTROLLER_EVENT_REQUEST,
                                     .request = {.ticket = ticket, .request = &ask->request}};
    step(proc, &event);
}

static void put_alter_answer(struct ask *ask, const struct controller_answer *from, struct buf *out)
{
    struct wire_alter_partition_response *answer =
        wire_new(&wire_alter_partition_response_desc, &ask->arena, 1);
    answer->error_code = err_wire_code(from->err);
    size_t count = (size_t)from->partitions_count;
    answer->topics = wire_new(&wire_alter_partition_response_topic_data_desc, &ask->arena, count);
    answer->topics_count = from->partitions_count;
    for (int32_t i = 0; i < from->partitions_count; i++) {
        const struct controller_partition_answer *part = &from->partitions[i];
        answer->topics[i].topic_id = part->topic_id;
        answer->topics[i].partitions =
            wire_new(&wire_alter_partition_response_partition_data_desc, &ask->arena, 1);
        answer->topics[i].partitions_count = 1;
        struct wire_alter_partition_response_partition_data *to = answer->topics[i].partitions;
        to->partition_index = part->partition;
        to->error_code = err_wire_code(part->err);
        to->leader_id = part->state.leader;
        to->leader_epoch = part->state.leader_epoch;
        to->isr = part->state.isr.ids;
        to->isr_count = part->state.isr.count;
        to->partition_epoch = part->partition_epoch;
    }
    ASSERT(wire_encode(&wire_alter_partition_response_desc, ALTER_PARTITION_VERSION, answer, out, NULL) ==
           ERR_NONE);
}

static void do_answer(struct proc *proc, uint64_t ticket, const struct controller_answer *answer)
{
    struct ask *ask = map_remove_int(&proc->asks, (int64_t)ticket);
    ASSERT(ask != NULL);
    struct buf out = {0};
    if (ask->api == NET_ALTER_PARTITION) {
        put_alter_answer(ask, answer, &out);
    } else {
        enum err err = answer->err;
        for (int32_t i = 0; i < answer->topics_count && err == ERR_NONE; i++)
            err = answer->topics[i].err;
        buf_put_i16(&out, (int16_t)err);
        buf_put_i32(&out, answer->partitions_count);
    }
    net_answer(proc->sim, ask->id, buf_view(&out));
    buf_close(&out);
    ask_free(ask);
}

/* --- the step ----------------------------------------------------------------------------------------- */

static void carry_out(struct proc *proc, const struct controller_effect *effect)
{
    switch (effect->kind) {
    case CONTROLLER_EFFECT_ZK:
        do_zk(proc, effect);
        return;
    case CONTROLLER_EFFECT_ADD_CHANNEL:
        do_add_channel(proc, &effect->add_channel);
        return;
    case CONTROLLER_EFFECT_REMOVE_CHANNEL:
        do_remove_channel(proc, effect->remove_channel.broker_id);
        return;
    case CONTROLLER_EFFECT_LEADER_AND_ISR:
    case CONTROLLER_EFFECT_UPDATE_METADATA:
    case CONTROLLER_EFFECT_STOP_REPLICA:
    case CONTROLLER_EFFECT_LOG_ENDS:
        do_send(proc, effect);
        return;
    case CONTROLLER_EFFECT_ANSWER:
        do_answer(proc, effect->answer.ticket, &effect->answer.answer);
        return;
    case CONTROLLER_EFFECT_TIMER:
        do_timer(proc, effect->timer.timer_id, effect->timer.at_ms);
        return;
    case CONTROLLER_EFFECT_ACTIVE:
        sim_trace(proc->sim, "%d is controller, epoch=%d", proc->id, effect->active.epoch);
        return;
    case CONTROLLER_EFFECT_RESIGNED:
        sim_trace(proc->sim, "%d resigns", proc->id);
        return;
    case CONTROLLER_EFFECT_WATCH_PEER:
        if (effect->watch_peer.id != proc->id)
            proc->peers[effect->watch_peer.id] =
                (struct peer){.watched = true, .epoch = effect->watch_peer.epoch};
        return;
    case CONTROLLER_EFFECT_UNWATCH_PEER:
        proc->peers[effect->unwatch_peer.broker_id].watched = false;
        return;
    }
}

static void step(struct proc *proc, const struct controller_event *event)
{
    if (!proc->core)
        return;
    controller_step(proc->core, event, sim_now_ms(proc->sim), &proc->effects);
    for (int32_t i = 0; i < proc->effects.count; i++)
        carry_out(proc, &proc->effects.items[i]);
    controller_effects_reset(&proc->effects);
}

void conductor_opened(struct proc *proc)
{
    struct controller_event event = {
        .kind = CONTROLLER_EVENT_SESSION_OPENED,
        .session_opened = {.session_id = proc->session_id, .broker_epoch = atomic_load(&proc->broker.epoch)}};
    step(proc, &event);
}

void conductor_expired(struct proc *proc)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    step(proc, &event);
}

void conductor_watch(struct proc *proc, const char *path, bool children)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_WATCH,
                                     .watch = {.path = path, .children = children}};
    step(proc, &event);
}

/* --- life --------------------------------------------------------------------------------------------- */

void conductor_new(struct proc *proc)
{
    struct sim *sim = proc->sim;
    struct controller_config config = {.broker_id = proc->id,
                                       .seed = sim_below(sim, SIM_RNG_NODE + (unsigned)proc->id, UINT64_MAX),
                                       .delete_topic = true,
                                       .auto_rebalance = true,
                                       .rebalance_check_ms = 8000,
                                       .imbalance_pct = 10,
                                       .min_isr = sim->shape.min_isr,
                                       .suspect = sim->shape.suspect,
                                       .suspect_pause_ms = 3000,
                                       .log_wait_ms = LOG_WAIT_MS};
    proc->core = controller_new(&config);
}

void conductor_free(struct proc *proc)
{
    struct controller *core = proc->core;
    proc->core = NULL;
    for (int i = 1; i <= SIM_BROKERS_MAX; i++)
        do_remove_channel(proc, i);
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&proc->asks, &it)))
        ask_free(slot->value);
    map_close(&proc->asks);
    controller_effects_close(&proc->effects);
    controller_free(core);
}
