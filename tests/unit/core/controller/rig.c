#include "rig.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"

static void put_null(struct rig *rig, const char *path)
{
    fake_zk_put(rig->zk, path, &(struct controller_value){.kind = CONTROLLER_VALUE_NULL});
}

struct rig *rig_new(void)
{
    static const char *const paths[] = {"/brokers/ids",
                                        "/brokers/topics",
                                        "/config/changes",
                                        "/admin/delete_topics",
                                        "/isr_change_notification",
                                        "/latest_producer_id_block",
                                        "/log_dir_event_notification",
                                        "/config/topics",
                                        "/barnabas/brokers",
                                        "/barnabas/trusted",
                                        "/barnabas/standing"};
    struct rig *rig = MEM_NEW(struct rig);
    rig->zk = fake_zk_new();
    rig->take_over_at = rig->lose_at = -1;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        put_null(rig, paths[i]);
    return rig;
}

void rig_free(struct rig *rig)
{
    for (int i = 0; i < rig->cores_count; i++) {
        controller_free(rig->cores[i].c);
        arena_close(&rig->cores[i].zk_arena);
    }
    fake_zk_free(rig->zk);
    buf_close(&rig->trace);
    arena_close(&rig->arena);
    free(rig);
}

static void register_broker(struct rig *rig, int id, const char *rack, const struct znode_incarnation *data)
{
    struct znode_endpoint endpoint = {
        .listener = "PLAINTEXT", .protocol = "PLAINTEXT", .host = "h", .port = 9000 + id};
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    char data_path[64];
    snprintf(data_path, sizeof data_path, "/barnabas/brokers/%d", id);
    struct controller_op ops[2] = {
        {.kind = CONTROLLER_OP_CREATE, .path = path, .ephemeral = true},
        {.kind = fake_zk_exists(rig->zk, data_path) ? CONTROLLER_OP_SET : CONTROLLER_OP_CREATE,
         .path = data_path,
         .version = CONTROLLER_ANY_VERSION}};
    ops[0].value.kind = CONTROLLER_VALUE_BROKER;
    ops[0].value.broker = (struct znode_broker){
        .version = 5, .jmx_port = -1, .endpoints = &endpoint, .endpoints_count = 1, .rack = rack};
    if (data) {
        ops[1].value.kind = CONTROLLER_VALUE_INCARNATION;
        ops[1].value.incarnation = *data;
    }
    struct controller_op multi = {.kind = CONTROLLER_OP_MULTI, .ops = ops, .ops_count = data ? 2 : 1};
    struct controller_op_result result;
    rig->broker_session[id] = fake_zk_open_session(rig->zk);
    fake_zk_apply(rig->zk, rig->broker_session[id], &multi, &rig->arena, &result);
    ck_assert_int_eq(result.err, ERR_NONE);
}

void rig_register(struct rig *rig, int id, const char *rack)
{
    register_broker(rig, id, rack, NULL);
}

struct uuid rig_data(char name)
{
    struct uuid id;
    memset(id.bytes, name, sizeof id.bytes);
    return id;
}

void rig_register_with(struct rig *rig, int id, char data, enum znode_loss loss)
{
    register_broker(rig, id, NULL, &(struct znode_incarnation){.id = rig_data(data), .loss = loss});
}

void rig_kill(struct rig *rig, int id)
{
    fake_zk_close_session(rig->zk, rig->broker_session[id]);
    rig->broker_session[id] = 0;
}

static void open_session(struct rig *rig, int core)
{
    struct rig_core *rc = &rig->cores[core];
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", rc->id);
    rc->session = rig->broker_session[rc->id];
    struct controller_event event = {.kind = CONTROLLER_EVENT_SESSION_OPENED};
    event.session_opened.session_id = rc->session;
    event.session_opened.broker_epoch = fake_zk_czxid(rig->zk, path);
    rig_feed(rig, core, &event);
}

int rig_add_core(struct rig *rig, int id)
{
    int core = rig->cores_count++;
    struct controller_config config = {.broker_id = id,
                                       .seed = (uint64_t)id,
                                       .delete_topic = true,
                                       .auto_rebalance = true,
                                       .rebalance_check_ms = 300000,
                                       .log_wait_ms = RIG_LOG_WAIT_MS,
                                       .imbalance_pct = 10,
                                       .versions = rig->versions,
                                       .suspect = !rig->no_suspicion,
                                       .suspect_pause_ms = 10000};
    rig->cores[core].c = controller_new(&config);
    rig->cores[core].id = id;
    open_session(rig, core);
    rig_run(rig);
    return core;
}

