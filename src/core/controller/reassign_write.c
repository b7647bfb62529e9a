/*
 * Assignments into the znodes of topics: read, change the partitions that move, write at the
 * version read; when somebody else was quicker, again. What the znode holds beside them stays
 * as it is, also what this controller does not know yet or cannot use.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/reassignment.h"

struct rewritten {
    struct ctl_topic *topic;
    int32_t version; /* as read */
    int32_t write;   /* place; -1 = none */
    bool settled;
};

struct rewrite {
    struct ctl_frame frame;
    struct ctl_moves *moves;
    struct rewritten *topics;
    int32_t topics_count;
    struct ctl_writes writes;
};

enum { REWRITE_READ, REWRITE_PLAN, REWRITE_WRITTEN };

static void collect_topics(struct rewrite *w)
{
    for (int32_t i = 0; i < w->moves->count; i++)
        w->moves->items[i].p->topic->mark = 0;
    for (int32_t i = 0; i < w->moves->count; i++) {
        struct ctl_topic *topic = w->moves->items[i].p->topic;
        if (topic->mark)
            continue;
        topic->mark = 1;
        w->topics[w->topics_count++] = (struct rewritten){.topic = topic, .write = -1};
    }
}

static const char *path_of(struct controller *c, const struct rewritten *t)
{
    return ctl_path(c, "/brokers/topics/%s", t->topic->name);
}

static void ask(struct controller *c, const struct rewrite *w)
{
    for (int32_t i = 0; i < w->topics_count; i++) {
        if (!w->topics[i].settled)
            ctl_get(c, CONTROLLER_VALUE_TOPIC, true, path_of(c, &w->topics[i]));
    }
}

static void fail_topic(struct rewrite *w, struct rewritten *t, enum err err)
{
    log_error("controller", "assignment_not_written", "topic=%s error=%s", t->topic->name, err_name(err));
    t->settled = true;
    for (int32_t i = 0; i < w->moves->count; i++) {
        if (w->moves->items[i].p->topic == t->topic)
            w->moves->items[i].err = err;
    }
}

/* Each partition's mark is the place of its move + 1. */
static void mark_moves(const struct rewrite *w, const struct ctl_topic *topic)
{
    for (int32_t i = 0; i < topic->partitions_count; i++)
        topic->partitions[i]->mark = 0;
    for (int32_t i = 0; i < w->moves->count; i++) {
        if (w->moves->items[i].p->topic == topic)
            w->moves->items[i].p->mark = i + 1;
    }
}

static struct znode_assignment assignment_of(struct controller *c, const struct rewrite *w,
                                             const struct ctl_topic *topic,
                                             const struct znode_assignment *read)
{
    const struct ctl_partition *p = ctl_partition_find(topic, read->partition);
    const struct znode_assignment *from = p && p->mark ? &w->moves->items[p->mark - 1].to : read;
    return (struct znode_assignment){.partition = read->partition,
                                     .replicas = ctl_ids_dup(&c->arena, &from->replicas),
                                     .adding = ctl_ids_dup(&c->arena, &from->adding),
                                     .removing = ctl_ids_dup(&c->arena, &from->removing)};
}

static void plan(struct controller *c, struct rewrite *w, struct rewritten *t,
                 const struct controller_op_result *found)
{
    if (found->err != ERR_NONE || found->value.kind != CONTROLLER_VALUE_TOPIC) {
        fail_topic(w, t, ERR_UNKNOWN_TOPIC_OR_PARTITION);
        return;
    }
    const struct znode_topic *read = &found->value.topic;
    mark_moves(w, t->topic);
    struct ctl_write *write = ctl_writes_add(c, &w->writes, CONTROLLER_OP_SET, path_of(c, t));
    write->version = t->version = found->version;
    write->large = read->partitions_count > 100;
    write->value.kind = CONTROLLER_VALUE_TOPIC;
    write->value.topic.topic_id = uuid_is_zero(t->topic->id) ? read->topic_id : t->topic->id;
    write->value.topic.partitions_count = read->partitions_count;
    write->value.topic.partitions =
        arena_alloc(&c->arena, (size_t)read->partitions_count * sizeof *read->partitions + 1);
    for (int32_t i = 0; i < read->partitions_count; i++)
        write->value.topic.partitions[i] = assignment_of(c, w, t->topic, &read->partitions[i]);
    t->write = w->writes.count - 1;
}

static void plan_all(struct controller *c, struct rewrite *w)
{
    int32_t at = 0;
    for (int32_t i = 0; i < w->topics_count; i++) {
        if (!w->topics[i].settled)
            plan(c, w, &w->topics[i], &c->results[at++]);
    }
}

static bool take_writes(struct rewrite *w)
{
    bool again = false;
    for (int32_t i = 0; i < w->topics_count; i++) {
        struct rewritten *t = &w->topics[i];
        if (t->settled || t->write < 0)
            continue;
        const struct ctl_write *write = &w->writes.items[t->write];
        t->write = -1;
        if (write->err == ERR_NONE) {
            t->settled = true;
            /* Else it holds something that this controller has not seen: the watch brings it here. */
            if (t->topic->zk_version == t->version)
                t->topic->zk_version = write->new_version;
        } else if (write->err == ERR_BAD_VERSION)
            again = true;
        else
            fail_topic(w, t, ERR_UNKNOWN_TOPIC_OR_PARTITION);
    }
    w->writes = (struct ctl_writes){0};
    return again;
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct rewrite *w = (struct rewrite *)frame;
    switch (frame->phase) {
    case REWRITE_READ:
        ask(c, w);
        frame->phase = REWRITE_PLAN;
        return ctl_submit(c);
    case REWRITE_PLAN:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        plan_all(c, w);
        ctl_call_writes(c, &w->writes);
        frame->phase = REWRITE_WRITTEN;
        return CTL_AGAIN;
    case REWRITE_WRITTEN:
        if (!take_writes(w))
            return CTL_DONE;
        frame->phase = REWRITE_READ;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

void ctl_call_write_assignments(struct controller *c, struct ctl_moves *moves)
{
    if (moves->count == 0)
        return;
    struct rewrite *w = ctl_call(c, sizeof *w, run);
    w->moves = moves;
    w->topics = arena_zalloc(&c->arena, (size_t)moves->count * sizeof *w->topics);
    collect_topics(w);
}
