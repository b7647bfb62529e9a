/*
 * `barnabas topics` over the wire, as Kafka's admin client does it: Metadata
 * tells which topics there are, the controller creates, alters and deletes.
 * One difference: several topics are described in the order of their names.
 */
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/java_order.h"
#include "cli/kafka_text.h"
#include "cli/progress.h"
#include "cli/topics.h"
#include "wire/codec.h"

#define CREATE_TOPICS_KEY     19
#define DELETE_TOPICS_KEY     20
#define DESCRIBE_CONFIGS_KEY  32
#define CREATE_PARTITIONS_KEY 37
#define LIST_REASSIGN_KEY     46

#define RESOURCE_TOPIC        2
#define SOURCE_DEFAULT_CONFIG 5

struct session {
    const struct topics_request *request;
    struct admin_client *client;
    struct arena arena;
};

typedef struct wire_metadata_response_metadata_response_topic metadata_topic;
typedef struct wire_describe_configs_response_describe_configs_resource_result config_entry;

/* --- which topics ---------------------------------------------------------------------------------- */

static int compare_topics(const void *a, const void *b)
{
    return view_compare((*(const metadata_topic *const *)a)->name, (*(const metadata_topic *const *)b)->name);
}

/* The topics that the request means, by name; their number, or -1 with why. */
static int find_topics(struct session *session, metadata_topic ***out, struct errmsg *why)
{
    const struct topics_request *request = session->request;
    struct wire_metadata_response answer;
    struct topic_filter filter;
    bool by_id = request->topic_id != NULL;
    struct uuid id = {0};
    if (by_id && !uuid_from_text(view_str(request->topic_id), &id)) {
        errmsg_set(why, "Input string `%.60s` decoded as a topic id is no id of 22 characters",
                   request->topic_id);
        return -1;
    }
    by_id = by_id && !uuid_is_zero(id);
    if (!topic_filter_open(&filter, by_id ? NULL : request->topic, request->exclude_internal, why))
        return -1;
    int count = -1;
    if (admin_metadata(session->client, NULL, -1, false, &session->arena, &answer, why) == ERR_NONE) {
        count = 0;
        *out = arena_zalloc(&session->arena, (size_t)answer.topics_count * sizeof **out);
        for (int i = 0; i < answer.topics_count; i++) {
            metadata_topic *topic = &answer.topics[i];
            if (by_id ? uuid_equal(topic->topic_id, id) : topic_filter_matches(&filter, topic->name))
                (*out)[count++] = topic;
        }
        qsort(*out, (size_t)count, sizeof **out, compare_topics);
    }
    topic_filter_close(&filter);
    return count;
}

static bool is_missing(const struct topics_request *request, int found)
{
    return found == 0 && request->topic != NULL && request->topic[0] != '\0' && !request->if_exists;
}

static int fail_code(int16_t code, struct view message)
{
    return topics_fail(kafka_error_message(code, message));
}

/* --- create ---------------------------------------------------------------------------------------- */

static bool create_misses(const void *response)
{
    const struct wire_create_topics_response *answer = response;
    return answer->topics_count > 0 && answer->topics[0].error_code == ERR_NOT_CONTROLLER;
}

static void fill_assignment(const struct topics_assignment *from, struct arena *arena,
                            struct wire_create_topics_request_creatable_topic *topic)
{
    topic->assignments_count = from->partitions;
    topic->assignments = wire_new(&wire_create_topics_request_creatable_replica_assignment_desc, arena,
                                  (size_t)from->partitions);
    for (int i = 0; i < from->partitions; i++) {
        topic->assignments[i].partition_index = i;
        topic->assignments[i].broker_ids = from->brokers + (size_t)i * (size_t)from->replicas;
        topic->assignments[i].broker_ids_count = from->replicas;
    }
}

static bool has_collision_chars(const char *name)
{
    return strpbrk(name, "._") != NULL;
}

