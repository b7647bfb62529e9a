/*
 * DescribeConfigs, as Kafka's ConfigHelper answers it: the synonyms of a setting are every layer in
 * which one of its spellings is set, strongest layer first; they begin with the first one that has
 * the setting's own name, and that one is the source.
 */
#include "config/describe.h"

#include <string.h>

#include "config/snapshot.h"
#include "config/topic_config.h"

/* Most spellings of one setting. */
#define SPELLING_MAX TOPIC_SYNONYM_MAX

struct spellings {
    enum config_key keys[SPELLING_MAX];
    size_t count;
};

/* DynamicBrokerConfig.brokerConfigSynonyms. */
static struct spellings spellings_of(enum config_key key)
{
    struct spellings out = {.keys = {key}, .count = 1};
    /* The scheduler's interval lends its value to log.flush.interval.ms, which does not lend it back. */
    enum topic_key topic = topic_table_find_by_broker_key(key);
    if (topic == TOPIC_KEY_NONE || key == CONFIG_LOG_FLUSH_SCHEDULER_INTERVAL_MS)
        return out;
    const struct topic_synonym *synonyms = topic_table_get(topic)->synonyms;
    for (out.count = 0; out.count < SPELLING_MAX && synonyms[out.count].factor; out.count++)
        out.keys[out.count] = synonyms[out.count].key;
    return out;
}

static enum config_source source_of_layer(int layer)
{
    static const enum config_source sources[LAYER_COUNT] = {
        [LAYER_DEFAULT] = CONFIG_SOURCE_DEFAULT,
        [LAYER_STATIC] = CONFIG_SOURCE_STATIC_BROKER,
        [LAYER_DYNAMIC_DEFAULT] = CONFIG_SOURCE_DYNAMIC_DEFAULT_BROKER,
        [LAYER_DYNAMIC_BROKER] = CONFIG_SOURCE_DYNAMIC_BROKER,
    };
    return sources[layer];
}

/* Appends the synonyms of a broker's setting; only those of one layer when `only` is a layer. */
static void add_synonyms(const struct config *config, enum config_key key, int only, bool sensitive,
                         struct config_synonym *out, size_t *count)
{
    struct spellings spellings = spellings_of(key);
    bool began = false;
    for (int layer = LAYER_COUNT - 1; layer >= 0; layer--) {
        for (size_t i = 0; i < spellings.count; i++) {
            enum config_key spelling = spellings.keys[i];
            const char *text = config->texts[layer][spelling];
            began = began || (text && spelling == key);
            if (!text || !began || (only >= 0 && only != layer))
                continue;
            out[(*count)++] = (struct config_synonym){config_table_get(spelling)->name,
                                                      sensitive ? NULL : text, source_of_layer(layer)};
        }
    }
}

#define SYNONYM_MAX (LAYER_COUNT * SPELLING_MAX + 1)

static void finish_entry(struct config_entry *entry, const struct config_synonym *synonyms, size_t count,
                         struct arena *arena)
{
    struct config_synonym *copy = arena_alloc(arena, count * sizeof(*copy));
    if (count)
        memcpy(copy, synonyms, count * sizeof(*copy));
    entry->synonyms = copy;
    entry->synonym_count = count;
    entry->source = count ? synonyms[0].source : CONFIG_SOURCE_DEFAULT;
}

static struct config_entry known_entry(const struct config *config, enum config_key key, const char *value,
                                       int only, struct arena *arena)
{
    const struct setting *setting = config_table_get(key);
    /* Kafka's broker does not know the settings of its plug-ins, and shows none of their values. */
    enum config_type type = setting->scope == SCOPE_PLUGIN ? CONFIG_TYPE_UNKNOWN : setting->type;
    bool sensitive = config_type_is_sensitive(type);
    struct config_entry entry = {
        .name = setting->name,
        .value = sensitive ? NULL : value,
        .type = type,
        .sensitive = sensitive,
        .read_only = setting->update == UPDATE_READ_ONLY || setting->scope == SCOPE_DYNAMIC,
        .documentation = setting->meaning,
    };
    struct config_synonym synonyms[SYNONYM_MAX];
    size_t count = 0;
    add_synonyms(config, key, only, sensitive, synonyms, &count);
    finish_entry(&entry, synonyms, count, arena);
    return entry;
}

