/*
 * Suspicion: a broker whose port refuses, or that nobody hears (silence.c), is gone, though its session may
 * go on for a while. Leadership does not wait for that.
 *
 *   REFUSED, SILENT -> SUSPECT:  published; what it leads goes to others of the ISR; it leaves the ISR
 *                        wherever somebody else stays; all are told, itself included
 *   it answers -> TRUST: taken back; it is told what it hosts, and joins as any follower
 *   its session ends, or it registers anew: taken back; then as ever
 *
 * It costs nobody a leader: where nobody else could lead, or be the ISR, all stays as it is. A suspicion
 * that is wrong costs as much as a controlled shutdown: whatever the suspect goes on acknowledging needs the
 * ISR, which has left it (docs/failover.md).
 *
 * A suspicion is of one registration, by its epoch. It is published under /barnabas/suspects, so that it
 * outlives the controller and the suspect can read it.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

#define SUSPECTS_PATH "/barnabas/suspects"

const char *ctl_evidence_text(enum ctl_evidence evidence)
{
    return evidence == CTL_EVIDENCE_SILENT ? "it answers nothing" : "its port refuses connections";
}

static char *suspect_path(struct controller *c, int32_t id)
{
    return ctl_path(c, SUSPECTS_PATH "/%d", id);
}

/* ---- moving away */

struct move_away {
    struct ctl_frame frame;
    struct ctl_writes writes;
};

enum { AWAY_PUBLISH, AWAY_ELECT, AWAY_FOLLOWERS, AWAY_END };

static bool concerns(const struct ctl_partition *p)
{
    return p->has_leadership && p->replicas.count > 1 && !ctl_topic_is_going(p->topic);
}

/* A failover has deleted what was stale, so that these can only be there if somebody else made them. */
static void publish(struct controller *c, struct move_away *m)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (!broker->suspected || broker->suspicion_published)
            continue;
        if (!c->ctx.suspects_listed) {
            c->ctx.suspects_listed = true;
            ctl_writes_add(c, &m->writes, CONTROLLER_OP_CREATE, "/barnabas");
            ctl_writes_add(c, &m->writes, CONTROLLER_OP_CREATE, SUSPECTS_PATH);
        }
        struct ctl_write *write =
            ctl_writes_add(c, &m->writes, CONTROLLER_OP_CREATE, suspect_path(c, broker->id));
        write->value.kind = CONTROLLER_VALUE_SUSPECT;
        write->value.suspect = (struct znode_suspect){.broker_epoch = broker->epoch,
                                                      .controller_epoch = c->epoch,
                                                      .timestamp_ms = -1,
                                                      .reason = broker->suspect_reason};
        broker->suspicion_published = true;
    }
    ctl_call_writes(c, &m->writes);
}

static void elect_others(struct controller *c)
{
    struct ctl_parts led = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (concerns(p) && ctl_broker_is_suspected(&c->ctx, p->leadership.leader) &&
                p->leadership.isr.count > 1)
                ctl_parts_add(c, &led, p);
        }
    }
    ctl_call_elect(c, &led, CTL_STRATEGY_SUSPICION);
}

static void leave_followed(struct controller *c)
{
    struct ctl_refs followed = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            for (int32_t r = 0; concerns(p) && r < p->leadership.isr.count; r++) {
                int32_t id = p->leadership.isr.ids[r];
                if (id != p->leadership.leader && ctl_broker_is_suspected(&c->ctx, id))
                    ctl_refs_add(c, &followed, p, id);
            }
        }
    }
    ctl_call_replicas_suspected(c, &followed);
}

/* So that there is something for a suspect to answer. */
static void ask_suspects(struct controller *c)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (broker->suspected)
            ctl_send_brokers_to(broker);
    }
}

static enum ctl_next run_move_away(struct controller *c, struct ctl_frame *frame)
{
    switch (frame->phase++) {
    case AWAY_PUBLISH:
        publish(c, (struct move_away *)frame);
        return CTL_AGAIN;
    case AWAY_ELECT:
        elect_others(c);
        return CTL_AGAIN;
    case AWAY_FOLLOWERS:
        leave_followed(c);
        return CTL_AGAIN;
    case AWAY_END:
        ask_suspects(c);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_move_from_suspects(struct controller *c)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        if (broker->suspected) {
            ctl_call(c, sizeof(struct move_away), run_move_away);
            return;
        }
    }
}

static void suspect(struct controller *c, struct ctl_broker *broker, enum ctl_evidence evidence)
{
    broker->suspected = true;
    broker->suspect_reason = ctl_evidence_text(evidence);
    broker->suspect_again_ms = c->now_ms + c->config.suspect_pause_ms;
    log_warn("controller", "broker_suspected",
             "broker=%d epoch=%lld reason=\"%s\" effect=\"others lead what it led\"", broker->id,
             (long long)broker->epoch, broker->suspect_reason);
}

bool ctl_suspect(struct controller *c, int32_t id, int64_t broker_epoch, enum ctl_evidence evidence)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    if (!broker || broker->epoch != broker_epoch || broker->shutting_down || broker->suspected ||
        c->now_ms < broker->suspect_again_ms)
        return false;
    suspect(c, broker, evidence);
    return true;
}

