/*
 * Whether the data of brokers that register is what they had when they acknowledged
 * (KIP-903, KIP-966).
 *
 *   read /barnabas/brokers/N -> the incarnation it registered with
 *     none, or the one in /barnabas/trusted/N: nothing to do
 *     unknown so far:                          becomes the trusted one
 *     another: for every partition with N in its ISR
 *       a member that is whole is there:  N leaves the ISR; as leader, too
 *       none is there:                    N stays and is noted as lost (standing.h), no leader;
 *                                         but who lost a disk leaves it if others are left
 *       N is the only replica:            nobody holds more, it goes on with what there is
 *     and only then the new incarnation is the trusted one
 *
 * Who lost nothing but its tail keeps its place until somebody whole is seen: of several machines that went
 * down together the last to come back is no better than the first.
 *
 * A controller that dies on the way leaves the old one trusted, so the next one does it
 * again. The incarnation is written in one transaction with the registration: one that is
 * older than the registration belongs to a time when other software ran under this id; a
 * newer one belongs to the start after it, which we are about to hear of.
 *
 * At failover the standings are read in the same round trips, and what holds no longer is
 * deleted.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

#define TRUSTED_PATH  "/barnabas/trusted"
#define STANDING_PATH "/barnabas/standing"

struct change {
    struct ctl_partition *p;
    struct znode_state next;
    int32_t write; /* place of the first; -1 = none */
    bool of_state; /* the state changes, too */
    bool told;
};

struct trust {
    struct ctl_frame frame;
    bool all; /* at failover: the cluster knows nothing yet */
    struct znode_ids ids;
    const char **trusted; /* children, at failover */
    int32_t trusted_count;
    const char **standings;
    int32_t standings_count;
    struct znode_ids changed; /* those of `ids` whose data is not the trusted */
    struct znode_ids fresh;   /* those that have none that is trusted */
    struct change *changes;
    int32_t changes_count;
    struct ctl_parts stale; /* whose state is another by now */
    struct ctl_writes writes;
};

enum {
    TRUST_LIST,
    TRUST_LISTED,
    TRUST_READ,
    TRUST_TAKE,
    TRUST_RULES,
    TRUST_WRITE,
    TRUST_WRITTEN,
    TRUST_ADOPT,
    TRUST_ADOPTED,
    TRUST_END
};

static struct znode_ids room_for(struct controller *c, size_t count)
{
    return (struct znode_ids){.ids = arena_alloc(&c->arena, count * sizeof(int32_t) + 1)};
}

/* ---- reading */

static const char **keep_names(struct controller *c, const struct controller_op_result *list, int32_t *count)
{
    const char **names = arena_alloc(&c->arena, (size_t)list->children_count * sizeof *names + 1);
    for (int32_t i = 0; i < list->children_count; i++)
        names[i] = arena_strdup(&c->arena, list->children[i]);
    *count = list->children_count;
    return names;
}

static void take_lists(struct controller *c, struct trust *t)
{
    static const char *const paths[] = {TRUSTED_PATH, STANDING_PATH};
    t->trusted = keep_names(c, &c->results[0], &t->trusted_count);
    t->standings = keep_names(c, &c->results[1], &t->standings_count);
    for (int i = 0; i < 2; i++) {
        if (c->results[i].err != ERR_NOT_FOUND)
            continue;
        if (t->writes.count == 0)
            ctl_writes_add(c, &t->writes, CONTROLLER_OP_CREATE, "/barnabas"); /* may be there */
        ctl_writes_add(c, &t->writes, CONTROLLER_OP_CREATE, paths[i]);
    }
    ctl_call_writes(c, &t->writes);
}

static void ask(struct controller *c, const struct trust *t)
{
    for (int32_t i = 0; i < t->ids.count; i++)
        ctl_get(c, CONTROLLER_VALUE_INCARNATION, false, ctl_path(c, "/barnabas/brokers/%d", t->ids.ids[i]));
    for (int32_t i = 0; i < t->trusted_count; i++)
        ctl_get(c, CONTROLLER_VALUE_INCARNATION, false, ctl_path(c, TRUSTED_PATH "/%s", t->trusted[i]));
    for (int32_t i = 0; i < t->standings_count; i++)
        ctl_get(c, CONTROLLER_VALUE_STANDING, false, ctl_path(c, STANDING_PATH "/%s", t->standings[i]));
}

/* "topic-12"; a topic's name may hold dashes itself. */
static struct ctl_partition *find_partition(struct controller *c, const char *name)
{
    const char *dash = strrchr(name, '-');
    int32_t number;
    if (!dash || !ctl_parse_broker_id(dash + 1, &number))
        return NULL;
    char *topic_name = arena_strdup(&c->arena, name);
    topic_name[dash - name] = '\0';
    const struct ctl_topic *topic = ctl_topic_find(&c->ctx, topic_name);
    return topic ? ctl_partition_find(topic, number) : NULL;
}

