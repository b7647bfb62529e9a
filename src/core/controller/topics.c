/*
 * Topics that appear, change or vanish in ZooKeeper, whoever wrote them.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/internal.h"

struct uuid ctl_random_topic_id(struct controller *c)
{
    struct uuid id;
    uint64_t random[2];
    do {
        random[0] = prng_next(&c->prng);
        random[1] = prng_next(&c->prng);
    } while (!uuid_from_random((const uint8_t *)random, &id));
    return id;
}

/* ---- content of a topic's znode */

static void warn_of_edit(const struct ctl_partition *p, const struct znode_assignment *read)
{
    if (!ctl_ids_equal(&p->replicas, &read->replicas))
        log_error("controller", "assignment_edited",
                  "topic=%s partition=%d; the replica list in ZooKeeper differs from the one in force and is "
                  "ignored; use a reassignment",
                  p->topic->name, p->number);
}

void ctl_topic_take_znode(struct controller *c, struct ctl_topic *topic, const struct znode_topic *znode,
                          struct ctl_parts *added)
{
    for (int32_t i = 0; i < znode->partitions_count; i++) {
        const struct znode_assignment *read = &znode->partitions[i];
        struct ctl_partition *p = ctl_partition_find(topic, read->partition);
        if (p) {
            warn_of_edit(p, read);
            continue;
        }
        if (read->partition < 0 || !ctl_ids_are_valid(&read->replicas)) {
            log_error("controller", "assignment_invalid",
                      "topic=%s partition=%d; its replica list is empty, has an id twice or a negative one; "
                      "left out",
                      topic->name, read->partition);
            topic->has_bad_partitions = true;
            continue;
        }
        p = ctl_partition_add(topic, read->partition, &read->replicas);
        ctl_partition_set_assignment(p, read);
        ctl_parts_add(c, added, p);
    }
}

/* ---- ids of topics that have none: made by old tools */

struct topic_ids {
    struct ctl_frame frame;
    struct ctl_topic **topics;
    struct uuid *ids;
    int32_t count;
    int32_t cap;
    struct ctl_writes writes;
    const char **rereads;
    int32_t rereads_count;
};

enum { IDS_WRITE, IDS_WRITTEN, IDS_REREAD };

static void add_id_write(struct controller *c, struct topic_ids *t, struct ctl_topic *topic)
{
    t->topics = ctl_grow(&c->arena, t->topics, t->count, &t->cap, sizeof *t->topics);
    t->topics[t->count++] = topic;
    struct ctl_write *write =
        ctl_writes_add(c, &t->writes, CONTROLLER_OP_SET, ctl_path(c, "/brokers/topics/%s", topic->name));
    write->version = topic->zk_version;
    write->large = true;
    write->value.kind = CONTROLLER_VALUE_TOPIC;
    write->value.topic = ctl_topic_to_znode(topic, &c->arena);
    write->value.topic.topic_id = ctl_random_topic_id(c);
}

static void take_id_writes(struct controller *c, struct topic_ids *t)
{
    for (int32_t i = 0; i < t->count; i++) {
        const struct ctl_write *write = &t->writes.items[i];
        if (write->err == ERR_NONE) {
            ctl_topic_set_id(&c->ctx, t->topics[i], write->value.topic.topic_id);
            t->topics[i]->zk_version = write->new_version;
        } else if (write->err == ERR_BAD_VERSION)
            ctl_get(c, CONTROLLER_VALUE_TOPIC, true, write->path);
    }
}

/* Somebody was quicker: with an id, or with more partitions. */
static void take_id_rereads(struct controller *c, struct topic_ids *t)
{
    int32_t at = 0;
    for (int32_t i = 0; i < t->count; i++) {
        if (t->writes.items[i].err != ERR_BAD_VERSION)
            continue;
        const struct controller_op_result *found = &c->results[at++];
        if (found->err != ERR_NONE)
            continue;
        t->topics[i]->zk_version = found->version;
        ctl_topic_set_id(&c->ctx, t->topics[i], found->value.topic.topic_id);
        ctl_enqueue_name(c, CTL_EVENT_TOPIC, t->topics[i]->name);
    }
    t->count = 0;
    t->writes = (struct ctl_writes){0};
}

