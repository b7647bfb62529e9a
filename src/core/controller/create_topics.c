/*
 * CreateTopics.
 *
 *   check -> one multi per topic: its config and its assignment -> the topic is taken up here
 *   and now, as if the watch had said so -> state znodes, LeaderAndIsr -> answer
 *
 * The answer comes when the partitions have leaders in ZooKeeper; brokers may learn of them
 * a moment later.
 */
#include "base/assert.h"
#include "base/log.h"
#include "core/controller/placement.h"
#include "core/controller/topic_name.h"

struct new_topic {
    const struct controller_new_topic *wanted;
    struct znode_ids *lists; /* the replicas of each partition */
    int32_t lists_count;
    struct znode_topic znode;
    int32_t write; /* place of the topic's write, after its config's; -1 = none */
    bool config_exists;
};

struct create {
    struct ctl_frame frame;
    const struct controller_create_topics *request;
    struct controller_topic_answer *answers;
    struct new_topic *topics;
    struct ctl_writes writes;
    struct ctl_parts added;
};

enum { CREATE_WRITE, CREATE_WRITTEN, CREATE_WATCH, CREATE_WATCHED, CREATE_ANSWER };

static void refuse(struct controller *c, struct controller_topic_answer *answer, enum err err,
                   const char *text)
{
    answer->err = err;
    answer->message = arena_strdup(&c->arena, text);
}

/* Known to this controller, and not on its way out. */
static bool is_there(struct controller *c, const char *name, struct controller_topic_answer *answer)
{
    const struct ctl_topic *existing = ctl_topic_find(&c->ctx, name);
    if (!existing || existing->to_be_deleted)
        return false;
    refuse(c, answer, ERR_TOPIC_ALREADY_EXISTS, ctl_path(c, "Topic '%s' already exists.", name));
    return true;
}

static bool check_name(struct controller *c, const char *name, struct controller_topic_answer *answer)
{
    struct errmsg why = {{0}};
    if (!topic_name_is_valid(name, &why)) {
        refuse(c, answer, ERR_INVALID_TOPIC_EXCEPTION, why.text);
        return false;
    }
    if (ctl_topic_find(&c->ctx, name)) {
        refuse(c, answer, ERR_TOPIC_ALREADY_EXISTS, ctl_path(c, "Topic '%s' is marked for deletion.", name));
        return false;
    }
    if (!topic_name_may_collide(name))
        return true;
    CTL_EACH_TOPIC(&c->ctx, topic)
    {
        if (topic_names_collide(name, topic->name)) {
            errmsg_set(&why, "Topic '%s' collides with existing topics: %s", name, topic->name);
            refuse(c, answer, ERR_INVALID_TOPIC_EXCEPTION, why.text);
            return false;
        }
    }
    return true;
}

static bool place(struct controller *c, struct new_topic *topic, struct controller_topic_answer *answer)
{
    struct errmsg why = {{0}};
    enum err err = placement_of_topic(c, topic->wanted, &topic->lists, &topic->lists_count, &why);
    if (err)
        refuse(c, answer, err, why.text);
    return !err;
}

/* In Kafka's order: counts before the name, the name before chosen replicas, the config last. */
static bool check(struct controller *c, struct new_topic *topic, struct controller_topic_answer *answer)
{
    const struct controller_new_topic *wanted = topic->wanted;
    if (is_there(c, wanted->name, answer) || (!wanted->placements && !place(c, topic, answer)) ||
        !check_name(c, wanted->name, answer) || (wanted->placements && !place(c, topic, answer)))
        return false;
    if (wanted->config_err)
        refuse(c, answer, wanted->config_err, wanted->config_message);
    return !wanted->config_err;
}

static bool plan(struct controller *c, struct new_topic *topic, struct controller_topic_answer *answer)
{
    answer->name = topic->wanted->name;
    if (!check(c, topic, answer))
        return false;
    struct znode_topic *znode = &topic->znode;
    int32_t count = topic->lists_count;
    if (c->config.versions->topic_ids)
        znode->topic_id = ctl_random_topic_id(c);
    znode->partitions_count = count;
    znode->partitions = arena_zalloc(&c->arena, (size_t)count * sizeof *znode->partitions);
    for (int32_t i = 0; i < count; i++)
        znode->partitions[i] = (struct znode_assignment){.partition = i, .replicas = topic->lists[i]};
    answer->partitions_count = count;
    answer->replication_factor = topic->lists[0].count;
    return true;
}

/* Both or neither: a config without its topic would be inherited by the next one of that name. */
static void add_topic_writes(struct controller *c, struct create *create, struct new_topic *topic)
{
    struct ctl_write *config =
        ctl_writes_add(c, &create->writes, topic->config_exists ? CONTROLLER_OP_SET : CONTROLLER_OP_CREATE,
                       ctl_path(c, "/config/topics/%s", topic->wanted->name));
    config->value.kind = CONTROLLER_VALUE_CONFIG;
    config->value.config = topic->wanted->config;
    config->large = topic->znode.partitions_count > 100;
    struct ctl_write *write = ctl_writes_add(c, &create->writes, CONTROLLER_OP_CREATE,
                                             ctl_path(c, "/brokers/topics/%s", topic->wanted->name));
    write->value.kind = CONTROLLER_VALUE_TOPIC;
    write->value.topic = topic->znode;
    write->joined = true;
    topic->write = create->writes.count - 1;
}