static void take_standing(struct controller *c, struct trust *t, const char *name,
                          const struct controller_op_result *found)
{
    struct ctl_partition *p = find_partition(c, name);
    if (found->err == ERR_NONE && p) {
        ctl_standing_set(p, &found->value.standing);
        if (ctl_standing_holds(p)) {
            c->ctx.kept_offline += p->standing->lost_count > 0;
            return;
        }
        ctl_standing_free(p->standing);
        p->standing = NULL;
    }
    if (found->err != ERR_NOT_FOUND)
        ctl_writes_add(c, &t->writes, CONTROLLER_OP_DELETE, ctl_path(c, STANDING_PATH "/%s", name));
}

static void take_trusted(struct controller *c, struct trust *t, const char *name,
                         const struct controller_op_result *found)
{
    int32_t id;
    if (found->err == ERR_MALFORMED) /* nothing can be compared with it */
        ctl_writes_add(c, &t->writes, CONTROLLER_OP_DELETE, ctl_path(c, TRUSTED_PATH "/%s", name));
    if (found->err == ERR_NONE && ctl_parse_broker_id(name, &id))
        ctl_trusted_set(&c->ctx, id, found->value.incarnation.id);
}

static void take_broker(struct controller *c, int32_t id, const struct controller_op_result *found)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    if (broker && found->err == ERR_NONE && found->mzxid >= broker->epoch)
        broker->incarnation = found->value.incarnation;
}

static void compare(struct controller *c, struct trust *t, int32_t id)
{
    static const char *const losses[] = {"none", "tail", "data"};
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    const struct uuid *trusted = ctl_trusted_find(&c->ctx, id);
    if (!broker || uuid_is_zero(broker->incarnation.id))
        return;
    if (!trusted)
        t->fresh.ids[t->fresh.count++] = id;
    else if (!uuid_equal(*trusted, broker->incarnation.id)) {
        t->changed.ids[t->changed.count++] = id;
        log_warn("controller", "data_not_trusted",
                 "broker=%d loss=%s effect=\"it came back with other data than it had: it does not lead on "
                 "its old place in an ISR\"",
                 id, losses[broker->incarnation.loss]);
    }
}

static void take(struct controller *c, struct trust *t)
{
    const struct controller_op_result *found = c->results;
    t->writes = (struct ctl_writes){0};
    for (int32_t i = 0; i < t->ids.count; i++)
        take_broker(c, t->ids.ids[i], found++);
    for (int32_t i = 0; i < t->trusted_count; i++)
        take_trusted(c, t, t->trusted[i], found++);
    for (int32_t i = 0; i < t->standings_count; i++)
        take_standing(c, t, t->standings[i], found++);
    t->changed = room_for(c, (size_t)t->ids.count);
    t->fresh = room_for(c, (size_t)t->ids.count);
    for (int32_t i = 0; i < t->ids.count; i++)
        compare(c, t, t->ids.ids[i]);
    ctl_call_writes(c, &t->writes);
}

/* ---- what follows for partitions */

static bool concerns(const struct trust *t, const struct ctl_partition *p)
{
    for (int32_t i = 0; p->has_leadership && i < p->leadership.isr.count; i++) {
        if (ctl_ids_contain(&t->changed, p->leadership.isr.ids[i]))
            return true;
    }
    return false;
}

static void find_changes(struct controller *c, struct trust *t)
{
    struct ctl_parts parts = {0};
    int32_t sole = 0;
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; i < topic->partitions_count && !ctl_topic_is_going(topic); i++) {
            struct ctl_partition *p = topic->partitions[i];
            if (!concerns(t, p))
                continue;
            if (p->replicas.count > 1)
                ctl_parts_add(c, &parts, p);
            else
                sole++;
        }
    }
    if (sole)
        log_warn("controller", "only_replica_lost_data",
                 "partitions=%d effect=\"nobody else holds them: they are served as they are\"", sole);
    t->changes_count = parts.count;
    t->changes = arena_zalloc(&c->arena, (size_t)parts.count * sizeof *t->changes + 1);
    for (int32_t i = 0; i < parts.count; i++)
        t->changes[i].p = parts.items[i];
    ctl_call_isr_rules(c, &parts);
}

/* Without a word about it the data is not what it was. */
static enum znode_loss loss_of(const struct controller *c, int32_t id)
{
    enum znode_loss loss = ctl_broker_find(&c->ctx, id)->incarnation.loss;
    return loss == ZNODE_LOSS_NONE ? ZNODE_LOSS_DATA : loss;
}