static enum ctl_next run_topic_ids(struct controller *c, struct ctl_frame *frame)
{
    struct topic_ids *t = (struct topic_ids *)frame;
    switch (frame->phase) {
    case IDS_WRITE:
        if (!c->config.versions->topic_ids)
            return CTL_DONE;
        CTL_EACH_TOPIC(&c->ctx, topic)
        {
            if (uuid_is_zero(topic->id) && !topic->has_bad_partitions && topic->partitions_count > 0)
                add_id_write(c, t, topic);
        }
        if (t->count == 0)
            return CTL_DONE;
        ctl_call_writes(c, &t->writes);
        frame->phase = IDS_WRITTEN;
        return CTL_AGAIN;
    case IDS_WRITTEN:
        take_id_writes(c, t);
        frame->phase = IDS_REREAD;
        return ctl_submit(c);
    case IDS_REREAD:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        if (c->results_count == 0)
            return CTL_DONE;
        take_id_rereads(c, t);
        frame->phase = IDS_WRITE;
        return CTL_AGAIN;
    default:
        UNREACHABLE();
    }
}

void ctl_call_topic_ids(struct controller *c)
{
    ctl_call(c, sizeof(struct topic_ids), run_topic_ids);
}

/* ---- a topic whose znode is gone, by nobody's deletion */

/* Its logs are left alone: a hand that slipped in zkCli must not cost data. */
static void forget_topic(struct controller *c, struct ctl_topic *topic)
{
    log_error("controller", "topic_vanished",
              "topic=%s partitions=%d; its znode was removed by hand; its logs stay", topic->name,
              topic->partitions_count);
    topic->to_be_deleted = true;
    for (int32_t i = 0; i < topic->partitions_count; i++) {
        struct ctl_partition *p = topic->partitions[i];
        ctl_send_update_metadata(c, p);
        for (int32_t r = 0; r < p->replicas.count; r++)
            ctl_send_stop_replica(c, p, p->replicas.ids[r], ZNODE_LEADER_DURING_DELETE, false);
    }
    ctl_topic_forget(&c->ctx, topic);
}

/* ---- /brokers/topics changed */

struct topics {
    struct ctl_frame frame;
    const char **fresh;
    int32_t fresh_count;
    struct ctl_parts added;
};

enum { TOPICS_LIST, TOPICS_LISTED, TOPICS_READ, TOPICS_NEW, TOPICS_END };

static void compare_topics(struct controller *c, struct topics *t)
{
    const struct controller_op_result *list = &c->results[0];
    t->fresh = arena_alloc(&c->arena, (size_t)list->children_count * sizeof *t->fresh + 1);
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        topic->mark = 0;
    }
    for (int32_t i = 0; i < list->children_count; i++) {
        struct ctl_topic *topic = ctl_topic_find(&c->ctx, list->children[i]);
        if (topic)
            topic->mark = 1;
        else
            t->fresh[t->fresh_count++] = arena_strdup(&c->arena, list->children[i]);
    }
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        if (!topic->mark && !topic->to_be_deleted)
            forget_topic(c, topic);
    }
}

static void take_fresh(struct controller *c, struct topics *t)
{
    for (int32_t i = 0; i < t->fresh_count; i++) {
        const struct controller_op_result *found = &c->results[i];
        if (found->err == ERR_MALFORMED)
            log_error("controller", "topic_unreadable", "topic=%s", t->fresh[i]);
        if (found->err != ERR_NONE)
            continue;
        struct ctl_topic *topic = ctl_topic_add(&c->ctx, t->fresh[i]);
        topic->zk_version = found->version;
        ctl_topic_set_id(&c->ctx, topic, found->value.topic.topic_id);
        ctl_topic_take_znode(c, topic, &found->value.topic, &t->added);
        log_info("controller", "topic_new", "topic=%s partitions=%d", topic->name, topic->partitions_count);
    }
}