/* A name with a listener's prefix, or an unknown one. */
static struct config_entry extra_entry(const struct config *config, const struct config_extra *extra,
                                       int only, struct arena *arena)
{
    bool known = extra->key != CONFIG_KEY_NONE;
    enum config_type type = known ? config_table_get(extra->key)->type : CONFIG_TYPE_UNKNOWN;
    bool sensitive = config_type_is_sensitive(type);
    struct config_entry entry = {
        .name = extra->name,
        .value = sensitive ? NULL : extra->text,
        .type = type,
        .sensitive = sensitive,
        .read_only = true,
        .documentation = known ? config_table_get(extra->key)->meaning : NULL,
    };
    struct config_synonym synonyms[LAYER_COUNT + SYNONYM_MAX];
    size_t count = 0;
    for (int layer = LAYER_COUNT - 1; layer > LAYER_DEFAULT; layer--)
        for (size_t i = 0; i < config->extra_count && count < LAYER_COUNT; i++)
            if (config->extras[i].layer == (enum config_layer)layer && (only < 0 || only == layer) &&
                strcmp(config->extras[i].name, extra->name) == 0)
                synonyms[count++] = (struct config_synonym){
                    extra->name, sensitive ? NULL : config->extras[i].text, source_of_layer(layer)};
    if (known)
        add_synonyms(config, extra->key, only, sensitive, synonyms, &count);
    finish_entry(&entry, synonyms, count, arena);
    return entry;
}

/* The strongest of several layers that set the same extra name. */
static bool is_strongest(const struct config *config, const struct config_extra *extra)
{
    for (size_t i = 0; i < config->extra_count; i++) {
        const struct config_extra *other = &config->extras[i];
        bool later = other->layer > extra->layer || (other->layer == extra->layer && other > extra);
        if (later && strcmp(other->name, extra->name) == 0)
            return false;
    }
    return true;
}

static bool is_set_somewhere(const struct config *config, enum config_key key)
{
    return config->texts[LAYER_STATIC][key] || config->texts[LAYER_DYNAMIC_DEFAULT][key] ||
           config->texts[LAYER_DYNAMIC_BROKER][key];
}

static bool is_shown(const struct config *config, enum config_key key)
{
    const struct setting *setting = config_table_get(key);
    bool always = !setting->internal && setting->scope != SCOPE_DYNAMIC && setting->scope != SCOPE_PLUGIN;
    return always || is_set_somewhere(config, key);
}

struct config_entries config_describe_broker(const struct config *config, struct arena *arena)
{
    size_t most = CONFIG_KEY_COUNT + config->extra_count;
    struct config_entries out = {arena_alloc(arena, most * sizeof(struct config_entry)), 0};
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        if (is_shown(config, key))
            out.items[out.count++] = known_entry(config, key, snapshot_value(config, key)->text, -1, arena);
    }
    for (size_t i = 0; i < config->extra_count; i++)
        if (is_strongest(config, &config->extras[i]))
            out.items[out.count++] = extra_entry(config, &config->extras[i], -1, arena);
    return out;
}

struct config_entries config_describe_cluster_default(const struct config *config, struct arena *arena)
{
    size_t most = CONFIG_KEY_COUNT + config->extra_count;
    struct config_entries out = {arena_alloc(arena, most * sizeof(struct config_entry)), 0};
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        const char *text = config->texts[LAYER_DYNAMIC_DEFAULT][key];
        if (text)
            out.items[out.count++] = known_entry(config, key, text, LAYER_DYNAMIC_DEFAULT, arena);
    }
    for (size_t i = 0; i < config->extra_count; i++)
        if (config->extras[i].layer == LAYER_DYNAMIC_DEFAULT)
            out.items[out.count++] = extra_entry(config, &config->extras[i], LAYER_DYNAMIC_DEFAULT, arena);
    return out;
}

static struct config_entry topic_entry(const struct config *broker, enum topic_key key, const char *own,
                                       struct arena *arena)
{
    const struct topic_setting *row = topic_table_get(key);
    struct config_synonym synonyms[SYNONYM_MAX + 1];
    size_t count = 0;
    struct config_value value;
    const char *text = own ? own : topic_config_inherited_text(broker, key, arena);
    /* A value that does not parse is shown as it stands in ZooKeeper. */
    if (!config_value_parse(&row->setting, text, arena, &value, NULL))
        text = value.text;
    struct config_entry entry = {
        .name = row->setting.name,
        .value = text,
        .type = row->setting.type,
        .documentation = row->setting.meaning,
    };
    if (own)
        synonyms[count++] = (struct config_synonym){entry.name, text, CONFIG_SOURCE_TOPIC};
    if (row->synonyms[0].factor)
        add_synonyms(broker, row->synonyms[0].key, -1, false, synonyms, &count);
    finish_entry(&entry, synonyms, count, arena);
    return entry;
}

struct config_entries topic_config_describe(const struct config *broker, struct config_pairs overrides,
                                            struct arena *arena)
{
    struct config_entries out = {arena_alloc(arena, TOPIC_KEY_COUNT * sizeof(struct config_entry)), 0};
    for (unsigned i = 0; i < TOPIC_KEY_COUNT; i++) {
        enum topic_key key = (enum topic_key)i;
        const char *own = NULL;
        for (size_t j = 0; j < overrides.count; j++)
            if (strcmp(overrides.items[j].name, topic_table_get(key)->setting.name) == 0)
                own = overrides.items[j].value;
        out.items[out.count++] = topic_entry(broker, key, own, arena);
    }
    return out;
}