static bool whole_one_is_there(const struct controller *c, const struct trust *t,
                               const struct ctl_partition *p)
{
    for (int32_t i = 0; i < p->leadership.isr.count; i++) {
        int32_t id = p->leadership.isr.ids[i];
        if (!ctl_ids_contain(&t->changed, id) && ctl_standing_loss(p, id) == ZNODE_LOSS_NONE &&
            ctl_replica_is_reachable(&c->ctx, p, id))
            return true;
    }
    return false;
}

/* The ISR without those who have to leave it; all of it where that would be everybody. */
static struct znode_ids staying(struct controller *c, const struct trust *t, const struct ctl_partition *p)
{
    const struct znode_ids *isr = &p->leadership.isr;
    bool all_leave = whole_one_is_there(c, t, p);
    struct znode_ids stay = room_for(c, (size_t)isr->count);
    for (int32_t i = 0; i < isr->count; i++) {
        if (!ctl_ids_contain(&t->changed, isr->ids[i]) ||
            (!all_leave && loss_of(c, isr->ids[i]) == ZNODE_LOSS_TAIL))
            stay.ids[stay.count++] = isr->ids[i];
    }
    return stay.count ? stay : ctl_ids_dup(&c->arena, isr);
}

static void add_state_write(struct controller *c, struct trust *t, const struct change *change)
{
    const struct ctl_partition *p = change->p;
    struct ctl_write *write =
        ctl_writes_add(c, &t->writes, CONTROLLER_OP_SET,
                       ctl_path(c, "/brokers/topics/%s/partitions/%d/state", p->topic->name, p->number));
    write->version = p->zk_version;
    write->value.kind = CONTROLLER_VALUE_STATE;
    write->value.state = change->next;
}

/* Those that came back with other data than they had and keep their place in the ISR. */
static bool add_lost(struct controller *c, struct trust *t, const struct change *change)
{
    const struct znode_ids *isr = &change->next.isr;
    struct znode_member *lost = arena_zalloc(&c->arena, (size_t)isr->count * sizeof *lost + 1);
    int32_t count = 0;
    for (int32_t i = 0; i < isr->count; i++) {
        if (ctl_ids_contain(&t->changed, isr->ids[i]))
            lost[count++] =
                (struct znode_member){.broker = isr->ids[i],
                                      .incarnation = ctl_broker_find(&c->ctx, isr->ids[i])->incarnation.id,
                                      .loss = loss_of(c, isr->ids[i])};
    }
    return ctl_standing_add_lost(c, &t->writes, change->p, change->of_state ? &change->next : NULL, lost,
                                 count);
}

static void add_change(struct controller *c, struct trust *t, struct change *change)
{
    const struct ctl_partition *p = change->p;
    const struct znode_state *now = &p->leadership;
    change->write = -1;
    if (!concerns(t, p)) /* done already, or by itself */
        return;
    int32_t place = t->writes.count;
    change->next = *now;
    change->next.isr = staying(c, t, p);
    if (ctl_ids_contain(&t->changed, now->leader))
        change->next.leader = ZNODE_NO_LEADER;
    change->next.leader_epoch++;
    change->next.controller_epoch = c->epoch;
    change->of_state = change->next.isr.count < now->isr.count || change->next.leader != now->leader;
    if (change->of_state)
        add_state_write(c, t, change);
    if (add_lost(c, t, change) || change->of_state)
        change->write = place;
}

static void take_change(struct controller *c, struct trust *t, struct change *change)
{
    struct ctl_partition *p = change->p;
    if (change->write < 0)
        return;
    const struct ctl_write *write = &t->writes.items[change->write];
    if (write->err == ERR_BAD_VERSION) {
        ctl_parts_add(c, &t->stale, p);
        return;
    }
    if (write->err != ERR_NONE) {
        ctl_give_up(c, "write that a broker lost data", write->err);
        return;
    }
    if (change->of_state)
        ctl_partition_set_leadership(p, &write->value.state, write->new_version);
    ctl_standing_written(c, p);
    change->told |= change->of_state;
}

/* At failover everybody is told everything afterwards, and the newcomers are when they start. */
static void tell(struct controller *c, const struct trust *t)
{
    for (int32_t i = 0; !t->all && i < t->changes_count; i++) {
        struct ctl_partition *p = t->changes[i].p;
        if (!t->changes[i].told)
            continue;
        if (p->leadership.leader == ZNODE_NO_LEADER && p->state == CTL_PARTITION_ONLINE)
            ctl_partition_set_state(p, CTL_PARTITION_OFFLINE);
        for (int32_t r = 0; r < p->replicas.count; r++) {
            if (!ctl_ids_contain(&t->ids, p->replicas.ids[r]))
                ctl_send_leader_and_isr_to(c, p, p->replicas.ids[r], false);
        }
        ctl_send_update_metadata(c, p);
    }
}

