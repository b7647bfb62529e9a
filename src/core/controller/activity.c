/*
 * The engine of the controller.
 *
 *   event -> queue -> activity (a stack of frames) -> operations -> answers -> ... -> done
 *
 * One activity runs at a time. It ends when its last frame has, or is dropped where it
 * stands: another controller won (MOVED), ZooKeeper said something that no rule covers
 * (GIVE_UP), or the session is over (SESSION_LOST). A dropped activity has written nothing
 * that the fence did not allow, and whoever reads the whole state next goes on from there;
 * that is why no frame needs an error path of its own.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/controller/internal.h"

/* Kinds of which one in the queue is enough: they read everything again when they run. */
static const uint32_t coalesced = 1u << CTL_EVENT_CHECK | 1u << CTL_EVENT_BROKERS | 1u << CTL_EVENT_TOPICS |
                                  1u << CTL_EVENT_DELETIONS | 1u << CTL_EVENT_PREFERRED |
                                  1u << CTL_EVENT_ISR_CHANGES | 1u << CTL_EVENT_LOG_DIRS |
                                  1u << CTL_EVENT_REBALANCE | 1u << CTL_EVENT_REASSIGNMENTS |
                                  1u << CTL_EVENT_LOG_ENDS | 1u << CTL_EVENT_PEERS | 1u << CTL_EVENT_SILENCE;

/* ---- queue */

struct ctl_event *ctl_event_new(enum ctl_event_kind kind)
{
    struct ctl_event *event = MEM_NEW(struct ctl_event);
    event->kind = kind;
    return event;
}

void ctl_event_free(struct ctl_event *event)
{
    for (int32_t i = 0; i < event->outcomes_count; i++)
        free(event->outcomes[i].topic);
    free(event->outcomes);
    free(event->name);
    free(event);
}

void ctl_enqueue(struct controller *c, struct ctl_event *event, bool in_front)
{
    uint32_t bit = 1u << event->kind;
    if (coalesced & bit & c->queued_kinds && !in_front) {
        ctl_event_free(event);
        return;
    }
    c->queued_kinds |= bit;
    if (in_front)
        list_push_front(&c->queue, &event->node);
    else
        list_push_back(&c->queue, &event->node);
}

void ctl_enqueue_kind(struct controller *c, enum ctl_event_kind kind)
{
    ctl_enqueue(c, ctl_event_new(kind), false);
}

void ctl_enqueue_name(struct controller *c, enum ctl_event_kind kind, const char *name)
{
    struct ctl_event *event = ctl_event_new(kind);
    event->name = name ? mem_strdup(name) : NULL;
    ctl_enqueue(c, event, false);
}

/* ---- frames */

void *ctl_call(struct controller *c, size_t size,
               enum ctl_next (*run)(struct controller *, struct ctl_frame *))
{
    struct ctl_frame *frame = arena_zalloc(&c->arena, size);
    frame->run = run;
    frame->below = c->top;
    c->top = frame;
    return frame;
}

static void start_request(struct controller *c, const struct controller_request *request)
{
    if (!c->active) {
        ctl_answer_error(c, ERR_NOT_CONTROLLER);
        return;
    }
    switch (request->kind) {
    case CONTROLLER_CREATE_TOPICS:
        ctl_start_create_topics(c, &request->create_topics);
        return;
    case CONTROLLER_CREATE_PARTITIONS:
        ctl_start_create_partitions(c, &request->create_partitions);
        return;
    case CONTROLLER_DELETE_TOPICS:
        ctl_start_delete_topics(c, &request->delete_topics);
        return;
    case CONTROLLER_ALTER_PARTITION:
        ctl_start_alter_partition(c, &request->alter_partition);
        return;
    case CONTROLLER_ALLOCATE_PRODUCER_IDS:
        ctl_start_allocate(c, &request->allocate_producer_ids);
        return;
    case CONTROLLER_CONTROLLED_SHUTDOWN:
        ctl_start_controlled_shutdown(c, &request->controlled_shutdown);
        return;
    case CONTROLLER_ELECT_LEADERS:
        ctl_start_elect_leaders(c, &request->elect_leaders);
        return;
    case CONTROLLER_ALTER_REASSIGNMENTS:
        ctl_start_alter_reassignments(c, &request->alter_reassignments);
        return;
    case CONTROLLER_LIST_REASSIGNMENTS:
        ctl_start_list_reassignments(c, &request->list_reassignments);
        return;
    }
    UNREACHABLE();
}

static void start_unclean(struct controller *c, const char *name)
{
    const struct ctl_topic *topic = name ? ctl_topic_find(&c->ctx, name) : NULL;
    if (name && !topic)
        return;
    struct ctl_parts parts = ctl_leaderless(c, topic);
    ctl_call_online(c, &parts);
}