static void plan_all(struct controller *c, struct create *create)
{
    for (int32_t i = 0; i < create->request->topics_count; i++) {
        struct new_topic *topic = &create->topics[i];
        topic->wanted = &create->request->topics[i];
        topic->write = -1;
        if (plan(c, topic, &create->answers[i]) && !create->request->validate_only)
            add_topic_writes(c, create, topic);
    }
}

/* True when some are to be written again: an orphan config was in the way. */
static bool take_writes(struct controller *c, struct create *create)
{
    struct ctl_writes done = create->writes;
    create->writes = (struct ctl_writes){0};
    for (int32_t i = 0; i < create->request->topics_count; i++) {
        struct new_topic *topic = &create->topics[i];
        struct controller_topic_answer *answer = &create->answers[i];
        if (topic->write < 0)
            continue;
        const struct ctl_write *config = &done.items[topic->write - 1];
        const struct ctl_write *write = &done.items[topic->write];
        if (write->err == ERR_NONE) {
            answer->id = topic->znode.topic_id;
            continue;
        }
        topic->write = -1;
        if (config->err == ERR_EXISTS && !topic->config_exists) {
            topic->config_exists = true;
            add_topic_writes(c, create, topic);
        } else if (write->err == ERR_EXISTS) {
            refuse(c, answer, ERR_TOPIC_ALREADY_EXISTS,
                   ctl_path(c, "Topic '%s' already exists.", topic->wanted->name));
        } else {
            log_error("controller", "topic_not_created", "topic=%s config=%s topic_znode=%s",
                      topic->wanted->name, err_name(config->err), err_name(write->err));
            refuse(c, answer, ERR_UNKNOWN_SERVER_ERROR, "ZooKeeper refused to create the topic");
        }
    }
    return create->writes.count > 0;
}

static bool is_created(const struct create *create, int32_t i)
{
    return create->answers[i].err == ERR_NONE && !uuid_is_zero(create->answers[i].id);
}

static void take_up(struct controller *c, struct create *create)
{
    for (int32_t i = 0; i < create->request->topics_count; i++) {
        if (!is_created(create, i))
            continue;
        const char *name = create->topics[i].wanted->name;
        struct ctl_topic *topic = ctl_topic_add(&c->ctx, name);
        ctl_topic_set_id(&c->ctx, topic, create->topics[i].znode.topic_id);
        ctl_topic_take_znode(c, topic, &create->topics[i].znode, &create->added);
        log_info("controller", "topic_created", "topic=%s partitions=%d replicas=%d", name,
                 create->answers[i].partitions_count, create->answers[i].replication_factor);
        ctl_watch(c, ctl_path(c, "/brokers/topics/%s", name));
    }
}

/* Between the creation and the watch somebody may have changed it. */
static void check_versions(struct controller *c, const struct create *create)
{
    int32_t at = 0;
    for (int32_t i = 0; i < create->request->topics_count; i++) {
        if (!is_created(create, i))
            continue;
        const struct controller_op_result *found = &c->results[at++];
        if (found->err == ERR_NOT_FOUND || found->version != 0)
            ctl_enqueue_name(c, CTL_EVENT_TOPIC, create->topics[i].wanted->name);
    }
}

static enum ctl_next run(struct controller *c, struct ctl_frame *frame)
{
    struct create *create = (struct create *)frame;
    switch (frame->phase) {
    case CREATE_WRITE:
        plan_all(c, create);
        ctl_call_writes(c, &create->writes);
        frame->phase = CREATE_WRITTEN;
        return CTL_AGAIN;
    case CREATE_WRITTEN:
        if (take_writes(c, create))
            ctl_call_writes(c, &create->writes);
        else
            frame->phase = CREATE_WATCH;
        return CTL_AGAIN;
    case CREATE_WATCH:
        take_up(c, create);
        frame->phase = CREATE_WATCHED;
        return ctl_submit(c);
    case CREATE_WATCHED:
        if (!ctl_reads_ok(c))
            return CTL_AGAIN;
        check_versions(c, create);
        ctl_call_new_partitions(c, &create->added);
        frame->phase = CREATE_ANSWER;
        return CTL_AGAIN;
    case CREATE_ANSWER:
        ctl_answer_topics(c, create->answers, create->request->topics_count);
        return CTL_DONE;
    default:
        UNREACHABLE();
    }
}

void ctl_start_create_topics(struct controller *c, const struct controller_create_topics *request)
{
    struct create *create = ctl_call(c, sizeof *create, run);
    size_t n = (size_t)request->topics_count;
    create->request = request;
    create->answers = arena_zalloc(&c->arena, n * sizeof *create->answers + 1);
    create->topics = arena_zalloc(&c->arena, n * sizeof *create->topics + 1);
}
