/*
 * `barnabas topics --zookeeper`: the same through ZooKeeper alone, as
 * kafka-topics.sh did before 3.0. The controller, when there is one, does what
 * the znodes say. Every write is conditional on what was read, and what belongs
 * together is written together.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/progress.h"
#include "cli/topics.h"
#include "cli/zk_admin.h"
#include "config/topic_config.h"
#include "core/controller/assign.h"
#include "core/controller/topic_name.h"
#include "disk/posix_random.h"
#include "zk/znode_json.h"

#define WRITE_ATTEMPTS 10

struct session {
    const struct topics_request *request;
    struct zk_admin *admin;
    struct zk_sync *sync;
    struct arena arena;
    const struct view *topics; /* that the request means, by name */
    int topic_count;
};

static int fail_text(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static int fail_text(const char *fmt, ...)
{
    va_list args;
    fputs("Error while executing topic command : ", stdout);
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
    putchar('\n');
    return 1;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static bool find_topics(struct session *session, struct errmsg *why)
{
    const struct view *names;
    int count;
    struct topic_filter filter;
    enum err err =
        zk_sync_children(session->sync, "/brokers/topics", false, &session->arena, &names, &count, why);
    if (err == ERR_NOT_FOUND)
        errmsg_set(why,
                   "There is no /brokers/topics: no broker was ever started here (is the chroot right?)");
    if (err != ERR_NONE ||
        !topic_filter_open(&filter, session->request->topic, session->request->exclude_internal, why))
        return false;
    struct view *found = arena_zalloc(&session->arena, (size_t)count * sizeof *found);
    session->topic_count = 0;
    for (int i = 0; i < count; i++)
        if (topic_filter_matches(&filter, names[i]))
            found[session->topic_count++] = names[i];
    session->topics = found;
    topic_filter_close(&filter);
    return true;
}

static const char *path_of(struct session *session, const char *prefix, struct view topic)
{
    return arena_printf(&session->arena, "%s/%.*s", prefix, VIEW_FMT(topic));
}

static bool is_marked(struct session *session, struct view topic, bool *marked, struct errmsg *why)
{
    return zk_admin_exists(session->admin, path_of(session, "/admin/delete_topics", topic), marked, why) ==
           ERR_NONE;
}

static enum err read_topic(struct session *session, struct view topic, struct znode_topic *out,
                           int32_t *version, struct errmsg *why)
{
    struct view data;
    struct zk_stat stat;
    enum err err = zk_sync_get(session->sync, path_of(session, "/brokers/topics", topic), false,
                               &session->arena, &data, &stat, why);
    if (err != ERR_NONE)
        return err;
    *version = stat.version;
    return znode_decode_topic(data, &session->arena, out, why);
}

/* Brokers that are registered, with their racks as the request wants them. */
static bool read_brokers(struct session *session, struct assign_broker **out, int *count, struct errmsg *why)
{
    struct znode_ids ids;
    if (zk_admin_broker_ids(session->admin, &session->arena, &ids, why) != ERR_NONE)
        return false;
    struct assign_broker *brokers = arena_zalloc(&session->arena, (size_t)ids.count * sizeof *brokers);
    int with_rack = 0;
    *count = 0;
    for (int i = 0; i < ids.count; i++) {
        struct view data;
        struct znode_broker broker;
        const char *path = arena_printf(&session->arena, "/brokers/ids/%" PRId32, ids.ids[i]);
        enum err err = zk_sync_get(session->sync, path, false, &session->arena, &data, NULL, why);
        if (err == ERR_NOT_FOUND)
            continue; /* it went away between the two questions */
        if (err != ERR_NONE || znode_decode_broker(data, &session->arena, &broker, why) != ERR_NONE)
            return false;
        const char *rack = session->request->disable_rack_aware ? NULL : broker.rack;
        brokers[(*count)++] = (struct assign_broker){ids.ids[i], rack};
        with_rack += rack != NULL;
    }
    if (with_rack > 0 && with_rack < *count) {
        errmsg_set(why,
                   "Not all brokers have rack information. Add --disable-rack-aware in command line to make "
                   "replica assignment without rack information.");
        return false;
    }
    *out = brokers;
    return true;
}

static int fail_missing(const struct session *session)
{
    return fail_text("Topic '%s' does not exist as expected", session->request->topic);
}

static bool is_missing(const struct session *session)
{
    return session->topic_count == 0 && session->request->topic != NULL && !session->request->if_exists;
}

/* --- list and describe ------------------------------------------------------------------------------- */

static int list_topics(struct session *session)
{
    struct errmsg why = {0};
    for (int i = 0; i < session->topic_count; i++) {
        bool marked;
        if (!is_marked(session, session->topics[i], &marked, &why))
            return topics_fail_why(&why);
        printf("%.*s%s\n", VIEW_FMT(session->topics[i]), marked ? " - marked for deletion" : "");
    }
    return 0;
}

static bool describe_partition(struct session *session, struct view topic,
                               const struct znode_assignment *from, struct topics_partition *to,
                               struct errmsg *why)
{
    *to = (struct topics_partition){.partition = from->partition,
                                    .leader = ZNODE_NO_LEADER,
                                    .replicas = from->replicas.ids,
                                    .replica_count = from->replicas.count,
                                    .reassigning = from->adding.count + from->removing.count > 0,
                                    .adding = from->adding.ids,
                                    .adding_count = from->adding.count,
                                    .removing = from->removing.ids,
                                    .removing_count = from->removing.count,
                                    .target_count = from->replicas.count - from->adding.count};
    struct view data;
    struct znode_state state;
    const char *path = arena_printf(&session->arena, "/brokers/topics/%.*s/partitions/%" PRId32 "/state",
                                    VIEW_FMT(topic), from->partition);
    enum err err = zk_sync_get(session->sync, path, false, &session->arena, &data, NULL, why);
    if (err == ERR_NOT_FOUND)
        return true;
    if (err != ERR_NONE || znode_decode_state(data, &session->arena, &state, why) != ERR_NONE)
        return false;
    to->leader = state.leader;
    to->isr = state.isr.ids;
    to->isr_count = state.isr.count;
    return true;
}

/* min.insync.replicas of a topic that does not set it: what all brokers were told, if anything. */
static bool default_min_isr(struct session *session, int *out, struct errmsg *why)
{
    struct znode_config config;
    int32_t version;
    *out = 1;
    if (zk_admin_read_config(session->admin, "brokers/<default>", &session->arena, &config, &version, why) !=
        ERR_NONE)
        return false;
    for (int32_t i = 0; i < config.count; i++)
        if (strcmp(config.entries[i].name, "min.insync.replicas") == 0)
            *out = atoi(config.entries[i].value);
    return true;
}

static bool describe_config(struct session *session, struct view topic, struct topics_description *out,
                            struct errmsg *why)
{
    struct znode_config config;
    int32_t version;
    const char *entity = path_of(session, "topics", topic);
    if (zk_admin_read_config(session->admin, entity, &session->arena, &config, &version, why) != ERR_NONE)
        return false;
    struct topics_config *overrides = arena_zalloc(&session->arena, (size_t)config.count * sizeof *overrides);
    for (int32_t i = 0; i < config.count; i++) {
        overrides[i].name = view_str(config.entries[i].name);
        overrides[i].value = view_str(config.entries[i].value);
        if (strcmp(config.entries[i].name, "min.insync.replicas") == 0)
            out->min_isr = atoi(config.entries[i].value);
    }
    out->overrides = overrides;
    out->override_count = config.count;
    return true;
}

static bool describe_topic(struct session *session, struct view topic, const struct znode_ids *live,
                           int min_isr, struct errmsg *why)
{
    struct topics_description description = {.name = topic, .min_isr = min_isr};
    struct znode_topic znode;
    int32_t version;
    enum err err = read_topic(session, topic, &znode, &version, why);
    if (err == ERR_NOT_FOUND)
        return true; /* deleted meanwhile */
    if (err != ERR_NONE)
        return false;
    description.topic_id = znode.topic_id;
    description.partition_count = znode.partitions_count;
    description.partitions =
        arena_zalloc(&session->arena, (size_t)znode.partitions_count * sizeof *description.partitions);
    for (int32_t i = 0; i < znode.partitions_count; i++)
        if (!describe_partition(session, topic, &znode.partitions[i], &description.partitions[i], why))
            return false;
    if (!describe_config(session, topic, &description, why) ||
        !is_marked(session, topic, &description.marked_for_deletion, why))
        return false;
    topics_print(session->request, &description, live->ids, live->count);
    return true;
}

static int describe_topics(struct session *session)
{
    struct errmsg why = {0};
    struct znode_ids live;
    int min_isr;
    if (is_missing(session))
        return fail_missing(session);
    if (zk_admin_broker_ids(session->admin, &session->arena, &live, &why) != ERR_NONE ||
        !default_min_isr(session, &min_isr, &why))
        return topics_fail_why(&why);
    for (int i = 0; i < session->topic_count; i++)
        if (!describe_topic(session, session->topics[i], &live, min_isr, &why))
            return topics_fail_why(&why);
    return 0;
}

/* --- create ----------------------------------------------------------------------------------------- */

static bool check_configs(const struct topics_request *request, struct arena *arena, struct errmsg *why)
{
    for (int i = 0; i < request->config_count; i++)
        if (topic_config_validate_one(arena_cstr(arena, request->configs[i].name),
                                      arena_cstr(arena, request->configs[i].value), why) != ERR_NONE)
            return false;
    return true;
}

/* Names that differ in '.' and '_' only would share their metrics. */
static bool check_name(struct session *session, struct errmsg *why)
{
    const char *topic = session->request->topic;
    const struct view *names;
    int count;
    if (!topic_name_is_valid(topic, why))
        return false;
    if (zk_sync_children(session->sync, "/brokers/topics", false, &session->arena, &names, &count, why) !=
        ERR_NONE)
        return false;
    for (int i = 0; i < count; i++) {
        const char *other = arena_cstr(&session->arena, names[i]);
        if (strcmp(topic, other) != 0 && topic_names_collide(topic, other)) {
            errmsg_set(why, "Topic '%.100s' collides with existing topics: %.100s", topic, other);
            return false;
        }
    }
    return true;
}

/* Lists of all partitions that `count` more ones are added to. */
static bool place(struct session *session, const struct znode_topic *now, int32_t count, int32_t factor,
                  struct znode_ids **out, struct errmsg *why)
{
    struct assign_broker *brokers;
    int broker_count;
    if (!read_brokers(session, &brokers, &broker_count, why))
        return false;
    struct assign_request request = {.brokers = brokers,
                                     .brokers_count = broker_count,
                                     .partitions_count = count,
                                     .replication_factor = factor,
                                     .first_partition = now->partitions_count};
    if (now->partitions_count > 0) {
        /* Later partitions go on where the first one began. */
        int32_t first = now->partitions[0].replicas.count > 0 ? now->partitions[0].replicas.ids[0] : 0;
        while (request.start < broker_count && brokers[request.start].id < first)
            request.start++;
        if (request.start == broker_count)
            request.start = 0;
        request.shift = request.start;
    } else if (broker_count > 0) {
        struct random random = random_posix();
        request.start = (int32_t)(random_u64(&random) % (uint64_t)broker_count);
        request.shift = (int32_t)(random_u64(&random) % (uint64_t)broker_count);
    }
    return assign_replicas(&request, &session->arena, out, why) == ERR_NONE;
}

static void manual_lists(const struct topics_assignment *from, int first, struct arena *arena,
                         struct znode_ids **out)
{
    int count = from->partitions - first;
    *out = arena_zalloc(arena, (size_t)(count > 0 ? count : 0) * sizeof **out);
    for (int i = 0; i < count; i++)
        (*out)[i] =
            (struct znode_ids){from->brokers + (size_t)(first + i) * (size_t)from->replicas, from->replicas};
}

static bool plan_topic(struct session *session, struct znode_topic *out, struct errmsg *why)
{
    const struct topics_request *request = session->request;
    struct znode_ids *lists;
    int32_t count = request->assignment.partitions;
    *out = (struct znode_topic){0};
    if (count > 0)
        manual_lists(&request->assignment, 0, &session->arena, &lists);
    else if (!place(session, out, count = request->partitions, request->replication_factor, &lists, why))
        return false;
    struct random random = random_posix();
    uint8_t bytes[16];
    do
        random_fill(&random, bytes, sizeof bytes);
    while (!uuid_from_random(bytes, &out->topic_id));
    out->partitions_count = count;
    out->partitions = arena_zalloc(&session->arena, (size_t)count * sizeof *out->partitions);
    for (int32_t i = 0; i < count; i++) {
        out->partitions[i].partition = i;
        out->partitions[i].replicas = lists[i];
    }
    return true;
}

static struct znode_config new_config(const struct topics_request *request, struct arena *arena)
{
    struct znode_config config = {arena_zalloc(arena, (size_t)request->config_count * sizeof *config.entries),
                                  request->config_count};
    for (int i = 0; i < request->config_count; i++) {
        config.entries[i].name = arena_cstr(arena, request->configs[i].name);
        config.entries[i].value = arena_cstr(arena, request->configs[i].value);
    }
    return config;
}

/* The topic and its settings in one step: the controller never sees one without the other. */
static enum err write_topic(struct session *session, const struct znode_topic *topic, struct errmsg *why)
{
    const char *name = session->request->topic;
    struct view topic_view = view_str(name);
    struct znode_config config = new_config(session->request, &session->arena), left_over;
    int32_t version;
    enum err err = zk_admin_read_config(session->admin, path_of(session, "topics", topic_view),
                                        &session->arena, &left_over, &version, why);
    if (err != ERR_NONE)
        return err;
    struct buf config_json = {0}, topic_json = {0};
    znode_encode_config(&config, &config_json);
    znode_encode_topic(topic, &topic_json);
    struct zk_op ops[] = {
        {.kind = version == ZK_ADMIN_ABSENT ? ZK_OP_CREATE : ZK_OP_SET,
         .path = path_of(session, "/config/topics", topic_view),
         .data = buf_view(&config_json),
         .version = version},
        {.kind = ZK_OP_CREATE,
         .path = path_of(session, "/brokers/topics", topic_view),
         .data = buf_view(&topic_json)},
    };
    struct zk_op multi = {.kind = ZK_OP_MULTI, .ops = ops, .ops_count = ARRAY_LEN(ops)};
    struct zk_result result;
    err = zk_sync_call(session->sync, &multi, &session->arena, &result, why);
    buf_close(&config_json);
    buf_close(&topic_json);
    return err;
}

static int create_topic(struct session *session)
{
    const struct topics_request *request = session->request;
    struct view name = view_str(request->topic);
    struct errmsg why = {0};
    struct znode_topic topic;
    bool marked, exists;
    if (request->assignment.partitions == 0 && !(request->has_partitions && request->has_replication_factor))
        return fail_text("Missing required argument \"[%s]\"",
                         request->has_partitions ? "replication-factor" : "partitions");
    if (topic_name_may_collide(request->topic))
        puts("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
             "could collide. To avoid issues it is best to use either, but not both.");
    if (!check_name(session, &why) || !check_configs(request, &session->arena, &why) ||
        !is_marked(session, name, &marked, &why) ||
        zk_admin_exists(session->admin, path_of(session, "/brokers/topics", name), &exists, &why) != ERR_NONE)
        return topics_fail_why(&why);
    if (marked)
        return fail_text("Topic '%s' is marked for deletion.", request->topic);
    if (exists && request->if_not_exists)
        return 0;
    if (exists)
        return fail_text("Topic '%s' already exists.", request->topic);
    if (!plan_topic(session, &topic, &why))
        return topics_fail_why(&why);
    enum err err = write_topic(session, &topic, &why);
    if (err == ERR_EXISTS)
        return request->if_not_exists ? 0 : fail_text("Topic '%s' already exists.", request->topic);
    if (err != ERR_NONE)
        return topics_fail_why(&why);
    printf("Created topic %s.\n", request->topic);
    return 0;
}

/* --- alter ------------------------------------------------------------------------------------------ */

static int alter_config(struct session *session, struct view topic)
{
    const struct topics_request *request = session->request;
    struct znode_config set = new_config(request, &session->arena);
    const char **remove =
        arena_zalloc(&session->arena, (size_t)request->deleted_config_count * sizeof *remove);
    for (int i = 0; i < request->deleted_config_count; i++)
        remove[i] = arena_cstr(&session->arena, request->deleted_configs[i]);
    struct zk_admin_edits edits = {set.entries, set.count, remove, request->deleted_config_count};
    const char *entity = path_of(session, "topics", topic);
    struct errmsg why = {0};
    enum err err = ERR_NONE;
    for (int i = 0; i < WRITE_ATTEMPTS; i++) {
        struct znode_config now, next;
        int32_t version;
        err = zk_admin_read_config(session->admin, entity, &session->arena, &now, &version, &why);
        if (err != ERR_NONE)
            break;
        zk_admin_edit_config(&now, &edits, &session->arena, &next);
        err = zk_admin_write_config(session->admin, entity, &next, version, &why);
        if (err != ERR_BAD_VERSION && err != ERR_EXISTS)
            break;
    }
    if (err != ERR_NONE)
        return topics_fail_why(&why);
    printf("Updated config for topic %.*s.\n", VIEW_FMT(topic));
    return 0;
}

/* The znode's present content with the new partitions behind it; all that was there stays as it was. */
static bool plan_more(struct session *session, struct view topic, const struct znode_topic *now,
                      struct znode_topic *out, struct errmsg *why)
{
    const struct topics_request *request = session->request;
    int32_t present = now->partitions_count;
    int32_t more = request->partitions - present;
    struct znode_ids *lists;
    if (more <= 0) {
        errmsg_set(why,
                   "The number of partitions for a topic can only be increased. Topic %.80s currently has "
                   "%" PRId32 " partitions, %" PRId32 " would not be an increase.",
                   arena_cstr(&session->arena, topic), present, request->partitions);
        return false;
    }
    for (int32_t i = 0; i < present; i++) {
        if (now->partitions[i].adding.count + now->partitions[i].removing.count > 0) {
            errmsg_set(why, "A partition reassignment is in progress for the topic '%.100s'.",
                       arena_cstr(&session->arena, topic));
            return false;
        }
    }
    int32_t factor = present > 0 ? now->partitions[0].replicas.count : 0;
    if (request->assignment.partitions > 0) {
        if (request->assignment.partitions != request->partitions || request->assignment.replicas != factor) {
            errmsg_set(why,
                       "The assignment must name all %" PRId32 " partitions with %" PRId32
                       " replicas each; those that are there already are passed over",
                       request->partitions, factor);
            return false;
        }
        manual_lists(&request->assignment, present, &session->arena, &lists);
    } else if (!place(session, now, more, factor, &lists, why)) {
        return false;
    }
    *out = *now;
    out->partitions_count = request->partitions;
    out->partitions = arena_zalloc(&session->arena, (size_t)request->partitions * sizeof *out->partitions);
    for (int32_t i = 0; i < present; i++)
        out->partitions[i] = now->partitions[i];
    for (int32_t i = 0; i < more; i++) {
        out->partitions[present + i].partition = present + i;
        out->partitions[present + i].replicas = lists[i];
    }
    return true;
}

static enum err try_add_partitions(struct session *session, struct view topic, struct errmsg *why)
{
    struct znode_topic now, next;
    int32_t version;
    enum err err = read_topic(session, topic, &now, &version, why);
    if (err != ERR_NONE)
        return err;
    if (!plan_more(session, topic, &now, &next, why))
        return ERR_INVALID_PARTITIONS;
    struct buf json = {0};
    znode_encode_topic(&next, &json);
    struct zk_op op = {.kind = ZK_OP_SET,
                       .path = path_of(session, "/brokers/topics", topic),
                       .data = buf_view(&json),
                       .version = version};
    struct zk_result result;
    err = zk_sync_call(session->sync, &op, NULL, &result, why);
    buf_close(&json);
    return err;
}

static int add_partitions(struct session *session, struct view topic)
{
    struct errmsg why = {0};
    bool marked;
    puts(
        "WARNING: If partitions are increased for a topic that has a key, the partition logic or ordering of "
        "the messages will be affected");
    if (view_equal_str(topic, "__consumer_offsets"))
        return fail_text("The number of partitions for the offsets topic cannot be changed.");
    if (!is_marked(session, topic, &marked, &why))
        return topics_fail_why(&why);
    if (marked)
        return fail_text("Topic '%.*s' is marked for deletion.", VIEW_FMT(topic));
    enum err err = ERR_NONE;
    for (int i = 0; i < WRITE_ATTEMPTS; i++) {
        err = try_add_partitions(session, topic, &why);
        if (err != ERR_BAD_VERSION)
            break;
    }
    if (err != ERR_NONE)
        return topics_fail_why(&why);
    puts("Adding partitions succeeded!");
    return 0;
}

static int alter_topics(struct session *session)
{
    const struct topics_request *request = session->request;
    struct errmsg why = {0};
    bool configs = request->config_count + request->deleted_config_count > 0;
    if (is_missing(session))
        return fail_missing(session);
    if (!configs && !request->has_partitions)
        return fail_text("Nothing to alter: give --partitions, --config or --delete-config");
    if (!check_configs(request, &session->arena, &why))
        return topics_fail_why(&why);
    if (configs)
        puts("WARNING: Altering topic configuration from this script has been deprecated and may be removed "
             "in "
             "future releases.\n"
             "         Going forward, please use kafka-configs.sh for this functionality");
    int status = 0;
    for (int i = 0; i < session->topic_count && status == 0; i++) {
        if (configs)
            status = alter_config(session, session->topics[i]);
        if (status == 0 && request->has_partitions)
            status = add_partitions(session, session->topics[i]);
    }
    return status;
}

/* --- delete ----------------------------------------------------------------------------------------- */

static int delete_topics(struct session *session)
{
    if (is_missing(session))
        return fail_missing(session);
    for (int i = 0; i < session->topic_count; i++) {
        struct view topic = session->topics[i];
        struct errmsg why = {0};
        if (topic_is_internal(topic))
            return fail_text(
                "Topic %.*s is a kafka internal topic and is not allowed to be marked for deletion.",
                VIEW_FMT(topic));
        enum err err = zk_sync_create_path(session->sync, path_of(session, "/admin/delete_topics", topic),
                                           VIEW_NULL, &why);
        if (err == ERR_EXISTS) {
            printf("Topic %.*s is already marked for deletion.\n", VIEW_FMT(topic));
            continue;
        }
        if (err != ERR_NONE)
            return topics_fail_why(&why);
        printf("Topic %.*s is marked for deletion.\n"
               "Note: This will have no impact if delete.topic.enable is not set to true.\n",
               VIEW_FMT(topic));
    }
    return 0;
}

/* --- all of it -------------------------------------------------------------------------------------- */

static int run(struct session *session)
{
    struct errmsg why = {0};
    if (session->request->action == TOPICS_CREATE)
        return create_topic(session);
    if (!find_topics(session, &why))
        return topics_fail_why(&why);
    switch (session->request->action) {
    case TOPICS_CREATE:
        break;
    case TOPICS_LIST:
        return list_topics(session);
    case TOPICS_ALTER:
        return alter_topics(session);
    case TOPICS_DESCRIBE:
        return describe_topics(session);
    case TOPICS_DELETE:
        return delete_topics(session);
    }
    return 1;
}

int topics_over_zookeeper(const struct topics_request *request, const char *connect)
{
    struct session session = {.request = request};
    struct errmsg why = {0};
    struct progress progress;
    progress_start(&progress, "Waiting for ZooKeeper", NULL, 0);
    session.admin = zk_admin_open(connect, &why);
    int status = 1;
    if (session.admin != NULL) {
        session.sync = zk_admin_sync(session.admin);
        status = run(&session);
    } else {
        topics_fail_why(&why);
    }
    progress_stop(&progress);
    zk_admin_close(session.admin);
    arena_close(&session.arena);
    return status;
}