struct rig *rig_cluster(int n)
{
    struct rig *rig = rig_new();
    for (int id = 1; id <= n; id++)
        rig_register(rig, id, NULL);
    rig_add_core(rig, 1);
    return rig;
}

/* ---- trace */

static void trace_ids(struct buf *out, const char *name, const struct znode_ids *ids)
{
    buf_printf(out, " %s=", name);
    for (int32_t i = 0; i < ids->count; i++)
        buf_printf(out, "%s%d", i ? "," : "", ids->ids[i]);
}

static void trace_states(struct rig *rig, const char *what, const struct controller_send *send)
{
    struct buf *out = &rig->trace;
    if (send->topics_count == 0)
        buf_printf(out, "%s broker=%d brokers=%d\n", what, send->broker_id, send->live_brokers_count);
    for (int32_t t = 0; t < send->topics_count; t++) {
        for (int32_t i = 0; i < send->topics[t].partitions_count; i++) {
            const struct controller_partition_state *p = &send->topics[t].partitions[i];
            buf_printf(out, "%s broker=%d %s-%d leader=%d epoch=%d", what, send->broker_id,
                       send->topics[t].topic, p->partition, p->leader, p->leader_epoch);
            trace_ids(out, "isr", &p->isr);
            if (p->is_new)
                buf_put_str(out, " new");
            if (p->adding.count + p->removing.count) {
                trace_ids(out, "replicas", &p->replicas);
                trace_ids(out, "adding", &p->adding);
                trace_ids(out, "removing", &p->removing);
            }
            if (p->offline.count)
                trace_ids(out, "offline", &p->offline);
            buf_put_str(out, "\n");
        }
    }
}

static void trace_stops(struct rig *rig, const struct controller_send *send)
{
    bool alike = rig->versions && rig->versions->stop_replica < INTER_BROKER_STOPS_EACH;
    for (int32_t t = 0; t < send->stops_count; t++) {
        for (int32_t i = 0; i < send->stops[t].partitions_count; i++) {
            const struct controller_stop_partition *p = &send->stops[t].partitions[i];
            ck_assert(!alike || p->delete_partition == send->stops[0].partitions[0].delete_partition);
            buf_printf(&rig->trace, "Stop broker=%d %s-%d epoch=%d%s\n", send->broker_id,
                       send->stops[t].topic, p->partition, p->leader_epoch,
                       p->delete_partition ? " delete" : "");
        }
    }
}

static void trace_asked(struct rig *rig, const struct controller_send *send)
{
    for (int32_t t = 0; t < send->topics_count; t++) {
        for (int32_t i = 0; i < send->topics[t].partitions_count; i++)
            buf_printf(&rig->trace, "Ends broker=%d %s-%d\n", send->broker_id, send->topics[t].topic,
                       send->topics[t].partitions[i].partition);
    }
}

bool rig_saw(struct rig *rig, const char *text)
{
    return strstr(buf_cstr(&rig->trace), text) != NULL;
}

size_t rig_place(struct rig *rig, const char *text)
{
    const char *trace = buf_cstr(&rig->trace);
    const char *at = strstr(trace, text);
    ck_assert_msg(at != NULL, "\"%s\" is not in:\n%s", text, trace);
    return (size_t)(at - trace);
}

void rig_forget_trace(struct rig *rig)
{
    buf_clear(&rig->trace);
}

/* ---- brokers */

static int32_t count_partitions(const struct controller_send *send)
{
    int32_t n = 0;
    for (int32_t t = 0; t < send->topics_count; t++)
        n += send->topics[t].partitions_count;
    for (int32_t t = 0; t < send->stops_count; t++)
        n += send->stops[t].partitions_count;
    return n;
}

