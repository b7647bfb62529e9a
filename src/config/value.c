#include "config/value.h"

#include <ctype.h>
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/buf.h"
#include "config/versions.h"

/* Java's String.trim: everything up to the blank goes. */
static char *trimmed(const char *text, struct arena *arena)
{
    size_t len = strlen(text);
    while (len && (unsigned char)text[len - 1] <= ' ')
        len--;
    while (len && (unsigned char)*text <= ' ') {
        text++;
        len--;
    }
    return arena_cstr(arena, view_of(text, len));
}

static enum err invalid(const struct setting *setting, const char *shown, struct errmsg *why,
                        const char *reason)
{
    if (setting->type == CONFIG_TYPE_PASSWORD)
        shown = "[hidden]";
    errmsg_set(why, "Invalid value %.80s for configuration %s: %s", shown, setting->name, reason);
    return ERR_INVALID_CONFIG;
}

/* Integer.parseInt: a sign, then digits only. */
static bool parse_integer(const char *text, int64_t min, int64_t max, int64_t *out)
{
    bool negative = *text == '-';
    if (*text == '-' || *text == '+')
        text++;
    if (!*text)
        return false;
    uint64_t magnitude = 0;
    uint64_t most = negative ? (uint64_t)max + 1 : (uint64_t)max;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text))
            return false;
        uint64_t digit = (uint64_t)(*text - '0');
        if (magnitude > (most - digit) / 10)
            return false;
        magnitude = magnitude * 10 + digit;
    }
    *out = negative ? (magnitude > INT64_MAX ? INT64_MIN : -(int64_t)magnitude) : (int64_t)magnitude;
    return *out >= min;
}

/* Double.parseDouble, without its hexadecimal form. */
static bool parse_real(const char *text, double *out)
{
    const char *body = text + (*text == '-' || *text == '+');
    if (strcmp(body, "NaN") == 0 || strcmp(body, "Infinity") == 0) {
        *out = strcmp(body, "NaN") == 0 ? (double)NAN : *text == '-' ? -HUGE_VAL : HUGE_VAL;
        return true;
    }
    size_t len = strlen(text);
    if (!len || strspn(text, "0123456789+-.eE") != len)
        return false;
    char *end;
    *out = strtod(text, &end);
    return *end == '\0';
}

/* Double.toString: "0.5", "1.0", "1.7976931348623157E308". */
static char *print_real(double value, struct arena *arena)
{
    if (isnan(value))
        return arena_strdup(arena, "NaN");
    if (isinf(value))
        return arena_strdup(arena, value < 0 ? "-Infinity" : "Infinity");
    char digits[64];
    int precision = 0; /* the fewest digits that read back as the same number */
    do
        snprintf(digits, sizeof(digits), "%.*e", precision, value);
    while (strtod(digits, NULL) != value && ++precision < 17);
    double magnitude = fabs(value);
    if (magnitude == 0 || (magnitude >= 1e-3 && magnitude < 1e7)) {
        int exponent = atoi(strchr(digits, 'e') + 1);
        int decimals = precision - exponent;
        return arena_printf(arena, "%.*f", decimals < 1 ? 1 : decimals, value);
    }
    char *e = strchr(digits, 'e');
    int exponent = atoi(e + 1);
    *e = '\0';
    return arena_printf(arena, "%s%sE%d", digits, strchr(digits, '.') ? "" : ".0", exponent);
}

static enum err parse_number(const struct setting *setting, const char *text, struct arena *arena,
                             struct config_value *out, struct errmsg *why)
{
    bool ok = false;
    switch (setting->type) {
    case CONFIG_TYPE_SHORT:
        ok = parse_integer(text, INT16_MIN, INT16_MAX, &out->integer);
        break;
    case CONFIG_TYPE_INT:
        ok = parse_integer(text, INT32_MIN, INT32_MAX, &out->integer);
        break;
    case CONFIG_TYPE_LONG:
        ok = parse_integer(text, INT64_MIN, INT64_MAX, &out->integer);
        break;
    default:
        ok = parse_real(text, &out->real);
        break;
    }
    if (!ok) {
        const char *type = setting->type == CONFIG_TYPE_SHORT  ? "Not a number of type SHORT"
                           : setting->type == CONFIG_TYPE_INT  ? "Not a number of type INT"
                           : setting->type == CONFIG_TYPE_LONG ? "Not a number of type LONG"
                                                               : "Not a number of type DOUBLE";
        return invalid(setting, text, why, type);
    }
    out->text = setting->type == CONFIG_TYPE_DOUBLE ? print_real(out->real, arena)
                                                    : arena_printf(arena, "%lld", (long long)out->integer);
    return ERR_NONE;
}

