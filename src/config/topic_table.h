/*
 * The table of a topic's settings (config/topic_settings.def) and how to find a row.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_TOPIC_TABLE_H
#define BARNABAS_CONFIG_TOPIC_TABLE_H

#include "config/config_table.h"
#include "config/setting.h"

enum topic_key {
#define TOPIC_SETTING(key, ...) TOPIC_KEY_##key,
#include "config/topic_settings.def"
    TOPIC_KEY_COUNT,
};

#define TOPIC_KEY_NONE TOPIC_KEY_COUNT

/* A broker's setting that a topic inherits from, and what its number is multiplied with. */
struct topic_synonym {
    enum config_key key;
    int64_t factor; /* 0 ends the list */
};

#define TOPIC_SYNONYM_MAX 3

struct topic_setting {
    struct setting setting;
    struct topic_synonym synonyms[TOPIC_SYNONYM_MAX + 1]; /* strongest first */
};

const struct topic_setting *topic_table_get(enum topic_key key);
/* TOPIC_KEY_NONE when no setting has that name. */
enum topic_key topic_table_find(const char *name);
const char *topic_table_nearest(const char *name);
/* The topic's setting that inherits from this broker's setting, or TOPIC_KEY_NONE. */
enum topic_key topic_table_find_by_broker_key(enum config_key key);

#endif
