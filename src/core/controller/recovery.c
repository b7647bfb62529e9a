/*
 * When all of an ISR lost what it had not synced, the power of a whole room most of the time, the longest log
 * that is left leads (election.c says when). Where logs end only their brokers know:
 *
 *   elect -> nobody, but it could be done -> ask every replica that is there
 *   answers -> elect again; the last answer decides
 *
 * They are asked as soon as who is there may not lead, too: an operator who does not wait for the others
 * gets the longest of what there is.
 *
 * Nothing is written to a log that nobody leads, so an answer holds until its broker registers anew or
 * somebody leads. A controller that dies meanwhile leaves nothing behind; the next one asks again.
 */
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

void ctl_learn_log_ends(struct controller *c, struct ctl_partition *p)
{
    for (int32_t i = 0; i < p->replicas.count; i++) {
        int32_t id = p->replicas.ids[i];
        if (ctl_log_end_of(c, p, id).state == CTL_LOG_END_UNKNOWN && ctl_replica_is_online(&c->ctx, p, id))
            ctl_ask_log_end(c, p, id);
    }
}

void ctl_ask_log_ends(struct controller *c, struct ctl_partition *p)
{
    if (!p->ends_asked)
        log_info(
            "controller", "log_ends_asked",
            "topic=%s partition=%d reason=\"all of the ISR lost what was not synced: the longest log is to "
            "lead\"",
            p->topic->name, p->number);
    p->ends_asked = true;
    ctl_learn_log_ends(c, p);
}

void ctl_start_log_ends(struct controller *c)
{
    struct ctl_parts asked = {0};
    struct ctl_parts leaderless = ctl_leaderless(c, NULL);
    for (int32_t i = 0; i < leaderless.count; i++) {
        if (leaderless.items[i]->ends_asked)
            ctl_parts_add(c, &asked, leaderless.items[i]);
    }
    ctl_call_online(c, &asked);
}

void ctl_forget_log_ends(const struct ctl_refs *refs)
{
    for (int32_t i = 0; i < refs->count; i++)
        ctl_replica_of(refs->items[i].p, refs->items[i].broker_id)->end = (struct ctl_log_end){0};
}
