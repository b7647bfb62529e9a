/*
 * A topic's settings: parsed texts first (struct texts, one per row of the topic table), then the
 * plain fields. The texts come from the topic where it sets one, else from the broker.
 */
#include "config/topic_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "config/snapshot.h"

struct values {
    struct config_value items[TOPIC_KEY_COUNT];
};

/* The broker's limit of a timestamp: the deprecated symmetric one counts while this has its default. */
static int64_t timestamp_limit(const struct config *broker, enum config_key key)
{
    int64_t limit = config_long(broker, key);
    return limit != INT64_MAX ? limit : config_long(broker, CONFIG_LOG_MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS);
}

/* The strongest of the broker's spellings that is set. */
static const struct topic_synonym *strongest(const struct config *broker, enum topic_key key)
{
    const struct topic_synonym *synonym = topic_table_get(key)->synonyms;
    for (; synonym->factor; synonym++)
        if (config_is_set(broker, synonym->key))
            return synonym;
    return NULL;
}

const char *topic_config_inherited_text(const struct config *broker, enum topic_key key, struct arena *arena)
{
    if (key == TOPIC_KEY_MESSAGE_TIMESTAMP_BEFORE_MAX_MS)
        return arena_printf(arena, "%lld",
                            (long long)timestamp_limit(broker, CONFIG_LOG_MESSAGE_TIMESTAMP_BEFORE_MAX_MS));
    if (key == TOPIC_KEY_MESSAGE_TIMESTAMP_AFTER_MAX_MS)
        return arena_printf(arena, "%lld",
                            (long long)timestamp_limit(broker, CONFIG_LOG_MESSAGE_TIMESTAMP_AFTER_MAX_MS));
    if (key == TOPIC_KEY_MESSAGE_FORMAT_VERSION && config_protocol_at_least(broker, "3.0-IV1"))
        return topic_table_get(key)->setting.default_text;
    const struct topic_synonym *synonym = strongest(broker, key);
    if (!synonym)
        return topic_table_get(key)->setting.default_text;
    const struct config_value *value = snapshot_value(broker, synonym->key);
    enum config_type type = config_table_get(synonym->key)->type;
    if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_LONG)
        return value->text;
    int64_t number = value->integer * synonym->factor; /* hours fit: 2^31 * 3600000 < 2^63 */
    if (key == TOPIC_KEY_RETENTION_MS && number < 0)
        number = -1;
    return arena_printf(arena, "%lld", (long long)number);
}

static void inherit(const struct config *broker, struct arena *arena, struct values *out)
{
    for (unsigned i = 0; i < TOPIC_KEY_COUNT; i++) {
        enum topic_key key = (enum topic_key)i;
        const struct setting *setting = &topic_table_get(key)->setting;
        const char *text = topic_config_inherited_text(broker, key, arena);
        /* flush.ms has a lower bound that the broker's own spelling lacks. */
        if (config_value_parse(setting, text, arena, &out->items[i], NULL)) {
            enum err err = config_value_parse(setting, setting->default_text, arena, &out->items[i], NULL);
            ASSERT(!err);
        }
    }
}

static enum err parse_one(const char *name, const char *text, struct arena *arena, enum topic_key *key,
                          struct config_value *out, struct errmsg *why)
{
    *key = topic_table_find(name);
    if (*key != TOPIC_KEY_NONE)
        return config_value_parse(&topic_table_get(*key)->setting, text, arena, out, why);
    errmsg_set(why, "Unknown topic config name: %.150s", name);
    return ERR_INVALID_CONFIG;
}

static enum err override(struct config_pairs overrides, struct arena *arena, struct values *out,
                         struct errmsg *why)
{
    enum err first = ERR_NONE;
    for (size_t i = 0; i < overrides.count; i++) {
        enum topic_key key;
        struct config_value value;
        enum err err = parse_one(overrides.items[i].name, overrides.items[i].value, arena, &key, &value,
                                 first ? NULL : why);
        if (!err)
            out->items[key] = value;
        else if (!first)
            first = err;
    }
    return first;
}