static void reply(struct rig *rig, int core, const struct controller_send *send, bool ends)
{
    ck_assert_int_lt(rig->replies_count, RIG_PENDING);
    int at = rig->replies_count++;
    int id = send->broker_id;
    enum err err = ends ? rig->end_err[id] : rig->partition_err[id];
    struct controller_reply_partition *list =
        arena_zalloc(&rig->arena, (size_t)count_partitions(send) * sizeof *list + 1);
    int32_t n = 0;
    for (int32_t t = 0; t < send->topics_count; t++) {
        for (int32_t i = 0; i < send->topics[t].partitions_count; i++)
            list[n++] = (struct controller_reply_partition){
                .topic = ends ? arena_strdup(&rig->arena, send->topics[t].topic) : NULL,
                .topic_id = send->topics[t].topic_id,
                .partition = send->topics[t].partitions[i].partition,
                .err = err,
                .end_epoch = rig->end_epoch[id],
                .end_offset = rig->end_offset[id]};
    }
    for (int32_t t = 0; t < send->stops_count; t++) {
        for (int32_t i = 0; i < send->stops[t].partitions_count; i++)
            list[n++] =
                (struct controller_reply_partition){.topic = arena_strdup(&rig->arena, send->stops[t].topic),
                                                    .partition = send->stops[t].partitions[i].partition,
                                                    .err = err};
    }
    rig->replies[at].core = core;
    rig->replies[at].held = ends && rig->holds_ends[id];
    rig->replies[at].ticket = send->ticket;
    rig->replies[at].broker_id = send->broker_id;
    rig->replies[at].transport =
        rig->mood[send->broker_id] == RIG_UNREACHABLE ? ERR_CONNECTION_LOSS : ERR_NONE;
    rig->replies[at].err = rig->request_err[send->broker_id];
    rig->replies[at].partitions = list;
    rig->replies[at].partitions_count = n;
}

static void take_send(struct rig *rig, int core, const struct controller_effect *effect)
{
    const struct controller_send *send = &effect->send;
    bool ends = effect->kind == CONTROLLER_EFFECT_LOG_ENDS;
    if (effect->kind == CONTROLLER_EFFECT_STOP_REPLICA)
        trace_stops(rig, send);
    else if (ends)
        trace_asked(rig, send);
    else
        trace_states(rig, effect->kind == CONTROLLER_EFFECT_LEADER_AND_ISR ? "LeaderAndIsr" : "Update", send);
    if (rig->mood[send->broker_id] != RIG_SILENT)
        reply(rig, core, send, ends);
}

static bool feed_reply(struct rig *rig)
{
    int at = 0;
    while (at < rig->replies_count && rig->replies[at].held)
        at++;
    if (at == rig->replies_count)
        return false;
    struct controller_event event = {.kind = CONTROLLER_EVENT_REPLY};
    event.reply.broker_id = rig->replies[at].broker_id;
    event.reply.ticket = rig->replies[at].ticket;
    event.reply.transport = rig->replies[at].transport;
    event.reply.err = rig->replies[at].err;
    event.reply.partitions = rig->replies[at].partitions;
    event.reply.partitions_count = rig->replies[at].partitions_count;
    int core = rig->replies[at].core;
    memmove(&rig->replies[at], &rig->replies[at + 1],
            sizeof rig->replies[0] * (size_t)(rig->replies_count - at - 1));
    rig->replies_count--;
    rig_feed(rig, core, &event);
    return true;
}

void rig_release_ends(struct rig *rig, enum err transport)
{
    for (int i = 0; i < rig->replies_count; i++) {
        if (rig->replies[i].held)
            rig->replies[i].transport = transport;
        rig->replies[i].held = false;
    }
    rig_run(rig);
}

/* ---- ZooKeeper */

static bool is_write(const struct controller_op *op)
{
    return op->kind == CONTROLLER_OP_MULTI || op->kind == CONTROLLER_OP_CREATE ||
           op->kind == CONTROLLER_OP_SET || op->kind == CONTROLLER_OP_DELETE;
}

void rig_take_over(struct rig *rig)
{
    struct controller_value epoch = {.kind = CONTROLLER_VALUE_RAW};
    char text[16];
    rig->intruder = fake_zk_open_session(rig->zk);
    rig->changes_at_take_over = fake_zk_changes(rig->zk, rig->cores[0].session);
    if (fake_zk_exists(rig->zk, "/controller"))
        fake_zk_remove(rig->zk, "/controller");
    int now = 0;
    if (fake_zk_exists(rig->zk, "/controller_epoch"))
        now = atoi((const char *)fake_zk_value(rig->zk, "/controller_epoch")->raw.ptr);
    snprintf(text, sizeof text, "%d", now + 1);
    epoch.raw = view_of(text, strlen(text) + 1);
    epoch.raw.len--;
    fake_zk_put(rig->zk, "/controller_epoch", &epoch);
    struct controller_op op = {.kind = CONTROLLER_OP_CREATE, .path = "/controller", .ephemeral = true};
    op.value.kind = CONTROLLER_VALUE_CONTROLLER;
    op.value.controller.broker_id = 9;
    struct controller_op_result result;
    fake_zk_apply(rig->zk, rig->intruder, &op, &rig->arena, &result);
    ck_assert_int_eq(result.err, ERR_NONE);
}

