#include "core/controller/standing.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/log.h"
#include "core/controller/internal.h"

/* ---- one */

void ctl_standing_free(struct znode_standing *standing)
{
    if (!standing)
        return;
    free(standing->lost);
    free(standing->eligible);
    free(standing);
}

static struct znode_member *dup_members(const struct znode_member *from, int32_t count)
{
    return count ? mem_dup(from, (size_t)count * sizeof *from) : NULL;
}

void ctl_standing_set(struct ctl_partition *p, const struct znode_standing *standing)
{
    ctl_standing_free(p->standing);
    p->told_offline = false;
    p->standing = mem_dup(standing, sizeof *standing);
    p->standing->lost = dup_members(standing->lost, standing->lost_count);
    p->standing->eligible = dup_members(standing->eligible, standing->eligible_count);
}

bool ctl_standing_holds(const struct ctl_partition *p)
{
    return p->standing && p->has_leadership && p->standing->state_version == p->zk_version &&
           uuid_equal(p->standing->topic_id, p->topic->id);
}

char *ctl_standing_path(struct controller *c, const struct ctl_partition *p)
{
    return ctl_path(c, "/barnabas/standing/%s-%d", p->topic->name, p->number);
}

static struct znode_member *find(struct znode_member *list, int32_t count, int32_t broker_id)
{
    for (int32_t i = 0; i < count; i++) {
        if (list[i].broker == broker_id)
            return &list[i];
    }
    return NULL;
}

enum znode_loss ctl_standing_loss(const struct ctl_partition *p, int32_t broker_id)
{
    if (!ctl_standing_holds(p))
        return ZNODE_LOSS_NONE;
    const struct znode_member *member = find(p->standing->lost, p->standing->lost_count, broker_id);
    return member ? member->loss : ZNODE_LOSS_NONE;
}

bool ctl_standing_is_eligible(const struct controller *c, const struct ctl_partition *p, int32_t broker_id)
{
    if (!ctl_standing_holds(p) || p->standing->config_zxid != p->topic->config_zxid)
        return false;
    const struct znode_member *member = find(p->standing->eligible, p->standing->eligible_count, broker_id);
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    return member && member->loss == ZNODE_LOSS_NONE && broker &&
           uuid_equal(member->incarnation, broker->incarnation.id);
}

bool ctl_standing_was_eligible(const struct controller *c, const struct ctl_partition *p, int32_t broker_id)
{
    if (!ctl_standing_holds(p) || p->standing->config_zxid != p->topic->config_zxid)
        return false;
    const struct znode_member *member = find(p->standing->eligible, p->standing->eligible_count, broker_id);
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    return member && (!broker || uuid_equal(member->incarnation, broker->incarnation.id) ||
                      broker->incarnation.loss == ZNODE_LOSS_TAIL);
}

bool ctl_standing_keeps_offline(const struct ctl_partition *p)
{
    return ctl_standing_holds(p) && p->standing->lost_count > 0;
}

static void put_broker(struct buf *out, int32_t id)
{
    buf_printf(out, "%s%d", out->len ? "," : "", id);
}

/* Of the ISR and of those who left it, who may be whole. */
static void put_complete(struct buf *out, const struct ctl_partition *p)
{
    const struct znode_ids *isr = &p->leadership.isr;
    for (int32_t i = 0; i < isr->count; i++) {
        if (ctl_standing_loss(p, isr->ids[i]) == ZNODE_LOSS_NONE)
            put_broker(out, isr->ids[i]);
    }
    for (int32_t i = 0; i < p->standing->eligible_count; i++) {
        if (p->standing->eligible[i].loss == ZNODE_LOSS_NONE)
            put_broker(out, p->standing->eligible[i].broker);
    }
}

void ctl_standing_log(struct ctl_partition *p)
{
    if (p->told_offline)
        return;
    p->told_offline = true;
    struct buf lost = {0};
    struct buf eligible = {0};
    for (int32_t i = 0; i < p->standing->lost_count; i++)
        buf_printf(&lost, "%s%d:%s", i ? "," : "", p->standing->lost[i].broker,
                   p->standing->lost[i].loss == ZNODE_LOSS_TAIL ? "tail" : "data");
    put_complete(&eligible, p);
    log_error(
        "controller", "kept_offline",
        "topic=%s partition=%d lost_data=%s complete=%s effect=\"no leader: what was acknowledged may be "
        "missing there\" remedy=\"start the brokers in complete, if any, with their data, and where only "
        "tails were lost all brokers of the partition; or accept the loss: barnabas elect-leaders "
        "--election-type unclean --topic %s --partition %d\"",
        p->topic->name, p->number, buf_cstr(&lost), eligible.len ? buf_cstr(&eligible) : "none",
        p->topic->name, p->number);
    buf_close(&lost);
    buf_close(&eligible);
}

