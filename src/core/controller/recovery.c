/*
 * When all of an ISR lost what it had not synced, the power of a whole room most of the time, the longest log
 * that is left leads (election.c says when). Where logs end only their brokers know:
 *
 *   elect -> nobody, but it could be done -> ask every replica that is there
 *   answers -> elect again; the last answer decides, or the end of the wait for who need not be there
 *
 * They are asked as soon as who is there may not lead, too: an operator who does not wait for the others
 * gets the longest of what there is.
 *
 * Nothing is written to a log that nobody leads, so an answer holds until its broker registers anew or
 * somebody leads. A controller that dies meanwhile leaves nothing behind; the next one asks again, and waits
 * from the beginning.
 */
#include "base/buf.h"
#include "base/log.h"
#include "core/controller/internal.h"

/* A broker of another make does not tell which records are the last. */
struct ctl_log_end ctl_log_end_of(const struct controller *c, const struct ctl_partition *p,
                                  int32_t broker_id)
{
    const struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    const struct ctl_replica *replica = ctl_replica_find(p, broker_id);
    if (broker && uuid_is_zero(broker->incarnation.id))
        return (struct ctl_log_end){.state = CTL_LOG_END_NONE};
    return replica ? replica->end : (struct ctl_log_end){.state = CTL_LOG_END_UNKNOWN};
}

static void ask(struct controller *c, struct ctl_partition *p)
{
    for (int32_t i = 0; i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        if (ctl_log_end_of(c, p, id).state == CTL_LOG_END_UNKNOWN && ctl_replica_is_online(&c->ctx, p, id))
            ctl_ask_log_end(c, p, id);
    }
}

static void log_awaited(const struct controller *c, const struct ctl_partition *p,
                        const struct znode_ids *awaited)
{
    struct buf ids = {0};
    for (int32_t i = 0; i < awaited->count; i++)
        buf_printf(&ids, "%s%d", i ? "," : "", awaited->ids[i]);
    log_warn(
        "controller", "log_ends_asked",
        "topic=%s partition=%d brokers=%s wait_ms=%lld reason=\"all of the ISR lost what was not synced: the "
        "longest log is to lead\"",
        p->topic->name, p->number, buf_cstr(&ids), (long long)c->config.log_wait_ms);
    buf_close(&ids);
}

/* One timer for all that wait: each begins to wait later than those before it. */
static void arm(struct controller *c, int64_t at_ms)
{
    if (at_ms <= c->now_ms || (c->log_ends_at_ms > c->now_ms && c->log_ends_at_ms <= at_ms))
        return;
    c->log_ends_at_ms = at_ms;
    ctl_arm(c, CTL_TIMER_LOG_ENDS, at_ms - c->now_ms);
}

void ctl_await_log_ends(struct controller *c, struct ctl_partition *p, const struct znode_ids *awaited)
{
    ask(c, p);
    if (awaited->count == 0) {
        p->ends_until_ms = 0;
        ctl_standing_log(p);
        return;
    }
    if (p->ends_until_ms == 0) {
        p->ends_until_ms = c->now_ms + c->config.log_wait_ms;
        log_awaited(c, p, awaited);
    }
    arm(c, p->ends_until_ms);
}

void ctl_start_log_ends(struct controller *c)
{
    struct ctl_parts asked = {0};
    struct ctl_parts leaderless = ctl_leaderless(c, NULL);
    for (int32_t i = 0; i < leaderless.count; i++) {
        if (leaderless.items[i]->ends_until_ms)
            ctl_parts_add(c, &asked, leaderless.items[i]);
    }
    ctl_call_online(c, &asked);
}

void ctl_forget_log_ends(const struct ctl_refs *refs)
{
    for (int32_t i = 0; i < refs->count; i++)
        ctl_replica_of(refs->items[i].p, refs->items[i].broker_id)->end = (struct ctl_log_end){0};
}
