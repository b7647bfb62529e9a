#include "core/controller/controller.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct controller *controller_new(const struct controller_config *config)
{
    struct controller *c = MEM_NEW(struct controller);
    c->config = *config;
    if (!c->config.versions)
        c->config.versions = inter_broker_newest();
    prng_seed(&c->prng, config->seed);
    c->known_id = -1;
    c->rival.id = c->replaced.id = -1;
    c->silence_known = true;
    list_init(&c->queue);
    ctl_context_init(&c->ctx);
    return c;
}

void controller_free(struct controller *c)
{
    if (!c)
        return;
    if (c->event)
        ctl_event_free(c->event);
    LIST_EACH_SAFE (node, &c->queue) {
        ctl_event_free(CONTAINER_OF(node, struct ctl_event, node));
    }
    ctl_context_clear(&c->ctx);
    arena_close(&c->arena);
    free(c->peers);
    free(c);
}

bool controller_is_active(const struct controller *c)
{
    return c->active;
}

int32_t controller_epoch(const struct controller *c)
{
    return c->epoch;
}

int32_t controller_known_id(const struct controller *c)
{
    return c->known_id;
}

int32_t controller_kept_offline(const struct controller *c)
{
    return c->active ? c->ctx.kept_offline : 0;
}

/* What is to be read again when a watch fires. */
static const struct {
    const char *path;
    enum ctl_event_kind kind;
    bool children;
    bool always; /* whoever is controller */
} watched[] = {
    {"/controller", CTL_EVENT_CHECK, false, true},
    {"/brokers/ids", CTL_EVENT_BROKERS, true, false},
    {"/brokers/topics", CTL_EVENT_TOPICS, true, false},
    {"/admin/delete_topics", CTL_EVENT_DELETIONS, true, false},
    {"/admin/preferred_replica_election", CTL_EVENT_PREFERRED, false, false},
    {"/admin/reassign_partitions", CTL_EVENT_REASSIGNMENTS, false, false},
    {"/isr_change_notification", CTL_EVENT_ISR_CHANGES, true, false},
    {"/log_dir_event_notification", CTL_EVENT_LOG_DIRS, true, false},
    {"/barnabas/silent", CTL_EVENT_SILENCE, true, true},
};

static const char *after_prefix(const char *path, const char *prefix)
{
    size_t len = strlen(prefix);
    return strncmp(path, prefix, len) == 0 && !strchr(path + len, '/') ? path + len : NULL;
}

/* Of the children of /brokers/ids, and of one registration. */
static void on_registrations(struct controller *c, const char *path, bool children)
{
    int32_t id;
    const char *name = after_prefix(path, "/brokers/ids/");
    bool is_one = !children && name && ctl_parse_broker_id(name, &id);
    if (!c->config.suspect || !(is_one || (children && strcmp(path, "/brokers/ids") == 0)))
        return;
    if (is_one)
        ctl_peers_doubt(c, id);
    ctl_enqueue_kind(c, CTL_EVENT_PEERS);
}

static void on_watch(struct controller *c, const char *path, bool children)
{
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        if (strcmp(path, watched[i].path) != 0)
            continue;
        if (children == watched[i].children && (c->active || watched[i].always))
            ctl_enqueue_kind(c, watched[i].kind);
        return;
    }
    if (!c->active || children)
        return;
    const char *name = after_prefix(path, "/brokers/topics/");
    if (name) {
        ctl_enqueue_name(c, CTL_EVENT_TOPIC, name);
        return;
    }
    name = after_prefix(path, "/brokers/ids/");
    int32_t id;
    if (!name || !ctl_parse_broker_id(name, &id))
        return;
    struct ctl_event *event = ctl_event_new(CTL_EVENT_BROKER);
    event->number = id;
    ctl_enqueue(c, event, false);
}

/* Nothing of the queue may run any more; who waits for an answer gets one. */
static void on_session_expired(struct controller *c)
{
    c->waiting = false;
    c->session_id = 0;
    ctl_peers_doubt(c, -1);
    ctl_unsay(c);
    c->deposed = false;
    c->fate = CTL_FATE_NONE;
    ctl_drop_activity(c);
    ctl_resign(c, "session over");
    LIST_EACH_SAFE (node, &c->queue) {
        struct ctl_event *event = CONTAINER_OF(node, struct ctl_event, node);
        list_remove(node);
        if (event->kind == CTL_EVENT_REQUEST)
            ctl_answer_event(c, event, ERR_NOT_CONTROLLER);
        ctl_event_free(event);
    }
    c->queued_kinds = 0;
}

