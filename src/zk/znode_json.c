#include "zk/znode_json.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "base/mem.h"

/* --- writing ------------------------------------------------------------------------------------------ */

static int append_text(const char *text, size_t len, void *arg)
{
    buf_put(arg, text, len);
    return 0;
}

/* Appends `value` and ends it. */
static void put_json(json_t *value, struct buf *out)
{
    ASSERT(value != NULL);
    ASSERT(json_dump_callback(value, append_text, out, JSON_COMPACT) == 0);
    json_decref(value);
}

static json_t *text_of_number(int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, number);
    return json_string(text);
}

static json_t *array_of_ids(const struct znode_ids *ids)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < ids->count; i++)
        json_array_append_new(array, json_integer(ids->ids[i]));
    return array;
}

/* --- reading ------------------------------------------------------------------------------------------ */

static enum err malformed(struct errmsg *why, const char *what)
{
    errmsg_set(why, "%s", what);
    return ERR_MALFORMED;
}

/* Gives the root (json_decref); NULL with why when it is no JSON object. */
static json_t *parse_object(struct view text, struct errmsg *why)
{
    json_error_t error;
    json_t *root = text.len ? json_loadb((const char *)text.ptr, text.len, 0, &error) : NULL;
    if (root && json_is_object(root))
        return root;
    if (!root && text.len)
        errmsg_set(why, "not JSON: %s (line %d)", error.text, error.line);
    else
        errmsg_set(why, "not a JSON object");
    json_decref(root);
    return NULL;
}

static bool get_i32(const json_t *object, const char *key, int32_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (!json_is_integer(value))
        return false;
    json_int_t number = json_integer_value(value);
    if (number < INT32_MIN || number > INT32_MAX)
        return false;
    *out = (int32_t)number;
    return true;
}

/* A number, or a number written as a string. */
static bool get_i64(const json_t *object, const char *key, int64_t *out)
{
    const json_t *value = json_object_get(object, key);
    if (json_is_integer(value)) {
        *out = json_integer_value(value);
        return true;
    }
    const char *text = json_string_value(value);
    if (!text || !*text)
        return false;
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    return *end == '\0' && errno == 0;
}

static const char *get_text(const json_t *object, const char *key, struct arena *arena)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? arena_strdup(arena, text) : NULL;
}

/* False when it is no array of broker ids. A missing one is empty. */
static bool get_ids(const json_t *array, struct arena *arena, struct znode_ids *out)
{
    *out = (struct znode_ids){0};
    if (!array)
        return true;
    if (!json_is_array(array))
        return false;
    size_t count = json_array_size(array);
    out->ids = arena_alloc(arena, sizeof *out->ids * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const json_t *id = json_array_get(array, i);
        json_int_t number = json_integer_value(id);
        if (!json_is_integer(id) || number < INT32_MIN || number > INT32_MAX)
            return false;
        out->ids[i] = (int32_t)number;
    }
    out->count = (int32_t)count;
    return true;
}

static bool parse_partition(const char *text, int32_t *out)
{
    char *end;
    errno = 0;
    long number = strtol(text, &end, 10);
    if (*text == '\0' || *end != '\0' || errno != 0 || number < 0 || number > INT32_MAX)
        return false;
    *out = (int32_t)number;
    return true;
}

/* --- /brokers/ids/N ------------------------------------------------------------------------------------- */

static json_t *endpoint_text(const struct znode_endpoint *endpoint)
{
    bool v6 = endpoint->host && strchr(endpoint->host, ':');
    char *text = mem_printf(v6 ? "%s://[%s]:%d" : "%s://%s:%d", endpoint->listener,
                            endpoint->host ? endpoint->host : "", endpoint->port);
    json_t *value = json_string(text);
    free(text);
    return value;
}

void znode_encode_broker(const struct znode_broker *value, struct buf *out)
{
    json_t *endpoints = json_array();
    json_t *protocols = json_object();
    for (int32_t i = 0; i < value->endpoints_count; i++) {
        json_array_append_new(endpoints, endpoint_text(&value->endpoints[i]));
        json_object_set_new(protocols, value->endpoints[i].listener,
                            json_string(value->endpoints[i].protocol));
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(value->version));
    json_object_set_new(root, "host", value->host ? json_string(value->host) : json_null());
    json_object_set_new(root, "port", json_integer(value->port));
    json_object_set_new(root, "jmx_port", json_integer(value->jmx_port));
    json_object_set_new(root, "timestamp", text_of_number(value->timestamp_ms));
    json_object_set_new(root, "endpoints", endpoints);
    if (value->rack)
        json_object_set_new(root, "rack", json_string(value->rack));
    json_object_set_new(root, "listener_security_protocol_map", protocols);
    if (value->version >= 5)
        json_object_set_new(root, "features", json_object());
    put_json(root, out);
}

