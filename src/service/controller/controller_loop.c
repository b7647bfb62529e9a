/*
 * One event in, its effects out:
 *
 *   watch, session, ZooKeeper's answers, brokers' answers, requests, timers
 *        --> controller_step --> effects: submit to ZooKeeper, send, answer, arm
 *
 * A ZooKeeper batch is answered as a whole, when its last operation is. Events that arise
 * while effects are carried out (a request refused at once, say) are steps of their own.
 */
#include "service/controller/controller_loop.h"

#include <stdatomic.h>

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "loop/latch.h"
#include "net/channel.h"
#include "net/presence.h"
#include "service/controller/controller_translate.h"

struct controller_loop {
    struct loop *loop;
    struct zk *zk;
    struct controller *core;
    struct controller_effects effects;
    char *listener;
    int64_t socket_timeout_ms;
    int64_t request_timeout_ms;
    int64_t max_answer_bytes;
    const struct inter_broker *versions;
    int32_t broker_id;
    int64_t refused_ms;
    int64_t silent_ms;
    struct map watched;  /* broker id -> struct watched_broker */
    struct map channels; /* broker id -> struct broker_channel */
    struct map calls;    /* ticket -> struct controller_call */
    uint64_t last_ticket;
    struct list timers;
    bool stopping;
    _Atomic bool active;
    _Atomic int32_t kept_offline;
};

/* Another broker, as it is registered: does its port refuse, does it answer? */
struct watched_broker {
    struct controller_loop *cl;
    int32_t id;
    int64_t epoch;
    struct presence *presence;
};

struct broker_channel {
    struct controller_loop *cl;
    int32_t broker_id;
    struct channel *channel;
    int64_t number; /* tells a channel from the one before it */
    int32_t correlation_id;
};

/* A ZooKeeper batch that is away. */
struct zk_batch {
    struct controller_loop *cl;
    struct arena arena;
    uint64_t ticket;
    struct controller_op *ops;
    struct controller_op_result *results;
    int32_t count;
    int32_t answered;
};

struct zk_batch_op {
    struct zk_batch *batch;
    int32_t index;
};

/* A request to a broker that is away. */
struct sent_request {
    struct controller_loop *cl;
    int32_t broker_id;
    uint64_t ticket;
    enum controller_effect_kind kind;
};

struct core_timer {
    struct list node;
    struct loop_timer timer;
    struct controller_loop *cl;
    uint64_t id;
};

static void step(struct controller_loop *cl, const struct controller_event *event);

/* --- ZooKeeper ---------------------------------------------------------------------------------------------
 */

static void zk_answered(void *arg, const struct zk_result *result)
{
    struct zk_batch_op *op = arg;
    struct zk_batch *batch = op->batch;
    batch->results[op->index] = controller_from_zk_result(&batch->ops[op->index], result, &batch->arena);
    if (++batch->answered < batch->count)
        return;
    struct controller_event event = {
        .kind = CONTROLLER_EVENT_ZK_DONE,
        .zk_done = {.ticket = batch->ticket, .results = batch->results, .results_count = batch->count}};
    step(batch->cl, &event);
    arena_close(&batch->arena);
    free(batch);
}

static void do_zk(struct controller_loop *cl, const struct controller_effect *effect)
{
    struct zk_batch *batch = MEM_NEW(struct zk_batch);
    struct arena scratch = {0};
    batch->cl = cl;
    batch->ticket = effect->zk.ticket;
    batch->count = effect->zk.ops_count;
    batch->ops = arena_zalloc(&batch->arena, sizeof *batch->ops * (size_t)batch->count);
    batch->results = arena_zalloc(&batch->arena, sizeof *batch->results * (size_t)batch->count);
    struct zk_batch_op *op_refs = arena_zalloc(&batch->arena, sizeof *op_refs * (size_t)batch->count);
    int64_t now_ms = loop_now_wall_ms(cl->loop);
    for (int32_t i = 0; i < batch->count; i++)
        batch->ops[i] = controller_copy_op(&effect->zk.ops[i], &batch->arena);
    for (int32_t i = 0; i < batch->count; i++) {
        op_refs[i] = (struct zk_batch_op){batch, i};
        struct zk_op op = controller_to_zk_op(&effect->zk.ops[i], now_ms, &scratch);
        zk_submit(cl->zk, &op, zk_answered, &op_refs[i]);
    }
    arena_close(&scratch);
}

