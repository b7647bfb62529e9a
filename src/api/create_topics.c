/*
 * CreateTopics (19).
 */
#include "api/request_text.h"
#include "api/topic_admin.h"

#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "config/describe.h"
#include "config/topic_config.h"

typedef struct wire_create_topics_request_creatable_topic asked_topic;

/* --- checks that need no controller ------------------------------------------------------------------------
 */

static struct config_pairs pairs_of(const struct api_call *call, const asked_topic *asked)
{
    int32_t count = asked->configs_count > 0 ? asked->configs_count : 0;
    struct config_pair *pairs = arena_alloc(&call->req->arena, sizeof *pairs * (size_t)(count + 1));
    for (int32_t i = 0; i < count; i++)
        pairs[i] = (struct config_pair){arena_cstr(&call->req->arena, asked->configs[i].name),
                                        arena_cstr(&call->req->arena, asked->configs[i].value)};
    return (struct config_pairs){pairs, (size_t)count};
}

/* What Kafka says of null values; NULL when there are none. */
static const char *null_values(const struct api_call *call, const asked_topic *asked)
{
    struct buf names = {0};
    for (int32_t i = 0; i < asked->configs_count; i++)
        if (view_is_null(asked->configs[i].value))
            buf_printf(&names, "%s%.*s", names.len > 0 ? "," : "", VIEW_FMT(asked->configs[i].name));
    const char *out = names.len == 0
                          ? NULL
                          : arena_printf(&call->req->arena, "Null value not supported for topic configs: %s",
                                         buf_cstr(&names));
    buf_close(&names);
    return out;
}

static void refuse(struct admin_topic *topic, enum err err, const char *message)
{
    topic->err = err;
    topic->message = message;
}

static bool has_unstorable_config(const asked_topic *asked)
{
    for (int32_t i = 0; i < asked->configs_count; i++)
        if (!request_text_is_storable(asked->configs[i].name) ||
            !request_text_is_storable(asked->configs[i].value))
            return true;
    return false;
}

/* In Kafka's order; the controller goes on from here. */
static void check(const struct api_call *call, const asked_topic *asked, struct admin_topic *topic)
{
    bool placed = asked->assignments_count > 0;
    const char *nulls;
    if (view_equal_str(asked->name, "__cluster_metadata"))
        refuse(topic, ERR_INVALID_REQUEST, "Creation of internal topic __cluster_metadata is prohibited.");
    else if (metadata_topic(metadata_cache_get(call->broker->metadata), asked->name))
        refuse(topic, ERR_TOPIC_ALREADY_EXISTS,
               arena_printf(&call->req->arena, "Topic '%s' already exists.", topic->name));
    else if ((nulls = null_values(call, asked)))
        refuse(topic, ERR_INVALID_CONFIG, nulls);
    else if (has_unstorable_config(asked))
        refuse(topic, ERR_INVALID_REQUEST, "A name or value holds bytes that are not text.");
    else if (placed && (asked->num_partitions != -1 || asked->replication_factor != -1))
        refuse(
            topic, ERR_INVALID_REQUEST,
            "Both numPartitions or replicationFactor and replicasAssignments were set. Both cannot be used "
            "at the same time.");
    else if (!placed && asked->num_partitions <= 0 && asked->num_partitions != -1)
        refuse(topic, ERR_INVALID_PARTITIONS, "Number of partitions must be larger than 0.");
    else if (!placed && asked->replication_factor <= 0 && asked->replication_factor != -1)
        refuse(topic, ERR_INVALID_REPLICATION_FACTOR, "Replication factor must be larger than 0.");
}

/* --- to the controller
 * -------------------------------------------------------------------------------------- */

static void fill_topic(const struct topic_admin *admin, const struct admin_topic *topic,
                       struct controller_new_topic *to)
{
    const struct wire_create_topics_request *request = admin->request;
    const asked_topic *asked = &request->topics[topic - admin->topics];
    struct arena *arena = &admin->call->req->arena;
    const struct config *config = broker_config(admin->call->broker);
    to->name = topic->name;
    to->partitions_count =
        asked->num_partitions > 0 ? asked->num_partitions : config_int(config, CONFIG_NUM_PARTITIONS);
    to->replication_factor = asked->replication_factor > 0
                                 ? asked->replication_factor
                                 : config_int(config, CONFIG_DEFAULT_REPLICATION_FACTOR);
    if (asked->assignments_count > 0) {
        struct controller_placement *placements =
            arena_alloc(arena, sizeof *placements * (size_t)asked->assignments_count);
        for (int32_t i = 0; i < asked->assignments_count; i++) {
            const struct wire_create_topics_request_creatable_replica_assignment *from =
                &asked->assignments[i];
            placements[i].partition = from->partition_index;
            placements[i].replicas =
                (struct znode_ids){from->broker_ids, from->broker_ids_count > 0 ? from->broker_ids_count : 0};
        }
        to->placements = placements;
        to->placements_count = asked->assignments_count;
    }
    struct config_pairs pairs = pairs_of(admin->call, asked);
    struct errmsg why;
    to->config_err = topic_config_validate(config, pairs, &why);
    to->config_message = to->config_err == ERR_NONE ? NULL : arena_strdup(arena, why.text);
    to->config.entries = arena_alloc(arena, sizeof *to->config.entries * (pairs.count + 1));
    to->config.count = (int32_t)pairs.count;
    for (size_t i = 0; i < pairs.count; i++)
        to->config.entries[i] = (struct znode_config_entry){pairs.items[i].name, pairs.items[i].value};
}