static int create_topic(struct session *session)
{
    const struct topics_request *request = session->request;
    if (has_collision_chars(request->topic))
        puts("WARNING: Due to limitations in metric names, topics with a period ('.') or underscore ('_') "
             "could collide. To avoid issues it is best to use either, but not both.");
    struct wire_create_topics_request_creatable_topic topic;
    wire_init(&wire_create_topics_request_creatable_topic_desc, &topic);
    topic.name = view_str(request->topic);
    topic.num_partitions = request->partitions;
    topic.replication_factor = (int16_t)request->replication_factor;
    fill_assignment(&request->assignment, &session->arena, &topic);
    topic.configs_count = request->config_count;
    topic.configs = wire_new(&wire_create_topics_request_creatable_topic_config_desc, &session->arena,
                             (size_t)request->config_count);
    for (int i = 0; i < request->config_count; i++) {
        topic.configs[i].name = request->configs[i].name;
        topic.configs[i].value = request->configs[i].value;
    }
    struct wire_create_topics_request message;
    struct wire_create_topics_response answer;
    wire_init(&wire_create_topics_request_desc, &message);
    message.topics = &topic;
    message.topics_count = 1;
    message.timeout_ms = admin_client_timeout_ms(session->client);
    struct errmsg why = {0};
    if (admin_call_controller(session->client, wire_api_find_any(CREATE_TOPICS_KEY), &message,
                              &session->arena, &answer, create_misses, &why) != ERR_NONE)
        return topics_fail_why(&why);
    if (answer.topics_count != 1)
        return topics_fail(VIEW_LIT("The controller's answer does not name the topic"));
    int16_t code = answer.topics[0].error_code;
    if (code == ERR_TOPIC_ALREADY_EXISTS && request->if_not_exists)
        return 0;
    if (code != ERR_NONE)
        return fail_code(code, answer.topics[0].error_message);
    printf("Created topic %s.\n", request->topic);
    return 0;
}

/* --- list ------------------------------------------------------------------------------------------ */

static int list_topics(struct session *session)
{
    struct errmsg why = {0};
    metadata_topic **topics = NULL;
    int count = find_topics(session, &topics, &why);
    if (count < 0)
        return topics_fail_why(&why);
    for (int i = 0; i < count; i++)
        printf("%.*s\n", VIEW_FMT(topics[i]->name));
    if (count == 0)
        putchar('\n');
    return 0;
}

/* --- delete ---------------------------------------------------------------------------------------- */

static bool delete_misses(const void *response)
{
    const struct wire_delete_topics_response *answer = response;
    return answer->responses_count > 0 && answer->responses[0].error_code == ERR_NOT_CONTROLLER;
}

static int delete_topics(struct session *session)
{
    struct errmsg why = {0};
    metadata_topic **topics = NULL;
    int count = find_topics(session, &topics, &why);
    if (count < 0)
        return topics_fail_why(&why);
    if (is_missing(session->request, count))
        return topics_fail_missing(session->request);
    if (count == 0)
        return 0;
    struct wire_delete_topics_request message;
    struct wire_delete_topics_response answer;
    wire_init(&wire_delete_topics_request_desc, &message);
    message.timeout_ms = admin_client_timeout_ms(session->client);
    /* Versions before 6 have names alone, later ones a struct; the codec passes over what is not there. */
    struct view *names = arena_zalloc(&session->arena, (size_t)count * sizeof *names);
    message.topics =
        wire_new(&wire_delete_topics_request_delete_topic_state_desc, &session->arena, (size_t)count);
    for (int i = 0; i < count; i++)
        names[i] = message.topics[i].name = topics[i]->name;
    struct connection *conn = admin_client_connection(session->client, ADMIN_ANY_BROKER, &why);
    const struct wire_api *api = wire_api_find_any(DELETE_TOPICS_KEY);
    if (conn != NULL && connection_version(conn, api) >= 6) {
        message.topics_count = count;
    } else {
        message.topic_names = names;
        message.topic_names_count = count;
    }
    if (admin_call_controller(session->client, api, &message, &session->arena, &answer, delete_misses,
                              &why) != ERR_NONE)
        return topics_fail_why(&why);
    for (int i = 0; i < answer.responses_count; i++)
        if (answer.responses[i].error_code != ERR_NONE)
            return fail_code(answer.responses[i].error_code, answer.responses[i].error_message);
    return 0;
}

