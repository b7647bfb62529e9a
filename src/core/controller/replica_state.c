/*
 * Replica machine: replicas that come (LeaderAndIsr with what they host) and replicas
 * that go (StopReplica, out of the ISR, the others are told).
 *
 * All replicas of a partition that go together are taken out of its ISR by one write:
 * taken one by one, the last to be looked at would stay the only member, though it may be
 * the one that knew least.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

static bool may_come_online(enum ctl_replica_state state)
{
    return state == CTL_REPLICA_NEW || state == CTL_REPLICA_ONLINE || state == CTL_REPLICA_OFFLINE ||
           state == CTL_REPLICA_DELETION_INELIGIBLE;
}

void ctl_replicas_online(struct controller *c, const struct ctl_refs *refs)
{
    for (int32_t i = 0; i < refs->count; i++) {
        struct ctl_partition *p = refs->items[i].p;
        int32_t id = refs->items[i].broker_id;
        enum ctl_replica_state from = ctl_replica_get_state(p, id);
        if (!may_come_online(from)) /* its deletion goes on */
            continue;
        ctl_replica_set_state(p, id, CTL_REPLICA_ONLINE);
        if (from != CTL_REPLICA_NEW && p->has_leadership && !ctl_topic_is_going(p->topic)) {
            ctl_send_leader_and_isr_to(c, p, id, false);
            ctl_send_update_metadata(c, p);
        }
    }
}

/* ---- going */

struct leaving {
    struct ctl_partition *p;
    struct znode_ids gone;
    int32_t epoch_before; /* what the leaving broker knows */
    int32_t write;        /* place; -1 = none */
    bool settled;
    bool failed;
    bool changed;
    bool reread;
};

struct offline {
    struct ctl_frame frame;
    struct leaving *items;
    int32_t count;
    struct ctl_writes writes;
    bool suspects; /* they stay where they are, and are told like the others */
};

enum { OFFLINE_RULES, OFFLINE_SHRINK, OFFLINE_WRITTEN, OFFLINE_REREAD };

static const char *state_path(struct controller *c, const struct ctl_partition *p)
{
    return ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number);
}

static void shrink(struct controller *c, struct offline *o, struct leaving *item)
{
    struct ctl_partition *p = item->p;
    struct znode_state state;
    if (!p->has_leadership || ctl_topic_is_going(p->topic) ||
        !ctl_shrink(ctl_candidates(c, p), p->replicas.count, &item->gone, &p->leadership, &c->arena,
                    &state)) {
        item->settled = true;
        return;
    }
    struct ctl_write *write = ctl_writes_add(c, &o->writes, CONTROLLER_OP_SET, state_path(c, p));
    write->version = p->zk_version;
    write->value.kind = CONTROLLER_VALUE_STATE;
    state.controller_epoch = c->epoch;
    write->value.state = state;
    item->write = o->writes.count - 1;
    ctl_standing_join(c, &o->writes, p, CTL_STANDING_FOLLOWS);
}

/* What min.insync.replicas is, where replicas leave the ISR. */
static void read_rules(struct controller *c, const struct offline *o)
{
    struct ctl_parts parts = {0};
    for (int32_t i = 0; i < o->count; i++) {
        if (!o->items[i].settled && ctl_standing_may_change_without(c, o->items[i].p, &o->items[i].gone))
            ctl_parts_add(c, &parts, o->items[i].p);
    }
    ctl_call_isr_rules(c, &parts);
}

static bool take_writes(struct controller *c, struct offline *o)
{
    bool again = false;
    for (int32_t i = 0; i < o->count; i++) {
        struct leaving *item = &o->items[i];
        if (item->settled || item->write < 0)
            continue;
        const struct ctl_write *write = &o->writes.items[item->write];
        item->write = -1;
        if (write->err == ERR_NONE) {
            ctl_partition_set_leadership(item->p, &write->value.state, write->new_version);
            ctl_standing_written(c, item->p);
            item->settled = item->changed = true;
        } else if (write->err == ERR_BAD_VERSION) {
            ctl_get(c, CONTROLLER_VALUE_STATE, false, state_path(c, item->p));
            again = item->reread = true;
        } else if (!ctl_standing_refused(c, write)) {
            log_error("controller", "isr_not_written", "topic=%s partition=%d error=%s", item->p->topic->name,
                      item->p->number, err_name(write->err));
            item->settled = item->failed = true;
        }
    }
    o->writes = (struct ctl_writes){0};
    return again;
}

