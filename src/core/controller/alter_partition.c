/*
 * AlterPartition: leaders change their ISR through the controller.
 *
 * The checks are those of Kafka, in its order, and one more: only the leader may ask. A
 * write is at the partition epoch that the leader named; when ZooKeeper refuses it, the
 * state is read again, so that the next LeaderAndIsr or request starts from the truth.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct change {
    const struct controller_isr_change *wanted;
    struct ctl_partition *p;
    enum err err;
    int32_t write; /* place; -1 = none */
};

struct alter {
    struct ctl_frame frame;
    const struct controller_alter_partition *request;
    struct change *changes;
    struct ctl_writes writes;
    struct ctl_parts refused;
};

enum { ALTER_RULES, ALTER_WRITE, ALTER_WRITTEN, ALTER_ANSWER, ALTER_END };

static enum err find_partition(struct controller *c, struct change *change)
{
    const struct controller_topic_ref *ref = &change->wanted->topic;
    const struct ctl_topic *topic =
        ref->name ? ctl_topic_find(&c->ctx, ref->name) : ctl_topic_find_id(&c->ctx, ref->id);
    if (!topic)
        return ref->name ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID;
    change->p = ctl_partition_find(topic, change->wanted->partition);
    return change->p && change->p->has_leadership && !topic->deletion_started
               ? ERR_NONE
               : ERR_UNKNOWN_TOPIC_OR_PARTITION;
}

/*
 * Alive, and the same as when the leader saw them in sync: not started again since (KIP-903). A suspect stays
 * where it is a member (it may be the leader that asks), but does not become one.
 */
static bool all_live(struct controller *c, const struct controller_isr_change *wanted,
                     const struct znode_ids *now)
{
    for (int32_t i = 0; i < wanted->isr.count; i++) {
        if (!ctl_broker_is_live(&c->ctx, wanted->isr.ids[i]))
            return false;
        if (ctl_broker_is_suspected(&c->ctx, wanted->isr.ids[i]) && !ctl_ids_contain(now, wanted->isr.ids[i]))
            return false;
        int64_t epoch = wanted->isr_epochs ? wanted->isr_epochs[i] : -1;
        if (epoch >= 0 && ctl_broker_find(&c->ctx, wanted->isr.ids[i])->epoch != epoch)
            return false;
    }
    return true;
}

/* First match decides. *same: it is done already. */
static enum err check(struct controller *c, const struct alter *alter, const struct change *change,
                      bool *same)
{
    const struct controller_isr_change *wanted = change->wanted;
    const struct ctl_partition *p = change->p;
    const struct znode_state *now = &p->leadership;
    *same = false;
    if (wanted->partition_epoch > p->zk_version || wanted->leader_epoch > now->leader_epoch)
        return ERR_NOT_CONTROLLER; /* it knows more than we do: we may be deposed */
    if (wanted->leader_epoch < now->leader_epoch)
        return ERR_FENCED_LEADER_EPOCH;
    if (alter->request->broker_id == now->leader && ctl_ids_equal(&wanted->isr, &now->isr) &&
        wanted->leader_recovery_state == now->leader_recovery_state) {
        *same = true;
        return ERR_NONE;
    }
    if (wanted->partition_epoch < p->zk_version)
        return ERR_INVALID_UPDATE_VERSION;
    if (alter->request->broker_id != now->leader || !ctl_ids_are_valid(&wanted->isr) ||
        !ctl_ids_contain(&wanted->isr, now->leader))
        return ERR_INVALID_REQUEST;
    if (wanted->leader_recovery_state == 1 && (wanted->isr.count > 1 || now->leader_recovery_state == 0))
        return ERR_INVALID_REQUEST;
    if (!all_live(c, wanted, &now->isr))
        return alter->request->version >= 2 ? ERR_INELIGIBLE_REPLICA : ERR_OPERATION_NOT_ATTEMPTED;
    return ERR_NONE;
}

static void add_write(struct controller *c, struct alter *alter, struct change *change)
{
    const struct ctl_partition *p = change->p;
    struct ctl_write *write =
        ctl_writes_add(c, &alter->writes, CONTROLLER_OP_SET,
                       ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number));
    write->version = change->wanted->partition_epoch;
    write->value.kind = CONTROLLER_VALUE_STATE;
    write->value.state = (struct znode_state){.leader = alter->request->broker_id,
                                              .leader_epoch = p->leadership.leader_epoch,
                                              .controller_epoch = c->epoch,
                                              .isr = change->wanted->isr,
                                              .leader_recovery_state = change->wanted->leader_recovery_state};
    change->write = alter->writes.count - 1;
    ctl_standing_join(c, &alter->writes, change->p, CTL_STANDING_FOLLOWS);
}

