#include "config/topic_table.h"

#include <string.h>

#include "base/assert.h"
#include "config/table_macros.h"

#define SYNONYMS(...)                                                                                        \
    {                                                                                                        \
        __VA_ARGS__                                                                                          \
    }
#define FROM(key, factor)                                                                                    \
    {                                                                                                        \
        CONFIG_##key, (factor)                                                                               \
    }
#define NO_SYNONYM                                                                                           \
    {                                                                                                        \
        {                                                                                                    \
            CONFIG_KEY_NONE, 0                                                                               \
        }                                                                                                    \
    }

static const struct topic_setting table[TOPIC_KEY_COUNT] = {
#define TOPIC_SETTING(key_, name_, type_, default_, valid_, importance_, synonyms_, effect_, meaning_)       \
    [TOPIC_KEY_##key_] = {                                                                                   \
        .setting = {.name = (name_),                                                                         \
                    .type = CONFIG_TYPE_##type_,                                                             \
                    .default_text = (default_),                                                              \
                    .valid = VALID_##valid_,                                                                 \
                    .update = UPDATE_CLUSTER_WIDE,                                                           \
                    .importance = IMPORTANCE_##importance_,                                                  \
                    EFFECT_##effect_,                                                                        \
                    .meaning = (meaning_)},                                                                  \
        .synonyms = synonyms_,                                                                               \
    },
#include "config/topic_settings.def"
};

const struct topic_setting *topic_table_get(enum topic_key key)
{
    ASSERT(key < TOPIC_KEY_COUNT);
    return &table[key];
}

enum topic_key topic_table_find(const char *name)
{
    for (unsigned key = 0; key < TOPIC_KEY_COUNT; key++)
        if (strcmp(table[key].setting.name, name) == 0)
            return (enum topic_key)key;
    return TOPIC_KEY_NONE;
}

const char *topic_table_nearest(const char *name)
{
    unsigned limit = (unsigned)(strlen(name) < 30 ? strlen(name) / 3 + 1 : 11);
    const char *nearest = NULL;
    for (unsigned key = 0; key < TOPIC_KEY_COUNT; key++) {
        unsigned distance = name_distance(name, table[key].setting.name, limit);
        if (distance < limit) {
            limit = distance;
            nearest = table[key].setting.name;
        }
    }
    return nearest;
}

enum topic_key topic_table_find_by_broker_key(enum config_key key)
{
    for (unsigned topic = 0; topic < TOPIC_KEY_COUNT; topic++)
        for (const struct topic_synonym *synonym = table[topic].synonyms; synonym->factor; synonym++)
            if (synonym->key == key)
                return (enum topic_key)topic;
    return TOPIC_KEY_NONE;
}
