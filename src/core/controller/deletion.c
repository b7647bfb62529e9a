/*
 * Deletion of topics.
 *
 *   marker in /admin/delete_topics
 *     -> partitions leave their machine, UpdateMetadata says leader -2 to everybody
 *     -> replicas on live brokers: StopReplica with deletion; on dead ones: ineligible
 *     -> answers of the brokers, partition by partition
 *     -> when every replica is gone: znodes, config, marker
 *
 * A topic with a replica that cannot be reached, or whose deletion failed, waits: were it
 * completed, that replica would come back one day with a topic nobody knows. It is tried
 * again when a broker that holds one of its replicas starts.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/placement.h"

/* ---- which topics, and in which state they are */

/* What was interrupted half-way has lost its states: there is nothing that could still move. */
static void forget_moves_without_state(struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        if (!p->has_leadership)
            p->adding.count = p->removing.count = 0;
    }
}

static void mark(struct ctl_topic *topic)
{
    if (topic->to_be_deleted)
        return;
    topic->to_be_deleted = true;
    forget_moves_without_state(topic);
    topic->ineligible = ctl_topic_is_reassigning(topic);
    log_info("controller", "topic_deletion", "topic=%s partitions=%d%s", topic->name, topic->partitions_count,
             topic->ineligible ? "; waits for its reassignment" : "");
}

void ctl_mark_deletions(struct controller *c, const char *const *names, int32_t count)
{
    for (int32_t i = 0; c->config.delete_topic && i < count; i++) {
        struct ctl_topic *topic = ctl_topic_find(&c->ctx, names[i]);
        if (topic)
            mark(topic);
    }
}

static bool has_replica_in(const struct ctl_topic *topic, enum ctl_replica_state state)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        const struct ctl_partition *p = topic->partitions[i];
        for (int32_t r = 0; r < p->replicas.count; r++) {
            if (ctl_replica_get_state(p, p->replicas.ids[r]) == state)
                return true;
        }
    }
    return false;
}

static bool is_gone_everywhere(const struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        const struct ctl_partition *p = topic->partitions[i];
        for (int32_t r = 0; r < p->replicas.count; r++) {
            if (ctl_replica_get_state(p, p->replicas.ids[r]) != CTL_REPLICA_DELETION_SUCCESSFUL)
                return false;
        }
    }
    return true;
}

/* To ineligible, by way of the states that lead there. */
static void give_up_replica(struct ctl_partition *p, int32_t id)
{
    enum ctl_replica_state state = ctl_replica_get_state(p, id);
    if (state == CTL_REPLICA_NEW || state == CTL_REPLICA_ONLINE)
        ctl_replica_set_state(p, id, CTL_REPLICA_OFFLINE);
    if (state != CTL_REPLICA_DELETION_INELIGIBLE && state != CTL_REPLICA_DELETION_SUCCESSFUL &&
        state != CTL_REPLICA_NONEXISTENT)
        ctl_replica_set_state(p, id, CTL_REPLICA_DELETION_INELIGIBLE);
}

void ctl_deletion_failed(struct controller *c, const struct ctl_refs *refs)
{
    (void)c;
    for (int32_t i = 0; i < refs->count; i++) {
        struct ctl_partition *p = refs->items[i].p;
        if (!p->topic->to_be_deleted)
            continue;
        give_up_replica(p, refs->items[i].broker_id);
        if (!p->topic->ineligible)
            log_warn("controller", "topic_deletion_waits", "topic=%s partition=%d broker=%d", p->topic->name,
                     p->number, refs->items[i].broker_id);
        p->topic->ineligible = true;
    }
}

void ctl_deletion_retry(struct controller *c, int32_t broker_id)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        for (int32_t i = 0; topic->to_be_deleted && topic->ineligible && i < topic->partitions_count; i++) {
            if (ctl_ids_contain(&topic->partitions[i]->replicas, broker_id))
                topic->ineligible = ctl_topic_is_reassigning(topic);
        }
    }
}