/* What min.insync.replicas is, where a leader takes replicas out of its ISR, or had taken them out before. */
static void read_rules(struct controller *c, const struct alter *alter)
{
    struct ctl_parts parts = {0};
    for (int32_t i = 0; i < alter->request->changes_count; i++) {
        struct change change = {.wanted = &alter->request->changes[i]};
        if (find_partition(c, &change) == ERR_NONE &&
            (change.p->standing || change.wanted->isr.count < change.p->leadership.isr.count))
            ctl_parts_add(c, &parts, change.p);
    }
    ctl_call_isr_rules(c, &parts);
}

static void find_all(struct controller *c, struct alter *alter)
{
    for (int32_t i = 0; i < alter->request->changes_count; i++) {
        struct change *change = &alter->changes[i];
        change->wanted = &alter->request->changes[i];
        change->write = -1;
        change->err = find_partition(c, change);
        if (change->p)
            change->p->mark = 0;
    }
}

/* A partition has one write; who names it twice is refused the second. */
static void check_all(struct controller *c, struct alter *alter)
{
    find_all(c, alter);
    for (int32_t i = 0; i < alter->request->changes_count; i++) {
        struct change *change = &alter->changes[i];
        bool same = false;
        if (change->err == ERR_NONE)
            change->err = change->p->mark ? ERR_INVALID_REQUEST : check(c, alter, change, &same);
        if (change->err != ERR_NONE || same)
            continue;
        change->p->mark = 1;
        add_write(c, alter, change);
    }
}

static void take_writes(struct controller *c, struct alter *alter)
{
    for (int32_t i = 0; i < alter->request->changes_count; i++) {
        struct change *change = &alter->changes[i];
        if (change->write < 0)
            continue;
        const struct ctl_write *write = &alter->writes.items[change->write];
        if (write->err == ERR_NONE) {
            ctl_partition_set_leadership(change->p, &write->value.state, write->new_version);
            ctl_standing_written(c, change->p);
        } else if (!ctl_standing_refused(c, write)) {
            change->err =
                write->err == ERR_BAD_VERSION ? ERR_INVALID_UPDATE_VERSION : ERR_UNKNOWN_SERVER_ERROR;
            ctl_parts_add(c, &alter->refused, change->p);
        }
    }
}

static void answer(struct controller *c, const struct alter *alter)
{
    struct arena *arena = &c->out->arena;
    int32_t n = alter->request->changes_count;
    struct controller_partition_answer *answers = arena_zalloc(arena, (size_t)n * sizeof *answers + 1);
    for (int32_t i = 0; i < n; i++) {
        const struct change *change = &alter->changes[i];
        const struct ctl_partition *p = change->p;
        struct controller_partition_answer *out = &answers[i];
        out->topic = p ? arena_strdup(arena, p->topic->name) : change->wanted->topic.name;
        out->topic_id = p ? p->topic->id : change->wanted->topic.id;
        out->partition = change->wanted->partition;
        out->err = change->err;
        if (p && p->has_leadership) {
            ctl_send_update_metadata(c, change->p);
            out->state = p->leadership;
            out->state.isr = ctl_ids_dup(arena, &p->leadership.isr);
            out->partition_epoch = p->zk_version;
        }
    }
    ctl_answer(c, &(struct controller_answer){.partitions = answers, .partitions_count = n});
}

static void complete_moves(struct controller *c, const struct alter *alter)
{
    struct ctl_parts parts = {0};
    for (int32_t i = 0; i < alter->request->changes_count; i++) {
        if (alter->changes[i].p)
            ctl_parts_add(c, &parts, alter->changes[i].p);
    }
    ctl_call_complete_moves(c, &parts);
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct alter *alter = (struct alter *)frame;
    switch (frame->phase++) {
    case ALTER_RULES:
        read_rules(c, alter);
        return CTL_AGAIN;
    case ALTER_WRITE:
        check_all(c, alter);
        ctl_call_writes(c, &alter->writes);
        return CTL_AGAIN;
    case ALTER_WRITTEN:
        take_writes(c, alter);
        ctl_call_refresh(c, &alter->refused);
        return CTL_AGAIN;
    case ALTER_ANSWER:
        answer(c, alter);
        complete_moves(c, alter);
        return CTL_AGAIN;
    case ALTER_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_alter_partition(struct controller *c, const struct controller_alter_partition *request)
{
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, request->broker_id);
    if (!broker || broker->epoch != request->broker_epoch) {
        ctl_answer_error(c, ERR_STALE_BROKER_EPOCH);
        return;
    }
    struct alter *alter = ctl_call(c, sizeof *alter, run);
    alter->request = request;
    alter->changes = arena_zalloc(&c->arena, (size_t)request->changes_count * sizeof *alter->changes + 1);
}