/* --- whose port refuses, and who answers
 * --------------------------------------------------------------------
 */

static void watch_close(struct watched_broker *watched)
{
    if (!watched)
        return;
    presence_free(watched->presence);
    free(watched);
}

/* The step may close what is watched. */
static void tell(const struct watched_broker *watched, enum controller_event_kind kind, bool was_there)
{
    struct controller_event event = {
        .kind = kind,
        .watched = {.broker_id = watched->id, .broker_epoch = watched->epoch, .was_there = was_there}};
    if (!watched->cl->stopping)
        step(watched->cl, &event);
}

/* Of a broker that this one is controller for, the channel must be down as well: a process that is gone has
 * closed it. */
static void port_refused(void *arg, bool was_there)
{
    const struct watched_broker *watched = arg;
    const struct broker_channel *bc = map_get_int(&watched->cl->channels, watched->id);
    if (!bc || !channel_is_connected(bc->channel))
        tell(watched, CONTROLLER_EVENT_REFUSED, was_there);
}

static void is_silent(void *arg)
{
    tell(arg, CONTROLLER_EVENT_SILENT, true);
}

static void is_quiet(void *arg)
{
    tell(arg, CONTROLLER_EVENT_QUIET, true);
}

static void is_heard(void *arg)
{
    tell(arg, CONTROLLER_EVENT_HEARD, true);
}

static const struct znode_endpoint *control_endpoint(const struct controller_loop *cl,
                                                     const struct controller_live_broker *broker)
{
    for (int32_t i = 0; i < broker->endpoints_count; i++)
        if (strcmp(broker->endpoints[i].listener, cl->listener) == 0)
            return &broker->endpoints[i];
    return NULL;
}

static void do_unwatch_peer(struct controller_loop *cl, int32_t broker_id)
{
    watch_close(map_remove_int(&cl->watched, broker_id));
}

static void do_watch_peer(struct controller_loop *cl, const struct controller_live_broker *broker)
{
    do_unwatch_peer(cl, broker->id);
    const struct znode_endpoint *endpoint = control_endpoint(cl, broker);
    if (!endpoint)
        return;
    struct watched_broker *watched = MEM_NEW(struct watched_broker);
    *watched = (struct watched_broker){.cl = cl, .id = broker->id, .epoch = broker->epoch};
    struct buf question = {0};
    controller_encode_question(&question);
    struct presence_config config = {.host = endpoint->host,
                                     .port = endpoint->port,
                                     .refused_ms = cl->refused_ms,
                                     .silent_ms = cl->silent_ms,
                                     .ask = buf_view(&question)};
    struct presence_events events = {
        .refused = port_refused, .silent = is_silent, .quiet = is_quiet, .heard = is_heard, .arg = watched};
    watched->presence = presence_new(cl->loop, &config, &events);
    buf_close(&question);
    map_put_int(&cl->watched, broker->id, watched);
}

/* --- channels ----------------------------------------------------------------------------------------------
 */

static void channel_close(struct broker_channel *bc)
{
    channel_free(bc->channel);
    free(bc);
}

static void do_remove_channel(struct controller_loop *cl, int32_t broker_id)
{
    struct broker_channel *bc = map_remove_int(&cl->channels, broker_id);
    if (bc)
        channel_close(bc);
}

static void do_add_channel(struct controller_loop *cl, const struct controller_live_broker *broker)
{
    do_remove_channel(cl, broker->id);
    const struct znode_endpoint *endpoint = control_endpoint(cl, broker);
    if (!endpoint) {
        log_warn("controller", "broker_unreachable", "broker=%d reason=\"it has no listener %s\"", broker->id,
                 cl->listener);
        return;
    }
    struct broker_channel *bc = MEM_NEW(struct broker_channel);
    bc->cl = cl;
    bc->broker_id = broker->id;
    struct channel_config config = {.host = endpoint->host,
                                    .port = endpoint->port,
                                    .connect_timeout_ms = cl->socket_timeout_ms,
                                    .request_timeout_ms = cl->request_timeout_ms,
                                    .max_answer_bytes = cl->max_answer_bytes};
    bc->channel = channel_new(cl->loop, &config);
    map_put_int(&cl->channels, broker->id, bc);
}

static void reply(struct sent_request *sent, enum err transport, enum err top,
                  const struct controller_reply_partition *partitions, int32_t count)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_REPLY,
                                     .reply = {.broker_id = sent->broker_id,
                                               .ticket = sent->ticket,
                                               .transport = transport,
                                               .err = top,
                                               .partitions = partitions,
                                               .partitions_count = count}};
    step(sent->cl, &event);
}

