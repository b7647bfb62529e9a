#include "cli/reassign.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_VERSION 1

/* --- lists ------------------------------------------------------------------------------------------ */

const char *reassign_name(struct arena *arena, const struct reassign_part *part)
{
    return arena_printf(arena, "%s-%" PRId32, part->topic, part->partition);
}

struct reassign_part *reassign_add(struct arena *arena, struct reassign_list *list, const char *topic,
                                   int32_t partition)
{
    if (list->count == list->cap) {
        list->cap = list->cap ? list->cap * 2 : 16;
        struct reassign_part *bigger = arena_zalloc(arena, (size_t)list->cap * sizeof *bigger);
        if (list->count)
            memcpy(bigger, list->items, (size_t)list->count * sizeof *bigger);
        list->items = bigger;
    }
    struct reassign_part *part = &list->items[list->count++];
    *part = (struct reassign_part){.topic = topic, .partition = partition};
    return part;
}

static int compare(const void *a, const void *b)
{
    const struct reassign_part *x = a, *y = b;
    int order = strcmp(x->topic, y->topic);
    return order ? order : (x->partition > y->partition) - (x->partition < y->partition);
}

void reassign_sort(struct reassign_list *list)
{
    if (list->count)
        qsort(list->items, (size_t)list->count, sizeof *list->items, compare);
}

struct reassign_part *reassign_find(const struct reassign_list *list, const char *topic, int32_t partition)
{
    for (int i = 0; i < list->count; i++)
        if (list->items[i].partition == partition && strcmp(list->items[i].topic, topic) == 0)
            return &list->items[i];
    return NULL;
}

bool reassign_ids_contain(const struct znode_ids *ids, int32_t id)
{
    for (int32_t i = 0; i < ids->count; i++)
        if (ids->ids[i] == id)
            return true;
    return false;
}

const char **reassign_topics(struct arena *arena, const struct reassign_list *list, int *count)
{
    const char **topics = arena_alloc(arena, ((size_t)list->count + 1) * sizeof *topics);
    *count = 0;
    for (int i = 0; i < list->count; i++) {
        bool known = false;
        for (int k = 0; k < *count && !known; k++)
            known = strcmp(topics[k], list->items[i].topic) == 0;
        if (!known)
            topics[(*count)++] = list->items[i].topic;
    }
    return topics;
}

/* --- reading ---------------------------------------------------------------------------------------- */

static bool fail_expected(const char *type, json_t *found, struct errmsg *why)
{
    char *text = json_dumps(found, JSON_ENCODE_ANY | JSON_COMPACT);
    errmsg_set(why, "Expected %s, received %.100s", type, text ? text : "something else");
    free(text);
    return false;
}

static bool get_int(json_t *value, int32_t *out, struct errmsg *why)
{
    if (!json_is_integer(value) || json_integer_value(value) < INT32_MIN ||
        json_integer_value(value) > INT32_MAX)
        return fail_expected("`Integer` value", value, why);
    *out = (int32_t)json_integer_value(value);
    return true;
}

static json_t *field(json_t *object, const char *name, struct errmsg *why)
{
    json_t *value = json_object_get(object, name);
    if (!value)
        errmsg_set(why, "No such field exists: `%s`", name);
    return value;
}

/* The file's object, of the version that there is; a file without a version has nothing in it. */
static json_t *load(const char *path, bool *empty, struct errmsg *why)
{
    json_error_t error;
    FILE *file = fopen(path, "re");
    if (!file) {
        errmsg_set(why, "Unable to read file %.150s (%s)", path, strerror(errno));
        return NULL;
    }
    json_t *root = json_loadf(file, JSON_DECODE_ANY, &error);
    fclose(file);
    int32_t version = FILE_VERSION;
    if (!root) {
        errmsg_set(why, "The input string is not a valid JSON: %.100s, line %d: %.80s", path, error.line,
                   error.text);
        return NULL;
    }
    bool good = json_is_object(root) || fail_expected("JSON object", root, why);
    json_t *found = good ? json_object_get(root, "version") : NULL;
    *empty = found == NULL;
    if (found && get_int(found, &version, why) && version != FILE_VERSION) {
        errmsg_set(why, "Not supported version field value %" PRId32, version);
        good = false;
    }
    good = good && (!found || json_is_integer(found));
    if (!good)
        json_decref(root);
    return good ? root : NULL;
}