static void upper_case(char *text)
{
    for (; *text; text++)
        if (*text >= 'a' && *text <= 'z')
            *text = (char)(*text - 'a' + 'A');
}

/* NAME://host:port, the host of an IPv6 address in brackets. */
static bool parse_endpoint(const char *text, struct arena *arena, struct znode_endpoint *out)
{
    const char *name_end = strstr(text, "://");
    const char *colon = strrchr(text, ':');
    if (!name_end || !colon || colon < name_end + 3)
        return false;
    char *listener = arena_cstr(arena, view_of(text, (size_t)(name_end - text)));
    upper_case(listener);
    const char *host = name_end + 3;
    size_t host_len = (size_t)(colon - host);
    if (host_len >= 2 && host[0] == '[' && host[host_len - 1] == ']') {
        host++;
        host_len -= 2;
    }
    char *end;
    errno = 0;
    long port = strtol(colon + 1, &end, 10);
    if (colon[1] == '\0' || *end != '\0' || errno != 0 || port < -1 || port > 65535)
        return false;
    *out = (struct znode_endpoint){
        .listener = listener, .host = arena_cstr(arena, view_of(host, host_len)), .port = (int32_t)port};
    return true;
}

static bool is_protocol(const char *name)
{
    return strcmp(name, "PLAINTEXT") == 0 || strcmp(name, "SSL") == 0 ||
           strcmp(name, "SASL_PLAINTEXT") == 0 || strcmp(name, "SASL_SSL") == 0;
}

/* The protocol of a listener: from the map, or the listener's own name where there is no map. */
static const char *protocol_of(const json_t *root, const char *listener, struct arena *arena)
{
    const json_t *map = json_object_get(root, "listener_security_protocol_map");
    if (!map)
        return is_protocol(listener) ? listener : NULL;
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)(uintptr_t)map, key, value)
    {
        if (strcasecmp(key, listener) == 0 && json_is_string(value))
            return arena_strdup(arena, json_string_value(value));
    }
    return NULL;
}

static enum err decode_endpoints(const json_t *root, struct arena *arena, struct znode_broker *out,
                                 struct errmsg *why)
{
    const json_t *texts = json_object_get(root, "endpoints");
    if (!json_is_array(texts))
        return malformed(why, "\"endpoints\" is missing or no array");
    size_t count = json_array_size(texts);
    out->endpoints = arena_zalloc(arena, sizeof *out->endpoints * (count + 1));
    for (size_t i = 0; i < count; i++) {
        const char *text = json_string_value(json_array_get(texts, i));
        struct znode_endpoint *endpoint = &out->endpoints[i];
        if (!text || !parse_endpoint(text, arena, endpoint))
            return malformed(why, "an element of \"endpoints\" is not NAME://host:port");
        endpoint->protocol = protocol_of(root, endpoint->listener, arena);
        if (!endpoint->protocol)
            return malformed(why, "an endpoint's listener is not in \"listener_security_protocol_map\"");
        for (size_t other = 0; other < i; other++)
            if (strcmp(out->endpoints[other].listener, endpoint->listener) == 0)
                return malformed(why, "two endpoints have one listener name");
    }
    out->endpoints_count = (int32_t)count;
    return ERR_NONE;
}

enum err znode_decode_broker(struct view json, struct arena *arena, struct znode_broker *out,
                             struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_broker broker = {.port = -1, .jmx_port = -1};
    enum err err = ERR_NONE;
    if (!get_i32(root, "version", &broker.version) || broker.version < 1)
        err = malformed(why, "\"version\" is missing or below 1");
    else if (!get_i32(root, "jmx_port", &broker.jmx_port))
        err = malformed(why, "\"jmx_port\" is missing");
    broker.host = get_text(root, "host", arena);
    get_i32(root, "port", &broker.port);
    get_i64(root, "timestamp", &broker.timestamp_ms);
    broker.rack = get_text(root, "rack", arena);
    if (err == ERR_NONE && broker.version >= 2) {
        err = decode_endpoints(root, arena, &broker, why);
    } else if (err == ERR_NONE && broker.host) {
        broker.endpoints = arena_zalloc(arena, sizeof *broker.endpoints);
        broker.endpoints[0] = (struct znode_endpoint){"PLAINTEXT", "PLAINTEXT", broker.host, broker.port};
        broker.endpoints_count = 1;
    }
    json_decref(root);
    if (err == ERR_NONE)
        *out = broker;
    return err;
}

