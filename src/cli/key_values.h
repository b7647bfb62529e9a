/*
 * "key=value" arguments (--property and the like), over those of a file.
 * Runs on: any.
 */
#ifndef BARNABAS_CLI_KEY_VALUES_H
#define BARNABAS_CLI_KEY_VALUES_H

#include <stdbool.h>

#include "base/errmsg.h"
#include "base/properties.h"
#include "cli/options.h"

/*
 * Reads the file that option `file_id` names, if it is there, then the values of option `values_id`. A
 * value without '=' is empty. Later ones win (properties_get). Gives `out` (properties_close).
 */
bool key_values_read(const struct options *opts, int file_id, int values_id, struct properties *out,
                     struct errmsg *why);
void key_values_add(struct properties *props, const char *key, const char *value);
/* "true" in any case, with blanks around it; `otherwise` when the key is missing. */
bool key_values_bool(const struct properties *props, const char *key, bool otherwise);

#endif