static bool get_ids(json_t *list, struct arena *arena, struct znode_ids *out, struct errmsg *why)
{
    if (!json_is_array(list))
        return fail_expected("JSON array", list, why);
    out->ids = arena_alloc(arena, (json_array_size(list) + 1) * sizeof *out->ids);
    for (size_t i = 0; i < json_array_size(list); i++)
        if (!get_int(json_array_get(list, i), &out->ids[out->count++], why))
            return false;
    return true;
}

/* The directories that a move names; "any" is none. */
static bool get_dirs(json_t *dirs, struct reassign_part *part, struct arena *arena, struct errmsg *why)
{
    if (!dirs)
        return true;
    if (json_array_size(dirs) != (size_t)part->replicas.count) {
        errmsg_set(why, "Size of replicas list is different from size of log dirs list for partition %.150s",
                   reassign_name(arena, part));
        return false;
    }
    part->dirs = arena_zalloc(arena, ((size_t)part->replicas.count + 1) * sizeof *part->dirs);
    for (size_t i = 0; i < json_array_size(dirs); i++) {
        json_t *dir = json_array_get(dirs, i);
        if (!json_is_string(dir))
            return fail_expected("`String` value", dir, why);
        if (strcmp(json_string_value(dir), "any") != 0)
            part->dirs[i] = arena_strdup(arena, json_string_value(dir));
    }
    return true;
}

static bool read_move(json_t *item, struct arena *arena, struct reassign_list *out, struct errmsg *why)
{
    json_t *topic = field(item, "topic", why);
    json_t *partition = topic ? field(item, "partition", why) : NULL;
    json_t *replicas = partition ? field(item, "replicas", why) : NULL;
    int32_t number = 0;
    if (!replicas)
        return false;
    if (!json_is_string(topic))
        return fail_expected("`String` value", topic, why);
    if (!get_int(partition, &number, why))
        return false;
    struct reassign_part *part =
        reassign_add(arena, out, arena_strdup(arena, json_string_value(topic)), number);
    return get_ids(replicas, arena, &part->replicas, why) &&
           get_dirs(json_object_get(item, "log_dirs"), part, arena, why);
}

bool reassign_read_moves(const char *path, struct arena *arena, struct reassign_list *out, struct errmsg *why)
{
    bool empty = false;
    json_t *root = load(path, &empty, why);
    json_t *list = root && !empty ? json_object_get(root, "partitions") : NULL;
    bool good = root != NULL;
    for (size_t i = 0; good && i < json_array_size(list); i++)
        good = read_move(json_array_get(list, i), arena, out, why);
    json_decref(root);
    return good;
}

static bool topic_twice(const char *const *topics, int count, struct errmsg *why)
{
    for (int i = 0; i < count; i++)
        for (int k = 0; k < i; k++)
            if (strcmp(topics[i], topics[k]) == 0) {
                errmsg_set(why, "List of topics to reassign contains duplicate entries: [%.150s]", topics[i]);
                return true;
            }
    return false;
}

bool reassign_read_topics(const char *path, struct arena *arena, const char ***topics, int *count,
                          struct errmsg *why)
{
    bool empty = false;
    json_t *root = load(path, &empty, why);
    json_t *list = root && !empty ? json_object_get(root, "topics") : NULL;
    bool good = root != NULL;
    *topics = arena_alloc(arena, (json_array_size(list) + 1) * sizeof **topics);
    *count = 0;
    for (size_t i = 0; good && i < json_array_size(list); i++) {
        json_t *name = field(json_array_get(list, i), "topic", why);
        good = name && (json_is_string(name) || fail_expected("`String` value", name, why));
        if (good)
            (*topics)[(*count)++] = arena_strdup(arena, json_string_value(name));
    }
    json_decref(root);
    return good && !topic_twice(*topics, *count, why);
}