/* --- /brokers/topics/T ---------------------------------------------------------------------------------- */

static void put_ids_by_partition(json_t *object, int32_t partition, const struct znode_ids *ids)
{
    char key[12];
    snprintf(key, sizeof key, "%d", partition);
    json_object_set_new(object, key, array_of_ids(ids));
}

void znode_encode_topic(const struct znode_topic *value, struct buf *out)
{
    json_t *partitions = json_object();
    json_t *adding = json_object();
    json_t *removing = json_object();
    for (int32_t i = 0; i < value->partitions_count; i++) {
        const struct znode_assignment *assignment = &value->partitions[i];
        put_ids_by_partition(partitions, assignment->partition, &assignment->replicas);
        if (assignment->adding.count > 0)
            put_ids_by_partition(adding, assignment->partition, &assignment->adding);
        if (assignment->removing.count > 0)
            put_ids_by_partition(removing, assignment->partition, &assignment->removing);
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(3));
    if (!uuid_is_zero(value->topic_id)) {
        char text[UUID_TEXT_SIZE];
        uuid_to_text(value->topic_id, text);
        json_object_set_new(root, "topic_id", json_string(text));
    }
    json_object_set_new(root, "partitions", partitions);
    json_object_set_new(root, "adding_replicas", adding);
    json_object_set_new(root, "removing_replicas", removing);
    put_json(root, out);
}

static int by_partition(const void *a, const void *b)
{
    int32_t x = ((const struct znode_assignment *)a)->partition;
    int32_t y = ((const struct znode_assignment *)b)->partition;
    return (x > y) - (x < y);
}

enum err znode_decode_topic(struct view json, struct arena *arena, struct znode_topic *out,
                            struct errmsg *why)
{
    *out = (struct znode_topic){0};
    json_t *root = parse_object(json, NULL);
    if (!root)
        return ERR_NONE;
    enum err err = ERR_NONE;
    const char *id = json_string_value(json_object_get(root, "topic_id"));
    if (id && !uuid_from_text(view_str(id), &out->topic_id))
        err = malformed(why, "\"topic_id\" is no id");
    json_t *partitions = json_object_get(root, "partitions");
    const json_t *adding = json_object_get(root, "adding_replicas");
    const json_t *removing = json_object_get(root, "removing_replicas");
    size_t count = json_object_size(partitions);
    out->partitions = arena_zalloc(arena, sizeof *out->partitions * (count + 1));
    const char *key;
    json_t *replicas;
    json_object_foreach(partitions, key, replicas)
    {
        struct znode_assignment *to = &out->partitions[out->partitions_count];
        bool good = err == ERR_NONE && parse_partition(key, &to->partition) &&
                    get_ids(replicas, arena, &to->replicas) &&
                    get_ids(json_object_get(adding, key), arena, &to->adding) &&
                    get_ids(json_object_get(removing, key), arena, &to->removing);
        if (!good) {
            if (err == ERR_NONE)
                errmsg_set(why, "partition \"%.40s\" has no list of broker ids", key);
            err = ERR_MALFORMED;
            break;
        }
        out->partitions_count++;
    }
    json_decref(root);
    qsort(out->partitions, (size_t)out->partitions_count, sizeof *out->partitions, by_partition);
    return err;
}

/* --- .../state, /controller, /controller_epoch ---------------------------------------------------------- */

void znode_encode_state(const struct znode_state *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "leader", json_integer(value->leader));
    json_object_set_new(root, "leader_epoch", json_integer(value->leader_epoch));
    json_object_set_new(root, "controller_epoch", json_integer(value->controller_epoch));
    json_object_set_new(root, "isr", array_of_ids(&value->isr));
    if (value->leader_recovery_state != 0)
        json_object_set_new(root, "leader_recovery_state", json_integer(value->leader_recovery_state));
    put_json(root, out);
}

