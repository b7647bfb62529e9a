#include "cli/config_edits.h"

#include <ctype.h>
#include <string.h>

#include "base/view.h"

static struct view trim(struct view text)
{
    while (text.len > 0 && isspace(text.ptr[0]))
        text = view_of(text.ptr + 1, text.len - 1);
    while (text.len > 0 && isspace(text.ptr[text.len - 1]))
        text.len--;
    return text;
}

/* Length up to `stop` outside of brackets, or the whole. */
static size_t span(struct view text, char stop)
{
    bool inside = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)text.ptr[i];
        if (c == stop && !inside)
            return i;
        if (c == '[')
            inside = true;
        else if (c == ']')
            inside = false;
    }
    return text.len;
}

static const char *without_brackets(struct view text, struct arena *arena)
{
    char *out = arena_alloc(arena, text.len + 1);
    size_t len = 0;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '[' && text.ptr[i] != ']')
            out[len++] = (char)text.ptr[i];
    return arena_cstr(arena, trim(view_of(out, len)));
}

static void append(struct config_edits *edits, struct config_edit edit, struct arena *arena)
{
    struct config_edit *items = arena_alloc(arena, (size_t)(edits->count + 1) * sizeof *items);
    if (edits->count > 0)
        memcpy(items, edits->items, (size_t)edits->count * sizeof *items);
    items[edits->count++] = edit;
    edits->items = items;
}

bool config_edits_set(struct config_edits *edits, const char *name, const char *value, struct arena *arena,
                      struct errmsg *why)
{
    for (const char *p = name; *p != '\0'; p++) {
        if (!isalnum((unsigned char)*p) && strchr("._-", *p) == NULL) {
            errmsg_set(why, "Invalid character found for config key: %.150s", name);
            return false;
        }
    }
    struct config_edit edit = {arena_strdup(arena, name), arena_strdup(arena, value)};
    for (int i = 0; i < edits->count; i++) {
        if (edits->items[i].value != NULL && strcmp(edits->items[i].name, name) == 0) {
            edits->items[i] = edit;
            return true;
        }
    }
    append(edits, edit, arena);
    return true;
}

bool config_edits_add(struct config_edits *edits, const char *text, struct arena *arena, struct errmsg *why)
{
    struct view rest = view_str(text);
    while (rest.len > 0) {
        struct view pair = view_of(rest.ptr, span(rest, ','));
        size_t equals = span(pair, '=');
        struct view value =
            equals < pair.len ? view_of(pair.ptr + equals + 1, pair.len - equals - 1) : VIEW_NULL;
        if (view_is_null(value) || span(value, '=') < value.len) {
            errmsg_set(why,
                       "requirement failed: Invalid entity config: all configs to be added must be in the "
                       "format \"key=val\".");
            return false;
        }
        const char *name = arena_cstr(arena, trim(view_of(pair.ptr, equals)));
        if (!config_edits_set(edits, name, without_brackets(value, arena), arena, why))
            return false;
        size_t used = pair.len < rest.len ? pair.len + 1 : pair.len;
        rest = view_of(rest.ptr + used, rest.len - used);
    }
    return true;
}

void config_edits_remove(struct config_edits *edits, const char *text, struct arena *arena)
{
    while (*text != '\0') {
        size_t len = strcspn(text, ",");
        struct view name = trim(view_of(text, len));
        if (name.len > 0)
            append(edits, (struct config_edit){arena_cstr(arena, name), NULL}, arena);
        text += len + (text[len] == ',' ? 1 : 0);
    }
}