static void apply(struct rig *rig, int core, const struct controller_op *op, struct arena *arena,
                  struct controller_op_result *out)
{
    if (rig->ops_done++ == rig->take_over_at)
        rig_take_over(rig);
    bool lost = is_write(op) && rig->writes_done++ == rig->lose_at;
    if (!lost || rig->lose_applied)
        fake_zk_apply(rig->zk, rig->cores[core].session, op, arena, out);
    if (lost)
        *out = (struct controller_op_result){.err = ERR_CONNECTION_LOSS};
}

static void take_zk(struct rig *rig, int core, uint64_t ticket, const struct controller_op *ops,
                    int32_t count)
{
    struct rig_core *rc = &rig->cores[core];
    arena_reset(&rc->zk_arena); /* of a batch that nobody waits for any more */
    rc->zk_results = arena_zalloc(&rc->zk_arena, (size_t)count * sizeof *rc->zk_results + 1);
    rc->zk_results_count = count;
    rc->zk_ticket = ticket;
    rc->zk_pending = true;
    rig->batches_done++;
    for (int32_t i = 0; i < count; i++)
        apply(rig, core, &ops[i], &rc->zk_arena, &rc->zk_results[i]);
}

static bool feed_zk(struct rig *rig)
{
    for (int i = 0; i < rig->cores_count; i++) {
        struct rig_core *rc = &rig->cores[i];
        if (!rc->zk_pending)
            continue;
        struct arena arena = rc->zk_arena; /* the step may bring the next batch */
        rc->zk_arena = (struct arena){0};
        rc->zk_pending = false;
        struct controller_event event = {.kind = CONTROLLER_EVENT_ZK_DONE};
        event.zk_done.ticket = rc->zk_ticket;
        event.zk_done.results = rc->zk_results;
        event.zk_done.results_count = rc->zk_results_count;
        rig_feed(rig, i, &event);
        arena_close(&arena);
        return true;
    }
    return false;
}

/* ---- effects */

static struct znode_ids copy_ids(struct arena *arena, const struct znode_ids *from)
{
    struct znode_ids copy = {.ids = arena_alloc(arena, (size_t)from->count * sizeof *copy.ids + 1),
                             .count = from->count};
    for (int32_t i = 0; i < from->count; i++)
        copy.ids[i] = from->ids[i];
    return copy;
}

static void take_answer(struct rig *rig, const struct controller_effect *effect)
{
    ck_assert_int_lt(rig->answers_count, 64);
    struct rig_answer *out = &rig->answers[rig->answers_count++];
    const struct controller_answer *from = &effect->answer.answer;
    struct arena *a = &rig->arena;
    out->ticket = effect->answer.ticket;
    out->answer = *from;
    struct controller_topic_answer *topics = arena_zalloc(a, (size_t)from->topics_count * sizeof *topics + 1);
    for (int32_t i = 0; i < from->topics_count; i++) {
        topics[i] = from->topics[i];
        topics[i].name = from->topics[i].name ? arena_strdup(a, from->topics[i].name) : NULL;
        topics[i].message = from->topics[i].message ? arena_strdup(a, from->topics[i].message) : NULL;
    }
    struct controller_partition_answer *partitions =
        arena_zalloc(a, (size_t)from->partitions_count * sizeof *partitions + 1);
    for (int32_t i = 0; i < from->partitions_count; i++) {
        partitions[i] = from->partitions[i];
        partitions[i].topic = from->partitions[i].topic ? arena_strdup(a, from->partitions[i].topic) : NULL;
        partitions[i].message =
            from->partitions[i].message ? arena_strdup(a, from->partitions[i].message) : NULL;
        struct znode_assignment *assignment = &partitions[i].assignment;
        assignment->replicas = copy_ids(a, &assignment->replicas);
        assignment->adding = copy_ids(a, &assignment->adding);
        assignment->removing = copy_ids(a, &assignment->removing);
    }
    out->answer.topics = topics;
    out->answer.partitions = partitions;
}