static void on_zk_done(struct controller *c, const struct controller_event *event)
{
    if (!c->waiting || event->zk_done.ticket != c->zk_ticket)
        return; /* of an activity that was dropped */
    c->waiting = false;
    c->results = event->zk_done.results;
    c->results_count = event->zk_done.results_count;
}

static void on_timer(struct controller *c, uint64_t timer_id)
{
    if (timer_id >= CTL_TIMER_BROKER)
        ctl_outbox_timer(c, (int32_t)(timer_id - CTL_TIMER_BROKER));
    else if (timer_id == CTL_TIMER_STAND)
        ctl_enqueue_kind(c, CTL_EVENT_CHECK);
    else if (c->active && timer_id == CTL_TIMER_LOG_ENDS)
        ctl_enqueue_kind(c, CTL_EVENT_LOG_ENDS);
    else if (c->active && c->now_ms >= c->rebalance_at_ms)
        ctl_enqueue_kind(c, CTL_EVENT_REBALANCE);
}

/* A default that stays as it is elects nobody; a topic's own setting may stand anew for the same partitions.
 */
static void on_unclean_election(struct controller *c, const char *topic, bool enabled)
{
    bool turned_on = enabled && (topic || !c->config.unclean_election);
    if (!topic)
        c->config.unclean_election = enabled;
    if (turned_on && c->active)
        ctl_enqueue_name(c, CTL_EVENT_UNCLEAN, topic);
}

/* An address that never worked from here may work from elsewhere: no ground for replacing a controller. */
static void on_refused(struct controller *c, int32_t broker_id, int64_t broker_epoch, bool was_there)
{
    if (!c->config.suspect || broker_id == c->config.broker_id)
        return;
    ctl_hear(c, broker_id, broker_epoch, CTL_HEARING_UNKNOWN);
    if (!c->active && !was_there)
        return;
    struct ctl_event *event = ctl_event_new(c->active ? CTL_EVENT_SUSPECT : CTL_EVENT_REPLACE);
    event->number = broker_id;
    event->epoch = broker_epoch;
    ctl_enqueue(c, event, false);
}

static void take_in(struct controller *c, const struct controller_event *event)
{
    switch (event->kind) {
    case CONTROLLER_EVENT_SESSION_OPENED:
        if (c->session_id != event->session_opened.session_id)
            on_session_expired(c);
        c->session_id = event->session_opened.session_id;
        ctl_enqueue_kind(c, CTL_EVENT_CHECK);
        if (c->config.suspect)
            ctl_enqueue_kind(c, CTL_EVENT_PEERS);
        return;
    case CONTROLLER_EVENT_SESSION_EXPIRED:
        on_session_expired(c);
        return;
    case CONTROLLER_EVENT_WATCH:
        on_watch(c, event->watch.path, event->watch.children);
        on_registrations(c, event->watch.path, event->watch.children);
        return;
    case CONTROLLER_EVENT_ZK_DONE:
        on_zk_done(c, event);
        return;
    case CONTROLLER_EVENT_REPLY:
        if (c->active)
            ctl_outbox_reply(c, event);
        return;
    case CONTROLLER_EVENT_REQUEST: {
        struct ctl_event *request = ctl_event_new(CTL_EVENT_REQUEST);
        request->ticket = event->request.ticket;
        request->request = event->request.request;
        ctl_enqueue(c, request, false);
        return;
    }
    case CONTROLLER_EVENT_TIMER:
        on_timer(c, event->timer.timer_id);
        return;
    case CONTROLLER_EVENT_UNCLEAN_ELECTION:
        on_unclean_election(c, event->unclean_election.topic, event->unclean_election.enabled);
        return;
    case CONTROLLER_EVENT_REFUSED:
        on_refused(c, event->watched.broker_id, event->watched.broker_epoch, event->watched.was_there);
        return;
    case CONTROLLER_EVENT_SILENT:
        ctl_hear(c, event->watched.broker_id, event->watched.broker_epoch, CTL_HEARING_SILENT);
        return;
    case CONTROLLER_EVENT_QUIET:
        ctl_hear(c, event->watched.broker_id, event->watched.broker_epoch, CTL_HEARING_UNKNOWN);
        return;
    case CONTROLLER_EVENT_HEARD:
        ctl_hear(c, event->watched.broker_id, event->watched.broker_epoch, CTL_HEARING_HEARD);
        return;
    }
}

void controller_step(struct controller *c, const struct controller_event *event, int64_t now_ms,
                     struct controller_effects *out)
{
    c->now_ms = now_ms;
    c->out = out;
    take_in(c, event);
    ctl_run(c);
    if (c->active)
        ctl_outbox_flush(c);
    c->results = NULL;
    c->results_count = 0;
    c->out = NULL;
}
