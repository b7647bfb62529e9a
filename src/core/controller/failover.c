/*
 * What a new controller does, in this order:
 *
 *   /feature; notifications of the time before are deleted; everything is read: brokers,
 *   topics, states, three round trips however many there are; whose data can be trusted, two
 *   more; the suspects; channels; UpdateMetadata with the brokers; replica machine; elections
 *   for what has no leader; replicas that are offline leave their ISR; leadership leaves the
 *   suspects; moves under way; deletions; preferred elections; the rebalance timer.
 *
 * The children of the notification paths are read before the states they announce, so that
 * none is deleted unread.
 */
#include <stdlib.h>

#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct failover {
    struct ctl_frame frame;
    struct ctl_writes writes;
    const char **topics; /* children of /brokers/topics */
    int32_t topics_count;
    const char **deletions;
    int32_t deletions_count;
    int32_t *broker_ids;
    int32_t broker_ids_count;
    struct ctl_parts parts;
    int64_t began_ms;
};

enum {
    PHASE_FEATURE,
    PHASE_FEATURE_READ,
    PHASE_LISTS,
    PHASE_LISTS_READ,
    PHASE_DETAILS,
    PHASE_DETAILS_READ,
    PHASE_STATES,
    PHASE_STATES_READ,
    PHASE_TRUST,
    PHASE_SUSPECTS,
    PHASE_MACHINES,
    PHASE_FROM_SUSPECTS,
    PHASE_MOVES,
    PHASE_LISTED_MOVES,
    PHASE_DELETIONS,
    PHASE_PREFERRED,
    PHASE_END
};

/* The lists, in the order they are asked for. */
enum { LIST_LOG_DIRS, LIST_ISR_CHANGES, LIST_BROKERS, LIST_TOPICS, LIST_DELETIONS, LISTS };

static void ask_lists(struct controller *c)
{
    static const char *const paths[LISTS] = {
        [LIST_LOG_DIRS] = "/log_dir_event_notification",
        [LIST_ISR_CHANGES] = "/isr_change_notification",
        [LIST_BROKERS] = "/brokers/ids",
        [LIST_TOPICS] = "/brokers/topics",
        [LIST_DELETIONS] = "/admin/delete_topics",
    };
    for (int i = 0; i < LISTS; i++)
        ctl_children(c, true, paths[i]);
}

static const char **keep_names(struct controller *c, const struct controller_op_result *list, int32_t *count)
{
    const char **names = arena_alloc(&c->arena, (size_t)list->children_count * sizeof *names);
    for (int32_t i = 0; i < list->children_count; i++)
        names[i] = arena_strdup(&c->arena, list->children[i]);
    *count = list->children_count;
    return names;
}

static void add_deletes(struct controller *c, struct ctl_writes *writes, const char *parent,
                        const struct controller_op_result *list)
{
    for (int32_t i = 0; i < list->children_count; i++)
        ctl_writes_add(c, writes, CONTROLLER_OP_DELETE, ctl_path(c, "%s/%s", parent, list->children[i]));
}

static void take_lists(struct controller *c, struct failover *f)
{
    add_deletes(c, &f->writes, "/log_dir_event_notification", &c->results[LIST_LOG_DIRS]);
    add_deletes(c, &f->writes, "/isr_change_notification", &c->results[LIST_ISR_CHANGES]);
    f->topics = keep_names(c, &c->results[LIST_TOPICS], &f->topics_count);
    f->deletions = keep_names(c, &c->results[LIST_DELETIONS], &f->deletions_count);
    const struct controller_op_result *ids = &c->results[LIST_BROKERS];
    f->broker_ids = arena_alloc(&c->arena, (size_t)ids->children_count * sizeof *f->broker_ids);
    for (int32_t i = 0; i < ids->children_count; i++)
        f->broker_ids_count +=
            ctl_parse_broker_id(ids->children[i], &f->broker_ids[f->broker_ids_count]) ? 1 : 0;
}