enum err znode_decode_state(struct view json, struct arena *arena, struct znode_state *out,
                            struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_state state = {0};
    const json_t *isr = json_object_get(root, "isr");
    enum err err = ERR_NONE;
    if (!get_i32(root, "leader", &state.leader) || !get_i32(root, "leader_epoch", &state.leader_epoch) ||
        !get_i32(root, "controller_epoch", &state.controller_epoch))
        err = malformed(why, "\"leader\", \"leader_epoch\" or \"controller_epoch\" is missing or no number");
    else if (!isr || !get_ids(isr, arena, &state.isr))
        err = malformed(why, "\"isr\" is missing or no list of broker ids");
    get_i32(root, "leader_recovery_state", &state.leader_recovery_state);
    json_decref(root);
    if (err == ERR_NONE)
        *out = state;
    return err;
}

void znode_encode_controller(const struct znode_controller *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(2));
    json_object_set_new(root, "brokerid", json_integer(value->broker_id));
    json_object_set_new(root, "timestamp", text_of_number(value->timestamp_ms));
    json_object_set_new(root, "kraftControllerEpoch", json_integer(value->kraft_controller_epoch));
    put_json(root, out);
}

enum err znode_decode_controller(struct view json, struct arena *arena, struct znode_controller *out,
                                 struct errmsg *why)
{
    (void)arena;
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_controller value = {.kraft_controller_epoch = -1};
    enum err err = ERR_NONE;
    if (!get_i32(root, "brokerid", &value.broker_id))
        err = malformed(why, "\"brokerid\" is missing or no number");
    get_i64(root, "timestamp", &value.timestamp_ms);
    get_i32(root, "kraftControllerEpoch", &value.kraft_controller_epoch);
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

void znode_encode_controller_epoch(int32_t epoch, struct buf *out)
{
    buf_printf(out, "%d", epoch);
}

enum err znode_decode_controller_epoch(struct view text, int32_t *out, struct errmsg *why)
{
    char digits[16] = {0};
    if (text.len > 0 && text.len < sizeof digits) {
        memcpy(digits, text.ptr, text.len);
        if (parse_partition(digits, out))
            return ERR_NONE;
    }
    return malformed(why, "the controller epoch is no number");
}

/* --- /latest_producer_id_block -------------------------------------------------------------------------- */

void znode_encode_producer_id_block(const struct znode_producer_id_block *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "broker", json_integer(value->broker_id));
    json_object_set_new(root, "block_start", text_of_number(value->block_start));
    json_object_set_new(root, "block_end", text_of_number(value->block_end));
    put_json(root, out);
}

enum err znode_decode_producer_id_block(struct view json, struct arena *arena,
                                        struct znode_producer_id_block *out, struct errmsg *why)
{
    (void)arena;
    if (json.len == 0)
        return ERR_NOT_FOUND;
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_producer_id_block block = {.broker_id = -1};
    get_i32(root, "broker", &block.broker_id);
    bool good =
        get_i64(root, "block_start", &block.block_start) && get_i64(root, "block_end", &block.block_end);
    json_decref(root);
    if (!good)
        return malformed(why, "\"block_start\" or \"block_end\" is missing or no number");
    *out = block;
    return ERR_NONE;
}

/* --- lists of partitions -------------------------------------------------------------------------------- */

static void encode_partitions(const struct znode_partitions *value, bool with_replicas, struct buf *out)
{
    json_t *partitions = json_array();
    for (int32_t i = 0; i < value->count; i++) {
        json_t *item = json_object();
        json_object_set_new(item, "topic", json_string(value->items[i].topic));
        json_object_set_new(item, "partition", json_integer(value->items[i].partition));
        if (with_replicas)
            json_object_set_new(item, "replicas", array_of_ids(&value->items[i].replicas));
        json_array_append_new(partitions, item);
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "partitions", partitions);
    put_json(root, out);
}

