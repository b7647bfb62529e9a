/*
 * `barnabas configs --zookeeper`: settings of brokers that are down, as Kafka's
 * tool allows, and of topics, as its releases before 3.0 did. A broker that is up
 * must be asked itself: it alone can tell whether it can take a setting.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cli/configs.h"
#include "cli/java_order.h"
#include "cli/progress.h"
#include "cli/zk_admin.h"
#include "config/config_table.h"
#include "config/topic_config.h"

#define DEFAULT_ENTITY "<default>"
#define WRITE_ATTEMPTS 10

struct session {
    const struct configs_request *request;
    struct zk_admin *admin;
    struct arena *arena;
};

/* "brokers '0'", "default brokers", "topic 't'": Kafka's words for it. */
static const char *entity_text(struct session *session, const char *name)
{
    const char *type = session->request->type == CONFIGS_TOPICS ? "topic" : session->request->type_name;
    if (strcmp(name, DEFAULT_ENTITY) == 0)
        return arena_printf(session->arena, "default %s", type);
    return arena_printf(session->arena, "%s '%s'", type, name);
}

static const char *entity_name(const struct configs_request *request)
{
    return request->name != NULL && request->name[0] == '\0' ? DEFAULT_ENTITY : request->name;
}

/* --- checks ----------------------------------------------------------------------------------------- */

static bool check_down(struct session *session, struct errmsg *why)
{
    const struct configs_request *request = session->request;
    const char *name = entity_name(request);
    struct znode_ids live;
    if (request->type != CONFIGS_BROKERS)
        return true;
    if (zk_admin_broker_ids(session->admin, session->arena, &live, why) != ERR_NONE)
        return false;
    bool all = name == NULL || strcmp(name, DEFAULT_ENTITY) == 0;
    long id = all ? -1 : strtol(name, NULL, 10);
    for (int i = 0; i < live.count; i++) {
        if (!all && live.ids[i] != id)
            continue;
        const char *verb = request->alter ? "update brokers configs" : "describe brokers";
        if (all)
            errmsg_set(why,
                       "requirement failed: --bootstrap-server option must be specified to %s - %" PRId32
                       " brokers are running. Broker configuration operations using ZooKeeper are only "
                       "supported if the affected broker(s) are not running.",
                       verb, live.count);
        else
            errmsg_set(why,
                       "requirement failed: --bootstrap-server option must be specified to %s - broker "
                       "%ld is running. Broker configuration operations using ZooKeeper are only "
                       "supported if the affected broker(s) are not running.",
                       verb, id);
        return false;
    }
    return true;
}

static bool check_broker_setting(const struct config_edit *edit, bool per_broker, struct errmsg *why)
{
    enum config_key key = config_table_find(edit->name);
    if (key == CONFIG_KEY_NONE)
        return true; /* of a plugin: kept for it, as Kafka does */
    const struct setting *setting = config_table_get(key);
    if (setting->update == UPDATE_READ_ONLY)
        errmsg_set(why, "Cannot update these configs dynamically: Set(%.100s)", edit->name);
    else if (setting->update == UPDATE_PER_BROKER && !per_broker)
        errmsg_set(why, "Cannot update these configs at default cluster level: Set(%.100s)", edit->name);
    else if (setting->type == CONFIG_TYPE_PASSWORD)
        errmsg_set(why,
                   "%.100s is a password, which must be stored encrypted; that is not supported by this "
                   "version",
                   edit->name);
    else
        return true;
    return false;
}

static bool check_edits(const struct configs_request *request, struct errmsg *why)
{
    bool per_broker = strcmp(entity_name(request), DEFAULT_ENTITY) != 0;
    for (int i = 0; i < request->edits.count; i++) {
        const struct config_edit *edit = &request->edits.items[i];
        if (edit->value == NULL)
            continue;
        if (request->type == CONFIGS_BROKERS
                ? !check_broker_setting(edit, per_broker, why)
                : topic_config_validate_one(edit->name, edit->value, why) != ERR_NONE)
            return false;
    }
    return true;
}

static bool check_topic(struct session *session, struct errmsg *why)
{
    bool exists = true;
    if (session->request->type != CONFIGS_TOPICS)
        return true;
    const char *name = session->request->name;
    const char *path = arena_printf(session->arena, "/brokers/topics/%s", name);
    if (zk_admin_exists(session->admin, path, &exists, why) != ERR_NONE)
        return false;
    if (!exists)
        errmsg_set(why, "Topic '%.150s' does not exist", name);
    return exists;
}

/* --- alter ------------------------------------------------------------------------------------------ */

