/*
 * Partition machine: what it takes to bring partitions online.
 *
 *   New -> Online      initialise: first leader, state znode created; many are written slice by
 *                      slice, so that brokers make the logs of one while ZooKeeper writes the next
 *   any -> Online      elect: choose by a strategy, write at the version known, and on
 *                      BADVERSION read, choose and write again
 *
 * An election does not read first: the cache is what the last read or write said, and the
 * version guards the write. It reads before it gives up.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

/* ---- candidates */

struct ctl_candidate *ctl_candidates(struct controller *c, const struct ctl_partition *p)
{
    struct ctl_candidate *list = arena_alloc(&c->arena, (size_t)p->replicas.count * sizeof *list + 1);
    for (int32_t i = 0; i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        const struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
        list[i] = (struct ctl_candidate){.id = id,
                                         .reachable = ctl_replica_is_reachable(&c->ctx, p, id),
                                         .shutting_down = broker && broker->shutting_down,
                                         .suspected = broker && broker->suspected,
                                         .target = !ctl_ids_contain(&p->removing, id),
                                         .loss = ctl_standing_loss(p, id),
                                         .eligible = ctl_standing_is_eligible(c, p, id),
                                         .was_eligible = ctl_standing_was_eligible(c, p, id),
                                         .overdue = p->ends_until_ms && c->now_ms >= p->ends_until_ms,
                                         .end = ctl_log_end_of(c, p, id)};
    }
    return list;
}

/* ---- first leaders */

#define PARTITIONS_PER_SLICE 256

struct initialise {
    struct ctl_frame frame;
    struct ctl_parts parts;
    int32_t begin; /* of the slice in work */
    int32_t end;
    struct ctl_writes writes;                   /* of the slice */
    int32_t state_writes[PARTITIONS_PER_SLICE]; /* place of a partition's state, -1 = none */
    struct ctl_parts made;
    struct ctl_parts orphans; /* whose state znode exists already */
    struct ctl_parts leaderless;
};

enum { INIT_WRITE, INIT_WRITTEN, INIT_READ, INIT_END };

/* Without the suspects, unless there is nobody else. */
static struct znode_ids online_replicas(struct controller *c, const struct ctl_partition *p)
{
    size_t room = (size_t)p->replicas.count * sizeof(int32_t) + 1;
    struct znode_ids live = {.ids = arena_alloc(&c->arena, room)};
    struct znode_ids suspects = {.ids = arena_alloc(&c->arena, room)};
    for (int32_t i = 0; i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        struct znode_ids *list = ctl_broker_is_suspected(&c->ctx, id) ? &suspects : &live;
        if (ctl_replica_is_online(&c->ctx, p, id))
            list->ids[list->count++] = id;
    }
    return live.count > 0 ? live : suspects;
}

static bool has_partitions_dir(const struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        if (topic->partitions[i]->has_leadership)
            return true;
    }
    return false;
}

/* The parents may be there already: their outcome does not matter, and each has its own. */
static void add_creates(struct controller *c, struct initialise *in, const struct ctl_partition *p,
                        const struct znode_ids *live)
{
    const char *topic = p->topic->name;
    if (!p->topic->mark) {
        p->topic->mark = 1;
        if (!has_partitions_dir(p->topic))
            ctl_writes_add(c, &in->writes, CONTROLLER_OP_CREATE,
                           ctl_path(c, "/brokers/topics/%s/partitions", topic));
    }
    ctl_writes_add(c, &in->writes, CONTROLLER_OP_CREATE,
                   ctl_path(c, "/brokers/topics/%s/partitions/%d", topic, p->number));
    struct ctl_write *write =
        ctl_writes_add(c, &in->writes, CONTROLLER_OP_CREATE,
                       ctl_path(c, "/brokers/topics/%s/partitions/%d/state", topic, p->number));
    write->value.kind = CONTROLLER_VALUE_STATE;
    write->value.state =
        (struct znode_state){.leader = live->ids[0], .controller_epoch = c->epoch, .isr = *live};
}

