/*
 * From the text of a server.properties to a snapshot:
 *
 *   properties_parse -> take_pair (each line, each override: which setting is this?)
 *                    -> snapshot_resolve (parse values, listeners, rules between settings)
 *                    -> note_effects (what has no effect here, what is refused)
 *
 * Nothing stops at the first complaint: an operator sees all of them at once.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/properties.h"
#include "config/snapshot.h"

/* Names that no table lists, for each plug-in makes up its own. */
static const struct {
    const char *prefix;
    const char *reason;
} plugin_prefixes[] = {
    {"authorizer.", "authorization is not built yet"},
    {"config.providers.", "config providers are not built yet"},
    {"rsm.config.", "tiered storage is not built yet"},
    {"rlmm.config.", "tiered storage is not built yet"},
    {"ssl.", "no listener can use TLS yet"},
    {"sasl.", "no listener can use SASL yet"},
    {"zookeeper.ssl.", "TLS to ZooKeeper is not built yet"},
};

static bool has_prefix(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

static void note_unknown(const struct config_extra *extra, struct config_report *report)
{
    if (extra->listener) {
        const char *rest = extra->listener + extra->listener_len + 1;
        config_report_add(report, REPORT_WARNING, extra->place, extra->name,
                          "unknown setting behind the prefix of a listener")
            ->nearest = config_table_nearest(rest);
        return;
    }
    const char *nearest = config_table_nearest(extra->name);
    /* A letter or two mistyped: one of ours rather than one that a plug-in made up. */
    bool likely = nearest && name_distance(extra->name, nearest, 4) <= 3;
    for (size_t i = 0; !likely && i < sizeof(plugin_prefixes) / sizeof(plugin_prefixes[0]); i++) {
        if (!has_prefix(extra->name, plugin_prefixes[i].prefix))
            continue;
        config_report_add(report, REPORT_NOTICE, extra->place, extra->name, "no effect: %s",
                          plugin_prefixes[i].reason);
        return;
    }
    enum report_severity severity = has_prefix(extra->name, "barnabas.") ? REPORT_ERROR : REPORT_WARNING;
    config_report_add(report, severity, extra->place, extra->name, "unknown setting")->nearest = nearest;
}

static void take_pair(struct config *config, const char *name, const char *value, struct config_place place,
                      struct config_report *report)
{
    enum config_key key = config_table_find(name);
    if (key == CONFIG_KEY_NONE) {
        struct config_extra *extra = snapshot_add_extra(config, name, value, LAYER_STATIC, place);
        if (extra->key == CONFIG_KEY_NONE)
            note_unknown(extra, report);
        return;
    }
    struct config_place *old = &config->places[key];
    if (config->texts[LAYER_STATIC][key] && old->line && place.line)
        config_report_add(report, REPORT_WARNING, place, name, "set before, in line %d: this line counts",
                          old->line);
    config->texts[LAYER_STATIC][key] = arena_strdup(&config->arena, value);
    *old = (struct config_place){arena_strdup(&config->arena, place.path), place.line};
}

static void take_override(struct config *config, const char *text, struct config_report *report)
{
    struct config_place place = {"--override", 0};
    const char *equals = strchr(text, '=');
    if (!equals || equals == text) {
        config_report_add(report, REPORT_ERROR, place, text, "an override must be name=value");
        return;
    }
    struct arena arena = {0};
    take_pair(config, arena_cstr(&arena, view_of(text, (size_t)(equals - text))), equals + 1, place, report);
    arena_close(&arena);
}

static void note_effect(const struct setting *setting, const struct config_value *value, const char *name,
                        struct config_place place, struct config_report *report)
{
    if (config_value_is_refused(setting, value))
        config_report_add(report, REPORT_ERROR, place, name, "refused: %s", setting->reason);
    else if (setting->scope == SCOPE_DYNAMIC)
        config_report_add(report, REPORT_WARNING, place, name,
                          "no effect: it can only be set at run time, not in a file");
    else if (setting->effect == EFFECT_KIND_NONE)
        config_report_add(report, setting->scope == SCOPE_KRAFT ? REPORT_WARNING : REPORT_NOTICE, place, name,
                          "no effect: %s", setting->reason);
}

static void note_effects(const struct config *config, struct config_report *report)
{
    for (unsigned i = 0; i < CONFIG_KEY_COUNT; i++) {
        enum config_key key = (enum config_key)i;
        const struct setting *setting = config_table_get(key);
        if (config->texts[LAYER_STATIC][key])
            note_effect(setting, snapshot_value(config, key), setting->name, config->places[key], report);
    }
    for (size_t i = 0; i < config->extra_count; i++) {
        const struct config_extra *extra = &config->extras[i];
        if (extra->key == CONFIG_KEY_NONE)
            continue;
        note_effect(config_table_get(extra->key), &extra->value, extra->name, extra->place, report);
        bool known = false;
        for (size_t j = 0; j < config->listeners.count; j++)
            known = known ||
                    (strlen(config->listeners.items[j].name) == extra->listener_len &&
                     strncasecmp(config->listeners.items[j].name, extra->listener, extra->listener_len) == 0);
        if (!known)
            config_report_add(report, REPORT_WARNING, extra->place, extra->name,
                              "no effect: there is no such listener in `listeners`");
    }
}

struct config *config_load(struct view text, const char *path, const char *const *overrides,
                           size_t override_count, struct config_report *report)
{
    struct config *config = snapshot_new();
    struct properties props;
    properties_parse(text, &props);
    for (size_t i = 0; i < props.count; i++)
        take_pair(config, props.items[i].key, props.items[i].value,
                  (struct config_place){path, props.items[i].line}, report);
    properties_close(&props);
    for (size_t i = 0; i < override_count; i++)
        take_override(config, overrides[i], report);
    snapshot_resolve(config, report);
    note_effects(config, report);
    if (report->error_count == 0)
        return config;
    config_release(config);
    return NULL;
}