/* ---- brokers */

static struct ctl_trusted *trusted_entry(const struct ctl_context *ctx, int32_t broker_id)
{
    for (int32_t i = 0; i < ctx->trusted_count; i++) {
        if (ctx->trusted[i].broker_id == broker_id)
            return &ctx->trusted[i];
    }
    return NULL;
}

const struct uuid *ctl_trusted_find(const struct ctl_context *ctx, int32_t broker_id)
{
    const struct ctl_trusted *entry = trusted_entry(ctx, broker_id);
    return entry ? &entry->incarnation : NULL;
}

void ctl_trusted_set(struct ctl_context *ctx, int32_t broker_id, struct uuid incarnation)
{
    struct ctl_trusted *entry = trusted_entry(ctx, broker_id);
    if (!entry) {
        ctx->trusted = mem_resize(ctx->trusted, (size_t)(ctx->trusted_count + 1) * sizeof *ctx->trusted);
        entry = &ctx->trusted[ctx->trusted_count++];
        entry->broker_id = broker_id;
    }
    entry->incarnation = incarnation;
}

bool ctl_trusted_is_current(const struct ctl_context *ctx, int32_t broker_id)
{
    const struct uuid *trusted = ctl_trusted_find(ctx, broker_id);
    const struct ctl_broker *broker = ctl_broker_find(ctx, broker_id);
    return trusted && (!broker || uuid_equal(*trusted, broker->incarnation.id));
}

/* ---- min.insync.replicas */

/* Members that an election or a suspicion takes out of the ISR. */
static bool may_leave(const struct ctl_context *ctx, const struct ctl_partition *p, int32_t id)
{
    const struct ctl_broker *broker = ctl_broker_find(ctx, id);
    return !ctl_replica_is_online(ctx, p, id) || (broker && (broker->suspected || broker->shutting_down));
}

bool ctl_standing_may_change_without(const struct controller *c, const struct ctl_partition *p,
                                     const struct znode_ids *gone)
{
    if (p->standing)
        return true;
    for (int32_t i = 0; p->has_leadership && p->replicas.count > 1 && i < p->leadership.isr.count; i++) {
        int32_t id = p->leadership.isr.ids[i];
        bool leaves = gone ? ctl_ids_contain(gone, id) : may_leave(&c->ctx, p, id);
        if (leaves && ctl_trusted_is_current(&c->ctx, id))
            return true;
    }
    return false;
}

bool ctl_standing_may_change(const struct controller *c, const struct ctl_partition *p)
{
    return ctl_standing_may_change_without(c, p, NULL);
}

struct rules {
    struct ctl_frame frame;
    struct ctl_parts parts;
};

static int32_t min_isr_of(const struct controller_op_result *found, int32_t otherwise)
{
    if (found->err != ERR_NONE || found->value.kind != CONTROLLER_VALUE_CONFIG)
        return otherwise;
    for (int32_t i = 0; i < found->value.config.count; i++) {
        if (strcmp(found->value.config.entries[i].name, "min.insync.replicas") == 0) {
            long value = strtol(found->value.config.entries[i].value, NULL, 10);
            return value > 0 && value <= INT32_MAX ? (int32_t)value : otherwise;
        }
    }
    return otherwise;
}