/* --- alter ----------------------------------------------------------------------------------------- */

static bool partitions_misses(const void *response)
{
    const struct wire_create_partitions_response *answer = response;
    return answer->results_count > 0 && answer->results[0].error_code == ERR_NOT_CONTROLLER;
}

/* The assignment names every partition; the ones that the topic has already are passed over. */
static void fill_new_partitions(const struct topics_request *request, int present, struct arena *arena,
                                struct wire_create_partitions_request_create_partitions_topic *topic)
{
    const struct topics_assignment *from = &request->assignment;
    topic->count = request->partitions;
    if (from->partitions == 0) {
        topic->assignments = NULL;
        topic->assignments_count = -1;
        return;
    }
    int added = from->partitions > present ? from->partitions - present : 0;
    topic->assignments_count = added;
    topic->assignments =
        wire_new(&wire_create_partitions_request_create_partitions_assignment_desc, arena, (size_t)added);
    for (int i = 0; i < added; i++) {
        topic->assignments[i].broker_ids = from->brokers + (size_t)(present + i) * (size_t)from->replicas;
        topic->assignments[i].broker_ids_count = from->replicas;
    }
}

static int alter_topics(struct session *session)
{
    struct errmsg why = {0};
    metadata_topic **topics = NULL;
    int count = find_topics(session, &topics, &why);
    if (count < 0)
        return topics_fail_why(&why);
    if (is_missing(session->request, count))
        return topics_fail_missing(session->request);
    if (count == 0)
        return 0;
    struct wire_create_partitions_request message;
    struct wire_create_partitions_response answer;
    wire_init(&wire_create_partitions_request_desc, &message);
    message.timeout_ms = admin_client_timeout_ms(session->client);
    message.topics_count = count;
    message.topics = wire_new(&wire_create_partitions_request_create_partitions_topic_desc, &session->arena,
                              (size_t)count);
    for (int i = 0; i < count; i++) {
        message.topics[i].name = topics[i]->name;
        fill_new_partitions(session->request, topics[i]->partitions_count, &session->arena,
                            &message.topics[i]);
    }
    if (admin_call_controller(session->client, wire_api_find_any(CREATE_PARTITIONS_KEY), &message,
                              &session->arena, &answer, partitions_misses, &why) != ERR_NONE)
        return topics_fail_why(&why);
    for (int i = 0; i < answer.results_count; i++)
        if (answer.results[i].error_code != ERR_NONE)
            return fail_code(answer.results[i].error_code, answer.results[i].error_message);
    return 0;
}

/* --- describe -------------------------------------------------------------------------------------- */

/* Settings of all topics in one request; an error of one topic fails the command, as in Kafka's tool. */
static enum err ask_configs(struct session *session, metadata_topic **topics, int count,
                            struct wire_describe_configs_response *out, struct errmsg *why)
{
    struct wire_describe_configs_request message;
    wire_init(&wire_describe_configs_request_desc, &message);
    message.resources_count = count;
    message.resources = wire_new(&wire_describe_configs_request_describe_configs_resource_desc,
                                 &session->arena, (size_t)count);
    for (int i = 0; i < count; i++) {
        message.resources[i].resource_type = RESOURCE_TOPIC;
        message.resources[i].resource_name = topics[i]->name;
        message.resources[i].configuration_keys_count = -1;
    }
    enum err err = admin_call(session->client, ADMIN_ANY_BROKER, wire_api_find_any(DESCRIBE_CONFIGS_KEY),
                              &message, &session->arena, out, why);
    for (int i = 0; err == ERR_NONE && i < out->results_count; i++) {
        if (out->results[i].error_code == ERR_NONE)
            continue;
        struct view text = kafka_error_message(out->results[i].error_code, out->results[i].error_message);
        err = (enum err)out->results[i].error_code;
        errmsg_set(why, "%.*s", VIEW_FMT(text));
    }
    return err;
}

