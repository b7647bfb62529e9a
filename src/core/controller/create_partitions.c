/*
 * CreatePartitions: read the topic's znode, add to it, write at the version read; when
 * somebody else was quicker, again from the start. On the controller's queue, so that it
 * cannot cross a reassignment.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/placement.h"

struct more {
    const struct controller_more_partitions *wanted;
    struct ctl_topic *topic;
    struct znode_topic znode; /* as it is to be */
    int32_t write;
    bool settled;
};

struct grow {
    struct ctl_frame frame;
    const struct controller_create_partitions *request;
    struct controller_topic_answer *answers;
    struct more *topics;
    struct ctl_writes writes;
    struct ctl_parts added;
};

enum { GROW_READ, GROW_PLAN, GROW_WRITTEN, GROW_ANSWER };

static void settle(struct controller *c, struct grow *grow, int32_t i, enum err err, const char *text)
{
    grow->topics[i].settled = true;
    grow->answers[i].err = err;
    grow->answers[i].message = text ? arena_strdup(&c->arena, text) : NULL;
}

static void look_up(struct controller *c, struct grow *grow, int32_t i)
{
    struct more *more = &grow->topics[i];
    more->wanted = &grow->request->topics[i];
    more->write = -1;
    const char *name = more->wanted->topic;
    grow->answers[i].name = name;
    more->topic = ctl_topic_find(&c->ctx, name);
    for (int32_t j = 0; j < i; j++) {
        if (strcmp(grow->topics[j].wanted->topic, name) == 0) {
            settle(c, grow, i, ERR_INVALID_REQUEST, "Duplicate topic in request.");
            return;
        }
    }
    if (!more->topic)
        settle(c, grow, i, ERR_UNKNOWN_TOPIC_OR_PARTITION,
               ctl_path(c, "The topic '%s' does not exist.", name));
    else if (more->topic->to_be_deleted)
        settle(c, grow, i, ERR_INVALID_TOPIC_EXCEPTION, "The topic is queued for deletion.");
}

static void ask(struct controller *c, const struct grow *grow)
{
    for (int32_t i = 0; i < grow->request->topics_count; i++) {
        if (!grow->topics[i].settled)
            ctl_get(c, CONTROLLER_VALUE_TOPIC, true,
                    ctl_path(c, "/brokers/topics/%s", grow->topics[i].wanted->topic));
    }
}

static bool is_reassigning(const struct znode_topic *znode)
{
    for (int32_t i = 0; i < znode->partitions_count; i++) {
        if (znode->partitions[i].adding.count || znode->partitions[i].removing.count)
            return true;
    }
    return false;
}

/* The znode read, with the new partitions behind; its id as known here when it lost it. */
static void extend(struct controller *c, struct more *more, const struct znode_topic *read,
                   const struct znode_ids *lists, int32_t count)
{
    int32_t have = read->partitions_count;
    struct znode_topic *znode = &more->znode;
    znode->topic_id = uuid_is_zero(more->topic->id) ? read->topic_id : more->topic->id;
    znode->partitions_count = have + count;
    znode->partitions = arena_zalloc(&c->arena, (size_t)(have + count) * sizeof *znode->partitions);
    for (int32_t i = 0; i < have; i++)
        znode->partitions[i] =
            (struct znode_assignment){.partition = read->partitions[i].partition,
                                      .replicas = ctl_ids_dup(&c->arena, &read->partitions[i].replicas)};
    for (int32_t i = 0; i < count; i++)
        znode->partitions[have + i] = (struct znode_assignment){.partition = have + i, .replicas = lists[i]};
}

static void plan(struct controller *c, struct grow *grow, int32_t i, const struct controller_op_result *found)
{
    struct more *more = &grow->topics[i];
    if (found->err != ERR_NONE) {
        settle(c, grow, i, ERR_UNKNOWN_TOPIC_OR_PARTITION,
               ctl_path(c, "The topic '%s' does not exist.", more->wanted->topic));
        return;
    }
    if (is_reassigning(&found->value.topic)) {
        settle(
            c, grow, i, ERR_REASSIGNMENT_IN_PROGRESS,
            ctl_path(c, "A partition reassignment is in progress for the topic '%s'.", more->wanted->topic));
        return;
    }
    struct errmsg why = {{0}};
    struct znode_ids *lists;
    int32_t count;
    enum err err = placement_of_more(c, more->wanted, &found->value.topic, &lists, &count, &why);
    if (err || grow->request->validate_only) {
        settle(c, grow, i, err, err ? why.text : NULL);
        return;
    }
    extend(c, more, &found->value.topic, lists, count);
    struct ctl_write *write = ctl_writes_add(c, &grow->writes, CONTROLLER_OP_SET,
                                             ctl_path(c, "/brokers/topics/%s", more->wanted->topic));
    write->version = found->version;
    write->large = more->znode.partitions_count > 100;
    write->value.kind = CONTROLLER_VALUE_TOPIC;
    write->value.topic = more->znode;
    more->write = grow->writes.count - 1;
}

static void plan_all(struct controller *c, struct grow *grow)
{
    int32_t at = 0;
    for (int32_t i = 0; i < grow->request->topics_count; i++) {
        if (!grow->topics[i].settled)
            plan(c, grow, i, &c->results[at++]);
    }
}

static bool take_writes(struct controller *c, struct grow *grow)
{
    bool again = false;
    for (int32_t i = 0; i < grow->request->topics_count; i++) {
        struct more *more = &grow->topics[i];
        if (more->settled || more->write < 0)
            continue;
        const struct ctl_write *write = &grow->writes.items[more->write];
        more->write = -1;
        if (write->err == ERR_NONE) {
            more->topic->zk_version = write->new_version;
            ctl_topic_take_znode(c, more->topic, &more->znode, &grow->added);
            settle(c, grow, i, ERR_NONE, NULL);
        } else if (write->err == ERR_BAD_VERSION)
            again = true;
        else
            settle(c, grow, i, ERR_UNKNOWN_TOPIC_OR_PARTITION, NULL);
    }
    grow->writes = (struct ctl_writes){0};
    return again;
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct grow *grow = (struct grow *)frame;
    switch (frame->phase) {
    case GROW_READ:
        ask(c, grow);
        frame->phase = GROW_PLAN;
        return ctl_submit(c);
    case GROW_PLAN:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        plan_all(c, grow);
        ctl_call_writes(c, &grow->writes);
        frame->phase = GROW_WRITTEN;
        return CTL_AGAIN;
    case GROW_WRITTEN:
        if (take_writes(c, grow)) {
            frame->phase = GROW_READ;
            return CTL_AGAIN;
        }
        ctl_call_new_partitions(c, &grow->added);
        frame->phase = GROW_ANSWER;
        return CTL_AGAIN;
    case GROW_ANSWER:
        ctl_answer_topics(c, grow->answers, grow->request->topics_count);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_create_partitions(struct controller *c, const struct controller_create_partitions *request)
{
    struct grow *grow = ctl_call(c, sizeof *grow, run);
    size_t n = (size_t)request->topics_count;
    grow->request = request;
    grow->answers = arena_zalloc(&c->arena, n * sizeof *grow->answers + 1);
    grow->topics = arena_zalloc(&c->arena, n * sizeof *grow->topics + 1);
    for (int32_t i = 0; i < request->topics_count; i++)
        look_up(c, grow, i);
}
