/*
 * The value of a setting: a text, parsed by the setting's type and checked against its valid values.
 * The rules of every type, and the words of the complaints, are those of Kafka's ConfigDef.
 *
 * Ownership: a value borrows from the arena it was parsed into.
 * Runs on: any.
 */
#ifndef BARNABAS_CONFIG_VALUE_H
#define BARNABAS_CONFIG_VALUE_H

#include <stddef.h>

#include "base/err.h"
#include "base/errmsg.h"
#include "config/setting.h"

struct arena;

struct config_value {
    const char *text; /* in Kafka's canonical form, "4096", "a,b"; NULL = unset */
    union {
        bool boolean;
        int64_t integer; /* INT, SHORT, LONG */
        double real;
    };
    const char *const *items; /* of a LIST */
    size_t count;
};

/*
 * Parses and checks. text == NULL is "unset". ERR_INVALID_CONFIG with "Invalid value x for
 * configuration y: why" otherwise; the value of a password is not repeated.
 */
enum err config_value_parse(const struct setting *setting, const char *text, struct arena *arena,
                            struct config_value *out, struct errmsg *why) MUST_USE;

/* The value asks for something whose absence must stop it (EFFECT_KIND_REFUSED_...). */
bool config_value_is_refused(const struct setting *setting, const struct config_value *value);

/* Splits at commas, trims around them, drops empty elements, as Kafka's Csv does. Gives items in the arena.
 */
size_t config_split_list(const char *text, struct arena *arena, const char *const **items);

#endif