static void broker_answered(void *arg, enum err err, struct view answer)
{
    struct sent_request *sent = arg;
    if (err == ERR_CLOSED) { /* the channel was removed: nobody waits */
        free(sent);
        return;
    }
    struct arena arena = {0};
    enum err top = ERR_NONE;
    struct controller_reply_partition *partitions = NULL;
    int32_t count = 0;
    struct errmsg why;
    if (err == ERR_NONE) {
        err = controller_decode_answer(sent->kind, sent->cl->versions, answer, &arena, &top, &partitions,
                                       &count, &why);
        if (err != ERR_NONE)
            log_warn("controller", "answer_unreadable", "broker=%d error=\"%s\"", sent->broker_id, why.text);
    }
    reply(sent, err, top, partitions, count);
    arena_close(&arena);
    free(sent);
}

static void do_send(struct controller_loop *cl, const struct controller_effect *effect)
{
    const struct controller_send *send = &effect->send;
    struct broker_channel *bc = map_get_int(&cl->channels, send->broker_id);
    if (!bc) {
        log_warn("controller", "request_dropped", "broker=%d reason=\"there is no channel to it\"",
                 send->broker_id);
        return;
    }
    struct sent_request *sent = MEM_NEW(struct sent_request);
    *sent = (struct sent_request){
        .cl = cl, .broker_id = send->broker_id, .ticket = send->ticket, .kind = effect->kind};
    struct arena arena = {0};
    struct buf frame = {0};
    controller_encode_request(effect->kind, send, cl->versions, cl->listener, bc->correlation_id++, &arena,
                              &frame);
    channel_send(bc->channel, buf_view(&frame), broker_answered, sent);
    buf_close(&frame);
    arena_close(&arena);
}

/* --- timers ------------------------------------------------------------------------------------------------
 */

static void timer_free(struct core_timer *timer)
{
    list_remove(&timer->node);
    loop_timer_cancel(timer->cl->loop, &timer->timer);
    free(timer);
}

static void timer_fired(struct loop_timer *loop_timer, int64_t now_ms)
{
    (void)now_ms;
    struct core_timer *timer = CONTAINER_OF(loop_timer, struct core_timer, timer);
    struct controller_loop *cl = timer->cl;
    struct controller_event event = {.kind = CONTROLLER_EVENT_TIMER, .timer = {.timer_id = timer->id}};
    timer_free(timer);
    step(cl, &event);
}

static void do_timer(struct controller_loop *cl, uint64_t id, int64_t at_ms)
{
    struct core_timer *timer = MEM_NEW(struct core_timer);
    timer->cl = cl;
    timer->id = id;
    timer->timer.fire = timer_fired;
    list_push_back(&cl->timers, &timer->node);
    loop_timer_arm(cl->loop, &timer->timer, at_ms);
}

/* --- calls -------------------------------------------------------------------------------------------------
 */

static void call_came_home(struct loop_message *msg, bool discard)
{
    struct controller_call *call = CONTAINER_OF(msg, struct controller_call, message);
    call->done(call, discard);
}

static void call_send_home(struct controller_call *call)
{
    call->message = (struct loop_message){.run = call_came_home, .label = "controller_answer"};
    loop_post(call->home, &call->message);
}

static struct znode_ids copy_ids(struct arena *arena, struct znode_ids ids)
{
    int32_t *copy = arena_alloc(arena, sizeof *copy * (size_t)(ids.count + 1));
    for (int32_t i = 0; i < ids.count; i++)
        copy[i] = ids.ids[i];
    return (struct znode_ids){copy, ids.count};
}

static const char *copy_text(struct arena *arena, const char *text)
{
    return text ? arena_strdup(arena, text) : NULL;
}