static enum err decode_partitions(struct view json, bool with_replicas, struct arena *arena,
                                  struct znode_partitions *out, struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    const json_t *list = json_object_get(root, "partitions");
    size_t count = json_array_size(list);
    struct znode_partitions value = {.items = arena_zalloc(arena, sizeof *value.items * (count + 1))};
    enum err err = json_is_array(list) ? ERR_NONE : malformed(why, "\"partitions\" is missing or no array");
    for (size_t i = 0; i < count && err == ERR_NONE; i++) {
        const json_t *item = json_array_get(list, i);
        struct znode_partition *to = &value.items[value.count++];
        to->topic = get_text(item, "topic", arena);
        const json_t *replicas = json_object_get(item, "replicas");
        if (!to->topic || !get_i32(item, "partition", &to->partition) || to->partition < 0)
            err = malformed(why, "an element of \"partitions\" has no topic or partition");
        else if (with_replicas && (!replicas || !get_ids(replicas, arena, &to->replicas)))
            err = malformed(why, "an element of \"partitions\" has no list of replicas");
    }
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

void znode_encode_reassignment(const struct znode_partitions *value, struct buf *out)
{
    encode_partitions(value, true, out);
}

enum err znode_decode_reassignment(struct view json, struct arena *arena, struct znode_partitions *out,
                                   struct errmsg *why)
{
    return decode_partitions(json, true, arena, out, why);
}

void znode_encode_partitions(const struct znode_partitions *value, struct buf *out)
{
    encode_partitions(value, false, out);
}

enum err znode_decode_partitions(struct view json, struct arena *arena, struct znode_partitions *out,
                                 struct errmsg *why)
{
    return decode_partitions(json, false, arena, out, why);
}

/* --- /config ------------------------------------------------------------------------------------------- */

void znode_encode_config(const struct znode_config *value, struct buf *out)
{
    json_t *config = json_object();
    for (int32_t i = 0; i < value->count; i++)
        json_object_set_new(config, value->entries[i].name, json_string(value->entries[i].value));
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "config", config);
    put_json(root, out);
}

enum err znode_decode_config(struct view json, struct arena *arena, struct znode_config *out,
                             struct errmsg *why)
{
    *out = (struct znode_config){0};
    json_t *root = parse_object(json, NULL);
    if (!root)
        return ERR_NONE;
    json_t *config = json_object_get(root, "config");
    out->entries = arena_zalloc(arena, sizeof *out->entries * (json_object_size(config) + 1));
    enum err err = ERR_NONE;
    const char *name;
    json_t *value;
    json_object_foreach(config, name, value)
    {
        if (!json_is_string(value)) {
            errmsg_set(why, "the value of \"%.80s\" is no string", name);
            err = ERR_MALFORMED;
            break;
        }
        struct znode_config_entry *entry = &out->entries[out->count++];
        entry->name = arena_strdup(arena, name);
        entry->value = arena_strdup(arena, json_string_value(value));
    }
    json_decref(root);
    return err;
}

void znode_encode_config_change(const char *entity_path, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(2));
    json_object_set_new(root, "entity_path", json_string(entity_path));
    put_json(root, out);
}

enum err znode_decode_config_change(struct view json, struct arena *arena, const char **entity_path,
                                    struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    int32_t version = 0;
    get_i32(root, "version", &version);
    *entity_path = NULL;
    const char *type = get_text(root, "entity_type", arena);
    const char *name = get_text(root, "entity_name", arena);
    if (version == 2)
        *entity_path = get_text(root, "entity_path", arena);
    else if (version == 1 && type && name)
        *entity_path = arena_printf(arena, "%s/%s", type, name);
    json_decref(root);
    return *entity_path ? ERR_NONE : malformed(why, "unknown version, or no entity");
}

/* --- the rest ------------------------------------------------------------------------------------------ */

void znode_encode_log_dir_event(const struct znode_log_dir_event *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "broker", json_integer(value->broker_id));
    json_object_set_new(root, "event", json_integer(value->event));
    put_json(root, out);
}

enum err znode_decode_log_dir_event(struct view json, struct arena *arena, struct znode_log_dir_event *out,
                                    struct errmsg *why)
{
    (void)arena;
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_log_dir_event value = {0};
    bool good = get_i32(root, "broker", &value.broker_id) && get_i32(root, "event", &value.event);
    json_decref(root);
    if (!good)
        return malformed(why, "\"broker\" or \"event\" is missing or no number");
    *out = value;
    return ERR_NONE;
}

void znode_encode_suspect(const struct znode_suspect *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "broker_epoch", json_integer(value->broker_epoch));
    json_object_set_new(root, "controller_epoch", json_integer(value->controller_epoch));
    json_object_set_new(root, "timestamp", json_integer(value->timestamp_ms));
    json_object_set_new(root, "reason", json_string(value->reason));
    put_json(root, out);
}