static enum ctl_next run_topics(struct controller *c, struct ctl_frame *frame)
{
    struct topics *t = (struct topics *)frame;
    switch (frame->phase++) {
    case TOPICS_LIST:
        ctl_children(c, true, "/brokers/topics");
        return ctl_submit(c);
    case TOPICS_LISTED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        compare_topics(c, t);
        for (int32_t i = 0; i < t->fresh_count; i++)
            ctl_get(c, CONTROLLER_VALUE_TOPIC, true, ctl_path(c, "/brokers/topics/%s", t->fresh[i]));
        return ctl_submit(c);
    case TOPICS_READ:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_fresh(c, t);
        ctl_call_topic_ids(c);
        return CTL_AGAIN;
    case TOPICS_NEW:
        ctl_call_new_partitions(c, &t->added);
        return CTL_AGAIN;
    case TOPICS_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_topics(struct controller *c)
{
    ctl_call(c, sizeof(struct topics), run_topics);
}

/* ---- one topic's znode changed */

struct modified {
    struct ctl_frame frame;
    const char *name;
    struct ctl_parts added;
    struct ctl_writes writes;
};

enum { MODIFIED_READ, MODIFIED_DONE, MODIFIED_NEW, MODIFIED_END };

/* Old tools write the znode without its id; the brokers' logs know it, so it must not be lost. */
static void restore_id(struct controller *c, struct modified *m, struct ctl_topic *topic,
                       const struct znode_topic *read)
{
    log_error("controller", "topic_id_changed", "topic=%s; the znode's topic id was %s; put right",
              topic->name, uuid_is_zero(read->topic_id) ? "removed" : "changed");
    struct ctl_write *write =
        ctl_writes_add(c, &m->writes, CONTROLLER_OP_SET, ctl_path(c, "/brokers/topics/%s", topic->name));
    write->version = topic->zk_version;
    write->large = true;
    write->value.kind = CONTROLLER_VALUE_TOPIC;
    write->value.topic = ctl_topic_to_znode(topic, &c->arena);
}

static void take_modified(struct controller *c, struct modified *m)
{
    const struct controller_op_result *found = &c->results[0];
    struct ctl_topic *topic = ctl_topic_find(&c->ctx, m->name);
    if (!topic || topic->to_be_deleted)
        return;
    if (found->err == ERR_NOT_FOUND) {
        forget_topic(c, topic);
        return;
    }
    if (found->err != ERR_NONE) {
        log_error("controller", "topic_unreadable", "topic=%s", m->name);
        return;
    }
    if (found->version == topic->zk_version)
        return; /* written by ourselves */
    topic->zk_version = found->version;
    ctl_topic_take_znode(c, topic, &found->value.topic, &m->added);
    if (uuid_is_zero(topic->id))
        ctl_topic_set_id(&c->ctx, topic, found->value.topic.topic_id);
    else if (!uuid_equal(topic->id, found->value.topic.topic_id) && !topic->has_bad_partitions)
        restore_id(c, m, topic, &found->value.topic);
}

static enum ctl_next run_modified(struct controller *c, struct ctl_frame *frame)
{
    struct modified *m = (struct modified *)frame;
    switch (frame->phase++) {
    case MODIFIED_READ:
        ctl_get(c, CONTROLLER_VALUE_TOPIC, true, ctl_path(c, "/brokers/topics/%s", m->name));
        return ctl_submit(c);
    case MODIFIED_DONE:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        take_modified(c, m);
        ctl_call_writes(c, &m->writes);
        return CTL_AGAIN;
    case MODIFIED_NEW: {
        struct ctl_topic *topic = ctl_topic_find(&c->ctx, m->name);
        if (m->writes.count && m->writes.items[0].err == ERR_NONE)
            topic->zk_version = m->writes.items[0].new_version;
        else if (m->writes.count)
            ctl_enqueue_name(c, CTL_EVENT_TOPIC, m->name);
        ctl_call_new_partitions(c, &m->added);
        return CTL_AGAIN;
    }
    case MODIFIED_END:
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_topic(struct controller *c, const char *name)
{
    struct modified *m = ctl_call(c, sizeof *m, run_modified);
    m->name = name;
}
