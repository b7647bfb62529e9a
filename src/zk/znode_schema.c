#include "zk/znode_schema.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/uuid.h"

#define TOPIC_NAME_MAX  249
#define SEQUENCE_DIGITS 10
#define NUMBER_TEXT_MAX 20
#define SHOWN_MAX       60

/* --- words -------------------------------------------------------------------------------------------- */

/* Decimal digits with a sign perhaps, and nothing else. */
static bool is_number(struct view text, int64_t min, int64_t max)
{
    char digits[NUMBER_TEXT_MAX + 1] = {0};
    size_t sign = text.len > 0 && text.ptr[0] == '-';
    if (text.len <= sign || text.len > NUMBER_TEXT_MAX)
        return false;
    for (size_t i = sign; i < text.len; i++)
        if (!isdigit(text.ptr[i]))
            return false;
    memcpy(digits, text.ptr, text.len);
    errno = 0;
    long long number = strtoll(digits, NULL, 10);
    return errno == 0 && number >= min && number <= max;
}

/* READ_ONLY, ReadOnly and readonly are one. */
static bool is_word(struct view text, const char *word)
{
    size_t at = 0;
    for (; *word; word++) {
        if (*word == '_')
            continue;
        while (at < text.len && text.ptr[at] == '_')
            at++;
        if (at == text.len || tolower(text.ptr[at]) != tolower((unsigned char)*word))
            return false;
        at++;
    }
    return at == text.len;
}

static bool is_one_of(struct view text, const char *const *values)
{
    for (; *values; values++)
        if (is_word(text, *values))
            return true;
    return false;
}

static bool is_topic(struct view text)
{
    if (text.len == 0 || text.len > TOPIC_NAME_MAX || view_equal_str(text, ".") || view_equal_str(text, ".."))
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!isalnum(text.ptr[i]) && text.ptr[i] != '.' && text.ptr[i] != '_' && text.ptr[i] != '-')
            return false;
    return true;
}

/* orders-3, as the directory of a log; the topic's name may hold dashes itself. */
static bool is_topic_partition(struct view text)
{
    const uint8_t *dash = text.len ? memrchr(text.ptr, '-', text.len) : NULL;
    if (!dash)
        return false;
    size_t topic = (size_t)(dash - text.ptr);
    return is_topic(view_of(text.ptr, topic)) &&
           is_number(view_of(dash + 1, text.len - topic - 1), 0, INT32_MAX);
}

static bool is_sequence(struct view text)
{
    /* The counter is a signed 32-bit number, printed with %010d. */
    return text.len >= SEQUENCE_DIGITS && is_number(text, INT32_MIN, INT32_MAX);
}

/* NAME://host:port */
static bool is_endpoint(struct view text)
{
    const uint8_t *sep = memmem(text.ptr, text.len, "://", 3);
    const uint8_t *colon = text.len ? memrchr(text.ptr, ':', text.len) : NULL;
    const uint8_t *end = text.ptr + text.len;
    return sep && sep > text.ptr && colon >= sep + 3 &&
           is_number(view_of(colon + 1, (size_t)(end - colon - 1)), -1, UINT16_MAX);
}

static bool is_entity(struct view text)
{
    const struct znode_type *misnamed;
    char *path = mem_printf("/config/%.*s", VIEW_FMT(text));
    const struct znode_row *row =
        strlen(path) == text.len + strlen("/config/") ? znode_row_of(path, &misnamed) : NULL;
    free(path);
    return row && row->data == ZNODE_DATA_JSON && row->kind == ZNODE_KIND_PERSISTENT;
}

static bool is_acl_change(struct view text)
{
    static const char *const types[] = {"TOPIC", "GROUP", "CLUSTER", "TRANSACTIONAL_ID", "DELEGATION_TOKEN",
                                        "USER",  NULL};
    const uint8_t *colon = text.len ? memchr(text.ptr, ':', text.len) : NULL;
    return colon && is_one_of(view_of(text.ptr, (size_t)(colon - text.ptr)), types);
}

/* A name in a path, a whole text, or a JSON string. */
static bool is_of_type(const struct znode_type *type, struct view text)
{
    struct uuid id;
    switch (type->base) {
    case ZNODE_INT:
    case ZNODE_NUMBER_TEXT:
        return is_number(text, type->min, type->max);
    case ZNODE_ONE_OF:
        return is_one_of(text, type->values);
    case ZNODE_TEXT:
        return true;
    case ZNODE_UUID:
        return uuid_from_text(text, &id) && !uuid_is_zero(id);
    case ZNODE_TOPIC:
        return is_topic(text);
    case ZNODE_TOPIC_PARTITION:
        return is_topic_partition(text);
    case ZNODE_SEQUENCE:
        return is_sequence(text);
    case ZNODE_ENDPOINT:
        return is_endpoint(text);
    case ZNODE_ENTITY:
        return is_entity(text);
    case ZNODE_ACL_CHANGE:
        return is_acl_change(text);
    }
    return false;
}

