/*
 * Elections that somebody asked for: ElectLeaders, /admin/preferred_replica_election, and
 * the check of the balance of leaders by timer.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

bool ctl_wants_preferred(const struct controller *c, const struct ctl_partition *p)
{
    if (!p->has_leadership || p->topic->to_be_deleted || p->leadership.leader == p->replicas.ids[0])
        return false;
    return ctl_replica_is_online(&c->ctx, p, p->replicas.ids[0]) &&
           ctl_ids_contain(&p->leadership.isr, p->replicas.ids[0]);
}

/* ---- ElectLeaders */

struct elect_leaders {
    struct ctl_frame frame;
    const struct controller_elect_leaders *request;
    struct controller_partition_answer *answers;
    int32_t answers_count;
    int32_t answers_cap;
    struct ctl_parts parts;
    int32_t *places; /* of each partition to be elected: its answer */
    int32_t places_cap;
    struct ctl_elect *elect;
};

static enum err need_of(struct controller *c, const struct elect_leaders *e, const struct ctl_partition *p)
{
    const struct znode_state *now = &p->leadership;
    if (p->topic->to_be_deleted)
        return ERR_INVALID_TOPIC_EXCEPTION;
    if (e->request->election == CONTROLLER_ELECT_PREFERRED)
        return p->has_leadership && now->leader == p->replicas.ids[0] ? ERR_ELECTION_NOT_NEEDED : ERR_NONE;
    return p->has_leadership && now->leader != ZNODE_NO_LEADER && ctl_broker_is_live(&c->ctx, now->leader)
               ? ERR_ELECTION_NOT_NEEDED
               : ERR_NONE;
}

static void consider(struct controller *c, struct elect_leaders *e, const char *name, int32_t number)
{
    const struct ctl_topic *topic = ctl_topic_find(&c->ctx, name);
    struct ctl_partition *p = topic ? ctl_partition_find(topic, number) : NULL;
    enum err err = p ? need_of(c, e, p) : ERR_UNKNOWN_TOPIC_OR_PARTITION;
    if (e->request->all && (err == ERR_ELECTION_NOT_NEEDED || err == ERR_INVALID_TOPIC_EXCEPTION))
        return;
    e->answers = ctl_grow(&c->arena, e->answers, e->answers_count, &e->answers_cap, sizeof *e->answers);
    e->answers[e->answers_count++] =
        (struct controller_partition_answer){.topic = name, .partition = number, .err = err};
    if (err != ERR_NONE)
        return;
    e->places = ctl_grow(&c->arena, e->places, e->parts.count, &e->places_cap, sizeof *e->places);
    e->places[e->parts.count] = e->answers_count - 1;
    ctl_parts_add(c, &e->parts, p);
}

static void consider_all(struct controller *c, struct elect_leaders *e)
{
    for (int32_t i = 0; !e->request->all && i < e->request->partitions.count; i++)
        consider(c, e, e->request->partitions.items[i].topic, e->request->partitions.items[i].partition);
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; e->request->all && i < topic->partitions_count; i++)
            consider(c, e, topic->name, topic->partitions[i]->number);
    }
}

static void answer(struct controller *c, const struct elect_leaders *e)
{
    struct arena *arena = &c->out->arena;
    enum err failure = e->request->election == CONTROLLER_ELECT_PREFERRED
                           ? ERR_PREFERRED_LEADER_NOT_AVAILABLE
                           : ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE;
    struct controller_partition_answer *answers =
        arena_alloc(arena, (size_t)e->answers_count * sizeof *answers + 1);
    for (int32_t i = 0; i < e->parts.count; i++)
        e->answers[e->places[i]].err = e->elect->items[i].err == ERR_NONE ? ERR_NONE : failure;
    for (int32_t i = 0; i < e->answers_count; i++) {
        answers[i] = e->answers[i];
        answers[i].topic = arena_strdup(arena, e->answers[i].topic);
        answers[i].message = err_meaning(e->answers[i].err);
    }
    ctl_answer(c, &(struct controller_answer){.partitions = answers, .partitions_count = e->answers_count});
}

static enum ctl_next run_elect_leaders(struct controller *c, struct ctl_frame *frame)
{
    struct elect_leaders *e = (struct elect_leaders *)frame;
    if (frame->phase++ == 0) {
        bool preferred = e->request->election == CONTROLLER_ELECT_PREFERRED;
        consider_all(c, e);
        e->elect = ctl_call_elect(c, &e->parts, preferred ? CTL_STRATEGY_PREFERRED : CTL_STRATEGY_OFFLINE);
        e->elect->allow_unclean = !preferred;
        return CTL_AGAIN;
    }
    answer(c, e);
    return CTL_DONE;
}

void ctl_start_elect_leaders(struct controller *c, const struct controller_elect_leaders *request)
{
    struct elect_leaders *e = ctl_call(c, sizeof *e, run_elect_leaders);
    e->request = request;
}