static void ask_details(struct controller *c, const struct failover *f)
{
    for (int32_t i = 0; i < f->broker_ids_count; i++)
        ctl_get(c, CONTROLLER_VALUE_BROKER, true, ctl_path(c, "/brokers/ids/%d", f->broker_ids[i]));
    for (int32_t i = 0; i < f->topics_count; i++)
        ctl_get(c, CONTROLLER_VALUE_TOPIC, true, ctl_path(c, "/brokers/topics/%s", f->topics[i]));
}

/* A znode that cannot be read is left out, with a line in the log; the others must not suffer for it. */
static void take_details(struct controller *c, struct failover *f)
{
    const struct controller_op_result *found = c->results;
    for (int32_t i = 0; i < f->broker_ids_count; i++, found++) {
        if (found->err == ERR_NONE)
            ctl_broker_add(&c->ctx, f->broker_ids[i], &found->value.broker, found->czxid);
        else if (found->err == ERR_MALFORMED)
            log_error("controller", "broker_unreadable", "broker=%d", f->broker_ids[i]);
    }
    for (int32_t i = 0; i < f->topics_count; i++, found++) {
        if (found->err == ERR_MALFORMED)
            log_error("controller", "topic_unreadable", "topic=%s", f->topics[i]);
        if (found->err != ERR_NONE)
            continue;
        struct ctl_topic *topic = ctl_topic_add(&c->ctx, f->topics[i]);
        topic->zk_version = found->version;
        ctl_topic_set_id(&c->ctx, topic, found->value.topic.topic_id);
        ctl_topic_take_znode(c, topic, &found->value.topic, &f->parts);
    }
}

/* ---- state machines */

static void start_replica_machine(struct controller *c, const struct failover *f, struct ctl_refs *offline)
{
    struct ctl_refs online = {0};
    for (int32_t i = 0; i < f->parts.count; i++) {
        struct ctl_partition *p = f->parts.items[i];
        for (int32_t r = 0; r < p->replicas.count; r++) {
            int32_t id = p->replicas.ids[r];
            bool is_online = ctl_replica_is_online(&c->ctx, p, id);
            struct ctl_replica *replica = ctl_replica_of(p, id);
            replica->state = is_online ? CTL_REPLICA_ONLINE : CTL_REPLICA_DELETION_INELIGIBLE;
            ctl_refs_add(c, is_online ? &online : offline, p, id);
        }
    }
    ctl_replicas_online(c, &online);
}

static void start_partition_machine(struct controller *c, const struct failover *f)
{
    for (int32_t i = 0; i < f->parts.count; i++) {
        struct ctl_partition *p = f->parts.items[i];
        if (!p->has_leadership)
            p->state = CTL_PARTITION_NEW;
        else
            p->state = ctl_leader_is_online(&c->ctx, p) ? CTL_PARTITION_ONLINE : CTL_PARTITION_OFFLINE;
    }
}

static void start_machines(struct controller *c, struct failover *f)
{
    CTL_EACH_BROKER(&c->ctx, broker)
    {
        ctl_announce_channel(c, broker);
    }
    ctl_send_brokers(c);
    struct ctl_refs offline = {0};
    start_partition_machine(c, f);
    start_replica_machine(c, f, &offline);
    ctl_mark_deletions(c, f->deletions, f->deletions_count);
    log_info("controller", "loaded", "epoch=%d brokers=%zu topics=%d partitions=%d offline_replicas=%d",
             c->epoch, c->ctx.brokers_by_id.count, f->topics_count, f->parts.count, offline.count);
    ctl_call_replicas_lost(c, &offline);
}

/* ---- /feature */

/*
 * Brokers in ZooKeeper mode know no feature; the znode says so. While the protocol is older than features
 * are, they are switched off in it.
 */
