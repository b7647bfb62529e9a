/*
 * Changes to a set of settings: set, delete, and append to and subtract from lists.
 * Pure; Kafka's rules (ConfigAdminManager).
 *
 * Runs on: any.
 */
#ifndef BARNABAS_SERVICE_SETTINGS_CONFIG_EDIT_H
#define BARNABAS_SERVICE_SETTINGS_CONFIG_EDIT_H

#include "base/arena.h"
#include "base/err.h"
#include "config/config.h"

/* Codes of IncrementalAlterConfigs. */
enum config_edit_op {
    CONFIG_EDIT_SET = 0,
    CONFIG_EDIT_DELETE = 1,
    CONFIG_EDIT_APPEND = 2,
    CONFIG_EDIT_SUBTRACT = 3
};

struct config_edit {
    const char *name;
    const char *value; /* NULL only of a deletion */
    enum config_edit_op op;
};

enum config_edit_table { CONFIG_EDIT_TOPIC, CONFIG_EDIT_BROKER };

/*
 * `pairs` after the edits, in order; texts borrow from both and from `arena`. ERR_INVALID_CONFIG, with
 * *why in the arena, when something is appended to or subtracted from what is no list.
 */
MUST_USE enum err config_edit_apply(struct config_pairs pairs, const struct config_edit *edits, size_t count,
                                    enum config_edit_table table, struct arena *arena,
                                    struct config_pairs *out, const char **why);

#endif