static void add_slice(struct controller *c, struct initialise *in)
{
    int32_t left = in->parts.count - in->end;
    in->begin = in->end;
    in->end += left < PARTITIONS_PER_SLICE ? left : PARTITIONS_PER_SLICE;
    in->writes = (struct ctl_writes){0};
    for (int32_t i = in->begin; i < in->end; i++) {
        struct ctl_partition *p = in->parts.items[i];
        in->state_writes[i - in->begin] = -1;
        if (p->state != CTL_PARTITION_NEW)
            continue;
        struct znode_ids live = online_replicas(c, p);
        if (live.count == 0) {
            log_warn("controller", "partition_without_replica",
                     "topic=%s partition=%d; none of its %d is online", p->topic->name, p->number,
                     p->replicas.count);
            continue;
        }
        add_creates(c, in, p, &live);
        in->state_writes[i - in->begin] = in->writes.count - 1;
    }
}

static void take_slice(struct controller *c, struct initialise *in)
{
    for (int32_t i = in->begin; i < in->end; i++) {
        struct ctl_partition *p = in->parts.items[i];
        int32_t place = in->state_writes[i - in->begin];
        if (place < 0)
            continue;
        const struct ctl_write *write = &in->writes.items[place];
        if (write->err == ERR_NONE) {
            ctl_partition_set_leadership(p, &write->value.state, write->new_version);
            ctl_partition_set_state(p, CTL_PARTITION_ONLINE);
            for (int32_t r = 0; r < p->leadership.isr.count; r++)
                ctl_send_leader_and_isr_to(c, p, p->leadership.isr.ids[r], true);
            ctl_parts_add(c, &in->made, p);
        } else if (write->err == ERR_EXISTS)
            ctl_parts_add(c, &in->orphans, p);
        else
            log_error("controller", "state_not_created", "topic=%s partition=%d error=%s", p->topic->name,
                      p->number, err_name(write->err));
    }
}

/* All at once: a client that sees a topic grow would spread its keys anew. */
static void show_made(struct controller *c, const struct initialise *in)
{
    for (int32_t i = 0; i < in->made.count; i++)
        ctl_send_update_metadata(c, in->made.items[i]);
}

static void ask_states(struct controller *c, const struct ctl_parts *parts)
{
    for (int32_t i = 0; i < parts->count; i++) {
        const struct ctl_partition *p = parts->items[i];
        ctl_get(c, CONTROLLER_VALUE_STATE, false,
                ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number));
    }
}

/* A state made in an earlier term, or by us with the answer lost: take it up rather than be stuck with it. */
static void take_orphans(struct controller *c, struct initialise *in)
{
    for (int32_t i = 0; i < in->orphans.count; i++) {
        struct ctl_partition *p = in->orphans.items[i];
        const struct controller_op_result *found = &c->results[i];
        if (found->err != ERR_NONE) {
            log_error("controller", "state_unreadable", "topic=%s partition=%d", p->topic->name, p->number);
            continue;
        }
        if (found->value.state.controller_epoch > c->epoch) {
            ctl_moved(c, "state of a later controller");
            return;
        }
        ctl_partition_set_leadership(p, &found->value.state, found->version);
        if (ctl_leader_is_online(&c->ctx, p)) {
            ctl_partition_set_state(p, CTL_PARTITION_ONLINE);
            ctl_send_leader_and_isr(c, p, &p->replicas, true);
        } else {
            ctl_partition_set_state(p, CTL_PARTITION_OFFLINE);
            ctl_parts_add(c, &in->leaderless, p);
        }
    }
}