/* Elements between commas; blanks around a comma go, blanks elsewhere stay. */
static size_t split(const char *text, bool keep_empty, struct arena *arena, const char *const **items)
{
    static const char blanks[] = " \t\n\v\f\r";
    size_t most = 1;
    for (const char *p = text; *p; p++)
        most += *p == ',';
    const char **list = arena_alloc(arena, most * sizeof(*list));
    size_t count = 0;
    for (const char *p = text;; p++) {
        size_t len = strcspn(p, ",");
        const char *end = p + len;
        if (p != text)
            while (p < end && strchr(blanks, *p))
                p++;
        const char *last = end;
        if (*end == ',')
            while (last > p && strchr(blanks, last[-1]))
                last--;
        if (last > p || keep_empty)
            list[count++] = arena_cstr(arena, view_of(p, (size_t)(last - p)));
        p = end;
        if (*p == '\0')
            break;
    }
    *items = list;
    return count;
}

size_t config_split_list(const char *text, struct arena *arena, const char *const **items)
{
    return split(text, false, arena, items);
}

static void parse_list(const char *text, struct arena *arena, struct config_value *out)
{
    if (!*text) {
        out->text = text;
        return;
    }
    out->count = split(text, true, arena, &out->items);
    struct buf joined = {0};
    for (size_t i = 0; i < out->count; i++) {
        buf_put_str(&joined, i ? "," : "");
        buf_put_str(&joined, out->items[i]);
    }
    out->text = arena_cstr(arena, buf_view(&joined));
    buf_close(&joined);
}

static enum err parse_by_type(const struct setting *setting, const char *text, struct arena *arena,
                              struct config_value *out, struct errmsg *why)
{
    switch (setting->type) {
    case CONFIG_TYPE_BOOLEAN:
        out->boolean = strcasecmp(text, "true") == 0;
        if (!out->boolean && strcasecmp(text, "false") != 0)
            return invalid(setting, text, why, "Expected value to be either true or false");
        out->text = out->boolean ? "true" : "false";
        return ERR_NONE;
    case CONFIG_TYPE_INT:
    case CONFIG_TYPE_SHORT:
    case CONFIG_TYPE_LONG:
    case CONFIG_TYPE_DOUBLE:
        return parse_number(setting, text, arena, out, why);
    case CONFIG_TYPE_LIST:
        parse_list(text, arena, out);
        return ERR_NONE;
    case CONFIG_TYPE_UNKNOWN:
    case CONFIG_TYPE_STRING:
    case CONFIG_TYPE_CLASS:
    case CONFIG_TYPE_PASSWORD:
        break;
    }
    out->text = text;
    return ERR_NONE;
}

static enum err check_range(const struct setting *setting, const struct config_value *value,
                            struct errmsg *why)
{
    const struct valid *valid = &setting->valid;
    bool or_minus_one = valid->kind == VALID_KIND_RANGE_OR_MINUS_ONE;
    double number = setting->type == CONFIG_TYPE_DOUBLE ? value->real : (double)value->integer;
    bool low = number < valid->min;
    bool high = valid->has_max && number > valid->max;
    if (!(low || high) || (or_minus_one && value->integer == -1))
        return ERR_NONE;
    char reason[96];
    if (or_minus_one && valid->has_max)
        snprintf(reason, sizeof(reason), "Value must be between %.15g and %.15g or equal to -1", valid->min,
                 valid->max);
    else
        snprintf(reason, sizeof(reason),
                 low ? "Value must be at least %.15g" : "Value must be no more than %.15g",
                 low ? valid->min : valid->max);
    return invalid(setting, value->text, why, reason);
}

static bool is_choice(const struct valid *valid, const char *text)
{
    bool any_case = valid->kind == VALID_KIND_ONE_OF_ANY_CASE;
    size_t len = strlen(text);
    for (const char *p = valid->choices; *p;) {
        size_t choice_len = strcspn(p, ",");
        if (choice_len == len && (any_case ? strncasecmp(p, text, len) : strncmp(p, text, len)) == 0)
            return true;
        p += choice_len;
        p += strspn(p, ", ");
    }
    return false;
}