static void take_effect(struct rig *rig, int core, const struct controller_effect *effect)
{
    struct rig_core *rc = &rig->cores[core];
    switch (effect->kind) {
    case CONTROLLER_EFFECT_ZK:
        ck_abort_msg("handled apart");
        break;
    case CONTROLLER_EFFECT_ADD_CHANNEL:
        buf_printf(&rig->trace, "channel broker=%d\n", effect->add_channel.id);
        break;
    case CONTROLLER_EFFECT_REMOVE_CHANNEL:
        buf_printf(&rig->trace, "no channel broker=%d\n", effect->remove_channel.broker_id);
        break;
    case CONTROLLER_EFFECT_LEADER_AND_ISR:
    case CONTROLLER_EFFECT_UPDATE_METADATA:
    case CONTROLLER_EFFECT_STOP_REPLICA:
    case CONTROLLER_EFFECT_LOG_ENDS:
        take_send(rig, core, effect);
        break;
    case CONTROLLER_EFFECT_ANSWER:
        take_answer(rig, effect);
        break;
    case CONTROLLER_EFFECT_TIMER:
        ck_assert_int_lt(rig->timers_count, 64);
        rig->timers[rig->timers_count++] =
            (struct rig_timer){.core = core, .id = effect->timer.timer_id, .at_ms = effect->timer.at_ms};
        break;
    case CONTROLLER_EFFECT_ACTIVE:
        ck_assert(!rc->active);
        rc->active = true;
        buf_printf(&rig->trace, "active broker=%d epoch=%d\n", rc->id, effect->active.epoch);
        break;
    case CONTROLLER_EFFECT_RESIGNED:
        ck_assert(rc->active);
        rc->active = false;
        buf_printf(&rig->trace, "resigned broker=%d\n", rc->id);
        break;
    case CONTROLLER_EFFECT_WATCH_PEER:
        buf_printf(&rig->trace, "watch broker=%d by=%d\n", effect->watch_peer.id, rc->id);
        break;
    case CONTROLLER_EFFECT_UNWATCH_PEER:
        buf_printf(&rig->trace, "no watch broker=%d by=%d\n", effect->unwatch_peer.broker_id, rc->id);
        break;
    }
}

void rig_feed(struct rig *rig, int core, const struct controller_event *event)
{
    struct rig_core *rc = &rig->cores[core];
    struct controller_effects effects = {0};
    controller_step(rc->c, event, rig->now_ms, &effects);
    struct controller_effect *zk = NULL;
    for (int32_t i = 0; i < effects.count; i++) {
        if (effects.items[i].kind == CONTROLLER_EFFECT_ZK) {
            ck_assert_msg(zk == NULL, "one batch of operations at a time");
            zk = &effects.items[i];
        } else
            take_effect(rig, core, &effects.items[i]);
    }
    ck_assert_int_eq(controller_is_active(rc->c), rc->active);
    if (zk)
        take_zk(rig, core, zk->zk.ticket, zk->zk.ops, zk->zk.ops_count);
    controller_effects_close(&effects);
}

static bool feed_watch(struct rig *rig)
{
    struct fake_watch watch;
    if (!fake_zk_take_watch(rig->zk, &watch))
        return false;
    for (int i = 0; i < rig->cores_count; i++) {
        if (rig->cores[i].session != watch.session)
            continue;
        struct controller_event event = {.kind = CONTROLLER_EVENT_WATCH};
        event.watch.path = watch.path;
        event.watch.children = watch.children;
        rig_feed(rig, i, &event);
    }
    return true;
}

bool rig_run_one(struct rig *rig)
{
    return feed_watch(rig) || feed_reply(rig) || feed_zk(rig);
}

void rig_run(struct rig *rig)
{
    int steps = 0;
    while (rig_run_one(rig))
        ck_assert_msg(++steps < 100000, "it does not come to rest");
}

void rig_advance(struct rig *rig, int64_t ms)
{
    rig->now_ms += ms;
    struct rig_timer due[64];
    int count = 0;
    for (int i = 0; i < rig->timers_count;) {
        if (rig->timers[i].at_ms > rig->now_ms) {
            i++;
            continue;
        }
        due[count++] = rig->timers[i];
        rig->timers[i] = rig->timers[--rig->timers_count];
    }
    for (int i = 0; i < count; i++) {
        struct controller_event event = {.kind = CONTROLLER_EVENT_TIMER};
        event.timer.timer_id = due[i].id;
        rig_feed(rig, due[i].core, &event);
    }
    rig_run(rig);
}