/* Sets the first frame of the event's activity, or does all of it at once. */
static void start(struct controller *c, const struct ctl_event *event)
{
    switch (event->kind) {
    case CTL_EVENT_CHECK:
        ctl_start_check(c);
        return;
    case CTL_EVENT_RELINQUISH:
        ctl_start_relinquish(c, (int32_t)event->number);
        return;
    case CTL_EVENT_REQUEST:
        start_request(c, event->request);
        return;
    case CTL_EVENT_REPLACE:
        ctl_start_replace(c, (int32_t)event->number, event->epoch, CTL_EVIDENCE_REFUSED);
        return;
    case CTL_EVENT_PEERS:
        ctl_start_peers(c);
        return;
    case CTL_EVENT_SILENCE:
        ctl_start_silence(c);
        return;
    default:
        break;
    }
    if (!c->active)
        return;
    switch (event->kind) {
    case CTL_EVENT_CHECK:
    case CTL_EVENT_RELINQUISH:
    case CTL_EVENT_REQUEST:
    case CTL_EVENT_REPLACE:
    case CTL_EVENT_PEERS:
    case CTL_EVENT_SILENCE:
        return;
    case CTL_EVENT_SUSPECT:
        ctl_start_suspect(c, (int32_t)event->number, event->epoch);
        return;
    case CTL_EVENT_TRUST:
        ctl_start_trust(c, (int32_t)event->number);
        return;
    case CTL_EVENT_BROKERS:
        ctl_start_brokers(c);
        return;
    case CTL_EVENT_BROKER:
        ctl_start_broker(c, (int32_t)event->number);
        return;
    case CTL_EVENT_TOPICS:
        ctl_start_topics(c);
        return;
    case CTL_EVENT_TOPIC:
        ctl_start_topic(c, event->name);
        return;
    case CTL_EVENT_DELETIONS:
        ctl_start_deletions(c);
        return;
    case CTL_EVENT_PREFERRED:
        ctl_start_preferred(c);
        return;
    case CTL_EVENT_REASSIGNMENTS:
        ctl_call_listed_moves(c);
        return;
    case CTL_EVENT_ISR_CHANGES:
        ctl_start_isr_changes(c);
        return;
    case CTL_EVENT_LOG_DIRS:
        ctl_start_log_dirs(c);
        return;
    case CTL_EVENT_REBALANCE:
        ctl_start_rebalance(c);
        return;
    case CTL_EVENT_UNCLEAN:
        start_unclean(c, event->name);
        return;
    case CTL_EVENT_LOG_ERRORS:
        ctl_start_log_errors(c, event);
        return;
    case CTL_EVENT_STOPPED:
        ctl_start_stopped(c, event);
        return;
    case CTL_EVENT_LOG_ENDS:
        ctl_start_log_ends(c);
        return;
    }
}

static void finish_activity(struct controller *c)
{
    struct ctl_event *event = c->event;
    if (event && event->kind == CTL_EVENT_REQUEST)
        ASSERT(event->answered);
    if (event)
        ctl_event_free(event);
    c->event = NULL;
    c->top = NULL;
    c->waiting = false;
    c->ops_count = c->ops_cap = 0;
    c->ops = NULL;
    arena_reset(&c->arena);
}

void ctl_drop_activity(struct controller *c)
{
    if (c->event && c->event->kind == CTL_EVENT_REQUEST && !c->event->answered)
        ctl_answer_event(c, c->event, ERR_NOT_CONTROLLER);
    finish_activity(c);
}

/* Carries out what ended the activity early. */
static void meet_fate(struct controller *c)
{
    enum ctl_fate fate = c->fate;
    c->fate = CTL_FATE_NONE;
    ctl_drop_activity(c);
    int32_t version = c->epoch_version;
    bool was_active = c->active;
    switch (fate) {
    case CTL_FATE_NONE:
        return;
    case CTL_FATE_SESSION_LOST:
        ctl_resign(c, "session lost");
        c->session_id = 0;
        return;
    case CTL_FATE_MOVED:
        c->deposed |= was_active;
        ctl_resign(c, "another controller");
        ctl_enqueue(c, ctl_event_new(CTL_EVENT_CHECK), true);
        return;
    case CTL_FATE_GIVE_UP:
        ctl_resign(c, "gave up");
        c->give_ups++;
        c->stand_at_ms = c->now_ms + (INT64_C(500) << (c->give_ups < 6 ? c->give_ups : 6));
        ctl_enqueue(c, ctl_event_new(CTL_EVENT_CHECK), true);
        if (was_active) {
            struct ctl_event *relinquish = ctl_event_new(CTL_EVENT_RELINQUISH);
            relinquish->number = version;
            ctl_enqueue(c, relinquish, true);
        }
        return;
    }
}

static void start_next(struct controller *c)
{
    struct ctl_event *event = CONTAINER_OF(list_pop_front(&c->queue), struct ctl_event, node);
    c->queued_kinds &= ~(1u << event->kind);
    c->event = event;
    start(c, event);
}