/* ---- going on */

struct resume {
    struct ctl_frame frame;
    struct ctl_delete_tree *tree;
    struct ctl_topic *completing;
};

enum { RESUME_COMPLETE, RESUME_COMPLETED, RESUME_END };

static struct ctl_topic *next_complete(struct controller *c)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        if (topic->to_be_deleted && !topic->stuck && is_gone_everywhere(topic))
            return topic;
    }
    return NULL;
}

static void leave_machines(struct controller *c, struct ctl_topic *topic)
{
    topic->deletion_started = true;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        if (p->state != CTL_PARTITION_NONEXISTENT && ctl_partition_set_state(p, CTL_PARTITION_OFFLINE))
            ctl_partition_set_state(p, CTL_PARTITION_NONEXISTENT);
        ctl_send_update_metadata(c, p);
    }
}

/* The ISR is not shrunk on the way, as other replicas' is: the znode goes anyway. */
static void stop_replica(struct controller *c, struct ctl_partition *p, int32_t id)
{
    enum ctl_replica_state state = ctl_replica_get_state(p, id);
    if (state == CTL_REPLICA_DELETION_SUCCESSFUL || state == CTL_REPLICA_DELETION_STARTED)
        return;
    if (!ctl_replica_is_online(&c->ctx, p, id)) {
        give_up_replica(p, id);
        p->topic->ineligible = true;
        return;
    }
    if (state == CTL_REPLICA_NONEXISTENT) /* never came to life */
        ctl_replica_set_state(p, id, CTL_REPLICA_NEW);
    if (ctl_replica_set_state(p, id, CTL_REPLICA_OFFLINE) &&
        ctl_replica_set_state(p, id, CTL_REPLICA_DELETION_STARTED))
        ctl_send_stop_replica(c, p, id, ZNODE_LEADER_DURING_DELETE, true);
}

static void begin(struct controller *c, struct ctl_topic *topic)
{
    if (!topic->deletion_started)
        leave_machines(c, topic);
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        for (int32_t r = 0; r < p->replicas.count; r++)
            stop_replica(c, p, p->replicas.ids[r]);
    }
    if (topic->ineligible)
        log_warn("controller", "topic_deletion_waits", "topic=%s; not all of its replicas can be reached",
                 topic->name);
}

static void begin_all(struct controller *c)
{
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        if (topic->to_be_deleted && !topic->ineligible && !is_gone_everywhere(topic) &&
            !has_replica_in(topic, CTL_REPLICA_DELETION_STARTED))
            begin(c, topic);
    }
}

static void finish(struct controller *c, struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        for (int32_t r = 0; r < p->replicas.count; r++)
            ctl_replica_set_state(p, p->replicas.ids[r], CTL_REPLICA_NONEXISTENT);
    }
    log_info("controller", "topic_deleted", "topic=%s partitions=%d", topic->name, topic->partitions_count);
    ctl_topic_forget(&c->ctx, topic);
}