static enum err check_choice(const struct setting *setting, const struct config_value *value,
                             struct errmsg *why)
{
    const char *const one[1] = {value->text};
    const char *const *items = setting->type == CONFIG_TYPE_LIST ? value->items : one;
    size_t count = setting->type == CONFIG_TYPE_LIST ? value->count : 1;
    for (size_t i = 0; i < count; i++) {
        if (is_choice(&setting->valid, items[i]))
            continue;
        char reason[160];
        snprintf(reason, sizeof(reason), "String must be one of%s: %s",
                 setting->valid.kind == VALID_KIND_ONE_OF ? "" : " (case insensitive)",
                 setting->valid.choices);
        return invalid(setting, items[i], why, reason);
    }
    return ERR_NONE;
}

/* "12:3" or nothing. */
static bool is_replica(const char *text)
{
    size_t partition = strspn(text, "0123456789");
    if (text[partition] == '\0')
        return partition == 0;
    size_t broker = text[partition] == ':' ? strspn(text + partition + 1, "0123456789") : 0;
    return partition && broker && text[partition + 1 + broker] == '\0';
}

static enum err check_replicas(const struct setting *setting, const struct config_value *value,
                               struct errmsg *why)
{
    bool listed = true;
    bool star = false;
    size_t full = 0;
    for (size_t i = 0; i < value->count; i++) {
        listed = listed && is_replica(value->items[i]);
        star = star || strcmp(value->items[i], "*") == 0;
        full += value->items[i][0] != '\0';
    }
    if (listed || (star && full == 1))
        return ERR_NONE;
    struct buf shown = {0};
    for (size_t i = 0; i < value->count; i++)
        buf_printf(&shown, "%s%s", i > 0 ? ", " : "[", value->items[i]);
    buf_put_str(&shown, value->count > 0 ? "]" : "[]");
    char reason[240];
    snprintf(reason, sizeof(reason),
             "%s must be the literal '*' or a list of replicas in the following format: "
             "[partitionId]:[brokerId],[partitionId]:[brokerId],...",
             setting->name);
    enum err err = invalid(setting, buf_cstr(&shown), why, reason);
    buf_close(&shown);
    return err;
}

static bool is_host_port(const char *text)
{
    const char *colon = strrchr(text, ':');
    int64_t port;
    return colon && strpbrk(text, " \t/,") == NULL && parse_integer(colon + 1, 0, 65535, &port);
}

static enum err check(const struct setting *setting, const struct config_value *value, struct errmsg *why)
{
    switch (setting->valid.kind) {
    case VALID_KIND_ANY:
    case VALID_KIND_NON_NULL:
        return ERR_NONE;
    case VALID_KIND_RANGE:
    case VALID_KIND_RANGE_OR_MINUS_ONE:
        return check_range(setting, value, why);
    case VALID_KIND_ONE_OF:
    case VALID_KIND_ONE_OF_ANY_CASE:
        return check_choice(setting, value, why);
    case VALID_KIND_NON_EMPTY:
        return *value->text ? ERR_NONE : invalid(setting, "", why, "String must be non-empty");
    case VALID_KIND_METADATA_VERSION:
        if (metadata_version_index(value->text) >= 0)
            return ERR_NONE;
        errmsg_set(why, "Invalid value %.60s for configuration %s: Version %.60s is not a valid version",
                   value->text, setting->name, value->text);
        return ERR_INVALID_CONFIG;
    case VALID_KIND_REPLICA_LIST:
        return check_replicas(setting, value, why);
    case VALID_KIND_HOST_PORT:
        if (!*value->text || is_host_port(value->text))
            return ERR_NONE;
        return invalid(setting, value->text, why, "must be host:port, :port or empty");
    }
    return ERR_NONE;
}

enum err config_value_parse(const struct setting *setting, const char *text, struct arena *arena,
                            struct config_value *out, struct errmsg *why)
{
    memset(out, 0, sizeof(*out));
    if (!text)
        return ERR_NONE;
    enum err err = parse_by_type(setting, trimmed(text, arena), arena, out, why);
    return err ? err : check(setting, out, why);
}

bool config_value_is_refused(const struct setting *setting, const struct config_value *value)
{
    switch (setting->effect) {
    case EFFECT_KIND_HONOURED:
    case EFFECT_KIND_NONE:
        break;
    case EFFECT_KIND_REFUSED_IF_SET:
        return value->text && *value->text;
    case EFFECT_KIND_REFUSED_IF_TRUE:
        return value->boolean;
    case EFFECT_KIND_REFUSED_IF_CHANGED:
        return value->text && (!setting->default_text || strcmp(value->text, setting->default_text) != 0);
    }
    return false;
}