#define VALUE(values_, key_) (&(values_)->items[TOPIC_KEY_##key_])
#define INT_OF(key_)         ((int32_t)VALUE(values, key_)->integer)
#define LONG_OF(key_)        (VALUE(values, key_)->integer)

static bool list_has(const struct config_value *list, const char *item)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcasecmp(list->items[i], item) == 0)
            return true;
    return false;
}

static enum topic_compression compression_of(const char *text)
{
    static const struct {
        const char *name;
        enum topic_compression type;
    } names[] = {
        {"producer", TOPIC_COMPRESSION_PRODUCER}, {"uncompressed", TOPIC_COMPRESSION_NONE},
        {"gzip", TOPIC_COMPRESSION_GZIP},         {"snappy", TOPIC_COMPRESSION_SNAPPY},
        {"lz4", TOPIC_COMPRESSION_LZ4},           {"zstd", TOPIC_COMPRESSION_ZSTD},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(names[i].name, text) == 0)
            return names[i].type;
    UNREACHABLE();
}

static void fill_storage(const struct values *values, struct topic_config *out)
{
    int64_t difference_ms = LONG_OF(MESSAGE_TIMESTAMP_DIFFERENCE_MAX_MS);
    int64_t before_ms = LONG_OF(MESSAGE_TIMESTAMP_BEFORE_MAX_MS);
    int64_t after_ms = LONG_OF(MESSAGE_TIMESTAMP_AFTER_MAX_MS);
    out->max_message_bytes = INT_OF(MAX_MESSAGE_BYTES);
    out->segment_bytes = INT_OF(SEGMENT_BYTES);
    out->segment_ms = LONG_OF(SEGMENT_MS);
    out->segment_jitter_ms = LONG_OF(SEGMENT_JITTER_MS);
    out->segment_index_bytes = INT_OF(SEGMENT_INDEX_BYTES);
    out->index_interval_bytes = INT_OF(INDEX_INTERVAL_BYTES);
    out->retention_ms = LONG_OF(RETENTION_MS);
    out->retention_bytes = LONG_OF(RETENTION_BYTES);
    out->flush_messages = LONG_OF(FLUSH_MESSAGES);
    out->flush_ms = LONG_OF(FLUSH_MS);
    out->file_delete_delay_ms = LONG_OF(FILE_DELETE_DELAY_MS);
    out->preallocate = VALUE(values, PREALLOCATE)->boolean;
    out->message_timestamp_type = strcmp(VALUE(values, MESSAGE_TIMESTAMP_TYPE)->text, "CreateTime") == 0
                                      ? TOPIC_TIMESTAMP_CREATE_TIME
                                      : TOPIC_TIMESTAMP_LOG_APPEND_TIME;
    out->message_timestamp_before_max_ms = before_ms != INT64_MAX ? before_ms : difference_ms;
    out->message_timestamp_after_max_ms = after_ms != INT64_MAX ? after_ms : difference_ms;
}

static void fill_rest(const struct values *values, struct topic_config *out)
{
    out->delete_retention_ms = LONG_OF(DELETE_RETENTION_MS);
    out->min_compaction_lag_ms = LONG_OF(MIN_COMPACTION_LAG_MS);
    out->max_compaction_lag_ms = LONG_OF(MAX_COMPACTION_LAG_MS);
    out->min_cleanable_dirty_ratio = VALUE(values, MIN_CLEANABLE_DIRTY_RATIO)->real;
    out->cleanup_compact = list_has(VALUE(values, CLEANUP_POLICY), "compact");
    out->cleanup_delete = list_has(VALUE(values, CLEANUP_POLICY), "delete");
    out->compression_type = compression_of(VALUE(values, COMPRESSION_TYPE)->text);
    out->compression_gzip_level = INT_OF(COMPRESSION_GZIP_LEVEL);
    out->compression_lz4_level = INT_OF(COMPRESSION_LZ4_LEVEL);
    out->compression_zstd_level = INT_OF(COMPRESSION_ZSTD_LEVEL);
    out->min_insync_replicas = INT_OF(MIN_INSYNC_REPLICAS);
    out->unclean_leader_election_enable = VALUE(values, UNCLEAN_LEADER_ELECTION_ENABLE)->boolean;
    out->message_downconversion_enable = VALUE(values, MESSAGE_DOWNCONVERSION_ENABLE)->boolean;
    out->leader_throttled_replicas = mem_strdup(VALUE(values, LEADER_REPLICATION_THROTTLED_REPLICAS)->text);
    out->follower_throttled_replicas =
        mem_strdup(VALUE(values, FOLLOWER_REPLICATION_THROTTLED_REPLICAS)->text);
}