static enum ctl_next run_rules(struct controller *c, struct ctl_frame *frame)
{
    const struct ctl_parts *parts = &((struct rules *)frame)->parts;
    if (frame->phase++ == 0) {
        for (int32_t i = 0; i < parts->count; i++)
            parts->items[i]->topic->mark = 0;
        ctl_get(c, CONTROLLER_VALUE_CONFIG, false, "/config/brokers/<default>");
        for (int32_t i = 0; i < parts->count; i++) {
            struct ctl_topic *topic = parts->items[i]->topic;
            if (topic->mark)
                continue;
            topic->mark = c->ops_count;
            ctl_get(c, CONTROLLER_VALUE_CONFIG, false, ctl_path(c, "/config/topics/%s", topic->name));
        }
        return ctl_submit(c);
    }
    if (!ctl_reads_ok(c))
        return CTL_AGAIN;
    const struct controller_op_result *all = &c->results[0];
    int32_t otherwise = min_isr_of(all, c->config.min_isr);
    for (int32_t i = 0; i < parts->count; i++) {
        struct ctl_topic *topic = parts->items[i]->topic;
        const struct controller_op_result *own = &c->results[topic->mark];
        topic->min_isr = min_isr_of(own, otherwise);
        /* Each only grows while its znode is there, and nobody deletes it and leaves the topic. */
        topic->config_zxid =
            (own->err == ERR_NOT_FOUND ? 0 : own->mzxid) + (all->err == ERR_NOT_FOUND ? 0 : all->mzxid);
    }
    return CTL_DONE;
}

void ctl_call_isr_rules(struct controller *c, const struct ctl_parts *parts)
{
    if (parts->count == 0)
        return;
    struct rules *rules = ctl_call(c, sizeof *rules, run_rules);
    rules->parts = *parts;
}

/* ---- the next one */

static void add_member(struct znode_member *list, int32_t *count, struct znode_member member)
{
    struct znode_member *there = find(list, *count, member.broker);
    if (!there)
        list[(*count)++] = member;
    else {
        there->incarnation = member.incarnation;
        there->loss = member.loss > there->loss ? member.loss : there->loss;
    }
}

/* A replica that is being removed loses its log: should it be added again, it begins empty. */
static bool may_be_eligible(const struct ctl_partition *p, const struct znode_state *next, int32_t id)
{
    return ctl_ids_contain(&p->replicas, id) && !ctl_ids_contain(&p->removing, id) &&
           !ctl_ids_contain(&next->isr, id);
}

/* Whether a member of the ISR has all that was acknowledged, or had it before it lost its tail. */
static bool leaves_with_all(const struct controller *c, const struct ctl_partition *p, int32_t id,
                            struct znode_member *out)
{
    const struct uuid *trusted = ctl_trusted_find(&c->ctx, id);
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, id);
    *out = (struct znode_member){.broker = id, .loss = ctl_standing_loss(p, id)};
    if (trusted && !ctl_trusted_is_current(&c->ctx, id)) {
        out->incarnation = broker->incarnation.id;
        out->loss = broker->incarnation.loss == ZNODE_LOSS_TAIL && out->loss != ZNODE_LOSS_DATA
                        ? ZNODE_LOSS_TAIL
                        : ZNODE_LOSS_DATA;
    } else if (trusted)
        out->incarnation = *trusted;
    return trusted && out->loss != ZNODE_LOSS_DATA;
}

static void keep_eligible(const struct controller *c, const struct ctl_partition *p,
                          const struct znode_state *next, struct znode_standing *out)
{
    const struct znode_standing *now = ctl_standing_holds(p) ? p->standing : NULL;
    int32_t min = p->topic->min_isr < p->replicas.count ? p->topic->min_isr : p->replicas.count;
    if (next->isr.count >= min)
        return;
    for (int32_t i = 0; now && now->config_zxid == out->config_zxid && i < now->eligible_count; i++) {
        if (may_be_eligible(p, next, now->eligible[i].broker))
            add_member(out->eligible, &out->eligible_count, now->eligible[i]);
    }
    for (int32_t i = 0; i < p->leadership.isr.count; i++) {
        struct znode_member member;
        if (may_be_eligible(p, next, p->leadership.isr.ids[i]) &&
            leaves_with_all(c, p, p->leadership.isr.ids[i], &member))
            add_member(out->eligible, &out->eligible_count, member);
    }
}

/* The longest log leads now, and what it has counts: nobody is lost any more, and nobody else is whole. */
static void begin_anew(struct znode_standing *out)
{
    out->lost_count = 0;
    for (int32_t i = 0; i < out->eligible_count; i++)
        out->eligible[i].loss = ZNODE_LOSS_TAIL;
}

static void keep_lost(const struct ctl_partition *p, const struct znode_state *next,
                      struct znode_standing *out)
{
    for (int32_t i = 0; ctl_standing_holds(p) && i < p->standing->lost_count; i++) {
        if (ctl_ids_contain(&next->isr, p->standing->lost[i].broker))
            add_member(out->lost, &out->lost_count, p->standing->lost[i]);
    }
}