static bool reassignments_miss(const void *response)
{
    const struct wire_list_partition_reassignments_response *answer = response;
    return answer->error_code == ERR_NOT_CONTROLLER;
}

/* Reassignments of these topics; none where the cluster does not tell. */
static enum err ask_reassignments(struct session *session, metadata_topic **topics, int count,
                                  struct wire_list_partition_reassignments_response *out, struct errmsg *why)
{
    struct wire_list_partition_reassignments_request message;
    wire_init(&wire_list_partition_reassignments_request_desc, &message);
    message.timeout_ms = admin_client_timeout_ms(session->client);
    message.topics_count = count;
    message.topics =
        wire_new(&wire_list_partition_reassignments_request_list_partition_reassignments_topics_desc,
                 &session->arena, (size_t)count);
    for (int i = 0; i < count; i++) {
        int partitions = topics[i]->partitions_count;
        int32_t *indexes = arena_zalloc(&session->arena, (size_t)partitions * sizeof *indexes);
        for (int k = 0; k < partitions; k++)
            indexes[k] = topics[i]->partitions[k].partition_index;
        message.topics[i].name = topics[i]->name;
        message.topics[i].partition_indexes = indexes;
        message.topics[i].partition_indexes_count = partitions;
    }
    enum err err = admin_call_controller(session->client, wire_api_find_any(LIST_REASSIGN_KEY), &message,
                                         &session->arena, out, reassignments_miss, why);
    if (err == ERR_NONE)
        err = (enum err)out->error_code;
    if (err == ERR_UNSUPPORTED_VERSION || err == ERR_CLUSTER_AUTHORIZATION_FAILED) {
        out->topics_count = 0;
        return ERR_NONE;
    }
    if (err != ERR_NONE && why->text[0] == '\0') {
        struct view text = kafka_error_message(out->error_code, out->error_message);
        errmsg_set(why, "%.*s", VIEW_FMT(text));
    }
    return err;
}

static bool contains(const int32_t *ids, int count, int32_t id)
{
    for (int i = 0; i < count; i++)
        if (ids[i] == id)
            return true;
    return false;
}

static void apply_reassignment(
    const struct wire_list_partition_reassignments_response_ongoing_partition_reassignment *from,
    struct topics_partition *partition)
{
    partition->reassigning = true;
    partition->adding = from->adding_replicas;
    partition->adding_count = from->adding_replicas_count;
    partition->removing = from->removing_replicas;
    partition->removing_count = from->removing_replicas_count;
    /* It may have ended between the two questions: then the replicas do not hold its ids any more. */
    for (int i = 0; i < partition->replica_count; i++)
        if (contains(from->adding_replicas, from->adding_replicas_count, partition->replicas[i]) ||
            contains(from->removing_replicas, from->removing_replicas_count, partition->replicas[i]))
            partition->target_count = from->replicas_count - from->adding_replicas_count;
}

static int compare_partitions(const void *a, const void *b)
{
    int32_t x = ((const struct topics_partition *)a)->partition;
    int32_t y = ((const struct topics_partition *)b)->partition;
    return (x > y) - (x < y);
}

static void fill_partitions(const metadata_topic *topic,
                            const struct wire_list_partition_reassignments_response *reassignments,
                            struct arena *arena, struct topics_description *out)
{
    out->partition_count = topic->partitions_count;
    out->partitions = arena_zalloc(arena, (size_t)topic->partitions_count * sizeof *out->partitions);
    for (int i = 0; i < topic->partitions_count; i++) {
        const struct wire_metadata_response_metadata_response_partition *from = &topic->partitions[i];
        struct topics_partition *to = &out->partitions[i];
        *to = (struct topics_partition){.partition = from->partition_index,
                                        .leader = from->leader_id,
                                        .replicas = from->replica_nodes,
                                        .replica_count = from->replica_nodes_count,
                                        .isr = from->isr_nodes,
                                        .isr_count = from->isr_nodes_count,
                                        .target_count = from->replica_nodes_count};
    }
    qsort(out->partitions, (size_t)out->partition_count, sizeof *out->partitions, compare_partitions);
    for (int t = 0; t < reassignments->topics_count; t++) {
        if (!view_equal(reassignments->topics[t].name, topic->name))
            continue;
        for (int k = 0; k < reassignments->topics[t].partitions_count; k++)
            for (int i = 0; i < out->partition_count; i++)
                if (out->partitions[i].partition == reassignments->topics[t].partitions[k].partition_index)
                    apply_reassignment(&reassignments->topics[t].partitions[k], &out->partitions[i]);
    }
}

