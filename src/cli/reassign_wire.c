/* The cluster as `barnabas reassign` sees it over the wire. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/kafka_text.h"
#include "cli/reassign.h"
#include "wire/codec.h"

#define ALTER_REPLICA_LOG_DIRS_KEY    34
#define DESCRIBE_LOG_DIRS_KEY         35
#define INCREMENTAL_ALTER_CONFIGS_KEY 44
#define ALTER_REASSIGNMENTS_KEY       45
#define LIST_REASSIGNMENTS_KEY        46
#define RESOURCE_TOPIC                2
#define RESOURCE_BROKER               4
#define OPERATION_SET                 0
#define OPERATION_DELETE              1

struct wire_session {
    struct admin_client *client;
    struct client_config config;
};

static enum err say(struct errmsg *why, int16_t code, struct view message)
{
    struct view text = kafka_error_message(code, message);
    errmsg_set(why, "%.*s", VIEW_FMT(text));
    return (enum err)code;
}

static struct znode_ids ids_of(int32_t *ids, int32_t count)
{
    return (struct znode_ids){.ids = ids, .count = count};
}

/* --- reading ---------------------------------------------------------------------------------------- */

static bool list_misses(const void *response)
{
    return ((const struct wire_list_partition_reassignments_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

static enum err active(void *session, struct arena *arena, struct reassign_list *out, struct errmsg *why)
{
    struct wire_session *wire = session;
    struct wire_list_partition_reassignments_request request;
    struct wire_list_partition_reassignments_response answer;
    wire_init(&wire_list_partition_reassignments_request_desc, &request);
    request.timeout_ms = admin_client_timeout_ms(wire->client);
    request.topics_count = -1;
    enum err err = admin_call_controller(wire->client, wire_api_find_any(LIST_REASSIGNMENTS_KEY), &request,
                                         arena, &answer, list_misses, why);
    if (err != ERR_NONE)
        return err;
    if (answer.error_code != ERR_NONE)
        return say(why, answer.error_code, answer.error_message);
    for (int32_t t = 0; t < answer.topics_count; t++) {
        const char *name = arena_cstr(arena, answer.topics[t].name);
        for (int32_t p = 0; p < answer.topics[t].partitions_count; p++) {
            const struct wire_list_partition_reassignments_response_ongoing_partition_reassignment *from =
                &answer.topics[t].partitions[p];
            struct reassign_part *part = reassign_add(arena, out, name, from->partition_index);
            part->replicas = ids_of(from->replicas, from->replicas_count);
            part->adding = ids_of(from->adding_replicas, from->adding_replicas_count);
            part->removing = ids_of(from->removing_replicas, from->removing_replicas_count);
        }
    }
    reassign_sort(out);
    return ERR_NONE;
}

static enum err present(void *session, struct arena *arena, const char *const *topics, int count,
                        struct reassign_list *out, struct errmsg *why)
{
    struct wire_session *wire = session;
    struct wire_metadata_response answer;
    struct view *names = arena_alloc(arena, ((size_t)count + 1) * sizeof *names);
    for (int i = 0; i < count; i++)
        names[i] = view_str(topics[i]);
    enum err err = admin_metadata(wire->client, names, count, false, arena, &answer, why);
    for (int32_t t = 0; err == ERR_NONE && t < answer.topics_count; t++) {
        if (answer.topics[t].error_code == ERR_UNKNOWN_TOPIC_OR_PARTITION)
            continue;
        if (answer.topics[t].error_code != ERR_NONE)
            return say(why, answer.topics[t].error_code, VIEW_NULL);
        const char *name = arena_cstr(arena, answer.topics[t].name);
        for (int32_t p = 0; p < answer.topics[t].partitions_count; p++) {
            const struct wire_metadata_response_metadata_response_partition *from =
                &answer.topics[t].partitions[p];
            reassign_add(arena, out, name, from->partition_index)->replicas =
                ids_of(from->replica_nodes, from->replica_nodes_count);
        }
    }
    reassign_sort(out);
    return err;
}

static enum err brokers(void *session, struct arena *arena, struct assign_broker **out, int *count,
                        struct errmsg *why)
{
    struct wire_session *wire = session;
    struct wire_metadata_response answer;
    enum err err = admin_metadata(wire->client, NULL, 0, false, arena, &answer, why);
    if (err != ERR_NONE)
        return err;
    *count = admin_client_broker_count(wire->client);
    *out = arena_alloc(arena, ((size_t)*count + 1) * sizeof **out);
    for (int i = 0; i < *count; i++) {
        const struct admin_broker *broker = admin_client_broker_at(wire->client, i);
        (*out)[i] = (struct assign_broker){.id = broker->id,
                                           .rack = broker->rack ? arena_strdup(arena, broker->rack) : NULL};
    }
    return ERR_NONE;
}

/* --- moving ----------------------------------------------------------------------------------------- */

static bool alter_misses(const void *response)
{
    return ((const struct wire_alter_partition_reassignments_response *)response)->error_code ==
           ERR_NOT_CONTROLLER;
}

/* The moves by topic, as the list has them: topic after topic. */
static void put_moves(struct arena *arena, const struct reassign_list *moves,
                      struct wire_alter_partition_reassignments_request *request)
{
    request->topics = wire_new(&wire_alter_partition_reassignments_request_reassignable_topic_desc, arena,
                               (size_t)moves->count);
    struct wire_alter_partition_reassignments_request_reassignable_partition *all = wire_new(
        &wire_alter_partition_reassignments_request_reassignable_partition_desc, arena, (size_t)moves->count);
    for (int i = 0; i < moves->count; i++) {
        const struct reassign_part *part = &moves->items[i];
        if (i == 0 || strcmp(moves->items[i - 1].topic, part->topic) != 0) {
            request->topics[request->topics_count].name = view_str(part->topic);
            request->topics[request->topics_count++].partitions = &all[i];
        }
        request->topics[request->topics_count - 1].partitions_count++;
        all[i].partition_index = part->partition;
        all[i].replicas = part->cancel ? NULL : part->replicas.ids;
        all[i].replicas_count = part->cancel ? -1 : part->replicas.count;
    }
}

static enum err alter(void *session, struct arena *arena, struct reassign_list *moves, struct errmsg *why)
{
    struct wire_session *wire = session;
    struct wire_alter_partition_reassignments_request request;
    struct wire_alter_partition_reassignments_response answer;
    wire_init(&wire_alter_partition_reassignments_request_desc, &request);
    request.timeout_ms = admin_client_timeout_ms(wire->client);
    reassign_sort(moves);
    put_moves(arena, moves, &request);
    enum err err = admin_call_controller(wire->client, wire_api_find_any(ALTER_REASSIGNMENTS_KEY), &request,
                                         arena, &answer, alter_misses, why);
    if (err != ERR_NONE)
        return err;
    if (answer.error_code != ERR_NONE)
        return say(why, answer.error_code, answer.error_message);
    for (int i = 0; i < moves->count; i++)
        moves->items[i].error = "The controller's answer does not name it.";
    for (int32_t t = 0; t < answer.responses_count; t++) {
        const char *name = arena_cstr(arena, answer.responses[t].name);
        for (int32_t p = 0; p < answer.responses[t].partitions_count; p++) {
            const struct wire_alter_partition_reassignments_response_reassignable_partition_response *from =
                &answer.responses[t].partitions[p];
            struct reassign_part *part = reassign_find(moves, name, from->partition_index);
            struct view text = kafka_error_message(from->error_code, from->error_message);
            if (part)
                part->error = from->error_code == ERR_NONE ? NULL : arena_cstr(arena, text);
        }
    }
    return ERR_NONE;
}

/* --- directories ------------------------------------------------------------------------------------ */

static struct reassign_dir *find_dir(struct reassign_dirs *dirs, int32_t broker, struct view topic,
                                     int32_t partition)
{
    for (int i = 0; i < dirs->count; i++) {
        struct reassign_dir *dir = &dirs->items[i];
        if (dir->broker == broker && dir->partition == partition && view_equal_str(topic, dir->topic))
            return dir;
    }
    return NULL;
}

static bool is_first_of_broker(const struct reassign_dirs *dirs, int at)
{
    for (int i = 0; i < at; i++)
        if (dirs->items[i].broker == dirs->items[at].broker)
            return false;
    return true;
}

static enum err find_on_broker(struct wire_session *wire, struct arena *arena, struct reassign_dirs *dirs,
                               int32_t broker, struct errmsg *why)
{
    struct wire_describe_log_dirs_request request;
    struct wire_describe_log_dirs_response answer;
    wire_init(&wire_describe_log_dirs_request_desc, &request);
    request.topics_count = -1;
    enum err err = admin_call(wire->client, broker, wire_api_find_any(DESCRIBE_LOG_DIRS_KEY), &request, arena,
                              &answer, why);
    if (err == ERR_NONE && answer.error_code != ERR_NONE)
        return say(why, answer.error_code, VIEW_NULL);
    for (int32_t d = 0; err == ERR_NONE && d < answer.results_count; d++) {
        const char *path = arena_cstr(arena, answer.results[d].log_dir);
        for (int32_t t = 0; t < answer.results[d].topics_count; t++)
            for (int32_t p = 0; p < answer.results[d].topics[t].partitions_count; p++) {
                const struct wire_describe_log_dirs_response_describe_log_dirs_partition *from =
                    &answer.results[d].topics[t].partitions[p];
                struct reassign_dir *dir =
                    find_dir(dirs, broker, answer.results[d].topics[t].name, from->partition_index);
                if (dir)
                    *(from->is_future_key ? &dir->future : &dir->current) = path;
            }
    }
    return err;
}

static enum err find_dirs(void *session, struct arena *arena, struct reassign_dirs *dirs, struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = 0; i < dirs->count && err == ERR_NONE; i++)
        if (is_first_of_broker(dirs, i))
            err = find_on_broker(session, arena, dirs, dirs->items[i].broker, why);
    return err;
}

static enum err alter_one(struct wire_session *wire, struct arena *arena, struct reassign_dir *dir,
                          struct errmsg *why)
{
    struct wire_alter_replica_log_dirs_request_alter_replica_log_dir_topic topic = {
        .name = view_str(dir->topic), .partitions = &dir->partition, .partitions_count = 1};
    struct wire_alter_replica_log_dirs_request_alter_replica_log_dir wanted = {
        .path = view_str(dir->target), .topics = &topic, .topics_count = 1};
    struct wire_alter_replica_log_dirs_request request = {.dirs = &wanted, .dirs_count = 1};
    struct wire_alter_replica_log_dirs_response answer;
    enum err err = admin_call(wire->client, dir->broker, wire_api_find_any(ALTER_REPLICA_LOG_DIRS_KEY),
                              &request, arena, &answer, why);
    dir->error = ERR_UNKNOWN_SERVER_ERROR; /* unless the answer says otherwise */
    if (err == ERR_NONE && answer.results_count == 1 && answer.results[0].partitions_count == 1)
        dir->error = answer.results[0].partitions[0].error_code;
    return err;
}

/* One request for each: there are few. */
static enum err alter_dirs(void *session, struct arena *arena, struct reassign_dirs *dirs, struct errmsg *why)
{
    enum err err = ERR_NONE;
    for (int i = 0; i < dirs->count && err == ERR_NONE; i++)
        if (!dirs->items[i].begun)
            err = alter_one(session, arena, &dirs->items[i], why);
    return err;
}

/* --- settings --------------------------------------------------------------------------------------- */

static enum err edit(struct wire_session *wire, struct arena *arena, int8_t type, const char *name,
                     int32_t broker, const struct reassign_edit *edits, int count, struct errmsg *why)
{
    struct wire_incremental_alter_configs_request_alter_configs_resource resource;
    struct wire_incremental_alter_configs_request request;
    struct wire_incremental_alter_configs_response answer;
    wire_init(&wire_incremental_alter_configs_request_alter_configs_resource_desc, &resource);
    wire_init(&wire_incremental_alter_configs_request_desc, &request);
    resource.resource_type = type;
    resource.resource_name = view_str(name);
    resource.configs_count = count;
    resource.configs =
        wire_new(&wire_incremental_alter_configs_request_alterable_config_desc, arena, (size_t)count);
    for (int i = 0; i < count; i++) {
        resource.configs[i].name = view_str(edits[i].name);
        resource.configs[i].config_operation = edits[i].value ? OPERATION_SET : OPERATION_DELETE;
        resource.configs[i].value = view_str(edits[i].value ? edits[i].value : "");
    }
    request.resources = &resource;
    request.resources_count = 1;
    enum err err = admin_call(wire->client, broker, wire_api_find_any(INCREMENTAL_ALTER_CONFIGS_KEY),
                              &request, arena, &answer, why);
    for (int32_t i = 0; err == ERR_NONE && i < answer.responses_count; i++)
        if (answer.responses[i].error_code != ERR_NONE)
            err = say(why, answer.responses[i].error_code, answer.responses[i].error_message);
    return err;
}

static enum err edit_broker(void *session, struct arena *arena, int32_t id, const struct reassign_edit *edits,
                            int count, struct errmsg *why)
{
    return edit(session, arena, RESOURCE_BROKER, arena_printf(arena, "%d", id), id, edits, count, why);
}

static enum err edit_topic(void *session, struct arena *arena, const char *topic,
                           const struct reassign_edit *edits, int count, struct errmsg *why)
{
    return edit(session, arena, RESOURCE_TOPIC, topic, ADMIN_ANY_BROKER, edits, count, why);
}

/* --- life ------------------------------------------------------------------------------------------- */

static void close_session(void *session)
{
    struct wire_session *wire = session;
    admin_client_free(wire->client);
    client_config_close(&wire->config);
    free(wire);
}

bool reassign_over_wire(const char *bootstrap, const char *command_config, struct reassign_cluster *out,
                        struct errmsg *why)
{
    struct wire_session *wire = MEM_NEW(struct wire_session);
    *out = (struct reassign_cluster){.session = wire,
                                     .active = active,
                                     .present = present,
                                     .brokers = brokers,
                                     .alter = alter,
                                     .edit_broker = edit_broker,
                                     .edit_topic = edit_topic,
                                     .find_dirs = find_dirs,
                                     .alter_dirs = alter_dirs,
                                     .close = close_session};
    if (client_config_load(command_config, "reassign-partitions-tool", &wire->config, why))
        wire->client = admin_client_new(bootstrap, &wire->config, why);
    if (wire->client)
        return true;
    close_session(wire);
    return false;
}
