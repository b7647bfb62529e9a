/*
 * `barnabas configs` over the wire. Settings of a broker are asked of and altered
 * at that broker, all others at any.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/admin_client.h"
#include "cli/configs.h"
#include "cli/kafka_text.h"
#include "cli/progress.h"
#include "wire/codec.h"

#define DESCRIBE_CONFIGS_KEY          32
#define INCREMENTAL_ALTER_CONFIGS_KEY 44

#define OPERATION_SET    0
#define OPERATION_DELETE 1

#define SOURCE_DYNAMIC_TOPIC          1
#define SOURCE_DYNAMIC_BROKER         2
#define SOURCE_DYNAMIC_DEFAULT_BROKER 3

typedef struct wire_describe_configs_response_describe_configs_resource_result config_entry;

struct session {
    const struct configs_request *request;
    struct admin_client *client;
    struct arena *arena;
};

static const char *source_name(int8_t source)
{
    static const char *const names[] = {"UNKNOWN",
                                        "DYNAMIC_TOPIC_CONFIG",
                                        "DYNAMIC_BROKER_CONFIG",
                                        "DYNAMIC_DEFAULT_BROKER_CONFIG",
                                        "STATIC_BROKER_CONFIG",
                                        "DEFAULT_CONFIG",
                                        "DYNAMIC_BROKER_LOGGER_CONFIG",
                                        "DYNAMIC_CLIENT_METRICS_CONFIG"};
    return source >= 0 && (size_t)source < ARRAY_LEN(names) ? names[source] : names[0];
}

static int8_t resource_type(enum configs_type type)
{
    static const int8_t types[] = {[CONFIGS_TOPICS] = 2, [CONFIGS_BROKERS] = 4, [CONFIGS_BROKER_LOGGERS] = 8};
    return types[type];
}

/* The broker to ask about this entity. */
static int32_t target_of(const struct session *session, const char *name)
{
    if (session->request->type == CONFIGS_TOPICS || name[0] == '\0')
        return ADMIN_ANY_BROKER;
    return (int32_t)strtol(name, NULL, 10);
}

/* --- describe --------------------------------------------------------------------------------------- */

static int compare_entries(const void *a, const void *b)
{
    return view_compare(((const config_entry *)a)->name, ((const config_entry *)b)->name);
}

/* The entity's settings by name, without those that were not asked for; the message is the broker's. */
static bool ask(struct session *session, const char *name, bool all, config_entry **out, int *count,
                struct view *message)
{
    struct wire_describe_configs_request_describe_configs_resource resource;
    struct wire_describe_configs_request request;
    struct wire_describe_configs_response answer;
    struct errmsg why = {0};
    wire_init(&wire_describe_configs_request_describe_configs_resource_desc, &resource);
    wire_init(&wire_describe_configs_request_desc, &request);
    resource.resource_type = resource_type(session->request->type);
    resource.resource_name = view_str(name);
    resource.configuration_keys_count = -1;
    request.resources = &resource;
    request.resources_count = 1;
    request.include_synonyms = true;
    if (admin_call(session->client, target_of(session, name), wire_api_find_any(DESCRIBE_CONFIGS_KEY),
                   &request, session->arena, &answer, &why) != ERR_NONE) {
        *message = view_str(arena_strdup(session->arena, why.text));
        return false;
    }
    if (answer.results_count != 1 || answer.results[0].error_code != ERR_NONE) {
        int16_t code = answer.results_count == 1 ? answer.results[0].error_code : ERR_UNKNOWN_SERVER_ERROR;
        struct view text = answer.results_count == 1 ? answer.results[0].error_message : VIEW_NULL;
        *message = kafka_error_message(code, text.len > 0 ? text : VIEW_NULL);
        return false;
    }
    int8_t wanted = session->request->type == CONFIGS_TOPICS ? SOURCE_DYNAMIC_TOPIC
                    : name[0] == '\0'                        ? SOURCE_DYNAMIC_DEFAULT_BROKER
                                                             : SOURCE_DYNAMIC_BROKER;
    *out = answer.results[0].configs;
    *count = 0;
    for (int i = 0; i < answer.results[0].configs_count; i++)
        if (all || session->request->type == CONFIGS_BROKER_LOGGERS || (*out)[i].config_source == wanted)
            (*out)[(*count)++] = (*out)[i];
    qsort(*out, (size_t)*count, sizeof **out, compare_entries);
    return true;
}

static struct view or_null(struct view value)
{
    return view_is_null(value) ? VIEW_LIT("null") : value;
}

static void print_entry(const config_entry *entry)
{
    struct view value = or_null(entry->value);
    printf("  %.*s=%.*s sensitive=%s synonyms={", VIEW_FMT(entry->name), VIEW_FMT(value),
           entry->is_sensitive ? "true" : "false");
    for (int i = 0; i < entry->synonyms_count; i++) {
        struct view synonym = or_null(entry->synonyms[i].value);
        printf("%s%s:%.*s=%.*s", i == 0 ? "" : ", ", source_name(entry->synonyms[i].source),
               VIEW_FMT(entry->synonyms[i].name), VIEW_FMT(synonym));
    }
    puts("}");
}