/* What is not a built-in default, in the order that Kafka's tool prints it. */
static void fill_configs(const config_entry *entries, int count, struct arena *arena,
                         struct topics_description *out)
{
    struct view *names = arena_zalloc(arena, (size_t)count * sizeof *names);
    size_t *order = arena_zalloc(arena, (size_t)count * sizeof *order);
    struct topics_config *overrides = arena_zalloc(arena, (size_t)count * sizeof *overrides);
    for (int i = 0; i < count; i++)
        names[i] = entries[i].name;
    java_hash_order(names, (size_t)count, order);
    out->min_isr = 1;
    out->overrides = overrides;
    for (int i = 0; i < count; i++) {
        const config_entry *entry = &entries[order[i]];
        struct view value = view_is_null(entry->value) ? VIEW_LIT("null") : entry->value;
        if (view_equal_str(entry->name, "min.insync.replicas"))
            out->min_isr = atoi(arena_cstr(arena, value));
        if (entry->is_default || entry->config_source == SOURCE_DEFAULT_CONFIG)
            continue;
        overrides[out->override_count++] = (struct topics_config){entry->name, value};
    }
}

static int describe_topics(struct session *session)
{
    struct errmsg why = {0};
    metadata_topic **topics = NULL;
    int count = find_topics(session, &topics, &why);
    if (count < 0)
        return topics_fail_why(&why);
    if (session->request->topic_id != NULL && count == 0 && !session->request->if_exists) {
        printf("Error while executing topic command : TopicId '%s' does not exist as expected\n",
               session->request->topic_id);
        return 1;
    }
    if (is_missing(session->request, count))
        return topics_fail_missing(session->request);
    if (count == 0)
        return 0;
    struct wire_describe_configs_response configs;
    struct wire_list_partition_reassignments_response reassignments;
    if (ask_configs(session, topics, count, &configs, &why) != ERR_NONE ||
        ask_reassignments(session, topics, count, &reassignments, &why) != ERR_NONE)
        return topics_fail_why(&why);
    int live_count = admin_client_broker_count(session->client);
    int32_t *live = arena_zalloc(&session->arena, (size_t)live_count * sizeof *live);
    for (int i = 0; i < live_count; i++)
        live[i] = admin_client_broker_at(session->client, i)->id;
    for (int i = 0; i < count; i++) {
        struct topics_description description = {.name = topics[i]->name, .topic_id = topics[i]->topic_id};
        fill_partitions(topics[i], &reassignments, &session->arena, &description);
        for (int k = 0; k < configs.results_count; k++)
            if (view_equal(configs.results[k].resource_name, topics[i]->name))
                fill_configs(configs.results[k].configs, configs.results[k].configs_count, &session->arena,
                             &description);
        topics_print(session->request, &description, live, live_count);
    }
    return 0;
}

/* --- all of it ------------------------------------------------------------------------------------- */

static int run(struct session *session)
{
    switch (session->request->action) {
    case TOPICS_CREATE:
        return create_topic(session);
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

int topics_over_wire(const struct topics_request *request, const char *bootstrap, const char *command_config)
{
    struct session session = {.request = request};
    struct client_config config;
    struct errmsg why = {0};
    if (!client_config_load(command_config, "adminclient-1", &config, &why))
        return topics_fail_why(&why);
    struct progress progress;
    progress_start(&progress, "Waiting for the cluster", NULL, 0);
    session.client = admin_client_new(bootstrap, &config, &why);
    int status = session.client ? run(&session) : topics_fail_why(&why);
    progress_stop(&progress);
    admin_client_free(session.client);
    client_config_close(&config);
    arena_close(&session.arena);
    return status;
}