static void add_feature_write(struct controller *c, struct failover *f)
{
    const struct controller_op_result *found = &c->results[0];
    int32_t version = c->config.versions->feature_znode;
    bool on = version > 0;
    const struct znode_feature wanted = {.version = on ? version : 1, .status = on, .has_features = false};
    struct ctl_write *write;
    if (found->err == ERR_NOT_FOUND)
        write = ctl_writes_add(c, &f->writes, CONTROLLER_OP_CREATE, "/feature");
    else if (found->err == ERR_NONE && found->value.feature.status != wanted.status)
        write = ctl_writes_add(c, &f->writes, CONTROLLER_OP_SET, "/feature");
    else {
        if (found->err == ERR_MALFORMED)
            log_error("controller", "feature_unreadable", "%s", "");
        return;
    }
    write->version = found->version;
    write->value.kind = CONTROLLER_VALUE_FEATURE;
    write->value.feature = wanted;
}

/* ---- the sequence */

static enum ctl_next next(struct ctl_frame *frame, int phase)
{
    frame->phase = phase;
    return CTL_AGAIN;
}

static enum ctl_next load(struct controller *c, struct failover *f)
{
    struct ctl_frame *frame = &f->frame;
    switch (frame->phase) {
    case PHASE_FEATURE:
        f->began_ms = c->now_ms;
        ctl_get(c, CONTROLLER_VALUE_FEATURE, false, "/feature");
        frame->phase = PHASE_FEATURE_READ;
        return ctl_submit(c);
    case PHASE_FEATURE_READ:
        add_feature_write(c, f);
        ctl_call_writes(c, &f->writes);
        return next(frame, PHASE_LISTS);
    case PHASE_LISTS:
        f->writes = (struct ctl_writes){0};
        ask_lists(c);
        frame->phase = PHASE_LISTS_READ;
        return ctl_submit(c);
    case PHASE_LISTS_READ:
        take_lists(c, f);
        ctl_call_writes(c, &f->writes);
        return next(frame, PHASE_DETAILS);
    case PHASE_DETAILS:
        ask_details(c, f);
        frame->phase = PHASE_DETAILS_READ;
        return ctl_submit(c);
    case PHASE_DETAILS_READ:
        take_details(c, f);
        ctl_call_topic_ids(c);
        return next(frame, PHASE_STATES);
    default:
        UNREACHABLE();
    }
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct failover *f = (struct failover *)frame;
    if ((frame->phase == PHASE_FEATURE_READ || frame->phase == PHASE_LISTS_READ ||
         frame->phase == PHASE_DETAILS_READ) &&
        !ctl_reads_ok(c))
        return CTL_AGAIN;
    switch (frame->phase) {
    case PHASE_STATES:
        ctl_call_refresh(c, &f->parts);
        return next(frame, PHASE_TRUST);
    case PHASE_TRUST:
        ctl_call_trust_all(c);
        return next(frame, PHASE_SUSPECTS);
    case PHASE_SUSPECTS:
        ctl_call_load_suspects(c);
        return next(frame, PHASE_MACHINES);
    case PHASE_MACHINES:
        start_machines(c, f);
        return next(frame, PHASE_FROM_SUSPECTS);
    case PHASE_FROM_SUSPECTS:
        ctl_call_move_from_suspects(c);
        return next(frame, PHASE_MOVES);
    case PHASE_MOVES:
        ctl_call_resume_moves(c, NULL);
        return next(frame, PHASE_LISTED_MOVES);
    case PHASE_LISTED_MOVES:
        ctl_call_listed_moves(c);
        return next(frame, PHASE_DELETIONS);
    case PHASE_DELETIONS:
        ctl_enqueue_kind(c, CTL_EVENT_DELETIONS);
        ctl_call_resume_deletions(c);
        return next(frame, PHASE_PREFERRED);
    case PHASE_PREFERRED:
        ctl_call_preferred(c);
        return next(frame, PHASE_END);
    case PHASE_END:
        if (c->config.auto_rebalance)
            ctl_arm_rebalance(c, 5000);
        log_info("controller", "ready", "epoch=%d ms=%lld", c->epoch, (long long)(c->now_ms - f->began_ms));
        return CTL_DONE;
    default:
        return load(c, f);
    }
}

void ctl_call_failover(struct controller *c)
{
    ctl_call(c, sizeof(struct failover), run);
}
