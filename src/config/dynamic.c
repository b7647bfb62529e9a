#include "config/dynamic.h"

#include <string.h>

#include "base/buf.h"
#include "config/snapshot.h"

/* Stores of keys and trust: a change at run time is for one listener (SslConfigs.RECONFIGURABLE_CONFIGS). */
static bool is_listener_security(const char *name)
{
    return strncmp(name, "ssl.keystore.", 13) == 0 || strncmp(name, "ssl.truststore.", 15) == 0 ||
           strcmp(name, "ssl.key.password") == 0;
}

/* Known, and fixed while the broker runs. */
static bool is_fixed(const char *name)
{
    enum config_key key = config_table_find(name);
    if (key == CONFIG_KEY_NONE)
        return false;
    const struct setting *setting = config_table_get(key);
    return setting->update == UPDATE_READ_ONLY && setting->scope != SCOPE_PLUGIN;
}

/* May not be set for all brokers at once. */
static bool is_per_broker(const char *name)
{
    const char *listener;
    size_t listener_len;
    enum config_key key = config_table_find_prefixed(name, &listener, &listener_len);
    if (listener)
        return key != CONFIG_MAX_CONNECTIONS && key != CONFIG_MAX_CONNECTION_CREATION_RATE &&
               key != CONFIG_NUM_NETWORK_THREADS;
    return key != CONFIG_KEY_NONE && config_table_get(key)->update == UPDATE_PER_BROKER;
}

typedef bool (*name_test)(const char *name);

/* The checks by name alone, in the order Kafka makes them. */
static const struct {
    name_test test;
    bool only_cluster_default;
    const char *complaint;
} name_rules[] = {
    {is_fixed, false, "Cannot update these configs dynamically"},
    {is_listener_security, false,
     "These security configs can be dynamically updated only per-listener using the listener prefix"},
    {is_per_broker, true,
     "Cannot update these configs at default cluster level, broker id must be specified"},
};

#define NAME_RULE_COUNT (sizeof(name_rules) / sizeof(name_rules[0]))

static const char *name_complaint(const char *name, bool per_broker)
{
    for (size_t i = 0; i < NAME_RULE_COUNT; i++)
        if (!(name_rules[i].only_cluster_default && per_broker) && name_rules[i].test(name))
            return name_rules[i].complaint;
    return NULL;
}

/* Why a value cannot be applied; unknown names are somebody's plug-in's, and pass. */
static enum err check_value(const struct config_pair *pair, struct errmsg *why)
{
    const char *listener;
    size_t listener_len;
    enum config_key key = config_table_find_prefixed(pair->name, &listener, &listener_len);
    if (key == CONFIG_KEY_NONE)
        return ERR_NONE;
    const struct setting *setting = config_table_get(key);
    struct arena arena = {0};
    struct config_value value;
    enum err err = config_value_parse(setting, pair->value, &arena, &value, why);
    if (!err && setting->type == CONFIG_TYPE_PASSWORD) {
        errmsg_set(why, "%s: no setting that holds a password can be changed at run time", pair->name);
        err = ERR_INVALID_CONFIG;
    } else if (!err && config_value_is_refused(setting, &value)) {
        errmsg_set(why, "%s: refused: %s", pair->name, setting->reason);
        err = ERR_INVALID_CONFIG;
    }
    arena_close(&arena);
    return err;
}

static void put_pair(struct config *config, enum config_layer layer, const struct config_pair *pair)
{
    enum config_key key = config_table_find(pair->name);
    if (key == CONFIG_KEY_NONE)
        snapshot_add_extra(config, pair->name, pair->value, layer, (struct config_place){NULL, 0});
    else
        config->texts[layer][key] = arena_strdup(&config->arena, pair->value);
}

static void put_layer(struct config *config, enum config_layer layer, struct config_pairs pairs,
                      struct config_report *report)
{
    struct config_place place = {
        layer == LAYER_DYNAMIC_BROKER ? "/config/brokers/N" : "/config/brokers/<default>", 0};
    for (size_t i = 0; i < pairs.count; i++) {
        const struct config_pair *pair = &pairs.items[i];
        const char *complaint = name_complaint(pair->name, layer == LAYER_DYNAMIC_BROKER);
        struct errmsg why = {""};
        if (complaint)
            config_report_add(report, REPORT_WARNING, place, pair->name, "passed over: %s", complaint);
        else if (check_value(pair, &why))
            config_report_add(report, REPORT_WARNING, place, pair->name, "passed over: %s", why.text);
        else
            put_pair(config, layer, pair);
    }
}

struct config *config_with_dynamic(const struct config *base, struct config_pairs cluster_default,
                                   struct config_pairs broker, struct config_report *report)
{
    struct config *config = snapshot_new_from_static(base);
    size_t errors_before = report->error_count;
    put_layer(config, LAYER_DYNAMIC_DEFAULT, cluster_default, report);
    put_layer(config, LAYER_DYNAMIC_BROKER, broker, report);
    snapshot_resolve(config, report);
    if (report->error_count == errors_before)
        return config;
    config_release(config);
    return NULL;
}