/* ---- what is trusted from now on */

static void add_adoption(struct controller *c, struct trust *t, int32_t id, enum controller_op_kind kind)
{
    struct ctl_write *write = ctl_writes_add(c, &t->writes, kind, ctl_path(c, TRUSTED_PATH "/%d", id));
    write->value.kind = CONTROLLER_VALUE_INCARNATION;
    write->value.incarnation = ctl_broker_find(&c->ctx, id)->incarnation;
}

static void adopt(struct controller *c, struct trust *t)
{
    t->writes = (struct ctl_writes){0};
    for (int32_t i = 0; i < t->changed.count; i++)
        add_adoption(c, t, t->changed.ids[i], CONTROLLER_OP_SET);
    for (int32_t i = 0; i < t->fresh.count; i++)
        add_adoption(c, t, t->fresh.ids[i], CONTROLLER_OP_CREATE);
    ctl_call_writes(c, &t->writes);
}

static void adopted(struct controller *c, const struct trust *t)
{
    for (int32_t i = 0; i < t->writes.count; i++) {
        if (t->writes.items[i].err != ERR_NONE) {
            ctl_give_up(c, "write below " TRUSTED_PATH, t->writes.items[i].err);
            return;
        }
    }
    for (int32_t i = 0; i < t->changed.count; i++)
        ctl_trusted_set(&c->ctx, t->changed.ids[i],
                        ctl_broker_find(&c->ctx, t->changed.ids[i])->incarnation.id);
    for (int32_t i = 0; i < t->fresh.count; i++)
        ctl_trusted_set(&c->ctx, t->fresh.ids[i], ctl_broker_find(&c->ctx, t->fresh.ids[i])->incarnation.id);
}

/* ---- the sequence */

static enum ctl_next next(struct ctl_frame *frame, int phase)
{
    frame->phase = phase;
    return CTL_AGAIN;
}

static enum ctl_next read_all(struct controller *c, struct trust *t)
{
    switch (t->frame.phase++) {
    case TRUST_LIST:
        if (t->all) {
            ctl_children(c, false, TRUSTED_PATH);
            ctl_children(c, false, STANDING_PATH);
        }
        return ctl_submit(c);
    case TRUST_LISTED:
        if (t->all && ctl_reads_ok(c))
            take_lists(c, t);
        return CTL_AGAIN;
    case TRUST_READ:
        ask(c, t);
        return ctl_submit(c);
    default:
        if (ctl_reads_ok(c))
            take(c, t);
        return CTL_AGAIN;
    }
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct trust *t = (struct trust *)frame;
    switch (frame->phase) {
    case TRUST_RULES:
        if (t->changed.count + t->fresh.count == 0)
            return CTL_DONE;
        if (t->changed.count)
            find_changes(c, t);
        return next(frame, TRUST_WRITE);
    case TRUST_WRITE:
        t->writes = (struct ctl_writes){0};
        t->stale = (struct ctl_parts){0};
        for (int32_t i = 0; i < t->changes_count; i++)
            add_change(c, t, &t->changes[i]);
        ctl_call_writes(c, &t->writes);
        return next(frame, TRUST_WRITTEN);
    case TRUST_WRITTEN:
        for (int32_t i = 0; i < t->changes_count; i++)
            take_change(c, t, &t->changes[i]);
        if (t->stale.count)
            ctl_call_refresh(c, &t->stale);
        return next(frame, t->stale.count ? TRUST_WRITE : TRUST_ADOPT);
    case TRUST_ADOPT:
        tell(c, t);
        adopt(c, t);
        return next(frame, TRUST_ADOPTED);
    case TRUST_ADOPTED:
        adopted(c, t);
        return next(frame, TRUST_END);
    case TRUST_END:
        return CTL_DONE;
    default:
        return read_all(c, t);
    }
}

void ctl_call_trust(struct controller *c, const struct znode_ids *brokers)
{
    if (brokers->count == 0)
        return;
    struct trust *t = ctl_call(c, sizeof *t, run);
    t->ids = *brokers;
}

void ctl_call_trust_all(struct controller *c)
{
    struct trust *t = ctl_call(c, sizeof *t, run);
    t->all = true;
    t->ids = room_for(c, c->ctx.brokers_by_id.count);
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        t->ids.ids[t->ids.count++] = broker->id;
    }
}