enum err znode_decode_suspect(struct view json, struct arena *arena, struct znode_suspect *out,
                              struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_suspect value = {0};
    bool good = get_i64(root, "broker_epoch", &value.broker_epoch) &&
                get_i32(root, "controller_epoch", &value.controller_epoch) &&
                get_i64(root, "timestamp", &value.timestamp_ms);
    value.reason = get_text(root, "reason", arena);
    json_decref(root);
    if (!good)
        return malformed(why,
                         "\"broker_epoch\", \"controller_epoch\" or \"timestamp\" is missing or no number");
    if (!value.reason)
        value.reason = "";
    *out = value;
    return ERR_NONE;
}

void znode_encode_silence(const struct znode_silence *value, struct buf *out)
{
    json_t *brokers = json_array();
    for (int32_t i = 0; i < value->brokers_count; i++) {
        json_t *broker = json_object();
        json_object_set_new(broker, "broker", json_integer(value->brokers[i].id));
        json_object_set_new(broker, "broker_epoch", json_integer(value->brokers[i].epoch));
        json_array_append_new(brokers, broker);
    }
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "timestamp", json_integer(value->timestamp_ms));
    json_object_set_new(root, "silent", brokers);
    put_json(root, out);
}

static bool get_silent_brokers(const json_t *array, struct arena *arena, struct znode_silence *out)
{
    if (!json_is_array(array))
        return false;
    size_t count = json_array_size(array);
    out->brokers = arena_zalloc(arena, count * sizeof *out->brokers + 1);
    for (size_t i = 0; i < count; i++) {
        const json_t *broker = json_array_get(array, i);
        if (!get_i32(broker, "broker", &out->brokers[i].id) ||
            !get_i64(broker, "broker_epoch", &out->brokers[i].epoch))
            return false;
    }
    out->brokers_count = (int32_t)count;
    return true;
}

enum err znode_decode_silence(struct view json, struct arena *arena, struct znode_silence *out,
                              struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_silence value = {0};
    enum err err = ERR_NONE;
    if (!get_i64(root, "timestamp", &value.timestamp_ms))
        err = malformed(why, "\"timestamp\" is missing or no number");
    else if (!get_silent_brokers(json_object_get(root, "silent"), arena, &value))
        err = malformed(why, "\"silent\" is no list of brokers with their epochs");
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

void znode_encode_feature(const struct znode_feature *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(value->version));
    json_object_set_new(root, "status", json_integer(value->status));
    json_object_set_new(root, "features", json_object());
    put_json(root, out);
}

enum err znode_decode_feature(struct view json, struct arena *arena, struct znode_feature *out,
                              struct errmsg *why)
{
    (void)arena;
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_feature value = {0};
    const json_t *features = json_object_get(root, "features");
    enum err err = ERR_NONE;
    if (!get_i32(root, "version", &value.version) || value.version < 1 || value.version > 2)
        err = malformed(why, "\"version\" is not 1 or 2");
    else if (!get_i32(root, "status", &value.status) || value.status < 0 || value.status > 1)
        err = malformed(why, "\"status\" is not 0 or 1");
    else if (!json_is_object(features))
        err = malformed(why, "\"features\" is missing or no object");
    value.has_features = json_object_size(features) > 0;
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

/* --- ours ---------------------------------------------------------------------------------------------- */

static const char *const LOSSES[] = {
    [ZNODE_LOSS_NONE] = "none", [ZNODE_LOSS_TAIL] = "tail", [ZNODE_LOSS_DATA] = "data"};

static json_t *text_of_uuid(struct uuid id)
{
    char text[UUID_TEXT_SIZE];
    uuid_to_text(id, text);
    return json_string(text);
}

static bool get_uuid(const json_t *object, const char *key, struct uuid *out)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && uuid_from_text(view_str(text), out);
}

/* A missing one is none. */
static bool get_loss(const json_t *object, enum znode_loss *out)
{
    const json_t *value = json_object_get(object, "loss");
    const char *text = json_string_value(value);
    *out = ZNODE_LOSS_NONE;
    for (size_t i = 0; text && i < ARRAY_LEN(LOSSES); i++) {
        if (strcmp(LOSSES[i], text) == 0) {
            *out = (enum znode_loss)i;
            return true;
        }
    }
    return value == NULL;
}

