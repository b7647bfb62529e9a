#include "service/settings/config_edit.h"

#include <string.h>

#include "base/buf.h"
#include "config/config_table.h"
#include "config/topic_table.h"

struct parts {
    struct view *items;
    size_t count;
};

/* Java's split(","): empty parts at the end do not count, but the empty text is one empty part. */
static struct parts split(const char *text, struct arena *arena)
{
    struct parts out = {arena_alloc(arena, sizeof(struct view) * (strlen(text) + 1)), 0};
    const char *from = text;
    for (const char *at = text;; at++) {
        if (*at != ',' && *at != '\0')
            continue;
        out.items[out.count++] = view_of(from, (size_t)(at - from));
        from = at + 1;
        if (*at == '\0')
            break;
    }
    while (out.count > 0 && out.items[out.count - 1].len == 0 && *text != '\0')
        out.count--;
    return out;
}

static const char *joined(struct parts parts, struct arena *arena)
{
    struct buf text = {0};
    for (size_t i = 0; i < parts.count; i++) {
        buf_put_str(&text, i > 0 ? "," : "");
        buf_put_view(&text, parts.items[i]);
    }
    const char *out = arena_strdup(arena, buf_cstr(&text));
    buf_close(&text);
    return out;
}

static bool contains(struct parts parts, struct view item)
{
    for (size_t i = 0; i < parts.count; i++)
        if (view_equal(parts.items[i], item))
            return true;
    return false;
}

static const char *append(const char *present, const char *more, struct arena *arena)
{
    struct parts old = *present ? split(present, arena) : (struct parts){NULL, 0};
    struct parts added = split(more, arena);
    struct parts all = {arena_alloc(arena, sizeof(struct view) * (old.count + added.count + 1)), 0};
    for (size_t i = 0; i < old.count; i++)
        all.items[all.count++] = old.items[i];
    for (size_t i = 0; i < added.count; i++)
        if (!contains(old, added.items[i]))
            all.items[all.count++] = added.items[i];
    return joined(all, arena);
}

/* Each part of `less` takes one equal part away, if there is one. */
static const char *subtract(const char *present, const char *less, struct arena *arena)
{
    struct parts old = split(present, arena);
    struct parts gone = split(less, arena);
    for (size_t i = 0; i < gone.count; i++)
        for (size_t j = 0; j < old.count; j++)
            if (view_equal(old.items[j], gone.items[i])) {
                memmove(&old.items[j], &old.items[j + 1], sizeof(struct view) * (old.count - j - 1));
                old.count--;
                break;
            }
    return joined(old, arena);
}

/* The row of a name, or NULL. */
static const struct setting *find(enum config_edit_table table, const char *name)
{
    if (table == CONFIG_EDIT_TOPIC) {
        enum topic_key key = topic_table_find(name);
        return key == TOPIC_KEY_NONE ? NULL : &topic_table_get(key)->setting;
    }
    enum config_key key = config_table_find(name);
    return key == CONFIG_KEY_NONE ? NULL : config_table_get(key);
}

static enum err edit_list(const struct config_edit *edit, enum config_edit_table table, const char *present,
                          struct arena *arena, const char **value, const char **why)
{
    const struct setting *setting = find(table, edit->name);
    bool appends = edit->op == CONFIG_EDIT_APPEND;
    if (!setting) {
        *why = arena_printf(arena, "Unknown config name: %s", edit->name);
        return ERR_INVALID_CONFIG;
    }
    if (setting->type != CONFIG_TYPE_LIST) {
        *why = arena_printf(arena, "Config value %s is not allowed for config key: %s",
                            appends ? "append" : "subtract", edit->name);
        return ERR_INVALID_CONFIG;
    }
    if (!present)
        present = setting->default_text ? setting->default_text : "";
    *value = appends ? append(present, edit->value, arena) : subtract(present, edit->value, arena);
    return ERR_NONE;
}

static struct config_pair *find_pair(struct config_pair *items, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(items[i].name, name) == 0)
            return &items[i];
    return NULL;
}

enum err config_edit_apply(struct config_pairs pairs, const struct config_edit *edits, size_t count,
                           enum config_edit_table table, struct arena *arena, struct config_pairs *out,
                           const char **why)
{
    struct config_pair *items = arena_alloc(arena, sizeof *items * (pairs.count + count + 1));
    size_t items_count = pairs.count;
    if (pairs.count)
        memcpy(items, pairs.items, sizeof *items * pairs.count);
    for (size_t i = 0; i < count; i++) {
        const struct config_edit *edit = &edits[i];
        struct config_pair *pair = find_pair(items, items_count, edit->name);
        const char *value = edit->value;
        if (edit->op == CONFIG_EDIT_APPEND || edit->op == CONFIG_EDIT_SUBTRACT) {
            enum err err = edit_list(edit, table, pair ? pair->value : NULL, arena, &value, why);
            if (err != ERR_NONE)
                return err;
        }
        if (edit->op == CONFIG_EDIT_DELETE) {
            if (pair)
                *pair = items[--items_count];
        } else if (pair) {
            pair->value = value;
        } else {
            items[items_count++] = (struct config_pair){edit->name, value};
        }
    }
    *out = (struct config_pairs){items, items_count};
    return ERR_NONE;
}