bool reassign_read_brokers(const char *text, struct arena *arena, struct znode_ids *out, struct errmsg *why)
{
    out->ids = arena_alloc(arena, (strlen(text) + 1) * sizeof *out->ids);
    for (const char *at = text;;) {
        size_t len = strcspn(at, ",");
        char *end;
        long id = strtol(at, &end, 10);
        if (len == 0 || end != at + len || id < INT_MIN || id > INT_MAX) {
            errmsg_set(why, "For input string: \"%.*s\"", len < 60 ? (int)len : 60, at);
            return false;
        }
        if (reassign_ids_contain(out, (int32_t)id)) {
            errmsg_set(why, "Broker list contains duplicate entries: [%ld]", id);
            return false;
        }
        out->ids[out->count++] = (int32_t)id;
        if (at[len] == '\0')
            return true;
        at += len + 1;
    }
}

/* --- checking --------------------------------------------------------------------------------------- */

static int32_t twice_in(const struct znode_ids *ids, bool *found)
{
    for (int32_t i = 0; i < ids->count; i++)
        for (int32_t k = 0; k < i; k++)
            if (ids->ids[i] == ids->ids[k]) {
                *found = true;
                return ids->ids[i];
            }
    return 0;
}

static bool check_replicas(const struct reassign_list *moves, struct arena *arena, struct errmsg *why)
{
    struct buf text = {0};
    for (int i = 0; i < moves->count; i++) {
        bool found = false;
        int32_t id = twice_in(&moves->items[i].replicas, &found);
        if (found)
            buf_printf(&text, "%s%s contains multiple entries for %" PRId32, text.len ? ". " : "",
                       reassign_name(arena, &moves->items[i]), id);
    }
    bool good = text.len == 0;
    if (!good)
        errmsg_set(why, "Partition replica lists may not contain duplicate entries: %.200s", buf_cstr(&text));
    buf_close(&text);
    return good;
}

bool reassign_check_moves(const struct reassign_list *moves, struct arena *arena, struct errmsg *why)
{
    if (moves->count == 0) {
        errmsg_set(why, "Partition reassignment list cannot be empty");
        return false;
    }
    for (int i = 0; i < moves->count; i++)
        if (moves->items[i].replicas.count == 0) {
            errmsg_set(why, "Partition replica list cannot be empty");
            return false;
        }
    for (int i = 0; i < moves->count; i++) {
        const struct reassign_part *part = &moves->items[i];
        if (reassign_find(moves, part->topic, part->partition) != part) {
            errmsg_set(why, "Partition reassignment contains duplicate topic partitions: %.150s",
                       reassign_name(arena, part));
            return false;
        }
    }
    return check_replicas(moves, arena, why);
}

/* --- printing --------------------------------------------------------------------------------------- */

static json_t *json_of(const struct reassign_part *part)
{
    json_t *object = json_object(), *replicas = json_array(), *dirs = json_array();
    for (int32_t i = 0; i < part->replicas.count; i++) {
        json_array_append_new(replicas, json_integer(part->replicas.ids[i]));
        json_array_append_new(dirs, json_string("any"));
    }
    json_object_set_new(object, "topic", json_string(part->topic));
    json_object_set_new(object, "partition", json_integer(part->partition));
    json_object_set_new(object, "replicas", replicas);
    json_object_set_new(object, "log_dirs", dirs);
    return object;
}

void reassign_print_json(const struct reassign_list *list)
{
    json_t *root = json_object(), *partitions = json_array();
    for (int i = 0; i < list->count; i++)
        json_array_append_new(partitions, json_of(&list->items[i]));
    json_object_set_new(root, "version", json_integer(FILE_VERSION));
    json_object_set_new(root, "partitions", partitions);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}
