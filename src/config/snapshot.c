#include "config/snapshot.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/mem.h"
#include "config/check.h"
#include "config/inter_broker.h"
#include "config/versions.h"

struct config *snapshot_new(void)
{
    struct config *config = MEM_NEW(struct config);
    atomic_init(&config->share_count, 1);
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++)
        config->texts[LAYER_DEFAULT][key] = config_table_get((enum config_key)key)->default_text;
    return config;
}

struct config *snapshot_new_from_static(const struct config *base)
{
    struct config *config = snapshot_new();
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++) {
        const char *text = base->texts[LAYER_STATIC][key];
        if (!text)
            continue;
        const char *path = base->places[key].path;
        config->texts[LAYER_STATIC][key] = arena_strdup(&config->arena, text);
        config->places[key].path = path ? arena_strdup(&config->arena, path) : NULL;
        config->places[key].line = base->places[key].line;
    }
    for (size_t i = 0; i < base->extra_count; i++) {
        const struct config_extra *extra = &base->extras[i];
        if (extra->layer == LAYER_STATIC)
            snapshot_add_extra(config, extra->name, extra->text, LAYER_STATIC, extra->place);
    }
    return config;
}

struct config *config_share(struct config *config)
{
    atomic_fetch_add(&config->share_count, 1);
    return config;
}

void config_release(struct config *config)
{
    if (!config || atomic_fetch_sub(&config->share_count, 1) != 1)
        return;
    free(config->extras);
    arena_close(&config->arena);
    free(config);
}

struct config_extra *snapshot_add_extra(struct config *config, const char *name, const char *text,
                                        enum config_layer layer, struct config_place place)
{
    for (size_t i = 0; i < config->extra_count; i++) {
        struct config_extra *old = &config->extras[i];
        if (old->layer == layer && strcmp(old->name, name) == 0) {
            old->text = arena_strdup(&config->arena, text);
            old->place.line = place.line;
            return old;
        }
    }
    if (config->extra_count == config->extra_cap) {
        config->extra_cap = config->extra_cap ? config->extra_cap * 2 : 16;
        config->extras = mem_resize(config->extras, config->extra_cap * sizeof(*config->extras));
    }
    struct config_extra *extra = &config->extras[config->extra_count++];
    *extra = (struct config_extra){
        .name = arena_strdup(&config->arena, name),
        .text = arena_strdup(&config->arena, text),
        .layer = layer,
        .place = {place.path ? arena_strdup(&config->arena, place.path) : NULL, place.line},
    };
    extra->key = config_table_find_prefixed(extra->name, &extra->listener, &extra->listener_len);
    return extra;
}

struct config_place snapshot_place(const struct config *config, enum config_key key)
{
    return config->layers[key] == LAYER_STATIC ? config->places[key] : (struct config_place){NULL, 0};
}

/* Kafka's KafkaConfig.populateSynonyms: either name of the broker's id sets both. */
static void join_broker_id(struct config *config)
{
    const char **texts = config->texts[LAYER_STATIC];
    if (!texts[CONFIG_BROKER_ID] && texts[CONFIG_NODE_ID]) {
        texts[CONFIG_BROKER_ID] = texts[CONFIG_NODE_ID];
        config->places[CONFIG_BROKER_ID] = config->places[CONFIG_NODE_ID];
    } else if (texts[CONFIG_BROKER_ID] && !texts[CONFIG_NODE_ID]) {
        texts[CONFIG_NODE_ID] = texts[CONFIG_BROKER_ID];
        config->places[CONFIG_NODE_ID] = config->places[CONFIG_BROKER_ID];
    }
}

static void resolve_value(struct config *config, enum config_key key, struct config_report *report)
{
    const struct setting *setting = config_table_get(key);
    struct errmsg why = {""};
    int layer = LAYER_DYNAMIC_BROKER;
    while (layer > LAYER_DEFAULT && !config->texts[layer][key])
        layer--;
    config->layers[key] = (enum config_layer)layer;
    enum err err =
        config_value_parse(setting, config->texts[layer][key], &config->arena, &config->values[key], &why);
    if (!err)
        return;
    config_report_add(report, REPORT_ERROR, snapshot_place(config, key), setting->name, "%s", why.text)
        ->allowed = setting;
    err = config_value_parse(setting, setting->default_text, &config->arena, &config->values[key], &why);
    ASSERT(!err);
}

static void resolve_extras(struct config *config, struct config_report *report)
{
    for (size_t i = 0; i < config->extra_count; i++) {
        struct config_extra *extra = &config->extras[i];
        struct errmsg why = {""};
        if (extra->key == CONFIG_KEY_NONE)
            continue;
        const struct setting *setting = config_table_get(extra->key);
        if (!config_value_parse(setting, extra->text, &config->arena, &extra->value, &why))
            continue;
        config_report_add(report, REPORT_ERROR, extra->place, extra->name, "%s", why.text)->allowed = setting;
        extra->key = CONFIG_KEY_NONE;
    }
}

void snapshot_resolve(struct config *config, struct config_report *report)
{
    join_broker_id(config);
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++)
        resolve_value(config, (enum config_key)key, report);
    resolve_extras(config, report);
    const char *dirs = config_str(config, CONFIG_LOG_DIRS);
    if (!dirs)
        dirs = config_str(config, CONFIG_LOG_DIR);
    config->log_dirs.count = config_split_list(dirs, &config->arena, &config->log_dirs.items);
    config_listeners_parse(config, &config->arena, &config->listeners, report);
    config_check(config, report);
}

const struct config_value *snapshot_value(const struct config *config, enum config_key key)
{
    ASSERT(key < CONFIG_KEY_COUNT);
    return &config->values[key];
}