/* The answer outlives the effects it comes in. */
static void copy_answer(struct controller_call *call, const struct controller_answer *from)
{
    struct arena *arena = &call->arena;
    call->answer = *from;
    struct controller_topic_answer *topics =
        arena_alloc(arena, sizeof *topics * (size_t)(from->topics_count + 1));
    for (int32_t i = 0; i < from->topics_count; i++) {
        topics[i] = from->topics[i];
        topics[i].name = copy_text(arena, topics[i].name);
        topics[i].message = copy_text(arena, topics[i].message);
    }
    struct controller_partition_answer *partitions =
        arena_alloc(arena, sizeof *partitions * (size_t)(from->partitions_count + 1));
    for (int32_t i = 0; i < from->partitions_count; i++) {
        partitions[i] = from->partitions[i];
        partitions[i].topic = copy_text(arena, partitions[i].topic);
        partitions[i].message = copy_text(arena, partitions[i].message);
        partitions[i].state.isr = copy_ids(arena, partitions[i].state.isr);
        struct znode_assignment *assignment = &partitions[i].assignment;
        assignment->replicas = copy_ids(arena, assignment->replicas);
        assignment->adding = copy_ids(arena, assignment->adding);
        assignment->removing = copy_ids(arena, assignment->removing);
    }
    call->answer.topics = topics;
    call->answer.partitions = partitions;
}

static void do_answer(struct controller_loop *cl, uint64_t ticket, const struct controller_answer *answer)
{
    struct controller_call *call = map_remove_int(&cl->calls, (int64_t)ticket);
    ASSERT(call != NULL);
    copy_answer(call, answer);
    call_send_home(call);
}

static void call_arrived(struct loop_message *msg, bool discard)
{
    struct controller_call *call = CONTAINER_OF(msg, struct controller_call, message);
    struct controller_loop *cl = call->loop;
    if (discard || cl->stopping) {
        call->answer = (struct controller_answer){.kind = call->request.kind, .err = ERR_NOT_CONTROLLER};
        call_send_home(call);
        return;
    }
    call->ticket = ++cl->last_ticket;
    map_put_int(&cl->calls, (int64_t)call->ticket, call);
    struct controller_event event = {.kind = CONTROLLER_EVENT_REQUEST,
                                     .request = {.ticket = call->ticket, .request = &call->request}};
    step(cl, &event);
}

void controller_loop_request(struct controller_loop *cl, struct controller_call *call)
{
    call->loop = cl;
    call->message = (struct loop_message){.run = call_arrived, .label = "controller_request"};
    loop_post(cl->loop, &call->message);
}

void controller_call_close(struct controller_call *call)
{
    arena_close(&call->arena);
}

/* --- the step ----------------------------------------------------------------------------------------------
 */

static void carry_out(struct controller_loop *cl, const struct controller_effect *effect)
{
    switch (effect->kind) {
    case CONTROLLER_EFFECT_ZK:
        do_zk(cl, effect);
        return;
    case CONTROLLER_EFFECT_ADD_CHANNEL:
        do_add_channel(cl, &effect->add_channel);
        return;
    case CONTROLLER_EFFECT_REMOVE_CHANNEL:
        do_remove_channel(cl, effect->remove_channel.broker_id);
        return;
    case CONTROLLER_EFFECT_LEADER_AND_ISR:
    case CONTROLLER_EFFECT_UPDATE_METADATA:
    case CONTROLLER_EFFECT_STOP_REPLICA:
    case CONTROLLER_EFFECT_LOG_ENDS:
        do_send(cl, effect);
        return;
    case CONTROLLER_EFFECT_ANSWER:
        do_answer(cl, effect->answer.ticket, &effect->answer.answer);
        return;
    case CONTROLLER_EFFECT_TIMER:
        do_timer(cl, effect->timer.timer_id, effect->timer.at_ms);
        return;
    case CONTROLLER_EFFECT_ACTIVE:
        atomic_store(&cl->active, true);
        return;
    case CONTROLLER_EFFECT_RESIGNED:
        atomic_store(&cl->active, false);
        return;
    case CONTROLLER_EFFECT_WATCH_PEER:
        do_watch_peer(cl, &effect->watch_peer);
        return;
    case CONTROLLER_EFFECT_UNWATCH_PEER:
        do_unwatch_peer(cl, effect->unwatch_peer.broker_id);
        return;
    }
}

static void step(struct controller_loop *cl, const struct controller_event *event)
{
    ASSERT_ON_LOOP(cl->loop);
    controller_step(cl->core, event, loop_now_ms(cl->loop), &cl->effects);
    /* Nothing below steps again: submit, send and posts answer later, never from inside. */
    for (int32_t i = 0; i < cl->effects.count; i++)
        carry_out(cl, &cl->effects.items[i]);
    controller_effects_reset(&cl->effects);
    atomic_store(&cl->kept_offline, controller_kept_offline(cl->core));
}

/* --- what the session's owner tells
 * --------------------------------------------------------------------------- */