/* --- paths -------------------------------------------------------------------------------------------- */

/* How a path fits a row: not at all, but for a name, or well, the better the more parts are literal. */
struct fit {
    int score; /* -1 = not at all */
    const struct znode_type *misnamed;
};

static struct fit fit_of(const struct znode_row *row, const char *path)
{
    struct fit fit = {0};
    for (int i = 0; i < row->segments_count; i++) {
        const struct znode_segment *segment = &row->segments[i];
        size_t literal = (size_t)segment->literal_len;
        if (*path != '/')
            return (struct fit){.score = -1};
        path++;
        size_t len = strcspn(path, "/");
        if (len < literal || memcmp(path, segment->literal, literal) != 0 || (!segment->var && len > literal))
            return (struct fit){.score = -1};
        if (segment->var && !is_of_type(segment->var, view_of(path + literal, len - literal)))
            fit.misnamed = segment->var;
        /* "<default>" before {text}: the row that says more. */
        fit.score += segment->var ? 0 : 1;
        path += len;
    }
    return *path ? (struct fit){.score = -1} : fit;
}

const struct znode_row *znode_row_of(const char *path, const struct znode_type **misnamed)
{
    const struct znode_row *best = NULL;
    const struct znode_type *bad_name = NULL;
    int score = -1;
    for (int i = 0; i < znode_row_count; i++) {
        struct fit fit = fit_of(&znode_rows[i], path);
        if (fit.score < 0)
            continue;
        if (fit.misnamed) {
            bad_name = fit.misnamed;
        } else if (fit.score > score) {
            best = &znode_rows[i];
            score = fit.score;
        }
    }
    if (misnamed)
        *misnamed = best ? NULL : bad_name;
    return best;
}

/* --- data --------------------------------------------------------------------------------------------- */

struct checking {
    znode_fault_fn fault;
    void *arg;
    const struct znode_row *row;
    int version;
};

