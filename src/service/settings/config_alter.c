/*
 * read -> edit -> check -> write if unchanged -> notify
 *   ^______________________________|  somebody was faster
 */
#include "service/settings/config_alter.h"

#include <string.h>

#include "base/log.h"
#include "config/dynamic.h"
#include "config/topic_config.h"
#include "core/controller/topic_name.h"
#include "service/settings/broker_settings.h"
#include "service/settings/config_store.h"

/* Each try that fails means that another writer succeeded, or that the connection was lost. */
#define TRIES_MAX 20

static void refuse(struct config_alter *alter, enum err err, const char *message)
{
    alter->err = err;
    alter->message = message;
}

/* "topics/orders" */
static const char *entity_of(const struct broker *broker, const struct config_alter *alter,
                             struct arena *arena)
{
    if (alter->kind == CONFIG_ALTER_TOPIC)
        return arena_printf(arena, "topics/%s", alter->topic);
    if (alter->kind == CONFIG_ALTER_BROKER)
        return arena_printf(arena, "brokers/%d", broker->id);
    return "brokers/<default>";
}

/* Kafka names the resource where the value itself is wrong, and does not where the name or a rule is. */
static bool is_about_value(const char *text)
{
    return strncmp(text, "Invalid value ", 14) == 0 || strncmp(text, "Tiered Storage ", 15) == 0;
}

static void check_topic(struct config_alter *alter, const struct config *config, struct config_pairs pairs,
                        struct arena *arena)
{
    struct errmsg why;
    if (*alter->topic == '\0')
        refuse(alter, ERR_INVALID_REQUEST, "Default topic resources are not allowed.");
    else if (!alter->topic_known)
        refuse(alter, ERR_UNKNOWN_TOPIC_OR_PARTITION,
               arena_printf(arena, "The topic '%s' does not exist.", alter->topic));
    else if (topic_config_validate(config, pairs, &why) != ERR_NONE)
        refuse(alter, ERR_INVALID_CONFIG,
               is_about_value(why.text)
                   ? arena_printf(
                         arena, "Invalid config value for resource ConfigResource(type=TOPIC, name='%s'): %s",
                         alter->topic, why.text)
                   : arena_strdup(arena, why.text));
}

static void check(struct config_alter *alter, const struct config *config, struct config_pairs pairs,
                  struct arena *arena)
{
    struct errmsg why;
    if (alter->kind == CONFIG_ALTER_TOPIC)
        check_topic(alter, config, pairs, arena);
    else if (config_validate_dynamic(config, alter->kind == CONFIG_ALTER_BROKER, pairs, &why) != ERR_NONE)
        refuse(alter, ERR_INVALID_REQUEST, arena_strdup(arena, why.text)); /* Kafka's code for it */
}

/* What the entity is to set. */
static bool edit(struct config_alter *alter, struct config_pairs present, struct arena *arena,
                 struct config_pairs *out)
{
    enum config_edit_table table = alter->kind == CONFIG_ALTER_TOPIC ? CONFIG_EDIT_TOPIC : CONFIG_EDIT_BROKER;
    if (alter->replace)
        present.count = 0;
    enum err err =
        config_edit_apply(present, alter->edits, alter->edits_count, table, arena, out, &alter->message);
    alter->err = err;
    return err == ERR_NONE;
}

static void fail(struct config_alter *alter, const char *entity, enum err err, const struct errmsg *why)
{
    log_error("config", "not_altered", "entity=%s error=\"%s\"", entity, why->text);
    refuse(alter, err, NULL);
}

/* One round; true when it is to be done once more. */
static bool attempt(struct broker *broker, struct config_alter *alter, const char *entity, bool validate_only,
                    struct arena *arena)
{
    struct config_pairs present, next;
    int32_t version;
    struct errmsg why;
    enum err err = config_store_read(broker, entity, arena, &present, &version, &why);
    if (err != ERR_NONE) {
        fail(alter, entity, err, &why);
        return false;
    }
    if (!edit(alter, present, arena, &next))
        return false;
    struct config *config = broker_settings_share(broker);
    check(alter, config, next, arena);
    config_release(config);
    if (alter->err != ERR_NONE || validate_only)
        return false;
    const char *guard =
        alter->kind == CONFIG_ALTER_TOPIC ? arena_printf(arena, "/brokers/topics/%s", alter->topic) : NULL;
    err = config_store_write(broker, entity, guard, next, version, &why);
    if (err == ERR_BAD_VERSION)
        return true;
    if (err == ERR_NONE)
        log_info("config", "altered", "entity=%s settings=%zu", entity, next.count);
    else if (err == ERR_NOT_FOUND && guard)
        refuse(alter, ERR_UNKNOWN_TOPIC_OR_PARTITION,
               arena_printf(arena, "Topic '%s' does not exist.", alter->topic));
    else
        fail(alter, entity, err, &why);
    return false;
}

void config_alter_run(struct broker *broker, struct config_alter *alter, bool validate_only,
                      struct arena *arena)
{
    alter->err = ERR_NONE;
    if (alter->kind == CONFIG_ALTER_TOPIC && !topic_name_is_valid(alter->topic, NULL)) {
        /* No znode to read; the checks say what is wrong. */
        struct config_pairs next;
        if (edit(alter, (struct config_pairs){0}, arena, &next))
            check_topic(alter, NULL, next, arena);
        return;
    }
    const char *entity = entity_of(broker, alter, arena);
    for (int i = 0; i < TRIES_MAX; i++)
        if (!attempt(broker, alter, entity, validate_only, arena))
            return;
    struct errmsg why;
    errmsg_set(&why, "%d writes met a change by somebody else", TRIES_MAX);
    fail(alter, entity, ERR_UNKNOWN_SERVER_ERROR, &why);
}