/* ---- /admin/preferred_replica_election */

static const char preferred_path[] = "/admin/preferred_replica_election";

struct preferred {
    struct ctl_frame frame;
    struct ctl_writes writes;
};

enum { PREFERRED_READ, PREFERRED_ELECT, PREFERRED_DELETE, PREFERRED_END };

/* Partitions that are not known, or that the preferred replica cannot lead, are passed over. */
static void elect_listed(struct controller *c, const struct controller_op_result *found)
{
    struct ctl_parts parts = {0};
    if (found->err == ERR_MALFORMED)
        log_error("controller", "preferred_election_unreadable", "%s is removed", preferred_path);
    for (int32_t i = 0; found->err == ERR_NONE && i < found->value.partitions.count; i++) {
        const struct znode_partition *item = &found->value.partitions.items[i];
        const struct ctl_topic *topic = ctl_topic_find(&c->ctx, item->topic);
        struct ctl_partition *p = topic ? ctl_partition_find(topic, item->partition) : NULL;
        if (p && ctl_wants_preferred(c, p))
            ctl_parts_add(c, &parts, p);
    }
    ctl_call_elect(c, &parts, CTL_STRATEGY_PREFERRED);
}

static enum ctl_next run_preferred(struct controller *c, struct ctl_frame *frame)
{
    struct preferred *p = (struct preferred *)frame;
    switch (frame->phase++) {
    case PREFERRED_READ:
        ctl_watch(c, preferred_path);
        ctl_get(c, CONTROLLER_VALUE_PARTITIONS, false, preferred_path);
        return ctl_submit(c);
    case PREFERRED_ELECT:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (c->results[1].err == ERR_NOT_FOUND)
            return CTL_DONE;
        elect_listed(c, &c->results[1]);
        return CTL_AGAIN;
    case PREFERRED_DELETE:
        ctl_writes_add(c, &p->writes, CONTROLLER_OP_DELETE, preferred_path);
        ctl_call_writes(c, &p->writes);
        return CTL_AGAIN;
    case PREFERRED_END:
        ctl_enqueue_kind(c, CTL_EVENT_PREFERRED); /* arms the watch again */
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_preferred(struct controller *c)
{
    ctl_call(c, sizeof(struct preferred), run_preferred);
}

void ctl_start_preferred(struct controller *c)
{
    ctl_call_preferred(c);
}

/* ---- balance of leaders */

struct balance {
    int32_t id;
    int32_t preferred; /* partitions that it should lead */
    int32_t elsewhere; /* of these: led by another */
};

static struct balance *balance_of(struct balance *list, int32_t *count, int32_t id)
{
    for (int32_t i = 0; i < *count; i++) {
        if (list[i].id == id)
            return &list[i];
    }
    list[*count] = (struct balance){.id = id};
    return &list[(*count)++];
}

static struct balance *measure(struct controller *c, int32_t *count)
{
    struct balance *list = arena_alloc(&c->arena, c->ctx.brokers_by_id.count * sizeof *list + 1);
    *count = 0;
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; !topic->to_be_deleted && i < topic->partitions_count; i++) {
            const struct ctl_partition *p = topic->partitions[i];
            if (!ctl_broker_is_live(&c->ctx, p->replicas.ids[0]))
                continue;
            struct balance *b = balance_of(list, count, p->replicas.ids[0]);
            b->preferred++;
            b->elsewhere += p->has_leadership && p->leadership.leader != p->replicas.ids[0];
        }
    }
    return list;
}

static enum ctl_next run_rebalance(struct controller *c, struct ctl_frame *frame)
{
    if (frame->phase++ > 0) {
        ctl_arm_rebalance(c, c->config.rebalance_check_ms);
        return CTL_DONE;
    }
    int32_t count;
    struct balance *list = measure(c, &count);
    struct ctl_parts parts = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; !topic->to_be_deleted && i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (!ctl_wants_preferred(c, p))
                continue;
            const struct balance *b = balance_of(list, &count, p->replicas.ids[0]);
            if ((int64_t)b->elsewhere * 100 > (int64_t)b->preferred * c->config.imbalance_pct)
                ctl_parts_add(c, &parts, p);
        }
    }
    if (parts.count)
        log_info("controller", "rebalance", "partitions=%d", parts.count);
    ctl_call_elect(c, &parts, CTL_STRATEGY_PREFERRED);
    return CTL_AGAIN;
}

void ctl_arm_rebalance(struct controller *c, int64_t delay_ms)
{
    c->rebalance_at_ms = c->now_ms + delay_ms;
    ctl_arm(c, CTL_TIMER_REBALANCE, delay_ms);
}

void ctl_start_rebalance(struct controller *c)
{
    ctl_call(c, sizeof(struct ctl_frame), run_rebalance);
}
