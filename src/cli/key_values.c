#include "cli/key_values.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "cli/client_config.h"

void key_values_add(struct properties *props, const char *key, const char *value)
{
    props->items = mem_resize(props->items, (props->count + 1) * sizeof *props->items);
    props->items[props->count++] = (struct property){mem_strdup(key), mem_strdup(value), 0};
}

bool key_values_read(const struct options *opts, int file_id, int values_id, struct properties *out,
                     struct errmsg *why)
{
    *out = (struct properties){0};
    const char *path = options_text(opts, file_id);
    if (path != NULL && !client_properties_load(path, out, why))
        return false;
    for (int i = 0; i < options_count(opts, values_id); i++) {
        const char *text = options_at(opts, values_id, i);
        size_t len = strcspn(text, "=");
        char *key = view_to_cstr(view_of(text, len));
        key_values_add(out, key, text[len] == '=' ? text + len + 1 : "");
        free(key);
    }
    return true;
}

bool key_values_bool(const struct properties *props, const char *key, bool otherwise)
{
    const char *text = properties_get(props, key);
    if (text == NULL)
        return otherwise;
    text += strspn(text, " \t");
    size_t len = strcspn(text, " \t\r\n");
    return len == 4 && strncasecmp(text, "true", 4) == 0;
}