static void tell(const struct checking *c, enum znode_severity severity, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
static void tell(const struct checking *c, enum znode_severity severity, const char *fmt, ...)
{
    char what[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    /* It may hold bytes of the znode: whatever they are, the sentence stays one line of text. */
    for (char *at = what; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?';
    c->fault(c->arg, severity, what);
}

static struct view text_of(const json_t *value)
{
    return view_of(json_string_value(value), json_string_length(value));
}

/* A scalar: what is wrong with it. `where` names it. */
static void check_scalar(const struct checking *c, const struct znode_type *type, const json_t *value,
                         const char *where)
{
    if (type->base == ZNODE_INT) {
        if (!json_is_integer(value))
            tell(c, ZNODE_ERROR, "\"%s\" is no number", where);
        else if (json_integer_value(value) < type->min || json_integer_value(value) > type->max)
            tell(c, ZNODE_ERROR, "\"%s\" is %" JSON_INTEGER_FORMAT ", not %" PRId64 " to %" PRId64, where,
                 json_integer_value(value), type->min, type->max);
        return;
    }
    struct view text = text_of(value);
    if (!json_is_string(value))
        tell(c, ZNODE_ERROR, "\"%s\" is no string", where);
    else if (!is_of_type(type, text))
        tell(c, ZNODE_ERROR, "\"%s\" is \"%.*s\", not %s (%s)", where,
             (int)(text.len < SHOWN_MAX ? text.len : SHOWN_MAX), (const char *)text.ptr, type->name,
             type->meaning);
}

static void check_object(const struct checking *c, const struct znode_field *fields, int count,
                         const json_t *object, const char *where);

/* One value of a field: an element when the field is an array. */
static void check_single(const struct checking *c, const struct znode_field *field, const json_t *value,
                         const char *where)
{
    if (json_is_null(value) && field->nullable)
        return;
    if (field->type)
        check_scalar(c, field->type, value, where);
    else if (!json_is_object(value))
        tell(c, ZNODE_ERROR, "\"%s\" is no object", where);
    else
        check_object(c, field->fields, field->fields_count, value, where);
}

static void check_items(const struct checking *c, const struct znode_field *field, const json_t *value,
                        const char *where)
{
    if (!field->array) {
        check_single(c, field, value, where);
        return;
    }
    if (!json_is_array(value)) {
        tell(c, ZNODE_ERROR, "\"%s\" is no array", where);
        return;
    }
    for (size_t i = 0; i < json_array_size(value); i++) {
        char *item = mem_printf("%s[%zu]", where, i);
        check_single(c, field, json_array_get(value, i), item);
        free(item);
    }
}

static void check_map(const struct checking *c, const struct znode_field *field, json_t *value,
                      const char *where)
{
    const char *key;
    json_t *item;
    if (!json_is_object(value)) {
        tell(c, ZNODE_ERROR, "\"%s\" is no object", where);
        return;
    }
    json_object_foreach(value, key, item)
    {
        char *inner = mem_printf("%s.%.*s", where, SHOWN_MAX, key);
        if (!is_of_type(field->key, view_str(key)))
            tell(c, ZNODE_ERROR, "\"%s\" is not named by %s (%s)", inner, field->key->name,
                 field->key->meaning);
        check_items(c, field, item, inner);
        free(inner);
    }
}

static void check_field(const struct checking *c, const struct znode_field *field, json_t *value,
                        const char *where)
{
    if (!value || (json_is_null(value) && field->nullable)) {
        if (!value && !field->optional && c->version >= field->first_version &&
            c->version <= field->last_version)
            tell(c, ZNODE_ERROR, "\"%s\" is missing", where);
        return;
    }
    if (field->key)
        check_map(c, field, value, where);
    else
        check_items(c, field, value, where);
}

static const struct znode_field *field_named(const struct znode_field *fields, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(fields[i].name, name) == 0)
            return &fields[i];
    return NULL;
}

static void check_object(const struct checking *c, const struct znode_field *fields, int count,
                         const json_t *object, const char *where)
{
    const char *dot = *where ? "." : "";
    const char *key;
    json_t *value;
    for (int i = 0; i < count; i++) {
        char *inner = mem_printf("%s%s%s", where, dot, fields[i].name);
        check_field(c, &fields[i], json_object_get(object, fields[i].name), inner);
        free(inner);
    }
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        if (!field_named(fields, count, key))
            tell(c, c->row->strict ? ZNODE_ERROR : ZNODE_NOTE, "unknown field \"%s%s%.*s\"%s", where, dot,
                 SHOWN_MAX, key, c->row->strict ? ", for which readers refuse all of it" : "");
    }
}

/* False when there is none that is a number: the field's own check tells. */
static bool version_of(const json_t *root, json_int_t *out)
{
    const json_t *value = json_object_get(root, "version");
    struct view text = text_of(value);
    if (json_is_integer(value))
        *out = json_integer_value(value);
    else if (json_is_string(value) && is_number(text, INT32_MIN, INT32_MAX))
        *out = atoi((const char *)text.ptr);
    else
        return false;
    return true;
}

static void check_version(struct checking *c, const json_t *root)
{
    const struct znode_row *row = c->row;
    json_int_t version = row->max_version;
    /* What has no version is held against all that is known. */
    if (!version_of(root, &version))
        version = row->max_version;
    if (version < row->min_version)
        tell(c, ZNODE_ERROR, "version %" JSON_INTEGER_FORMAT " is below %d, the first there is", version,
             row->min_version);
    else if (version > row->max_version)
        tell(c, row->exact ? ZNODE_ERROR : ZNODE_NOTE,
             "version %" JSON_INTEGER_FORMAT " is newer than %d, the last that %s", version, row->max_version,
             row->exact ? "readers take" : "is known here");
    c->version = version < 0 ? 0 : version > INT16_MAX - 1 ? INT16_MAX - 1 : (int)version;
}

static void check_json(struct checking *c, struct view data)
{
    const struct znode_row *row = c->row;
    json_error_t error;
    json_t *root = json_loadb((const char *)data.ptr, data.len, JSON_ALLOW_NUL, &error);
    if (!root) {
        tell(c, ZNODE_ERROR, "not JSON: %s (line %d)", error.text, error.line);
        return;
    }
    if (json_is_object(root)) {
        check_version(c, root);
        check_object(c, row->fields, row->fields_count, root, "");
    } else {
        tell(c, ZNODE_ERROR, "not a JSON object");
    }
    json_decref(root);
}

static void check_data(struct checking *c, struct view data)
{
    const struct znode_row *row = c->row;
    if (row->data == ZNODE_DATA_ANY || (data.len == 0 && (row->or_null || row->data == ZNODE_DATA_NULL)))
        return;
    if (row->data == ZNODE_DATA_NULL)
        tell(c, ZNODE_NOTE, "has %zu bytes of data that nobody reads", data.len);
    else if (data.len == 0)
        tell(c, ZNODE_ERROR, "has no data");
    else if (row->data == ZNODE_DATA_JSON)
        check_json(c, data);
    else if (!is_of_type(row->text, data))
        tell(c, ZNODE_ERROR, "is \"%.*s\", not %s (%s)", (int)(data.len < SHOWN_MAX ? data.len : SHOWN_MAX),
             (const char *)data.ptr, row->text->name, row->text->meaning);
}

void znode_row_check(const struct znode_row *row, bool ephemeral, struct view data, znode_fault_fn fault,
                     void *arg)
{
    struct checking c = {.fault = fault, .arg = arg, .row = row};
    if (row->kind == ZNODE_KIND_EPHEMERAL && !ephemeral)
        tell(&c, ZNODE_ERROR, "is persistent, should be ephemeral");
    if (row->kind == ZNODE_KIND_PERSISTENT && ephemeral)
        tell(&c, ZNODE_ERROR, "is ephemeral, should be persistent");
    check_data(&c, data);
}