void controller_loop_registered(struct controller_loop *cl, int64_t session_id, int64_t broker_epoch)
{
    struct controller_event event = {
        .kind = CONTROLLER_EVENT_SESSION_OPENED,
        .session_opened = {.session_id = session_id, .broker_epoch = broker_epoch}};
    if (!cl->stopping)
        step(cl, &event);
}

void controller_loop_expired(struct controller_loop *cl)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    if (!cl->stopping)
        step(cl, &event);
}

void controller_loop_watch(struct controller_loop *cl, enum zk_watch_kind kind, const char *path)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_WATCH,
                                     .watch = {.path = path, .children = kind == ZK_WATCH_CHILDREN}};
    if (!cl->stopping)
        step(cl, &event);
}

struct unclean_message {
    struct loop_message message;
    struct controller_loop *cl;
    char *topic;
    bool enabled;
};

static void unclean_arrived(struct loop_message *msg, bool discard)
{
    struct unclean_message *word = CONTAINER_OF(msg, struct unclean_message, message);
    struct controller_event event = {.kind = CONTROLLER_EVENT_UNCLEAN_ELECTION,
                                     .unclean_election = {.topic = word->topic, .enabled = word->enabled}};
    if (!discard && !word->cl->stopping)
        step(word->cl, &event);
    free(word->topic);
    free(word);
}

void controller_loop_unclean_election(struct controller_loop *cl, const char *topic, bool enabled)
{
    struct unclean_message *word = MEM_NEW(struct unclean_message);
    word->message = (struct loop_message){.run = unclean_arrived, .label = "unclean_election"};
    word->cl = cl;
    word->topic = topic ? mem_strdup(topic) : NULL;
    word->enabled = enabled;
    loop_post(cl->loop, &word->message);
}

/* --- lifecycle
 * ---------------------------------------------------------------------------------------------- */

struct controller_loop *controller_loop_new(const struct controller_loop_config *config, struct loop *loop,
                                            struct zk *zk, struct random *random)
{
    struct controller_loop *cl = MEM_NEW(struct controller_loop);
    struct controller_config core = config->core;
    core.seed = random_u64(random);
    cl->loop = loop;
    cl->zk = zk;
    cl->core = controller_new(&core);
    cl->listener = mem_strdup(config->listener);
    cl->socket_timeout_ms = config->socket_timeout_ms;
    cl->request_timeout_ms = config->request_timeout_ms;
    cl->max_answer_bytes = config->max_answer_bytes;
    cl->versions = config->core.versions ? config->core.versions : inter_broker_newest();
    cl->broker_id = config->core.broker_id;
    cl->refused_ms = config->refused_ms;
    cl->silent_ms = config->silent_ms;
    list_init(&cl->timers);
    return cl;
}

static void close_watched(struct controller_loop *cl)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&cl->watched, &it)))
        watch_close(slot->value);
    map_close(&cl->watched);
    cl->watched = (struct map){0};
}

static void close_channels(struct controller_loop *cl)
{
    size_t it = 0;
    struct map_slot *slot;
    while ((slot = map_next(&cl->channels, &it)))
        channel_close(slot->value);
    map_close(&cl->channels);
    cl->channels = (struct map){0};
}

static void free_timers(struct controller_loop *cl)
{
    struct list *node;
    while ((node = list_pop_front(&cl->timers)))
        timer_free(CONTAINER_OF(node, struct core_timer, node));
}

static void stop_on_loop(void *arg, bool discard)
{
    struct controller_loop *cl = arg;
    (void)discard; /* a stopping loop carries this out, too: every call is owed its answer */
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_EXPIRED};
    step(cl, &event);
    cl->stopping = true;
    free_timers(cl);
    close_watched(cl);
    close_channels(cl);
}

void controller_loop_stop(struct controller_loop *cl)
{
    loop_call(cl->loop, stop_on_loop, cl, "controller_stop");
}

void controller_loop_free(struct controller_loop *cl)
{
    if (!cl)
        return;
    free_timers(cl);
    close_watched(cl);
    close_channels(cl);
    map_close(&cl->calls);
    controller_effects_close(&cl->effects);
    controller_free(cl->core);
    free(cl->listener);
    free(cl);
}

bool controller_loop_is_active(const struct controller_loop *cl)
{
    return atomic_load(&cl->active);
}

int32_t controller_loop_kept_offline(const struct controller_loop *cl)
{
    return atomic_load(&cl->kept_offline);
}