const struct config_extra *snapshot_listener_extra(const struct config *config, const char *listener,
                                                   size_t listener_len, enum config_key key)
{
    const struct config_extra *found = NULL;
    for (size_t i = 0; i < config->extra_count; i++) {
        const struct config_extra *extra = &config->extras[i];
        if (extra->key == key && extra->listener && extra->listener_len == listener_len &&
            strncasecmp(extra->listener, listener, listener_len) == 0 &&
            (!found || extra->layer >= found->layer))
            found = extra;
    }
    return found;
}

static const struct config_value *typed(const struct config *config, enum config_key key, unsigned types)
{
    ASSERT(types & (1u << config_table_get(key)->type));
    return snapshot_value(config, key);
}

#define TYPE_BIT(name) (1u << CONFIG_TYPE_##name)

bool config_bool(const struct config *config, enum config_key key)
{
    return typed(config, key, TYPE_BIT(BOOLEAN))->boolean;
}

int32_t config_int(const struct config *config, enum config_key key)
{
    const struct config_value *value = typed(config, key, TYPE_BIT(INT) | TYPE_BIT(SHORT));
    ASSERT(value->text != NULL);
    return (int32_t)value->integer;
}

int32_t config_int_or(const struct config *config, enum config_key key, int32_t unset)
{
    const struct config_value *value = typed(config, key, TYPE_BIT(INT) | TYPE_BIT(SHORT));
    return value->text ? (int32_t)value->integer : unset;
}

int64_t config_long(const struct config *config, enum config_key key)
{
    const struct config_value *value = typed(config, key, TYPE_BIT(LONG));
    ASSERT(value->text != NULL);
    return value->integer;
}

int64_t config_long_or(const struct config *config, enum config_key key, int64_t unset)
{
    const struct config_value *value = typed(config, key, TYPE_BIT(LONG));
    return value->text ? value->integer : unset;
}

double config_double(const struct config *config, enum config_key key)
{
    return typed(config, key, TYPE_BIT(DOUBLE))->real;
}

const char *config_str(const struct config *config, enum config_key key)
{
    return typed(config, key, TYPE_BIT(STRING) | TYPE_BIT(CLASS) | TYPE_BIT(PASSWORD))->text;
}

struct config_list config_list(const struct config *config, enum config_key key)
{
    const struct config_value *value = typed(config, key, TYPE_BIT(LIST));
    return (struct config_list){value->items, value->count};
}

static const struct config_value *listener_value(const struct config *config, const char *listener,
                                                 enum config_key key, unsigned types)
{
    const struct config_value *plain = typed(config, key, types);
    const struct config_extra *extra = snapshot_listener_extra(config, listener, strlen(listener), key);
    return extra ? &extra->value : plain;
}

int32_t config_listener_int(const struct config *config, const char *listener, enum config_key key)
{
    return (int32_t)listener_value(config, listener, key, TYPE_BIT(INT) | TYPE_BIT(SHORT))->integer;
}

int64_t config_listener_long(const struct config *config, const char *listener, enum config_key key)
{
    return listener_value(config, listener, key, TYPE_BIT(LONG))->integer;
}

bool config_listener_has(const struct config *config, const char *listener, enum config_key key)
{
    return snapshot_listener_extra(config, listener, strlen(listener), key) != NULL;
}

bool config_is_set(const struct config *config, enum config_key key)
{
    return snapshot_value(config, key)->text != NULL;
}

enum config_source config_source(const struct config *config, enum config_key key)
{
    ASSERT(key < CONFIG_KEY_COUNT);
    switch (config->layers[key]) {
    case LAYER_DYNAMIC_BROKER:
        return CONFIG_SOURCE_DYNAMIC_BROKER;
    case LAYER_DYNAMIC_DEFAULT:
        return CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER;
    case LAYER_STATIC:
        return CONFIG_SOURCE_STATIC_BROKER;
    case LAYER_DEFAULT:
    case LAYER_COUNT:
        break;
    }
    return CONFIG_SOURCE_DEFAULT;
}

int32_t config_broker_id(const struct config *config)
{
    return config_int(config, CONFIG_BROKER_ID);
}

struct config_list config_log_dirs(const struct config *config)
{
    return config->log_dirs;
}

const struct config_listeners *config_listeners(const struct config *config)
{
    return &config->listeners;
}

int32_t config_max_connections_per_ip(const struct config *config, const char *address)
{
    size_t len = strlen(address);
    const char *p = config_str(config, CONFIG_MAX_CONNECTIONS_PER_IP_OVERRIDES);
    /* "1.2.3.4:100, ::1:5": the number stands behind the last colon. */
    for (p += strspn(p, " \t,"); *p; p += strspn(p, " \t,")) {
        size_t end = strcspn(p, ",");
        const char *colon = memrchr(p, ':', end);
        if (colon && (size_t)(colon - p) == len && memcmp(p, address, len) == 0)
            return (int32_t)strtol(colon + 1, NULL, 10);
        p += end;
    }
    return config_int(config, CONFIG_MAX_CONNECTIONS_PER_IP);
}

bool config_protocol_at_least(const struct config *config, const char *version)
{
    return metadata_version_at_least(config_str(config, CONFIG_INTER_BROKER_PROTOCOL_VERSION), version);
}

const struct inter_broker *config_inter_broker(const struct config *config)
{
    return inter_broker_at(config_str(config, CONFIG_INTER_BROKER_PROTOCOL_VERSION));
}

bool config_selects_by_rack(const struct config *config)
{
    const char *selector = config_str(config, CONFIG_REPLICA_SELECTOR_CLASS);
    return selector && strcmp(selector, CONFIG_SELECTOR_RACK) == 0;
}