static void fill(struct topic_admin *admin, const struct admin_topic *const *good, int32_t count)
{
    struct controller_new_topic *topics =
        arena_zalloc(&admin->call->req->arena, sizeof *topics * (size_t)count);
    for (int32_t i = 0; i < count; i++)
        fill_topic(admin, good[i], &topics[i]);
    admin->controller.request.kind = CONTROLLER_CREATE_TOPICS;
    admin->controller.request.create_topics = (struct controller_create_topics){
        .topics = topics, .topics_count = count, .validate_only = admin->validate_only};
}

static bool is_shown(const struct admin_topic *topic, const struct metadata *metadata)
{
    const struct metadata_topic *known = metadata_topic(metadata, view_str(topic->name));
    if (!known || known->partitions_count < topic->partitions_count)
        return false;
    for (int32_t p = 0; p < known->partitions_count; p++)
        if (!known->partitions[p].known || known->partitions[p].leader < 0)
            return false;
    return true;
}

/* --- the answer
 * --------------------------------------------------------------------------------------------- */

typedef struct wire_create_topics_response_creatable_topic_result answer_topic;

/* KIP-525: the new topic's settings, as DescribeConfigs would show them. */
static void put_configs(const struct topic_admin *admin, const asked_topic *asked, answer_topic *to)
{
    struct arena *arena = &admin->call->req->arena;
    struct config_entries entries =
        topic_config_describe(broker_config(admin->call->broker), pairs_of(admin->call, asked), arena);
    to->configs = wire_new(&wire_create_topics_response_creatable_topic_configs_desc, arena, entries.count);
    to->configs_count = (int32_t)entries.count;
    for (size_t i = 0; i < entries.count; i++) {
        const struct config_entry *from = &entries.items[i];
        to->configs[i].name = view_str(from->name);
        to->configs[i].value = view_str(from->value);
        to->configs[i].read_only = from->read_only;
        to->configs[i].config_source = (int8_t)from->source;
        to->configs[i].is_sensitive = from->sensitive;
    }
}

static void answer(struct topic_admin *admin)
{
    struct api_call *call = admin->call;
    const struct wire_create_topics_request *request = admin->request;
    struct wire_create_topics_response *response = call_new_answer(call);
    response->topics = wire_new(&wire_create_topics_response_creatable_topic_result_desc, &call->req->arena,
                                (size_t)admin->count);
    response->topics_count = admin->count;
    for (int32_t i = 0; i < admin->count; i++) {
        const struct admin_topic *topic = &admin->topics[i];
        answer_topic *to = &response->topics[i];
        to->name = request->topics[i].name;
        to->error_code = call_error(call, topic->err);
        to->error_message = topic_admin_message(topic);
        to->topic_id = topic->id;
        if (topic->err != ERR_NONE)
            continue;
        to->num_partitions = topic->partitions_count;
        to->replication_factor = (int16_t)topic->replication_factor;
        if (call->version >= 5)
            put_configs(admin, &request->topics[i], to);
    }
    call_answer(call, response);
}

void api_create_topics(struct api_call *call)
{
    struct wire_create_topics_request *request = call_decode(call);
    if (!request)
        return;
    struct topic_admin *admin = CALL_ALLOC(call, struct topic_admin);
    admin->call = call;
    admin->request = request;
    admin->count = request->topics_count > 0 ? request->topics_count : 0;
    admin->topics = arena_zalloc(&call->req->arena, sizeof *admin->topics * (size_t)admin->count);
    admin->timeout_ms = request->timeout_ms;
    admin->validate_only = request->validate_only;
    admin->fill = fill;
    admin->is_shown = is_shown;
    admin->answer = answer;
    admin->elsewhere = "";
    for (int32_t i = 0; i < admin->count; i++) {
        admin->topics[i].name = request_topic_name(call, request->topics[i].name);
        check(call, &request->topics[i], &admin->topics[i]);
    }
    topic_admin_refuse_repeated(admin, "Found multiple entries for this topic.");
    topic_admin_run(admin);
}