static enum ctl_next run_resume(struct controller *c, struct ctl_frame *frame)
{
    struct resume *r = (struct resume *)frame;
    switch (frame->phase) {
    case RESUME_COMPLETE:
        r->completing = next_complete(c);
        if (!r->completing) {
            frame->phase = RESUME_END;
            return CTL_AGAIN;
        }
        r->tree = ctl_call_delete_znodes(c, r->completing->name);
        frame->phase = RESUME_COMPLETED;
        return CTL_AGAIN;
    case RESUME_COMPLETED:
        if (r->tree->failed) {
            log_error("controller", "topic_deletion_stuck",
                      "topic=%s; something keeps adding znodes under it", r->completing->name);
            r->completing->stuck = true;
        } else
            finish(c, r->completing);
        frame->phase = RESUME_COMPLETE;
        return CTL_AGAIN;
    case RESUME_END:
        begin_all(c);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_call_resume_deletions(struct controller *c)
{
    ctl_call(c, sizeof(struct resume), run_resume);
}

/* ---- /admin/delete_topics changed */

struct deletions {
    struct ctl_frame frame;
    const char **unknown;
    int32_t unknown_count;
    struct ctl_writes writes;
};

enum { DELETIONS_LIST, DELETIONS_LISTED, DELETIONS_CHECKED, DELETIONS_RESUME, DELETIONS_END };

static void take_markers(struct controller *c, struct deletions *d)
{
    const struct controller_op_result *list = &c->results[0];
    d->unknown = arena_alloc(&c->arena, (size_t)list->children_count * sizeof *d->unknown + 1);
    ctl_mark_deletions(c, list->children, list->children_count);
    for (int32_t i = 0; i < list->children_count; i++) {
        const char *name = list->children[i];
        if (!c->config.delete_topic) {
            log_warn("controller", "topic_deletion_disabled", "topic=%s; delete.topic.enable is false", name);
            ctl_writes_add(c, &d->writes, CONTROLLER_OP_DELETE, ctl_path(c, "/admin/delete_topics/%s", name));
        } else if (!ctl_topic_find(&c->ctx, name)) {
            d->unknown[d->unknown_count++] = arena_strdup(&c->arena, name);
            ctl_op(c, CONTROLLER_OP_EXISTS, ctl_path(c, "/brokers/topics/%s", name));
        }
    }
}

/*
 * A topic that is not known because it is new will be; one that is not there at all may be what
 * an interrupted deletion left: its config and the marker.
 */
static void take_unknown(struct controller *c, struct deletions *d)
{
    bool appeared = false;
    for (int32_t i = 0; i < d->unknown_count; i++) {
        const char *name = d->unknown[i];
        if (c->results[i].err == ERR_NONE) {
            appeared = true;
            continue;
        }
        ctl_writes_add(c, &d->writes, CONTROLLER_OP_DELETE, ctl_path(c, "/config/topics/%s", name));
        ctl_writes_add(c, &d->writes, CONTROLLER_OP_DELETE, ctl_path(c, "/admin/delete_topics/%s", name));
    }
    if (appeared) {
        ctl_enqueue_kind(c, CTL_EVENT_TOPICS);
        /* Behind the topics; but not forever for a znode that cannot be read. */
        if (!(c->queued_kinds & 1u << CTL_EVENT_DELETIONS) && !c->deletions_again)
            ctl_enqueue_kind(c, CTL_EVENT_DELETIONS);
    }
    c->deletions_again = appeared;
}

static enum ctl_next run_deletions(struct controller *c, struct ctl_frame *frame)
{
    struct deletions *d = (struct deletions *)frame;
    switch (frame->phase++) {
    case DELETIONS_LIST:
        ctl_children(c, true, "/admin/delete_topics");
        return ctl_submit(c);
    case DELETIONS_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_markers(c, d);
        return ctl_submit(c);
    case DELETIONS_CHECKED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_unknown(c, d);
        ctl_call_writes(c, &d->writes);
        return CTL_AGAIN;
    case DELETIONS_RESUME:
        ctl_call_resume_deletions(c);
        return CTL_AGAIN;
    case DELETIONS_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_deletions(struct controller *c)
{
    ctl_call(c, sizeof(struct deletions), run_deletions);
}

/* ---- a broker's answer to StopReplica */

void ctl_start_stopped(struct controller *c, const struct ctl_event *event)
{
    struct ctl_refs failed = {0};
    int32_t id = (int32_t)event->number;
    for (int32_t i = 0; i < event->outcomes_count; i++) {
        const struct ctl_outcome *outcome = &event->outcomes[i];
        const struct ctl_topic *topic = ctl_topic_find(&c->ctx, outcome->topic);
        struct ctl_partition *p = topic ? ctl_partition_find(topic, outcome->partition) : NULL;
        if (!p || ctl_removed_replica_stopped(p, id, outcome->err) || !topic->deletion_started ||
            ctl_replica_get_state(p, id) != CTL_REPLICA_DELETION_STARTED)
            continue;
        if (outcome->err == ERR_NONE)
            ctl_replica_set_state(p, id, CTL_REPLICA_DELETION_SUCCESSFUL);
        else {
            log_warn("controller", "replica_not_deleted", "topic=%s partition=%d broker=%d error=%s",
                     outcome->topic, outcome->partition, id, err_name(outcome->err));
            ctl_refs_add(c, &failed, p, id);
        }
    }
    ctl_deletion_failed(c, &failed);
    ctl_call_resume_deletions(c);
}

/* ---- DeleteTopics */

struct delete_topics {
    struct ctl_frame frame;
    const struct controller_delete_topics *request;
    struct controller_topic_answer *answers;
    struct ctl_writes writes;
    int32_t *writers; /* of each topic; -1 = none */
};

enum { DELETE_WRITE, DELETE_WRITTEN, DELETE_END };

static void add_marker(struct controller *c, struct delete_topics *d, int32_t i)
{
    const struct controller_topic_ref *ref = &d->request->topics[i];
    struct controller_topic_answer *answer = &d->answers[i];
    const struct ctl_topic *topic =
        ref->name ? ctl_topic_find(&c->ctx, ref->name) : ctl_topic_find_id(&c->ctx, ref->id);
    d->writers[i] = -1;
    answer->name = topic ? topic->name : ref->name;
    answer->id = topic ? topic->id : ref->id;
    if (!c->config.delete_topic) {
        answer->err = ERR_TOPIC_DELETION_DISABLED;
        return;
    }
    if (!topic) {
        answer->err = ref->name ? ERR_UNKNOWN_TOPIC_OR_PARTITION : ERR_UNKNOWN_TOPIC_ID;
        return;
    }
    ctl_writes_add(c, &d->writes, CONTROLLER_OP_CREATE, ctl_path(c, "/admin/delete_topics/%s", topic->name));
    d->writers[i] = d->writes.count - 1;
}

/* A marker that is there already is as good as ours. */
static void take_markers_written(struct controller *c, struct delete_topics *d)
{
    for (int32_t i = 0; i < d->request->topics_count; i++) {
        struct ctl_topic *topic = d->answers[i].name ? ctl_topic_find(&c->ctx, d->answers[i].name) : NULL;
        if (d->writers[i] < 0)
            continue;
        enum err err = d->writes.items[d->writers[i]].err;
        if (err == ERR_NONE || err == ERR_EXISTS)
            mark(topic);
        else
            d->answers[i].err = ERR_UNKNOWN_SERVER_ERROR;
    }
}

static enum ctl_next run_delete_topics(struct controller *c, struct ctl_frame *frame)
{
    struct delete_topics *d = (struct delete_topics *)frame;
    switch (frame->phase++) {
    case DELETE_WRITE:
        for (int32_t i = 0; i < d->request->topics_count; i++)
            add_marker(c, d, i);
        ctl_call_writes(c, &d->writes);
        return CTL_AGAIN;
    case DELETE_WRITTEN:
        take_markers_written(c, d);
        ctl_answer_topics(c, d->answers, d->request->topics_count);
        ctl_call_resume_deletions(c);
        return CTL_AGAIN;
    case DELETE_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_delete_topics(struct controller *c, const struct controller_delete_topics *request)
{
    struct delete_topics *d = ctl_call(c, sizeof *d, run_delete_topics);
    size_t n = (size_t)request->topics_count;
    d->request = request;
    d->answers = arena_zalloc(&c->arena, n * sizeof *d->answers + 1);
    d->writers = arena_alloc(&c->arena, n * sizeof *d->writers + 1);
}