void ctl_start_suspect(struct controller *c, int32_t id, int64_t broker_epoch)
{
    if (ctl_suspect(c, id, broker_epoch, CTL_EVIDENCE_REFUSED))
        ctl_call_move_from_suspects(c);
}

/* ---- taken back */

struct forget {
    struct ctl_frame frame;
    struct ctl_writes writes;
};

static enum ctl_next run_forget(struct controller *c, struct ctl_frame *frame)
{
    if (frame->phase++ > 0)
        return CTL_DONE;
    ctl_call_writes(c, &((struct forget *)frame)->writes);
    return CTL_AGAIN;
}

void ctl_call_forget_suspects(struct controller *c, const struct znode_ids *ids)
{
    if (ids->count == 0)
        return;
    struct forget *f = ctl_call(c, sizeof *f, run_forget);
    for (int32_t i = 0; i < ids->count; i++)
        ctl_writes_add(c, &f->writes, CONTROLLER_OP_DELETE, suspect_path(c, ids->ids[i]));
}

struct trust {
    struct ctl_frame frame;
    int32_t id;
};

static enum ctl_next run_trust(struct controller *c, struct ctl_frame *frame)
{
    int32_t id = ((struct trust *)frame)->id;
    switch (frame->phase++) {
    case 0: {
        struct ctl_refs refs = ctl_replicas_on(c, id);
        ctl_replicas_online(c, &refs);
        ctl_call_forget_suspects(c, &(struct znode_ids){.ids = &id, .count = 1});
        return CTL_AGAIN;
    }
    case 1: {
        struct ctl_parts parts = ctl_leaderless(c, NULL);
        ctl_call_online(c, &parts);
        return CTL_AGAIN;
    }
    case 2:
        ctl_call_move_from_suspects(c); /* from others, to this one */
        return CTL_AGAIN;
    default:
        return CTL_DONE;
    }
}

void ctl_start_trust(struct controller *c, int32_t id)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    if (!broker || !broker->suspected)
        return;
    broker->suspected = broker->suspicion_published = false;
    log_info("controller", "broker_trusted", "broker=%d epoch=%lld reason=\"it answers\"", id,
             (long long)broker->epoch);
    struct trust *t = ctl_call(c, sizeof *t, run_trust);
    t->id = id;
}

/* ---- from before */

struct load {
    struct ctl_frame frame;
    struct znode_ids ids;
    struct znode_ids stale;
};

enum { LOAD_LIST, LOAD_LISTED, LOAD_READ, LOAD_END };

static void ask_suspicions(struct controller *c, struct load *l)
{
    const struct controller_op_result *list = &c->results[0];
    c->ctx.suspects_listed = list->err == ERR_NONE;
    size_t room = (size_t)list->children_count * sizeof(int32_t) + 1;
    l->ids.ids = arena_alloc(&c->arena, room);
    l->stale.ids = arena_alloc(&c->arena, room);
    for (int32_t i = 0; i < list->children_count; i++) {
        int32_t id;
        if (!ctl_parse_broker_id(list->children[i], &id))
            continue;
        l->ids.ids[l->ids.count++] = id;
        ctl_get(c, CONTROLLER_VALUE_SUSPECT, false, suspect_path(c, id));
    }
}

/* What is said of another registration than the present one is over, and all of it where this is switched
 * off. */
static void take_suspicions(struct controller *c, struct load *l)
{
    for (int32_t i = 0; i < l->ids.count; i++) {
        const struct controller_op_result *found = &c->results[i];
        struct ctl_broker *broker = ctl_broker_find(&c->ctx, l->ids.ids[i]);
        if (c->config.suspect && broker && broker->id != c->config.broker_id && found->err == ERR_NONE &&
            found->value.suspect.broker_epoch == broker->epoch) {
            broker->suspected = broker->suspicion_published = true;
            broker->suspect_again_ms = c->now_ms + c->config.suspect_pause_ms;
            log_info("controller", "suspicion_goes_on", "broker=%d epoch=%lld reason=\"%s\"", broker->id,
                     (long long)broker->epoch, found->value.suspect.reason);
        } else
            l->stale.ids[l->stale.count++] = l->ids.ids[i];
    }
}

/* The controller whose place we took; its registration may be gone by now. */
static void take_replaced(struct controller *c)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, c->replaced.id);
    if (broker && broker->epoch == c->replaced.broker_epoch && !broker->suspected)
        suspect(c, broker, c->replaced.evidence);
    c->replaced.id = -1;
}

static enum ctl_next run_load(struct controller *c, struct ctl_frame *frame)
{
    struct load *l = (struct load *)frame;
    switch (frame->phase++) {
    case LOAD_LIST:
        ctl_children(c, false, SUSPECTS_PATH);
        return ctl_submit(c);
    case LOAD_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        ask_suspicions(c, l);
        return ctl_submit(c);
    case LOAD_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_suspicions(c, l);
        take_replaced(c);
        ctl_call_forget_suspects(c, &l->stale);
        return CTL_AGAIN;
    case LOAD_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_load_suspects(struct controller *c)
{
    ctl_call(c, sizeof(struct load), run_load);
}
