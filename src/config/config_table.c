#include "config/config_table.h"

#include <string.h>

#include "base/assert.h"
#include "config/table_macros.h"

static const struct setting table[CONFIG_KEY_COUNT] = {
#define SETTING_ROW(hidden, key_, name_, type_, default_, valid_, update_, scope_, importance_, effect_,     \
                    meaning_)                                                                                \
    [CONFIG_##key_] = {                                                                                      \
        .name = (name_),                                                                                     \
        .type = CONFIG_TYPE_##type_,                                                                         \
        .default_text = (default_),                                                                          \
        .valid = VALID_##valid_,                                                                             \
        .update = UPDATE_##update_,                                                                          \
        .scope = SCOPE_##scope_,                                                                             \
        .importance = IMPORTANCE_##importance_,                                                              \
        EFFECT_##effect_,                                                                                    \
        .meaning = (meaning_),                                                                               \
        .internal = (hidden),                                                                                \
    },
#define SETTING(...)          SETTING_ROW(false, __VA_ARGS__)
#define INTERNAL_SETTING(...) SETTING_ROW(true, __VA_ARGS__)
#include "config/broker_settings.def"
};

/* The table's order with its headings: a row has either a title or a key. */
static const struct {
    const char *title;
    enum config_key key;
} layout[] = {
#define SETTING_AREA(title) {(title), CONFIG_KEY_NONE},
#define SETTING(key, ...)   {NULL, CONFIG_##key},
#include "config/broker_settings.def"
};

const struct setting *config_table_get(enum config_key key)
{
    ASSERT(key < CONFIG_KEY_COUNT);
    return &table[key];
}

enum config_key config_table_find(const char *name)
{
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++)
        if (strcmp(table[key].name, name) == 0)
            return (enum config_key)key;
    return CONFIG_KEY_NONE;
}

enum config_key config_table_find_prefixed(const char *name, const char **listener, size_t *listener_len)
{
    static const char prefix[] = "listener.name.";
    *listener = NULL;
    *listener_len = 0;
    if (strncmp(name, prefix, sizeof(prefix) - 1) != 0)
        return config_table_find(name);
    const char *begin = name + sizeof(prefix) - 1;
    const char *dot = strchr(begin, '.');
    if (!dot)
        return CONFIG_KEY_NONE;
    *listener = begin;
    *listener_len = (size_t)(dot - begin);
    enum config_key key = config_table_find(dot + 1);
    if (key != CONFIG_KEY_NONE)
        return key;
    const char *mechanism_end = strchr(dot + 1, '.');
    return mechanism_end ? config_table_find(mechanism_end + 1) : CONFIG_KEY_NONE;
}

const char *config_table_area(enum config_key key)
{
    const char *title = NULL;
    for (size_t i = 0; i < sizeof(layout) / sizeof(layout[0]); i++) {
        if (layout[i].title)
            title = layout[i].title;
        else if (layout[i].key == key)
            return title;
    }
    return NULL;
}

/* A name this much longer than any of ours is not a mistyped one of ours. */
#define NAME_LEN_MAX 96

static unsigned min2(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Optimal string alignment, three rows of the matrix at a time. */
unsigned name_distance(const char *a, const char *b, unsigned limit)
{
    size_t a_len = strlen(a);
    size_t b_len = strlen(b);
    size_t difference = a_len > b_len ? a_len - b_len : b_len - a_len;
    if (a_len > NAME_LEN_MAX || b_len > NAME_LEN_MAX || difference >= limit)
        return limit;
    unsigned rows[3][NAME_LEN_MAX + 1];
    unsigned least_before = 0; /* of the row before */
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_len; i++) {
        unsigned *now = rows[i % 3];
        const unsigned *before = rows[(i + 2) % 3];
        const unsigned *before_that = rows[(i + 1) % 3];
        unsigned least = now[0] = (unsigned)i;
        for (size_t j = 1; j <= b_len; j++) {
            unsigned change = before[j - 1] + (a[i - 1] != b[j - 1]);
            now[j] = min2(min2(before[j] + 1, now[j - 1] + 1), change);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                now[j] = min2(now[j], before_that[j - 2] + 1);
            least = min2(least, now[j]);
        }
        /* A row follows from the two before it, and never undercuts both. */
        if (least >= limit && least_before >= limit)
            return limit;
        least_before = least;
    }
    return min2(rows[a_len % 3][b_len], limit);
}

const char *config_table_nearest(const char *name)
{
    /* A third of the name mistyped is still a likeness; more is a guess that misleads. */
    unsigned limit = (unsigned)(strlen(name) < 30 ? strlen(name) / 3 + 1 : 11);
    const char *nearest = NULL;
    for (unsigned key = 0; key < CONFIG_KEY_COUNT; key++) {
        unsigned distance = name_distance(name, table[key].name, limit);
        if (distance < limit) {
            limit = distance;
            nearest = table[key].name;
        }
    }
    return nearest;
}