static void take_rereads(struct controller *c, struct offline *o)
{
    int32_t at = 0;
    for (int32_t i = 0; i < o->count; i++) {
        struct leaving *item = &o->items[i];
        if (!item->reread)
            continue;
        item->reread = false;
        const struct controller_op_result *found = &c->results[at++];
        if (found->err != ERR_NONE)
            item->settled = item->failed = true;
        else if (found->value.state.controller_epoch > c->epoch)
            ctl_moved(c, "state of a later controller");
        else
            ctl_partition_set_leadership(item->p, &found->value.state, found->version);
    }
}

static void tell(struct controller *c, const struct leaving *item)
{
    struct ctl_partition *p = item->p;
    if (item->failed)
        return;
    for (int32_t i = 0; i < item->gone.count; i++) {
        ctl_send_stop_replica(c, p, item->gone.ids[i], item->epoch_before, false);
        ctl_replica_set_state(p, item->gone.ids[i], CTL_REPLICA_OFFLINE);
    }
    if (ctl_topic_is_going(p->topic))
        return;
    for (int32_t i = 0; item->changed && i < p->replicas.count; i++) {
        if (!ctl_ids_contain(&item->gone, p->replicas.ids[i]))
            ctl_send_leader_and_isr_to(c, p, p->replicas.ids[i], false);
    }
    ctl_send_update_metadata(c, p);
}

static void tell_with_suspects(struct controller *c, const struct leaving *item)
{
    if (item->failed || !item->changed)
        return;
    ctl_send_leader_and_isr(c, item->p, &item->p->replicas, false);
}

static enum ctl_next run_offline(struct controller *c, struct ctl_frame *frame)
{
    struct offline *o = (struct offline *)frame;
    switch (frame->phase) {
    case OFFLINE_RULES:
        read_rules(c, o);
        frame->phase = OFFLINE_SHRINK;
        return CTL_AGAIN;
    case OFFLINE_SHRINK:
        for (int32_t i = 0; i < o->count; i++) {
            if (!o->items[i].settled)
                shrink(c, o, &o->items[i]);
        }
        ctl_call_writes(c, &o->writes);
        frame->phase = OFFLINE_WRITTEN;
        return CTL_AGAIN;
    case OFFLINE_WRITTEN:
        if (take_writes(c, o)) {
            frame->phase = OFFLINE_REREAD;
            return ctl_submit(c);
        }
        for (int32_t i = 0; i < o->count; i++)
            (o->suspects ? tell_with_suspects : tell)(c, &o->items[i]);
        return CTL_DONE;
    case OFFLINE_REREAD:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_rereads(c, o);
        frame->phase = OFFLINE_RULES;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

static bool may_go_offline(struct ctl_partition *p, int32_t id)
{
    switch (ctl_replica_get_state(p, id)) {
    case CTL_REPLICA_NEW:
    case CTL_REPLICA_ONLINE:
    case CTL_REPLICA_OFFLINE:
    case CTL_REPLICA_DELETION_INELIGIBLE:
        return true;
    case CTL_REPLICA_NONEXISTENT:
    case CTL_REPLICA_DELETION_STARTED:
    case CTL_REPLICA_DELETION_SUCCESSFUL:
        return false;
    }
    UNREACHABLE();
}

static struct offline *call_offline(struct controller *c, const struct ctl_refs *refs)
{
    struct offline *o = ctl_call(c, sizeof *o, run_offline);
    o->items = arena_zalloc(&c->arena, (size_t)refs->count * sizeof *o->items + 1);
    for (int32_t i = 0; i < refs->count; i++) {
        struct ctl_partition *p = refs->items[i].p;
        if (!may_go_offline(p, refs->items[i].broker_id))
            continue;
        struct leaving *item = o->count ? &o->items[o->count - 1] : NULL;
        if (!item || item->p != p) {
            item = &o->items[o->count++];
            item->p = p;
            item->write = -1;
            item->epoch_before = p->has_leadership ? p->leadership.leader_epoch : CTL_EPOCH_NEVER;
            item->gone.ids = arena_alloc(&c->arena, (size_t)p->states_count * sizeof(int32_t));
        }
        if (!ctl_ids_contain(&item->gone, refs->items[i].broker_id))
            item->gone.ids[item->gone.count++] = refs->items[i].broker_id;
    }
    return o;
}

void ctl_call_replicas_offline(struct controller *c, const struct ctl_refs *refs)
{
    call_offline(c, refs);
}

void ctl_call_replicas_suspected(struct controller *c, const struct ctl_refs *refs)
{
    call_offline(c, refs)->suspects = true;
}
