/*
 * The one table of the broker's settings (config/broker_settings.def) and how to find a row.
 *
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_CONFIG_TABLE_H
#define BARNABAS_CONFIG_CONFIG_TABLE_H

#include <stddef.h>

#include "config/setting.h"

enum config_key {
#define SETTING(key, ...) CONFIG_##key,
#include "config/broker_settings.def"
    CONFIG_KEY_COUNT,
};

#define CONFIG_KEY_NONE CONFIG_KEY_COUNT

const struct setting *config_table_get(enum config_key key);
/* CONFIG_KEY_NONE when no setting has that exact name. */
enum config_key config_table_find(const char *name);
/*
 * As above, and also behind a prefix: "listener.name.<listener>.<name>" and, for SASL,
 * "listener.name.<listener>.<mechanism>.<name>". *listener and *listener_len are then the listener's
 * name inside `name`; NULL and 0 for a plain name.
 */
enum config_key config_table_find_prefixed(const char *name, const char **listener, size_t *listener_len);
/* The known name that is closest to a mistyped one, or NULL when none is close. */
const char *config_table_nearest(const char *name);
/* The area ("Log storage") a setting is filed under. */
const char *config_table_area(enum config_key key);

/* Distance of two names in inserted, removed, changed and swapped characters, at most `limit`. */
unsigned name_distance(const char *a, const char *b, unsigned limit);

#endif