struct controller_event rig_watched(struct rig *rig, enum controller_event_kind kind, int id)
{
    char path[64];
    snprintf(path, sizeof path, "/brokers/ids/%d", id);
    struct controller_event event = {.kind = kind};
    event.watched.broker_id = id;
    event.watched.broker_epoch = fake_zk_czxid(rig->zk, path);
    event.watched.was_there = true;
    return event;
}

static void watched(struct rig *rig, int core, enum controller_event_kind kind, int id)
{
    struct controller_event event = rig_watched(rig, kind, id);
    rig_feed(rig, core, &event);
    rig_run(rig);
}

void rig_refuse(struct rig *rig, int core, int id)
{
    watched(rig, core, CONTROLLER_EVENT_REFUSED, id);
}

void rig_silent(struct rig *rig, int core, int id)
{
    watched(rig, core, CONTROLLER_EVENT_SILENT, id);
}

void rig_heard(struct rig *rig, int core, int id)
{
    watched(rig, core, CONTROLLER_EVENT_HEARD, id);
}

/* ---- requests */

void rig_request(struct rig *rig, int core, uint64_t ticket, const struct controller_request *request)
{
    struct controller_event event = {.kind = CONTROLLER_EVENT_REQUEST};
    event.request.ticket = ticket;
    event.request.request = request;
    rig_feed(rig, core, &event);
    rig_run(rig);
}

bool rig_is_answered(const struct rig *rig, uint64_t ticket)
{
    for (int i = 0; i < rig->answers_count; i++) {
        if (rig->answers[i].ticket == ticket)
            return true;
    }
    return false;
}

const struct controller_answer *rig_answer(struct rig *rig, uint64_t ticket)
{
    const struct controller_answer *found = NULL;
    for (int i = 0; i < rig->answers_count; i++) {
        if (rig->answers[i].ticket != ticket)
            continue;
        ck_assert_msg(found == NULL, "ticket %d was answered twice", (int)ticket);
        found = &rig->answers[i].answer;
    }
    ck_assert_msg(found != NULL, "ticket %d was not answered", (int)ticket);
    return found;
}

static uint64_t next_ticket(struct rig *rig)
{
    return 1000 + (uint64_t)rig->answers_count;
}

const struct controller_answer *rig_create_topic(struct rig *rig, const char *name, int partitions, int rf)
{
    struct controller_new_topic topic = {
        .name = name, .partitions_count = partitions, .replication_factor = rf};
    struct controller_request request = {.kind = CONTROLLER_CREATE_TOPICS};
    request.create_topics.topics = &topic;
    request.create_topics.topics_count = 1;
    uint64_t ticket = next_ticket(rig);
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

const struct controller_answer *rig_delete_topic(struct rig *rig, const char *name)
{
    struct controller_topic_ref topic = {.name = name};
    struct controller_request request = {.kind = CONTROLLER_DELETE_TOPICS};
    request.delete_topics.topics = &topic;
    request.delete_topics.topics_count = 1;
    uint64_t ticket = next_ticket(rig);
    rig_request(rig, 0, ticket, &request);
    return rig_answer(rig, ticket);
}

void rig_put_topic(struct rig *rig, const char *name, int partitions, const int32_t *replicas, int rf)
{
    struct controller_value value = {.kind = CONTROLLER_VALUE_TOPIC};
    struct znode_assignment *list = arena_zalloc(&rig->arena, (size_t)partitions * sizeof *list);
    for (int i = 0; i < partitions; i++) {
        list[i].partition = i;
        list[i].replicas.ids = arena_alloc(&rig->arena, (size_t)rf * sizeof *replicas);
        list[i].replicas.count = rf;
        memcpy(list[i].replicas.ids, replicas + i * rf, (size_t)rf * sizeof *replicas);
    }
    memset(value.topic.topic_id.bytes, name[0], sizeof value.topic.topic_id.bytes);
    value.topic.partitions = list;
    value.topic.partitions_count = partitions;
    char path[300];
    snprintf(path, sizeof path, "/brokers/topics/%s", name);
    fake_zk_put(rig->zk, path, &value);
    rig_run(rig);
}

const struct znode_state *rig_state(struct rig *rig, const char *topic, int partition)
{
    char path[300];
    snprintf(path, sizeof path, "/brokers/topics/%s/partitions/%d/state", topic, partition);
    const struct controller_value *value = fake_zk_value(rig->zk, path);
    ck_assert_msg(value && value->kind == CONTROLLER_VALUE_STATE, "%s is not there", path);
    return &value->state;
}