static bool is_present(const void *arg, const char *name)
{
    const struct znode_config *config = arg;
    for (int32_t i = 0; i < config->count; i++)
        if (strcmp(config->entries[i].name, name) == 0)
            return true;
    return false;
}

static void split_edits(const struct config_edits *from, struct arena *arena, struct zk_admin_edits *out)
{
    struct znode_config_entry *set = arena_zalloc(arena, (size_t)from->count * sizeof *set);
    const char **remove = arena_zalloc(arena, (size_t)from->count * sizeof *remove);
    *out = (struct zk_admin_edits){.set = set, .remove = remove};
    for (int i = 0; i < from->count; i++) {
        if (from->items[i].value == NULL)
            remove[out->remove_count++] = from->items[i].name;
        else
            set[out->set_count++] = (struct znode_config_entry){from->items[i].name, from->items[i].value};
    }
}

static int alter(struct session *session)
{
    const struct configs_request *request = session->request;
    const char *name = entity_name(request);
    const char *entity = arena_printf(session->arena, "%s/%s", request->type_name, name);
    struct errmsg why = {0};
    if (!check_down(session, &why))
        return configs_refuse(&why);
    if (!check_edits(request, &why) || !check_topic(session, &why))
        return configs_fail(request, view_str(why.text));
    struct zk_admin_edits edits;
    split_edits(&request->edits, session->arena, &edits);
    enum err err = ERR_NONE;
    for (int i = 0; i < WRITE_ATTEMPTS; i++) {
        struct znode_config now, next;
        int32_t version;
        err = zk_admin_read_config(session->admin, entity, session->arena, &now, &version, &why);
        if (err != ERR_NONE)
            break;
        if (!configs_check_removed(request, is_present, &now, "Invalid config(s)", &why))
            return configs_refuse(&why);
        zk_admin_edit_config(&now, &edits, session->arena, &next);
        err = zk_admin_write_config(session->admin, entity, &next, version, &why);
        if (err != ERR_BAD_VERSION && err != ERR_EXISTS)
            break;
    }
    if (err != ERR_NONE)
        return configs_fail(request, view_str(why.text));
    printf("Completed updating config for entity: %s.\n", entity_text(session, name));
    return 0;
}

/* --- describe --------------------------------------------------------------------------------------- */

static int describe_one(struct session *session, const char *name)
{
    struct znode_config config;
    int32_t version;
    struct errmsg why = {0};
    const char *entity = arena_printf(session->arena, "%s/%s", session->request->type_name, name);
    if (zk_admin_read_config(session->admin, entity, session->arena, &config, &version, &why) != ERR_NONE)
        return configs_fail(session->request, view_str(why.text));
    struct view *names = arena_zalloc(session->arena, (size_t)config.count * sizeof *names);
    size_t *order = arena_zalloc(session->arena, (size_t)config.count * sizeof *order);
    for (int32_t i = 0; i < config.count; i++)
        names[i] = view_str(config.entries[i].name);
    java_hash_order(names, (size_t)config.count, order);
    printf("Configs for %s are ", entity_text(session, name));
    for (int32_t i = 0; i < config.count; i++)
        printf("%s%s=%s", i == 0 ? "" : ",", config.entries[order[i]].name, config.entries[order[i]].value);
    putchar('\n');
    return 0;
}

static int describe(struct session *session)
{
    const struct configs_request *request = session->request;
    struct errmsg why = {0};
    if (!check_down(session, &why))
        return configs_refuse(&why);
    if (request->name != NULL)
        return describe_one(session, entity_name(request));
    const struct view *names;
    int count;
    const char *path = arena_printf(session->arena, "/config/%s", request->type_name);
    enum err err =
        zk_sync_children(zk_admin_sync(session->admin), path, false, session->arena, &names, &count, &why);
    if (err != ERR_NONE && err != ERR_NOT_FOUND)
        return configs_fail(request, view_str(why.text));
    int status = 0;
    for (int i = 0; i < count && status == 0; i++)
        status = describe_one(session, arena_cstr(session->arena, names[i]));
    return status;
}

int configs_over_zookeeper(const struct configs_request *request, struct arena *arena, const char *connect)
{
    struct session session = {.request = request, .arena = arena};
    struct errmsg why = {0};
    struct progress progress;
    puts("Warning: --zookeeper is deprecated and will be removed in a future version of Kafka.\n"
         "Use --bootstrap-server instead to specify a broker to connect to.");
    progress_start(&progress, "Waiting for ZooKeeper", NULL, 0);
    session.admin = zk_admin_open(connect, &why);
    int status;
    if (session.admin == NULL)
        status = configs_fail(request, view_str(why.text));
    else
        status = request->alter ? alter(&session) : describe(&session);
    progress_stop(&progress);
    zk_admin_close(session.admin);
    return status;
}