static enum err check_names(bool per_broker, struct config_pairs pairs, size_t rule, struct errmsg *why)
{
    if (name_rules[rule].only_cluster_default && per_broker)
        return ERR_NONE;
    struct buf names = {0};
    for (size_t i = 0; i < pairs.count; i++)
        if (name_rules[rule].test(pairs.items[i].name))
            buf_printf(&names, "%s%.100s", names.len ? ", " : "", pairs.items[i].name);
    bool bad = names.len > 0;
    if (bad)
        errmsg_set(why, "%s: Set(%s)", name_rules[rule].complaint, buf_cstr(&names));
    buf_close(&names);
    return bad ? ERR_INVALID_CONFIG : ERR_NONE;
}

/* Pools are resized by at most a half or a double at a time (DynamicThreadPool). */
static enum err check_pool_size(const struct config *current, const struct config *next, enum config_key key,
                                struct errmsg *why)
{
    int64_t before = config_int(current, key);
    int64_t after = config_int(next, key);
    const char *name = config_table_get(key)->name;
    if (after == before)
        return ERR_NONE;
    if (after <= 0)
        errmsg_set(why,
                   "Dynamic thread count update validation failed for %s=%lld, value should be at least 1",
                   name, (long long)after);
    else if (after < before / 2)
        errmsg_set(
            why,
            "Dynamic thread count update validation failed for %s=%lld, value should be at least half the "
            "current value %lld",
            name, (long long)after, (long long)before);
    else if (after > before * 2)
        errmsg_set(
            why,
            "Dynamic thread count update validation failed for %s=%lld, value should not be greater than "
            "double the current value %lld",
            name, (long long)after, (long long)before);
    else
        return ERR_NONE;
    return ERR_INVALID_CONFIG;
}

/* The same for the cleaner, whose words are others (LogCleaner). */
static enum err check_cleaner_threads(const struct config *current, const struct config *next,
                                      struct errmsg *why)
{
    int64_t before = config_int(current, CONFIG_LOG_CLEANER_THREADS);
    int64_t after = config_int(next, CONFIG_LOG_CLEANER_THREADS);
    if (after < 1)
        errmsg_set(why, "Log cleaner threads should be at least 1");
    else if (after < before / 2)
        errmsg_set(why, "Log cleaner threads cannot be reduced to less than half the current value %lld",
                   (long long)before);
    else if (after > before * 2)
        errmsg_set(why, "Log cleaner threads cannot be increased to more than double the current value %lld",
                   (long long)before);
    else
        return ERR_NONE;
    return ERR_INVALID_CONFIG;
}

static void copy_layer(struct config *to, const struct config *from, enum config_layer layer)
{
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++)
        if (from->texts[layer][key])
            to->texts[layer][key] = arena_strdup(&to->arena, from->texts[layer][key]);
    for (size_t i = 0; i < from->extra_count; i++)
        if (from->extras[i].layer == layer)
            snapshot_add_extra(to, from->extras[i].name, from->extras[i].text, layer,
                               (struct config_place){NULL, 0});
}

/* What the settings would be together. */
static enum err check_together(const struct config *current, bool per_broker, struct config_pairs pairs,
                               struct errmsg *why)
{
    static const enum config_key pools[] = {CONFIG_NUM_IO_THREADS, CONFIG_NUM_REPLICA_FETCHERS,
                                            CONFIG_NUM_RECOVERY_THREADS_PER_DATA_DIR,
                                            CONFIG_BACKGROUND_THREADS};
    struct config_report report = {0};
    struct config *next = snapshot_new_from_static(current);
    enum config_layer layer = per_broker ? LAYER_DYNAMIC_BROKER : LAYER_DYNAMIC_DEFAULT;
    copy_layer(next, current, per_broker ? LAYER_DYNAMIC_DEFAULT : LAYER_DYNAMIC_BROKER);
    for (size_t i = 0; i < pairs.count; i++)
        put_pair(next, layer, &pairs.items[i]);
    snapshot_resolve(next, &report);
    enum err err = ERR_NONE;
    if (report.error_count) {
        errmsg_set(why, "Invalid dynamic configuration: %.220s", report.items[0].text);
        err = ERR_INVALID_CONFIG;
    }
    for (size_t i = 0; !err && i < sizeof(pools) / sizeof(pools[0]); i++)
        err = check_pool_size(current, next, pools[i], why);
    if (!err)
        err = check_cleaner_threads(current, next, why);
    config_release(next);
    config_report_close(&report);
    return err;
}

enum err config_validate_dynamic(const struct config *current, bool per_broker, struct config_pairs pairs,
                                 struct errmsg *why)
{
    enum err err = check_names(per_broker, pairs, 0, why);
    if (!err)
        err = check_names(per_broker, pairs, 1, why);
    for (size_t i = 0; !err && i < pairs.count; i++)
        err = check_value(&pairs.items[i], why);
    if (!err)
        err = check_names(per_broker, pairs, 2, why);
    return err ? err : check_together(current, per_broker, pairs, why);
}