static int describe_one(struct session *session, const char *name)
{
    const char *type = session->request->type_name;
    config_entry *entries;
    int count;
    struct view message;
    if (name[0] == '\0')
        printf("Default configs for %s in the cluster are:\n", type);
    else
        printf("%s configs for %.*s %s are:\n", session->request->all ? "All" : "Dynamic",
               (int)strlen(type) - 1, type, name);
    if (!ask(session, name, session->request->all, &entries, &count, &message))
        return configs_fail(session->request, message);
    for (int i = 0; i < count; i++)
        print_entry(&entries[i]);
    return 0;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int describe_topics(struct session *session)
{
    struct wire_metadata_response answer;
    struct errmsg why = {0};
    if (admin_metadata(session->client, NULL, -1, false, session->arena, &answer, &why) != ERR_NONE)
        return configs_fail(session->request, view_str(why.text));
    const char **names = arena_zalloc(session->arena, (size_t)answer.topics_count * sizeof *names);
    for (int i = 0; i < answer.topics_count; i++)
        names[i] = arena_cstr(session->arena, answer.topics[i].name);
    qsort(names, (size_t)answer.topics_count, sizeof *names, compare_names);
    int status = 0;
    for (int i = 0; i < answer.topics_count && status == 0; i++)
        status = describe_one(session, names[i]);
    return status;
}

static int describe(struct session *session)
{
    const struct configs_request *request = session->request;
    if (request->name != NULL)
        return describe_one(session, request->name);
    if (request->type == CONFIGS_TOPICS)
        return describe_topics(session);
    int status = 0;
    for (int i = 0; i < admin_client_broker_count(session->client) && status == 0; i++) {
        int32_t id = admin_client_broker_at(session->client, i)->id;
        status = describe_one(session, arena_printf(session->arena, "%" PRId32, id));
    }
    return status == 0 && request->type == CONFIGS_BROKERS ? describe_one(session, "") : status;
}

/* --- alter ------------------------------------------------------------------------------------------ */

struct present {
    const config_entry *entries;
    int count;
};

static bool is_present(const void *arg, const char *name)
{
    const struct present *present = arg;
    for (int i = 0; i < present->count; i++)
        if (view_equal_str(present->entries[i].name, name))
            return true;
    return false;
}

static bool check_loggers(const struct configs_request *request, const struct present *present,
                          struct errmsg *why)
{
    for (int i = 0; i < request->edits.count; i++) {
        if (!is_present(present, request->edits.items[i].name)) {
            errmsg_set(why, "Invalid broker logger(s): %.150s", request->edits.items[i].name);
            return false;
        }
    }
    return true;
}

static int send_edits(struct session *session)
{
    const struct configs_request *request = session->request;
    struct wire_incremental_alter_configs_request_alter_configs_resource resource;
    struct wire_incremental_alter_configs_request message;
    struct wire_incremental_alter_configs_response answer;
    struct errmsg why = {0};
    wire_init(&wire_incremental_alter_configs_request_alter_configs_resource_desc, &resource);
    wire_init(&wire_incremental_alter_configs_request_desc, &message);
    resource.resource_type = resource_type(request->type);
    resource.resource_name = view_str(request->name);
    resource.configs_count = request->edits.count;
    resource.configs = wire_new(&wire_incremental_alter_configs_request_alterable_config_desc, session->arena,
                                (size_t)request->edits.count);
    for (int i = 0; i < request->edits.count; i++) {
        const struct config_edit *edit = &request->edits.items[i];
        resource.configs[i].name = view_str(edit->name);
        resource.configs[i].config_operation = edit->value ? OPERATION_SET : OPERATION_DELETE;
        resource.configs[i].value = view_str(edit->value ? edit->value : "");
    }
    message.resources = &resource;
    message.resources_count = 1;
    if (admin_call(session->client, target_of(session, request->name),
                   wire_api_find_any(INCREMENTAL_ALTER_CONFIGS_KEY), &message, session->arena, &answer,
                   &why) != ERR_NONE)
        return configs_fail(request, view_str(why.text));
    for (int i = 0; i < answer.responses_count; i++)
        if (answer.responses[i].error_code != ERR_NONE)
            return configs_fail(request, kafka_error_message(answer.responses[i].error_code,
                                                             answer.responses[i].error_message));
    return 0;
}

static int alter(struct session *session)
{
    const struct configs_request *request = session->request;
    config_entry *entries;
    int count;
    struct view message;
    struct errmsg why = {0};
    if (!ask(session, request->name, false, &entries, &count, &message))
        return configs_fail(request, message);
    struct present present = {entries, count};
    bool fine = request->type == CONFIGS_BROKER_LOGGERS
                    ? check_loggers(request, &present, &why)
                    : configs_check_removed(request, is_present, &present, "Invalid config(s)", &why);
    if (!fine)
        return configs_refuse(&why);
    int status = send_edits(session);
    if (status != 0)
        return status;
    if (request->name[0] != '\0')
        printf("Completed updating config for %.*s %s.\n", (int)strlen(request->type_name) - 1,
               request->type_name, request->name);
    else
        printf("Completed updating default config for %s in the cluster.\n", request->type_name);
    return 0;
}

int configs_over_wire(const struct configs_request *request, struct arena *arena, const char *bootstrap,
                      const char *command_config)
{
    struct session session = {.request = request, .arena = arena};
    struct client_config config;
    struct errmsg why = {0};
    if (!client_config_load(command_config, "adminclient-1", &config, &why))
        return configs_refuse(&why);
    struct progress progress;
    progress_start(&progress, "Waiting for the cluster", NULL, 0);
    session.client = admin_client_new(bootstrap, &config, &why);
    int status;
    if (session.client == NULL)
        status = configs_fail(request, view_str(why.text));
    else
        status = request->alter ? alter(&session) : describe(&session);
    progress_stop(&progress);
    admin_client_free(session.client);
    client_config_close(&config);
    return status;
}