void znode_encode_incarnation(const struct znode_incarnation *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    json_object_set_new(root, "incarnation", text_of_uuid(value->id));
    json_object_set_new(root, "starts", json_integer(value->starts));
    json_object_set_new(root, "loss", json_string(LOSSES[value->loss]));
    put_json(root, out);
}

enum err znode_decode_incarnation(struct view json, struct arena *arena, struct znode_incarnation *out,
                                  struct errmsg *why)
{
    (void)arena;
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_incarnation value = {0};
    enum err err = ERR_NONE;
    if (!get_uuid(root, "incarnation", &value.id) || uuid_is_zero(value.id))
        err = malformed(why, "\"incarnation\" is missing or no uuid");
    else if (!get_i64(root, "starts", &value.starts) || value.starts < 0)
        err = malformed(why, "\"starts\" is missing or below 0");
    else if (!get_loss(root, &value.loss))
        err = malformed(why, "\"loss\" is not none, tail or data");
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

static json_t *array_of_members(const struct znode_member *members, int32_t count)
{
    json_t *array = json_array();
    for (int32_t i = 0; i < count; i++) {
        json_t *member = json_object();
        json_object_set_new(member, "broker", json_integer(members[i].broker));
        json_object_set_new(member, "incarnation", text_of_uuid(members[i].incarnation));
        json_object_set_new(member, "loss", json_string(LOSSES[members[i].loss]));
        json_array_append_new(array, member);
    }
    return array;
}

static bool get_members(const json_t *array, struct arena *arena, struct znode_member **out, int32_t *count)
{
    if (!json_is_array(array))
        return false;
    size_t n = json_array_size(array);
    *out = arena_zalloc(arena, n * sizeof **out + 1);
    for (size_t i = 0; i < n; i++) {
        const json_t *member = json_array_get(array, i);
        if (!get_i32(member, "broker", &(*out)[i].broker) || (*out)[i].broker < 0 ||
            !get_uuid(member, "incarnation", &(*out)[i].incarnation) || !get_loss(member, &(*out)[i].loss))
            return false;
    }
    *count = (int32_t)n;
    return true;
}

void znode_encode_standing(const struct znode_standing *value, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_integer(1));
    if (!uuid_is_zero(value->topic_id))
        json_object_set_new(root, "topic_id", text_of_uuid(value->topic_id));
    json_object_set_new(root, "state_version", json_integer(value->state_version));
    json_object_set_new(root, "config_zxid", json_integer(value->config_zxid));
    json_object_set_new(root, "lost", array_of_members(value->lost, value->lost_count));
    json_object_set_new(root, "eligible", array_of_members(value->eligible, value->eligible_count));
    put_json(root, out);
}

enum err znode_decode_standing(struct view json, struct arena *arena, struct znode_standing *out,
                               struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    struct znode_standing value = {0};
    enum err err = ERR_NONE;
    bool has_id = json_object_get(root, "topic_id") != NULL;
    if (has_id && !get_uuid(root, "topic_id", &value.topic_id))
        err = malformed(why, "\"topic_id\" is no uuid");
    else if (!get_i32(root, "state_version", &value.state_version) ||
             !get_i64(root, "config_zxid", &value.config_zxid))
        err = malformed(why, "\"state_version\" or \"config_zxid\" is missing or no number");
    else if (!get_members(json_object_get(root, "lost"), arena, &value.lost, &value.lost_count) ||
             !get_members(json_object_get(root, "eligible"), arena, &value.eligible, &value.eligible_count))
        err = malformed(why, "\"lost\" or \"eligible\" is no list of brokers with their incarnations");
    json_decref(root);
    if (err == ERR_NONE)
        *out = value;
    return err;
}

void znode_encode_cluster_id(const char *id, struct buf *out)
{
    json_t *root = json_object();
    json_object_set_new(root, "version", json_string("1"));
    json_object_set_new(root, "id", json_string(id));
    put_json(root, out);
}

enum err znode_decode_cluster_id(struct view json, struct arena *arena, const char **id, struct errmsg *why)
{
    json_t *root = parse_object(json, why);
    if (!root)
        return ERR_MALFORMED;
    *id = get_text(root, "id", arena);
    json_decref(root);
    return *id && **id ? ERR_NONE : malformed(why, "\"id\" is missing, empty or no string");
}