static enum ctl_next run_initialise(struct controller *c, struct ctl_frame *frame)
{
    struct initialise *in = (struct initialise *)frame;
    switch (frame->phase) {
    case INIT_WRITE:
        add_slice(c, in);
        ctl_call_writes(c, &in->writes);
        frame->phase = INIT_WRITTEN;
        return CTL_AGAIN;
    case INIT_WRITTEN:
        take_slice(c, in);
        if (in->end < in->parts.count) {
            frame->phase = INIT_WRITE;
            return CTL_AGAIN;
        }
        show_made(c, in);
        if (in->orphans.count == 0)
            return CTL_DONE;
        ask_states(c, &in->orphans);
        frame->phase = INIT_READ;
        return ctl_submit(c);
    case INIT_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_orphans(c, in);
        frame->phase = INIT_END;
        if (in->leaderless.count)
            ctl_call_elect(c, &in->leaderless, CTL_STRATEGY_OFFLINE);
        return CTL_AGAIN;
    case INIT_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_initialise(struct controller *c, const struct ctl_parts *parts)
{
    struct initialise *in = ctl_call(c, sizeof *in, run_initialise);
    in->parts = *parts;
    for (int32_t i = 0; i < parts->count; i++)
        parts->items[i]->topic->mark = 0;
}

/* ---- elections */

enum { ELECT_RULES, ELECT_CHOOSE, ELECT_CONFIG, ELECT_WRITTEN, ELECT_REREAD };

static bool somebody_online(const struct ctl_candidate *list, int32_t count)
{
    for (int32_t i = 0; i < count; i++) {
        if (list[i].reachable && !list[i].shutting_down)
            return true;
    }
    return false;
}

static void settle(struct ctl_elect_item *item, enum err err)
{
    item->settled = true;
    item->err = err;
}

static void add_state_write(struct controller *c, struct ctl_elect *e, int32_t i)
{
    const struct ctl_partition *p = e->items[i].p;
    const struct ctl_choice *choice = &e->choices[i];
    bool says_recovery = c->config.versions->leader_and_isr >= INTER_BROKER_ROLES_RECOVERY;
    struct ctl_write *write =
        ctl_writes_add(c, &e->writes, CONTROLLER_OP_SET,
                       ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number));
    write->version = p->zk_version;
    write->value.kind = CONTROLLER_VALUE_STATE;
    write->value.state =
        (struct znode_state){.leader = choice->leader,
                             .leader_epoch = p->leadership.leader_epoch + 1,
                             .controller_epoch = c->epoch,
                             .isr = choice->isr,
                             .leader_recovery_state = says_recovery ? choice->leader_recovery_state : 0};
    e->writers[i] = e->writes.count - 1;
    ctl_standing_join(c, &e->writes, e->items[i].p,
                      choice->unclean     ? CTL_STANDING_ENDS
                      : choice->recovered ? CTL_STANDING_RECOVERED
                                          : CTL_STANDING_FOLLOWS);
}

/* What min.insync.replicas is, where replicas leave the ISR or left it before. */
static void read_rules(struct controller *c, const struct ctl_elect *e)
{
    struct ctl_parts parts = {0};
    for (int32_t i = 0; i < e->items_count; i++) {
        if (!e->items[i].settled && ctl_standing_may_change(c, e->items[i].p))
            ctl_parts_add(c, &parts, e->items[i].p);
    }
    ctl_call_isr_rules(c, &parts);
}

/* True when the topic's config has to be read before the partition can be decided. */
static bool choose_one(struct controller *c, struct ctl_elect *e, int32_t i)
{
    struct ctl_elect_item *item = &e->items[i];
    const struct ctl_partition *p = item->p;
    if (!p->has_leadership) {
        settle(item, ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
        return false;
    }
    struct ctl_candidate *list = ctl_candidates(c, p);
    bool unclean = e->allow_unclean || item->unclean;
    if (ctl_choose(e->strategy, list, p->replicas.count, &p->leadership, unclean, &c->arena,
                   &e->choices[i])) {
        add_state_write(c, e, i);
        return false;
    }
    if (e->strategy == CTL_STRATEGY_OFFLINE && !unclean && !item->config_known &&
        somebody_online(list, p->replicas.count))
        return true;
    if (e->strategy == CTL_STRATEGY_OFFLINE && !item->looked) {
        /* A leader that writes its ISR itself (inter.broker.protocol.version below 2.7) announces it later.
         */
        item->looked = item->reread = true;
        return false;
    }
    settle(item, e->strategy == CTL_STRATEGY_PREFERRED ? ERR_PREFERRED_LEADER_NOT_AVAILABLE
                                                       : ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
    if (!ctl_standing_keeps_offline(p))
        log_warn("controller", "no_leader", "topic=%s partition=%d isr=%d; no member of it is online",
                 p->topic->name, p->number, p->leadership.isr.count);
    else if (e->strategy == CTL_STRATEGY_OFFLINE)
        ctl_await_log_ends(c, item->p, &e->choices[i].awaited);
    return false;
}

/* Topics of the items that need their config, each once; the topic's mark is its place + 1. */
static void ask_configs(struct controller *c, struct ctl_elect *e, const bool *needs)
{
    for (int32_t i = 0; i < e->items_count; i++)
        e->items[i].p->topic->mark = 0;
    for (int32_t i = 0; i < e->items_count; i++) {
        struct ctl_topic *topic = e->items[i].p->topic;
        if (!needs[i] || topic->mark)
            continue;
        ctl_get(c, CONTROLLER_VALUE_CONFIG, false, ctl_path(c, "/config/topics/%s", topic->name));
        topic->mark = c->ops_count;
    }
}

static bool unclean_by_config(const struct controller *c, const struct controller_op_result *found)
{
    if (found->err == ERR_NONE) {
        for (int32_t i = 0; i < found->value.config.count; i++) {
            if (strcmp(found->value.config.entries[i].name, "unclean.leader.election.enable") == 0)
                return strcasecmp(found->value.config.entries[i].value, "true") == 0;
        }
    }
    return c->config.unclean_election;
}

static void take_configs(struct controller *c, struct ctl_elect *e)
{
    for (int32_t i = 0; i < e->items_count; i++) {
        struct ctl_elect_item *item = &e->items[i];
        int32_t place = item->p->topic->mark;
        if (item->settled || place == 0 || e->writers[i] >= 0)
            continue;
        item->config_known = true;
        item->unclean = unclean_by_config(c, &c->results[place - 1]);
    }
}

static enum ctl_next choose(struct controller *c, struct ctl_elect *e)
{
    bool *needs = arena_zalloc(&c->arena, (size_t)e->items_count + 1);
    bool any = false;
    for (int32_t i = 0; i < e->items_count; i++) {
        if (!e->items[i].settled && e->writers[i] < 0)
            any |= needs[i] = choose_one(c, e, i);
    }
    if (any) {
        ask_configs(c, e, needs);
        e->frame.phase = ELECT_CONFIG;
        return ctl_submit(c);
    }
    e->frame.phase = ELECT_WRITTEN;
    ctl_call_writes(c, &e->writes);
    return CTL_AGAIN;
}

static void log_recovered(const struct ctl_partition *p, int32_t leader)
{
    const struct ctl_replica *replica = ctl_replica_find(p, leader);
    log_warn(
        "controller", "longest_log_elected",
        "topic=%s partition=%d leader=%d log_end=%lld epoch=%d reason=\"all of the ISR went down without "
        "syncing; what is left is here\" effect=\"records acknowledged in the last moments before may be "
        "missing, none where flush.messages=1\"",
        p->topic->name, p->number, leader, replica ? (long long)replica->end.offset : -1,
        replica ? replica->end.epoch : -1);
}

static void take_election(struct controller *c, struct ctl_elect *e, int32_t i, const struct ctl_write *write)
{
    struct ctl_partition *p = e->items[i].p;
    if (e->choices[i].unclean)
        log_warn("controller", "unclean_election", "topic=%s partition=%d leader=%d; records may be lost",
                 p->topic->name, p->number, write->value.state.leader);
    if (e->choices[i].eligible)
        log_warn(
            "controller", "eligible_elected",
            "topic=%s partition=%d leader=%d reason=\"the ISR has lost data; this replica left it when it "
            "was complete\"",
            p->topic->name, p->number, write->value.state.leader);
    if (e->choices[i].recovered)
        log_recovered(p, write->value.state.leader);
    ctl_partition_set_leadership(p, &write->value.state, write->new_version);
    ctl_standing_written(c, p);
    if (e->strategy != CTL_STRATEGY_SAME && !ctl_partition_set_state(p, CTL_PARTITION_ONLINE)) {
        settle(&e->items[i], ERR_UNKNOWN_SERVER_ERROR);
        return;
    }
    ctl_send_leader_and_isr(c, p, &e->choices[i].recipients, false);
    settle(&e->items[i], ERR_NONE);
    e->elected++;
}

/* Who named a partition twice hears twice what became of it. */
static void answer_repeated(struct ctl_elect *e)
{
    for (int32_t i = 0; i < e->items_count; i++)
        e->items[i].err = e->items[e->items[i].first].err;
}

static bool take_writes(struct controller *c, struct ctl_elect *e)
{
    bool again = false;
    for (int32_t i = 0; i < e->items_count; i++) {
        struct ctl_elect_item *item = &e->items[i];
        again |= item->reread;
        if (item->settled || e->writers[i] < 0)
            continue;
        const struct ctl_write *write = &e->writes.items[e->writers[i]];
        e->writers[i] = -1;
        if (write->err == ERR_NONE)
            take_election(c, e, i, write);
        else if (write->err == ERR_BAD_VERSION)
            again = item->reread = true;
        else if (!ctl_standing_refused(c, write)) {
            log_error("controller", "election_not_written", "topic=%s partition=%d error=%s",
                      item->p->topic->name, item->p->number, err_name(write->err));
            settle(item, ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
        }
    }
    e->writes = (struct ctl_writes){0};
    return again;
}

static void ask_rereads(struct controller *c, const struct ctl_elect *e)
{
    for (int32_t i = 0; i < e->items_count; i++) {
        const struct ctl_partition *p = e->items[i].p;
        if (e->items[i].reread)
            ctl_get(c, CONTROLLER_VALUE_STATE, false,
                    ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number));
    }
}

static void take_rereads(struct controller *c, struct ctl_elect *e)
{
    int32_t at = 0;
    for (int32_t i = 0; i < e->items_count; i++) {
        struct ctl_elect_item *item = &e->items[i];
        if (!item->reread)
            continue;
        item->reread = false;
        const struct controller_op_result *found = &c->results[at++];
        if (found->err != ERR_NONE)
            settle(item, ERR_ELIGIBLE_LEADERS_NOT_AVAILABLE);
        else if (found->value.state.controller_epoch > c->epoch)
            ctl_moved(c, "state of a later controller");
        else
            ctl_partition_set_leadership(item->p, &found->value.state, found->version);
    }
}

static enum ctl_next run_elect(struct controller *c, struct ctl_frame *frame)
{
    struct ctl_elect *e = (struct ctl_elect *)frame;
    switch (frame->phase) {
    case ELECT_RULES:
        read_rules(c, e);
        frame->phase = ELECT_CHOOSE;
        return CTL_AGAIN;
    case ELECT_CHOOSE:
        return choose(c, e);
    case ELECT_CONFIG:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_configs(c, e);
        frame->phase = ELECT_CHOOSE;
        return CTL_AGAIN;
    case ELECT_WRITTEN:
        if (!take_writes(c, e)) {
            answer_repeated(e);
            return CTL_DONE;
        }
        ask_rereads(c, e);
        frame->phase = ELECT_REREAD;
        return ctl_submit(c);
    case ELECT_REREAD:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_rereads(c, e);
        frame->phase = ELECT_RULES;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

struct ctl_elect *ctl_call_elect(struct controller *c, const struct ctl_parts *parts,
                                 enum ctl_strategy strategy)
{
    struct ctl_elect *e = ctl_call(c, sizeof *e, run_elect);
    size_t n = (size_t)parts->count;
    e->strategy = strategy;
    e->items = arena_zalloc(&c->arena, n * sizeof *e->items + 1);
    e->choices = arena_zalloc(&c->arena, n * sizeof *e->choices + 1);
    e->writers = arena_alloc(&c->arena, n * sizeof *e->writers + 1);
    e->items_count = parts->count;
    for (int32_t i = 0; i < parts->count; i++)
        parts->items[i]->mark = -1;
    for (int32_t i = 0; i < parts->count; i++) {
        struct ctl_partition *p = parts->items[i];
        if (p->mark < 0)
            p->mark = i;
        e->items[i] = (struct ctl_elect_item){.p = p, .first = p->mark, .settled = p->mark != i};
        e->writers[i] = -1;
    }
    return e;
}

struct ctl_parts ctl_leaderless(struct controller *c, const struct ctl_topic *only)
{
    struct ctl_parts parts = {0};
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        if ((only && topic != only) || ctl_topic_is_going(topic))
            continue;
        for (int32_t i = 0; i < topic->partitions_count; i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (p->state == CTL_PARTITION_NEW || p->state == CTL_PARTITION_OFFLINE)
                ctl_parts_add(c, &parts, p);
        }
    }
    return parts;
}

struct online {
    struct ctl_frame frame;
    struct ctl_parts offline;
};

static enum ctl_next run_online(struct controller *c, struct ctl_frame *frame)
{
    if (frame->phase++ > 0)
        return CTL_DONE;
    ctl_call_elect(c, &((struct online *)frame)->offline, CTL_STRATEGY_OFFLINE);
    return CTL_AGAIN;
}

void ctl_call_online(struct controller *c, const struct ctl_parts *parts)
{
    struct ctl_parts fresh = {0};
    struct online *frame = ctl_call(c, sizeof *frame, run_online);
    for (int32_t i = 0; i < parts->count; i++)
        ctl_parts_add(c, parts->items[i]->state == CTL_PARTITION_NEW ? &fresh : &frame->offline,
                      parts->items[i]);
    if (fresh.count)
        ctl_call_initialise(c, &fresh);
}

/* ---- new partitions */

struct new_partitions {
    struct ctl_frame frame;
    struct ctl_parts parts;
};

static enum ctl_next run_new_partitions(struct controller *c, struct ctl_frame *frame)
{
    struct ctl_parts *parts = &((struct new_partitions *)frame)->parts;
    if (frame->phase++ == 0) {
        for (int32_t i = 0; i < parts->count; i++) {
            struct ctl_partition *p = parts->items[i];
            if (!ctl_partition_set_state(p, CTL_PARTITION_NEW))
                continue;
            for (int32_t r = 0; r < p->replicas.count; r++)
                ctl_replica_set_state(p, p->replicas.ids[r], CTL_REPLICA_NEW);
        }
        ctl_call_initialise(c, parts);
        return CTL_AGAIN;
    }
    for (int32_t i = 0; i < parts->count; i++) {
        struct ctl_partition *p = parts->items[i];
        for (int32_t r = 0; r < p->replicas.count; r++) {
            if (ctl_replica_get_state(p, p->replicas.ids[r]) == CTL_REPLICA_NEW)
                ctl_replica_set_state(p, p->replicas.ids[r], CTL_REPLICA_ONLINE);
        }
    }
    return CTL_DONE;
}

void ctl_call_new_partitions(struct controller *c, const struct ctl_parts *parts)
{
    if (parts->count == 0)
        return;
    struct new_partitions *frame = ctl_call(c, sizeof *frame, run_new_partitions);
    frame->parts = *parts;
}

/* ---- the cache */

struct refresh {
    struct ctl_frame frame;
    struct ctl_parts parts;
};

static enum ctl_next run_refresh(struct controller *c, struct ctl_frame *frame)
{
    const struct ctl_parts *parts = &((struct refresh *)frame)->parts;
    if (frame->phase++ == 0) {
        ask_states(c, parts);
        return ctl_submit(c);
    }
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    for (int32_t i = 0; i < c->results_count; i++) {
        const struct controller_op_result *found = &c->results[i];
        struct ctl_partition *p = parts->items[i];
        if (found->err == ERR_NONE && found->value.state.controller_epoch > c->epoch) {
            ctl_moved(c, "state of a later controller");
            return CTL_AGAIN;
        }
        if (found->err == ERR_NONE)
            ctl_partition_set_leadership(p, &found->value.state, found->version);
        else if (found->err == ERR_MALFORMED)
            log_error("controller", "state_unreadable", "topic=%s partition=%d", p->topic->name, p->number);
    }
    return CTL_DONE;
}

void ctl_call_refresh(struct controller *c, const struct ctl_parts *parts)
{
    struct refresh *frame = ctl_call(c, sizeof *frame, run_refresh);
    frame->parts = *parts;
}