/* With room for as many more lost ones. */
static struct znode_standing *next_standing(const struct controller *c, const struct ctl_partition *p,
                                            const struct znode_state *next, int32_t more_lost)
{
    struct znode_standing *out = MEM_NEW(struct znode_standing);
    int32_t lost = (p->standing ? p->standing->lost_count : 0) + more_lost;
    int32_t eligible = (p->standing ? p->standing->eligible_count : 0) + p->leadership.isr.count;
    out->topic_id = p->topic->id;
    out->config_zxid = p->topic->config_zxid;
    out->lost = mem_zalloc((size_t)(lost + 1) * sizeof *out->lost);
    out->eligible = mem_zalloc((size_t)(eligible + 1) * sizeof *out->eligible);
    keep_lost(p, next, out);
    keep_eligible(c, p, next, out);
    return out;
}

/* Makes `next` what is being written; false when there is nothing to write. */
static bool add_write(struct controller *c, struct ctl_writes *writes, struct ctl_partition *p,
                      struct znode_standing *next, bool joined)
{
    if (next && next->lost_count + next->eligible_count == 0) {
        ctl_standing_free(next);
        next = NULL;
    }
    ctl_standing_free(p->standing_next);
    p->standing_next = next;
    if (!p->standing && !next)
        return false;
    enum controller_op_kind kind = !next          ? CONTROLLER_OP_DELETE
                                   : !p->standing ? CONTROLLER_OP_CREATE
                                                  : CONTROLLER_OP_SET;
    struct ctl_write *write = ctl_writes_add(c, writes, kind, ctl_standing_path(c, p));
    write->joined = joined;
    if (next) {
        write->value.kind = CONTROLLER_VALUE_STANDING;
        write->value.standing = *next;
    }
    return true;
}

void ctl_standing_join(struct controller *c, struct ctl_writes *writes, struct ctl_partition *p,
                       enum ctl_standing_change change)
{
    ASSERT(writes->count > 0 && writes->items[writes->count - 1].value.kind == CONTROLLER_VALUE_STATE);
    const struct ctl_write *write = &writes->items[writes->count - 1];
    struct znode_standing *next = NULL;
    if (change != CTL_STANDING_ENDS) {
        next = next_standing(c, p, &write->value.state, 0);
        next->state_version = write->version + 1;
    }
    if (change == CTL_STANDING_RECOVERED)
        begin_anew(next);
    add_write(c, writes, p, next, true);
}

static bool says_so(const struct ctl_partition *p, const struct znode_member *lost, int32_t lost_count)
{
    for (int32_t i = 0; i < lost_count; i++) {
        const struct znode_member *there =
            ctl_standing_holds(p) ? find(p->standing->lost, p->standing->lost_count, lost[i].broker) : NULL;
        if (!there || !uuid_equal(there->incarnation, lost[i].incarnation))
            return false;
    }
    return true;
}

bool ctl_standing_add_lost(struct controller *c, struct ctl_writes *writes, struct ctl_partition *p,
                           const struct znode_state *next, const struct znode_member *lost,
                           int32_t lost_count)
{
    if (!next && says_so(p, lost, lost_count))
        return false;
    struct znode_standing *standing = next_standing(c, p, next ? next : &p->leadership, lost_count);
    standing->state_version = p->zk_version + (next ? 1 : 0);
    for (int32_t i = 0; i < lost_count; i++)
        add_member(standing->lost, &standing->lost_count, lost[i]);
    return add_write(c, writes, p, standing, next != NULL);
}

/* ---- outcome */

void ctl_standing_written(struct controller *c, struct ctl_partition *p)
{
    bool kept = p->standing && p->standing->lost_count > 0;
    ctl_standing_free(p->standing);
    p->standing = p->standing_next;
    p->standing_next = NULL;
    p->told_offline = false;
    c->ctx.kept_offline += (p->standing && p->standing->lost_count > 0) - kept;
}

bool ctl_standing_refused(struct controller *c, const struct ctl_write *write)
{
    if (write->err != ERR_IO)
        return false;
    ctl_give_up(c, "write below /barnabas/standing", ERR_IO);
    return true;
}
