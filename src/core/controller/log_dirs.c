/*
 * What brokers report by notification znodes or in their answers: log directories that
 * failed or came back, and ISR changes of leaders that write them themselves (protocols
 * before 2.7).
 *
 * A log_dir_event names only the broker. Its replicas are sent their state again; the
 * answer says which of them are offline, and which came back: those may lead again, and
 * what could not be deleted there is tried again.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct notices {
    struct ctl_frame frame;
    const char *parent;
    enum controller_value_kind kind;
    const char **names;
    int32_t names_count;
    struct ctl_parts parts;
    struct ctl_writes writes;
};

enum {
    NOTICES_LIST,
    NOTICES_LISTED,
    NOTICES_READ,
    NOTICES_DELETE,
    NOTICES_MOVES,
    NOTICES_DELETIONS,
    NOTICES_END
};

/* What is to be deleted is sent no state: whether it is offline the answer to StopReplica says. */
static void retry_deletions_on(struct controller *c, int32_t broker_id)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, broker_id);
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; broker && ctl_topic_is_going(topic) && i < topic->partitions_count; i++)
            map_remove_int(&broker->offline, (int64_t)(intptr_t)topic->partitions[i]);
    }
    ctl_deletion_retry(c, broker_id);
}

static void take_log_dir_events(struct controller *c, const struct notices *n)
{
    for (int32_t i = 0; i < n->names_count; i++) {
        const struct controller_op_result *found = &c->results[i];
        if (found->err != ERR_NONE)
            continue;
        int32_t id = found->value.log_dir_event.broker_id;
        bool seen = false;
        for (int32_t j = 0; j < i; j++)
            seen |= c->results[j].err == ERR_NONE && c->results[j].value.log_dir_event.broker_id == id;
        if (seen)
            continue;
        log_warn("controller", "log_dir_event",
                 "broker=%d effect=\"it is asked which of its replicas are offline\"", id);
        struct ctl_refs refs = ctl_replicas_on(c, id);
        ctl_replicas_online(c, &refs);
        retry_deletions_on(c, id);
    }
}

static void take_isr_changes(struct controller *c, struct notices *n)
{
    for (int32_t i = 0; i < n->names_count; i++) {
        const struct controller_op_result *found = &c->results[i];
        for (int32_t j = 0; found->err == ERR_NONE && j < found->value.partitions.count; j++) {
            const struct znode_partition *item = &found->value.partitions.items[j];
            const struct ctl_topic *topic = ctl_topic_find(&c->ctx, item->topic);
            struct ctl_partition *p = topic ? ctl_partition_find(topic, item->partition) : NULL;
            if (p)
                ctl_parts_add(c, &n->parts, p);
        }
    }
    ctl_call_refresh(c, &n->parts);
}

static enum ctl_next run_notices(struct controller *c, struct ctl_frame *frame)
{
    struct notices *n = (struct notices *)frame;
    switch (frame->phase++) {
    case NOTICES_LIST:
        ctl_children(c, true, n->parent);
        return ctl_submit(c);
    case NOTICES_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        n->names_count = c->results[0].children_count;
        n->names = arena_alloc(&c->arena, (size_t)n->names_count * sizeof *n->names + 1);
        for (int32_t i = 0; i < n->names_count; i++) {
            n->names[i] = ctl_path(c, "%s/%s", n->parent, c->results[0].children[i]);
            ctl_get(c, n->kind, false, n->names[i]);
        }
        return ctl_submit(c);
    case NOTICES_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (n->kind == CONTROLLER_VALUE_LOG_DIR_EVENT)
            take_log_dir_events(c, n);
        else
            take_isr_changes(c, n);
        return CTL_AGAIN;
    case NOTICES_DELETE:
        for (int32_t i = 0; i < n->parts.count; i++)
            ctl_send_update_metadata(c, n->parts.items[i]);
        for (int32_t i = 0; i < n->names_count; i++)
            ctl_writes_add(c, &n->writes, CONTROLLER_OP_DELETE, n->names[i]);
        ctl_call_writes(c, &n->writes);
        return CTL_AGAIN;
    case NOTICES_MOVES:
        ctl_call_complete_moves(c, &n->parts);
        return CTL_AGAIN;
    case NOTICES_DELETIONS:
        ctl_call_resume_deletions(c);
        return CTL_AGAIN;
    case NOTICES_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_log_dirs(struct controller *c)
{
    struct notices *n = ctl_call(c, sizeof *n, run_notices);
    n->parent = "/log_dir_event_notification";
    n->kind = CONTROLLER_VALUE_LOG_DIR_EVENT;
}

void ctl_start_isr_changes(struct controller *c)
{
    struct notices *n = ctl_call(c, sizeof *n, run_notices);
    n->parent = "/isr_change_notification";
    n->kind = CONTROLLER_VALUE_PARTITIONS;
}

void ctl_start_log_errors(struct controller *c, const struct ctl_event *event)
{
    struct ctl_broker *broker = ctl_broker_find(&c->ctx, (int32_t)event->number);
    struct ctl_refs lost = {0};
    struct ctl_parts back = {0};
    for (int32_t i = 0; broker && i < event->outcomes_count; i++) {
        const struct ctl_outcome *outcome = &event->outcomes[i];
        const struct ctl_topic *topic = ctl_topic_find(&c->ctx, outcome->topic);
        struct ctl_partition *p = topic ? ctl_partition_find(topic, outcome->partition) : NULL;
        if (!p)
            continue;
        int64_t key = (int64_t)(intptr_t)p;
        if (outcome->err == ERR_NONE) {
            map_remove_int(&broker->offline, key);
            ctl_send_update_metadata(c, p);
            if (p->state == CTL_PARTITION_OFFLINE)
                ctl_parts_add(c, &back, p);
        } else if (!map_put_int(&broker->offline, key, p))
            ctl_refs_add(c, &lost, p, broker->id);
    }
    if (back.count > 0)
        ctl_call_online(c, &back);
    if (lost.count == 0)
        return;
    log_warn("controller", "replicas_offline", "broker=%lld replicas=%d; a log directory failed there",
             (long long)event->number, lost.count);
    ctl_call_replicas_lost(c, &lost);
}