void ctl_run(struct controller *c)
{
    while (!c->waiting) {
        if (c->fate != CTL_FATE_NONE) {
            meet_fate(c);
        } else if (c->top) {
            struct ctl_frame *frame = c->top;
            enum ctl_next next = frame->run(c, frame);
            if (c->fate != CTL_FATE_NONE)
                c->waiting = false;
            else if (next == CTL_DONE) {
                ASSERT(c->top == frame);
                c->top = frame->below;
            } else
                ASSERT((next == CTL_WAIT) == c->waiting);
        } else if (c->event) {
            finish_activity(c);
        } else if (!list_is_empty(&c->queue)) {
            start_next(c);
        } else
            return;
    }
}

/* ---- ends of an activity */

static void set_fate(struct controller *c, enum ctl_fate fate)
{
    if (c->fate == CTL_FATE_NONE)
        c->fate = fate;
}

void ctl_moved(struct controller *c, const char *what)
{
    log_info("controller", "moved", "epoch=%d while=%s", c->epoch, what);
    set_fate(c, CTL_FATE_MOVED);
}

void ctl_give_up(struct controller *c, const char *what, enum err err)
{
    log_error("controller", "gave_up", "epoch=%d while=%s error=%s", c->epoch, what, err_name(err));
    set_fate(c, CTL_FATE_GIVE_UP);
}

void ctl_session_lost(struct controller *c)
{
    set_fate(c, CTL_FATE_SESSION_LOST);
}

/* ---- operations */

char *ctl_path(struct controller *c, const char *fmt, ...)
{
    char small[512];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(small, sizeof small, fmt, args);
    va_end(args);
    ASSERT(len >= 0);
    if ((size_t)len < sizeof small)
        return arena_strdup(&c->arena, small);
    char *text = arena_alloc(&c->arena, (size_t)len + 1);
    va_start(args, fmt);
    vsnprintf(text, (size_t)len + 1, fmt, args);
    va_end(args);
    return text;
}

void *ctl_grow(struct arena *arena, void *items, int32_t count, int32_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    int32_t grown = *cap ? *cap * 2 : 8;
    void *bigger = arena_zalloc(arena, (size_t)grown * size);
    if (count)
        memcpy(bigger, items, (size_t)count * size);
    *cap = grown;
    return bigger;
}

struct controller_op *ctl_op(struct controller *c, enum controller_op_kind kind, const char *path)
{
    c->ops = ctl_grow(&c->arena, c->ops, c->ops_count, &c->ops_cap, sizeof *c->ops);
    struct controller_op *op = &c->ops[c->ops_count++];
    op->kind = kind;
    op->path = path;
    return op;
}

void ctl_get(struct controller *c, enum controller_value_kind kind, bool watch, const char *path)
{
    struct controller_op *op = ctl_op(c, CONTROLLER_OP_GET, path);
    op->value.kind = kind;
    op->watch = watch;
}

void ctl_watch(struct controller *c, const char *path)
{
    ctl_op(c, CONTROLLER_OP_EXISTS, path)->watch = true;
}

void ctl_children(struct controller *c, bool watch, const char *path)
{
    ctl_op(c, CONTROLLER_OP_CHILDREN, path)->watch = watch;
}

enum ctl_next ctl_submit(struct controller *c)
{
    c->results = NULL;
    c->results_count = 0;
    if (c->ops_count == 0)
        return CTL_AGAIN;
    struct controller_effect *effect = controller_effects_add(c->out, CONTROLLER_EFFECT_ZK);
    c->zk_ticket = ++c->next_ticket;
    effect->zk.ticket = c->zk_ticket;
    effect->zk.ops = c->ops;
    effect->zk.ops_count = c->ops_count;
    c->ops = NULL;
    c->ops_count = c->ops_cap = 0;
    c->waiting = true;
    return CTL_WAIT;
}

bool ctl_reads_ok(struct controller *c)
{
    for (int32_t i = 0; i < c->results_count; i++) {
        switch ((int)c->results[i].err) {
        case ERR_NONE:
        case ERR_NOT_FOUND:
        case ERR_MALFORMED:
            break;
        case ERR_SESSION_EXPIRED:
        case ERR_CLOSED:
            ctl_session_lost(c);
            return false;
        default:
            ctl_give_up(c, "read", c->results[i].err);
            return false;
        }
    }
    return true;
}

/* ---- lists */

void ctl_parts_add(struct controller *c, struct ctl_parts *parts, struct ctl_partition *p)
{
    parts->items = ctl_grow(&c->arena, parts->items, parts->count, &parts->cap, sizeof *parts->items);
    parts->items[parts->count++] = p;
}

void ctl_refs_add(struct controller *c, struct ctl_refs *refs, struct ctl_partition *p, int32_t broker_id)
{
    refs->items = ctl_grow(&c->arena, refs->items, refs->count, &refs->cap, sizeof *refs->items);
    refs->items[refs->count++] = (struct ctl_ref){.p = p, .broker_id = broker_id};
}

void ctl_arm(struct controller *c, uint64_t timer_id, int64_t delay_ms)
{
    struct controller_effect *effect = controller_effects_add(c->out, CONTROLLER_EFFECT_TIMER);
    effect->timer.timer_id = timer_id;
    effect->timer.at_ms = c->now_ms + delay_ms;
}
