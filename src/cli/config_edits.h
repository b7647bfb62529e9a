/*
 * What --add-config and --delete-config of `barnabas configs` say.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_CONFIG_EDITS_H
#define BARNABAS_CLI_CONFIG_EDITS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/errmsg.h"

struct config_edit {
    const char *name;
    const char *value; /* NULL: remove it */
};

struct config_edits {
    struct config_edit *items;
    int count;
};

/*
 * Adds "k1=v1,k2=[a,b]": brackets keep a list together and are dropped. A name given twice counts once,
 * with its last value. False with why for another shape, or a character that no name has.
 */
bool config_edits_add(struct config_edits *edits, const char *text, struct arena *arena, struct errmsg *why);
/* One pair as it is, of a file. */
bool config_edits_set(struct config_edits *edits, const char *name, const char *value, struct arena *arena,
                      struct errmsg *why);
/* Adds "k1,k2" to be removed. */
void config_edits_remove(struct config_edits *edits, const char *text, struct arena *arena);

#endif