enum err topic_config_build(const struct config *broker, struct config_pairs overrides,
                            struct topic_config *out, struct errmsg *why)
{
    struct arena arena = {0};
    struct values values;
    inherit(broker, &arena, &values);
    enum err err = override(overrides, &arena, &values, why);
    fill_storage(&values, out);
    fill_rest(&values, out);
    arena_close(&arena);
    return err;
}

void topic_config_close(struct topic_config *config)
{
    free(config->leader_throttled_replicas);
    free(config->follower_throttled_replicas);
    config->leader_throttled_replicas = NULL;
    config->follower_throttled_replicas = NULL;
}

bool topic_config_list_throttles(const char *replicas, int32_t partition, int32_t broker_id)
{
    if (strcmp(replicas, "*") == 0)
        return true;
    char wanted[32];
    int len = snprintf(wanted, sizeof wanted, "%d:%d", partition, broker_id);
    for (const char *item = replicas; item; item = strchr(item, ',')) {
        item += *item == ',';
        if (strncmp(item, wanted, (size_t)len) == 0 && (item[len] == ',' || item[len] == '\0'))
            return true;
    }
    return false;
}

int64_t topic_config_max_segment_ms(const struct topic_config *config)
{
    if (config->cleanup_compact && config->max_compaction_lag_ms > 0 &&
        config->max_compaction_lag_ms < config->segment_ms)
        return config->max_compaction_lag_ms;
    return config->segment_ms;
}

enum err topic_config_validate_one(const char *name, const char *value, struct errmsg *why)
{
    struct arena arena = {0};
    enum topic_key key;
    struct config_value parsed;
    enum err err = parse_one(name, value, &arena, &key, &parsed, why);
    arena_close(&arena);
    return err;
}

static enum err check_together(const struct values *values, struct errmsg *why)
{
    int64_t min_ms = LONG_OF(MIN_COMPACTION_LAG_MS);
    int64_t max_ms = LONG_OF(MAX_COMPACTION_LAG_MS);
    if (min_ms > max_ms)
        errmsg_set(
            why, "conflict topic config setting min.compaction.lag.ms (%lld) > max.compaction.lag.ms (%lld)",
            (long long)min_ms, (long long)max_ms);
    else if (VALUE(values, REMOTE_LOG_DELETE_ON_DISABLE)->boolean ||
             VALUE(values, REMOTE_LOG_COPY_DISABLE)->boolean)
        errmsg_set(why, "It is invalid to set `remote.log.delete.on.disable` or `remote.log.copy.disable` "
                        "under Zookeeper's mode.");
    else if (VALUE(values, REMOTE_STORAGE_ENABLE)->boolean)
        errmsg_set(why, "Tiered Storage functionality is disabled in the broker. Topic cannot be configured "
                        "with remote log storage.");
    else
        return ERR_NONE;
    return ERR_INVALID_CONFIG;
}

enum err topic_config_validate(const struct config *broker, struct config_pairs overrides, struct errmsg *why)
{
    /* Kafka names every unknown setting before it looks at a value. */
    for (size_t i = 0; i < overrides.count; i++) {
        if (topic_table_find(overrides.items[i].name) == TOPIC_KEY_NONE) {
            errmsg_set(why, "Unknown topic config name: %.150s", overrides.items[i].name);
            return ERR_INVALID_CONFIG;
        }
    }
    struct arena arena = {0};
    struct values values;
    inherit(broker, &arena, &values);
    enum err err = override(overrides, &arena, &values, why);
    if (!err)
        err = check_together(&values, why);
    arena_close(&arena);
    return err;
}
